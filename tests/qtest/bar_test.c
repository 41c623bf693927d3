/* SPDX-License-Identifier: MIT */
/* Guest accesses to BARs: each kind, each size, any alignment. */
#include "machine.h"

#include <stdio.h>

/* endpoint-test's BARs but the first are plain memory. */
static void check_sizes(uint64_t addr)
{
	static const struct {
		unsigned offset, size;
		uint64_t value;
	} writes[] = {
		{ 0x00, 8, 0x1122334455667788 }, { 0x08, 4, 0x99aabbcc }, { 0x0c, 2, 0xddee },
		{ 0x0e, 1, 0xff }, { 0x11, 4, 0x01020304 }, { 0x17, 8, 0xa1a2a3a4a5a6a7a8 },
		{ 0x21, 2, 0xb1b2 }, { 0x25, 8, 0xc1c2c3c4c5c6c7c8 },
		{ 0xffc, 8, 0xd1d2d3d4d5d6d7d8 }, { 0xfff, 1, 0xee },
	};
	uint8_t expected[0x1010] = { 0 }, seen[0x1010];

	for (unsigned i = 0; i < sizeof writes / sizeof writes[0]; i++) {
		qtest_write(m.q, addr + writes[i].offset, writes[i].size, writes[i].value);
		memcpy(expected + writes[i].offset, &writes[i].value, writes[i].size);
	}
	qtest_read_bytes(m.q, addr, seen, sizeof seen);
	EXPECT_MEMEQ(seen, expected, sizeof seen);
	for (unsigned size = 1; size <= 8; size *= 2)
		for (unsigned offset = 0; offset < 0x30; offset++) {
			uint64_t value = 0;

			memcpy(&value, expected + offset, size);
			EXPECT_EQ(qtest_read(m.q, addr + offset, size), value);
		}
}

TEST(Bar, Memory64TakesAllSizesAndAlignments)
{
	machine_start(ALL_KINDS, "");
	check_sizes(m.bar[4].addr);
	machine_stop();
}

TEST(Bar, Prefetchable64AboveFourGigabytesTakesAllSizes)
{
	machine_start(ALL_KINDS, "");
	EXPECT_GE(m.bar[2].addr, 1ull << 32);
	check_sizes(m.bar[2].addr);
	check_sizes(m.bar[2].addr + m.bar[2].size - 0x1010);
	machine_stop();
}

TEST(Bar, Memory32AndPrefetchable32TakeAllSizes)
{
	machine_start("0:mem32:64K,1:mem32:8K,2:pref32:8K", "");
	check_sizes(m.bar[1].addr);
	check_sizes(m.bar[2].addr);
	machine_stop();
}

TEST(Bar, BulkDataComesBack)
{
	static uint8_t data[128 * 1024], seen[sizeof data];

	machine_start(ALL_KINDS, "");
	fill(data, sizeof data, 1);
	qtest_write_bytes(m.q, m.bar[2].addr + 3, data, sizeof data);
	qtest_read_bytes(m.q, m.bar[2].addr + 3, seen, sizeof seen);
	EXPECT_MEMEQ(seen, data, sizeof data);
	machine_stop();
}

TEST(Bar, RegistersAnswer)
{
	machine_start(ALL_KINDS, "");
	reg_write(REG_MAGIC, 0x600dcafe);
	EXPECT_EQ(reg_read(REG_MAGIC), 0x600dcafeu);
	EXPECT_EQ(qtest_read(m.q, m.bar[0].addr + REG_MAGIC + 1, 2), 0x0dcau);
	machine_stop();
}

TEST(Bar, IoTakesAllSizesAndAlignments)
{
	uint16_t io;

	machine_start(ALL_KINDS, "");
	io = (uint16_t)m.bar[1].addr;
	qtest_out(m.q, io, 4, 0x44332211);
	qtest_out(m.q, io + 4, 2, 0x6655);
	qtest_out(m.q, io + 6, 1, 0x77);
	EXPECT_EQ(qtest_in(m.q, io, 4), 0x44332211u);
	EXPECT_EQ(qtest_in(m.q, io + 4, 4), 0x00776655u);
	EXPECT_EQ(qtest_in(m.q, io + 5, 1), 0x66u);
	qtest_out(m.q, io + 0x21, 4, 0xa4a3a2a1);	/* across a doubleword */
	EXPECT_EQ(qtest_in(m.q, io + 0x20, 4), 0xa3a2a100u);
	EXPECT_EQ(qtest_in(m.q, io + 0x21, 4), 0xa4a3a2a1u);
	EXPECT_EQ(qtest_in(m.q, io + 0x23, 2), 0xa4a3u);
	qtest_out(m.q, io + 0xff, 1, 0x5a);
	EXPECT_EQ(qtest_in(m.q, io + 0xff, 1), 0x5au);
	machine_stop();
}

TEST(Bar, MsixTableAndPendingBitsAnswer)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(reg_read(MSIX_TABLE + 0xc) & 1, 1u);		/* masked after reset */
	reg_write(MSIX_TABLE, 0x12345670);
	EXPECT_EQ(reg_read(MSIX_TABLE), 0x12345670u);
	EXPECT_EQ(reg_read(MSIX_PBA), 0u);
	machine_stop();
}

TEST(Bar, MovesWithItsRegister)
{
	uint64_t old, new = PORT_MEM(0) + 0x800000;

	machine_start(ALL_KINDS, "");
	old = m.bar[4].addr;
	qtest_write(m.q, old, 4, 0x11111111);
	qtest_ecam_write(m.q, EP, 0x20, 4, (uint32_t)new);
	EXPECT_EQ(qtest_read(m.q, new, 4), 0x11111111u);
	qtest_write(m.q, old, 4, 0x22222222);			/* hits nothing */
	EXPECT_EQ(qtest_read(m.q, new, 4), 0x11111111u);
	machine_stop();
}

TEST(Bar, IsNotReachedWithoutMemoryEnable)
{
	machine_start(ALL_KINDS, "");
	qtest_write(m.q, m.bar[4].addr, 4, 0x11111111);
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MASTER);
	qtest_write(m.q, m.bar[4].addr, 4, 0x22222222);
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MASTER | COMMAND_MEMORY);
	EXPECT_EQ(qtest_read(m.q, m.bar[4].addr, 4), 0x11111111u);
	machine_stop();
}

/* Not a check of speed, but the figure is good to know. */
TEST(Bar, ManyReadsSucceed)
{
	enum { READS = 2000 };
	long long start;

	machine_start(ALL_KINDS, "");
	reg_write(REG_MAGIC, 0x600dcafe);
	start = now_ms();
	for (unsigned i = 0; i < READS; i++)
		ASSERT_EQ(reg_read(REG_MAGIC), 0x600dcafeu);
	printf("%.1f us a BAR read, qtest included\n", (double)(now_ms() - start) * 1000 / READS);
	start = now_ms();
	for (unsigned i = 0; i < READS; i++)
		qtest_read(m.q, 0x1000, 4);
	printf("%.1f us a RAM read through qtest\n", (double)(now_ms() - start) * 1000 / READS);
	machine_stop();
}
