/* SPDX-License-Identifier: MIT */
/* Requests whose completions do not come in time, or say "later": timeouts, retry status, tags. */
#include <poll.h>

#include "bytes.h"
#include "config_layout.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"
#include "process.h"
#include "rc_private.h"

enum { SOON_MS = 20 };

static const uint64_t ram = HOST_RAM_BASE;

static void setup_with(struct pair_options options)
{
	options.ep_credits = options.rc_credits = "NPH=infinite,NPD=infinite";
	pair_open(&options);
	pair_enumerate();
}

static uint64_t unexpected(void)
{
	struct tlpb_rc_stats stats;

	tlpb_rc_get_stats(pair.rc, &stats);
	return stats.unexpected_completions;
}

static void give_back(void *arg)
{
	while (pair.model.holds)
		tlpb_ep_complete(pair.ep, pair.model.held[--pair.model.holds], TLPB_CPL_SC);
}

/* ---- of the host ---- */

TEST(CompletionTimeout, AReadGivesAllOnes)
{
	uint8_t buf[200];

	setup_with((struct pair_options){ .rc_timeout_ms = SOON_MS });
	pair.model.hold = true;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr + 2, buf, sizeof buf), TLPB_ERR_TIMEDOUT);
	for (unsigned i = 0; i < sizeof buf; i++)
		EXPECT_EQ(buf[i], 0xff);
	pair_close();
}

TEST(CompletionTimeout, ByDefaultThereIsNone)
{
	setup_with((struct pair_options){ 0 });
	EXPECT_EQ(tlpb_rc_timer_fd(pair.rc), -1);
	EXPECT_EQ(tlpb__ep_timer_fd(pair.ep), -1);
	pair_close();
}

static bool none_late(void *arg)
{
	return !pair.rc->tags.late;
}

TEST(CompletionTimeout, ALateCompletionIsUnexpectedAndHitsNoNewRequest)
{
	uint32_t value = 0;

	setup_with((struct pair_options){ .rc_timeout_ms = SOON_MS });
	pair.model.hold = true;
	put_le32(pair.model.memory[1], 0x11111111);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), TLPB_ERR_TIMEDOUT);
	pair.model.hold = false;
	put_le32(pair.model.memory[1], 0x22222222);
	for (unsigned i = 0; i < 2 * TAGS_8BIT; i++) {
		EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), 0);
		EXPECT_EQ(value, 0x22222222);
	}
	EXPECT_EQ(unexpected(), 0);
	pair_on_ep(give_back, NULL);
	pair_serve_until(none_late, NULL);
	EXPECT_EQ(unexpected(), 1);
	EXPECT_EQ(pair.rc->tags.used, 0);
	EXPECT_EQ(value, 0x22222222);
	pair_close();
}

static unsigned over;

static void on_over(void *arg, int err)
{
	EXPECT_EQ(err, TLPB_ERR_TIMEDOUT);
	over++;
}

static bool all_over(void *arg)
{
	struct pollfd p = { .fd = tlpb_rc_timer_fd(pair.rc), .events = POLLIN };

	if (over < *(unsigned *)arg)
		poll(&p, 1, 1);
	return over >= *(unsigned *)arg;
}

TEST(CompletionTimeout, WithAllTagsLostAccessesEndAtOnceAndGoOnWhenTheyAreBack)
{
	unsigned all = TAGS_8BIT + 50;
	static uint32_t values[TAGS_8BIT + 50];
	uint32_t value;

	setup_with((struct pair_options){ .rc_timeout_ms = SOON_MS });
	over = 0;
	pair.model.hold = true;
	for (unsigned i = 0; i < all; i++)
		ASSERT_EQ(tlpb_rc_mem_read_async(pair.rc, pair.bar[1].addr, &values[i], 4, on_over,
						 NULL), 0);
	pair_serve_until(all_over, &all);
	EXPECT_EQ(over, all);
	EXPECT_EQ(values[all - 1], 0xffffffff);
	EXPECT_EQ(pair.rc->tags.late, TAGS_8BIT);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), TLPB_ERR_TIMEDOUT);
	pair.model.hold = false;
	pair_on_ep(give_back, NULL);
	pair_serve_until(none_late, NULL);
	EXPECT_EQ(unexpected(), TAGS_8BIT);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), 0);
	pair_close();
}

/* ---- of the endpoint ---- */

/* The host does not serve: nothing comes back. */
static void await_without_host(struct dma *d)
{
	long long end = now_ms() + PAIR_PATIENCE_MS;

	while (!atomic_load(&d->over) && now_ms() < end)
		sleep_ms(1);
	ASSERT_TRUE(atomic_load(&d->over));
}

static void count_late(void *arg)
{
	*(unsigned *)arg = pair.ep->tags.late;
}

static bool ep_none_late(void *arg)
{
	unsigned late = 0;

	pair_on_ep(count_late, &late);
	return !late;
}

TEST(CompletionTimeout, DmaEndsAndItsLateDataGoNowhere)
{
	static uint8_t buf[300];
	struct dma d = { .addr = ram, .buf = buf, .len = sizeof buf };

	setup_with((struct pair_options){ .ep_timeout_ms = SOON_MS });
	memset(pair.host.ram, 0x55, sizeof buf);
	pair_dma_start(&d);
	await_without_host(&d);
	EXPECT_EQ(d.err, TLPB_ERR_TIMEDOUT);
	EXPECT_EQ(d.fail_addr, ram);
	pair_serve_until(ep_none_late, NULL);
	EXPECT_EQ(buf[0], 0);
	EXPECT_GT(pair.ep->unexpected_completions, 0);
	pair_close();
}

TEST(CompletionTimeout, SoftwareMayDisableItOfADevice)
{
	static uint8_t buf[4];
	struct dma d = { .addr = ram, .buf = buf, .len = sizeof buf };

	setup_with((struct pair_options){ .ep_timeout_ms = SOON_MS });
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, CFG_PCIE + PCIE_DEVCTL2, 2,
				       DEVCTL2_NO_TIMEOUT), 0);
	pair.host.ram[0] = 7;
	pair_dma_start(&d);
	sleep_ms(5 * SOON_MS);
	pair_serve_until_set(&d.over);
	EXPECT_EQ(d.err, 0);
	EXPECT_EQ(buf[0], 7);
	pair_close();
}

TEST(CompletionTimeout, WithAllTagsLostDmaEndsAtOnce)
{
	enum { COUNT = TAGS_5BIT + 3 };
	static uint8_t buf[COUNT][4];
	static struct dma d[COUNT + 1];

	setup_with((struct pair_options){ .ep_timeout_ms = SOON_MS });
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, CFG_PCIE + PCIE_DEVCTL, 2, 0), 0);
	for (unsigned i = 0; i <= COUNT; i++)
		d[i] = (struct dma){ .addr = ram, .buf = buf[i % COUNT], .len = 4 };
	for (unsigned i = 0; i < COUNT; i++)
		pair_dma_start(&d[i]);
	for (unsigned i = 0; i < COUNT; i++) {
		await_without_host(&d[i]);
		EXPECT_EQ(d[i].err, TLPB_ERR_TIMEDOUT);
	}
	EXPECT_EQ(pair.ep->tags.late, TAGS_5BIT);
	pair_dma_start(&d[COUNT]);
	EXPECT_TRUE(atomic_load(&d[COUNT].over));
	EXPECT_EQ(d[COUNT].err, TLPB_ERR_TIMEDOUT);
	pair_serve_until(ep_none_late, NULL);
	pair_dma_run(&d[COUNT]);
	EXPECT_EQ(d[COUNT].err, 0);
	pair_close();
}

/* ---- duplicates ---- */

static void complete_twice(struct tlpb_ep_request *r)
{
	const struct tlpb_tlp c = {
		.kind = TLPB_CPLD, .tag = r->tlp->tag, .requester_id = r->tlp->requester_id,
		.byte_count = 4, .length_dw = 1, .payload = (const uint8_t *)"twin", .payload_len = 4,
	};

	memcpy(r->data, "once", 4);
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
	EXPECT_EQ(tlpb__link_send_tlp(pair.ep->link, &c, 0), 0);
}

TEST(Completions, ADuplicateIsUnexpected)
{
	uint8_t buf[4];

	setup_with((struct pair_options){ 0 });
	pair.model.on_access = complete_twice;
	for (unsigned i = 0; i < 10; i++) {
		EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, buf, 4), 0);
		EXPECT_MEMEQ(buf, "once", 4);
	}
	pair.model.on_access = NULL;
	pair_settle();
	EXPECT_EQ(unexpected(), 10);
	pair_close();
}

/* ---- retry status: a device that takes its TLPs itself ---- */

static unsigned retries, requests;

static void answer(void *ctx, const struct tlpb_tlp *tlp, uint64_t time_ps)
{
	static const uint8_t dw[4] = { 0x0f, 0x1d, 0x01, 0x70 };
	bool later = requests++ < retries, read = tlp->kind == TLPB_CFGRD0;
	struct tlpb_tlp c = {
		.kind = read && !later ? TLPB_CPLD : TLPB_CPL, .tag = tlp->tag,
		.requester_id = tlp->requester_id, .completer_id = tlp->dest_id, .byte_count = 4,
		.status = later ? TLPB_CPL_CRS : TLPB_CPL_SC,
	};

	if (c.kind == TLPB_CPLD) {
		c.length_dw = 1;
		c.payload = dw;
		c.payload_len = 4;
	}
	EXPECT_EQ(tlpb_ep_send_tlp(pair.ep, &c, NULL), 0);
}

static void setup_raw(struct pair_options options, unsigned how_often)
{
	static const struct tlpb_ep_ops ops = { .tlp = answer };

	options.ops = &ops;
	retries = how_often;
	requests = 0;
	pair_open(&options);
}

TEST(RetryStatus, IsToldWhereNothingElseIsAskedFor)
{
	uint32_t value;

	setup_raw((struct pair_options){ 0 }, 1);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 8, 4, &value), TLPB_ERR_CRS);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(requests, 1);
	pair_close();
}

TEST(RetryStatus, TheRequestIsSentAgain)
{
	uint32_t value;

	setup_raw((struct pair_options){ .crs_retry_ms = PAIR_PATIENCE_MS }, 3);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), 0);
	EXPECT_EQ(value, 0x70011d0f);
	EXPECT_EQ(requests, 4);
	retries = 6;
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 4, 2, 7), 0);
	EXPECT_EQ(requests, 7);
	pair_close();
}

TEST(RetryStatus, ButNotForEver)
{
	uint32_t value;

	setup_raw((struct pair_options){ .crs_retry_ms = 2 * SOON_MS }, -1u);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), TLPB_ERR_CRS);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_GT(requests, 1);
	pair_close();
}

TEST(RetryStatus, WithSoftwareVisibilityTheVendorIdIsOne)
{
	uint32_t value;

	setup_raw((struct pair_options){ .crs_retry_ms = PAIR_PATIENCE_MS, .crs_visible = true }, 2);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), 0);
	EXPECT_EQ(value, 0xffff0001);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 2, &value), 0);
	EXPECT_EQ(value, 0x0001);
	EXPECT_EQ(requests, 2);
	retries = 4;
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 8, 4, &value), 0);	/* sent again */
	EXPECT_EQ(value, 0x70011d0f);
	EXPECT_EQ(requests, 5);
	pair_close();
}

static void on_closed(void *arg, int err)
{
	EXPECT_EQ(err, TLPB_ERR_CLOSED);
	over++;
}

static bool has_request(void *arg)
{
	return !TAILQ_EMPTY(&pair.rc->retried);
}

TEST(RetryStatus, WhatWaitsToBeSentAgainEndsWithTheLink)
{
	uint32_t value = 0;

	setup_raw((struct pair_options){ .crs_retry_ms = PAIR_PATIENCE_MS }, -1u);
	over = 0;
	ASSERT_EQ(tlpb_rc_config_read_async(pair.rc, PAIR_BDF, 0, 4, &value, on_closed, NULL), 0);
	pair_serve_until(has_request, NULL);
	pair_disconnect();
	EXPECT_EQ(over, 1);
	EXPECT_EQ(value, 0xffffffff);
	pair_close();
}

/* ---- tags of 10 bits ---- */

static void on_read(void *arg, int err)
{
	EXPECT_EQ(err, 0);
	over++;
}

static void count_held(void *arg)
{
	*(unsigned *)arg = pair.model.holds;
}

static bool has_held(void *arg)
{
	unsigned held = 0;

	tlpb_rc_process(pair.rc);
	pair_on_ep(count_held, &held);
	return held == *(unsigned *)arg;
}

static bool reads_over(void *arg)
{
	return over == *(unsigned *)arg;
}

TEST(TenBitTags, TheHostUsesNoneBelow256AndHasMoreOutstanding)
{
	static uint8_t buf[600];
	unsigned count = sizeof buf;

	setup_with((struct pair_options){ 0 });
	ASSERT_EQ(tlpb_rc_use_10bit_tags(pair.rc, PAIR_BDF), 0);
	over = 0;
	pair.model.hold = true;
	for (unsigned i = 0; i < count; i++)
		pair.model.memory[1][i] = (uint8_t)(i * 7 + i / 256);
	for (unsigned i = 0; i < count; i++)
		ASSERT_EQ(tlpb_rc_mem_read_async(pair.rc, pair.bar[1].addr + i, &buf[i], 1, on_read,
						 NULL), 0);
	EXPECT_EQ(pair.rc->tags.used, count);
	for (unsigned i = 0; i < TAGS_10BIT_FIRST; i++)
		EXPECT_FALSE(pair.rc->tags.request[i].used);
	pair_serve_until(has_held, &count);
	pair_on_ep(give_back, NULL);		/* the last one first */
	pair_serve_until(reads_over, &count);
	EXPECT_MEMEQ(buf, pair.model.memory[1], count);
	EXPECT_EQ(unexpected(), 0);
	pair_close();
}

TEST(TenBitTags, TheDeviceUsesNoneBelow256Then)
{
	enum { COUNT = 400 };
	static uint8_t buf[COUNT][4];
	static struct dma d[COUNT];

	setup_with((struct pair_options){ 0 });
	ASSERT_EQ(tlpb_rc_use_10bit_tags(pair.rc, PAIR_BDF), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		pair.host.ram[4 * i] = (uint8_t)(i ^ i >> 8);
		d[i] = (struct dma){ .addr = ram + 4 * i, .buf = buf[i], .len = 4 };
		pair_dma_start(&d[i]);
	}
	EXPECT_EQ(pair.ep->tags.used, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		pair_serve_until_set(&d[i].over);
		EXPECT_EQ(d[i].err, 0);
		EXPECT_EQ(buf[i][0], (uint8_t)(i ^ i >> 8));
	}
	EXPECT_GE(pair.host.lowest_tag, 256);
	EXPECT_GE(pair.host.highest_tag, 256 + COUNT - 1);
	pair_close();
}

TEST(TenBitTags, WithoutThemAndWithoutExtendedOnesThereAre32)
{
	enum { COUNT = 40 };
	static uint8_t buf[COUNT][4];
	static struct dma d[COUNT];

	setup_with((struct pair_options){ 0 });
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, CFG_PCIE + PCIE_DEVCTL, 2, 0), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		d[i] = (struct dma){ .addr = ram, .buf = buf[i], .len = 4 };
		pair_dma_start(&d[i]);
	}
	EXPECT_EQ(pair.ep->tags.used, TAGS_5BIT);
	for (unsigned i = 0; i < COUNT; i++)
		pair_serve_until_set(&d[i].over);
	EXPECT_LT(pair.host.highest_tag, TAGS_5BIT);
	pair_close();
}

TEST(TenBitTags, ADeviceThatCompletesNoneIsLeftAlone)
{
	struct tlpb_device device = pair_device();
	uint32_t value;

	device.has &= ~(uint32_t)TLPB_HAS_TAGS_10BIT;
	setup_with((struct pair_options){ .device = &device });
	EXPECT_EQ(tlpb_rc_use_10bit_tags(pair.rc, PAIR_BDF), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(pair.rc->tags.limit, TAGS_8BIT);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), 0);
	pair_close();
}
