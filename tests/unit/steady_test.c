/* SPDX-License-Identifier: MIT */
/*
 * In the steady state nothing is allocated a TLP, from link to link in memory. The linker gives
 * us the library's calls of malloc() and its kind (-Wl,--wrap).
 */
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "credits.h"
#include "gtest.h"
#include "link.h"
#include "transport.h"

static unsigned long received;

static uint16_t last_tag;
static unsigned overtakings;

static bool take(void *ctx, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	received++;
	if (tlp->kind == TLPB_MRD) {
		overtakings += tlp->tag < last_tag;
		last_tag = tlp->tag;
	}
	return true;
}

static const struct link_events events = { .tlp = take };
static const struct tlpb_device device = {
	.name = "steady", .vendor_id = 0x1d0f, .device_id = 0x7001,
	.region = { { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE } },
};
static struct link *host, *endpoint;

static struct link *open_link(struct transport *end, enum tlpb_role role, const char *credits,
			      uint64_t seed)
{
	struct link_config config = {
		.role = role, .name = "steady", .mps = 128, .mrrs = 128, .rcb = 64, .order_seed = seed,
		.device = role == TLPB_ENDPOINT ? &device : NULL, .events = &events,
	};
	struct tlpb_pools pools = { { 0 } };
	unsigned mps = config.mps;
	struct link *link = NULL;
	char why[256];

	if (credits)
		EXPECT_EQ(tlpb_pools_parse(credits, &pools, why, sizeof why), 0);
	EXPECT_EQ(tlpb__credits_settle(&pools, &mps, mps, config.credits, why, sizeof why), 0);
	EXPECT_EQ(tlpb__link_new(end, &config, &link), 0);
	return link;
}

static void open_links(const char *credits, uint64_t seed)
{
	struct transport *ends[2];

	ASSERT_EQ(tlpb__transport_mem_pair(64, ends), 0);
	host = open_link(ends[0], TLPB_HOST, credits, seed);
	endpoint = open_link(ends[1], TLPB_ENDPOINT, credits, seed);
	for (unsigned i = 0; i < 100 && tlpb__link_state(host) != LINK_UP; i++) {
		tlpb__link_process(endpoint);
		tlpb__link_process(host);
	}
	ASSERT_EQ(tlpb__link_state(host), LINK_UP);
}

static void close_links(void)
{
	tlpb__link_close(host, TLPB_REASON_NORMAL, "", 0);
	tlpb__link_close(endpoint, TLPB_REASON_NORMAL, "", 0);
}

/* Writes of all sizes and reads, more at once than there are credits. */
static void traffic(unsigned rounds)
{
	static const uint8_t data[128];
	unsigned long want = received;

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 1; i <= 32; i++) {
			struct tlpb_tlp write = {
				.kind = TLPB_MWR, .length_dw = (uint16_t)i, .first_be = 15,
				.last_be = i > 1 ? 15 : 0, .payload = data, .payload_len = 4 * i,
			};
			struct tlpb_tlp read = { .kind = TLPB_MRD, .length_dw = 1, .first_be = 15,
						 .tag = (uint16_t)i };

			EXPECT_EQ(tlpb__link_send_tlp(host, &write, 0), 0);
			EXPECT_EQ(tlpb__link_send_tlp(host, &read, 0), 0);
			want += 2;
		}
		for (unsigned i = 0; i < 1000 && received < want; i++) {
			tlpb__link_flush(host);
			tlpb__link_process(endpoint);
			tlpb__link_process(host);
		}
		ASSERT_EQ(received, want);
	}
}

static void expect_no_allocation(const char *credits, uint64_t seed)
{
	unsigned long before;

	open_links(credits, seed);
	traffic(10);
	before = allocations;
	traffic(100);
	EXPECT_EQ(allocations, before);
	EXPECT_GT(before, 0);		/* they are counted */
	close_links();
}

TEST(Steady, NothingIsAllocatedATlpWithCreditsEnough) { expect_no_allocation(NULL, 0); }

TEST(Steady, NothingIsAllocatedATlpThatWaitsForCredits)
{
	expect_no_allocation("PH=1,PD=8,NPH=1,NPD=1", 0);
}

TEST(Steady, NothingIsAllocatedATlpWithStressOrdering) { expect_no_allocation(NULL, 42); }

/* Reads that are sent close together, up to a look at the link. */
static unsigned overtakings_of_reads(uint64_t seed)
{
	open_links(NULL, seed);
	last_tag = 0;
	overtakings = 0;
	for (unsigned i = 0; i < 16; i++) {
		struct tlpb_tlp read = { .kind = TLPB_MRD, .length_dw = 1, .first_be = 15,
					 .tag = (uint16_t)i };

		EXPECT_EQ(tlpb__link_send_tlp(host, &read, 0), 0);
		tlpb__link_flush(host);
	}
	tlpb__link_process(host);
	tlpb__link_process(endpoint);
	close_links();
	return overtakings;
}

TEST(Stress, ReadsOvertakeOneAnotherOnALink)
{
	EXPECT_EQ(overtakings_of_reads(0), 0);
	EXPECT_GT(overtakings_of_reads(1), 0);
}
