/* SPDX-License-Identifier: MIT */
/*
 * bench-tlp MEASURE COUNT [BYTES]: nanoseconds that a posted write of BYTES (4) costs. One thread.
 *
 *	cost	from one link to another in memory: packed, charged to credits, past the ordering
 *		rules, sent, received, checked, unpacked, and its credits given back
 *	codec	packed, checked and unpacked, and nothing else
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_clock.h"
#include "credits.h"
#include "link.h"
#include "transport.h"

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

/* Writes until the credits are used up, then the other end's turn. */
static void run(struct link *from, struct link *to, unsigned long count, size_t bytes)
{
	struct tlpb_tlp tlp = a_write(bytes);
	struct tlpb_credits cost = tlpb_tlp_credits(&tlp);

	received = 0;
	for (unsigned long sent = 0; received < count;) {
		for (; sent < count && tlpb__link_has_room(from, &cost); sent++)
			tlpb__link_send_tlp(from, &tlp, 0);
		tlpb__link_flush(from);
		tlpb__link_process(to);
		tlpb__link_process(from);
	}
}

static double cost(unsigned long count, size_t bytes)
{
	struct transport *ends[2];
	struct link *host, *endpoint;
	double start, end;

	if (tlpb__transport_mem_pair(64, ends))
		exit(1);
	host = open_link(ends[0], TLPB_HOST);
	endpoint = open_link(ends[1], TLPB_ENDPOINT);
	while (tlpb__link_state(host) != LINK_UP) {
		tlpb__link_process(endpoint);
		tlpb__link_process(host);
	}
	run(host, endpoint, count / 10 + 1, bytes);
	start = seconds_now();
	run(host, endpoint, count, bytes);
	end = seconds_now();
	tlpb__link_close(host, TLPB_REASON_NORMAL, "", 0);
	tlpb__link_close(endpoint, TLPB_REASON_NORMAL, "", 0);
	return end - start;
}

static double codec(unsigned long count, size_t bytes)
{
	struct tlpb_tlp tlp = a_write(bytes), back;
	uint8_t packed[TLPB_MAX_TLP];
	double start = seconds_now();

	for (unsigned long i = 0; i < count; i++) {
		int len = tlpb_tlp_pack(&tlp, packed, sizeof packed);

		if (len < 0 || tlpb_tlp_check(packed, (size_t)len, 512) ||
		    tlpb_tlp_unpack(packed, (size_t)len, &back))
			exit(1);
	}
	return seconds_now() - start;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	size_t bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 4;
	double (*measure)(unsigned long, size_t) = NULL;

	if (argc > 1)
		measure = !strcmp(argv[1], "cost") ? cost : !strcmp(argv[1], "codec") ? codec : NULL;
	if (!measure || !count || !bytes || bytes > 512 || bytes % 4) {
		fprintf(stderr, "usage: bench-tlp cost|codec COUNT [BYTES: 4, 8, ... 512]\n");
		return 2;
	}
	printf("%.1f\n", measure(count, bytes) / (double)count * 1e9);
	return 0;
}
