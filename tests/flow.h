/* SPDX-License-Identifier: MIT */
/*
 * Links of tests once more: with few credits, with TLPs in any order that the rules allow, and over the
 * other transport. TLPB_TEST_CREDITS, TLPB_TEST_ORDER_SEED and TLPB_TEST_TRANSPORT (auto, nng or shm) in the
 * environment ask for it, for both ends of every link that a test makes (script/test --help). Who makes a
 * link, or starts what makes one, asks here. A test that names its own credits has those; flow.c lists the
 * others that are left out, and why.
 *
 * TLPB_TEST_DIRECT_DMA=on or off is for QEMU's device, and on also for its memory: without it tests have
 * memory that cannot be granted, and with it what tlpbridge run makes.
 */
#ifndef TLPB_TEST_FLOW_H
#define TLPB_TEST_FLOW_H

#include <stdint.h>

#include <tlpbridge/credits.h>
#include <tlpbridge/shm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For the running test, as in the environment; NULL: as users have it. */
const char *flow_credits(void);
const char *flow_order_seed(void);
const char *flow_transport(void);

/* The last one as a number; NULL is TLPB_TRANSPORT_AUTO. For the configuration of hosts and servers. */
enum tlpb_transport flow_transport_kind(void);

/*
 * Into the configuration of an end that takes payloads of mps bytes, and AtomicOps and deferrable
 * writes of all sizes: credits are no fewer than it has to have for them (2.6.1). What is not asked for
 * stays as it is.
 */
void flow_configure(struct tlpb_pools *credits, uint64_t *order_seed, unsigned mps);

/*
 * The server's command with its option, and those of each device that it serves, each begun by "--and" but
 * the first; valid until the next call.
 */
const char *const *flow_command(const char *const argv[]);

/* ",credits=…,stress-ordering=…,transport=…" behind the properties of QEMU's device; likewise. */
const char *flow_properties(void);

/* "on", "off" or NULL, for the running test. */
const char *flow_direct_dma(void);

/* The same behind the arguments of QMP's device_add. */
const char *flow_arguments(void);

#ifdef __cplusplus
}
#endif
#endif
