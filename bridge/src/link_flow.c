/* SPDX-License-Identifier: MIT */
/*
 * TLPs of a link: what may go goes at once, the rest waits in the transmit queues; what
 * has come is charged, and its credits go back when it has left its buffer.
 *
 * Design notes. Nothing in here waits for anything, so posted TLPs and completions are
 * always taken from the transport, whatever own requests wait for. CREDITS are frames of
 * the same stream, behind the completions that they follow: the peer hears of the credit
 * of a request only after its completions, so what waits in the outbox for a peer that does
 * not read is bounded by what was advertised to it. For completions that still wait in
 * the transmit queue the credits of their requests wait, too, for the same bound.
 *
 * The peer is told at a flush, when it has few left (credits.h) and something was freed since:
 * with one maximal TLP free here it can always send, so no peer starves; and a CREDITS frame
 * is rare where pools are large. Whoever handles frames flushes behind each message; what
 * is released later is told by who releases it.
 */
#include <string.h>

#include "config_aer.h"
#include "link_private.h"
#include "tlp_form.h"

void tlpb__link_flow_start(struct link *link)
{
	tlpb__credits_init(&link->credits, link->config.credits, link->config.mps,
			   link->peer.credits);
}

void tlpb__link_flow_end(struct link *link)
{
	tlpb__tx_queue_clear(&link->waiting);
}

/* ---- sending ---- */

static void charge(struct link *link, const struct tlpb_credits *cost, size_t len)
{
	tlpb__credits_consume(&link->credits, cost);
	if (cost->cls == TLPB_COMPLETION)
		tlpb__link_note_owed(link, len);
}

static bool stressed(const struct link *link)
{
	return link->config.order_seed;
}

/* It goes behind the others, packed where it will be sent from. */
static int send_now(struct link *link, const struct tlpb_tlp *tlp, const struct tlpb_credits *cost,
		    uint32_t mark)
{
	size_t room = TLPB_MAX_TLP - TLPB_MAX_PAYLOAD + tlp->payload_len;
	struct frame frame = { .kind = TLPB_FRAME_TLP, .mark = mark };
	uint8_t *p = tlpb__link_frame(link, room);
	int len;

	if (!p)
		return TLPB_ERR_NOMEM;
	len = tlpb_tlp_pack(tlp, p + TLPB_FRAME_HEADER, room);
	if (len < 0) {
		tlpb__outbox_trim(&link->outbox, TLPB_FRAME_HEADER + room);
		return len;
	}
	tlpb__outbox_trim(&link->outbox, room - (size_t)len);
	frame.length = (uint32_t)len;
	tlpb__link_frame_done(link, p, &frame);
	charge(link, cost, (size_t)len);
	return link->state == LINK_DOWN ? TLPB_ERR_CLOSED : 0;	/* the checker may take it down */
}

static int queue(struct link *link, const struct tlpb_order *order, const struct tlpb_credits *cost,
		 const uint8_t *bytes, size_t len, const struct aside *aside)
{
	struct queued_tlp *queued = tlpb__tx_queue_add(&link->waiting, order, cost, len);

	if (!queued) {
		tlpb__link_fail(link, TLPB_REASON_INTERNAL, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	queued->mark = aside->mark;
	queued->issue = aside->issue;
	memcpy(queued->bytes, bytes, len);
	if (!stressed(link))
		tlpb__link_pump(link);
	return link->state == LINK_DOWN ? TLPB_ERR_CLOSED : 0;
}

static int send_later(struct link *link, const struct tlpb_tlp *tlp,
		      const struct tlpb_credits *cost, const struct aside *aside)
{
	struct tlpb_order order = tlpb_order_of(tlp, aside->completes_write);
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	return len < 0 ? len : queue(link, &order, cost, bytes, (size_t)len, aside);
}

static int send_finished(struct link *link, const struct tlpb_tlp *tlp, const struct aside *aside)
{
	struct tlpb_credits cost = tlpb_tlp_credits(tlp);

	if (link->inject)
		return tlpb__link_inject_sent(link, tlp, aside);
	if (!stressed(link) && tlpb__tx_queue_empty(&link->waiting) &&
	    tlpb__credits_suffice(&link->credits, &cost))
		return send_now(link, tlp, &cost, aside->mark);
	return send_later(link, tlp, &cost, aside);
}

static int send_digested(struct link *link, const struct tlpb_tlp *tlp, const struct aside *aside)
{
	struct tlpb_tlp digested;
	int err = tlpb__link_add_digest(tlp, &digested);

	return err ? err : send_finished(link, &digested, aside);
}

static int send_tlp(struct link *link, const struct tlpb_tlp *tlp, const struct aside *aside)
{
	if (link->dirties)
		tlpb__link_tell_dirty(link);
	if (link->state == LINK_DOWN)
		return TLPB_ERR_CLOSED;
	link->posted += tlpb_kind_class(tlp->kind) == TLPB_POSTED;
	if (link->ecrc_generate && tlpb__link_wants_digest(link, tlp))
		return send_digested(link, tlp, aside);
	return send_finished(link, tlp, aside);
}

/*
 * What a malformed TLP costs is known where its size is: receivers drop those (2.3). For the others
 * the peer takes the link down before it counts credits.
 */
static bool has_size(enum tlpb_rule broken)
{
	return broken == TLPB_RULE_NONE || broken > TLPB_RULE_SIZE_MISMATCH;
}

int tlpb__link_send_packed(struct link *link, const uint8_t *bytes, size_t len,
			   const struct aside *aside)
{
	struct tlpb_credits cost = { .cls = TLPB_POSTED };
	struct tlpb_order order = { 0 };
	struct tlpb_tlp tlp;

	if (link->state == LINK_DOWN)
		return TLPB_ERR_CLOSED;
	if (has_size(tlpb__tlp_take(bytes, len, link->peer.mps, &tlp))) {
		cost = tlpb_tlp_credits(&tlp);
		order = tlpb_order_of(&tlp, aside->completes_write);
	}
	return queue(link, &order, &cost, bytes, len, aside);
}

int tlpb__link_send_tlp(struct link *link, const struct tlpb_tlp *tlp, uint32_t mark)
{
	return send_tlp(link, tlp, &(struct aside){ .mark = mark, .issue = ++link->issued });
}

int tlpb__link_send_write_completion(struct link *link, const struct tlpb_tlp *tlp)
{
	return send_tlp(link, tlp, &(struct aside){ .issue = ++link->issued,
						     .completes_write = true });
}

bool tlpb__link_has_room(struct link *link, const struct tlpb_credits *cost)
{
	bool suffice = tlpb__credits_suffice_behind(&link->credits, link->waiting.count[cost->cls],
						    link->waiting.data[cost->cls], cost);

	link->short_of_credits = link->short_of_credits || !suffice;
	tlpb__link_rearm(link);
	return suffice;
}

bool tlpb__link_can_take(const struct link *link, size_t len)
{
	unsigned advertised = link->peer.credits[TLPB_POOL_NPD];	/* 0: infinite, or not up yet */

	return !advertised || len <= advertised * 16u;
}

size_t tlpb__link_waiting(const struct link *link, enum tlpb_tlp_class cls)
{
	return link->waiting.bytes[cls];
}

/* ---- receiving ---- */

/* No completion waits any more: the requests that were answered are over. */
static void release_answered(struct link *link)
{
	if (!link->answered.hdr || link->waiting.count[TLPB_COMPLETION])
		return;
	tlpb__credits_release(&link->credits, &link->answered);
	link->answered.hdr = link->answered.data = 0;
}

bool tlpb__link_owes_credits(struct link *link)
{
	return link->state == LINK_UP && tlpb__credits_due(&link->credits);
}

static void tell_credits(struct link *link)
{
	uint16_t limits[TLPB_POOLS];
	uint8_t body[2 * TLPB_POOLS];

	if (!tlpb__link_owes_credits(link))
		return;
	tlpb__credits_tell(&link->credits, limits);
	tlpb__credits_encode(limits, body, sizeof body);
	tlpb__link_send(link, TLPB_FRAME_CREDITS, 0, body, sizeof body);
}

/* Error injection gave more TLPs to the owner than the peer has sent: theirs do not go back. */
static struct tlpb_credits without_unpaid(struct link *link, const struct tlpb_credits *cost)
{
	struct tlpb_credits *unpaid = &link->unpaid[cost->cls], left = *cost;
	unsigned hdr = left.hdr < unpaid->hdr ? left.hdr : unpaid->hdr;
	unsigned data = left.data < unpaid->data ? left.data : unpaid->data;

	unpaid->hdr -= hdr;
	unpaid->data -= data;
	left.hdr -= hdr;
	left.data -= data;
	return left;
}

static bool has_unpaid(const struct link *link, enum tlpb_tlp_class cls)
{
	return link->unpaid[cls].hdr | link->unpaid[cls].data;
}

void tlpb__link_release(struct link *link, const struct tlpb_credits *cost)
{
	struct tlpb_credits left = has_unpaid(link, cost->cls) ? without_unpaid(link, cost) : *cost;

	if (left.cls == TLPB_NON_POSTED) {
		link->answered.cls = TLPB_NON_POSTED;
		link->answered.hdr += left.hdr;
		link->answered.data += left.data;
		release_answered(link);
	} else {
		tlpb__credits_release(&link->credits, &left);
	}
}

void tlpb__link_pump(struct link *link)
{
	struct tlpb_credits cost;
	struct queued_tlp *t;

	if (tlpb__tx_queue_empty(&link->waiting))
		return;
	while (link->state == LINK_UP && !link->said_goodbye &&
	       (t = tlpb__tx_queue_next(&link->waiting, &link->credits))) {
		struct frame frame = { .kind = TLPB_FRAME_TLP, .mark = t->mark,
				       .length = (uint32_t)t->len };
		uint8_t *p;

		if (link->monitor)
			tlpb__link_check_order(link, t);
		p = link->state == LINK_UP ? tlpb__link_frame(link, t->len) : NULL;
		if (!p)
			return;
		memcpy(p + TLPB_FRAME_HEADER, t->bytes, t->len);
		cost = t->cost;
		tlpb__tx_queue_remove(&link->waiting, t);
		tlpb__link_frame_done(link, p, &frame);
		charge(link, &cost, frame.length);
	}
	release_answered(link);
}

bool tlpb__link_holds(const struct link *link)
{
	return stressed(link) && link->state == LINK_UP && !tlpb__tx_queue_empty(&link->waiting);
}

void tlpb__link_flow_flush(struct link *link)
{
	tlpb__link_pump(link);
	tell_credits(link);
}

/* After its error message, if there is one: no TLP goes once a goodbye is said. */
static void fail_with(struct link *link, unsigned error, const struct frame *f, const char *what,
		      const char *which)
{
	tlpb__link_found(link, error, f);
	if (link->state == LINK_UP)
		tlpb__link_flush_now(link);
	tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "%s (%s)", what, which);
}

/* False: nothing in it can be trusted, and the link goes down. */
static bool take(struct link *link, const struct frame *f, struct tlpb_tlp *tlp,
		 enum tlpb_rule *broken)
{
	*broken = tlpb__tlp_take(f->body, f->length, link->config.mps, tlp);
	if (!has_size(*broken))
		fail_with(link, AER_MALFORMED, f, "Malformed TLP", tlpb_rule_name(*broken));
	return has_size(*broken);
}

/* True: its credits go back. */
static bool deal_with(struct link *link, const struct tlpb_tlp *tlp, const struct frame *f,
		      enum tlpb_rule broken)
{
	if (broken)
		tlpb__link_drop_malformed(link, tlp, f, broken);
	else if (link->ecrc_check && !tlpb__link_digest_fits(tlp, f))
		tlpb__link_drop_wrong_digest(link, tlp, f);
	else
		return !link->events.tlp || link->events.tlp(link->ctx, tlp, f);
	return true;
}

static void give(struct link *link, const struct tlpb_tlp *tlp, const struct tlpb_credits *cost,
		 const struct frame *f, enum tlpb_rule broken)
{
	if (deal_with(link, tlp, f, broken))
		tlpb__link_release(link, cost);
}

void tlpb__link_take_tlp(struct link *link, const struct frame *f)
{
	struct tlpb_credits cost;
	enum tlpb_rule broken;
	struct tlpb_tlp tlp;

	if (!take(link, f, &tlp, &broken))
		return;
	cost = tlpb_tlp_credits(&tlp);
	give(link, &tlp, &cost, f, broken);
}

void tlpb__link_on_tlp(struct link *link, const struct frame *f)
{
	struct tlpb_credits cost;
	enum tlpb_rule broken;
	struct tlpb_tlp tlp;
	unsigned pool;

	if (!take(link, f, &tlp, &broken))
		return;
	cost = tlpb_tlp_credits(&tlp);
	if (!tlpb__credits_receive(&link->credits, &cost, &pool))
		fail_with(link, AER_RECEIVER_OVERFLOW, f,
			  tlpb__credit_fault_text(CREDIT_FAULT_OVERFLOW), tlpb_pool_name(pool));
	else if (link->inject && !broken)
		tlpb__link_inject_received(link, f, &cost);
	else
		give(link, &tlp, &cost, f, broken);
}

void tlpb__link_on_credits(struct link *link, const struct frame *f)
{
	uint16_t limits[TLPB_POOLS];
	enum credit_fault fault;
	unsigned pool;

	if (tlpb__credits_decode(f->body, f->length, limits)) {
		tlpb__link_protocol_error(link, "CREDITS", TLPB_ERR_TRUNCATED);
		return;
	}
	fault = tlpb__credits_update(&link->credits, limits, &pool);
	if (fault) {
		fail_with(link, AER_FLOW_CONTROL, NULL, tlpb__credit_fault_text(fault),
			  tlpb_pool_name(pool));
		return;
	}
	link->short_of_credits = false;	/* who asks again tells again */
	tlpb__link_pump(link);
	if (link->state == LINK_UP && link->events.room)
		link->events.room(link->ctx);
}
