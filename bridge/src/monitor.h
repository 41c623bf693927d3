/* SPDX-License-Identifier: MIT */
/*
 * What the judge must know of a link, learnt from what crosses it: the requests that wait, the credits, and
 * the parts of each function's config space that gate or limit requests. Pure: no I/O, no clock. One thread.
 *
 * A configuration write takes effect when its completion passes: before it, what the endpoint
 * sends may still be of the time before.
 */
#ifndef TLPB_MONITOR_H
#define TLPB_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/credits.h>
#include <tlpbridge/judge.h>
#include <tlpbridge/wire.h>

struct monitor;

/* NULL: out of memory. */
struct monitor *tlpb__monitor_new(enum tlpb_role role);
void tlpb__monitor_free(struct monitor *m);

/* What the two sides said in HELLO. Until then nobody is held to it. */
struct monitor_limits {
	unsigned endpoint_mps, host_mps;	/* bytes: what each takes */
	unsigned host_rcb;			/* bytes: where the host's completions split */
	uint16_t endpoint_credits[TLPB_POOLS], host_credits[TLPB_POOLS];
};

void tlpb__monitor_limits(struct monitor *m, const struct monitor_limits *limits);

/* A reset of the device has been sent or received. */
void tlpb__monitor_reset(struct monitor *m);

/*
 * A TLP, in the order of the link. Returns the rule that its sender broke, or NULL; *what, if
 * not NULL, becomes the verdict's name, or which pool of credits it is.
 */
const char *tlpb__monitor_tlp(struct monitor *m, bool to_device, const uint8_t *bytes, size_t len,
			      const char **what);

/* CREDITS, likewise; to_device: the host sends it. */
const char *tlpb__monitor_update(struct monitor *m, bool to_device,
				 const uint16_t limits[TLPB_POOLS], const char **what);

/* A violation that somebody else has found. */
void tlpb__monitor_note(struct monitor *m);

uint64_t tlpb__monitor_violations(const struct monitor *m);

#endif
