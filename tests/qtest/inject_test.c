/* SPDX-License-Identifier: MIT */
/* Error injection while a machine runs: at QEMU's end by its monitor, at the device's by tlpbridge inject. */
#include "slot.h"

#include <stdio.h>

enum { ONES = 0xffffffff };

static struct qmp *qmp;

static void start(const char *options)
{
	qmp = slot_machine_start();
	ASSERT_NOT_NULL(strstr(slot_add(qmp, "s", options), "return"));
	slot_write(SLOT_CONTROL, SLOT_ON);
	place_bars(m.q, EP, m.bar);
}

static void stop(void)
{
	qmp_close(qmp);
	machine_stop();
}

static const char *set(const char *rules)
{
	char json[300];

	snprintf(json, sizeof json, "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"ep0\","
		 "\"property\":\"inject\",\"value\":\"%s\"}}", rules);
	return qmp_command(qmp, json);
}

static const char *get(void)
{
	return qmp_command(qmp, "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"ep0\","
				"\"property\":\"inject\"}}");
}

TEST(Inject, RulesOfTheCommandLineAct)
{
	start(",\"inject\":\"timeout type=MRd count=1\"");
	EXPECT_EQ(reg_read(REG_MAGIC), ONES);
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	stop();
}

TEST(Inject, RulesAreReplacedAndRemovedWhileTheMachineRuns)
{
	start("");
	EXPECT_NOT_NULL(strstr(get(), "\"\""));
	EXPECT_NOT_NULL(strstr(set("drop type=MWr count=1; timeout type=MRd after=1 count=1"), "return"));
	EXPECT_NOT_NULL(strstr(get(), "drop type=MWr count=1; timeout"));
	reg_write(REG_MAGIC, 1);
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	EXPECT_EQ(reg_read(REG_MAGIC), ONES);
	EXPECT_NOT_NULL(strstr(set("corrupt part=data bit=0 type=CplD to=host"), "return"));
	EXPECT_EQ(reg_read(REG_MAGIC), 1u);
	EXPECT_NOT_NULL(strstr(set(""), "return"));
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	stop();
}

TEST(Inject, WrongRulesAreRefusedAndChangeNothing)
{
	start(",\"inject\":\"corrupt part=data bit=0 type=CplD to=host addr=0\"");
	EXPECT_NOT_NULL(strstr(set("lose everything"), "not an action"));
	EXPECT_NOT_NULL(strstr(get(), "corrupt part=data"));
	stop();
}

TEST(Inject, WrongRulesOfTheCommandLineAreRefused)
{
	qmp = slot_machine_start();
	EXPECT_NOT_NULL(strstr(slot_add(qmp, "s", ",\"inject\":\"lose\""), "not an action"));
	stop();
}

static void wait_said(const char *text)
{
	ASSERT_TRUE(process_wait_output(m.q->process, text, PROCESS_PATIENCE_MS));
}

/* Set while the server is away, they hold when it is back. */
TEST(Inject, RulesSetWhileTheDeviceIsLostHoldWhenItIsBack)
{
	start(",\"on-link-down\":\"ones\",\"inject\":\"linkdown type=MRd after=1\"");
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	process_kill(m.server, SIGKILL);
	wait_said("is down");
	EXPECT_NOT_NULL(strstr(set("timeout type=MRd count=1"), "return"));
	m.server = serve("s", ALL_KINDS);
	wait_said("has returned");
	place_bars(m.q, EP, m.bar);
	EXPECT_EQ(reg_read(REG_MAGIC), ONES);
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	stop();
}

/* The device's end, of a server that QEMU has: tlpbridge inject. */
TEST(Inject, AServerThatQemuHasTakesRules)
{
	struct process *tool;
	const char *url;

	processes_end();
	memset(&m, 0, sizeof m);
	url = socket_url("s");
	m.server = process_start((const char *const[]){ TLPB_SERVE, "endpoint-test", "--listen", url,
							"--bars", ALL_KINDS, "--allow-inject", NULL });
	if (!process_wait_output(m.server, ", device ", PROCESS_PATIENCE_MS))
		FAIL("tlpbridge-serve does not listen:\n%s", process_output(m.server));
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	tool = process_start((const char *const[]){ TLPB_TOOL, "inject", url, "status=CA type=MRd count=1",
						    NULL });
	EXPECT_EQ(process_wait(tool, PROCESS_PATIENCE_MS), 0);
	EXPECT_EQ(reg_read(REG_MAGIC), ONES);
	EXPECT_EQ(reg_read(REG_MAGIC), 0u);
	machine_stop();
}
