/* SPDX-License-Identifier: MIT */
/*
 * What the files of a link share: link.c (frames, life), link_flow.c (TLPs, flow control), link_hello.c
 * (until it is up), link_inject.c, link_check.c and link_error.c.
 */
#ifndef TLPB_LINK_PRIVATE_H
#define TLPB_LINK_PRIVATE_H

#include "credits.h"
#include "link.h"
#include "outbox.h"
#include "segment.h"
#include "tx_queue.h"

/* A received message; retired ones wait until no callback can look at them. */
struct incoming {
	struct incoming *next;
	struct message message;
	size_t offset;
};

/* What of a TLP on its way out its bytes do not tell. */
struct aside {
	uint32_t mark;
	uint32_t issue;			/* its number in the order in which the owner gave them; modular */
	bool completes_write;		/* an I/O or configuration write */
};

struct link {
	struct transport *transport;	/* NULL once down */
	struct link_config config;
	struct link_events events;
	void *ctx;
	char name[TEXT_MAX];
	struct tlpb_device device;	/* endpoint: own; host: the peer's */
	bool have_device;
	uint8_t *records;		/* host: what the device was decoded from */
	size_t records_len;
	struct hello peer;
	uint64_t features;

	enum link_state state;
	enum tlpb_reason reason;
	char reason_text[TEXT_MAX];
	bool said_goodbye;

	uint32_t tx_sequence, rx_sequence;
	struct outbox outbox;
	struct credits credits;
	struct tx_queue waiting;	/* TLPs that may not go yet */
	uint32_t issued;		/* TLPs that the owner gave */
	struct tlpb_credits answered;	/* non-posted: their completions wait, their credits do so, too */
	int64_t flushed_us;		/* when, on the host's clock */
	bool heard_segment;		/* host: the offer came, whatever became of it */
	bool said_rings;		/* RINGS is sent, or about to be */
	unsigned before_rings;		/* messages up to it that the socket has not taken yet */
	struct segment offered;		/* endpoint: until the host answers */
	bool urgent;			/* there is more than credits in what was sent since the last wake-up */
	bool arms_quietly;		/* armed so that credits alone do not wake */
	bool short_of_credits;		/* the owner waits for them, or something in here does */
	bool told_owner;		/* the descriptor is readable because of what is queued */
	size_t retry_bytes;		/* of the outbox, at which the next posted frame is worth a flush */
	struct incoming *rx, *retired, *spare;
	struct monitor *monitor;	/* NULL: nothing is checked */
	enum tlpb_check check;
	struct inject *inject;		/* the owner's; NULL: nothing is injected */
	struct tlpb_credits unpaid[TX_CLASSES];	/* of what it has added to what came … */
	struct tlpb_credits held[TX_CLASSES];		/* … and of what it holds back, by class */
	bool ecrc_generate, ecrc_check;
	unsigned malformed, wrong_digests;	/* that came, and were dropped */
	struct mem_range dirty[DIRTY_MAX];	/* written directly, and not told yet */
	unsigned dirties;
	uint64_t posted;		/* TLPs that the owner gave */
	bool armed;			/* the owner may sleep until the descriptor tells */
	unsigned depth;			/* callbacks running */
};

/* Room for a frame with up to size bytes of body behind the others; NULL: the link is down. */
uint8_t *tlpb__link_frame(struct link *link, size_t size);

/* It is filled in: put its header, number it, and tell who observes. */
void tlpb__link_frame_done(struct link *link, uint8_t *p, struct frame *frame);

/* The frame just put answers the peer: one that asks and never reads must not fill our memory. */
void tlpb__link_note_owed(struct link *link, size_t size);

/* link_flow.c: both sides have said what they can take. */
void tlpb__link_flow_start(struct link *link);
void tlpb__link_flow_end(struct link *link);

/* Before messages leave: what may go now goes along, and credits that are due. */
void tlpb__link_flow_flush(struct link *link);

/* Stress ordering: TLPs are held, for more to come that may pass them. */
bool tlpb__link_holds(const struct link *link);

/* Let go what may go now. */
void tlpb__link_pump(struct link *link);

void tlpb__link_on_tlp(struct link *link, const struct frame *frame);
void tlpb__link_on_credits(struct link *link, const struct frame *frame);

/* Take the link down because what the peer sent makes no sense. */
void tlpb__link_protocol_error(struct link *link, const char *what, int err);

/* An encoded TLP, past error injection: send it; check it and give it to the owner. */
int tlpb__link_send_packed(struct link *link, const uint8_t *bytes, size_t len,
			   const struct aside *aside);
void tlpb__link_take_tlp(struct link *link, const struct frame *frame);

/* link_check.c: HELLO told the limits; a frame passes, when there is a monitor. */
void tlpb__link_check_limits(struct link *link);
void tlpb__link_check(struct link *link, const struct frame *frame, bool outbound);

/* A TLP is about to leave the transmit queue: does it pass one that it must not? With a monitor only. */
void tlpb__link_check_order(struct link *link, const struct queued_tlp *leaving);

/*
 * link_inject.c: a TLP on its way to the transmit path, before it costs credits, and a well-formed one
 * that has come, for which cost was charged.
 */
int tlpb__link_inject_sent(struct link *link, const struct tlpb_tlp *tlp, const struct aside *aside);

/* Is a TLP on its way out held back that was given before that one, and that it must not pass? */
bool tlpb__link_inject_holds(const struct link *link, uint32_t issue, const struct tlpb_order *order);
void tlpb__link_inject_received(struct link *link, const struct frame *frame,
				const struct tlpb_credits *cost);

/*
 * link_error.c: with ecrc_generate: shall it have a digest (2.7.1), and a copy that has one; 0 or
 * an error of tlpb_tlp_pack().
 */
bool tlpb__link_wants_digest(struct link *link, const struct tlpb_tlp *tlp);
int tlpb__link_add_digest(const struct tlpb_tlp *tlp, struct tlpb_tlp *digested);

/* link_error.c: does it fit, if there is one? */
bool tlpb__link_digest_fits(const struct tlpb_tlp *tlp, const struct frame *frame);

/*
 * link_error.c: tell the owner of an error (enum aer_error) in what has come; frame: the TLP's, or
 * NULL. Its message, if the owner sends one, is in the outbox then where credits suffice.
 */
void tlpb__link_found(struct link *link, unsigned error, const struct frame *frame);

/* The same, where the TLP is dropped and the link goes on; people are told of the first one. */
void tlpb__link_drop_malformed(struct link *link, const struct tlpb_tlp *tlp,
			       const struct frame *frame, enum tlpb_rule rule);
void tlpb__link_drop_wrong_digest(struct link *link, const struct tlpb_tlp *tlp,
				  const struct frame *frame);

/* link_rings.c: features, the endpoint's offer, the frames of both; and the socket has taken a message. */
uint64_t tlpb__link_rings_feature(const struct link *link);
bool tlpb__link_rings_required(const struct link *link);
void tlpb__link_offer_rings(struct link *link);
void tlpb__link_no_rings(struct link *link);
void tlpb__link_rings_due(struct link *link);
void tlpb__link_on_segment(struct link *link, const struct frame *frame);
void tlpb__link_on_rings(struct link *link, const struct frame *frame);
void tlpb__link_rings_sent(struct link *link);

/* The owner may have armed before it came to need credits. */
void tlpb__link_rearm(struct link *link);

/* link_grant.c: tell what was written directly, if something was; and the frames. */
void tlpb__link_tell_dirty(struct link *link);
void tlpb__link_on_grant_mem(struct link *link, const struct frame *frame);
void tlpb__link_on_revoke(struct link *link, const struct frame *frame);
void tlpb__link_on_revoked(struct link *link, const struct frame *frame);
void tlpb__link_on_dirty(struct link *link, const struct frame *frame);

/* link.c: something is left behind: the owner's loop shall come because of the descriptor. */
void tlpb__link_leave_to_owner(struct link *link);

/* link_hello.c: say HELLO, and handle the frames that come before the link is up. */
void tlpb__link_send_hello(struct link *link);
void tlpb__link_on_hello(struct link *link, const struct frame *frame);
void tlpb__link_on_device(struct link *link, const struct frame *frame);
void tlpb__link_on_ready(struct link *link, const struct frame *frame);

#endif
