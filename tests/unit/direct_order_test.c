/* SPDX-License-Identifier: MIT */
/*
 * Direct DMA among TLPs, as a driver sees it: a producer in the device writes data, now where memory is granted,
 * now where it is not, and interrupts; the consumer looks when the interrupt comes, and at any other time. Whatever
 * was written before something else that is seen is there.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "direct.h"
#include "gtest.h"

enum {
	ROUNDS = 30000,
	BATCH = 8,			/* rounds for which the host is not served */
	PAGE = 4096,
	BY_TLP = 0, DIRECTLY = 1,	/* places of counters: one is not granted */
	PLACES = 2,
	STREAM_AT = 0x100,		/* of a longer write, whose last word is the counter */
	STREAM_MAX = 512,
	DOORBELL = 0x40,		/* BAR 1 */
};

static unsigned seed;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

/* RAM at this offset: pages of BY_TLP are never granted. */
static uint64_t place(unsigned which)
{
	return which == DIRECTLY ? 0 : 16 * PAGE;
}

static uint32_t load(uint64_t offset)
{
	return __atomic_load_n((uint32_t *)(direct.ram + offset), __ATOMIC_ACQUIRE);
}

/* ---- producer: in the endpoint's thread ---- */

static uint32_t produced;		/* all writes are numbered */
static uint32_t last[PLACES];		/* the last number of each place … */
static uint32_t known[ROUNDS][PLACES];	/* … when that number was written */
static uint32_t at_msi[ROUNDS][PLACES];	/* what was written before interrupt n was sent */
static uint32_t msis_sent;
static unsigned by_copy;

static void produce(unsigned where, size_t len)
{
	uint8_t data[STREAM_MAX];
	struct tlpb_ep_direct_stats before, after;

	memcpy(known[++produced], last, sizeof last);
	last[where] = produced;
	memset(data, (int)(produced & 0xff), sizeof data);
	put_le32(data + len - 4, produced);
	tlpb_ep_get_direct_stats(direct.ep, &before);
	EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT + place(where) + STREAM_AT + STREAM_MAX - len, data,
				    len, NULL, NULL, NULL), 0);
	tlpb_ep_get_direct_stats(direct.ep, &after);
	by_copy += after.writes > before.writes;
}

static void interrupt(void)
{
	memcpy(at_msi[msis_sent++], last, sizeof last);
	EXPECT_EQ(tlpb_ep_msix(direct.ep, any(DIRECT_VECTORS)), TLPB_IRQ_SENT);
}

static void produce_some(void *arg)
{
	for (unsigned i = 0; i < BATCH; i++) {
		switch (any(4)) {
		case 0:
			interrupt();
			break;
		case 1:
			produce(BY_TLP, 4 * (1 + any(STREAM_MAX / 4)));
			break;
		default:
			produce(DIRECTLY, 4 * (1 + any(STREAM_MAX / 4)));
			break;
		}
	}
}

/* ---- consumer ---- */

static uint32_t seen[PLACES];

static uint32_t counter(unsigned where)
{
	return load(place(where) + STREAM_AT + STREAM_MAX - 4);
}

static void on_msi(unsigned vector)
{
	EXPECT_GE(counter(BY_TLP), at_msi[direct.msis - 1][BY_TLP]);
	EXPECT_GE(counter(DIRECTLY), at_msi[direct.msis - 1][DIRECTLY]);
}

/* Whoever sees a number in one place finds in the other what was written there before. */
static void look(void)
{
	for (unsigned where = 0; where < PLACES; where++) {
		uint32_t number = counter(where), other = counter(!where);

		EXPECT_GE(number, seen[where]);
		EXPECT_GE(other, known[number][!where]);
		seen[where] = number;
	}
}

static void on_write(uint64_t addr, const void *data, size_t len)
{
	look();
}

/* While memory comes and goes. */
static void change_grants(unsigned round)
{
	int err;

	if (any(8))
		return;
	if (round & 1) {
		EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT + PAGE * any(2), PAGE), 0);
	} else {
		EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, 16 * PAGE), 0);
		err = direct_grant(0, 16 * PAGE, true);
		EXPECT_EQ(err, 0);
	}
}

static bool all_came(void)
{
	return direct.msis == msis_sent && counter(BY_TLP) == last[BY_TLP] &&
	       counter(DIRECTLY) == last[DIRECTLY];
}

static void run_mixed(bool with_changes)
{
	direct_open(NULL);
	ASSERT_EQ(direct_grant(0, 16 * PAGE, true), 0);
	direct_settle();
	produced = msis_sent = by_copy = 0;
	memset(last, 0, sizeof last);
	memset(seen, 0, sizeof seen);
	memset(known, 0, sizeof known);
	seed = 4711;
	direct.on_msi = on_msi;
	direct.on_write = on_write;
	for (unsigned round = 0; round < ROUNDS / BATCH; round++) {
		direct_on_ep(produce_some, NULL);
		look();
		for (unsigned i = any(4); i; i--)
			tlpb_rc_process(direct.rc);
		if (!any(4))
			direct_settle();
		if (with_changes)
			change_grants(round);
		look();
	}
	while (!all_came())
		direct_settle();
	EXPECT_GT(by_copy, ROUNDS / 100);	/* else nothing was tested */
	EXPECT_GT(direct.writes, ROUNDS / 100);
	direct_close();
}

TEST(DirectOrder, TlpsCopiesAndInterruptsAreSeenInOrder)
{
	run_mixed(false);
}

TEST(DirectOrder, AlsoWhileMemoryComesAndGoes)
{
	run_mixed(true);
}

/* ---- a host that looks while the device writes ---- */

struct race {
	atomic_bool over;
	unsigned rounds;
};

/* Each round: a block, by any way, then its number beside it, by any way. */
static void write_block(uint32_t n)
{
	uint8_t block[64], number[4];

	for (unsigned i = 0; i < 16; i++)
		put_le32(block + 4 * i, n);
	put_le32(number, n);
	EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT + (any(2) ? 0 : 16 * PAGE) + 64 * (n % 16), block, 64,
				    NULL, NULL, NULL), 0);
	EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT + 8 * PAGE, number, 4, NULL, NULL, NULL), 0);
}

static void write_blocks(void *arg)
{
	struct race *race = arg;

	for (unsigned i = 0; i < 16; i++)
		write_block(++race->rounds);
}

/* The block is in one of two places. */
static bool has_block(uint32_t n)
{
	uint64_t at = 64 * (n % 16);

	return load(at) >= n || load(16 * PAGE + at) >= n;
}

/* The host serves the link by itself meanwhile, so TLPs arrive between the looks. */
TEST(DirectOrder, ANumberIsSeenAfterItsBlock)
{
	struct race race = { .rounds = 0 };

	direct_open(NULL);
	ASSERT_EQ(direct_grant(0, 16 * PAGE, true), 0);
	direct_settle();
	seed = 815;
	while (race.rounds < ROUNDS) {
		direct_on_ep(write_blocks, &race);
		for (unsigned i = 0; i < 20; i++) {
			uint32_t n = load(8 * PAGE);

			if (n)
				EXPECT_TRUE(has_block(n));
			tlpb_rc_process(direct.rc);
		}
	}
	direct_close();
}

/* ---- reading: what the host posted before it wrote to memory comes first ---- */

static atomic_uint doorbell;		/* the last that came */
static atomic_bool in_access, may_read, over;
static uint8_t flag[4];

static void on_polled(void *arg, int err, uint64_t fail_addr)
{
	EXPECT_EQ(err, 0);
	EXPECT_EQ(get_le32(flag), 2);
	EXPECT_EQ(doorbell, 2);
	atomic_store(&over, true);
}

/* The first doorbell: look at memory, but only when the driver has gone on. */
static void poll_memory(void)
{
	atomic_store(&in_access, true);
	while (!atomic_load(&may_read))
		;
	EXPECT_EQ(tlpb_ep_dma_read(direct.ep, DIRECT_RAM_AT, flag, 4, NULL, on_polled, NULL), 0);
}

static void on_access(struct tlpb_ep_request *request)
{
	if (request->write && request->region == 1 && request->offset == DOORBELL) {
		doorbell = get_le32(request->data);
		if (doorbell == 1)
			poll_memory();
	}
	tlpb_ep_complete(direct.ep, request, TLPB_CPL_SC);
}

static void ring(uint32_t number)
{
	uint8_t dw[4];

	put_le32(dw, number);
	EXPECT_EQ(tlpb_rc_mem_write(direct.rc, direct.bar[1].addr + DOORBELL, dw, 4), 0);
	__atomic_store_n((uint32_t *)direct.ram, number, __ATOMIC_RELEASE);
}

/* The driver rings the doorbell, then writes its number to memory: who reads the number has had the doorbell. */
TEST(DirectOrder, AReadComesBehindTheHostsPostedWrites)
{
	direct_open(NULL);
	ASSERT_EQ(direct_grant(0, PAGE, true), 0);
	direct_settle();
	direct.on_access = on_access;
	for (unsigned round = 0; round < 100; round++) {
		doorbell = 0;
		atomic_store(&in_access, false);
		atomic_store(&may_read, false);
		atomic_store(&over, false);
		ring(1);
		while (!atomic_load(&in_access))
			;
		ring(2);
		atomic_store(&may_read, true);
		direct_serve_until(&over);
	}
	EXPECT_EQ(direct_stats().reads, 100);
	direct_close();
}
