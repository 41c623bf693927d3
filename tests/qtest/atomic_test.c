/* SPDX-License-Identifier: MIT */
/* AtomicOps of an endpoint on guest memory. */
#include "machine.h"

enum {
	ADDRESS = 0x00, COMMAND = 0x08, STATUS = 0x10, OPERAND = 0x20, COMPARE = 0x30, OLD = 0x40,
	RUNNING = 0xff,
	FETCH_ADD = 0, SWAP = 1, CAS = 2,
	UNSUPPORTED = 10,		/* TLPB_ERR_UNSUPPORTED */
	RAM = 0x100000,
	UNMAPPED = 0x10000000,		/* above the 64 MiB of RAM */
	FLASH = 0xfffff000,		/* firmware: memory, but read-only */
	CAP_PCIE = 0x10, DEVCTL2 = 40, REQUESTER_ENABLE = 1 << 6,
};

static void start(void)
{
	unsigned pcie;

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = process_start((const char *const[]){ TLPB_ATOMIC_SERVER, socket_url("s"), NULL });
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
	for (pcie = (unsigned)qtest_ecam_read(m.q, EP, 0x34, 1);
	     pcie && qtest_ecam_read(m.q, EP, pcie, 1) != CAP_PCIE;)
		pcie = (unsigned)qtest_ecam_read(m.q, EP, pcie + 1, 1);
	ASSERT_NE(pcie, 0);
	qtest_ecam_write(m.q, EP, pcie + DEVCTL2, 2, REQUESTER_ENABLE);
}

static void set(unsigned at, uint64_t value)
{
	qtest_write(m.q, m.bar[0].addr + at, 8, value);
}

/* Returns STATUS. */
static unsigned run(uint64_t address, unsigned op, unsigned size)
{
	unsigned status = RUNNING;

	set(ADDRESS, address);
	set(COMMAND, op << 8 | size);
	while (status == RUNNING)
		status = (unsigned)qtest_read(m.q, m.bar[0].addr + STATUS, 1);
	return status;
}

TEST(Atomic, OnGuestMemoryOfEverySize)
{
	start();
	qtest_write(m.q, RAM, 8, 0x00000000fffffffe);
	qtest_write(m.q, RAM + 8, 8, 0x1122334455667788);
	set(OPERAND, 3);
	EXPECT_EQ(run(RAM, FETCH_ADD, 4), 0u);
	EXPECT_EQ(qtest_read(m.q, m.bar[0].addr + OLD, 4), 0xfffffffeu);
	EXPECT_EQ(qtest_read(m.q, RAM, 8), 1u);
	EXPECT_EQ(run(RAM + 8, SWAP, 8), 0u);
	EXPECT_EQ(qtest_read(m.q, m.bar[0].addr + OLD, 8), 0x1122334455667788u);
	EXPECT_EQ(qtest_read(m.q, RAM + 8, 8), 3u);
	set(OPERAND, 0xa);
	set(OPERAND + 8, 0xb);
	set(COMPARE, 1);
	set(COMPARE + 8, 4);
	EXPECT_EQ(run(RAM, CAS, 16), 0u);		/* finds something else */
	EXPECT_EQ(qtest_read(m.q, RAM, 8), 1u);
	set(COMPARE + 8, 3);
	EXPECT_EQ(run(RAM, CAS, 16), 0u);
	EXPECT_EQ(qtest_read(m.q, m.bar[0].addr + OLD + 8, 8), 3u);
	EXPECT_EQ(qtest_read(m.q, RAM, 8), 0xau);
	EXPECT_EQ(qtest_read(m.q, RAM + 8, 8), 0xbu);
	machine_stop();
}

TEST(Atomic, WhereThereIsNoRamIsUnsupportedRequest)
{
	start();
	set(OPERAND, 1);
	EXPECT_EQ(run(UNMAPPED, FETCH_ADD, 4), UNSUPPORTED);
	EXPECT_EQ(run(FLASH, SWAP, 4), UNSUPPORTED);
	EXPECT_EQ(run(m.bar[0].addr + 0x800, SWAP, 4), UNSUPPORTED);
	EXPECT_EQ(run(0xfee00000, SWAP, 4), UNSUPPORTED);
	machine_stop();
}
