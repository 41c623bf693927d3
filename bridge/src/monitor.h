/* SPDX-License-Identifier: MIT */
/*
 * What the judge must know of a link, learnt from what crosses it: the requests that wait, and the
 * parts of config space that gate or limit requests. Pure: no I/O, no clock. One thread.
 *
 * A configuration write takes effect when its completion passes: before it, what the endpoint
 * sends may still be of the time before.
 */
#ifndef TLPB_MONITOR_H
#define TLPB_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/judge.h>
#include <tlpbridge/wire.h>

struct monitor;

/* NULL: out of memory. */
struct monitor *tlpb__monitor_new(enum tlpb_role role);
void tlpb__monitor_free(struct monitor *m);

/* What the two sides said in HELLO, bytes: what the endpoint takes, where the host's completions split. */
void tlpb__monitor_limits(struct monitor *m, unsigned endpoint_mps, unsigned host_mps,
			  unsigned host_rcb);

/* A reset of the device has been sent or received. */
void tlpb__monitor_reset(struct monitor *m);

/*
 * A TLP, in the order of the link. Returns the rule that its sender broke, or NULL; *what, if
 * not NULL, becomes the verdict's name.
 */
const char *tlpb__monitor_tlp(struct monitor *m, bool to_device, const uint8_t *bytes, size_t len,
			      const char **what);

uint64_t tlpb__monitor_violations(const struct monitor *m);

#endif
