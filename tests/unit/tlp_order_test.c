/* SPDX-License-Identifier: MIT */
/*
 * The ordering rules: the vectors, and the rules one by one. Names of tests are those
 * of the cells of the specification's table: A posted, B read, C non-posted with data,
 * D completion; 2 to 5 the same as the earlier one.
 */
#include <stdio.h>
#include <tlpbridge/order.h>
#include "gtest.h"
#include "vectors.h"

static const char *const classes[] = { "P", "NPR", "NPD", "CPL" };

static enum tlpb_order_class class_named(const char *name)
{
	unsigned cls = 0;

	while (cls < TLPB_ORDER_CLASSES && strcmp(classes[cls], name))
		cls++;
	ASSERT_LT(cls, TLPB_ORDER_CLASSES);
	return (enum tlpb_order_class)cls;
}

TEST(OrderVectors, VerdictsAreThose)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, vectors_group("ordering")) {
		const char *completes = vectors_string(v, "completion_kind");
		const cJSON *same = cJSON_GetObjectItem(v, "same_transaction_id");
		struct tlpb_order earlier = {
			.cls = class_named(vectors_string(v, "earlier")),
			.id = 0x100,
			.transaction = 0x01000005,
		};
		struct tlpb_order later = {
			.cls = class_named(vectors_string(v, "later")),
			.ro = vectors_number(v, "later_ro"),
			.ido = vectors_number(v, "later_ido"),
			.id = vectors_number(v, "ids_equal") ? 0x100 : 0x200,
			.of_io_or_config_write = completes && !strcmp(completes, "io_cfg_write"),
			.transaction = same->valueint ? 0x01000005 : 0x01000006,
		};
		char *about = cJSON_PrintUnformatted(v);

		gt_about(about);
		cJSON_free(about);
		EXPECT_STREQ(tlpb_order_verdict_name(tlpb_may_pass(&later, &earlier)),
			     vectors_string(v, "verdict"));
	}
}

static const enum tlpb_order_class P = TLPB_ORDER_P, NPR = TLPB_ORDER_NPR, NPD = TLPB_ORDER_NPD,
	CPL = TLPB_ORDER_CPL;

/* Two that share nothing that would forbid or allow more than their classes do. */
static enum tlpb_order_verdict verdict(struct tlpb_order later, struct tlpb_order earlier)
{
	if (!later.transaction)
		later.transaction = 7;
	return tlpb_may_pass(&later, &earlier);
}

#define LATER(...) (struct tlpb_order){ __VA_ARGS__ }
#define EARLIER(...) (struct tlpb_order){ __VA_ARGS__ }

/* Without attributes: the table as it is printed. */
TEST(Order, PlainTable)
{
	static const char *const want[4][4] = {
		{ "MUST_NOT", "MUST", "MUST", "MAY" },
		{ "MUST_NOT", "MAY", "MAY", "MAY" },
		{ "MUST_NOT", "MAY", "MAY", "MAY" },
		{ "MUST_NOT", "MUST", "MUST", "MAY" },
	};

	for (enum tlpb_order_class later = P; later <= CPL; later++)
		for (enum tlpb_order_class earlier = P; earlier <= CPL; earlier++)
			EXPECT_STREQ(tlpb_order_verdict_name(verdict(
				LATER(.cls = later, .id = 1), EARLIER(.cls = earlier))),
				want[later][earlier]);
}

/* No attribute changes what is not about passing posted requests, or one transaction. */
TEST(Order, AttributesMatterInTheFirstColumnOnly)
{
	for (enum tlpb_order_class later = P; later <= CPL; later++) {
		for (enum tlpb_order_class earlier = NPR; earlier <= CPL; earlier++) {
			for (unsigned bits = 0; bits < 8; bits++) {
				struct tlpb_order l = { .cls = later, .ro = bits & 1,
					.ido = bits >> 1 & 1, .id = 1,
					.of_io_or_config_write = bits >> 2 & 1 };
				struct tlpb_order e = { .cls = earlier };

				EXPECT_EQ(verdict(l, e), verdict(LATER(.cls = later, .id = 1), e));
			}
		}
	}
}

TEST(Order, A2PostedPassesPostedByRelaxedOrdering)
{
	EXPECT_EQ(verdict(LATER(P, .ro = true), EARLIER(P)), TLPB_ORDER_MAY);
}

TEST(Order, A2PostedPassesPostedOfAnotherRequesterByIdo)
{
	EXPECT_EQ(verdict(LATER(P, .ido = true, .id = 1), EARLIER(P, .id = 2)), TLPB_ORDER_MAY);
	EXPECT_EQ(verdict(LATER(P, .ido = true, .id = 1), EARLIER(P, .id = 1)), TLPB_ORDER_MUST_NOT);
	EXPECT_EQ(verdict(LATER(P, .id = 1), EARLIER(P, .id = 2)), TLPB_ORDER_MUST_NOT);
}

TEST(Order, B2ReadIsNotHelpedByRelaxedOrdering)
{
	EXPECT_EQ(verdict(LATER(NPR, .ro = true), EARLIER(P)), TLPB_ORDER_MUST_NOT);
	EXPECT_EQ(verdict(LATER(NPR, .ro = true, .ido = true), EARLIER(P)), TLPB_ORDER_MUST_NOT);
	EXPECT_EQ(verdict(LATER(NPR, .ido = true, .id = 1), EARLIER(P)), TLPB_ORDER_MAY);
}

TEST(Order, C2NonPostedWithDataIsHelpedByBoth)
{
	EXPECT_EQ(verdict(LATER(NPD, .ro = true), EARLIER(P)), TLPB_ORDER_MAY);
	EXPECT_EQ(verdict(LATER(NPD, .ido = true, .id = 1), EARLIER(P)), TLPB_ORDER_MAY);
}

TEST(Order, D2CompletionPassesPostedByAnyOfThree)
{
	EXPECT_EQ(verdict(LATER(CPL, .ro = true), EARLIER(P)), TLPB_ORDER_MAY);
	EXPECT_EQ(verdict(LATER(CPL, .ido = true, .id = 1), EARLIER(P)), TLPB_ORDER_MAY);
	EXPECT_EQ(verdict(LATER(CPL, .ido = true), EARLIER(P)), TLPB_ORDER_MUST_NOT);
	EXPECT_EQ(verdict(LATER(CPL, .of_io_or_config_write = true), EARLIER(P)), TLPB_ORDER_MAY);
}

/* One tag's completions stay in order whatever their attributes say. */
TEST(Order, D5CompletionsOfOneTransactionStayInOrder)
{
	for (unsigned bits = 0; bits < 8; bits++) {
		struct tlpb_order l = { .cls = CPL, .ro = bits & 1, .ido = bits >> 1 & 1,
			.id = (uint16_t)(bits >> 2), .transaction = 0x01000009 };

		EXPECT_EQ(verdict(l, EARLIER(CPL, .transaction = 0x01000009)), TLPB_ORDER_MUST_NOT);
		EXPECT_EQ(verdict(l, EARLIER(CPL, .transaction = 0x0100000a)), TLPB_ORDER_MAY);
		EXPECT_EQ(verdict(l, EARLIER(CPL, .transaction = 0x02000009)), TLPB_ORDER_MAY);
	}
}

TEST(Order, DifferentPasidsCountAsDifferentRequesters)
{
	const enum tlpb_order_class requests[] = { P, NPR, NPD };

	for (unsigned i = 0; i < 3; i++) {
		struct tlpb_order later = { .cls = requests[i], .ido = true, .id = 1,
					    .has_pasid = true, .pasid = 0x10005 };
		struct tlpb_order earlier = { .cls = P, .id = 1, .has_pasid = true, .pasid = 0x20005 };

		EXPECT_EQ(verdict(later, earlier), TLPB_ORDER_MAY);
		later.ido = false;
		EXPECT_EQ(verdict(later, earlier), TLPB_ORDER_MUST_NOT);
		later.ido = true;
		earlier.pasid = later.pasid;
		EXPECT_EQ(verdict(later, earlier), TLPB_ORDER_MUST_NOT);
		earlier.id = 2;
		EXPECT_EQ(verdict(later, earlier), TLPB_ORDER_MAY);
	}
}

/* Both must carry one: a PASID and none are not two PASIDs. */
TEST(Order, PasidOfOneRequestAloneDoesNotCount)
{
	struct tlpb_order with = { .cls = P, .ido = true, .id = 1, .has_pasid = true, .pasid = 5 };
	struct tlpb_order without = { .cls = P, .ido = true, .id = 1 };

	EXPECT_EQ(verdict(with, without), TLPB_ORDER_MUST_NOT);
	EXPECT_EQ(verdict(without, with), TLPB_ORDER_MUST_NOT);
}

TEST(Order, ClassesOfAllKinds)
{
	const enum tlpb_order_class want[TLPB_TLP_KINDS] = {
		[TLPB_MRD] = NPR, [TLPB_MRDLK] = NPR, [TLPB_MWR] = P, [TLPB_DMWR] = NPD,
		[TLPB_FETCHADD] = NPD, [TLPB_SWAP] = NPD, [TLPB_CAS] = NPD,
		[TLPB_IORD] = NPR, [TLPB_IOWR] = NPD, [TLPB_CFGRD0] = NPR, [TLPB_CFGRD1] = NPR,
		[TLPB_CFGWR0] = NPD, [TLPB_CFGWR1] = NPD, [TLPB_MSG] = P, [TLPB_MSGD] = P,
		[TLPB_CPL] = CPL, [TLPB_CPLD] = CPL, [TLPB_CPLLK] = CPL, [TLPB_CPLDLK] = CPL,
	};

	for (unsigned kind = 0; kind < TLPB_TLP_KINDS; kind++) {
		struct tlpb_tlp tlp = { .kind = (enum tlpb_tlp_kind)kind };

		gt_about(tlpb_kind_name(tlp.kind));
		EXPECT_EQ(tlpb_order_of(&tlp, false).cls, want[kind]);
	}
}

TEST(Order, OfARequestAreItsRequesterAndPasid)
{
	struct tlpb_tlp tlp = { .kind = TLPB_MWR, .ro = true, .requester_id = 0x123, .tag = 9,
		.completer_id = 0x456, .has_pasid = true, .pasid = 0xabcde };
	struct tlpb_order order = tlpb_order_of(&tlp, true);

	EXPECT_TRUE(order.ro);
	EXPECT_FALSE(order.ido);
	EXPECT_EQ(order.id, 0x123);
	EXPECT_TRUE(order.has_pasid);
	EXPECT_EQ(order.pasid, 0xabcde);
	EXPECT_FALSE(order.of_io_or_config_write);
}

TEST(Order, OfACompletionAreItsCompleterAndTransaction)
{
	struct tlpb_tlp tlp = { .kind = TLPB_CPLD, .ido = true, .requester_id = 0x123,
		.tag = 0x3ff, .completer_id = 0x456 };
	struct tlpb_order order = tlpb_order_of(&tlp, true);

	EXPECT_FALSE(order.ro);
	EXPECT_TRUE(order.ido);
	EXPECT_EQ(order.id, 0x456);
	EXPECT_FALSE(order.has_pasid);
	EXPECT_TRUE(order.of_io_or_config_write);
	EXPECT_EQ(order.transaction, 0x012303ffu);
	EXPECT_FALSE(tlpb_order_of(&tlp, false).of_io_or_config_write);
}

TEST(Order, VerdictsOutOfRangeHaveNoName)
{
	EXPECT_STREQ(tlpb_order_verdict_name((enum tlpb_order_verdict)3), "");
}
