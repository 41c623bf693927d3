/* SPDX-License-Identifier: MIT */
/* A device of several functions, virtual ones included: endpoint-test, with registers in BAR0 of each. */
#ifndef TLPB_TEST_FUNCTIONS_H
#define TLPB_TEST_FUNCTIONS_H

#include "machine.h"

#define FUNCTION_BARS "0:mem32:64K,1:mem32:4K,2:pref64:1M"

enum {
	FUNCTION_BAR0 = 64 << 10, FUNCTION_BAR1 = 4 << 10, FUNCTION_BAR2 = 1 << 20,
	DEVICE_CONTROL = 8, FLR = 1 << 15,	/* of the PCI Express capability */
	MSIX_ENABLE = 1 << 15,

	EXTENDED_SRIOV = 0x10,
	SRIOV_CONTROL = 0x08, VF_ENABLE = 1 << 0, VF_MEMORY = 1 << 3,
	SRIOV_NUM_VFS = 0x10, SRIOV_PAGE_SIZE = 0x20, SRIOV_BAR0 = 0x24,
};

/* "--functions" and "--vfs" of the server at "s", with FUNCTION_BARS. */
struct process *serve_functions(const char *functions, const char *vfs);

/* That server, and a QEMU with more arguments for the device; nothing is placed. */
void functions_start(const char *functions, const char *vfs, const char *device_options);

/* A function that was placed. */
struct function {
	unsigned bdf;
	uint64_t bar[3];
};

/* The BARs of function number where those of the functions below it do not reach; it may do all. */
struct function place_function(unsigned number);

/* Its registers. */
uint32_t function_read(const struct function *f, unsigned reg);
void function_write(const struct function *f, unsigned reg, uint32_t value);

/* STATUS after a copy of 64 bytes from src to dst, without the bit for its interrupt. */
uint32_t function_copy(const struct function *f, uint64_t src, uint64_t dst);

/* Does a copy arrive? */
bool function_copies(const struct function *f);

/* Vector 0 writes value to addr; MSI-X is enabled. */
void function_set_vector(const struct function *f, uint64_t addr, uint32_t value);

void function_reset(const struct function *f);	/* function-level */

/* Offset of an extended capability; 0: not there. */
unsigned find_extended(unsigned bdf, uint16_t id);

/* VF BARs placed above those of all functions; NumVFs, VF Enable and VF MSE written. */
void enable_vfs(const struct function *pf, unsigned count);
void disable_vfs(const struct function *pf);

/* VF index where the PF's registers say that it is; Bus Master Enable is written. */
struct function vf_of(const struct function *pf, unsigned index);

/* QEMU's own list of the machine's functions; of a machine of functions_start(). */
const char *info_pci(void);

/* How many of them are behind the root port. */
unsigned functions_in_qemu(void);

#endif
