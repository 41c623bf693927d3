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
	bool moved;		/* since it was last found that nothing is due */
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

/*
 * ---- modular counters ----
 *
 * Inline, with what uses them for each TLP: the five calls took 3 of the 56 ns that a TLP costs.
 */

/* Headers are counted in 8 bits, data in 12. */
static inline unsigned credits_mask(unsigned pool)
{
	return pool & 1 ? 0xfff : 0xff;
}

/* a - b in a pool's modulus. */
static inline uint16_t credits_distance(unsigned pool, unsigned a, unsigned b)
{
	return (uint16_t)((a - b) & credits_mask(pool));
}

static inline unsigned credits_half_modulus(unsigned pool)
{
	return (credits_mask(pool) + 1u) / 2;
}

static inline void credits_advance(unsigned pool, uint16_t *counter, unsigned by)
{
	*counter = (uint16_t)((*counter + by) & credits_mask(pool));
}

static inline unsigned credits_header_pool(const struct tlpb_credits *cost)
{
	return 2u * cost->cls;		/* the order of TLPB_POOL_LIST */
}

static inline unsigned credits_data_pool(const struct tlpb_credits *cost)
{
	return 2u * cost->cls + 1;
}

/* ---- transmitter ---- */

static inline bool credits_gate(const struct credits *c, unsigned pool, unsigned need)
{
	const struct credit_tx *tx = &c->tx[pool];

	return tx->infinite || !need ||
	       credits_distance(pool, tx->limit, tx->consumed + need) <= credits_half_modulus(pool);
}

/* The gate: may a TLP of this cost go now? */
static inline bool tlpb__credits_suffice(const struct credits *c, const struct tlpb_credits *cost)
{
	return credits_gate(c, credits_header_pool(cost), cost->hdr) &&
	       credits_gate(c, credits_data_pool(cost), cost->data);
}

/* May one more of its class, where so many headers and data of it wait for the gate already? */
bool tlpb__credits_suffice_behind(const struct credits *c, unsigned headers, unsigned data,
				  const struct tlpb_credits *cost);

static inline void tlpb__credits_consume(struct credits *c, const struct tlpb_credits *cost)
{
	unsigned hdr = credits_header_pool(cost), data = credits_data_pool(cost);

	credits_advance(hdr, &c->tx[hdr].consumed, cost->hdr);
	credits_advance(data, &c->tx[data].consumed, cost->data);
}

/* The peer's counters. On a fault *pool is of which pool, and nothing is taken over. */
enum credit_fault tlpb__credits_update(struct credits *c, const uint16_t limits[TLPB_POOLS],
				       unsigned *pool);

/* ---- receiver ---- */

static inline bool credits_count_received(struct credits *c, unsigned pool, unsigned n)
{
	struct credit_rx *rx = &c->rx[pool];

	if (rx->infinite || !n)
		return true;
	credits_advance(pool, &rx->received, n);
	c->moved = true;
	return credits_distance(pool, rx->allocated, rx->received) < credits_half_modulus(pool);
}

/* A TLP has come. False: Receiver Overflow, *pool is of which pool. */
static inline bool tlpb__credits_receive(struct credits *c, const struct tlpb_credits *cost,
					 unsigned *pool)
{
	*pool = credits_header_pool(cost);
	if (!credits_count_received(c, *pool, cost->hdr))
		return false;
	*pool = credits_data_pool(cost);
	return credits_count_received(c, *pool, cost->data);
}

static inline void credits_count_released(struct credits *c, unsigned pool, unsigned n)
{
	if (c->rx[pool].infinite)
		return;
	credits_advance(pool, &c->rx[pool].allocated, n);
	c->moved = true;
}

/* It has left its buffer. */
static inline void tlpb__credits_release(struct credits *c, const struct tlpb_credits *cost)
{
	credits_count_released(c, credits_header_pool(cost), cost->hdr);
	credits_count_released(c, credits_data_pool(cost), cost->data);
}

/* Has the peer few left of a pool, and are there more? */
bool tlpb__credits_short(const struct credits *c);

/* Is it time to tell the peer? Asked at every flush, so it is found out only where counters have moved. */
static inline bool tlpb__credits_due(struct credits *c)
{
	c->moved = c->moved && tlpb__credits_short(c);
	return c->moved;
}

/* What to tell it; from then on it counts as told. */
void tlpb__credits_tell(struct credits *c, uint16_t limits[TLPB_POOLS]);

#endif
