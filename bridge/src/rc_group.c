/* SPDX-License-Identifier: MIT */
/*
 * Waiting, and who is served meanwhile.
 *
 * Design notes. Whoever needs an answer waits in tlpb__rc_wait(), which handles
 * inbound frames meanwhile, its own link's and those of all links of its group: a
 * device that does DMA before it completes a read cannot deadlock with us, nor can
 * two devices of which one completes only when the other one's DMA was answered. A
 * callback may wait in here again; the inner wait then also takes the outer one's
 * completion, which is filed by its tag, not by who reads it.
 *
 * No wake-up is lost: descriptors are readable as long as their link has something
 * (epoll watches them by level), and the only thing that no descriptor tells of, the
 * rest of a message that a callback interrupted, is handled before anybody sleeps.
 *
 * Nobody starves: a turn of a link ends after TLPB__LINK_BURST frames, and between
 * two turns of the waiting link every other one that has something gets its own.
 *
 * A callback may close any rc, and take one into the group. So the group is walked
 * by index, a place that was left is NULL, and places are only added.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <tlpbridge/log.h>

#include "clock.h"
#include "rc_private.h"
#include "waiter.h"

enum {
	FIRST_NOTICE_MS = 2000,		/* then 4 s, 8 s, ... */
	CANCEL_POLL_MS = 200,		/* how often a wait asks whether to give up */
	BRIEF_LOOKS = 1000,		/* some microseconds */
	ROUNDS_MAX = 64,		/* of rings alone, while they have something */
	RINGS_MAX = 64,			/* looked at without their descriptor telling */
	READY_MAX = 16,			/* links looked at in one go; epoll takes turns itself */
	/* More would let devices that reach each other's BARs overrun the stack. */
	WAITS_MAX = 256,
};

struct tlpb_rc_group {
	int epoll_fd;
	tlpb_rc **member;		/* NULL where one left */
	unsigned places, members;
	unsigned waits;			/* in progress, one inside the other */
	unsigned callbacks;		/* the same */
	unsigned rounds;		/* of rings alone, since descriptors were looked at */
	bool of_one;			/* belongs to its only member */
};

/* ---- members ---- */

int tlpb_rc_group_new(tlpb_rc_group **out)
{
	tlpb_rc_group *g = calloc(1, sizeof *g);

	if (!g)
		return TLPB_ERR_NOMEM;
	g->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (g->epoll_fd < 0) {
		free(g);
		return TLPB_ERR_IO;
	}
	*out = g;
	return 0;
}

int tlpb_rc_group_free(tlpb_rc_group *g)
{
	if (!g)
		return 0;
	if (g->members)
		return TLPB_ERR_BUSY;
	close(g->epoll_fd);
	free(g->member);
	free(g);
	return 0;
}

int tlpb_rc_group_fd(const tlpb_rc_group *g)
{
	return g->epoll_fd;
}

/* A place in the group for one more, or -1. */
static int find_place(tlpb_rc_group *g)
{
	tlpb_rc **more;

	for (unsigned i = 0; i < g->places; i++)
		if (!g->member[i])
			return (int)i;
	more = realloc(g->member, (g->places + 1) * sizeof *more);
	if (!more)
		return -1;
	g->member = more;
	return (int)g->places++;
}

static void watch(tlpb_rc *rc)
{
	int fd = tlpb__link_fd(rc->link);
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = rc->slot };

	rc->watched_fd = -1;
	if (fd >= 0 && !epoll_ctl(rc->group->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		rc->watched_fd = fd;
	if (fd >= 0 && rc->alarm.fd >= 0)
		epoll_ctl(rc->group->epoll_fd, EPOLL_CTL_ADD, rc->alarm.fd, &event);
}

void tlpb__rc_unwatch(tlpb_rc *rc)
{
	if (rc->group && rc->watched_fd >= 0)
		epoll_ctl(rc->group->epoll_fd, EPOLL_CTL_DEL, rc->watched_fd, NULL);
	if (rc->group && rc->watched_fd >= 0 && rc->alarm.fd >= 0)
		epoll_ctl(rc->group->epoll_fd, EPOLL_CTL_DEL, rc->alarm.fd, NULL);
	rc->watched_fd = -1;
}

static int take_place(tlpb_rc *rc, tlpb_rc_group *g)
{
	int place = find_place(g);

	if (place < 0)
		return TLPB_ERR_NOMEM;
	tlpb__rc_part(rc);
	g->member[place] = rc;
	g->members++;
	rc->group = g;
	rc->slot = (unsigned)place;
	watch(rc);
	return 0;
}

int tlpb__rc_join(tlpb_rc *rc, tlpb_rc_group *group)
{
	tlpb_rc_group *own;
	int err;

	if (group)
		return take_place(rc, group);
	err = tlpb_rc_group_new(&own);
	if (err)
		return err;
	own->of_one = true;
	err = take_place(rc, own);
	if (err)
		tlpb_rc_group_free(own);
	return err;
}

void tlpb__rc_part(tlpb_rc *rc)
{
	tlpb_rc_group *g = rc->group;

	if (!g)
		return;
	tlpb__rc_unwatch(rc);
	g->member[rc->slot] = NULL;
	g->members--;
	rc->group = NULL;
	if (g->of_one)
		tlpb_rc_group_free(g);
}

int tlpb_rc_set_group(tlpb_rc *rc, tlpb_rc_group *group)
{
	if (rc->calls)
		return TLPB_ERR_BUSY;
	if (rc->group == group)
		return 0;
	return tlpb__rc_join(rc, group);
}

/* ---- serving ---- */

/* The rest of a message has no descriptor that would tell of it. */
static bool finish_message(tlpb_rc *rc)
{
	if (!tlpb__link_mid_message(rc->link))
		return false;
	tlpb__rc_enter(rc);
	while (tlpb__link_mid_message(rc->link))
		tlpb__link_process_one(rc->link);
	tlpb__link_flush_now(rc->link);
	tlpb__rc_leave(rc);
	return true;
}

static bool finish_messages(tlpb_rc_group *g, const tlpb_rc *but)
{
	bool any = false;

	for (unsigned i = 0; i < g->places; i++)
		if (g->member[i] && g->member[i] != but)
			any = finish_message(g->member[i]) || any;
	return any;
}

/* Serve who has something, but not the one that is served by its own wait. */
static void serve_ready(tlpb_rc_group *g, const tlpb_rc *but, int timeout_ms)
{
	struct epoll_event ready[READY_MAX];
	int n = epoll_wait(g->epoll_fd, ready, READY_MAX, timeout_ms);

	for (int i = 0; i < n; i++) {
		tlpb_rc *rc = g->member[ready[i].data.u32];

		if (rc && rc != but)
			tlpb_rc_process(rc);
	}
}

/* ---- rings: links that can be looked at without a system call (waiter.h) ---- */

static unsigned rings_of(const tlpb_rc_group *g, struct transport *list[RINGS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->places && n < RINGS_MAX; i++)
		if (g->member[i] && has_ring(tlpb__link_transport(g->member[i]->link)))
			list[n++] = tlpb__link_transport(g->member[i]->link);
	return n;
}

static bool has_news(const tlpb_rc *rc)
{
	struct transport *t = tlpb__link_transport(rc->link);

	return has_ring(t) && t->ops->ready(t);
}

static void serve_rings(tlpb_rc_group *g, const tlpb_rc *but)
{
	for (unsigned i = 0; i < g->places; i++)
		if (g->member[i] && g->member[i] != but && has_news(g->member[i]))
			tlpb_rc_process(g->member[i]);
}

/* True: a ring has something. */
static bool wait_for_rings(tlpb_rc *rc, int timeout_ms)
{
	struct transport *list[RINGS_MAX];
	unsigned rings = rings_of(rc->group, list);
	bool got = tlpb__waiter_spin(list, rings, tlpb__link_may_spin(rc->link));

	if (!got && rings == 1 && rc->group->members == 1)
		got = tlpb__waiter_doze(list[0], timeout_ms);
	return got;
}

/* Descriptors have to tell from here on. */
static void arm_all(tlpb_rc_group *g)
{
	for (unsigned i = 0; i < g->places; i++)
		if (g->member[i])
			tlpb__link_arm(g->member[i]->link);
}

int tlpb_rc_process(tlpb_rc *rc)
{
	int err;

	tlpb__rc_enter(rc);
	tlpb__link_process(rc->link);	/* first: what has arrived was not too late */
	tlpb__rc_look_at_clock(rc);
	tlpb__link_arm(rc->link);
	err = tlpb__link_state(rc->link) == LINK_DOWN ? TLPB_ERR_CLOSED : 0;
	tlpb__rc_leave(rc);
	return err;
}

void tlpb_rc_group_process(tlpb_rc_group *g)
{
	serve_ready(g, NULL, 0);
}

/* A turn of the waiting link itself. Returns what the last look at it did. */
static int serve_own(tlpb_rc *rc, bool (*until)(void *arg), void *arg, unsigned *frames)
{
	int got = 1;

	while (got > 0 && *frames < TLPB__LINK_BURST && !until(arg)) {
		got = tlpb__link_process_one(rc->link);
		*frames += got > 0;
	}
	return got;
}

/* Nothing was there for rc itself if it may take some time. */
static void serve_others(tlpb_rc *rc, int timeout_ms)
{
	tlpb_rc_group *g = rc->group;
	bool quick = timeout_ms ? wait_for_rings(rc, timeout_ms) : has_ring(tlpb__link_transport(rc->link));

	if (quick && ++g->rounds < ROUNDS_MAX) {
		serve_rings(g, rc);
		return;
	}
	g->rounds = 0;
	if (timeout_ms && !quick)
		arm_all(g);
	serve_ready(g, rc, quick ? 0 : timeout_ms);
}

bool tlpb__rc_serve(tlpb_rc *rc, bool (*until)(void *arg), void *arg, int timeout_ms)
{
	unsigned frames = 0;
	int got = serve_own(rc, until, arg, &frames);

	tlpb__rc_look_at_clock(rc);
	if (got < 0)
		return false;
	if (finish_messages(rc->group, rc) || frames)
		timeout_ms = 0;
	if (!until(arg))
		serve_others(rc, timeout_ms);
	return true;
}

/* ---- waiting ---- */

static bool never(void *arg)
{
	return false;
}

int tlpb_rc_wait(tlpb_rc *rc, int timeout_ms)
{
	int err;

	tlpb__rc_enter(rc);
	if (tlpb__rc_serve(rc, never, NULL, timeout_ms))
		tlpb__link_process(rc->link);	/* behind its wait that serves the others only */
	arm_all(rc->group);
	err = tlpb__link_state(rc->link) == LINK_DOWN ? TLPB_ERR_CLOSED : 0;
	tlpb__rc_leave(rc);
	return err;
}

struct wait {
	int64_t start_ms;
	int64_t notice_ms;		/* when to say something next, after start */
	int64_t ask_ms;			/* when to ask next whether to give up, after start */
	int64_t limit_ms;		/* how long, after start; 0: for ever */
	const struct rc_access *access;	/* what is waited for; NULL: room to send */
};

static void say_waiting(tlpb_rc *rc, const struct wait *w, int64_t waited_ms)
{
	char what[TEXT_MAX] = "the peer to take posted writes", text[2 * TEXT_MAX];

	if (w->access)
		tlpb__rc_access_text(rc, w->access, what, sizeof what);
	snprintf(text, sizeof text, "%s: waiting for %s (%lld s)", rc->device_name, what,
		 (long long)(waited_ms / 1000));
	if (rc->ops.waiting)
		rc->ops.waiting(rc->ctx, text);
	else
		tlpb_log(TLPB_LOG_WARNING, "%s", text);
}

/* Say what is waited for, and ask whether to give up, when it is time for that. */
static void look_at_clock(tlpb_rc *rc, struct wait *w)
{
	int64_t waited = monotonic_ms() - w->start_ms;

	if (waited >= w->notice_ms) {
		say_waiting(rc, w, waited);
		while (w->notice_ms <= waited)	/* several at once: we had been stopped */
			w->notice_ms *= 2;
	}
	if (waited < w->ask_ms)
		return;
	w->ask_ms = waited + CANCEL_POLL_MS;
	if (rc->ops.cancelled && rc->ops.cancelled(rc->ctx))
		tlpb__link_fail(rc->link, TLPB_REASON_NORMAL, "the host stopped waiting");
}

/* How long to sleep when nothing arrives: until it is time to look at the clock. */
static int pause_ms(const tlpb_rc *rc, const struct wait *w)
{
	int64_t due = rc->ops.cancelled && w->ask_ms < w->notice_ms ? w->ask_ms : w->notice_ms;
	int64_t pause;

	if (w->limit_ms && w->limit_ms < due)
		due = w->limit_ms;
	pause = w->start_ms + due - monotonic_ms();

	return pause > 0 ? (int)pause : 0;
}

tlpb_rc_group *tlpb__rc_call_back(tlpb_rc *rc)
{
	rc->group->callbacks++;
	return rc->group;
}

void tlpb__rc_called_back(tlpb_rc_group *g)
{
	g->callbacks--;
}

bool tlpb__rc_in_callback(const tlpb_rc *rc)
{
	return rc->group->callbacks;
}

bool tlpb__rc_may_wait(const tlpb_rc *rc)
{
	return rc->group->waits < WAITS_MAX;
}

/*
 * The answer of a peer on another CPU takes less time than clocks and descriptors do. Others of the
 * group wait so long.
 */
static void wait_briefly(tlpb_rc *rc, bool (*until)(void *arg), void *arg)
{
	struct transport *t = tlpb__link_transport(rc->link);
	unsigned frames = 0;

	if (!has_ring(t) || !tlpb__link_may_spin(rc->link))
		return;
	for (unsigned n = 0; n < BRIEF_LOOKS && t->ops->elsewhere(t); n++) {
		if (!t->ops->ready(t))
			tlpb__waiter_relax();
		else if (serve_own(rc, until, arg, &frames) < 0)
			return;
		if (until(arg))
			return;
	}
}

static bool is_over(const struct wait *w)
{
	return w->limit_ms && monotonic_ms() - w->start_ms >= w->limit_ms;
}

static int wait_until(tlpb_rc *rc, bool (*until)(void *arg), void *arg, struct wait *w)
{
	tlpb_rc_group *g = rc->group;

	if (!tlpb__rc_may_wait(rc))
		return TLPB_ERR_BUSY;
	g->waits++;
	tlpb__link_attend(rc->link);
	tlpb__link_flush_now(rc->link);
	wait_briefly(rc, until, arg);
	if (!until(arg))
		w->start_ms = monotonic_ms();
	while (!until(arg) && !is_over(w) && tlpb__rc_serve(rc, until, arg, pause_ms(rc, w)))
		look_at_clock(rc, w);
	finish_messages(g, NULL);
	g->waits--;
	tlpb__link_flush_now(rc->link);
	if (!g->waits)		/* the last one: all were looked at meanwhile, whoever was waited for */
		arm_all(g);
	if (until(arg))
		return 0;
	return tlpb__link_state(rc->link) == LINK_DOWN ? TLPB_ERR_CLOSED : TLPB_ERR_TIMEDOUT;
}

int tlpb__rc_wait(tlpb_rc *rc, bool (*until)(void *arg), void *arg, const struct rc_access *access)
{
	struct wait w = { .notice_ms = FIRST_NOTICE_MS, .ask_ms = CANCEL_POLL_MS, .access = access };

	return wait_until(rc, until, arg, &w);
}

int tlpb__rc_wait_ms(tlpb_rc *rc, bool (*until)(void *arg), void *arg, int64_t limit_ms)
{
	struct wait w = { .notice_ms = limit_ms + 1, .ask_ms = CANCEL_POLL_MS, .limit_ms = limit_ms };

	return wait_until(rc, until, arg, &w);
}
