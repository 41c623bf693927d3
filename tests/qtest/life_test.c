/* SPDX-License-Identifier: MIT */
/* Resets, peers that die, hot-plug: the device's life after start-up. */
#include "machine.h"
#include "slot.h"

#include <stdio.h>

enum {
	BRIDGE_CONTROL = 0x3e,
	SECONDARY_BUS_RESET = 1 << 6,
	DEVICE_CONTROL_FLR = 1 << 15,
	RESET_PORT = 0xcf9,
};

/* BARs and Command are gone; the device works again after it was placed anew. */
static void check_was_reset(void)
{
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x00, 4), 0xb500104cu);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x04, 2), 0u);
	for (unsigned i = 0; i < 6; i++)
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x10 + 4 * i, 4) & ~15u, 0u);
	EXPECT_NE(qtest_read(m.q, m.bar[0].addr, 4), 0x600dcafeu);	/* QEMU unmapped it, too */
	place_bars(m.q, EP, m.bar);
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	reg_write(REG_MAGIC, 0x600dcafe);
	EXPECT_EQ(reg_read(REG_MAGIC), 0x600dcafeu);
	EXPECT_EQ(run_command(DO_WRITE, 0, 0x200000, 64) & ~IRQ_RAISED, WRITE_SUCCESS);
}

/* 7.2 forgets to switch off bus mastering with the reset. */
static void check_bus_master_is_off(void)
{
	qtest_ecam_write(m.q, EP, 0x10, 4, PORT_MEM(0));
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MEMORY);
	EXPECT_EQ(run_command(DO_WRITE, 0, 0x200000, 64) & (WRITE_SUCCESS | WRITE_FAIL),
		  WRITE_FAIL);
	qtest_ecam_write(m.q, EP, 0x04, 2, 0);
	qtest_ecam_write(m.q, EP, 0x10, 4, 0);
}

static void bus_reset(void)
{
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, SECONDARY_BUS_RESET);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
}

static void function_level_reset(void)
{
	unsigned at = qtest_find_capability(m.q, EP, CAP_EXPRESS);

	ASSERT_NE(at, 0u);
	qtest_ecam_write(m.q, EP, at + 8, 2, DEVICE_CONTROL_FLR);
}

static void check_reset(void (*reset)(void))
{
	machine_start(ALL_KINDS, "");
	for (unsigned i = 0; i < 3; i++) {
		reg_write(REG_MAGIC, 0x600dcafe);
		reset();
		check_bus_master_is_off();
		reset();
		check_was_reset();
	}
	machine_stop();
}

TEST(Reset, SecondaryBusResetClearsTheDevice)
{
	check_reset(bus_reset);
}

TEST(Reset, FunctionLevelResetClearsTheDevice)
{
	check_reset(function_level_reset);
}

TEST(Reset, SystemResetClearsTheDevice)
{
	machine_start(ALL_KINDS, "");
	reg_write(REG_MAGIC, 0x600dcafe);
	qtest_out(m.q, RESET_PORT, 1, 6);
	while (qtest_config_read(m.q, ROOT_PORT(0), 0x18, 4))
		sleep_ms(1);		/* the reset is asynchronous */
	qtest_set_up_port(m.q, 0);
	check_was_reset();
	machine_stop();
}

/* Lines of the trace that have this text. */
static unsigned traced(const char *text)
{
	const char *const argv[] = { TLPB_TOOL, "trace", "show", test_path("t.pcap"), NULL };
	struct process *tool = process_start(argv);

	ASSERT_EQ(process_wait(tool, PROCESS_PATIENCE_MS), 0);
	return process_count_output(tool, text);
}

TEST(Reset, ModelIsToldWhichKindItIs)
{
	char options[300];

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
	snprintf(options, sizeof options, "trace=%s", test_path("t.pcap"));
	m.q = qtest_start(ARGS(NATIVE_HOT_PLUG, "-device", bridge_device("rp0", "s", options)));
	qtest_set_up_port(m.q, 0);
	slot_write(SLOT_CONTROL, SLOT_ON | 1 << 10);	/* power off, but not gone */
	slot_write(SLOT_CONTROL, SLOT_ON);
	bus_reset();
	qtest_stop(m.q);
	EXPECT_EQ(traced("RESET power"), 1u);
	EXPECT_EQ(traced("RESET hot"), 1u);
	EXPECT_GE(traced("RESET system"), 1u);
	EXPECT_EQ(process_stop(m.server), 0);
}

TEST(Reset, StaleDmaDoesNotReachMemoryAfterwards)
{
	machine_start(ALL_KINDS, "");
	for (unsigned i = 0; i < 20; i++) {
		reg_write64(REG_DST, 0x200000);
		reg_write(REG_SIZE, 1 << 20);
		reg_write(REG_COMMAND, DO_WRITE);
		bus_reset();
		qtest_command(m.q, "memset 0x200000 0x100000 0");
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x00, 4), 0xb500104cu);
		EXPECT_EQ(qtest_read(m.q, 0x2ff000, 8), 0u);
		EXPECT_EQ(qtest_read(m.q, 0x200000, 8), 0u);
		place_bars(m.q, EP, m.bar);
	}
	machine_stop();
}

TEST(Loss, KilledServerLeavesAllOnesAndALivingQemu)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	process_kill(m.server, SIGKILL);
	EXPECT_EQ(qtest_read(m.q, m.bar[4].addr, 4), 0xffffffffu);
	EXPECT_EQ(qtest_read(m.q, m.bar[2].addr + 1, 8), UINT64_MAX);
	EXPECT_EQ(qtest_in(m.q, (uint16_t)m.bar[1].addr, 2), 0xffffu);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
	qtest_write(m.q, m.bar[4].addr, 8, 1);
	qtest_out(m.q, (uint16_t)m.bar[1].addr, 4, 1);
	qtest_ecam_write(m.q, EP, 4, 2, 0);
	bus_reset();
	qtest_write(m.q, 0x1000, 4, 0x12345678);
	EXPECT_EQ(qtest_read(m.q, 0x1000, 4), 0x12345678u);
	EXPECT_EQ(process_count_output(m.q->process, "the link to"), 1u);
	qtest_stop(m.q);
}

TEST(Loss, IsNoticedWithoutAnAccess)
{
	machine_start(ALL_KINDS, "");
	process_kill(m.server, SIGKILL);
	EXPECT_TRUE(process_wait_output(m.q->process, "is down", PROCESS_PATIENCE_MS));
	qtest_stop(m.q);
}

TEST(Loss, StoppedServerSaysGoodbye)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(process_stop(m.server), 0);
	EXPECT_TRUE(process_wait_output(m.q->process, "is down", PROCESS_PATIENCE_MS));
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
	qtest_stop(m.q);
}

/* The server must see a peer that vanished, and a clean device must be there for the next. */
TEST(Loss, KilledQemuFreesTheDevice)
{
	machine_start(ALL_KINDS, "");
	for (unsigned i = 0; i < 3; i++) {
		reg_write(REG_MAGIC, 0x600dcafe);
		process_kill(m.q->process, SIGKILL);
		qtest_free(m.q);
		m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
		qtest_set_up_port(m.q, 0);
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x10, 4), 0u);
		place_bars(m.q, EP, m.bar);
		EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	}
	machine_stop();
}

TEST(Loss, QuitQemuFreesTheDevice)
{
	machine_start(ALL_KINDS, "");
	for (unsigned i = 0; i < 3; i++) {
		qtest_stop(m.q);
		m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
		qtest_set_up_port(m.q, 0);
		place_bars(m.q, EP, m.bar);
	}
	machine_stop();
}

TEST(HotPlug, DeviceComesAndGoes)
{
	struct qmp *qmp = slot_machine_start();
	unsigned files = 0;

	for (unsigned i = 0; i < 5; i++) {
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
		slot_plug_in(qmp, "s");
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xb500104cu);
		place_bars(m.q, EP, m.bar);
		EXPECT_EQ(run_command(DO_WRITE, 0, 0x200000, 64) & ~IRQ_RAISED, WRITE_SUCCESS);
		slot_remove(qmp);
		if (!i)
			files = slot_count("fd");
	}
	slot_expect_count("fd", files);	/* nothing is left behind */
	qmp_close(qmp);
	machine_stop();
}

/* DMA of the device hits a register of its root port, while a CPU waits for a read of it. */
static void write_port_during_a_read(unsigned offset, uint16_t value)
{
	qtest_write(m.q, 0x100000, 2, value);
	reg_write64(REG_SRC, 0x100000);
	reg_write64(REG_DST, ECAM + (ROOT_PORT(0) << 12) + offset);
	reg_write(REG_SIZE, 2);
	reg_read(REG_READ_EFFECT);
}

TEST(HotPlug, DeviceMayPullItselfOut)
{
	struct qmp *qmp = slot_machine_start();
	unsigned at = qtest_find_capability(m.q, ROOT_PORT(0), CAP_EXPRESS);

	for (unsigned i = 0; i < 3; i++) {
		slot_plug_in(qmp, "s");
		place_bars(m.q, EP, m.bar);
		qmp_command(qmp, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"ep0\"}}");
		write_port_during_a_read(at + SLOT_CONTROL, SLOT_OFF);
		qmp_wait(qmp, "DEVICE_DELETED");
	}
	qmp_close(qmp);
	machine_stop();
}

TEST(Reset, DeviceMayResetItself)
{
	machine_start(ALL_KINDS, "");
	for (unsigned i = 0; i < 3; i++) {
		write_port_during_a_read(BRIDGE_CONTROL, SECONDARY_BUS_RESET);
		qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
		check_was_reset();
	}
	machine_stop();
}

TEST(HotPlug, FailedAddLeavesQemuRunning)
{
	struct qmp *qmp = slot_machine_start();

	EXPECT_NOT_NULL(strstr(slot_add(qmp, "nobody", ""), "nobody listens"));
	EXPECT_NOT_NULL(strstr(slot_add(qmp, "nobody", ",\"connect-timeout\":200"), "error"));
	EXPECT_NOT_NULL(strstr(slot_add(qmp, "s", ",\"device\":\"other\""), "error"));
	EXPECT_NOT_NULL(strstr(slot_add(qmp, "s", ""), "return"));
	qmp_close(qmp);
	machine_stop();
}

TEST(HotPlug, DeadDeviceCanBeReplaced)
{
	struct qmp *qmp = slot_machine_start();

	slot_plug_in(qmp, "s");
	process_kill(m.server, SIGKILL);
	EXPECT_TRUE(process_wait_output(m.q->process, "is down", PROCESS_PATIENCE_MS));
	slot_remove(qmp);
	m.server = serve("s2", ALL_KINDS);
	slot_plug_in(qmp, "s2");
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xb500104cu);
	qmp_close(qmp);
	machine_stop();
}

TEST(Migration, IsRefused)
{
	struct qmp *qmp = slot_machine_start();

	slot_plug_in(qmp, "s");
	EXPECT_NOT_NULL(strstr(qmp_command(qmp, "{\"execute\":\"migrate\",\"arguments\":"
						"{\"uri\":\"exec:cat>/dev/null\"}}"),
			       "migratable"));
	qmp_close(qmp);
	machine_stop();
}

/* docs/qemu.md says that QMP shows them, where "-device tlpbridge,help" cannot. */
TEST(Properties, AreDescribedByQmp)
{
	static const char *const names[] = {
		"url", "transport", "no-spin", "device", "connect-timeout", "reconnect", "on-link-down", "clock", "trace",
		"plain-pcie", "credits", "stress-ordering", "ecrc", "direct-dma",
	};
	struct qmp *qmp = slot_machine_start();
	const char *answer = qmp_command(qmp, "{\"execute\":\"device-list-properties\",\"arguments\":"
					      "{\"typename\":\"tlpbridge\"}}");
	char name[64];

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		gt_about(names[i]);
		snprintf(name, sizeof name, "\"name\": \"%s\"", names[i]);
		EXPECT_NOT_NULL(strstr(answer, name));
	}
	EXPECT_NOT_NULL(strstr(answer, "\"remove\""));
	EXPECT_NOT_NULL(strstr(answer, "\"free\""));
	qmp_close(qmp);
	machine_stop();
}
