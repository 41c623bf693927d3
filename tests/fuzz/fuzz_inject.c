/* SPDX-License-Identifier: MIT */
/*
 * INJECT as a stranger may send it to a server's lobby, the server's answer to it, and rules at work. The first
 * byte says which: 0 the question, 1 the answer, 2 rules (up to a 0 byte) and TLPs (u8 direction, u16 length, bytes).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fuzz.h"
#include "inject.h"
#include "inject_body.h"

enum { QUESTION, ANSWER, RULES, TEXT = 1024 };

static void fuzz_question(const uint8_t *data, size_t size)
{
	static struct inject_question q, again;
	static struct tlpb_inject_list list;
	struct inject *plan = NULL;
	uint8_t bytes[2048];
	char why[256];
	int len;

	if (tlpb__inject_question_decode(data, size, &q))
		return;
	len = tlpb__inject_question_encode(&q, bytes, sizeof bytes);
	FUZZ_CHECK(len > 0 && !tlpb__inject_question_decode(bytes, (size_t)len, &again));
	FUZZ_CHECK(!memcmp(&q, &again, sizeof q));
	tlpb__inject_change(&plan, q.rules, why, sizeof why);
	tlpb__inject_list(plan, &list);
	FUZZ_CHECK(list.rules <= TLPB_INJECT_RULES);
	tlpb__inject_free(plan);
}

static void fuzz_answer(const uint8_t *data, size_t size)
{
	static struct tlpb_inject_list list, again;
	static uint8_t bytes[1 << 16];
	int len;

	if (tlpb__inject_reply_decode(data, size, &list))
		return;
	len = tlpb__inject_reply_encode(&list, bytes, sizeof bytes);
	FUZZ_CHECK(len > 0 && !tlpb__inject_reply_decode(bytes, (size_t)len, &again));
	FUZZ_CHECK(!memcmp(&list, &again, sizeof list));
}

static void pass(struct inject *plan, enum inject_direction to, const uint8_t *tlp, size_t len)
{
	static uint8_t bytes[TLPB_MAX_TLP];
	struct inject_verdict verdict;
	uint64_t sequence;

	if (len > sizeof bytes)
		return;
	memcpy(bytes, tlp, len);
	tlpb__inject_apply(plan, to, bytes, &len, 7, &verdict);
	FUZZ_CHECK(len <= sizeof bytes && verdict.copies <= 2);
	while (tlpb__inject_due(plan, to, bytes, &sequence))
		FUZZ_CHECK(sequence == 7);
}

static void fuzz_rules(const uint8_t *data, size_t size)
{
	struct inject *plan = NULL;
	char text[TEXT], why[256];
	size_t len = strnlen((const char *)data, size);

	snprintf(text, sizeof text, "%.*s", (int)len, (const char *)data);
	if (len == size || tlpb__inject_change(&plan, text, why, sizeof why))
		return;
	for (data += len + 1, size -= len + 1; size > 3; data += 3 + len, size -= 3 + len) {
		len = get_le16(data + 1);
		if (len > size - 3)
			len = size - 3;
		pass(plan, data[0] & 1 ? INJECT_TO_HOST : INJECT_TO_DEVICE, data + 3, len);
	}
	tlpb__inject_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const what[])(const uint8_t *, size_t) = {
		[QUESTION] = fuzz_question, [ANSWER] = fuzz_answer, [RULES] = fuzz_rules,
	};

	if (size && data[0] < sizeof what / sizeof what[0])
		what[data[0]](data + 1, size - 1);
	return 0;
}

/* ---- valid inputs ---- */

static const char *const rules[] = {
	"drop type=MWr addr=0x1000-0x1fff after=10 count=1", "delay tlps=3; delay ms=1 type=IORd",
	"duplicate type=CplD every=2", "poison to=device", "corrupt part=data bit=9; corrupt seed=7",
	"status=CRS type=CfgRd0", "timeout type=MRd probability=0.5 seed=3", "linkdown type=posted",
	"error=malformed type=nonposted|completion",
};

static size_t rules_seed(const char *text, uint8_t *data, size_t size)
{
	static const uint8_t tlp[] = { 0x00, 0, 0, 1, 0, 0, 0, 0x0f, 0xc0, 0, 0, 0 };
	size_t len = 1;

	data[0] = RULES;
	len += (size_t)snprintf((char *)data + 1, size - 1, "%s", text) + 1;
	for (unsigned to = 0; to < 2; to++, len += 3 + sizeof tlp) {
		data[len] = (uint8_t)to;
		put_le16(data + len + 1, sizeof tlp);
		memcpy(data + len + 3, tlp, sizeof tlp);
	}
	return len;
}

static size_t question_seed(const char *text, uint8_t *data, size_t size)
{
	struct inject_question q = { .what = TLPB_INJECT_ADD, .device = "edu" };

	snprintf(q.rules, sizeof q.rules, "%s", text);
	data[0] = QUESTION;
	return 1 + (size_t)tlpb__inject_question_encode(&q, data + 1, size - 1);
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static struct tlpb_inject_list list = { .rules = 2, .rule = { { "drop", 9, 3 }, { "poison", 1, 0 } } };
	enum { N = sizeof rules / sizeof rules[0] };

	if (i < N)
		return rules_seed(rules[i], data, size);
	if (i < 2 * N)
		return question_seed(rules[i - N], data, size);
	data[0] = ANSWER;
	return i == 2 * N ? 1 + (size_t)tlpb__inject_reply_encode(&list, data + 1, size - 1) : 0;
}
