/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tlpbridge/err.h>

#include "ring.h"

enum { PREFIX = 8 };	/* bytes of a record's length */

static uint64_t record_size(uint64_t len)
{
	return PREFIX + ((len + 7) & ~7ull);
}

void tlpb__ring_init(struct ring *ring, void *memory, uint32_t size)
{
	*ring = (struct ring){ .shared = memory, .size = size };
}

/* The memory at an index, and how much of it is in one piece. */
static uint8_t *at(const struct ring *ring, uint64_t index, size_t *whole)
{
	uint32_t offset = (uint32_t)index & (ring->size - 1);

	*whole = ring->size - offset;
	return ring->shared->data + offset;
}

static void copy_in(const struct ring *ring, uint64_t index, const void *bytes, size_t len)
{
	size_t whole;
	uint8_t *p = at(ring, index, &whole);

	if (len <= whole) {
		memcpy(p, bytes, len);
		return;
	}
	memcpy(p, bytes, whole);
	memcpy(ring->shared->data, (const uint8_t *)bytes + whole, len - whole);
}

static void copy_out(const struct ring *ring, uint64_t index, void *bytes, size_t len)
{
	size_t whole;
	const uint8_t *p = at(ring, index, &whole);

	if (len <= whole) {
		memcpy(bytes, p, len);
		return;
	}
	memcpy(bytes, p, whole);
	memcpy((uint8_t *)bytes + whole, ring->shared->data, len - whole);
}

/* ---- producer ---- */

static bool fits(const struct ring *ring, uint64_t need)
{
	return ring->size - (ring->mine - ring->theirs) >= need;
}

bool tlpb__ring_has_room(struct ring *ring, size_t len)
{
	uint64_t tail, need = record_size(len);

	if (fits(ring, need))
		return true;
	tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
	if (ring->mine - tail > ring->size)
		return true;		/* nonsense, as the next put tells */
	ring->theirs = tail;
	return fits(ring, need);
}

int tlpb__ring_put(struct ring *ring, const void *bytes, size_t len)
{
	uint64_t tail, need = record_size(len), prefix = len;

	if (!fits(ring, need)) {
		tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
		if (ring->mine - tail > ring->size)
			return TLPB_ERR_PROTOCOL;
		ring->theirs = tail;
		if (!fits(ring, need))
			return TLPB_ERR_AGAIN;
	}
	copy_in(ring, ring->mine, &prefix, PREFIX);
	copy_in(ring, ring->mine + PREFIX, bytes, len);
	ring->mine += need;
	atomic_store_explicit(&ring->shared->head, ring->mine, memory_order_release);
	return 0;
}

/* ---- consumer ---- */

/* One record to bytes. 1: done, 0: it does not fit, or TLPB_ERR_PROTOCOL. */
static int take(struct ring *ring, uint8_t *bytes, size_t room, size_t *len)
{
	uint64_t prefix;

	copy_out(ring, ring->mine, &prefix, PREFIX);
	if (!prefix || prefix > ring->size || record_size(prefix) > ring->theirs - ring->mine)
		return TLPB_ERR_PROTOCOL;
	*len = (size_t)prefix;
	if (prefix > room)
		return 0;
	copy_out(ring, ring->mine + PREFIX, bytes, (size_t)prefix);
	ring->mine += record_size(prefix);
	return 1;
}

int tlpb__ring_get(struct ring *ring, uint8_t *bytes, size_t room, size_t *len)
{
	size_t got = 0, n = 0;
	int taken = 1;

	ring->theirs = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
	if (ring->theirs == ring->mine)
		return 0;
	if (ring->theirs - ring->mine > ring->size || (ring->theirs - ring->mine) % PREFIX)
		return TLPB_ERR_PROTOCOL;
	while (ring->mine != ring->theirs && (taken = take(ring, bytes + got, room - got, &n)) > 0)
		got += n;
	if (taken < 0)
		return taken;
	*len = got ? got : n;
	if (!got)
		return TLPB_ERR_TOO_LARGE;
	atomic_store_explicit(&ring->shared->tail, ring->mine, memory_order_release);
	return 1;
}
