/* SPDX-License-Identifier: MIT */
/*
 * bench-tlp MEASURE COUNT [BYTES]: nanoseconds that a posted write of BYTES (4) costs. One thread.
 *
 *	cost	from one link to another in memory: packed, charged to credits, past the ordering
 *		rules, sent, received, checked, unpacked, and its credits given back; and how often
 *		memory was allocated for it. The linker gives us the library's calls (-Wl,--wrap).
 *	codec	packed, checked and unpacked, and nothing else
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "bench_clock.h"
#include "credits.h"
#include "link.h"
#include "transport.h"

enum { PARTS = 100 };

static unsigned long received;

static bool take(void *ctx, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	received++;
	return true;
}

static const struct link_events events = { .tlp = take };

static const struct tlpb_device device = {
	.name = "bench", .vendor_id = 0x1d0f, .device_id = 0x7001,
	.region = { { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE } },
};

static struct link *open_link(struct transport *end, enum tlpb_role role)
{
	struct link_config config = {
		.role = role, .name = "bench", .mps = 512, .mrrs = 512, .rcb = 64,
		.device = role == TLPB_ENDPOINT ? &device : NULL, .events = &events,
	};
	struct tlpb_pools defaults = { { 0 } };
	unsigned mps = config.mps;
	struct link *link;
	char why[256];

	if (tlpb__credits_settle(&defaults, &mps, mps, config.credits, why, sizeof why) ||
	    tlpb__link_new(end, &config, &link))
		exit(1);
	return link;
}

static struct tlpb_tlp a_write(size_t bytes)
{
	static const uint8_t data[512];

	return (struct tlpb_tlp){
		.kind = TLPB_MWR, .address = 0xfe000000, .length_dw = (uint16_t)(bytes / 4),
		.first_be = 15, .last_be = bytes > 4 ? 15 : 0, .payload = data, .payload_len = bytes,
	};
}

struct bench {
	struct link *host, *endpoint;
	struct tlpb_tlp tlp;
};

/* What others on the machine take of our time is not a TLP's cost: the fastest of many parts. */
static double fastest(void (*part)(struct bench *b, unsigned long count), struct bench *b,
		      unsigned long count)
{
	unsigned long each = count / PARTS ? count / PARTS : 1;
	double best = 1e9;

	for (unsigned i = 0; i < PARTS; i++) {
		double start = seconds_now(), took;

		part(b, each);
		took = seconds_now() - start;
		best = took < best ? took : best;
	}
	return best / (double)each;
}

/* Writes until the credits are used up, then the other end's turn. */
static void send(struct bench *b, unsigned long count)
{
	struct tlpb_credits cost = tlpb_tlp_credits(&b->tlp);

	received = 0;
	for (unsigned long sent = 0; received < count;) {
		for (; sent < count && tlpb__link_has_room(b->host, &cost); sent++)
			tlpb__link_send_tlp(b->host, &b->tlp, 0);
		tlpb__link_flush(b->host);
		tlpb__link_process(b->endpoint);
		tlpb__link_process(b->host);
	}
}

static void open_links(struct bench *b)
{
	struct transport *ends[2];

	if (tlpb__transport_mem_pair(64, ends))
		exit(1);
	b->host = open_link(ends[0], TLPB_HOST);
	b->endpoint = open_link(ends[1], TLPB_ENDPOINT);
	while (tlpb__link_state(b->host) != LINK_UP) {
		tlpb__link_process(b->endpoint);
		tlpb__link_process(b->host);
	}
}

static void cost(struct bench *b, unsigned long count)
{
	double seconds;

	open_links(b);
	send(b, count / 10 + 1);
	allocations = 0;
	seconds = fastest(send, b, count);
	printf("%.1f allocations_per_tlp=%g\n", seconds * 1e9, (double)allocations / (double)count);
	tlpb__link_close(b->host, TLPB_REASON_NORMAL, "", 0);
	tlpb__link_close(b->endpoint, TLPB_REASON_NORMAL, "", 0);
}

static void pack_and_unpack(struct bench *b, unsigned long count)
{
	uint8_t packed[TLPB_MAX_TLP];
	struct tlpb_tlp back;

	for (unsigned long i = 0; i < count; i++) {
		int len = tlpb_tlp_pack(&b->tlp, packed, sizeof packed);

		if (len < 0 || tlpb_tlp_check(packed, (size_t)len, 512) ||
		    tlpb_tlp_unpack(packed, (size_t)len, &back))
			exit(1);
	}
}

static void codec(struct bench *b, unsigned long count)
{
	printf("%.1f\n", fastest(pack_and_unpack, b, count) * 1e9);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	size_t bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 4;
	void (*measure)(struct bench *b, unsigned long count) = NULL;

	if (argc > 1)
		measure = !strcmp(argv[1], "cost") ? cost : !strcmp(argv[1], "codec") ? codec : NULL;
	if (!measure || !count || !bytes || bytes > 512 || bytes % 4) {
		fprintf(stderr, "usage: bench-tlp cost|codec COUNT [BYTES: 4, 8, ... 512]\n");
		return 2;
	}
	measure(&(struct bench){ .tlp = a_write(bytes) }, count);
	return 0;
}
