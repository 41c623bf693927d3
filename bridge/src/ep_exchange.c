/* SPDX-License-Identifier: MIT */
/*
 * Requests of an endpoint that carry data and bring an answer, each one TLP: AtomicOps,
 * Deferrable Memory Writes. They wait here for a tag, in order, as reads do in ep_dma.c.
 */
#include <stdlib.h>
#include <string.h>

#include "ep_private.h"

struct exchange {
	TAILQ_ENTRY(exchange) entry;	/* while it has no tag */
	struct tlpb_tlp tlp;
	uint8_t payload[TLPB_DMWR_MAX + 4];
	uint8_t old[TLPB_ATOMIC_MAX];
	size_t answer;			/* bytes */
	tlpb_ep_atomic_done *done;	/* one of the two */
	tlpb_ep_done *written;
	void *arg;
};

static void finish(struct exchange *x, int err)
{
	if (x->done)
		x->done(x->arg, err, err ? NULL : x->old);
	else
		x->written(x->arg, err);
	free(x);
}

static void on_answer(void *arg, const struct tags_request *request, int err)
{
	finish(arg, err);
}

/* False when there is none, or the host has no credits. */
static bool take_tag(tlpb_ep *ep, struct exchange *x)
{
	struct tlpb_credits cost = tlpb_tlp_credits(&x->tlp);

	return tlpb__link_has_room(ep->link, &cost) &&
	       !tlpb__tags_begin(&ep->tags, &x->tlp, x->old, x->answer, on_answer, x);
}

bool tlpb__ep_exchange_issue(tlpb_ep *ep)
{
	struct exchange *x = TAILQ_FIRST(&ep->exchanges);
	bool master = tlpb__config_bus_master(&ep->config);

	if (!x || !tlpb_ep_is_up(ep) || (master && !take_tag(ep, x)))
		return false;
	TAILQ_REMOVE(&ep->exchanges, x, entry);
	if (master)
		tlpb__link_send_tlp(ep->link, &x->tlp, 0);
	else
		finish(x, TLPB_ERR_BUS_MASTER_OFF);
	return true;
}

void tlpb__ep_exchange_abort(tlpb_ep *ep, int err)
{
	struct exchange *x;

	while ((x = TAILQ_FIRST(&ep->exchanges))) {
		TAILQ_REMOVE(&ep->exchanges, x, entry);
		finish(x, err);
	}
}

static struct exchange *new_exchange(tlpb_ep *ep, enum tlpb_tlp_kind kind, uint64_t addr,
				     const struct tlpb_dma_attr *attr, void *arg)
{
	struct exchange *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->tlp = tlpb__ep_request_tlp(ep, kind, addr, attr);
	x->tlp.payload = x->payload;
	x->arg = arg;
	return x;
}

static void start(tlpb_ep *ep, struct exchange *x)
{
	TAILQ_INSERT_TAIL(&ep->exchanges, x, entry);
	tlpb__ep_dma_pump(ep);
	if (ep->link)
		tlpb__link_flush(ep->link);
}

/* CAS: what to compare with, then what to store (2.2.7). */
static void set_operands(struct exchange *x, const struct tlpb_atomic *atomic)
{
	bool cas = atomic->op == TLPB_CAS;

	if (cas)
		memcpy(x->payload, atomic->compare, atomic->size);
	memcpy(x->payload + (cas ? atomic->size : 0), atomic->operand, atomic->size);
	x->tlp.payload_len = (cas ? 2 : 1) * atomic->size;
	x->tlp.length_dw = (uint16_t)(x->tlp.payload_len / 4);
	x->answer = atomic->size;
}

int tlpb_ep_atomic(tlpb_ep *ep, uint64_t addr, const struct tlpb_atomic *atomic,
		   const struct tlpb_dma_attr *attr, tlpb_ep_atomic_done *done, void *arg)
{
	int err = tlpb__ep_may_start(ep);
	struct exchange *x;

	if (err)
		return err;
	if (!done || !tlpb_atomic_legal(atomic, addr) || (attr && attr->tc > 7))
		return TLPB_ERR_INVALID;
	if (!tlpb__config_atomics_enabled(&ep->config))
		return TLPB_ERR_DISABLED;
	x = new_exchange(ep, atomic->op, addr, attr, arg);
	if (!x)
		return TLPB_ERR_NOMEM;
	x->done = done;
	set_operands(x, atomic);
	start(ep, x);
	return 0;
}

static void set_data(struct exchange *x, uint64_t addr, const void *data, size_t len)
{
	struct tlpb_extent e = tlpb_extent(addr, len);

	x->tlp.length_dw = e.length_dw;
	x->tlp.first_be = e.first_be;
	x->tlp.last_be = e.last_be;
	x->tlp.payload_len = 4u * e.length_dw;
	memcpy(x->payload + (addr & 3), data, len);
}

int tlpb_ep_dmwr(tlpb_ep *ep, uint64_t addr, const void *data, size_t len,
		 const struct tlpb_dma_attr *attr, tlpb_ep_done *done, void *arg)
{
	int err = tlpb__ep_may_start(ep);
	struct exchange *x;

	if (err)
		return err;
	if (!done || !len || tlpb_next_request(addr, len, TLPB_DMWR_MAX) != len ||
	    (attr && attr->tc > 7))
		return TLPB_ERR_INVALID;
	if (!tlpb__config_dmwr_enabled(&ep->config))
		return TLPB_ERR_DISABLED;
	x = new_exchange(ep, TLPB_DMWR, addr, attr, arg);
	if (!x)
		return TLPB_ERR_NOMEM;
	x->written = done;
	set_data(x, addr, data, len);
	start(ep, x);
	return 0;
}
