/* SPDX-License-Identifier: MIT */
/*
 * What a server is doing: counters of each link, and what its two sides wait for. Asked at
 * the lobby, so that no device is taken for it.
 *
 * Threads: tlpb_status_ask() blocks the calling thread; the rest are pure functions.
 */
#ifndef TLPBRIDGE_STATUS_H
#define TLPBRIDGE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/device.h>
#include <tlpbridge/rc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, text): what TLPs are counted as. */
#define TLPB_COUNT_LIST(X)                                                              \
	X(MRD, "MRd")                                                                   \
	X(MWR, "MWr")		/* DMA writes, MSI and MSI-X, too */                    \
	X(IO, "IO")                                                                     \
	X(CFG, "Cfg")                                                                   \
	X(MSG, "Msg")		/* INTx, too */                                         \
	X(CPL, "Cpl")                                                                   \
	X(OTHER, "other")

enum tlpb_count_kind {
#define TLPB_COUNT_ENUM(name, text) TLPB_COUNT_##name,
	TLPB_COUNT_LIST(TLPB_COUNT_ENUM)
#undef TLPB_COUNT_ENUM
	TLPB_COUNT_KINDS,
};

const char *tlpb_count_name(unsigned kind);

/* TLPs of one direction since the host came. */
struct tlpb_counters {
	uint64_t tlps[TLPB_COUNT_KINDS];
	uint64_t bytes;			/* of their data */
};

enum {
	TLPB_STATUS_SLOTS = 64,		/* devices of a server, at most */
	TLPB_STATUS_TEXT = 128,		/* bytes, a final 0 included */
};

/* Requests of one side that are not completed. */
struct tlpb_outstanding {
	uint32_t requests;
	uint32_t oldest_ms;		/* how long the oldest has waited */
	char oldest[TLPB_STATUS_TEXT];	/* what it is; "" if there is none */
};

struct tlpb_slot_status {
	char device[TLPB_NAME_MAX];
	char host[TLPB_STATUS_TEXT];	/* "": the device is free */
	uint64_t host_ms;		/* how long the host has had it */
	uint64_t time_ps;		/* simulated time of the model */
	struct tlpb_counters to_device, to_host;
	struct tlpb_outstanding of_host, of_device;
	bool shared_memory;		/* that is how frames travel (shm.h); false from servers that do not tell */
};

struct tlpb_status {
	uint64_t time_ms;		/* the server's own clock, for rates */
	unsigned slots;
	struct tlpb_slot_status slot[TLPB_STATUS_SLOTS];
};

/*
 * Ask the server at config->url; also used: connect_timeout_ms, ops->cancelled and ctx, and
 * what is needed to reach the URL. Blocks until there is an answer. On failure returns a
 * negative error and a sentence with cause and cure in why.
 */
int tlpb_status_ask(const struct tlpb_rc_config *config, struct tlpb_status *status,
		    char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
