/* SPDX-License-Identifier: MIT */
/* The checker sees what either side does wrong, and nothing where nobody does. */
#include <string.h>

#include <tlpbridge/inject.h>

#include "caught_log.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"
#include "raw_peer.h"

enum {
	COMMAND = 4, MEMORY_ENABLE = 2, MSI = 0x50, DEVCTL = 0x78, RELAXED_ENABLE = 1 << 4, FLR = 1 << 15,
};

static void open_checked(enum tlpb_check check)
{
	pair_open(&(struct pair_options){ .check = check });
	pair_enumerate();
}

static uint64_t ep_found;

static void ask_ep(void *arg)
{
	ep_found = tlpb_ep_violations(pair.ep);
}

static void expect_found(uint64_t n)
{
	pair_settle();
	pair_on_ep(ask_ep, NULL);
	EXPECT_EQ(ep_found, n);
	EXPECT_EQ(tlpb_rc_violations(pair.rc), n);
}

static void inject(const char *rules)
{
	char why[256] = "";

	if (tlpb_rc_inject(pair.rc, rules, why, sizeof why))
		FAIL("%s", why);
}

static void inject_at_ep(void *rules)
{
	char why[256] = "";

	if (tlpb_ep_inject(pair.ep, rules, why, sizeof why))
		FAIL("%s", why);
}

static void send_raw(void *arg)
{
	struct tlpb_tlp *tlp = arg;

	tlp->requester_id = pair.ep->id;
	tlpb__link_send_tlp(pair.ep->link, tlp, 0);
	if (pair.ep->link)
		tlpb__link_flush(pair.ep->link);
}

TEST(Check, OrdinaryTrafficBreaksNothing)
{
	static uint8_t buf[9000];
	struct dma read = { .addr = HOST_RAM_BASE + 3, .buf = buf, .len = sizeof buf };
	struct dma write = { .write = true, .addr = HOST_RAM_BASE + 5, .buf = buf, .len = sizeof buf };
	uint32_t value;

	open_checked(TLPB_CHECK_FATAL);
	pair_dma_run(&read);
	EXPECT_EQ(read.err, 0);
	pair_dma_run(&write);
	EXPECT_EQ(write.err, 0);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + 1, buf, 5000), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + 1, buf, 5000), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, 0x10, &value, 4), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_io_write(pair.rc, (uint32_t)pair.bar[5].addr, 4, 1), 0);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, DEVCTL, 2, FLR), 0);
	pair_enumerate();
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_HOT), 0);
	pair_enumerate();
	pair_dma_run(&write);
	EXPECT_EQ(write.err, 0);
	expect_found(0);
	pair_close();
}

TEST(Check, ACompletionThatNobodyAskedForIsNamed)
{
	uint32_t value;

	open_checked(TLPB_CHECK_REPORT);
	pair_on_ep(inject_at_ep, "duplicate type=CplD count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), 0);
	expect_found(1);
	EXPECT_TRUE(log_has("the device broke UNEXPECTED_COMPLETION (UNEXPECTED)"));
	pair_close();
}

/* With one credit it would wait until the first is answered, and its tag is free again: legal. */
TEST(Check, ARequestRepeatedWithItsTagIsNamed)
{
	uint32_t value;

	pair_open(&(struct pair_options){ .check = TLPB_CHECK_REPORT, .ep_credits = "NPH=2" });
	pair_enumerate();
	inject("duplicate type=MRd count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), 0);
	pair_settle();
	EXPECT_TRUE(log_has("the host broke TAG_IN_USE (VIOLATION)"));
	pair_close();
}

/* Posted by the endpoint's thread without the endpoint's gates. */
static void write_without_gate(uint64_t addr, unsigned dws)
{
	static const uint8_t data[4096];
	struct tlpb_tlp tlp = { .kind = TLPB_MWR, .address = addr, .length_dw = (uint16_t)dws,
				.first_be = 15, .last_be = dws > 1 ? 15 : 0,
				.payload = data, .payload_len = 4u * dws };

	pair_on_ep(send_raw, &tlp);
}

TEST(Check, AMemoryRequestWithoutBusMasterEnableIsNamed)
{
	open_checked(TLPB_CHECK_REPORT);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, COMMAND, 2, MEMORY_ENABLE), 0);
	pair_settle();		/* what was issued before may come until a read was answered */
	write_without_gate(HOST_RAM_BASE, 1);
	expect_found(1);
	EXPECT_TRUE(log_has("the device broke BUS_MASTER_DISABLED (VIOLATION)"));
	pair_close();
}

TEST(Check, APayloadAboveWhatSoftwareProgrammedIsNamed)
{
	uint32_t value;

	/* Credits for a TLP of that size: without them it would wait for ever. */
	pair_open(&(struct pair_options){ .check = TLPB_CHECK_REPORT, .rc_credits = "PD=2047" });
	pair_enumerate();
	/* It learns where Device Control is from who reads the capabilities. */
	for (unsigned at = 0x30; at < 0x80; at += 4)
		EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, at, 4, &value), 0);
	write_without_gate(HOST_RAM_BASE, 256);	/* 1024 bytes, of 512 */
	expect_found(1);
	EXPECT_TRUE(log_has("the device broke MPS_EXCEEDED (MALFORMED)"));
	pair_close();
}

TEST(Check, ARequestAcross4KiBIsNamed)
{
	uint32_t value;

	open_checked(TLPB_CHECK_REPORT);
	write_without_gate(HOST_RAM_BASE + 0xffc, 2);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), 0);	/* it was dropped */
	EXPECT_TRUE(log_has("the device broke CROSSES_4K (MALFORMED)"));
	pair_close();
}

TEST(Check, FatalTakesTheLinkDownWithTheRule)
{
	open_checked(TLPB_CHECK_FATAL);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, COMMAND, 2, MEMORY_ENABLE), 0);
	pair_settle();		/* what was issued before may come until a read was answered */
	write_without_gate(HOST_RAM_BASE, 1);
	pair_await_detached();
	EXPECT_TRUE(strstr(pair.model.gone_text, "BUS_MASTER_DISABLED") != NULL);
	pair_on_ep(ask_ep, NULL);
	EXPECT_EQ(ep_found, 1);
	pair_close();
}

/* ---- ordering, where issued and sent are both seen: at the sender's end ---- */

static void write_register(unsigned offset, uint32_t value)
{
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + offset, &value, 4), 0);
}

TEST(Check, APostedWriteThatPassesAnEarlierOneIsNamed)
{
	open_checked(TLPB_CHECK_REPORT);
	inject("delay tlps=1 type=MWr count=1");
	write_register(0, 1);
	write_register(4, 2);
	pair_settle();
	EXPECT_EQ(tlpb_rc_violations(pair.rc), 1);
	EXPECT_TRUE(log_has("the host broke ORDERING (passed one that it must not pass): MWr"));
	pair_on_ep(ask_ep, NULL);
	EXPECT_EQ(ep_found, 0);		/* the other end sees one order only */
	pair_close();
}

/* By the endpoint's thread, each posted, without the read that tells how they went. */
static void write_twice(void *arg)
{
	const struct tlpb_dma_attr *of_second = arg;

	tlpb_ep_dma_write(pair.ep, HOST_RAM_BASE, "abcd", 4, NULL, NULL, NULL);
	tlpb_ep_dma_write(pair.ep, HOST_RAM_BASE + 8, "efgh", 4, of_second, NULL, NULL);
}

static void write_and_interrupt(void *arg)
{
	tlpb_ep_dma_write(pair.ep, HOST_RAM_BASE, "abcd", 4, NULL, NULL, NULL);
	tlpb_ep_msi(pair.ep, 0);
}

static void write_once(void *arg)
{
	tlpb_ep_dma_write(pair.ep, HOST_RAM_BASE, "abcd", 4, NULL, NULL, NULL);
}

static void expect_ep_found(uint64_t n)
{
	pair_settle();
	pair_on_ep(ask_ep, NULL);
	EXPECT_EQ(ep_found, n);
}

/* The interrupt would tell of data that are not there yet. */
TEST(Check, AnMsiThatPassesAnEarlierWriteIsNamed)
{
	open_checked(TLPB_CHECK_REPORT);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, MSI + 4, 4, MSI_BASE), 0);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, MSI + 2, 2, 1), 0);
	pair_on_ep(inject_at_ep, "delay tlps=1 type=MWr count=1");
	pair_on_ep(write_and_interrupt, NULL);
	expect_ep_found(1);
	EXPECT_TRUE(log_has("the device broke ORDERING (passed one that it must not pass): MWr 0xfee"));
	pair_close();
}

TEST(Check, ACompletionThatPassesAnEarlierWriteIsNamed)
{
	uint32_t value;

	open_checked(TLPB_CHECK_REPORT);
	pair_on_ep(inject_at_ep, "delay tlps=100 type=MWr count=1");
	pair_on_ep(write_once, NULL);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), 0);
	pair_on_ep(ask_ep, NULL);
	EXPECT_EQ(ep_found, 1);
	EXPECT_TRUE(log_has("the device broke ORDERING (passed one that it must not pass): CplD"));
	pair_close();
}

TEST(Check, ARelaxedWriteMayPass)
{
	static struct tlpb_dma_attr strict, relaxed = { .ro = true };

	open_checked(TLPB_CHECK_REPORT);
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, DEVCTL, 2, RELAXED_ENABLE), 0);
	pair_on_ep(inject_at_ep, "delay tlps=1 type=MWr every=2 count=2");
	pair_on_ep(write_once, NULL);
	pair_on_ep(write_twice, &relaxed);
	expect_ep_found(0);
	pair_on_ep(write_twice, &strict);
	expect_ep_found(1);
	pair_close();
}

/* ---- a host by hand, which keeps to no credits ---- */

static struct raw_peer host;

static void open_raw(const char *ep_credits)
{
	struct hello hello = raw_hello(TLPB_HOST, pair_token);

	pair_open(&(struct pair_options){ .check = TLPB_CHECK_REPORT, .stay_apart = true,
					  .ep_credits = ep_credits });
	hello.credits[TLPB_POOL_PH] = 2;
	raw_start(&host, pair_attach_raw());
	raw_send_hello(&host, &hello);
	while (!host.ready && !host.closed)
		raw_listen(&host, 1);
	ASSERT_TRUE(host.ready);
}

static void close_raw(void)
{
	raw_stop(&host);
	pair_close();
}

/* Two reads in one message: the second is on its way before the first can have given its credit back. */
static void send_two_reads(void)
{
	uint8_t message[128], *p = message;

	for (unsigned tag = 0; tag < 2; tag++) {
		struct tlpb_tlp read = { .kind = TLPB_CFGRD0, .dest_id = PAIR_BDF, .length_dw = 1,
					 .first_be = 15, .tag = (uint16_t)tag };
		int len = tlpb_tlp_pack(&read, p + TLPB_FRAME_HEADER, 64);
		struct frame f = { .kind = TLPB_FRAME_TLP, .length = (uint32_t)len,
				   .sequence = host.sequence++ };

		tlpb__frame_put(p, &f);
		p += TLPB_FRAME_HEADER + len;
	}
	raw_bytes(&host, message, (size_t)(p - message));
	while (host.tlps < 2 && !host.closed)
		raw_listen(&host, 1);
}

/* Even where the receiver has room again, of which the sender cannot know. */
TEST(Check, ASenderWithoutCreditsIsNamed)
{
	open_raw("NPH=1");
	send_two_reads();
	EXPECT_TRUE(log_has("the host broke CREDITS_EXCEEDED (NPH): CfgRd0"));
	close_raw();
}

TEST(Check, ASenderWithEnoughCreditsIsNot)
{
	open_raw("NPH=2");
	send_two_reads();
	pair_on_ep(ask_ep, NULL);
	EXPECT_EQ(ep_found, 0);
	close_raw();
}

TEST(Check, AnIllegalUpdateOfCreditsIsNamed)
{
	uint16_t limits[TLPB_POOLS] = { 1 };	/* it said two posted headers */
	uint8_t body[2 * TLPB_POOLS];

	open_raw(NULL);
	tlpb__credits_encode(limits, body, sizeof body);
	raw_frame(&host, TLPB_FRAME_CREDITS, 0, body, sizeof body);
	raw_listen(&host, PAIR_PATIENCE_MS);
	EXPECT_TRUE(log_has("the host broke CREDITS_TAKEN_BACK (PH): CREDITS"));
	EXPECT_TRUE(strstr(host.parting.text, "Flow Control Protocol Error") != NULL);
	close_raw();
}
