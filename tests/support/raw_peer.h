/* SPDX-License-Identifier: MIT */
/*
 * A peer made by hand: it says what a test wants, right or wrong, and notes what
 * it hears. One thread.
 */
#ifndef TLPB_TEST_RAW_PEER_H
#define TLPB_TEST_RAW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

struct transport;

struct raw_peer {
	struct transport *transport;
	uint32_t sequence;	/* of the next frame */

	/* what was heard, by raw_listen() */
	bool hello, ready, goodbye, closed;
	struct hello peer;
	struct goodbye parting;
	unsigned frames, tlps;
	uint8_t last_tlp[64];	/* its first bytes */
};

/* Takes the transport over. */
void raw_start(struct raw_peer *p, struct transport *transport);
void raw_stop(struct raw_peer *p);

/* A message of these bytes. */
void raw_bytes(struct raw_peer *p, const void *bytes, size_t len);

/* A message of one frame with the right sequence number. */
void raw_frame(struct raw_peer *p, uint16_t kind, uint16_t flags, const void *body, size_t len);

/* Frames from a well-behaved peer. A hello to change before it is sent: */
struct hello raw_hello(uint16_t role, const uint8_t token[TLPB_TOKEN]);
void raw_send_hello(struct raw_peer *p, const struct hello *hello);
void raw_send_device(struct raw_peer *p);	/* DEVICE and READY of pair_device() */

/* Hear what has arrived; with a time, wait for the goodbye or the end. */
void raw_listen(struct raw_peer *p, int timeout_ms);

#endif
