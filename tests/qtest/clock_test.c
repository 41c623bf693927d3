/* SPDX-License-Identifier: MIT */
/* clock=hold and clock=free: the guest's time while a CPU waits for a stopped model. */
#include "machine.h"
#include "qmp.h"

#include <pthread.h>
#include <stdio.h>

enum {
	PAUSE_MS = 4000,
	MUCH_LESS_MS = 2000,	/* of a pause that is held; a loaded machine notices late */
	HPET = 0xfed00000,	/* its counter runs with the guest's time, 10 ns a step */
	HPET_CONFIG = HPET + 0x10,
	HPET_COUNTER = HPET + 0xf0,
	HPET_STEPS_PER_MS = 100000,
};

static void start(const char *options)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", options),
			       "-qmp", qmp_option("qmp")));
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
	qtest_write(m.q, HPET_CONFIG, 8, 1);
}

static long long guest_ms(void)
{
	return (long long)(qtest_read(m.q, HPET_COUNTER, 8) / HPET_STEPS_PER_MS);
}

static void *continue_later(void *ignored)
{
	sleep_ms(PAUSE_MS);
	kill(m.server->pid, SIGCONT);
	return ignored;
}

/* Guest milliseconds that a read of a stopped model takes. */
static long long read_of_a_stopped_model(void)
{
	long long before = guest_ms(), host = now_ms();
	pthread_t thread;

	reg_write(REG_MAGIC, 0x600dcafe);
	kill(m.server->pid, SIGSTOP);
	ASSERT_EQ(pthread_create(&thread, NULL, continue_later, NULL), 0);
	EXPECT_EQ(reg_read(REG_MAGIC), 0x600dcafeu);
	pthread_join(thread, NULL);
	EXPECT_GE(now_ms() - host, PAUSE_MS);
	return guest_ms() - before;
}

static void check_goes_on(void)
{
	long long before = guest_ms();

	sleep_ms(50);
	EXPECT_GE(guest_ms() - before, 50);
}

TEST(Clock, HeldStandsStillDuringALongWait)
{
	unsigned held = 0;

	start("clock=hold");
	for (unsigned tries = 0; held < 2 && tries < 6; tries++) {	/* a busy machine may be late */
		held += read_of_a_stopped_model() < MUCH_LESS_MS;
		check_goes_on();
	}
	EXPECT_EQ(held, 2u);
	machine_stop();
}

TEST(Clock, FreeGoesOn)
{
	start("");
	EXPECT_GE(read_of_a_stopped_model(), PAUSE_MS);
	check_goes_on();
	machine_stop();
}

static void *kill_later(void *ignored)
{
	sleep_ms(PAUSE_MS);
	kill(m.server->pid, SIGKILL);
	return ignored;
}

TEST(Clock, HeldGoesOnWhenTheModelDiesDuringTheWait)
{
	long long before;
	pthread_t thread;

	start("clock=hold,reconnect=0");
	before = guest_ms();
	kill(m.server->pid, SIGSTOP);
	ASSERT_EQ(pthread_create(&thread, NULL, kill_later, NULL), 0);
	EXPECT_EQ(reg_read(REG_MAGIC), 0xffffffffu);
	pthread_join(thread, NULL);
	EXPECT_LT(guest_ms() - before, MUCH_LESS_MS);
	check_goes_on();
	qtest_stop(m.q);
}

TEST(Clock, UnknownWordIsRefused)
{
	const char *argv[64];

	processes_end();
	qemu_command(argv, 64, ARGS("-device", bridge_device("rp0", "s", "clock=later")));
	EXPECT_EQ(process_wait(process_start(argv), PROCESS_PATIENCE_MS), 1);
}

/* The monitor reads a BAR of a stopped machine: its clock stands, and must not start. */
TEST(Clock, OfAStoppedMachineStaysStopped)
{
	char command[256];
	struct qmp *qmp;
	long long before;
	pthread_t thread;

	start("clock=hold");
	qmp = qmp_connect("qmp");
	qmp_command(qmp, "{\"execute\":\"stop\"}");
	before = guest_ms();
	kill(m.server->pid, SIGSTOP);
	ASSERT_EQ(pthread_create(&thread, NULL, continue_later, NULL), 0);
	snprintf(command, sizeof command, "{\"execute\":\"human-monitor-command\",\"arguments\":"
		 "{\"command-line\":\"xp/1wx 0x%llx\"}}", (unsigned long long)m.bar[0].addr);
	EXPECT_NOT_NULL(strstr(qmp_command(qmp, command), "0x00000000"));
	pthread_join(thread, NULL);
	sleep_ms(50);
	EXPECT_EQ(guest_ms(), before);
	qmp_command(qmp, "{\"execute\":\"cont\"}");
	check_goes_on();
	qmp_close(qmp);
	machine_stop();
}
