/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: how messages lie in a stream of bytes. Two of the three ways are those of nng's
 * pair protocol, version 0, so that an nng pair socket can be the other end of a link.
 */
#ifndef TLPB_STREAM_FRAMING_H
#define TLPB_STREAM_FRAMING_H

#include <stddef.h>
#include <stdint.h>

enum { GREETING_MAX = 8, HEADER_MAX = 9 };	/* bytes */

struct framing {
	size_t greeting_len;			/* what each side says first; 0: nothing */
	uint8_t greeting[GREETING_MAX];
	size_t header_len;
	void (*put_header)(uint8_t *header, size_t len);
	uint64_t (*get_header)(const uint8_t *header);	/* bytes of the message that follows */
};

extern const struct framing tlpb__framing_plain;	/* a u32, little-endian; no greeting */
extern const struct framing tlpb__framing_pair_ipc;	/* 1, and a u64, big-endian */
extern const struct framing tlpb__framing_pair_tcp;	/* a u64, big-endian */

#endif
