/* SPDX-License-Identifier: MIT */
/*
 * Machines whose memory may be granted to the device, and whether a copy of the device needs TLPs. Counters of
 * the server tell that.
 */
#ifndef TLPB_TEST_GRANTS_H
#define TLPB_TEST_GRANTS_H

#include "machine.h"

enum {
	SRC = 0x100000, DST = 0x200000, SIZE = 0x40000,
	BIG = 0x1000000, BIG_SIZE = 16 << 20,	/* as much as one command moves; and where there is room for it */
	COMMANDS = 16,				/* as many as the device keeps waiting */
	NO_INTERRUPT = 3,
};

#define SHARED "-object", "memory-backend-memfd,id=m,size=64M,share=on", "-machine", "memory-backend=m"

/* For who fills guest memory and compares. */
extern uint8_t data[SIZE], seen[SIZE];

/* The server, before any path is made: it begins a new directory. */
void begin(void);

/* A QEMU, and place(). */
void start_qemu(const char *const args[]);

/* Both, with shared memory. */
void start_shared(const char *device_options);

/* The port, and the device's BARs. Without interrupts: a message that is under way makes the next read a TLP. */
void place(void);

/* STATUS after a command, whatever became of its interrupt. */
uint32_t transfer(uint32_t command, uint64_t src, uint64_t dst, uint32_t size);

/* Start one; it may be under way, or wait, afterwards. */
void start_command(uint32_t command, uint64_t src, uint64_t dst, uint32_t size);

/*
 * Memory requests that a copy takes; it is checked. A few reads are none of it: those without data by which
 * a device makes sure of the order (docs/direct-dma.md).
 */
uint64_t cost_of_copy(uint64_t src, uint64_t dst, uint32_t size);

/* Such copies come to need none: a grant takes effect some time after it was made. Or they always do. */
void expect_direct(uint64_t src, uint64_t dst, uint32_t size);
void expect_tlps(uint64_t src, uint64_t dst, uint32_t size);

#endif
