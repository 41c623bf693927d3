/* SPDX-License-Identifier: MIT */
/* Which bytes of a peer may be shown to a person: those of printable characters in UTF-8. */
#ifndef TLPB_PRINTABLE_H
#define TLPB_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The well-formed sequences by their first two bytes (RFC 3629, section 4; there are 80 to bf
 * behind them), without control characters: U+0080 to U+009F are some, too.
 */
struct printable_row {
	uint8_t first_min, first_max, second_min, second_max, length;
};

static const struct printable_row printable_rows[] = {
	{ 0x20, 0x7e, 0x00, 0x00, 1 },
	{ 0xc2, 0xc2, 0xa0, 0xbf, 2 },
	{ 0xc3, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static inline bool printable_is(const struct printable_row *row, const uint8_t *p, size_t len)
{
	if (len < row->length || p[0] < row->first_min || p[0] > row->first_max)
		return false;
	if (row->length > 1 && (p[1] < row->second_min || p[1] > row->second_max))
		return false;
	for (size_t i = 2; i < row->length; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return false;
	return true;
}

/* Bytes of the printable character at p, of which len bytes are there; 0: there is none. */
static inline size_t printable_length(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < sizeof printable_rows / sizeof printable_rows[0]; i++)
		if (printable_is(&printable_rows[i], p, len))
			return printable_rows[i].length;
	return 0;
}

#endif
