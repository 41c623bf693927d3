/* SPDX-License-Identifier: MIT */
/* What a completer sends (2.2.9, 2.3.1): used by both ends. One thread. */
#ifndef TLPB_COMPLETER_H
#define TLPB_COMPLETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/atomic.h>
#include <tlpbridge/tlp.h>

#include "link.h"

/* Status and no data: for writes, for messages of failure. left: bytes not yet returned. */
void tlpb__complete_status(struct link *link, const struct tlpb_tlp *request, uint16_t completer,
			   enum tlpb_cpl_status status, unsigned left);

/* One DW of a configuration or I/O read, or of a flush. poisoned, here and below: known to be bad (2.7.2). */
void tlpb__complete_register(struct link *link, const struct tlpb_tlp *request,
			     uint16_t completer, const uint8_t dw[4], bool poisoned);

/*
 * One completion of a memory read: n bytes at addr, of left that remain, these
 * included. Its size is tlpb_next_completion()'s.
 */
void tlpb__complete_data(struct link *link, const struct tlpb_tlp *request, uint16_t completer,
			 uint64_t addr, const void *data, size_t n, unsigned left, bool poisoned);

/* The old value of an AtomicOp. */
void tlpb__complete_atomic(struct link *link, const struct tlpb_tlp *request, uint16_t completer,
			   const void *old, bool poisoned);

/* Is it an AtomicOp, and what does it ask for? Its TLP is well formed: the sizes are legal. */
bool tlpb__is_atomic(const struct tlpb_tlp *request);
struct tlpb_atomic tlpb__atomic(const struct tlpb_tlp *request);

/* Byte Count of a completion that brings nothing of what was asked for (2.2.9). */
unsigned tlpb__bytes_asked(const struct tlpb_tlp *request);

/* Bytes that a request spans, from its first enabled byte; 0 for a flush. */
unsigned tlpb__request_bytes(const struct tlpb_tlp *request);

/* Address of its first enabled byte. */
uint64_t tlpb__request_address(const struct tlpb_tlp *request);

/* Is byte i, counted from the first enabled one, enabled? */
bool tlpb__byte_enabled(const struct tlpb_tlp *request, unsigned i);

/* Are all of them? Most requests are such. */
bool tlpb__all_enabled(const struct tlpb_tlp *request);

#endif
