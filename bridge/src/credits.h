/* SPDX-License-Identifier: MIT */
/*
 * Layer 3: the counters of flow control (2.6.1), those of the transmitter and of the
 * receiver of one link. Pure: no I/O, no clock. Counters are modular, 8 bits for
 * headers and 12 for data, as the specification has them.
 */
#ifndef TLPB_CREDITS_H
#define TLPB_CREDITS_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/credits.h>
#include <tlpbridge/tlp.h>

/* X(name, text): what a peer may do wrong; the text names the specification's error. */
#define CREDIT_FAULT_LIST(X)								\
	X(NONE, "")									\
	X(OVERFLOW, "Receiver Overflow: a TLP without credits")				\
	X(TOO_FEW, "Flow Control Protocol Error: less than the legal minimum advertised") \
	X(TOO_MANY, "Flow Control Protocol Error: more credits than may be outstanding") \
	X(BACKWARDS, "Flow Control Protocol Error: an update takes credits back")	\
	X(INFINITE_UPDATED, "Flow Control Protocol Error: an update of infinite credits")

enum credit_fault {
#define CREDIT_FAULT_ENUM(name, text) CREDIT_FAULT_##name,
	CREDIT_FAULT_LIST(CREDIT_FAULT_ENUM)
#undef CREDIT_FAULT_ENUM
};

const char *tlpb__credit_fault_text(enum credit_fault fault);

struct credit_tx {
	bool infinite;
	uint16_t limit, consumed;
};

struct credit_rx {
	bool infinite;
	uint16_t few;		/* what a peer that has fewer is told at once: half, or one TLP */
	uint16_t allocated, received;
	uint16_t told;		/* the last allocated that the peer heard of */
};

struct credits {
	struct credit_tx tx[TLPB_POOLS];
	struct credit_rx rx[TLPB_POOLS];
};

/*
 * Settle what is advertised: 0 is infinite from here on. *mps, where it is 0, becomes the largest
 * payload up to most that the data credits allow. TLPB_ERR_INVALID: illegal, why says it.
 */
int tlpb__credits_settle(const struct tlpb_pools *pools, unsigned *mps, unsigned most,
			 uint16_t advertised[TLPB_POOLS], char *why, size_t why_size);

/* What a side with such a Max_Payload_Size may not advertise. *pool: of which pool. */
enum credit_fault tlpb__credits_check(const uint16_t advertised[TLPB_POOLS], unsigned mps,
				      unsigned *pool);

/* own: what this side with its MPS advertises; peer: what the other does. Both were checked. */
void tlpb__credits_init(struct credits *c, const uint16_t own[TLPB_POOLS], unsigned own_mps,
			const uint16_t peer[TLPB_POOLS]);

/* ---- transmitter ---- */

/* The gate: may a TLP of this cost go now? */
bool tlpb__credits_suffice(const struct credits *c, const struct tlpb_credits *cost);

/* May one more of its class, where so many headers and data of it wait for the gate already? */
bool tlpb__credits_suffice_behind(const struct credits *c, unsigned headers, unsigned data,
				  const struct tlpb_credits *cost);

void tlpb__credits_consume(struct credits *c, const struct tlpb_credits *cost);

/* The peer's counters. On a fault *pool is of which pool, and nothing is taken over. */
enum credit_fault tlpb__credits_update(struct credits *c, const uint16_t limits[TLPB_POOLS],
				       unsigned *pool);

/* ---- receiver ---- */

/* A TLP has come. False: Receiver Overflow, *pool is of which pool. */
bool tlpb__credits_receive(struct credits *c, const struct tlpb_credits *cost, unsigned *pool);

/* It has left its buffer. */
void tlpb__credits_release(struct credits *c, const struct tlpb_credits *cost);

/* Is it time to tell the peer? It has few left, and there are more. */
bool tlpb__credits_due(const struct credits *c);

/* What to tell it; from then on it counts as told. */
void tlpb__credits_tell(struct credits *c, uint16_t limits[TLPB_POOLS]);

#endif
