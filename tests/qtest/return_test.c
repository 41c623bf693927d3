/* SPDX-License-Identifier: MIT */
/* A server that dies and returns while QEMU runs. */
#include "slot.h"

#include <stdio.h>

enum { SWAPS = 5 };

static void wait_count(const char *text, unsigned count)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (process_count_output(m.q->process, text) < count && now_ms() < end)
		sleep_ms(5);
	ASSERT_EQ(process_count_output(m.q->process, text), count);
}

/* Until the bits of a register of the port are these. */
static void wait_slot(unsigned reg, uint16_t mask, uint16_t bits)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while ((slot_read(reg) & mask) != bits && now_ms() < end)
		sleep_ms(5);
	ASSERT_EQ(slot_read(reg) & mask, bits);
}

static void kill_server(unsigned count)
{
	process_kill(m.server, SIGKILL);
	wait_count("is down", count);
}

static void start_server(const char *bars)
{
	m.server = serve("s", bars);
}

static void check_works(void)
{
	place_bars(m.q, EP, m.bar);
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	reg_write(REG_MAGIC, 0x600dcafe);
	EXPECT_EQ(run_command(DO_WRITE, 0, 0x200000, 64) & ~IRQ_RAISED, WRITE_SUCCESS);
}

TEST(Return, GuestIsToldOfTheLossAndTheReturn)
{
	struct qmp *qmp = slot_machine_start();

	slot_plug_in(qmp, "s");
	slot_write(SLOT_CONTROL, SLOT_ON | SLOT_LISTENS);
	for (unsigned i = 1; i <= 3; i++) {
		slot_write(SLOT_STATUS, SLOT_PRESENCE_CHANGED | SLOT_LINK_EVENT);
		wait_slot(SLOT_STATUS, SLOT_PRESENCE | SLOT_LINK_EVENT, SLOT_PRESENCE);
		EXPECT_NE(slot_read(LINK_STATUS) & LINK_ACTIVE, 0);
		check_works();
		kill_server(i);
		wait_slot(SLOT_STATUS, SLOT_PRESENCE | SLOT_LINK_EVENT, SLOT_LINK_EVENT);
		EXPECT_EQ(slot_read(LINK_STATUS) & LINK_ACTIVE, 0);
		slot_write(SLOT_STATUS, SLOT_PRESENCE_CHANGED | SLOT_LINK_EVENT);

		/* Before the guest has emptied the slot, a full one would be taken for an unplug. */
		start_server(ALL_KINDS);
		wait_count("has returned", i);
		slot_write(SLOT_CONTROL, SLOT_OFF | SLOT_LISTENS);
		wait_slot(SLOT_STATUS, SLOT_PRESENCE | SLOT_LINK_EVENT,
			  SLOT_PRESENCE | SLOT_LINK_EVENT);
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);	/* no power */
		slot_write(SLOT_CONTROL, SLOT_ON | SLOT_LISTENS);
	}
	EXPECT_EQ(process_count_output(m.q->process, "told that it was removed"), 3u);
	check_works();
	qmp_close(qmp);
	machine_stop();
}

/* The device is gone when the guest switches its slot on, and back when it switches it off. */
TEST(Return, ShortVisitIsNotTakenForAnUnplug)
{
	struct qmp *qmp = slot_machine_start();

	slot_plug_in(qmp, "s");
	slot_write(SLOT_CONTROL, SLOT_ON | SLOT_LISTENS);
	kill_server(1);
	wait_slot(SLOT_STATUS, SLOT_PRESENCE, 0);
	slot_write(SLOT_CONTROL, SLOT_OFF | SLOT_LISTENS);
	start_server(ALL_KINDS);
	wait_slot(SLOT_STATUS, SLOT_PRESENCE, SLOT_PRESENCE);
	kill_server(2);
	wait_slot(SLOT_STATUS, SLOT_PRESENCE, 0);
	slot_write(SLOT_CONTROL, SLOT_ON | SLOT_LISTENS);
	start_server(ALL_KINDS);
	wait_count("has returned", 2);
	slot_write(SLOT_CONTROL, SLOT_OFF | SLOT_LISTENS);
	wait_slot(SLOT_STATUS, SLOT_PRESENCE, SLOT_PRESENCE);
	slot_write(SLOT_CONTROL, SLOT_ON | SLOT_LISTENS);
	check_works();
	qmp_close(qmp);
	machine_stop();
}

TEST(Return, SlotFillsAtOnceForAGuestThatDoesNotListen)
{
	struct qmp *qmp = slot_machine_start();

	slot_plug_in(qmp, "s");
	kill_server(1);
	wait_slot(SLOT_STATUS, SLOT_PRESENCE, 0);
	start_server(ALL_KINDS);
	wait_slot(SLOT_STATUS, SLOT_PRESENCE, SLOT_PRESENCE);
	EXPECT_EQ(process_count_output(m.q->process, "now reads all ones"), 1u);
	check_works();
	qmp_close(qmp);
	machine_stop();
}

TEST(Return, DeviceThatReadsOnesAnswersAgain)
{
	machine_start(ALL_KINDS, "on-link-down=ones");
	for (unsigned i = 1; i <= 3; i++) {
		uint16_t status = slot_read(SLOT_STATUS);

		kill_server(i);
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
		EXPECT_EQ(qtest_read(m.q, m.bar[4].addr, 4), 0xffffffffu);
		EXPECT_EQ(slot_read(SLOT_STATUS), status);
		start_server(ALL_KINDS);
		wait_count("has returned", i);
		EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xb500104cu);
		/* It has been reset: its BARs are not where QEMU has them. */
		EXPECT_EQ(qtest_read(m.q, m.bar[4].addr, 4), 0xffffffffu);
		check_works();
	}
	machine_stop();
}

TEST(Return, OtherBarsAreRefusedInOneLine)
{
	machine_start(ALL_KINDS, "");
	kill_server(1);
	start_server("0:mem32:128K");
	wait_count("its BARs differ", 1);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
	process_kill(m.server, SIGKILL);
	start_server(ALL_KINDS);
	wait_count("has returned", 1);
	EXPECT_EQ(process_count_output(m.q->process, "does not return"), 1u);
	check_works();
	machine_stop();
}

/* The server came back, but another QEMU was quicker. */
TEST(Return, RefusalIsToldOnce)
{
	struct qtest *first, *second;

	machine_start(ALL_KINDS, "");
	first = m.q;
	kill_server(1);
	kill(first->process->pid, SIGSTOP);
	start_server(ALL_KINDS);
	second = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
	kill(first->process->pid, SIGCONT);
	wait_count("does not return: ", 1);
	sleep_ms(2500);			/* two more attempts */
	EXPECT_EQ(process_count_output(first->process, "does not return"), 1u);
	EXPECT_EQ(process_count_output(first->process, "in use"), 1u);
	qtest_stop(second);
	wait_count("has returned", 1);
	check_works();
	machine_stop();
}

/* reconnect=0: the lost device stays lost, and nothing looks for it. */
TEST(Return, CanBeSwitchedOff)
{
	unsigned threads;

	machine_start(ALL_KINDS, "reconnect=0");
	threads = slot_count("task");
	kill_server(1);
	start_server(ALL_KINDS);
	sleep_ms(1500);
	slot_expect_count("task", threads);
	EXPECT_EQ(process_count_output(m.server, "connected"), 0u);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0, 4), 0xffffffffu);
	EXPECT_EQ(process_count_output(m.q->process, "Waiting for it"), 0u);
	machine_stop();
}

TEST(Return, ResetsMeanwhileDoNoHarm)
{
	machine_start(ALL_KINDS, "");
	for (unsigned i = 1; i <= 3; i++) {
		kill_server(i);
		qtest_ecam_write(m.q, ROOT_PORT(0), 0x3e, 2, 1 << 6);
		qtest_ecam_write(m.q, ROOT_PORT(0), 0x3e, 2, 0);
		qtest_out(m.q, 0xcf9, 1, 6);
		while (qtest_config_read(m.q, ROOT_PORT(0), 0x18, 4))
			sleep_ms(1);		/* the reset is asynchronous */
		start_server(ALL_KINDS);
		wait_count("has returned", i);
		qtest_set_up_port(m.q, 0);
		check_works();
	}
	machine_stop();
}

TEST(Return, LeavesNothingBehind)
{
	unsigned files = 0, threads = 0;

	machine_start(ALL_KINDS, "");
	for (unsigned i = 1; i <= SWAPS; i++) {
		kill_server(i);
		start_server(ALL_KINDS);
		wait_count("has returned", i);
		check_works();
		if (i == 1) {
			files = slot_count("fd");
			threads = slot_count("task");
		}
	}
	slot_expect_count("fd", files);
	slot_expect_count("task", threads);
	machine_stop();
}

TEST(Return, LostDeviceCanBeRemoved)
{
	struct qmp *qmp = slot_machine_start();
	unsigned files = 0, threads = 0;

	for (unsigned i = 1; i <= SWAPS; i++) {
		slot_plug_in(qmp, "s");
		slot_write(SLOT_CONTROL, SLOT_ON | SLOT_LISTENS);
		kill_server(i);
		wait_slot(SLOT_STATUS, SLOT_PRESENCE, 0);
		slot_remove(qmp);
		if (i == 1) {
			files = slot_count("fd");
			threads = slot_count("task");
		}
		start_server(ALL_KINDS);
	}
	slot_expect_count("fd", files);
	slot_expect_count("task", threads);
	slot_plug_in(qmp, "s");
	check_works();
	qmp_close(qmp);
	machine_stop();
}

/* The guest has emptied the slot already: then it need not be asked. */
TEST(Return, LostDeviceCanBeRemovedFromASlotThatIsOff)
{
	struct qmp *qmp = slot_machine_start();

	slot_plug_in(qmp, "s");
	slot_write(SLOT_CONTROL, SLOT_ON | SLOT_LISTENS);
	kill_server(1);
	wait_slot(SLOT_STATUS, SLOT_PRESENCE, 0);
	slot_write(SLOT_CONTROL, SLOT_OFF | SLOT_LISTENS);
	qmp_command(qmp, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"ep0\"}}");
	start_server(ALL_KINDS);
	ASSERT_NOT_NULL(strstr(slot_add(qmp, "s", ""), "return"));
	slot_write(SLOT_CONTROL, SLOT_ON);
	check_works();
	qmp_close(qmp);
	machine_stop();
}

TEST(Return, OtherDeviceGoesOn)
{
	struct process *other;
	struct bar bar[6];

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
	other = serve("s2", ALL_KINDS);
	m.q = qtest_start(ARGS(PORT2, "-device", bridge_device("rp0", "s", ""),
			       "-device", bridge_device("rp1", "s2", "")));
	qtest_set_up_port(m.q, 0);
	qtest_set_up_port(m.q, 1);
	place_bars(m.q, BEHIND_PORT(1), bar);
	qtest_write(m.q, bar[0].addr, 4, 0x600dcafe);
	for (unsigned i = 1; i <= 3; i++) {
		kill_server(i);
		EXPECT_EQ(qtest_read(m.q, bar[0].addr, 4), 0x600dcafeu);
		start_server(ALL_KINDS);
		wait_count("has returned", i);
		check_works();
		EXPECT_EQ(qtest_read(m.q, bar[0].addr, 4), 0x600dcafeu);
	}
	EXPECT_EQ(process_count_output(other, "disconnected"), 0u);
	qtest_stop(m.q);
	EXPECT_EQ(process_stop(other), 0);
	EXPECT_EQ(process_stop(m.server), 0);
}

TEST(Return, QemuEndsWhileItLooks)
{
	for (unsigned i = 0; i < 3; i++) {
		machine_start(ALL_KINDS, "");
		kill_server(1);
		qtest_stop(m.q);
	}
}

/* A stopped server is connected to but says nothing: QEMU goes on, and ends. */
TEST(Return, SilentServerHoldsNobodyUp)
{
	machine_start(ALL_KINDS, "");
	kill_server(1);
	start_server(ALL_KINDS);
	kill(m.server->pid, SIGSTOP);
	for (unsigned i = 0; i < 50; i++) {
		qtest_write(m.q, 0x1000, 4, i);
		EXPECT_EQ(qtest_read(m.q, 0x1000, 4), i);
		sleep_ms(20);
	}
	qtest_stop(m.q);
	process_kill(m.server, SIGKILL);
}
