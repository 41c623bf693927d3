/* SPDX-License-Identifier: MIT */
/*
 * Messages over an nng pair0 socket.
 *
 * Design notes. nng moves bytes on threads of its own; they call back here in
 * three places, on_pipe(), on_received() and on_sent(), which change what is under
 * the lock and write the eventfd, under it, so that no late signal tells of what
 * was seen already. Everything else runs on the owner's thread. The
 * eventfd says "look again": the owner clears it before it looks and writes it
 * again while something is left, so no change between the two is lost.
 *
 * A peer that left is reported after its last message: when the owner learns
 * that it is gone, it takes receiving over from the callback and empties nng's
 * queue itself.
 *
 * Why not nng's recv-fd and send-fd: in 1.5.2 pair0 never closes them (four
 * descriptors a link), and posted writes were five times slower with them.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include <tlpbridge/wire.h>

#include "clock.h"
#include "nng_url.h"
#include "transport.h"

/* Messages that may wait on each side; more is back-pressure. */
enum { QUEUE_MESSAGES = 64 };

enum {
	SETTLE_MS = 50,		/* for a message that is arriving to arrive */
	DIAL_MS = 5000,		/* as long as a server keeps a link for its host */
};

struct nng_end {
	struct transport base;
	nng_socket socket;
	nng_aio *receiving, *sending;
	int event_fd;
	char listen_path[108];		/* socket file to unlink once the peer is there */

	pthread_mutex_t lock;		/* protects all below */
	nng_msg *queue[QUEUE_MESSAGES];	/* received, for the owner */
	unsigned first, count;
	bool paused;			/* queue full: nothing is being received */
	bool draining;			/* the peer is gone: the owner receives by itself */
	bool send_busy;			/* a message waits for room in nng */
	bool want_send;
	int peer;			/* ID of the peer's pipe, 0 before it came */
	bool gone;
};

static struct nng_end *to_end(const struct transport *t)
{
	return (struct nng_end *)t;
}

static void lock(struct nng_end *e)
{
	pthread_mutex_lock(&e->lock);
}

static void unlock(struct nng_end *e)
{
	pthread_mutex_unlock(&e->lock);
}

static void signal_event(struct nng_end *e)
{
	uint64_t one = 1;

	if (write(e->event_fd, &one, sizeof one) < 0)
		return;		/* only EAGAIN: it is readable already */
}

static void clear_event(struct nng_end *e)
{
	uint64_t count;

	if (read(e->event_fd, &count, sizeof count) < 0)
		return;		/* only EAGAIN: it was clear */
}

/* ---- on nng's threads ---- */

/*
 * nng refuses a second peer, but tells of its end: only the first one's counts. It
 * may tell of an end before ADD_POST, never before ADD_PRE.
 */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct nng_end *e = arg;
	int id = nng_pipe_id(pipe);

	lock(e);
	if (event == NNG_PIPE_EV_ADD_PRE && !e->peer)
		e->peer = id;
	else if (event == NNG_PIPE_EV_REM_POST && e->peer == id)
		e->gone = true;
	signal_event(e);
	unlock(e);
}

/* Receives on under the lock: take_over() must find the receive begun, or never to begin. */
static void on_received(void *arg)
{
	struct nng_end *e = arg;

	if (nng_aio_result(e->receiving))
		return;		/* cancelled or closed */
	lock(e);
	e->queue[(e->first + e->count++) % QUEUE_MESSAGES] = nng_aio_get_msg(e->receiving);
	e->paused = e->count == QUEUE_MESSAGES;
	if (!e->paused && !e->draining)
		nng_recv_aio(e->socket, e->receiving);
	signal_event(e);
	unlock(e);
}

static void on_sent(void *arg)
{
	struct nng_end *e = arg;

	if (nng_aio_result(e->sending))
		nng_msg_free(nng_aio_get_msg(e->sending));
	lock(e);
	e->send_busy = false;
	signal_event(e);
	unlock(e);
}

/* ---- on the owner's thread ---- */

static bool peer_came(struct nng_end *e)
{
	lock(e);
	bool came = e->peer != 0;
	unlock(e);
	return came;
}

static bool peer_is_gone(struct nng_end *e)
{
	lock(e);
	bool gone = e->gone;
	unlock(e);
	return gone;
}

/* A private link needs its file only until its one peer is there. */
static void forget_path(struct nng_end *e)
{
	if (e->listen_path[0] && peer_came(e)) {
		unlink(e->listen_path);
		e->listen_path[0] = 0;
	}
}

/* nng's queue takes it at once, or the asynchronous send waits with it for room. */
static int end_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct nng_end *e = to_end(t);
	nng_msg *msg;
	int err;

	lock(e);
	bool gone = e->gone, busy = e->send_busy;
	unlock(e);
	if (gone)
		return TLPB_ERR_CLOSED;
	if (busy)
		return TLPB_ERR_AGAIN;
	if (nng_msg_alloc(&msg, len))
		return TLPB_ERR_NOMEM;
	memcpy(nng_msg_body(msg), data, len);
	err = nng_sendmsg(e->socket, msg, NNG_FLAG_NONBLOCK);
	if (err == NNG_EAGAIN) {
		lock(e);
		e->send_busy = true;
		unlock(e);
		nng_aio_set_msg(e->sending, msg);
		nng_send_aio(e->socket, e->sending);
		return 0;
	}
	if (err)
		nng_msg_free(msg);
	return err ? TLPB_ERR_CLOSED : 0;
}

/* Take the oldest message out of the queue; NULL when there is none. */
static nng_msg *pop(struct nng_end *e, bool *resume)
{
	nng_msg *msg;

	if (!e->count)
		return NULL;
	msg = e->queue[e->first];
	e->first = (e->first + 1) % QUEUE_MESSAGES;
	e->count--;
	*resume = e->paused && !e->draining;
	e->paused = false;
	return msg;
}

/* End the asynchronous receive; what it got last is in the queue then. */
static void take_over(struct nng_end *e)
{
	lock(e);
	bool first_time = !e->draining;
	e->draining = true;
	unlock(e);
	if (!first_time)
		return;
	nng_aio_cancel(e->receiving);
	nng_aio_wait(e->receiving);
}

static bool has_more_to_say(const struct nng_end *e)
{
	return e->count || e->gone || (e->want_send && !e->send_busy);
}

static nng_msg *next_message(struct nng_end *e)
{
	bool resume = false;
	nng_msg *msg;

	clear_event(e);
	lock(e);
	msg = pop(e, &resume);
	if (has_more_to_say(e))
		signal_event(e);
	unlock(e);
	if (resume)
		nng_recv_aio(e->socket, e->receiving);
	return msg;
}

static int end_recv(struct transport *t, struct message *message)
{
	struct nng_end *e = to_end(t);
	bool gone = peer_is_gone(e);
	nng_msg *msg;

	forget_path(e);
	if (gone)
		take_over(e);
	msg = next_message(e);
	if (!msg && gone && nng_recvmsg(e->socket, &msg, NNG_FLAG_NONBLOCK))
		return TLPB_ERR_CLOSED;
	if (!msg)
		return TLPB_ERR_AGAIN;
	*message = (struct message){ nng_msg_body(msg), nng_msg_len(msg), msg };
	return 0;
}

static void end_release(struct transport *t, struct message *message)
{
	nng_msg_free(message->handle);
}

static int end_fd(const struct transport *t)
{
	return to_end(t)->event_fd;
}

static void end_want_send(struct transport *t, bool want)
{
	struct nng_end *e = to_end(t);

	lock(e);
	e->want_send = want;
	if (want && !e->send_busy)
		signal_event(e);
	unlock(e);
}

static void linger(struct nng_end *e, int ms)
{
	struct pollfd p = { .fd = e->event_fd, .events = POLLIN };
	int64_t end = monotonic_ms() + ms, left;

	while (peer_came(e) && !peer_is_gone(e) && (left = end - monotonic_ms()) > 0) {
		poll(&p, 1, (int)left);
		clear_event(e);
	}
}

/*
 * nng_close() of 1.5.2 hangs for ever when it meets a message of which only the header
 * has been read (ipc_pipe_recv_cb() then asks a stopped aio for the rest, and the
 * pipe waits for that). So nothing may be arriving: the peer has left, or
 * nobody takes messages any more and nng, which keeps one, has stopped reading.
 */
static void settle(struct nng_end *e)
{
	take_over(e);
	if (!peer_is_gone(e))		/* it may be coming just now */
		poll(NULL, 0, SETTLE_MS);
}

static void free_end(struct nng_end *e)
{
	bool ignored;

	while (e->count)
		nng_msg_free(pop(e, &ignored));
	nng_aio_free(e->receiving);
	nng_aio_free(e->sending);
	if (e->event_fd >= 0)
		close(e->event_fd);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void end_close(struct transport *t, int linger_ms)
{
	struct nng_end *e = to_end(t);

	linger(e, linger_ms);
	settle(e);
	forget_path(e);
	nng_close(e->socket);	/* waits for on_pipe(); unlinks a path still listened at */
	nng_aio_stop(e->receiving);	/* these wait for the callbacks */
	nng_aio_stop(e->sending);
	free_end(e);
}

static const struct transport_ops nng_ops = {
	.send = end_send,
	.recv = end_recv,
	.release = end_release,
	.fd = end_fd,
	.want_send = end_want_send,
	.close = end_close,
};

static int set_options(struct nng_end *e)
{
	int err = nng_socket_set_int(e->socket, NNG_OPT_SENDBUF, QUEUE_MESSAGES);

	if (!err)
		err = nng_socket_set_size(e->socket, NNG_OPT_RECVMAXSZ, TLPB_MESSAGE_MAX);
	if (!err)
		err = nng_pipe_notify(e->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, e);
	if (!err)
		err = nng_pipe_notify(e->socket, NNG_PIPE_EV_REM_POST, on_pipe, e);
	return err;
}

static int alloc_end(struct nng_end **out)
{
	struct nng_end *e = calloc(1, sizeof *e);

	if (!e)
		return NNG_ENOMEM;
	e->base.ops = &nng_ops;
	pthread_mutex_init(&e->lock, NULL);
	e->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (e->event_fd < 0 || nng_aio_alloc(&e->receiving, on_received, e) ||
	    nng_aio_alloc(&e->sending, on_sent, e)) {
		free_end(e);
		return NNG_ENOMEM;
	}
	*out = e;
	return 0;
}

static int new_end(struct nng_end **out)
{
	struct nng_end *e;
	int err = alloc_end(&e);

	if (err)
		return err;
	err = nng_pair0_open(&e->socket);
	if (err) {
		free_end(e);
		return err;
	}
	err = set_options(e);
	if (err) {
		end_close(&e->base, 0);
		return err;
	}
	nng_recv_aio(e->socket, e->receiving);
	*out = e;
	return 0;
}

/* A new end, or the reason in why. */
static int new_end_or_why(struct nng_end **e, char *why, size_t size)
{
	int nng_err = new_end(e);

	if (!nng_err)
		return 0;
	snprintf(why, size, "nng: %s", nng_strerror(nng_err));
	return nng_err == NNG_ENOMEM ? TLPB_ERR_NOMEM : TLPB_ERR_IO;
}

int tlpb__transport_nng_listen(struct url *url, const struct transport_security *security,
			       struct transport **t, char *why, size_t size)
{
	nng_listener listener;
	struct nng_end *e;
	int err = new_end_or_why(&e, why, size);

	if (err)
		return err;
	err = tlpb__nng_listen(e->socket, url, security, &listener, why, size);
	if (err) {
		end_close(&e->base, 0);
		return err;
	}
	if (url->kind == URL_IPC)
		snprintf(e->listen_path, sizeof e->listen_path, "%s", tlpb__url_name(url));
	*t = &e->base;
	return 0;
}

static bool wait_for_peer(struct nng_end *e)
{
	struct pollfd p = { .fd = e->event_fd, .events = POLLIN };
	int64_t end = monotonic_ms() + DIAL_MS, left;

	while (!peer_came(e) && (left = end - monotonic_ms()) > 0) {
		poll(&p, 1, (int)left);
		clear_event(e);
	}
	signal_event(e);	/* it may have been for a message */
	return peer_came(e);
}

/* nng's own wait for a first attempt may take minutes where a firewall drops packets. */
static int dial(struct nng_end *e, const struct url *url, const struct transport_security *security,
		char *why, size_t size)
{
	bool far = tlpb__url_is_tcp(url);
	nng_dialer dialer;
	int err = tlpb__nng_dial(e->socket, url, security, VERIFY_ALL, far ? NNG_FLAG_NONBLOCK : 0,
				 &dialer, why, size);

	if (err || !far || wait_for_peer(e))
		return err;
	snprintf(why, size, "cannot connect to %s within %d s: a link has a port of its own; does a "
		 "firewall let it through?", url->text, DIAL_MS / 1000);
	return TLPB_ERR_TIMEDOUT;
}

int tlpb__transport_nng_dial(const struct url *url, const struct transport_security *security,
			     struct transport **t, char *why, size_t size)
{
	struct nng_end *e;
	int err = new_end_or_why(&e, why, size);

	if (err)
		return err;
	err = dial(e, url, security, why, size);
	if (err) {
		end_close(&e->base, 0);
		return err;
	}
	*t = &e->base;
	return 0;
}
