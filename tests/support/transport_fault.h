/* SPDX-License-Identifier: MIT */
/*
 * A transport that harms what is sent through it, the same way in each run: by a script, or
 * by a seed. Wrap each end that is to send badly; what it receives is left alone.
 */
#ifndef TLPB_TEST_TRANSPORT_FAULT_H
#define TLPB_TEST_TRANSPORT_FAULT_H

#include "transport.h"

enum fault {
	FAULT_NONE,
	FAULT_DROP,
	FAULT_DUPLICATE,
	FAULT_CORRUPT,		/* amount: which bit of the message, modulo its size */
	FAULT_DELAY,		/* amount: how many later messages overtake it */
	FAULT_LOSS,		/* the link is cut instead */
	FAULTS,
};

struct fault_at {
	unsigned message;	/* counted from 0 */
	enum fault fault;
	unsigned amount;
};

struct fault_plan {
	const struct fault_at *script;
	unsigned count;		/* of the script */
	unsigned per_mille;	/* of the messages without a script, chosen by the seed */
	unsigned spared;	/* so many first ones are never chosen */
	uint32_t seed;
};

/* Takes inner over; the plan is borrowed. Never NULL. */
struct transport *fault_new(struct transport *inner, const struct fault_plan *plan);

#endif
