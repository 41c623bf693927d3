/* SPDX-License-Identifier: MIT */
/* Accesses that are one request with data and have an answer: AtomicOps, Deferrable Memory Writes. */
#include <string.h>

#include "rc_private.h"

/* CAS: what to compare with, then what to store (2.2.7). */
static void set_operands(struct rc_access *a, const struct tlpb_atomic *atomic)
{
	bool cas = atomic->op == TLPB_CAS;

	if (cas)
		memcpy(a->payload, atomic->compare, atomic->size);
	memcpy(a->payload + (cas ? atomic->size : 0), atomic->operand, atomic->size);
	a->payload_len = (cas ? 2 : 1) * atomic->size;
}

static int run(struct rc_access *a)
{
	if (tlpb_rc_is_up(a->rc) && !tlpb__link_can_take(a->rc->link, a->payload_len))
		return TLPB_ERR_TOO_LARGE;
	return tlpb__rc_access_run(a);
}

int tlpb_rc_atomic(tlpb_rc *rc, uint64_t addr, const struct tlpb_atomic *atomic, void *old)
{
	struct rc_access a = { .rc = rc, .kind = atomic->op, .addr = addr, .len = atomic->size,
			       .buf = old };

	if (!tlpb_atomic_legal(atomic, addr))
		return TLPB_ERR_INVALID;
	set_operands(&a, atomic);
	return run(&a);
}

int tlpb_rc_dmwr(tlpb_rc *rc, uint64_t addr, const void *data, size_t len)
{
	struct rc_access a = { .rc = rc, .kind = TLPB_DMWR, .addr = addr, .len = len };

	if (!len || tlpb_next_request(addr, len, TLPB_DMWR_MAX) != len)
		return TLPB_ERR_INVALID;
	a.payload_len = 4u * tlpb_extent(addr, len).length_dw;
	memcpy(a.payload + (addr & 3), data, len);
	return run(&a);
}
