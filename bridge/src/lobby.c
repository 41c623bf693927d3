/* SPDX-License-Identifier: MIT */
/*
 * The server's side of the lobby: visits of hosts.
 *
 *	(accepted) --> SILENT -- its message --> ANSWERED -- if that was GRANT --> GRANTED
 *	any state -- the host leaves, or says more than one message --> (gone)
 *	any state -- its time is over, or others need its place --> (gone)
 *
 * One epoll descriptor stands for the door, every visit, and a timer that ticks once a second
 * while there is one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <tlpbridge/log.h>

#include "clock.h"
#include "door.h"
#include "lobby.h"
#include "lobby_stranger.h"

enum {
	VISITS = 64,
	QUESTIONS = 2,		/* kinds of them, besides JOIN */
	DOOR = VISITS, TIMER,	/* in the epoll set, behind the visits */
	EVENTS_AT_ONCE = 64,	/* before the caller has its turn again */
};

enum visit_state { VISIT_NONE, VISIT_SILENT, VISIT_GRANTED, VISIT_ANSWERED };

static const int64_t patience_ms[] = {
	[VISIT_SILENT] = 5 * 1000,	/* to say something */
	[VISIT_GRANTED] = 60 * 1000,	/* to take up the link */
	[VISIT_ANSWERED] = 5 * 1000,	/* to leave */
};

struct visit {
	enum visit_state state;
	unsigned id;		/* never 0 */
	int64_t since_ms;	/* in this state */
	struct transport *host;
};

struct lobby {
	struct url url;		/* with the port that was bound */
	struct door *door;
	int epoll_fd, timer_fd;
	bool ticking;
	bool stuck;		/* the door is not watched until the next tick */
	struct visit visit[VISITS];
	unsigned last_id;
	struct visit *asker;	/* who sent the JOIN just read */
	struct question {
		uint16_t kind;
		lobby_answer *answer;	/* NULL: none */
		void *ctx;
	} question[QUESTIONS];
	struct strangers strangers;
};

/* ---- what to wait for ---- */

static int watch(struct lobby *l, int fd, uint32_t which)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = which };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void set_ticking(struct lobby *l, bool on)
{
	struct itimerspec t = { .it_interval.tv_sec = on, .it_value.tv_sec = on };

	if (on != l->ticking)
		timerfd_settime(l->timer_fd, 0, &t, NULL);
	l->ticking = on;
}

static void set_stuck(struct lobby *l, bool stuck)
{
	if (stuck)
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, l->door->ops->fd(l->door), NULL);
	else if (l->stuck)
		watch(l, l->door->ops->fd(l->door), DOOR);
	l->stuck = stuck;
}

/* ---- visits ---- */

static void set_state(struct visit *v, enum visit_state state)
{
	v->state = state;
	v->since_ms = monotonic_ms();
}

static void end_visit(struct visit *v)
{
	v->host->ops->close(v->host, 0);
	*v = (struct visit){ .state = VISIT_NONE };
}

/* Who has a grant stays longest, and among equals the younger one. */
static bool goes_first(const struct visit *a, const struct visit *b)
{
	bool granted[2] = { a->state == VISIT_GRANTED, b->state == VISIT_GRANTED };

	return granted[0] != granted[1] ? granted[1] : (int)(a->id - b->id) < 0;
}

/* A free place; if there is none, the one who has been here longest makes room. */
static struct visit *make_room(struct lobby *l)
{
	struct visit *first = &l->visit[0];

	for (struct visit *v = l->visit; v < l->visit + VISITS; v++) {
		if (v->state == VISIT_NONE)
			return v;
		if (goes_first(v, first))
			first = v;
	}
	end_visit(first);
	return first;
}

static void begin_visit(struct lobby *l, int fd)
{
	struct visit *v = make_room(l);
	char why[TEXT_MAX];

	if (tlpb__transport_stream_new_limited(fd, LOBBY_MESSAGE_ROOM, &v->host, why, sizeof why)) {
		close(fd);
		return;
	}
	v->id = ++l->last_id ? l->last_id : ++l->last_id;
	set_state(v, VISIT_SILENT);
	if (watch(l, v->host->ops->fd(v->host), (uint32_t)(v - l->visit)))
		end_visit(v);
	set_ticking(l, true);
}

static void on_door(struct lobby *l)
{
	int fd = l->door->ops->accept(l->door);

	if (fd >= 0) {
		begin_visit(l, fd);
	} else if (fd == DOOR_FAILED) {
		tlpb__stranger_came(&l->strangers, STRANGER_HANDSHAKE, l->url.text);
	} else if (fd == DOOR_STUCK) {
		set_stuck(l, true);
		set_ticking(l, true);
	}
}

static void on_tick(struct lobby *l)
{
	int64_t now = monotonic_ms();
	uint64_t expirations;
	bool any = false;

	if (read(l->timer_fd, &expirations, sizeof expirations) < 0)
		return;		/* only EAGAIN: not due */
	set_stuck(l, false);
	for (struct visit *v = l->visit; v < l->visit + VISITS; v++) {
		if (v->state != VISIT_NONE && now - v->since_ms >= patience_ms[v->state])
			end_visit(v);
		any = any || v->state != VISIT_NONE;
	}
	set_ticking(l, any);
}

/* ---- answers ---- */

static void reply(struct visit *v, uint16_t kind, uint8_t *message, int len)
{
	struct frame frame = { .kind = kind, .length = (uint32_t)len };

	if (len < 0)
		return;
	if (kind == TLPB_FRAME_GRANT)
		set_state(v, VISIT_GRANTED);
	tlpb__frame_put(message, &frame);
	v->host->ops->send(v->host, message, TLPB_FRAME_HEADER + (size_t)len);
}

void tlpb__lobby_grant(struct lobby *l, const struct grant *grant)
{
	uint8_t m[LOBBY_MESSAGE_ROOM];

	reply(l->asker, TLPB_FRAME_GRANT, m,
	      tlpb__grant_encode(grant, m + TLPB_FRAME_HEADER, sizeof m - TLPB_FRAME_HEADER));
}

void tlpb__lobby_refuse(struct lobby *l, enum tlpb_reason reason, const char *text)
{
	struct refuse r = { .reason = (uint16_t)reason, .version = TLPB_WIRE_VERSION,
			    .features = TLPB_FEATURE_DMA_FAULT | TLPB_FEATURE_SHM };
	uint8_t m[LOBBY_MESSAGE_ROOM];

	snprintf(r.text, sizeof r.text, "%s", text);
	reply(l->asker, TLPB_FRAME_REFUSE, m,
	      tlpb__refuse_encode(&r, m + TLPB_FRAME_HEADER, sizeof m - TLPB_FRAME_HEADER));
}

static const struct question *find_question(const struct lobby *l, uint16_t kind)
{
	for (unsigned i = 0; i < QUESTIONS; i++)
		if (l->question[i].answer && l->question[i].kind == kind)
			return &l->question[i];
	return NULL;
}

static void answer(struct lobby *l, const struct question *question, const struct frame *asked)
{
	struct refuse refusal = { .reason = TLPB_REASON_INTERNAL };
	uint8_t *m = malloc(LOBBY_REPLY_MAX);
	int len;

	if (!m)
		return;
	len = question->answer(question->ctx, asked, m + TLPB_FRAME_HEADER, TLPB_FRAME_MAX, &refusal);
	if (len >= 0)
		reply(l->asker, question->kind + 1, m, len);
	else
		tlpb__lobby_refuse(l, refusal.reason, refusal.text);
	free(m);
}

/* ---- messages ---- */

/* A JOIN of another version may look different behind its version: that is not its fault. */
static int decode_join(const struct frame *frame, struct join *join)
{
	int err = TLPB_ERR_PROTOCOL;

	memset(join, 0, sizeof *join);
	if (frame->kind == TLPB_FRAME_JOIN)
		err = tlpb__join_decode(frame->body, frame->length, join);
	if (err == TLPB_ERR_TRUNCATED && join->version && join->version != TLPB_WIRE_VERSION)
		return 0;
	return err;
}

/* True: it is a JOIN, whose answer is the caller's matter. */
static bool read_message(struct lobby *l, const struct message *m, struct join *join)
{
	const struct question *question;
	struct frame frame = { 0 };
	size_t offset = 0;

	if (tlpb__frame_next(m->data, m->len, &offset, &frame) > 0) {
		if (!decode_join(&frame, join))
			return true;
		question = find_question(l, frame.kind);
		if (question) {
			answer(l, question, &frame);
			return false;
		}
	}
	tlpb__stranger_came(&l->strangers, STRANGER_NO_JOIN, l->url.text);
	tlpb__lobby_refuse(l, TLPB_REASON_PROTOCOL, "this is not a JOIN of tlpbridge");
	return false;
}

/* What the host says next: 0 with a message, or TLPB_ERR_AGAIN; otherwise the visit is over. */
static int hear(struct lobby *l, struct visit *v, struct message *m)
{
	int err = v->host->ops->recv(v->host, m);
	uint32_t strange = tlpb__transport_stream_refused(v->host);

	if (!err && v->state != VISIT_SILENT) {
		v->host->ops->release(v->host, m);
		err = TLPB_ERR_CLOSED;
	}
	if (err && err != TLPB_ERR_AGAIN) {
		if (strange)
			tlpb__stranger_came(&l->strangers, tlpb__stranger_by(strange), l->url.text);
		end_visit(v);
	}
	return err;
}

/* True: there is a JOIN to be answered. */
static bool on_visit(struct lobby *l, struct visit *v, struct join *join)
{
	struct message m;
	bool joins;

	if (v->state == VISIT_NONE || hear(l, v, &m))
		return false;
	l->asker = v;
	set_state(v, VISIT_ANSWERED);
	joins = read_message(l, &m, join);
	v->host->ops->release(v->host, &m);
	return joins && hear(l, v, &m) == TLPB_ERR_AGAIN;	/* it is still there */
}

int tlpb__lobby_next(struct lobby *l, struct join *join)
{
	struct epoll_event e;

	for (int n = 0; n < EVENTS_AT_ONCE && epoll_wait(l->epoll_fd, &e, 1, 0) == 1; n++) {
		if (e.data.u32 == DOOR)
			on_door(l);
		else if (e.data.u32 == TIMER)
			on_tick(l);
		else if (on_visit(l, &l->visit[e.data.u32], join))
			return 1;
	}
	return 0;
}

unsigned tlpb__lobby_asker(const struct lobby *l)
{
	return l->asker->id;
}

bool tlpb__lobby_is_there(struct lobby *l, unsigned asker)
{
	struct message m;

	for (struct visit *v = l->visit; v < l->visit + VISITS; v++)
		if (v->state == VISIT_GRANTED && v->id == asker)
			return hear(l, v, &m) == TLPB_ERR_AGAIN;
	return false;
}

/* ---- life ---- */

static int open_all(struct lobby *l, const struct transport_security *security,
		    char *why, size_t size)
{
	int err;

	snprintf(why, size, "out of memory or descriptors");
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->epoll_fd < 0 || l->timer_fd < 0 || watch(l, l->timer_fd, TIMER))
		return TLPB_ERR_NOMEM;
	err = tlpb__door_open(&l->url, security, &l->door, why, size);
	return err ? err : watch(l, l->door->ops->fd(l->door), DOOR) ? TLPB_ERR_NOMEM : 0;
}

int tlpb__lobby_listen(const struct url *url, const struct transport_security *security,
		       struct lobby **out, char *why, size_t size)
{
	struct lobby *l = calloc(1, sizeof *l);
	int err;

	if (!l) {
		snprintf(why, size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	l->url = *url;
	l->epoll_fd = l->timer_fd = -1;
	err = open_all(l, security, why, size);
	if (err)
		tlpb__lobby_close(l);
	else
		*out = l;
	return err;
}

void tlpb__lobby_close(struct lobby *l)
{
	if (!l)
		return;
	for (struct visit *v = l->visit; v < l->visit + VISITS; v++)
		if (v->state != VISIT_NONE)
			end_visit(v);
	if (l->door)
		l->door->ops->close(l->door);
	if (l->timer_fd >= 0)
		close(l->timer_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l);
}

const struct url *tlpb__lobby_url(const struct lobby *l)
{
	return &l->url;
}

int tlpb__lobby_fd(const struct lobby *l)
{
	return l->epoll_fd;
}

void tlpb__lobby_on_question(struct lobby *l, uint16_t kind, lobby_answer *answer, void *ctx)
{
	unsigned i = 0;

	while (l->question[i].answer)
		i++;
	l->question[i] = (struct question){ kind, answer, ctx };
}
