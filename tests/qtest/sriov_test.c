/* SPDX-License-Identifier: MIT */
/* Virtual functions: the test in the place of a guest's SR-IOV code. */
#include "functions.h"
#include "slot.h"

#include <stdio.h>

enum {
	MAILBOX = 0x300000,
	BRIDGE_CONTROL = 0x3e, BUS_RESET = 1 << 6, RESET_PORT = 0xcf9,
	MAGIC = 0x600d0000, PF_MAGIC = 0x600dffff,
	EFFECT_DST = 3,			/* READ_EFFECT: its DMA write failed */
};

static struct function pf, vf[4];

static void enable(unsigned count)
{
	enable_vfs(&pf, count);
	for (unsigned i = 0; i < count; i++)
		vf[i] = vf_of(&pf, i);
}

static void start(unsigned count)
{
	functions_start("1", "4", "");
	pf = place_function(0);
	enable(count);
}

static void stop(void)
{
	EXPECT_EQ(process_count_output(m.server, "broke"), 0u);
	machine_stop();
}

static unsigned capability(void)
{
	return find_extended(pf.bdf, EXTENDED_SRIOV);
}

static void set_magic(unsigned count)
{
	function_write(&pf, REG_MAGIC, PF_MAGIC);
	for (unsigned i = 0; i < count; i++)
		function_write(&vf[i], REG_MAGIC, MAGIC + i);
}

static void expect_magic(unsigned count)
{
	EXPECT_EQ(function_read(&pf, REG_MAGIC), (uint32_t)PF_MAGIC);
	for (unsigned i = 0; i < count; i++)
		EXPECT_EQ(function_read(&vf[i], REG_MAGIC), (uint32_t)MAGIC + i);
}

/* Nothing of them is left, neither in the endpoint nor in QEMU; its function 0 is. */
static void expect_gone(unsigned count)
{
	EXPECT_EQ(functions_in_qemu(), 1u);
	for (unsigned i = 0; i < count; i++) {
		EXPECT_EQ(qtest_ecam_read(m.q, vf[i].bdf, 0x04, 4), 0xffffffffu);
		EXPECT_NE(function_read(&vf[i], REG_MAGIC), (uint32_t)MAGIC + i);
	}
}

static void expect_works_anew(unsigned count)
{
	pf = place_function(0);
	enable(count);
	for (unsigned i = 0; i < count; i++) {
		EXPECT_EQ(function_read(&vf[i], REG_MAGIC), 0u);
		EXPECT_TRUE(function_copies(&vf[i]));
	}
}

TEST(Sriov, VfsAppearWithRegistersAndMemoryOfTheirOwn)
{
	start(3);
	set_magic(3);
	expect_magic(3);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(qtest_ecam_read(m.q, vf[i].bdf, 0, 4), 0xffffffffu);	/* its PF has the IDs */
		EXPECT_EQ(qtest_ecam_read(m.q, vf[i].bdf, 0x08, 4), 0xff000000u);
		qtest_write(m.q, vf[i].bar[1], 4, 0x100 + i);
		qtest_write(m.q, vf[i].bar[2] + 0xffffc, 4, 0x200 + i);
	}
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(qtest_read(m.q, vf[i].bar[1], 4), 0x100 + i);
		EXPECT_EQ(qtest_read(m.q, vf[i].bar[2] + 0xffffc, 4), 0x200 + i);
	}
	EXPECT_EQ(qtest_ecam_read(m.q, vf[2].bdf + 1, 0x04, 4), 0xffffffffu);	/* the fourth */
	stop();
}

TEST(Sriov, DmaObeysTheBusMasterEnableOfTheVf)
{
	start(2);
	EXPECT_TRUE(function_copies(&vf[0]));
	EXPECT_TRUE(function_copies(&vf[1]));
	qtest_ecam_write(m.q, vf[0].bdf, 0x04, 2, 0);
	EXPECT_FALSE(function_copies(&vf[0]));
	EXPECT_TRUE(function_copies(&vf[1]));
	EXPECT_TRUE(function_copies(&pf));
	qtest_ecam_write(m.q, pf.bdf, 0x04, 2, COMMAND_MEMORY);
	EXPECT_TRUE(function_copies(&vf[1]));
	stop();
}

TEST(Sriov, MsixIsOfTheVfsTable)
{
	start(2);
	function_set_vector(&pf, MAILBOX, 0x50);
	for (unsigned i = 0; i < 2; i++)
		function_set_vector(&vf[i], MAILBOX + 4 + 4 * i, 0x60 + i);
	for (unsigned i = 0; i < 2; i++) {
		function_write(&vf[i], REG_IRQ_NUMBER, 1);
		function_write(&vf[i], REG_COMMAND, RAISE_MSIX);
		wait_memory(MAILBOX + 4 + 4 * i, 0x60 + i);
	}
	EXPECT_EQ(qtest_read(m.q, MAILBOX, 4), 0u);
	stop();
}

TEST(Sriov, VfMemoryEnableIsOfAll)
{
	char place[32];

	start(2);
	snprintf(place, sizeof place, "0x%08llx", (unsigned long long)vf[1].bar[0]);
	set_magic(2);
	qtest_ecam_write(m.q, pf.bdf, capability() + SRIOV_CONTROL, 2, VF_ENABLE);
	for (unsigned i = 0; i < 2; i++)
		EXPECT_NE(function_read(&vf[i], REG_MAGIC), (uint32_t)MAGIC + i);
	EXPECT_NULL(strstr(info_pci(), place));
	EXPECT_EQ(function_read(&pf, REG_MAGIC), (uint32_t)PF_MAGIC);
	qtest_ecam_write(m.q, pf.bdf, capability() + SRIOV_CONTROL, 2, VF_ENABLE | VF_MEMORY);
	EXPECT_NOT_NULL(strstr(info_pci(), place));
	expect_magic(2);
	stop();
}

/* Memory Space Enable of a VF does not exist: what a guest writes there changes nothing. */
TEST(Sriov, AVfsOwnCommandAndBarsDoNotPlaceIt)
{
	start(2);
	set_magic(2);
	qtest_ecam_write(m.q, vf[1].bdf, 0x10, 4, PORT_MEM(0) + 0x800000);
	qtest_ecam_write(m.q, vf[1].bdf, 0x04, 2, COMMAND_MASTER);
	expect_magic(2);
	qtest_ecam_write(m.q, pf.bdf, capability() + SRIOV_CONTROL, 2, VF_ENABLE);
	qtest_ecam_write(m.q, vf[1].bdf, 0x04, 2, COMMAND_MEMORY | COMMAND_MASTER);
	EXPECT_NE(function_read(&vf[1], REG_MAGIC), (uint32_t)MAGIC + 1);
	stop();
}

TEST(Sriov, VfBarsMayMoveWhileThereAreVfs)
{
	start(2);
	set_magic(2);
	qtest_ecam_write(m.q, pf.bdf, capability() + SRIOV_BAR0, 4, PORT_MEM(0) + 0x500000);
	EXPECT_NE(function_read(&vf[1], REG_MAGIC), (uint32_t)MAGIC + 1);
	vf[0] = vf_of(&pf, 0);
	vf[1] = vf_of(&pf, 1);
	EXPECT_EQ(vf[1].bar[0], PORT_MEM(0) + 0x500000ull + FUNCTION_BAR0);
	expect_magic(2);
	stop();
}

TEST(Sriov, VfsAreAPageApart)
{
	start(0);
	qtest_ecam_write(m.q, pf.bdf, capability() + SRIOV_CONTROL, 2, 0);
	qtest_ecam_write(m.q, pf.bdf, capability() + SRIOV_PAGE_SIZE, 4, 1 << 4);	/* 64 KiB */
	enable(2);
	EXPECT_EQ(vf[1].bar[1] - vf[0].bar[1], 0x10000u);
	for (unsigned i = 0; i < 2; i++)
		qtest_write(m.q, vf[i].bar[1] + 8, 4, 0x100 + i);
	for (unsigned i = 0; i < 2; i++)
		EXPECT_EQ(qtest_read(m.q, vf[i].bar[1] + 8, 4), 0x100 + i);
	stop();
}

TEST(Sriov, AFunctionLevelResetOfAVfIsOfItAlone)
{
	start(3);
	set_magic(3);
	function_reset(&vf[1]);
	EXPECT_EQ(qtest_ecam_read(m.q, vf[1].bdf, 0x04, 2), 0u);
	EXPECT_EQ(function_read(&vf[1], REG_MAGIC), 0u);	/* its place is the PF's matter */
	EXPECT_FALSE(function_copies(&vf[1]));
	function_write(&vf[1], REG_MAGIC, MAGIC + 1);
	expect_magic(3);
	qtest_ecam_write(m.q, vf[1].bdf, 0x04, 2, COMMAND_MASTER);
	EXPECT_TRUE(function_copies(&vf[1]));
	EXPECT_TRUE(function_copies(&vf[2]));
	stop();
}

TEST(Sriov, WithoutVfEnableTheyAreGone)
{
	start(3);
	for (unsigned i = 1; i < 4; i++) {
		set_magic(i);
		disable_vfs(&pf);
		expect_gone(i);
		EXPECT_TRUE(function_copies(&pf));
		expect_works_anew(i);
	}
	stop();
}

TEST(Sriov, NoneOrTooManyAreNotMade)
{
	start(0);
	EXPECT_EQ(qtest_ecam_read(m.q, pf.bdf + 1, 0x04, 4), 0xffffffffu);
	disable_vfs(&pf);
	enable_vfs(&pf, 5);		/* there are four: NumVFs stays as it was */
	EXPECT_EQ(qtest_ecam_read(m.q, pf.bdf + 1, 0x04, 4), 0xffffffffu);
	EXPECT_TRUE(function_copies(&pf));
	stop();
}

TEST(Sriov, EveryResetOfThePfTakesThem)
{
	start(2);
	set_magic(2);
	function_reset(&pf);
	expect_gone(2);
	expect_works_anew(2);
	set_magic(2);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, BUS_RESET);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
	expect_gone(2);
	expect_works_anew(2);
	set_magic(2);
	qtest_out(m.q, RESET_PORT, 1, 6);
	while (qtest_config_read(m.q, ROOT_PORT(0), 0x18, 4))
		sleep_ms(1);		/* the reset is asynchronous */
	qtest_set_up_port(m.q, 0);
	expect_gone(2);
	expect_works_anew(2);
	stop();
}

TEST(Sriov, EachFunctionHasItsOwnVfs)
{
	struct function second;

	functions_start("2", "3", "");
	pf = place_function(0);
	second = place_function(1);
	enable_vfs(&second, 2);
	vf[0] = vf_of(&second, 0);
	vf[1] = vf_of(&second, 1);
	EXPECT_EQ(vf[0].bdf, (unsigned)EP + 5);	/* 2, 3 and 4 are function 0's */
	EXPECT_TRUE(function_copies(&vf[0]));
	EXPECT_TRUE(function_copies(&vf[1]));
	function_reset(&pf);			/* they are not its */
	EXPECT_TRUE(function_copies(&vf[1]));
	EXPECT_EQ(functions_in_qemu(), 4u);
	function_reset(&second);
	EXPECT_EQ(qtest_ecam_read(m.q, vf[1].bdf, 0x04, 4), 0xffffffffu);
	EXPECT_EQ(functions_in_qemu(), 2u);
	stop();
}

/* With ARI, on all the numbers of a bus. */
TEST(Sriov, TwoHundredAndFiftyFiveVfs)
{
	struct function last;

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = process_start((const char *const[]){
		TLPB_ENDPOINT_TEST_C, "--listen", socket_url("s"), "--vfs", "255", "--msix", "2",
		"--bars", "0:pref64:64K", NULL });
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
	qtest_set_up_port(m.q, 0);
	pf = (struct function){ .bdf = EP };
	qtest_ecam_write(m.q, EP, capability() + SRIOV_BAR0, 4, (uint32_t)PORT_PREF(0));
	qtest_ecam_write(m.q, EP, capability() + SRIOV_BAR0 + 4, 4, PORT_PREF(0) >> 32);
	qtest_ecam_write(m.q, EP, capability() + SRIOV_NUM_VFS, 2, 255);
	qtest_ecam_write(m.q, EP, capability() + SRIOV_CONTROL, 2, VF_ENABLE | VF_MEMORY);
	last = (struct function){ EP + 255, { PORT_PREF(0) + 254 * (uint64_t)FUNCTION_BAR0 } };
	qtest_ecam_write(m.q, last.bdf, 0x04, 2, COMMAND_MASTER);
	EXPECT_TRUE(function_copies(&last));
	disable_vfs(&pf);
	EXPECT_EQ(qtest_ecam_read(m.q, last.bdf, 0x04, 4), 0xffffffffu);
	machine_stop();
}

/* ---- the link is lost, and QEMU's devices go while they are in use ---- */

static void kill_server(unsigned count)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	process_kill(m.server, SIGKILL);
	while (process_count_output(m.q->process, "is down") < count && now_ms() < end)
		sleep_ms(5);
}

static void serve_again(unsigned count)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	m.server = serve_functions("1", "4");
	while (process_count_output(m.q->process, "has returned") < count && now_ms() < end)
		sleep_ms(5);
}

TEST(SriovLife, ADeviceThatReturnsHasNoVfsUntilTheyAreEnabled)
{
	functions_start("1", "4", "on-link-down=ones");
	pf = place_function(0);
	for (unsigned i = 1; i <= 3; i++) {
		enable(3);
		set_magic(3);
		kill_server(i);
		for (unsigned n = 0; n < 3; n++) {
			EXPECT_EQ(qtest_ecam_read(m.q, vf[n].bdf, 0x04, 4), 0xffffffffu);
			EXPECT_EQ(function_read(&vf[n], REG_MAGIC), 0xffffffffu);
		}
		serve_again(i);
		expect_gone(3);
		expect_works_anew(3);
		disable_vfs(&pf);
	}
	stop();
}

/* QEMU's part of it; the endpoint is away. */
TEST(SriovLife, AResetMeanwhileTakesThem)
{
	start(3);
	kill_server(1);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, BUS_RESET);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
	expect_gone(3);
	serve_again(1);
	expect_works_anew(3);
	stop();
}

/* However far QEMU has come with the VFs. */
TEST(SriovLife, ALossWhileTheyAreEnabledDoesNoHarm)
{
	for (unsigned ms = 0; ms < 30; ms += 3) {
		char kill_it[64];
		unsigned at;

		functions_start("1", "200", "");
		pf = place_function(0);
		at = capability();
		qtest_ecam_write(m.q, pf.bdf, at + SRIOV_NUM_VFS, 2, 200);
		snprintf(kill_it, sizeof kill_it, "sleep 0.%03u; kill -9 %d", ms, (int)m.server->pid);
		process_start((const char *const[]){ "sh", "-c", kill_it, NULL });
		for (unsigned i = 0; !process_count_output(m.q->process, "is down"); i++)
			qtest_ecam_write(m.q, pf.bdf, at + SRIOV_CONTROL, 2, i % 2 ? 0 : VF_ENABLE);
		qtest_stop(m.q);
	}
}

/* DMA of a VF that writes value there while a CPU waits for a read of that VF; what the read gives. */
static uint32_t write_during_a_read(uint64_t addr, uint16_t value)
{
	qtest_write(m.q, 0x100000, 2, value);
	function_write(&vf[1], REG_SRC, 0x100000);
	function_write(&vf[1], REG_DST, (uint32_t)addr);
	function_write(&vf[1], REG_SIZE, 2);
	return function_read(&vf[1], REG_READ_EFFECT);
}

TEST(SriovLife, AVfMayResetTheBusThatItIsOn)
{
	start(2);
	for (unsigned i = 0; i < 3; i++) {
		set_magic(2);
		write_during_a_read(ECAM + (ROOT_PORT(0) << 12) + BRIDGE_CONTROL, BUS_RESET);
		qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
		expect_gone(2);
		expect_works_anew(2);
	}
	stop();
}

TEST(SriovLife, AVfMayPullItsDeviceOut)
{
	struct qmp *qmp;
	unsigned at;

	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve_functions("1", "4");
	m.q = qtest_start(ARGS(NATIVE_HOT_PLUG, "-qmp", qmp_option("qmp")));
	qtest_set_up_port(m.q, 0);
	qmp = qmp_connect("qmp");
	at = qtest_find_capability(m.q, ROOT_PORT(0), CAP_EXPRESS);
	for (unsigned i = 0; i < 3; i++) {
		slot_plug_in(qmp, "s");
		pf = place_function(0);
		enable(2);
		qmp_command(qmp, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"ep0\"}}");
		write_during_a_read(ECAM + (ROOT_PORT(0) << 12) + at + SLOT_CONTROL, SLOT_OFF);
		qmp_wait(qmp, "DEVICE_DELETED");
		EXPECT_EQ(qtest_ecam_read(m.q, vf[1].bdf, 0x04, 4), 0xffffffffu);
	}
	qmp_close(qmp);
	stop();
}

/* Its DMA reaches neither config space nor BARs of its own device: nobody disables VFs that way. */
TEST(SriovLife, DmaOfAVfDoesNotComeBackToItsDevice)
{
	uint64_t control;

	start(2);
	set_magic(2);
	control = ECAM + (pf.bdf << 12) + capability() + SRIOV_CONTROL;
	EXPECT_EQ(write_during_a_read(control, 0) >> 16, (uint32_t)EFFECT_DST);
	EXPECT_EQ(write_during_a_read(pf.bar[0], 0) >> 16, (uint32_t)EFFECT_DST);
	EXPECT_EQ(write_during_a_read(vf[0].bar[0], 0) >> 16, (uint32_t)EFFECT_DST);
	expect_magic(2);
	stop();
}

TEST(SriovLife, QemuEndsWithThem)
{
	start(4);
	qtest_stop(m.q);
	EXPECT_EQ(process_stop(m.server), 0);
}
