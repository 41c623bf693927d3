/* SPDX-License-Identifier: MIT */
/* DMA of an endpoint: exact data and exact results, whatever the length and alignment. */
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "caught_log.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"
#include "rc_private.h"

enum { PAGE = TLPB_PAGE };

static const uint64_t ram = HOST_RAM_BASE;

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 29 + i / 256 * 3 + 5);
}

static void setup(void)
{
	pair_open(NULL);
	pair_enumerate();
}

static void fill_ram(void)
{
	for (size_t i = 0; i < HOST_RAM; i++)
		pair.host.ram[i] = pattern(i);
}

/* One transfer each way, its data and what lies around it. */
static void transfer(uint64_t base, size_t offset, size_t len)
{
	uint8_t *buf = malloc(len), *at = pair.host.ram + offset;
	struct dma d = { .addr = base + offset, .buf = buf, .len = len };

	pair_dma_run(&d);
	ASSERT_EQ(d.started, 0);
	ASSERT_EQ(d.err, 0);
	EXPECT_MEMEQ(buf, at, len);
	for (size_t i = 0; i < len; i++)
		buf[i] ^= 0xff;
	d.write = true;
	pair_dma_run(&d);
	ASSERT_EQ(d.started, 0);
	ASSERT_EQ(d.err, 0);
	EXPECT_MEMEQ(buf, at, len);
	EXPECT_EQ(at[-1], pattern(offset - 1));
	EXPECT_EQ(at[len], pattern(offset + len));
	for (size_t i = 0; i < len; i++)
		at[i] = pattern(offset + i);
	free(buf);
}

static void every_length(unsigned mps, unsigned mrrs, unsigned rcb)
{
	static const size_t lengths[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1023, 1025,
		4095, 4096, 4097, 8191, 12289, 65535, 65536, 70000,
	};
	struct pair_options options = { .ep_mps = mps, .ep_mrrs = mrrs, .rc_mps = mps, .rcb = rcb };
	uint32_t control;

	pair_open(&options);
	pair_enumerate();
	ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0x78, 2, &control), 0);
	control = (control & 0x0fffu) | 5 << 12;	/* Max_Read_Request_Size 4096 */
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x78, 2, control), 0);
	fill_ram();
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		for (size_t at = 0; at < 4; at++) {
			transfer(ram, 0x3000 + at, lengths[i]);
			transfer(ram, 0x5000 - 6 + at, lengths[i]);
		}
		transfer((uint64_t)HOST_RAM_HIGH << 32 | HOST_RAM_BASE, 0x2ffd, lengths[i]);
	}
	pair_close();
}

TEST(Dma, AnyLengthAndAlignmentIsExactWith128Bytes) { every_length(128, 128, 64); }
TEST(Dma, AnyLengthAndAlignmentIsExactWith256Bytes) { every_length(256, 128, 128); }
TEST(Dma, AnyLengthAndAlignmentIsExactWith512Bytes) { every_length(512, 512, 64); }
TEST(Dma, AnyLengthAndAlignmentIsExactWith4096Bytes) { every_length(4096, 4096, 128); }

TEST(Dma, EveryShortLengthAtEveryPlaceInALine)
{
	setup();
	fill_ram();
	for (size_t at = 0; at < 9; at++)
		for (size_t len = 0; len < 33; len++)
			transfer(ram, PAGE - 12 + at, len);
	pair_close();
}

TEST(Dma, ManyMayBeOutstandingAtOnce)
{
	enum { COUNT = 100, LEN = 3001 };
	static struct dma d[COUNT];
	static uint8_t buf[COUNT][LEN];

	setup();
	fill_ram();
	for (int i = 0; i < COUNT; i++) {
		d[i] = (struct dma){ .write = i % 2, .addr = ram + (uint64_t)i * 8192 + i,
				     .buf = buf[i], .len = LEN };
		for (size_t b = 0; d[i].write && b < LEN; b++)
			buf[i][b] = (uint8_t)(i + b);
		pair_dma_start(&d[i]);
	}
	for (int i = COUNT - 1; i >= 0; i--)
		pair_serve_until_set(&d[i].over);
	for (int i = 0; i < COUNT; i++) {
		EXPECT_EQ(d[i].err, 0);
		EXPECT_MEMEQ(buf[i], pair.host.ram + i * 8192 + i, LEN);
	}
	pair_close();
}

TEST(Dma, ASlowTransportLosesNothing)
{
	enum { COUNT = 40, LEN = 20000 };
	static struct dma d[COUNT];
	static uint8_t buf[COUNT][LEN];

	pair_open(&(struct pair_options){ .queue = 1 });
	pair_enumerate();
	fill_ram();
	for (int i = 0; i < COUNT; i++) {
		memset(buf[i], i + 1, LEN);
		d[i] = (struct dma){ .write = i % 2, .addr = ram + (uint64_t)i * LEN, .buf = buf[i],
				     .len = LEN };
		pair_dma_start(&d[i]);
	}
	for (int i = 0; i < COUNT; i++)
		pair_serve_until_set(&d[i].over);
	for (int i = 0; i < COUNT; i++)
		EXPECT_MEMEQ(buf[i], pair.host.ram + i * LEN, LEN);
	pair_close();
}

static struct {
	unsigned taken;
	int err;
} flood;

/* More than any bound could be, by a host that does not look. */
static void write_until_refused(void *arg)
{
	enum { TRIES = 100000 };
	static const uint8_t page[PAGE];

	flood.err = 0;
	for (flood.taken = 0; !flood.err && flood.taken < TRIES; flood.taken += !flood.err)
		flood.err = tlpb_ep_dma_write(pair.ep, ram, page, PAGE, NULL, NULL, NULL);
}

TEST(Dma, AFloodOfPostedWritesIsRefusedBeforeItFillsMemory)
{
	static uint8_t byte[1];
	struct dma last = { .write = true, .addr = ram, .buf = byte, .len = 1 };

	setup();
	pair_on_ep(write_until_refused, NULL);
	EXPECT_EQ(flood.err, TLPB_ERR_BUSY);
	EXPECT_LT(flood.taken, 2000u);
	pair_dma_run(&last);		/* with a done, it is taken, and comes behind the others */
	EXPECT_EQ(last.err, 0);
	pair_on_ep(write_until_refused, NULL);
	EXPECT_GT(flood.taken, 100u);
	pair_close();
}

/* ---- failures ---- */

static void fail_at(uint64_t addr, uint64_t len, int err)
{
	pair.host.failing[pair.host.failings++] = (struct host_range){ addr, len, err };
}

/* A transfer of len bytes from the start of RAM, through what fail_at() said. */
static struct dma run(bool write, uint64_t addr, size_t len)
{
	static uint8_t buf[HOST_RAM];
	struct dma d = { .write = write, .addr = addr, .buf = buf, .len = len };

	for (size_t i = 0; write && i < len; i++)
		buf[i] = (uint8_t)~pattern(addr - ram + i);
	pair_dma_run(&d);
	EXPECT_EQ(d.started, 0);
	return d;
}

static void expect_transferred(const struct dma *d)
{
	EXPECT_MEMEQ(d->buf, pair.host.ram + (d->addr - ram), d->fail_addr - d->addr);
}

TEST(DmaFailure, AReadTellsTheByteFromWhichItFailed)
{
	struct dma d;

	setup();
	fill_ram();
	fail_at(ram + 0x8000, PAGE, TLPB_ERR_NO_ADDRESS);
	fail_at(ram + 0xb000, PAGE, TLPB_ERR_IO);	/* not the first one */
	d = run(false, ram + 0x101, 0x10000);
	EXPECT_EQ(d.err, TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(d.fail_addr, ram + 0x8000);
	expect_transferred(&d);
	pair_close();
}

TEST(DmaFailure, AWriteTellsTheByteFromWhichItFailedAndWhy)
{
	static const int errors[] = { TLPB_ERR_NO_ADDRESS, TLPB_ERR_ACCESS, TLPB_ERR_BUS_MASTER_OFF,
				      TLPB_ERR_IO };

	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct dma d;

		setup();
		fill_ram();
		fail_at(ram + 0xb000, PAGE, TLPB_ERR_IO);
		fail_at(ram + 0x8000, PAGE, errors[i]);
		d = run(true, ram + 0x101, 0x10000);
		EXPECT_EQ(d.err, errors[i]);
		EXPECT_EQ(d.fail_addr, ram + 0x8000);
		expect_transferred(&d);
		EXPECT_EQ(pair.model.faults, 0);	/* its owner was told */
		pair_close();
	}
}

TEST(DmaFailure, WhereAPieceFailsAllBeforeItIsTransferred)
{
	for (int write = 0; write < 2; write++) {
		struct dma d;

		setup();
		fill_ram();
		fail_at(ram + 0x2345, 1, TLPB_ERR_ACCESS);
		d = run(write, ram + 0x1003, 0x5000);
		EXPECT_EQ(d.err, write ? TLPB_ERR_ACCESS : TLPB_ERR_UNSUPPORTED);
		EXPECT_LE(d.fail_addr, ram + 0x2345);
		EXPECT_GT(d.fail_addr + 512, ram + 0x2345);
		expect_transferred(&d);
		pair_close();
	}
}

TEST(DmaFailure, EachKindOfFailureOfAReadHasItsError)
{
	static const struct { int host, device; } rows[] = {
		{ TLPB_ERR_NO_ADDRESS, TLPB_ERR_UNSUPPORTED },
		{ TLPB_ERR_ACCESS, TLPB_ERR_UNSUPPORTED },
		{ TLPB_ERR_BUS_MASTER_OFF, TLPB_ERR_UNSUPPORTED },
		{ TLPB_ERR_IO, TLPB_ERR_ABORTED },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		setup();
		fail_at(ram, 16, rows[i].host);
		EXPECT_EQ(run(false, ram, 4).err, rows[i].device);
		EXPECT_EQ(run(false, ram + 16, 4).err, 0);
		pair_close();
	}
}

TEST(DmaFailure, OtherTransfersDoNotSuffer)
{
	static uint8_t buf[6][8192];
	struct dma d[6];

	setup();
	fill_ram();
	fail_at(ram + 0x10000, PAGE, TLPB_ERR_ACCESS);
	for (int i = 0; i < 6; i++) {
		d[i] = (struct dma){ .write = i % 2, .addr = ram + 0xc000 + (uint64_t)i * 0x2000,
				     .buf = buf[i], .len = 8192 };
		pair_dma_start(&d[i]);
	}
	for (int i = 0; i < 6; i++) {
		pair_serve_until_set(&d[i].over);
		EXPECT_EQ(d[i].err, i == 2 ? TLPB_ERR_UNSUPPORTED : 0);
	}
	pair_close();
}

static void post_write(void *arg)
{
	EXPECT_EQ(tlpb_ep_dma_write(pair.ep, *(uint64_t *)arg, "posted", 6, NULL, NULL, NULL), 0);
}

TEST(DmaFailure, APostedWriteIsReportedToTheModel)
{
	uint64_t addr = ram + 0x4100;

	setup();
	fail_at(ram + 0x4000, PAGE, TLPB_ERR_ACCESS);
	pair_on_ep(post_write, &addr);
	pair_settle();
	pair_settle();
	EXPECT_EQ(pair.model.faults, 1);
	EXPECT_EQ(pair.model.fault_addr, ram + 0x4100);
	EXPECT_EQ(pair.model.fault_err, TLPB_ERR_ACCESS);
	pair_close();
}

TEST(DmaFailure, PlainPcieTellsNobodyOfAFailedWrite)
{
	uint64_t addr = ram + 0x4100;
	struct tlpb_rc_stats stats;

	pair_open(&(struct pair_options){ .plain_pcie = true });
	pair_enumerate();
	fail_at(ram + 0x4000, PAGE, TLPB_ERR_ACCESS);
	EXPECT_EQ(run(true, ram + 0x3000, 0x3000).err, 0);
	EXPECT_EQ(run(false, ram + 0x3000, 0x3000).err, TLPB_ERR_UNSUPPORTED);
	pair_on_ep(post_write, &addr);
	pair_settle();
	pair_settle();
	EXPECT_EQ(pair.model.faults, 0);
	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(stats.dma_faults, 9);		/* the host itself knows */
	pair_close();
}

TEST(DmaFailure, AHostWithoutMemoryRefusesAll)
{
	setup();
	EXPECT_EQ(run(false, 0x1000, 16).err, TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(run(true, 0x1000, 16).err, TLPB_ERR_NO_ADDRESS);
	pair_close();
}

/* ---- bus mastering ---- */

static void set_command(unsigned command)
{
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 4, 2, command), 0);
}

TEST(BusMaster, OffRefusesAtOnce)
{
	struct dma d = { .addr = ram, .buf = (char[4]){ 0 }, .len = 4 };

	setup();
	set_command(3);
	pair_dma_start(&d);
	EXPECT_EQ(d.started, TLPB_ERR_BUS_MASTER_OFF);
	d.write = true;
	pair_dma_start(&d);
	EXPECT_EQ(d.started, TLPB_ERR_BUS_MASTER_OFF);
	set_command(7);
	pair_dma_run(&d);
	EXPECT_EQ(d.err, 0);
	pair_close();
}

TEST(BusMaster, OffDuringAReadEndsItWhereItWasCutOff)
{
	static uint8_t buf[HOST_RAM];
	struct dma d = { .addr = ram, .buf = buf, .len = HOST_RAM };

	setup();
	fill_ram();
	pair_dma_start(&d);
	set_command(3);
	pair_serve_until_set(&d.over);
	EXPECT_EQ(d.err, TLPB_ERR_BUS_MASTER_OFF);
	EXPECT_GT(d.fail_addr, ram);
	EXPECT_LT(d.fail_addr, ram + HOST_RAM);
	EXPECT_MEMEQ(buf, pair.host.ram, d.fail_addr - ram);
	pair_close();
}

TEST(BusMaster, OffInD3hot)
{
	struct dma d = { .addr = ram, .buf = (char[4]){ 0 }, .len = 4 };

	setup();
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x44, 2, 3), 0);
	pair_dma_start(&d);
	EXPECT_EQ(d.started, TLPB_ERR_BUS_MASTER_OFF);
	pair_close();
}

TEST(Dma, WhatCannotBeADmaIsRefused)
{
	struct dma d = { .addr = ram, .buf = NULL, .len = 4 };

	setup();
	pair_dma_start(&d);
	EXPECT_EQ(d.started, TLPB_ERR_INVALID);
	pair_disconnect();
	d.buf = (char[4]){ 0 };
	pair_dma_start(&d);
	EXPECT_EQ(d.started, TLPB_ERR_CLOSED);
	pair_close();
}

/* ---- DMA inside a pending read ---- */

static struct tlpb_ep_request *pending;
static uint8_t fetched[64];

static void on_written(void *arg, int err, uint64_t fail_addr)
{
	EXPECT_EQ(err, 0);
	put_le32(pending->data, get_le32(fetched));
	tlpb_ep_complete(pair.ep, pending, TLPB_CPL_SC);
}

static void on_fetched(void *arg, int err, uint64_t fail_addr)
{
	EXPECT_EQ(err, 0);
	for (size_t i = 0; i < sizeof fetched; i++)
		fetched[i]++;
	EXPECT_EQ(tlpb_ep_dma_write(pair.ep, ram + 0x100, fetched, sizeof fetched, NULL, on_written, NULL), 0);
	EXPECT_EQ(tlpb_ep_msi(pair.ep, 0), TLPB_IRQ_SENT);
}

static void read_with_effect(struct tlpb_ep_request *r)
{
	pending = r;
	EXPECT_EQ(tlpb_ep_dma_read(pair.ep, ram, fetched, sizeof fetched, NULL, on_fetched, NULL), 0);
}

TEST(Dma, InsideAReadThatWaitsForItNeverDeadlocks)
{
	uint8_t value[4];

	setup();
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x54, 4, MSI_BASE), 0);
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x52, 2, 1), 0);
	pair.model.on_access = read_with_effect;
	for (unsigned i = 0; i < 1000; i++) {
		memset(pair.host.ram, (int)i, 64);
		ASSERT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, value, 4), 0);
		EXPECT_EQ(value[0], (uint8_t)(i + 1));
		EXPECT_EQ(pair.host.ram[0x100 + 63], (uint8_t)(i + 1));
		EXPECT_EQ(pair.host.msis, i + 1);	/* it came before the completion */
	}
	pair_close();
}

/* ---- byte enables towards the host ---- */

static void send_with_enables(void *arg)
{
	struct tlpb_tlp tlp = {
		.kind = TLPB_MWR, .address = ram + 0x200, .length_dw = 2, .first_be = 0xb,
		.last_be = 0x5, .payload = (const uint8_t *)"ABCDEFGH", .payload_len = 8,
	};

	EXPECT_EQ(tlpb__link_send_tlp(pair.ep->link, &tlp, 0), 0);
	tlpb__link_flush(pair.ep->link);
}

TEST(Dma, OnlyEnabledBytesAreWrittenToHostMemory)
{
	setup();
	memset(pair.host.ram + 0x200, '.', 8);
	pair_on_ep(send_with_enables, NULL);
	pair_settle();
	EXPECT_MEMEQ(pair.host.ram + 0x200, "AB.DE.G.", 8);
	EXPECT_EQ(pair.host.writes, 3);		/* one a run */
	pair_close();
}

/* ---- reports from a host that lies ---- */

static struct dma_fault lie;

/* The mark of the write is not known here: tell of all that it could be. */
static void tell_lies(uint64_t addr, const void *data, size_t len)
{
	uint8_t body[16];

	for (lie.mark = 0; lie.mark < 200; lie.mark++) {
		int n = tlpb__dma_fault_encode(&lie, body, sizeof body);

		EXPECT_EQ(tlpb__link_send(pair.rc->link, TLPB_FRAME_DMA_FAULT, 0, body, (size_t)n), 0);
	}
	pair.host.on_write = NULL;
}

static struct dma write_and_be_lied_to(unsigned reason, uint64_t addr)
{
	struct dma d;

	setup();
	lie = (struct dma_fault){ .reason = (uint16_t)reason, .addr = addr };
	pair.host.on_write = tell_lies;
	d = run(true, ram + 0x1000, 256);
	pair_close();
	return d;
}

TEST(DmaFault, WithoutAKnownReasonIsStillAFailure)
{
	EXPECT_EQ(write_and_be_lied_to(-TLPB_ERR_ACCESS, ram + 0x1080).err, TLPB_ERR_ACCESS);
	EXPECT_LT(write_and_be_lied_to(0, ram + 0x1080).err, 0);
	EXPECT_STRNE(tlpb_errname(write_and_be_lied_to(60000, ram + 0x1080).err), "UNKNOWN");
}

TEST(DmaFault, AnAddressOutsideOfTheWriteIsNotPassedOn)
{
	EXPECT_EQ(write_and_be_lied_to(-TLPB_ERR_ACCESS, ram + 0x1080).fail_addr, ram + 0x1080);
	EXPECT_EQ(write_and_be_lied_to(-TLPB_ERR_ACCESS, ram + 0x1100).fail_addr, ram + 0x1000);
	EXPECT_EQ(write_and_be_lied_to(-TLPB_ERR_ACCESS, 0).fail_addr, ram + 0x1000);
}

/* ---- attributes ---- */

static struct tlpb_tlp seen;

static int note_request(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	seen = *request;
	memset(buf, 0, len);
	return 0;
}

/* One DMA read with every attribute, as the host sees it. */
static void read_with_attributes(void)
{
	static const struct tlpb_dma_attr all = { .tc = 3, .ido = true, .ro = true, .ns = true };
	uint8_t buf[64];
	struct dma d = { .addr = ram, .buf = buf, .len = sizeof buf, .attr = &all };

	pair_dma_run(&d);
	EXPECT_EQ(d.err, 0);
	EXPECT_EQ(seen.tc, 3);
}

TEST(DmaAttributes, AreSentWhereSoftwareEnabledThem)
{
	enum { DEVCTL = 0x78, DEVCTL2 = 0x98 };

	pair_open(NULL);
	pair_enumerate();
	pair.rc->ops.mem_read = note_request;
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, DEVCTL, 2, 0x2810), 0);
	read_with_attributes();
	EXPECT_TRUE(seen.ro && seen.ns && !seen.ido);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, DEVCTL, 2, 0x2000), 0);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, DEVCTL2, 2, 1 << 8), 0);
	read_with_attributes();
	EXPECT_TRUE(!seen.ro && !seen.ns && seen.ido);
	pair_close();
}
