/* SPDX-License-Identifier: MIT */
/*
 * Messages over a connected stream socket, of a launcher, a relay or a lobby: a u32 of length,
 * little-endian, and so many bytes. No thread: what the socket does not take at once waits
 * here, one message at most, until the owner comes again, which the descriptor asks for.
 *
 * That descriptor is an epoll set with the socket in it: readable when the socket is, and,
 * while something is to be sent, when the socket has room.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <tlpbridge/log.h>
#include <tlpbridge/wire.h>

#include "bytes.h"
#include "clock.h"
#include "transport.h"

enum { LENGTH = 4, ROOM = LENGTH + TLPB_MESSAGE_MAX };	/* bytes */

struct stream_end {
	struct transport base;
	int fd, epoll_fd;
	bool gone;		/* nothing more will be received */
	bool deaf;		/* the peer takes nothing any more */
	bool want_send;
	bool watches_room;	/* as the epoll set has it */
	uint32_t max;		/* bytes of a message that may arrive */
	uint32_t refused;	/* what was announced and is more */

	uint8_t *held;		/* ROOM bytes: the rest of a message that did not fit */
	size_t held_at, held_len;

	uint8_t length[LENGTH];	/* of the message that is arriving */
	size_t have;		/* bytes of it, its length included */
	uint8_t *body;		/* NULL until the length is known */
	uint32_t body_len;
};

static struct stream_end *to_end(const struct transport *t)
{
	return (struct stream_end *)t;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void watch_room(struct stream_end *e)
{
	bool watch = !e->deaf && (e->want_send || e->held_len);
	struct epoll_event event = { .events = EPOLLIN | (watch ? EPOLLOUT : 0) };

	if (watch == e->watches_room)
		return;
	epoll_ctl(e->epoll_fd, EPOLL_CTL_MOD, e->fd, &event);
	e->watches_room = watch;
}

/* ---- sending ---- */

static void send_held(struct stream_end *e)
{
	while (e->held_len && !e->deaf) {
		ssize_t n = send(e->fd, e->held + e->held_at, e->held_len, MSG_NOSIGNAL);

		if (n < 0 && would_block())
			break;
		if (n < 0) {
			e->deaf = true;
			break;
		}
		e->held_at += (size_t)n;
		e->held_len -= (size_t)n;
	}
	watch_room(e);
}

static void hold(struct stream_end *e, const uint8_t length[LENGTH], const uint8_t *data,
		 size_t len, size_t sent)
{
	memcpy(e->held, length, LENGTH);
	if (len)
		memcpy(e->held + LENGTH, data, len);
	e->held_at = sent;
	e->held_len = LENGTH + len - sent;
	watch_room(e);
}

static int stream_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct stream_end *e = to_end(t);
	uint8_t length[LENGTH];
	struct iovec parts[] = { { length, LENGTH }, { (void *)data, len } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (len > TLPB_MESSAGE_MAX)
		return TLPB_ERR_TOO_LARGE;
	send_held(e);
	if (e->deaf || e->gone)
		return TLPB_ERR_CLOSED;
	if (e->held_len)
		return TLPB_ERR_AGAIN;
	put_le32(length, (uint32_t)len);
	n = sendmsg(e->fd, &m, MSG_NOSIGNAL);
	if (n < 0 && would_block())
		return TLPB_ERR_AGAIN;
	e->deaf = n < 0;
	if (n >= 0 && (size_t)n < LENGTH + len)
		hold(e, length, data, len, (size_t)n);
	return n < 0 ? TLPB_ERR_CLOSED : 0;
}

static void stream_want_send(struct transport *t, bool want)
{
	struct stream_end *e = to_end(t);

	e->want_send = want;
	send_held(e);
}

/* ---- receiving ---- */

/* Bytes into buf; 0: not now, or never again. */
static size_t receive(struct stream_end *e, uint8_t *buf, size_t len)
{
	ssize_t n = recv(e->fd, buf, len, 0);

	if (n > 0)
		return (size_t)n;
	if (n == 0 || !would_block())
		e->gone = true;
	return 0;
}

/* A lobby tells who its strangers are. */
static void refuse(struct stream_end *e)
{
	e->refused = e->body_len;
	if (e->max == TLPB_MESSAGE_MAX)
		tlpb_log(TLPB_LOG_WARNING, "fd: the peer announces a message of %u bytes, more than %d: "
			 "is it tlpbridge?", e->body_len, TLPB_MESSAGE_MAX);
}

/* The length is there: make room, if it is one. */
static void begin_body(struct stream_end *e)
{
	e->body_len = get_le32(e->length);
	if (e->body_len > e->max)
		refuse(e);
	else
		e->body = malloc(e->body_len ? e->body_len : 1);
	if (!e->body)
		e->gone = true;
}

/* Read on; true: a message is complete. */
static bool read_on(struct stream_end *e)
{
	while (!e->gone && e->have < LENGTH) {
		size_t n = receive(e, e->length + e->have, LENGTH - e->have);

		if (!n)
			return false;
		e->have += n;
		if (e->have == LENGTH)
			begin_body(e);
	}
	while (!e->gone && e->have < LENGTH + (size_t)e->body_len) {
		size_t at = e->have - LENGTH, n = receive(e, e->body + at, e->body_len - at);

		if (!n)
			return false;
		e->have += n;
	}
	return !e->gone;
}

static int stream_recv(struct transport *t, struct message *message)
{
	struct stream_end *e = to_end(t);

	send_held(e);
	if (e->gone || !read_on(e))
		return e->gone ? TLPB_ERR_CLOSED : TLPB_ERR_AGAIN;
	*message = (struct message){ e->body, e->body_len, e->body };
	e->body = NULL;
	e->have = 0;
	return 0;
}

static void stream_release(struct transport *t, struct message *message)
{
	free(message->handle);
}

static int stream_fd(const struct transport *t)
{
	return to_end(t)->epoll_fd;
}

/* ---- life ---- */

/* Send what is held, and wait for the peer to leave; what it still says is dropped. */
static void linger(struct stream_end *e, int ms)
{
	struct pollfd p = { .fd = e->fd };
	int64_t end = monotonic_ms() + ms, left;
	uint8_t dropped[4096];

	send_held(e);
	while (!e->gone && (left = end - monotonic_ms()) > 0) {
		p.events = (short)(POLLIN | (e->held_len && !e->deaf ? POLLOUT : 0));
		poll(&p, 1, (int)left);
		send_held(e);
		receive(e, dropped, sizeof dropped);
	}
}

static void free_end(struct stream_end *e)
{
	if (e->epoll_fd >= 0)
		close(e->epoll_fd);
	free(e->held);
	free(e->body);
	free(e);
}

static void stream_close(struct transport *t, int linger_ms)
{
	struct stream_end *e = to_end(t);

	linger(e, linger_ms);
	close(e->fd);
	free_end(e);
}

static const struct transport_ops stream_ops = {
	.send = stream_send,
	.recv = stream_recv,
	.release = stream_release,
	.fd = stream_fd,
	.want_send = stream_want_send,
	.close = stream_close,
};

static int check_socket(int fd, char *why, size_t size)
{
	struct sockaddr_storage peer;
	socklen_t type_len = sizeof(int), peer_len = sizeof peer;
	const char *wrong = NULL;
	int type;

	if (fcntl(fd, F_GETFD) < 0)
		wrong = "is not open: the program that starts this one must let it inherit the descriptor";
	else if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len))
		wrong = "is not a socket";
	else if (type != SOCK_STREAM)
		wrong = "is not a stream socket (SOCK_STREAM)";
	else if (getpeername(fd, (struct sockaddr *)&peer, &peer_len))
		wrong = "is a socket that is not connected";
	if (!wrong)
		return 0;
	snprintf(why, size, "fd:%d %s", fd, wrong);
	return TLPB_ERR_INVALID;
}

/* Small messages must not wait for the acknowledgement of earlier ones; fails where it is not TCP. */
static void set_options(int fd)
{
	int on = 1;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int tlpb__transport_stream_new_limited(int fd, uint32_t max, struct transport **t,
				       char *why, size_t size)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct stream_end *e;
	int err = check_socket(fd, why, size);

	if (err)
		return err;
	e = calloc(1, sizeof *e);
	if (!e)
		goto no_memory;
	e->base.ops = &stream_ops;
	e->fd = fd;
	e->max = max;
	e->held = malloc(ROOM);
	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!e->held || e->epoll_fd < 0 || epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		free_end(e);
		goto no_memory;
	}
	set_options(fd);
	*t = &e->base;
	return 0;
no_memory:
	snprintf(why, size, "out of memory or descriptors");
	return TLPB_ERR_NOMEM;
}

int tlpb__transport_stream_new(int fd, struct transport **t, char *why, size_t size)
{
	return tlpb__transport_stream_new_limited(fd, TLPB_MESSAGE_MAX, t, why, size);
}

uint32_t tlpb__transport_stream_refused(const struct transport *t)
{
	return to_end(t)->refused;
}
