/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tlpbridge/atomic.h>
#include <tlpbridge/err.h>

#include "bytes.h"

/* 128 bits: an instruction of its own, which not every processor of an architecture has. */
#if defined(__x86_64__)
#include <cpuid.h>
#define TARGET_128 __attribute__((target("cx16")))

static bool has_128(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_CMPXCHG16B;
}
#elif defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16)
#define TARGET_128

static bool has_128(void)
{
	return true;
}
#endif

bool tlpb_atomic_legal(const struct tlpb_atomic *atomic, uint64_t addr)
{
	bool size_ok = atomic->size == 4 || atomic->size == 8 ||
		       (atomic->size == 16 && atomic->op == TLPB_CAS);
	bool op_ok = atomic->op == TLPB_FETCHADD || atomic->op == TLPB_SWAP ||
		     atomic->op == TLPB_CAS;

	return op_ok && size_ok && addr % atomic->size == 0;
}

static void add(const uint8_t *a, const uint8_t *b, unsigned size, uint8_t *sum)
{
	unsigned carry = 0;

	for (unsigned i = 0; i < size; i++) {
		carry += a[i] + b[i];
		sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

void tlpb_atomic_result(const struct tlpb_atomic *atomic, const uint8_t *old, uint8_t *value)
{
	bool store = atomic->op == TLPB_SWAP ||
		     (atomic->op == TLPB_CAS && !memcmp(old, atomic->compare, atomic->size));

	if (atomic->op == TLPB_FETCHADD)
		add(old, atomic->operand, atomic->size, value);
	else
		memmove(value, store ? atomic->operand : old, atomic->size);
}

/* ---- on memory: try until nobody else came between ---- */

static void on_32(const struct tlpb_atomic *atomic, uint32_t *memory, uint8_t *old)
{
	uint32_t was = __atomic_load_n(memory, __ATOMIC_SEQ_CST), value;

	do {
		memcpy(old, &was, 4);
		tlpb_atomic_result(atomic, old, (uint8_t *)&value);
	} while (!__atomic_compare_exchange_n(memory, &was, value, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
}

static void on_64(const struct tlpb_atomic *atomic, uint64_t *memory, uint8_t *old)
{
	uint64_t was = __atomic_load_n(memory, __ATOMIC_SEQ_CST), value;

	do {
		memcpy(old, &was, 8);
		tlpb_atomic_result(atomic, old, (uint8_t *)&value);
	} while (!__atomic_compare_exchange_n(memory, &was, value, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
}

#ifdef TARGET_128
__extension__ typedef unsigned __int128 uint128;

TARGET_128 static int on_128(const struct tlpb_atomic *atomic, void *memory, uint8_t *old)
{
	uint128 compare, operand, was;

	if (!has_128())
		return TLPB_ERR_UNSUPPORTED;
	memcpy(&compare, atomic->compare, 16);
	memcpy(&operand, atomic->operand, 16);
	was = __sync_val_compare_and_swap((uint128 *)memory, compare, operand);
	memcpy(old, &was, 16);
	return 0;
}
#else
static int on_128(const struct tlpb_atomic *atomic, void *memory, uint8_t *old)
{
	return TLPB_ERR_UNSUPPORTED;
}
#endif

int tlpb_atomic_memory(const struct tlpb_atomic *atomic, void *memory, void *old)
{
	if (!tlpb_atomic_legal(atomic, 0))
		return TLPB_ERR_INVALID;
	if ((uintptr_t)memory % atomic->size)
		return TLPB_ERR_UNSUPPORTED;
	if (atomic->size == 16)
		return on_128(atomic, memory, old);
	if (atomic->size == 4)
		on_32(atomic, memory, old);
	else
		on_64(atomic, memory, old);
	return 0;
}
