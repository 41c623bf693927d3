/* SPDX-License-Identifier: MIT */
/*
 * Outstanding non-posted requests of one requester: tags, and the reassembly of
 * their completions (2.2.6.2, 2.3.2). Pure: no I/O, no clock. One thread.
 */
#ifndef TLPB_TAGS_H
#define TLPB_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>

enum {
	TAGS_5BIT = 32, TAGS_8BIT = 256,
	TAGS_10BIT_FIRST = 256,	/* a requester with 10-bit tags uses none below (2.2.6.2) */
	TAGS_MAX = 1024,
};

struct tags_request;

/* A request ended: err is 0 or why; request->got bytes had arrived. Valid during the call. */
typedef void tags_done(void *arg, const struct tags_request *request, int err);

struct tags_request {
	struct tlpb_tlp tlp;	/* as sent; its payload is not kept */
	uint8_t *buf;		/* where read data go; NULL: nowhere */
	size_t len;		/* bytes the request asks for, 0 for writes and flushes */
	size_t got;
	tags_done *done;	/* NULL: abandoned, the tag waits for its completion */
	void *arg;
	int64_t deadline_ms;	/* 0: none */
	uint64_t stamp;		/* the owner's, as it was when this began */
	bool used;
	bool poisoned;		/* bytes from good on are; the rest is still to come */
	size_t good;
	bool late;		/* its time was over: what comes now is unexpected */
};

struct tags {
	struct tags_request request[TAGS_MAX];
	unsigned first, limit;	/* tags that may be taken: first to limit - 1 */
	unsigned used;
	unsigned late;		/* of the used ones */
	int64_t deadline_ms;	/* of what begins now, of the owner's clock; 0: none */
	uint64_t stamp;		/* the owner's: anything that grows */
	unsigned next;		/* where to look for a free one: spreads reuse */
};

/* All bytes of *tags are 0 before. */
void tlpb__tags_init(struct tags *tags, unsigned limit);

/* Is a tag free? And if not: is each of them one whose request took too long? */
bool tlpb__tags_free(const struct tags *tags);
bool tlpb__tags_stuck(const struct tags *tags);

/*
 * Take a tag for a request about to be sent and write it into tlp->tag. len bytes
 * go to buf. Returns 0, or TLPB_ERR_AGAIN when all tags are in use.
 */
int tlpb__tags_begin(struct tags *tags, struct tlpb_tlp *tlp, void *buf, size_t len,
		     tags_done *done, void *arg);

/* The outstanding request that this completes; NULL: none. */
const struct tags_request *tlpb__tags_find(const struct tags *tags, const struct tlpb_tlp *completion);

/*
 * Take a completion. Calls done when it was the last one. Returns 0;
 * TLPB_ERR_NOT_FOUND for an Unexpected Completion (no such tag or requester),
 * which is to be dropped; TLPB_ERR_PROTOCOL when its byte count, address or
 * length do not continue the request, which then fails with the same error.
 */
int tlpb__tags_complete(struct tags *tags, const struct tlpb_tlp *completion);

/*
 * End requests whose deadline is now_ms or before with TLPB_ERR_TIMEDOUT (2.8). Their tags stay
 * taken until the completions come, because a late one must not hit a new request: it is an
 * Unexpected Completion. Returns how many.
 */
unsigned tlpb__tags_expire(struct tags *tags, int64_t now_ms);

/* The earliest deadline; 0: there is none. */
int64_t tlpb__tags_due(const struct tags *tags);

/*
 * The request of this requester and tag ends with TLPB_ERR_TIMEDOUT (2.8). Returns 0 or
 * TLPB_ERR_NOT_FOUND. Its tag is free at once: whoever calls drops completions that come late.
 */
int tlpb__tags_time_out(struct tags *tags, uint16_t requester_id, uint16_t tag);

/*
 * End all requests with err. forget: the link is gone and completions will not
 * come, so that tags are free at once; otherwise each stays taken until its last
 * completion, because a late one must not hit a new request.
 */
void tlpb__tags_abort(struct tags *tags, int err, bool forget);

/* As abort, without forget, but only those that began with arg. */
void tlpb__tags_abort_of(struct tags *tags, const void *arg, int err);

/* Address of the first byte of a memory read that has not arrived. */
uint64_t tlpb__tags_next_address(const struct tags_request *request);

#endif
