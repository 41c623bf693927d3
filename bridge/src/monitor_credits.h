/* SPDX-License-Identifier: MIT */
/*
 * Flow control of a link as an observer of one of its ends can follow it: what each side advertised in HELLO and
 * by CREDITS, and what the other has spent. A sender is judged by what it has been told, which may be less than
 * what its receiver has free by then. Pure.
 */
#ifndef TLPB_MONITOR_CREDITS_H
#define TLPB_MONITOR_CREDITS_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/credits.h>

#include "credits.h"

struct monitor_credits {
	bool known;			/* both sides have said HELLO */
	struct credits sender[2];	/* by whether it sends to the device; its transmitter's half only */
};

/* What the two sides advertised. */
void tlpb__monitor_credits_init(struct monitor_credits *m, const uint16_t by_endpoint[TLPB_POOLS],
				const uint16_t by_host[TLPB_POOLS]);

/* Each returns the rule that was broken, and of which pool, or NULL. */
const char *tlpb__monitor_credits_tlp(struct monitor_credits *m, bool to_device,
				      const struct tlpb_credits *cost, const char **pool);
const char *tlpb__monitor_credits_update(struct monitor_credits *m, bool to_device,
					 const uint16_t limits[TLPB_POOLS], const char **pool);

#endif
