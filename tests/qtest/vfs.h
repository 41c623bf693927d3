/* SPDX-License-Identifier: MIT */
/* Function 0 with up to four virtual functions, and what tests do with them. */
#ifndef TLPB_TEST_VFS_H
#define TLPB_TEST_VFS_H

#include "functions.h"

enum { VFS = 4, MAGIC = 0x600d0000, PF_MAGIC = 0x600dffff };

extern struct function pf, vf[VFS];

/* A server with four VFs, a QEMU, and count of them enabled. */
void vfs_start(unsigned count);

/* End both: the checker of the server has found nothing. */
void vfs_stop(void);

void vfs_enable(unsigned count);
unsigned sriov_capability(void);	/* of pf */

/* Register MAGIC becomes PF_MAGIC in the PF and MAGIC + i in VF i; and is it still? */
void vfs_set_magic(unsigned count);
void vfs_expect_magic(unsigned count);

/* Nothing of them is left, neither in the endpoint nor in QEMU; its function 0 is. */
void vfs_expect_gone(unsigned count);

/* pf was reset: it is placed, VFs are enabled, are as after a reset and work. */
void vfs_expect_work_anew(unsigned count);

#endif
