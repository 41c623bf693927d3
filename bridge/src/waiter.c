/* SPDX-License-Identifier: MIT */
#include "waiter.h"

#include "clock.h"

enum { LOOKS = 64 };	/* between two looks at the clock */

static bool one_is_ready(struct transport *const *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (has_ring(list[i]) && list[i]->ops->ready(list[i]))
			return true;
	return false;
}

/* Is there a peer that may answer while we look? */
static bool pays(struct transport *const *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (has_ring(list[i]) && list[i]->ops->elsewhere(list[i]))
			return true;
	return false;
}

static void attend(struct transport *const *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (has_ring(list[i]))
			list[i]->ops->attend(list[i]);
}

static bool look(struct transport *const *list, unsigned count)
{
	for (unsigned n = 0; n < LOOKS; n++) {
		if (one_is_ready(list, count))
			return true;
		tlpb__waiter_relax();
	}
	return false;
}

bool tlpb__waiter_spin(struct transport *const *list, unsigned count, bool may_spin)
{
	int64_t end = 0;

	attend(list, count);
	if (one_is_ready(list, count))
		return true;
	while (may_spin && pays(list, count)) {
		if (look(list, count))
			return true;
		if (!end)
			end = monotonic_us() + WAITER_SPIN_US;
		else if (monotonic_us() >= end)
			break;
	}
	return false;
}

bool tlpb__waiter_doze(struct transport *t, int timeout_ms)
{
	unsigned us = WAITER_DOZE_US;

	if (timeout_ms >= 0 && timeout_ms * 1000ll < us)
		us = (unsigned)timeout_ms * 1000;
	if (us && has_ring(t))
		t->ops->doze(t, us);
	return has_ring(t) && t->ops->ready(t);
}
