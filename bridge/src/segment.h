/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: the memory that two ends of a link share. One end makes it, as a sealed memory file without a
 * name; the other opens it (neighbour.h).
 *
 *	0     token of the segment, so that no other file is taken for it
 *	4096  ring to the endpoint (struct ring_shared, cells, bulk)
 *	...   ring to the host
 */
#ifndef TLPB_SEGMENT_H
#define TLPB_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"

struct segment {
	uint8_t *base;			/* NULL: none */
	size_t size;
	uint32_t ring_bytes;
	int fd;				/* of who made it, until the other end has opened it; else -1 */
};

enum {
	RING_BYTES_MIN = 128 * 1024,	/* a frame of any size fits */
	RING_BYTES_DEFAULT = 128 * 1024,
	RING_BYTES_MAX = 64 * 1024 * 1024,
};

/* 0, or TLPB_ERR_IO and the reason in why. */
int tlpb__segment_make(struct segment *s, uint32_t ring_bytes, struct segment_offer *offer, char *why,
		       size_t size);
int tlpb__segment_open(struct segment *s, const struct segment_offer *offer, char *why, size_t size);

/* The other end has opened it. */
void tlpb__segment_opened(struct segment *s);

void tlpb__segment_close(struct segment *s);

#endif
