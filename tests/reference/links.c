/* SPDX-License-Identifier: MIT */
/*
 * reference-links HOST-CREDITS ENDPOINT-CREDITS SEED MPS: a host's link and an endpoint's, joined in
 * memory, driven by lines and telling by lines what they do. For differential_test.py, which judges it.
 *
 *	<HEX, <HEX w	the host sends this TLP; w: it completes an I/O or configuration write
 *	>HEX, >HEX w	the endpoint does
 *	- CLASS		what came of this class (0 posted, 1 non-posted, 2 completions) leaves its buffers
 *	.		until nothing more happens; answered by "."
 *
 *	sent <HEX	it leaves the host
 *	came <HEX	it is at the endpoint
 *	told < N N N N N N	the host hears of credits, in the order of the pools
 *
 * SEED: of stress ordering, 0: off. Credits: as tlpb_pools_parse().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credits.h"
#include "frame.h"
#include "link.h"
#include "transport.h"

enum { HELD_MAX = 4096, CLASSES = 3, QUIET_ROUNDS = 3 };

struct side {
	char sends;		/* mark of what it sends */
	char takes;
	struct link *link;
	struct tlpb_credits held[CLASSES][HELD_MAX];
	unsigned holds[CLASSES];
};

static struct side host = { .sends = '<', .takes = '>' }, endpoint = { .sends = '>', .takes = '<' };
static unsigned long events;

static void die(const char *why)
{
	fprintf(stderr, "reference-links: %s\n", why);
	exit(1);
}

static void tell(const char *what, char mark, const uint8_t *bytes, size_t len)
{
	printf("%s %c", what, mark);
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	putchar('\n');
	events++;
}

static void tell_credits(const struct side *side, const struct frame *frame)
{
	uint16_t limits[TLPB_POOLS];

	if (tlpb__credits_decode(frame->body, frame->length, limits))
		die("CREDITS that make no sense");
	printf("told %c", side->sends);
	for (unsigned i = 0; i < TLPB_POOLS; i++)
		printf(" %u", limits[i]);
	putchar('\n');
	events++;
}

static void observe(void *ctx, const struct frame *frame, bool outbound)
{
	const struct side *side = ctx;

	if (frame->kind == TLPB_FRAME_TLP && outbound)
		tell("sent", side->sends, frame->body, frame->length);
	else if (frame->kind == TLPB_FRAME_CREDITS && !outbound)
		tell_credits(side, frame);
}

/* Held until its class is released. */
static bool take(void *ctx, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	struct tlpb_credits cost = tlpb_tlp_credits(tlp);
	struct side *side = ctx;

	tell("came", side->takes, frame->body, frame->length);
	if (side->holds[cost.cls] == HELD_MAX)
		die("too many are held");
	side->held[cost.cls][side->holds[cost.cls]++] = cost;
	return false;
}

static void release(struct side *side, unsigned cls)
{
	for (unsigned i = 0; i < side->holds[cls]; i++)
		tlpb__link_release(side->link, &side->held[cls][i]);
	side->holds[cls] = 0;
}

static void down(void *ctx, enum tlpb_reason reason, const char *text)
{
	die(text);
}

static const struct link_events link_events = { .tlp = take, .observe = observe, .down = down };

static const struct tlpb_device device = {
	.name = "reference", .vendor_id = 0x1d0f, .device_id = 0x7001,
	.region = { { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE } },
};

static void open_link(struct side *side, struct transport *end, const char *credits, char **argv)
{
	struct link_config config = {
		.role = side == &host ? TLPB_HOST : TLPB_ENDPOINT, .name = "reference", .rcb = 64,
		.mps = (unsigned)atoi(argv[4]), .mrrs = 4096, .order_seed = strtoull(argv[3], NULL, 10),
		.device = side == &host ? NULL : &device, .events = &link_events, .ctx = side,
	};
	struct tlpb_pools pools = { { 0 } };
	unsigned mps = config.mps;
	char why[256];

	if (tlpb_pools_parse(credits, &pools, why, sizeof why) ||
	    tlpb__credits_settle(&pools, &mps, mps, config.credits, why, sizeof why))
		die(why);
	if (tlpb__link_new(end, &config, &side->link))
		die("out of memory");
}

/* What a side has sent is looked at in the round after. */
static void process(void)
{
	for (unsigned quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
		unsigned long before = events;

		tlpb__link_process(endpoint.link);
		tlpb__link_process(host.link);
		if (events != before)
			quiet = 0;
	}
}

/* Bytes of the hex digits in place; *rest is what follows them. */
static size_t read_hex(char *hex, uint8_t *bytes, char **rest)
{
	size_t n = 0;
	unsigned byte;

	for (; n < TLPB_MAX_TLP && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		bytes[n++] = (uint8_t)byte;
	*rest = hex;
	return n;
}

static void send(struct side *side, char *hex)
{
	uint8_t bytes[TLPB_MAX_TLP];
	struct tlpb_tlp tlp;
	char *rest;
	size_t len = read_hex(hex, bytes, &rest);
	bool completes_write = strchr(rest, 'w');

	if (tlpb_tlp_unpack(bytes, len, &tlp) ||
	    (completes_write ? tlpb__link_send_write_completion(side->link, &tlp)
			     : tlpb__link_send_tlp(side->link, &tlp, 0)))
		die("a TLP that cannot be sent");
}

static void obey(char *line)
{
	switch (*line) {
	case '<':
		send(&host, line + 1);
		break;
	case '>':
		send(&endpoint, line + 1);
		break;
	case '-':
		release(&host, (unsigned)atoi(line + 1) % CLASSES);
		release(&endpoint, (unsigned)atoi(line + 1) % CLASSES);
		break;
	case '.':
		process();
		puts(".");
		fflush(stdout);
		break;
	default:
		die("a line of another kind");
	}
}

int main(int argc, char **argv)
{
	static char line[2 * TLPB_MAX_TLP + 16];
	struct transport *ends[2];

	if (argc != 5) {
		fprintf(stderr, "usage: reference-links HOST-CREDITS ENDPOINT-CREDITS SEED MPS\n");
		return 2;
	}
	if (tlpb__transport_mem_pair(64, ends))
		die("out of memory");
	open_link(&host, ends[0], argv[1], argv);
	open_link(&endpoint, ends[1], argv[2], argv);
	for (unsigned i = 0; i < 100 && tlpb__link_state(host.link) != LINK_UP; i++)
		process();
	while (fgets(line, sizeof line, stdin))
		obey(line);
	tlpb__link_close(host.link, TLPB_REASON_NORMAL, "", 0);
	tlpb__link_close(endpoint.link, TLPB_REASON_NORMAL, "", 0);
	return 0;
}
