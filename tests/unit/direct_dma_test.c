/* SPDX-License-Identifier: MIT */
/* Direct DMA: what goes without TLPs, what does not, and what the host hears of it. */
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "direct.h"
#include "gtest.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static uint8_t bytes[128 * KIB], got[128 * KIB];

static void fill(unsigned seed)
{
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static void open_granted(void)
{
	fill(1);
	direct_open(NULL);
	ASSERT_TRUE(tlpb_rc_takes_grants(direct.rc));
	ASSERT_EQ(direct_grant(0, MIB, true), 0);
	direct_settle();
	ASSERT_EQ(direct_stats().windows, 1);
}

TEST(DirectDma, GrantedMemoryIsWrittenWithoutTlps)
{
	open_granted();
	EXPECT_EQ(direct_dma_write(0x1003, bytes, 64 * KIB), 0);
	EXPECT_MEMEQ(direct.ram + 0x1003, bytes, 64 * KIB);
	EXPECT_EQ(direct.writes + direct.reads, 0);
	EXPECT_EQ(direct_stats().write_bytes, 64 * KIB);
	direct_close();
}

TEST(DirectDma, GrantedMemoryIsReadWithoutTlps)
{
	open_granted();
	memcpy(direct.ram + 0x2001, bytes, 5000);
	EXPECT_EQ(direct_dma_read(0x2001, got, 5000), 0);
	EXPECT_MEMEQ(got, bytes, 5000);
	EXPECT_EQ(direct.writes + direct.reads, 0);
	direct_close();
}

TEST(DirectDma, EverySizeAndAlignmentArrives)
{
	open_granted();
	for (size_t len = 1; len < 70; len++)
		for (uint64_t at = 0; at < 17; at += 1 + len % 3) {
			memset(direct.ram, 0, 128);
			EXPECT_EQ(direct_dma_write(8 + at, bytes + len, len), 0);
			EXPECT_MEMEQ(direct.ram + 8 + at, bytes + len, len);
			EXPECT_EQ(direct.ram[8 + at - 1], 0);
			EXPECT_EQ(direct.ram[8 + at + len], 0);
		}
	EXPECT_EQ(direct.writes, 0);
	direct_close();
}

TEST(DirectDma, WhatIsNotGrantedGoesByTlps)
{
	open_granted();
	EXPECT_EQ(direct_dma_write(2 * MIB, bytes, 4 * KIB), 0);
	EXPECT_MEMEQ(direct.ram + 2 * MIB, bytes, 4 * KIB);
	EXPECT_EQ(direct.writes, 16);
	EXPECT_EQ(direct_dma_read(2 * MIB, got, 4 * KIB), 0);
	EXPECT_MEMEQ(got, bytes, 4 * KIB);
	EXPECT_GT(direct.reads, 0);
	EXPECT_EQ(direct_stats().write_bytes + direct_stats().read_bytes, 0);
	direct_close();
}

TEST(DirectDma, WhatStraddlesTheEndGoesBothWays)
{
	open_granted();
	EXPECT_EQ(direct_dma_write(MIB - 8 * KIB, bytes, 16 * KIB), 0);
	EXPECT_MEMEQ(direct.ram + MIB - 8 * KIB, bytes, 16 * KIB);
	EXPECT_EQ(direct.writes, 32);
	EXPECT_EQ(direct_stats().write_bytes, 8 * KIB);
	EXPECT_EQ(direct_dma_read(MIB - 8 * KIB, got, 16 * KIB), 0);
	EXPECT_MEMEQ(got, bytes, 16 * KIB);
	EXPECT_EQ(direct_stats().read_bytes, 8 * KIB);
	direct_close();
}

TEST(DirectDma, WhatBeginsOutsideGoesByTlps)
{
	fill(1);
	direct_open(NULL);
	ASSERT_EQ(direct_grant(MIB, MIB, true), 0);
	direct_settle();
	EXPECT_EQ(direct_dma_write(MIB - 4 * KIB, bytes, 8 * KIB), 0);
	EXPECT_MEMEQ(direct.ram + MIB - 4 * KIB, bytes, 8 * KIB);
	EXPECT_EQ(direct.writes, 32);
	EXPECT_EQ(direct_stats().write_bytes, 0);
	direct_close();
}

TEST(DirectDma, NeighbouringGrantsAreOne)
{
	open_granted();
	ASSERT_EQ(direct_grant(MIB, MIB, true), 0);
	direct_settle();
	EXPECT_EQ(direct_dma_write(MIB - 8 * KIB, bytes, 16 * KIB), 0);
	EXPECT_MEMEQ(direct.ram + MIB - 8 * KIB, bytes, 16 * KIB);
	direct_interrupt(0);
	direct_settle();
	EXPECT_EQ(direct.writes, 0);
	EXPECT_EQ(direct.dirties, 1);
	EXPECT_EQ(direct.dirty_len, 16 * KIB);
	direct_close();
}

TEST(DirectDma, MemoryForReadingIsWrittenByTlps)
{
	fill(1);
	direct_open(NULL);
	ASSERT_EQ(direct_grant(0, MIB, false), 0);
	direct_settle();
	EXPECT_EQ(direct_dma_write(0, bytes, 4 * KIB), 0);
	EXPECT_EQ(direct.writes, 16);
	EXPECT_EQ(direct_dma_read(0, got, 4 * KIB), 0);
	EXPECT_MEMEQ(got, bytes, 4 * KIB);
	EXPECT_EQ(direct.reads, 0);
	direct_close();
}

/* ---- order and reports ---- */

/* In one call: nothing is flushed between the two. */
static void write_and_interrupt(void *arg)
{
	EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT + 0x3000, bytes, 64, NULL, NULL, NULL), 0);
	EXPECT_EQ(tlpb_ep_msix(direct.ep, 1), TLPB_IRQ_SENT);
}

TEST(DirectDma, WhatWasWrittenIsToldBeforeTheInterrupt)
{
	open_granted();
	direct_on_ep(write_and_interrupt, NULL);
	direct_settle();
	EXPECT_EQ(direct.msis, 1);
	EXPECT_EQ(direct.dirties_at_msi, 1);
	EXPECT_EQ(direct.dirty_addr, DIRECT_RAM_AT + 0x3000);
	EXPECT_EQ(direct.dirty_len, 64);
	direct_close();
}

static atomic_bool told;

static void tell(uint64_t addr, uint64_t len)
{
	atomic_store(&told, true);
}

TEST(DirectDma, WhatWasWrittenIsToldWhenNothingFollows)
{
	open_granted();
	atomic_store(&told, false);
	direct.on_dirty = tell;
	direct_post(0x3000, bytes, 64);
	direct_serve_until(&told);
	EXPECT_EQ(direct.dirty_len, 64);
	direct_close();
}

static void write_many(void *arg)
{
	for (unsigned i = 0; i < 1000; i++)
		EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT + i * 64, bytes, 64, NULL, NULL, NULL), 0);
}

TEST(DirectDma, WritesInARowAreOneReport)
{
	open_granted();
	direct_on_ep(write_many, NULL);
	direct_interrupt(0);
	direct_settle();
	EXPECT_EQ(direct.dirties, 1);
	EXPECT_EQ(direct.dirty_len, 64000);
	direct_close();
}

static void write_apart(void *arg)
{
	for (unsigned i = 0; i < 100; i++)
		EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT + i * 256, bytes, 64, NULL, NULL, NULL), 0);
}

TEST(DirectDma, WritesApartAreAllReported)
{
	struct tlpb_rc_stats stats;

	open_granted();
	direct_on_ep(write_apart, NULL);
	direct_interrupt(0);
	direct_settle();
	tlpb_rc_get_stats(direct.rc, &stats);
	EXPECT_EQ(direct.dirties, 100);
	EXPECT_EQ(stats.dirty_bytes, 6400);
	EXPECT_EQ(stats.dirty_ranges, 100);
	direct_close();
}

/* Nobody serves the host between the two, so the interrupt cannot have been retired. */
static void interrupt_and_write(void *arg)
{
	EXPECT_EQ(tlpb_ep_msix(direct.ep, 0), TLPB_IRQ_SENT);
	EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT, bytes, 8, NULL, NULL, NULL), 0);
}

TEST(DirectDma, AnInterruptIsNotOvertaken)
{
	open_granted();
	direct_on_ep(interrupt_and_write, NULL);
	EXPECT_NE(memcmp(direct.ram, bytes, 8), 0);	/* on its way behind the interrupt */
	direct_settle();
	direct_settle();
	EXPECT_MEMEQ(direct.ram, bytes, 8);
	EXPECT_EQ(direct.writes, 1);
	EXPECT_EQ(direct.msis, 1);
	direct_close();
}

TEST(DirectDma, OnceItIsRetiredDirectDmaGoesOn)
{
	open_granted();
	direct_on_ep(interrupt_and_write, NULL);
	for (unsigned i = 0; i < 4; i++)
		direct_settle();
	direct_post(0x100, bytes, 64);
	EXPECT_MEMEQ(direct.ram + 0x100, bytes, 64);	/* without the host having been served */
	direct_close();
}

/* ---- Bus Master Enable ---- */

static void write_is_refused(void *arg)
{
	EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT, bytes, 64, NULL, NULL, NULL),
		  TLPB_ERR_BUS_MASTER_OFF);
	EXPECT_EQ(tlpb_ep_dma_now(direct.ep, true, DIRECT_RAM_AT, bytes, 64, NULL), TLPB_ERR_BUS_MASTER_OFF);
}

TEST(DirectDma, WithoutBusMasterEnableNothingIsReached)
{
	open_granted();
	EXPECT_EQ(tlpb_rc_config_write(direct.rc, DIRECT_BDF, 4, 2, 2), 0);
	direct_on_ep(write_is_refused, NULL);
	EXPECT_EQ(direct.ram[0], 0);
	EXPECT_EQ(tlpb_rc_config_write(direct.rc, DIRECT_BDF, 4, 2, 6), 0);
	EXPECT_EQ(direct_dma_write(0, bytes, 64), 0);
	EXPECT_MEMEQ(direct.ram, bytes, 64);
	EXPECT_EQ(direct.writes, 0);
	direct_close();
}

struct stream {
	atomic_bool stop;
	unsigned written;
	int err;
};

/* A counter, in a stream of writes with results, each begun by the one before. */
static void next_write(void *arg, int err, uint64_t fail_addr)
{
	struct stream *s = arg;

	s->err = err;
}

static void write_once(void *arg)
{
	struct stream *s = arg;
	int err;

	for (unsigned i = 0; i < 10 && !s->err; i++) {
		s->written++;
		put_le32(bytes, s->written);
		err = tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT, bytes, 4, NULL, next_write, s);
		s->err = err ? err : s->err;
	}
}

TEST(DirectDma, ClearingBusMasterEnableStopsAStreamAtOnce)
{
	struct stream s = { .written = 0 };
	uint32_t last;

	open_granted();
	for (unsigned i = 0; i < 50; i++)
		direct_on_ep(write_once, &s);
	EXPECT_EQ(s.err, 0);
	EXPECT_EQ(tlpb_rc_config_write(direct.rc, DIRECT_BDF, 4, 2, 2), 0);
	last = get_le32(direct.ram);
	EXPECT_EQ(last, 500);
	direct_on_ep(write_once, &s);
	EXPECT_EQ(s.err, TLPB_ERR_BUS_MASTER_OFF);
	EXPECT_EQ(get_le32(direct.ram), last);
	direct_close();
}

TEST(DirectDma, AResetStopsItToo)
{
	open_granted();
	EXPECT_EQ(tlpb_rc_reset(direct.rc, TLPB_RESET_HOT), 0);
	direct_settle();
	direct_on_ep(write_is_refused, NULL);
	direct_close();
}

/* ---- taking back ---- */

TEST(DirectDma, AfterARevokeThereAreOnlyTlps)
{
	open_granted();
	EXPECT_EQ(direct_dma_write(0, bytes, 64), 0);
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, MIB), 0);
	EXPECT_EQ(direct.dirties, 1);	/* told before the answer */
	EXPECT_EQ(direct_stats().windows, 0);
	EXPECT_EQ(direct_dma_write(4096, bytes, 256), 0);
	EXPECT_EQ(direct.writes, 1);
	EXPECT_MEMEQ(direct.ram + 4096, bytes, 256);
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, MIB), 0);	/* nothing: no frame */
	direct_close();
}

TEST(DirectDma, APartIsTakenBack)
{
	struct tlpb_rc_stats stats;

	open_granted();
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT + 256 * KIB, 256 * KIB), 0);
	EXPECT_EQ(direct_stats().windows, 2);
	EXPECT_EQ(direct_dma_write(255 * KIB, bytes, KIB), 0);
	EXPECT_EQ(direct_dma_write(512 * KIB, bytes, KIB), 0);
	EXPECT_EQ(direct.writes, 0);
	EXPECT_MEMEQ(direct.ram + 255 * KIB, bytes, KIB);
	EXPECT_MEMEQ(direct.ram + 512 * KIB, bytes, KIB);
	EXPECT_EQ(direct_dma_write(256 * KIB, bytes, KIB), 0);
	EXPECT_EQ(direct.writes, 4);
	EXPECT_EQ(direct_grant(256 * KIB, 256 * KIB, true), 0);
	direct_settle();
	EXPECT_EQ(direct_dma_write(255 * KIB, bytes, 2 * KIB), 0);
	EXPECT_EQ(direct.writes, 4);
	tlpb_rc_get_stats(direct.rc, &stats);
	EXPECT_EQ(stats.grants, 2);
	EXPECT_EQ(stats.revokes, 1);
	direct_close();
}

static void revoke_in_read(uint64_t addr)
{
	direct.on_read = NULL;
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, MIB), 0);
}

/* Its second half comes by TLPs; in the middle of them, in a callback, the first half is taken back. */
TEST(DirectDma, RevokeWhileDmaIsPending)
{
	open_granted();
	memcpy(direct.ram + MIB - 32 * KIB, bytes, 64 * KIB);
	direct.on_read = revoke_in_read;
	EXPECT_EQ(direct_dma_read(MIB - 32 * KIB, got, 64 * KIB), 0);
	EXPECT_MEMEQ(got, bytes, 64 * KIB);
	EXPECT_EQ(direct_stats().windows, 0);
	direct_close();
}

/* Where interrupts came inside of one another, another one has granted it again. */
static void revoke_in_interrupt(unsigned vector)
{
	int err;

	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, MIB), 0);
	err = direct_grant(0, MIB, true);
	EXPECT_TRUE(!err || err == TLPB_ERR_BUSY);
}

static void interrupt_often(void *arg)
{
	for (unsigned i = 0; i < 20; i++) {
		EXPECT_EQ(tlpb_ep_dma_write(direct.ep, DIRECT_RAM_AT + 4 * i, bytes, 4, NULL, NULL, NULL), 0);
		EXPECT_EQ(tlpb_ep_msix(direct.ep, 0), TLPB_IRQ_SENT);
	}
}

TEST(DirectDma, RevokesNest)
{
	open_granted();
	direct.on_msi = revoke_in_interrupt;
	direct_on_ep(interrupt_often, NULL);
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, MIB), 0);
	while (direct.msis < 20)
		direct_settle();
	direct.on_msi = NULL;
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, MIB), 0);
	EXPECT_TRUE(tlpb_rc_is_up(direct.rc));
	EXPECT_EQ(direct_stats().windows, 0);
	direct_close();
}

static atomic_bool may_go_on;

static void hang(void *arg)
{
	while (!atomic_load(&may_go_on))
		usleep(1000);
}

static void hang_in_access(struct tlpb_ep_request *request)
{
	hang(NULL);
	tlpb_ep_complete(direct.ep, request, TLPB_CPL_SC);
}

TEST(DirectDma, ADeviceThatDoesNotAnswerLosesItsLink)
{
	uint8_t dw[4] = { 0 };

	open_granted();
	atomic_store(&may_go_on, false);
	direct.on_access = hang_in_access;
	EXPECT_EQ(tlpb_rc_mem_write(direct.rc, direct.bar[0].addr, dw, 4), 0);
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, MIB), TLPB_ERR_CLOSED);
	EXPECT_FALSE(tlpb_rc_is_up(direct.rc));
	EXPECT_EQ(direct.downs, 1);
	EXPECT_TRUE(strstr(direct.down_text, "within 2 s") != NULL);
	EXPECT_FALSE(tlpb_rc_takes_grants(direct.rc));
	atomic_store(&may_go_on, true);
	direct_close();
}

/* ---- windows for who copies by himself ---- */

struct looked {
	bool got;
	struct tlpb_ep_window window;
};

static void look(void *arg)
{
	struct looked *l = arg;

	l->got = tlpb_ep_find_window(direct.ep, 0, DIRECT_RAM_AT + 0x1234, &l->window);
}

TEST(DirectDma, AWindowIsTheGrantedMemory)
{
	struct looked l;

	open_granted();
	direct_on_ep(look, &l);
	ASSERT_TRUE(l.got);
	EXPECT_EQ(l.window.addr, DIRECT_RAM_AT);
	EXPECT_EQ(l.window.len, MIB);
	direct.ram[0x1234] = 0x5a;
	EXPECT_EQ(l.window.base[0x1234], 0x5a);
	EXPECT_EQ(atomic_load(&direct.revocations), 0);
	EXPECT_EQ(tlpb_rc_config_write(direct.rc, DIRECT_BDF, 4, 2, 2), 0);
	EXPECT_EQ(atomic_load(&direct.revocations), 1);
	direct_on_ep(look, &l);
	EXPECT_FALSE(l.got);
	EXPECT_EQ(tlpb_rc_config_write(direct.rc, DIRECT_BDF, 4, 2, 6), 0);
	direct_on_ep(look, &l);
	EXPECT_TRUE(l.got);
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT + 4096, 4096), 0);
	EXPECT_EQ(atomic_load(&direct.revocations), 2);
	direct_close();
}

TEST(DirectDma, GrantsEndWithTheLink)
{
	open_granted();
	tlpb_rc_close(direct.rc);
	direct.rc = NULL;
	while (direct_stats().windows)
		usleep(1000);
	direct_close();
}
