/* SPDX-License-Identifier: MIT */
/*
 * The inside of a root complex: rc.c (link, life), rc_group.c (waiting), rc_access.c, rc_register.c
 * and rc_write.c (requests to the device), rc_inbound.c (requests from it).
 */
#ifndef TLPB_RC_PRIVATE_H
#define TLPB_RC_PRIVATE_H

#include <sys/queue.h>

#include <tlpbridge/rc.h>
#include <tlpbridge/trace.h>

#include "credits.h"
#include "alarm.h"
#include "grant_table.h"
#include "inject.h"
#include "link.h"
#include "tags.h"
#include "tx_queue.h"

/* An access to the device, see rc_access.c. */
struct rc_access {
	TAILQ_ENTRY(rc_access) entry;	/* in unsent, while a piece has not been sent; in retried */
	tlpb_rc *rc;
	enum tlpb_tlp_kind kind;
	uint16_t bdf;			/* configuration */
	uint64_t addr;
	size_t len, sent;		/* bytes */
	bool begun;			/* the first piece is sent: a flush has no bytes */
	unsigned outstanding;		/* pieces */
	uint8_t *buf;			/* memory reads, atomics: where data go */
	uint8_t bytes[4];		/* registers: data, either way */
	uint8_t payload[TLPB_DMWR_MAX + 4];	/* atomics, deferrable writes: what goes out */
	size_t payload_len;
	uint32_t *value;		/* where bytes of such a read go */
	int err;
	int64_t first_crs_ms, again_ms;	/* of the first retry status, 0: none; when to send again */

	tlpb_rc_done *done;		/* NULL: somebody waits for over */
	void *arg;
	bool over;
};

struct tlpb_rc {
	struct link *link;
	struct tlpb_rc_ops ops;
	void *ctx;
	tlpb_trace *trace;
	unsigned mps, rcb;
	unsigned takes;			/* the largest payload that it accepts */
	uint16_t credits[TLPB_POOLS];	/* advertised */
	struct inject *inject;	/* NULL: none */
	char device_name[TLPB_NAME_MAX];	/* for messages; "" until known */
	struct tags tags;
	TAILQ_HEAD(, rc_access) unsent;	/* with pieces that have no tag yet */
	TAILQ_HEAD(, rc_access) retried;	/* wait to be sent again after a retry status */
	unsigned timeout_ms;		/* of completions; 0: none */
	unsigned crs_retry_ms;
	bool crs_visible;
	struct alarm alarm;		/* for both; no descriptor without them */
	struct tx_queue posted;		/* posted TLPs that the device has no credits for yet */
	struct grant_table grants;	/* what the device may reach, or does not say yet that it no longer does */
	struct pending_revoke *revokes;	/* not answered yet */
	uint32_t revoke_number;		/* of the last one */
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

/* Bracket what calls back: the group knows that waits from here on are inside it. */
tlpb_rc_group *tlpb__rc_call_back(tlpb_rc *rc);
void tlpb__rc_called_back(tlpb_rc_group *group);
bool tlpb__rc_in_callback(const tlpb_rc *rc);

/* May a call wait here, or are too many callbacks waiting inside one another already? */
bool tlpb__rc_may_wait(const tlpb_rc *rc);

/*
 * Serve until until(arg), or the link is down (TLPB_ERR_CLOSED). Says what is waited
 * for: the request of access, or, where that is NULL, room to send.
 */
int tlpb__rc_wait(tlpb_rc *rc, bool (*until)(void *arg), void *arg, const struct rc_access *access);

/* The same, but no longer than limit_ms. TLPB_ERR_TIMEDOUT: until(arg) is still false. */
int tlpb__rc_wait_ms(tlpb_rc *rc, bool (*until)(void *arg), void *arg, int64_t limit_ms);

/* rc_grant.c: what the device says; and the link is down: nothing is granted any more. */
void tlpb__rc_on_revoked(tlpb_rc *rc, uint32_t number);
void tlpb__rc_on_dirty(tlpb_rc *rc, const struct mem_range *range);
void tlpb__rc_grants_end(tlpb_rc *rc);

/* rc_access.c: the peer can take more requests. */
void tlpb__rc_access_room(tlpb_rc *rc);

/* rc_access.c: the link is down, all requests fail. */
void tlpb__rc_abort(tlpb_rc *rc);

/* Begin it and wait for its end. Returns its error; buf and value are set in any case. */
int tlpb__rc_access_run(struct rc_access *access);

/* The same for a copy of it, which ends in done. */
int tlpb__rc_access_later(const struct rc_access *access, tlpb_rc_done *done, void *arg);

/* A memory request of so many bytes there, without its data; and how many are in the first doubleword. */
struct tlpb_tlp tlpb__rc_memory_tlp(enum tlpb_tlp_kind kind, uint64_t addr, size_t len);
size_t tlpb__rc_register_part(uint64_t addr, size_t size);

/* rc_write.c: the peer can take more of what waits. */
void tlpb__rc_send_posted(tlpb_rc *rc);

/* Send a posted TLP; waits while the peer has no credits for it. */
int tlpb__rc_post(tlpb_rc *rc, const struct tlpb_tlp *tlp);

/* rc_timer.c: take a tag and start the completion timer. As tlpb__tags_begin(). */
int tlpb__rc_take_tag(tlpb_rc *rc, struct tlpb_tlp *tlp, void *buf, size_t len, tags_done *done,
		      void *arg);

/*
 * The answer was a retry status: true: the access will be sent again, or it is over with what
 * software sees of that; *again tells which.
 */
bool tlpb__rc_retry(struct rc_access *access, bool *again);

/* End what took too long, and send again what shall be. */
void tlpb__rc_look_at_clock(tlpb_rc *rc);

/* Back to those that are to be sent. */
void tlpb__rc_send_again(struct rc_access *access);

/* rc_message.c: a message from the endpoint. */
void tlpb__rc_on_message(tlpb_rc *rc, const struct tlpb_tlp *msg);

/* What of an access is waited for, in words. */
void tlpb__rc_access_text(const tlpb_rc *rc, const struct rc_access *access, char *text, size_t size);

/*
 * rc_error.c: count an error and tell the host of it; advisory as in tlpb_rc_error_report. Of a
 * TLP; of bytes that came; NULL: of none.
 */
void tlpb__rc_error(tlpb_rc *rc, enum tlpb_rc_error error, bool advisory, const struct tlpb_tlp *tlp);
void tlpb__rc_error_link(tlpb_rc *rc, unsigned error, const uint8_t *bytes, size_t len);

/* rc_error.c: a request from the endpoint was answered so (not SC), or would be, were it not posted. */
void tlpb__rc_error_request(tlpb_rc *rc, const struct tlpb_tlp *request, enum tlpb_cpl_status status);

/* rc_inbound.c: a TLP from the endpoint, completions excepted. */
void tlpb__rc_inbound(tlpb_rc *rc, const struct tlpb_tlp *tlp, const struct frame *frame);

#endif
