/* SPDX-License-Identifier: MIT */
/*
 * Traffic before the judge, whose state follows it. The first byte is bits of the
 * endpoint's state; then come TLPs, each behind two bytes: its length, and in the top bit
 * whether the endpoint sends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/judge.h>

#include "fuzz.h"

enum { ROOM = 16, SENT = 0x8000 };

static const struct tlpb_judge_bar bars[] = {
	{ .base = 0x1000, .size = 0x1000 }, { .base = 0x1000, .size = 0x100, .io = true },
};

static void set_up(struct tlpb_judge_state *state, struct tlpb_judge_request *outstanding, uint8_t bits)
{
	tlpb_judge_init(state);
	state->has_id = true;
	state->id = 0x100;
	state->legacy = bits & 1;
	state->ecrc_check = bits & 2;
	state->ready = !(bits & 4);
	state->in_reset = bits & 8;
	state->d_state = bits >> 4 & 3;
	state->atomic_sizes = bits & 64 ? 4 | 8 | 16 : 0;
	state->rcb = bits & 128 ? 128 : 64;
	state->bars = bars;
	state->bar_count = 2;
	state->outstanding = outstanding;
	state->outstanding_room = ROOM;
}

/* Each waits for something, once. */
static void check_state(const struct tlpb_judge_state *state)
{
	FUZZ_CHECK(state->outstanding_count <= ROOM);
	for (size_t i = 0; i < state->outstanding_count; i++) {
		const struct tlpb_judge_request *o = &state->outstanding[i];

		FUZZ_CHECK(tlpb_kind_class(o->request.kind) == TLPB_NON_POSTED);
		FUZZ_CHECK(!o->received || o->received < 4u * o->request.length_dw);
		FUZZ_CHECK(tlpb_judge_find(state, o->request.requester_id, o->request.tag) == o);
	}
}

/* An exact copy, so that the sanitizer sees each byte that is read beyond the end. */
static void judge(struct tlpb_judge_state *state, enum tlpb_judge_side side, const uint8_t *data,
		  size_t len)
{
	uint8_t *bytes = malloc(len ? len : 1);
	struct tlpb_judgement alone, next;

	memcpy(bytes, data, len);
	alone = tlpb_judge(state, side, bytes, len);
	next = tlpb_judge_next(state, side, bytes, len);
	FUZZ_CHECK(alone.verdict == next.verdict && !strcmp(alone.rule, next.rule));
	FUZZ_CHECK(*tlpb_verdict_name(next.verdict));
	FUZZ_CHECK((next.verdict == TLPB_VERDICT_ACCEPT) == !*next.rule);
	if (tlpb_tlp_check(bytes, len, TLPB_MAX_PAYLOAD))
		FUZZ_CHECK(next.verdict == TLPB_VERDICT_MALFORMED);
	check_state(state);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tlpb_judge_request outstanding[ROOM];
	struct tlpb_judge_state state;

	set_up(&state, outstanding, size ? data[0] : 0);
	for (size_t at = 1; at + 2 <= size;) {
		unsigned head = data[at] << 8 | data[at + 1];
		size_t len = head & ~(unsigned)SENT;

		at += 2;
		if (len > size - at)
			len = size - at;
		judge(&state, head & SENT ? TLPB_JUDGE_SENT : TLPB_JUDGE_RECEIVED, data + at, len);
		at += len;
	}
	return 0;
}

static size_t put(struct tlpb_tlp tlp, bool sent, uint8_t *data, size_t at, size_t size)
{
	static const uint8_t payload[256];
	int len;

	tlp.payload = tlpb_kind_has_data(tlp.kind) ? payload : NULL;
	tlp.payload_len = tlp.payload ? 4u * tlp.length_dw : 0;
	len = tlpb_tlp_pack(&tlp, data + at + 2, size - at - 2);
	data[at] = (uint8_t)((sent ? SENT >> 8 : 0) | len >> 8);
	data[at + 1] = (uint8_t)len;
	return at + 2 + (size_t)len;
}

/* A DMA read in two parts, and each kind of request with the completion that ends it. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	struct tlpb_tlp read = { .kind = TLPB_MRD, .requester_id = 0x100, .tag = 3, .address = 0x20,
		.length_dw = 40, .first_be = 15, .last_be = 15 };
	struct tlpb_tlp part = { .kind = TLPB_CPLD, .requester_id = 0x100, .tag = 3, .length_dw = 8,
		.byte_count = 160, .lower_address = 0x20 };
	struct tlpb_tlp request = { .kind = (enum tlpb_tlp_kind)i, .address = 0x1000, .length_dw = 1,
		.first_be = 15 };
	struct tlpb_tlp answer = { .kind = TLPB_CPL, .byte_count = 4, .completer_id = 0x100 };
	size_t at;

	if (i > TLPB_CFGWR1)
		return 0;
	data[0] = 64 | 1;
	at = put(read, true, data, 1, size);
	at = put(part, false, data, at, size);
	part.length_dw = 32;
	part.byte_count = 128;
	part.lower_address = 0x40;
	at = put(part, false, data, at, size);
	if (request.kind == TLPB_CAS)
		request.length_dw = 2;
	if (!tlpb_kind_has_data(request.kind) || (i >= TLPB_FETCHADD && i <= TLPB_CAS)) {
		answer.kind = request.kind == TLPB_MRDLK ? TLPB_CPLDLK : TLPB_CPLD;
		answer.length_dw = 1;
	}
	at = put(request, false, data, at, size);
	return put(answer, true, data, at, size);
}
