/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/log.h>

#include "bytes.h"
#include "clock.h"
#include "link_private.h"
#include "monitor.h"
#include "waiter.h"

enum {
	OWED_MAX = 16 * 1024 * 1024,	/* far above what all tags together can ask for */
	RETRY_BYTES = 4096,		/* gathered before a transport that was full is tried again */
	BURST_US = 20,			/* posted frames that follow each other so closely travel together */
	BURST_BYTES = 16 * 1024,	/* of them at most */
	GOODBYE_LINGER_MS = 200,	/* for a peer to hear why it is dropped */
};

const char *tlpb__link_state_name(enum link_state state)
{
	static const char *const names[] = {
		[LINK_WAIT_HELLO] = "waiting for HELLO", [LINK_HELLO_SENT] = "HELLO sent",
		[LINK_RECORDS] = "reading the device's records", [LINK_UP] = "up",
		[LINK_DOWN] = "down",
	};

	return names[state];
}

enum link_state tlpb__link_state(const struct link *link)
{
	return link->state;
}

uint64_t tlpb__link_features(const struct link *link)
{
	return link->features;
}

const struct hello *tlpb__link_peer(const struct link *link)
{
	return &link->peer;
}

const struct tlpb_device *tlpb__link_device(const struct link *link)
{
	return &link->device;
}

const uint8_t *tlpb__link_records(const struct link *link, size_t *len)
{
	*len = link->records_len;
	return link->records;
}

enum tlpb_reason tlpb__link_reason(const struct link *link)
{
	return link->reason;
}

const char *tlpb__link_reason_text(const struct link *link)
{
	return link->reason_text;
}

size_t tlpb__link_backlog(const struct link *link)
{
	return link->outbox.bytes + link->waiting.bytes[TLPB_POSTED];
}

bool tlpb__link_mid_message(const struct link *link)
{
	return link->state != LINK_DOWN && link->rx && link->rx->offset < link->rx->message.len;
}

/*
 * Left behind by a burst, held, or not read yet: the owner's loop comes because of the descriptor, until
 * the next flush.
 */
void tlpb__link_leave_to_owner(struct link *link)
{
	if (link->told_owner)
		return;
	link->told_owner = true;
	link->transport->ops->want_send(link->transport, true);
}

void tlpb__link_tell_rest(struct link *link)
{
	if (tlpb__link_mid_message(link))
		tlpb__link_leave_to_owner(link);
}

int tlpb__link_fd(const struct link *link)
{
	return link->transport ? link->transport->ops->fd(link->transport) : -1;
}

static uint64_t now_ps(const struct link *link)
{
	return link->events.now_ps ? link->events.now_ps(link->ctx) : 0;
}

/* How frames travel is not part of what they say: equal runs give equal traces. */
static bool is_travel(const struct frame *frame)
{
	return frame->kind == TLPB_FRAME_SEGMENT || frame->kind == TLPB_FRAME_RINGS;
}

static void observe(struct link *link, const struct frame *frame, bool outbound)
{
	if ((!link->events.observe && !link->monitor) || is_travel(frame))
		return;
	if (link->events.observe)
		link->events.observe(link->ctx, frame, outbound);
	if (link->monitor)
		tlpb__link_check(link, frame, outbound);
}

static void go_down(struct link *link, enum tlpb_reason reason, const char *text)
{
	if (link->state == LINK_DOWN)
		return;
	link->state = LINK_DOWN;
	link->reason = reason;
	snprintf(link->reason_text, sizeof link->reason_text, "%s", text);
	if (link->events.down)
		link->events.down(link->ctx, reason, link->reason_text);
}

/* ---- sending ---- */

void tlpb__link_note_owed(struct link *link, size_t size)
{
	tlpb__outbox_note_owed(&link->outbox, size);
	if (link->outbox.owed > OWED_MAX)
		go_down(link, TLPB_REASON_PROTOCOL,
			"the peer keeps asking and does not take the answers");
}

uint8_t *tlpb__link_frame(struct link *link, size_t size)
{
	uint8_t *p = tlpb__outbox_room(&link->outbox, TLPB_FRAME_HEADER + size);

	if (!p)
		go_down(link, TLPB_REASON_INTERNAL, "out of memory");
	return p;
}

void tlpb__link_frame_done(struct link *link, uint8_t *p, struct frame *frame)
{
	frame->time_ps = now_ps(link);
	frame->sequence = link->tx_sequence++;
	frame->body = p + TLPB_FRAME_HEADER;
	tlpb__frame_put(p, frame);
	link->urgent = link->urgent || frame->kind != TLPB_FRAME_CREDITS;
	observe(link, frame, true);
}

int tlpb__link_send(struct link *link, uint16_t kind, uint16_t flags, const void *body,
		    size_t len)
{
	struct frame frame = { .kind = kind, .flags = flags, .length = (uint32_t)len };
	uint8_t *p;

	if (link->dirties && kind != TLPB_FRAME_DIRTY)
		tlpb__link_tell_dirty(link);
	if (link->state == LINK_DOWN)
		return TLPB_ERR_CLOSED;
	p = tlpb__link_frame(link, len);
	if (!p)
		return TLPB_ERR_NOMEM;
	if (len)
		memcpy(p + TLPB_FRAME_HEADER, body, len);
	tlpb__link_frame_done(link, p, &frame);
	return link->state == LINK_DOWN && kind != TLPB_FRAME_GOODBYE ? TLPB_ERR_CLOSED : 0;
}

int tlpb__link_send_fault(struct link *link, const struct dma_fault *fault)
{
	uint8_t body[16];
	int len = tlpb__dma_fault_encode(fault, body, sizeof body);
	int err = tlpb__link_send(link, TLPB_FRAME_DMA_FAULT, TLPB_FRAME_OPTIONAL, body,
				  (size_t)len);

	if (!err)
		tlpb__link_note_owed(link, (size_t)len);
	return err;
}

/* What is left behind may be what is urgent. */
static void wake_peer(struct link *link, bool all_sent)
{
	const struct transport_ops *ops = link->transport->ops;

	if (ops->wake)
		ops->wake(link->transport, link->urgent);
	link->urgent = link->urgent && !all_sent;
}

/* Nor was there before, for which the transport would want to hear that it is over. */
static bool nothing_to_flush(struct link *link)
{
	return !link->outbox.head && !link->dirties && !link->told_owner && !link->retry_bytes &&
	       tlpb__tx_queue_empty(&link->waiting) && !tlpb__link_owes_credits(link);
}

void tlpb__link_flush_now(struct link *link)
{
	struct transport *t = link->transport;
	const uint8_t *first;
	bool sent = false;
	size_t len;

	if (!t || nothing_to_flush(link))
		return;
	if (link->dirties)
		tlpb__link_tell_dirty(link);
	tlpb__link_flow_flush(link);
	/* On an error receiving tells why; what is queued goes nowhere. */
	while ((first = tlpb__outbox_first(&link->outbox, &len)) &&
	       t->ops->send(t, first, len) == 0) {
		tlpb__outbox_drop_first(&link->outbox);
		sent = true;
		if (link->before_rings)
			tlpb__link_rings_sent(link);
	}
	if (sent)
		wake_peer(link, !first);
	link->retry_bytes = first ? link->outbox.bytes + RETRY_BYTES : 0;
	t->ops->want_send(t, first != NULL);
	tlpb__link_rearm(link);
	link->told_owner = false;
	if (link->config.gather && !has_ring(t))
		link->flushed_us = monotonic_us();
}

void tlpb__link_flush(struct link *link)
{
	if (link->transport && tlpb__link_holds(link))
		tlpb__link_leave_to_owner(link);
	else
		tlpb__link_flush_now(link);
}

void tlpb__link_flush_posted(struct link *link)
{
	if (!link->config.gather || has_ring(link->transport))	/* a ring gathers by itself */
		tlpb__link_flush(link);
	else if (!link->transport || link->outbox.bytes < link->retry_bytes)
		return;
	else if (link->outbox.bytes < BURST_BYTES && monotonic_us() - link->flushed_us < BURST_US)
		tlpb__link_leave_to_owner(link);
	else
		tlpb__link_flush(link);
}

/* ---- going down ---- */

/* For the next message: a steady stream allocates nothing. */
static void keep_incoming(struct link *link, struct incoming *in)
{
	if (link->spare)
		free(in);
	else
		link->spare = in;
}

static void release_incoming(struct link *link, struct incoming *in)
{
	if (link->transport)
		link->transport->ops->release(link->transport, &in->message);
	keep_incoming(link, in);
}

static void release_retired(struct link *link)
{
	while (link->retired) {
		struct incoming *in = link->retired;

		link->retired = in->next;
		release_incoming(link, in);
	}
}

static void retire_rx(struct link *link)
{
	link->rx->next = link->retired;
	link->retired = link->rx;
	link->rx = NULL;
}

/* The transport stays open until no callback can still look at its messages. */
static void close_transport(struct link *link, int linger_ms)
{
	if (!link->transport || link->depth)
		return;
	if (link->rx)
		retire_rx(link);
	release_retired(link);
	tlpb__link_flow_end(link);
	tlpb__segment_close(&link->offered);
	tlpb__outbox_clear(&link->outbox);
	link->transport->ops->close(link->transport, linger_ms);
	link->transport = NULL;
}

static void say_goodbye(struct link *link, enum tlpb_reason reason, const char *text)
{
	struct goodbye goodbye = { .reason = (uint16_t)reason };
	uint8_t bytes[TEXT_MAX + 8];
	int len;

	if (reason == TLPB_REASON_NORMAL)
		tlpb__link_pump(link);		/* what was held for more to come */
	snprintf(goodbye.text, sizeof goodbye.text, "%s", text);
	len = tlpb__goodbye_encode(&goodbye, bytes, sizeof bytes);
	link->said_goodbye = true;	/* from here on no TLP goes, which might be a violation again */
	if (tlpb__link_send(link, TLPB_FRAME_GOODBYE, 0, bytes, (size_t)len) == 0)
		tlpb__link_flush_now(link);
}

void tlpb__link_fail(struct link *link, enum tlpb_reason reason, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	if (link->state == LINK_DOWN || link->said_goodbye)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	say_goodbye(link, reason, text);
	go_down(link, reason, text);
}

/* ---- receiving: one handler a frame ---- */

void tlpb__link_protocol_error(struct link *link, const char *what, int err)
{
	tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "%s: %s", what, tlpb_strerror(err));
}

static void on_reset(struct link *link, const struct frame *f)
{
	unsigned kind = f->length >= 2 ? get_le16(f->body) : TLPB_RESET_KINDS;

	if (link->config.role == TLPB_HOST || kind >= TLPB_RESET_KINDS)
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "RESET that makes no sense");
	else if (link->events.reset)
		link->events.reset(link->ctx, (enum tlpb_reset)kind);
}

static void on_dma_fault(struct link *link, const struct frame *f)
{
	struct dma_fault fault;

	if (link->config.role == TLPB_HOST || tlpb__dma_fault_decode(f->body, f->length, &fault))
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "DMA_FAULT that makes no sense");
	else if (link->events.dma_fault)
		link->events.dma_fault(link->ctx, &fault);
}

static void on_eoi(struct link *link, const struct frame *f)
{
	unsigned pin = f->length >= 2 ? get_le16(f->body) : 4;

	if (link->config.role == TLPB_HOST || pin > 3)
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "EOI that makes no sense");
	else if (link->events.eoi)
		link->events.eoi(link->ctx, pin);
}

static void on_goodbye(struct link *link, const struct frame *f)
{
	struct goodbye g;

	if (tlpb__goodbye_decode(f->body, f->length, &g)) {
		tlpb__link_protocol_error(link, "GOODBYE", TLPB_ERR_TRUNCATED);
		return;
	}
	go_down(link, (enum tlpb_reason)g.reason, g.text);
}

#define IN(state) (1u << (state))

/* Which frame is legal in which state, and who handles it; the most frequent ones first. */
static const struct frame_rule {
	uint16_t kind;
	unsigned states;
	void (*handle)(struct link *link, const struct frame *frame);
} frame_rules[] = {
	{ TLPB_FRAME_TLP, IN(LINK_UP), tlpb__link_on_tlp },
	{ TLPB_FRAME_CREDITS, IN(LINK_UP), tlpb__link_on_credits },
	{ TLPB_FRAME_DIRTY, IN(LINK_UP), tlpb__link_on_dirty },
	{ TLPB_FRAME_GRANT_MEM, IN(LINK_UP), tlpb__link_on_grant_mem },
	{ TLPB_FRAME_REVOKE, IN(LINK_UP), tlpb__link_on_revoke },
	{ TLPB_FRAME_REVOKED, IN(LINK_UP), tlpb__link_on_revoked },
	{ TLPB_FRAME_HELLO, IN(LINK_WAIT_HELLO) | IN(LINK_HELLO_SENT), tlpb__link_on_hello },
	{ TLPB_FRAME_DEVICE, IN(LINK_RECORDS), tlpb__link_on_device },
	{ TLPB_FRAME_READY, IN(LINK_RECORDS), tlpb__link_on_ready },
	{ TLPB_FRAME_SEGMENT, IN(LINK_RECORDS), tlpb__link_on_segment },
	{ TLPB_FRAME_RINGS, IN(LINK_UP), tlpb__link_on_rings },
	{ TLPB_FRAME_RESET, IN(LINK_UP), on_reset },
	{ TLPB_FRAME_DMA_FAULT, IN(LINK_UP), on_dma_fault },
	{ TLPB_FRAME_EOI, IN(LINK_UP), on_eoi },
	{ TLPB_FRAME_GOODBYE,
	  IN(LINK_WAIT_HELLO) | IN(LINK_HELLO_SENT) | IN(LINK_RECORDS) | IN(LINK_UP), on_goodbye },
};

static const struct frame_rule *find_rule(uint16_t kind)
{
	for (unsigned i = 0; i < sizeof frame_rules / sizeof frame_rules[0]; i++)
		if (frame_rules[i].kind == kind)
			return &frame_rules[i];
	return NULL;
}

static void dispatch(struct link *link, const struct frame *frame)
{
	const struct frame_rule *rule = find_rule(frame->kind);

	if (frame->sequence != link->rx_sequence) {
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL,
				"frame %u came where %u was due: frames are lost or out of order",
				frame->sequence, link->rx_sequence);
		return;
	}
	link->rx_sequence++;
	observe(link, frame, false);
	if (link->state == LINK_DOWN || (!rule && frame->flags & TLPB_FRAME_OPTIONAL))
		return;		/* the checker took it down; or one that we need not know */
	if (!rule)
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "unknown frame of kind %u", frame->kind);
	else if (!(rule->states & IN(link->state)))
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL,
				"frame of kind %u is not legal while the link is %s", frame->kind,
				tlpb__link_state_name(link->state));
	else
		rule->handle(link, frame);
}

/* Have a message with unread frames in link->rx. 1, 0 or TLPB_ERR_CLOSED. */
static int fetch(struct link *link)
{
	struct incoming *in;
	int err;

	if (link->rx && link->rx->offset < link->rx->message.len)
		return 1;
	if (link->rx) {
		retire_rx(link);
		if (!link->depth)
			release_retired(link);
	}
	in = link->spare ? link->spare : malloc(sizeof *in);
	if (!in)
		return 0;
	link->spare = NULL;
	*in = (struct incoming){ 0 };
	err = link->transport->ops->recv(link->transport, &in->message);
	if (!err) {
		link->rx = in;
		return 1;
	}
	keep_incoming(link, in);
	return err == TLPB_ERR_AGAIN ? 0 : TLPB_ERR_CLOSED;
}

static void handle_one(struct link *link)
{
	struct incoming *in = link->rx;
	struct frame frame;
	int got = tlpb__frame_next(in->message.data, in->message.len, &in->offset, &frame);

	link->depth++;
	if (got > 0)
		dispatch(link, &frame);
	else			/* 0: a message without a frame */
		tlpb__link_protocol_error(link, "frame", got ? got : TLPB_ERR_TRUNCATED);
	link->depth--;
}

int tlpb__link_process_one(struct link *link)
{
	int got;

	link->armed = false;
	if (link->state != LINK_DOWN) {
		/* The answers to one message travel together. */
		if (!tlpb__link_mid_message(link))
			tlpb__link_flush_now(link);
		got = fetch(link);
		if (got > 0)
			handle_one(link);
		else if (got < 0)
			go_down(link, TLPB_REASON_LOST,
				"the peer is gone without a goodbye: it crashed or was killed");
		else
			return 0;
	}
	if (link->state != LINK_DOWN)
		return 1;
	close_transport(link, link->said_goodbye ? GOODBYE_LINGER_MS : 0);
	return TLPB_ERR_CLOSED;
}

int tlpb__link_process(struct link *link)
{
	int handled = 0;

	while ((handled < TLPB__LINK_BURST || tlpb__link_mid_message(link)) &&
	       tlpb__link_process_one(link) > 0)
		handled++;
	if (link->state != LINK_DOWN)
		tlpb__link_flush_now(link);
	return handled;
}

/* ---- life ---- */

int tlpb__link_new(struct transport *transport, const struct link_config *config,
		   struct link **out)
{
	struct link *link = calloc(1, sizeof *link);

	if (!link) {
		transport->ops->close(transport, 0);
		return TLPB_ERR_NOMEM;
	}
	link->transport = transport;
	link->config = *config;
	link->events = *config->events;
	link->ctx = config->ctx;
	link->offered.fd = -1;
	link->config.offered |= tlpb__link_rings_feature(link);
	if (tlpb__link_rings_required(link))
		link->config.required |= TLPB_FEATURE_SHM;
	snprintf(link->name, sizeof link->name, "%s", config->name);
	tlpb__tx_queue_init(&link->waiting, config->order_seed);
	if (config->device)
		link->device = *config->device;
	if (config->role == TLPB_HOST) {
		link->state = LINK_HELLO_SENT;
		tlpb__link_send_hello(link);
		tlpb__link_flush(link);
	}
	*out = link;
	return 0;
}

void tlpb__link_close(struct link *link, enum tlpb_reason reason, const char *text, int linger_ms)
{
	link->events = (struct link_events){ .observe = link->events.observe,
					     .now_ps = link->events.now_ps };
	if (link->state != LINK_DOWN) {
		say_goodbye(link, reason, text);
		go_down(link, reason, text);
	}
	close_transport(link, linger_ms);
	tlpb__link_flow_end(link);
	tlpb__outbox_clear(&link->outbox);
	free(link->spare);
	free(link->records);
	tlpb__monitor_free(link->monitor);
	free(link);
}
