/* SPDX-License-Identifier: MIT */
/*
 * Requests of an endpoint that carry data and bring an answer, each one TLP: AtomicOps,
 * Deferrable Memory Writes. They wait here for a tag, in order, as reads do in ep_dma.c.
 */
#include <stdlib.h>
#include <string.h>

#include "ep_private.h"

struct exchange {
	TAILQ_ENTRY(exchange) entry;
	struct function *f;
	bool sent;			/* it has a tag */
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
	TAILQ_REMOVE(&x->f->ep->exchanges, x, entry);
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

static struct exchange *first_waiting(const tlpb_ep *ep)
{
	struct exchange *x;

	TAILQ_FOREACH(x, &ep->exchanges, entry)
		if (!x->sent)
			return x;
	return NULL;
}

/* False when there is no tag, or the host has no credits. */
static bool send(tlpb_ep *ep, struct exchange *x)
{
	struct tlpb_credits cost = tlpb_tlp_credits(&x->tlp);

	if (!tlpb__link_has_room(ep->link, &cost) ||
	    tlpb__ep_take_tag(x->f, &x->tlp, x->old, x->answer, on_answer, x))
		return false;
	x->sent = true;
	tlpb__link_send_tlp(ep->link, &x->tlp, 0);
	return true;
}

bool tlpb__ep_exchange_issue(tlpb_ep *ep)
{
	struct exchange *x = tlpb_ep_is_up(ep) ? first_waiting(ep) : NULL;

	if (!x)
		return false;
	if (tlpb__config_bus_master(&x->f->config))
		return send(ep, x);
	finish(x, TLPB_ERR_BUS_MASTER_OFF);
	return true;
}

bool tlpb__ep_exchange_pending(const struct function *f)
{
	const struct exchange *x;

	TAILQ_FOREACH(x, &f->ep->exchanges, entry)
		if (x->f == f && x->sent)
			return true;
	return false;
}

void tlpb__ep_exchange_give_up(tlpb_ep *ep, int err)
{
	struct exchange *x;

	while ((x = first_waiting(ep)))
		finish(x, err);
}

/* The first of the function's; what a callback starts meanwhile is refused or comes behind. */
static struct exchange *first_of(const struct function *f)
{
	struct exchange *x;

	TAILQ_FOREACH(x, &f->ep->exchanges, entry)
		if (x->f == f)
			return x;
	return NULL;
}

void tlpb__ep_exchange_abort(struct function *f, int err)
{
	struct exchange *x;

	while ((x = first_of(f))) {
		if (x->sent)
			tlpb__tags_abort_of(&f->ep->tags, x, err);
		else
			finish(x, err);
	}
}

static struct exchange *new_exchange(struct function *f, enum tlpb_tlp_kind kind, uint64_t addr,
				     const struct tlpb_dma_attr *attr, void *arg)
{
	struct exchange *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->tlp = tlpb__ep_request_tlp(f, kind, addr, attr);
	x->tlp.payload = x->payload;
	x->f = f;
	x->arg = arg;
	return x;
}

static int start(tlpb_ep *ep, struct exchange *x)
{
	if (!tlpb__link_can_take(ep->link, x->tlp.payload_len)) {
		free(x);
		return TLPB_ERR_TOO_LARGE;
	}
	TAILQ_INSERT_TAIL(&ep->exchanges, x, entry);
	tlpb__ep_dma_pump(ep);
	if (ep->link)
		tlpb__link_flush(ep->link);
	return 0;
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
	struct function *f = tlpb__function_at(ep, attr ? attr->function : 0);
	int err = tlpb__ep_may_start(ep, f, attr);
	struct exchange *x;

	if (err)
		return err;
	if (!done || !tlpb_atomic_legal(atomic, addr))
		return TLPB_ERR_INVALID;
	if (!tlpb__config_atomics_enabled(&f->config))
		return TLPB_ERR_DISABLED;
	x = new_exchange(f, atomic->op, addr, attr, arg);
	if (!x)
		return TLPB_ERR_NOMEM;
	x->done = done;
	set_operands(x, atomic);
	return start(ep, x);
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
	struct function *f = tlpb__function_at(ep, attr ? attr->function : 0);
	int err = tlpb__ep_may_start(ep, f, attr);
	struct exchange *x;

	if (err)
		return err;
	if (!done || !len || tlpb_next_request(addr, len, TLPB_DMWR_MAX) != len)
		return TLPB_ERR_INVALID;
	if (!tlpb__config_dmwr_enabled(&f->config))
		return TLPB_ERR_DISABLED;
	x = new_exchange(f, TLPB_DMWR, addr, attr, arg);
	if (!x)
		return TLPB_ERR_NOMEM;
	x->written = done;
	set_data(x, addr, data, len);
	return start(ep, x);
}
