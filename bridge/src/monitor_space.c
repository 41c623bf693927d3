/* SPDX-License-Identifier: MIT */
#include "monitor_space.h"

#include <string.h>

#include "bytes.h"

enum { CAP_POINTER = 0x34, CAPS_MAX = 48, EXTENDED = 0x100, EXTENDED_MAX = 64 };

void tlpb__space_forget(struct monitor_space *s)
{
	memset(s->known, 0, sizeof s->known);
}

void tlpb__space_learn(struct monitor_space *s, unsigned offset, unsigned enables, uint32_t dw)
{
	for (unsigned i = 0; i < 4 && offset + i < SPACE_SIZE; i++) {
		unsigned at = offset + i;

		if (!(enables >> i & 1))
			continue;
		s->bytes[at] = (uint8_t)(dw >> 8 * i);
		s->known[at / 8] |= (uint8_t)(1u << at % 8);
	}
}

bool tlpb__space_known(const struct monitor_space *s, unsigned at, unsigned n)
{
	for (unsigned i = at; i < at + n; i++)
		if (i >= SPACE_SIZE || !(s->known[i / 8] >> i % 8 & 1))
			return false;
	return true;
}

unsigned tlpb__space_capability(const struct monitor_space *s, unsigned id)
{
	unsigned at = tlpb__space_known(s, CAP_POINTER, 1) ? s->bytes[CAP_POINTER] & ~3u : 0;

	for (unsigned i = 0; at && i < CAPS_MAX && tlpb__space_known(s, at, 2); i++) {
		if (s->bytes[at] == id)
			return at;
		at = s->bytes[at + 1] & ~3u;
	}
	return 0;
}

unsigned tlpb__space_extended(const struct monitor_space *s, unsigned id)
{
	unsigned at = EXTENDED;

	for (unsigned i = 0; at >= EXTENDED && i < EXTENDED_MAX && tlpb__space_known(s, at, 4); i++) {
		uint32_t header = get_le32(s->bytes + at);

		if ((header & 0xffff) == id)
			return at;
		at = header >> 20 & ~3u;
	}
	return 0;
}

bool tlpb__space_word(const struct monitor_space *s, unsigned at, unsigned *value)
{
	if (!tlpb__space_known(s, at, 2))
		return false;
	*value = get_le16(s->bytes + at);
	return true;
}
