/* SPDX-License-Identifier: MIT */
#include <tlpbridge/tlp.h>

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bit i of the result: byte i is in [from, to). */
static uint8_t enables(unsigned from, unsigned to)
{
	return (uint8_t)((0xf << from) & (0xf >> (4 - to)));
}

struct tlpb_extent tlpb_extent(uint64_t address, size_t len)
{
	unsigned from = address & 3;
	size_t end = from + len;

	if (!len)
		return (struct tlpb_extent){ .length_dw = 1 };
	if (end <= 4)
		return (struct tlpb_extent){ 1, enables(from, (unsigned)end), 0 };
	return (struct tlpb_extent){
		.length_dw = (uint16_t)((end + 3) / 4),
		.first_be = enables(from, 4),
		.last_be = enables(0, (unsigned)((end - 1) & 3) + 1),
	};
}

unsigned tlpb_first_byte(uint8_t first_be)
{
	for (unsigned i = 0; i < 4; i++)
		if (first_be >> i & 1)
			return i;
	return 0;
}

/* Offset behind the last enabled byte; 0 when none is. */
static unsigned end_byte(uint8_t be)
{
	unsigned end = 4;

	while (end && !(be >> (end - 1) & 1))
		end--;
	return end;
}

unsigned tlpb_byte_count(uint16_t length_dw, uint8_t first_be, uint8_t last_be)
{
	unsigned from = tlpb_first_byte(first_be);

	if (length_dw > 1)
		return 4u * (length_dw - 1) + end_byte(last_be) - from;
	return first_be ? end_byte(first_be) - from : 1;
}

size_t tlpb_next_request(uint64_t addr, size_t len, size_t limit)
{
	/* Length counts doublewords, so the bytes skipped in the first one count. */
	size_t skipped = addr & 3;
	size_t room = (limit < 4 ? 4 : limit) - skipped;

	return min(len, min(room, TLPB_PAGE - addr % TLPB_PAGE));
}

size_t tlpb_next_completion(uint64_t addr, size_t len, size_t mps, size_t rcb)
{
	size_t skipped = addr & 3;
	size_t room = (mps < 4 ? 4 : mps) - skipped;
	size_t beyond = rcb ? (addr + room) % rcb : 0;

	if (len <= room)
		return len;
	/* An mps below rcb leaves no boundary to end on: still make progress. */
	return beyond < room ? room - beyond : room;
}
