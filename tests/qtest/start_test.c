/* SPDX-License-Identifier: MIT */
/* How QEMU starts with the plugin, and why it does not. */
#include "flow.h"
#include "machine.h"
#include "qmp.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <tlpbridge/status.h>
#include <unistd.h>

enum { ARGS_MAX = 64 };

/* Run a QEMU that must not come up. Its process, ended. */
static struct process *run_failing(const char *const args[])
{
	const char *argv[ARGS_MAX];
	struct process *process;

	qemu_command(argv, ARGS_MAX, args);
	process = process_start(argv);
	EXPECT_EQ(process_wait(process, PROCESS_PATIENCE_MS), 1);
	return process;
}

#define EXPECT_SAYS(process, text)							\
	do {										\
		if (!strstr(process_output(process), text))				\
			gt_fail(GT_SITE("", ""), "expected \"%s\" in:\n%s", text,	\
				process_output(process));				\
	} while (0)

TEST(Start, WithoutUrlIsRefused)
{
	processes_end();
	EXPECT_SAYS(run_failing(ARGS("-device", "tlpbridge,bus=rp0")), "url= is missing");
	EXPECT_SAYS(run_failing(ARGS("-device", "tlpbridge,bus=rp0,url=")), "url= is missing");
}

TEST(Start, WithRomfileIsRefused)
{
	processes_end();
	EXPECT_SAYS(run_failing(ARGS("-device", bridge_device("rp0", "s", "romfile=x.rom"))),
		    "romfile=");
}

TEST(Start, WithUnknownSchemeIsRefused)
{
	processes_end();
	run_failing(ARGS("-device", "tlpbridge,bus=rp0,url=carrier-pigeon:///x"));
}

TEST(Start, WithNobodyAtTheUrlFailsAfterConnectTimeout)
{
	long long start, took = 8000;
	struct process *qemu;

	for (int tries = 0; took >= 8000 && tries < 10; tries++) {	/* QEMU may be slow to start */
		processes_end();
		start = now_ms();
		qemu = run_failing(ARGS("-device", bridge_device("rp0", "s", "connect-timeout=300")));
		took = now_ms() - start;
		EXPECT_SAYS(qemu, "-device tlpbridge");
		EXPECT_SAYS(qemu, socket_url("s"));
		EXPECT_GE(took, 300);
	}
	EXPECT_LT(took, 8000);
}

TEST(Start, WaitsForAServerThatComesLater)
{
	const char *argv[ARGS_MAX];
	struct process *qemu;
	struct qmp *qmp;

	processes_end();
	qemu_command(argv, ARGS_MAX, ARGS("-device", bridge_device("rp0", "s", "connect-timeout=60000"),
					  "-qmp", qmp_option("qmp")));
	qemu = process_start(argv);
	sleep_ms(300);
	EXPECT_TRUE(process_runs(qemu));
	serve("s", ALL_KINDS);
	qmp = qmp_connect("qmp");	/* QEMU's main loop runs */
	qmp_close(qmp);
	EXPECT_EQ(process_stop(qemu), 0);
	processes_end();
}

TEST(Start, CanBeInterruptedWhileConnecting)
{
	const char *argv[ARGS_MAX];
	struct process *qemu;
	long long start;

	processes_end();
	qemu_command(argv, ARGS_MAX,
		     ARGS("-device", bridge_device("rp0", "s", "connect-timeout=60000")));
	qemu = process_start(argv);
	sleep_ms(500);
	EXPECT_TRUE(process_runs(qemu));
	start = now_ms();
	EXPECT_NE(process_kill(qemu, SIGINT), -1);
	EXPECT_LT(now_ms() - start, 50000);
}

TEST(Start, TakenDeviceIsRefused)
{
	struct process *second;

	machine_start(ALL_KINDS, "");
	second = run_failing(ARGS("-device", bridge_device("rp0", "s", "connect-timeout=2000")));
	EXPECT_SAYS(second, "-device tlpbridge");
	EXPECT_SAYS(second, "endpoint-test");
	EXPECT_EQ(qtest_config_read(m.q, EP, 0, 4), 0xb500104cu);	/* the first goes on */
	machine_stop();
}

TEST(Start, DeviceIsChosenByName)
{
	struct process *wrong;

	machine_start(ALL_KINDS, "device=endpoint-test");
	machine_stop();
	processes_end();
	serve("s", ALL_KINDS);
	wrong = run_failing(ARGS("-device", bridge_device("rp0", "s",
							   "device=nothing,connect-timeout=2000")));
	EXPECT_SAYS(wrong, "nothing");
	EXPECT_SAYS(wrong, "endpoint-test");
	processes_end();
}

TEST(Start, PluginTakesNoArguments)
{
	struct process *qemu;

	processes_end();
	qemu = run_failing((const char *const[]){ "-plugin", TLPB_PLUGIN ",url=x", NULL });
	EXPECT_SAYS(qemu, "no argument");
}

/* A plugin built for a QEMU whose PCIDevice has another size. */
TEST(AbiGuard, RefusesAQemuThatDiffers)
{
	struct process *qemu;

	processes_end();
	qemu = run_failing((const char *const[]){ "-plugin", TLPB_PLUGIN_MISFIT, NULL });
	EXPECT_SAYS(qemu, "pci-device");
	EXPECT_SAYS(qemu, "Rebuild tlpbridge-qemu.so");
}

TEST(Start, WorksInASandbox)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
	m.q = qtest_start(ARGS("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
			       "resourcecontrol=deny",
			       "-device", bridge_device("rp0", "s", "")));
	qtest_set_up_port(m.q, 0);
	EXPECT_EQ(qtest_config_read(m.q, EP, 0, 4), 0xb500104cu);
	machine_stop();
}

TEST(Start, TraceIsWritten)
{
	uint32_t magic = 0;
	char option[300];
	FILE *file;

	processes_end();
	snprintf(option, sizeof option, "trace=%s", test_path("x.pcap"));
	m.server = serve("s", ALL_KINDS);
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", option)));
	qtest_stop(m.q);
	file = fopen(test_path("x.pcap"), "r");
	ASSERT_NOT_NULL(file);
	ASSERT_EQ(fread(&magic, sizeof magic, 1, file), 1u);
	EXPECT_EQ(magic, 0xa1b23c4du);		/* pcap with nanoseconds */
	fseek(file, 0, SEEK_END);
	EXPECT_GT(ftell(file), 24);
	fclose(file);
	processes_end();
}

TEST(Start, UnwritableTraceIsRefused)
{
	processes_end();
	EXPECT_SAYS(run_failing(ARGS("-device",
				     bridge_device("rp0", "s", "trace=/nowhere/x.pcap"))),
		    "trace=/nowhere/x.pcap");
}

/* ---- other ways than ipc ---- */

static struct process *serve_at(const char *url)
{
	struct process *server = process_start(flow_command((const char *const[]){
		TLPB_SERVE, "endpoint-test", "--listen", url, "--bars", ALL_KINDS, NULL }));

	if (!process_wait_output(server, ", device ", PROCESS_PATIENCE_MS))
		FAIL("tlpbridge-serve does not listen:\n%s", process_output(server));
	return server;
}

static void start_qemu_at(const char *url)
{
	char device[300];

	snprintf(device, sizeof device, "tlpbridge,bus=rp0,id=ep,url=%s%s", url,
		 flow_properties());
	m.q = qtest_start(ARGS("-device", device));
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
}

static void expect_bar_and_dma(void)
{
	enum { DST = 0x200000 };

	reg_write(REG_MAGIC, 0x12345678);
	EXPECT_EQ(reg_read(REG_MAGIC), 0x12345678u);
	qtest_write(m.q, DST + 4096, 4, 0x5a5a5a5a);
	EXPECT_EQ(run_command(DO_WRITE, 0, DST, 4096) & (WRITE_SUCCESS | WRITE_FAIL),
		  (uint32_t)WRITE_SUCCESS);
	EXPECT_EQ(qtest_read(m.q, DST + 4096, 4), 0x5a5a5a5au);
	EXPECT_EQ(run_command(DO_COPY, DST, DST + 0x10000, 4096) & (COPY_SUCCESS | COPY_FAIL),
		  (uint32_t)COPY_SUCCESS);
	for (unsigned i = 0; i < 4096; i += 8)
		EXPECT_EQ(qtest_read(m.q, DST + 0x10000 + i, 8), qtest_read(m.q, DST + i, 8));
}

TEST(Transport, TcpCarriesBarAccessesAndDma)
{
	static const char says[] = "listening at ";
	char url[100];
	const char *line;

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve_at("tcp://127.0.0.1:0");
	line = strstr(process_output(m.server), says) + strlen(says);
	snprintf(url, sizeof url, "%.*s", (int)strcspn(line, ","), line);
	start_qemu_at(url);
	expect_bar_and_dma();
	machine_stop();
}

/* A launcher makes the pair and keeps neither end; the server ends with its one host. */
static void start_inherited(void)
{
	char ours[16], theirs[16];
	int fds[2];

	processes_end();
	memset(&m, 0, sizeof m);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	snprintf(ours, sizeof ours, "fd:%d", fds[0]);
	snprintf(theirs, sizeof theirs, "fd:%d", fds[1]);
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);	/* each process has one end, so that its end is seen */
	m.server = serve_at(theirs);
	close(fds[1]);
	fcntl(fds[0], F_SETFD, 0);
	start_qemu_at(ours);
	close(fds[0]);
}

TEST(Transport, AnInheritedSocketCarriesBarAccessesAndDma)
{
	start_inherited();
	expect_bar_and_dma();
	qtest_stop(m.q);
	EXPECT_EQ(process_wait(m.server, PROCESS_PATIENCE_MS), 0);
	processes_end();
}

/* Its number may be another descriptor's by then. */
TEST(Transport, AnInheritedSocketThatIsLostIsNotLookedFor)
{
	start_inherited();
	expect_bar_and_dma();
	process_kill(m.server, SIGKILL);
	EXPECT_TRUE(process_wait_output(m.q->process, "now reads all ones", PROCESS_PATIENCE_MS));
	EXPECT_EQ(process_count_output(m.q->process, "Waiting for it to return"), 0u);
	qtest_stop(m.q);
	processes_end();
}

TEST(Transport, PlainTcpBeyondLoopbackIsRefused)
{
	processes_end();
	EXPECT_SAYS(run_failing(ARGS("-device", "tlpbridge,bus=rp0,url=tcp://192.0.2.1:7000")),
		    "plaintext=on");
}

/* ---- shared memory; what the environment says of it is left aside ---- */

static void serve_over(const char *transport)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = process_start((const char *const[]){
		TLPB_SERVE, "endpoint-test", "--listen", socket_url("s"), "--bars", ALL_KINDS,
		"--transport", transport, NULL });
	if (!process_wait_output(m.server, ", device ", PROCESS_PATIENCE_MS))
		FAIL("tlpbridge-serve does not listen:\n%s", process_output(m.server));
}

static const char *device_over(const char *options)
{
	static char device[300];

	snprintf(device, sizeof device, "tlpbridge,bus=rp0,id=ep,url=%s%s", socket_url("s"), options);
	return device;
}

static bool in_shared_memory(void)
{
	static struct tlpb_status status;
	struct tlpb_rc_config config = { .url = socket_url("s") };
	char why[512] = "";

	EXPECT_EQ(tlpb_status_ask(&config, &status, why, sizeof why), 0);
	EXPECT_STREQ(why, "");
	EXPECT_NE(status.slot[0].host[0], 0);
	return status.slot[0].shared_memory;
}

TEST(SharedMemory, IsUsedUnlessAPropertySaysNo)
{
	static const struct { const char *options; bool shared; } cases[] = {
		{ "", true }, { ",transport=auto", true }, { ",transport=shm,no-spin=on", true },
		{ ",transport=nng", false },
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		gt_about(cases[i].options);
		serve_over("auto");
		m.q = qtest_start(ARGS("-device", device_over(cases[i].options)));
		qtest_set_up_port(m.q, 0);
		place_bars(m.q, EP, m.bar);
		EXPECT_EQ(in_shared_memory(), cases[i].shared);
		expect_bar_and_dma();
		machine_stop();
	}
}

TEST(SharedMemory, ThatIsNotThereIsToldOnce)
{
	serve_over("nng");
	m.q = qtest_start(ARGS("-device", device_over("")));
	EXPECT_FALSE(in_shared_memory());
	EXPECT_EQ(process_count_output(m.q->process, "no shared memory: the peer does not offer it"), 1u);
	machine_stop();
	serve_over("auto");
	m.q = qtest_start(ARGS("-device", device_over(",transport=nng")));
	EXPECT_EQ(process_count_output(m.q->process, "shared memory"), 0u);
	machine_stop();
}

TEST(SharedMemory, ThatOneEndMustHaveAndTheOtherMustNotIsNoLink)
{
	serve_over("nng");
	EXPECT_SAYS(run_failing(ARGS("-device", device_over(",transport=shm"))), "do not both have: shm");
	serve_over("shm");
	EXPECT_SAYS(run_failing(ARGS("-device", device_over(",transport=nng"))), "do not both have: shm");
	processes_end();
}

TEST(SharedMemory, AnUnknownTransportIsRefused)
{
	processes_end();
	EXPECT_SAYS(run_failing(ARGS("-device", device_over(",transport=pigeon"))), "pigeon");
}
