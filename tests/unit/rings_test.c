/* SPDX-License-Identifier: MIT */
/*
 * Links whose transport need not be asked by a system call: when they say that they sleep, and that what a peer
 * does then is always heard. A server in a thread of its own, hosts in the test's.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tlpbridge/rc.h>
#include <tlpbridge/server.h>

#include "caught_log.h"
#include "ep_private.h"
#include "flow.h"
#include "gtest.h"
#include "link_private.h"
#include "process.h"
#include "raw_peer.h"
#include "rc_private.h"
#include "transport.h"
#include "waiter.h"

enum { PATIENCE_MS = 60 * 1000, WATCHDOG_S = 240, DEVICES = 2, BAR = 4096, BDF = 0x100 };

/* ---- a link alone, over a transport that notes what it is told ---- */

static struct {
	struct transport base;
	unsigned budget;		/* messages that it still takes */
	unsigned wakes, arms;
	bool urgent, urgent_only;	/* of the last of them */
} fake;

static int fake_send(struct transport *t, const uint8_t *data, size_t len)
{
	if (!fake.budget)
		return TLPB_ERR_AGAIN;
	fake.budget--;
	return 0;
}

static int fake_recv(struct transport *t, struct message *m) { return TLPB_ERR_AGAIN; }
static void fake_release(struct transport *t, struct message *m) { }
static int fake_fd(const struct transport *t) { return -1; }
static void fake_want_send(struct transport *t, bool want) { }
static void fake_close(struct transport *t, int linger_ms) { }
static void fake_attend(struct transport *t) { }
static bool fake_ready(struct transport *t) { return false; }
static bool fake_elsewhere(const struct transport *t) { return false; }
static void fake_doze(struct transport *t, unsigned us) { }

static void fake_wake(struct transport *t, bool urgent)
{
	fake.wakes++;
	fake.urgent = urgent;
}

static void fake_arm(struct transport *t, bool urgent_only)
{
	fake.arms++;
	fake.urgent_only = urgent_only;
}

static struct link *new_link_alone(void)
{
	static const struct transport_ops ops = {
		fake_send, fake_recv, fake_release, fake_fd, fake_want_send, fake_close,
		.attend = fake_attend, .arm = fake_arm, .ready = fake_ready, .wake = fake_wake,
		.elsewhere = fake_elsewhere, .doze = fake_doze,
	};
	static const struct link_events events = { .up = NULL };
	struct link_config config = {
		.role = TLPB_HOST, .name = "alone", .mps = 512, .mrrs = 512, .rcb = 64, .events = &events,
	};
	struct link *link;

	memset(&fake, 0, sizeof fake);
	fake.base.ops = &ops;
	fake.budget = 1;
	ASSERT_EQ(tlpb__link_new(&fake.base, &config, &link), 0);	/* says HELLO */
	EXPECT_EQ(fake.budget, 0);
	EXPECT_TRUE(fake.urgent);
	return link;
}

static void close_link_alone(struct link *link)
{
	tlpb__link_close(link, TLPB_REASON_NORMAL, "", 0);
}

/* What is said of the first message is not said of the second one, which goes when there is room. */
TEST(Wake, WhatIsUrgentIsSoAlsoWhenItsMessageGoesLater)
{
	static uint8_t body[20 * 1024];		/* two do not travel together */
	struct link *link = new_link_alone();

	ASSERT_EQ(tlpb__link_send(link, TLPB_FRAME_CREDITS, 0, body, sizeof body), 0);
	ASSERT_EQ(tlpb__link_send(link, TLPB_FRAME_RESET, 0, body, sizeof body), 0);
	fake.budget = 1;
	tlpb__link_flush_now(link);
	fake.budget = 1;
	fake.urgent = false;
	tlpb__link_flush_now(link);
	EXPECT_EQ(fake.wakes, 3);
	EXPECT_TRUE(fake.urgent);
	ASSERT_EQ(tlpb__link_send(link, TLPB_FRAME_CREDITS, 0, body, 12), 0);
	fake.budget = 1;
	tlpb__link_flush_now(link);
	EXPECT_EQ(fake.wakes, 4);
	EXPECT_FALSE(fake.urgent);
	close_link_alone(link);
}

TEST(Arm, WhoAsksForCreditsAfterwardsHearsOfThem)
{
	struct tlpb_credits cost = { .cls = TLPB_POSTED, .hdr = 1, .data = 1 };
	struct link *link = new_link_alone();

	tlpb__link_arm(link);
	EXPECT_TRUE(fake.urgent_only);
	EXPECT_FALSE(tlpb__link_has_room(link, &cost));
	EXPECT_EQ(fake.arms, 2);
	EXPECT_FALSE(fake.urgent_only);
	close_link_alone(link);
}

TEST(Arm, WhatWaitsForCreditsAfterwardsHearsOfThem)
{
	static const uint8_t dw[4];
	struct tlpb_tlp write = { .kind = TLPB_MWR, .length_dw = 1, .first_be = 15, .address = 0x1000,
				  .payload = dw, .payload_len = 4 };
	struct link *link = new_link_alone();

	tlpb__link_arm(link);
	EXPECT_TRUE(fake.urgent_only);
	EXPECT_EQ(tlpb__link_send_tlp(link, &write, 0), 0);
	tlpb__link_flush(link);
	EXPECT_FALSE(fake.urgent_only);
	close_link_alone(link);
}

/* ---- peers made by hand ---- */

static const uint8_t token[TLPB_TOKEN];

/* A host whose endpoint has said all this already. Returns as tlpb_rc_connect(). */
static int connect_to_raw(enum tlpb_transport transport, bool offers, unsigned segments, char *why, size_t size)
{
	static const struct tlpb_rc_ops ops = { .mem_write = NULL };
	struct tlpb_rc_config config = { .name = "host", .ops = &ops, .transport = transport,
					 .connect_timeout_ms = PATIENCE_MS };
	struct hello hello = raw_hello(TLPB_ENDPOINT, token);
	struct segment_frame segment = { .offer = { .pid = 1, .ring_bytes = RING_BYTES_MIN } };
	struct transport *ends[2];
	struct raw_peer peer;
	uint8_t body[1024];
	tlpb_rc *rc = NULL;
	int err;

	catch_log();
	ASSERT_EQ(tlpb__transport_mem_pair(64, ends), 0);
	raw_start(&peer, ends[1]);
	hello.offered |= offers ? TLPB_FEATURE_SHM : 0;
	raw_send_hello(&peer, &hello);
	while (segments--)
		raw_frame(&peer, TLPB_FRAME_SEGMENT, 0, body,
			  (size_t)tlpb__segment_encode(&segment, body, sizeof body));
	raw_send_device(&peer);
	err = tlpb__rc_connect_transport(&config, ends[0], token, &rc, why, size);
	if (!err)
		EXPECT_TRUE(tlpb_rc_is_up(rc));
	if (!err)
		tlpb_rc_close(rc);
	raw_stop(&peer);
	return err;
}

static void expect_without_rings(bool offers, unsigned segments, const char *text)
{
	char why[512] = "";

	EXPECT_EQ(connect_to_raw(TLPB_TRANSPORT_AUTO, offers, segments, why, sizeof why), 0);
	EXPECT_EQ(log_lines(), 1);
	EXPECT_TRUE(log_has(text));
	EXPECT_EQ(connect_to_raw(TLPB_TRANSPORT_NNG, false, 0, why, sizeof why), 0);
	EXPECT_EQ(log_lines(), 0);
	EXPECT_LT(connect_to_raw(TLPB_TRANSPORT_SHM, offers, segments, why, sizeof why), 0);
	EXPECT_NOT_NULL(strstr(why, "shm"));
}

/* An older release. */
TEST(Peer, ThatDoesNotKnowSharedMemoryIsServedBySocket)
{
	expect_without_rings(false, 0, "the peer does not offer it");
}

TEST(Peer, ThatAgreesAndOffersNothingIsServedBySocket)
{
	expect_without_rings(true, 0, "agreed to it, but offers none");
}

TEST(Peer, OfAnotherMachineIsServedBySocket)
{
	expect_without_rings(true, 1, "cannot read /proc");
}

TEST(Peer, ThatOffersTwiceOrUnaskedIsNotServed)
{
	char why[512] = "";

	EXPECT_LT(connect_to_raw(TLPB_TRANSPORT_AUTO, true, 2, why, sizeof why), 0);
	EXPECT_NOT_NULL(strstr(why, "SEGMENT that makes no sense"));
	EXPECT_LT(connect_to_raw(TLPB_TRANSPORT_AUTO, false, 1, why, sizeof why), 0);
	EXPECT_NOT_NULL(strstr(why, "SEGMENT that makes no sense"));
}

/* ---- a server and hosts ---- */

static struct {
	tlpb_server *server;
	tlpb_ep *ep[DEVICES];
	pthread_t thread;
	atomic_bool stop;
	atomic_int order;		/* of the test: device to do a DMA write, + 1 */
	atomic_uint connects, disconnects;
} side;

static struct {
	tlpb_rc *rc[DEVICES];
	unsigned dma;			/* writes that came */
} hosts;

static void on_access(void *ctx, struct tlpb_ep_request *request)
{
	if (!request->write)
		memset(request->data, 0x5a, request->length);
	tlpb_ep_complete(*(tlpb_ep **)ctx, request, TLPB_CPL_SC);
}

static void on_connected(void *ctx, const char *host)
{
	side.connects++;
}

static void on_disconnected(void *ctx, enum tlpb_reason reason, const char *text)
{
	side.disconnects++;
}

static void open_server(const struct tlpb_server_config *where)
{
	static const struct tlpb_ep_ops ops = {
		.access = on_access, .connected = on_connected, .disconnected = on_disconnected,
	};
	char why[512], name[8];

	memset(&side, 0, sizeof side);
	if (tlpb_server_open_with(where, &side.server, why, sizeof why))
		FAIL("%s", why);
	for (int i = 0; i < DEVICES; i++) {
		struct tlpb_device device = {
			.vendor_id = 0x1234, .class_code = 0xff0000,
			.region[TLPB_BAR0] = { BAR, TLPB_REGION_READ | TLPB_REGION_WRITE },
		};
		struct tlpb_ep_config config = { .device = &device, .ops = &ops, .ctx = &side.ep[i] };

		snprintf(name, sizeof name, "d%d", i);
		snprintf(device.name, sizeof device.name, "%s", name);
		flow_configure(&config.credits, &config.order_seed, 512);
		if (tlpb_ep_new(&config, &side.ep[i], why, sizeof why))
			FAIL("%s", why);
		ASSERT_EQ(tlpb_server_add(side.server, side.ep[i]), 0);
	}
}

static void close_server(void)
{
	tlpb_server_close(side.server);
	for (int i = 0; i < DEVICES; i++)
		tlpb_ep_free(side.ep[i]);
}

static void obey(void)
{
	static const uint32_t value = 1;
	int i = atomic_exchange(&side.order, 0) - 1;

	if (i >= 0)
		EXPECT_EQ(tlpb_ep_dma_write(side.ep[i], 0x1000, &value, 4, NULL, NULL, NULL), 0);
}

static void *serve(void *arg)
{
	while (!side.stop) {
		tlpb_server_wait(side.server, 5);
		obey();
	}
	return NULL;
}

static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data, size_t len)
{
	hosts.dma++;
	return 0;
}

static const char *url(void)
{
	static char text[300];

	snprintf(text, sizeof text, "ipc://%s", test_path("rings.sock"));
	return text;
}

static tlpb_rc *connect_to(const char *device, tlpb_rc_group *group)
{
	static const struct tlpb_rc_ops ops = { .mem_write = on_write };
	struct tlpb_rc_config config = {
		.url = url(), .device = device, .name = "rings", .connect_timeout_ms = PATIENCE_MS,
		.transport = TLPB_TRANSPORT_SHM, .group = group, .ops = &ops,
	};
	struct tlpb_rc_windows windows = { .bdf = BDF, .mem32 = 0xe0000000 };
	struct tlpb_rc_bar bar[TLPB_BARS];
	char why[512];
	tlpb_rc *rc;

	flow_configure(&config.credits, &config.order_seed, 512);
	if (tlpb_rc_connect(&config, &rc, why, sizeof why))
		FAIL("%s", why);
	EXPECT_EQ(tlpb_rc_enumerate(rc, &windows, bar), 0);
	return rc;
}

static void expect_read(tlpb_rc *rc)
{
	uint32_t value = 0;

	EXPECT_EQ(tlpb_rc_mem_read(rc, 0xe0000000, &value, 4), 0);
	EXPECT_EQ(value, 0x5a5a5a5a);
}

static void start(tlpb_rc_group *group)
{
	struct tlpb_server_config where = { .url = url() };

	alarm(WATCHDOG_S);
	memset(&hosts, 0, sizeof hosts);
	open_server(&where);
	ASSERT_EQ(pthread_create(&side.thread, NULL, serve, NULL), 0);
	hosts.rc[0] = connect_to("d0", group);
	hosts.rc[1] = connect_to("d1", group);
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

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* As an event loop does it; false: nobody told us. */
static bool dma_comes(tlpb_rc_group *group, unsigned writes)
{
	long long end = now_ms() + PATIENCE_MS;

	while (hosts.dma < writes && now_ms() < end) {
		if (!readable(tlpb_rc_group_fd(group), PATIENCE_MS))
			return false;
		tlpb_rc_group_process(group);
	}
	return hosts.dma >= writes;
}

static bool yes(void *arg)
{
	return true;
}

/* While one link is waited for all of the group are looked at; afterwards the descriptor tells of all again. */
TEST(Group, TheDescriptorTellsOfALinkAfterAWaitOnAnother)
{
	tlpb_rc_group *group;

	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	start(group);
	for (unsigned n = 1; n <= 10; n++) {
		struct transport *all[] = { tlpb__link_transport(hosts.rc[0]->link),
					    tlpb__link_transport(hosts.rc[1]->link) };

		expect_read(hosts.rc[n % 2]);
		tlpb__waiter_spin(all, 2, false);	/* as that does where an answer comes at once */
		EXPECT_EQ(tlpb__rc_wait(hosts.rc[n % 2], yes, NULL, NULL), 0);
		side.order = (int)(n + 1) % 2 + 1;
		ASSERT_TRUE(dma_comes(group, n));
	}
	stop();
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
}

/* ---- a server's loops ---- */

/* A host that comes, and is gone without a goodbye. */
static pid_t start_short_host(const char *device)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	alarm(WATCHDOG_S);
	expect_read(connect_to(device, NULL));
	_exit(0);
}

/* One that leaves no pause. */
static pid_t start_busy_host(const char *device)
{
	pid_t pid = fork();
	tlpb_rc *rc;

	if (pid)
		return pid;
	alarm(WATCHDOG_S);
	rc = connect_to(device, NULL);
	while (!tlpb_rc_mem_write(rc, 0xe0000000, &device, 4))
		;
	_exit(0);
}

static void loop_until_it_has_left(int (*look)(tlpb_server *server))
{
	struct tlpb_server_config where = { .url = url() };
	long long end = now_ms() + PATIENCE_MS;
	pid_t pid = start_short_host("d0");
	int status = -1;

	alarm(WATCHDOG_S);
	catch_log();
	open_server(&where);
	while (!side.disconnects && now_ms() < end)
		look(side.server);
	EXPECT_EQ(side.connects, 1);
	EXPECT_EQ(side.disconnects, 1);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	close_server();
	processes_end();
	alarm(0);
}

static int wait_not_at_all(tlpb_server *server) { return tlpb_server_wait(server, 0); }
static int wait_a_little(tlpb_server *server) { return tlpb_server_wait(server, 1); }
static int wait_for_ever(tlpb_server *server) { return tlpb_server_wait(server, -1); }

static int poll_and_process(tlpb_server *server)
{
	readable(tlpb_server_fd(server), 1000);
	return tlpb_server_process(server);
}

TEST(Server, ThatNeverBlocksHearsOfADeadHost) { loop_until_it_has_left(wait_not_at_all); }
TEST(Server, ThatBlocksForMomentsHearsOfADeadHost) { loop_until_it_has_left(wait_a_little); }
TEST(Server, ThatBlocksHearsOfADeadHost) { loop_until_it_has_left(wait_for_ever); }
TEST(Server, InALoopOfItsOwnersHearsOfADeadHost) { loop_until_it_has_left(poll_and_process); }

TEST(Server, ThatIsBusyWithOneHostHearsOfTheDeathOfAnother)
{
	struct tlpb_server_config where = { .url = url() };
	long long end = now_ms() + PATIENCE_MS;
	pid_t busy = start_busy_host("d0"), brief = start_short_host("d1");

	alarm(WATCHDOG_S);
	catch_log();
	open_server(&where);
	while (!side.disconnects && now_ms() < end)
		tlpb_server_wait(side.server, -1);
	EXPECT_EQ(side.disconnects, 1);
	EXPECT_EQ(waitpid(brief, NULL, 0), brief);
	kill(busy, SIGKILL);
	EXPECT_EQ(waitpid(busy, NULL, 0), busy);
	close_server();
	processes_end();
	alarm(0);
}
