/* SPDX-License-Identifier: MIT */
/* What a link makes of a transport that drops, repeats, harms and reorders. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "gtest.h"
#include "pair.h"
#include "process.h"
#include "transport_fault.h"

/* ---- the injection itself ---- */

static char heard[256];

/* Send the letters a, b, c, … with faults; what arrives, in order, ends up in heard. */
static void send_letters(const struct fault_plan *plan, unsigned count)
{
	struct transport *ends[2];
	struct message m;

	ASSERT_EQ(tlpb__transport_mem_pair(64, ends), 0);
	ends[0] = fault_new(ends[0], plan);
	for (unsigned i = 0; i < count; i++) {
		uint8_t letter = (uint8_t)('a' + i);

		ends[0]->ops->send(ends[0], &letter, 1);
	}
	heard[0] = 0;
	while (!ends[1]->ops->recv(ends[1], &m)) {
		strncat(heard, (const char *)m.data, m.len);
		ends[1]->ops->release(ends[1], &m);
	}
	for (int i = 0; i < 2; i++)
		ends[i]->ops->close(ends[i], 0);
}

TEST(Fault, DoesWhatTheScriptSays)
{
	static const struct {
		struct fault_at at;
		const char *heard;
	} cases[] = {
		{ { 9, FAULT_DROP, 0 }, "abcde" },	/* never gets so far */
		{ { 2, FAULT_NONE, 0 }, "abcde" },
		{ { 2, FAULT_DROP, 0 }, "abde" },
		{ { 2, FAULT_DUPLICATE, 0 }, "abccde" },
		{ { 2, FAULT_CORRUPT, 1 }, "abade" },
		{ { 2, FAULT_DELAY, 1 }, "abdce" },
		{ { 1, FAULT_DELAY, 3 }, "acdeb" },
		{ { 4, FAULT_DELAY, 1 }, "abcd" },
		{ { 2, FAULT_LOSS, 0 }, "ab" },
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fault_plan plan = { .script = &cases[i].at, .count = 1 };

		gt_about(cases[i].heard);
		send_letters(&plan, 5);
		EXPECT_STREQ(heard, cases[i].heard);
	}
}

TEST(Fault, ASeedGivesTheSameFaultsInEachRunAndAnotherSeedOthers)
{
	struct fault_plan plan = { .per_mille = 300, .seed = 1 };
	unsigned different = 0;
	char first[sizeof heard];

	send_letters(&plan, 20);
	strcpy(first, heard);
	EXPECT_STRNE(first, "abcdefghijklmnopqrst");
	send_letters(&plan, 20);
	EXPECT_STREQ(heard, first);
	for (plan.seed = 2; plan.seed < 10; plan.seed++) {
		send_letters(&plan, 20);
		different += strcmp(heard, first) != 0;
	}
	EXPECT_EQ(different, 8);
}

/* ---- a link over it ---- */

enum { KIND_BIT = 0, LENGTH_BIT = 4 * 8, SEQUENCE_BIT = 16 * 8, FMT_BIT = 24 * 8 + 7 };

static const struct fault_case {
	const char *name;
	struct fault_at at;	/* at a message that the test chooses */
	enum tlpb_reason reason;
	const char *text;
} faults[] = {
	{ "drop", { 0, FAULT_DROP, 0 }, TLPB_REASON_PROTOCOL, "frames are lost or out of order" },
	{ "duplicate", { 0, FAULT_DUPLICATE, 0 }, TLPB_REASON_PROTOCOL,
	  "frames are lost or out of order" },
	{ "delay", { 0, FAULT_DELAY, 1 }, TLPB_REASON_PROTOCOL, "frames are lost or out of order" },
	{ "another sequence", { 0, FAULT_CORRUPT, SEQUENCE_BIT }, TLPB_REASON_PROTOCOL,
	  "frames are lost or out of order" },
	{ "another kind", { 0, FAULT_CORRUPT, KIND_BIT }, TLPB_REASON_PROTOCOL, "not legal" },
	{ "another length", { 0, FAULT_CORRUPT, LENGTH_BIT }, TLPB_REASON_PROTOCOL, "" },
	{ "another TLP", { 0, FAULT_CORRUPT, FMT_BIT }, TLPB_REASON_PROTOCOL, "Malformed TLP" },
	{ "loss", { 0, FAULT_LOSS, 0 }, TLPB_REASON_LOST, "crashed or was killed" },
};

static uint32_t read_id(void)
{
	uint32_t id = 0;

	tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &id);
	return id;
}

static void expect_down(const struct fault_case *f)
{
	EXPECT_EQ(read_id(), 0xffffffff);
	EXPECT_FALSE(tlpb_rc_is_up(pair.rc));
	EXPECT_EQ(pair.host.downs, 1);
	EXPECT_EQ(pair.host.down_reason, f->reason);
	if (!strstr(pair.host.down_text, f->text))
		gt_fail(GT_SITE("", ""), "\"%s\" does not say \"%s\"", pair.host.down_text, f->text);
	pair_await_detached();
	EXPECT_EQ(pair.model.disconnects, 1);
}

/* HELLO is the host's message 0, the first read 1, the write that is harmed 2. */
TEST(FaultyLink, WhatHarmsTheHostsTrafficEndsItWithAReasonOnBothSides)
{
	for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct fault_at at = { 2, faults[i].at.fault, faults[i].at.amount };
		struct fault_plan plan = { .script = &at, .count = 1 };

		gt_about(faults[i].name);
		pair_open(&(struct pair_options){ .rc_faults = &plan });
		EXPECT_NE(read_id(), 0xffffffff);
		tlpb_rc_mem_write(pair.rc, 0x1000, "data", 4);
		expect_down(&faults[i]);
		EXPECT_EQ(pair.model.gone_reason, faults[i].reason);
		pair_close();
	}
}

/* HELLO and the records are the endpoint's message 0, two completions 1 and 2, then comes DMA. */
TEST(FaultyLink, WhatHarmsTheEndpointsTrafficEndsItToo)
{
	for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct fault_at at = { 3, faults[i].at.fault, faults[i].at.amount };
		struct fault_plan plan = { .script = &at, .count = 1 };
		struct dma dma = { .write = true, .addr = HOST_RAM_BASE, .buf = "data", .len = 4 };

		gt_about(faults[i].name);
		pair_open(&(struct pair_options){ .ep_faults = &plan });
		EXPECT_NE(read_id(), 0xffffffff);
		tlpb_rc_config_write(pair.rc, PAIR_BDF, 4, 2, 4);	/* Bus Master Enable */
		pair_dma_start(&dma);
		expect_down(&faults[i]);
		pair_close();
	}
}

TEST(FaultyLink, WithoutAFaultIsAsAnyOther)
{
	static const struct fault_plan none = { .count = 0 };

	pair_open(&(struct pair_options){ .rc_faults = &none, .ep_faults = &none });
	for (int i = 0; i < 100; i++)
		EXPECT_NE(read_id(), 0xffffffff);
	pair_close();
}

/* Traffic both ways that nobody waits for: a fault may leave a request without an answer. */
static void exchange(struct dma dma[], unsigned count)
{
	for (unsigned i = 0; i < count && tlpb_rc_is_up(pair.rc); i++) {
		struct pollfd p = { .fd = tlpb_rc_fd(pair.rc), .events = POLLIN };

		dma[i] = (struct dma){ .write = i % 2, .addr = HOST_RAM_BASE, .len = 16,
				       .buf = pair.model.memory[0] };
		pair_dma_start(&dma[i]);
		tlpb_rc_mem_write(pair.rc, 0x1000, "data", 4);
		poll(&p, 1, 1);
		tlpb_rc_process(pair.rc);
	}
}

TEST(FaultyLink, FaultsAtRandomNeitherHangNorCrashIt)
{
	enum { SEEDS = 60, STEPS = 40 };
	static struct dma dma[STEPS];
	unsigned ended = 0;

	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct fault_plan rc = { .per_mille = 20, .spared = 4, .seed = seed },
				  ep = { .per_mille = 20, .spared = 4, .seed = seed + 1000 };

		pair_open(&(struct pair_options){ .rc_faults = &rc, .ep_faults = &ep });
		EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 4, 2, 4), 0);
		exchange(dma, STEPS);
		if (!tlpb_rc_is_up(pair.rc)) {
			pair_await_detached();
			ended++;
		}
		pair_close();
	}
	EXPECT_GT(ended, SEEDS / 4);
}
