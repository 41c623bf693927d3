/* SPDX-License-Identifier: MIT */
/*
 * Messages over a stream socket, of a launcher, a relay, a lobby, or of a private link at a URL.
 * No thread: what the socket does not take at once waits here, one message at most, until
 * the owner comes again, which the descriptor asks for.
 *
 * That descriptor is an epoll set with the socket in it: readable when the socket is, and,
 * while something is to be sent, when the socket has room. Until the peer of a listening end
 * is there, it is the acceptor's.
 *
 * Why not nng's own pair sockets, whose format this is: nng_close() of 1.5.2 hangs for ever, and
 * with it every later one of the process, when a pipe is closed between the two parts of a
 * message (docs/architecture.md); and a round trip over them takes four times as long.
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

#include "acceptor.h"
#include "clock.h"
#include "door.h"
#include "stream_framing.h"
#include "transport.h"
#include "url.h"

enum {
	ROOM = HEADER_MAX + TLPB_MESSAGE_MAX,	/* bytes */
	SEND_BUFFER = 64 * 1024, /* the kernel takes it twice: some messages of a burst; with more, less gathers */
	DIAL_MS = 5000,		/* as long as a server keeps a link for its host */
};

struct stream_end {
	struct transport base;
	const struct framing *framing;
	struct acceptor *acceptor;	/* NULL once the peer is there, or where it always was */
	int fd;				/* -1: the peer is not there yet */
	int epoll_fd;
	size_t greeted;		/* bytes of the peer's greeting that were heard */
	bool gone;		/* nothing more will be received */
	bool deaf;		/* the peer takes nothing any more */
	bool want_send;
	bool watches_room;	/* as the epoll set has it */
	size_t max;		/* bytes of a message that may arrive */
	uint32_t refused;	/* what was announced and is more */

	uint8_t *held;		/* ROOM bytes: the rest of a message that did not fit */
	size_t held_at, held_len;

	uint8_t header[HEADER_MAX];	/* of the message that is arriving */
	size_t have;		/* bytes of it, its header included */
	uint8_t *body;		/* NULL until the length is known */
	size_t body_len;
};

static struct stream_end *to_end(const struct transport *t)
{
	return (struct stream_end *)t;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/*
 * A peer that is busy finds few large messages later rather than hundreds of small ones, each of
 * which costs both sides a system call or two. TCP chooses its own buffer.
 */
static void limit_buffer(int fd)
{
	int size = SEND_BUFFER, domain;
	socklen_t len = sizeof domain;

	if (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
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

/* Small messages must not wait for the acknowledgement of earlier ones; fails where it is not TCP. */
static void set_options(int fd)
{
	int on = 1;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	limit_buffer(fd);
}

/* A listening end looks whether its peer has come. */
static bool peer_is_there(struct stream_end *e)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (e->fd >= 0)
		return true;
	e->fd = tlpb__acceptor_next(e->acceptor);
	if (e->fd < 0)
		return false;
	epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->fd, &event);
	e->greeted = e->framing->greeting_len;
	set_options(e->fd);
	tlpb__acceptor_free(e->acceptor);
	e->acceptor = NULL;
	watch_room(e);
	return true;
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

static void hold(struct stream_end *e, const struct iovec parts[2], size_t sent)
{
	size_t header_len = parts[0].iov_len, len = parts[1].iov_len;

	memcpy(e->held, parts[0].iov_base, header_len);
	if (len)
		memcpy(e->held + header_len, parts[1].iov_base, len);
	e->held_at = sent;
	e->held_len = header_len + len - sent;
	watch_room(e);
}

static int stream_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct stream_end *e = to_end(t);
	uint8_t header[HEADER_MAX];
	struct iovec parts[] = { { header, e->framing->header_len }, { (void *)data, len } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (len > TLPB_MESSAGE_MAX)
		return TLPB_ERR_TOO_LARGE;
	if (!peer_is_there(e))
		return TLPB_ERR_AGAIN;
	send_held(e);
	if (e->deaf || e->gone)
		return TLPB_ERR_CLOSED;
	if (e->held_len)
		return TLPB_ERR_AGAIN;
	e->framing->put_header(header, len);
	n = sendmsg(e->fd, &m, MSG_NOSIGNAL);
	if (n < 0 && would_block())
		return TLPB_ERR_AGAIN;
	e->deaf = n < 0;
	if (n >= 0 && (size_t)n < parts[0].iov_len + len)
		hold(e, parts, (size_t)n);
	return n < 0 ? TLPB_ERR_CLOSED : 0;
}

static void stream_want_send(struct transport *t, bool want)
{
	struct stream_end *e = to_end(t);

	e->want_send = want;
	if (peer_is_there(e))
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
static void refuse(struct stream_end *e, uint64_t len)
{
	e->refused = (uint32_t)len;
	if (e->max == TLPB_MESSAGE_MAX)
		tlpb_log(TLPB_LOG_WARNING, "link: the peer announces a message of %llu bytes, more than "
			 "%d: is it tlpbridge?", (unsigned long long)len, TLPB_MESSAGE_MAX);
}

/* The header is there: make room, if it is one. */
static void begin_body(struct stream_end *e)
{
	uint64_t len = e->framing->get_header(e->header);

	if (len > e->max)
		refuse(e, len);
	else
		e->body = malloc(len ? len : 1);
	if (!e->body)
		e->gone = true;
	e->body_len = len;
}

/* True: the peer has said all of its greeting, or has none to say. */
static bool hear_greeting(struct stream_end *e)
{
	uint8_t heard[GREETING_MAX];
	size_t n;

	while (!e->gone && e->greeted < e->framing->greeting_len) {
		n = receive(e, heard, e->framing->greeting_len - e->greeted);
		if (!n)
			return false;
		if (memcmp(heard, e->framing->greeting + e->greeted, n)) {
			tlpb_log(TLPB_LOG_WARNING, "link: the peer does not speak nng's pair protocol: "
				 "is it tlpbridge?");
			e->gone = true;
		}
		e->greeted += n;
	}
	return !e->gone;
}

/* True: the header of a message is there, and room for its body. */
static bool read_header(struct stream_end *e)
{
	size_t header_len = e->framing->header_len, n;

	while (!e->gone && e->have < header_len) {
		n = receive(e, e->header + e->have, header_len - e->have);
		if (!n)
			return false;
		e->have += n;
		if (e->have == header_len)
			begin_body(e);
	}
	return !e->gone;
}

/* True: a message is complete. */
static bool read_on(struct stream_end *e)
{
	size_t header_len = e->framing->header_len, at, n;

	if (!hear_greeting(e) || !read_header(e))
		return false;
	while (e->have < header_len + e->body_len) {
		at = e->have - header_len;
		n = receive(e, e->body + at, e->body_len - at);
		if (!n)
			return false;
		e->have += n;
	}
	return true;
}

static int stream_recv(struct transport *t, struct message *message)
{
	struct stream_end *e = to_end(t);

	if (!peer_is_there(e))
		return TLPB_ERR_AGAIN;
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
	tlpb__acceptor_free(e->acceptor);
	if (e->epoll_fd >= 0)
		close(e->epoll_fd);
	free(e->held);
	free(e->body);
	free(e);
}

static void stream_close(struct transport *t, int linger_ms)
{
	struct stream_end *e = to_end(t);

	if (e->fd >= 0) {
		linger(e, linger_ms);
		close(e->fd);
	}
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

/* Without a socket yet. NULL: out of memory or descriptors. */
static struct stream_end *new_end(const struct framing *framing)
{
	struct stream_end *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->base.ops = &stream_ops;
	e->framing = framing;
	e->max = TLPB_MESSAGE_MAX;
	e->fd = -1;
	e->held = malloc(ROOM);
	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->held && e->epoll_fd >= 0)
		return e;
	free_end(e);
	return NULL;
}

/* The descriptor is the caller's on failure. */
static int new_connected(int fd, const struct framing *framing, struct transport **t,
			 char *why, size_t size)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct stream_end *e = new_end(framing);

	if (!e || epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		if (e)
			free_end(e);
		snprintf(why, size, "out of memory or descriptors");
		return TLPB_ERR_NOMEM;
	}
	e->fd = fd;
	set_options(fd);
	*t = &e->base;
	return 0;
}

int tlpb__transport_stream_new_limited(int fd, uint32_t max, struct transport **t,
				       char *why, size_t size)
{
	int err = check_socket(fd, why, size);

	if (!err)
		err = new_connected(fd, &tlpb__framing_plain, t, why, size);
	if (!err)
		to_end(*t)->max = max;
	return err;
}

int tlpb__transport_stream_new(int fd, struct transport **t, char *why, size_t size)
{
	return tlpb__transport_stream_new_limited(fd, TLPB_MESSAGE_MAX, t, why, size);
}

uint32_t tlpb__transport_stream_refused(const struct transport *t)
{
	return to_end(t)->refused;
}

/* ---- private links: a peer of nng's pair protocol ---- */

static const struct framing *framing_of(const struct url *url)
{
	return url->kind == URL_TCP ? &tlpb__framing_pair_tcp : &tlpb__framing_pair_ipc;
}

int tlpb__transport_socket_listen(struct url *url, const struct transport_security *security,
				  struct transport **t, char *why, size_t size)
{
	struct stream_end *e = new_end(framing_of(url));
	struct door *door;
	int err;

	if (!e) {
		snprintf(why, size, "out of memory or descriptors");
		return TLPB_ERR_NOMEM;
	}
	err = tlpb__door_open(url, security, &door, why, size);
	if (!err) {
		e->acceptor = tlpb__acceptor_new(door, e->framing, e->epoll_fd);
		*t = &e->base;
		if (e->acceptor)
			return 0;
		snprintf(why, size, "out of memory");
		err = TLPB_ERR_NOMEM;
	}
	free_end(e);
	return err;
}

static int wait_writable(void *ctx, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int64_t left;

	while ((left = *(int64_t *)ctx - monotonic_ms()) > 0)
		if (poll(&p, 1, (int)left) == 1)
			return 0;
	return TLPB_ERR_TIMEDOUT;
}

static int dial_once(const struct url *url, const struct transport_security *security, int *fd,
		     char *why, size_t size)
{
	int64_t deadline = monotonic_ms() + DIAL_MS;
	struct door_waiter waiter = { wait_writable, &deadline };
	int err = tlpb__door_dial(url, security, &waiter, fd, why, size);

	if (err == TLPB_ERR_TIMEDOUT)
		snprintf(why, size, "cannot connect to %s within %d s: a link has a port of its own; does "
			 "a firewall let it through?", url->text, DIAL_MS / 1000);
	else if (err == TLPB_ERR_AGAIN || err == TLPB_ERR_BUSY)
		snprintf(why, size, "cannot connect to %s: nobody listens there", url->text);
	return err == TLPB_ERR_AGAIN ? TLPB_ERR_NOT_FOUND : err;
}

int tlpb__transport_socket_dial(const struct url *url, const struct transport_security *security,
				struct transport **t, char *why, size_t size)
{
	const struct framing *framing = framing_of(url);
	int fd, err = dial_once(url, security, &fd, why, size);

	if (err)
		return err;
	err = new_connected(fd, framing, t, why, size);
	if (err)
		close(fd);
	else			/* fits into the buffer of a new connection */
		send(fd, framing->greeting, framing->greeting_len, MSG_NOSIGNAL);
	return err;
}
