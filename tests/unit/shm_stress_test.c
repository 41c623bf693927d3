/* SPDX-License-Identifier: MIT */
/*
 * Two ends that send, look, doze, arm and sleep in any order, with delays everywhere: a wake-up that is lost leaves
 * both asleep, and the one who waits for longer than anything takes tells of it. Whoever has received something sends
 * something, so there is always something on its way. As two threads and as two processes; on any
 * CPUs, on two, and on one.
 *
 * TLPB_STRESS_SECONDS (environment): of each of the runs. TLPB_SEED: repeats an earlier one, as far as two CPUs can be
 * repeated.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "gtest.h"
#include "process.h"
#include "segment.h"
#include "shm_pair.h"
#include "waiter.h"

enum {
	SECONDS = 1, LOST_MS = 30 * 1000, FOREVER_US = 60 * 1000 * 1000,
	HEADER = 12,			/* u32 number, u32 bytes, u32 1: the last one */
	RECORD_MAX = 64 * 1024,
};

struct side {
	struct transport *t;
	uint64_t random;
	int cpu;			/* -1: any */
	long long end;			/* ms: from here on it sends its last record */
	uint32_t sent, got;
	unsigned owed;			/* records to send */
	unsigned delays;		/* 0: none for now; else one in that many steps has a long one */
	bool said_last, heard_last, lost;
	uint8_t record[RECORD_MAX];
};

static uint32_t rnd(struct side *s, uint32_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (uint32_t)((s->random >> 32) % below);
}

/* Between any two steps. */
static void dawdle(struct side *s)
{
	if (!s->delays)
		return;
	switch (rnd(s, s->delays)) {
	case 0:
		sched_yield();
		break;
	case 1:
		usleep(rnd(s, 200));
		break;
	default:
		for (volatile uint32_t n = rnd(s, 100); n; n--)
			;
	}
}

/* ---- records ---- */

static void say_lost(struct side *s, const char *where)
{
	gt_fail(GT_SITE("", ""), "nothing came for %d s: %s", LOST_MS / 1000, where);
	s->lost = true;
}

static int send_record(struct side *s, bool last)
{
	uint32_t len = HEADER + rnd(s, rnd(s, 50) ? 600 : RECORD_MAX - HEADER);
	int err;

	put_le32(s->record, s->sent);
	put_le32(s->record + 4, len);
	put_le32(s->record + 8, last);
	if (len > HEADER)
		s->record[len - 1] = (uint8_t)s->sent;
	err = s->t->ops->send(s->t, s->record, len);
	s->sent += !err;
	s->said_last = s->said_last || (last && !err);
	dawdle(s);
	return err;
}

/* A quiet wake-up may leave the other end asleep, so a loud one follows before this one sleeps. */
static void wake(struct side *s, bool loud)
{
	s->t->ops->wake(s->t, loud);
	dawdle(s);
}

/* What is owed, as far as there is room. True: there was none. */
static bool send_all(struct side *s)
{
	bool full = false;

	while (s->owed && !s->said_last && !full) {
		full = send_record(s, s->heard_last || now_ms() >= s->end) == TLPB_ERR_AGAIN;
		s->owed -= !full;
		if (!rnd(s, 4))
			wake(s, rnd(s, 2));
	}
	wake(s, true);
	s->t->ops->want_send(s->t, full);
	return full;
}

static void take_record(struct side *s, const uint8_t *p, size_t left)
{
	uint32_t len = get_le32(p + 4);

	EXPECT_EQ(get_le32(p), s->got);
	ASSERT_LE(len, left);
	if (len > HEADER)
		EXPECT_EQ(p[len - 1], (uint8_t)s->got);
	s->got++;
	s->heard_last = s->heard_last || get_le32(p + 8);
}

/* True: something came. */
static bool take_some(struct side *s)
{
	struct message m;
	int err = s->t->ops->recv(s->t, &m);

	if (err)
		EXPECT_EQ(err, TLPB_ERR_AGAIN);
	if (err)
		return false;
	for (size_t at = 0; at < m.len; at += get_le32(m.data + at + 4))
		take_record(s, m.data + at, m.len - at);
	s->t->ops->release(s->t, &m);
	s->owed += rnd(s, 100) ? rnd(s, 8) ? 1 : 1 + rnd(s, 20) : 1 + rnd(s, 2000);
	if (s->owed > 5000)
		s->owed = 5000;
	dawdle(s);
	return true;
}

/* ---- waiting ---- */

static void look(struct side *s)
{
	s->t->ops->attend(s->t);
	for (uint32_t n = rnd(s, 300); n && !s->t->ops->ready(s->t); n--)
		;
}

static void doze(struct side *s)
{
	long long start = now_ms();

	s->t->ops->attend(s->t);
	dawdle(s);
	s->t->ops->doze(s->t, rnd(s, 4) ? FOREVER_US : rnd(s, 300));
	if (now_ms() - start >= LOST_MS)
		say_lost(s, "while it dozed");
}

static void sleep_at_socket(struct side *s, bool full)
{
	struct pollfd p = { .fd = s->t->ops->fd(s->t), .events = POLLIN };

	s->t->ops->arm(s->t, rnd(s, 2));
	dawdle(s);
	if (!rnd(s, 4))		/* as each flush does */
		s->t->ops->want_send(s->t, full);
	if (!rnd(s, 8))
		s->t->ops->arm(s->t, false);
	if (poll(&p, 1, LOST_MS) == 0)
		say_lost(s, "while it slept on the descriptor");
}

static void wait_as_owners_do(struct side *s, bool full)
{
	if (!tlpb__waiter_spin(&s->t, 1, rnd(s, 2)) && !tlpb__waiter_doze(s->t, -1))
		sleep_at_socket(s, full);
}

static void wait_somehow(struct side *s, bool full)
{
	switch (rnd(s, 8)) {
	case 0: case 1:
		look(s);
		break;
	case 2: case 3:
		doze(s);
		break;
	case 4:
		wait_as_owners_do(s, full);
		break;
	default:
		sleep_at_socket(s, full);
	}
}

static void *run(void *arg)
{
	struct side *s = arg;
	bool full;

	if (s->cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(s->cpu, &set);
		sched_setaffinity(0, sizeof set, &set);
	}
	s->owed = 1;
	while (!(s->said_last && s->heard_last) && !s->lost) {
		if (!rnd(s, 200))
			s->delays = rnd(s, 2) ? 0 : 1u << (5 + rnd(s, 8));
		full = send_all(s);
		if (!take_some(s) && !s->heard_last)
			wait_somehow(s, full);
	}
	wake(s, true);
	return NULL;
}

/* ---- runs ---- */

static struct side sides[2];

static void prepare(struct transport *ends[2], int cpu0, int cpu1)
{
	const char *seconds = getenv("TLPB_STRESS_SECONDS"), *seed = getenv("TLPB_SEED");
	uint64_t random = 0;

	if (seed)
		random = strtoull(seed, NULL, 0);
	else
		ASSERT_EQ(getrandom(&random, sizeof random, 0), (long)sizeof random);
	printf("TLPB_SEED=0x%llx\n", (unsigned long long)random);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		memset(&sides[i], 0, sizeof sides[i]);
		sides[i].t = ends[i];
		sides[i].random = (random + (uint64_t)i * 0x9e3779b97f4a7c15) | 1;
		sides[i].cpu = i ? cpu1 : cpu0;
		sides[i].end = now_ms() + 1000 * (seconds ? atoi(seconds) : SECONDS);
	}
}

static void close_ends(struct transport *ends[2])
{
	for (int i = 0; i < 2; i++)
		ends[i]->ops->close(ends[i], 0);
	printf("%u records one way, %u the other\n", sides[0].sent, sides[0].got);
}

static void run_threads(int cpu0, int cpu1)
{
	struct transport *ends[2];
	pthread_t thread[2];

	shm_pair_mapped_once(RING_BYTES_MIN, ends);
	prepare(ends, cpu0, cpu1);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, run, &sides[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(sides[0].got, sides[1].sent);
	EXPECT_EQ(sides[1].got, sides[0].sent);
	close_ends(ends);
}

static void run_processes(int cpu0, int cpu1)
{
	struct transport *ends[2];
	cpu_set_t all;
	pid_t pid;
	int status = -1;

	sched_getaffinity(0, sizeof all, &all);
	shm_pair_new(RING_BYTES_MIN, ends, NULL);
	prepare(ends, cpu0, cpu1);
	pid = fork();
	if (!pid) {
		run(&sides[1]);
		_exit(sides[1].lost);
	}
	run(&sides[0]);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	close_ends(ends);
	sched_setaffinity(0, sizeof all, &all);
}

TEST(StressThreads, OnAnyCpus) { run_threads(-1, -1); }
TEST(StressThreads, OnTwo) { run_threads(0, 1); }
TEST(StressThreads, OnOne) { run_threads(0, 0); }
TEST(StressProcesses, OnAnyCpus) { run_processes(-1, -1); }
TEST(StressProcesses, OnTwo) { run_processes(0, 1); }
TEST(StressProcesses, OnOne) { run_processes(0, 0); }
