/* SPDX-License-Identifier: MIT */
/* A resizable BAR of an endpoint written in C, as a guest's driver resizes it. */
#include "machine.h"

enum {
	CAPABILITY = 0x100, CONTROL = CAPABILITY + 8, CODE_SHIFT = 8,
	BAR = 2, MIB = 1 << 20, DEVCTL = 0x78, FLR = 1 << 15,
};

static void start(void)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = process_start((const char *const[]){ TLPB_ROM_SERVER, socket_url("s"), "empty",
							NULL });
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
}

/* Decoding off, the size, the BAR placed again, decoding on: as Linux does it. */
static void resize(unsigned code)
{
	qtest_ecam_write(m.q, EP, 0x04, 2, 0);
	qtest_ecam_write(m.q, EP, CONTROL, 4, code << CODE_SHIFT);
	place_bars(m.q, EP, m.bar);
}

static uint32_t at(uint64_t offset)
{
	return (uint32_t)qtest_read(m.q, m.bar[BAR].addr + offset, 4);
}

static void expect_size(uint64_t size)
{
	EXPECT_EQ(m.bar[BAR].size, size);
	EXPECT_EQ(at(4), 4);
	EXPECT_EQ(at(size - 4), size - 4);
	EXPECT_NE(at(size), size);		/* nobody's any more */
}

TEST(Resize, QemuReachesAllOfABarThatWasMadeLargerOrSmaller)
{
	start();
	EXPECT_EQ(qtest_ecam_read(m.q, EP, CAPABILITY, 4), 0x00010015u);
	expect_size(2 * MIB);
	resize(4);
	expect_size(16 * MIB);
	resize(0);
	expect_size(MIB);
	machine_stop();
}

TEST(Resize, ASizeThatTheDeviceDoesNotHaveChangesNothing)
{
	start();
	resize(5);
	expect_size(2 * MIB);
	machine_stop();
}

TEST(Resize, AFunctionLevelResetGivesTheFirstSizeBack)
{
	start();
	resize(3);
	expect_size(8 * MIB);
	qtest_ecam_write(m.q, EP, DEVCTL, 2, FLR);
	place_bars(m.q, EP, m.bar);
	expect_size(2 * MIB);
	machine_stop();
}
