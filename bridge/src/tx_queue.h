/* SPDX-License-Identifier: MIT */
/*
 * Layer 3: packed TLPs that may not go yet, in three queues, one a class, with the order
 * of arrival across them. Which one goes next: the specification's ordering table and
 * the credits decide. Pure: no I/O, no clock. Buffers are kept for the next TLPs.
 *
 * Of each queue the first TX_WINDOW are looked at. Since posted TLPs and completions are
 * looked at however many non-posted requests wait, they flow past them.
 */
#ifndef TLPB_TX_QUEUE_H
#define TLPB_TX_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <tlpbridge/order.h>

#include "credits.h"

enum { TX_CLASSES = 3, TX_WINDOW = 32, TX_SIZES = 8 };

struct queued_tlp {
	TAILQ_ENTRY(queued_tlp) entry;
	uint64_t arrival;
	struct tlpb_order order;
	struct tlpb_credits cost;
	uint32_t mark, issue;		/* the owner's */
	unsigned size;			/* of its buffer: an index */
	size_t len;
	uint8_t bytes[];
};

TAILQ_HEAD(tx_list, queued_tlp);

struct tx_queue {
	struct tx_list list[TX_CLASSES];	/* by enum tlpb_tlp_class */
	unsigned count[TX_CLASSES], data[TX_CLASSES];	/* TLPs, and their data credits */
	size_t bytes[TX_CLASSES];
	uint64_t arrivals;
	uint64_t random;			/* stress mode: the generator; 0: off */
	struct tx_list spare[TX_SIZES];		/* by size of the buffer */
	size_t spare_bytes;
};

/* seed: stress mode: of all that may go, any is chosen, the same ones for the same seed. 0: the first. */
void tlpb__tx_queue_init(struct tx_queue *q, uint64_t seed);

bool tlpb__tx_queue_empty(const struct tx_queue *q);

/* Behind all others; the caller fills bytes in. NULL: out of memory. */
struct queued_tlp *tlpb__tx_queue_add(struct tx_queue *q, const struct tlpb_order *order,
				      const struct tlpb_credits *cost, size_t len);

/* The one to go now, by its credits and the ordering rules; NULL: none. */
struct queued_tlp *tlpb__tx_queue_next(struct tx_queue *q, const struct credits *credits);

/* It has gone. Its buffer is the queue's again. */
void tlpb__tx_queue_remove(struct tx_queue *q, struct queued_tlp *tlp);

void tlpb__tx_queue_clear(struct tx_queue *q);

#endif
