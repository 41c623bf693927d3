/* SPDX-License-Identifier: MIT */
/*
 * Several devices made by hand and their hosts, all in the test's own thread: what
 * a device says while the host waits, it says from a callback of the host. So every
 * order of events is the test's choice.
 */
#ifndef TLPB_TEST_TOYS_H
#define TLPB_TEST_TOYS_H

#include <tlpbridge/rc.h>

#include "raw_peer.h"

enum { TOYS = 3, TOY_QUEUE = 2048 };

struct toy {
	tlpb_rc *rc;			/* NULL: none */
	struct raw_peer peer;
	unsigned reads, writes;		/* DMA that the host served */
	unsigned downs, notices;
	char notice[256];		/* what was said last about waiting */
	bool impatient;			/* gives up when asked */

	/* Called in these callbacks of the host, if set. */
	void (*on_read)(void);
	void (*on_write)(void);
	void (*on_down)(void);
	void (*on_waiting)(void);
	int read_err;			/* what a DMA read is answered with */
};

extern struct toy toy[TOYS];

/* Ends what a failed test left behind, first. Each with a name of its own: "toy 0". */
void toys_open(unsigned count, tlpb_rc_group *group);
void toys_close(void);
void toy_open(unsigned i, tlpb_rc_group *group);
void toy_close_host(unsigned i);

/* The device says: any TLP, a DMA read or write of 4 bytes, both in one message, goodbye. */
void toy_say(unsigned i, const struct tlpb_tlp *tlp);
void toy_dma_read(unsigned i);
void toy_dma_write(unsigned i);
void toy_dma_write_and_read(unsigned i);
void toy_goodbye(unsigned i);

/* The device answers the last request that it heard, or one of 4 bytes with this tag. */
void toy_answer(unsigned i);
void toy_answer_tag(unsigned i, unsigned tag);

/* How many TLPs it has heard. */
unsigned toy_heard(unsigned i);

/* A register read of the host, and what it gave. */
int toy_read(unsigned i, uint32_t *value);

enum { TOY_VALUE = 0x600dcafe, TOY_REGISTER = 0x1000, TOY_DMA = 0x40000000 };

#endif
