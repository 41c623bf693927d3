/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/err.h>

#include "credits.h"

enum { DATA_BYTES = 16 };	/* of a data credit */

/* The legal values, the default (0: infinite). */
static const struct pool {
	const char *name;
	uint16_t max, initial;
	bool whole_payload;	/* at least one TLP of the largest payload must fit */
} pools[TLPB_POOLS] = {
	[TLPB_POOL_PH] = { "PH", TLPB_HEADER_CREDITS_MAX, TLPB_HEADER_CREDITS_MAX, false },
	[TLPB_POOL_PD] = { "PD", TLPB_DATA_CREDITS_MAX, TLPB_DATA_CREDITS_MAX, true },
	[TLPB_POOL_NPH] = { "NPH", TLPB_HEADER_CREDITS_MAX, TLPB_HEADER_CREDITS_MAX, false },
	[TLPB_POOL_NPD] = { "NPD", TLPB_DATA_CREDITS_MAX, 127, false },
	[TLPB_POOL_CPLH] = { "CPLH", TLPB_HEADER_CREDITS_MAX, 0, false },
	[TLPB_POOL_CPLD] = { "CPLD", TLPB_DATA_CREDITS_MAX, 0, true },
};

const char *tlpb_pool_name(unsigned pool)
{
	return pool < TLPB_POOLS ? pools[pool].name : "";
}

const char *tlpb__credit_fault_text(enum credit_fault fault)
{
	static const char *const texts[] = {
#define CREDIT_FAULT_TEXT(name, text) text,
		CREDIT_FAULT_LIST(CREDIT_FAULT_TEXT)
#undef CREDIT_FAULT_TEXT
	};

	return texts[fault];
}

/* ---- what is advertised ---- */

static unsigned find_pool(const char *name, size_t len)
{
	unsigned i = 0;

	while (i < TLPB_POOLS && (strlen(pools[i].name) != len || memcmp(pools[i].name, name, len)))
		i++;
	return i;
}

/* What the user may have meant by the text of len bytes; 0: nothing. */
static unsigned parse_value(const char *text, size_t len, unsigned max)
{
	static const char infinite[] = "infinite";
	unsigned value = 0;

	if (len == strlen(infinite) && !memcmp(text, infinite, len))
		return TLPB_CREDITS_INFINITE;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || value > max)
			return 0;
		value = 10 * value + (unsigned)(text[i] - '0');
	}
	return value <= max ? value : 0;
}

/* One "PH=1" of len bytes. */
static int parse_pool(const char *text, size_t len, struct tlpb_pools *out, char *why, size_t size)
{
	const char *equals = memchr(text, '=', len);
	unsigned pool = equals ? find_pool(text, (size_t)(equals - text)) : TLPB_POOLS, value;

	if (pool == TLPB_POOLS) {
		snprintf(why, size, "credits '%.*s': PH, PD, NPH, NPD, CPLH or CPLD, '=' and a number "
			 "or 'infinite'", (int)len, text);
		return TLPB_ERR_INVALID;
	}
	value = parse_value(equals + 1, len - (size_t)(equals + 1 - text), pools[pool].max);
	if (!value) {
		snprintf(why, size, "credits '%.*s': %s has 1 to %u, or 'infinite'", (int)len, text,
			 pools[pool].name, pools[pool].max);
		return TLPB_ERR_INVALID;
	}
	out->credits[pool] = (uint16_t)value;
	return 0;
}

int tlpb_pools_parse(const char *text, struct tlpb_pools *out, char *why, size_t size)
{
	struct tlpb_pools parsed = *out;
	int err = 0;

	for (const char *p = text; p && !err;) {
		const char *comma = strchr(p, ',');

		err = parse_pool(p, comma ? (size_t)(comma - p) : strlen(p), &parsed, why, size);
		p = comma ? comma + 1 : NULL;
	}
	if (!err)
		*out = parsed;
	return err;
}

/* Of a pool where a value of 0 is infinite. */
static unsigned minimum(unsigned pool, unsigned mps)
{
	return pools[pool].whole_payload ? mps / DATA_BYTES : 1;
}

enum credit_fault tlpb__credits_check(const uint16_t advertised[TLPB_POOLS], unsigned mps,
				      unsigned *pool)
{
	for (*pool = 0; *pool < TLPB_POOLS; ++*pool) {
		unsigned n = advertised[*pool];

		if (n > pools[*pool].max)
			return CREDIT_FAULT_TOO_MANY;
		if (n && n < minimum(*pool, mps))
			return CREDIT_FAULT_TOO_FEW;
	}
	return CREDIT_FAULT_NONE;
}

static uint16_t settle(unsigned pool, uint16_t asked)
{
	if (asked == TLPB_CREDITS_DEFAULT)
		return pools[pool].initial;
	return asked == TLPB_CREDITS_INFINITE ? 0 : asked;
}

static unsigned largest_payload(const uint16_t advertised[TLPB_POOLS], unsigned most)
{
	unsigned pool;

	while (most > 128 && tlpb__credits_check(advertised, most, &pool) == CREDIT_FAULT_TOO_FEW)
		most /= 2;
	return most;
}

int tlpb__credits_settle(const struct tlpb_pools *config, unsigned *mps, unsigned most,
			 uint16_t advertised[TLPB_POOLS], char *why, size_t size)
{
	unsigned pool;

	for (pool = 0; pool < TLPB_POOLS; pool++)
		advertised[pool] = settle(pool, config->credits[pool]);
	if (!*mps)
		*mps = largest_payload(advertised, most);
	switch (tlpb__credits_check(advertised, *mps, &pool)) {
	case CREDIT_FAULT_NONE:
		return 0;
	case CREDIT_FAULT_TOO_FEW:
		snprintf(why, size, "credits: %s=%u is less than one TLP of %u bytes needs: %u",
			 pools[pool].name, advertised[pool], *mps, minimum(pool, *mps));
		return TLPB_ERR_INVALID;
	default:
		snprintf(why, size, "credits: %s=%u is more than %u", pools[pool].name,
			 advertised[pool], pools[pool].max);
		return TLPB_ERR_INVALID;
	}
}

static void init_rx(struct credit_rx *rx, unsigned pool, unsigned own, unsigned mps)
{
	unsigned half = own / 2, one = minimum(pool, mps);

	*rx = (struct credit_rx){
		.infinite = !own, .few = (uint16_t)(half > one ? half : one),
		.allocated = (uint16_t)own, .told = (uint16_t)own,
	};
}

void tlpb__credits_init(struct credits *c, const uint16_t own[TLPB_POOLS], unsigned own_mps,
			const uint16_t peer[TLPB_POOLS])
{
	c->moved = false;
	for (unsigned i = 0; i < TLPB_POOLS; i++) {
		init_rx(&c->rx[i], i, own[i], own_mps);
		c->tx[i] = (struct credit_tx){ .infinite = !peer[i], .limit = peer[i] };
	}
}

/* ---- transmitter ---- */

static bool left(const struct credits *c, unsigned pool, unsigned need)
{
	const struct credit_tx *tx = &c->tx[pool];

	return tx->infinite || need <= credits_distance(pool, tx->limit, tx->consumed);
}

bool tlpb__credits_suffice_behind(const struct credits *c, unsigned headers, unsigned data,
				  const struct tlpb_credits *cost)
{
	return left(c, credits_header_pool(cost), headers + cost->hdr) &&
	       (!cost->data || left(c, credits_data_pool(cost), data + cost->data));
}

static enum credit_fault check_limit(const struct credit_tx *tx, unsigned pool, unsigned limit)
{
	if (tx->infinite)
		return limit ? CREDIT_FAULT_INFINITE_UPDATED : CREDIT_FAULT_NONE;
	if (limit > credits_mask(pool) ||
	    credits_distance(pool, limit, tx->consumed) > pools[pool].max)
		return CREDIT_FAULT_TOO_MANY;
	if (credits_distance(pool, limit, tx->limit) > credits_distance(pool, limit, tx->consumed))
		return CREDIT_FAULT_BACKWARDS;
	return CREDIT_FAULT_NONE;
}

enum credit_fault tlpb__credits_update(struct credits *c, const uint16_t limits[TLPB_POOLS],
				       unsigned *pool)
{
	for (*pool = 0; *pool < TLPB_POOLS; ++*pool) {
		enum credit_fault fault = check_limit(&c->tx[*pool], *pool, limits[*pool]);

		if (fault)
			return fault;
	}
	for (unsigned i = 0; i < TLPB_POOLS; i++)
		c->tx[i].limit = limits[i];
	return CREDIT_FAULT_NONE;
}

/* ---- receiver ---- */

bool tlpb__credits_short(const struct credits *c)
{
	for (unsigned i = 0; i < TLPB_POOLS; i++) {
		const struct credit_rx *rx = &c->rx[i];

		if (rx->told != rx->allocated && credits_distance(i, rx->told, rx->received) < rx->few)
			return true;
	}
	return false;
}

void tlpb__credits_tell(struct credits *c, uint16_t limits[TLPB_POOLS])
{
	for (unsigned i = 0; i < TLPB_POOLS; i++)
		limits[i] = c->rx[i].told = c->rx[i].allocated;
	c->moved = false;
}
