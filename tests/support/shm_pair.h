/* SPDX-License-Identifier: MIT */
/* Two ends in one process with rings between them, beside a pair of sockets. */
#ifndef TLPB_TEST_SHM_PAIR_H
#define TLPB_TEST_SHM_PAIR_H

#include "ring.h"
#include "transport.h"

/* The rings: what either end, hostile or not, may write to. Valid until the first end is closed. */
struct shm_view {
	struct ring_shared *to_endpoint, *to_host;
};

/*
 * ends[0] is the host's. Ends the test when it fails. Each direction still goes by the socket, until
 * shm_pair_switch(); view may be NULL.
 */
void shm_pair_beside_sockets(uint32_t ring_bytes, struct transport *ends[2], struct shm_view *view);
void shm_pair_switch(struct transport *ends[2]);

/* Both. */
void shm_pair_new(uint32_t ring_bytes, struct transport *ends[2], struct shm_view *view);

/*
 * The same in one mapping, where the thread sanitizer sees that both use the same memory. Close both when neither is
 * in use any more.
 */
void shm_pair_mapped_once(uint32_t ring_bytes, struct transport *ends[2]);

#endif
