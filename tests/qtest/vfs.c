/* SPDX-License-Identifier: MIT */
#include "vfs.h"

struct function pf, vf[VFS];

void vfs_enable(unsigned count)
{
	enable_vfs(&pf, count);
	for (unsigned i = 0; i < count; i++)
		vf[i] = vf_of(&pf, i);
}

void vfs_start(unsigned count)
{
	functions_start("1", "4", "");
	pf = place_function(0);
	vfs_enable(count);
}

void vfs_stop(void)
{
	EXPECT_EQ(process_count_output(m.server, "broke"), 0u);
	machine_stop();
}

unsigned sriov_capability(void)
{
	return find_extended(pf.bdf, EXTENDED_SRIOV);
}

void vfs_set_magic(unsigned count)
{
	function_write(&pf, REG_MAGIC, PF_MAGIC);
	for (unsigned i = 0; i < count; i++)
		function_write(&vf[i], REG_MAGIC, MAGIC + i);
}

void vfs_expect_magic(unsigned count)
{
	EXPECT_EQ(function_read(&pf, REG_MAGIC), (uint32_t)PF_MAGIC);
	for (unsigned i = 0; i < count; i++)
		EXPECT_EQ(function_read(&vf[i], REG_MAGIC), (uint32_t)MAGIC + i);
}

void vfs_expect_gone(unsigned count)
{
	EXPECT_EQ(functions_in_qemu(), 1u);
	for (unsigned i = 0; i < count; i++) {
		EXPECT_EQ(qtest_ecam_read(m.q, vf[i].bdf, 0x04, 4), 0xffffffffu);
		EXPECT_NE(function_read(&vf[i], REG_MAGIC), (uint32_t)MAGIC + i);
	}
}

void vfs_expect_work_anew(unsigned count)
{
	pf = place_function(0);
	vfs_enable(count);
	for (unsigned i = 0; i < count; i++) {
		EXPECT_EQ(function_read(&vf[i], REG_MAGIC), 0u);
		EXPECT_TRUE(function_copies(&vf[i]));
	}
}
