/* SPDX-License-Identifier: MIT */
/*
 * A private link over TLS: the framed stream on one end of a socket pair, and two threads that
 * carry bytes between its other end and nng's TLS stream.
 *
 * Design notes. nng 1.5.2 can send messages over TLS itself, but a pipe that is closed between
 * the two parts of a message (its length, its body) waits for ever, and with it the thread that
 * ends all pipes of the process; a host that is killed during DMA is enough. Its byte streams
 * do not have that fault. The threads share nothing but the stream and the socket; each ends
 * when the other side of it does, ends the other thread by closing both, and the last one frees.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nng/nng.h>

#include "nng_url.h"
#include "transport.h"

/* What the one who dialled says first: the other knows then that it is let in. */
static const uint8_t greeting[4] = { 'T', 'L', 'P', 'B' };

enum {
	CHUNK = 64 * 1024,	/* bytes carried at once */
	DIAL_MS = 5000,		/* as long as a server keeps a link for its host */
	GREETING_MS = 2000,	/* for a peer to complete the handshake */
	FAREWELL_MS = 50,	/* for the last bytes to leave nng's buffer */
};

struct relay {
	nng_stream_listener *listener;	/* NULL: dialled */
	nng_stream *stream;		/* once there is one */
	nng_aio *in, *out;
	int fd;				/* our end of the socket pair */
	int accepted_fd;		/* eventfd: nng has an answer to accept */
	atomic_int users;		/* threads */
};

static void free_relay(struct relay *r)
{
	if (r->listener)
		nng_stream_listener_free(r->listener);
	if (r->stream)
		nng_stream_free(r->stream);
	if (r->in)
		nng_aio_free(r->in);
	if (r->out)
		nng_aio_free(r->out);
	if (r->accepted_fd >= 0)
		close(r->accepted_fd);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static void end_thread(struct relay *r)
{
	nng_stream_close(r->stream);
	shutdown(r->fd, SHUT_RDWR);
	if (atomic_fetch_sub(&r->users, 1) == 1)
		free_relay(r);
}

/* ---- the threads ---- */

static bool send_all(struct relay *r, const uint8_t *data, size_t len)
{
	while (len) {
		nng_iov iov = { (void *)data, len };

		nng_aio_set_iov(r->out, 1, &iov);
		nng_stream_send(r->stream, r->out);
		nng_aio_wait(r->out);
		if (nng_aio_result(r->out))
			return false;
		data += nng_aio_count(r->out);
		len -= nng_aio_count(r->out);
	}
	return true;
}

static void *carry_out(void *arg)
{
	struct relay *r = arg;
	uint8_t *chunk = malloc(CHUNK);
	ssize_t n = 1;

	if (!r->listener && !send_all(r, greeting, sizeof greeting))
		n = 0;
	while (chunk && n && (n = recv(r->fd, chunk, CHUNK, 0)) > 0)
		if (!send_all(r, chunk, (size_t)n))
			break;
	poll(NULL, 0, FAREWELL_MS);
	free(chunk);
	end_thread(r);
	return NULL;
}

/* Bytes of the peer, CHUNK at most; 0: it is gone, or was never let in. */
static size_t receive(struct relay *r, uint8_t *bytes, size_t size)
{
	nng_iov iov = { bytes, size };

	nng_aio_set_iov(r->in, 1, &iov);
	nng_stream_recv(r->stream, r->in);
	nng_aio_wait(r->in);
	return nng_aio_result(r->in) ? 0 : nng_aio_count(r->in);
}

static bool deliver(struct relay *r, const uint8_t *data, size_t len)
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

/* Signals are the program's: these threads take none. */
static int start_thread(void *(*run)(void *), struct relay *r)
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
	return err;
}

static void carry_in(struct relay *r, uint8_t *chunk)
{
	size_t n;

	while ((n = receive(r, chunk, CHUNK)) && deliver(r, chunk, n))
		;
}

static void *run_dialled(void *arg)
{
	struct relay *r = arg;
	uint8_t *chunk = malloc(CHUNK);

	if (chunk)
		carry_in(r, chunk);
	free(chunk);
	end_thread(r);
	return NULL;
}

static void on_accepted(void *arg)
{
	struct relay *r = arg;
	uint64_t one = 1;

	if (write(r->accepted_fd, &one, sizeof one) < 0)
		return;		/* only EAGAIN: it is readable already */
}

/* The next peer, or false: the link's owner has closed it. */
static bool accept_one(struct relay *r, nng_aio *accepting)
{
	struct pollfd p[2] = { { .fd = r->accepted_fd, .events = POLLIN }, { .fd = r->fd } };
	uint64_t count;

	nng_stream_listener_accept(r->listener, accepting);
	poll(p, 2, -1);
	if (!p[0].revents)
		nng_stream_listener_close(r->listener);
	nng_aio_wait(accepting);
	if (read(r->accepted_fd, &count, sizeof count) < 0)
		return false;
	if (nng_aio_result(accepting))
		return false;
	r->stream = nng_aio_get_output(accepting, 0);
	nng_stream_set_bool(r->stream, NNG_OPT_TCP_NODELAY, true);	/* off in streams */
	return true;
}

static bool is_greeted(struct relay *r)
{
	uint8_t heard[sizeof greeting];
	size_t have = 0, n;

	while (have < sizeof heard && (n = receive(r, heard + have, sizeof heard - have)))
		have += n;
	return have == sizeof heard && !memcmp(heard, greeting, sizeof heard);
}

/*
 * The first who completes the handshake and greets has the link; whoever else comes to the
 * port is sent away, but may take GREETING_MS for it.
 */
static bool await_peer(struct relay *r)
{
	nng_aio *accepting;
	bool greeted = false;

	if (nng_aio_alloc(&accepting, on_accepted, r))
		return false;
	nng_aio_set_timeout(r->in, GREETING_MS);
	while (!greeted && accept_one(r, accepting)) {
		greeted = is_greeted(r);
		if (!greeted) {
			nng_stream_free(r->stream);
			r->stream = NULL;
		}
	}
	nng_aio_set_timeout(r->in, NNG_DURATION_INFINITE);
	nng_aio_free(accepting);
	return greeted;
}

static void *run_listening(void *arg)
{
	struct relay *r = arg;
	uint8_t *chunk = malloc(CHUNK);

	if (!await_peer(r)) {
		shutdown(r->fd, SHUT_RDWR);
		free(chunk);
		free_relay(r);
		return NULL;
	}
	nng_stream_listener_close(r->listener);
	if (chunk && !start_thread(carry_out, r))
		carry_in(r, chunk);
	free(chunk);
	end_thread(r);
	return NULL;
}

/* ---- making one ---- */

static struct relay *new_relay(struct transport **t, char *why, size_t size)
{
	struct relay *r = calloc(1, sizeof *r);
	int fds[2];

	if (r && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
		r->fd = fds[0];
		r->accepted_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (r->accepted_fd >= 0 && !nng_aio_alloc(&r->in, NULL, NULL) &&
		    !nng_aio_alloc(&r->out, NULL, NULL) &&
		    !tlpb__transport_stream_new(fds[1], t, why, size))
			return r;
		close(fds[1]);
		free_relay(r);
	} else {
		free(r);
	}
	snprintf(why, size, "out of memory or descriptors");
	return NULL;
}

static int give_up(struct relay *r, struct transport *t)
{
	t->ops->close(t, 0);
	free_relay(r);
	return TLPB_ERR_IO;
}

int tlpb__transport_tls_listen(struct url *url, const struct transport_security *security,
			       struct transport **t, char *why, size_t size)
{
	struct relay *r = new_relay(t, why, size);

	if (!r)
		return TLPB_ERR_NOMEM;
	if (tlpb__nng_stream_listen(url, security, &r->listener, why, size))
		return give_up(r, *t);
	if (start_thread(run_listening, r)) {
		snprintf(why, size, "cannot start a thread");
		return give_up(r, *t);
	}
	return 0;
}

int tlpb__transport_tls_dial(const struct url *url, const struct transport_security *security,
			     struct transport **t, char *why, size_t size)
{
	struct relay *r = new_relay(t, why, size);

	if (!r)
		return TLPB_ERR_NOMEM;
	if (tlpb__nng_stream_dial(url, security, DIAL_MS, &r->stream, why, size))
		return give_up(r, *t);
	nng_stream_set_bool(r->stream, NNG_OPT_TCP_NODELAY, true);	/* off in streams */
	if (start_thread(run_dialled, r)) {
		snprintf(why, size, "cannot start a thread");
		return give_up(r, *t);
	}
	if (start_thread(carry_out, r)) {	/* the other one ends with the stream, and frees */
		snprintf(why, size, "cannot start a thread");
		nng_stream_close(r->stream);
		(*t)->ops->close(*t, 0);
		return TLPB_ERR_IO;
	}
	return 0;
}
