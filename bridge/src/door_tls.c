/* SPDX-License-Identifier: MIT */
/*
 * nng accepts and a relay does the rest: its socket is handed out before the handshake, so that
 * who has it can end what takes too long, or is too much.
 *
 * Design notes. nng's thread and the relays' only count and write the eventfd, after that; the
 * door clears it before it looks. The relays may outlive the door, whose memory the last one frees.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "door.h"
#include "tls_relay.h"

struct tls_door {
	struct door base;
	nng_stream_listener *listener;
	nng_aio *accepting;
	int event_fd;
	atomic_bool accepted;	/* accepting has ended */
	atomic_int failed;	/* handshakes, not told yet */
	atomic_int users;	/* relays, and who opened the door */
};

static struct tls_door *to_door(const struct door *door)
{
	return (struct tls_door *)door;
}

static void signal_event(struct tls_door *d)
{
	uint64_t one = 1;

	if (write(d->event_fd, &one, sizeof one) < 0)
		return;		/* only EAGAIN: it is readable already */
}

static void let_go(struct tls_door *d)
{
	if (atomic_fetch_sub(&d->users, 1) > 1)
		return;
	if (d->event_fd >= 0)
		close(d->event_fd);
	free(d);
}

/* On a thread of nng. */
static void on_accepted(void *arg)
{
	struct tls_door *d = arg;

	atomic_store(&d->accepted, true);
	signal_event(d);
}

/* On a relay's thread. Who left in the middle, or was too slow, has not failed. */
static void on_relay_ended(struct tls_relay *r)
{
	struct tls_door *d = r->ctx;
	int outcome = atomic_load(&r->outcome);

	if (outcome == NNG_ECRYPTO || outcome == NNG_EPEERAUTH || outcome == NNG_EPROTO) {
		atomic_fetch_add(&d->failed, 1);
		signal_event(d);
	}
	let_go(d);
}

static int tls_fd(const struct door *door)
{
	return to_door(door)->event_fd;
}

/* The socket of a new relay for the stream, which is its own from now on. */
static int relay(struct tls_door *d, nng_stream *stream)
{
	struct tls_relay *r;
	int fd, err;

	nng_stream_set_bool(stream, NNG_OPT_TCP_NODELAY, true);	/* off in streams */
	r = tlpb__tls_relay_new(&fd);
	if (!r) {
		nng_stream_free(stream);
		return DOOR_STUCK;
	}
	r->stream = stream;
	r->ended = on_relay_ended;
	r->ctx = d;
	atomic_fetch_add(&d->users, 1);
	err = tlpb__tls_relay_start(r);
	tlpb__tls_relay_let_go(r);
	if (err)
		close(fd);
	return err ? DOOR_STUCK : fd;
}

static int take_accepted(struct tls_door *d)
{
	int err = nng_aio_result(d->accepting), fd;

	if (!err)
		fd = relay(d, nng_aio_get_output(d->accepting, 0));
	else
		fd = err == NNG_ENOMEM || err == NNG_ENOFILES ? DOOR_STUCK : DOOR_EMPTY;
	atomic_store(&d->accepted, false);
	nng_stream_listener_accept(d->listener, d->accepting);
	return fd;
}

static int tls_accept(struct door *door)
{
	struct tls_door *d = to_door(door);
	uint64_t count;

	if (read(d->event_fd, &count, sizeof count) < 0)
		return DOOR_EMPTY;
	if (!atomic_load(&d->failed))
		return atomic_load(&d->accepted) ? take_accepted(d) : DOOR_EMPTY;
	atomic_fetch_sub(&d->failed, 1);
	signal_event(d);	/* there may be more */
	return DOOR_FAILED;
}

static void tls_close(struct door *door)
{
	struct tls_door *d = to_door(door);

	nng_stream_listener_close(d->listener);
	nng_aio_wait(d->accepting);
	if (!nng_aio_result(d->accepting))
		nng_stream_free(nng_aio_get_output(d->accepting, 0));
	nng_aio_free(d->accepting);
	nng_stream_listener_free(d->listener);
	let_go(d);
}

static const struct door_ops tls_ops = {
	.fd = tls_fd, .accept = tls_accept, .close = tls_close,
};

int tlpb__door_tls_open(struct url *url, const struct transport_security *security,
			struct door **door, char *why, size_t size)
{
	struct tls_door *d = calloc(1, sizeof *d);
	int err;

	snprintf(why, size, "out of memory or descriptors");
	if (!d)
		return TLPB_ERR_NOMEM;
	d->base.ops = &tls_ops;
	atomic_init(&d->users, 1);
	d->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	err = d->event_fd < 0 || nng_aio_alloc(&d->accepting, on_accepted, d) ? TLPB_ERR_NOMEM : 0;
	if (!err)
		err = tlpb__nng_stream_listen(url, security, &d->listener, why, size);
	if (err) {
		if (d->accepting)
			nng_aio_free(d->accepting);
		let_go(d);
		return err;
	}
	nng_stream_listener_accept(d->listener, d->accepting);
	*door = &d->base;
	return 0;
}
