/* SPDX-License-Identifier: MIT */
/*
 * Error injection (tlpbridge/inject.h tells the rules): inject_rule.c reads them, inject.c
 * decides what becomes of a TLP. Pure: no I/O, no clock; the link does what was decided. One thread.
 */
#ifndef TLPB_INJECT_H
#define TLPB_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/inject.h>
#include <tlpbridge/tlp.h>

enum inject_action {
	INJECT_NONE,
	INJECT_DROP, INJECT_DELAY, INJECT_DUPLICATE, INJECT_POISON, INJECT_CORRUPT,
	INJECT_STATUS, INJECT_TIMEOUT, INJECT_LINKDOWN, INJECT_ERROR,
};

enum inject_direction { INJECT_TO_DEVICE, INJECT_TO_HOST, INJECT_DIRECTIONS };

enum inject_part { INJECT_ANY_PART, INJECT_HEADER, INJECT_DATA };

struct inject_rule {
	enum inject_action action;
	uint32_t kinds;			/* bit n: enum tlpb_tlp_kind n */
	unsigned directions;		/* bit n: enum inject_direction n */
	bool has_address;
	uint64_t first, last;		/* addresses, both included */
	uint64_t after, every, count;	/* count 0: no limit */
	uint64_t chance;		/* of 2^32 */
	unsigned delay_tlps, delay_ms;
	enum tlpb_cpl_status status;
	unsigned error;			/* enum aer_error */
	enum inject_part part;
	bool has_bit;
	uint64_t bit;

	uint64_t random;		/* the generator's state; the seed at first */
	uint64_t matches, fired;
};

/* One rule of len characters. Returns 0 or TLPB_ERR_INVALID with cause and cure in why. */
int tlpb__inject_rule_parse(const char *text, size_t len, struct inject_rule *rule,
			    char *why, size_t why_size);

const char *tlpb__inject_action_name(enum inject_action action);

struct inject;

struct inject *tlpb__inject_new(void);	/* NULL: out of memory */
void tlpb__inject_free(struct inject *plan);

/* Add rules; none of them when one is wrong. As tlpb_inject_check(). */
int tlpb__inject_add(struct inject *plan, const char *rules, char *why, size_t why_size);

/*
 * For owners of a plan: add rules, beginning a plan if there is none; rules NULL: end it. As
 * tlpb_inject_check(), or TLPB_ERR_NOMEM.
 */
int tlpb__inject_change(struct inject **plan, const char *rules, char *why, size_t why_size);

/* A new link: what was held back or remembered of the last one is forgotten, counts go on. */
void tlpb__inject_restart(struct inject *plan);

/* The rules in force; none where plan is NULL. */
void tlpb__inject_list(const struct inject *plan, struct tlpb_inject_list *list);

/* How often rules have acted. */
uint64_t tlpb__inject_fired(const struct inject *plan);

struct inject_verdict {
	enum inject_action action;	/* what was done, INJECT_NONE: nothing */
	uint64_t fired;			/* how often that rule has acted, this time included */
	unsigned copies;		/* to pass on: 0, 1 or 2 */
	unsigned wait_ms;		/* before that */
	bool link_down;
	bool has_error;
	unsigned error;			/* enum aer_error: the device is to report it */
	bool timed_out;			/* the first completion of a request that is to end so */
};

/*
 * What becomes of a well-formed TLP of *len bytes, which may be changed: bytes has room for
 * TLPB_MAX_TLP. sequence comes back with it where it is held back.
 */
void tlpb__inject_apply(struct inject *plan, enum inject_direction to, uint8_t *bytes, size_t *len,
			uint32_t sequence, struct inject_verdict *verdict);

/* The next TLP that was held back and is due, after each apply. Returns its bytes, or 0. */
size_t tlpb__inject_due(struct inject *plan, enum inject_direction to, uint8_t *bytes,
			uint32_t *sequence);

#endif
