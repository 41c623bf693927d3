/* SPDX-License-Identifier: MIT */
/* What the files of a link share: link.c (frames, life), link_hello.c (until it is up), link_inject.c, link_check.c. */
#ifndef TLPB_LINK_PRIVATE_H
#define TLPB_LINK_PRIVATE_H

#include "link.h"
#include "outbox.h"

/* A received message; retired ones wait until no callback can look at them. */
struct incoming {
	struct incoming *next;
	struct message message;
	size_t offset;
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
	int64_t flushed_us;		/* when, on the host's clock */
	bool told_owner;		/* the descriptor is readable because of what is queued */
	size_t retry_bytes;		/* of the outbox, at which the next posted frame is worth a flush */
	struct incoming *rx, *retired, *spare;
	struct monitor *monitor;	/* NULL: nothing is checked */
	enum tlpb_check check;
	struct inject *inject;		/* the owner's; NULL: nothing is injected */
	unsigned depth;			/* callbacks running */
};

/* Take the link down because what the peer sent makes no sense. */
void tlpb__link_protocol_error(struct link *link, const char *what, int err);

/* An encoded TLP, past error injection: send it; check it and give it to the owner. */
int tlpb__link_send_packed(struct link *link, const uint8_t *bytes, size_t len, uint32_t *sequence);
void tlpb__link_take_tlp(struct link *link, const struct frame *frame);

/* link_check.c: HELLO told the limits; a frame passes, when there is a monitor. */
void tlpb__link_check_limits(struct link *link);
void tlpb__link_check(struct link *link, const struct frame *frame, bool outbound);

/* link_inject.c: the same, with error injection; bytes has room for TLPB_MAX_TLP. */
int tlpb__link_inject_sent(struct link *link, uint8_t *bytes, size_t len, uint32_t *sequence);
void tlpb__link_inject_received(struct link *link, const struct frame *frame);

/* link_hello.c: say HELLO, and handle the frames that come before the link is up. */
void tlpb__link_send_hello(struct link *link);
void tlpb__link_on_hello(struct link *link, const struct frame *frame);
void tlpb__link_on_device(struct link *link, const struct frame *frame);
void tlpb__link_on_ready(struct link *link, const struct frame *frame);

#endif
