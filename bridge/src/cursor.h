/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing bodies field by field. A cursor that ran past its end
 * turns bad, stays bad, and reads zeros: check once, after the last field.
 */
#ifndef TLPB_CURSOR_H
#define TLPB_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "printable.h"

struct reader {
	const uint8_t *p, *end;
	bool bad;
};

struct writer {
	uint8_t *start, *p, *end;
	bool bad;
};

static inline const uint8_t *read_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

static inline uint16_t read_u16(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 2);

	return p ? get_le16(p) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 4);

	return p ? get_le32(p) : 0;
}

static inline uint64_t read_u64(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 8);

	return p ? get_le64(p) : 0;
}

/* Copies whole characters that fit, always 0-terminated; unprintable bytes of a peer become '?'. */
static inline void read_string(struct reader *r, char *text, size_t size)
{
	size_t len = read_u16(r), n = 0;
	const uint8_t *p = read_bytes(r, len);

	for (size_t i = 0, step; p && i < len; i += step, n += step) {
		size_t printable = printable_length(p + i, len - i);

		step = printable ? printable : 1;
		if (n + step >= size)
			break;
		if (printable)
			memcpy(text + n, p + i, step);
		else
			text[n] = '?';
	}
	text[n] = 0;
}

static inline uint8_t *write_space(struct writer *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || (size_t)(w->end - w->p) < n) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void write_bytes(struct writer *w, const void *bytes, size_t n)
{
	uint8_t *p = write_space(w, n);

	if (p && n)
		memcpy(p, bytes, n);
}

static inline void write_u16(struct writer *w, uint16_t v)
{
	uint8_t *p = write_space(w, 2);

	if (p)
		put_le16(p, v);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
	uint8_t *p = write_space(w, 4);

	if (p)
		put_le32(p, v);
}

static inline void write_u64(struct writer *w, uint64_t v)
{
	uint8_t *p = write_space(w, 8);

	if (p)
		put_le64(p, v);
}

static inline void write_string(struct writer *w, const char *text)
{
	size_t len = strlen(text);

	write_u16(w, (uint16_t)len);
	write_bytes(w, text, len);
}

#endif
