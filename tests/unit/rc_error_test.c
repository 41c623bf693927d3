/* SPDX-License-Identifier: MIT */
/* Errors that a root complex detects, as its host is told of them (6.2). */
#include <string.h>

#include "ep_private.h"
#include "gtest.h"
#include "link_private.h"
#include "pair.h"
#include "rc_private.h"

enum { SOON_MS = 300, NOWHERE = 0x1000 };

static void at_host(const char *rules)
{
	char why[256] = "";

	if (tlpb_rc_inject(pair.rc, rules, why, sizeof why))
		FAIL("%s", why);
}

static void setup(unsigned timeout_ms)
{
	pair_open(&(struct pair_options){ .rc_timeout_ms = timeout_ms });
	pair_enumerate();
	pair.host.errors = 0;
}

static int dma(bool write, uint64_t addr)
{
	uint8_t buf[8] = { 1 };
	struct dma d = { .write = write, .addr = addr, .buf = buf, .len = sizeof buf };

	pair_dma_run(&d);
	pair_settle();
	return d.err;
}

/* header: the first doubleword; 0: none is to be logged. */
static void expect_error(enum tlpb_rc_error error, bool advisory, uint32_t header)
{
	struct tlpb_rc_stats stats;

	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(pair.host.errors, 1);
	EXPECT_EQ(pair.host.error.error, error);
	EXPECT_EQ(pair.host.error.advisory, advisory);
	EXPECT_EQ(pair.host.error.has_header, header != 0);
	EXPECT_EQ(pair.host.error.header[0], header);
	EXPECT_EQ(stats.errors[error], 1);
	pair_close();
}

TEST(RcError, WhatGoesWellIsNone)
{
	setup(0);
	EXPECT_EQ(dma(true, HOST_RAM_BASE), 0);
	EXPECT_EQ(dma(false, HOST_RAM_BASE), 0);
	EXPECT_EQ(pair.host.errors, 0);
	pair_close();
}

TEST(RcError, AReadOfNowhereIsAnAdvisoryUnsupportedRequest)
{
	setup(0);
	EXPECT_EQ(dma(false, NOWHERE), TLPB_ERR_UNSUPPORTED);
	expect_error(TLPB_RC_UNSUPPORTED_REQUEST, true, 0x00000002);
}

TEST(RcError, AWriteToNowhereIsAnUnsupportedRequest)
{
	setup(0);
	EXPECT_NE(dma(true, NOWHERE), 0);
	expect_error(TLPB_RC_UNSUPPORTED_REQUEST, false, 0x40000002);
}

TEST(RcError, MemoryThatFailsIsACompleterAbort)
{
	setup(0);
	pair.host.failing[pair.host.failings++] =
		(struct host_range){ HOST_RAM_BASE, 8, TLPB_ERR_IO };
	EXPECT_EQ(dma(false, HOST_RAM_BASE), TLPB_ERR_ABORTED);
	expect_error(TLPB_RC_COMPLETER_ABORT, true, 0x00000002);
}

TEST(RcError, APoisonedWriteIsAPoisonedTlp)
{
	setup(0);
	at_host("poison type=MWr to=host count=1");
	dma(true, HOST_RAM_BASE);
	expect_error(TLPB_RC_POISONED, false, 0x40004002);
}

TEST(RcError, APoisonedCompletionIsAdvisory)
{
	uint32_t value = 0;

	setup(0);
	at_host("poison type=CplD to=host count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), TLPB_ERR_POISONED);
	expect_error(TLPB_RC_POISONED, true, 0x4a004001);
}

TEST(RcError, AnUnexpectedCompletionIsAdvisory)
{
	uint32_t value = 0;

	setup(0);
	at_host("duplicate type=MRd count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), 0);
	pair_settle();
	expect_error(TLPB_RC_UNEXPECTED_COMPLETION, true, 0x4a000001);
}

TEST(RcError, ACompletionTimeoutHasNoHeader)
{
	uint32_t value = 0;

	setup(SOON_MS);
	at_host("drop type=MRd count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), TLPB_ERR_TIMEDOUT);
	expect_error(TLPB_RC_COMPLETION_TIMEOUT, false, 0);
}

TEST(RcError, AnInjectedTimeoutIsOne)
{
	uint32_t value = 0;

	setup(0);
	at_host("timeout type=MRd count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), TLPB_ERR_TIMEDOUT);
	expect_error(TLPB_RC_COMPLETION_TIMEOUT, false, 0);
}

static void send_from_ep(void *arg)
{
	EXPECT_EQ(tlpb__link_send_tlp(pair.ep->link, arg, 0), 0);
	tlpb__link_flush(pair.ep->link);
}

TEST(RcError, AMessageThatIsNotKnownIsAnUnsupportedRequest)
{
	struct tlpb_tlp msg = { .kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_TO_ROOT,
				.message_code = TLPB_MSG_VENDOR_TYPE0 };

	setup(0);
	pair.host.knows_nothing = true;
	pair_on_ep(send_from_ep, &msg);
	pair_settle();
	expect_error(TLPB_RC_UNSUPPORTED_REQUEST, false, 0x30000000);
}

TEST(RcError, AMalformedTlpIsDropped)
{
	struct tlpb_tlp crossing = { .kind = TLPB_MRD, .address = HOST_RAM_BASE + 0xffc, .length_dw = 2,
				     .first_be = 15, .last_be = 15 };

	setup(0);
	pair_on_ep(send_from_ep, &crossing);
	pair_settle();
	EXPECT_TRUE(tlpb_rc_is_up(pair.rc));
	expect_error(TLPB_RC_MALFORMED, false, 0x00000002);
}

static void send_credits(void *arg)
{
	static const uint8_t wrong[12] = { 0xff, 0, 0xff, 0x0f, 0xff, 0, 0xff, 0x0f, 0xff, 0, 0xff, 0x0f };

	tlpb__link_send(pair.ep->link, TLPB_FRAME_CREDITS, 0, wrong, sizeof wrong);
	tlpb__link_flush(pair.ep->link);
}

TEST(RcError, AnIllegalUpdateOfCreditsIsToldBeforeTheLinkGoesDown)
{
	setup(0);
	pair_on_ep(send_credits, NULL);
	while (!pair.host.downs)
		tlpb_rc_process(pair.rc);
	expect_error(TLPB_RC_FLOW_CONTROL, false, 0);
}
