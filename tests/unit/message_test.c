/* SPDX-License-Identifier: MIT */
/* Messages (2.2.8) but INTx: both ways, what their receivers do, and what of the unknown ones. */
#include <string.h>

#include <tlpbridge/message.h>

#include "bytes.h"
#include "config_layout.h"
#include "ep_private.h"
#include "gtest.h"
#include "message_check.h"
#include "pair.h"
#include "rc_private.h"

static void setup(void)
{
	pair_open(NULL);
	pair_enumerate();
}

/* ---- from the endpoint ---- */

struct sent {
	struct tlpb_tlp msg;
	int err;
};

static void send(void *arg)
{
	struct sent *s = arg;

	s->err = tlpb_ep_message(pair.ep, &s->msg);
}

static int from_device(const struct tlpb_tlp *msg)
{
	struct sent s = { .msg = *msg };

	pair_on_ep(send, &s);
	pair_settle();
	return s.err;
}

static struct tlpb_tlp plain(uint8_t code, uint8_t routing)
{
	return (struct tlpb_tlp){ .kind = TLPB_MSG, .hdr_4dw = true, .message_code = code,
				  .routing = routing };
}

static uint64_t unsupported_at_host(void)
{
	struct tlpb_rc_stats stats;

	tlpb_rc_get_stats(pair.rc, &stats);
	return stats.unsupported_messages;
}

static const uint8_t data[8] = "vendor's";

static struct tlpb_tlp vendor(unsigned type, uint8_t routing, uint16_t target)
{
	const struct tlpb_vendor_message v = {
		.type = type, .vendor_id = 0x1af4, .routing = routing, .target_id = target,
		.word = 0xcafe0001, .data = data, .len = sizeof data,
	};

	return tlpb_vendor_message_tlp(&v);
}

TEST(Messages, AVendorsComesAsItWasSent)
{
	struct tlpb_tlp msg = vendor(1, TLPB_ROUTE_BY_ID, 0x0318);
	struct tlpb_vendor_message v;

	EXPECT_EQ(msg.kind, TLPB_MSGD);
	EXPECT_EQ(msg.dw2, 0x03181af4);
	ASSERT_TRUE(tlpb_vendor_message_read(&msg, &v));
	EXPECT_EQ(v.type, 1);
	EXPECT_EQ(v.vendor_id, 0x1af4);
	EXPECT_EQ(v.target_id, 0x0318);
	EXPECT_EQ(v.word, 0xcafe0001);
	EXPECT_EQ(v.len, 8);
	msg.message_code = TLPB_MSG_LTR;
	EXPECT_FALSE(tlpb_vendor_message_read(&msg, &v));
}

TEST(Messages, VendorDefinedOnesGoUp)
{
	struct tlpb_tlp msg = vendor(0, TLPB_ROUTE_TO_ROOT, 0);

	setup();
	EXPECT_EQ(from_device(&msg), 0);
	EXPECT_EQ(pair.host.messages, 1);
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_VENDOR_TYPE0);
	EXPECT_EQ(pair.host.message_words[1], 0xcafe0001);
	EXPECT_EQ(unsupported_at_host(), 0);
	pair_close();
}

TEST(Messages, AnUnknownVendorsIsAnErrorAsType0AndDroppedAsType1)
{
	struct tlpb_tlp type0 = vendor(0, TLPB_ROUTE_TO_ROOT, 0);
	struct tlpb_tlp type1 = vendor(1, TLPB_ROUTE_TO_ROOT, 0);

	setup();
	pair.host.knows_nothing = true;
	EXPECT_EQ(from_device(&type1), 0);
	EXPECT_EQ(unsupported_at_host(), 0);
	EXPECT_EQ(from_device(&type0), 0);
	EXPECT_EQ(unsupported_at_host(), 1);

	pair.model.knows_nothing = true;
	EXPECT_EQ(tlpb_rc_message(pair.rc, &type1), TLPB_OK);
	type0.routing = type1.routing = TLPB_ROUTE_LOCAL;
	EXPECT_EQ(tlpb_rc_message(pair.rc, &type1), TLPB_OK);
	pair_settle();
	EXPECT_EQ(pair.ep->unsupported_messages, 0);
	EXPECT_EQ(tlpb_rc_message(pair.rc, &type0), TLPB_OK);
	pair_settle();
	EXPECT_EQ(pair.ep->unsupported_messages, 1);
	pair_close();
}

/* The vector "msg_vendor0_unsupported": by ID, and here the device's model does not know it. */
TEST(Messages, ByIdTheyReachTheFunctionThatHasIt)
{
	struct tlpb_tlp mine = vendor(0, TLPB_ROUTE_BY_ID, PAIR_BDF);
	struct tlpb_tlp other = vendor(0, TLPB_ROUTE_BY_ID, PAIR_BDF + 1);

	setup();
	EXPECT_EQ(tlpb_rc_message(pair.rc, &mine), 0);
	pair_settle();
	EXPECT_EQ(pair.model.messages, 1);
	EXPECT_EQ(pair.model.message_len, 8);
	EXPECT_EQ(pair.ep->unsupported_messages, 0);
	pair.model.knows_nothing = true;
	EXPECT_EQ(tlpb_rc_message(pair.rc, &mine), 0);
	pair_settle();
	EXPECT_EQ(pair.ep->unsupported_messages, 1);
	pair.model.knows_nothing = false;
	EXPECT_EQ(tlpb_rc_message(pair.rc, &other), 0);
	pair_settle();
	EXPECT_EQ(pair.ep->unsupported_messages, 2);
	EXPECT_EQ(pair.model.messages, 2);
	pair_close();
}

TEST(Messages, OnesThatGoTheOtherWayAndUnknownCodesAreUnsupported)
{
	const struct tlpb_tlp to_device[] = {
		plain(TLPB_MSG_PM_PME, TLPB_ROUTE_TO_ROOT), plain(TLPB_MSG_ASSERT_INTA, TLPB_ROUTE_LOCAL),
		plain(TLPB_MSG_ERR_FATAL, TLPB_ROUTE_TO_ROOT), plain(0x77, TLPB_ROUTE_LOCAL),
	};
	const struct tlpb_tlp to_host[] = {
		plain(TLPB_MSG_PME_TURN_OFF, TLPB_ROUTE_BROADCAST), plain(0x77, TLPB_ROUTE_TO_ROOT),
		plain(TLPB_MSG_UNLOCK, TLPB_ROUTE_BROADCAST),
	};

	setup();
	for (unsigned i = 0; i < 4; i++)
		EXPECT_EQ(tlpb_rc_message(pair.rc, &to_device[i]), 0);
	pair_settle();
	EXPECT_EQ(pair.model.messages, 0);
	EXPECT_EQ(pair.ep->unsupported_messages, 4);
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(from_device(&to_host[i]), 0);
	EXPECT_EQ(pair.host.messages, 0);
	EXPECT_EQ(unsupported_at_host(), 3);
	pair_close();
}

TEST(Messages, WhatIsMalformedOrNoMessageIsNotSent)
{
	struct tlpb_tlp routed = plain(TLPB_MSG_PM_PME, TLPB_ROUTE_LOCAL);
	struct tlpb_tlp tc = plain(TLPB_MSG_ERR_COR, TLPB_ROUTE_TO_ROOT);
	struct tlpb_tlp read = { .kind = TLPB_MRD, .length_dw = 1, .first_be = 0xf };
	static uint8_t much[1024];
	const struct tlpb_vendor_message large = { .type = 1, .routing = TLPB_ROUTE_LOCAL,
						   .data = much, .len = sizeof much };
	struct tlpb_tlp too_large = tlpb_vendor_message_tlp(&large);

	tc.tc = 1;
	setup();
	EXPECT_EQ(from_device(&routed), TLPB_ERR_MALFORMED);
	EXPECT_EQ(from_device(&tc), TLPB_ERR_MALFORMED);
	EXPECT_EQ(from_device(&read), TLPB_ERR_INVALID);
	EXPECT_EQ(from_device(&too_large), TLPB_ERR_MALFORMED);
	EXPECT_EQ(tlpb_rc_message(pair.rc, &routed), TLPB_ERR_MALFORMED);
	EXPECT_EQ(tlpb_rc_message(pair.rc, &too_large), TLPB_ERR_MALFORMED);
	EXPECT_EQ(tlpb_rc_message(pair.rc, &read), TLPB_ERR_INVALID);
	EXPECT_EQ(pair.host.messages + pair.model.messages, 0);
	pair_close();
}

/* ---- what every function does ---- */

TEST(Messages, PmeTurnOffIsAcknowledged)
{
	setup();
	pair.model.knows_nothing = true;
	EXPECT_EQ(tlpb_rc_pme_turn_off(pair.rc), 0);
	pair_settle();
	EXPECT_EQ(pair.model.message_code, TLPB_MSG_PME_TURN_OFF);
	EXPECT_EQ(pair.host.messages, 1);
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_PME_TO_ACK);
	EXPECT_EQ(pair.ep->unsupported_messages, 0);
	pair_close();
}

static void keep(struct tlpb_ep_request *r)
{
	pair.model.held[pair.model.holds++] = r;
}

static void give_back(void *arg)
{
	EXPECT_EQ(pair.model.messages, 0);
	tlpb_ep_complete(pair.ep, pair.model.held[0], TLPB_CPL_SC);
}

static void count_held(void *arg)
{
	*(unsigned *)arg = pair.model.holds;
}

static bool has_write(void *arg)
{
	unsigned held = 0;

	tlpb_rc_process(pair.rc);
	pair_on_ep(count_held, &held);
	return held;
}

static bool has_message(void *arg)
{
	return pair.host.messages;
}

TEST(Messages, PmeTurnOffWaitsForTheWritesBeforeIt)
{
	uint32_t value = 1;

	setup();
	pair.model.on_access = keep;
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, &value, 4), 0);
	EXPECT_EQ(tlpb_rc_pme_turn_off(pair.rc), 0);
	pair_serve_until(has_write, NULL);
	EXPECT_EQ(pair.host.messages, 0);
	pair_on_ep(give_back, NULL);
	pair_serve_until(has_message, NULL);
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_PME_TO_ACK);
	pair_close();
}

static uint32_t device_capabilities(void)
{
	uint32_t value;

	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, CFG_PCIE + PCIE_DEVCAP, 4, &value), 0);
	return value;
}

TEST(Messages, TheSlotsPowerLimitIsShownInDeviceCapabilities)
{
	uint32_t before;

	setup();
	before = device_capabilities();
	EXPECT_EQ(tlpb_rc_slot_power_limit(pair.rc, 0x119), 0);	/* 25 * 0.1 W */
	EXPECT_EQ(device_capabilities(), before | 0x119u << 18);
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, CFG_PCIE + PCIE_DEVCTL, 2, DEVCTL_FLR), 0);
	EXPECT_EQ(device_capabilities(), before | 0x119u << 18);
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_HOT), 0);
	EXPECT_EQ(device_capabilities(), before);
	EXPECT_EQ(pair.ep->unsupported_messages, 0);
	pair_close();
}

static void tell_latency(void *arg)
{
	*(int *)arg = tlpb_ep_ltr(pair.ep, 0x8864, 0x8c32);
}

TEST(Messages, LtrNeedsItsEnable)
{
	int err = 0;

	setup();
	pair_on_ep(tell_latency, &err);
	EXPECT_EQ(err, TLPB_ERR_DISABLED);
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, CFG_PCIE + PCIE_DEVCTL2, 2, DEVCTL2_LTR), 0);
	pair_on_ep(tell_latency, &err);
	EXPECT_EQ(err, 0);
	pair_settle();
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_LTR);
	EXPECT_EQ(pair.host.message_words[1], 0x8c328864);
	pair_close();
}

static const struct tlpb_tlp error_message = {
	.kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_TO_ROOT,
	.message_code = TLPB_MSG_ERR_NONFATAL,
};

TEST(Messages, ErrorsReachTheHostAndAreNoErrorWhereItHasNoUseForThem)
{
	setup();
	pair.host.knows_nothing = true;
	EXPECT_EQ(from_device(&error_message), 0);
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_ERR_NONFATAL);
	EXPECT_EQ(unsupported_at_host(), 0);
	pair_close();
}

/* Table F-1: up, to the host; down, to the endpoint. */
TEST(Messages, EachCodeGoesOnlyItsWay)
{
	static const uint8_t up[] = { 0x10, 0x18, 0x1b, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
				      0x30, 0x31, 0x33, 0x52, 0x7e, 0x7f };
	static const uint8_t down[] = { 0x00, 0x12, 0x14, 0x19, 0x50, 0x53, 0x7e, 0x7f };

	for (unsigned code = 0; code < 256; code++) {
		struct tlpb_tlp msg = { .kind = TLPB_MSG, .message_code = (uint8_t)code,
					.routing = TLPB_ROUTE_LOCAL };

		EXPECT_EQ(tlpb__message_goes_up(&msg), memchr(up, (int)code, sizeof up) != NULL);
		EXPECT_EQ(tlpb__message_goes_down(&msg), memchr(down, (int)code, sizeof down) != NULL);
	}
}

/* Every code has at most the routings and directions of the specification's tables. */
TEST(Messages, NoCodeIsBothLocalBroadcastAndToTheRoot)
{
	for (unsigned code = 0; code < 256; code++) {
		struct tlpb_tlp up = plain((uint8_t)code, TLPB_ROUTE_BROADCAST);
		struct tlpb_tlp down = plain((uint8_t)code, TLPB_ROUTE_TO_ROOT);

		EXPECT_FALSE(tlpb__message_goes_up(&up));
		EXPECT_FALSE(tlpb__message_goes_down(&down));
	}
}
