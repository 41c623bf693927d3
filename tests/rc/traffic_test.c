/* SPDX-License-Identifier: MIT */
/* The host's face against tlpbridge-serve: what every host does. */
#include "bytes.h"
#include "gtest.h"
#include "host.h"

static void setup(void)
{
	processes_end();
	serve("s");
	host_start(url_of("s"));
}

static void teardown(void)
{
	host_stop();
	processes_end();
}

TEST(Traffic, TheDeviceIsWhatItSaysItIs)
{
	uint32_t id;

	setup();
	EXPECT_STREQ(tlpb_rc_device(host.rc)->name, "endpoint-test");
	EXPECT_EQ(tlpb_rc_config_read(host.rc, HOST_BDF, 0, 4, &id), 0);
	EXPECT_EQ(id, 0xb500104c);
	EXPECT_EQ(host.bar[0].size, 64 * 1024);
	EXPECT_EQ(host.bar[3].size, 16 * 1024);
	teardown();
}

TEST(Traffic, RegistersAndMemoryKeepWhatIsWritten)
{
	uint8_t data[5000], back[5000];

	setup();
	reg_write(0, 0x12345678);
	EXPECT_EQ(reg_read(0), 0x12345678);
	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bar[3].addr + 1, data, sizeof data), 0);
	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[3].addr + 1, back, sizeof back), 0);
	EXPECT_MEMEQ(back, data, sizeof data);
	teardown();
}

TEST(Traffic, TheModelReadsWritesCopiesAndInterrupts)
{
	setup();
	expect_traffic();
	teardown();
}

TEST(Traffic, FailedDmaIsSaid)
{
	setup();
	EXPECT_EQ(run_command(COMMAND_READ, 0x1000, 0, 4096) & STATUS_FAILED, 1 << 1);
	EXPECT_EQ(run_command(COMMAND_WRITE, 0, 0x1000, 4096) & STATUS_FAILED, 1 << 3);
	EXPECT_EQ(run_command(COMMAND_COPY, RAM_BASE, RAM_BASE + RAM_SIZE - 100, 200) & STATUS_FAILED,
		  1 << 5);
	expect_traffic();
	teardown();
}

TEST(Traffic, AReadThatDoesDmaAndInterruptsBeforeItCompletesNeverDeadlocks)
{
	setup();
	run_command(COMMAND_WRITE, 0, RAM_BASE, 4096);		/* leaves addresses and vector set */
	reg_write(REG_SRC, RAM_BASE);
	reg_write(REG_DST, RAM_BASE + 0x2000);
	reg_write(REG_SIZE, 64);
	for (unsigned i = 1; i <= 200; i++) {
		memset(host.ram, (int)i, 64);
		EXPECT_EQ(reg_read(REG_READ_EFFECT), i);
		EXPECT_MEMEQ(host.ram + 0x2000, host.ram, 64);
		EXPECT_EQ(host.msis, 1 + i);
	}
	teardown();
}
