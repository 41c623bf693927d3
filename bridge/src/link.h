/* SPDX-License-Identifier: MIT */
/*
 * One link: HELLO, the device's records, then TLPs, resets and reports, until a
 * goodbye. The only place where transport, codec and state meet.
 *
 *	host				endpoint
 *	HELLO_SENT  -- HELLO -------->	WAIT_HELLO
 *	HELLO_SENT  <- HELLO ---------	UP (DEVICE and READY follow at once)
 *	RECORDS	    <- DEVICE, READY -
 *	UP		... TLPs ...	UP
 *	any state -- GOODBYE, error or lost peer --> DOWN, for good
 *
 * Threads: a link belongs to one thread at a time; its owner serialises (QEMU:
 * the big lock). Callbacks run inside tlpb__link_process_one() and may call the
 * link again, process_one included: a message is only given back to the
 * transport when no callback can still look at it.
 */
#ifndef TLPB_LINK_H
#define TLPB_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/check.h>
#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include <tlpbridge/shm.h>
#include <tlpbridge/tlp.h>
#include <tlpbridge/wire.h>

#include "frame.h"
#include "transport.h"

enum link_state {
	LINK_WAIT_HELLO,	/* endpoint: nothing heard yet */
	LINK_HELLO_SENT,	/* host: said HELLO, waits for the answer */
	LINK_RECORDS,		/* host: reads the device's records */
	LINK_UP,
	LINK_DOWN,
};

/* Is it a size that Max_Payload_Size and Max_Read_Request_Size can have: 128, 256, ... 4096? */
bool tlpb__size_legal(unsigned bytes);

const char *tlpb__link_state_name(enum link_state state);

/* Any member may be NULL. */
struct link_events {
	/* The link is up; the peer's HELLO and (host) the device can be asked for. */
	void (*up)(void *ctx);

	/*
	 * A well-formed TLP; it and its payload are valid during the call. True: it is dealt
	 * with, its credits go back. False: it is still being dealt with, tlpb__link_release()
	 * will be called.
	 */
	bool (*tlp)(void *ctx, const struct tlpb_tlp *tlp, const struct frame *frame);

	/* Error injection: the request that this would have completed is to end as timed out. */
	void (*timed_out)(void *ctx, const struct tlpb_tlp *completion);

	/* Error injection: the device is to report this error (enum aer_error), with that TLP. */
	void (*injected)(void *ctx, unsigned error, const struct tlpb_tlp *tlp);

	/*
	 * An error (enum aer_error) in what has come, which is dropped: ECRC, Malformed TLP; or the
	 * link goes down for it: Malformed TLP, Receiver Overflow, Flow Control Protocol Error.
	 * bytes: of the TLP, which need not be one; NULL: of none. Valid during the call.
	 */
	void (*error)(void *ctx, unsigned error, const uint8_t *bytes, size_t len);

	/* With ECRC: does the function that sends this TLP make digests? NULL: all do. */
	bool (*has_ecrc)(void *ctx, const struct tlpb_tlp *tlp);

	void (*reset)(void *ctx, enum tlpb_reset kind);
	void (*dma_fault)(void *ctx, const struct dma_fault *fault);
	void (*eoi)(void *ctx, unsigned pin);

	/* Direct DMA: what the host grants and takes back; what the endpoint gave back, and has written. */
	void (*grant_mem)(void *ctx, const struct grant_mem *grant);
	void (*revoke)(void *ctx, const struct revoke *revoke);
	void (*revoked)(void *ctx, uint32_t number);
	void (*dirty)(void *ctx, const struct mem_range *range);

	/* The peer can take more than before: what waited for tlpb__link_has_room() may go on. */
	void (*room)(void *ctx);

	/* The link is down, for good. Called once, not for tlpb__link_close(). */
	void (*down)(void *ctx, enum tlpb_reason reason, const char *text);

	/* Every frame sent (outbound) or received, in order. */
	void (*observe)(void *ctx, const struct frame *frame, bool outbound);

	/* Simulated time, picoseconds. */
	uint64_t (*now_ps)(void *ctx);
};

/* What is wanted of shared memory (tlpbridge/shm.h). */
struct link_rings {
	enum tlpb_transport transport;
	uint32_t bytes;			/* endpoint: of both rings; 0: the default */
	bool no_spin;
};

struct link_config {
	enum tlpb_role role;
	const char *name;		/* of this side, for the peer's messages */
	uint64_t offered, required;	/* feature bits */
	uint8_t token[TLPB_TOKEN];	/* host: sent; endpoint: expected */
	unsigned mps, mrrs, rcb;	/* bytes: what this side accepts */
	uint16_t credits[TLPB_POOLS];	/* settled, see credits.h */
	uint64_t order_seed;		/* not 0: stress mode, see tx_queue.h */
	const struct tlpb_device *device; /* endpoint only: borrowed during new() */
	const uint8_t *extra;		/* endpoint: records behind the device's own; borrowed until close() */
	size_t extra_len;
	bool gather;			/* the owner comes when the descriptor is readable: see flush_posted */
	struct link_rings rings;
	const struct link_events *events; /* copied */
	void *ctx;
};

struct link;

/* Takes the transport over, also on failure. A host says HELLO at once. */
int tlpb__link_new(struct transport *transport, const struct link_config *config,
		   struct link **link);

/* Says goodbye unless the link is down already, and frees. linger_ms as in transport.h. */
void tlpb__link_close(struct link *link, enum tlpb_reason reason, const char *text, int linger_ms);

enum link_state tlpb__link_state(const struct link *link);
uint64_t tlpb__link_features(const struct link *link);		/* agreed */
const struct hello *tlpb__link_peer(const struct link *link);	/* valid once up */
const struct tlpb_device *tlpb__link_device(const struct link *link); /* host, once up */

/* Host, once up: the peer's records as they came, all of them. The link's own. */
const uint8_t *tlpb__link_records(const struct link *link, size_t *len);

/* Why the link is down. */
enum tlpb_reason tlpb__link_reason(const struct link *link);
const char *tlpb__link_reason_text(const struct link *link);

/*
 * Queue a frame. Never blocks. Frames travel together until tlpb__link_flush().
 * Returns 0, TLPB_ERR_CLOSED, or TLPB_ERR_NOMEM.
 */
int tlpb__link_send(struct link *link, uint16_t kind, uint16_t flags, const void *body,
		    size_t len);

/*
 * Send a TLP, as a frame when credits and the ordering rules let it go, which may be later;
 * it is copied. Never blocks, and takes any number: see tlpb__link_has_room(). mark: see
 * wire.h. Errors as above, and those of tlpb_tlp_pack().
 */
int tlpb__link_send_tlp(struct link *link, const struct tlpb_tlp *tlp, uint32_t mark);

/* The same for the completion of an I/O or configuration write, to which an own rule applies. */
int tlpb__link_send_write_completion(struct link *link, const struct tlpb_tlp *tlp);

/* Has the peer credits for one more TLP of such a cost, behind those of its class that wait? */
bool tlpb__link_has_room(struct link *link, const struct tlpb_credits *cost);

/*
 * Could the peer ever take a non-posted request with so many bytes of data? One that needs more
 * than all it advertised would wait for ever.
 */
bool tlpb__link_can_take(const struct link *link, size_t len);

/* Bytes of TLPs of that class that wait for credits or their turn. */
size_t tlpb__link_waiting(const struct link *link, enum tlpb_tlp_class cls);

/* A received TLP that events.tlp kept has been dealt with. */
void tlpb__link_release(struct link *link, const struct tlpb_credits *cost);

/* Will the next flush tell the peer of credits? */
bool tlpb__link_owes_credits(struct link *link);

/* Have the link checked (tlpbridge/check.h), from its beginning. 0 or TLPB_ERR_NOMEM. */
int tlpb__link_set_check(struct link *link, enum tlpb_check check);
uint64_t tlpb__link_violations(const struct link *link);

/*
 * ECRC (2.7.1), off at first: add digests to TLPs that have none; drop TLPs whose digest does not
 * fit, after telling events.error. At any time: of what is sent, and comes, from then on.
 */
void tlpb__link_set_ecrc(struct link *link, bool generate, bool check);

/* Error injection, NULL: none. The plan stays the caller's. */
struct inject;
void tlpb__link_set_inject(struct link *link, struct inject *plan);

/* DMA_FAULT; the caller has seen that the feature was agreed on. */
int tlpb__link_send_fault(struct link *link, const struct dma_fault *fault);

/*
 * Direct DMA. Is it agreed on, and is the peer known to see the same memory? Then the frames, as link_events
 * tells them; and: the endpoint has written there, which is told before whatever is sent next, and
 * when the owner comes to flush at the latest.
 */
bool tlpb__link_shares_memory(const struct link *link);
int tlpb__link_send_grant(struct link *link, const struct grant_mem *grant);
int tlpb__link_send_revoke(struct link *link, const struct revoke *revoke);
int tlpb__link_send_revoked(struct link *link, uint32_t number);
void tlpb__link_dirty(struct link *link, unsigned function, uint64_t addr, uint64_t len);
bool tlpb__link_has_dirty(const struct link *link);

/* Posted TLPs that the owner gave so far; has something come that was not handled yet, with shared memory? */
uint64_t tlpb__link_posted(const struct link *link);
bool tlpb__link_has_inbound(const struct link *link);

/*
 * May the owner reach the peer's memory without TLPs now? Not while one of the posted TLPs may be on its way, of
 * which retired are known not to be, nor while digests are wanted, nor while the peer does not take what is sent:
 * reports of what was written would gather for ever.
 */
bool tlpb__link_may_bypass(const struct link *link, uint64_t retired);

/* Hand what is queued to the transport, as far as it takes it. */
void tlpb__link_flush(struct link *link);

/* The same with stress ordering on, too, where flush leaves TLPs for the owner's next look at the link. */
void tlpb__link_flush_now(struct link *link);

/*
 * The same after a posted frame, which nobody waits for: if configured, frames gather while the
 * transport is full or more follow at once, and the descriptor has the owner come.
 */
void tlpb__link_flush_posted(struct link *link);

/*
 * Waiting (waiter.h). attend: the owner is about to wait here for an answer and looks by itself; arm: it
 * goes elsewhere, and the descriptor has to tell of what comes: at the end of every call in
 * which something may have come. The transport: NULL when down.
 */
void tlpb__link_attend(struct link *link);
void tlpb__link_arm(struct link *link);
struct transport *tlpb__link_transport(const struct link *link);
bool tlpb__link_may_spin(const struct link *link);

/* Have both ends agreed on shared memory? */
bool tlpb__link_in_memory(const struct link *link);

/* Bytes that the transport did not take yet, and those of posted TLPs that wait. */
size_t tlpb__link_backlog(const struct link *link);

/*
 * Handle at most one inbound frame. 1: handled one; 0: nothing there;
 * TLPB_ERR_CLOSED: down.
 */
int tlpb__link_process_one(struct link *link);

/*
 * Handle what has arrived, but not for ever: at least TLPB__LINK_BURST frames,
 * then up to the end of a message, so that a peer who never stops cannot keep the
 * caller from other work. Returns frames handled; the state tells whether the
 * link is down.
 */
int tlpb__link_process(struct link *link);

enum { TLPB__LINK_BURST = 256 };

/*
 * Is part of a received message still unread? The descriptor does not tell: who
 * stops calling process_one must not stop here, or say so.
 */
bool tlpb__link_mid_message(const struct link *link);

/* Have the descriptor tell of it, for an owner who does stop here. */
void tlpb__link_tell_rest(struct link *link);

/* Readable when process_one has work or a backlog can be sent on; -1 when down. */
int tlpb__link_fd(const struct link *link);

/* Take the link down as if the peer had broken it; for owners that see more than the link. */
void tlpb__link_fail(struct link *link, enum tlpb_reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
