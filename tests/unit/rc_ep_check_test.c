/* SPDX-License-Identifier: MIT */
/* The checker sees what either side does wrong, and nothing where nobody does. */
#include <string.h>

#include <tlpbridge/inject.h>

#include "caught_log.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"

enum { COMMAND = 4, MEMORY_ENABLE = 2, DEVCTL = 0x78, FLR = 1 << 15 };

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
	write_without_gate(HOST_RAM_BASE, 1);
	pair_await_detached();
	EXPECT_TRUE(strstr(pair.model.gone_text, "BUS_MASTER_DISABLED") != NULL);
	pair_on_ep(ask_ep, NULL);
	EXPECT_EQ(ep_found, 1);
	pair_close();
}
