/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: one direction of a link in shared memory: a ring with one producer and one consumer, of
 * records: u64 length, that many bytes, and padding to 8. Neither end trusts the other:
 * each keeps its own index in its own memory, checks the other's before use, and the
 * consumer copies a record's length and bytes before anything looks at them.
 *
 * Indices count bytes, for ever; size is a power of two.
 */
#ifndef TLPB_RING_H
#define TLPB_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At the beginning of a ring's memory. A cache line each: only one end writes each. */
struct ring_shared {
	_Alignas(64) _Atomic uint64_t head;	/* producer: where the next record begins */
	_Atomic uint32_t want_room;		/* producer: it waits until there is more room */
	_Alignas(64) _Atomic uint64_t tail;	/* consumer: what is before it has been copied */

	/* Of the end that consumes this ring: does it sleep, and how; on which CPU it is, + 1. */
	_Alignas(64) _Atomic uint32_t sleep;
	_Atomic uint32_t cpu;
	_Alignas(64) uint8_t data[];
};

enum { SEGMENT_HEADER = 4096 };

static inline size_t ring_footprint(uint32_t ring_bytes)
{
	return sizeof(struct ring_shared) + ring_bytes;
}

/* One end's view. */
struct ring {
	struct ring_shared *shared;
	uint32_t size;
	uint64_t mine;		/* producer: head; consumer: tail */
	uint64_t theirs;	/* the other index, as it was last looked at */
};

/* The ring in shared memory, which begins zeroed. */
void tlpb__ring_init(struct ring *ring, void *memory, uint32_t size);

/* Producer: 0; TLPB_ERR_AGAIN: no room now; TLPB_ERR_PROTOCOL: the consumer's index makes no sense. */
int tlpb__ring_put(struct ring *ring, const void *bytes, size_t len);

/*
 * Consumer: copies whole records, one at least, as many as fit into room. Their bytes; 0: nothing is
 * there; TLPB_ERR_TOO_LARGE: the first does not fit, *len tells how long it is; TLPB_ERR_PROTOCOL:
 * the producer's index or a length makes no sense.
 */
int tlpb__ring_get(struct ring *ring, uint8_t *bytes, size_t room, size_t *len);

/* Consumer: has something arrived? Two instructions while nothing has. */
static inline bool ring_filled(const struct ring *ring)
{
	return atomic_load_explicit(&ring->shared->head, memory_order_acquire) != ring->mine;
}

/* Producer: would a record of so many bytes fit? */
bool tlpb__ring_has_room(struct ring *ring, size_t len);

#endif
