/* SPDX-License-Identifier: MIT */
/* A device that asks without end and takes no answer, or never stops talking. */
#include <stdio.h>
#include <string.h>
#include <tlpbridge/rc.h>
#include <tlpbridge/tlp.h>

#include "gtest.h"
#include "pair.h"
#include "raw_peer.h"
#include "rc_private.h"
#include "transport.h"

enum { QUEUE = 256, READ_BYTES = 4096, FLOOD_MAX = 100 * 1000 };

static const uint8_t token[TLPB_TOKEN];
static struct raw_peer device;
static bool impatient;
static unsigned asked;
static enum tlpb_reason reason;
static char reason_text[256];

static int read_zeros(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	memset(buf, 0, len);
	return 0;
}

static void on_down(void *ctx, enum tlpb_reason why, const char *text)
{
	reason = why;
	snprintf(reason_text, sizeof reason_text, "%s", text);
}

/* The host looks at the clock while this device keeps it busy. */
static bool cancelled(void *ctx)
{
	return impatient && ++asked > 2;
}

static tlpb_rc *connect_to_device(bool may_cancel)
{
	const struct tlpb_rc_ops ops = { .mem_read = read_zeros, .down = on_down,
					 .cancelled = may_cancel ? cancelled : NULL };
	struct tlpb_rc_config config = { .ops = &ops, .name = "flooded" };
	struct hello hello = raw_hello(TLPB_ENDPOINT, token);
	struct transport *ends[2];
	char why[256] = "";
	tlpb_rc *rc = NULL;

	impatient = false;
	ASSERT_EQ(tlpb__transport_mem_pair(QUEUE, ends), 0);
	raw_start(&device, ends[1]);
	raw_send_hello(&device, &hello);
	raw_send_device(&device);
	ASSERT_EQ(tlpb__rc_connect_transport(&config, ends[0], token, &rc, why, sizeof why), 0);
	return rc;
}

static void send_tlp(const struct tlpb_tlp *tlp)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	raw_frame(&device, TLPB_FRAME_TLP, 0, bytes, (size_t)len);
}

TEST(Flood, OfReadsWhoseDataNobodyTakesEndsTheLinkAndNotTheHost)
{
	struct tlpb_tlp tlp = { .kind = TLPB_MRD, .length_dw = READ_BYTES / 4, .first_be = 15,
				.last_be = 15, .address = 0x10000 };
	tlpb_rc *rc = connect_to_device(false);
	unsigned n = 0;

	while (n < FLOOD_MAX && !tlpb_rc_process(rc)) {
		send_tlp(&tlp);
		n++;
	}
	EXPECT_LT(n, 10000u);
	EXPECT_EQ(reason, TLPB_REASON_PROTOCOL);
	EXPECT_NOT_NULL(strstr(reason_text, "does not take the answers"));
	tlpb_rc_close(rc);
	raw_stop(&device);
}

static void *talk(void *arg)
{
	struct tlpb_tlp tlp = { .kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_TO_ROOT,
				.message_code = TLPB_MSG_PM_PME };

	uint8_t bytes[TLPB_MAX_TLP], message[TLPB_FRAME_HEADER + TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(&tlp, bytes, sizeof bytes), err = 0;
	struct frame frame = { .kind = TLPB_FRAME_TLP, .length = (uint32_t)len,
			       .sequence = device.sequence };

	memcpy(message + TLPB_FRAME_HEADER, bytes, (size_t)len);
	while (!err || err == TLPB_ERR_AGAIN) {
		tlpb__frame_put(message, &frame);
		err = device.transport->ops->send(device.transport, message,
						  TLPB_FRAME_HEADER + (size_t)len);
		frame.sequence += !err;
	}
	return NULL;
}

TEST(Flood, OfMessagesDoesNotKeepAWaitFromAskingWhetherToGiveUp)
{
	tlpb_rc *rc = connect_to_device(true);
	uint32_t value = 0;
	pthread_t thread;

	asked = 0;
	impatient = true;
	ASSERT_EQ(pthread_create(&thread, NULL, talk, NULL), 0);
	EXPECT_EQ(tlpb_rc_config_read(rc, 0x100, 0, 4, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffffu);
	EXPECT_GT(asked, 2u);
	tlpb_rc_close(rc);
	pthread_join(thread, NULL);
	raw_stop(&device);
}
