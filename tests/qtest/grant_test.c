/* SPDX-License-Identifier: MIT */
/*
 * Direct DMA in QEMU: what is granted, that nothing of it crosses the link then, and that it ends as soon as the
 * guest, or QEMU, takes it back. Counters of the server tell TLPs; memory tells the rest.
 */
#include "machine.h"
#include "qmp.h"

#include <stdio.h>
#include <stdlib.h>

#include <tlpbridge/status.h>

enum {
	SRC = 0x100000, DST = 0x200000, SIZE = 0x40000,
	BIG = 0x1000000, BIG_SIZE = 16 << 20,	/* as much as one command moves; and where there is room for it */
	COMMANDS = 16, BLOCK = 0x100000,		/* as many as the device keeps waiting */
	STREAM = COMMANDS / 2 * BLOCK,
	FIRMWARE = 0xffff0000,			/* memory that is not granted */
	MCH = 0, PAM0 = 0x90,			/* 82G33 host bridge: firmware's shadow, below 1 MiB */
	PAM_NONE = 0x00, PAM_READ_ONLY = 0x11, PAM_RAM = 0x33,
	SHADOW = 0xc0000, SHADOW_SIZE = 0x8000,	/* of PAM1 */
	BRIDGE_CONTROL = 0x3e, SECONDARY_BUS_RESET = 1 << 6, DEVICE_CONTROL_FLR = 1 << 15,
	RESET_PORT = 0xcf9,
	NO_INTERRUPT = 3,
};

#define SHARED "-object", "memory-backend-memfd,id=m,size=64M,share=on", "-machine", "memory-backend=m"

static uint8_t data[SIZE], seen[SIZE];

/* ---- machines ---- */

/* Without interrupts: a message that is under way makes the next read a TLP, which pushes it. */
static void place(void)
{
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
	reg_write(REG_IRQ_TYPE, NO_INTERRUPT);
}

/* Before any path is made: it begins a new directory. */
static void begin(void)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
}

static void start_qemu(const char *const args[])
{
	m.q = qtest_start(args);
	place();
}

static void start_shared(const char *device_options)
{
	begin();
	start_qemu(ARGS(SHARED, "-device", bridge_device("rp0", "s", device_options)));
}

/* ---- TLPs ---- */

/* Memory requests that the device has sent since the host came. */
static uint64_t requests(void)
{
	static struct tlpb_status status;
	struct tlpb_rc_config config = { .url = socket_url("s") };
	char why[256] = "";

	if (tlpb_status_ask(&config, &status, why, sizeof why))
		FAIL("status: %s", why);
	return status.slot[0].to_host.tlps[TLPB_COUNT_MWR] + status.slot[0].to_host.tlps[TLPB_COUNT_MRD];
}

/* STATUS after a command, whatever became of its interrupt. */
static uint32_t transfer(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
	return run_command(command, src, dst, size) & ~(uint32_t)IRQ_RAISED;
}

static void copy_and_compare(uint64_t src, uint64_t dst, uint32_t size, uint32_t seed)
{
	fill(data, size, seed);
	qtest_write_bytes(m.q, src, data, size);
	EXPECT_EQ(transfer(DO_COPY, src, dst, size), COPY_SUCCESS);
	qtest_read_bytes(m.q, dst, seen, size);
	EXPECT_MEMEQ(seen, data, size);
}

/* TLPs that a copy takes. */
static uint64_t cost_of_copy(uint64_t src, uint64_t dst, uint32_t size)
{
	static uint32_t seed;
	uint64_t before = requests();

	copy_and_compare(src, dst, size, ++seed);
	return requests() - before;
}

/* A grant takes effect some time after it was made. */
static void expect_direct(uint64_t src, uint64_t dst, uint32_t size)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (cost_of_copy(src, dst, size))
		if (now_ms() >= end)
			FAIL("DMA from 0x%llx to 0x%llx keeps going by TLPs", (unsigned long long)src,
			     (unsigned long long)dst);
}

static void expect_tlps(uint64_t src, uint64_t dst, uint32_t size)
{
	for (unsigned i = 0; i < 3; i++)
		EXPECT_GT(cost_of_copy(src, dst, size), 0u);
}

/* ---- what is granted ---- */

static const struct {
	uint32_t offset, size;
} pieces[] = {
	{ 0, 1 }, { 1, 1 }, { 3, 2 }, { 0, 4 }, { 2, 511 }, { 0, 4096 }, { 0x123, 5000 }, { 0xfff, 65537 },
};

TEST(Grants, SharedMemoryIsUsedWithoutTlps)
{
	start_shared("direct-dma=on");
	expect_direct(SRC, DST, 4096);
	for (unsigned i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		EXPECT_EQ(cost_of_copy(SRC + pieces[i].offset, DST + 7, pieces[i].size), 0u);
		EXPECT_EQ(transfer(DO_WRITE, 0, DST + pieces[i].offset, pieces[i].size), WRITE_SUCCESS);
	}
	EXPECT_EQ(process_count_output(m.q->process, "no direct DMA"), 0u);
	machine_stop();
}

TEST(Grants, AreTheDefaultWhereTheyCanBe)
{
	start_shared("direct-dma=auto");
	expect_direct(SRC, DST, 4096);
	machine_stop();
}

TEST(Grants, OffMeansTlps)
{
	start_shared("direct-dma=off");
	expect_tlps(SRC, DST, 4096);
	machine_stop();
}

TEST(Grants, ATraceGetsAllTlpsUnlessDirectDmaIsWanted)
{
	char options[300];

	begin();
	snprintf(options, sizeof options, "direct-dma=auto,trace=%s", test_path("t.pcap"));
	start_qemu(ARGS(SHARED, "-device", bridge_device("rp0", "s", options)));
	expect_tlps(SRC, DST, 4096);
	qtest_stop(m.q);
	snprintf(options, sizeof options, "direct-dma=on,trace=%s", test_path("t.pcap"));
	start_qemu(ARGS(SHARED, "-device", bridge_device("rp0", "s", options)));
	expect_direct(SRC, DST, 4096);
	machine_stop();
}

/* Once, however many regions and devices there are, and with what to do about it. */
TEST(Grants, MemoryThatCannotBeSharedIsToldOfOnce)
{
	static const char *const cure = "memory-backend-memfd,id=m,size=64M,share=on -machine memory-backend=m";

	begin();
	start_qemu(ARGS("-object", "memory-backend-ram,id=m,size=64M", "-machine", "memory-backend=m",
			"-device", bridge_device("rp0", "s", "direct-dma=auto")));
	expect_tlps(SRC, DST, 4096);
	EXPECT_EQ(process_count_output(m.q->process, "info: tlpbridge ep-s: no direct DMA"), 1u);
	EXPECT_EQ(process_count_output(m.q->process, cure), 1u);
	qtest_stop(m.q);
	start_qemu(ARGS("-object", "memory-backend-ram,id=m,size=64M", "-machine", "memory-backend=m",
			"-device", bridge_device("rp0", "s", "direct-dma=on")));
	expect_tlps(SRC, DST, 4096);
	EXPECT_EQ(process_count_output(m.q->process, "warning: tlpbridge ep-s: no direct DMA"), 1u);
	machine_stop();
}

/* A file that somebody can cut off would kill the server. */
TEST(Grants, AFileThatIsNotSealedIsNotGranted)
{
	static const char *const unsafe[] = {
		"memory-backend-memfd,id=m,size=64M,share=on,seal=off",
		"memory-backend-memfd,id=m,size=64M,share=off",
		"memory-backend-file,id=m,size=64M,share=on,mem-path=%s",
	};
	char object[400];

	for (unsigned i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++) {
		gt_about(unsafe[i]);
		begin();
		snprintf(object, sizeof object, unsafe[i], test_path("ram"));
		start_qemu(ARGS("-object", object, "-machine", "memory-backend=m",
				"-device", bridge_device("rp0", "s", "direct-dma=on")));
		expect_tlps(SRC, DST, 4096);
		machine_stop();
	}
}

/* Also while the guest has not switched translation on, and sees addresses as they are. */
TEST(Grants, NothingBehindAnEmulatedIommu)
{
	begin();
	start_qemu(ARGS(SHARED, "-machine", "kernel-irqchip=split", "-device", "intel-iommu",
			"-device", bridge_device("rp0", "s", "direct-dma=on")));
	expect_tlps(SRC, DST, 4096);
	machine_stop();
}

/* ---- it ends with Bus Master Enable ---- */

/* Is the memory still all zeros? Looked at in a few places of each 64 KiB. */
static bool is_untouched(uint64_t addr, uint64_t size)
{
	for (uint64_t at = addr; at < addr + size; at += 0x8000)
		if (qtest_read(m.q, at, 8))
			return false;
	return true;
}

static void command(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
	reg_write64(REG_SRC, src);
	reg_write64(REG_DST, dst);
	reg_write(REG_SIZE, size);
	reg_write(REG_COMMAND, command);
}

/* Many writes; between them reads that go by TLPs, so that the device hears of other things meanwhile. */
static void start_stream(void)
{
	for (unsigned i = 0; i < COMMANDS; i += 2) {
		command(DO_WRITE, 0, BIG + i / 2 * BLOCK, BLOCK);
		command(DO_READ, FIRMWARE, 0, 4096);
	}
}

/* Ends such a stream by what stop does; true: it was under way. Nothing may be written after that. */
static bool stop_in_midstream(void (*stop)(void))
{
	bool midstream;

	qtest_command(m.q, "memset 0x%x 0x%x 0", BIG, STREAM);
	start_stream();
	stop();
	midstream = qtest_read(m.q, BIG, 8) && !qtest_read(m.q, BIG + STREAM - 8, 8);
	qtest_command(m.q, "memset 0x%x 0x%x 0", BIG, STREAM);
	EXPECT_TRUE(is_untouched(BIG, STREAM));
	return midstream;
}

static void stop_often(void (*stop)(void), void (*go_on)(void))
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	unsigned midstream = 0;

	start_shared("direct-dma=on");
	expect_direct(SRC, DST, 4096);
	for (unsigned i = 0; (i < 10 || midstream < 2) && now_ms() < end; i++) {
		midstream += stop_in_midstream(stop);
		go_on();
		expect_direct(SRC, DST, 4096);
	}
	EXPECT_GE(midstream, 2u);	/* else the test has shown nothing */
	machine_stop();
}

static void function_level_reset(void)
{
	qtest_ecam_write(m.q, EP, qtest_find_capability(m.q, EP, CAP_EXPRESS) + 8, 2, DEVICE_CONTROL_FLR);
}

TEST(GrantsEnd, WithAFunctionLevelReset)
{
	stop_often(function_level_reset, place);
}

static void clear_bus_master(void)
{
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MEMORY);
}

static void reset_and_place(void)
{
	function_level_reset();
	place();
}

TEST(GrantsEnd, WithBusMasterEnableInMidstream)
{
	stop_often(clear_bus_master, reset_and_place);
}

static void bus_reset(void)
{
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, SECONDARY_BUS_RESET);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
}

TEST(GrantsEnd, WithAHotReset)
{
	stop_often(bus_reset, place);
}

static void system_reset(void)
{
	qtest_out(m.q, RESET_PORT, 1, 6);
	while (qtest_config_read(m.q, ROOT_PORT(0), 0x18, 4))
		sleep_ms(1);		/* the reset is asynchronous */
}

TEST(GrantsEnd, WithASystemReset)
{
	stop_often(system_reset, place);
}

TEST(GrantsEnd, WithAServerThatIsKilled)
{
	start_shared("direct-dma=on,reconnect=1,on-link-down=ones");
	expect_direct(SRC, DST, 4096);
	process_kill(m.server, SIGKILL);
	EXPECT_TRUE(process_wait_output(m.q->process, "is down", PROCESS_PATIENCE_MS));
	m.server = serve("s", ALL_KINDS);
	EXPECT_TRUE(process_wait_output(m.q->process, "has returned", PROCESS_PATIENCE_MS));
	place();
	expect_direct(SRC, DST, 4096);
	machine_stop();
}

/* A server that does not answer loses its link; the guest goes on. */
TEST(GrantsEnd, WithAServerThatHangs)
{
	start_shared("direct-dma=on,reconnect=0");
	expect_direct(SRC, DST, 4096);
	kill(m.server->pid, SIGSTOP);
	qtest_config_write(m.q, MCH, PAM0 + 1, 1, PAM_RAM);
	EXPECT_TRUE(process_wait_output(m.q->process, "is down", PROCESS_PATIENCE_MS));
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
	kill(m.server->pid, SIGCONT);
	machine_stop();
}

/* ---- and with changes of the memory map ---- */

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
	for (unsigned i = 0; i < COMMANDS - 1; i++)
		command(DO_COPY, SRC, BIG + i * SIZE, SIZE);
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
