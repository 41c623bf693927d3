/* SPDX-License-Identifier: MIT */
/*
 * Rings beside a socket: who is woken when, and what a peer that writes nonsense can do. What all transports
 * have to do is in transport_test.c.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "gtest.h"
#include "process.h"
#include "segment.h"
#include "shm_pair.h"

enum { HOST, ENDPOINT, PATIENCE_MS = 60 * 1000, QUIET_MS = 20, RECORD = 1000 };
enum { AWAKE, DOZES, AT_SOCKET, AT_SOCKET_URGENT };	/* as in transport_shm.c */

static struct transport *ends[2];
static struct shm_view view;
static uint8_t record[RECORD];

static void close_ends(void)
{
	for (int i = 0; i < 2; i++) {
		if (ends[i])
			ends[i]->ops->close(ends[i], 0);
		ends[i] = NULL;
	}
}

static void open_ends(void)
{
	close_ends();
	shm_pair_new(RING_BYTES_MIN, ends, &view);
}

/* The ring that this end reads. */
static struct ring_shared *inbound(int i)
{
	return i == HOST ? view.to_host : view.to_endpoint;
}

static void write_stamp(int i, uint64_t stamp)
{
	atomic_store(&((struct cell *)(inbound(i) + 1))->stamp, stamp);
}

static bool readable(int i, int timeout_ms)
{
	struct pollfd p = { .fd = ends[i]->ops->fd(ends[i]), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static int put(int i)
{
	return ends[i]->ops->send(ends[i], record, RECORD);
}

static void put_and_wake(int i, bool urgent)
{
	ASSERT_EQ(put(i), 0);
	ends[i]->ops->wake(ends[i], urgent);
}

/* Bytes that came; 0: nothing; else an error. */
static int take(int i)
{
	struct message m;
	int err = ends[i]->ops->recv(ends[i], &m), len;

	if (err)
		return err == TLPB_ERR_AGAIN ? 0 : err;
	len = (int)m.len;
	ends[i]->ops->release(ends[i], &m);
	return len;
}

static void drain(int i)
{
	while (take(i) > 0)
		;
}

static void attend(int i)
{
	ends[i]->ops->attend(ends[i]);
}

static void arm(int i)
{
	ends[i]->ops->arm(ends[i], false);
}

static void doze(int i, int ms)
{
	ends[i]->ops->doze(ends[i], (unsigned)ms * 1000);
}

static bool ready(int i)
{
	return ends[i]->ops->ready(ends[i]);
}

static void fill(int i)
{
	int err;

	while (!(err = put(i)))
		;
	ASSERT_EQ(err, TLPB_ERR_AGAIN);
	ends[i]->ops->wake(ends[i], true);
}

/* ---- who is woken ---- */

TEST(Wake, WhoSleepsAtTheDescriptorIsWokenOnce)
{
	open_ends();
	arm(HOST);
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	put_and_wake(ENDPOINT, true);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	put_and_wake(ENDPOINT, true);
	EXPECT_EQ(atomic_load(&inbound(HOST)->sleep), AWAKE);
	EXPECT_EQ(take(HOST), 2 * RECORD);
	EXPECT_EQ(take(HOST), 0);
	arm(HOST);
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	close_ends();
}

TEST(Wake, WhoLooksByItselfIsNotWoken)
{
	open_ends();
	attend(HOST);
	EXPECT_FALSE(ready(HOST));
	put_and_wake(ENDPOINT, true);
	EXPECT_TRUE(ready(HOST));
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	close_ends();
}

TEST(Wake, WhatCameBeforeArmingMakesTheDescriptorReadable)
{
	open_ends();
	attend(HOST);
	put_and_wake(ENDPOINT, true);
	arm(HOST);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	drain(HOST);
	ends[HOST]->ops->want_send(ends[HOST], false);
	arm(HOST);
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	close_ends();
}

/* Whoever armed may send something before it sleeps, and each flush says whether more is to be sent. */
TEST(Wake, WhatCameBeforeArmingIsNotForgottenWhenSomethingIsSent)
{
	open_ends();
	attend(HOST);
	put_and_wake(ENDPOINT, true);
	arm(HOST);
	put_and_wake(HOST, true);
	ends[HOST]->ops->want_send(ends[HOST], false);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	ends[HOST]->ops->want_send(ends[HOST], true);
	ends[HOST]->ops->want_send(ends[HOST], false);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	drain(HOST);
	arm(HOST);
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	close_ends();
}

TEST(Wake, WhoWantsOnlyWhatIsUrgentSleepsOn)
{
	open_ends();
	ends[HOST]->ops->arm(ends[HOST], true);
	put_and_wake(ENDPOINT, false);
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	put_and_wake(ENDPOINT, true);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	EXPECT_EQ(take(HOST), 2 * RECORD);
	drain(HOST);
	arm(HOST);
	put_and_wake(ENDPOINT, false);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	close_ends();
}

static void begin_head_start(void)
{
	open_ends();
	attend(HOST);
	for (int i = 0; i < 10; i++) {
		put_and_wake(ENDPOINT, true);
		ASSERT_EQ(take(HOST), RECORD);
	}
	put_and_wake(ENDPOINT, true);
	EXPECT_FALSE(ready(HOST));
}

/* Who is not answered is looked at a little later, and no later than that. */
TEST(Wake, AHeadStartIsShortAndNothingIsMissed)
{
	unsigned looks = 0;

	begin_head_start();
	while (!ready(HOST) && looks < 1000)
		looks++;
	EXPECT_LT(looks, 1000);
	begin_head_start();
	EXPECT_EQ(take(HOST), RECORD);
	begin_head_start();
	put_and_wake(HOST, true);		/* an answer ends it */
	EXPECT_TRUE(ready(HOST));
	begin_head_start();
	arm(HOST);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	begin_head_start();
	doze(HOST, PATIENCE_MS);
	close_ends();
}

/* An empty ring, and a peer that is told of each record, but reads only records. */
TEST(Wake, WakeUpsThatNobodyReadsBlockNothing)
{
	open_ends();
	for (int i = 0; i < 20000; i++) {
		arm(HOST);
		put_and_wake(ENDPOINT, true);
		attend(HOST);
		ASSERT_EQ(take(HOST), RECORD);
	}
	arm(HOST);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	drain(HOST);
	EXPECT_EQ(take(ENDPOINT), 0);		/* it owes one more */
	attend(ENDPOINT);
	put_and_wake(HOST, true);
	arm(ENDPOINT);
	EXPECT_TRUE(readable(ENDPOINT, PATIENCE_MS));
	EXPECT_EQ(take(ENDPOINT), RECORD);
	close_ends();
}

/* ---- room ---- */

TEST(Room, WhoWaitsForItIsWoken)
{
	open_ends();
	fill(ENDPOINT);
	ends[ENDPOINT]->ops->want_send(ends[ENDPOINT], true);
	arm(ENDPOINT);
	EXPECT_FALSE(ready(ENDPOINT));
	EXPECT_FALSE(readable(ENDPOINT, QUIET_MS));
	drain(HOST);
	arm(HOST);
	EXPECT_TRUE(readable(ENDPOINT, PATIENCE_MS));
	EXPECT_TRUE(ready(ENDPOINT));
	EXPECT_EQ(put(ENDPOINT), 0);
	close_ends();
}

TEST(Room, ThatCameBeforeArmingMakesTheDescriptorReadable)
{
	open_ends();
	fill(ENDPOINT);
	ends[ENDPOINT]->ops->want_send(ends[ENDPOINT], true);
	drain(HOST);
	arm(HOST);
	arm(ENDPOINT);
	EXPECT_TRUE(readable(ENDPOINT, PATIENCE_MS));
	close_ends();
}

/* Less than what is told of by itself. */
TEST(Room, WhoWaitsForItIsToldOfAllThatThereIs)
{
	open_ends();
	fill(ENDPOINT);
	ends[ENDPOINT]->ops->want_send(ends[ENDPOINT], true);
	arm(ENDPOINT);
	ASSERT_GT(take(HOST), 0);
	EXPECT_TRUE(readable(ENDPOINT, PATIENCE_MS));
	EXPECT_TRUE(ready(ENDPOINT));
	EXPECT_EQ(put(ENDPOINT), 0);
	close_ends();
}

TEST(Room, IsToldOfBeforeSleeping)
{
	open_ends();
	for (unsigned i = 0; i < 4; i += 2) {
		ASSERT_EQ(put(ENDPOINT), 0);
		ASSERT_EQ(take(HOST), RECORD);
		EXPECT_EQ(atomic_load(&inbound(HOST)->cells_taken), i);
		arm(HOST);
		EXPECT_EQ(atomic_load(&inbound(HOST)->cells_taken), i + 1);
		attend(HOST);
		ASSERT_EQ(put(ENDPOINT), 0);
		ASSERT_EQ(take(HOST), RECORD);
		doze(HOST, 1);
		EXPECT_EQ(atomic_load(&inbound(HOST)->cells_taken), i + 2);
	}
	close_ends();
}

/* It is told of a little room, too little for its record, and must hear of the rest. */
TEST(Room, ThatIsTooLittleIsNotTheLastThatIsHeardOf)
{
	static uint8_t large[100 * 1024];

	open_ends();
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(put(ENDPOINT), 0);
	ASSERT_EQ(ends[ENDPOINT]->ops->send(ends[ENDPOINT], large, sizeof large), TLPB_ERR_AGAIN);
	ends[ENDPOINT]->ops->want_send(ends[ENDPOINT], true);
	arm(ENDPOINT);
	ASSERT_GT(take(HOST), 0);
	EXPECT_TRUE(readable(ENDPOINT, PATIENCE_MS));
	EXPECT_EQ(take(ENDPOINT), 0);
	ASSERT_EQ(ends[ENDPOINT]->ops->send(ends[ENDPOINT], large, sizeof large), TLPB_ERR_AGAIN);
	arm(ENDPOINT);
	EXPECT_FALSE(readable(ENDPOINT, QUIET_MS));
	drain(HOST);
	arm(HOST);
	EXPECT_TRUE(readable(ENDPOINT, PATIENCE_MS));
	EXPECT_EQ(ends[ENDPOINT]->ops->send(ends[ENDPOINT], large, sizeof large), 0);
	close_ends();
}

TEST(Room, ARecordThatNeverFitsIsRefused)
{
	static uint8_t large[RING_BYTES_MIN + 1];

	open_ends();
	EXPECT_EQ(ends[HOST]->ops->send(ends[HOST], large, sizeof large), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(put(HOST), 0);
	EXPECT_EQ(take(ENDPOINT), RECORD);
	close_ends();
}

/* ---- dozing ---- */

static void *put_later(void *arg)
{
	sleep_ms(30);
	put_and_wake(*(int *)arg, true);
	return NULL;
}

TEST(Doze, EndsWithTheRecordThatComes)
{
	int who = ENDPOINT;
	long long start = now_ms();
	pthread_t thread;

	open_ends();
	attend(HOST);
	ASSERT_EQ(pthread_create(&thread, NULL, put_later, &who), 0);
	doze(HOST, PATIENCE_MS);
	pthread_join(thread, NULL);
	EXPECT_TRUE(ready(HOST));
	EXPECT_LT(now_ms() - start, PATIENCE_MS / 2);
	EXPECT_EQ(atomic_load(&inbound(HOST)->sleep), AWAKE);
	EXPECT_FALSE(readable(HOST, QUIET_MS));		/* woken without the socket */
	close_ends();
}

TEST(Doze, DoesNotBeginWhereSomethingIsThere)
{
	long long start = now_ms();

	open_ends();
	put_and_wake(ENDPOINT, true);
	doze(HOST, PATIENCE_MS);
	EXPECT_LT(now_ms() - start, PATIENCE_MS / 2);
	close_ends();
}

TEST(Doze, EndsByItself)
{
	open_ends();
	doze(HOST, 1);
	EXPECT_FALSE(ready(HOST));
	doze(HOST, 0);
	EXPECT_EQ(atomic_load(&inbound(HOST)->sleep), AWAKE);
	close_ends();
}

static void *drain_later(void *arg)
{
	sleep_ms(30);
	drain(*(int *)arg);
	arm(*(int *)arg);
	return NULL;
}

TEST(Doze, EndsWithTheRoomThatIsWaitedFor)
{
	int who = HOST;
	long long start = now_ms();
	pthread_t thread;

	open_ends();
	fill(ENDPOINT);
	attend(ENDPOINT);
	ASSERT_EQ(pthread_create(&thread, NULL, drain_later, &who), 0);
	while (!ready(ENDPOINT) && now_ms() - start < PATIENCE_MS)
		doze(ENDPOINT, PATIENCE_MS);
	pthread_join(thread, NULL);
	EXPECT_LT(now_ms() - start, PATIENCE_MS / 2);
	close_ends();
}

/* ---- from the socket to the rings ---- */

TEST(Switch, WhatWasSentBeforeComesBySocketAndFirst)
{
	close_ends();
	shm_pair_beside_sockets(RING_BYTES_MIN, ends, &view);
	ASSERT_EQ(put(HOST), 0);
	tlpb__transport_shm_send_by_ring(ends[HOST]);
	ASSERT_EQ(ends[HOST]->ops->send(ends[HOST], record, 10), 0);
	EXPECT_EQ(take(ENDPOINT), RECORD);
	EXPECT_EQ(take(ENDPOINT), 0);
	tlpb__transport_shm_recv_by_ring(ends[ENDPOINT]);
	EXPECT_EQ(take(ENDPOINT), 10);
	close_ends();
}

/* A link may have something to send when it goes over, and have said so. */
TEST(Switch, WhatWasWantedOfTheSocketIsNotWantedForEver)
{
	close_ends();
	shm_pair_beside_sockets(RING_BYTES_MIN, ends, &view);
	ends[HOST]->ops->want_send(ends[HOST], true);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	shm_pair_switch(ends);
	ends[HOST]->ops->want_send(ends[HOST], false);
	EXPECT_EQ(take(HOST), 0);
	arm(HOST);
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	close_ends();
}

/* ---- the peer's end ---- */

TEST(End, IsSeenAfterTheLastRecord)
{
	open_ends();
	put_and_wake(ENDPOINT, true);
	ends[ENDPOINT]->ops->close(ends[ENDPOINT], 0);
	ends[ENDPOINT] = NULL;
	EXPECT_EQ(take(HOST), RECORD);
	arm(HOST);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	EXPECT_EQ(take(HOST), TLPB_ERR_CLOSED);
	EXPECT_EQ(put(HOST), TLPB_ERR_CLOSED);
	close_ends();
}

TEST(End, WakesWhoSleepsAtTheDescriptor)
{
	open_ends();
	arm(HOST);
	ends[ENDPOINT]->ops->close(ends[ENDPOINT], 0);
	ends[ENDPOINT] = NULL;
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	EXPECT_EQ(take(HOST), TLPB_ERR_CLOSED);
	close_ends();
}

/* ---- a peer that writes nonsense ---- */

static const uint64_t no_length = 1ull << 32;	/* of the first cell */

static void expect_broken(int i)
{
	EXPECT_EQ(take(i), TLPB_ERR_CLOSED);
	EXPECT_EQ(put(i), TLPB_ERR_CLOSED);
	EXPECT_EQ(take(i), TLPB_ERR_CLOSED);
}

TEST(Hostile, AStampThatMakesNoSenseEndsTheLinkForGood)
{
	open_ends();
	write_stamp(HOST, no_length);
	EXPECT_TRUE(ready(HOST));
	expect_broken(HOST);
	write_stamp(HOST, 0);
	expect_broken(HOST);
	close_ends();
}

TEST(Hostile, NothingIsTakenAnyMoreFromARingThatWasBroken)
{
	open_ends();
	write_stamp(HOST, no_length);
	expect_broken(HOST);
	ASSERT_EQ(put(ENDPOINT), 0);
	expect_broken(HOST);
	close_ends();
}

TEST(Hostile, AStampOfAnotherNumberIsNotSeen)
{
	open_ends();
	write_stamp(HOST, 2 * no_length);
	EXPECT_FALSE(ready(HOST));
	EXPECT_EQ(take(HOST), 0);
	arm(HOST);
	EXPECT_FALSE(readable(HOST, QUIET_MS));
	ASSERT_EQ(put(ENDPOINT), 0);
	EXPECT_EQ(take(HOST), RECORD);
	close_ends();
}

static void expect_broken_by_taken(uint64_t cells, uint64_t bulk)
{
	open_ends();
	fill(HOST);
	ASSERT_EQ(put(ENDPOINT), 0);
	atomic_store(&inbound(ENDPOINT)->cells_taken, cells);
	atomic_store(&inbound(ENDPOINT)->bulk_taken, bulk);
	EXPECT_TRUE(ready(HOST));
	EXPECT_EQ(put(HOST), TLPB_ERR_CLOSED);
	expect_broken(HOST);
	close_ends();
}

TEST(Hostile, TakingWhatWasNeverThereEndsTheLinkAndNothingMoreIsTaken)
{
	expect_broken_by_taken(1ull << 40, 0);
	expect_broken_by_taken(0, 1ull << 40);
}

TEST(Hostile, ALengthThatNoMessageHasEndsTheLink)
{
	static uint8_t large[512 * 1024];

	close_ends();
	shm_pair_new(1024 * 1024, ends, &view);
	ASSERT_EQ(ends[ENDPOINT]->ops->send(ends[ENDPOINT], large, sizeof large), 0);
	expect_broken(HOST);
	close_ends();
}

TEST(Hostile, AMessageOnTheSocketEndsTheLink)
{
	int fds[2] = { -1, -1 };
	struct segment made, opened;
	struct segment_offer offer;
	struct transport *socket_end;
	char why[256];

	close_ends();
	ASSERT_EQ(tlpb__segment_make(&made, RING_BYTES_MIN, &offer, why, sizeof why), 0);
	ASSERT_EQ(tlpb__segment_open(&opened, &offer, why, sizeof why), 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ASSERT_EQ(tlpb__transport_stream_new(fds[0], &socket_end, why, sizeof why), 0);
	ASSERT_EQ(tlpb__transport_stream_new(fds[1], &ends[1], why, sizeof why), 0);
	ends[HOST] = tlpb__transport_shm_new(socket_end, &opened, true);
	tlpb__transport_shm_send_by_ring(ends[HOST]);
	tlpb__transport_shm_recv_by_ring(ends[HOST]);
	arm(HOST);
	ASSERT_EQ(ends[1]->ops->send(ends[1], (const uint8_t *)"", 0), 0);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	EXPECT_EQ(take(HOST), 0);
	arm(HOST);
	ASSERT_EQ(ends[1]->ops->send(ends[1], (const uint8_t *)"x", 1), 0);
	EXPECT_TRUE(readable(HOST, PATIENCE_MS));
	EXPECT_EQ(take(HOST), TLPB_ERR_CLOSED);
	close_ends();
	tlpb__segment_close(&made);
}

/* Both ends' words are in memory that both can write: any value costs its writer's link time at most. */
TEST(Hostile, WordsOfTheSleepersMayBeAnything)
{
	static const uint32_t words[] = { 0, 1, 2, 3, 4, 77, 0x80000000, 0xffffffff };

	open_ends();
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
		for (int end = 0; end < 2; end++) {
			atomic_store(&inbound(end)->sleep, words[i]);
			atomic_store(&inbound(end)->want_room, words[i]);
			atomic_store(&inbound(end)->cpu, words[i]);
			put_and_wake(!end, i & 1);
			atomic_store(&inbound(end)->sleep, words[i]);
			doze(end, 1);
			ends[end]->ops->elsewhere(ends[end]);
			EXPECT_EQ(take(end), RECORD);
			EXPECT_EQ(take(end), 0);
			arm(end);
			EXPECT_EQ(take(end), 0);
		}
	}
	close_ends();
}
