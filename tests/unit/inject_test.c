/* SPDX-License-Identifier: MIT */
/* Rules of error injection, and what they make of TLPs. */
#include <stdio.h>
#include <string.h>

#include <tlpbridge/err.h>

#include "gtest.h"
#include "inject.h"

static struct inject *plan;
static uint8_t bytes[TLPB_MAX_TLP];
static size_t len;
static struct inject_verdict verdict;

static void setup(const char *rules)
{
	char why[256] = "";

	tlpb__inject_free(plan);
	plan = tlpb__inject_new();
	ASSERT_EQ(tlpb__inject_add(plan, rules, why, sizeof why), 0);
}

static void apply(enum inject_direction to, const struct tlpb_tlp *tlp)
{
	int packed = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	ASSERT_GT(packed, 0);
	len = (size_t)packed;
	tlpb__inject_apply(plan, to, bytes, &len, 0, &verdict);
}

static const uint8_t some_data[64] = { 1, 2, 3 };

static struct tlpb_tlp mem_write(uint64_t addr, size_t n)
{
	struct tlpb_extent e = tlpb_extent(addr, n);

	return (struct tlpb_tlp){ .kind = TLPB_MWR, .address = addr & ~3ull, .length_dw = e.length_dw,
				  .first_be = e.first_be, .last_be = e.last_be,
				  .payload = some_data, .payload_len = 4u * e.length_dw };
}

static struct tlpb_tlp mem_read(uint64_t addr, unsigned tag)
{
	return (struct tlpb_tlp){ .kind = TLPB_MRD, .address = addr, .length_dw = 1, .first_be = 15,
				  .tag = (uint16_t)tag };
}

static struct tlpb_tlp data_completion(unsigned tag)
{
	return (struct tlpb_tlp){ .kind = TLPB_CPLD, .length_dw = 1, .byte_count = 4,
				  .tag = (uint16_t)tag, .payload = some_data, .payload_len = 4 };
}

/* Is the write of 4 bytes at addr lost? */
static bool lost(uint64_t addr)
{
	struct tlpb_tlp tlp = mem_write(addr, 4);

	apply(INJECT_TO_DEVICE, &tlp);
	return verdict.copies == 0;
}

TEST(InjectRules, WhatCannotBeUnderstoodIsToldWithTheCure)
{
	static const struct { const char *rule, *told; } wrong[] = {
		{ "", "" },
		{ "lose", "not an action" },
		{ "drop=1", "takes no value" },
		{ "status", "UR, CA or CRS" },
		{ "status=OK", "UR, CA or CRS" },
		{ "drop type=MWx", "kinds of TLP" },
		{ "drop type=", "kinds of TLP" },
		{ "drop addr=5-4", "FIRST-LAST" },
		{ "drop addr=-4", "FIRST-LAST" },
		{ "drop addr", "FIRST-LAST" },
		{ "drop to=guest", "device or host" },
		{ "drop every=0", "from 1" },
		{ "drop count=0", "from 1" },
		{ "drop probability=1.5", "0 to 1" },
		{ "drop probability=nan", "0 to 1" },
		{ "drop colour=red", "no such word" },
		{ "drop bit=3", "no such word" },
		{ "delay", "tlps= or ms=" },
		{ "delay ms=1 tlps=1", "tlps= or ms=" },
		{ "delay ms=60001", "60000" },
		{ "status=UR type=CplD", "name the request" },
		{ "timeout type=MWr", "name the request" },
		{ "corrupt part=tail", "header or data" },
	};

	for (unsigned i = 1; i < sizeof wrong / sizeof wrong[0]; i++) {
		char why[256] = "";

		EXPECT_EQ(tlpb_inject_check(wrong[i].rule, why, sizeof why), TLPB_ERR_INVALID);
		if (!strstr(why, wrong[i].told))
			FAIL("%s: %s", wrong[i].rule, why);
	}
}

TEST(InjectRules, SeveralAreSeparatedAndNoneIsFine)
{
	char why[256] = "", many[33 * 5 + 1] = "";

	EXPECT_EQ(tlpb_inject_check(NULL, why, sizeof why), 0);
	EXPECT_EQ(tlpb_inject_check(" ;\n ", why, sizeof why), 0);
	EXPECT_EQ(tlpb_inject_check("drop;poison type=MWr\n linkdown count=1;", why, sizeof why), 0);
	for (int i = 0; i < 33; i++)
		strcat(many, "drop;");
	EXPECT_EQ(tlpb_inject_check(many, why, sizeof why), TLPB_ERR_TOO_LARGE);
}

TEST(InjectMatch, ByTypeAddressAndDirection)
{
	struct tlpb_tlp tlp = mem_read(0x1000, 1);

	setup("drop type=MWr addr=0x1000-0x1fff to=device");
	EXPECT_TRUE(lost(0x1000));
	EXPECT_TRUE(lost(0x1ffc));
	EXPECT_TRUE(lost(0x1fff - 3));
	EXPECT_FALSE(lost(0xffc));
	EXPECT_FALSE(lost(0x2000));
	apply(INJECT_TO_DEVICE, &tlp);
	EXPECT_EQ(verdict.copies, 1);
	tlp = mem_write(0x1000, 4);
	apply(INJECT_TO_HOST, &tlp);
	EXPECT_EQ(verdict.copies, 1);
}

TEST(InjectMatch, ARequestThatOnlyTouchesTheRangeMatches)
{
	struct tlpb_tlp tlp = mem_write(0xff9, 10);

	setup("drop addr=0x1002");
	apply(INJECT_TO_DEVICE, &tlp);
	EXPECT_EQ(verdict.copies, 0);
	tlp = mem_write(0xff9, 9);
	apply(INJECT_TO_DEVICE, &tlp);
	EXPECT_EQ(verdict.copies, 1);
}

TEST(InjectMatch, AConfigurationRequestByItsRegister)
{
	struct tlpb_tlp tlp = { .kind = TLPB_CFGRD0, .length_dw = 1, .first_be = 15, .reg_offset = 0x40 };

	setup("drop type=CfgRd0 addr=0x40-0x43");
	apply(INJECT_TO_DEVICE, &tlp);
	EXPECT_EQ(verdict.copies, 0);
	tlp.reg_offset = 0x44;
	apply(INJECT_TO_DEVICE, &tlp);
	EXPECT_EQ(verdict.copies, 1);
}

TEST(InjectMatch, AfterEveryAndCount)
{
	char pattern[16] = "";

	setup("drop after=2 every=3 count=2");
	for (int i = 0; i < 15; i++)
		pattern[i] = lost(0) ? 'x' : '.';
	EXPECT_STREQ(pattern, "....x..x.......");
	EXPECT_EQ(tlpb__inject_fired(plan), 2);
}

static unsigned losses(const char *rule, uint64_t *pattern)
{
	unsigned n = 0;

	setup(rule);
	*pattern = 0;
	for (int i = 0; i < 1000; i++) {
		bool is_lost = lost(0);

		n += is_lost;
		*pattern = *pattern * 31 + is_lost;
	}
	return n;
}

TEST(InjectMatch, ProbabilityIsTheSeeds)
{
	uint64_t first, again, other;
	unsigned n = losses("drop probability=0.25 seed=7", &first);

	EXPECT_GT(n, 200);
	EXPECT_LT(n, 300);
	EXPECT_EQ(losses("drop probability=0.25 seed=7", &again), n);
	EXPECT_EQ(first, again);
	losses("drop probability=0.25 seed=8", &other);
	EXPECT_NE(first, other);
	EXPECT_EQ(losses("drop probability=0", &other), 0);
	EXPECT_EQ(losses("drop probability=1", &other), 1000);
}

TEST(InjectMatch, TheFirstRuleThatAppliesActs)
{
	setup("duplicate count=1; drop");
	EXPECT_FALSE(lost(0));
	EXPECT_EQ(verdict.copies, 2);
	EXPECT_TRUE(lost(0));
}

TEST(InjectAction, PoisonMarksDataOnly)
{
	struct tlpb_tlp tlp = mem_read(0, 1), out;

	setup("poison");
	apply(INJECT_TO_DEVICE, &tlp);
	EXPECT_EQ(verdict.action, INJECT_NONE);
	EXPECT_FALSE(lost(0));
	EXPECT_EQ(tlpb_tlp_unpack(bytes, len, &out), 0);
	EXPECT_TRUE(out.ep);
	EXPECT_EQ(memcmp(out.payload, some_data, 4), 0);
}

/* Bits that differ between the TLP and what became of it, and where the first is. */
static unsigned changed_bits(const struct tlpb_tlp *tlp, unsigned *where)
{
	uint8_t before[TLPB_MAX_TLP];
	unsigned n = 0;

	tlpb_tlp_pack(tlp, before, sizeof before);
	apply(INJECT_TO_DEVICE, tlp);
	for (unsigned i = 0; i < 8 * len; i++) {
		if (!((before[i / 8] ^ bytes[i / 8]) >> i % 8 & 1))
			continue;
		*where = n++ ? *where : i;
	}
	return n;
}

TEST(InjectAction, CorruptInvertsOneBit)
{
	struct tlpb_tlp tlp = mem_write(0x1000, 64);
	unsigned where;

	setup("corrupt bit=13");
	EXPECT_EQ(changed_bits(&tlp, &where), 1);
	EXPECT_EQ(where, 13);
	setup("corrupt part=data bit=1");
	EXPECT_EQ(changed_bits(&tlp, &where), 1);
	EXPECT_EQ(where, 12 * 8 + 1);
	setup("corrupt part=data seed=3");
	for (int i = 0; i < 200; i++) {
		EXPECT_EQ(changed_bits(&tlp, &where), 1);
		EXPECT_GE(where, 12 * 8);
	}
	setup("corrupt part=header");
	for (int i = 0; i < 200; i++) {
		EXPECT_EQ(changed_bits(&tlp, &where), 1);
		EXPECT_LT(where, 12 * 8);
	}
}

TEST(InjectAction, DelayPassesBehindSoManyOfItsDirection)
{
	struct tlpb_tlp tlp = mem_read(0, 1), out;
	uint64_t sequence;

	setup("delay tlps=2 type=MWr count=1");
	EXPECT_TRUE(lost(0x40));
	EXPECT_EQ(tlpb__inject_due(plan, INJECT_TO_DEVICE, bytes, &sequence), 0);
	EXPECT_FALSE(lost(0x44));
	EXPECT_EQ(tlpb__inject_due(plan, INJECT_TO_DEVICE, bytes, &sequence), 0);
	apply(INJECT_TO_HOST, &tlp);		/* another direction does not count */
	EXPECT_EQ(tlpb__inject_due(plan, INJECT_TO_DEVICE, bytes, &sequence), 0);
	apply(INJECT_TO_DEVICE, &tlp);
	len = tlpb__inject_due(plan, INJECT_TO_DEVICE, bytes, &sequence);
	EXPECT_EQ(tlpb_tlp_unpack(bytes, len, &out), 0);
	EXPECT_EQ(out.address, 0x40);
	EXPECT_EQ(tlpb__inject_due(plan, INJECT_TO_DEVICE, bytes, &sequence), 0);
}

TEST(InjectAction, StatusReplacesTheAnswerOfTheRequest)
{
	struct tlpb_tlp request = mem_read(0x1000, 300), completion = data_completion(300), out;

	setup("status=CA type=MRd addr=0x1000 count=1");
	apply(INJECT_TO_DEVICE, &request);
	EXPECT_EQ(verdict.copies, 1);
	apply(INJECT_TO_DEVICE, &completion);	/* of another requester: the direction is wrong */
	EXPECT_EQ(verdict.action, INJECT_NONE);
	apply(INJECT_TO_HOST, &completion);
	EXPECT_EQ(verdict.copies, 1);
	EXPECT_EQ(tlpb_tlp_unpack(bytes, len, &out), 0);
	EXPECT_EQ(out.kind, TLPB_CPL);
	EXPECT_EQ(out.status, TLPB_CPL_CA);
	EXPECT_EQ(out.tag, 300);
	apply(INJECT_TO_HOST, &completion);	/* the rest of a split answer */
	EXPECT_EQ(verdict.copies, 0);
	apply(INJECT_TO_DEVICE, &request);	/* the tag again, beyond the count */
	apply(INJECT_TO_HOST, &completion);
	EXPECT_EQ(verdict.action, INJECT_NONE);
}

TEST(InjectAction, RetryStatusIsForConfigurationRequestsOnly)
{
	struct tlpb_tlp read = mem_read(0x1000, 1);
	struct tlpb_tlp config = { .kind = TLPB_CFGRD0, .length_dw = 1, .first_be = 15 };

	setup("status=CRS");
	apply(INJECT_TO_DEVICE, &read);
	EXPECT_EQ(verdict.action, INJECT_NONE);
	apply(INJECT_TO_DEVICE, &config);
	EXPECT_EQ(verdict.action, INJECT_STATUS);
}

TEST(InjectAction, TimeoutLosesAllCompletionsAndTellsOnce)
{
	struct tlpb_tlp request = mem_read(0x1000, 5), completion = data_completion(5);

	setup("timeout type=MRd");
	apply(INJECT_TO_HOST, &request);
	EXPECT_EQ(verdict.copies, 1);
	apply(INJECT_TO_DEVICE, &completion);
	EXPECT_EQ(verdict.copies, 0);
	EXPECT_TRUE(verdict.timed_out);
	apply(INJECT_TO_DEVICE, &completion);
	EXPECT_EQ(verdict.copies, 0);
	EXPECT_FALSE(verdict.timed_out);
}

TEST(InjectAction, ANewLinkForgetsWhatWasHeldBack)
{
	struct tlpb_tlp request = mem_read(0x1000, 5), completion = data_completion(5);
	uint64_t sequence;

	setup("delay tlps=1 type=MWr count=1; timeout");
	EXPECT_TRUE(lost(0));
	apply(INJECT_TO_DEVICE, &request);
	tlpb__inject_restart(plan);
	EXPECT_EQ(tlpb__inject_due(plan, INJECT_TO_DEVICE, bytes, &sequence), 0);
	apply(INJECT_TO_HOST, &completion);
	EXPECT_EQ(verdict.copies, 1);
	tlpb__inject_free(plan);
	plan = NULL;
}
