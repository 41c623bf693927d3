/* SPDX-License-Identifier: MIT */
#include "raw_peer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "gtest.h"
#include "pair.h"
#include "process.h"
#include "transport.h"

void raw_start(struct raw_peer *p, struct transport *transport)
{
	*p = (struct raw_peer){ .transport = transport };
}

void raw_stop(struct raw_peer *p)
{
	if (p->transport)
		p->transport->ops->close(p->transport, 0);
	p->transport = NULL;
}

void raw_bytes(struct raw_peer *p, const void *bytes, size_t len)
{
	int err = p->transport->ops->send(p->transport, bytes, len);

	/* The other side may have had enough already. */
	EXPECT_TRUE(err == 0 || err == TLPB_ERR_CLOSED);
}

void raw_frame(struct raw_peer *p, uint16_t kind, uint16_t flags, const void *body, size_t len)
{
	struct frame f = { .kind = kind, .flags = flags, .length = (uint32_t)len,
			   .sequence = p->sequence++ };
	uint8_t *message = malloc(TLPB_FRAME_HEADER + len);

	tlpb__frame_put(message, &f);
	if (len)
		memcpy(message + TLPB_FRAME_HEADER, body, len);
	raw_bytes(p, message, TLPB_FRAME_HEADER + len);
	free(message);
}

struct hello raw_hello(uint16_t role, const uint8_t token[TLPB_TOKEN])
{
	struct hello h = {
		.version = TLPB_WIRE_VERSION, .role = role, .offered = TLPB_FEATURE_DMA_FAULT,
		.mps = 512, .mrrs = 512, .rcb = 64, .name = "raw-peer",
	};

	memcpy(h.link_token, token, TLPB_TOKEN);
	return h;
}

void raw_send_hello(struct raw_peer *p, const struct hello *hello)
{
	uint8_t body[512];
	int len = tlpb__hello_encode(hello, body, sizeof body);

	raw_frame(p, TLPB_FRAME_HELLO, 0, body, (size_t)len);
}

void raw_send_device(struct raw_peer *p)
{
	struct tlpb_device device = pair_device();
	uint8_t body[1024];
	int len = tlpb_device_encode(&device, body, sizeof body);

	raw_frame(p, TLPB_FRAME_DEVICE, 0, body, (size_t)len);
	raw_frame(p, TLPB_FRAME_READY, 0, NULL, 0);
}

static void hear_frame(struct raw_peer *p, const struct frame *f)
{
	p->frames++;
	switch (f->kind) {
	case TLPB_FRAME_HELLO:
		EXPECT_EQ(tlpb__hello_decode(f->body, f->length, &p->peer), 0);
		p->hello = true;
		break;
	case TLPB_FRAME_READY:
		p->ready = true;
		break;
	case TLPB_FRAME_TLP:
		memcpy(p->last_tlp, f->body, f->length < 64 ? f->length : 64);
		p->tlps++;
		break;
	case TLPB_FRAME_GOODBYE:
		EXPECT_EQ(tlpb__goodbye_decode(f->body, f->length, &p->parting), 0);
		p->goodbye = true;
		break;
	}
}

static void hear_message(struct raw_peer *p, struct message *m)
{
	struct frame f;
	size_t offset = 0;
	int got;

	while ((got = tlpb__frame_next(m->data, m->len, &offset, &f)) > 0) {
		EXPECT_EQ(f.sequence, p->frames);
		hear_frame(p, &f);
	}
	EXPECT_EQ(got, 0);
	p->transport->ops->release(p->transport, m);
}

void raw_listen(struct raw_peer *p, int timeout_ms)
{
	long long end = now_ms() + timeout_ms;
	struct message m;

	while (!p->closed) {
		int err = p->transport->ops->recv(p->transport, &m);
		struct pollfd poll_fd = { p->transport->ops->fd(p->transport), POLLIN, 0 };

		if (!err)
			hear_message(p, &m);
		else if (err == TLPB_ERR_CLOSED)
			p->closed = true;
		else if (now_ms() >= end || (p->goodbye && timeout_ms))
			return;
		else
			poll(&poll_fd, 1, 20);
	}
}
