/* SPDX-License-Identifier: MIT */
/* Virtual functions: the test in the place of a guest's SR-IOV code. */
#include "vfs.h"

#include <stdio.h>

enum {
	MAILBOX = 0x300000,
	BRIDGE_CONTROL = 0x3e, BUS_RESET = 1 << 6, RESET_PORT = 0xcf9,
};

TEST(Sriov, VfsAppearWithRegistersAndMemoryOfTheirOwn)
{
	vfs_start(3);
	vfs_set_magic(3);
	vfs_expect_magic(3);
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
	vfs_stop();
}

TEST(Sriov, DmaObeysTheBusMasterEnableOfTheVf)
{
	vfs_start(2);
	EXPECT_TRUE(function_copies(&vf[0]));
	EXPECT_TRUE(function_copies(&vf[1]));
	qtest_ecam_write(m.q, vf[0].bdf, 0x04, 2, 0);
	EXPECT_FALSE(function_copies(&vf[0]));
	EXPECT_TRUE(function_copies(&vf[1]));
	EXPECT_TRUE(function_copies(&pf));
	qtest_ecam_write(m.q, pf.bdf, 0x04, 2, COMMAND_MEMORY);
	EXPECT_TRUE(function_copies(&vf[1]));
	vfs_stop();
}

TEST(Sriov, MsixIsOfTheVfsTable)
{
	vfs_start(2);
	function_set_vector(&pf, MAILBOX, 0x50);
	for (unsigned i = 0; i < 2; i++)
		function_set_vector(&vf[i], MAILBOX + 4 + 4 * i, 0x60 + i);
	for (unsigned i = 0; i < 2; i++) {
		function_write(&vf[i], REG_IRQ_NUMBER, 1);
		function_write(&vf[i], REG_COMMAND, RAISE_MSIX);
		wait_memory(MAILBOX + 4 + 4 * i, 0x60 + i);
	}
	EXPECT_EQ(qtest_read(m.q, MAILBOX, 4), 0u);
	vfs_stop();
}

TEST(Sriov, VfMemoryEnableIsOfAll)
{
	char place[32];

	vfs_start(2);
	snprintf(place, sizeof place, "0x%08llx", (unsigned long long)vf[1].bar[0]);
	vfs_set_magic(2);
	qtest_ecam_write(m.q, pf.bdf, sriov_capability() + SRIOV_CONTROL, 2, VF_ENABLE);
	for (unsigned i = 0; i < 2; i++)
		EXPECT_NE(function_read(&vf[i], REG_MAGIC), (uint32_t)MAGIC + i);
	EXPECT_NULL(strstr(info_pci(), place));
	EXPECT_EQ(function_read(&pf, REG_MAGIC), (uint32_t)PF_MAGIC);
	qtest_ecam_write(m.q, pf.bdf, sriov_capability() + SRIOV_CONTROL, 2, VF_ENABLE | VF_MEMORY);
	EXPECT_NOT_NULL(strstr(info_pci(), place));
	vfs_expect_magic(2);
	vfs_stop();
}

/* Memory Space Enable of a VF does not exist: what a guest writes there changes nothing. */
TEST(Sriov, AVfsOwnCommandAndBarsDoNotPlaceIt)
{
	vfs_start(2);
	vfs_set_magic(2);
	qtest_ecam_write(m.q, vf[1].bdf, 0x10, 4, PORT_MEM(0) + 0x800000);
	qtest_ecam_write(m.q, vf[1].bdf, 0x04, 2, COMMAND_MASTER);
	vfs_expect_magic(2);
	qtest_ecam_write(m.q, pf.bdf, sriov_capability() + SRIOV_CONTROL, 2, VF_ENABLE);
	qtest_ecam_write(m.q, vf[1].bdf, 0x04, 2, COMMAND_MEMORY | COMMAND_MASTER);
	EXPECT_NE(function_read(&vf[1], REG_MAGIC), (uint32_t)MAGIC + 1);
	vfs_stop();
}

TEST(Sriov, VfBarsMayMoveWhileThereAreVfs)
{
	vfs_start(2);
	vfs_set_magic(2);
	qtest_ecam_write(m.q, pf.bdf, sriov_capability() + SRIOV_BAR0, 4, PORT_MEM(0) + 0x500000);
	EXPECT_NE(function_read(&vf[1], REG_MAGIC), (uint32_t)MAGIC + 1);
	vf[0] = vf_of(&pf, 0);
	vf[1] = vf_of(&pf, 1);
	EXPECT_EQ(vf[1].bar[0], PORT_MEM(0) + 0x500000ull + FUNCTION_BAR0);
	vfs_expect_magic(2);
	vfs_stop();
}

TEST(Sriov, VfsAreAPageApart)
{
	vfs_start(0);
	qtest_ecam_write(m.q, pf.bdf, sriov_capability() + SRIOV_CONTROL, 2, 0);
	qtest_ecam_write(m.q, pf.bdf, sriov_capability() + SRIOV_PAGE_SIZE, 4, 1 << 4);	/* 64 KiB */
	vfs_enable(2);
	EXPECT_EQ(vf[1].bar[1] - vf[0].bar[1], 0x10000u);
	for (unsigned i = 0; i < 2; i++)
		qtest_write(m.q, vf[i].bar[1] + 8, 4, 0x100 + i);
	for (unsigned i = 0; i < 2; i++)
		EXPECT_EQ(qtest_read(m.q, vf[i].bar[1] + 8, 4), 0x100 + i);
	vfs_stop();
}

TEST(Sriov, AFunctionLevelResetOfAVfIsOfItAlone)
{
	vfs_start(3);
	vfs_set_magic(3);
	function_reset(&vf[1]);
	EXPECT_EQ(qtest_ecam_read(m.q, vf[1].bdf, 0x04, 2), 0u);
	EXPECT_EQ(function_read(&vf[1], REG_MAGIC), 0u);	/* its place is the PF's matter */
	EXPECT_FALSE(function_copies(&vf[1]));
	function_write(&vf[1], REG_MAGIC, MAGIC + 1);
	vfs_expect_magic(3);
	qtest_ecam_write(m.q, vf[1].bdf, 0x04, 2, COMMAND_MASTER);
	EXPECT_TRUE(function_copies(&vf[1]));
	EXPECT_TRUE(function_copies(&vf[2]));
	vfs_stop();
}

TEST(Sriov, WithoutVfEnableTheyAreGone)
{
	vfs_start(3);
	for (unsigned i = 1; i < 4; i++) {
		vfs_set_magic(i);
		disable_vfs(&pf);
		vfs_expect_gone(i);
		EXPECT_TRUE(function_copies(&pf));
		vfs_expect_work_anew(i);
	}
	vfs_stop();
}

TEST(Sriov, NoneOrTooManyAreNotMade)
{
	vfs_start(0);
	EXPECT_EQ(qtest_ecam_read(m.q, pf.bdf + 1, 0x04, 4), 0xffffffffu);
	disable_vfs(&pf);
	enable_vfs(&pf, 5);		/* there are four: NumVFs stays as it was */
	EXPECT_EQ(qtest_ecam_read(m.q, pf.bdf + 1, 0x04, 4), 0xffffffffu);
	EXPECT_TRUE(function_copies(&pf));
	vfs_stop();
}

TEST(Sriov, EveryResetOfThePfTakesThem)
{
	vfs_start(2);
	vfs_set_magic(2);
	function_reset(&pf);
	vfs_expect_gone(2);
	vfs_expect_work_anew(2);
	vfs_set_magic(2);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, BUS_RESET);
	qtest_ecam_write(m.q, ROOT_PORT(0), BRIDGE_CONTROL, 2, 0);
	vfs_expect_gone(2);
	vfs_expect_work_anew(2);
	vfs_set_magic(2);
	qtest_out(m.q, RESET_PORT, 1, 6);
	while (qtest_config_read(m.q, ROOT_PORT(0), 0x18, 4))
		sleep_ms(1);		/* the reset is asynchronous */
	qtest_set_up_port(m.q, 0);
	vfs_expect_gone(2);
	vfs_expect_work_anew(2);
	vfs_stop();
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
	vfs_stop();
}

/* With ARI, on all the numbers of a bus. */
TEST(Sriov, TwoHundredAndFiftyFiveVfs)
{
	const char *options[] = { "--listen", NULL, "--vfs", "255", "--msix", "2",
				  "--bars", "0:pref64:64K", NULL };
	struct function last;

	processes_end();
	memset(&m, 0, sizeof m);
	options[1] = socket_url("s");
	m.server = process_start(endpoint_test_command(TLPB_SERVE, options));
	ASSERT_TRUE(process_wait_output(m.server, ", device ", PROCESS_PATIENCE_MS));
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", "")));
	qtest_set_up_port(m.q, 0);
	pf = (struct function){ .bdf = EP };
	qtest_ecam_write(m.q, EP, sriov_capability() + SRIOV_BAR0, 4, (uint32_t)PORT_PREF(0));
	qtest_ecam_write(m.q, EP, sriov_capability() + SRIOV_BAR0 + 4, 4, PORT_PREF(0) >> 32);
	qtest_ecam_write(m.q, EP, sriov_capability() + SRIOV_NUM_VFS, 2, 255);
	qtest_ecam_write(m.q, EP, sriov_capability() + SRIOV_CONTROL, 2, VF_ENABLE | VF_MEMORY);
	last = (struct function){ EP + 255, { PORT_PREF(0) + 254 * (uint64_t)FUNCTION_BAR0 } };
	qtest_ecam_write(m.q, last.bdf, 0x04, 2, COMMAND_MASTER);
	EXPECT_TRUE(function_copies(&last));
	disable_vfs(&pf);
	EXPECT_EQ(qtest_ecam_read(m.q, last.bdf, 0x04, 4), 0xffffffffu);
	machine_stop();
}
