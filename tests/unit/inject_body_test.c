/* SPDX-License-Identifier: MIT */
/* INJECT and INJECT_REPLY on the wire, and the list of rules. */
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/err.h>
#include <tlpbridge/wire.h>

#include "gtest.h"
#include "inject.h"
#include "inject_body.h"
#include "lobby.h"

static struct inject_question longest(void)
{
	struct inject_question q = { .what = TLPB_INJECT_ADD };

	memset(q.device, 'd', sizeof q.device - 1);
	memset(q.rules, 'r', sizeof q.rules - 1);
	return q;
}

TEST(InjectBody, TheLongestQuestionFitsIntoAMessageToTheLobby)
{
	struct inject_question in = longest(), out;
	uint8_t bytes[LOBBY_MESSAGE_ROOM - TLPB_FRAME_HEADER];
	int len = tlpb__inject_question_encode(&in, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	ASSERT_EQ(tlpb__inject_question_decode(bytes, (size_t)len, &out), 0);
	EXPECT_MEMEQ(&out, &in, sizeof in);
	EXPECT_EQ(tlpb__inject_question_encode(&in, bytes, (size_t)len - 1), TLPB_ERR_TOO_LARGE);
}

TEST(InjectBody, ABrokenQuestionIsRefused)
{
	struct inject_question in = longest(), out;
	uint8_t bytes[1024];
	size_t len = (size_t)tlpb__inject_question_encode(&in, bytes, sizeof bytes);

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + !cut);

		memcpy(exact, bytes, cut);
		EXPECT_EQ(tlpb__inject_question_decode(exact, cut, &out), TLPB_ERR_TRUNCATED);
		free(exact);
	}
	for (unsigned at = 0; at < 7; at++) {	/* magic, version, what */
		bytes[at] += 7;
		EXPECT_EQ(tlpb__inject_question_decode(bytes, len, &out), TLPB_ERR_PROTOCOL);
		bytes[at] -= 7;
	}
	EXPECT_EQ(tlpb__inject_question_decode(bytes, len, &out), 0);
}

static struct tlpb_inject_list *full_list(void)
{
	struct tlpb_inject_list *list = calloc(1, sizeof *list);

	ASSERT_TRUE(list);
	list->rules = TLPB_INJECT_RULES;
	for (unsigned i = 0; i < list->rules; i++) {
		memset(list->rule[i].text, 'a' + (int)i % 26, sizeof list->rule[i].text - 1);
		list->rule[i].matches = UINT64_MAX - i;
		list->rule[i].fired = i;
	}
	return list;
}

TEST(InjectBody, AFullListFitsIntoAFrameAndABrokenOneIsRefused)
{
	static uint8_t bytes[TLPB_FRAME_MAX];
	struct tlpb_inject_list *in = full_list(), *out = calloc(1, sizeof *out);
	int len = tlpb__inject_reply_encode(in, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	ASSERT_EQ(tlpb__inject_reply_decode(bytes, (size_t)len, out), 0);
	EXPECT_MEMEQ(out, in, sizeof *in);
	EXPECT_EQ(tlpb__inject_reply_decode(bytes, (size_t)len - 1, out), TLPB_ERR_TRUNCATED);
	bytes[6] = TLPB_INJECT_RULES + 1;
	EXPECT_EQ(tlpb__inject_reply_decode(bytes, (size_t)len, out), TLPB_ERR_PROTOCOL);
	free(in);
	free(out);
}

TEST(InjectBody, TheListHasTheRulesAsTheyWereGiven)
{
	struct tlpb_inject_list *list = calloc(1, sizeof *list);
	struct inject *plan = NULL;
	char why[256];

	tlpb__inject_list(plan, list);
	EXPECT_EQ(list->rules, 0);
	ASSERT_EQ(tlpb__inject_change(&plan, " drop  type=MWr ;;\n\tpoison", why, sizeof why), 0);
	EXPECT_EQ(tlpb__inject_change(&plan, "duplicate; nonsense", why, sizeof why), TLPB_ERR_INVALID);
	ASSERT_EQ(tlpb__inject_change(&plan, "linkdown after=9", why, sizeof why), 0);
	tlpb__inject_list(plan, list);
	ASSERT_EQ(list->rules, 3);
	EXPECT_STREQ(list->rule[0].text, "drop  type=MWr");
	EXPECT_STREQ(list->rule[1].text, "poison");
	EXPECT_STREQ(list->rule[2].text, "linkdown after=9");
	tlpb__inject_change(&plan, NULL, why, sizeof why);
	tlpb__inject_list(plan, list);
	EXPECT_EQ(list->rules, 0);
	free(list);
}
