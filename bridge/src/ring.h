/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: one direction of a link in shared memory, with one producer and one consumer.
 *
 * A record of up to CELL_DATA bytes is a cell, one cache line, which tells by itself whether it is filled: its
 * stamp counts cells, for ever. So one line travels from CPU to CPU for a record, where an index beside the data would
 * make it two or three, each of which costs as much as all the rest. The bytes of a longer record lie in a
 * ring of bytes of their own (bulk), at the place where the one before it ended; never in cells, so
 * that nothing but a stamp ever stands where stamps are looked for.
 *
 * Neither end trusts the other: each keeps its own index in its own memory, checks the other's before use, and the
 * consumer copies a stamp, a length and bytes before anything looks at them.
 */
#ifndef TLPB_RING_H
#define TLPB_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CELL_DATA = 56, CELL_BYTES = 64, SEGMENT_HEADER = 4096 };

/* stamp: number of the cell + 1 (32 bits) << 32, STAMP_BULK, length (24 bits). */
struct cell {
	_Alignas(CELL_BYTES) _Atomic uint64_t stamp;
	uint8_t data[CELL_DATA];
};

/* At the beginning of a ring's memory; cells and bulk follow. Only one end writes each line. */
struct ring_shared {
	_Alignas(64) _Atomic uint64_t cells_taken;	/* consumer: what is before it has been copied */
	_Atomic uint64_t bulk_taken;
	_Alignas(64) _Atomic uint32_t want_room;	/* producer: it waits until there is more room */

	/* Of the end that consumes this ring: does it sleep, and how; on which CPU it is, + 1. */
	_Alignas(64) _Atomic uint32_t sleep;
	_Atomic uint32_t cpu;
};

/* Bytes of a ring whose bulk has so many, a power of two. */
static inline uint32_t ring_cells(uint32_t bulk)
{
	return bulk / 128;
}

static inline size_t ring_footprint(uint32_t bulk)
{
	return sizeof(struct ring_shared) + ring_cells(bulk) * sizeof(struct cell) + bulk;
}

/* One end's view. Numbers count cells and bytes, for ever. */
struct ring {
	struct ring_shared *shared;
	struct cell *cell;
	uint8_t *bulk;
	uint32_t cells, bulk_size;
	uint64_t mine, my_bulk;		/* the next cell, and the next byte of bulk, of this end */
	uint64_t theirs, their_bulk;	/* producer: what the consumer told last; consumer: what it told itself */
	uint8_t id;			/* the same at both ends, for the thread sanitizer alone */
};

/* The ring in shared memory, which begins zeroed. */
void tlpb__ring_init(struct ring *ring, void *memory, uint32_t bulk);

/*
 * Producer: 0; TLPB_ERR_AGAIN: no room now; TLPB_ERR_PROTOCOL: what the consumer tells makes no sense;
 * TLPB_ERR_INVALID, TLPB_ERR_TOO_LARGE: what no ring, or not this one, could ever take.
 */
int tlpb__ring_put(struct ring *ring, const void *bytes, size_t len);

/* Producer: would a record of so many bytes fit, or be refused? */
bool tlpb__ring_has_room(struct ring *ring, size_t len);

/*
 * Consumer: copies whole records, one at least, as many as fit into room, one after the other; room is
 * CELL_DATA at least. 1; 0: nothing is there; TLPB_ERR_TOO_LARGE: the first does not fit, *len tells how long it is;
 * TLPB_ERR_PROTOCOL: what is there makes no sense.
 */
int tlpb__ring_get(struct ring *ring, uint8_t *bytes, size_t room, size_t *len);

/* Consumer: tell the producer of all room; get does it now and then only. */
void tlpb__ring_tell(struct ring *ring);

static inline struct cell *ring_cell(const struct ring *ring)
{
	return &ring->cell[ring->mine & (ring->cells - 1)];
}

/* Consumer: has something arrived? */
static inline bool ring_filled(const struct ring *ring)
{
	uint64_t stamp = atomic_load_explicit(&ring_cell(ring)->stamp, memory_order_acquire);

	return stamp >> 32 == (uint32_t)(ring->mine + 1);
}

#endif
