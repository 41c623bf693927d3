/* SPDX-License-Identifier: MIT */
/*
 * A host that waits for its device without an event loop. A server in a thread of its own, hosts in the test's;
 * by rings and by socket.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <tlpbridge/rc.h>
#include <tlpbridge/server.h>

#include "caught_log.h"
#include "flow.h"
#include "gtest.h"
#include "process.h"

enum { PATIENCE_MS = 60 * 1000, WATCHDOG_S = 240, DEVICES = 2, BAR = 4096, BDF = 0x100, DELAY_MS = 20 };
enum order { NOTHING, DMA_WRITE, DMA_READ, RAISE_INTX, LEAVE };

static struct {
	tlpb_server *server;
	tlpb_ep *ep[DEVICES];
	pthread_t thread;
	atomic_bool stop;
	atomic_int order[DEVICES];	/* what to do after a while */
	atomic_uint answers;		/* to DMA reads */
	bool gone;
} side;

static struct {
	tlpb_rc *rc[DEVICES];
	unsigned writes[DEVICES], reads, interrupts, downs;
	void (*on_write)(void);
} hosts;

/* ---- the device's side ---- */

static void on_access(void *ctx, struct tlpb_ep_request *request)
{
	tlpb_ep_complete(*(tlpb_ep **)ctx, request, TLPB_CPL_SC);
}

static void on_answer(void *arg, int err, uint64_t fail_addr)
{
	side.answers++;
}

static void close_server(void)
{
	if (side.gone)
		return;
	side.gone = true;
	tlpb_server_close(side.server);
	for (int i = 0; i < DEVICES; i++)
		tlpb_ep_free(side.ep[i]);
}

static void obey(tlpb_ep *ep, enum order order)
{
	static uint32_t value;

	if (order != NOTHING)
		sleep_ms(DELAY_MS);	/* the host waits by now, as a rule */
	if (order == DMA_WRITE)
		EXPECT_EQ(tlpb_ep_dma_write(ep, 0x1000, &value, 4, NULL, NULL, NULL), 0);
	if (order == DMA_READ)
		EXPECT_EQ(tlpb_ep_dma_read(ep, 0x1000, &value, 4, NULL, on_answer, NULL), 0);
	if (order == RAISE_INTX)
		tlpb_ep_intx(ep, true);
	if (order == LEAVE)
		close_server();
}

static void *serve(void *arg)
{
	while (!side.stop && !side.gone) {
		tlpb_server_wait(side.server, 5);
		for (int i = 0; i < DEVICES && !side.gone; i++)
			obey(side.ep[i], (enum order)atomic_exchange(&side.order[i], NOTHING));
	}
	return NULL;
}

static const char *url(void)
{
	static char text[300];

	snprintf(text, sizeof text, "ipc://%s", test_path("wait.sock"));
	return text;
}

static void open_server(void)
{
	static const struct tlpb_ep_ops ops = { .access = on_access };
	struct tlpb_server_config where = { .url = url() };
	char why[512];

	memset(&side, 0, sizeof side);
	if (tlpb_server_open_with(&where, &side.server, why, sizeof why))
		FAIL("%s", why);
	for (int i = 0; i < DEVICES; i++) {
		struct tlpb_device device = {
			.vendor_id = 0x1234, .class_code = 0xff0000, .intx_pin = 1,
			.region[TLPB_BAR0] = { BAR, TLPB_REGION_READ | TLPB_REGION_WRITE },
		};
		struct tlpb_ep_config config = { .device = &device, .ops = &ops, .ctx = &side.ep[i] };

		snprintf(device.name, sizeof device.name, "d%d", i);
		flow_configure(&config.credits, &config.order_seed, 512);
		if (tlpb_ep_new(&config, &side.ep[i], why, sizeof why))
			FAIL("%s", why);
		ASSERT_EQ(tlpb_server_add(side.server, side.ep[i]), 0);
	}
	ASSERT_EQ(pthread_create(&side.thread, NULL, serve, NULL), 0);
}

/* ---- the host's ---- */

static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data, size_t len)
{
	++*(unsigned *)ctx;
	if (hosts.on_write)
		hosts.on_write();
	return 0;
}

static int on_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	hosts.reads++;
	memset(buf, 0, len);
	return 0;
}

static void on_intx(void *ctx, unsigned pin, bool level) { hosts.interrupts++; }
static void on_down(void *ctx, enum tlpb_reason reason, const char *text) { hosts.downs++; }

static void connect_to(int i, enum tlpb_transport transport, tlpb_rc_group *group)
{
	static const struct tlpb_rc_ops ops = {
		.mem_write = on_write, .mem_read = on_read, .intx = on_intx, .down = on_down,
	};
	struct tlpb_rc_config config = {
		.url = url(), .device = i ? "d1" : "d0", .name = "wait", .connect_timeout_ms = PATIENCE_MS,
		.transport = transport, .group = group, .ops = &ops, .ctx = &hosts.writes[i],
	};
	struct tlpb_rc_windows windows = { .bdf = BDF, .mem32 = 0xe0000000 };
	struct tlpb_rc_bar bar[TLPB_BARS];
	char why[512];

	flow_configure(&config.credits, &config.order_seed, 512);
	if (tlpb_rc_connect(&config, &hosts.rc[i], why, sizeof why))
		FAIL("%s", why);
	EXPECT_EQ(tlpb_rc_enumerate(hosts.rc[i], &windows, bar), 0);
}

static void start(enum tlpb_transport transport, tlpb_rc_group *group)
{
	alarm(WATCHDOG_S);
	catch_log();
	gt_about(transport == TLPB_TRANSPORT_SHM ? "rings" : "socket");
	memset(&hosts, 0, sizeof hosts);
	open_server();
	for (int i = 0; i < DEVICES; i++)
		connect_to(i, transport, group);
}

static void stop(void)
{
	for (int i = 0; i < DEVICES; i++)
		tlpb_rc_close(hosts.rc[i]);
	side.stop = true;
	pthread_join(side.thread, NULL);
	close_server();
	processes_end();
	alarm(0);
}

static void give_order(int device, enum order order)
{
	atomic_store(&side.order[device], order);
}

/* Credits that come meanwhile end a wait, too: as a host does it, until the count is there. */
static void wait_until(const unsigned *count, unsigned enough)
{
	while (*count < enough)
		ASSERT_EQ(tlpb_rc_wait(hosts.rc[0], PATIENCE_MS), 0);
}

/* Until nothing more comes by itself. */
static void settle(void)
{
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(tlpb_rc_wait(hosts.rc[0], 10), 0);
}

static const enum tlpb_transport transports[] = { TLPB_TRANSPORT_SHM, TLPB_TRANSPORT_NNG };

/* ---- what a wait does ---- */

TEST(Wait, ServesWhatTheDeviceSends)
{
	for (int t = 0; t < 2; t++) {
		start(transports[t], NULL);
		for (unsigned n = 1; n <= 5; n++) {
			give_order(0, DMA_WRITE);
			wait_until(&hosts.writes[0], n);
			give_order(0, DMA_READ);
			wait_until(&hosts.reads, n);
		}
		give_order(0, RAISE_INTX);
		wait_until(&hosts.interrupts, 1);
		while (side.answers < 5)
			EXPECT_EQ(tlpb_rc_wait(hosts.rc[0], 1), 0);
		EXPECT_EQ(hosts.writes[1], 0);
		stop();
	}
}

/* It does not end before what ended it is served. */
TEST(Wait, HasServedWhatEndedIt)
{
	for (int t = 0; t < 2; t++) {
		start(transports[t], NULL);
		for (unsigned n = 1; n <= 5; n++) {
			settle();
			give_order(0, DMA_WRITE);
			EXPECT_EQ(tlpb_rc_wait(hosts.rc[0], PATIENCE_MS), 0);
			EXPECT_EQ(hosts.writes[0], n);
		}
		stop();
	}
}

static bool lasts(int ms)
{
	long long begun = now_ms();

	EXPECT_EQ(tlpb_rc_wait(hosts.rc[0], ms), 0);
	return now_ms() - begun >= ms - 1;
}

TEST(Wait, EndsWhenItsTimeIsOverAndNotBefore)
{
	for (int t = 0; t < 2; t++) {
		int tries = 20;		/* since credits may still come */

		start(transports[t], NULL);
		EXPECT_EQ(tlpb_rc_wait(hosts.rc[0], 0), 0);
		while (--tries && !lasts(50))
			;
		EXPECT_GT(tries, 0);
		EXPECT_EQ(hosts.writes[0], 0);
		stop();
	}
}

TEST(Wait, EndsWithTheLink)
{
	for (int t = 0; t < 2; t++) {
		int err;

		start(transports[t], NULL);
		settle();
		give_order(0, LEAVE);
		while (!(err = tlpb_rc_wait(hosts.rc[0], -1)))
			;
		EXPECT_EQ(err, TLPB_ERR_CLOSED);
		EXPECT_EQ(tlpb_rc_wait(hosts.rc[0], -1), TLPB_ERR_CLOSED);
		EXPECT_EQ(hosts.downs, 1);
		EXPECT_FALSE(tlpb_rc_is_up(hosts.rc[0]));
		stop();
	}
}

TEST(Wait, ServesTheOthersOfTheGroup)
{
	for (int t = 0; t < 2; t++) {
		tlpb_rc_group *group;

		ASSERT_EQ(tlpb_rc_group_new(&group), 0);
		start(transports[t], group);
		for (unsigned n = 1; n <= 5; n++) {
			give_order(1, DMA_WRITE);
			wait_until(&hosts.writes[1], n);
			give_order(0, DMA_WRITE);
			wait_until(&hosts.writes[0], n);
		}
		stop();
		EXPECT_EQ(tlpb_rc_group_free(group), 0);
	}
}

/* Whoever waits at the descriptor afterwards is told. */
TEST(Wait, LeavesADescriptorThatTells)
{
	for (int t = 0; t < 2; t++) {
		struct pollfd p = { .events = POLLIN };

		start(transports[t], NULL);
		p.fd = tlpb_rc_fd(hosts.rc[0]);
		for (unsigned n = 1; n <= 5; n++) {
			settle();
			give_order(0, DMA_WRITE);
			while (hosts.writes[0] < n) {
				ASSERT_EQ(poll(&p, 1, PATIENCE_MS), 1);
				EXPECT_EQ(tlpb_rc_process(hosts.rc[0]), 0);
			}
		}
		stop();
	}
}

static void close_0(void)
{
	tlpb_rc *rc = hosts.rc[0];

	hosts.rc[0] = NULL;
	tlpb_rc_close(rc);
}

TEST(Wait, MayBeEndedByACallbackThatClosesItsLink)
{
	for (int t = 0; t < 2; t++) {
		tlpb_rc *rc;
		int err = 0;

		start(transports[t], NULL);
		hosts.on_write = close_0;
		rc = hosts.rc[0];
		give_order(0, DMA_WRITE);
		while (hosts.rc[0])
			err = tlpb_rc_wait(rc, PATIENCE_MS);
		EXPECT_EQ(err, TLPB_ERR_CLOSED);
		EXPECT_EQ(hosts.downs, 0);
		stop();
	}
}
