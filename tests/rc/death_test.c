/* SPDX-License-Identifier: MIT */
/* Processes that end well, end badly, or come back. */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "gtest.h"
#include "host.h"

static struct process *start_host(const char *mode)
{
	struct process *p;

	setenv("RC_HOST_URL", url_of("s"), 1);
	setenv("RC_HOST_MODE", mode, 1);
	p = process_start((const char *const[]){ RC_HOST, NULL });
	if (!process_wait_output(p, "up\n", PROCESS_PATIENCE_MS))
		FAIL("the host does not come up:\n%s", process_output(p));
	return p;
}

/* How long it took, in ms: at once, or as long as this machine has something else to do. */
static long long expect_next_host_is_welcome(void)
{
	long long start = now_ms(), took;

	host_start(url_of("s"));
	took = now_ms() - start;
	expect_traffic();
	host_stop();
	return took;
}

enum { TRIES = 5, AT_ONCE_MS = 5000 };	/* who is made to wait, waits each time */

/* Start a host, kill it after a while, and see how soon the next one is served. */
static long long replace_host(const char *mode, int after_ms)
{
	struct process *p = start_host(mode);

	sleep_ms(after_ms);
	process_kill(p, SIGKILL);
	return expect_next_host_is_welcome();
}

static void expect_clean_stop(struct process *server)
{
	if (process_stop(server))
		gt_fail(GT_SITE("", ""), "the server ends with status %d:\n%s", server->status,
			process_output(server));
}

/* ---- the server dies ---- */

static pid_t to_kill;

static void *kill_soon(void *arg)
{
	sleep_ms(200);
	kill(to_kill, SIGKILL);
	return NULL;
}

static void expect_down(void)
{
	uint32_t value = 0;

	EXPECT_EQ(host.downs, 1);
	EXPECT_EQ(host.down_reason, TLPB_REASON_LOST);
	EXPECT_NOT_NULL(strstr(host.down_text, "crashed or was killed"));
	EXPECT_EQ(tlpb_rc_config_read(host.rc, HOST_BDF, 0, 4, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
}

/* How long it took, in ms, until the read ended, and to close. */
static void read_until_the_server_dies(long long took[2])
{
	struct process *server;
	uint8_t value[4] = { 0 };
	pthread_t thread;
	long long start;

	processes_end();
	server = serve("s");
	host_start(url_of("s"));
	to_kill = server->pid;
	kill(server->pid, SIGSTOP);		/* so that the read has to wait */
	start = now_ms();
	ASSERT_EQ(pthread_create(&thread, NULL, kill_soon, NULL), 0);
	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[0].addr, value, 4), TLPB_ERR_CLOSED);
	took[0] = now_ms() - start;
	EXPECT_EQ(get_le32(value), 0xffffffff);
	pthread_join(thread, NULL);
	expect_down();
	start = now_ms();
	host_stop();
	took[1] = now_ms() - start;
	processes_end();
}

/* The fastest of some: a machine may be busy now and then, what waits for a timeout always waits. */
TEST(ServerDies, AReadEndsAtOnceWithAllOnes)
{
	long long least[2] = { 1 << 30, 1 << 30 }, took[2];

	for (int i = 0; i < TRIES; i++) {
		read_until_the_server_dies(took);
		for (int k = 0; k < 2; k++)
			least[k] = took[k] < least[k] ? took[k] : least[k];
	}
	EXPECT_LT(least[0], 200 + 1000);
	EXPECT_LT(least[1], 1000);
}

TEST(ServerDies, AnEventLoopHearsOfIt)
{
	struct process *server;
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	processes_end();
	server = serve("s");
	host_start(url_of("s"));
	process_kill(server, SIGKILL);
	while (tlpb_rc_process(host.rc) == 0)
		ASSERT_LT(now_ms(), end);
	expect_down();
	host_stop();
	processes_end();
}

static void *continue_later(void *arg)
{
	sleep_ms(2500);
	kill(to_kill, SIGCONT);
	return NULL;
}

/* Simulators are stopped in debuggers: no timeout, but a line that says what is waited for. */
TEST(ServerDies, OneThatIsOnlyStoppedIsWaitedForAndThatIsSaid)
{
	uint8_t value[4] = { 0 };
	pthread_t thread;

	processes_end();
	to_kill = serve("s")->pid;
	host_start(url_of("s"));
	reg_write(0, 0x600df00d);
	kill(to_kill, SIGSTOP);
	ASSERT_EQ(pthread_create(&thread, NULL, continue_later, NULL), 0);
	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[0].addr, value, 4), 0);
	EXPECT_EQ(get_le32(value), 0x600df00d);
	EXPECT_NOT_NULL(strstr(host.waiting, "endpoint-test: waiting for MRd"));
	pthread_join(thread, NULL);
	host_stop();
	processes_end();
}

TEST(ServerDies, ItSaysGoodbyeOnSigterm)
{
	struct process *server;
	uint32_t value;

	processes_end();
	server = serve("s");
	host_start(url_of("s"));
	kill(server->pid, SIGTERM);
	while (tlpb_rc_config_read(host.rc, HOST_BDF, 0, 4, &value) == 0)
		sleep_ms(1);
	EXPECT_EQ(host.down_reason, TLPB_REASON_NORMAL);
	EXPECT_STREQ(host.down_text, "the server was stopped");
	host_stop();
	EXPECT_EQ(process_wait(server, PROCESS_PATIENCE_MS), 0);
	processes_end();
}

/* ---- the host dies ---- */

TEST(HostDies, DuringDmaTheDeviceIsFreeAtOnce)
{
	long long least = 1 << 30;
	struct process *server;

	processes_end();
	server = serve("s");
	for (int i = 0; i < TRIES; i++) {
		long long took = replace_host("dma", 50 + 30 * i);

		least = took < least ? took : least;
	}
	EXPECT_LT(least, AT_ONCE_MS);
	EXPECT_TRUE(process_runs(server));
	EXPECT_TRUE(process_wait_output(server, "crashed or was killed", PROCESS_PATIENCE_MS));
	expect_clean_stop(server);
	processes_end();
}

TEST(HostDies, WhileItReadsTheDeviceIsFreeAtOnce)
{
	long long least = 1 << 30;
	struct process *server;

	processes_end();
	server = serve("s");
	for (int i = 0; i < TRIES; i++) {
		long long took = replace_host("read", 20);

		least = took < least ? took : least;
	}
	EXPECT_LT(least, AT_ONCE_MS);
	expect_clean_stop(server);
	processes_end();
}

/* A host that hangs keeps its device: the next one is told who has it. */
TEST(HostDies, AStoppedHostIsNamedAndItsDeathFreesTheDevice)
{
	struct process *p;

	processes_end();
	serve("s");
	p = start_host("dma");
	kill(p->pid, SIGSTOP);
	EXPECT_EQ(host_connect(url_of("s"), NULL, 20 * 1000), TLPB_ERR_REFUSED);
	EXPECT_NOT_NULL(strstr(host.why, "held by rc-test["));
	kill(p->pid, SIGKILL);
	process_kill(p, SIGKILL);
	expect_next_host_is_welcome();
	processes_end();
}

/* ---- servers and their files ---- */

static unsigned files_in_test_dir(void)
{
	DIR *dir = opendir(test_dir());
	unsigned n = 0;
	struct dirent *entry;

	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.' && !strstr(entry->d_name, ".log");
	closedir(dir);
	return n;
}

TEST(Server, LeavesNothingBehindOnSigtermAndSigint)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (int i = 0; i < 2; i++) {
		struct process *server;

		processes_end();
		server = serve("s");
		host_start(url_of("s"));
		host_stop();
		EXPECT_EQ(process_kill(server, signals[i]), 0);
		EXPECT_EQ(files_in_test_dir(), 0);
	}
	processes_end();
}

TEST(Server, LeavesNothingBehindWhenAHostIsConnected)
{
	struct process *server;

	processes_end();
	server = serve("s");
	host_start(url_of("s"));
	EXPECT_EQ(process_kill(server, SIGTERM), 0);
	host_stop();
	EXPECT_EQ(files_in_test_dir(), 0);
	processes_end();
}

TEST(Server, ReplacesTheSocketOfOneThatWasKilled)
{
	processes_end();
	process_kill(serve("s"), SIGKILL);
	EXPECT_EQ(access(test_path("s"), F_OK), 0);
	serve("s");
	expect_next_host_is_welcome();
	processes_end();
}

TEST(Server, NeverDeletesAFileThatIsNoSocket)
{
	struct process *server;
	char text[32] = "";
	FILE *file;

	processes_end();
	file = fopen(test_path("s"), "w");
	fputs("precious", file);
	fclose(file);
	server = process_start(serve_command(url_of("s")));
	EXPECT_EQ(process_wait(server, PROCESS_PATIENCE_MS), 1);
	EXPECT_EQ(process_count_output(server, "is not a socket"), 1);
	file = fopen(test_path("s"), "r");
	ASSERT_NOT_NULL(file);
	EXPECT_NOT_NULL(fgets(text, sizeof text, file));
	EXPECT_STREQ(text, "precious");
	fclose(file);
	processes_end();
}

TEST(Server, ASecondOneAtTheUrlIsRefusedAndTheFirstLivesOn)
{
	struct process *second;

	processes_end();
	serve("s");
	second = process_start(serve_command(url_of("s")));
	EXPECT_EQ(process_wait(second, PROCESS_PATIENCE_MS), 1);
	EXPECT_EQ(process_count_output(second, "another server listens at"), 1);
	expect_next_host_is_welcome();
	processes_end();
}

static unsigned open_descriptors(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* nng closes them on threads of its own. */
static void expect_descriptors(pid_t pid, unsigned most)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (open_descriptors(pid) > most && now_ms() < end)
		sleep_ms(20);
	EXPECT_LE(open_descriptors(pid), most);
}

TEST(Server, HostsThatComeAndGoLeaveNoDescriptorOpen)
{
	struct process *server;
	unsigned before, here;

	processes_end();
	server = serve("s");
	for (int i = 0; i < 3; i++) {		/* what is opened once is open then */
		host_start(url_of("s"));
		host_stop();
	}
	sleep_ms(100);
	before = open_descriptors(server->pid);
	here = open_descriptors(getpid());
	for (int i = 0; i < 20; i++) {
		host_start(url_of("s"));
		host_stop();
	}
	expect_descriptors(server->pid, before);
	expect_descriptors(getpid(), here);
	processes_end();
}
