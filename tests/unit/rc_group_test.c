/* SPDX-License-Identifier: MIT */
/* A wait on one link serves all of its group, whatever happens to them meanwhile. */
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "gtest.h"
#include "process.h"
#include "toys.h"

static tlpb_rc_group *group;

static void setup(unsigned toys)
{
	toys_close();
	if (group)
		EXPECT_EQ(tlpb_rc_group_free(group), 0);
	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	toys_open(toys, group);
}

static void teardown(void)
{
	toys_close();
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
	group = NULL;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void answer_0(void) { toy_answer(0); }
static void answer_1(void) { toy_answer(1); }

static void expect_read(unsigned i)
{
	uint32_t value;

	EXPECT_EQ(toy_read(i, &value), 0);
	EXPECT_EQ(value, TOY_VALUE);
}

/* ---- who is served ---- */

TEST(Group, AReadEndsThoughItsDeviceNeedsAnotherOnesDmaFirst)
{
	setup(2);
	toy[1].on_read = answer_0;
	toy_dma_read(1);
	expect_read(0);
	EXPECT_EQ(toy[1].reads, 1);
	toy[1].on_read = NULL;
	toy[0].on_read = answer_1;	/* and the other way round */
	toy_dma_read(0);
	expect_read(1);
	EXPECT_EQ(toy[0].reads, 1);
	teardown();
}

static void chain_to_1(void) { toy_dma_read(1); }
static void chain_to_2(void) { toy_dma_read(2); }

TEST(Group, AWaitServesWhatComesInTurnFromEachOfThree)
{
	setup(3);
	toy[0].on_read = chain_to_1;
	toy[1].on_read = chain_to_2;
	toy[2].on_read = answer_0;
	toy_dma_read(0);
	expect_read(0);
	EXPECT_EQ(toy[0].reads + toy[1].reads + toy[2].reads, 3);
	teardown();
}

TEST(Group, WithoutOneALinkIsServedAlone)
{
	uint32_t value;

	setup(0);
	toys_open(2, NULL);
	toy[0].impatient = true;	/* after 200 ms */
	toy[1].on_read = answer_0;
	toy_dma_read(1);
	EXPECT_EQ(toy_read(0, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(toy[1].reads, 0);
	EXPECT_EQ(tlpb_rc_process(toy[1].rc), 0);
	EXPECT_EQ(toy[1].reads, 1);
	teardown();
}

static void read_0_inside(void) { expect_read(0); }

/* No descriptor tells of the frame behind the one whose callback waits. */
TEST(Group, ANestedWaitServesTheRestOfTheMessageThatItIsNestedIn)
{
	setup(2);
	toy[1].on_write = read_0_inside;
	toy[1].on_read = answer_0;
	toy_dma_write_and_read(1);
	EXPECT_EQ(tlpb_rc_process(toy[1].rc), 0);
	EXPECT_EQ(toy[1].reads, 1);
	teardown();
}

static void answer_outer(void)
{
	EXPECT_EQ(toy_heard(0), 2);
	toy_answer_tag(0, 0);
	toy_dma_write(1);
}

static void answer_inner(void) { toy_answer_tag(0, 1); }

TEST(Group, AnInnerWaitTakesTheAnswerOfTheOuterOne)
{
	setup(3);
	toy[2].on_write = read_0_inside;
	toy[2].on_read = answer_outer;
	toy[1].on_write = answer_inner;
	toy_dma_write_and_read(2);
	expect_read(0);
	EXPECT_EQ(toy[2].reads, 1);
	EXPECT_EQ(toy[1].writes, 1);
	teardown();
}

static unsigned talks;

static void talk_on(void)
{
	if (++talks < 100000)
		toy_dma_write(1);
}

static void talk_on_2(void)
{
	if (++talks < 100000)
		toy_dma_write(0);
}

/* Each write that is served brings the next one: the talker always has something. */
TEST(Group, ALinkThatNeverStopsTalkingDoesNotStarveTheOneThatWaits)
{
	setup(3);
	talks = 0;
	toy[1].on_write = talk_on;
	toy[2].on_read = answer_0;
	toy_dma_write(1);
	toy_dma_read(2);
	expect_read(0);
	EXPECT_LT(talks, 100000);
	teardown();
}

TEST(Group, AWaitingLinkThatNeverStopsTalkingDoesNotStarveTheOthers)
{
	setup(2);
	talks = 0;
	toy[0].on_write = talk_on_2;
	toy[1].on_read = answer_0;
	toy_dma_write(0);
	toy_dma_read(1);
	expect_read(0);
	EXPECT_LT(talks, 100000);
	teardown();
}

static unsigned nested;

static void read_0_deeper(void)
{
	uint32_t value;
	int err;

	nested++;
	err = toy_read(0, &value);
	if (!err)
		return;
	EXPECT_EQ(err, TLPB_ERR_BUSY);
	EXPECT_EQ(value, 0xffffffff);
	if (nested == 257)
		for (unsigned tag = 0; tag < 256; tag++)
			toy_answer_tag(0, tag);
}

/* Devices that reach one another's BARs could otherwise use the stack up. */
TEST(Group, WaitsNestSoDeepAndNoDeeper)
{
	setup(2);
	nested = 0;
	toy[1].on_read = read_0_deeper;
	for (unsigned i = 0; i < 300; i++)
		toy_dma_read(1);
	for (unsigned i = 0; i < 4; i++)
		tlpb_rc_group_process(group);
	EXPECT_EQ(nested, 300);
	EXPECT_EQ(toy_heard(0), 256);
	EXPECT_EQ(toy_heard(1), 300);	/* every one was answered */
	teardown();
}

/* ---- notices ---- */

TEST(Group, TheNoticeNamesTheLinkThatIsWaitedFor)
{
	setup(2);
	toy[0].on_waiting = answer_0;
	expect_read(0);
	EXPECT_EQ(toy[0].notices, 1);
	EXPECT_EQ(toy[1].notices, 0);
	EXPECT_NOT_NULL(strstr(toy[0].notice, "toy 0: waiting for MRd 0x1000 4 bytes"));
	teardown();
}

static void give_up(void)
{
	toy[0].impatient = true;
}

TEST(Group, WhoGivesUpLosesItsOwnLinkOnly)
{
	uint32_t value;

	setup(2);
	toy[1].on_read = give_up;
	toy_dma_read(1);
	EXPECT_EQ(toy_read(0, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(toy[0].downs, 1);
	EXPECT_EQ(toy[1].downs, 0);
	toy[0].on_read = NULL;
	toy[1].on_waiting = answer_1;
	expect_read(1);
	teardown();
}

/* ---- going down and closing ---- */

static void goodbye_1_then_answer_0(void)
{
	toy_goodbye(1);
	toy[1].on_down = answer_0;
}

TEST(Group, AMemberThatGoesDownTellsAndTheWaitGoesOn)
{
	uint32_t value;

	setup(3);
	toy[2].on_read = goodbye_1_then_answer_0;
	toy_dma_read(2);
	expect_read(0);
	EXPECT_EQ(toy[1].downs, 1);
	EXPECT_EQ(toy_read(1, &value), TLPB_ERR_CLOSED);
	EXPECT_STREQ(tlpb_rc_down_text(toy[1].rc), "pulled out");
	EXPECT_EQ(tlpb_rc_down_reason(toy[1].rc), TLPB_REASON_NORMAL);
	EXPECT_FALSE(readable(tlpb_rc_group_fd(group)));
	teardown();
}

static void close_0(void) { toy_close_host(0); }
static void close_1(void) { toy_close_host(1); }

static void close_1_and_answer_0(void)
{
	close_1();
	answer_0();
}

TEST(Group, ACallbackMayCloseItsOwnLinkWhileAnotherOneWaits)
{
	setup(2);
	toy[1].on_write = close_1_and_answer_0;
	toy_dma_write_and_read(1);
	expect_read(0);
	EXPECT_EQ(toy[1].writes, 1);
	EXPECT_EQ(toy[1].reads, 0);	/* closed is closed: nothing more is served */
	EXPECT_EQ(toy[1].downs, 0);
	raw_listen(&toy[1].peer, 0);
	EXPECT_TRUE(toy[1].peer.goodbye);
	teardown();
}

TEST(Group, ACallbackMayCloseAnotherMemberWhileAThirdWaits)
{
	setup(3);
	toy[2].on_write = close_1_and_answer_0;
	toy_dma_write(2);
	toy_dma_write(1);
	expect_read(0);
	EXPECT_TRUE(toy[1].rc == NULL);
	teardown();
}

TEST(Group, ACallbackMayCloseTheLinkThatWaits)
{
	uint32_t value;

	setup(2);
	toy[1].on_write = close_0;
	toy_dma_write(1);
	EXPECT_EQ(toy_read(0, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(toy[0].downs, 0);
	toy[1].on_waiting = answer_1;
	expect_read(1);
	teardown();
}

TEST(Group, ALinkMayCloseItselfInsideItsOwnWait)
{
	uint32_t value;

	setup(1);
	toy[0].on_write = close_0;
	toy_dma_write_and_read(0);
	EXPECT_EQ(toy_read(0, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(toy[0].reads, 0);
	toys_open(1, NULL);		/* the same without a group */
	toy[0].on_write = close_0;
	toy_dma_write_and_read(0);
	EXPECT_EQ(toy_read(0, &value), TLPB_ERR_CLOSED);
	teardown();
}

TEST(Group, ALinkMayBeClosedWhenItIsToldThatItIsDown)
{
	uint32_t value;

	setup(2);
	toy[0].on_down = close_0;
	toy_goodbye(0);
	EXPECT_EQ(toy_read(0, &value), TLPB_ERR_CLOSED);
	toy[1].on_down = close_1;
	toy_goodbye(1);
	tlpb_rc_group_process(group);
	EXPECT_TRUE(toy[1].rc == NULL);
	teardown();
}

static void plug_in_2(void)
{
	toy_open(2, group);
	toy[2].on_read = answer_0;
	toy_dma_read(2);
}

TEST(Group, ADeviceThatIsPluggedInDuringAWaitIsServedByIt)
{
	setup(2);
	toy[1].on_write = plug_in_2;
	toy_dma_write(1);
	expect_read(0);
	EXPECT_EQ(toy[2].reads, 1);
	teardown();
}

static void replace_1(void)
{
	toy_close_host(1);
	raw_stop(&toy[1].peer);
	toy_open(1, group);
	toy[1].on_read = answer_0;
	toy_dma_read(1);
}

TEST(Group, ADeviceThatIsReplacedDuringAWaitIsServedByIt)
{
	setup(3);
	toy[2].on_write = replace_1;
	toy_dma_write(2);
	expect_read(0);
	EXPECT_EQ(toy[1].reads, 1);
	teardown();
}

/* ---- membership ---- */

static int busy_err;

static void leave_inside(void)
{
	busy_err = tlpb_rc_set_group(toy[0].rc, NULL);
}

TEST(Group, IsJoinedAndLeftBetweenCalls)
{
	setup(0);
	toys_open(2, NULL);
	EXPECT_EQ(tlpb_rc_set_group(toy[0].rc, group), 0);
	EXPECT_EQ(tlpb_rc_set_group(toy[0].rc, group), 0);
	EXPECT_EQ(tlpb_rc_set_group(toy[1].rc, group), 0);
	toy[1].on_read = answer_0;
	toy_dma_read(1);
	expect_read(0);
	toy[0].on_write = leave_inside;
	toy_dma_write(0);
	tlpb_rc_group_process(group);
	EXPECT_EQ(busy_err, TLPB_ERR_BUSY);
	EXPECT_EQ(tlpb_rc_group_free(group), TLPB_ERR_BUSY);
	EXPECT_EQ(tlpb_rc_set_group(toy[0].rc, NULL), 0);
	EXPECT_EQ(tlpb_rc_set_group(toy[1].rc, NULL), 0);
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
	group = NULL;
	toy[0].on_write = NULL;
	toy_dma_write(0);
	EXPECT_EQ(tlpb_rc_process(toy[0].rc), 0);
	EXPECT_EQ(toy[0].writes, 2);
	toys_close();
}

TEST(Group, OneDescriptorTellsOfAllMembers)
{
	setup(2);
	EXPECT_FALSE(readable(tlpb_rc_group_fd(group)));
	toy_dma_write(1);
	EXPECT_TRUE(readable(tlpb_rc_group_fd(group)));
	EXPECT_TRUE(readable(tlpb_rc_fd(toy[1].rc)));
	EXPECT_FALSE(readable(tlpb_rc_fd(toy[0].rc)));
	tlpb_rc_group_process(group);
	EXPECT_FALSE(readable(tlpb_rc_group_fd(group)));
	toy_open(2, group);
	toy_dma_write(2);
	EXPECT_TRUE(readable(tlpb_rc_group_fd(group)));
	tlpb_rc_group_process(group);
	EXPECT_EQ(toy[1].writes + toy[2].writes, 2);
	toy_goodbye(1);
	tlpb_rc_group_process(group);
	EXPECT_EQ(toy[1].downs, 1);
	EXPECT_FALSE(readable(tlpb_rc_group_fd(group)));
	teardown();
}

static void *connect_elsewhere(void *arg)
{
	toy_open(1, NULL);
	return NULL;
}

/* Connecting needs no lock: the group is served on, and the new link joins afterwards. */
TEST(Group, ALinkThatAnotherThreadConnectedIsHandedOver)
{
	pthread_t thread;

	setup(1);
	ASSERT_EQ(pthread_create(&thread, NULL, connect_elsewhere, NULL), 0);
	toy_dma_write(0);
	tlpb_rc_group_process(group);
	pthread_join(thread, NULL);
	toy[1].on_read = answer_0;
	toy_dma_read(1);
	EXPECT_EQ(tlpb_rc_set_group(toy[1].rc, group), 0);
	expect_read(0);
	teardown();
}
