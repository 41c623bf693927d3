/* SPDX-License-Identifier: MIT */
#include "toys.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "caught_log.h"
#include "gtest.h"
#include "pair.h"
#include "rc_private.h"
#include "transport.h"

struct toy toy[TOYS];

/* ---- the host's callbacks ---- */

static int on_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	struct toy *t = ctx;

	t->reads++;
	memset(buf, 0, len);
	if (t->on_read)
		t->on_read();
	return t->read_err;
}

static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		    size_t len)
{
	struct toy *t = ctx;

	t->writes++;
	if (t->on_write)
		t->on_write();
	return 0;
}

static void on_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	struct toy *t = ctx;

	t->downs++;
	if (t->on_down)
		t->on_down();
}

static void on_waiting(void *ctx, const char *text)
{
	struct toy *t = ctx;

	t->notices++;
	snprintf(t->notice, sizeof t->notice, "%s", text);
	if (t->on_waiting)
		t->on_waiting();
}

static bool cancelled(void *ctx)
{
	return ((struct toy *)ctx)->impatient;
}

static const struct tlpb_rc_ops ops = {
	.mem_read = on_read, .mem_write = on_write, .down = on_down, .waiting = on_waiting,
	.cancelled = cancelled,
};

/* ---- life ---- */

static void send_named_device(struct raw_peer *p, unsigned i)
{
	struct tlpb_device device = pair_device();
	uint8_t body[1024];
	int len;

	snprintf(device.name, sizeof device.name, "toy %u", i);
	len = tlpb_device_encode(&device, body, sizeof body);
	raw_frame(p, TLPB_FRAME_DEVICE, 0, body, (size_t)len);
	raw_frame(p, TLPB_FRAME_READY, 0, NULL, 0);
}

void toy_open(unsigned i, tlpb_rc_group *group)
{
	static const uint8_t token[TLPB_TOKEN];
	struct tlpb_rc_config config = { .name = "toy-host", .ops = &ops, .ctx = &toy[i],
					 .connect_timeout_ms = PAIR_PATIENCE_MS, .group = group };
	struct hello hello = raw_hello(TLPB_ENDPOINT, token);
	struct transport *ends[2];
	char why[256] = "";

	for (unsigned pool = 0; pool < TLPB_POOLS; pool++)	/* toys do not count */
		config.credits.credits[pool] = TLPB_CREDITS_INFINITE;
	toy[i] = (struct toy){ NULL };
	ASSERT_EQ(tlpb__transport_mem_pair(TOY_QUEUE, ends), 0);
	raw_start(&toy[i].peer, ends[1]);
	raw_send_hello(&toy[i].peer, &hello);
	send_named_device(&toy[i].peer, i);
	if (tlpb__rc_connect_transport(&config, ends[0], token, &toy[i].rc, why, sizeof why))
		FAIL("no link: %s", why);
}

void toys_open(unsigned count, tlpb_rc_group *group)
{
	toys_close();
	catch_log();
	alarm(PAIR_WATCHDOG_S);
	for (unsigned i = 0; i < count; i++)
		toy_open(i, group);
}

void toy_close_host(unsigned i)
{
	tlpb_rc *rc = toy[i].rc;

	toy[i].rc = NULL;
	tlpb_rc_close(rc);
}

void toys_close(void)
{
	alarm(0);
	for (unsigned i = 0; i < TOYS; i++) {
		toy_close_host(i);
		raw_stop(&toy[i].peer);
	}
}

/* ---- what the device says ---- */

void toy_say(unsigned i, const struct tlpb_tlp *tlp)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	raw_frame(&toy[i].peer, TLPB_FRAME_TLP, 0, bytes, (size_t)len);
}

static struct tlpb_tlp dma(enum tlpb_tlp_kind kind)
{
	static const uint8_t data[4];

	return (struct tlpb_tlp){
		.kind = kind, .length_dw = 1, .first_be = 15, .address = TOY_DMA,
		.payload = data, .payload_len = kind == TLPB_MWR ? 4 : 0,
	};
}

void toy_dma_read(unsigned i)
{
	struct tlpb_tlp tlp = dma(TLPB_MRD);

	toy_say(i, &tlp);
}

void toy_dma_write(unsigned i)
{
	struct tlpb_tlp tlp = dma(TLPB_MWR);

	toy_say(i, &tlp);
}

static size_t put_frame(struct raw_peer *p, uint8_t *at, const struct tlpb_tlp *tlp)
{
	int len = tlpb_tlp_pack(tlp, at + TLPB_FRAME_HEADER, 64);
	struct frame f = { .kind = TLPB_FRAME_TLP, .length = (uint32_t)len, .sequence = p->sequence++ };

	tlpb__frame_put(at, &f);
	return TLPB_FRAME_HEADER + (size_t)len;
}

void toy_dma_write_and_read(unsigned i)
{
	struct tlpb_tlp first = dma(TLPB_MWR), second = dma(TLPB_MRD);
	uint8_t message[256];
	size_t len = put_frame(&toy[i].peer, message, &first);

	len += put_frame(&toy[i].peer, message + len, &second);
	raw_bytes(&toy[i].peer, message, len);
}

void toy_goodbye(unsigned i)
{
	struct goodbye goodbye = { .reason = TLPB_REASON_NORMAL, .text = "pulled out" };
	uint8_t body[256];
	int len = tlpb__goodbye_encode(&goodbye, body, sizeof body);

	raw_frame(&toy[i].peer, TLPB_FRAME_GOODBYE, 0, body, (size_t)len);
}

void toy_answer_tag(unsigned i, unsigned tag)
{
	uint8_t dw[4];
	struct tlpb_tlp tlp = { .kind = TLPB_CPLD, .length_dw = 1, .byte_count = 4,
				.lower_address = TOY_REGISTER & 0x7f, .tag = (uint16_t)tag,
				.completer_id = 0x100, .payload = dw, .payload_len = 4 };

	put_le32(dw, TOY_VALUE);
	toy_say(i, &tlp);
}

void toy_answer(unsigned i)
{
	struct tlpb_tlp request;

	raw_listen(&toy[i].peer, 0);
	ASSERT_GT(toy[i].peer.tlps, 0);
	ASSERT_EQ(tlpb_tlp_unpack(toy[i].peer.last_tlp, sizeof toy[i].peer.last_tlp, &request), 0);
	toy_answer_tag(i, request.tag);
}

unsigned toy_heard(unsigned i)
{
	raw_listen(&toy[i].peer, 0);
	return toy[i].peer.tlps;
}

int toy_read(unsigned i, uint32_t *value)
{
	uint8_t bytes[4] = { 0 };
	int err = tlpb_rc_mem_read(toy[i].rc, TOY_REGISTER, bytes, 4);

	*value = get_le32(bytes);
	return err;
}
