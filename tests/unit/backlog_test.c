/* SPDX-License-Identifier: MIT */
/* A host that waits for room goes on as soon as there is room, whenever in its wait that comes. */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gtest.h"
#include "raw_peer.h"
#include "rc_private.h"
#include "transport.h"

enum { BLOCK = 4096, BACKLOG_BYTES = 1500 * 1024, QUEUE = 4096 };

/*
 * A transport that refuses `refusals` times. Its descriptor is readable until
 * it has taken something, and never again: who sleeps after that sleeps too long.
 */
struct gate {
	struct transport base;
	struct transport *inner;
	int event_fd;
	unsigned refusals;
};

static const uint8_t token[TLPB_TOKEN];
static struct raw_peer device;
static unsigned notices;

static struct gate *to_gate(const struct transport *t)
{
	return (struct gate *)t;
}

static void clear_event(struct gate *g)
{
	uint64_t count;

	if (read(g->event_fd, &count, sizeof count) < 0)
		return;		/* only EAGAIN: it was clear */
}

static int gate_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct gate *g = to_gate(t);

	if (g->refusals) {
		g->refusals--;
		return TLPB_ERR_AGAIN;
	}
	clear_event(g);
	return g->inner->ops->send(g->inner, data, len);
}

static int gate_recv(struct transport *t, struct message *message)
{
	return to_gate(t)->inner->ops->recv(to_gate(t)->inner, message);
}

static void gate_release(struct transport *t, struct message *message)
{
	to_gate(t)->inner->ops->release(to_gate(t)->inner, message);
}

static int gate_fd(const struct transport *t)
{
	return to_gate(t)->event_fd;
}

static void gate_want_send(struct transport *t, bool want)
{
}

static void gate_close(struct transport *t, int linger_ms)
{
	struct gate *g = to_gate(t);

	g->inner->ops->close(g->inner, linger_ms);
	close(g->event_fd);
}

static const struct transport_ops gate_ops = {
	.send = gate_send, .recv = gate_recv, .release = gate_release, .fd = gate_fd,
	.want_send = gate_want_send, .close = gate_close,
};

static void on_waiting(void *ctx, const char *text)
{
	notices++;
}

static tlpb_rc *connect_through(struct gate *gate)
{
	static const struct tlpb_rc_ops ops = { .waiting = on_waiting };
	struct tlpb_rc_config config = { .ops = &ops, .name = "writer", .mps = BLOCK };
	struct hello hello = raw_hello(TLPB_ENDPOINT, token);
	struct transport *ends[2];
	char why[256] = "";
	tlpb_rc *rc = NULL;

	hello.mps = BLOCK;
	ASSERT_EQ(tlpb__transport_mem_pair(QUEUE, ends), 0);
	*gate = (struct gate){ .base.ops = &gate_ops, .inner = ends[0],
			       .event_fd = eventfd(0, EFD_NONBLOCK) };
	raw_start(&device, ends[1]);
	raw_send_hello(&device, &hello);
	raw_send_device(&device);
	ASSERT_EQ(tlpb__rc_connect_transport(&config, &gate->base, token, &rc, why, sizeof why), 0);
	return rc;
}

static void write_blocks(tlpb_rc *rc)
{
	static const uint8_t block[BLOCK];

	for (size_t done = 0; done < BACKLOG_BYTES; done += sizeof block)
		ASSERT_EQ(tlpb_rc_mem_write(rc, 0x10000, block, sizeof block), 0);
}

static void shut_gate(struct gate *gate, unsigned refusals)
{
	uint64_t one = 1;

	ASSERT_EQ(write(gate->event_fd, &one, sizeof one), (ssize_t)sizeof one);
	gate->refusals = refusals;
}

/* The 256th block is the first that waits: refusals up to then are the writes' own, later ones its looks. */
TEST(Backlog, EndsTheWaitOfItsWriterWheneverItIsTaken)
{
	for (unsigned refusals = 240; refusals < 300; refusals++) {
		struct gate gate;
		tlpb_rc *rc = connect_through(&gate);

		notices = 0;
		shut_gate(&gate, refusals);
		write_blocks(rc);
		EXPECT_EQ(notices, 0u);
		tlpb_rc_close(rc);
		raw_stop(&device);
	}
}
