/* SPDX-License-Identifier: MIT */
/* examples/register-model-c: what it says it is, and its interrupt each way. */
#include <poll.h>
#include <stdio.h>

#include "bytes.h"
#include "flow.h"
#include "gtest.h"
#include "host.h"

enum { ID = 0, SCRATCH = 4, EVENT = 8, MSI_CAPABILITY = 5 };

static void setup(void)
{
	struct tlpb_rc_windows windows = { .bdf = HOST_BDF, .mem32 = 0xe0000000 };
	struct process *server;

	processes_end();
	server = process_start(flow_command((const char *const[]){ REGISTER_MODEL_C, "--listen",
								 url_of("s"), NULL }));
	if (!process_wait_output(server, "listening at", PROCESS_PATIENCE_MS))
		FAIL("the server does not listen:\n%s", process_output(server));
	if (host_connect(url_of("s"), NULL, PROCESS_PATIENCE_MS))
		FAIL("%s", host.why);
	ASSERT_EQ(tlpb_rc_enumerate(host.rc, &windows, host.bar), 0);
}

TEST(RegisterModelC, HasThreeRegisters)
{
	setup();
	EXPECT_STREQ(tlpb_rc_device(host.rc)->name, "register-model-c");
	EXPECT_EQ(reg_read(ID), 0x600d600du);
	reg_write(ID, 0);
	EXPECT_EQ(reg_read(ID), 0x600d600du);
	reg_write(SCRATCH, 0x12345678);
	EXPECT_EQ(reg_read(SCRATCH), 0x12345678u);
	EXPECT_EQ(reg_read(0x20), 0u);
	host_stop();
	processes_end();
}

static void await_read_back(void)
{
	reg_read(ID);		/* comes behind the interrupt */
}

TEST(RegisterModelC, RaisesItsLineUntilMsiIsEnabled)
{
	int msi;

	setup();
	reg_write(EVENT, 1);
	await_read_back();
	EXPECT_TRUE(host.line[0]);
	reg_write(EVENT, 0);
	await_read_back();
	EXPECT_FALSE(host.line[0]);
	msi = tlpb_rc_find_capability(host.rc, HOST_BDF, MSI_CAPABILITY);
	ASSERT_GT(msi, 0);
	ASSERT_EQ(tlpb_rc_config_write(host.rc, HOST_BDF, (unsigned)msi + 4, 4, MSI_ADDRESS), 0);
	ASSERT_EQ(tlpb_rc_config_write(host.rc, HOST_BDF, (unsigned)msi + 12, 2, 0x77), 0);
	ASSERT_EQ(tlpb_rc_config_write(host.rc, HOST_BDF, (unsigned)msi + 2, 2, 1), 0);
	reg_write(EVENT, 1);
	await_read_back();
	EXPECT_EQ(host.msis, 1u);
	EXPECT_EQ(host.last_msi, 0x77u);
	EXPECT_FALSE(host.line[0]);
	host_stop();
	processes_end();
}
