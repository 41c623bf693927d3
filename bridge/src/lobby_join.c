/* SPDX-License-Identifier: MIT */
/* The host's side of the lobby: it JOINs, and says why it could not. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include <tlpbridge/log.h>

#include "clock.h"
#include "ipc_path.h"
#include "lobby.h"
#include "lobby_blame.h"
#include "nng_url.h"

enum {
	RETRY_MS = 100,		/* between attempts to reach a server */
	TAKEN_MS = 1000,	/* for a device whose host died to come free */
	REDIAL_MS = 2000,	/* of dialling in vain, or of silence, before it is begun anew */
	POLL_MS = 5,		/* between looks whether one succeeded */
	NOTICE_MS = 2000,	/* of silence before a person is told */
	SETTLE_MS = 500,	/* for an answer that is no longer wanted to arrive */
};

/* One JOIN under way. */
struct joining {
	const struct url *url;
	const struct transport_security *security;
	const struct lobby_patience *patience;
	nng_socket socket;
	nng_dialer dialer;
	int fd;			/* readable when an answer may be there */
	atomic_int pipes;	/* connections there are: counted by nng's threads */
	int64_t start_ms, dialed_ms, asked_ms;
	int64_t looked_ms;	/* for failed TLS handshakes, last */
	bool connected;		/* there has been a connection */
	bool asked;		/* and not been answered */
	bool noticed;
	bool taken;		/* the last answer: somebody has the device */
	char *why;
	size_t size;
};

static int fail(struct joining *j, int err, const char *text)
{
	snprintf(j->why, j->size, "%s", text);
	return err;
}

/* 0 to go on waiting, else why not. */
static int check_patience(struct joining *j, const char *for_what)
{
	int64_t waited = monotonic_ms() - j->start_ms;
	const struct lobby_patience *p = j->patience;

	if (p->cancelled && p->cancelled(p->ctx))
		return fail(j, TLPB_ERR_TIMEDOUT, "interrupted");
	if (waited >= NOTICE_MS && !j->noticed) {
		j->noticed = true;
		tlpb_log(TLPB_LOG_INFO, "waiting for %s at %s", for_what, j->url->text);
	}
	return waited >= p->timeout_ms ? TLPB_ERR_TIMEDOUT : 0;
}

static void sleep_ms(unsigned ms)
{
	poll(NULL, 0, (int)ms);
}

static int nng_failure(struct joining *j, const char *what, int nng_err)
{
	snprintf(j->why, j->size, "cannot %s %s: %s", what, j->url->text, nng_strerror(nng_err));
	return TLPB_ERR_IO;
}

/* Time is up: who was it that we waited for in vain? */
static void blame(struct joining *j)
{
	double seconds = j->patience->timeout_ms / 1000.0;
	bool there = j->connected;

	if (j->url->kind == URL_IPC)
		there = tlpb__ipc_has_listener(tlpb__url_name(j->url));
	if (tlpb__url_is_tcp(j->url) && !there)
		tlpb__blame_tcp(j->url, j->security, seconds, j->why, j->size);
	else if (there)
		tlpb__blame_silence(j->url, seconds, j->why, j->size);
	else
		tlpb__blame_absence(j->url, seconds, j->why, j->size);
}

/* On a thread of nng. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct joining *j = arg;

	atomic_fetch_add(&j->pipes, event == NNG_PIPE_EV_ADD_POST ? 1 : -1);
}

static int dial(struct joining *j)
{
	j->dialed_ms = j->looked_ms = monotonic_ms();
	return tlpb__nng_dial(j->socket, j->url, j->security, VERIFY_ALL, NNG_FLAG_NONBLOCK,
			      &j->dialer, j->why, j->size);
}

/* The connection is made and made again behind our back: a stopped server would hold up nng_dial(). */
static int start_dialing(struct joining *j)
{
	int err = nng_socket_set_ms(j->socket, NNG_OPT_RECONNMINT, RETRY_MS);

	if (!err)
		err = nng_socket_set_ms(j->socket, NNG_OPT_RECONNMAXT, RETRY_MS);
	if (!err)
		err = nng_pipe_notify(j->socket, NNG_PIPE_EV_ADD_POST, on_pipe, j);
	if (!err)
		err = nng_pipe_notify(j->socket, NNG_PIPE_EV_REM_POST, on_pipe, j);
	return err ? nng_failure(j, "connect to", err) : dial(j);
}

/* Wrong certificates do not become right by waiting. */
static int look_for_tls_failure(struct joining *j)
{
	if (j->url->kind != URL_TLS || monotonic_ms() - j->looked_ms < RETRY_MS)
		return 0;
	j->looked_ms = monotonic_ms();
	if (!tlpb__nng_counts("dialer", nng_dialer_id(j->dialer)).tls ||
	    !tlpb__blame_tls(j->url, j->security, j->why, j->size))
		return 0;
	return TLPB_ERR_ACCESS;
}

/* A dialer of nng 1.5.2 gives up for ever when the peer closes before it is greeted. */
static int keep_dialing(struct joining *j)
{
	int err;

	if (atomic_load(&j->pipes) > 0) {
		j->connected = true;
		return 0;
	}
	err = look_for_tls_failure(j);
	if (err || monotonic_ms() - j->dialed_ms < REDIAL_MS)
		return err;
	nng_dialer_close(j->dialer);
	return dial(j);
}

/*
 * nng 1.5.2 over TLS may leave a connection that it accepted unread for ever, when handshakes
 * of others fail at the time. Another one is served; nng asks again there, and a question
 * asked twice is harmless. Not over socket files: a listener that is left too early is deaf.
 */
static int ask_elsewhere(struct joining *j)
{
	if (!tlpb__url_is_tcp(j->url) || monotonic_ms() - j->asked_ms < REDIAL_MS)
		return 0;
	j->asked_ms = monotonic_ms();
	nng_dialer_close(j->dialer);
	return dial(j);
}

static bool may_not_connect(const struct joining *j)
{
	return j->url->kind == URL_IPC && access(tlpb__url_name(j->url), W_OK) && errno == EACCES;
}

/* Sent as soon as there is a connection. */
static int send_when_connected(struct joining *j, uint8_t *message, size_t len)
{
	for (;;) {
		int nng_err = nng_send(j->socket, message, len, NNG_FLAG_NONBLOCK), err;

		j->asked = !nng_err;
		if (nng_err != NNG_EAGAIN)
			return nng_err ? nng_failure(j, "send JOIN to", nng_err) : 0;
		if (may_not_connect(j))
			return nng_failure(j, "connect to", NNG_EPERM);
		err = check_patience(j, "a server");
		if (err && !j->why[0])
			blame(j);
		if (!err)
			err = keep_dialing(j);
		if (err)
			return err;
		sleep_ms(POLL_MS);
	}
}

static int send_join(struct joining *j, const struct join *join)
{
	uint8_t m[LOBBY_MESSAGE_ROOM];
	int len = tlpb__join_encode(join, m + TLPB_FRAME_HEADER, sizeof m - TLPB_FRAME_HEADER);

	if (len < 0)
		return fail(j, len, "the names in this JOIN are too long");
	tlpb__frame_put(m, &(struct frame){ .kind = TLPB_FRAME_JOIN, .length = (uint32_t)len });
	return send_when_connected(j, m, TLPB_FRAME_HEADER + (size_t)len);
}

static int wait_answer(struct joining *j, nng_msg **msg)
{
	struct pollfd p = { .fd = j->fd, .events = POLLIN };

	j->asked_ms = monotonic_ms();
	while (nng_recvmsg(j->socket, msg, NNG_FLAG_NONBLOCK)) {
		int err = check_patience(j, "an answer to JOIN");

		if (err && !j->why[0])
			blame(j);
		if (!err)
			err = keep_dialing(j);
		if (!err)
			err = ask_elsewhere(j);
		if (err)
			return err;
		poll(&p, 1, RETRY_MS);
	}
	j->asked = false;
	return 0;
}

/*
 * nng_close() of 1.5.2 hangs for ever, and with it every later one, when it meets a message of
 * which only the header has been read: see settle() of transport_nng.c. Here that can only be
 * the answer to a question that was given up. It is on its way, or the server is stopped.
 */
static void hang_up(struct joining *j)
{
	struct pollfd p = { .fd = j->fd, .events = POLLIN };

	if (j->asked && atomic_load(&j->pipes) > 0)
		poll(&p, 1, SETTLE_MS);
	nng_close(j->socket);
}

static int read_refusal(struct joining *j, const struct frame *frame)
{
	struct refuse r;

	if (tlpb__refuse_decode(frame->body, frame->length, &r))
		return fail(j, TLPB_ERR_PROTOCOL, "the server's refusal is broken");
	snprintf(j->why, j->size, "%s refused: %s", j->url->text, r.text);
	j->taken = r.reason == TLPB_REASON_TAKEN;
	return TLPB_ERR_REFUSED;
}

static int read_answer(struct joining *j, const uint8_t *data, size_t len, struct grant *grant)
{
	struct frame frame;
	size_t offset = 0;

	if (tlpb__frame_next(data, len, &offset, &frame) <= 0)
		return fail(j, TLPB_ERR_PROTOCOL, "the server's answer to JOIN is broken");
	if (frame.kind == TLPB_FRAME_REFUSE)
		return read_refusal(j, &frame);
	if (frame.kind != TLPB_FRAME_GRANT ||
	    tlpb__grant_decode(frame.body, frame.length, grant))
		return fail(j, TLPB_ERR_PROTOCOL, "the server's answer to JOIN is broken");
	return 0;
}

static int ask(struct joining *j, const struct join *join, struct grant *grant)
{
	nng_msg *msg;
	int err = send_join(j, join);

	j->taken = false;
	if (!err)
		err = wait_answer(j, &msg);
	if (err)
		return err;
	err = read_answer(j, nng_msg_body(msg), nng_msg_len(msg), grant);
	nng_msg_free(msg);
	return err;
}

/*
 * Who holds the device may have been killed a moment ago, and the server is about
 * to learn of it: being refused for that is no answer yet.
 */
static int converse(struct joining *j, const struct join *join, struct grant *grant)
{
	char refusal[2 * TEXT_MAX];
	int err = start_dialing(j);

	if (!err)
		err = ask(j, join, grant);
	for (int n = 0; j->taken && n < TAKEN_MS / RETRY_MS; n++) {
		snprintf(refusal, sizeof refusal, "%s", j->why);
		sleep_ms(RETRY_MS);
		if (check_patience(j, "the device"))	/* no question whose answer is not awaited */
			return fail(j, TLPB_ERR_REFUSED, refusal);
		j->why[0] = 0;
		err = ask(j, join, grant);
		if (err == TLPB_ERR_TIMEDOUT)
			return fail(j, TLPB_ERR_REFUSED, refusal);
	}
	return err;
}

/* The descriptor is asked for before nng's threads can have a message for it. */
static int open_req(struct joining *j, size_t answer_max)
{
	int err = nng_req0_open(&j->socket);

	j->start_ms = monotonic_ms();
	j->why[0] = 0;
	if (!err) {
		err = nng_socket_set_size(j->socket, NNG_OPT_RECVMAXSZ, answer_max);
		if (!err)
			err = nng_socket_get_int(j->socket, NNG_OPT_RECVFD, &j->fd);
		if (err)
			nng_close(j->socket);
	}
	if (!err)
		return 0;
	snprintf(j->why, j->size, "nng: %s", nng_strerror(err));
	return TLPB_ERR_IO;
}

int tlpb__lobby_join(const struct url *url, const struct transport_security *security,
		     const struct join *join, const struct lobby_patience *patience,
		     struct grant *grant, struct joining **joining, char *why, size_t size)
{
	struct joining *j = calloc(1, sizeof *j);
	int err;

	*joining = NULL;
	snprintf(why, size, "out of memory");
	if (!j)
		return TLPB_ERR_NOMEM;
	*j = (struct joining){ .url = url, .security = security, .patience = patience,
			       .why = why, .size = size };
	err = open_req(j, LOBBY_MESSAGE_ROOM);
	if (err) {
		free(j);
		return err;
	}
	err = converse(j, join, grant);
	if (err)
		tlpb__lobby_leave(j);
	else
		*joining = j;
	return err;
}

void tlpb__lobby_leave(struct joining *j)
{
	if (!j)
		return;
	hang_up(j);		/* after that nng's threads do not know j */
	free(j);
}

/* ---- other questions ---- */

static int put_question(struct joining *j, uint16_t kind, const void *body, size_t len)
{
	uint8_t m[LOBBY_MESSAGE_ROOM];

	if (len > sizeof m - TLPB_FRAME_HEADER)
		return fail(j, TLPB_ERR_TOO_LARGE, "the question is too long");
	tlpb__frame_put(m, &(struct frame){ .kind = kind, .length = (uint32_t)len });
	memcpy(m + TLPB_FRAME_HEADER, body, len);
	return send_when_connected(j, m, TLPB_FRAME_HEADER + len);
}

static int take_reply(struct joining *j, uint8_t *reply, size_t *len)
{
	nng_msg *msg;
	int err = wait_answer(j, &msg);

	if (err)
		return err;
	*len = nng_msg_len(msg);	/* at most LOBBY_REPLY_MAX: RECVMAXSZ */
	memcpy(reply, nng_msg_body(msg), *len);
	nng_msg_free(msg);
	return 0;
}

int tlpb__lobby_ask(const struct url *url, const struct transport_security *security,
		    uint16_t kind, const void *body, size_t len,
		    const struct lobby_patience *patience, uint8_t *reply, size_t *reply_len,
		    char *why, size_t size)
{
	struct joining j = { .url = url, .security = security, .patience = patience,
			     .why = why, .size = size };
	int err = open_req(&j, LOBBY_REPLY_MAX);

	if (err)
		return err;
	err = start_dialing(&j);
	if (!err)
		err = put_question(&j, kind, body, len);
	if (!err)
		err = take_reply(&j, reply, reply_len);
	hang_up(&j);
	return err;
}
