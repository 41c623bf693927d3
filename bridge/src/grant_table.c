/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "grant_table.h"

/* Windows end before 2^64, as who adds them has seen. Other ranges may go on behind it: that is cut off. */
static uint64_t clamped(uint64_t addr, uint64_t len)
{
	return addr && len > -addr ? -addr : len;
}

static bool touches(const struct window *w, unsigned function, uint64_t addr, uint64_t len)
{
	return w->function == function && (addr - w->addr < w->len || w->addr - addr < len);
}

bool tlpb__grants_touch(const struct grant_table *table, unsigned function, uint64_t addr, uint64_t len)
{
	len = clamped(addr, len);
	for (unsigned i = 0; len && i < table->count; i++)
		if (touches(&table->window[i], function, addr, len))
			return true;
	return false;
}

static void put(struct grant_table *table, const struct window *window)
{
	window->granted->windows++;
	table->window[table->count++] = *window;
}

int tlpb__grants_add(struct grant_table *table, const struct window *window)
{
	if (tlpb__grants_touch(table, window->function, window->addr, window->len))
		return TLPB_ERR_BUSY;
	if (table->count >= GRANTS_MAX)
		return TLPB_ERR_TOO_LARGE;
	put(table, window);
	return 0;
}

static void remove_at(struct grant_table *table, unsigned i)
{
	struct granted *granted = table->window[i].granted;

	table->window[i] = table->window[--table->count];
	table->last = 0;
	if (!--granted->windows)
		granted->free(granted);
}

/* What of a window is left before the bytes and behind them; len 0: nothing. */
static struct window before(const struct window *w, uint64_t addr)
{
	struct window left = *w;

	left.len = addr - w->addr < w->len ? addr - w->addr : 0;
	return left;
}

static struct window behind(const struct window *w, uint64_t addr, uint64_t len)
{
	struct window left = *w;
	uint64_t gone = addr + len - w->addr;	/* from its beginning */

	if (!(addr + len) || gone >= w->len) {
		left.len = 0;
		return left;
	}
	left.addr += gone;
	left.offset += gone;
	left.bytes = left.bytes ? left.bytes + gone : NULL;
	left.len -= gone;
	return left;
}

/* In its place what is left of it. */
static void cut_at(struct grant_table *table, unsigned i, uint64_t addr, uint64_t len)
{
	struct window first = before(&table->window[i], addr);
	struct window second = behind(&table->window[i], addr, len);
	struct granted *granted = first.granted;

	granted->windows++;	/* it stays while its parts change */
	remove_at(table, i);
	if (first.len)
		put(table, &first);
	if (second.len && table->count < WINDOWS_MAX)
		put(table, &second);
	if (!--granted->windows)
		granted->free(granted);
}

void tlpb__grants_widen(const struct grant_table *table, unsigned function, uint64_t *addr, uint64_t *len)
{
	uint64_t start = *addr, end = *addr + clamped(*addr, *len);	/* 0: at the end of all addresses */

	for (unsigned i = 0; table->count > WINDOWS_MAX - GRANTS_MAX / 2 && i < table->count; i++) {
		const struct window *w = &table->window[i];

		if (!touches(w, function, *addr, clamped(*addr, *len)))
			continue;
		start = w->addr < start ? w->addr : start;
		end = end && w->addr + w->len > end ? w->addr + w->len : end;
	}
	*addr = start;
	*len = end - start;
}

/* What is left of a window is put at the end, and touches no more. */
bool tlpb__grants_cut(struct grant_table *table, unsigned function, uint64_t addr, uint64_t len)
{
	bool any = false;

	len = clamped(addr, len);
	for (unsigned i = 0; len && i < table->count;) {
		if (touches(&table->window[i], function, addr, len)) {
			cut_at(table, i, addr, len);
			any = true;
		} else {
			i++;
		}
	}
	return any;
}

void tlpb__grants_clear(struct grant_table *table)
{
	while (table->count)
		remove_at(table, table->count - 1);
}

const struct window *tlpb__grants_find(struct grant_table *table, unsigned function, uint64_t addr)
{
	for (unsigned i = 0; i < table->count; i++)
		if (window_has(&table->window[i], function, addr)) {
			table->last = i;
			return &table->window[i];
		}
	return NULL;
}

bool tlpb__grants_cover(struct grant_table *table, unsigned function, uint64_t addr, uint64_t len,
			bool write)
{
	while (len) {
		const struct window *w = grants_lookup(table, function, addr);
		uint64_t n = w ? w->len - (addr - w->addr) : 0;

		if (!w || (write && !w->writable))
			return false;
		n = n < len ? n : len;
		addr += n;
		len -= n;
	}
	return true;
}
