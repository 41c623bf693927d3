/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "tx_queue.h"

enum {
	SMALLEST = 128,			/* bytes of a buffer; each further size is twice as large */
	SPARE_MAX = 256 * 1024,		/* bytes kept for the next TLPs */
};

_Static_assert(SMALLEST << (TX_SIZES - 1) >= TLPB_MAX_TLP, "the largest buffer takes any TLP");

void tlpb__tx_queue_init(struct tx_queue *q, uint64_t seed)
{
	*q = (struct tx_queue){ .random = seed };
	for (unsigned i = 0; i < TX_CLASSES; i++)
		TAILQ_INIT(&q->list[i]);
	for (unsigned i = 0; i < TX_SIZES; i++)
		TAILQ_INIT(&q->spare[i]);
}

bool tlpb__tx_queue_empty(const struct tx_queue *q)
{
	return !(q->count[TLPB_POSTED] | q->count[TLPB_NON_POSTED] | q->count[TLPB_COMPLETION]);
}

/* ---- buffers ---- */

static size_t bytes_of(unsigned size)
{
	return (size_t)SMALLEST << size;
}

static struct queued_tlp *new_buffer(struct tx_queue *q, size_t len)
{
	unsigned size = 0;
	struct queued_tlp *t;

	while (bytes_of(size) < len)
		size++;
	t = TAILQ_FIRST(&q->spare[size]);
	if (t) {
		TAILQ_REMOVE(&q->spare[size], t, entry);
		q->spare_bytes -= bytes_of(size);
	} else {
		t = malloc(sizeof *t + bytes_of(size));
		if (!t)
			return NULL;
		t->size = size;
	}
	return t;
}

static void keep_buffer(struct tx_queue *q, struct queued_tlp *t)
{
	if (q->spare_bytes + bytes_of(t->size) > SPARE_MAX) {
		free(t);
		return;
	}
	TAILQ_INSERT_HEAD(&q->spare[t->size], t, entry);
	q->spare_bytes += bytes_of(t->size);
}

static void free_list(struct tx_list *list)
{
	struct queued_tlp *t;

	while ((t = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, t, entry);
		free(t);
	}
}

/* ---- queues ---- */

struct queued_tlp *tlpb__tx_queue_add(struct tx_queue *q, const struct tlpb_order *order,
				      const struct tlpb_credits *cost, size_t len)
{
	struct queued_tlp *t = new_buffer(q, len);

	if (!t)
		return NULL;
	t->arrival = q->arrivals++;
	t->order = *order;
	t->cost = *cost;
	t->mark = t->issue = 0;
	t->len = len;
	TAILQ_INSERT_TAIL(&q->list[cost->cls], t, entry);
	q->count[cost->cls]++;
	q->data[cost->cls] += cost->data;
	q->bytes[cost->cls] += len;
	return t;
}

void tlpb__tx_queue_remove(struct tx_queue *q, struct queued_tlp *t)
{
	unsigned cls = t->cost.cls;

	TAILQ_REMOVE(&q->list[cls], t, entry);
	q->count[cls]--;
	q->data[cls] -= t->cost.data;
	q->bytes[cls] -= t->len;
	keep_buffer(q, t);
}

void tlpb__tx_queue_clear(struct tx_queue *q)
{
	for (unsigned i = 0; i < TX_CLASSES; i++) {
		free_list(&q->list[i]);
		q->count[i] = q->data[i] = 0;
		q->bytes[i] = 0;
	}
	for (unsigned i = 0; i < TX_SIZES; i++)
		free_list(&q->spare[i]);
	q->spare_bytes = 0;
}

/* ---- which one is next ---- */

/* May it pass all of the list that came before it? */
static bool may_pass_all(const struct queued_tlp *t, const struct tx_list *list)
{
	const struct queued_tlp *earlier;

	TAILQ_FOREACH(earlier, list, entry) {
		if (earlier->arrival >= t->arrival)
			break;
		if (tlpb_may_pass(&t->order, &earlier->order) == TLPB_ORDER_MUST_NOT)
			return false;
	}
	return true;
}

static bool may_go(const struct tx_queue *q, const struct queued_tlp *t,
		   const struct credits *credits)
{
	return tlpb__credits_suffice(credits, &t->cost) &&
	       may_pass_all(t, &q->list[TLPB_POSTED]) &&
	       may_pass_all(t, &q->list[TLPB_NON_POSTED]) &&
	       may_pass_all(t, &q->list[TLPB_COMPLETION]);
}

/* The first of its queue that may go. */
static struct queued_tlp *first_of(const struct tx_queue *q, unsigned cls,
				   const struct credits *credits)
{
	const struct tlpb_credits least = { .cls = (enum tlpb_tlp_class)cls, .hdr = 1 };
	struct queued_tlp *t = TAILQ_FIRST(&q->list[cls]);

	if (!tlpb__credits_suffice(credits, &least))
		return NULL;
	for (unsigned i = 0; t && i < TX_WINDOW; i++, t = TAILQ_NEXT(t, entry))
		if (may_go(q, t, credits))
			return t;
	return NULL;
}

static struct queued_tlp *earliest(const struct tx_queue *q, const struct credits *credits)
{
	struct queued_tlp *best = NULL;

	for (unsigned cls = 0; cls < TX_CLASSES; cls++) {
		struct queued_tlp *t = first_of(q, cls, credits);

		if (t && (!best || t->arrival < best->arrival))
			best = t;
	}
	return best;
}

/* xorshift64: never 0 again once it is not. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct queued_tlp *any(struct tx_queue *q, const struct credits *credits)
{
	struct queued_tlp *may[TX_CLASSES * TX_WINDOW];
	unsigned n = 0;

	for (unsigned cls = 0; cls < TX_CLASSES; cls++) {
		struct queued_tlp *t = TAILQ_FIRST(&q->list[cls]);

		for (unsigned i = 0; t && i < TX_WINDOW; i++, t = TAILQ_NEXT(t, entry))
			if (may_go(q, t, credits))
				may[n++] = t;
	}
	return n ? may[next_random(&q->random) % n] : NULL;
}

struct queued_tlp *tlpb__tx_queue_next(struct tx_queue *q, const struct credits *credits)
{
	return q->random ? any(q, credits) : earliest(q, credits);
}
