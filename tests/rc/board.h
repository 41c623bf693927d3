/* SPDX-License-Identifier: MIT */
/* A host with one endpoint-test device; any number of them in a thread, alone or in a group. */
#ifndef TLPB_TEST_RC_BOARD_H
#define TLPB_TEST_RC_BOARD_H

#include "host.h"

enum { BOARD_RAM = 64 * 1024, EFFECT_SIZE = 64, EFFECT_DST = 0x2000 };

struct board {
	tlpb_rc *rc;
	struct tlpb_rc_bar bar[TLPB_BARS];
	uint8_t ram[BOARD_RAM];		/* at RAM_BASE */
	unsigned msis;
	void (*on_msi)(struct board *board);	/* called inside the write, if set */
	void (*on_dma)(struct board *board);	/* likewise, in each write to RAM */

	/* An access under way. */
	uint8_t word[4];
	bool over;
	int err;
};

/* Connect, enumerate, enable MSI-X vector 0. Ends the test when that fails. */
void board_open(struct board *b, const char *url, const char *device, tlpb_rc_group *group);
void board_close(struct board *b);

uint32_t board_read(struct board *b, unsigned reg);
void board_write(struct board *b, unsigned reg, uint32_t value);

/* Set a DMA up: size bytes from RAM to RAM + EFFECT_DST, an MSI-X on vector 0 at its end. */
void board_program(struct board *b, uint32_t size);

/* Begin a read of a register; over and word tell the rest. */
void board_begin_read(struct board *b, unsigned reg);

/* READ_EFFECT of all, at the same time, that often; each is checked. */
void boards_effect(struct board *const boards[], unsigned count, unsigned rounds);

/* A server with this many endpoint-test devices. */
struct process *serve_several(const char *name, unsigned devices);

#endif
