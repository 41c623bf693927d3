/* SPDX-License-Identifier: MIT */
/* AtomicOps (2.2.7, 6.15): their values, on memory, and between a host and an endpoint. */
#include <pthread.h>
#include <stdio.h>

#include <tlpbridge/atomic.h>

#include "bytes.h"
#include "config_layout.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"

enum { DEVCTL2 = CFG_PCIE + PCIE_DEVCTL2, REQUESTER_ENABLE = 1 << 6 };

static const uint64_t ram = HOST_RAM_BASE;

static struct tlpb_atomic of(enum tlpb_tlp_kind op, unsigned size, uint64_t operand, uint64_t compare)
{
	struct tlpb_atomic a = { .op = op, .size = size };

	put_le64(a.operand, operand);
	put_le64(a.compare, compare);
	return a;
}

/* ---- values ---- */

static uint64_t result64(const struct tlpb_atomic *a, uint64_t old)
{
	uint8_t bytes[8] = { 0 };

	put_le64(bytes, old);
	tlpb_atomic_result(a, bytes, bytes);
	return get_le64(bytes);
}

TEST(Atomic, FetchAddWrapsAtItsSize)
{
	struct tlpb_atomic a = of(TLPB_FETCHADD, 4, 3, 0);

	EXPECT_EQ(result64(&a, 0xfffffffe), 1);
	a.size = 8;
	EXPECT_EQ(result64(&a, 0xfffffffe), 0x100000001);
	EXPECT_EQ(result64(&a, UINT64_MAX), 2);
}

TEST(Atomic, CasStoresOnlyWhereItFindsWhatItCompares)
{
	struct tlpb_atomic a = of(TLPB_CAS, 8, 77, 0x1122334455667788);

	EXPECT_EQ(result64(&a, 0x1122334455667788), 77);
	EXPECT_EQ(result64(&a, 0x1122334455667789), 0x1122334455667789);
	a.size = 4;
	EXPECT_EQ(result64(&a, 0x55667788), 77);
}

TEST(Atomic, OnlyArchitectedSizesAndNaturalAlignmentAreLegal)
{
	static const enum tlpb_tlp_kind ops[] = { TLPB_FETCHADD, TLPB_SWAP, TLPB_CAS };

	for (unsigned i = 0; i < 3; i++)
		for (unsigned size = 0; size < 40; size++) {
			struct tlpb_atomic a = of(ops[i], size, 0, 0);
			bool legal = size == 4 || size == 8 || (size == 16 && ops[i] == TLPB_CAS);

			EXPECT_EQ(tlpb_atomic_legal(&a, 0x1000), legal);
			if (legal)
				EXPECT_FALSE(tlpb_atomic_legal(&a, 0x1000 + size / 2));
		}
	EXPECT_FALSE(tlpb_atomic_legal(&(struct tlpb_atomic){ .op = TLPB_MWR, .size = 4 }, 0));
}

TEST(Atomic, MemoryThatIsNotAlignedIsRefusedAndUnchanged)
{
	_Alignas(16) uint8_t memory[32] = { 0 }, zero[32] = { 0 }, old[16];
	struct tlpb_atomic a = of(TLPB_SWAP, 8, UINT64_MAX, 0);

	EXPECT_EQ(tlpb_atomic_memory(&a, memory + 4, old), TLPB_ERR_UNSUPPORTED);
	a.size = 5;
	EXPECT_EQ(tlpb_atomic_memory(&a, memory, old), TLPB_ERR_INVALID);
	EXPECT_MEMEQ(memory, zero, 32);
}

/* ---- against other threads ---- */

enum { ADDS = 20000 };

static _Alignas(16) uint64_t counter[2];

static void *add_many(void *arg)
{
	for (int i = 0; i < ADDS; i++)
		__atomic_fetch_add(&counter[0], 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* CAS of 128 bits adds 1 to both halves: the other thread's adds are all in the first one. */
static bool add_to_both(void)
{
	struct tlpb_atomic a = { .op = TLPB_CAS, .size = 16 };
	uint8_t old[16];

	for (;;) {
		memcpy(a.compare, counter, 16);
		put_le64(a.operand, get_le64(a.compare) + 1);
		put_le64(a.operand + 8, get_le64(a.compare + 8) + 1);
		if (tlpb_atomic_memory(&a, counter, old))
			return false;
		if (!memcmp(old, a.compare, 16))
			return true;
	}
}

TEST(Atomic, NoUpdateIsLostBetweenThreads)
{
	const struct tlpb_atomic add = of(TLPB_FETCHADD, 8, 1, 0);
	uint64_t both = 0, old;
	pthread_t thread;

	counter[0] = counter[1] = 0;
	ASSERT_EQ(pthread_create(&thread, NULL, add_many, NULL), 0);
	for (int i = 0; i < ADDS; i++)
		EXPECT_EQ(tlpb_atomic_memory(&add, counter, &old), 0);
	pthread_join(thread, NULL);
	EXPECT_EQ(counter[0], 2 * ADDS);
#ifndef __SANITIZE_THREAD__		/* a plain read of what the other changes */
	ASSERT_EQ(pthread_create(&thread, NULL, add_many, NULL), 0);
	while (both < ADDS && add_to_both())
		both++;
	pthread_join(thread, NULL);
	EXPECT_EQ(counter[0], 3 * ADDS + both);
	EXPECT_EQ(counter[1], both);
#endif
}

/* ---- endpoint to host ---- */

struct result {
	struct tlpb_atomic atomic;
	uint64_t addr;
	int started, err;
	bool has_old;
	uint8_t old[TLPB_ATOMIC_MAX];
	atomic_bool over;
};

static void on_done(void *arg, int err, const void *old)
{
	struct result *r = arg;

	r->err = err;
	r->has_old = old != NULL;
	if (old)
		memcpy(r->old, old, r->atomic.size);
	atomic_store(&r->over, true);
}

static void begin(void *arg)
{
	struct result *r = arg;

	r->started = tlpb_ep_atomic(pair.ep, r->addr, &r->atomic, NULL, on_done, r);
	if (r->started)
		atomic_store(&r->over, true);
}

static void run(struct result *r)
{
	atomic_store(&r->over, false);
	pair_on_ep(begin, r);
	pair_serve_until_set(&r->over);
}

static int err_of(uint64_t addr, struct tlpb_atomic atomic)
{
	struct result r = { .atomic = atomic, .addr = addr };

	run(&r);
	return r.started ? r.started : r.err;
}

static void enable_requester(void)
{
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, DEVCTL2, 2, REQUESTER_ENABLE), 0);
}

static void setup_with(const struct pair_options *options)
{
	pair_open(options);
	pair_enumerate();
	enable_requester();
}

static void setup(void)
{
	setup_with(NULL);
}

static void works_on(unsigned size)
{
	struct result r = { .atomic = of(TLPB_CAS, size, 0x0102030405060708, 0x1111111111111111),
			    .addr = ram + 0x100 };
	uint8_t *at = pair.host.ram + 0x100, before[TLPB_ATOMIC_MAX];

	memset(at - 16, 0x11, 48);
	memset(r.atomic.compare, 0x11, size);
	memcpy(before, at, size);
	run(&r);
	EXPECT_EQ(r.err, 0);
	EXPECT_MEMEQ(r.old, before, size);
	EXPECT_MEMEQ(at, r.atomic.operand, size);
	EXPECT_EQ(at[-1], 0x11);
	EXPECT_EQ(at[size], 0x11);

	memcpy(before, at, size);
	r.atomic.operand[0] = 99;
	run(&r);				/* finds something else now */
	EXPECT_EQ(r.err, 0);
	EXPECT_MEMEQ(r.old, before, size);
	EXPECT_MEMEQ(at, before, size);
}

TEST(AtomicOp, CasOf32BitsIsDoneOnHostMemory) { setup(); works_on(4); pair_close(); }
TEST(AtomicOp, CasOf64BitsIsDoneOnHostMemory) { setup(); works_on(8); pair_close(); }
TEST(AtomicOp, CasOf128BitsIsDoneOnHostMemory) { setup(); works_on(16); pair_close(); }

TEST(AtomicOp, FetchAddAndSwapReturnTheOldValue)
{
	struct result add = { .atomic = of(TLPB_FETCHADD, 4, 5, 0), .addr = ram + 8 };
	struct result swap = { .atomic = of(TLPB_SWAP, 8, 0xabcdef, 0),
			       .addr = (uint64_t)HOST_RAM_HIGH << 32 | (ram + 8) };

	setup();
	put_le64(pair.host.ram + 8, 0xffffffffffffffff);
	run(&add);
	EXPECT_EQ(add.err, 0);
	EXPECT_EQ(get_le32(add.old), 0xffffffff);
	EXPECT_EQ(get_le64(pair.host.ram + 8), 0xffffffff00000004);
	run(&swap);
	EXPECT_EQ(swap.err, 0);
	EXPECT_EQ(get_le64(swap.old), 0xffffffff00000004);
	EXPECT_EQ(get_le64(pair.host.ram + 8), 0xabcdef);
	pair_close();
}

TEST(AtomicOp, MoreThanThereAreTagsAreDoneAndNoneIsLost)
{
	enum { COUNT = 300 };
	static struct result r[COUNT];
	uint64_t sum = 0;

	setup();
	for (int i = 0; i < COUNT; i++) {
		r[i] = (struct result){ .atomic = of(TLPB_FETCHADD, 8, 1, 0), .addr = ram };
		pair_on_ep(begin, &r[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		pair_serve_until_set(&r[i].over);
		EXPECT_EQ(r[i].err, 0);
		sum += get_le64(r[i].old);
	}
	EXPECT_EQ(get_le64(pair.host.ram), COUNT);
	EXPECT_EQ(sum, (uint64_t)COUNT * (COUNT - 1) / 2);
	pair_close();
}

TEST(AtomicOp, WithoutAtomicOpRequesterEnableNothingIsSent)
{
	pair_open(NULL);
	pair_enumerate();
	EXPECT_EQ(err_of(ram, of(TLPB_SWAP, 4, 1, 0)), TLPB_ERR_DISABLED);
	enable_requester();
	EXPECT_EQ(err_of(ram, of(TLPB_SWAP, 4, 1, 0)), 0);
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, CFG_COMMAND, 2, COMMAND_MEMORY), 0);
	EXPECT_EQ(err_of(ram, of(TLPB_SWAP, 4, 1, 0)), TLPB_ERR_BUS_MASTER_OFF);
	EXPECT_EQ(pair.host.atomics, 1);
	pair_close();
}

TEST(AtomicOp, AWrongSizeOrAlignmentIsNotSent)
{
	setup();
	EXPECT_EQ(err_of(ram + 4, of(TLPB_SWAP, 8, 1, 0)), TLPB_ERR_INVALID);
	EXPECT_EQ(err_of(ram, of(TLPB_FETCHADD, 16, 1, 0)), TLPB_ERR_INVALID);
	EXPECT_EQ(err_of(ram, of(TLPB_MRD, 4, 1, 0)), TLPB_ERR_INVALID);
	EXPECT_EQ(pair.host.atomics, 0);
	pair_close();
}

static void never_called(void *arg, int err, const void *old)
{
	FAIL("it was refused");
}

static void try_128(void *arg)
{
	struct tlpb_atomic cas = of(TLPB_CAS, 16, 1, 2);

	*(int *)arg = tlpb_ep_atomic(pair.ep, ram, &cas, NULL, never_called, NULL);
}

/* It would wait for ever otherwise. */
TEST(AtomicOp, MoreDataThanTheReceiversCreditsIsRefused)
{
	struct tlpb_atomic cas = of(TLPB_CAS, 16, 1, 2);
	uint8_t old[TLPB_ATOMIC_MAX];
	int err = 0;

	setup_with(&(struct pair_options){ .rc_credits = "NPD=1", .ep_credits = "NPD=1" });
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, pair.bar[1].addr, &cas, old), TLPB_ERR_TOO_LARGE);
	pair_on_ep(try_128, &err);
	EXPECT_EQ(err, TLPB_ERR_TOO_LARGE);
	works_on(8);
	pair_close();
}

TEST(AtomicOp, WhereThereIsNoMemoryIsUnsupportedRequest)
{
	setup();
	EXPECT_EQ(err_of(0x1000, of(TLPB_SWAP, 4, 1, 0)), TLPB_ERR_UNSUPPORTED);
	pair.host.failing[pair.host.failings++] = (struct host_range){ ram, 4, TLPB_ERR_IO };
	EXPECT_EQ(err_of(ram, of(TLPB_SWAP, 4, 1, 0)), TLPB_ERR_ABORTED);
	pair_close();
}

TEST(AtomicOp, AHostWithoutAtomicsAnswersUnsupportedRequest)
{
	setup_with(&(struct pair_options){ .no_host_atomics = true });
	EXPECT_EQ(err_of(ram, of(TLPB_CAS, 16, 1, 0)), TLPB_ERR_UNSUPPORTED);
	pair_close();
}

static void send_poisoned(void *arg)
{
	struct tlpb_tlp tlp = tlpb__ep_request_tlp(pair.ep->f0, TLPB_SWAP, ram, NULL);
	static const uint8_t ones[4] = { 0xff, 0xff, 0xff, 0xff };

	tlp.ep = true;
	tlp.length_dw = 1;
	tlp.payload = ones;
	tlp.payload_len = 4;
	EXPECT_EQ(tlpb__link_send_tlp(pair.ep->link, &tlp, 0), 0);
	tlpb__link_flush(pair.ep->link);
}

TEST(AtomicOp, APoisonedOneModifiesNothing)
{
	setup();
	pair_on_ep(send_poisoned, NULL);
	pair_settle();
	EXPECT_EQ(pair.host.atomics, 0);
	EXPECT_EQ(get_le32(pair.host.ram), 0);
	pair_close();
}

TEST(AtomicOp, ALinkThatIsLostEndsThem)
{
	struct result r = { .atomic = of(TLPB_SWAP, 4, 1, 0), .addr = ram };

	setup();
	pair_on_ep(begin, &r);
	pair_kill_host();
	EXPECT_TRUE(atomic_load(&r.over));
	EXPECT_EQ(r.err, TLPB_ERR_CLOSED);
	EXPECT_FALSE(r.has_old);
	pair_close();
}

TEST(AtomicOp, TheyDoNotPassEarlierDmaWrites)
{
	static uint8_t data[8192];
	struct dma d = { .write = true, .addr = ram, .buf = data, .len = sizeof data };
	struct result r = { .atomic = of(TLPB_FETCHADD, 4, 1, 0), .addr = ram + 8188 };

	setup();
	memset(data, 0x22, sizeof data);
	pair_dma_start(&d);
	pair_on_ep(begin, &r);
	pair_serve_until_set(&r.over);
	EXPECT_EQ(get_le32(r.old), 0x22222222);
	pair_serve_until_set(&d.over);
	EXPECT_EQ(get_le32(pair.host.ram + 8188), 0x22222223);
	pair_close();
}

/* ---- host to endpoint ---- */

static uint64_t bar(unsigned i, uint64_t offset)
{
	return pair.bar[i].addr + offset;
}

static void reaches_bar(unsigned size)
{
	struct tlpb_atomic a = of(TLPB_CAS, size, 0x0102030405060708, 0);
	uint8_t *at = pair.model.memory[1] + 0x40, before[TLPB_ATOMIC_MAX], old[TLPB_ATOMIC_MAX];

	memset(at - 16, 0x22, 48);
	memset(a.compare, 0x22, size);
	memset(before, 0x22, sizeof before);
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(1, 0x40), &a, old), 0);
	EXPECT_MEMEQ(old, before, size);
	EXPECT_MEMEQ(at, a.operand, size);
	EXPECT_EQ(at[-1], 0x22);
	EXPECT_EQ(at[size], 0x22);
	EXPECT_TRUE(pair.model.last.atomic);
	EXPECT_EQ(pair.model.last.offset, 0x40);
	EXPECT_EQ(pair.model.last.length, size);
}

TEST(AtomicOpToDevice, EverySizeIsDoneAndGivesTheOldValue)
{
	uint8_t old[8];

	setup();
	reaches_bar(4);
	reaches_bar(8);
	reaches_bar(16);
	put_le64(pair.model.memory[3], 40);
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(3, 0), &(struct tlpb_atomic){ .op = TLPB_FETCHADD, .size = 8,
				 .operand = { 2 } }, old), 0);
	EXPECT_EQ(get_le64(old), 40);
	EXPECT_EQ(get_le64(pair.model.memory[3]), 42);
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(3, 4), &(struct tlpb_atomic){ .op = TLPB_SWAP, .size = 4,
				 .operand = { 9 } }, old), 0);
	EXPECT_EQ(get_le32(old), 0);
	EXPECT_EQ(get_le64(pair.model.memory[3]), 0x90000002a);
	pair_close();
}

/* The vector "cas128_unsupported_size": an architected Length, but not a size of this completer. */
TEST(AtomicOpToDevice, ASizeThatTheDeviceHasNotIsUnsupportedRequest)
{
	static const struct { uint32_t has; unsigned size; } rows[] = {
		{ TLPB_HAS_ATOMIC_32, 4 }, { TLPB_HAS_ATOMIC_64, 8 }, { TLPB_HAS_CAS_128, 16 },
	};

	for (unsigned i = 0; i < 3; i++) {
		struct tlpb_device device = pair_device();
		uint8_t old[TLPB_ATOMIC_MAX];

		device.has = rows[i].has;
		pair_open(&(struct pair_options){ .device = &device });
		pair_enumerate();
		for (unsigned j = 0; j < 3; j++) {
			struct tlpb_atomic a = of(TLPB_CAS, rows[j].size, 1, 0);

			EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(1, 0), &a, old),
				  i == j ? 0 : TLPB_ERR_UNSUPPORTED);
			EXPECT_EQ(old[0], i == j ? 0 : 0xff);
		}
		EXPECT_EQ(pair.model.accesses, 1);
		pair_close();
	}
}

TEST(AtomicOpToDevice, TheMsixTableTheRomAndNoBarAreUnsupportedRequest)
{
	struct tlpb_atomic a = of(TLPB_SWAP, 4, 1, 0);
	uint8_t old[4];

	setup();
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(0, 0x10000), &a, old), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, pair.rom, &a, old), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, 0x1000, &a, old), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(1, 2), &a, old), TLPB_ERR_INVALID);
	EXPECT_EQ(pair.model.accesses, 0);
	pair_close();
}

TEST(AtomicOpToDevice, WhatTheModelSaysIsTheCompletion)
{
	struct tlpb_atomic a = of(TLPB_SWAP, 4, 1, 0);
	uint8_t old[4];

	setup();
	pair.model.status = TLPB_CPL_CA;
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(1, 0), &a, old), TLPB_ERR_ABORTED);
	pair.model.status = TLPB_CPL_CRS;	/* not for an AtomicOp */
	EXPECT_EQ(tlpb_rc_atomic(pair.rc, bar(1, 0), &a, old), TLPB_ERR_ABORTED);
	pair_close();
}

/* Reserved byte enables are not looked at; a poisoned operand is. */
TEST(AtomicOpToDevice, ReservedByteEnablesAreIgnoredAndPoisonIsNot)
{
	static const uint8_t operand[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct tlpb_tlp tlp = {
		.kind = TLPB_SWAP, .address = bar(1, 8), .length_dw = 2, .first_be = 0x8,
		.last_be = 1, .payload = operand, .payload_len = 8,
	};
	uint8_t old[8];

	setup();
	tlp.address = bar(1, 8);
	tlp.hdr_4dw = tlp.address >> 32 != 0;
	EXPECT_EQ(pair_request(&tlp, old, 8), 0);
	EXPECT_MEMEQ(pair.model.memory[1] + 8, operand, 8);
	memset(pair.model.memory[1] + 8, 0, 8);
	tlp.ep = true;
	EXPECT_EQ(pair_request(&tlp, old, 8), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(get_le64(pair.model.memory[1] + 8), 0);
	pair_close();
}
