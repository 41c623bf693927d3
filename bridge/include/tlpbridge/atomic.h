/* SPDX-License-Identifier: MIT */
/*
 * AtomicOps (6.15): FetchAdd, Swap and CAS on 32, 64 or (CAS alone) 128 bits. Values
 * are little-endian. Pure functions, any thread; they never block.
 */
#ifndef TLPBRIDGE_ATOMIC_H
#define TLPBRIDGE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/tlp.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TLPB_ATOMIC_MAX = 16 };	/* bytes of the largest operand */

struct tlpb_atomic {
	enum tlpb_tlp_kind op;	/* TLPB_FETCHADD, TLPB_SWAP or TLPB_CAS */
	unsigned size;		/* bytes of memory: 4 or 8, for CAS also 16 */
	uint8_t operand[TLPB_ATOMIC_MAX];	/* what is added, or stored */
	uint8_t compare[TLPB_ATOMIC_MAX];	/* CAS: stored only where this is found */
};

/* Is it one of the three with a size that it may have, and is addr a multiple of the size? */
bool tlpb_atomic_legal(const struct tlpb_atomic *atomic, uint64_t addr);

/* The value after the operation on old; both of atomic->size bytes, and may be the same. */
void tlpb_atomic_result(const struct tlpb_atomic *atomic, const uint8_t *old, uint8_t *value);

/*
 * Does it to memory of this process, which must be aligned to the size, atomically against
 * every other thread and process that uses atomic operations there. old gets what was there,
 * atomic->size bytes. Returns 0, or and then nothing happened: TLPB_ERR_INVALID (not legal),
 * TLPB_ERR_UNSUPPORTED (not aligned, or the processor has no operation of that size).
 */
int tlpb_atomic_memory(const struct tlpb_atomic *atomic, void *memory, void *old);

#ifdef __cplusplus
}
#endif
#endif
