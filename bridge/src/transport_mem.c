/* SPDX-License-Identifier: MIT */
/*
 * Two queues in memory. Each end has an eventfd that says "look again": it is
 * written after every change the end could wait for, unless it is readable already, and
 * cleared when the end looks and finds nothing more, so no change between the two is lost:
 * both happen under the lock. Until somebody asks for it nobody waits, and there are no
 * system calls. Messages that were released are kept for the next ones.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport.h"

enum { NODE_MIN = 32 * 1024 };

struct node {
	struct node *next;
	size_t len, size;
	uint8_t data[];
};

struct queue {
	struct node *head, **tail;
	unsigned count;
};

struct mem_shared {
	pthread_mutex_t lock;	/* protects all below */
	struct queue to[2];	/* messages for end 0 and end 1 */
	bool closed[2];
	bool want_send[2];
	unsigned max_messages;
	int event[2];
	bool watched[2];	/* event: somebody knows it */
	bool readable[2];	/* event: written and not cleared */
	struct node *spare;	/* released, max_messages at most */
	unsigned spares;
	int open_ends;
};

struct mem_end {
	struct transport base;
	struct mem_shared *shared;
	int self;
};

static struct mem_end *to_end(const struct transport *t)
{
	return (struct mem_end *)t;
}

static void signal_end(struct mem_shared *s, int end)
{
	uint64_t one = 1;

	if (s->readable[end] || !s->watched[end])
		return;
	s->readable[end] = true;
	if (write(s->event[end], &one, sizeof one) < 0)
		return;		/* only EAGAIN: it is readable already */
}

static void clear_event(struct mem_shared *s, int end)
{
	uint64_t count;

	if (!s->readable[end])
		return;
	s->readable[end] = false;
	if (read(s->event[end], &count, sizeof count) < 0)
		return;		/* only EAGAIN: it was clear */
}

/* A released one where it is large enough. */
static struct node *new_node(struct mem_shared *s, size_t len)
{
	struct node *n = s->spare;

	if (n) {
		s->spare = n->next;
		s->spares--;
		if (n->size >= len)
			return n;
		free(n);
	}
	if (len < NODE_MIN)
		len = NODE_MIN;
	n = malloc(sizeof *n + len);
	if (n)
		n->size = len;
	return n;
}

static void keep_node(struct mem_shared *s, struct node *n)
{
	if (s->spares >= s->max_messages) {
		free(n);
		return;
	}
	n->next = s->spare;
	s->spare = n;
	s->spares++;
}

static int enqueue(struct mem_shared *s, int end, const uint8_t *data, size_t len)
{
	struct queue *q = &s->to[end];
	struct node *n;

	if (s->closed[end])
		return TLPB_ERR_CLOSED;
	if (q->count >= s->max_messages)
		return TLPB_ERR_AGAIN;
	n = new_node(s, len);
	if (!n)
		return TLPB_ERR_NOMEM;
	n->next = NULL;
	n->len = len;
	memcpy(n->data, data, len);
	*q->tail = n;
	q->tail = &n->next;
	q->count++;
	signal_end(s, end);
	return 0;
}

static int mem_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct mem_end *e = to_end(t);
	struct mem_shared *s = e->shared;
	int err;

	pthread_mutex_lock(&s->lock);
	err = enqueue(s, !e->self, data, len);
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* Is there room that this end waits for? */
static bool may_send_on(const struct mem_shared *s, int end)
{
	return s->want_send[end] && s->to[!end].count < s->max_messages;
}

static bool has_news(const struct mem_shared *s, int end)
{
	return s->to[end].count || s->closed[!end] || may_send_on(s, end);
}

static struct node *pop(struct queue *q)
{
	struct node *n = q->head;

	q->head = n->next;
	if (!q->head)
		q->tail = &q->head;
	q->count--;
	return n;
}

static int mem_recv(struct transport *t, struct message *message)
{
	struct mem_end *e = to_end(t);
	struct mem_shared *s = e->shared;
	struct queue *q = &s->to[e->self];
	int err = 0;

	pthread_mutex_lock(&s->lock);
	if (q->count) {
		struct node *n = pop(q);

		*message = (struct message){ .data = n->data, .len = n->len, .handle = n };
		if (s->want_send[!e->self])
			signal_end(s, !e->self);
	} else {
		err = s->closed[!e->self] ? TLPB_ERR_CLOSED : TLPB_ERR_AGAIN;
	}
	if (has_news(s, e->self))
		signal_end(s, e->self);
	else
		clear_event(s, e->self);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static void mem_release(struct transport *t, struct message *message)
{
	struct mem_shared *s;

	if (!t) {		/* its end is closed already: tests do that */
		free(message->handle);
		return;
	}
	s = to_end(t)->shared;
	pthread_mutex_lock(&s->lock);
	keep_node(s, message->handle);
	pthread_mutex_unlock(&s->lock);
}

static int mem_fd(const struct transport *t)
{
	struct mem_end *e = to_end(t);
	struct mem_shared *s = e->shared;

	pthread_mutex_lock(&s->lock);
	s->watched[e->self] = true;
	if (has_news(s, e->self))
		signal_end(s, e->self);
	pthread_mutex_unlock(&s->lock);
	return s->event[e->self];
}

static void mem_want_send(struct transport *t, bool want)
{
	struct mem_end *e = to_end(t);
	struct mem_shared *s = e->shared;

	pthread_mutex_lock(&s->lock);
	s->want_send[e->self] = want;
	if (may_send_on(s, e->self))
		signal_end(s, e->self);
	pthread_mutex_unlock(&s->lock);
}

static void free_shared(struct mem_shared *s)
{
	while (s->spare) {
		struct node *n = s->spare;

		s->spare = n->next;
		free(n);
	}
	for (int i = 0; i < 2; i++) {
		while (s->to[i].count)
			free(pop(&s->to[i]));
		if (s->event[i] >= 0)
			close(s->event[i]);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Nothing to linger for: what was sent is in the peer's queue. */
static void mem_close(struct transport *t, int linger_ms)
{
	struct mem_end *e = to_end(t);
	struct mem_shared *s = e->shared;

	pthread_mutex_lock(&s->lock);
	s->closed[e->self] = true;
	signal_end(s, !e->self);
	bool last = --s->open_ends == 0;
	pthread_mutex_unlock(&s->lock);
	if (last)
		free_shared(s);
	free(e);
}

static const struct transport_ops mem_ops = {
	.send = mem_send,
	.recv = mem_recv,
	.release = mem_release,
	.fd = mem_fd,
	.want_send = mem_want_send,
	.close = mem_close,
};

static struct mem_end *new_end(struct mem_shared *s, int self)
{
	struct mem_end *e = calloc(1, sizeof *e);

	if (e)
		*e = (struct mem_end){ .base.ops = &mem_ops, .shared = s, .self = self };
	return e;
}

int tlpb__transport_mem_pair(unsigned max_messages, struct transport *ends[2])
{
	struct mem_shared *s = calloc(1, sizeof *s);
	struct mem_end *e[2];

	if (!s)
		return TLPB_ERR_NOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->max_messages = max_messages;
	s->open_ends = 2;
	for (int i = 0; i < 2; i++) {
		s->to[i].tail = &s->to[i].head;
		s->event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		e[i] = new_end(s, i);
	}
	if (s->event[0] < 0 || s->event[1] < 0 || !e[0] || !e[1]) {
		free(e[0]);
		free(e[1]);
		free_shared(s);
		return TLPB_ERR_NOMEM;
	}
	ends[0] = &e[0]->base;
	ends[1] = &e[1]->base;
	return 0;
}
