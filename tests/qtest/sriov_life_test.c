/* SPDX-License-Identifier: MIT */
/* Virtual functions whose link is lost, and that go while they are in use. */
#include "slot.h"
#include "vfs.h"

#include <stdio.h>

enum {
	BRIDGE_CONTROL = 0x3e, BUS_RESET = 1 << 6,
	EFFECT_DST = 3,			/* READ_EFFECT: its DMA write failed */
};

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
		vfs_enable(3);
		vfs_set_magic(3);
		kill_server(i);
		for (unsigned n = 0; n < 3; n++) {
			EXPECT_EQ(qtest_ecam_read(m.q, vf[n].bdf, 0x04, 4), 0xffffffffu);
			EXPECT_EQ(function_read(&vf[n], REG_MAGIC), 0xffffffffu);
		}
		serve_again(i);
		vfs_expect_gone(3);
		vfs_expect_work_anew(3);
		disable_vfs(&pf);
	}
	vfs_stop();
}

/* QEMU's part of it; the endpoint is away. */
TEST(SriovLife, AResetMeanwhileTakesThem)
{
	vfs_start(3);
	kill_server(1);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, BUS_RESET);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
	vfs_expect_gone(3);
	serve_again(1);
	vfs_expect_work_anew(3);
	vfs_stop();
}

/* However far QEMU has come with the VFs. */
TEST(SriovLife, ALossWhileTheyAreEnabledDoesNoHarm)
{
	for (unsigned ms = 0; ms < 30; ms += 3) {
		char kill_it[64];
		unsigned at;

		functions_start("1", "200", "");
		pf = place_function(0);
		at = sriov_capability();
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
	vfs_start(2);
	for (unsigned i = 0; i < 3; i++) {
		vfs_set_magic(2);
		write_during_a_read(ECAM + (ROOT_PORT(0) << 12) + BRIDGE_CONTROL, BUS_RESET);
		qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
		vfs_expect_gone(2);
		vfs_expect_work_anew(2);
	}
	vfs_stop();
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
		vfs_enable(2);
		qmp_command(qmp, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"ep0\"}}");
		write_during_a_read(ECAM + (ROOT_PORT(0) << 12) + at + SLOT_CONTROL, SLOT_OFF);
		qmp_wait(qmp, "DEVICE_DELETED");
		EXPECT_EQ(qtest_ecam_read(m.q, vf[1].bdf, 0x04, 4), 0xffffffffu);
	}
	qmp_close(qmp);
	vfs_stop();
}

/* Its DMA reaches neither config space nor BARs of its own device: nobody disables VFs that way. */
TEST(SriovLife, DmaOfAVfDoesNotComeBackToItsDevice)
{
	uint64_t control;

	vfs_start(2);
	vfs_set_magic(2);
	control = ECAM + (pf.bdf << 12) + sriov_capability() + SRIOV_CONTROL;
	EXPECT_EQ(write_during_a_read(control, 0) >> 16, (uint32_t)EFFECT_DST);
	EXPECT_EQ(write_during_a_read(pf.bar[0], 0) >> 16, (uint32_t)EFFECT_DST);
	EXPECT_EQ(write_during_a_read(vf[0].bar[0], 0) >> 16, (uint32_t)EFFECT_DST);
	vfs_expect_magic(2);
	vfs_stop();
}

TEST(SriovLife, QemuEndsWithThem)
{
	vfs_start(4);
	qtest_stop(m.q);
	EXPECT_EQ(process_stop(m.server), 0);
}
