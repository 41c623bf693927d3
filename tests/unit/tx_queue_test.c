/* SPDX-License-Identifier: MIT */
/*
 * Which TLP goes next: the rules by name, and random traffic against a slow, obvious
 * reference that has the table of 2.4.1 written out and looks at every pair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gtest.h"
#include "tx_queue.h"

static struct tx_queue q;
static struct credits credits;

/* ---- traffic by hand ---- */

static const uint16_t infinite[TLPB_POOLS];

static void start(uint64_t seed)
{
	tlpb__tx_queue_clear(&q);
	tlpb__tx_queue_init(&q, seed);
	tlpb__credits_init(&credits, infinite, 128, infinite);
}

static void advertised(unsigned ph, unsigned nph)
{
	uint16_t peer[TLPB_POOLS] = { [TLPB_POOL_PH] = (uint16_t)ph, [TLPB_POOL_NPH] = (uint16_t)nph };

	tlpb__credits_init(&credits, infinite, 128, peer);
}

static struct tlpb_credits cost_of(enum tlpb_order_class cls, unsigned data)
{
	static const enum tlpb_tlp_class classes[] = { TLPB_POSTED, TLPB_NON_POSTED, TLPB_NON_POSTED,
						       TLPB_COMPLETION };

	return (struct tlpb_credits){ .cls = classes[cls], .hdr = 1, .data = (uint16_t)data };
}

static void add(char name, struct tlpb_order order)
{
	struct tlpb_credits cost = cost_of(order.cls, order.cls != TLPB_ORDER_NPR);
	struct queued_tlp *t = tlpb__tx_queue_add(&q, &order, &cost, 1);

	ASSERT_NOT_NULL(t);
	t->bytes[0] = (uint8_t)name;
}

#define P(...) (struct tlpb_order){ .cls = TLPB_ORDER_P, __VA_ARGS__ }
#define READ(...) (struct tlpb_order){ .cls = TLPB_ORDER_NPR, __VA_ARGS__ }
#define NP_DATA(...) (struct tlpb_order){ .cls = TLPB_ORDER_NPD, __VA_ARGS__ }
#define CPL(...) (struct tlpb_order){ .cls = TLPB_ORDER_CPL, __VA_ARGS__ }

/* What goes, in its order, as letters. */
static const char *sent(void)
{
	static char names[300];
	struct queued_tlp *t;
	unsigned n = 0;

	while (n + 1 < sizeof names && (t = tlpb__tx_queue_next(&q, &credits))) {
		names[n++] = (char)t->bytes[0];
		tlpb__credits_consume(&credits, &t->cost);
		tlpb__tx_queue_remove(&q, t);
	}
	names[n] = 0;
	return names;
}

/* ---- the rules ---- */

TEST(Order, WithoutStressEverythingGoesAsItCame)
{
	start(0);
	add('a', P()), add('b', READ()), add('c', CPL()), add('d', NP_DATA()), add('e', P());
	EXPECT_STREQ(sent(), "abcde");
	EXPECT_TRUE(tlpb__tx_queue_empty(&q));
}

TEST(Credits, PostedAndCompletionsFlowWhileNonPostedIsExhausted)
{
	start(0);
	advertised(0, 1);
	add('a', READ()), add('b', READ()), add('c', NP_DATA()), add('d', P()), add('e', CPL());
	EXPECT_STREQ(sent(), "ade");
}

/* However many requests wait. */
TEST(Credits, PostedAndCompletionsFlowPastMoreRequestsThanTheWindow)
{
	start(0);
	advertised(0, 1);
	add('x', READ());
	for (unsigned i = 0; i < 4 * TX_WINDOW; i++)
		add('r', READ());
	add('p', P()), add('c', CPL());
	EXPECT_STREQ(sent(), "xpc");
}

TEST(Credits, NothingOvertakesAPostedWriteThatWaits)
{
	start(0);
	advertised(1, 0);
	add('a', P()), add('b', P()), add('c', READ()), add('d', CPL()), add('e', P());
	EXPECT_STREQ(sent(), "a");
}

TEST(Credits, ARelaxedCompletionOvertakesAPostedWriteThatWaits)
{
	start(0);
	advertised(1, 0);
	add('a', P()), add('b', P()), add('c', READ(.ro = true)), add('d', CPL(.ro = true));
	EXPECT_STREQ(sent(), "ad");
}

TEST(Credits, TheCompletionOfARegisterWriteOvertakesAPostedWriteThatWaits)
{
	start(0);
	advertised(1, 0);
	add('a', P()), add('b', P()), add('c', CPL()), add('d', CPL(.of_io_or_config_write = true, .transaction = 1));
	EXPECT_STREQ(sent(), "ad");
}

TEST(Credits, WithIdoAnotherRequesterOvertakesAPostedWriteThatWaits)
{
	start(0);
	advertised(1, 0);
	add('a', P()), add('b', P(.id = 1)), add('c', READ(.ido = true, .id = 1)),
	add('d', READ(.ido = true, .id = 2));
	EXPECT_STREQ(sent(), "ad");
}

TEST(Credits, CompletionsOfOneRequestStayInOrder)
{
	static const uint16_t one[TLPB_POOLS] = { [TLPB_POOL_CPLH] = 1 };

	start(0);
	tlpb__credits_init(&credits, infinite, 128, one);
	add('a', CPL(.transaction = 7)), add('b', CPL(.transaction = 7)), add('c', CPL(.transaction = 8));
	EXPECT_STREQ(sent(), "a");
}

TEST(Stress, TheSameSeedGivesTheSameOrder)
{
	char first[300];

	for (unsigned round = 0; round < 2; round++) {
		start(4711);
		for (char c = 'a'; c <= 'z'; c++)
			add(c, READ(.id = (uint16_t)c));
		if (!round)
			snprintf(first, sizeof first, "%s", sent());
	}
	EXPECT_STREQ(sent(), first);
	EXPECT_STRNE(first, "abcdefghijklmnopqrstuvwxyz");
	start(4712);
	for (char c = 'a'; c <= 'z'; c++)
		add(c, READ(.id = (uint16_t)c));
	EXPECT_STRNE(sent(), first);
}

TEST(Stress, PostedWritesStayInOrder)
{
	for (uint64_t seed = 1; seed < 100; seed++) {
		start(seed);
		add('a', P()), add('b', P()), add('c', P()), add('d', READ());
		EXPECT_STREQ(sent(), "abcd");
	}
}

/* Every order that the table permits comes, and no other. */
TEST(Stress, EveryPermittedOrderComes)
{
	static const char *const orders[] = { "abc", "acb", "cab" };	/* c is posted: it passes reads */
	unsigned seen[3] = { 0 };

	for (uint64_t seed = 1; seed < 1000; seed++) {
		const char *order;
		unsigned i = 0;

		start(seed);
		add('a', CPL(.transaction = 1)), add('b', CPL(.transaction = 1)), add('c', P());
		for (order = sent(); i < 3 && strcmp(order, orders[i]); i++)
			;
		ASSERT_LT(i, 3);
		seen[i]++;
	}
	EXPECT_TRUE(seen[0] && seen[1] && seen[2]);
}

TEST(Stress, EachThatMayGoIsChosenAboutAsOften)
{
	static const uint64_t seeds[] = { 1, 2, 42, 1ull << 63, UINT64_MAX };

	for (unsigned i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		unsigned chosen[3] = { 0 };

		start(seeds[i]);
		add('a', READ()), add('b', READ()), add('c', READ());
		for (unsigned n = 0; n < 3000; n++)
			chosen[tlpb__tx_queue_next(&q, &credits)->bytes[0] - 'a']++;
		for (unsigned n = 0; n < 3; n++)
			EXPECT_TRUE(chosen[n] > 900 && chosen[n] < 1100);
	}
}

/* ---- buffers ---- */

static unsigned spare_of(unsigned size)
{
	struct queued_tlp *t;
	unsigned n = 0;

	TAILQ_FOREACH(t, &q.spare[size], entry)
		n++;
	return n;
}

/* However many there were. */
TEST(Buffers, AQuarterOfAMegabyteIsKeptForTheNextTlps)
{
	enum { SMALL = 128, KEPT = 256 * 1024 / SMALL };

	start(0);
	for (unsigned i = 0; i < KEPT + 500; i++)
		add('a', P());
	while (!tlpb__tx_queue_empty(&q))
		sent();
	EXPECT_EQ(spare_of(0), KEPT);
	add('a', P());
	EXPECT_EQ(spare_of(0), KEPT - 1);
	EXPECT_STREQ(sent(), "a");
	EXPECT_EQ(spare_of(0), KEPT);
}

TEST(Buffers, ATlpGetsTheSmallestThatHoldsIt)
{
	static const struct { size_t len; unsigned size; } cases[] = {
		{ 1, 0 }, { 128, 0 }, { 129, 1 }, { 256, 1 }, { 257, 2 }, { TLPB_MAX_TLP, 6 },
	};
	struct tlpb_credits cost = cost_of(TLPB_ORDER_P, 0);
	struct tlpb_order order = P();

	start(0);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct queued_tlp *t = tlpb__tx_queue_add(&q, &order, &cost, cases[i].len);

		ASSERT_NOT_NULL(t);
		EXPECT_EQ(t->size, cases[i].size);
		memset(t->bytes, 0, cases[i].len);
	}
}

/* ---- random traffic against the reference ---- */

enum { MODEL_MAX = 4096, ROUNDS = 20000 };

static struct { struct tlpb_order order; struct tlpb_credits cost; unsigned name; bool gone; } model[MODEL_MAX];
static unsigned modelled;

/* 2.4.1, written out. */
static bool reference_may_pass(const struct tlpb_order *l, const struct tlpb_order *e)
{
	bool other = l->id != e->id || (l->has_pasid && e->has_pasid && l->pasid != e->pasid);

	if (e->cls == TLPB_ORDER_P) {
		if (l->cls == TLPB_ORDER_CPL && l->of_io_or_config_write)
			return true;
		if (l->ido && other)
			return true;
		return l->ro && l->cls != TLPB_ORDER_NPR;
	}
	if (l->cls == TLPB_ORDER_CPL && e->cls == TLPB_ORDER_CPL)
		return l->transaction != e->transaction;
	return true;
}

struct reference_pool { unsigned sent, allowed; };
static struct reference_pool pools[TLPB_POOLS];	/* never wrap: plain sums */

static bool reference_credits(const struct tlpb_credits *cost)
{
	const struct reference_pool *h = &pools[2 * cost->cls], *d = h + 1;

	return h->sent + cost->hdr <= h->allowed && (!cost->data || d->sent + cost->data <= d->allowed);
}

static bool reference_may_go(unsigned at)
{
	if (!reference_credits(&model[at].cost))
		return false;
	for (unsigned i = 0; i < at; i++)
		if (!model[i].gone && !reference_may_pass(&model[at].order, &model[i].order))
			return false;
	return true;
}

/* Is it among the first that are looked at? */
static bool in_window(unsigned at)
{
	unsigned before = 0;

	for (unsigned i = 0; i < at; i++)
		before += !model[i].gone && model[i].cost.cls == model[at].cost.cls;
	return before < TX_WINDOW;
}

static unsigned below(unsigned n)
{
	return (unsigned)(random() % n);
}

static void add_random(void)
{
	enum tlpb_order_class cls = below(TLPB_ORDER_CLASSES);
	struct tlpb_order order = {
		.cls = cls, .ro = !below(4), .ido = !below(4), .id = (uint16_t)below(3),
		.has_pasid = !below(3), .pasid = below(2),
		.of_io_or_config_write = cls == TLPB_ORDER_CPL && !below(4), .transaction = below(4),
	};
	struct tlpb_credits cost = cost_of(cls, cls == TLPB_ORDER_NPR ? 0 : below(9));
	struct queued_tlp *t = tlpb__tx_queue_add(&q, &order, &cost, sizeof(unsigned) + below(600));

	ASSERT_NOT_NULL(t);
	memcpy(t->bytes, &modelled, sizeof modelled);
	model[modelled].order = order;
	model[modelled].cost = cost;
	model[modelled].gone = false;
	modelled++;
}

static void send_one(bool stressed)
{
	struct queued_tlp *t = tlpb__tx_queue_next(&q, &credits);
	unsigned at = 0, sent_at;

	while (at < modelled && (model[at].gone || !in_window(at) || !reference_may_go(at)))
		at++;		/* the earliest that may go */
	if (at == modelled) {
		ASSERT_NULL(t);
		return;
	}
	ASSERT_NOT_NULL(t);
	memcpy(&sent_at, t->bytes, sizeof sent_at);
	ASSERT_FALSE(model[sent_at].gone);
	ASSERT_TRUE(reference_may_go(sent_at));
	if (!stressed)
		ASSERT_EQ(sent_at, at);
	pools[2 * t->cost.cls].sent += t->cost.hdr;
	pools[2 * t->cost.cls + 1].sent += t->cost.data;
	tlpb__credits_consume(&credits, &t->cost);
	tlpb__tx_queue_remove(&q, t);
	model[sent_at].gone = true;
}

/* The peer frees some of what was sent. */
static void give_some_back(bool all)
{
	static const unsigned full[TLPB_POOLS] = { 5, 40, 3, 20, 4, 30 };
	uint16_t limits[TLPB_POOLS];
	unsigned pool;

	for (unsigned i = 0; i < TLPB_POOLS; i++) {
		unsigned free = pools[i].sent + full[i] - pools[i].allowed;

		pools[i].allowed += all ? free : below(free + 1);
		limits[i] = (uint16_t)(pools[i].allowed & (i % 2 ? 0xfff : 0xff));
	}
	ASSERT_EQ(tlpb__credits_update(&credits, limits, &pool), CREDIT_FAULT_NONE);
}

static void forget_gone(void)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < modelled; i++)
		if (!model[i].gone)
			model[kept++] = model[i];
	ASSERT_EQ(kept, 0);
	modelled = 0;
}

static void random_traffic(bool stressed, unsigned seed)
{
	static const uint16_t peer[TLPB_POOLS] = { 5, 40, 3, 20, 4, 30 };

	printf("seed %u\n", seed);
	srandom(seed);
	start(stressed ? seed : 0);
	tlpb__credits_init(&credits, infinite, 128, peer);
	modelled = 0;
	for (unsigned i = 0; i < TLPB_POOLS; i++)
		pools[i] = (struct reference_pool){ 0, peer[i] };
	for (unsigned round = 0; round < ROUNDS; round++) {
		switch (below(4)) {
		case 0: add_random(); break;
		case 1: give_some_back(false); break;
		default: send_one(stressed);
		}
		if (modelled < 200)
			continue;
		for (unsigned i = 0; !tlpb__tx_queue_empty(&q); i++) {	/* everything is delivered */
			ASSERT_LT(i, 10000);
			give_some_back(true);
			send_one(stressed);
		}
		forget_gone();
	}
	tlpb__tx_queue_clear(&q);
}

static unsigned seed_of_the_day(void)
{
	const char *given = getenv("TLPB_TEST_SEED");

	return given ? (unsigned)strtoul(given, NULL, 0) : 20100817;
}

TEST(Random, TrafficGoesAsTheReferenceSays)
{
	for (unsigned i = 0; i < 10; i++)
		random_traffic(false, seed_of_the_day() + i);
}

TEST(Random, StressedTrafficIsWhatTheReferencePermits)
{
	for (unsigned i = 0; i < 10; i++)
		random_traffic(true, seed_of_the_day() + i);
}
