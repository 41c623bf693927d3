/* SPDX-License-Identifier: MIT */
#include "cut.h"

#include <stdlib.h>

struct cut {
	struct transport base;
	struct transport *inner;	/* NULL: cut */
	const struct transport_ops *ops;	/* of inner */
};

static struct cut *to_cut(const struct transport *t)
{
	return (struct cut *)t;
}

static int cut_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct cut *c = to_cut(t);

	return c->inner ? c->ops->send(c->inner, data, len) : TLPB_ERR_CLOSED;
}

static int cut_recv(struct transport *t, struct message *message)
{
	struct cut *c = to_cut(t);

	return c->inner ? c->ops->recv(c->inner, message) : TLPB_ERR_CLOSED;
}

static void cut_release(struct transport *t, struct message *message)
{
	struct cut *c = to_cut(t);

	c->ops->release(c->inner, message);
}

static int cut_fd(const struct transport *t)
{
	struct cut *c = to_cut(t);

	return c->inner ? c->ops->fd(c->inner) : -1;
}

static void cut_want_send(struct transport *t, bool want)
{
	struct cut *c = to_cut(t);

	if (c->inner)
		c->ops->want_send(c->inner, want);
}

static void cut_close(struct transport *t, int linger_ms)
{
	struct cut *c = to_cut(t);

	if (c->inner)
		c->ops->close(c->inner, linger_ms);
	free(c);
}

static const struct transport_ops cut_ops = {
	.send = cut_send,
	.recv = cut_recv,
	.release = cut_release,
	.fd = cut_fd,
	.want_send = cut_want_send,
	.close = cut_close,
};

struct transport *cut_new(struct transport *inner)
{
	struct cut *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	*c = (struct cut){ { &cut_ops }, inner, inner->ops };
	return &c->base;
}

void cut_now(struct transport *t)
{
	struct cut *c = to_cut(t);

	c->ops->close(c->inner, 0);
	c->inner = NULL;
}
