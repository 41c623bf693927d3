/* SPDX-License-Identifier: MIT */
/*
 * The host's side of the lobby: it asks, one question on a connection, until it is answered or
 * its patience is over, and says why it was not.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tlpbridge/log.h>

#include "clock.h"
#include "door.h"
#include "lobby.h"
#include "lobby_blame.h"
#include "tls_relay.h"

enum {
	RETRY_MS = 100,		/* between attempts, and between looks at the user's patience */
	TAKEN_MS = 1000,	/* for a device whose host died to come free */
	NOTICE_MS = 2000,	/* of silence before a person is told */
};

/* One question under way, and the connection that stays after a grant. */
struct joining {
	const struct url *url;
	const struct transport_security *security;
	const struct lobby_patience *patience;
	struct transport *server;	/* NULL: not connected */
	struct tls_relay *relay;	/* behind it; NULL: not over TLS */
	int64_t start_ms;
	enum { NOBODY, SILENT, HANGS_UP } found;	/* what became of the last attempts */
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

/* ---- patience ---- */

static int give_up(struct joining *j)
{
	static void (*const blame[])(const struct url *, double, char *, size_t) = {
		[NOBODY] = tlpb__blame_absence, [SILENT] = tlpb__blame_silence,
		[HANGS_UP] = tlpb__blame_hanging_up,
	};

	blame[j->found](j->url, j->patience->timeout_ms / 1000.0, j->why, j->size);
	return TLPB_ERR_TIMEDOUT;
}

/* 0 to go on waiting, else why not. */
static int check_patience(struct joining *j)
{
	int64_t waited = monotonic_ms() - j->start_ms;
	const struct lobby_patience *p = j->patience;

	if (p->cancelled && p->cancelled(p->ctx))
		return fail(j, TLPB_ERR_TIMEDOUT, "interrupted");
	if (waited >= NOTICE_MS && !j->noticed) {
		j->noticed = true;
		tlpb_log(TLPB_LOG_INFO, "waiting for %s at %s",
			 j->found == NOBODY ? "a server" : "an answer to JOIN", j->url->text);
	}
	return waited >= p->timeout_ms ? give_up(j) : 0;
}

/* Until the descriptor (-1: none) is ready, or a moment has passed: 0, or why not to go on. */
static int wait_a_moment(struct joining *j, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, RETRY_MS);
	return check_patience(j);
}

/* ---- the connection ---- */

static void hang_up(struct joining *j)
{
	if (j->server)
		j->server->ops->close(j->server, 0);
	if (j->relay)
		tlpb__tls_relay_let_go(j->relay);
	j->server = NULL;
	j->relay = NULL;
}

static int wait_connected(void *ctx, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int err = 0;

	while (!err && poll(&p, 1, 0) != 1)
		err = wait_a_moment(ctx, fd, POLLOUT);
	return err;
}

static int dial(struct joining *j, int *fd)
{
	struct door_waiter waiter = { wait_connected, j };

	if (j->url->kind == URL_TLS)
		return tlpb__tls_relay_dial(j->url, j->security, VERIFY_ALL, &j->relay, fd, j->why,
					    j->size);
	return tlpb__door_dial(j->url, j->security, &waiter, fd, j->why, j->size);
}

/* 0, TLPB_ERR_AGAIN when nobody is there, or why not to go on. */
static int connect_once(struct joining *j)
{
	int fd, err = dial(j, &fd);

	j->found = err == TLPB_ERR_BUSY ? SILENT : NOBODY;
	if (err)
		return err == TLPB_ERR_BUSY ? TLPB_ERR_AGAIN : err;
	err = tlpb__transport_stream_new_limited(fd, LOBBY_REPLY_MAX, &j->server, j->why, j->size);
	if (err)
		close(fd);
	return err;
}

/* The connection has ended before the answer. Wrong certificates do not become right by waiting. */
static int judge_end(struct joining *j)
{
	int outcome = j->relay ? atomic_load(&j->relay->outcome) : RELAY_THROUGH;

	j->found = outcome == RELAY_THROUGH || j->found == SILENT ? HANGS_UP : NOBODY;
	if (!j->relay || !tlpb__blame_tls(j->url, j->security, outcome, j->why, j->size))
		return TLPB_ERR_AGAIN;
	return TLPB_ERR_ACCESS;
}

static void look_who_is_there(struct joining *j)
{
	if (!j->relay || atomic_load(&j->relay->outcome) != RELAY_DIALS)
		j->found = SILENT;
}

static int hear(struct joining *j, struct message *answer)
{
	int err;

	while ((err = j->server->ops->recv(j->server, answer)) == TLPB_ERR_AGAIN) {
		look_who_is_there(j);
		err = wait_a_moment(j, j->server->ops->fd(j->server), POLLIN);
		if (err)
			return err;
	}
	return err ? judge_end(j) : 0;
}

/* One attempt: 0 with an answer, to be released, TLPB_ERR_AGAIN, or why not to go on. */
static int ask_once(struct joining *j, const uint8_t *question, size_t len, struct message *answer)
{
	int err = connect_once(j);

	if (!err && j->server->ops->send(j->server, question, len))
		err = judge_end(j);
	if (!err)
		err = hear(j, answer);
	if (err)
		hang_up(j);
	return err;
}

/* Asks until there is an answer, which is to be released, or patience is over. */
static int ask(struct joining *j, const uint8_t *question, size_t len, struct message *answer)
{
	int err;

	hang_up(j);
	while ((err = ask_once(j, question, len, answer)) == TLPB_ERR_AGAIN) {
		err = wait_a_moment(j, -1, 0);
		if (err)
			return err;
	}
	return err;
}

/* ---- JOIN ---- */

static int read_refusal(struct joining *j, const struct frame *frame)
{
	struct refuse r;

	if (tlpb__refuse_decode(frame->body, frame->length, &r))
		return fail(j, TLPB_ERR_PROTOCOL, "the server's refusal is broken");
	snprintf(j->why, j->size, "%s refused: %s", j->url->text, r.text);
	j->taken = r.reason == TLPB_REASON_TAKEN;
	return TLPB_ERR_REFUSED;
}

static int read_answer(struct joining *j, const struct message *m, struct grant *grant)
{
	struct frame frame;
	size_t offset = 0;

	if (tlpb__frame_next(m->data, m->len, &offset, &frame) <= 0)
		return fail(j, TLPB_ERR_PROTOCOL, "the server's answer to JOIN is broken");
	if (frame.kind == TLPB_FRAME_REFUSE)
		return read_refusal(j, &frame);
	if (frame.kind != TLPB_FRAME_GRANT ||
	    tlpb__grant_decode(frame.body, frame.length, grant))
		return fail(j, TLPB_ERR_PROTOCOL, "the server's answer to JOIN is broken");
	return 0;
}

static int ask_for_grant(struct joining *j, const uint8_t *question, size_t len,
			 struct grant *grant)
{
	struct message answer;
	int err = ask(j, question, len, &answer);

	j->taken = false;
	if (err)
		return err;
	err = read_answer(j, &answer, grant);
	j->server->ops->release(j->server, &answer);
	return err;
}

/*
 * Who holds the device may have been killed a moment ago, and the server is about
 * to learn of it: being refused for that is no answer yet.
 */
static int converse(struct joining *j, const uint8_t *question, size_t len, struct grant *grant)
{
	int64_t end = monotonic_ms() + TAKEN_MS;
	int err = ask_for_grant(j, question, len, grant);
	char refusal[2 * TEXT_MAX];

	while (j->taken && monotonic_ms() < end) {
		snprintf(refusal, sizeof refusal, "%s", j->why);
		hang_up(j);
		err = wait_a_moment(j, -1, 0);
		if (!err)
			err = ask_for_grant(j, question, len, grant);
		if (err == TLPB_ERR_TIMEDOUT)
			return fail(j, TLPB_ERR_REFUSED, refusal);
	}
	return err;
}

static int encode_join(struct joining *j, const struct join *join, uint8_t *m, size_t size)
{
	int len = tlpb__join_encode(join, m + TLPB_FRAME_HEADER, size - TLPB_FRAME_HEADER);

	if (len < 0)
		return fail(j, len, "the names in this JOIN are too long");
	tlpb__frame_put(m, &(struct frame){ .kind = TLPB_FRAME_JOIN, .length = (uint32_t)len });
	return TLPB_FRAME_HEADER + len;
}

int tlpb__lobby_join(const struct url *url, const struct transport_security *security,
		     const struct join *join, const struct lobby_patience *patience,
		     struct grant *grant, struct joining **joining, char *why, size_t size)
{
	struct joining *j = calloc(1, sizeof *j);
	uint8_t m[LOBBY_MESSAGE_ROOM];
	int err;

	*joining = NULL;
	snprintf(why, size, "%s", j ? "" : "out of memory");
	if (!j)
		return TLPB_ERR_NOMEM;
	*j = (struct joining){ .url = url, .security = security, .patience = patience,
			       .start_ms = monotonic_ms(), .why = why, .size = size };
	err = encode_join(j, join, m, sizeof m);
	if (err > 0)
		err = converse(j, m, (size_t)err, grant);
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
	hang_up(j);
	free(j);
}

/* ---- other questions ---- */

int tlpb__lobby_ask(const struct url *url, const struct transport_security *security,
		    uint16_t kind, const void *body, size_t len,
		    const struct lobby_patience *patience, uint8_t *reply, size_t *reply_len,
		    char *why, size_t size)
{
	struct joining j = { .url = url, .security = security, .patience = patience,
			     .start_ms = monotonic_ms(), .why = why, .size = size };
	uint8_t m[LOBBY_MESSAGE_ROOM];
	struct message answer;
	int err;

	if (len > sizeof m - TLPB_FRAME_HEADER)
		return fail(&j, TLPB_ERR_TOO_LARGE, "the question is too long");
	tlpb__frame_put(m, &(struct frame){ .kind = kind, .length = (uint32_t)len });
	memcpy(m + TLPB_FRAME_HEADER, body, len);
	err = ask(&j, m, TLPB_FRAME_HEADER + len, &answer);
	if (!err) {
		*reply_len = answer.len;	/* at most LOBBY_REPLY_MAX */
		memcpy(reply, answer.data, answer.len);
		j.server->ops->release(j.server, &answer);
	}
	hang_up(&j);
	return err;
}
