/* SPDX-License-Identifier: MIT */
/*
 * Judging TLPs against the state of an endpoint: what its receiver must do with one
 * that arrives, and which rule one breaks that it sends. tlpb_tlp_check() judges what
 * needs no state.
 *
 * Pure functions: no I/O, no allocation, no clock, no lock. Any thread, one at a time
 * for a state.
 */
#ifndef TLPBRIDGE_JUDGE_H
#define TLPBRIDGE_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/tlp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which way a TLP goes, as the endpoint sees it. */
enum tlpb_judge_side { TLPB_JUDGE_RECEIVED, TLPB_JUDGE_SENT };

/* What becomes of a TLP. */
#define TLPB_VERDICT_LIST(X)                                                            \
	X(ACCEPT)		/* nothing is wrong */                                  \
	X(MALFORMED)		/* dropped; a fatal error by default */                 \
	X(ECRC_ERROR)		/* the digest does not fit; dropped */                  \
	X(UR)			/* answered with Unsupported Request */                 \
	X(UR_POSTED)		/* not supported, and has no answer: logged */          \
	X(CRS)			/* answered with Configuration Request Retry Status */  \
	X(DROPPED)		/* silently, as the specification wants it */           \
	X(UNEXPECTED)		/* Unexpected Completion: dropped */                    \
	X(POISONED_UR)		/* poisoned request with data: no effect, answered UR */\
	X(POISONED_POSTED)	/* poisoned posted request: logged */                   \
	X(POISONED_COMPLETION)	/* the request fails */                                 \
	X(VIOLATION)		/* the sender must not, and a receiver need not notice */

enum tlpb_verdict {
#define TLPB_VERDICT_ENUM(name) TLPB_VERDICT_##name,
	TLPB_VERDICT_LIST(TLPB_VERDICT_ENUM)
#undef TLPB_VERDICT_ENUM
};

/* "UR_POSTED"; "" out of range. */
const char *tlpb_verdict_name(enum tlpb_verdict verdict);

struct tlpb_judgement {
	enum tlpb_verdict verdict;
	const char *rule;	/* which rule decided: "NO_BAR"; "" with ACCEPT. Static */
};

struct tlpb_judge_bar {
	uint64_t base, size;	/* bytes */
	bool io;		/* I/O space, else memory */
};

/* A request that has not had its last completion. */
struct tlpb_judge_request {
	struct tlpb_tlp request;	/* its payload is not kept */
	uint32_t received;		/* bytes of a memory read that have come */
};

enum { TLPB_TAGS = 1024 };	/* 10-bit tags */

/* One function of an endpoint, and the requests between it and its host. */
struct tlpb_judge_state {
	bool has_id;			/* false: IDs are not judged */
	uint16_t id;			/* Bus[15:8] Device[7:3] Function[2:0] */
	uint8_t functions;		/* bit n: the device has function n */
	bool legacy;			/* a legacy endpoint: I/O requests, locked reads */

	uint32_t mps, mrrs, rcb;	/* bytes; rcb: the host's completions */
	uint8_t tcs;			/* bit n: traffic class n is mapped */
	uint16_t tags;			/* the function uses tags below it: 32, 256, 1024 */
	bool ecrc_check;

	bool memory_enable, io_enable, bus_master_enable;
	uint8_t d_state;		/* 0..3 */
	bool ready;			/* false: configuration requests are answered with CRS */
	bool in_reset;			/* a function-level reset runs */

	uint8_t atomic_sizes;		/* of 4, 8 and 16 bytes, or-ed: what the completer can do */
	bool deferrable_writes;		/* the completer takes them */
	uint8_t messages[32];		/* bit c % 8 of byte c / 8: takes messages of code c */

	const struct tlpb_judge_bar *bars;	/* the caller's */
	size_t bar_count;
	struct tlpb_judge_request *outstanding;	/* the caller's, of both directions */
	size_t outstanding_count, outstanding_room;
};

/*
 * An endpoint with all enabled and no limits, without an ID, BARs, atomics and
 * deferrable writes, that takes the messages every endpoint must take.
 */
void tlpb_judge_init(struct tlpb_judge_state *state);

/* Have messages of this code taken, or not. */
void tlpb_judge_take_message(struct tlpb_judge_state *state, uint8_t code, bool take);

/* The first rule that the TLP in bytes breaks, and what becomes of it. */
struct tlpb_judgement tlpb_judge(const struct tlpb_judge_state *state, enum tlpb_judge_side side,
				 const uint8_t *bytes, size_t len);

/*
 * The same, and then have the state follow: a non-posted request becomes outstanding,
 * a completion takes away from its request. TLPs that are dropped change nothing.
 */
struct tlpb_judgement tlpb_judge_next(struct tlpb_judge_state *state, enum tlpb_judge_side side,
				      const uint8_t *bytes, size_t len);

/* The outstanding request that a completion with this transaction ID belongs to, or NULL. */
struct tlpb_judge_request *tlpb_judge_find(const struct tlpb_judge_state *state,
					 uint16_t requester_id, uint16_t tag);

#ifdef __cplusplus
}
#endif
#endif
