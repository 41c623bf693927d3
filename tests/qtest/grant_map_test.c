/* SPDX-License-Identifier: MIT */
/* Direct DMA while QEMU's memory map changes: what is granted follows it, and nothing is written to what went. */
#include "grants.h"
#include "qmp.h"

enum {
	MCH = 0, PAM0 = 0x90,			/* 82G33 host bridge: firmware's shadow, below 1 MiB */
	PAM_NONE = 0x00, PAM_READ_ONLY = 0x11, PAM_RAM = 0x33,
	SHADOW = 0xc0000, SHADOW_SIZE = 0x8000,	/* of PAM1; those of the next follow */
};

static void set_shadow(uint8_t pam)
{
	qtest_config_write(m.q, MCH, PAM0 + 1, 1, pam);
}

TEST(GrantsFollow, TheMapBelowOneMegabyte)
{
	start_shared("direct-dma=on");
	for (unsigned i = 0; i < 5; i++) {
		set_shadow(PAM_RAM);
		expect_direct(SRC, SHADOW, SHADOW_SIZE);
		expect_direct(SHADOW, DST, SHADOW_SIZE);
		qtest_write(m.q, SHADOW, 4, 0x11111111);
		set_shadow(PAM_READ_ONLY);
		expect_tlps(SRC, SHADOW + 0x1000, 64);		/* whether it may is left to QEMU */
		set_shadow(PAM_NONE);
		transfer(DO_WRITE, 0, SHADOW, 64);
		set_shadow(PAM_READ_ONLY);
		EXPECT_EQ(qtest_read(m.q, SHADOW, 4), 0x11111111u);
	}
	machine_stop();
}

static void copy_while_the_map_changes(void)
{
	const uint64_t last = BIG + (COMMANDS - 2) * SIZE;
	uint64_t end_of_data;
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	memcpy(&end_of_data, data + SIZE - 8, 8);
	for (unsigned i = 0; i < COMMANDS - 1; i++) {
		start_command(DO_COPY, SRC, BIG + i * SIZE, SIZE);
		set_shadow(i % 2 ? PAM_NONE : PAM_RAM);
	}
	for (unsigned n = 0; qtest_read(m.q, last + SIZE - 8, 8) != end_of_data; n++) {
		set_shadow(n % 2 ? PAM_NONE : PAM_RAM);
		if (now_ms() >= end)
			FAIL("the copies do not end");
	}
}

TEST(GrantsFollow, TheMapUnderLoad)
{
	start_shared("direct-dma=on");
	for (unsigned round = 0; round < 10; round++) {
		fill(data, SIZE, round + 5);
		qtest_write_bytes(m.q, SRC, data, SIZE);
		copy_while_the_map_changes();
		for (unsigned i = round % 5; i < COMMANDS - 1; i += 7) {
			qtest_read_bytes(m.q, BIG + i * SIZE, seen, SIZE);
			EXPECT_MEMEQ(seen, data, SIZE);
		}
	}
	expect_direct(SRC, DST, SIZE);
	machine_stop();
}

/* DMA that changes the map itself: QEMU revokes within the write that is served. */
TEST(GrantsFollow, AMapThatTheDeviceChanges)
{
	const uint64_t pam1 = ECAM + PAM0 + 1;

	start_shared("direct-dma=on");
	expect_direct(SRC, DST, 4096);
	for (unsigned i = 0; i < 20; i++) {
		qtest_write(m.q, SRC, 1, PAM_RAM);
		EXPECT_EQ(transfer(DO_COPY, SRC, pam1, 1), COPY_SUCCESS);
		expect_direct(SRC, SHADOW, SHADOW_SIZE);
		qtest_write(m.q, SRC, 1, PAM_NONE);
		EXPECT_EQ(transfer(DO_COPY, SRC, pam1, 1), COPY_SUCCESS);
		EXPECT_EQ(qtest_config_read(m.q, MCH, PAM0 + 1, 1), PAM_NONE);
	}
	machine_stop();
}

enum {
	DIMM_SIZE = 128 << 20,
	HOTPLUG_SLOT = 0xa00, HOTPLUG_FLAGS = 0xa14, EJECT = 1 << 3,	/* ACPI memory hot-plug */
};

static void plug_dimm(struct qmp *qmp)
{
	EXPECT_NULL(strstr(qmp_command(qmp, "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":"
		"\"memory-backend-memfd\",\"id\":\"d\",\"size\":134217728,\"share\":true}}"), "error"));
	EXPECT_NULL(strstr(qmp_command(qmp, "{\"execute\":\"device_add\",\"arguments\":{\"driver\":"
		"\"pc-dimm\",\"id\":\"dimm\",\"memdev\":\"d\"}}"), "error"));
}

/* device_del asks the guest, which ejects it. */
static void unplug_dimm(struct qmp *qmp)
{
	qmp_command(qmp, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"dimm\"}}");
	qtest_out(m.q, HOTPLUG_SLOT, 4, 0);
	qtest_out(m.q, HOTPLUG_FLAGS, 1, EJECT);
	qmp_wait(qmp, "DEVICE_DELETED");
	qmp_command(qmp, "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"d\"}}");
}

TEST(GrantsFollow, MemoryThatIsPluggedInAndOut)
{
	const uint64_t dimm = 1ull << 32;
	struct qmp *qmp;

	begin();
	start_qemu(ARGS(SHARED, "-m", "64,slots=2,maxmem=2G", "-qmp", qmp_option("qmp"),
			"-device", bridge_device("rp0", "s", "direct-dma=on")));
	qmp = qmp_connect("qmp");
	for (unsigned i = 0; i < 3; i++) {
		plug_dimm(qmp);
		expect_direct(SRC, dimm, SIZE);
		expect_direct(dimm + DIMM_SIZE - SIZE, DST, SIZE);
		reg_write64(REG_DST, dimm);
		reg_write(REG_SIZE, BIG_SIZE);
		reg_write(REG_COMMAND, DO_WRITE);	/* may be under way */
		unplug_dimm(qmp);
		EXPECT_TRUE(wait_status(WRITE_SUCCESS | WRITE_FAIL));
		EXPECT_EQ(transfer(DO_WRITE, 0, dimm, 64), WRITE_FAIL | DST_ADDR_INVALID);
	}
	expect_direct(SRC, DST, 4096);
	qmp_close(qmp);
	machine_stop();
}

/* ---- DMA that comes while QEMU changes the map, and waits for the devices ---- */

/* A second device, with registers at bar[0]. */
static struct bar other[6];

static struct qmp *start_two(void)
{
	begin();
	serve("s1", ALL_KINDS);
	start_qemu(ARGS(SHARED, "-m", "64,slots=2,maxmem=2G", "-qmp", qmp_option("qmp"), PORT2,
			"-device", bridge_device("rp0", "s", "direct-dma=on"),
			"-device", bridge_device("rp1", "s1", "direct-dma=on")));
	qtest_set_up_port(m.q, 1);
	place_bars(m.q, BEHIND_PORT(1), other);
	return qmp_connect("qmp");
}

static void other_copies(uint64_t src, uint64_t dst, uint32_t size)
{
	const uint32_t values[] = { (uint32_t)src, (uint32_t)(src >> 32), (uint32_t)dst, (uint32_t)(dst >> 32), size };

	for (unsigned i = 0; i < 5; i++)
		qtest_write(m.q, other[0].addr + REG_SRC + 4 * i, 4, values[i]);
	qtest_write(m.q, other[0].addr + REG_IRQ_TYPE, 4, NO_INTERRUPT);
	qtest_write(m.q, other[0].addr + REG_COMMAND, 4, DO_COPY);
}

/* The second device switches part of the shadow to RAM and back, and to RAM in the end; DST tells when. */
static void start_changes(uint32_t end_mark)
{
	qtest_write(m.q, SRC, 1, PAM_RAM);
	qtest_write(m.q, SRC + 1, 1, PAM_NONE);
	qtest_write(m.q, SRC + 4, 4, end_mark);
	for (unsigned i = 0; i < COMMANDS - 1; i++)
		other_copies(SRC + i % 2, ECAM + PAM0 + 2, 1);
	other_copies(SRC + 4, DST, 4);
}

/* What it changes while QEMU waits within a change of its own is not lost, and not done too early. */
TEST(GrantsFollow, TheMapWhileADeviceChangesItToo)
{
	const uint64_t shadow2 = SHADOW + SHADOW_SIZE;
	struct qmp *qmp = start_two();

	for (unsigned round = 1; round <= 10; round++) {
		plug_dimm(qmp);
		expect_direct(SRC, 1ull << 32, SIZE);
		start_changes(round);
		unplug_dimm(qmp);
		wait_memory(DST, round);
		EXPECT_EQ(qtest_config_read(m.q, MCH, PAM0 + 2, 1), PAM_RAM);
		expect_direct(SRC, shadow2, SHADOW_SIZE);
		EXPECT_EQ(transfer(DO_WRITE, 0, 1ull << 32, 64), WRITE_FAIL | DST_ADDR_INVALID);
	}
	qmp_close(qmp);
	machine_stop();
}

/* QEMU refuses what reaches the host bridge while a CPU is in it, but the map is as its registers say. */
TEST(GrantsFollow, TheMapWhileTheCpuAndADeviceChangeIt)
{
	struct qmp *qmp = start_two();

	for (unsigned round = 1; round <= 50; round++) {
		start_changes(round);
		for (unsigned n = 0; n < 20; n++)
			set_shadow(n % 2 ? PAM_NONE : PAM_RAM);
		wait_memory(DST, round);
		qtest_config_write(m.q, MCH, PAM0 + 2, 1, PAM_RAM);
		expect_direct(SRC, SHADOW + SHADOW_SIZE, SHADOW_SIZE);
	}
	qmp_close(qmp);
	machine_stop();
}
