/* SPDX-License-Identifier: MIT */
/* How QEMU starts with the plugin, and why it does not. */
#include "machine.h"
#include "qmp.h"

#include <stdio.h>

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
	long long start = now_ms();
	struct process *qemu;

	processes_end();
	qemu = run_failing(ARGS("-device", bridge_device("rp0", "s", "connect-timeout=300")));
	EXPECT_SAYS(qemu, "-device tlpbridge");
	EXPECT_SAYS(qemu, socket_url("s"));
	EXPECT_GE(now_ms() - start, 300);
	EXPECT_LT(now_ms() - start, 8000);
}

TEST(Start, WaitsForAServerThatComesLater)
{
	const char *argv[ARGS_MAX];
	struct process *qemu;
	struct qmp *qmp;

	processes_end();
	qemu_command(argv, ARGS_MAX, ARGS("-device", bridge_device("rp0", "s", ""),
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
	EXPECT_LT(now_ms() - start, 10000);
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
