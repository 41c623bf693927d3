/* SPDX-License-Identifier: MIT */
/*
 * Completions from a peer for requests that are outstanding: whatever comes, data
 * stay inside their buffers and each request ends once at most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tags.h"

enum { REQUESTS = 4, BYTES = 200 };

static struct tags tags;
static uint8_t *buffers[REQUESTS];
static unsigned ended[REQUESTS];

static void on_done(void *arg, const struct tags_request *request, int err)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	FUZZ_CHECK(++ended[n] == 1);
	FUZZ_CHECK(err || request->got == BYTES);
}

static void begin(unsigned n)
{
	struct tlpb_extent e = tlpb_extent(0x1003 + n, BYTES);
	struct tlpb_tlp tlp = {
		.kind = TLPB_MRD, .address = 0x1000, .requester_id = 0x100,
		.length_dw = e.length_dw, .first_be = e.first_be, .last_be = e.last_be,
	};

	buffers[n] = malloc(BYTES);
	ended[n] = 0;
	tlp.address = (0x1003 + n) & ~3u;
	FUZZ_CHECK(!tlpb__tags_begin(&tags, &tlp, buffers[n], BYTES, on_done, (void *)(uintptr_t)n));
}

/* The input is completions: a length byte in units of 4, then so many bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tlpb_tlp tlp;

	memset(&tags, 0, sizeof tags);
	tlpb__tags_init(&tags, 32);
	for (unsigned n = 0; n < REQUESTS; n++)
		begin(n);
	while (size > 1) {
		size_t len = 4u * data[0] < size - 1 ? 4u * data[0] : size - 1;

		if (tlpb_tlp_check(data + 1, len, 4096) == TLPB_RULE_NONE &&
		    !tlpb_tlp_unpack(data + 1, len, &tlp) &&
		    tlpb_kind_class(tlp.kind) == TLPB_COMPLETION)
			tlpb__tags_complete(&tags, &tlp);
		data += 1 + len;
		size -= 1 + len;
	}
	tlpb__tags_abort(&tags, TLPB_ERR_CLOSED, true);
	for (unsigned n = 0; n < REQUESTS; n++) {
		FUZZ_CHECK(ended[n] == 1);
		free(buffers[n]);
	}
	return 0;
}

/* All completions of request i, split at 64 bytes. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static const uint8_t payload[132];	/* 128 bytes, not aligned */
	uint64_t addr = 0x1003 + i;
	size_t left = BYTES, used = 0;

	if (i >= REQUESTS)
		return 0;
	while (left) {
		size_t n = tlpb_next_completion(addr, left, 128, 64);
		struct tlpb_tlp c = {
			.kind = TLPB_CPLD, .tag = (uint16_t)i, .requester_id = 0x100,
			.byte_count = (uint16_t)left, .lower_address = addr & 0x7f,
			.length_dw = (uint16_t)(((addr & 3) + n + 3) / 4), .payload = payload,
		};

		c.payload_len = 4u * c.length_dw;
		int len = tlpb_tlp_pack(&c, data + used + 1, size - used - 1);
		FUZZ_CHECK(len > 0);
		data[used] = (uint8_t)(len / 4);
		used += 1 + (size_t)len;
		addr += n;
		left -= n;
	}
	return used;
}
