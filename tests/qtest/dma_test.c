/* SPDX-License-Identifier: MIT */
/* What the endpoint does to the machine: DMA, and what of it is refused. */
#include "machine.h"

enum {
	SRC = 0x100000, DST = 0x200000,	/* guest RAM */
	RAM_END = 64 << 20,
	UNMAPPED = 0x10000000,		/* above the 64 MiB of RAM */
	MSI_RANGE = 0xfee00000,
	EFFECT_SRC = 2, EFFECT_DST = 3,
};

static uint32_t crc32_le(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= *data++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

/* STATUS after a command, whatever became of its interrupt. */
static uint32_t transfer(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
	return run_command(command, src, dst, size) & ~(uint32_t)IRQ_RAISED;
}

static uint8_t data[256 * 1024], seen[256 * 1024];

static const struct {
	uint32_t offset, size;
} pieces[] = {
	{ 0, 1 }, { 1, 1 }, { 3, 2 }, { 0, 4 }, { 2, 511 }, { 0, 512 }, { 1, 513 }, { 0xffe, 4 },
	{ 0, 4096 }, { 0x123, 5000 }, { 0xfff, 65537 }, { 0, sizeof data - 0x1000 },
};

TEST(Dma, EndpointReadsGuestMemory)
{
	machine_start(ALL_KINDS, "");
	fill(data, sizeof data, 2);
	qtest_write_bytes(m.q, SRC, data, sizeof data);
	for (unsigned i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		reg_write(REG_CHECKSUM, crc32_le(data + pieces[i].offset, pieces[i].size));
		EXPECT_EQ(transfer(DO_READ, SRC + pieces[i].offset, 0, pieces[i].size),
			  READ_SUCCESS);
	}
	reg_write(REG_CHECKSUM, 0x12345678);
	EXPECT_EQ(transfer(DO_READ, SRC, 0, 64), READ_FAIL);
	machine_stop();
}

TEST(Dma, EndpointWritesGuestMemory)
{
	machine_start(ALL_KINDS, "");
	for (unsigned i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		uint64_t dst = DST + pieces[i].offset;

		qtest_command(m.q, "memset 0x%x 0x%zx 0x5a", DST - 16, sizeof seen + 32);
		EXPECT_EQ(transfer(DO_WRITE, 0, dst, pieces[i].size), WRITE_SUCCESS);
		qtest_read_bytes(m.q, dst, seen, pieces[i].size);
		EXPECT_EQ(crc32_le(seen, pieces[i].size), reg_read(REG_CHECKSUM));
		EXPECT_EQ(qtest_read(m.q, dst - 1, 1), 0x5au);
		EXPECT_EQ(qtest_read(m.q, dst + pieces[i].size, 1), 0x5au);
	}
	machine_stop();
}

TEST(Dma, EndpointCopiesGuestMemory)
{
	machine_start(ALL_KINDS, "");
	fill(data, sizeof data, 3);
	qtest_write_bytes(m.q, SRC, data, sizeof data);
	for (unsigned i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		EXPECT_EQ(transfer(DO_COPY, SRC + pieces[i].offset, DST + 7, pieces[i].size),
			  COPY_SUCCESS);
		qtest_read_bytes(m.q, DST + 7, seen, pieces[i].size);
		EXPECT_MEMEQ(seen, data + pieces[i].offset, pieces[i].size);
	}
	machine_stop();
}

TEST(Dma, IsRefusedWithBusMasterEnableOff)
{
	machine_start(ALL_KINDS, "");
	qtest_write(m.q, DST, 4, 0x11111111);
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MEMORY);
	EXPECT_EQ(run_command(DO_READ, SRC, 0, 64) & (READ_SUCCESS | READ_FAIL), READ_FAIL);
	EXPECT_EQ(run_command(DO_WRITE, 0, DST, 64) & (WRITE_SUCCESS | WRITE_FAIL), WRITE_FAIL);
	EXPECT_EQ(qtest_read(m.q, DST, 4), 0x11111111u);
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MEMORY | COMMAND_MASTER);
	EXPECT_EQ(transfer(DO_WRITE, 0, DST, 64), WRITE_SUCCESS);
	machine_stop();
}

TEST(Dma, ToUnmappedAddressesFails)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(transfer(DO_READ, UNMAPPED, 0, 64), READ_FAIL | SRC_ADDR_INVALID);
	EXPECT_EQ(transfer(DO_WRITE, 0, UNMAPPED, 64), WRITE_FAIL | DST_ADDR_INVALID);
	EXPECT_EQ(transfer(DO_COPY, SRC, UNMAPPED, 8192), COPY_FAIL | DST_ADDR_INVALID);
	EXPECT_EQ(transfer(DO_COPY, SRC, 1ull << 40, 4), COPY_FAIL | DST_ADDR_INVALID);
	EXPECT_EQ(transfer(DO_COPY, SRC, DST, 4), COPY_SUCCESS);
	machine_stop();
}

static uint64_t fault_address(void)
{
	return reg_read(REG_FAULT) | (uint64_t)reg_read(REG_FAULT + 4) << 32;
}

/* Guest RAM ends on a page boundary; the endpoint learns which byte of a transfer was the first beyond. */
TEST(Dma, TellsTheFirstByteThatFailed)
{
	machine_start(ALL_KINDS, "");
	transfer(DO_READ, RAM_END - 8191, 0, 8192);
	EXPECT_EQ(fault_address(), RAM_END);
	transfer(DO_WRITE, 0, RAM_END - 8191, 8192);
	EXPECT_EQ(fault_address(), RAM_END);
	transfer(DO_COPY, SRC, RAM_END - 1, 5000);
	EXPECT_EQ(fault_address(), RAM_END);
	transfer(DO_COPY, RAM_END + 3, DST, 64);
	EXPECT_EQ(fault_address(), RAM_END + 3);
	EXPECT_EQ(transfer(DO_COPY, SRC, DST, 64), COPY_SUCCESS);
	EXPECT_EQ(fault_address(), 0u);
	transfer(DO_READ, 1ull << 40, 0, 4);
	EXPECT_EQ(fault_address(), 1ull << 40);
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MEMORY);
	transfer(DO_WRITE, 0, DST, 64);
	EXPECT_EQ(fault_address(), (uint64_t)DST);
	transfer(DO_WRITE, 0, DST, 0);
	EXPECT_EQ(fault_address(), 0u);
	machine_stop();
}

TEST(Dma, FailedWritesAreToldToNobodyOnPlainPcie)
{
	machine_start(ALL_KINDS, "plain-pcie=on");
	EXPECT_EQ(transfer(DO_WRITE, 0, UNMAPPED, 64), WRITE_SUCCESS);
	EXPECT_EQ(transfer(DO_READ, UNMAPPED, 0, 64), READ_FAIL | SRC_ADDR_INVALID);
	machine_stop();
}

/* Served by the main loop, and inside a BAR read that waits. */
TEST(Dma, ToItsOwnBarsIsRefused)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(transfer(DO_READ, m.bar[4].addr, 0, 64), READ_FAIL | SRC_ADDR_INVALID);
	EXPECT_EQ(transfer(DO_WRITE, 0, m.bar[4].addr, 64), WRITE_FAIL | DST_ADDR_INVALID);
	EXPECT_EQ(qtest_read(m.q, m.bar[4].addr, 8), 0u);
	reg_write64(REG_SRC, m.bar[4].addr);
	reg_write64(REG_DST, DST);
	EXPECT_EQ(reg_read(REG_READ_EFFECT) >> 16, EFFECT_SRC);
	reg_write64(REG_SRC, SRC);
	reg_write64(REG_DST, m.bar[4].addr);
	EXPECT_EQ(reg_read(REG_READ_EFFECT) >> 16, EFFECT_DST);
	machine_stop();
}

TEST(Dma, ToItsOwnConfigSpaceIsRefused)
{
	uint64_t page = ECAM + ((uint64_t)EP << 12);

	machine_start(ALL_KINDS, "");
	EXPECT_EQ(transfer(DO_READ, page, 0, 4), READ_FAIL | SRC_ADDR_INVALID);
	EXPECT_EQ(transfer(DO_WRITE, 0, page + 0x3c, 1), WRITE_FAIL | DST_ADDR_INVALID);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x3c, 1), 0u);
	machine_stop();
}

/* QEMU would raise some vector for each. */
TEST(Dma, IntoTheInterruptRangeMustBeAnAlignedDoubleword)
{
	static const struct {
		uint32_t addr, size;
	} wrong[] = {
		{ MSI_RANGE, 1 }, { MSI_RANGE + 0x1000, 8 }, { MSI_RANGE + 2, 4 },
		{ MSI_RANGE - 2, 4 }, { MSI_RANGE + 0xffffe, 2 },
	};

	machine_start(ALL_KINDS, "");
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		EXPECT_EQ(transfer(DO_WRITE, 0, wrong[i].addr, wrong[i].size),
			  WRITE_FAIL | DST_ADDR_INVALID);
	EXPECT_EQ(transfer(DO_READ, MSI_RANGE, 0, 4), READ_FAIL | SRC_ADDR_INVALID);
	machine_stop();
}

/*
 * Two bridges in one QEMU, each with a server of its own: device 0 copies between guest
 * memory and a BAR of device 1.
 */
TEST(Dma, ReachesAnotherBridgesBars)
{
	struct bar other[6];
	struct process *second;

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
	second = serve("s1", ALL_KINDS);
	m.q = qtest_start(ARGS(PORT2, "-device", bridge_device("rp0", "s", ""),
			       "-device", bridge_device("rp1", "s1", "")));
	qtest_set_up_port(m.q, 0);
	qtest_set_up_port(m.q, 1);
	place_bars(m.q, EP, m.bar);
	place_bars(m.q, BEHIND_PORT(1), other);
	fill(data, 4096, 4);
	qtest_write_bytes(m.q, SRC, data, 4096);
	EXPECT_EQ(transfer(DO_COPY, SRC, other[4].addr, 4096), COPY_SUCCESS);
	qtest_read_bytes(m.q, other[4].addr, seen, 4096);
	EXPECT_MEMEQ(seen, data, 4096);
	EXPECT_EQ(transfer(DO_COPY, other[4].addr, DST, 4096), COPY_SUCCESS);
	qtest_read_bytes(m.q, DST, seen, 4096);
	EXPECT_MEMEQ(seen, data, 4096);
	qtest_stop(m.q);
	EXPECT_EQ(process_stop(second), 0);
	EXPECT_EQ(process_stop(m.server), 0);
}
