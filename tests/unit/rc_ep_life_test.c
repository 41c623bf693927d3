/* SPDX-License-Identifier: MIT */
/* Resets, hosts that come and go, links that break in the middle of everything, traces. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <tlpbridge/trace.h>

#include "bytes.h"
#include "caught_log.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"
#include "process.h"

enum { DEVCTL = 0x78, FLR = 1 << 15 };

static const uint64_t ram = HOST_RAM_BASE;

static void setup(void)
{
	pair_open(NULL);
	pair_enumerate();
}

static void reconnect(void)
{
	char why[256] = "";

	if (pair_connect(why, sizeof why))
		FAIL("the next host cannot connect: %s", why);
	pair_enumerate();
}

/* All that a host does at first, to see that the endpoint is well. */
static void expect_usable(void)
{
	struct dma d = { .addr = ram, .buf = (char[64]){ 0 }, .len = 64 };
	uint8_t value[4] = { 0 };

	pair.model.on_access = NULL;
	pair.model.hold = false;
	pair.model.status = TLPB_CPL_SC;
	pair.host.on_write = NULL;
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + 0x40, "well", 4), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 0x40, value, 4), 0);
	EXPECT_MEMEQ(value, "well", 4);
	pair_dma_run(&d);
	EXPECT_EQ(d.err, 0);
	d.write = true;
	pair_dma_run(&d);
	EXPECT_EQ(d.err, 0);
}

/* ---- resets ---- */

static void flr(void)
{
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, DEVCTL, 2, FLR), 0);
}

static void hot_reset(void)
{
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_HOT), 0);
}

static void system_reset(void)
{
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_SYSTEM), 0);
}

static void power_reset(void)
{
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_POWER), 0);
}

static const struct {
	const char *name;
	void (*reset)(void);
	enum tlpb_reset kind;
} resets[] = {
	{ "FLR", flr, TLPB_RESET_FLR },
	{ "hot", hot_reset, TLPB_RESET_HOT },
	{ "system", system_reset, TLPB_RESET_SYSTEM },
	{ "power", power_reset, TLPB_RESET_POWER },
};

enum { RESETS = sizeof resets / sizeof resets[0] };

TEST(Reset, EachKindClearsConfigSpaceAndTellsTheModel)
{
	for (int i = 0; i < RESETS; i++) {
		uint32_t value;

		gt_about(resets[i].name);
		setup();
		ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x52, 2, 1), 0);
		resets[i].reset();
		ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 4, 2, &value), 0);
		EXPECT_EQ(value, 0);
		ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0x10, 4, &value), 0);
		EXPECT_EQ(value, 0);
		ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0x52, 2, &value), 0);
		EXPECT_EQ(value & 1, 0);
		ASSERT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, DEVCTL, 2, &value), 0);
		EXPECT_EQ(value, 0x2810);
		EXPECT_EQ(pair.model.resets, 1);
		EXPECT_EQ(pair.model.reset_kind, resets[i].kind);
		pair_enumerate();
		expect_usable();
		pair_close();
	}
}

static void assert_line(void *arg)
{
	EXPECT_EQ(tlpb_ep_intx(pair.ep, true), TLPB_IRQ_SENT);
}

TEST(Reset, DeassertsTheInterruptLine)
{
	for (int i = 0; i < RESETS; i++) {
		gt_about(resets[i].name);
		setup();
		pair_on_ep(assert_line, NULL);
		pair_settle();
		EXPECT_TRUE(pair.host.intx[0]);
		resets[i].reset();
		pair_settle();
		EXPECT_FALSE(pair.host.intx[0]);
		pair_close();
	}
}

TEST(Reset, MasksMsixVectorsAndForgetsPendingOnes)
{
	uint8_t control[4];

	setup();
	ASSERT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + 0x1000c, "\0\0\0", 4), 0);
	flr();
	pair_enumerate();
	ASSERT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 0x1000c, control, 4), 0);
	EXPECT_EQ(control[0], 1);
	pair_close();
}

/* Reads that the reset overtakes: their late completions must not reach the buffers. */
TEST(Reset, EndsDmaInFlightAndIgnoresItsLateCompletions)
{
	enum { COUNT = 8, LEN = 32768 };

	for (int i = 0; i < RESETS; i++) {
		static struct dma d[COUNT];
		uint8_t *buf[COUNT];

		gt_about(resets[i].name);
		setup();
		memset(pair.host.ram, 0x99, HOST_RAM);
		for (int n = 0; n < COUNT; n++) {
			buf[n] = calloc(1, LEN);
			d[n] = (struct dma){ .addr = ram + (uint64_t)n * LEN, .buf = buf[n], .len = LEN };
			pair_dma_start(&d[n]);
		}
		resets[i].reset();		/* before the host has served a single one */
		pair_settle();
		for (int n = 0; n < COUNT; n++) {
			EXPECT_TRUE(atomic_load(&d[n].over));
			EXPECT_EQ(d[n].err, TLPB_ERR_CLOSED);
			free(buf[n]);
		}
		pair_enumerate();
		for (int n = 0; n < 20; n++)
			expect_usable();
		pair_close();
	}
}

static void write_then_hold(struct tlpb_ep_request *r)
{
	pair.model.held[pair.model.holds++] = r;
	EXPECT_EQ(tlpb_ep_dma_write(pair.ep, ram, "now", 4, NULL, NULL, NULL), 0);
}

static int reset_to_do;

static void reset_inside(uint64_t addr, const void *data, size_t len)
{
	pair.host.on_write = NULL;
	resets[reset_to_do].reset();
}

static void complete_held(void *arg)
{
	while (pair.model.holds)
		tlpb_ep_complete(pair.ep, pair.model.held[--pair.model.holds], TLPB_CPL_SC);
}

/* The host waits without a timeout, so a function that is reset must not just forget. */
TEST(Reset, EndsAReadThatTheHostWaitsFor)
{
	for (reset_to_do = 0; reset_to_do < RESETS; reset_to_do++) {
		uint8_t value[4] = { 0 };
		struct tlpb_rc_stats stats;

		gt_about(resets[reset_to_do].name);
		setup();
		pair.model.on_access = write_then_hold;
		pair.host.on_write = reset_inside;
		EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, value, 4),
			  TLPB_ERR_UNSUPPORTED);
		EXPECT_EQ(get_le32(value), 0xffffffff);
		pair_on_ep(complete_held, NULL);	/* the model's late answer goes nowhere */
		pair_enumerate();
		expect_usable();
		tlpb_rc_get_stats(pair.rc, &stats);
		EXPECT_EQ(stats.unexpected_completions, 0);
		pair_close();
	}
}

/* ---- hosts come and go ---- */

TEST(Life, AHostThatLeavesSaysSo)
{
	setup();
	EXPECT_EQ(pair.model.connects, 1);
	EXPECT_STREQ(pair.model.host, "test-host");
	pair_disconnect();
	EXPECT_EQ(pair.model.disconnects, 1);
	EXPECT_EQ(pair.model.gone_reason, TLPB_REASON_NORMAL);
	EXPECT_STREQ(pair.model.gone_text, "closed by its user");
	EXPECT_EQ(pair.model.resets, 1);
	EXPECT_EQ(pair.model.reset_kind, TLPB_RESET_POWER);
	EXPECT_EQ(pair.host.downs, 0);		/* its own doing */
	pair_close();
}

TEST(Life, HostsMayComeAndGoManyTimes)
{
	setup();
	for (int i = 0; i < 50; i++) {
		if (i % 2)
			pair_disconnect();
		else
			pair_kill_host();
		reconnect();
		expect_usable();
	}
	EXPECT_EQ(pair.model.connects, 51);
	EXPECT_EQ(pair.model.disconnects, 50);
	pair_close();
}

TEST(Life, AHostThatIsKilledDuringDmaEndsItAndTheNextOneIsWell)
{
	static uint8_t buf[HOST_RAM];
	struct dma d = { .addr = ram, .buf = buf, .len = HOST_RAM };

	for (int write = 0; write < 2; write++) {
		setup();
		d.write = write;
		pair_dma_start(&d);
		pair_kill_host();
		EXPECT_TRUE(atomic_load(&d.over));
		EXPECT_EQ(d.err, TLPB_ERR_CLOSED);
		EXPECT_EQ(pair.model.gone_reason, TLPB_REASON_LOST);
		EXPECT_NOT_NULL(strstr(pair.model.gone_text, "gone"));
		reconnect();
		expect_usable();
		pair_close();
	}
}

TEST(Life, CompletionsForAHostThatWentDoNotReachTheNext)
{
	struct tlpb_tlp read = { .kind = TLPB_MRD, .length_dw = 1, .first_be = 0xf };
	struct tlpb_rc_stats stats;

	setup();
	pair.model.hold = true;
	read.address = pair.bar[0].addr;
	for (read.tag = 0; read.tag < 8; read.tag++)
		pair_post(&read);
	pair_settle();
	EXPECT_EQ(pair.model.holds, 8);
	pair_kill_host();
	reconnect();
	pair_on_ep(complete_held, NULL);
	expect_usable();
	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(stats.unexpected_completions, 0);
	pair_close();
}

/* ---- the endpoint's side breaks ---- */

/* Once: the other requests of a long read are under way already. */
static void cut_the_link(struct tlpb_ep_request *r)
{
	pair.model.on_access = NULL;
	pair_cut_ep();
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
}

static void expect_host_knows(void)
{
	uint32_t value = 0;

	EXPECT_EQ(pair.host.downs, 1);
	EXPECT_EQ(pair.host.down_reason, TLPB_REASON_LOST);
	EXPECT_NOT_NULL(strstr(pair.host.down_text, "gone"));
	EXPECT_FALSE(tlpb_rc_is_up(pair.rc));
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(tlpb_rc_io_read(pair.rc, 0xc000, 2, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffff);
	EXPECT_EQ(tlpb_rc_io_write(pair.rc, 0xc000, 2, 0), TLPB_ERR_CLOSED);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 4, 2, 0), TLPB_ERR_CLOSED);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, ram, "x", 1), TLPB_ERR_CLOSED);
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_SYSTEM), TLPB_ERR_CLOSED);
	EXPECT_EQ(tlpb_rc_process(pair.rc), TLPB_ERR_CLOSED);
	EXPECT_EQ(tlpb_rc_fd(pair.rc), -1);
	EXPECT_EQ(pair.host.downs, 1);
}

TEST(Life, AReadThatLosesItsLinkReturnsAllOnes)
{
	uint8_t buf[8192] = { 0 };

	setup();
	pair.model.on_access = cut_the_link;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, buf, sizeof buf), TLPB_ERR_CLOSED);
	for (size_t i = 0; i < sizeof buf; i++)
		ASSERT_EQ(buf[i], 0xff);
	expect_host_knows();
	tlpb_rc_close(pair.rc);
	reconnect();
	expect_usable();
	pair_close();
}

static int nested_err;

static void cut_inside(uint64_t addr, const void *data, size_t len)
{
	uint8_t value[4];

	pair.host.on_write = NULL;
	pair.model.on_access = cut_the_link;
	nested_err = tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 8, value, 4);
	EXPECT_EQ(get_le32(value), 0xffffffff);
}

/* Stress ordering holds TLPs for others to pass them. */
TEST(Life, WritesThatAreHeldLeaveBeforeTheGoodbye)
{
	uint32_t value = 1;

	pair_open(&(struct pair_options){ .order_seed = 1 });
	pair_enumerate();
	for (unsigned i = 0; i < 4; i++)
		EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + 8 * i, &value, 4), 0);
	pair_disconnect();
	EXPECT_EQ(pair.model.accesses, 4);
	pair_close();
}

TEST(Life, AReadInsideAReadThatLosesTheLinkEndsBoth)
{
	uint8_t value[4] = { 0 };

	setup();
	pair.model.on_access = write_then_hold;
	pair.host.on_write = cut_inside;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, value, 4), TLPB_ERR_CLOSED);
	EXPECT_EQ(nested_err, TLPB_ERR_CLOSED);
	EXPECT_EQ(get_le32(value), 0xffffffff);
	expect_host_knows();
	pair_on_ep(complete_held, NULL);
	pair_close();
}

TEST(Life, PostedWritesNoticeALostLink)
{
	static uint8_t block[4096];
	int err = 0;

	setup();
	pair_kill_link();
	for (int i = 0; i < 10000 && !err; i++)
		err = tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, block, sizeof block);
	EXPECT_EQ(err, TLPB_ERR_CLOSED);
	EXPECT_EQ(pair.host.downs, 1);
	pair_close();
}

static void abort_link(void *arg)
{
	tlpb__ep_detach(pair.ep, TLPB_REASON_NORMAL, "the model was stopped");
}

TEST(Life, AGoodbyeTellsTheHostWhy)
{
	uint32_t value;

	setup();
	pair_on_ep(abort_link, NULL);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(pair.host.down_reason, TLPB_REASON_NORMAL);
	EXPECT_STREQ(pair.host.down_text, "the model was stopped");
	pair_close();
}

static void free_early(void)
{
	tlpb_rc_close(pair.rc);
	pair.rc = NULL;
}

TEST(Life, AnEndpointWithRequestsInTheModelIsFreedWithoutALeak)
{
	struct tlpb_tlp read = { .kind = TLPB_MRD, .length_dw = 1, .first_be = 0xf };
	static uint8_t buf[HOST_RAM];
	struct dma d = { .addr = ram, .buf = buf, .len = HOST_RAM };

	setup();
	pair.model.hold = true;
	read.address = pair.bar[0].addr;
	pair_post(&read);
	pair_dma_start(&d);
	free_early();
	pair_close();
	EXPECT_TRUE(atomic_load(&d.over));
}

/* ---- what a device says first ---- */

static void assert_at_once(void)
{
	EXPECT_EQ(tlpb_ep_intx(pair.ep, true), TLPB_IRQ_SENT);
}

/* It may share a message with the description, of which no descriptor tells. */
TEST(Life, AnInterruptRaisedAsTheLinkComesUpIsSeenByAnEventLoop)
{
	char why[256];
	struct pollfd p = { .events = POLLIN };

	pair_open(&(struct pair_options){ .stay_apart = true });
	pair.model.on_connected = assert_at_once;
	ASSERT_EQ(pair_connect(why, sizeof why), 0);
	p.fd = tlpb_rc_fd(pair.rc);
	for (int i = 0; i < 20 && !pair.host.intx[0]; i++)
		if (poll(&p, 1, 50) == 1)
			tlpb_rc_process(pair.rc);
	EXPECT_TRUE(pair.host.intx[0]);
	pair_close();
}

/* ---- traces ---- */

struct traced {
	uint8_t *bytes;
	size_t len, count;
};

/* All TLPs of one direction, one behind the other. */
static struct traced read_trace(const char *path, enum tlpb_direction direction)
{
	struct traced t = { NULL, 0, 0 };
	struct tlpb_trace_record record;
	tlpb_trace_reader *reader;
	char why[256];

	ASSERT_EQ(tlpb_trace_open(path, &reader, why, sizeof why), 0);
	while (tlpb_trace_next(reader, &record, why, sizeof why) > 0) {
		if (record.kind != TLPB_FRAME_TLP || record.direction != direction)
			continue;
		t.bytes = realloc(t.bytes, t.len + record.len);
		memcpy(t.bytes + t.len, record.body, record.len);
		t.len += record.len;
		t.count++;
	}
	tlpb_trace_reader_close(reader);
	return t;
}

static void expect_same_tlps(enum tlpb_direction direction)
{
	struct traced a = read_trace(test_path("rc.pcap"), direction);
	struct traced b = read_trace(test_path("ep.pcap"), direction);

	EXPECT_GT(a.count, 10);
	EXPECT_EQ(a.count, b.count);
	ASSERT_EQ(a.len, b.len);
	EXPECT_MEMEQ(a.bytes, b.bytes, a.len);
	free(a.bytes);
	free(b.bytes);
}

TEST(Traces, BothSidesRecordTheSameTlps)
{
	struct pair_options options = { 0 };
	char why[256];

	processes_end();
	ASSERT_EQ(tlpb_trace_create(test_path("rc.pcap"), &options.rc_trace, why, sizeof why), 0);
	ASSERT_EQ(tlpb_trace_create(test_path("ep.pcap"), &options.ep_trace, why, sizeof why), 0);
	pair_open(&options);
	pair_enumerate();
	expect_usable();
	pair_settle();
	pair_close();
	EXPECT_EQ(tlpb_trace_close(options.rc_trace), 0);
	EXPECT_EQ(tlpb_trace_close(options.ep_trace), 0);
	expect_same_tlps(TLPB_TO_ENDPOINT);
	expect_same_tlps(TLPB_TO_HOST);
	processes_end();
}
