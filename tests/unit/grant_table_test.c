/* SPDX-License-Identifier: MIT */
/* Windows of granted memory: what is cut, split and found. */
#include <stdlib.h>
#include <string.h>

#include "grant_table.h"
#include "gtest.h"

static struct grant_table table;
static struct granted granted[1024];
static unsigned freed;

static void note_free(struct granted *g)
{
	EXPECT_EQ(g->windows, 0);
	freed++;
}

static void start(void)
{
	memset(&table, 0, sizeof table);
	memset(granted, 0, sizeof granted);
	freed = 0;
}

static int add(unsigned i, unsigned function, uint64_t addr, uint64_t len)
{
	struct window w = { .function = function, .addr = addr, .len = len, .writable = true,
			    .granted = &granted[i], .offset = 0x100000 };

	granted[i].free = note_free;
	return tlpb__grants_add(&table, &w);
}

TEST(GrantTable, WhatIsAddedIsFound)
{
	start();
	EXPECT_EQ(add(0, 1, 0x1000, 0x1000), 0);
	EXPECT_TRUE(tlpb__grants_find(&table, 1, 0x1000) != NULL);
	EXPECT_TRUE(tlpb__grants_find(&table, 1, 0x1fff) != NULL);
	EXPECT_TRUE(tlpb__grants_find(&table, 1, 0x2000) == NULL);
	EXPECT_TRUE(tlpb__grants_find(&table, 1, 0xfff) == NULL);
	EXPECT_TRUE(tlpb__grants_find(&table, 0, 0x1000) == NULL);
}

TEST(GrantTable, WindowsOfAFunctionDoNotOverlap)
{
	start();
	EXPECT_EQ(add(0, 0, 0x1000, 0x1000), 0);
	EXPECT_EQ(add(1, 0, 0x1fff, 1), TLPB_ERR_BUSY);
	EXPECT_EQ(add(1, 0, 0, 0x1001), TLPB_ERR_BUSY);
	EXPECT_EQ(add(1, 0, 0, 0x10000), TLPB_ERR_BUSY);
	EXPECT_EQ(add(1, 0, 0x2000, 1), 0);
	EXPECT_EQ(add(2, 1, 0x1000, 0x1000), 0);
}

TEST(GrantTable, AHoleLeavesTwo)
{
	const struct window *w;

	start();
	EXPECT_EQ(add(0, 0, 0x1000, 0x3000), 0);
	EXPECT_TRUE(tlpb__grants_cut(&table, 0, 0x2000, 0x1000));
	EXPECT_EQ(table.count, 2);
	EXPECT_EQ(granted[0].windows, 2);
	EXPECT_TRUE(tlpb__grants_find(&table, 0, 0x2000) == NULL);
	w = tlpb__grants_find(&table, 0, 0x3000);
	ASSERT_TRUE(w != NULL);
	EXPECT_EQ(w->offset, 0x102000);
	EXPECT_EQ(w->len, 0x1000);
	EXPECT_FALSE(tlpb__grants_cut(&table, 0, 0x2000, 0x1000));
	EXPECT_TRUE(tlpb__grants_cut(&table, 0, 0, 0x1001));
	EXPECT_TRUE(tlpb__grants_cut(&table, 0, 0x3fff, UINT64_MAX));
	EXPECT_EQ(freed, 0);
	EXPECT_TRUE(tlpb__grants_cut(&table, 0, 0, UINT64_MAX));
	EXPECT_EQ(table.count, 0);
	EXPECT_EQ(freed, 1);
}

TEST(GrantTable, RangesBeyondTheEndAreCutThere)
{
	start();
	EXPECT_EQ(add(0, 0, 0, 0x1000), 0);
	EXPECT_EQ(add(1, 0, UINT64_MAX - 0x1000, 0x1000), 0);
	EXPECT_TRUE(tlpb__grants_cut(&table, 0, UINT64_MAX - 0x800, UINT64_MAX));
	EXPECT_EQ(table.count, 2);
	EXPECT_TRUE(tlpb__grants_find(&table, 0, 0) != NULL);
	EXPECT_FALSE(tlpb__grants_cut(&table, 0, 50, 0));
	tlpb__grants_clear(&table);
	EXPECT_EQ(freed, 2);
}

TEST(GrantTable, CoverMayTakeSeveral)
{
	start();
	EXPECT_EQ(add(0, 0, 0x1000, 0x1000), 0);
	EXPECT_EQ(add(1, 0, 0x2000, 0x1000), 0);
	EXPECT_TRUE(tlpb__grants_cover(&table, 0, 0x1800, 0x1000, true));
	EXPECT_FALSE(tlpb__grants_cover(&table, 0, 0x1800, 0x1801, true));
	table.window[1].writable = false;
	EXPECT_FALSE(tlpb__grants_cover(&table, 0, 0x1800, 0x1000, true));
	EXPECT_TRUE(tlpb__grants_cover(&table, 0, 0x1800, 0x1000, false));
}

/* Against a map of pages; what is widened or dropped for want of room may be less than the map has. */
TEST(GrantTable, RandomGrantsAndCutsAreAsInAMap)
{
	enum { PAGES = 256, ROUNDS = 20000 };
	bool map[PAGES] = { false };

	start();
	srand(7);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned first = (unsigned)rand() % PAGES, n = 1 + (unsigned)rand() % (PAGES - first);
		bool clash = false;

		for (unsigned p = first; p < first + n; p++)
			clash = clash || map[p];
		if (rand() % 2) {
			unsigned at = 0;

			while (granted[at].windows)
				at++;
			EXPECT_EQ(add(at, 0, first * 4096ull, n * 4096ull), clash ? TLPB_ERR_BUSY : 0);
			for (unsigned p = first; !clash && p < first + n; p++)
				map[p] = true;
		} else {
			EXPECT_EQ(tlpb__grants_cut(&table, 0, first * 4096ull, n * 4096ull), clash);
			for (unsigned p = first; p < first + n; p++)
				map[p] = false;
		}
		for (unsigned p = 0; p < PAGES; p++)
			if ((tlpb__grants_find(&table, 0, p * 4096ull) != NULL) != map[p])
				FAIL("page %u", p);
	}
}

TEST(GrantTable, WhereItGetsFullWholeWindowsGo)
{
	uint64_t addr, len;
	unsigned i;

	start();
	for (i = 0; i < GRANTS_MAX; i++)
		EXPECT_EQ(add(i, 0, i * 0x10000ull, 0x3000), 0);
	EXPECT_EQ(add(i, 0, i * 0x10000ull, 0x3000), TLPB_ERR_TOO_LARGE);
	for (i = 0; i < GRANTS_MAX; i++) {
		addr = i * 0x10000ull + 0x1000;
		len = 0x1000;
		tlpb__grants_widen(&table, 0, &addr, &len);
		EXPECT_TRUE(tlpb__grants_cut(&table, 0, addr, len));
		EXPECT_TRUE(len == 0x1000 || len == 0x3000);
		EXPECT_LE(table.count, WINDOWS_MAX);
	}
	EXPECT_EQ(len, 0x3000);
	for (i = 0; i < 3 * GRANTS_MAX; i++)	/* without it nothing breaks, either */
		tlpb__grants_cut(&table, 0, i * 0x5000ull + 0x400, 0x10);
	EXPECT_LE(table.count, WINDOWS_MAX);
	tlpb__grants_clear(&table);
}
