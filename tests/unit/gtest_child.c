/* SPDX-License-Identifier: MIT */
/* Tests that fail in every way there is: gtest_test runs them and looks on. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include "gtest.h"

static void end_in_a_helper(void)
{
	ASSERT_LT(5u, -1);
	puts("ASSERT went on");
}

static void *expect_in_a_thread(void *unused)
{
	EXPECT_TRUE(unused != NULL);
	return NULL;
}

TEST(Good, Passes)
{
	EXPECT_EQ(-1, -1LL);
	EXPECT_LT(-1, 0u);
	EXPECT_GT(~0ull, 0);
	EXPECT_NE(0.5, 0);
	EXPECT_MEMEQ("abc", "abd", 2);
	EXPECT_STRNE("a", NULL);
	EXPECT_NULL(NULL);
	ASSERT_NOT_NULL("");
}

TEST(Bad, GoesOnAfterExpect)
{
	int two = 2;

	EXPECT_EQ(two + 1, 20);
	EXPECT_STREQ("left", "right");
	EXPECT_MEMEQ("abc", "abd", 3);
	puts("EXPECT went on");
}

TEST(Bad, EndsAtAssert)
{
	end_in_a_helper();
	puts("ASSERT went on");
}

TEST(Bad, SaysWhy)
{
	FAIL("the reason is %d", 42);
}

TEST(Bad, FailsInAThread)
{
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, expect_in_a_thread, NULL), 0);
	pthread_join(thread, NULL);
}

TEST(Bad, Crashes)
{
	raise(SIGSEGV);
}

TEST(Bad, NamesTheRow)
{
	static const char *const rows[] = { "first", "second" };

	for (int i = 0; i < 2; i++) {
		gt_about(rows[i]);
		EXPECT_EQ(i, 0);
	}
}
