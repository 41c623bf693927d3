/* SPDX-License-Identifier: MIT */
/* What a server tells of its links: what is counted, what is outstanding, how it travels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ep_private.h"
#include "gtest.h"
#include "pair.h"
#include "status.h"

static struct tlpb_counters counted(const struct tlpb_tlp *tlp)
{
	struct tlpb_counters c = { 0 };
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	tlpb__count_tlp(&c, bytes, (size_t)len);
	return c;
}

TEST(Counters, EveryTlpIsOfOneKind)
{
	static const uint8_t data[4096];
	static const struct { struct tlpb_tlp tlp; unsigned kind; unsigned bytes; } cases[] = {
		{ { .kind = TLPB_MRD, .length_dw = 1, .first_be = 15 }, TLPB_COUNT_MRD, 0 },
		{ { .kind = TLPB_MRD, .hdr_4dw = true, .address = UINT64_C(1) << 40, .length_dw = 1024,
		    .first_be = 15, .last_be = 15 }, TLPB_COUNT_MRD, 0 },
		{ { .kind = TLPB_MWR, .length_dw = 2, .first_be = 15, .last_be = 15, .payload = data,
		    .payload_len = 8 }, TLPB_COUNT_MWR, 8 },
		{ { .kind = TLPB_MWR, .length_dw = 1024, .first_be = 15, .last_be = 15, .payload = data,
		    .payload_len = 4096 }, TLPB_COUNT_MWR, 4096 },
		{ { .kind = TLPB_IORD, .length_dw = 1, .first_be = 1 }, TLPB_COUNT_IO, 0 },
		{ { .kind = TLPB_CFGRD0, .length_dw = 1, .first_be = 15 }, TLPB_COUNT_CFG, 0 },
		{ { .kind = TLPB_CFGWR0, .length_dw = 1, .first_be = 15, .payload = data,
		    .payload_len = 4 }, TLPB_COUNT_CFG, 4 },
		{ { .kind = TLPB_MSG, .hdr_4dw = true, .message_code = TLPB_MSG_ASSERT_INTA, .routing = 4 },
		  TLPB_COUNT_MSG, 0 },
		{ { .kind = TLPB_CPL, .byte_count = 4 }, TLPB_COUNT_CPL, 0 },
		{ { .kind = TLPB_CPLD, .length_dw = 1, .byte_count = 4, .payload = data,
		    .payload_len = 4 }, TLPB_COUNT_CPL, 4 },
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tlpb_counters c = counted(&cases[i].tlp);

		EXPECT_EQ(c.bytes, cases[i].bytes);
		for (unsigned k = 0; k < TLPB_COUNT_KINDS; k++)
			EXPECT_EQ(c.tlps[k], k == cases[i].kind);
	}
}

TEST(Counters, PrefixesAndGarbageDoNotDisturb)
{
	static const uint8_t prefixed[] = { 0x91, 0, 0, 0, 0x60, 0, 0, 2 }, cut[] = { 0x91, 0, 0, 0, 0x60 };
	struct tlpb_counters c = { 0 };

	tlpb__count_tlp(&c, prefixed, sizeof prefixed);
	EXPECT_EQ(c.tlps[TLPB_COUNT_MWR], 1);
	EXPECT_EQ(c.bytes, 8);
	tlpb__count_tlp(&c, cut, sizeof cut);
	tlpb__count_tlp(&c, cut, 0);
	EXPECT_EQ(c.tlps[TLPB_COUNT_OTHER], 2);
	EXPECT_STREQ(tlpb_count_name(TLPB_COUNT_MWR), "MWr");
	EXPECT_STREQ(tlpb_count_name(TLPB_COUNT_KINDS), "?");
}

/* As much as a server can have to say. */
static struct tlpb_status *full_status(void)
{
	struct tlpb_status *s = calloc(1, sizeof *s);

	ASSERT_TRUE(s);
	s->time_ms = 123456789;
	s->slots = TLPB_STATUS_SLOTS;
	for (unsigned i = 0; i < s->slots; i++) {
		struct tlpb_slot_status *slot = &s->slot[i];

		memset(slot->device, 'd', sizeof slot->device - 1);
		memset(slot->host, 'h', sizeof slot->host - 1);
		memset(slot->of_host.oldest, 'r', sizeof slot->of_host.oldest - 1);
		memset(slot->of_device.oldest, 'w', sizeof slot->of_device.oldest - 1);
		slot->host_ms = 1000 + i;
		slot->time_ps = UINT64_MAX - i;
		slot->to_device.tlps[TLPB_COUNT_MRD] = 7 * i;
		slot->to_host.bytes = UINT64_C(1) << 40;
		slot->of_host.requests = i;
		slot->of_device.oldest_ms = 3 * i;
		slot->shared_memory = i & 1;
	}
	return s;
}

TEST(Status, OfEveryDeviceFitsIntoAFrameAndSurvives)
{
	static uint8_t bytes[TLPB_FRAME_MAX];
	struct tlpb_status *in = full_status(), *out = calloc(1, sizeof *out);
	int len = tlpb__status_encode(in, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	ASSERT_EQ(tlpb__status_decode(bytes, (size_t)len, out), 0);
	EXPECT_MEMEQ(out, in, sizeof *in);
	EXPECT_EQ(tlpb__status_encode(in, bytes, (size_t)len - 1), TLPB_ERR_TOO_LARGE);
	free(in);
	free(out);
}

TEST(Status, BrokenRepliesAreRefused)
{
	static uint8_t bytes[TLPB_FRAME_MAX];
	struct tlpb_status *in = full_status(), *out = calloc(1, sizeof *out);
	size_t len, without_flags;

	in->slots = 2;
	len = (size_t)tlpb__status_encode(in, bytes, sizeof bytes);
	without_flags = len - in->slots * 2;	/* which is whole, from an older server */
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + !cut);

		memcpy(exact, bytes, cut);
		EXPECT_EQ(tlpb__status_decode(exact, cut, out), cut == without_flags ? 0 : TLPB_ERR_TRUNCATED);
		free(exact);
	}
	bytes[6] = TLPB_STATUS_SLOTS + 1;
	EXPECT_EQ(tlpb__status_decode(bytes, len, out), TLPB_ERR_PROTOCOL);
	bytes[6] = 2;
	bytes[4]++;
	EXPECT_EQ(tlpb__status_decode(bytes, len, out), TLPB_ERR_PROTOCOL);
	bytes[4]--;
	bytes[0]++;
	EXPECT_EQ(tlpb__status_decode(bytes, len, out), TLPB_ERR_PROTOCOL);
	free(in);
	free(out);
}

/* ---- an endpoint at work ---- */

static struct tlpb_slot_status seen;

static void look(void *arg)
{
	tlpb__ep_status(pair.ep, &seen);
}

static void look_and_complete(struct tlpb_ep_request *request)
{
	look(NULL);
	memset(request->data, 0x5a, request->length);
	tlpb_ep_complete(pair.ep, request, TLPB_CPL_SC);
}

TEST(EndpointStatus, TellsWhatTheHostWaitsFor)
{
	char text[TLPB_STATUS_TEXT];
	uint32_t value;

	pair_open(NULL);
	pair_enumerate();
	pair.model.on_access = look_and_complete;
	ASSERT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 0x20, &value, 4), 0);
	EXPECT_EQ(value, 0x5a5a5a5a);
	EXPECT_EQ(seen.of_host.requests, 1);
	snprintf(text, sizeof text, "MRd 0x%llx", (unsigned long long)pair.bar[0].addr + 0x20);
	EXPECT_TRUE(strstr(seen.of_host.oldest, text));
	EXPECT_EQ(seen.of_device.requests, 0);
	pair_on_ep(look, NULL);
	EXPECT_EQ(seen.of_host.requests, 0);
	EXPECT_STREQ(seen.of_host.oldest, "");
	EXPECT_EQ(seen.to_device.tlps[TLPB_COUNT_MRD], 1);
	EXPECT_GT(seen.to_device.tlps[TLPB_COUNT_CFG], 10);
	EXPECT_EQ(seen.to_host.tlps[TLPB_COUNT_CPL],
		  seen.to_device.tlps[TLPB_COUNT_MRD] + seen.to_device.tlps[TLPB_COUNT_CFG]);
	pair_close();
}

/* The data has been moved to the model by then; the text does without it. */
TEST(EndpointStatus, TellsOfAWriteThatTheModelStillHas)
{
	uint8_t data[16] = { 1, 2, 3 };

	pair_open(NULL);
	pair_enumerate();
	pair.model.on_access = look_and_complete;
	ASSERT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + 0x20, data, sizeof data), 0);
	pair_settle();
	EXPECT_EQ(seen.of_host.requests, 1);
	EXPECT_TRUE(strstr(seen.of_host.oldest, "MWr 0x"));
	EXPECT_NULL(strstr(seen.of_host.oldest, "data"));
	pair_close();
}

TEST(EndpointStatus, TellsWhatTheDeviceWaitsFor)
{
	uint8_t buf[1000];
	struct dma d = { .addr = HOST_RAM_BASE + 0x100, .buf = buf, .len = sizeof buf };

	pair_open(NULL);
	pair_enumerate();
	pair_dma_start(&d);		/* the host does not serve it yet */
	pair_on_ep(look, NULL);
	EXPECT_GE(seen.of_device.requests, 1);
	EXPECT_STREQ(seen.of_device.oldest, "DMA read of 1000 bytes at 0x40000100");
	pair_serve_until_set(&d.over);
	EXPECT_EQ(d.err, 0);
	pair_on_ep(look, NULL);
	EXPECT_EQ(seen.of_device.requests, 0);
	EXPECT_STREQ(seen.of_device.oldest, "");
	EXPECT_GE(seen.to_host.tlps[TLPB_COUNT_MRD], 2);
	EXPECT_GE(seen.to_device.bytes, 1000);
	pair_close();
}

TEST(EndpointStatus, CountsForEachHostAnew)
{
	char why[256];

	pair_open(NULL);
	pair_enumerate();
	pair_on_ep(look, NULL);
	EXPECT_GT(seen.to_device.tlps[TLPB_COUNT_CFG], 0);
	pair_disconnect();
	ASSERT_EQ(pair_connect(why, sizeof why), 0);
	pair_on_ep(look, NULL);
	EXPECT_EQ(seen.to_device.tlps[TLPB_COUNT_CFG], 0);
	pair_close();
}
