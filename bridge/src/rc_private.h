/* SPDX-License-Identifier: MIT */
/*
 * The inside of a root complex: rc.c (link, life), rc_group.c (waiting), rc_access.c
 * (requests to the device), rc_inbound.c (requests from it).
 */
#ifndef TLPB_RC_PRIVATE_H
#define TLPB_RC_PRIVATE_H

#include <sys/queue.h>

#include <tlpbridge/rc.h>
#include <tlpbridge/trace.h>

#include "inject.h"
#include "link.h"
#include "tags.h"

struct rc_access;

struct tlpb_rc {
	struct link *link;
	struct tlpb_rc_ops ops;
	void *ctx;
	tlpb_trace *trace;
	unsigned mps, rcb;
	struct inject *inject;	/* NULL: none */
	char device_name[TLPB_NAME_MAX];	/* for messages; "" until known */
	struct tags tags;
	TAILQ_HEAD(, rc_access) unsent;	/* with pieces that have no tag yet */
	struct tlpb_rc_stats stats;
	bool ready;			/* connect succeeded: the owner hears of what follows */

	tlpb_rc_group *group;		/* its own, unless the owner put it into another */
	unsigned slot;			/* its place there */
	int watched_fd;			/* in the group's epoll set; -1: none */

	unsigned calls;			/* calls that use it, nested ones included */
	bool closed;			/* freed when the last of them returns */
};

/* Connects over a transport that is there already (taken over): tests, connect(). */
int tlpb__rc_connect_transport(const struct tlpb_rc_config *config, struct transport *transport,
			       const uint8_t token[TLPB_TOKEN], tlpb_rc **rc,
			       char *why, size_t why_size);

/*
 * Bracket whatever may run a callback: a callback may close the rc, which is then
 * freed by the last leave. Nothing may look at the rc after it.
 */
void tlpb__rc_enter(tlpb_rc *rc);
void tlpb__rc_leave(tlpb_rc *rc);

/* rc_group.c: into a group, NULL: one of its own. 0 or TLPB_ERR_NOMEM. */
int tlpb__rc_join(tlpb_rc *rc, tlpb_rc_group *group);
void tlpb__rc_part(tlpb_rc *rc);

/* The link is down: its descriptor is about to be closed. */
void tlpb__rc_unwatch(tlpb_rc *rc);

/*
 * Serve rc's link until until(arg), and those of its group; where nothing has
 * arrived, sleep up to timeout_ms. One round: call it again. False: the link is down.
 */
bool tlpb__rc_serve(tlpb_rc *rc, bool (*until)(void *arg), void *arg, int timeout_ms);

/* May a call wait here, or are too many callbacks waiting inside one another already? */
bool tlpb__rc_may_wait(const tlpb_rc *rc);

/*
 * Serve until until(arg), or the link is down (TLPB_ERR_CLOSED). Says what is waited
 * for: the request of access, or, where that is NULL, room to send.
 */
int tlpb__rc_wait(tlpb_rc *rc, bool (*until)(void *arg), void *arg, const struct rc_access *access);

/* rc_access.c: the link is down, all requests fail. */
void tlpb__rc_abort(tlpb_rc *rc);

/* What of an access is waited for, in words. */
void tlpb__rc_access_text(const tlpb_rc *rc, const struct rc_access *access, char *text, size_t size);

/* rc_inbound.c: a TLP from the endpoint, completions excepted. */
void tlpb__rc_inbound(tlpb_rc *rc, const struct tlpb_tlp *tlp, const struct frame *frame);

#endif
