/* SPDX-License-Identifier: MIT */
/* What the bridge answers by itself stays behind the posted writes that a model still has (2.4.1). */
#include <string.h>
#include <time.h>

#include "ep_private.h"
#include "gtest.h"
#include "pair.h"

enum { COMMAND = 0x04, REGISTER = 0x10 };

/* The model keeps the first posted write until it is told to give it back. */
static struct tlpb_ep_request *kept;
static bool keeping;
static unsigned writes_seen;
static char order[64];		/* what the endpoint did, a letter a step */

static void note(char step)
{
	size_t len = strlen(order);

	if (len + 1 < sizeof order)
		order[len] = step;
}

static void keep_writes(struct tlpb_ep_request *r)
{
	if (r->write && keeping) {
		keeping = false;
		kept = r;
		note('w');
		return;
	}
	note(r->write ? 'x' : 'r');
	writes_seen += r->write;
	memset(r->data, 0x5a, r->write ? 0 : r->length);
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
}

static void give_back(void *arg)
{
	note('g');
	tlpb_ep_complete(pair.ep, kept, TLPB_CPL_SC);
	kept = NULL;
}

static void setup(void)
{
	pair_open(NULL);
	pair_enumerate();
	keeping = true;
	kept = NULL;
	writes_seen = 0;
	memset(order, 0, sizeof order);
	pair.model.on_access = keep_writes;
}

/* Gives the write back a while after the host began to wait. */
static void *give_back_later(void *arg)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	pair_on_ep(give_back, NULL);
	return NULL;
}

static pthread_t begin_give_back(void)
{
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, give_back_later, NULL), 0);
	return thread;
}

static void look_for_kept(void *arg)
{
	*(bool *)arg = kept != NULL;
}

static void look_for_held(void *arg)
{
	*(bool *)arg = !STAILQ_EMPTY(&pair.ep->held);
}

/* What was posted arrives when it does: wait until the endpoint sees it. */
static void await(void (*look)(void *seen))
{
	struct timespec pause = { .tv_nsec = 1000 * 1000 };
	bool seen = false;

	for (int ms = 0; !seen && ms < PAIR_PATIENCE_MS; ms++) {
		tlpb_rc_process(pair.rc);	/* a write of a burst waits for that */
		pair_on_ep(look, &seen);
		nanosleep(&pause, NULL);
	}
	ASSERT_TRUE(seen);
}

static void post(uint32_t value)
{
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr + REGISTER, &value, 4), 0);
}

TEST(Order, AConfigurationReadWaitsForTheWriteBeforeIt)
{
	uint32_t value;
	pthread_t thread;

	setup();
	post(1);
	await(look_for_kept);
	thread = begin_give_back();
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, COMMAND, 2, &value), 0);
	EXPECT_TRUE(strchr(order, 'g') != NULL);
	pthread_join(thread, NULL);
	EXPECT_STREQ(order, "wg");
	pair_close();
}

TEST(Order, AnMsixTableReadWaitsForTheWriteBeforeIt)
{
	uint32_t value;
	pthread_t thread;

	setup();
	post(1);
	await(look_for_kept);
	thread = begin_give_back();
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + tlpb_rc_device(pair.rc)->msix_table_offset,
				   &value, 4), 0);
	EXPECT_TRUE(strchr(order, 'g') != NULL);
	pthread_join(thread, NULL);
	pair_close();
}

/* A write to the table is posted, too: a later one to a register must not pass it. */
TEST(Order, WritesBehindAHeldTableWriteStayBehindIt)
{
	uint32_t control = 0, value = 0;

	setup();
	post(1);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr +
				    tlpb_rc_device(pair.rc)->msix_table_offset + 12, &control, 4), 0);
	post(2);
	await(look_for_held);
	pair_on_ep(give_back, NULL);
	pair_settle();
	EXPECT_EQ(writes_seen, 1);
	EXPECT_STREQ(order, "wgx");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr +
				   tlpb_rc_device(pair.rc)->msix_table_offset + 12, &value, 4), 0);
	EXPECT_EQ(value, 0);
	pair_close();
}

TEST(Order, NothingIsHeldWhileTheModelHasNoWrite)
{
	uint32_t value;

	setup();
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + REGISTER, &value, 4), 0);
	EXPECT_EQ(value, 0x5a5a5a5a);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, COMMAND, 2, &value), 0);
	pair_close();
}

TEST(Order, AResetAnswersWhatIsHeldAndGivesHeldWritesToTheModel)
{
	uint32_t control = 0, value;

	setup();
	post(1);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr +
				    tlpb_rc_device(pair.rc)->msix_table_offset + 12, &control, 4), 0);
	post(2);
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_HOT), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(writes_seen, 1);
	pair_on_ep(give_back, NULL);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, COMMAND, 2, &value), 0);
	EXPECT_EQ(value, 0);
	pair_close();
}

/* What a model keeps from an earlier host must not hold up the next one. */
TEST(Order, AWriteThatIsNeverGivenBackDoesNotStopTheNextHost)
{
	char why[256] = "";
	uint32_t value;

	setup();
	post(1);
	await(look_for_kept);
	pair_kill_host();
	pair_await_detached();
	ASSERT_EQ(pair_connect(why, sizeof why), 0);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, COMMAND, 2, &value), 0);
	pair_on_ep(give_back, NULL);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, COMMAND, 2, &value), 0);
	pair_close();
}

TEST(Order, AHostThatVanishesLeavesNothingHeld)
{
	uint32_t control = 0;

	setup();
	post(1);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr +
				    tlpb_rc_device(pair.rc)->msix_table_offset + 12, &control, 4), 0);
	post(2);
	await(look_for_held);
	pair_kill_host();
	pair_await_detached();
	EXPECT_EQ(writes_seen, 1);
	pair_on_ep(give_back, NULL);
	pair_close();
}
