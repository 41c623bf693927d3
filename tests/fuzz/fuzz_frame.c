/* SPDX-License-Identifier: MIT */
/*
 * Messages of a peer, on a link or in the lobby: frames are cut out and their bodies
 * decoded; what was understood must come back when it is encoded again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "fuzz.h"

enum { BODY_MAX = 2048 };

/* A decoder and its encoder, on a struct of at most BODY_MAX bytes. */
#define BODY(name)                                                                      \
	static int name##_in(const uint8_t *bytes, size_t len, void *body)              \
	{                                                                               \
		return tlpb__##name##_decode(bytes, len, body);                         \
	}                                                                               \
	static int name##_out(const void *body, uint8_t *bytes, size_t size)            \
	{                                                                               \
		return tlpb__##name##_encode(body, bytes, size);                        \
	}
BODY(join)
BODY(grant)
BODY(refuse)
BODY(hello)
BODY(dma_fault)
BODY(goodbye)
BODY(grant_mem)
BODY(revoke)
#undef BODY

static const struct body {
	uint16_t kind;
	size_t size;
	int (*in)(const uint8_t *bytes, size_t len, void *body);
	int (*out)(const void *body, uint8_t *bytes, size_t size);
} bodies[] = {
	{ TLPB_FRAME_JOIN, sizeof(struct join), join_in, join_out },
	{ TLPB_FRAME_GRANT, sizeof(struct grant), grant_in, grant_out },
	{ TLPB_FRAME_REFUSE, sizeof(struct refuse), refuse_in, refuse_out },
	{ TLPB_FRAME_HELLO, sizeof(struct hello), hello_in, hello_out },
	{ TLPB_FRAME_DMA_FAULT, sizeof(struct dma_fault), dma_fault_in, dma_fault_out },
	{ TLPB_FRAME_GOODBYE, sizeof(struct goodbye), goodbye_in, goodbye_out },
	{ TLPB_FRAME_GRANT_MEM, sizeof(struct grant_mem), grant_mem_in, grant_mem_out },
	{ TLPB_FRAME_REVOKE, sizeof(struct revoke), revoke_in, revoke_out },
};

/* Encoded, decoded and encoded once more: the same bytes. */
static void encode_again(const struct body *b, const void *first)
{
	_Alignas(8) uint8_t second[BODY_MAX] = { 0 };
	uint8_t bytes[BODY_MAX], again[BODY_MAX];
	int len = b->out(first, bytes, sizeof bytes);

	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(!b->in(bytes, (size_t)len, second));
	FUZZ_CHECK(b->out(second, again, sizeof again) == len);
	FUZZ_CHECK(!memcmp(bytes, again, (size_t)len));
}

/* Ranges one by one: all of them are in the body, and come back. */
static void decode_dirty(const struct frame *frame)
{
	int count = tlpb__dirty_count(frame->body, frame->length);
	uint8_t bytes[64];

	for (int i = 0; i < count; i++) {
		struct mem_range range = tlpb__dirty_range(frame->body, (unsigned)i), again;

		FUZZ_CHECK(tlpb__dirty_encode(&range, 1, bytes, sizeof bytes) > 0);
		again = tlpb__dirty_range(bytes, 0);
		FUZZ_CHECK(again.addr == range.addr && again.len == range.len &&
			   again.function == range.function);
	}
}

static void decode(const struct frame *frame)
{
	_Alignas(8) uint8_t body[BODY_MAX] = { 0 };

	if (frame->kind == TLPB_FRAME_DIRTY)
		decode_dirty(frame);

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		FUZZ_CHECK(bodies[i].size <= BODY_MAX);
		if (bodies[i].kind == frame->kind &&
		    !bodies[i].in(frame->body, frame->length, body))
			encode_again(&bodies[i], body);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame;
	size_t offset = 0, before = 0;

	while (tlpb__frame_next(data, size, &offset, &frame) > 0) {
		FUZZ_CHECK(offset <= size && offset == before + TLPB_FRAME_HEADER + frame.length);
		before = offset;
		decode(&frame);
	}
	return 0;
}

static size_t put(uint8_t *data, uint16_t kind, int len)
{
	struct frame frame = { .kind = kind, .length = (uint32_t)len };

	FUZZ_CHECK(len >= 0);
	tlpb__frame_put(data, &frame);
	return TLPB_FRAME_HEADER + (size_t)len;
}

/* A message for each kind, and one with two frames. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static const struct join join = { .version = 1, .device = "endpoint-test", .host = "qemu" };
	static const struct grant grant = { .url = "ipc:///run/x.link.01234567" };
	static const struct refuse refuse = { .reason = 4, .version = 1, .text = "in use" };
	static const struct hello hello = { .version = 1, .mps = 512, .mrrs = 512, .rcb = 64,
					    .name = "qemu" };
	static const struct dma_fault fault = { .mark = 7, .reason = 15, .addr = 0x1000 };
	static const struct goodbye goodbye = { .reason = 0, .text = "bye" };
	static const struct grant_mem grant_mem = { .writable = true, .pid = 4711, .fd = 3,
						    .addr = 0x100000000, .len = 4096 };
	static const struct revoke revoke = { 7, { 1, 0x100000000, 4096 } };
	static const struct mem_range dirty[] = { { 0, 0x1000, 64 }, { 1, 0x100000000, 4096 } };
	uint8_t *body = data + TLPB_FRAME_HEADER;
	size_t room = size - TLPB_FRAME_HEADER, n;

	switch (i) {
	case 0: return put(data, TLPB_FRAME_JOIN, tlpb__join_encode(&join, body, room));
	case 1: return put(data, TLPB_FRAME_GRANT, tlpb__grant_encode(&grant, body, room));
	case 2: return put(data, TLPB_FRAME_REFUSE, tlpb__refuse_encode(&refuse, body, room));
	case 3: return put(data, TLPB_FRAME_HELLO, tlpb__hello_encode(&hello, body, room));
	case 4: return put(data, TLPB_FRAME_DMA_FAULT, tlpb__dma_fault_encode(&fault, body, room));
	case 5:
		n = put(data, TLPB_FRAME_READY, 0);
		return n + put(data + n, TLPB_FRAME_GOODBYE,
			       tlpb__goodbye_encode(&goodbye, data + n + TLPB_FRAME_HEADER, room - n));
	case 6: return put(data, TLPB_FRAME_GRANT_MEM, tlpb__grant_mem_encode(&grant_mem, body, room));
	case 7: return put(data, TLPB_FRAME_REVOKE, tlpb__revoke_encode(&revoke, body, room));
	case 8: return put(data, TLPB_FRAME_DIRTY, tlpb__dirty_encode(dirty, 2, body, room));
	}
	return 0;
}
