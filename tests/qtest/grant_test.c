/* SPDX-License-Identifier: MIT */
/*
 * Direct DMA in QEMU: what is granted, that nothing of it crosses the link then, and that it ends as soon as
 * the guest takes it back, or the server is gone.
 */
#include "grants.h"

#include <stdio.h>

enum {
	BLOCK = 0x100000, STREAM = COMMANDS / 2 * BLOCK,
	FIRMWARE = 0xffff0000,			/* memory that is not granted */
	MCH = 0, PAM1 = 0x91, PAM_RAM = 0x33,	/* of the host bridge: firmware's shadow */
	BRIDGE_CONTROL = 0x3e, SECONDARY_BUS_RESET = 1 << 6, DEVICE_CONTROL_FLR = 1 << 15,
	RESET_PORT = 0xcf9,
};

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

/* Many writes; between them reads that go by TLPs, so that the device hears of other things meanwhile. */
static void start_stream(void)
{
	for (unsigned i = 0; i < COMMANDS; i += 2) {
		start_command(DO_WRITE, 0, BIG + i / 2 * BLOCK, BLOCK);
		start_command(DO_READ, FIRMWARE, 0, 4096);
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
	qtest_config_write(m.q, MCH, PAM1, 1, PAM_RAM);
	EXPECT_TRUE(process_wait_output(m.q->process, "is down", PROCESS_PATIENCE_MS));
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
	kill(m.server->pid, SIGCONT);
	machine_stop();
}
