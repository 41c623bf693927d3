/* SPDX-License-Identifier: MIT */
/* What is done before a thread sleeps: looked at, and for how long. */
#include <tlpbridge/err.h>

#include "gtest.h"
#include "process.h"
#include "waiter.h"

enum { PATIENCE_MS = 60 * 1000 };

/* A transport that notes what it is asked. */
struct toy {
	struct transport base;
	unsigned attends, looks, dozes, doze_us;
	unsigned ready_at;		/* which look finds something; 0: none */
	bool elsewhere;
};

static void toy_attend(struct transport *t)
{
	((struct toy *)t)->attends++;
}

static bool toy_ready(struct transport *t)
{
	struct toy *toy = (struct toy *)t;

	return ++toy->looks >= toy->ready_at && toy->ready_at;
}

static bool toy_elsewhere(const struct transport *t)
{
	return ((const struct toy *)t)->elsewhere;
}

static void toy_doze(struct transport *t, unsigned us)
{
	struct toy *toy = (struct toy *)t;

	toy->dozes++;
	toy->doze_us = us;
}

static const struct transport_ops with_ring = {
	.attend = toy_attend, .ready = toy_ready, .elsewhere = toy_elsewhere, .doze = toy_doze,
};
static const struct transport_ops without_ring = { .send = NULL };

static struct toy a, b, plain;
static struct transport *const all[] = { &a.base, NULL, &plain.base, &b.base };

static void setup(bool elsewhere)
{
	a = b = (struct toy){ .base = { &with_ring }, .elsewhere = elsewhere };
	plain = (struct toy){ .base = { &without_ring } };
}

TEST(Spin, WhatIsReadyIsFoundAtTheFirstLook)
{
	setup(true);
	b.ready_at = 1;
	EXPECT_TRUE(tlpb__waiter_spin(all, 4, true));
	EXPECT_EQ(a.looks, 1);
	EXPECT_EQ(b.looks, 1);
}

TEST(Spin, AllThatHaveARingAreAttendedFirst)
{
	setup(true);
	a.ready_at = 1;
	EXPECT_TRUE(tlpb__waiter_spin(all, 4, true));
	EXPECT_EQ(a.attends, 1);
	EXPECT_EQ(b.attends, 1);
}

TEST(Spin, WhatComesWhileItLooksIsFound)
{
	setup(true);
	b.ready_at = 300;
	while (b.looks < b.ready_at && !tlpb__waiter_spin(all, 4, true))
		;		/* the machine may have taken it its time away */
	EXPECT_EQ(b.looks, 300);
}

TEST(Spin, ItGivesUp)
{
	long long start = now_ms();

	setup(true);
	EXPECT_FALSE(tlpb__waiter_spin(all, 4, true));
	EXPECT_GT(a.looks, 1);
	EXPECT_EQ(a.looks, b.looks);
	EXPECT_LT(now_ms() - start, PATIENCE_MS / 2);
}

/* A peer on the same CPU could not answer meanwhile. */
TEST(Spin, ItLooksOnceWhereThatDoesNotPayOrIsNotWanted)
{
	setup(false);
	EXPECT_FALSE(tlpb__waiter_spin(all, 4, true));
	EXPECT_EQ(a.looks, 1);
	setup(true);
	EXPECT_FALSE(tlpb__waiter_spin(all, 4, false));
	EXPECT_EQ(a.looks, 1);
	EXPECT_EQ(a.attends, 1);
}

TEST(Spin, OnePeerElsewhereIsEnough)
{
	setup(false);
	b.elsewhere = true;
	EXPECT_FALSE(tlpb__waiter_spin(all, 4, true));
	EXPECT_GT(a.looks, 1);
}

TEST(Spin, WithoutAnyRingNothingIsLookedAt)
{
	setup(true);
	EXPECT_FALSE(tlpb__waiter_spin(all, 0, true));
	EXPECT_FALSE(tlpb__waiter_spin(all + 1, 2, true));
	EXPECT_EQ(a.looks, 0);
}

TEST(Doze, NoLongerThanTheCallerWaits)
{
	setup(true);
	EXPECT_FALSE(tlpb__waiter_doze(&a.base, 1));
	EXPECT_EQ(a.doze_us, 1000);
	EXPECT_FALSE(tlpb__waiter_doze(&a.base, -1));
	EXPECT_EQ(a.doze_us, WAITER_DOZE_US);
	EXPECT_FALSE(tlpb__waiter_doze(&a.base, 1 << 30));
	EXPECT_EQ(a.doze_us, WAITER_DOZE_US);
	EXPECT_FALSE(tlpb__waiter_doze(&a.base, 0));
	EXPECT_EQ(a.dozes, 3);
}

TEST(Doze, ItTellsWhetherSomethingIsThere)
{
	setup(true);
	a.ready_at = 1;
	EXPECT_TRUE(tlpb__waiter_doze(&a.base, -1));
	EXPECT_FALSE(tlpb__waiter_doze(&plain.base, -1));
	EXPECT_FALSE(tlpb__waiter_doze(NULL, -1));
}
