/* SPDX-License-Identifier: MIT */
/* The programs of examples/, each used by a host as its text says. */
#include <string.h>

#include "bytes.h"
#include "gtest.h"
#include "host.h"

static struct process *example;

/* Start the program, connect and place its BARs. */
static void setup(const char *program)
{
	struct tlpb_rc_windows windows = { HOST_BDF, 0xe0000000, 0x800000000, 0x1000 };
	const char *argv[] = { program, "--listen", NULL, NULL };

	processes_end();
	argv[2] = url_of("e");
	example = process_start(argv);
	if (host_connect(url_of("e"), NULL, PROCESS_PATIENCE_MS))
		FAIL("%s: %s\n%s", program, host.why, process_output(example));
	ASSERT_EQ(tlpb_rc_enumerate(host.rc, &windows, host.bar), 0);
}

static void teardown(void)
{
	host_stop();
	EXPECT_EQ(process_stop(example), 0);	/* SIGTERM ends it in order */
	processes_end();
}

static uint32_t id(void)
{
	uint32_t value = 0;

	EXPECT_EQ(tlpb_rc_config_read(host.rc, HOST_BDF, 0, 4, &value), 0);
	return value;
}

TEST(Examples, RegisterModelKeepsRegisters)
{
	setup(EXAMPLE_REGISTER_MODEL);
	EXPECT_EQ(id(), 0x00011234);
	EXPECT_EQ(reg_read(0), 0x600d600d);
	reg_write(0x3c, 77);
	EXPECT_EQ(reg_read(0x3c), 77);
	teardown();
}

TEST(Examples, OwnScMainServesWhileItsClockRuns)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	uint32_t before;

	setup(EXAMPLE_OWN_SC_MAIN);
	EXPECT_EQ(id(), 0x00041234);
	before = reg_read(0);
	while (reg_read(0) < before + 1000)	/* cycles */
		ASSERT_LT(now_ms(), end);
	teardown();
}

TEST(Examples, FrameBufferKeepsPixelsAndForgetsThemWhenBlanked)
{
	uint8_t pixels[5000], back[5000];

	setup(EXAMPLE_FRAME_BUFFER);
	EXPECT_EQ(id(), 0x00071234);
	reg_write(0, 1);
	for (unsigned round = 1; round <= 3; round++) {	/* the first is by transport, then by pointer */
		memset(pixels, (int)round, sizeof pixels);
		EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bar[1].addr + 3, pixels, sizeof pixels), 0);
		EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[1].addr + 3, back, sizeof back), 0);
		EXPECT_MEMEQ(pixels, back, sizeof pixels);
	}
	reg_write(0, 0);
	EXPECT_EQ(reg_read(0), 0);
	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[1].addr + 3, back, sizeof back), 0);
	memset(pixels, 0, sizeof pixels);
	EXPECT_MEMEQ(pixels, back, sizeof pixels);
	teardown();
}

/* Function, or VF of function 0, by its number; each has WORD, ADDRESS, SEND. */
static void expect_mail(unsigned number, uint64_t bar, uint32_t word)
{
	uint8_t dw[4];
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	put_le32(dw, word);
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, bar, dw, 4), 0);
	put_le32(dw, RAM_BASE + 4 * number);
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, bar + 4, dw, 4), 0);
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, bar + 8, dw, 4), 0);
	while (get_le32(host.ram + 4 * number) != word) {
		ASSERT_LT(now_ms(), end);
		EXPECT_EQ(tlpb_rc_mem_read(host.rc, bar, dw, 4), 0);
	}
	EXPECT_EQ(get_le32(dw), word);
	EXPECT_EQ(host.dma_of[number], 1);
}

TEST(Examples, SeveralFunctionsAreAMailboxEach)
{
	enum { SRIOV = 0x100, VF_BAR = 0xf0000000, VFS = 4, FIRST_VF = 2 };
	struct tlpb_rc_windows windows = { .bdf = HOST_BDF | 1, .mem32 = 0xe8000000 };
	struct tlpb_rc_bar second[TLPB_BARS];
	uint32_t value;

	setup(EXAMPLE_SEVERAL_FUNCTIONS);
	EXPECT_EQ(id(), 0x00081234);
	ASSERT_EQ(tlpb_rc_enumerate(host.rc, &windows, second), 0);
	EXPECT_EQ(tlpb_rc_config_read(host.rc, HOST_BDF, SRIOV, 2, &value), 0);
	ASSERT_EQ(value, 0x10);
	tlpb_rc_config_write(host.rc, HOST_BDF, SRIOV + 0x24, 4, VF_BAR);
	tlpb_rc_config_write(host.rc, HOST_BDF, SRIOV + 0x10, 2, VFS);
	tlpb_rc_config_write(host.rc, HOST_BDF, SRIOV + 8, 2, 9);
	EXPECT_TRUE(process_wait_output(example, "4 virtual mailboxes", PROCESS_PATIENCE_MS));
	expect_mail(0, host.bar[0].addr, 100);
	expect_mail(1, second[0].addr, 101);
	for (unsigned i = 0; i < VFS; i++) {
		tlpb_rc_config_write(host.rc, (uint16_t)(HOST_BDF | (FIRST_VF + i)), 4, 2, 4);
		expect_mail(FIRST_VF + i, VF_BAR + 4096u * i, 102 + i);
	}
	teardown();
}

TEST(Examples, RawTlpAnswersConfigurationAndMemoryByHand)
{
	uint8_t data[32], back[32] = { 0 };
	uint32_t value = 0;

	setup(EXAMPLE_RAW_TLP);
	EXPECT_EQ(id(), 0x00051234);
	EXPECT_EQ(host.bar[0].size, 4096);
	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(3 * i);
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bar[0].addr + 0x101, data, 31), 0);
	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[0].addr + 0x101, back, 31), 0);
	EXPECT_MEMEQ(data, back, 31);
	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[0].addr + 0x100, &value, 1), 0);
	EXPECT_EQ(value, 0);		/* beside what was written */
	EXPECT_EQ(tlpb_rc_config_write(host.rc, HOST_BDF, 4, 2, 0), 0);
	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[0].addr, &value, 4), TLPB_ERR_UNSUPPORTED);
	teardown();
}
