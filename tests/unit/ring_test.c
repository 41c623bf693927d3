/* SPDX-License-Identifier: MIT */
/* One direction in shared memory: what honest ends do, and what a hostile one can do to the other. */
#include <stdlib.h>

#include <tlpbridge/err.h>

#include "bytes.h"
#include "gtest.h"
#include "ring.h"

enum { SIZE = 1024, PREFIX = 8, LONGEST = SIZE - PREFIX };

/* Two views of one piece of memory, as two processes have them. */
static struct ring in, out;
static struct ring_shared *shared;
static uint8_t sent[2 * SIZE], got[2 * SIZE];

static void open_ring(void)
{
	free(shared);
	shared = aligned_alloc(64, ring_footprint(SIZE));
	memset(shared, 0, ring_footprint(SIZE));
	tlpb__ring_init(&in, shared, SIZE);
	tlpb__ring_init(&out, shared, SIZE);
	for (size_t i = 0; i < sizeof sent; i++)
		sent[i] = (uint8_t)(i * 7 + 1);
}

static size_t padded(size_t len)
{
	return PREFIX + ((len + 7) & ~(size_t)7);
}

/* So that the next record begins there. */
static void begin_at(uint64_t index)
{
	open_ring();
	in.mine = in.theirs = out.mine = out.theirs = index;
	atomic_store(&shared->head, index);
	atomic_store(&shared->tail, index);
}

static void expect_record(size_t len)
{
	size_t n = 0;

	memset(got, 0, sizeof got);
	ASSERT_EQ(tlpb__ring_get(&out, got, sizeof got, &n), 1);
	EXPECT_EQ(n, len);
	EXPECT_MEMEQ(got, sent, len);
}

/* ---- honest ends ---- */

TEST(Ring, EveryLengthComesBackFromEveryPlace)
{
	for (uint64_t index = 0; index < SIZE; index += 8) {
		for (size_t len = 1; len <= LONGEST; len += len < 40 ? 1 : 37) {
			begin_at(index);
			ASSERT_EQ(tlpb__ring_put(&in, sent, len), 0);
			EXPECT_EQ(atomic_load(&shared->head), index + padded(len));
			expect_record(len);
			EXPECT_EQ(atomic_load(&shared->tail), index + padded(len));
			EXPECT_FALSE(ring_filled(&out));
		}
	}
}

TEST(Ring, IndicesMayPassTheEndOfTheirNumbers)
{
	begin_at(UINT64_MAX - 15);
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(tlpb__ring_put(&in, sent, 100), 0);
		EXPECT_TRUE(ring_filled(&out));
		expect_record(100);
	}
}

TEST(Ring, NothingIsThereBeforeSomethingIsPut)
{
	size_t n;

	open_ring();
	EXPECT_FALSE(ring_filled(&out));
	EXPECT_EQ(tlpb__ring_get(&out, got, sizeof got, &n), 0);
}

TEST(Ring, TheLongestRecordFillsItAndNoLongerOneIsTaken)
{
	open_ring();
	ASSERT_EQ(tlpb__ring_put(&in, sent, LONGEST), 0);
	EXPECT_EQ(tlpb__ring_put(&in, sent, 1), TLPB_ERR_AGAIN);
	expect_record(LONGEST);
	EXPECT_EQ(tlpb__ring_put(&in, sent, LONGEST + 1), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(tlpb__ring_put(&in, sent, SIZE), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(tlpb__ring_put(&in, sent, SIZE_MAX), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(tlpb__ring_put(&in, sent, SIZE_MAX - 6), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(atomic_load(&shared->head), SIZE);
}

/* The other end would take a length of 0 for nonsense. */
TEST(Ring, AnEmptyRecordIsNotTaken)
{
	open_ring();
	EXPECT_EQ(tlpb__ring_put(&in, sent, 0), TLPB_ERR_INVALID);
	EXPECT_FALSE(ring_filled(&out));
}

TEST(Ring, AFullOneTakesMoreExactlyWhenThereIsRoom)
{
	size_t n;

	open_ring();
	for (int i = 0; i < SIZE / 32; i++)
		ASSERT_EQ(tlpb__ring_put(&in, sent, 24), 0);
	EXPECT_EQ(tlpb__ring_put(&in, sent, 24), TLPB_ERR_AGAIN);
	EXPECT_FALSE(tlpb__ring_has_room(&in, 24));
	ASSERT_EQ(tlpb__ring_get(&out, got, 24, &n), 1);
	EXPECT_FALSE(tlpb__ring_has_room(&in, 25));
	EXPECT_TRUE(tlpb__ring_has_room(&in, 24));
	EXPECT_EQ(tlpb__ring_put(&in, sent, 25), TLPB_ERR_AGAIN);
	EXPECT_EQ(tlpb__ring_put(&in, sent, 24), 0);
	EXPECT_EQ(tlpb__ring_put(&in, sent, 1), TLPB_ERR_AGAIN);
}

TEST(Ring, AsManyRecordsComeAsFitAndNoneIsCut)
{
	size_t n = 0;

	open_ring();
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(tlpb__ring_put(&in, sent + 10 * i, 10), 0);
	ASSERT_EQ(tlpb__ring_get(&out, got, 29, &n), 1);
	EXPECT_EQ(n, 20);
	EXPECT_MEMEQ(got, sent, 20);
	EXPECT_EQ(tlpb__ring_get(&out, got, 9, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, 10);
	ASSERT_EQ(tlpb__ring_get(&out, got, 10, &n), 1);
	EXPECT_MEMEQ(got, sent + 20, 10);
	EXPECT_EQ(tlpb__ring_get(&out, got, 10, &n), 0);
}

TEST(Ring, AnySequenceOfLengthsKeepsItsBytes)
{
	uint32_t random = 1, written = 0, read = 0;
	uint8_t bytes[SIZE];
	size_t n, len;

	open_ring();
	for (int i = 0; i < 100000; i++) {
		random = random * 1664525 + 1013904223;
		len = (random >> 8) % (i % 16 ? 64 : LONGEST) + 1;
		if (random >> 31) {
			for (size_t k = 0; k < len; k++)
				bytes[k] = (uint8_t)(written + k);
			if (!tlpb__ring_put(&in, bytes, len))
				written += (uint32_t)len;
		} else if (tlpb__ring_get(&out, bytes, SIZE, &n) == 1) {
			for (size_t k = 0; k < n; k++, read++)
				ASSERT_EQ(bytes[k], (uint8_t)read);
		}
	}
	EXPECT_GT(read, 100000);
	EXPECT_LE(written - read, SIZE);
}

/* ---- a hostile producer ---- */

static void expect_nonsense(void)
{
	uint64_t before = out.mine;
	size_t n = 0;

	EXPECT_EQ(tlpb__ring_get(&out, got, sizeof got, &n), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(atomic_load(&shared->tail), before);
}

TEST(HostileProducer, AHeadThatCannotBeIsToldOf)
{
	static const uint64_t ahead[] = {
		SIZE + 8, 2 * SIZE, 1ull << 32, 1ull << 63, (uint64_t)-8, (uint64_t)-SIZE, UINT64_MAX,
		1, 4, 7, 12, SIZE - 1, SIZE + 1,
	};

	for (unsigned i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
		begin_at(4096);
		atomic_store(&shared->head, 4096 + ahead[i]);
		EXPECT_TRUE(ring_filled(&out));
		expect_nonsense();
	}
}

static void put_length(uint64_t index, uint64_t len)
{
	memcpy(shared->data + (index & (SIZE - 1)), &len, PREFIX);
}

TEST(HostileProducer, ALengthThatCannotBeIsToldOf)
{
	static const uint64_t lengths[] = {
		0, 9, 16, LONGEST, SIZE, SIZE + 1, 1ull << 31, 1ull << 32, (1ull << 32) + 8, 1ull << 63,
		UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 15,
	};

	for (uint64_t index = 0; index < SIZE; index += SIZE - 8) {
		for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
			begin_at(index);
			put_length(index, lengths[i]);
			atomic_store(&shared->head, index + 16);
			expect_nonsense();
		}
	}
}

TEST(HostileProducer, ALengthUpToTheLastByteIsTakenAndNotOneMore)
{
	size_t n = 0;

	open_ring();
	put_length(0, LONGEST);
	atomic_store(&shared->head, SIZE);
	EXPECT_EQ(tlpb__ring_get(&out, got, LONGEST - 1, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, LONGEST);
	EXPECT_EQ(tlpb__ring_get(&out, got, LONGEST, &n), 1);
	open_ring();
	put_length(0, LONGEST + 1);
	atomic_store(&shared->head, SIZE);
	expect_nonsense();
}

/* The length is looked at once a call, and the caller's room is what counts. */
TEST(HostileProducer, ALengthThatGrowsBetweenTwoLooksOverrunsNothing)
{
	uint8_t small[24];
	size_t n = 0;

	open_ring();
	ASSERT_EQ(tlpb__ring_put(&in, sent, 16), 0);
	ASSERT_EQ(tlpb__ring_put(&in, sent, 100), 0);
	EXPECT_EQ(tlpb__ring_get(&out, small, 8, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, 16);
	put_length(0, 64);
	memset(small, 0x5a, sizeof small);
	EXPECT_EQ(tlpb__ring_get(&out, small, n, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, 64);
	for (size_t i = 0; i < sizeof small; i++)
		EXPECT_EQ(small[i], 0x5a);
}

TEST(HostileProducer, NonsenseBehindARecordIsToldOf)
{
	open_ring();
	ASSERT_EQ(tlpb__ring_put(&in, sent, 8), 0);
	put_length(16, UINT64_MAX);
	atomic_store(&shared->head, 32);
	EXPECT_EQ(tlpb__ring_get(&out, got, sizeof got, &(size_t){ 0 }), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(atomic_load(&shared->tail), 0);
}

/* What has been copied is the consumer's own. */
TEST(HostileProducer, ContentsThatChangeLaterChangeNothing)
{
	size_t n = 0;

	open_ring();
	ASSERT_EQ(tlpb__ring_put(&in, sent, 64), 0);
	ASSERT_EQ(tlpb__ring_get(&out, got, sizeof got, &n), 1);
	memset(shared->data, 0xff, SIZE);
	EXPECT_MEMEQ(got, sent, 64);
}

/* ---- a hostile consumer ---- */

TEST(HostileConsumer, ATailThatCannotBeIsToldOf)
{
	static const uint64_t ahead[] = { 8, 1, SIZE, 1ull << 32, 1ull << 63, (uint64_t)-SIZE - 8 };

	for (unsigned i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
		begin_at(4096);
		ASSERT_EQ(tlpb__ring_put(&in, sent, LONGEST), 0);
		atomic_store(&shared->tail, in.mine + ahead[i]);
		EXPECT_TRUE(tlpb__ring_has_room(&in, 8));	/* so that somebody puts, and is told */
		EXPECT_EQ(tlpb__ring_put(&in, sent, 8), TLPB_ERR_PROTOCOL);
		EXPECT_EQ(atomic_load(&shared->head), in.mine);
	}
}

TEST(HostileConsumer, ATailThatGoesBackOrIsCrookedGivesNoRoomThatIsNotThere)
{
	open_ring();
	ASSERT_EQ(tlpb__ring_put(&in, sent, 504), 0);
	ASSERT_EQ(tlpb__ring_put(&in, sent, 504), 0);
	atomic_store(&shared->tail, 511);
	EXPECT_EQ(tlpb__ring_put(&in, sent, 504), TLPB_ERR_AGAIN);
	EXPECT_EQ(tlpb__ring_put(&in, sent, 496), 0);
	EXPECT_EQ(in.mine, SIZE + 504);
	atomic_store(&shared->tail, 0);
	EXPECT_EQ(tlpb__ring_put(&in, sent, 8), TLPB_ERR_PROTOCOL);
}
