/* SPDX-License-Identifier: MIT */
/* The rules of 2.6.1, one by one, on the counters alone. */
#include <string.h>

#include <tlpbridge/err.h>

#include "credits.h"
#include "gtest.h"

static const struct tlpb_credits posted_128 = { TLPB_POSTED, 1, 8 };
static const struct tlpb_credits read_request = { TLPB_NON_POSTED, 1, 0 };
static const struct tlpb_credits config_write = { TLPB_NON_POSTED, 1, 1 };
static const struct tlpb_credits completion = { TLPB_COMPLETION, 1, 4 };

static struct credits c;
static unsigned pool;

/* Both sides advertise the same. */
static void start(unsigned ph, unsigned pd, unsigned nph, unsigned npd)
{
	uint16_t pools[TLPB_POOLS] = { (uint16_t)ph, (uint16_t)pd, (uint16_t)nph, (uint16_t)npd, 0, 0 };

	tlpb__credits_init(&c, pools, 128, pools);
}

static enum credit_fault update(unsigned ph, unsigned pd, unsigned nph, unsigned npd)
{
	uint16_t limits[TLPB_POOLS] = { (uint16_t)ph, (uint16_t)pd, (uint16_t)nph, (uint16_t)npd, 0, 0 };

	return tlpb__credits_update(&c, limits, &pool);
}

/* ---- the transmitter's gate ---- */

TEST(Gate, HoldsATlpWithoutAHeaderCredit)
{
	start(1, 100, 1, 1);
	EXPECT_TRUE(tlpb__credits_suffice(&c, &posted_128));
	tlpb__credits_consume(&c, &posted_128);
	EXPECT_FALSE(tlpb__credits_suffice(&c, &posted_128));
	EXPECT_EQ(update(2, 108, 1, 1), CREDIT_FAULT_NONE);
	EXPECT_TRUE(tlpb__credits_suffice(&c, &posted_128));
}

TEST(Gate, HoldsATlpWithoutEnoughDataCredits)
{
	start(10, 15, 1, 1);
	tlpb__credits_consume(&c, &posted_128);
	EXPECT_FALSE(tlpb__credits_suffice(&c, &posted_128));	/* 7 of 8 */
	EXPECT_EQ(update(10, 16, 1, 1), CREDIT_FAULT_NONE);
	EXPECT_TRUE(tlpb__credits_suffice(&c, &posted_128));
}

TEST(Gate, ARequestWithoutDataNeedsNoDataCredit)
{
	start(1, 8, 3, 1);
	tlpb__credits_consume(&c, &config_write);
	EXPECT_FALSE(tlpb__credits_suffice(&c, &config_write));
	EXPECT_TRUE(tlpb__credits_suffice(&c, &read_request));
}

TEST(Gate, EachClassHasItsOwnPools)
{
	start(1, 8, 1, 1);
	tlpb__credits_consume(&c, &read_request);
	EXPECT_FALSE(tlpb__credits_suffice(&c, &read_request));
	EXPECT_TRUE(tlpb__credits_suffice(&c, &posted_128));
	EXPECT_TRUE(tlpb__credits_suffice(&c, &completion));
}

TEST(Gate, InfinitePoolsNeverHold)
{
	start(0, 0, 0, 0);
	for (unsigned i = 0; i < 10000; i++) {
		ASSERT_TRUE(tlpb__credits_suffice(&c, &posted_128));
		tlpb__credits_consume(&c, &posted_128);
	}
	EXPECT_EQ(update(0, 0, 0, 0), CREDIT_FAULT_NONE);
}

TEST(Gate, WhatWaitsForItIsCountedForThoseBehind)
{
	start(3, 16, 1, 1);
	EXPECT_TRUE(tlpb__credits_suffice_behind(&c, 1, 8, &posted_128));
	EXPECT_FALSE(tlpb__credits_suffice_behind(&c, 2, 16, &posted_128));	/* data */
	EXPECT_FALSE(tlpb__credits_suffice_behind(&c, 3, 0, &posted_128));	/* headers */
	EXPECT_FALSE(tlpb__credits_suffice_behind(&c, 300, 0, &posted_128));	/* beyond the modulus */
}

/* Every length of the run, so that the counters pass their modulus at every place. */
TEST(Gate, CountersWrap)
{
	for (unsigned ahead = 1; ahead <= 127; ahead += 14) {
		unsigned limit = ahead;

		start(ahead, 0, 1, 1);
		for (unsigned i = 0; i < 1000; i++) {
			ASSERT_TRUE(tlpb__credits_suffice(&c, &posted_128));
			tlpb__credits_consume(&c, &posted_128);
			limit = (limit + 1) & 0xff;
			ASSERT_EQ(update(limit, 0, 1, 1), CREDIT_FAULT_NONE);
		}
		for (unsigned i = 0; i < ahead; i++, tlpb__credits_consume(&c, &posted_128))
			ASSERT_TRUE(tlpb__credits_suffice(&c, &posted_128));
		EXPECT_FALSE(tlpb__credits_suffice(&c, &posted_128));
	}
}

/* (LIMIT - (CONSUMED + need)) mod 2^n is at most 2^(n-1). */
TEST(Gate, IsOpenUpToHalfTheModulus)
{
	start(1, 8, 1, 1);
	c.tx[TLPB_POOL_NPH] = (struct credit_tx){ .limit = 1 + 128 };
	EXPECT_TRUE(tlpb__credits_suffice(&c, &read_request));
	c.tx[TLPB_POOL_NPH].limit++;
	EXPECT_FALSE(tlpb__credits_suffice(&c, &read_request));
	c.tx[TLPB_POOL_PD] = (struct credit_tx){ .limit = 8 + 2048 };
	EXPECT_TRUE(tlpb__credits_suffice(&c, &posted_128));
	c.tx[TLPB_POOL_PD].limit++;
	EXPECT_FALSE(tlpb__credits_suffice(&c, &posted_128));
}

/* ---- updates ---- */

TEST(Update, AnInfinitePoolThatBecomesFiniteIsAProtocolError)
{
	start(0, 8, 1, 1);
	EXPECT_EQ(update(1, 8, 1, 1), CREDIT_FAULT_INFINITE_UPDATED);
	EXPECT_EQ(pool, TLPB_POOL_PH);
	EXPECT_EQ(update(0, 8, 1, 1), CREDIT_FAULT_NONE);
}

TEST(Update, MoreThanMayBeOutstandingIsAProtocolError)
{
	start(127, 2047, 1, 1);
	EXPECT_EQ(update(128, 2047, 1, 1), CREDIT_FAULT_TOO_MANY);
	EXPECT_EQ(pool, TLPB_POOL_PH);
	EXPECT_EQ(update(127, 2048, 1, 1), CREDIT_FAULT_TOO_MANY);
	EXPECT_EQ(pool, TLPB_POOL_PD);
	tlpb__credits_consume(&c, &posted_128);
	EXPECT_EQ(update(128, 2055, 1, 1), CREDIT_FAULT_NONE);
	EXPECT_EQ(update(256 + 128, 2055, 1, 1), CREDIT_FAULT_TOO_MANY);	/* not a number of 8 bits */
}

TEST(Update, CreditsTakenBackAreAProtocolError)
{
	start(10, 100, 1, 1);
	EXPECT_EQ(update(9, 100, 1, 1), CREDIT_FAULT_BACKWARDS);
	EXPECT_EQ(pool, TLPB_POOL_PH);
	EXPECT_EQ(update(10, 99, 1, 1), CREDIT_FAULT_BACKWARDS);
	EXPECT_EQ(pool, TLPB_POOL_PD);
	tlpb__credits_consume(&c, &posted_128);
	EXPECT_NE(update(0, 100, 1, 1), CREDIT_FAULT_NONE);
	EXPECT_EQ(update(10, 100, 1, 1), CREDIT_FAULT_NONE);
}

TEST(Update, AFaultyOneChangesNothing)
{
	start(1, 100, 1, 1);
	tlpb__credits_consume(&c, &posted_128);
	EXPECT_EQ(update(2, 99, 1, 1), CREDIT_FAULT_BACKWARDS);
	EXPECT_FALSE(tlpb__credits_suffice(&c, &posted_128));
}

/* ---- the receiver ---- */

TEST(Receiver, OneTlpTooManyIsAReceiverOverflow)
{
	start(127, 2047, 1, 1);
	for (unsigned i = 0; i < 127; i++)
		ASSERT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
	EXPECT_FALSE(tlpb__credits_receive(&c, &posted_128, &pool));
	EXPECT_EQ(pool, TLPB_POOL_PH);
}

TEST(Receiver, TooMuchDataIsAReceiverOverflow)
{
	start(127, 15, 1, 1);
	EXPECT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
	EXPECT_FALSE(tlpb__credits_receive(&c, &posted_128, &pool));
	EXPECT_EQ(pool, TLPB_POOL_PD);
}

/* (ALLOCATED - RECEIVED) mod 2^n is 2^(n-1) or more. */
TEST(Receiver, OverflowBeginsAtHalfTheModulus)
{
	start(1, 8, 1, 1);
	c.rx[TLPB_POOL_NPH] = (struct credit_rx){ .allocated = 1 + 127 };
	EXPECT_TRUE(tlpb__credits_receive(&c, &read_request, &pool));
	c.rx[TLPB_POOL_NPH] = (struct credit_rx){ .allocated = 1 + 128 };
	EXPECT_FALSE(tlpb__credits_receive(&c, &read_request, &pool));
	EXPECT_EQ(pool, TLPB_POOL_NPH);
}

/* Half of one credit is none, and a peer that has none must hear of the next. */
TEST(Receiver, TellsOfAHeaderCreditThatIsTheOnlyOne)
{
	start(1, 0, 1, 0);
	EXPECT_TRUE(tlpb__credits_receive(&c, &read_request, &pool));
	tlpb__credits_release(&c, &read_request);
	EXPECT_TRUE(tlpb__credits_due(&c));
}

TEST(Receiver, InfinitePoolsNeverOverflow)
{
	start(0, 0, 0, 0);
	for (unsigned i = 0; i < 10000; i++)
		ASSERT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
	EXPECT_FALSE(tlpb__credits_due(&c));
}

TEST(Receiver, WhatLeftItsBufferIsGivenBack)
{
	uint16_t limits[TLPB_POOLS];

	start(1, 8, 1, 1);
	EXPECT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
	EXPECT_FALSE(tlpb__credits_due(&c));		/* nothing is free */
	tlpb__credits_release(&c, &posted_128);
	ASSERT_TRUE(tlpb__credits_due(&c));
	tlpb__credits_tell(&c, limits);
	EXPECT_EQ(limits[TLPB_POOL_PH], 2);
	EXPECT_EQ(limits[TLPB_POOL_PD], 16);
	EXPECT_EQ(limits[TLPB_POOL_CPLH], 0);
	EXPECT_FALSE(tlpb__credits_due(&c));		/* told once */
	EXPECT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
}

TEST(Receiver, TellsWhenThePeerHasLessThanHalfLeft)
{
	start(100, 0, 1, 1);
	for (unsigned i = 0; i < 50; i++) {
		EXPECT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
		tlpb__credits_release(&c, &posted_128);
		EXPECT_FALSE(tlpb__credits_due(&c));
	}
	EXPECT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
	EXPECT_TRUE(tlpb__credits_due(&c));
}

TEST(Receiver, TellsBeforeThePeerCannotSendALargestTlp)
{
	start(100, 12, 1, 1);		/* half of it is less than the 8 of 128 bytes */
	EXPECT_TRUE(tlpb__credits_receive(&c, &posted_128, &pool));
	tlpb__credits_release(&c, &posted_128);
	EXPECT_TRUE(tlpb__credits_due(&c));
}

/* ---- what is advertised ---- */

static const uint16_t defaults[TLPB_POOLS] = { 127, 2047, 127, 127, 0, 0 };

static int settle(const char *text, unsigned mps, uint16_t out[TLPB_POOLS], char why[256])
{
	struct tlpb_pools pools = { { 0 } };

	why[0] = 0;
	if (tlpb_pools_parse(text, &pools, why, 256))
		return TLPB_ERR_INVALID;
	return tlpb__credits_settle(&pools, &mps, 4096, out, why, 256);
}

TEST(Advertised, DefaultsAreThoseOfAnEndpoint)
{
	uint16_t out[TLPB_POOLS];
	struct tlpb_pools none = { { 0 } };
	unsigned mps = 0;
	char why[256];

	EXPECT_EQ(tlpb__credits_settle(&none, &mps, 512, out, why, sizeof why), 0);
	EXPECT_MEMEQ(out, defaults, sizeof out);
	EXPECT_EQ(mps, 512);
}

/* flow_control.min_initial of the vectors. */
TEST(Advertised, TheLeastIsOneTlpOfTheLargestPayload)
{
	for (unsigned mps = 128; mps <= 4096; mps *= 2) {
		uint16_t least[TLPB_POOLS] = { 1, (uint16_t)(mps / 16), 1, 1, 0, 0 };

		EXPECT_EQ(tlpb__credits_check(least, mps, &pool), CREDIT_FAULT_NONE);
		least[TLPB_POOL_PD]--;
		EXPECT_EQ(tlpb__credits_check(least, mps, &pool), CREDIT_FAULT_TOO_FEW);
		EXPECT_EQ(pool, TLPB_POOL_PD);
	}
}

TEST(Advertised, TheMostIsWhatTheCountersCanTell)
{
	uint16_t most[TLPB_POOLS] = { 127, 2047, 127, 2047, 127, 2047 };

	EXPECT_EQ(tlpb__credits_check(most, 4096, &pool), CREDIT_FAULT_NONE);
	for (unsigned i = 0; i < TLPB_POOLS; i++) {
		most[i]++;
		EXPECT_EQ(tlpb__credits_check(most, 4096, &pool), CREDIT_FAULT_TOO_MANY);
		EXPECT_EQ(pool, i);
		most[i]--;
	}
}

TEST(Advertised, AreParsedFromNames)
{
	static const uint16_t want[TLPB_POOLS] = { 1, 8, 0, 127, 3, 2047 };
	uint16_t out[TLPB_POOLS];
	char why[256];

	EXPECT_EQ(settle("PD=8,PH=1,NPH=infinite,CPLD=2047,CPLH=3", 128, out, why), 0);
	EXPECT_MEMEQ(out, want, sizeof out);
}

TEST(Advertised, FewDataCreditsAreSmallPayloads)
{
	struct tlpb_pools pools = { { [TLPB_POOL_PD] = 8 } };
	uint16_t out[TLPB_POOLS];
	unsigned mps = 0;
	char why[256];

	EXPECT_EQ(tlpb__credits_settle(&pools, &mps, 4096, out, why, sizeof why), 0);
	EXPECT_EQ(mps, 128);
}

TEST(Advertised, NonsenseIsRefusedWithItsFault)
{
	static const struct { const char *text, *why; } wrong[] = {
		{ "", "credits ''" }, { "PH", "credits 'PH'" }, { "XX=1", "credits 'XX=1'" },
		{ "PH=1,", "credits ''" }, { "PH=0", "PH has 1 to 127" }, { "PH=128", "PH has 1 to 127" },
		{ "PH=", "PH has" }, { "PH=1x", "PH has" }, { "PH=-1", "PH has" },
		{ "PD=2048", "PD has 1 to 2047" }, { "NPD=99999999999999999999", "NPD has" },
		{ "PD=15", "PD=15 is less than one TLP of 256 bytes needs: 16" },
		{ "CPLD=15", "CPLD=15 is less than one TLP of 256 bytes needs: 16" },
		{ "ph=1", "credits 'ph=1'" }, { "PH=infinitely", "PH has" },
	};
	uint16_t out[TLPB_POOLS];
	char why[256];

	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		gt_about(wrong[i].text);
		EXPECT_EQ(settle(wrong[i].text, 256, out, why), TLPB_ERR_INVALID);
		EXPECT_NOT_NULL(strstr(why, wrong[i].why));
	}
}

