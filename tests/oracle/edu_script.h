/* SPDX-License-Identifier: MIT */
/*
 * Scripts for edu devices: text files of commands, run in the same way through qtest
 * and in a guest. All that the device shows goes to a transcript, so that two devices
 * can be compared line by line. A line of a script is one of
 *
 *	read SIZE OFFSET [VALUE]	a register; VALUE: what the specification says
 *	write SIZE OFFSET VALUE
 *	wait OFFSET MASK VALUE		until register & MASK is VALUE
 *	fill AT LEN SEED		RAM; 0 fills with zeroes
 *	sum AT LEN			a checksum of RAM
 *	dump AT LEN			up to 32 bytes of RAM
 *	dma to-edu AT BUFFER COUNT [irq]	and wait for its end
 *	dma to-ram BUFFER AT COUNT [irq]
 *	during dma WRITE...		a register write (SIZE OFFSET VALUE) while to-ram DMA runs
 *	during factorial N WRITE...	likewise while N! is computed
 *	intx [LEVEL]			Interrupt Status, and the line where it can be seen
 *	msi on | off
 *	message [yes | no]		was there an MSI since the last time?
 *	config SIZE OFFSET [VALUE]	a field of the configuration space
 *	config-write SIZE OFFSET VALUE
 *	size BAR			of a BAR (6: the expansion ROM), with its type bits
 *	msi-control			Message Control, but for enable and per-vector masking
 *
 * or empty, or a comment that begins with #. AT counts from the start of a piece of RAM
 * that is the device's to use.
 */
#ifndef TLPB_TEST_EDU_SCRIPT_H
#define TLPB_TEST_EDU_SCRIPT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How to reach one device. Single-threaded; a call that fails ends the program or the test. */
struct edu_machine {
	uint64_t ram;		/* bus address of EDU_RAM bytes for DMA */
	uint64_t (*read)(struct edu_machine *machine, uint64_t offset, unsigned size);
	void (*write)(struct edu_machine *machine, uint64_t offset, unsigned size, uint64_t value);
	uint32_t (*config_read)(struct edu_machine *machine, unsigned offset, unsigned size);
	void (*config_write)(struct edu_machine *machine, unsigned offset, unsigned size,
			     uint32_t value);
	void (*ram_read)(struct edu_machine *machine, uint64_t at, void *buf, size_t len);
	void (*ram_write)(struct edu_machine *machine, uint64_t at, const void *data, size_t len);
	int (*line)(struct edu_machine *machine);	/* level of INTx; NULL: cannot be seen */
};

enum {
	EDU_RAM = 0x20000,	/* bytes */
	EDU_MAILBOX = 0x1f000,	/* of them: where MSIs go */
};

/* Run a script from the device's idle state. Returns how many lines failed; each is marked in out. */
unsigned edu_run(struct edu_machine *machine, FILE *script, FILE *out);

/* Write a script of that many random steps, all of them legal. The same for the same seed. */
void edu_random(FILE *script, uint32_t seed, unsigned steps);

#endif
