/* SPDX-License-Identifier: MIT */
#include "transport_fault.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A message that goes out after `overtakers` later ones. */
struct late {
	struct late *next;
	unsigned overtakers;
	size_t len;
	uint8_t data[];
};

struct faulty {
	struct transport base;
	struct transport *inner;		/* NULL: lost */
	const struct transport_ops *ops;	/* of inner */
	const struct fault_plan *plan;
	unsigned count;				/* messages so far */
	struct late *late;
};

static struct faulty *to_faulty(const struct transport *t)
{
	return (struct faulty *)t;
}

static uint32_t scramble(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return x ^ x >> 16;
}

static struct fault_at choose(const struct fault_plan *plan, unsigned message)
{
	struct fault_at chosen = { message, FAULT_NONE, 0 };
	uint32_t dice = scramble(plan->seed * 65599 + message + 1);

	for (unsigned i = 0; i < plan->count; i++)
		if (plan->script[i].message == message)
			return plan->script[i];
	if (message >= plan->spared && dice % 1000 < plan->per_mille) {
		chosen.fault = (enum fault)(1 + (dice >> 10) % (FAULTS - 1));
		chosen.amount = scramble(dice) % 997;
		if (chosen.fault == FAULT_DELAY)
			chosen.amount = 1 + chosen.amount % 3;
	}
	return chosen;
}

static void keep(struct faulty *f, const uint8_t *data, size_t len, unsigned overtakers)
{
	struct late *late = malloc(sizeof *late + len), **last = &f->late;

	if (!late)
		abort();
	late->next = NULL;
	late->overtakers = overtakers;
	late->len = len;
	if (len)
		memcpy(late->data, data, len);
	while (*last)
		last = &(*last)->next;
	*last = late;
}

/* Send what is due. False: the way is blocked. */
static bool send_due(struct faulty *f)
{
	for (struct late **p = &f->late; *p;) {
		struct late *late = *p;

		if (late->overtakers) {
			p = &late->next;
			continue;
		}
		if (f->ops->send(f->inner, late->data, late->len) == TLPB_ERR_AGAIN)
			return false;
		*p = late->next;
		free(late);
	}
	return true;
}

static void let_overtake(struct faulty *f)
{
	for (struct late *late = f->late; late; late = late->next)
		if (late->overtakers)
			late->overtakers--;
	send_due(f);
}

static int send_corrupted(struct faulty *f, const uint8_t *data, size_t len, unsigned amount)
{
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	if (!copy)
		abort();
	if (len) {
		memcpy(copy, data, len);
		copy[amount / 8 % len] ^= (uint8_t)(1u << amount % 8);
	}
	err = f->ops->send(f->inner, copy, len);
	free(copy);
	return err;
}

static int lose(struct faulty *f)
{
	f->ops->close(f->inner, 0);
	f->inner = NULL;
	return TLPB_ERR_CLOSED;
}

static int send_with(struct faulty *f, const struct fault_at *at, const uint8_t *data, size_t len)
{
	int err;

	switch (at->fault) {
	case FAULT_DROP:
		return 0;
	case FAULT_DELAY:
		keep(f, data, len, at->amount);
		return 0;
	case FAULT_LOSS:
		return lose(f);
	case FAULT_CORRUPT:
		return send_corrupted(f, data, len, at->amount);
	default:
		err = f->ops->send(f->inner, data, len);
		if (!err && at->fault == FAULT_DUPLICATE)
			keep(f, data, len, 0);
		return err;
	}
}

static int fault_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct faulty *f = to_faulty(t);
	struct fault_at at = choose(f->plan, f->count);
	int err;

	if (!f->inner)
		return TLPB_ERR_CLOSED;
	if (!send_due(f))
		return TLPB_ERR_AGAIN;
	err = send_with(f, &at, data, len);
	if (!err) {
		f->count++;
		if (at.fault != FAULT_DELAY)
			let_overtake(f);
	}
	return err;
}

static int fault_recv(struct transport *t, struct message *message)
{
	struct faulty *f = to_faulty(t);

	return f->inner ? f->ops->recv(f->inner, message) : TLPB_ERR_CLOSED;
}

static void fault_release(struct transport *t, struct message *message)
{
	struct faulty *f = to_faulty(t);

	f->ops->release(f->inner, message);
}

static int fault_fd(const struct transport *t)
{
	struct faulty *f = to_faulty(t);

	return f->inner ? f->ops->fd(f->inner) : -1;
}

static void fault_want_send(struct transport *t, bool want)
{
	struct faulty *f = to_faulty(t);

	if (f->inner)
		f->ops->want_send(f->inner, want);
}

static void fault_close(struct transport *t, int linger_ms)
{
	struct faulty *f = to_faulty(t);

	while (f->late) {
		struct late *late = f->late;

		f->late = late->next;
		free(late);
	}
	if (f->inner)
		f->ops->close(f->inner, linger_ms);
	free(f);
}

static const struct transport_ops fault_ops = {
	.send = fault_send,
	.recv = fault_recv,
	.release = fault_release,
	.fd = fault_fd,
	.want_send = fault_want_send,
	.close = fault_close,
};

struct transport *fault_new(struct transport *inner, const struct fault_plan *plan)
{
	struct faulty *f = calloc(1, sizeof *f);

	if (!f)
		abort();
	*f = (struct faulty){ .base.ops = &fault_ops, .inner = inner, .ops = inner->ops, .plan = plan };
	return &f->base;
}
