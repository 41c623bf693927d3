/* SPDX-License-Identifier: MIT */
/* The expansion ROM of an endpoint written in C. */
#include "machine.h"

enum {
	ROM_ADDRESS = 0x30,
	ROM_ENABLE = 1,
	ROM_SIZE = 2048,
	ARGS_MAX = 64,
};

static void start(const char *kind)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = process_start((const char *const[]){ TLPB_ROM_SERVER, socket_url("s"), kind,
							NULL });
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
	qtest_ecam_write(m.q, EP, ROM_ADDRESS, 4, (PORT_MEM(0) + 0x100000) | ROM_ENABLE);
}

static uint64_t rom_read(unsigned offset, unsigned size)
{
	return qtest_read(m.q, PORT_MEM(0) + 0x100000 + offset, size);
}

TEST(Rom, IsSizedAndRead)
{
	start("good");
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x00, 4), 0x56781234u);
	EXPECT_EQ(rom_read(0, 2), 0xaa55u);
	EXPECT_EQ(rom_read(0x1c, 4), 0x52494350u);	/* PCIR */
	EXPECT_EQ(rom_read(ROM_SIZE - 8, 8), 0u);
	qtest_ecam_write(m.q, EP, ROM_ADDRESS, 4, 0xfffffffe);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, ROM_ADDRESS, 4), ~(ROM_SIZE - 1u));
	machine_stop();
}

TEST(Rom, IsNotReachedWhileDisabled)
{
	start("good");
	qtest_ecam_write(m.q, EP, ROM_ADDRESS, 4, PORT_MEM(0) + 0x100000);
	EXPECT_NE(rom_read(0, 2), 0xaa55u);
	machine_stop();
}

TEST(Rom, EmptyOneIsShownAsItIs)
{
	start("empty");
	EXPECT_EQ(rom_read(0, 4), 0u);
	EXPECT_EQ(process_count_output(m.q->process, "ROM"), 0u);
	machine_stop();
}

/* SeaBIOS would never come to the end of it. */
TEST(Rom, EndlessOneIsHidden)
{
	start("endless");
	EXPECT_EQ(rom_read(0, 4), 0xffffffffu);
	EXPECT_EQ(process_count_output(m.q->process, "the length of an image is wrong"), 1u);
	qtest_write(m.q, m.bar[0].addr, 4, 0x12345678);
	EXPECT_EQ(qtest_read(m.q, m.bar[0].addr, 4), 0x12345678u);
	machine_stop();
}

/* A device that falls silent while QEMU starts must not keep it from saying so. */
TEST(Rom, ThatNeverAnswersFailsTheStartAfterConnectTimeout)
{
	const char *argv[ARGS_MAX];
	struct process *qemu;

	processes_end();
	process_start((const char *const[]){ TLPB_ROM_SERVER, socket_url("s"), "silent", NULL });
	qemu_command(argv, ARGS_MAX, ARGS("-device", bridge_device("rp0", "s", "connect-timeout=1000")));
	qemu = process_start(argv);
	EXPECT_EQ(process_wait(qemu, PROCESS_PATIENCE_MS), 1);
	EXPECT_NOT_NULL(strstr(process_output(qemu), "did not answer within connect-timeout"));
	processes_end();
}
