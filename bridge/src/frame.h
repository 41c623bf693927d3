/* SPDX-License-Identifier: MIT */
/*
 * Frames of wire.h to and from bytes. Pure functions; decoders take untrusted
 * bytes and never read past len.
 */
#ifndef TLPB_FRAME_H
#define TLPB_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/credits.h>
#include <tlpbridge/err.h>
#include <tlpbridge/wire.h>

enum { TEXT_MAX = 256, URL_MAX = 256 };

struct frame {
	uint16_t kind;
	uint16_t flags;
	uint32_t length;
	uint64_t time_ps;
	uint32_t sequence;
	uint32_t mark;		/* posted writes: the sender's own */
	const uint8_t *body;	/* borrowed from the message */
};

struct join {
	uint16_t version;
	uint64_t offered, required;
	uint8_t host_token[TLPB_TOKEN];
	char device[TEXT_MAX];
	char host[TEXT_MAX];
};

struct grant {
	uint8_t link_token[TLPB_TOKEN];
	char url[URL_MAX];
};

struct refuse {
	uint16_t reason;
	uint16_t version;
	uint64_t features;
	char text[TEXT_MAX];
};

struct hello {
	uint16_t version;
	uint16_t role;
	uint64_t offered, required;
	uint8_t link_token[TLPB_TOKEN];
	uint16_t mps, mrrs, rcb;
	uint16_t credits[TLPB_POOLS];
	char name[TEXT_MAX];
};

/* Where the endpoint's shared memory is (segment.h). */
struct segment_offer {
	uint32_t pid, fd;		/* whose descriptor; pid 0: there is none */
	uint32_t ring_bytes;		/* bulk of each of the two rings: a power of two */
	uint8_t token[TLPB_TOKEN];	/* what it begins with */
	char place[96];			/* the machine and its PIDs (neighbour.h) */
};

/* An offer, or why there is none. */
struct segment_frame {
	struct segment_offer offer;
	char why[TEXT_MAX];
};

struct rings {
	uint16_t yes;
	char why[TEXT_MAX];
};

struct dma_fault {
	uint32_t mark;
	uint16_t reason;	/* -(enum tlpb_err) */
	uint64_t addr;
};

/* Host memory for direct DMA. */
struct grant_mem {
	uint16_t function;
	bool writable;
	uint32_t pid, fd;	/* whose descriptor, of the file that has it */
	uint64_t addr, len;	/* on the bus, bytes */
	uint64_t offset;	/* in the file */
};

struct mem_range {
	uint16_t function;
	uint64_t addr, len;
};

struct revoke {
	uint32_t number;
	struct mem_range range;
};

enum { DIRTY_MAX = 16, DIRTY_BYTES = 4 + 24 * DIRTY_MAX };	/* in a frame of ours; others may have more */

struct goodbye {
	uint16_t reason;
	char text[TEXT_MAX];
};

/*
 * The frame at *offset of a message; *offset moves behind it. 1: a frame, 0: the
 * message is over, TLPB_ERR_TRUNCATED or TLPB_ERR_TOO_LARGE.
 */
int tlpb__frame_next(const uint8_t *message, size_t len, size_t *offset, struct frame *frame);

/* Writes TLPB_FRAME_HEADER bytes. */
void tlpb__frame_put(uint8_t *header, const struct frame *frame);

/* Encoders return bytes written or TLPB_ERR_TOO_LARGE; decoders 0 or an error. */
int tlpb__join_encode(const struct join *join, uint8_t *bytes, size_t size);
int tlpb__join_decode(const uint8_t *bytes, size_t len, struct join *join);
int tlpb__grant_encode(const struct grant *grant, uint8_t *bytes, size_t size);
int tlpb__grant_decode(const uint8_t *bytes, size_t len, struct grant *grant);
int tlpb__refuse_encode(const struct refuse *refuse, uint8_t *bytes, size_t size);
int tlpb__refuse_decode(const uint8_t *bytes, size_t len, struct refuse *refuse);
int tlpb__hello_encode(const struct hello *hello, uint8_t *bytes, size_t size);
int tlpb__hello_decode(const uint8_t *bytes, size_t len, struct hello *hello);
int tlpb__credits_encode(const uint16_t limits[TLPB_POOLS], uint8_t *bytes, size_t size);
int tlpb__credits_decode(const uint8_t *bytes, size_t len, uint16_t limits[TLPB_POOLS]);
int tlpb__segment_encode(const struct segment_frame *segment, uint8_t *bytes, size_t size);
int tlpb__segment_decode(const uint8_t *bytes, size_t len, struct segment_frame *segment);
int tlpb__rings_encode(const struct rings *rings, uint8_t *bytes, size_t size);
int tlpb__rings_decode(const uint8_t *bytes, size_t len, struct rings *rings);
int tlpb__dma_fault_encode(const struct dma_fault *fault, uint8_t *bytes, size_t size);
int tlpb__dma_fault_decode(const uint8_t *bytes, size_t len, struct dma_fault *fault);
int tlpb__grant_mem_encode(const struct grant_mem *grant, uint8_t *bytes, size_t size);
int tlpb__grant_mem_decode(const uint8_t *bytes, size_t len, struct grant_mem *grant);
int tlpb__revoke_encode(const struct revoke *revoke, uint8_t *bytes, size_t size);
int tlpb__revoke_decode(const uint8_t *bytes, size_t len, struct revoke *revoke);
int tlpb__dirty_encode(const struct mem_range *ranges, unsigned count, uint8_t *bytes, size_t size);

/* How many ranges, or an error; and one of them: range number i, which is less. */
int tlpb__dirty_count(const uint8_t *bytes, size_t len);
struct mem_range tlpb__dirty_range(const uint8_t *bytes, unsigned i);
int tlpb__goodbye_encode(const struct goodbye *goodbye, uint8_t *bytes, size_t size);
int tlpb__goodbye_decode(const uint8_t *bytes, size_t len, struct goodbye *goodbye);

/* Comma separated names of feature bits, for messages. */
void tlpb__feature_names(uint64_t features, char *text, size_t size);

#endif
