/* SPDX-License-Identifier: MIT */
/*
 * Flow control of a link: an endpoint whose host is made by hand and keeps to the
 * credits, or not.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "caught_log.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"
#include "process.h"
#include "raw_peer.h"

enum { PATIENCE_MS = 60 * 1000, ID = 0x100, BAR0 = 0xe0000000, FLOOD = 100 * 1000 };

static struct raw_peer host;
static unsigned accesses;
static struct tlpb_ep_request *first_kept;

/* ---- a model that keeps what it gets ---- */

static void keep(struct tlpb_ep_request *r)
{
	if (!accesses++)
		first_kept = r;
}

static void count_accesses(void *arg)
{
	*(unsigned *)arg = accesses;
}

static void await_accesses(unsigned n)
{
	struct timespec pause = { .tv_nsec = 1000 * 1000 };
	unsigned seen = 0;

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		pair_on_ep(count_accesses, &seen);
		if (seen >= n)
			break;
		nanosleep(&pause, NULL);
	}
	ASSERT_EQ(seen, n);
}

/* ---- the host ---- */

static void say(const struct tlpb_tlp *tlp)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	while (host.transport && !host.closed) {
		struct frame f = { .kind = TLPB_FRAME_TLP, .length = (uint32_t)len,
				   .sequence = host.sequence };
		uint8_t message[TLPB_FRAME_HEADER + TLPB_MAX_TLP];
		int err;

		tlpb__frame_put(message, &f);
		memcpy(message + TLPB_FRAME_HEADER, bytes, (size_t)len);
		err = host.transport->ops->send(host.transport, message,
						TLPB_FRAME_HEADER + (size_t)len);
		if (err != TLPB_ERR_AGAIN) {
			host.sequence += !err;
			return;
		}
		raw_listen(&host, 0);
	}
}

static struct tlpb_tlp memory(enum tlpb_tlp_kind kind, uint64_t addr)
{
	static const uint8_t data[4];

	return (struct tlpb_tlp){ .kind = kind, .length_dw = 1, .first_be = 15, .address = addr,
				  .payload = data, .payload_len = kind == TLPB_MWR ? 4 : 0 };
}

static void config_write(unsigned reg, uint32_t value)
{
	uint8_t dw[4];
	struct tlpb_tlp tlp = { .kind = TLPB_CFGWR0, .length_dw = 1, .first_be = 15, .dest_id = ID,
				.reg_offset = (uint16_t)reg, .payload = dw, .payload_len = 4 };
	unsigned answered = host.tlps;
	long long end = now_ms() + PATIENCE_MS;

	put_le32(dw, value);
	say(&tlp);
	while (host.tlps == answered && now_ms() < end)
		raw_listen(&host, 1);
	ASSERT_EQ(host.tlps, answered + 1);
}

static void connect_host(const uint16_t credits[TLPB_POOLS])
{
	struct hello hello = raw_hello(TLPB_HOST, pair_token);

	memcpy(hello.credits, credits, sizeof hello.credits);
	raw_start(&host, pair_attach_raw());
	raw_send_hello(&host, &hello);
	for (long long end = now_ms() + PATIENCE_MS; !host.ready && now_ms() < end;)
		raw_listen(&host, 1);
	ASSERT_TRUE(host.ready);
}

static const uint16_t infinite[TLPB_POOLS];

static void setup(const char *ep_credits, const uint16_t host_credits[TLPB_POOLS])
{
	pair_open(&(struct pair_options){ .stay_apart = true, .ep_credits = ep_credits });
	accesses = 0;
	first_kept = NULL;
	pair.model.on_access = keep;
	connect_host(host_credits);
	config_write(0x10, BAR0);
	config_write(0x04, 6);
}

static void teardown(void)
{
	raw_stop(&host);
	pair_close();
}

static void expect_down(const char *text)
{
	raw_listen(&host, PATIENCE_MS);
	EXPECT_TRUE(host.goodbye);
	EXPECT_EQ(host.parting.reason, TLPB_REASON_PROTOCOL);
	if (!strstr(host.parting.text, text))
		gt_fail(GT_SITE("", ""), "told \"%s\", not \"%s\"", host.parting.text, text);
}

static size_t resident_bytes(void)
{
	unsigned long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	EXPECT_EQ(fscanf(f, "%lu %lu", &total, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- floods ---- */

/* Less than a hundred bytes for each TLP of a flood; sanitizers keep what was freed. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { GROWTH_MAX = 512 * 1024 * 1024 };
#else
enum { GROWTH_MAX = 8 * 1024 * 1024 };
#endif

static void flood(enum tlpb_tlp_kind kind, unsigned most)
{
	struct tlpb_tlp tlp = memory(kind, BAR0);
	size_t before = resident_bytes();

	for (unsigned i = 0; i < FLOOD && !host.goodbye && !host.closed; i++) {
		tlp.tag = (uint16_t)(i & 0xff);
		say(&tlp);
		if (i % 64 == 0)
			raw_listen(&host, 0);
	}
	expect_down("Receiver Overflow");
	await_accesses(most);
	EXPECT_LT(resident_bytes(), before + GROWTH_MAX);
	teardown();
}

TEST(Flood, OfPostedWritesToAModelThatKeepsThemEndsAtWhatWasAdvertised)
{
	setup(NULL, infinite);
	flood(TLPB_MWR, 127);
}

TEST(Flood, OfReadsOfAModelThatKeepsThemEndsAtWhatWasAdvertised)
{
	setup("NPH=9", infinite);
	flood(TLPB_MRD, 9);
}

TEST(Flood, OfCompletionsNobodyAskedForIsDroppedAndKeepsNoMemory)
{
	struct tlpb_tlp tlp = { .kind = TLPB_CPL, .byte_count = 4, .requester_id = ID };
	size_t before;

	setup(NULL, infinite);
	before = resident_bytes();
	for (unsigned i = 0; i < FLOOD; i++)
		say(&tlp);
	EXPECT_LT(resident_bytes(), before + GROWTH_MAX);
	config_write(0x04, 6);		/* the link is as it was */
	teardown();
}

/* A host that keeps to the credits may send for ever. */
static void give_back(struct tlpb_ep_request *r)
{
	accesses++;
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
}

TEST(Credits, WhatTheModelGivesBackIsTheHostsAgain)
{
	struct tlpb_tlp tlp = memory(TLPB_MWR, BAR0);

	setup("PH=1,NPH=1,NPD=1", infinite);
	pair.model.on_access = give_back;
	for (unsigned i = 1; i <= 1000; i++) {
		say(&tlp);
		await_accesses(i);
	}
	EXPECT_FALSE(host.goodbye);
	teardown();
}

/* ---- what may not be told ---- */

static void credits_frame(const uint16_t limits[TLPB_POOLS])
{
	uint8_t body[2 * TLPB_POOLS];

	tlpb__credits_encode(limits, body, sizeof body);
	raw_frame(&host, TLPB_FRAME_CREDITS, 0, body, sizeof body);
}

static const uint16_t few[TLPB_POOLS] = { 1, 32, 1, 1, 1, 32 };

TEST(Update, OfAnInfinitePoolEndsTheLink)
{
	setup(NULL, infinite);
	credits_frame(few);
	expect_down("Flow Control Protocol Error: an update of infinite credits (PH)");
	teardown();
}

TEST(Update, BeyondWhatMayBeOutstandingEndsTheLink)
{
	static const uint16_t many[TLPB_POOLS] = { 129, 32, 1, 1, 0, 0 };

	setup(NULL, (const uint16_t[TLPB_POOLS]){ 1, 32, 1, 1, 0, 0 });
	credits_frame(many);
	expect_down("Flow Control Protocol Error: more credits than may be outstanding (PH)");
	teardown();
}

TEST(Update, ThatIsCutEndsTheLink)
{
	setup(NULL, infinite);
	raw_frame(&host, TLPB_FRAME_CREDITS, 0, "\0\0\0", 3);
	expect_down("CREDITS: input is too short");
	teardown();
}

/* ---- what waits for credits ---- */

static void dma_three(void *arg)
{
	static const uint8_t data[64];

	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(tlpb_ep_dma_write(pair.ep, 0x1000 + 64 * i, data, 64, NULL, NULL, NULL), 0);
}

static void await_tlps(unsigned n)
{
	for (long long end = now_ms() + PATIENCE_MS; host.tlps < n && now_ms() < end;)
		raw_listen(&host, 1);
	EXPECT_EQ(host.tlps, n);
}

TEST(Credits, APostedWriteWaitsForAnUpdate)
{
	uint16_t limits[TLPB_POOLS] = { 1, 32, 1, 1, 0, 0 };
	unsigned before;

	setup(NULL, limits);
	before = host.tlps;
	pair_on_ep(dma_three, NULL);
	await_tlps(before + 1);
	raw_listen(&host, 20);
	EXPECT_EQ(host.tlps, before + 1);
	for (unsigned i = 2; i <= 3; i++) {
		limits[TLPB_POOL_PH]++;
		limits[TLPB_POOL_PD] += 4;
		credits_frame(limits);
		await_tlps(before + i);
	}
	teardown();
}

/* The completion stays behind the write that has no credits, and the request's credit with it. */
TEST(Credits, ACompletionDoesNotOvertakeAWriteThatWaits)
{
	uint16_t limits[TLPB_POOLS] = { 1, 32, 1, 1, 0, 0 };
	struct tlpb_tlp read = memory(TLPB_MRD, BAR0);
	struct tlpb_tlp last;
	unsigned before;

	setup("NPH=1,NPD=1", limits);
	before = host.tlps;
	pair_on_ep(dma_three, NULL);
	await_tlps(before + 1);
	pair.model.on_access = give_back;
	say(&read);
	await_accesses(1);
	raw_listen(&host, 20);
	EXPECT_EQ(host.tlps, before + 1);
	limits[TLPB_POOL_PH] = 3;
	limits[TLPB_POOL_PD] = 40;
	credits_frame(limits);
	await_tlps(before + 4);
	ASSERT_EQ(tlpb_tlp_unpack(host.last_tlp, sizeof host.last_tlp, &last), 0);
	EXPECT_EQ(last.kind, TLPB_CPLD);
	teardown();
}

TEST(Advertised, LessThanTheLeastIsRefused)
{
	struct hello hello = raw_hello(TLPB_HOST, pair_token);

	pair_open(&(struct pair_options){ .stay_apart = true });
	hello.credits[TLPB_POOL_PD] = 31;
	raw_start(&host, pair_attach_raw());
	raw_send_hello(&host, &hello);
	expect_down("HELLO with PD=31: Flow Control Protocol Error: less than the legal minimum");
	teardown();
}

TEST(Advertised, MoreThanTheCountersCanTellIsRefused)
{
	struct hello hello = raw_hello(TLPB_HOST, pair_token);

	pair_open(&(struct pair_options){ .stay_apart = true });
	hello.credits[TLPB_POOL_NPH] = 128;
	raw_start(&host, pair_attach_raw());
	raw_send_hello(&host, &hello);
	expect_down("HELLO with NPH=128: Flow Control Protocol Error: more credits");
	teardown();
}

TEST(Advertised, TheDefaultsAreInHello)
{
	static const uint16_t defaults[TLPB_POOLS] = { 127, 2047, 127, 127, 0, 0 };

	setup("PH=127,PD=2047,NPH=127,NPD=127,CPLH=infinite,CPLD=infinite", infinite);
	EXPECT_MEMEQ(host.peer.credits, defaults, sizeof defaults);
	teardown();
}
