/* SPDX-License-Identifier: MIT */
/* What a test program says and returns when its tests fail: see gtest_child.c. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "gtest.h"

static char output[65536];

/* Exit status of the shell command, its output in output. */
static int run(const char *program, const char *arguments)
{
	char command[1024];
	size_t len = 0;
	FILE *pipe;
	int status;

	snprintf(command, sizeof command, "'%s' %s 2>&1", program, arguments);
	pipe = popen(command, "r");
	ASSERT_NOT_NULL(pipe);
	len = fread(output, 1, sizeof output - 1, pipe);
	output[len] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool said(const char *text)
{
	return strstr(output, text) != NULL;
}

static void ends_at_assert_and_goes_on_after_expect(const char *program)
{
	EXPECT_EQ(run(program, "--filter Bad.GoesOnAfterExpect"), 1);
	EXPECT_TRUE(said("EXPECT went on"));
	EXPECT_TRUE(said("gtest_child.c:"));
	EXPECT_TRUE(said("expected two + 1 == 20, but 3 against 20 (0x14)"));
	EXPECT_TRUE(said("\"left\" against \"right\""));
	EXPECT_TRUE(said("byte 2 is 63 against 64"));
	EXPECT_TRUE(said("1 FAILED TEST(S)"));

	EXPECT_EQ(run(program, "--filter Bad.EndsAtAssert"), 1);
	EXPECT_FALSE(said("ASSERT went on"));
	EXPECT_TRUE(said("expected 5u < -1, but 5 against -1"));
}

TEST(Gtest, EndsAtAssertAndGoesOnAfterExpect)
{
	ends_at_assert_and_goes_on_after_expect(GTEST_CHILD);
}

TEST(Gtest, EndsAtAssertAndGoesOnAfterExpectInCpp)
{
	ends_at_assert_and_goes_on_after_expect(GTEST_CHILD_CPP);
}

TEST(Gtest, SeesFailuresOfThreadsAndSignals)
{
	EXPECT_EQ(run(GTEST_CHILD, "--filter Bad.FailsInAThread:Bad.Crashes"), 1);
	EXPECT_TRUE(said("2 FAILED TEST(S)"));
	EXPECT_TRUE(said("Bad.FailsInAThread"));
	EXPECT_TRUE(said("Bad.Crashes"));
}

TEST(Gtest, RunsDestructorsAndReportsExceptionsInCpp)
{
	EXPECT_EQ(run(GTEST_CHILD_CPP, "--filter 'Cpp.*'"), 1);
	EXPECT_TRUE(said("destructor ran"));
	EXPECT_TRUE(said("uncaught exception: out of luck"));
}

TEST(Gtest, FailuresNameTheRowOfATable)
{
	EXPECT_EQ(run(GTEST_CHILD, "--filter Bad.NamesTheRow"), 1);
	EXPECT_TRUE(said("second: expected i == 0"));
	EXPECT_FALSE(said("first: "));
}

TEST(Gtest, PassesWhenAllTestsPass)
{
	EXPECT_EQ(run(GTEST_CHILD, "--filter 'Good.*'"), 0);
	EXPECT_TRUE(said("[  PASSED  ] 1 test(s)."));
	EXPECT_EQ(run(GTEST_CHILD_CPP, "--filter 'Good.*'"), 0);
}

TEST(Gtest, FilterSelectsAndExcludes)
{
	EXPECT_EQ(run(GTEST_CHILD, "--list --filter 'Good.*:*?hy'"), 0);
	EXPECT_STREQ(output, "Good.Passes\nBad.SaysWhy\n");
	EXPECT_EQ(run(GTEST_CHILD, "--list --filter 'Bad.*-*Assert:*Cr?shes'"), 0);
	EXPECT_STREQ(output, "Bad.GoesOnAfterExpect\nBad.SaysWhy\nBad.FailsInAThread\nBad.NamesTheRow\n");
	EXPECT_EQ(run(GTEST_CHILD, "--list --filter '-Bad*'"), 0);
	EXPECT_STREQ(output, "Good.Passes\n");
}

TEST(Gtest, FailsWhenNothingMatchesOrAnOptionIsUnknown)
{
	EXPECT_EQ(run(GTEST_CHILD, "--filter Nothing"), 1);
	EXPECT_EQ(run(GTEST_CHILD, "--colour"), 2);
	EXPECT_EQ(run(GTEST_CHILD, "Good.Passes"), 2);
	EXPECT_EQ(run(GTEST_CHILD, "--help"), 0);
	EXPECT_TRUE(said("--filter"));
}

TEST(Gtest, XmlHoldsEachTestAndWhyItFailed)
{
	char file[] = "/tmp/gtest_test_XXXXXX", arguments[128], xml[8192];
	int fd = mkstemp(file);
	ssize_t len;

	ASSERT_GE(fd, 0);
	close(fd);
	snprintf(arguments, sizeof arguments, "--filter 'Good.*:*.SaysWhy' --xml %s", file);
	EXPECT_EQ(run(GTEST_CHILD, arguments), 1);
	EXPECT_TRUE(said("[  FAILED  ] Bad.SaysWhy"));
	EXPECT_TRUE(said("1 FAILED TEST(S)"));

	FILE *in = fopen(file, "r");

	ASSERT_NOT_NULL(in);
	len = (ssize_t)fread(xml, 1, sizeof xml - 1, in);
	xml[len] = '\0';
	fclose(in);
	unlink(file);
	EXPECT_NOT_NULL(strstr(xml, "Good.Passes"));
	EXPECT_NOT_NULL(strstr(xml, "tests=\"2\" failures=\"1\""));
	EXPECT_NOT_NULL(strstr(xml, "the reason is 42"));
}
