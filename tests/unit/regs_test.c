/* SPDX-License-Identifier: MIT */
/* Registers and memory behind a BAR, for models in C. */
#include <tlpbridge/regs.h>

#include "gtest.h"

enum { PLAIN, PARTLY, FIXED, HANDLED, REGISTERS };

static uint32_t writes, last_written, reads;

static void was_written(void *ctx, uint32_t value)
{
	EXPECT_EQ(*(int *)ctx, 42);
	writes++;
	last_written = value;
}

static uint32_t is_read(void *ctx)
{
	EXPECT_EQ(*(int *)ctx, 42);
	return 0xaabbcc00 + reads++;
}

static int context = 42;
static struct tlpb_reg reg[REGISTERS] = {
	[PLAIN] = { 0x00, "PLAIN", .writable = ~0u, .reset = 0x11223344 },
	[PARTLY] = { 0x04, "PARTLY", .writable = 0x00ff00f0, .reset = 0xf0000001 },
	[FIXED] = { 0x08, "FIXED", .reset = 0x600d600d },
	[HANDLED] = { 0x10, "HANDLED", .writable = ~0u, .written = was_written, .read = is_read },
};
static const struct tlpb_regs regs = { reg, REGISTERS, &context };

static void setup(void)
{
	writes = reads = last_written = 0;
	tlpb_regs_reset(&regs);
}

static void write_bytes(uint64_t offset, const void *data, size_t len, const uint8_t *enable)
{
	struct tlpb_ep_request r = { .write = true, .offset = offset, .length = len,
				     .data = (uint8_t *)data, .byte_enable = enable };

	tlpb_regs_access(&regs, &r);
}

static void read_bytes(uint64_t offset, void *data, size_t len)
{
	struct tlpb_ep_request r = { .offset = offset, .length = len, .data = data };

	tlpb_regs_access(&regs, &r);
}

TEST(Regs, ResetGivesTheValuesOfTheTableWithoutHandlers)
{
	setup();
	reg[HANDLED].value = 5;
	tlpb_regs_reset(&regs);
	EXPECT_EQ(reg[PLAIN].value, 0x11223344u);
	EXPECT_EQ(reg[HANDLED].value, 0u);
	EXPECT_EQ(writes, 0u);
}

TEST(Regs, AreLittleEndianAndOnlyWritableBitsChange)
{
	setup();
	write_bytes(0, "\x78\x56\x34\x12", 4, NULL);
	EXPECT_EQ(reg[PLAIN].value, 0x12345678u);
	write_bytes(4, "\xff\xff\xff\xff", 4, NULL);
	EXPECT_EQ(reg[PARTLY].value, 0xf0ff00f1u);
	write_bytes(4, "\0\0\0\0", 4, NULL);
	EXPECT_EQ(reg[PARTLY].value, 0xf0000001u);
	write_bytes(8, "\0\0\0\0", 4, NULL);
	EXPECT_EQ(reg[FIXED].value, 0x600d600du);
}

TEST(Regs, TakeAccessesOfAnyLengthAndAlignment)
{
	uint8_t bytes[11];

	setup();
	write_bytes(2, "\xaa\xbb\xcc", 3, NULL);	/* the upper half of one, a byte of the next */
	EXPECT_EQ(reg[PLAIN].value, 0xbbaa3344u);
	EXPECT_EQ(reg[PARTLY].value, 0xf00000c1u);
	read_bytes(1, bytes, sizeof bytes);
	EXPECT_MEMEQ(bytes, "\x33\xaa\xbb\xc1\0\0\xf0\x0d\x60\x0d\x60", sizeof bytes);
}

TEST(Regs, KeepBytesThatAreNotEnabled)
{
	setup();
	write_bytes(0, "\1\2\3\4", 4, (const uint8_t *)"\xff\0\0\xff");
	EXPECT_EQ(reg[PLAIN].value, 0x04223301u);
}

TEST(Regs, BetweenThemThereIsZeroAndWritesAreIgnored)
{
	uint8_t bytes[8];

	setup();
	write_bytes(0x0c, "\xff\xff\xff\xff", 4, NULL);
	write_bytes(0x1000, "\xff\xff\xff\xff", 4, NULL);
	memset(bytes, 0xee, sizeof bytes);
	read_bytes(0x0a, bytes, 6);
	EXPECT_MEMEQ(bytes, "\x0d\x60\0\0\0\0\xee\xee", sizeof bytes);
}

TEST(Regs, HandlersAreCalledOnceAnAccessAndOnlyForTheirBytes)
{
	uint8_t bytes[4];

	setup();
	write_bytes(0x10, "\1\2\3\4", 4, NULL);
	EXPECT_EQ(writes, 1u);
	EXPECT_EQ(last_written, 0x04030201u);
	write_bytes(0x12, "\xff", 1, NULL);
	EXPECT_EQ(writes, 2u);
	EXPECT_EQ(last_written, 0x04ff0201u);
	write_bytes(0x10, "\0\0\0\0", 4, (const uint8_t *)"\0\0\0\0");
	write_bytes(0x08, "\0\0\0\0\0\0\0\0", 8, NULL);
	EXPECT_EQ(writes, 2u);
	read_bytes(0x10, bytes, 4);
	read_bytes(0x13, bytes + 3, 1);
	EXPECT_MEMEQ(bytes, "\0\xcc\xbb\xaa", 4);
	EXPECT_EQ(reads, 2u);
}

TEST(Memory, IsReadAndWrittenWithinItsBounds)
{
	uint8_t memory[16] = { 0 }, data[4] = { 1, 2, 3, 4 };
	struct tlpb_ep_request r = { .write = true, .offset = 12, .length = 4, .data = data };

	EXPECT_TRUE(tlpb_memory_access(memory, sizeof memory, &r));
	EXPECT_MEMEQ(memory + 12, data, 4);
	r.byte_enable = (const uint8_t *)"\0\xff\0\0";
	data[1] = 9;
	data[0] = 8;
	EXPECT_TRUE(tlpb_memory_access(memory, sizeof memory, &r));
	EXPECT_MEMEQ(memory + 12, "\1\x9\3\4", 4);
	r.write = false;
	r.byte_enable = NULL;
	EXPECT_TRUE(tlpb_memory_access(memory, sizeof memory, &r));
	EXPECT_MEMEQ(data, "\1\x9\3\4", 4);
	r.offset = 13;
	EXPECT_FALSE(tlpb_memory_access(memory, sizeof memory, &r));
	r.offset = UINT64_MAX;
	EXPECT_FALSE(tlpb_memory_access(memory, sizeof memory, &r));
	r.offset = 16;
	r.length = 0;
	EXPECT_TRUE(tlpb_memory_access(memory, sizeof memory, &r));
}

TEST(Regs, AreDescribedAsTheTableSays)
{
	static const struct tlpb_field field = { "GO", 0, 1 };
	static struct tlpb_reg table[] = {
		{ 0x00, "FIXED", .reset = 1 },
		{ 0x04, "CONTROL", .writable = 1, .text = "starts it", .field = &field, .fields = 1 },
		{ 0x08, "EVENTS", .writable = ~0u, .access = TLPB_ACCESS_W1C, .read_effect = true },
	};
	struct tlpb_register list[4] = { [3].name = "untouched" };

	tlpb_regs_describe(&(struct tlpb_regs){ table, 3, NULL }, 2, list);
	EXPECT_EQ(list[0].access, TLPB_ACCESS_RO);
	EXPECT_EQ(list[1].access, TLPB_ACCESS_RW);
	EXPECT_EQ(list[2].access, TLPB_ACCESS_W1C);
	EXPECT_STREQ(list[1].name, "CONTROL");
	EXPECT_STREQ(list[1].description, "starts it");
	EXPECT_EQ(list[1].region, 2u);
	EXPECT_EQ(list[1].offset, 4u);
	EXPECT_EQ(list[1].width, 32u);
	EXPECT_STREQ(list[1].field[0].name, "GO");
	EXPECT_EQ(list[1].fields, 1u);
	EXPECT_FALSE(list[1].read_effect);
	EXPECT_TRUE(list[2].read_effect);
	EXPECT_STREQ(list[3].name, "untouched");
}

/* ---- AtomicOps ---- */

static void run_atomic(uint64_t offset, const struct tlpb_atomic *a, void *old)
{
	struct tlpb_ep_request r = { .offset = offset, .length = a->size, .data = old, .atomic = a };

	tlpb_regs_access(&regs, &r);
}

TEST(Regs, AnAtomicOpReadsAndWritesWhatIsWritable)
{
	const struct tlpb_atomic add = { .op = TLPB_FETCHADD, .size = 4, .operand = { 0x10 } };
	const struct tlpb_atomic swap = { .op = TLPB_SWAP, .size = 8,
					  .operand = { 1, 2, 3, 4, 255, 255, 255, 255 } };
	uint32_t old[2];

	setup();
	run_atomic(0, &add, old);
	EXPECT_EQ(old[0], 0x11223344u);
	EXPECT_EQ(reg[PLAIN].value, 0x11223354u);
	run_atomic(0, &swap, old);
	EXPECT_EQ(old[0], 0x11223354u);
	EXPECT_EQ(old[1], 0xf0000001u);
	EXPECT_EQ(reg[PLAIN].value, 0x04030201u);
	EXPECT_EQ(reg[PARTLY].value, 0xf0ff00f1u);
}

TEST(Regs, ACasThatDoesNotFindWhatItLooksForWritesNothing)
{
	struct tlpb_atomic cas = { .op = TLPB_CAS, .size = 4, .operand = { 7 } };
	uint32_t old;

	setup();
	run_atomic(0x10, &cas, &old);
	EXPECT_EQ(old, 0xaabbcc00u);
	EXPECT_EQ(writes, 0u);
	memcpy(cas.compare, "\x01\xcc\xbb\xaa", 4);
	run_atomic(0x10, &cas, &old);
	EXPECT_EQ(writes, 1u);
	EXPECT_EQ(last_written, 7u);
}

TEST(Regs, AnAtomicOpOnMemoryNeedsNoAlignmentOfIt)
{
	const struct tlpb_atomic swap = { .op = TLPB_SWAP, .size = 8, .operand = { 1, 2, 3 } };
	_Alignas(8) uint8_t memory[17] = { 0 }, old[8] = { 9 };
	struct tlpb_ep_request r = { .offset = 8, .length = 8, .data = old, .atomic = &swap };

	for (unsigned shift = 0; shift < 2; shift++) {
		memset(memory, 0x33, sizeof memory);
		EXPECT_TRUE(tlpb_memory_access(memory + shift, 16, &r));
		EXPECT_EQ(old[0], 0x33);
		EXPECT_MEMEQ(memory + shift + 8, swap.operand, 8);
		EXPECT_EQ(memory[7], 0x33);
	}
	EXPECT_FALSE(tlpb_memory_access(memory, 15, &r));
}
