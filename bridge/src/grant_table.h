/* SPDX-License-Identifier: MIT */
/*
 * Layer 3: windows of host memory that are granted to functions of a device: the host's own account of
 * them, and the endpoint's. Windows of a function do not overlap. Pure.
 */
#ifndef TLPB_GRANT_TABLE_H
#define TLPB_GRANT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/err.h>

enum {
	GRANTS_MAX = 256,		/* that are added */
	WINDOWS_MAX = 2 * GRANTS_MAX,	/* with those that come of cutting */
};

/* What several windows may be parts of; its owner's kind begins with this. */
struct granted {
	unsigned windows;			/* that are parts of it */
	void (*free)(struct granted *granted);	/* there is none any more */
};

struct window {
	unsigned function;
	uint64_t addr, len;
	bool writable;
	struct granted *granted;
	uint64_t offset;		/* of addr in it, bytes */
	uint8_t *bytes;			/* where addr is mapped, if it is */
};

/* All 0 at first. */
struct grant_table {
	struct window window[WINDOWS_MAX];
	unsigned count;
	unsigned last;			/* where the last look-up ended */
};

/* 0; TLPB_ERR_BUSY: it overlaps another one of the function; TLPB_ERR_TOO_LARGE: there are too many. */
int tlpb__grants_add(struct grant_table *table, const struct window *window);

/*
 * Before taking bytes away: where windows get many, widen the range to whole ones of those that it touches, so that
 * none has to fall into two.
 */
void tlpb__grants_widen(const struct grant_table *table, unsigned function, uint64_t *addr, uint64_t *len);

/*
 * Take these bytes of a function away. Where a window would fall into two and there is no place for
 * the second, all of it goes. True: there were some.
 */
bool tlpb__grants_cut(struct grant_table *table, unsigned function, uint64_t addr, uint64_t len);
void tlpb__grants_clear(struct grant_table *table);

/* Does one of the function's windows have a byte of these? */
bool tlpb__grants_touch(const struct grant_table *table, unsigned function, uint64_t addr, uint64_t len);

/* Have its windows all of them, for that use? */
bool tlpb__grants_cover(struct grant_table *table, unsigned function, uint64_t addr, uint64_t len,
			bool write);

/* The function's window that has this byte; NULL: none. Valid until the table changes. */
const struct window *tlpb__grants_find(struct grant_table *table, unsigned function, uint64_t addr);

static inline bool window_has(const struct window *w, unsigned function, uint64_t addr)
{
	return addr - w->addr < w->len && w->function == function;
}

/* The same for who asks often: mostly it is the one of last time. */
static inline const struct window *grants_lookup(struct grant_table *table, unsigned function, uint64_t addr)
{
	const struct window *last = &table->window[table->last];

	return table->count && window_has(last, function, addr) ? last
							       : tlpb__grants_find(table, function, addr);
}

#endif
