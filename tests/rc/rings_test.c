/* SPDX-License-Identifier: MIT */
/*
 * When a link has shared memory, and what is said where it has not; and that one with nothing to do does nothing.
 * Each end is a process of its own (rings_end.c), which may lack something.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gtest.h"
#include "process.h"

enum { IDLE_MS = 1000, TRIES = 5, SKIPPED = 77 };

static const char no_memory[] = "no shared memory";

static struct process *start(const char *without, const char *role, const char *url, const char *transport)
{
	return process_start((const char *const[]){ RINGS_END, without, role, url, transport, NULL });
}

static const char *ipc(void)
{
	static char url[300];

	snprintf(url, sizeof url, "ipc://%s", test_path("s"));
	return url;
}

static bool was_skipped(struct process *p)
{
	if (process_runs(p) || p->status != SKIPPED)
		return false;
	printf("%s", process_output(p));
	return true;
}

/* Where it listens; NULL: such a server cannot be had here. */
static const char *start_server(const char *without, const char *url, const char *transport)
{
	static char found[300];
	struct process *server = start(without, "server", url, transport);
	const char *line;

	if (!process_wait_output(server, "listening at", PROCESS_PATIENCE_MS)) {
		if (was_skipped(server))
			return NULL;
		FAIL("the server does not listen:\n%s", process_output(server));
	}
	line = strstr(process_output(server), "listening at ") + strlen("listening at ");
	snprintf(found, sizeof found, "%.*s", (int)strcspn(line, "\n"), line);
	return found;
}

static void expect_says(struct process *p, const char *text, unsigned times)
{
	if (process_count_output(p, text) != times)
		gt_fail(GT_SITE("", ""), "not %u times \"%s\":\n%s", times, text, process_output(p));
}

/* One end lacks something, or will not have it. */
struct lack {
	const char *server, *host, *url;	/* NULL: an ipc of the test's */
	const char *offers;			/* the server's transport= */
	const char *why;
	const char *refusal;			/* where transport=shm is; NULL: the same */
};

static void expect_host(const struct lack *l, const char *url, const char *transport, int status,
			const char *result)
{
	struct process *host = start(l->host, "host", url, transport);

	if (process_wait(host, PROCESS_PATIENCE_MS) == SKIPPED && was_skipped(host))
		return;
	EXPECT_EQ(host->status, status);
	expect_says(host, result, 1);
	if (status == 0 && strcmp(transport, "nng"))
		expect_says(host, no_memory, 1);
	if (status == 0 && !strcmp(transport, "nng"))
		expect_says(host, no_memory, 0);
	if (strcmp(transport, "nng"))
		expect_says(host, status && l->refusal ? l->refusal : l->why, 1);
}

/* With auto by the socket, and one line says why; with shm not at all, and the error says why. */
static void expect_no_rings(const struct lack *l)
{
	const char *url;

	processes_end();
	url = start_server(l->server, l->url ? l->url : ipc(), l->offers);
	if (!url)
		return;
	expect_host(l, url, "auto", 0, "socket\n");
	expect_host(l, url, "nng", 0, "socket\n");
	expect_host(l, url, "shm", 3, "refused: ");
	expect_host(l, url, "auto", 0, "socket\n");
	processes_end();
}

static const char tcp[] = "tcp://127.0.0.1:0";

TEST(NoRings, WhereTheServerDoesNotWantThem)
{
	expect_no_rings(&(struct lack){ "nothing", "nothing", NULL, "nng", "the peer does not offer it",
					"do not both have: shm" });
}

TEST(NoRings, WithoutMemoryForThem)
{
	expect_no_rings(&(struct lack){ "memory", "nothing", NULL, "auto", "Cannot allocate memory", NULL });
}

TEST(NoRings, WhereTheServerHasPidsOfItsOwn)
{
	expect_no_rings(&(struct lack){ "pids", "nothing", NULL, "auto", "in another PID namespace", NULL });
}

TEST(NoRings, WhereTheHostHasPidsOfItsOwn)
{
	expect_no_rings(&(struct lack){ "nothing", "pids", NULL, "auto", "in another PID namespace", NULL });
}

TEST(NoRings, WhereTheHostIsAnotherUser)
{
	expect_no_rings(&(struct lack){ "nothing", "user", tcp, "auto", "do both run as the same user?", NULL });
}

TEST(NoRings, WhereTheServerHasNoProc)
{
	expect_no_rings(&(struct lack){ "proc", "nothing", NULL, "auto", "the peer cannot read /proc", NULL });
}

TEST(NoRings, WhereTheHostHasNoProc)
{
	expect_no_rings(&(struct lack){ "nothing", "proc", NULL, "auto", "/proc cannot be read here", NULL });
}

/* The server insists: no host gets a link without. */
TEST(NoRings, AreRefusedByAServerThatWantsThem)
{
	static const struct lack lacks[] = {
		{ "nothing", "pids", NULL, "shm", "in another PID namespace", NULL },
		{ "pids", "nothing", NULL, "shm", "in another PID namespace", NULL },
		{ "nothing", "proc", NULL, "shm", "/proc cannot be read here", NULL },
		{ "proc", "nothing", NULL, "shm", "the peer cannot read /proc", NULL },
		{ "memory", "nothing", NULL, "shm", "Cannot allocate memory", NULL },
	};

	for (unsigned i = 0; i < sizeof lacks / sizeof lacks[0]; i++) {
		static const char *const transports[] = { "auto", "nng" };
		const char *url;

		gt_about(lacks[i].why);
		processes_end();
		url = start_server(lacks[i].server, ipc(), "shm");
		for (int k = 0; url && k < 2; k++) {
			struct process *host = start(lacks[i].host, "host", url, transports[k]);

			EXPECT_EQ(process_wait(host, PROCESS_PATIENCE_MS), 3);
			expect_says(host, "refused: ", 1);
			if (!k)
				EXPECT_GT(process_count_output(host, lacks[i].why), 0);
		}
	}
	processes_end();
}

/* ---- rings ---- */

static void expect_rings(const char *given_url)
{
	static const char *const transports[] = { "auto", "shm" };
	const char *url;

	processes_end();
	url = start_server("nothing", given_url ? given_url : ipc(), "auto");
	for (int i = 0; i < 2; i++) {
		struct process *host = start("nothing", "host", url, transports[i]);

		EXPECT_EQ(process_wait(host, PROCESS_PATIENCE_MS), 0);
		expect_says(host, "rings\n", 1);
		expect_says(host, no_memory, 0);
	}
	processes_end();
}

TEST(Rings, AreThereOverIpc) { expect_rings(NULL); }
TEST(Rings, AreThereOverTcpOnOneMachine) { expect_rings(tcp); }

/* ---- idle ---- */

struct use {
	long long ns;			/* of a CPU */
	long long sleeps;		/* how often it went to sleep */
};

static struct use use_of(pid_t pid)
{
	struct use use = { -1, -1 };
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lld", &use.ns) != 1)
		use.ns = 0;
	if (file)
		fclose(file);
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	ASSERT_NOT_NULL(file);
	while (fgets(line, sizeof line, file))
		sscanf(line, "voluntary_ctxt_switches: %lld", &use.sleeps);
	fclose(file);
	return use;
}

/* The least of some tries: other processes may be what wakes it. */
static void expect_idle(const struct process *p)
{
	struct use least = { 1ll << 60, 1ll << 60 };

	for (int i = 0; i < TRIES && (least.sleeps || least.ns > IDLE_MS * 10000); i++) {
		struct use before = use_of(p->pid), after;

		sleep_ms(IDLE_MS);
		after = use_of(p->pid);
		if (after.ns - before.ns < least.ns)
			least.ns = after.ns - before.ns;
		if (after.sleeps - before.sleeps < least.sleeps)
			least.sleeps = after.sleeps - before.sleeps;
	}
	EXPECT_LT(least.ns, IDLE_MS * 10000);	/* 1 % */
	EXPECT_EQ(least.sleeps, 0);
}

static void expect_idle_link(const char *role)
{
	struct process *server, *host;

	processes_end();
	server = start("nothing", "server", ipc(), "auto");
	ASSERT_TRUE(process_wait_output(server, "listening at", PROCESS_PATIENCE_MS));
	host = start("nothing", role, ipc(), "shm");
	ASSERT_TRUE(process_wait_output(host, "rings\n", PROCESS_PATIENCE_MS));
	sleep_ms(50);
	expect_idle(host);
	expect_idle(server);
	EXPECT_TRUE(process_runs(host) && process_runs(server));
	processes_end();
}

TEST(Idle, ALinkDoesNothing) { expect_idle_link("idle"); }
TEST(Idle, ALinkThatNeverSpinsDoesNothing) { expect_idle_link("idle-no-spin"); }
