/* SPDX-License-Identifier: MIT */
/*
 * Each side is killed at random points under load, again and again: the other one is
 * usable within a second, and nothing is left behind. Over shared memory, and over the socket alone.
 *
 * TLPB_KILLS (environment) says how often, each side; TLPB_SEED repeats the points of an
 * earlier run, as far as two processes on a machine with other work can be repeated.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gtest.h"
#include "host.h"
#include "load.h"

enum {
	KILLS = 20,
	LATEST_US = 100 * 1000,		/* of a kill, after the host was started */
	USABLE_MS = 1000,
	SLACK = 20,			/* how often the usual time a busy machine may add */
	SETTLE_MS = 20 * 1000,		/* for nng to close descriptors behind our back */
};

/* ---- random points ---- */

static uint64_t state;

static uint32_t rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) % below);
}

static unsigned kills(void)
{
	const char *text = getenv("TLPB_KILLS");

	return text && atoi(text) > 0 ? (unsigned)atoi(text) : KILLS;
}

static void seed(void)
{
	const char *text = getenv("TLPB_SEED");

	if (text)
		state = strtoull(text, NULL, 0);
	else
		ASSERT_EQ(getrandom(&state, sizeof state, 0), (long)sizeof state);
	state |= 1;
	printf("%u kills; TLPB_SEED=0x%llx repeats them\n", kills(), (unsigned long long)state);
	fflush(stdout);
}

/* ---- how long it took ---- */

static struct {
	unsigned count;
	long long max, sum;
	long long usual;	/* what it takes when nothing dies: some machines are slow or busy */
} times;

static void note_time(long long ms)
{
	times.count++;
	times.sum += ms;
	if (ms > times.max)
		times.max = ms;
}

static void tell_times(const char *what)
{
	printf("%s: on average %lld ms, at most %lld ms\n", what,
	       times.count ? times.sum / times.count : 0, times.max);
}

/* Shared memory that a process still has, mapped or open; it has no name anywhere else. */
static unsigned segments(pid_t pid)
{
	char path[64], line[512];
	unsigned n = 0;
	FILE *maps;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof line, maps))
		n += strstr(line, "memfd:tlpbridge") != NULL;
	if (maps)
		fclose(maps);
	return n;
}

static bool over_rings;

static void use(enum tlpb_transport transport)
{
	over_rings = transport == TLPB_TRANSPORT_SHM;
	host_security.transport = transport;
	setenv("TLPB_TEST_TRANSPORT", over_rings ? "shm" : "nng", 1);	/* whatever the other tests have */
	setenv("RC_HOST_TRANSPORT", over_rings ? "shm" : "nng", 1);
}

static void serve_one_host(void)
{
	host_start(url_of("s"));
	EXPECT_EQ(segments(getpid()), over_rings);
	EXPECT_EQ(run_command(COMMAND_COPY, RAM_BASE, RAM_BASE + 0x80000, 5000) & STATUS_FAILED, 0);
	host_stop();
}

static void measure_usual(void)
{
	long long start = now_ms();

	serve_one_host();
	start = now_ms() - start;
	if (start > times.usual)
		times.usual = start;
}

static long long limit(void)
{
	return USABLE_MS + SLACK * times.usual;
}

/* ---- what may be left behind ---- */

/* Entries of a directory with this text in their names. */
static unsigned entries(const char *path, const char *text)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned n = 0;

	while (dir && (entry = readdir(dir)))
		n += strstr(entry->d_name, text) != NULL;
	if (dir)
		closedir(dir);
	return n;
}

static unsigned descriptors(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	return entries(path, "");
}

static void expect_no_more_descriptors(pid_t pid, unsigned before)
{
	long long end = now_ms() + SETTLE_MS;

	while (descriptors(pid) > before && now_ms() < end)
		sleep_ms(20);
	EXPECT_LE(descriptors(pid), before);
}

static void expect_no_segment(pid_t pid)
{
	long long end = now_ms() + SETTLE_MS;

	while (segments(pid) && now_ms() < end)
		sleep_ms(20);
	EXPECT_EQ(segments(pid), 0);
}

static unsigned sockets(void)
{
	DIR *dir = opendir(test_dir());
	unsigned n = 0;
	struct dirent *entry;

	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.' && !strstr(entry->d_name, ".log");
	closedir(dir);
	return n;
}

static void expect_sockets(unsigned expected)
{
	long long end = now_ms() + SETTLE_MS;

	while (sockets() != expected && now_ms() < end)
		sleep_ms(20);
	EXPECT_EQ(sockets(), expected);
}

static void expect_no_process(void)
{
	EXPECT_EQ(waitpid(-1, NULL, WNOHANG), -1);
	EXPECT_EQ(errno, ECHILD);
}

/* ---- the host is killed ---- */

static struct process *start_host(void)
{
	setenv("RC_HOST_URL", url_of("s"), 1);
	setenv("RC_HOST_MODE", "load", 1);
	return process_start((const char *const[]){ RC_HOST, NULL });
}

static void expect_soon(long long ms)
{
	if (ms > limit())
		measure_usual();	/* has the machine more to do by now? */
	EXPECT_LE(ms, limit());
	note_time(ms);
}

static void kill_one_host(void)
{
	struct process *victim = start_host();
	long long start;

	usleep(rnd(LATEST_US));
	if (!process_runs(victim))
		FAIL("the host ends by itself:\n%s", process_output(victim));
	process_kill(victim, SIGKILL);
	start = now_ms();
	serve_one_host();
	expect_soon(now_ms() - start);
}

static void kill_hosts(enum tlpb_transport transport)
{
	unsigned before;
	struct process *server;

	processes_end();
	use(transport);
	seed();
	memset(&times, 0, sizeof times);
	server = serve("s");
	serve_one_host();
	measure_usual();
	before = descriptors(server->pid);
	for (unsigned i = 0; i < kills(); i++)
		kill_one_host();
	tell_times("served the next host");
	expect_no_more_descriptors(server->pid, before);
	expect_no_segment(server->pid);
	expect_no_segment(getpid());
	EXPECT_EQ(entries("/dev/shm", "tlpb"), 0);
	expect_sockets(1);
	if (process_stop(server))
		gt_fail(GT_SITE("", ""), "the server ends with %d:\n%s", server->status,
			process_output(server));
	expect_sockets(0);
	expect_no_process();
	processes_end();
}

TEST(Kill, HostsUnderLoadAndTheServerTakesTheNextAtOnce) { kill_hosts(TLPB_TRANSPORT_SHM); }
TEST(KillNng, HostsUnderLoadAndTheServerTakesTheNextAtOnce) { kill_hosts(TLPB_TRANSPORT_NNG); }

/* ---- the server is killed ---- */

struct shot {
	pid_t pid;
	unsigned delay_us;
	_Atomic long long when;		/* ms */
};

static void *shoot(void *arg)
{
	struct shot *shot = arg;

	usleep(shot->delay_us);
	atomic_store(&shot->when, now_ms());
	kill(shot->pid, SIGKILL);
	return NULL;
}

/* All that a host still does with a link that is down, and the way to the next one. */
static void expect_down_is_told(void)
{
	uint32_t value = 0;

	EXPECT_EQ(host.downs, 1);
	EXPECT_EQ(host.down_reason, TLPB_REASON_LOST);
	EXPECT_EQ(tlpb_rc_config_read(host.rc, HOST_BDF, 0, 4, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
	host_stop();
}

/* Returns once the server is dead and the host knows it. */
static void load_until_down(struct shot *shot)
{
	pthread_t thread;

	host_start(url_of("s"));
	ASSERT_EQ(pthread_create(&thread, NULL, shoot, shot), 0);
	while (load_step(rnd(1 << 16)))
		;
	pthread_join(thread, NULL);
	EXPECT_LE(now_ms() - atomic_load(&shot->when), limit());
	note_time(now_ms() - atomic_load(&shot->when));
	expect_down_is_told();
}

/* During the connect: it fails, or a link comes that goes down again. */
static void connect_until_down(struct shot *shot)
{
	enum { TIMEOUT_MS = 300 };
	long long start = now_ms();
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, shoot, shot), 0);
	if (host_connect(url_of("s"), NULL, TIMEOUT_MS)) {
		EXPECT_LE(now_ms() - start, TIMEOUT_MS + limit());
		EXPECT_NE(host.why[0], 0);
	} else {
		while (!tlpb_rc_process(host.rc))
			;
		expect_down_is_told();
	}
	pthread_join(thread, NULL);
}

static void kill_one_server(unsigned i)
{
	struct process *server = serve("s");
	struct shot shot = { .pid = server->pid, .delay_us = rnd(LATEST_US) };

	if (i % 4 == 3) {
		shot.delay_us /= 10;
		connect_until_down(&shot);
	} else {
		load_until_down(&shot);
	}
	EXPECT_EQ(process_wait(server, PROCESS_PATIENCE_MS), 128 + SIGKILL);
}

static void kill_servers(enum tlpb_transport transport)
{
	unsigned before;
	struct process *server;

	processes_end();
	use(transport);
	seed();
	memset(&times, 0, sizeof times);
	server = serve("s");
	serve_one_host();
	measure_usual();
	process_stop(server);
	for (unsigned i = 0; i < 4; i++)	/* what is opened once is open then */
		kill_one_server(i);
	before = descriptors(getpid());
	for (unsigned i = 0; i < kills(); i++)
		kill_one_server(i);
	tell_times("the host heard of the death");
	expect_no_more_descriptors(getpid(), before);
	expect_no_segment(getpid());
	EXPECT_EQ(entries("/dev/shm", "tlpb"), 0);
	server = serve("s");			/* clears away what the killed ones left */
	serve_one_host();
	expect_sockets(1);
	EXPECT_EQ(process_stop(server), 0);
	expect_sockets(0);
	expect_no_process();
	processes_end();
}

TEST(Kill, ServersUnderLoadAndTheHostIsUsableAtOnce) { kill_servers(TLPB_TRANSPORT_SHM); }
TEST(KillNng, ServersUnderLoadAndTheHostIsUsableAtOnce) { kill_servers(TLPB_TRANSPORT_NNG); }
