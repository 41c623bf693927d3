/* SPDX-License-Identifier: MIT */
/* One direction in shared memory: what honest ends do, and what a hostile one can do to the other. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tlpbridge/err.h>

#include "gtest.h"
#include "ring.h"

enum { SIZE = 4096, CELLS = SIZE / 128, EIGHTH_CELLS = CELLS / 8, EIGHTH = SIZE / 8 };
enum { LONGER = CELL_DATA + 1 };	/* the shortest record in bulk */

#define IN_BULK (1u << 31)

/* Two views of one piece of memory, as two processes have them. */
static struct ring in, out;
static struct ring_shared *shared;
static uint8_t sent[2 * SIZE], got[2 * SIZE];

static void set_stamp(uint64_t number, uint64_t what)
{
	atomic_store(&in.cell[number & (in.cells - 1)].stamp, (uint64_t)(uint32_t)(number + 1) << 32 | what);
}

/* So that the next record is of that cell, and begins there if it is in bulk. */
static void begin_at(uint64_t number, uint64_t bulk)
{
	memset(shared, 0, sizeof *shared);
	in.mine = in.theirs = out.mine = out.theirs = number;
	in.my_bulk = in.their_bulk = out.my_bulk = out.their_bulk = bulk;
	atomic_store(&shared->cells_taken, number);
	atomic_store(&shared->bulk_taken, bulk);
	for (uint64_t before = 1; before <= CELLS; before++)
		set_stamp(number - before, 1);
}

static void open_ring(void)
{
	free(shared);
	shared = aligned_alloc(CELL_BYTES, ring_footprint(SIZE));
	memset(shared, 0, ring_footprint(SIZE));
	tlpb__ring_init(&in, shared, SIZE);
	tlpb__ring_init(&out, shared, SIZE);
	for (size_t i = 0; i < sizeof sent; i++)
		sent[i] = (uint8_t)(i * 7 + i / 256 + 1);
}

static uint64_t in_bulk(size_t len)
{
	return len > CELL_DATA ? (len + 7) & ~7ull : 0;
}

static int put(size_t len)
{
	return tlpb__ring_put(&in, sent, len);
}

static int get(size_t room, size_t *len)
{
	memset(got, 0x5a, sizeof got);
	return tlpb__ring_get(&out, got, room, len);
}

static void expect_untouched(size_t from)
{
	for (size_t i = from; i < sizeof got; i++)
		if (got[i] != 0x5a)
			FAIL("byte %zu is written", i);
}

static void expect_record(size_t len)
{
	size_t n = 0;

	ASSERT_EQ(get(sizeof got, &n), 1);
	EXPECT_EQ(n, len);
	EXPECT_MEMEQ(got, sent, len);
	expect_untouched(len);
}

static uint64_t told_cells(void) { return atomic_load(&shared->cells_taken); }
static uint64_t told_bulk(void) { return atomic_load(&shared->bulk_taken); }

/* ---- honest ends ---- */

TEST(Ring, EveryLengthComesBackFromEveryPlace)
{
	open_ring();
	for (uint64_t place = 0; place < SIZE; place += 8) {
		for (size_t len = 1; len <= SIZE; len += len < 2 * CELL_DATA || len > SIZE - 8 ? 1 : 101) {
			begin_at(place / 8 + len, place);
			ASSERT_EQ(put(len), 0);
			EXPECT_TRUE(ring_filled(&out));
			expect_record(len);
			EXPECT_FALSE(ring_filled(&out));
			EXPECT_EQ(out.mine, place / 8 + len + 1);
			EXPECT_EQ(out.my_bulk, place + in_bulk(len));
			EXPECT_EQ(in.my_bulk, out.my_bulk);
		}
	}
}

/* A cell, as far as a line of the cache goes; in bulk, a multiple of 8. */
TEST(Ring, WhatTwoProcessesAgreeOn)
{
	open_ring();
	EXPECT_EQ(sizeof(struct cell), CELL_BYTES);
	EXPECT_EQ((uintptr_t)in.cell % CELL_BYTES, 0);
	EXPECT_EQ(in.cells, CELLS);
	EXPECT_EQ((size_t)(in.bulk + SIZE - (uint8_t *)shared), ring_footprint(SIZE));
	ASSERT_EQ(put(CELL_DATA), 0);
	ASSERT_EQ(put(LONGER), 0);
	ASSERT_EQ(put(72), 0);
	EXPECT_EQ(atomic_load(&in.cell[0].stamp), 1ull << 32 | CELL_DATA);
	EXPECT_MEMEQ(in.cell[0].data, sent, CELL_DATA);
	EXPECT_EQ(atomic_load(&in.cell[1].stamp), 2ull << 32 | IN_BULK | LONGER);
	EXPECT_MEMEQ(in.bulk, sent, LONGER);
	EXPECT_EQ(atomic_load(&in.cell[2].stamp), 3ull << 32 | IN_BULK | 72);
	EXPECT_MEMEQ(in.bulk + 64, sent, 72);
}

TEST(Ring, NumbersMayPassTheEndOfWhatAStampAndAnIndexHold)
{
	static const uint64_t starts[] = { (1ull << 32) - CELLS, 7ull << 32, (uint64_t)-CELLS };

	open_ring();
	for (unsigned i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		begin_at(starts[i] - 3, (uint64_t)-16);
		for (int k = 0; k < 3 * CELLS; k++) {
			EXPECT_FALSE(ring_filled(&out));
			ASSERT_EQ(put(k & 1 ? 100 : 10), 0);
			EXPECT_TRUE(ring_filled(&out));
			expect_record(k & 1 ? 100 : 10);
		}
	}
}

TEST(Ring, NothingIsThereBeforeSomethingIsPut)
{
	size_t n;

	open_ring();
	EXPECT_FALSE(ring_filled(&out));
	EXPECT_EQ(get(sizeof got, &n), 0);
	expect_untouched(0);
}

TEST(Ring, TheLongestRecordFillsTheBulkAndNoLongerOneIsTaken)
{
	open_ring();
	ASSERT_EQ(put(SIZE), 0);
	EXPECT_EQ(put(LONGER), TLPB_ERR_AGAIN);
	expect_record(SIZE);
	EXPECT_EQ(put(SIZE + 1), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(put(SIZE_MAX), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(put(SIZE_MAX - 6), TLPB_ERR_TOO_LARGE);
	EXPECT_FALSE(ring_filled(&out));
	EXPECT_EQ(in.mine, 1);
	ASSERT_EQ(put(SIZE), 0);
	expect_record(SIZE);
}

/* The other end would take a length of 0 for nonsense. */
TEST(Ring, AnEmptyRecordIsNotTaken)
{
	open_ring();
	EXPECT_EQ(put(0), TLPB_ERR_INVALID);
	EXPECT_FALSE(ring_filled(&out));
	EXPECT_EQ(in.mine, 0);
}

/* However much room there is. */
TEST(Ring, ALengthThatAStampCannotTellIsNotTaken)
{
	enum { LARGE = 32 * 1024 * 1024, LIMIT = 16 * 1024 * 1024 };
	uint8_t *bytes = calloc(1, LIMIT);
	struct ring large, other;
	void *memory = mmap(NULL, ring_footprint(LARGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	size_t n = 0;

	ASSERT_TRUE(bytes && memory != MAP_FAILED);
	tlpb__ring_init(&large, memory, LARGE);
	tlpb__ring_init(&other, memory, LARGE);
	EXPECT_EQ(tlpb__ring_put(&large, bytes, LIMIT), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(tlpb__ring_put(&large, bytes, LIMIT - 1), 0);
	EXPECT_EQ(tlpb__ring_get(&other, bytes, CELL_DATA, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, LIMIT - 1);
	munmap(memory, ring_footprint(LARGE));
	free(bytes);
}

/* ---- room ---- */

TEST(Room, FullOfCellsItTakesMoreExactlyWhenItIsToldOfRoom)
{
	size_t n;

	open_ring();
	for (int i = 0; i < CELLS; i++)
		ASSERT_EQ(put(40), 0);
	EXPECT_EQ(put(1), TLPB_ERR_AGAIN);
	EXPECT_EQ(put(LONGER), TLPB_ERR_AGAIN);
	EXPECT_FALSE(tlpb__ring_has_room(&in, 1));
	ASSERT_EQ(get(CELL_DATA, &n), 1);
	EXPECT_EQ(n, 40);
	EXPECT_FALSE(tlpb__ring_has_room(&in, 1));
	tlpb__ring_tell(&out);
	EXPECT_TRUE(tlpb__ring_has_room(&in, 1));
	EXPECT_TRUE(tlpb__ring_has_room(&in, SIZE));
	EXPECT_EQ(put(1), 0);
	EXPECT_EQ(put(1), TLPB_ERR_AGAIN);
}

TEST(Room, FullOfBulkItTakesShortRecordsAndLongOnesExactlyWhenTheyFit)
{
	size_t n;

	open_ring();
	for (int i = 0; i < SIZE / 256; i++)
		ASSERT_EQ(put(256), 0);
	EXPECT_FALSE(tlpb__ring_has_room(&in, LONGER));
	EXPECT_EQ(put(LONGER), TLPB_ERR_AGAIN);
	EXPECT_TRUE(tlpb__ring_has_room(&in, CELL_DATA));
	EXPECT_EQ(put(CELL_DATA), 0);
	ASSERT_EQ(get(256, &n), 1);
	tlpb__ring_tell(&out);
	EXPECT_FALSE(tlpb__ring_has_room(&in, 257));
	EXPECT_TRUE(tlpb__ring_has_room(&in, 256));
	EXPECT_EQ(put(257), TLPB_ERR_AGAIN);
	EXPECT_EQ(put(249), 0);		/* 256 in bulk */
	EXPECT_EQ(put(LONGER), TLPB_ERR_AGAIN);
}

TEST(Room, IsToldOfByItselfAtAnEighthOfTheCells)
{
	open_ring();
	for (int i = 1; i <= 3 * EIGHTH_CELLS; i++) {
		ASSERT_EQ(put(8), 0);
		expect_record(8);
		EXPECT_EQ(told_cells(), (unsigned)(i / EIGHTH_CELLS * EIGHTH_CELLS));
	}
}

TEST(Room, IsToldOfByItselfAtAnEighthOfTheBulk)
{
	open_ring();
	ASSERT_EQ(put(EIGHTH - 8), 0);
	expect_record(EIGHTH - 8);
	EXPECT_EQ(told_bulk(), 0);
	ASSERT_EQ(put(LONGER), 0);
	expect_record(LONGER);
	EXPECT_EQ(told_bulk(), EIGHTH - 8 + 64);
	EXPECT_EQ(told_cells(), 2);
	ASSERT_EQ(put(EIGHTH), 0);
	expect_record(EIGHTH);
	EXPECT_EQ(told_cells(), 3);
}

TEST(Room, IsToldOfOnDemandAndOnlyWhereThereIsSomethingNew)
{
	open_ring();
	ASSERT_EQ(put(100), 0);
	expect_record(100);
	EXPECT_EQ(told_cells(), 0);
	tlpb__ring_tell(&out);
	EXPECT_EQ(told_cells(), 1);
	EXPECT_EQ(told_bulk(), 104);
	atomic_store(&shared->cells_taken, 77);		/* by who else? */
	tlpb__ring_tell(&out);
	EXPECT_EQ(told_cells(), 77);
}

/* ---- several records ---- */

TEST(Ring, AsManyRecordsComeAsFitAndNoneIsCut)
{
	static const size_t lengths[] = { 30, 26, 1, 100, CELL_DATA, LONGER, 8 };
	size_t n = 0, sum = 0;

	open_ring();
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; sum += lengths[i++])
		ASSERT_EQ(tlpb__ring_put(&in, sent + sum, lengths[i]), 0);
	ASSERT_EQ(get(CELL_DATA, &n), 1);
	EXPECT_EQ(n, 30 + 26);
	EXPECT_MEMEQ(got, sent, 56);
	ASSERT_EQ(get(100, &n), 1);		/* what comes next is as long as the room */
	EXPECT_EQ(n, 1);
	expect_untouched(1);
	EXPECT_EQ(get(99, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, 100);
	expect_untouched(0);
	ASSERT_EQ(get(100, &n), 1);
	EXPECT_EQ(n, 100);
	EXPECT_MEMEQ(got, sent + 57, 100);
	ASSERT_EQ(get(sizeof got, &n), 1);
	EXPECT_EQ(n, CELL_DATA + LONGER + 8);
	EXPECT_MEMEQ(got, sent + 157, n);
	EXPECT_EQ(get(sizeof got, &n), 0);
}

static size_t random_length(uint32_t random)
{
	return (random >> 8) % (random & 0xf0 ? 2 * CELL_DATA : SIZE) + 1;
}

TEST(Ring, AnySequenceOfLengthsKeepsItsBytes)
{
	uint32_t random = 1, written = 0, read = 0, refused = 0;
	uint8_t bytes[SIZE];
	size_t n, len;

	open_ring();
	for (int i = 0; i < 200000; i++) {
		random = random * 1664525 + 1013904223;
		len = random_length(random);
		if (random >> 31) {
			for (size_t k = 0; k < len; k++)
				bytes[k] = (uint8_t)(written + k);
			if (!tlpb__ring_put(&in, bytes, len))
				written += (uint32_t)len;
			else
				refused++;
		} else if (tlpb__ring_get(&out, bytes, len > CELL_DATA ? SIZE : CELL_DATA, &n) == 1) {
			for (size_t k = 0; k < n; k++, read++)
				ASSERT_EQ(bytes[k], (uint8_t)read);
		}
	}
	EXPECT_GT(read, 1000000);
	EXPECT_GT(refused, 100);
	EXPECT_LE(written - read, SIZE + CELLS * CELL_DATA);
}

/* ---- a hostile producer ---- */

static void expect_nonsense(void)
{
	uint64_t before = told_cells();
	size_t n = 0;

	EXPECT_TRUE(ring_filled(&out));
	EXPECT_EQ(get(SIZE, &n), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(get(SIZE, &n), TLPB_ERR_PROTOCOL);	/* for good */
	EXPECT_EQ(told_cells(), before);
	expect_untouched(SIZE);
}

/* An index beside the data could lie; a number of another cell is only no number of this one. */
TEST(HostileProducer, AStampOfAnotherNumberIsNothing)
{
	static const uint64_t others[] = {
		(uint64_t)-1, 1, CELLS, (uint64_t)-CELLS, 2 * CELLS, 1ull << 31, 0xffffffff, (uint64_t)-4096 - 1,
	};
	size_t n;

	open_ring();
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
		begin_at(4096, 0);
		atomic_store(&in.cell[0].stamp, (4097 + others[i]) << 32 | IN_BULK | 0xffffff);
		EXPECT_FALSE(ring_filled(&out));
		EXPECT_EQ(get(SIZE, &n), 0);
		expect_untouched(0);
	}
}

TEST(HostileProducer, ALengthThatCannotBeIsToldOf)
{
	static const uint32_t lengths[] = {
		0, LONGER, 64, SIZE, 0xffffff, IN_BULK, IN_BULK | (SIZE + 1), IN_BULK | 2 * SIZE,
		IN_BULK | 0xffffff, 0x7fffffff, 0xffffffff,
	};

	open_ring();
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		begin_at(CELLS - 1, SIZE - 8);
		set_stamp(CELLS - 1, lengths[i]);
		expect_nonsense();
	}
}

/* Wherever it begins, it ends inside. */
TEST(HostileProducer, ALengthUpToTheLastByteIsTaken)
{
	size_t n = 0;

	open_ring();
	memset(in.bulk, 0x77, SIZE);
	for (uint64_t place = 0; place < SIZE; place += 8) {
		begin_at(3, place);
		set_stamp(3, IN_BULK | SIZE);
		EXPECT_EQ(get(SIZE - 1, &n), TLPB_ERR_TOO_LARGE);
		EXPECT_EQ(n, SIZE);
		EXPECT_EQ(get(SIZE, &n), 1);
		EXPECT_EQ(got[0] + got[SIZE - 1], 2 * 0x77);
		expect_untouched(SIZE);
	}
}

/* More than was ever there, since each cell may say that it has all of the bulk. */
TEST(HostileProducer, RecordsThatLieOverOneAnotherAreRead)
{
	size_t n = 0;

	open_ring();
	begin_at(0, SIZE - 64);
	for (uint64_t i = 0; i < CELLS; i++)
		set_stamp(i, IN_BULK | (SIZE - 1 - i));
	for (unsigned i = 0; i < CELLS; i++) {
		ASSERT_EQ(get(SIZE, &n), 1);
		EXPECT_EQ(n, SIZE - 1 - i);
		EXPECT_EQ(out.my_bulk % 8, 0);
	}
	EXPECT_EQ(get(SIZE, &n), 0);
}

TEST(HostileProducer, AShortRecordInBulkIsReadFromThere)
{
	size_t n = 0;

	open_ring();
	begin_at(0, SIZE - 8);
	memset(in.bulk, 0x77, SIZE);
	for (uint64_t i = 0; i < 10; i++)
		set_stamp(i, IN_BULK | (i + 1));
	ASSERT_EQ(get(SIZE, &n), 1);
	EXPECT_EQ(n, 55);
	EXPECT_EQ(got[0] + got[54], 2 * 0x77);
	EXPECT_EQ(out.my_bulk, SIZE - 8 + 8 * 8 + 2 * 16);
}

/* The stamp is looked at once a call, and the caller's room is what counts. */
TEST(HostileProducer, ALengthThatGrowsBetweenTwoLooksOverrunsNothing)
{
	size_t n = 0;

	open_ring();
	ASSERT_EQ(put(100), 0);
	EXPECT_EQ(get(CELL_DATA, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, 100);
	set_stamp(0, IN_BULK | 1000);
	EXPECT_EQ(get(n, &n), TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(n, 1000);
	expect_untouched(0);
}

TEST(HostileProducer, NonsenseBehindARecordIsToldOf)
{
	open_ring();
	ASSERT_EQ(put(8), 0);
	set_stamp(1, 0);
	expect_nonsense();
}

/* What has been copied is the consumer's own. */
TEST(HostileProducer, ContentsThatChangeLaterChangeNothing)
{
	size_t n = 0;

	open_ring();
	ASSERT_EQ(put(CELL_DATA), 0);
	ASSERT_EQ(put(64), 0);
	ASSERT_EQ(get(SIZE, &n), 1);
	memset(shared, 0xff, ring_footprint(SIZE));
	EXPECT_MEMEQ(got, sent, CELL_DATA);
	EXPECT_MEMEQ(got + CELL_DATA, sent, 64);
}

/* Another process: all numbers are right by and by, and nothing else is for longer than a moment. */
static void scribble_for_ever(void)
{
	uint64_t random = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		uint64_t number = atomic_load(&shared->cells_taken);

		random = random * 6364136223846793005u + 1442695040888963407u;
		set_stamp(number + (random >> 40) % CELLS, random >> 32 & (IN_BULK | (random >> 62 ? 0x7f : 0x1fff)));
		in.bulk[(random >> 20) % SIZE] = (uint8_t)random;
		in.cell[(random >> 25) % CELLS].data[random % CELL_DATA] = (uint8_t)random;
	}
}

static void expect_sense(int result, size_t room, size_t len)
{
	if (result == 1)
		EXPECT_LE(len, room);
	else if (result == TLPB_ERR_TOO_LARGE)
		EXPECT_LE(len, SIZE);
	else
		EXPECT_TRUE(result == 0 || result == TLPB_ERR_PROTOCOL);
	if (result < 0)			/* beyond it, where a link would end */
		out.mine++;
	tlpb__ring_tell(&out);
}

TEST(HostileProducer, ContentsThatChangeUnderOurHandsOverrunNothing)
{
	size_t n = 0, room = CELL_DATA;
	unsigned taken = 0;
	pid_t child;

	open_ring();
	free(shared);
	shared = mmap(NULL, ring_footprint(SIZE), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED);
	tlpb__ring_init(&in, shared, SIZE);
	tlpb__ring_init(&out, shared, SIZE);
	child = fork();
	if (!child)
		scribble_for_ever();
	ASSERT_GT(child, 0);
	alarm(240);
	memset(got, 0x5a, sizeof got);
	while (taken < 20000) {
		int result = tlpb__ring_get(&out, got, room, &n);

		taken += result != 0;
		expect_sense(result, room, n);
		room = taken % 3 ? SIZE : CELL_DATA;
	}
	alarm(0);
	expect_untouched(SIZE);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(shared, ring_footprint(SIZE));
	shared = NULL;
}

/* ---- a hostile consumer ---- */

static void expect_refused(void)
{
	uint64_t before = in.mine, bulk = in.my_bulk;

	EXPECT_TRUE(tlpb__ring_has_room(&in, SIZE));	/* so that somebody puts, and is told */
	EXPECT_EQ(put(SIZE), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(in.mine, before);
	EXPECT_EQ(in.my_bulk, bulk);
}

TEST(HostileConsumer, CellsThatCannotBeTakenAreToldOf)
{
	static const uint64_t ahead[] = { 1, CELLS, 1ull << 32, 1ull << 63, (uint64_t)-CELLS - 1 };

	open_ring();
	for (unsigned i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
		begin_at(4096, 0);
		ASSERT_EQ(put(SIZE), 0);
		atomic_store(&shared->cells_taken, in.mine + ahead[i]);
		expect_refused();
	}
}

TEST(HostileConsumer, BulkThatCannotBeTakenIsToldOf)
{
	static const uint64_t ahead[] = { 1, 8, SIZE, 1ull << 32, 1ull << 63, (uint64_t)-SIZE - 1 };

	open_ring();
	for (unsigned i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
		begin_at(4096, 8 * SIZE);
		ASSERT_EQ(put(SIZE), 0);
		atomic_store(&shared->bulk_taken, in.my_bulk + ahead[i]);
		expect_refused();
	}
}

TEST(HostileConsumer, WhatIsTakenBackGivesNoRoomAndTooMuchOfItIsToldOf)
{
	open_ring();
	begin_at(4096, 8 * SIZE);
	for (int i = 0; i < CELLS; i++)
		ASSERT_EQ(put(8), 0);
	atomic_store(&shared->cells_taken, 4096 + 2);
	EXPECT_EQ(put(8), 0);
	EXPECT_EQ(put(8), 0);
	EXPECT_EQ(put(8), TLPB_ERR_AGAIN);
	atomic_store(&shared->cells_taken, 4096 + 1);
	EXPECT_EQ(put(8), TLPB_ERR_PROTOCOL);
	atomic_store(&shared->cells_taken, 4096 + 3);
	atomic_store(&shared->bulk_taken, 7 * SIZE);	/* as if it were full */
	EXPECT_EQ(put(8), 0);
	EXPECT_EQ(put(8), TLPB_ERR_AGAIN);
	atomic_store(&shared->cells_taken, 4096 + 4);
	EXPECT_EQ(put(LONGER), TLPB_ERR_AGAIN);
	EXPECT_EQ(put(8), 0);
}

TEST(HostileConsumer, BulkThatIsCrookedGivesNoRoomThatIsNotThere)
{
	open_ring();
	ASSERT_EQ(put(SIZE), 0);
	atomic_store(&shared->bulk_taken, 511);
	EXPECT_EQ(put(505), TLPB_ERR_AGAIN);
	EXPECT_EQ(put(504), 0);
	EXPECT_EQ(in.my_bulk, SIZE + 504);
	EXPECT_EQ(put(LONGER), TLPB_ERR_AGAIN);
}
