/* SPDX-License-Identifier: MIT */
/*
 * Design notes. The threads share nothing but the stream and the socket: one carries out (from
 * the socket to the stream), one carries in. Each ends when the other side of it does, and ends
 * the other thread by closing both. The last user frees. A handshake is part of nng's first
 * send or receive, hence of these threads: whatever becomes of it touches no other connection.
 *
 * nng 1.5.2 lets a send or receive wait for ever, whatever its timeout, that is begun after its
 * stream was closed or the peer has gone without a farewell (was killed): who is waiting already is
 * told, later ones are forgotten. So nothing is begun after our own close, by the lock; and a
 * receive that waits looks whether the connection is still there, at growing intervals, until it
 * must have known when it began. Closing ends the forgotten ones, too.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_relay.h"

static const uint8_t greeting[4] = { 'T', 'L', 'P', 'B' };

enum {
	CHUNK = 64 * 1024,	/* bytes carried at once */
	DIAL_MS = 5000,
	GREETING_MS = 2000,	/* for a peer to complete the handshake */
	FAREWELL_MS = 50,	/* for the last bytes to leave nng's buffer */
	FIRST_LOOK_MS = 16,	/* each further one later by LATER times */
	LAST_LOOK_MS = 5000,
	LATER = 4,
};

void tlpb__tls_relay_let_go(struct tls_relay *r)
{
	if (atomic_fetch_sub(&r->users, 1) > 1)
		return;
	if (r->ended)
		r->ended(r);
	if (r->dialer)
		nng_stream_dialer_free(r->dialer);
	if (r->stream)
		nng_stream_free(r->stream);
	if (r->in)
		nng_aio_free(r->in);
	if (r->out)
		nng_aio_free(r->out);
	if (r->received_fd >= 0)
		close(r->received_fd);
	pthread_mutex_destroy(&r->lock);
	close(r->fd);
	free(r);
}

static void close_stream(struct tls_relay *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	if (r->stream)
		nng_stream_close(r->stream);
	pthread_mutex_unlock(&r->lock);
}

typedef void begin_io(nng_stream *stream, nng_aio *aio);

/* False: it was closed. */
static bool begin(struct tls_relay *r, begin_io *io, nng_aio *aio, const void *bytes, size_t len)
{
	nng_iov iov = { (void *)bytes, len };
	bool begun;

	nng_aio_set_iov(aio, 1, &iov);
	pthread_mutex_lock(&r->lock);
	begun = !r->closed;
	if (begun)
		io(r->stream, aio);
	pthread_mutex_unlock(&r->lock);
	return begun;
}

static void end_thread(struct tls_relay *r)
{
	close_stream(r);
	shutdown(r->fd, SHUT_RDWR);
	tlpb__tls_relay_let_go(r);
}

/* The first one counts. */
static void note_outcome(struct tls_relay *r, int outcome)
{
	int now = atomic_load(&r->outcome);

	while (now < RELAY_THROUGH && !atomic_compare_exchange_weak(&r->outcome, &now, outcome))
		;
}

/* Signals are the program's: these threads take none. */
static int start_thread(void *(*run)(void *), struct tls_relay *r)
{
	sigset_t all, before;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_fetch_add(&r->users, 1);
	err = pthread_create(&thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		atomic_fetch_sub(&r->users, 1);
	else
		pthread_detach(thread);
	return err ? -1 : 0;
}

/* ---- from the socket to the stream ---- */

/* 0, or an error of nng. */
static int send_all(struct tls_relay *r, const uint8_t *data, size_t len)
{
	while (len) {
		int err;

		if (!begin(r, nng_stream_send, r->out, data, len))
			return NNG_ECLOSED;
		nng_aio_wait(r->out);
		err = nng_aio_result(r->out);
		if (err)
			return err;
		data += nng_aio_count(r->out);
		len -= nng_aio_count(r->out);
	}
	return 0;
}

static void carry_out(struct tls_relay *r, uint8_t *chunk)
{
	ssize_t n;

	if (r->dialled)
		note_outcome(r, send_all(r, greeting, sizeof greeting));
	while ((n = recv(r->fd, chunk, CHUNK, 0)) > 0)
		if (send_all(r, chunk, (size_t)n))
			return;
	if (atomic_load(&r->outcome) == RELAY_THROUGH)
		poll(NULL, 0, FAREWELL_MS);
}

static void *run_out(void *arg)
{
	struct tls_relay *r = arg;
	uint8_t *chunk = malloc(CHUNK);

	if (chunk)
		carry_out(r, chunk);
	free(chunk);
	end_thread(r);
	return NULL;
}

/* ---- from the stream to the socket ---- */

/* On a thread of nng. */
static void on_received(void *arg)
{
	struct tls_relay *r = arg;
	uint64_t one = 1;

	if (write(r->received_fd, &one, sizeof one) < 0)
		return;		/* only EAGAIN: it is readable already */
}

static bool is_connected(struct tls_relay *r)
{
	nng_sockaddr peer;

	return !nng_stream_get_addr(r->stream, NNG_OPT_REMADDR, &peer);
}

static void wait_received(struct tls_relay *r)
{
	struct pollfd p = { .fd = r->received_fd, .events = POLLIN };
	int wait_ms = FIRST_LOOK_MS;
	uint64_t count;

	while (poll(&p, 1, wait_ms) != 1) {
		if (!is_connected(r))
			close_stream(r);
		wait_ms = wait_ms > 0 && wait_ms < LAST_LOOK_MS ? wait_ms * LATER : -1;
	}
	if (read(r->received_fd, &count, sizeof count) == sizeof count)
		nng_aio_wait(r->in);	/* until it has also left on_received() */
}

/* Bytes of the peer, at least one. 0, or an error of nng. */
static int receive(struct tls_relay *r, uint8_t *bytes, size_t size, size_t *n)
{
	if (!begin(r, nng_stream_recv, r->in, bytes, size))
		return NNG_ECLOSED;
	wait_received(r);
	*n = nng_aio_count(r->in);
	return nng_aio_result(r->in);
}

static bool deliver(struct tls_relay *r, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(r->fd, data, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

int tlpb__tls_relay_hear_greeting(struct tls_relay *r)
{
	uint8_t heard[sizeof greeting];
	size_t have = 0, n;
	int err = 0;

	nng_aio_set_timeout(r->in, GREETING_MS);
	while (!err && have < sizeof heard) {
		err = receive(r, heard + have, sizeof heard - have, &n);
		have += err ? 0 : n;
	}
	nng_aio_set_timeout(r->in, NNG_DURATION_INFINITE);
	if (!err && memcmp(heard, greeting, sizeof heard))
		err = NNG_EPROTO;
	return err;
}

/* After begin the greeting has been heard; else it is to be. */
static void carry_in(struct tls_relay *r, uint8_t *chunk)
{
	size_t n;
	int err = 0;

	if (!r->dialled && !r->begin)
		err = tlpb__tls_relay_hear_greeting(r);
	if (!r->dialled)
		note_outcome(r, err);
	while (!err) {
		err = receive(r, chunk, CHUNK, &n);
		if (!err && !deliver(r, chunk, n))
			return;
	}
	note_outcome(r, err);	/* of a handshake that was dialled for */
}

static void *run_in(void *arg)
{
	struct tls_relay *r = arg;
	uint8_t *chunk = malloc(CHUNK);

	if (chunk && (!r->begin || r->begin(r)) && !start_thread(run_out, r))
		carry_in(r, chunk);
	free(chunk);
	end_thread(r);
	return NULL;
}

/* ---- making one ---- */

struct tls_relay *tlpb__tls_relay_new(int *other_end)
{
	struct tls_relay *r = calloc(1, sizeof *r);
	int fds[2];

	if (!r || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
		free(r);
		return NULL;
	}
	r->fd = fds[0];
	atomic_init(&r->outcome, RELAY_SHAKES_HANDS);
	atomic_init(&r->users, 1);
	pthread_mutex_init(&r->lock, NULL);
	r->received_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->received_fd < 0 || nng_aio_alloc(&r->in, on_received, r) ||
	    nng_aio_alloc(&r->out, NULL, NULL)) {
		close(fds[1]);
		tlpb__tls_relay_let_go(r);
		return NULL;
	}
	*other_end = fds[1];
	return r;
}

int tlpb__tls_relay_start(struct tls_relay *r)
{
	return start_thread(run_in, r);
}

static bool begin_by_dialling(struct tls_relay *r)
{
	int err = tlpb__nng_stream_connect(r->dialer, DIAL_MS, &r->stream);

	atomic_store(&r->outcome, err ? err : RELAY_SHAKES_HANDS);
	return !err;
}

int tlpb__tls_relay_dial(const struct url *url, const struct transport_security *security,
			 enum tls_verify verify, struct tls_relay **relay, int *fd,
			 char *why, size_t size)
{
	struct tls_relay *r = tlpb__tls_relay_new(fd);
	int err;

	snprintf(why, size, "%s", r ? "" : "out of memory or descriptors");
	if (!r)
		return TLPB_ERR_NOMEM;
	r->dialled = true;
	atomic_store(&r->outcome, RELAY_DIALS);
	r->begin = begin_by_dialling;
	err = tlpb__nng_stream_dialer(url, security, verify, &r->dialer, why, size);
	if (!err && tlpb__tls_relay_start(r)) {
		snprintf(why, size, "cannot start a thread");
		err = TLPB_ERR_NOMEM;
	}
	if (err) {
		close(*fd);
		tlpb__tls_relay_let_go(r);
		return err;
	}
	*relay = r;
	return 0;
}
