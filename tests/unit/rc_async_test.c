/* SPDX-License-Identifier: MIT */
/* Accesses without waiting: any number, any length, each done once. */
#include <string.h>

#include "bytes.h"
#include "gtest.h"
#include "pair.h"
#include "process.h"
#include "rc_private.h"

enum { MANY = 1000, LONG = 200 * 1000 + 5 };

static struct {
	unsigned done;
	int err;
} result[MANY];
static unsigned results;	/* done in all */

static void setup_with(const char *host_credits)
{
	memset(result, 0, sizeof result);
	results = 0;
	pair_open(&(struct pair_options){ .ep_credits = "NPH=infinite,NPD=infinite",
					  .rc_credits = host_credits });
	pair_enumerate();
	for (unsigned i = 0; i < MODEL_MEMORY; i++)
		for (unsigned region = 0; region < TLPB_REGIONS; region++)
			pair.model.memory[region][i] = (uint8_t)(i * 7 + i / 256 + region);
}

static void setup(void)
{
	setup_with(NULL);
}

static void on_done(void *arg, int err)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	result[i].done++;
	result[i].err = err;
	results++;
}

static void *as_arg(unsigned i)
{
	return (void *)(uintptr_t)i;
}

static bool all_done(void *arg)
{
	return results >= *(unsigned *)arg;
}

static void await(unsigned n)
{
	pair_serve_until(all_done, &n);
	EXPECT_EQ(results, n);
}

static void begin_read(unsigned i, uint64_t offset, void *buf, size_t len)
{
	ASSERT_EQ(tlpb_rc_mem_read_async(pair.rc, pair.bar[1].addr + offset, buf, len, on_done,
					 as_arg(i)), 0);
}

static void expect_memory(uint64_t offset, const uint8_t *buf, size_t len)
{
	EXPECT_MEMEQ(buf, pair.model.memory[1] + offset, len);
}

static void expect_ones(const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ASSERT_EQ(buf[i], 0xff);
}

/* ---- how many, how long ---- */

TEST(Async, AThousandReadsAreOutstandingAtOnceAndEachIsDoneOnce)
{
	static uint8_t data[MANY][16];

	setup();
	for (unsigned i = 0; i < MANY; i++)
		begin_read(i, i * 17, data[i], 1 + i % 16);
	EXPECT_EQ(results, 0);
	await(MANY);
	for (unsigned i = 0; i < MANY; i++) {
		EXPECT_EQ(result[i].done, 1);
		EXPECT_EQ(result[i].err, 0);
		expect_memory(i * 17, data[i], 1 + i % 16);
	}
	pair_close();
}

TEST(Async, ALongReadIsOneAccessOfManyRequests)
{
	static uint8_t data[LONG + 2];
	struct tlpb_rc_stats stats;

	setup();
	data[0] = data[LONG + 1] = 0x77;
	begin_read(0, 3, data + 1, LONG);
	await(1);
	EXPECT_EQ(result[0].err, 0);
	expect_memory(3, data + 1, LONG);
	EXPECT_EQ(data[0], 0x77);
	EXPECT_EQ(data[LONG + 1], 0x77);
	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(stats.mem_reads, LONG / 4096 + 1);
	pair_close();
}

TEST(Async, AFlushIsAnAccessToo)
{
	setup();
	begin_read(0, 8, NULL, 0);
	await(1);
	EXPECT_EQ(result[0].err, 0);
	pair_close();
}

static void hold(void *arg)
{
	pair.model.hold = true;
}

static void complete_backwards(void *arg)
{
	pair.model.hold = false;
	while (pair.model.holds)
		tlpb_ep_complete(pair.ep, pair.model.held[--pair.model.holds], TLPB_CPL_SC);
}

static void count_held(void *arg)
{
	*(unsigned *)arg = pair.model.holds;
}

static void await_held(unsigned n)
{
	long long end = now_ms() + PAIR_PATIENCE_MS;
	unsigned held = 0;

	while (held < n && now_ms() < end) {
		tlpb_rc_process(pair.rc);
		pair_on_ep(count_held, &held);
		sleep_ms(held < n);
	}
	ASSERT_EQ(held, n);
}

TEST(Async, AnswersComeInAnyOrder)
{
	static uint8_t data[100][64];

	setup();
	pair_on_ep(hold, NULL);
	for (unsigned i = 0; i < 100; i++)
		begin_read(i, i * 64, data[i], 64);
	await_held(100);
	pair_on_ep(complete_backwards, NULL);
	await(100);
	for (unsigned i = 0; i < 100; i++)
		expect_memory(i * 64, data[i], 64);
	pair_close();
}

static void complete_two(void *arg)
{
	for (unsigned i = 0; i < 2; i++)
		tlpb_ep_complete(pair.ep, pair.model.held[--pair.model.holds], TLPB_CPL_SC);
}

static bool is_held(uint64_t offset, size_t len)
{
	for (unsigned i = 0; i < pair.model.holds; i++)
		if (pair.model.held[i]->offset == offset && pair.model.held[i]->length == len)
			return true;
	return false;
}

/* All tags are in use, and a long read has much more to ask: a short one gets the next but one. */
TEST(Async, AShortReadTakesItsTurnWithALongOne)
{
	static uint8_t data[LONG], more[250][4], word[4];

	setup();
	pair_on_ep(hold, NULL);
	for (unsigned i = 0; i < 250; i++)
		begin_read(i, 0, more[i], 4);
	begin_read(250, 0, data, LONG);
	begin_read(251, 5, word, 4);
	await_held(TAGS_8BIT);
	EXPECT_FALSE(is_held(5, 4));
	pair_on_ep(complete_two, NULL);
	await_held(TAGS_8BIT);
	EXPECT_TRUE(is_held(5, 4));
	pair_on_ep(complete_backwards, NULL);
	await(252);
	expect_memory(5, word, 4);
	expect_memory(0, data, LONG);
	pair_close();
}

/* ---- registers ---- */

TEST(Async, ConfigurationAndIoAccessesAreDoneAsTheirWaitingForms)
{
	uint32_t value[4];

	setup();
	EXPECT_EQ(tlpb_rc_config_read_async(pair.rc, PAIR_BDF, 0, 4, &value[0], on_done, as_arg(0)), 0);
	EXPECT_EQ(tlpb_rc_config_write_async(pair.rc, PAIR_BDF, 0x3c, 1, 0x5b, on_done, as_arg(1)), 0);
	await(2);	/* a read may pass it */
	EXPECT_EQ(tlpb_rc_config_read_async(pair.rc, PAIR_BDF, 0x3c, 1, &value[1], on_done, as_arg(2)), 0);
	EXPECT_EQ(tlpb_rc_io_write_async(pair.rc, (uint32_t)pair.bar[5].addr + 3, 4, 0xa1b2c3d4, on_done,
					 as_arg(3)), 0);
	await(4);
	EXPECT_EQ(tlpb_rc_io_read_async(pair.rc, (uint32_t)pair.bar[5].addr + 3, 4, &value[2], on_done,
					as_arg(4)), 0);
	EXPECT_EQ(tlpb_rc_config_read_async(pair.rc, PAIR_BDF | 1, 0, 2, &value[3], on_done, as_arg(5)), 0);
	await(6);
	EXPECT_EQ(value[0], 0x70011d0f);
	EXPECT_EQ(value[1], 0x5b);
	EXPECT_EQ(value[2], 0xa1b2c3d4);
	EXPECT_EQ(value[3], 0xffff);
	for (unsigned i = 0; i < 5; i++)
		EXPECT_EQ(result[i].err, 0);
	EXPECT_EQ(result[5].err, TLPB_ERR_UNSUPPORTED);
	pair_close();
}

TEST(Async, WhatIsNoRegisterAccessIsRefusedAtOnce)
{
	uint32_t value = 0;

	setup();
	EXPECT_EQ(tlpb_rc_config_read_async(pair.rc, PAIR_BDF, 2, 4, &value, on_done, NULL),
		  TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_config_write_async(pair.rc, PAIR_BDF, 4096, 1, 0, on_done, NULL),
		  TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_io_read_async(pair.rc, 0xc000, 3, &value, on_done, NULL), TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_io_write_async(pair.rc, 0xc000, 8, 0, on_done, NULL), TLPB_ERR_INVALID);
	pair_settle();
	EXPECT_EQ(results, 0);
	pair_close();
}

/* ---- failure ---- */

TEST(Async, APieceThatFailsIsAllOnesAndTheErrorIsTold)
{
	uint8_t data[64];

	setup();
	EXPECT_EQ(tlpb_rc_mem_read_async(pair.rc, 0x1000, data, sizeof data, on_done, as_arg(0)), 0);
	begin_read(1, 0, data + 32, 16);
	await(2);
	EXPECT_EQ(result[0].err, TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(result[1].err, 0);
	expect_ones(data, 32);
	pair_close();
}

/* With more accesses than tags: both what was sent and what was not ends. */
static void begin_more_than_tags(uint8_t *data)
{
	pair_on_ep(hold, NULL);
	for (unsigned i = 0; i < 300; i++)
		begin_read(i, i * 4, data + i * 4, 4);
	begin_read(300, 0, data + 1200, LONG);
	await_held(TAGS_8BIT);
}

static void expect_all_closed(const uint8_t *data)
{
	EXPECT_EQ(results, 301);
	for (unsigned i = 0; i <= 300; i++) {
		EXPECT_EQ(result[i].done, 1);
		EXPECT_EQ(result[i].err, TLPB_ERR_CLOSED);
	}
	expect_ones(data, 1200 + LONG);
}

TEST(Async, ALostLinkEndsEveryOne)
{
	static uint8_t data[1200 + LONG];

	setup();
	begin_more_than_tags(data);
	pair_kill_link();
	await(301);
	expect_all_closed(data);
	EXPECT_EQ(tlpb_rc_mem_read_async(pair.rc, 0, data, 4, on_done, NULL), TLPB_ERR_CLOSED);
	EXPECT_EQ(results, 301);
	pair_on_ep(complete_backwards, NULL);
	pair_close();
}

TEST(Async, ClosingEndsEveryOne)
{
	static uint8_t data[1200 + LONG];

	setup();
	begin_more_than_tags(data);
	tlpb_rc_close(pair.rc);
	pair.rc = NULL;
	expect_all_closed(data);
	pair_on_ep(complete_backwards, NULL);
	pair_close();
}

/* ---- what done may do ---- */

static uint8_t chain_data[4];
static int chain_err;

static void read_next(void *arg, int err)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	on_done(arg, err);
	chain_err = tlpb_rc_mem_read_async(pair.rc, pair.bar[1].addr + i, chain_data, 4, read_next,
					   as_arg(i + 1));
}

TEST(Async, DoneMayBeginTheNext)
{
	unsigned n = 100;

	setup();
	read_next(as_arg(0), 0);
	pair_serve_until(all_done, &n);
	EXPECT_EQ(chain_err, 0);
	pair_kill_link();	/* done is told, and its next one is refused */
	while (!chain_err)
		tlpb_rc_process(pair.rc);
	EXPECT_EQ(chain_err, TLPB_ERR_CLOSED);
	pair_close();
}

static void read_and_wait(void *arg, int err)
{
	on_done(arg, err);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr + 12, chain_data, 4), 0);
}

TEST(Async, DoneMayWait)
{
	uint8_t data[4];

	setup();
	for (unsigned i = 0; i < 3; i++)
		ASSERT_EQ(tlpb_rc_mem_read_async(pair.rc, pair.bar[1].addr, data, 4, read_and_wait,
						 as_arg(i)), 0);
	await(3);
	expect_memory(12, chain_data, 4);
	pair_close();
}

/* What is in BAR 1; the rest is answered too late. */
static void answer_the_first(struct tlpb_ep_request *r)
{
	if (r->region == 1)
		tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
	else
		pair.model.held[pair.model.holds++] = r;
}

static void close_rc(void *arg, int err)
{
	tlpb_rc *rc = pair.rc;

	on_done(arg, err);
	pair.rc = NULL;
	tlpb_rc_close(rc);
}

/* Its own completion's credits do not keep the next one away. */
TEST(Async, DoneMayWaitWhereCompletionsComeOneAtATime)
{
	uint8_t data[4];

	setup_with("CPLH=1,CPLD=32");
	ASSERT_EQ(tlpb_rc_mem_read_async(pair.rc, pair.bar[1].addr, data, 4, read_and_wait, as_arg(0)), 0);
	await(1);
	expect_memory(12, chain_data, 4);
	pair_close();
}

TEST(Async, DoneMayClose)
{
	uint8_t data[3][4];

	setup();
	begin_read(0, 0, data[0], 4);
	await(1);
	pair.model.on_access = answer_the_first;
	ASSERT_EQ(tlpb_rc_mem_read_async(pair.rc, pair.bar[1].addr, data[1], 4, close_rc, as_arg(1)), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, data[2], 4), TLPB_ERR_CLOSED);
	EXPECT_EQ(result[0].err, 0);
	EXPECT_EQ(result[1].err, 0);
	pair_await_detached();
	pair_on_ep(complete_backwards, NULL);
	pair_close();
}

/* ---- byte enables ---- */

TEST(WriteEnabled, WritesTheseBytesOnlyAtEveryAlignment)
{
	static const uint8_t patterns[][12] = {
		{ 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 }, { 0 }, { [11] = 255 }, { [0] = 1 },
		{ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1 },
	};
	uint8_t data[12], want[32], back[32];

	setup();
	memset(data, 0xd5, sizeof data);
	for (unsigned p = 0; p < sizeof patterns / sizeof patterns[0]; p++)
		for (unsigned at = 0; at < 8; at++) {
			memcpy(want, pair.model.memory[1], 32);
			for (unsigned i = 0; i < 12; i++)
				want[at + i] = patterns[p][i] ? data[i] : want[at + i];
			EXPECT_EQ(tlpb_rc_mem_write_enabled(pair.rc, pair.bar[1].addr + at, data,
							    patterns[p], 12), 0);
			EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, back, 32), 0);
			EXPECT_MEMEQ(back, want, 32);
			data[p]++;
		}
	pair_close();
}

/* Three doublewords, of which the outer ones are not whole. */
TEST(MemoryAccess, EightBytesAtOddAddressesAreOneRequest)
{
	uint8_t data[8], back[8];

	setup();
	for (unsigned at = 0; at < 16; at++) {
		struct tlpb_rc_stats before, after;

		memset(data, (int)(0x30 + at), 8);
		tlpb_rc_get_stats(pair.rc, &before);
		EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr + at, data, 8), 0);
		EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr + at, back, 8), 0);
		EXPECT_MEMEQ(back, data, 8);
		EXPECT_EQ(pair.model.last.length, 8);
		EXPECT_FALSE(pair.model.last.has_enables);
		tlpb_rc_get_stats(pair.rc, &after);
		EXPECT_EQ(after.mem_writes - before.mem_writes, 1);
		EXPECT_EQ(after.mem_reads - before.mem_reads, 1);
	}
	pair_close();
}
