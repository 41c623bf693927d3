/* SPDX-License-Identifier: MIT */
/*
 * A private link over TLS: the framed stream on one end of a socket pair, and a relay between its
 * other end and nng's TLS stream.
 *
 * Design notes. nng 1.5.2 can send messages over TLS itself, but a pipe that is closed between
 * the two parts of a message (its length, its body) waits for ever, and with it the thread that
 * ends all pipes of the process; a host that is killed during DMA is enough. Its byte streams
 * do not have that fault.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tls_relay.h"
#include "transport.h"

enum { DIAL_MS = 5000 };	/* for a handshake's connection */

/* What a link has while it listens: its relay's own. */
struct listening {
	nng_stream_listener *listener;
	int accepted_fd;		/* eventfd: nng has an answer to accept */
};

static void free_listening(struct tls_relay *r)
{
	struct listening *l = r->ctx;

	if (l->listener)
		nng_stream_listener_free(l->listener);
	if (l->accepted_fd >= 0)
		close(l->accepted_fd);
	free(l);
}

static void on_accepted(void *arg)
{
	struct listening *l = arg;
	uint64_t one = 1;

	if (write(l->accepted_fd, &one, sizeof one) < 0)
		return;		/* only EAGAIN: it is readable already */
}

/* The next peer, or false: the link's owner has closed it. */
static bool accept_one(struct tls_relay *r, nng_aio *accepting)
{
	struct listening *l = r->ctx;
	struct pollfd p[2] = { { .fd = l->accepted_fd, .events = POLLIN }, { .fd = r->fd } };
	uint64_t count;

	nng_stream_listener_accept(l->listener, accepting);
	poll(p, 2, -1);
	if (!p[0].revents)
		nng_stream_listener_close(l->listener);
	nng_aio_wait(accepting);
	if (read(l->accepted_fd, &count, sizeof count) < 0)
		return false;
	if (nng_aio_result(accepting))
		return false;
	r->stream = nng_aio_get_output(accepting, 0);
	nng_stream_set_bool(r->stream, NNG_OPT_TCP_NODELAY, true);	/* off in streams */
	return true;
}

/*
 * The first who completes the handshake and greets has the link; whoever else comes to the
 * port is sent away, but may take some seconds for it.
 */
static bool await_peer(struct tls_relay *r)
{
	struct listening *l = r->ctx;
	nng_aio *accepting;
	bool greeted = false;

	if (nng_aio_alloc(&accepting, on_accepted, l))
		return false;
	while (!greeted && accept_one(r, accepting)) {
		greeted = !tlpb__tls_relay_hear_greeting(r);
		if (!greeted) {
			nng_stream_free(r->stream);
			r->stream = NULL;
		}
	}
	nng_aio_free(accepting);
	nng_stream_listener_close(l->listener);
	return greeted;
}

static int no_memory(char *why, size_t size)
{
	snprintf(why, size, "out of memory or descriptors");
	return TLPB_ERR_NOMEM;
}

static int prepare_to_listen(struct tls_relay *r, struct url *url,
			     const struct transport_security *security, char *why, size_t size)
{
	struct listening *l = calloc(1, sizeof *l);

	if (!l)
		return no_memory(why, size);
	r->ctx = l;
	r->begin = await_peer;
	r->ended = free_listening;
	l->accepted_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return l->accepted_fd < 0 ? no_memory(why, size) :
	       tlpb__nng_stream_listen(url, security, &l->listener, why, size);
}

static int prepare_dialled(struct tls_relay *r, const struct url *url,
			   const struct transport_security *security, char *why, size_t size)
{
	int err = tlpb__nng_stream_dialer(url, security, VERIFY_ALL, &r->dialer, why, size), nng_err;

	if (err)
		return err;
	nng_err = tlpb__nng_stream_connect(r->dialer, DIAL_MS, &r->stream);
	r->dialled = true;
	if (!nng_err)
		return 0;
	snprintf(why, size, "cannot connect to %s: %s; a link has a port of its own: does a firewall "
		 "let it through?", url->text, nng_strerror(nng_err));
	return TLPB_ERR_IO;
}

/* The relay is prepared: now the stream at its other end, and off it goes. Takes both over. */
static int start(struct tls_relay *r, int fd, int err, struct transport **t, char *why, size_t size)
{
	if (!err)
		err = tlpb__transport_stream_new(fd, t, why, size);
	if (err) {
		close(fd);
	} else if (tlpb__tls_relay_start(r)) {
		snprintf(why, size, "cannot start a thread");
		(*t)->ops->close(*t, 0);
		err = TLPB_ERR_IO;
	}
	tlpb__tls_relay_let_go(r);
	return err;
}

int tlpb__transport_tls_listen(struct url *url, const struct transport_security *security,
			       struct transport **t, char *why, size_t size)
{
	int fd;
	struct tls_relay *r = tlpb__tls_relay_new(&fd);

	if (!r)
		return no_memory(why, size);
	return start(r, fd, prepare_to_listen(r, url, security, why, size), t, why, size);
}

int tlpb__transport_tls_dial(const struct url *url, const struct transport_security *security,
			     struct transport **t, char *why, size_t size)
{
	int fd;
	struct tls_relay *r = tlpb__tls_relay_new(&fd);

	if (!r)
		return no_memory(why, size);
	return start(r, fd, prepare_dialled(r, url, security, why, size), t, why, size);
}
