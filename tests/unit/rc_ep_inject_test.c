/* SPDX-License-Identifier: MIT */
/* What host and model see of injected errors. */
#include <string.h>

#include <tlpbridge/inject.h>

#include "bytes.h"
#include "ep_private.h"
#include "gtest.h"
#include "link_private.h"
#include "pair.h"

static void open_all(void)
{
	pair_open(NULL);
	pair_enumerate();
}

static void at_host(const char *rules)
{
	char why[256] = "";

	if (tlpb_rc_inject(pair.rc, rules, why, sizeof why))
		FAIL("%s", why);
}

static void add_at_ep(void *rules)
{
	char why[256] = "";

	if (tlpb_ep_inject(pair.ep, rules, why, sizeof why))
		FAIL("%s", why);
}

static void at_ep(char *rules)
{
	pair_on_ep(add_at_ep, rules);
}

static uint64_t at(unsigned offset)
{
	return pair.bar[0].addr + offset;
}

static void write_register(unsigned offset, uint32_t value)
{
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, at(offset), &value, 4), 0);
}

static int read_register(unsigned offset, uint32_t *value)
{
	return tlpb_rc_mem_read(pair.rc, at(offset), value, 4);
}

static uint32_t get(unsigned offset)
{
	uint32_t value = 0;

	EXPECT_EQ(read_register(offset, &value), 0);
	return value;
}

TEST(Inject, ADroppedWriteNeverArrives)
{
	open_all();
	at_host("drop type=MWr count=1");
	write_register(0, 1);
	EXPECT_EQ(get(0), 0);
	write_register(0, 2);
	EXPECT_EQ(get(0), 2);
	EXPECT_EQ(tlpb_rc_injected(pair.rc), 1);
	pair_close();
}

TEST(Inject, ADroppedWriteAtTheEndpointNeverReachesTheModel)
{
	open_all();
	at_ep("drop type=MWr count=1");
	write_register(0, 1);
	EXPECT_EQ(get(0), 0);
	write_register(0, 2);
	EXPECT_EQ(get(0), 2);
	pair_close();
}

TEST(Inject, ADelayedWriteIsPassedByTheNextOnes)
{
	open_all();
	at_host("delay tlps=1 type=MWr count=1");
	write_register(0, 1);
	write_register(0, 2);
	EXPECT_EQ(get(0), 1);
	pair_close();
}

/* It keeps its credits meanwhile: the next ones need some, too. */
TEST(Inject, ADelayedWriteAtTheReceiverIsPassedByTheNextOnes)
{
	pair_open(&(struct pair_options){ .ep_credits = "PH=4,PD=32" });
	pair_enumerate();
	at_ep("delay tlps=1 type=MWr count=1");
	write_register(0, 1);
	write_register(0, 2);
	EXPECT_EQ(get(0), 1);
	pair_close();
}

TEST(Inject, AStandStillKeepsTheOrder)
{
	open_all();
	at_host("delay ms=20 type=MWr count=1");
	write_register(0, 1);
	write_register(0, 2);
	EXPECT_EQ(get(0), 2);
	EXPECT_EQ(tlpb_rc_injected(pair.rc), 1);
	pair_close();
}

TEST(Inject, ADuplicatedWriteArrivesTwice)
{
	open_all();
	at_host("duplicate type=MWr count=1");
	write_register(0, 1);
	EXPECT_EQ(get(0), 1);
	EXPECT_EQ(pair.model.accesses, 3);
	pair_close();
}

TEST(Inject, ADuplicatedCompletionIsUnexpected)
{
	struct tlpb_rc_stats stats;

	open_all();
	at_ep("duplicate type=CplD count=1");
	EXPECT_EQ(get(0), 0);
	EXPECT_EQ(get(0), 0);
	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(stats.unexpected_completions, 1);
	pair_close();
}

TEST(Inject, APoisonedCompletionIsAnErrorAndAllOnes)
{
	uint32_t value = 0;

	open_all();
	at_ep("poison type=CplD count=1");
	EXPECT_EQ(read_register(0, &value), TLPB_ERR_POISONED);
	EXPECT_EQ(value, 0xffffffff);
	pair_close();
}

TEST(Inject, APoisonedDmaReadIsAnErrorForTheModel)
{
	uint8_t buf[16];
	struct dma dma = { .addr = HOST_RAM_BASE, .buf = buf, .len = sizeof buf };

	open_all();
	at_host("poison type=CplD count=1");
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, TLPB_ERR_POISONED);
	pair_close();
}

TEST(Inject, ACorruptHeaderTakesTheLinkDown)
{
	uint32_t value = 0;

	open_all();
	at_host("corrupt part=header bit=0 type=MRd");	/* MRd becomes MRdLk: refused */
	EXPECT_EQ(read_register(0, &value), TLPB_ERR_UNSUPPORTED);
	at_host(NULL);
	at_host("corrupt part=header bit=4 type=MRd");	/* an undefined type */
	EXPECT_EQ(read_register(0, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
	pair_close();
}

TEST(Inject, CorruptDataArriveInverted)
{
	open_all();
	at_host("corrupt part=data bit=3 type=MWr count=1");
	write_register(0, 0x100);
	EXPECT_EQ(get(0), 0x108);
	pair_close();
}

TEST(Inject, AStatusIsWhatTheRequesterSees)
{
	uint32_t value = 0;

	open_all();
	at_ep("status=CA type=MRd addr=0xc0000000-0xffffffff count=1;"
	      "status=CRS type=CfgRd0 count=1; status=UR type=CfgRd0 count=1");
	EXPECT_EQ(read_register(0, &value), pair.bar[0].addr >= 0xc0000000 ? TLPB_ERR_ABORTED : 0);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), TLPB_ERR_CRS);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), 0);
	pair_close();
}

TEST(Inject, AStatusReplacesAllOfASplitAnswer)
{
	static uint8_t buf[4096];
	struct tlpb_rc_stats stats;

	open_all();
	at_ep("status=UR type=MRd count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, at(0), buf, sizeof buf), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, at(0), buf, sizeof buf), 0);
	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(stats.unexpected_completions, 0);
	pair_close();
}

TEST(Inject, ATimeoutEndsTheHostsRequest)
{
	uint32_t value = 0;

	open_all();
	at_host("timeout type=MRd count=1");
	EXPECT_EQ(read_register(0, &value), TLPB_ERR_TIMEDOUT);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(get(0), 0);
	pair_close();
}

TEST(Inject, ATimeoutEndsTheEndpointsRequest)
{
	static uint8_t buf[2048];
	struct dma dma = { .addr = HOST_RAM_BASE, .buf = buf, .len = sizeof buf };

	open_all();
	at_ep("timeout type=MRd count=1");
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, TLPB_ERR_TIMEDOUT);
	EXPECT_EQ(dma.fail_addr, HOST_RAM_BASE);
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, 0);
	pair_close();
}

TEST(Inject, LinkDownIsToldToBothSides)
{
	uint32_t value = 0;

	open_all();
	at_host("linkdown type=MRd");
	EXPECT_EQ(read_register(0, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(pair.host.downs, 1);
	pair_await_detached();
	EXPECT_TRUE(strstr(pair.model.gone_text, "error injection") != NULL);
	pair_close();
}

TEST(Inject, LinkDownAtTheEndpointWhileItAnswers)
{
	uint32_t value = 0;

	open_all();
	at_ep("linkdown type=CplD");
	EXPECT_EQ(read_register(0, &value), TLPB_ERR_CLOSED);
	EXPECT_TRUE(strstr(pair.host.down_text, "error injection") != NULL);
	pair_await_detached();
	pair_close();
}

TEST(Inject, LinkDownAtTheEndpointWhileItDoesDma)
{
	uint8_t buf[16] = { 0 };
	struct dma dma = { .write = true, .addr = HOST_RAM_BASE, .buf = buf, .len = sizeof buf };

	open_all();
	at_ep("linkdown type=MWr");
	pair_dma_start(&dma);
	EXPECT_EQ(dma.started, TLPB_ERR_CLOSED);
	pair_await_detached();
	pair_close();
}

TEST(Inject, RulesAreReplacedAndWrongOnesChangeNothing)
{
	char why[256] = "";

	open_all();
	at_host("drop type=MWr");
	EXPECT_EQ(tlpb_rc_inject(pair.rc, "poison; lose", why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_TRUE(strstr(why, "lose") != NULL);
	write_register(0, 1);
	EXPECT_EQ(get(0), 0);
	at_host(NULL);
	write_register(0, 1);
	EXPECT_EQ(get(0), 1);
	pair_close();
}

TEST(Inject, TheEndpointsRulesOutliveAHost)
{
	char why[256];

	open_all();
	at_ep("drop type=MWr count=2");
	write_register(0, 1);
	EXPECT_EQ(get(0), 0);
	pair_disconnect();
	ASSERT_EQ(pair_connect(why, sizeof why), 0);
	pair_enumerate();
	write_register(0, 1);
	EXPECT_EQ(get(0), 0);
	write_register(0, 1);
	EXPECT_EQ(get(0), 1);
	pair_close();
}

TEST(Inject, RulesGivenAtCreation)
{
	struct tlpb_rc_config config = { .url = "inproc://nobody", .inject = "lose" };
	struct tlpb_ep_ops ops = { 0 };
	struct tlpb_device device = pair_device();
	struct tlpb_ep_config ep_config = { .device = &device, .ops = &ops, .inject = "lose" };
	char why[256] = "";
	tlpb_rc *rc;
	tlpb_ep *ep;

	EXPECT_EQ(tlpb_ep_new(&ep_config, &ep, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_TRUE(strstr(why, "not an action") != NULL);
	why[0] = 0;
	EXPECT_EQ(tlpb_rc_connect(&config, &rc, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_TRUE(strstr(why, "not an action") != NULL);
}

/* ---- flow control: what a rule takes away or adds costs its credits once ---- */

static const char *const at_endpoint[] = {
	"drop type=MWr count=5", "delay type=MWr tlps=2 count=5", "duplicate type=MWr count=5",
	"poison type=MWr count=5", "duplicate type=MRd count=1",
};

/* How much of each pool the host may spend. */
static void get_free(void *arg)
{
	const struct credit_rx *rx = pair.ep->link->credits.rx;
	unsigned *free_of = arg;

	for (unsigned i = 0; i < TLPB_POOLS; i++)
		free_of[i] = (uint16_t)(rx[i].allocated - rx[i].received) & (i & 1 ? 0xfff : 0xff);
}

static void expect_all_free(const char *rule, const unsigned *at_first)
{
	unsigned now[TLPB_POOLS];

	pair_settle();
	pair_on_ep(get_free, now);
	for (unsigned i = 0; i < TLPB_POOLS; i++)
		if (now[i] != at_first[i])
			FAIL("%s: of %s %u are free, of %u", rule, tlpb_pool_name(i), now[i], at_first[i]);
}

TEST(Inject, AtTheEndpointCreditsGoBackOnce)
{
	for (unsigned i = 0; i < sizeof at_endpoint / sizeof at_endpoint[0]; i++) {
		unsigned at_first[TLPB_POOLS];

		pair_open(&(struct pair_options){ .ep_credits = "PH=4,PD=32,NPH=8,NPD=8" });
		pair_enumerate();
		pair_on_ep(get_free, at_first);
		pair_on_ep(add_at_ep, (char *)at_endpoint[i]);
		for (unsigned n = 0; n < 20; n++)
			write_register(0, n);
		get(0);
		expect_all_free(at_endpoint[i], at_first);
		pair_close();
	}
}

TEST(Inject, WhatIsHeldBackAndLostGivesItsCreditsBack)
{
	unsigned at_first[TLPB_POOLS];

	pair_open(&(struct pair_options){ .ep_credits = "PH=4,PD=32,NPH=8,NPD=8" });
	pair_enumerate();
	pair_on_ep(get_free, at_first);
	at_ep("delay type=MWr tlps=100 count=3");
	write_register(0, 1);
	write_register(4, 1);
	EXPECT_EQ(get(0), 0);
	at_ep(NULL);
	expect_all_free("delay and none", at_first);
	write_register(0, 2);
	EXPECT_EQ(get(0), 2);
	pair_close();
}

TEST(Inject, ADroppedWriteOfTheHostCostsNoCredit)
{
	pair_open(&(struct pair_options){ .ep_credits = "PH=1,PD=32,NPH=1,NPD=1" });
	pair_enumerate();
	at_host("drop type=MWr count=50");
	for (unsigned n = 0; n < 51; n++)
		write_register(0, n);
	EXPECT_EQ(get(0), 50);
	pair_close();
}
