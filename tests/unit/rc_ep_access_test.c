/* SPDX-License-Identifier: MIT */
/* What a host does to an endpoint: enumeration, config, memory and I/O accesses. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bytes.h"
#include "caught_log.h"
#include "completer.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"

#define RW (TLPB_REGION_READ | TLPB_REGION_WRITE)

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 37 + i / 256 + 11);
}

static void setup(void)
{
	pair_open(NULL);
	pair_enumerate();
}

/* ---- enumeration ---- */

TEST(Enumerate, EveryKindOfBarIsSizedAndPlaced)
{
	setup();
	EXPECT_STREQ(tlpb_rc_device(pair.rc)->name, "pair");
	EXPECT_EQ(pair.bar[0].size, 128 * 1024);
	EXPECT_EQ(pair.bar[0].addr, 0xe0000000);
	EXPECT_FALSE(pair.bar[0].is_64bit || pair.bar[0].io || pair.bar[0].prefetch);
	EXPECT_EQ(pair.bar[1].size, 1024 * 1024);
	EXPECT_EQ(pair.bar[1].addr, 0x2000000000);
	EXPECT_TRUE(pair.bar[1].is_64bit && pair.bar[1].prefetch);
	EXPECT_EQ(pair.bar[2].size, 0);
	EXPECT_EQ(pair.bar[3].size, 64 * 1024);
	EXPECT_TRUE(pair.bar[3].is_64bit && !pair.bar[3].prefetch);
	EXPECT_EQ(pair.bar[4].size, 0);
	EXPECT_EQ(pair.bar[5].size, 256);
	EXPECT_TRUE(pair.bar[5].io);
	EXPECT_EQ(pair.bar[5].addr, 0xc000);
	pair_close();
}

TEST(Enumerate, BarsOfExtremeSizesAreSized)
{
	struct tlpb_device device = {
		.name = "extremes", .vendor_id = 1,
		.region = { [0] = { 16, RW }, [1] = { 4, RW | TLPB_REGION_IO },
			    [2] = { 0x80000000, RW | TLPB_REGION_PREFETCH },
			    [3] = { 1ull << 40, RW | TLPB_REGION_64BIT } },
	};

	pair_open(&(struct pair_options){ .device = &device, .stay_apart = true });
	ASSERT_EQ(pair_connect((char[256]){ "" }, 256), 0);
	ASSERT_EQ(tlpb_rc_enumerate(pair.rc, &(struct tlpb_rc_windows){ .bdf = 8, .mem32 = 0x100,
				    .mem64 = 0x100000000 }, pair.bar), 0);
	EXPECT_EQ(pair.bar[0].size, 16);
	EXPECT_EQ(pair.bar[1].size, 4);
	EXPECT_EQ(pair.bar[2].size, 0x80000000);
	EXPECT_TRUE(pair.bar[2].prefetch);
	EXPECT_EQ(pair.bar[2].addr, 0x80000000);
	EXPECT_EQ(pair.bar[3].size, 1ull << 40);
	EXPECT_EQ(pair.bar[3].addr, 1ull << 40);
	EXPECT_EQ(pair.bar[5].size, 0);
	pair_close();
}

TEST(Enumerate, CapabilitiesAreFoundAndMissingOnesAreNot)
{
	setup();
	EXPECT_EQ(tlpb_rc_find_capability(pair.rc, PAIR_BDF, 0x05), 0x50);
	EXPECT_EQ(tlpb_rc_find_capability(pair.rc, PAIR_BDF, 0x11), 0xb0);
	EXPECT_EQ(tlpb_rc_find_capability(pair.rc, PAIR_BDF, 0x09), 0);
	pair_close();
}

/* ---- configuration ---- */

TEST(ConfigAccess, EverySizeAndAlignmentReadsItsBytes)
{
	uint32_t dw, value;

	setup();
	ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &dw), 0);
	EXPECT_EQ(dw, 0x70011d0f);
	for (unsigned size = 1; size <= 4; size *= 2) {
		for (unsigned at = 0; at + size <= 4; at++) {
			ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, at, size, &value), 0);
			EXPECT_EQ(value, dw >> 8 * at & (0xffffffffu >> (32 - 8 * size)));
		}
	}
	pair_close();
}

TEST(ConfigAccess, EverySizeAndAlignmentWritesItsBytesOnly)
{
	uint32_t value;

	setup();
	for (unsigned size = 1; size <= 4; size *= 2) {
		for (unsigned at = 0; at + size <= 4; at++) {
			uint32_t mask = (0xffffffffu >> (32 - 8 * size)) << 8 * at;

			ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x58, 4, 0), 0);
			ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x58 + at, size,
						       0xffffffff), 0);
			ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0x58, 4, &value), 0);
			EXPECT_EQ(value, mask);
			EXPECT_EQ(pair.model.config_offset, 0x58 + at);
			EXPECT_EQ(pair.model.config_size, size);
		}
	}
	pair_close();
}

TEST(ConfigAccess, WhatIsNoConfigAccessIsRefusedWithAllOnes)
{
	uint32_t value = 0;

	setup();
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 3, 2, &value), TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 3, &value), TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 4096, 4, &value), TLPB_ERR_INVALID);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 2, 4, 0), TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 4092, 4, &value), 0);
	pair_close();
}

TEST(ConfigAccess, OtherFunctionsAreUnsupported)
{
	uint32_t value = 0;

	setup();
	for (unsigned function = 1; function < 8; function++) {
		EXPECT_EQ(tlpb_rc_config_read(pair.rc, (uint16_t)(PAIR_BDF + function), 0, 4,
					      &value), TLPB_ERR_UNSUPPORTED);
		EXPECT_EQ(value, 0xffffffff);
		EXPECT_EQ(tlpb_rc_config_write(pair.rc, (uint16_t)(PAIR_BDF + function), 4, 2, 7),
			  TLPB_ERR_UNSUPPORTED);
	}
	pair_close();
}

TEST(ConfigAccess, APoisonedWriteChangesNothing)
{
	uint8_t zeros[4] = { 0 };
	struct tlpb_tlp tlp = {
		.kind = TLPB_CFGWR0, .length_dw = 1, .first_be = 3, .dest_id = PAIR_BDF,
		.reg_offset = 4, .ep = true, .payload = zeros, .payload_len = 4,
	};
	uint32_t value;

	setup();
	EXPECT_EQ(pair_request(&tlp, NULL, 0), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 4, 2, &value), 0);
	EXPECT_EQ(value & 7, 7);
	pair_close();
}

TEST(ConfigAccess, Type1IsUnsupportedAtAnEndpoint)
{
	uint8_t dw[4];
	struct tlpb_tlp tlp = { .kind = TLPB_CFGRD1, .length_dw = 1, .first_be = 0xf,
				.dest_id = PAIR_BDF };

	setup();
	EXPECT_EQ(pair_request(&tlp, dw, 4), TLPB_ERR_UNSUPPORTED);
	pair_close();
}

/* ---- memory ---- */

/* Writes and reads len bytes at the offset, compares with the model and its surroundings. */
static void write_and_read(uint64_t base, uint8_t *memory, size_t offset, size_t len)
{
	uint8_t *data = malloc(len), *back = malloc(len);

	memset(memory + offset - 4, 0xee, len + 8);
	for (size_t i = 0; i < len; i++)
		data[i] = pattern(i + len);
	ASSERT_EQ(tlpb_rc_mem_write(pair.rc, base + offset, data, len), 0);
	ASSERT_EQ(tlpb_rc_mem_read(pair.rc, base + offset, back, len), 0);
	EXPECT_MEMEQ(back, data, len);
	EXPECT_MEMEQ(memory + offset, data, len);
	for (size_t i = 1; i <= 4; i++) {
		EXPECT_EQ(memory[offset - i], 0xee);
		EXPECT_EQ(memory[offset + len + i - 1], 0xee);
	}
	free(data);
	free(back);
}

static void every_length(uint64_t base, unsigned region)
{
	static const size_t long_ones[] = { 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513,
					    1000, 1023, 1024, 1025, 2048, 4095, 4096, 4097, 4200 };
	uint8_t *memory = pair.model.memory[region];

	for (size_t at = 0; at < 8; at++)
		for (size_t len = 1; len <= 40; len++)
			write_and_read(base, memory, 64 + at, len);
	for (size_t i = 0; i < sizeof long_ones / sizeof long_ones[0]; i++)
		for (size_t at = 0; at < 4; at++)
			write_and_read(base, memory, 0x2000 - 16 + 5 * at, long_ones[i]);
}

TEST(MemoryAccess, EveryLengthAndAlignmentIsExact)
{
	setup();
	every_length(pair.bar[0].addr, 0);	/* 3 DW headers */
	every_length(pair.bar[1].addr, 1);	/* 4 DW headers */
	pair_close();
}

TEST(MemoryAccess, TheLargestPayloadsAreExactToo)
{
	pair_open(&(struct pair_options){ .ep_mps = 4096, .rc_mps = 4096, .rcb = 128 });
	pair_enumerate();
	every_length(pair.bar[0].addr, 0);
	pair_close();
}

TEST(MemoryAccess, TheSmallestPayloadsAreExactToo)
{
	pair_open(&(struct pair_options){ .ep_mps = 128, .rc_mps = 128, .rcb = 64 });
	pair_enumerate();
	every_length(pair.bar[0].addr, 0);
	pair_close();
}

TEST(MemoryAccess, TheModelSeesRegionOffsetAndLength)
{
	static const struct { unsigned region; uint64_t offset; size_t len; } rows[] = {
		{ 0, 0, 4 }, { 0, 3, 1 }, { 0, 0x1fffc, 4 }, { 1, 0xffff8, 8 }, { 1, 5, 2 },
		{ 3, 0x8001, 6 }, { 3, 0xffff, 1 },
	};
	uint8_t data[8] = { 0 };

	setup();
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int write = 0; write < 2; write++) {
			uint64_t addr = pair.bar[rows[i].region].addr + rows[i].offset;
			struct model_access *a = &pair.model.last;

			if (write)
				ASSERT_EQ(tlpb_rc_mem_write(pair.rc, addr, data, rows[i].len), 0);
			else
				ASSERT_EQ(tlpb_rc_mem_read(pair.rc, addr, data, rows[i].len), 0);
			pair_settle();
			EXPECT_EQ(a->region, rows[i].region);
			EXPECT_EQ(a->offset, rows[i].offset);
			EXPECT_EQ(a->length, rows[i].len);
			EXPECT_EQ(a->write, write);
			EXPECT_EQ(a->posted, write);
			EXPECT_FALSE(a->has_enables);
			EXPECT_EQ(a->requester_id, 0);
		}
	}
	pair_close();
}

/* A request of one or two doublewords at offset 0x100 of BAR0 with the byte enables given. */
static struct tlpb_tlp with_enables(bool write, unsigned dws, unsigned first, unsigned last,
				    const uint8_t *data)
{
	return (struct tlpb_tlp){
		.kind = write ? TLPB_MWR : TLPB_MRD, .address = pair.bar[0].addr + 0x100,
		.length_dw = (uint16_t)dws, .first_be = (uint8_t)first, .last_be = (uint8_t)last,
		.payload = write ? data : NULL, .payload_len = write ? 4 * dws : 0,
	};
}

TEST(MemoryAccess, AnyPatternOfByteEnablesWritesTheseBytesOnly)
{
	static const uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t *memory;

	setup();
	memory = pair.model.memory[0] + 0x100;
	for (unsigned enables = 1; enables < 256; enables++) {
		unsigned first = enables & 0xf, last = enables >> 4;
		struct tlpb_tlp tlp = with_enables(true, last ? 2 : 1, first, last, data);

		if (last && !first)
			continue;	/* no such request */
		memset(memory, 0, 8);
		pair_post(&tlp);
		pair_settle();
		for (unsigned i = 0; i < 8; i++)
			EXPECT_EQ(memory[i], enables >> i & 1 ? data[i] : 0);
		EXPECT_EQ(pair.model.last.offset, 0x100 + tlpb_first_byte((uint8_t)first));
	}
	pair_close();
}

TEST(MemoryAccess, AnyPatternOfByteEnablesReadsTheSpan)
{
	uint8_t *memory;

	setup();
	memory = pair.model.memory[0] + 0x100;
	for (unsigned i = 0; i < 8; i++)
		memory[i] = (uint8_t)(0x10 + i);
	for (unsigned enables = 1; enables < 256; enables++) {
		unsigned first = enables & 0xf, last = enables >> 4;
		unsigned from = tlpb_first_byte((uint8_t)first);
		unsigned len = tlpb_byte_count(last ? 2 : 1, (uint8_t)first, (uint8_t)last);
		struct tlpb_tlp tlp = with_enables(false, last ? 2 : 1, first, last, NULL);
		uint8_t buf[8] = { 0 };

		if (last && !first)
			continue;
		EXPECT_EQ(pair_request(&tlp, buf, len), 0);
		EXPECT_EQ(pair.model.last.length, len);
		for (unsigned i = 0; i < len; i++)
			if (enables >> (from + i) & 1)
				EXPECT_EQ(buf[i], 0x10 + from + i);
	}
	pair_close();
}

TEST(MemoryAccess, AReadOfNoBytesFlushes)
{
	setup();
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + 8, "flushed", 8), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 8, NULL, 0), 0);
	EXPECT_STREQ((char *)pair.model.memory[0] + 8, "flushed");
	EXPECT_EQ(pair.model.last.length, 0);
	EXPECT_EQ(pair.model.last.offset, 8);
	EXPECT_FALSE(pair.model.last.write);
	pair_close();
}

/* ---- refusals ---- */

static void expect_read(uint64_t addr, int err)
{
	uint8_t buf[8] = { 0 };

	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, addr, buf, 8), err);
	if (err)
		EXPECT_EQ(get_le64(buf), ~0ull);
}

TEST(Refusals, AnAddressInNoBarIsUnsupportedAndReadsAllOnes)
{
	setup();
	expect_read(0x1000, TLPB_ERR_UNSUPPORTED);
	expect_read(pair.bar[0].addr - 8, TLPB_ERR_UNSUPPORTED);
	expect_read(pair.bar[0].addr + 0x20000, TLPB_ERR_UNSUPPORTED);
	expect_read(pair.bar[1].addr + (1ull << 32), TLPB_ERR_UNSUPPORTED);
	expect_read(pair.bar[0].addr, 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, 0x1000, NULL, 0), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, 0x1000, "x", 1), 0);	/* posted: nobody is told */
	pair_settle();
	EXPECT_EQ(pair.model.accesses, 1);
	pair_close();
}

TEST(Refusals, SpacesThatAreOffAreUnsupported)
{
	uint32_t value;

	setup();
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 4, 2, 0), 0);
	expect_read(pair.bar[0].addr, TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_io_read(pair.rc, 0xc000, 4, &value), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(tlpb_rc_io_write(pair.rc, 0xc000, 2, 0), TLPB_ERR_UNSUPPORTED);
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 4, 2, 7), 0);
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x44, 2, 3), 0);	/* D3hot */
	expect_read(pair.bar[0].addr, TLPB_ERR_UNSUPPORTED);
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x44, 2, 0), 0);
	expect_read(pair.bar[0].addr, 0);
	pair_close();
}

TEST(Refusals, TheRomIsReadOnly)
{
	setup();
	memcpy(pair.model.memory[TLPB_ROM], "option ROM", 11);
	expect_read(pair.rom, 0);
	EXPECT_EQ(pair.model.last.region, TLPB_ROM);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.rom, "x", 1), 0);
	pair_settle();
	EXPECT_EQ(pair.model.memory[TLPB_ROM][0], 'o');
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x30, 4, (uint32_t)pair.rom), 0);
	expect_read(pair.rom, TLPB_ERR_UNSUPPORTED);
	pair_close();
}

TEST(Refusals, AModelsAbortAndUnsupportedReachTheHost)
{
	setup();
	pair.model.status = TLPB_CPL_CA;
	expect_read(pair.bar[0].addr, TLPB_ERR_ABORTED);
	pair.model.status = TLPB_CPL_UR;
	expect_read(pair.bar[0].addr, TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, NULL, 0), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_io_write(pair.rc, 0xc000, 4, 0), TLPB_ERR_UNSUPPORTED);
	pair.model.status = TLPB_CPL_SC;
	expect_read(pair.bar[0].addr, 0);
	pair_close();
}

TEST(Refusals, ALongReadThatFailsInTheMiddleHasAllOnesThereOnly)
{
	static uint8_t buf[3 * 4096];
	uint64_t addr;

	setup();
	addr = pair.bar[3].addr + 0x10000 - 4096;	/* its last page, and two behind it */
	memset(pair.model.memory[3] + 0xf000, 0x55, 4096);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, addr, buf, sizeof buf), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(buf[4095], 0x55);
	EXPECT_EQ(buf[4096], 0xff);
	EXPECT_EQ(buf[sizeof buf - 1], 0xff);
	pair_close();
}

TEST(Refusals, APoisonedWriteIsNotDone)
{
	uint8_t data[4] = { 1, 2, 3, 4 };
	struct tlpb_tlp tlp;

	setup();
	tlp = with_enables(true, 1, 0xf, 0, data);
	tlp.ep = true;
	pair_post(&tlp);
	pair_settle();
	EXPECT_EQ(pair.model.accesses, 0);
	pair_close();
}

/* Byte counts as pcie-reference.md has them: the operand size for atomics. */
TEST(Refusals, LockedReadsAndWhatTheDeviceHasNotAreUnsupported)
{
	struct tlpb_device device = pair_device();
	static const uint8_t data[16];
	static const struct { enum tlpb_tlp_kind kind; unsigned dws, count; } rows[] = {
		{ TLPB_MRDLK, 2, 8 }, { TLPB_FETCHADD, 1, 4 }, { TLPB_FETCHADD, 2, 8 },
		{ TLPB_SWAP, 2, 8 }, { TLPB_CAS, 2, 4 }, { TLPB_CAS, 4, 8 }, { TLPB_DMWR, 1, 4 },
	};

	device.has = 0;
	pair_open(&(struct pair_options){ .device = &device });
	pair_enumerate();
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool has_data = rows[i].kind != TLPB_MRDLK;
		bool atomic = has_data && rows[i].kind != TLPB_DMWR;
		struct tlpb_tlp tlp = {
			.kind = rows[i].kind, .address = pair.bar[0].addr,
			.length_dw = (uint16_t)rows[i].dws, .first_be = atomic ? 0 : 0xf,
			.last_be = atomic || rows[i].dws == 1 ? 0 : 0xf,
			.payload = has_data ? data : NULL, .payload_len = has_data ? 4 * rows[i].dws : 0,
		};

		gt_about(tlpb_kind_name(rows[i].kind));
		EXPECT_EQ(tlpb__bytes_asked(&tlp), rows[i].count);
		EXPECT_EQ(pair_request(&tlp, NULL, 0), TLPB_ERR_UNSUPPORTED);
	}
	EXPECT_EQ(pair.model.accesses, 0);
	pair_close();
}

/* ---- I/O ---- */

TEST(IoAccess, EverySizeAndAlignmentIsExact)
{
	uint8_t *memory;
	uint32_t value;

	setup();
	memory = pair.model.memory[5];
	for (unsigned size = 1; size <= 4; size *= 2) {
		for (unsigned at = 0; at < 8; at++) {
			uint32_t mask = 0xffffffffu >> (32 - 8 * size);

			memset(memory, 0xee, 16);
			ASSERT_EQ(tlpb_rc_io_write(pair.rc, 0xc000 + at, size, 0xa1b2c3d4), 0);
			ASSERT_EQ(tlpb_rc_io_read(pair.rc, 0xc000 + at, size, &value), 0);
			EXPECT_EQ(value, 0xa1b2c3d4 & mask);
			EXPECT_EQ(get_le32(memory + at) & mask, 0xa1b2c3d4 & mask);
			EXPECT_EQ(memory[at + size], 0xee);
			EXPECT_FALSE(pair.model.last.posted);
		}
	}
	pair_close();
}

TEST(IoAccess, OtherSizesAreRefused)
{
	uint32_t value = 0;

	setup();
	EXPECT_EQ(tlpb_rc_io_read(pair.rc, 0xc000, 8, &value), TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_io_read(pair.rc, 0xc000, 0, &value), TLPB_ERR_INVALID);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(tlpb_rc_io_write(pair.rc, 0xc000, 3, 0), TLPB_ERR_INVALID);
	EXPECT_EQ(pair.model.accesses, 0);
	pair_close();
}

/* ---- completions out of order, and wrong ones ---- */

struct reading {
	struct tlpb_tlp tlp;
	uint8_t data[8];
};

static struct tlpb_ep_request *waiting[8];
static unsigned waitings;

static void keep(struct tlpb_ep_request *r)
{
	for (size_t i = 0; i < r->length; i++)
		r->data[i] = (uint8_t)(r->offset + i);
	waiting[waitings++] = r;
}

/* The last one asks for the others to be completed, backwards. */
static void keep_and_complete_backwards(struct tlpb_ep_request *r)
{
	keep(r);
	if (waitings < 8)
		return;
	while (waitings)
		tlpb_ep_complete(pair.ep, waiting[--waitings], TLPB_CPL_SC);
}

static unsigned nested;

/* Each write of the device makes the host read the device again, inside its read. */
static void read_again(uint64_t addr, const void *data, size_t len)
{
	uint8_t buf[8];
	uint64_t offset = 0x100 + 8 * ++nested;

	if (nested > 7)
		return;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + offset, buf, 8), 0);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(buf[i], (uint8_t)(offset + i));
}

static void keep_and_write(struct tlpb_ep_request *r)
{
	EXPECT_EQ(tlpb_ep_dma_write(pair.ep, HOST_RAM_BASE, "nest", 4, NULL, NULL, NULL), 0);
	keep_and_complete_backwards(r);
}

TEST(Completions, ReadsThatNestInTheHostMayComplete)
{
	uint8_t buf[8];

	setup();
	waitings = nested = 0;
	pair.model.on_access = keep_and_write;
	pair.host.on_write = read_again;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 0x100, buf, 8), 0);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(buf[i], (uint8_t)(0x100 + i));
	EXPECT_EQ(waitings, 0);
	pair_close();
}

static void complete_with_garbage(struct tlpb_ep_request *r)
{
	struct tlpb_tlp c = {
		.kind = TLPB_CPLD, .tag = 200, .byte_count = 4, .length_dw = 1,
		.payload = (const uint8_t *)"junk", .payload_len = 4,
	};

	EXPECT_EQ(tlpb__link_send_tlp(pair.ep->link, &c, 0), 0);	/* nobody asked for it */
	memset(r->data, 0x77, r->length);
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
}

static bool has_unexpected(void *arg)
{
	struct tlpb_rc_stats stats;

	tlpb_rc_get_stats(pair.rc, &stats);
	return stats.unexpected_completions;
}

TEST(Completions, AnUnexpectedOneIsDroppedAndCounted)
{
	struct tlpb_rc_stats stats;
	uint8_t buf[4];

	setup();
	pair.model.on_access = complete_with_garbage;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, buf, 4), 0);
	EXPECT_EQ(buf[0], 0x77);
	pair_serve_until(has_unexpected, NULL);		/* completions may pass one another */
	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(stats.unexpected_completions, 1);
	EXPECT_TRUE(log_has("Unexpected Completion"));
	pair_close();
}

/* ---- MSI-X table and PBA ---- */

TEST(MsixTable, AccessesOfOneFourAndEightBytesStayInTheLibrary)
{
	uint64_t table;
	uint8_t buf[16];

	setup();
	table = pair.bar[0].addr + 0x10000;
	ASSERT_EQ(tlpb_rc_mem_read(pair.rc, table, buf, 16), 0);
	EXPECT_EQ(get_le32(buf + 12), 1);
	for (unsigned len = 1; len <= 8; len *= 2) {
		uint8_t data[8] = { 0x10, 0x21, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87 };

		for (unsigned at = 0; at < 8; at += len)
			ASSERT_EQ(tlpb_rc_mem_write(pair.rc, table + 16 * len + at, data + at, len), 0);
		ASSERT_EQ(tlpb_rc_mem_read(pair.rc, table + 16 * len, buf, 8), 0);
		EXPECT_MEMEQ(buf, data, 8);
	}
	ASSERT_EQ(tlpb_rc_mem_read(pair.rc, table + 0x8000 - 8, buf, 8), 0);	/* the last entry */
	EXPECT_EQ(get_le64(buf), 1ull << 32);
	EXPECT_EQ(pair.model.accesses, 0);
	pair_close();
}

TEST(MsixTable, TheRestOfItsBarIsTheModels)
{
	uint8_t buf[8];

	setup();
	ASSERT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 0x10000 - 8, buf, 8), 0);
	EXPECT_EQ(pair.model.accesses, 1);
	ASSERT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 0x18100, buf, 8), 0);	/* behind the PBA */
	EXPECT_EQ(pair.model.accesses, 2);
	pair_close();
}

/* ---- a slow peer ---- */

static void dawdle(struct tlpb_ep_request *r)
{
	if (r->length == 1)		/* now and then */
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	pair.model.memory[r->region][r->offset] = r->data[0];
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
}

TEST(SlowPeer, PostedWritesAreHeldBackAndNoneIsLost)
{
	static uint8_t block[4096];

	pair_open(&(struct pair_options){ .queue = 2 });
	pair_enumerate();
	pair.model.on_access = dawdle;
	for (unsigned i = 0; i < 2000; i++) {
		ASSERT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr + i % 256, &(uint8_t){ (uint8_t)(i + i / 256) }, 1), 0);
		ASSERT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr + 0x2000, block, sizeof block), 0);
	}
	pair_settle();
	EXPECT_EQ(pair.model.accesses, 2000 * 9);
	for (unsigned i = 1999 - 255; i < 2000; i++)	/* the last ones to each byte */
		EXPECT_EQ(pair.model.memory[1][i % 256], (uint8_t)(i + i / 256));
	pair_close();
}
