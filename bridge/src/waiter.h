/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: adaptive waiting, the same on both ends: what to do before a thread sleeps on descriptors.
 *
 * Spinning pays while the peer runs on another CPU and answers in less time than going to sleep and
 * being woken takes; on a shared CPU it keeps the peer from running. So: look again and again for
 * SPIN_US while a peer is elsewhere; then, where a single ring is waited for, doze, which
 * is woken faster than a descriptor is (a shorter sleep would have a timer of its own programmed, for microseconds each); after DOZE_US without anything sleep on the descriptors,
 * which tell of everything, and cost nothing while nothing happens.
 */
#ifndef TLPB_WAITER_H
#define TLPB_WAITER_H

#include <stdbool.h>

#include "transport.h"

enum { WAITER_SPIN_US = 50, WAITER_DOZE_US = 10000 };

/* Between two looks of a loop that spins. */
static inline void tlpb__waiter_relax(void)
{
#if defined __x86_64__ || defined __i386__
	__builtin_ia32_pause();
#elif defined __aarch64__
	__asm__ volatile("yield");
#endif
}

/* Can it be looked at without a system call? */
static inline bool has_ring(const struct transport *t)
{
	return t && t->ops->ready;
}

/*
 * Looks until one of the list is ready: true; or until it does not pay any more. Those without a ring
 * are skipped; NULLs are allowed. Attends all others.
 */
bool tlpb__waiter_spin(struct transport *const *list, unsigned count, bool may_spin);

/* Attended, the only one to wait for: sleeps until it is ready or DOZE_US are over. True: it is. */
bool tlpb__waiter_doze(struct transport *t, int timeout_ms);

#endif
