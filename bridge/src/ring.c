/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tlpbridge/err.h>

#include "ring.h"

#define STAMP_BULK (1u << 31)
enum { STAMP_LENGTH = 0xffffff };

/*
 * Both ends may be in one process. The thread sanitizer sees two mappings then, and not that they are the
 * same memory, so that what one thread wrote before it put a record would be a race with who reads it after get.
 */
#ifdef __SANITIZE_THREAD__
extern void __tsan_release(void *at);
extern void __tsan_acquire(void *at);

static struct {
	char records, room;
} both_ends[256];

#define give(ring, what) __tsan_release(&both_ends[(ring)->id].what)
#define have(ring, what) __tsan_acquire(&both_ends[(ring)->id].what)
#else
#define give(ring, what)
#define have(ring, what)
#endif

void tlpb__ring_init(struct ring *ring, void *memory, uint32_t bulk)
{
	struct ring_shared *shared = memory;
	struct cell *cells = (struct cell *)(shared + 1);

	*ring = (struct ring){ .shared = shared, .cell = cells, .cells = ring_cells(bulk),
			       .bulk = (uint8_t *)(cells + ring_cells(bulk)), .bulk_size = bulk };
}

/* ---- bulk ---- */

/* The bytes at a position lie in one piece, or in two. */
static size_t whole(const struct ring *ring, uint64_t position, size_t len)
{
	size_t left = ring->bulk_size - (size_t)(position & (ring->bulk_size - 1));

	return len < left ? len : left;
}

static void bulk_put(const struct ring *ring, const void *bytes, size_t len)
{
	size_t first = whole(ring, ring->my_bulk, len);

	memcpy(ring->bulk + (ring->my_bulk & (ring->bulk_size - 1)), bytes, first);
	memcpy(ring->bulk, (const uint8_t *)bytes + first, len - first);
}

static void bulk_get(const struct ring *ring, void *bytes, size_t len)
{
	size_t first = whole(ring, ring->my_bulk, len);

	memcpy(bytes, ring->bulk + (ring->my_bulk & (ring->bulk_size - 1)), first);
	memcpy((uint8_t *)bytes + first, ring->bulk, len - first);
}

/* Records begin at doublewords of 8 bytes. */
static uint64_t padded(uint64_t len)
{
	return (len + 7) & ~7ull;
}

static uint64_t bulk_of(uint64_t len)
{
	return len > CELL_DATA ? padded(len) : 0;
}

/* ---- producer ---- */

static bool fits(const struct ring *ring, size_t len)
{
	return ring->mine - ring->theirs < ring->cells &&
	       ring->bulk_size - (ring->my_bulk - ring->their_bulk) >= bulk_of(len);
}

/* False: the consumer took what was never there. */
static bool hear(struct ring *ring)
{
	uint64_t cells = atomic_load_explicit(&ring->shared->cells_taken, memory_order_acquire);
	uint64_t bulk = atomic_load_explicit(&ring->shared->bulk_taken, memory_order_acquire);

	have(ring, room);
	if (ring->mine - cells > ring->cells || ring->my_bulk - bulk > ring->bulk_size)
		return false;
	ring->theirs = cells;
	ring->their_bulk = bulk;
	return true;
}

bool tlpb__ring_has_room(struct ring *ring, size_t len)
{
	return fits(ring, len) || !hear(ring) || fits(ring, len);
}

int tlpb__ring_put(struct ring *ring, const void *bytes, size_t len)
{
	struct cell *cell = ring_cell(ring);
	uint64_t stamp = (uint64_t)(uint32_t)(ring->mine + 1) << 32 | len;

	if (!len || len > ring->bulk_size || len > STAMP_LENGTH)
		return len ? TLPB_ERR_TOO_LARGE : TLPB_ERR_INVALID;
	if (!fits(ring, len)) {
		if (!hear(ring))
			return TLPB_ERR_PROTOCOL;
		if (!fits(ring, len))
			return TLPB_ERR_AGAIN;
	}
	if (len <= CELL_DATA) {
		memcpy(cell->data, bytes, len);
	} else {
		bulk_put(ring, bytes, len);
		ring->my_bulk += bulk_of(len);
		stamp |= STAMP_BULK;
	}
	ring->mine++;
	give(ring, records);
	atomic_store_explicit(&cell->stamp, stamp, memory_order_release);
	return 0;
}

/* ---- consumer ---- */

void tlpb__ring_tell(struct ring *ring)
{
	if (ring->theirs == ring->mine)
		return;
	ring->theirs = ring->mine;
	ring->their_bulk = ring->my_bulk;
	give(ring, room);
	atomic_store_explicit(&ring->shared->bulk_taken, ring->my_bulk, memory_order_release);
	atomic_store_explicit(&ring->shared->cells_taken, ring->mine, memory_order_release);
}

/* An eighth of it has been taken: more often would only cost. */
static void tell_sometimes(struct ring *ring)
{
	if (ring->mine - ring->theirs >= ring->cells / 8 ||
	    ring->my_bulk - ring->their_bulk >= ring->bulk_size / 8)
		tlpb__ring_tell(ring);
}

/* The record of a stamp. 1: taken, 0: it does not fit, or TLPB_ERR_PROTOCOL. */
static int take(struct ring *ring, uint64_t stamp, uint8_t *bytes, size_t room, size_t *len)
{
	const struct cell *cell = ring_cell(ring);

	*len = stamp & STAMP_LENGTH;
	if (!*len || *len > ((stamp & STAMP_BULK) ? ring->bulk_size : CELL_DATA))
		return TLPB_ERR_PROTOCOL;
	if (*len > room)
		return 0;
	if (stamp & STAMP_BULK) {
		bulk_get(ring, bytes, *len);
		ring->my_bulk += padded(*len);
	} else {
		memcpy(bytes, cell->data, *len);
	}
	ring->mine++;
	return 1;
}

int tlpb__ring_get(struct ring *ring, uint8_t *bytes, size_t room, size_t *len)
{
	size_t got = 0, n = 0;
	uint64_t stamp;
	int taken = 1;

	for (;;) {
		stamp = atomic_load_explicit(&ring_cell(ring)->stamp, memory_order_acquire);
		if (stamp >> 32 != (uint32_t)(ring->mine + 1))
			break;
		have(ring, records);
		taken = take(ring, stamp, bytes + got, room - got, &n);
		if (taken <= 0)
			break;
		got += n;
	}
	if (taken < 0)
		return taken;
	*len = got ? got : n;
	if (!got)
		return taken ? 0 : TLPB_ERR_TOO_LARGE;
	tell_sometimes(ring);
	return 1;
}
