/* SPDX-License-Identifier: MIT */
#include "whole.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bytes.h"

struct whole {
	struct transport base;
	struct transport *inner;
	struct message piece;		/* messages, each behind its length */
	size_t at;			/* in it */
	int epoll_fd, more_fd;		/* the latter is readable while there is more in the piece */
	bool tells;
};

static struct whole *to_whole(const struct transport *t)
{
	return (struct whole *)t;
}

static void arm(struct whole *w)
{
	w->inner->ops->arm(w->inner, false);
}

static void tell_more(struct whole *w, bool more)
{
	eventfd_t count = 1;

	if (more == w->tells)
		return;
	w->tells = more;
	if (more)
		eventfd_write(w->more_fd, count);
	else
		eventfd_read(w->more_fd, &count);
}

static int next_piece(struct whole *w)
{
	int err;

	if (w->at < w->piece.len)
		return 0;
	w->at = w->piece.len = 0;
	err = w->inner->ops->recv(w->inner, &w->piece);
	if (err)
		w->piece.len = 0;
	return err;
}

static int whole_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct whole *w = to_whole(t);
	uint8_t *bytes = malloc(WHOLE_BYTES + len);
	int err;

	put_le32(bytes, (uint32_t)len);
	memcpy(bytes + WHOLE_BYTES, data, len);
	err = w->inner->ops->send(w->inner, bytes, WHOLE_BYTES + len);
	free(bytes);
	w->inner->ops->wake(w->inner, true);
	if (err == TLPB_ERR_AGAIN && next_piece(w) == TLPB_ERR_CLOSED)
		err = TLPB_ERR_CLOSED;	/* only who receives hears of the end; links do so whenever they wait */
	tell_more(w, w->at < w->piece.len);
	arm(w);
	return err;
}

static void take_message(struct whole *w, struct message *m)
{
	const uint8_t *p = w->piece.data + w->at;
	size_t len = get_le32(p);
	uint8_t *copy = malloc(len + 1);

	memcpy(copy, p + WHOLE_BYTES, len);
	*m = (struct message){ copy, len, copy };
	w->at += WHOLE_BYTES + len;
	if (w->at == w->piece.len)
		w->inner->ops->release(w->inner, &w->piece);
}

static int whole_recv(struct transport *t, struct message *m)
{
	struct whole *w = to_whole(t);
	int err = next_piece(w);

	if (!err)
		take_message(w, m);
	tell_more(w, w->at < w->piece.len);
	arm(w);
	return err;
}

static void whole_release(struct transport *t, struct message *m)
{
	free(m->handle);
}

static int whole_fd(const struct transport *t)
{
	return to_whole(t)->epoll_fd;
}

static void whole_want_send(struct transport *t, bool want)
{
	struct whole *w = to_whole(t);

	w->inner->ops->want_send(w->inner, want);
	arm(w);
}

static void whole_close(struct transport *t, int linger_ms)
{
	struct whole *w = to_whole(t);

	if (w->at < w->piece.len)
		w->inner->ops->release(w->inner, &w->piece);
	w->inner->ops->close(w->inner, linger_ms);
	close(w->epoll_fd);
	close(w->more_fd);
	free(w);
}

struct transport *whole_new(struct transport *inner)
{
	static const struct transport_ops ops = {
		.send = whole_send, .recv = whole_recv, .release = whole_release, .fd = whole_fd,
		.want_send = whole_want_send, .close = whole_close,
	};
	struct epoll_event event = { .events = EPOLLIN };
	struct whole *w = calloc(1, sizeof *w);

	w->base.ops = &ops;
	w->inner = inner;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->more_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->more_fd, &event);
	epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, inner->ops->fd(inner), &event);
	arm(w);
	return &w->base;
}
