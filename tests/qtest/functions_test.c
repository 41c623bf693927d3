/* SPDX-License-Identifier: MIT */
/* Several functions of one device behind one -device: each is a PCI function of its own to the guest. */
#include "functions.h"
#include "slot.h"

#include <stdio.h>

enum {
	FUNCTIONS = 5,
	MAILBOX = 0x300000,
	BRIDGE_CONTROL = 0x3e, BUS_RESET = 1 << 6, RESET_PORT = 0xcf9,
	ACPI_HOT_PLUG = 0xcc0,		/* the ICH9's ports for it */
	EXTENDED_AER = 0x01, ROOT_STATUS = 0x30, ROOT_UNCORRECTABLE = 1 << 2, ROOT_SOURCE = 0x34,
	REPORT_ALL = 15, BRIDGE_SERR = 1 << 1,
	HEADER_TYPE = 0x0e, MULTI_FUNCTION = 0x80, INTERRUPT_PIN = 0x3d,
};

static struct function f[FUNCTIONS];

static void place_all(void)
{
	for (unsigned i = 0; i < FUNCTIONS; i++)
		f[i] = place_function(i);
}

static void start(void)
{
	functions_start("5", "0", "");
	place_all();
}

static void stop(void)
{
	EXPECT_EQ(process_count_output(m.server, "broke"), 0u);
	machine_stop();
}

static void set_all_magic(void)
{
	for (unsigned i = 0; i < FUNCTIONS; i++)
		function_write(&f[i], REG_MAGIC, 0x600d0000 + i);
}

TEST(Functions, EachHasConfigSpaceBarsAndRegistersOfItsOwn)
{
	start();
	set_all_magic();
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		EXPECT_EQ(qtest_ecam_read(m.q, EP + i, 0, 4), 0xb500104cu);
		EXPECT_EQ(qtest_ecam_read(m.q, EP + i, HEADER_TYPE, 1), (unsigned)MULTI_FUNCTION);
		EXPECT_EQ(qtest_ecam_read(m.q, EP + i, INTERRUPT_PIN, 1), 1 + i % 4);
		EXPECT_EQ(function_read(&f[i], REG_MAGIC), 0x600d0000 + i);
		qtest_write(m.q, f[i].bar[2] + 0xffff8, 4, 0x1000 + i);
	}
	for (unsigned i = 0; i < FUNCTIONS; i++)
		EXPECT_EQ(qtest_read(m.q, f[i].bar[2] + 0xffff8, 4), 0x1000 + i);
	EXPECT_EQ(qtest_ecam_read(m.q, EP + FUNCTIONS, 0, 4), 0xffffffffu);
	stop();
}

TEST(Functions, BarsAndCommandOfOneAreNoMatterOfTheOthers)
{
	start();
	set_all_magic();
	qtest_ecam_write(m.q, f[1].bdf, 0x04, 2, 0);
	EXPECT_NE(function_read(&f[1], REG_MAGIC), 0x600d0001u);
	EXPECT_EQ(function_read(&f[2], REG_MAGIC), 0x600d0002u);
	qtest_ecam_write(m.q, f[1].bdf, 0x10, 4, PORT_MEM(0) + 0x300000);
	qtest_ecam_write(m.q, f[1].bdf, 0x04, 2, COMMAND_MEMORY);
	EXPECT_EQ(qtest_read(m.q, PORT_MEM(0) + 0x300000, 4), 0x600d0001u);
	stop();
}

TEST(Functions, DmaObeysTheBusMasterEnableOfItsFunction)
{
	start();
	for (unsigned i = 0; i < FUNCTIONS; i++)
		EXPECT_TRUE(function_copies(&f[i]));
	qtest_ecam_write(m.q, f[3].bdf, 0x04, 2, COMMAND_MEMORY);
	qtest_ecam_write(m.q, f[0].bdf, 0x04, 2, COMMAND_MEMORY);
	EXPECT_FALSE(function_copies(&f[3]));
	EXPECT_FALSE(function_copies(&f[0]));
	EXPECT_TRUE(function_copies(&f[4]));
	stop();
}

/* A bit of the requester ID is inverted on its way: 01:00.0 becomes 01:00.1. */
#define OTHER_REQUESTER "inject=corrupt type=MWr to=host part=header bit=40"

TEST(Functions, DmaWithAnIdThatNoFunctionHasIsRefused)
{
	functions_start("1", "0", OTHER_REQUESTER " count=1");
	f[0] = place_function(0);
	EXPECT_FALSE(function_copies(&f[0]));
	EXPECT_TRUE(function_copies(&f[0]));
	machine_stop();
}

/* The endpoint looks at its function's Bus Master Enable; QEMU at that of the function whose ID it sees. */
TEST(Functions, DmaIsOfTheFunctionWhoseIdItCarries)
{
	functions_start("2", "0", OTHER_REQUESTER);
	f[0] = place_function(0);
	f[1] = place_function(1);
	EXPECT_TRUE(function_copies(&f[0]));
	qtest_ecam_write(m.q, f[1].bdf, 0x04, 2, COMMAND_MEMORY);
	EXPECT_FALSE(function_copies(&f[0]));
	machine_stop();
}

TEST(Functions, EachHasItsMsixTable)
{
	start();
	for (unsigned i = 0; i < FUNCTIONS; i++)
		function_set_vector(&f[i], MAILBOX + 4 * i, 0x50 + i);
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		function_write(&f[i], REG_IRQ_NUMBER, 1);
		function_write(&f[i], REG_COMMAND, RAISE_MSIX);
		wait_memory(MAILBOX + 4 * i, 0x50 + i);
	}
	stop();
}

static void raise_intx(unsigned i)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	function_write(&f[i], REG_COMMAND, RAISE_INTX);
	while (function_read(&f[i], REG_STATUS) != IRQ_RAISED)
		if (now_ms() >= end)
			FAIL("function %u does not raise INTx", i);
}

static void lower_intx(unsigned i)
{
	function_write(&f[i], REG_STATUS, 0);
	function_read(&f[i], REG_STATUS);
}

/* The lines that are asserted, once all that was under way has arrived. */
static uint64_t lines(void)
{
	function_read(&f[0], REG_STATUS);
	qtest_read(m.q, 0, 4);
	return m.q->irqs;
}

TEST(Functions, EachPinIsALineOfItsOwn)
{
	uint64_t first, both;

	start();
	qtest_watch_irqs(m.q);
	raise_intx(0);
	first = lines();
	EXPECT_NE(first, 0u);
	raise_intx(1);
	both = lines();
	EXPECT_EQ(both & first, first);
	EXPECT_NE(both, first);
	lower_intx(0);
	EXPECT_EQ(lines(), both & ~first);
	lower_intx(1);
	EXPECT_EQ(lines(), 0u);
	stop();
}

/* Functions 0 and 4 share INTA. */
TEST(Functions, ASharedPinStaysAssertedWhileOneOfThemAssertsIt)
{
	start();
	qtest_watch_irqs(m.q);
	raise_intx(0);
	raise_intx(4);
	lower_intx(0);
	EXPECT_NE(lines(), 0u);
	function_reset(&f[0]);
	f[0] = place_function(0);
	EXPECT_NE(lines(), 0u);
	lower_intx(4);
	EXPECT_EQ(lines(), 0u);
	stop();
}

TEST(Functions, InterruptDisableOfOneDoesNotSilenceAnothersPin)
{
	start();
	qtest_watch_irqs(m.q);
	qtest_ecam_write(m.q, f[0].bdf, 0x04, 2,
			 COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_DISABLE);
	raise_intx(4);
	EXPECT_NE(lines(), 0u);
	qtest_ecam_write(m.q, f[4].bdf, 0x04, 2, COMMAND_MEMORY | COMMAND_INTX_DISABLE);
	EXPECT_EQ(lines(), 0u);
	stop();
}

/* A poisoned write is an error of the function whose register it was for. */
TEST(Functions, AnErrorMessageNamesItsFunction)
{
	unsigned aer, express;

	functions_start("5", "0", "inject=poison type=MWr to=device count=1");
	place_all();
	aer = find_extended(ROOT_PORT(0), EXTENDED_AER);
	express = qtest_find_capability(m.q, f[2].bdf, CAP_EXPRESS);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, BRIDGE_SERR);
	qtest_ecam_write(m.q, f[2].bdf, express + DEVICE_CONTROL, 2, REPORT_ALL);
	function_write(&f[2], REG_MAGIC, 1);
	EXPECT_EQ(function_read(&f[2], REG_MAGIC), 0u);	/* and the message was before the answer */
	EXPECT_NE(qtest_ecam_read(m.q, ROOT_PORT(0), aer + ROOT_STATUS, 4) & ROOT_UNCORRECTABLE, 0u);
	EXPECT_EQ(qtest_ecam_read(m.q, ROOT_PORT(0), aer + ROOT_SOURCE + 2, 2), f[2].bdf);
	machine_stop();
}

TEST(Functions, ALostLinkLetsGoOfAllPins)
{
	start();
	qtest_watch_irqs(m.q);
	raise_intx(1);
	raise_intx(2);
	EXPECT_NE(lines(), 0u);
	process_kill(m.server, SIGKILL);
	EXPECT_TRUE(qtest_wait_irq(m.q, false, PROCESS_PATIENCE_MS));
	qtest_stop(m.q);
}

TEST(Functions, AFunctionLevelResetIsOfOneAlone)
{
	start();
	for (unsigned reset = 0; reset < 2; reset++) {
		set_all_magic();
		function_reset(&f[reset]);
		EXPECT_EQ(qtest_ecam_read(m.q, f[reset].bdf, 0x04, 2), 0u);
		EXPECT_NE(function_read(&f[reset], REG_MAGIC), 0x600d0000 + reset);
		f[reset] = place_function(reset);
		EXPECT_EQ(function_read(&f[reset], REG_MAGIC), 0u);
		EXPECT_EQ(function_read(&f[2], REG_MAGIC), 0x600d0002u);
		EXPECT_TRUE(function_copies(&f[2]));
		EXPECT_TRUE(function_copies(&f[reset]));
	}
	stop();
}

static void check_all_were_reset(void)
{
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		EXPECT_EQ(qtest_ecam_read(m.q, EP + i, 0x04, 2), 0u);
		EXPECT_NE(function_read(&f[i], REG_MAGIC), 0x600d0000 + i);
	}
	place_all();
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		EXPECT_EQ(function_read(&f[i], REG_MAGIC), 0u);
		EXPECT_TRUE(function_copies(&f[i]));
	}
}

TEST(Functions, AHotResetAndASystemResetAreOfAll)
{
	start();
	set_all_magic();
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, BUS_RESET);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
	check_all_were_reset();
	set_all_magic();
	qtest_out(m.q, RESET_PORT, 1, 6);
	while (qtest_config_read(m.q, ROOT_PORT(0), 0x18, 4))
		sleep_ms(1);		/* the reset is asynchronous */
	qtest_set_up_port(m.q, 0);
	check_all_were_reset();
	stop();
}

TEST(Functions, WithAriThereAreMoreThanEight)
{
	struct function last;

	functions_start("30", "0", "");
	last = place_function(29);
	EXPECT_EQ(qtest_ecam_read(m.q, EP + 30, 0, 4), 0xffffffffu);
	function_write(&last, REG_MAGIC, 0x600dcafe);
	EXPECT_EQ(function_read(&last, REG_MAGIC), 0x600dcafeu);
	EXPECT_TRUE(function_copies(&last));
	stop();
}

TEST(Functions, TheyComeAndGoWithFunctionZero)
{
	struct qmp *qmp;
	unsigned files = 0;

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve_functions("5", "2");
	m.q = qtest_start(ARGS(NATIVE_HOT_PLUG, "-qmp", qmp_option("qmp")));
	qtest_set_up_port(m.q, 0);
	qmp = qmp_connect("qmp");
	for (unsigned i = 0; i < 4; i++) {
		EXPECT_EQ(qtest_ecam_read(m.q, EP + 4, 0, 4), 0xffffffffu);
		slot_plug_in(qmp, "s");
		place_all();
		enable_vfs(&f[0], 2);
		enable_vfs(&f[4], 1);
		EXPECT_TRUE(function_copies(&f[4]));
		slot_remove(qmp);
		if (!i)
			files = slot_count("fd");
	}
	slot_expect_count("fd", files);
	qmp_close(qmp);
	stop();
}

/* QEMU then unplugs what is in slot 0, in an order of its own; VFs are in slot 1, too. */
TEST(Functions, WithAcpiHotPlugTheyGoWithFunctionZero)
{
	struct qmp *qmp;

	functions_start("5", "5", "");
	place_all();
	enable_vfs(&f[0], 5);
	enable_vfs(&f[4], 2);
	EXPECT_EQ(functions_in_qemu(), 12u);
	qmp = qmp_connect("qmp");
	ASSERT_NOT_NULL(strstr(qmp_command(qmp, "{\"execute\":\"device_del\","
						"\"arguments\":{\"id\":\"ep-s\"}}"), "return"));
	/* What the guest's ACPI method does: select the port's bus, eject slot 0. */
	for (unsigned bus = 0; bus < 4; bus++) {
		qtest_out(m.q, ACPI_HOT_PLUG + 0x10, 4, bus);
		qtest_out(m.q, ACPI_HOT_PLUG + 0x08, 4, 1);
	}
	qmp_wait(qmp, "DEVICE_DELETED");
	qmp_close(qmp);
	EXPECT_EQ(functions_in_qemu(), 0u);
	stop();
}

TEST(Functions, TheDeviceIsFunctionZeroOfItsSlot)
{
	struct process *qemu;
	const char *argv[64];
	char device[512];

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve_functions("2", "0");
	snprintf(device, sizeof device, "%s,addr=0.1", bridge_device("rp0", "s", ""));
	qemu_command(argv, 64, ARGS("-device", device));
	qemu = process_start(argv);
	EXPECT_EQ(process_wait(qemu, PROCESS_PATIENCE_MS), 1);
	EXPECT_NOT_NULL(strstr(process_output(qemu), "addr= ends in .0"));
	EXPECT_EQ(process_stop(m.server), 0);
}

TEST(Functions, APlaceThatIsTakenIsToldOf)
{
	struct process *qemu;
	const char *argv[64];
	char device[512];

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve_functions("2", "0");
	snprintf(device, sizeof device, "%s,multifunction=on", bridge_device("rp0", "s", ""));
	qemu_command(argv, 64, ARGS("-device", "pci-testdev,bus=rp0,addr=0.1", "-device", device));
	qemu = process_start(argv);
	EXPECT_EQ(process_wait(qemu, PROCESS_PATIENCE_MS), 1);
	EXPECT_NOT_NULL(strstr(process_output(qemu), "function 1 not available"));
	EXPECT_EQ(process_stop(m.server), 0);
}
