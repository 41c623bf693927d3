/* SPDX-License-Identifier: MIT */
/*
 * ECRC (2.7.1): CRC-32 with polynomial 04C11DB7h and seed all ones, each byte
 * from bit 0 up, complemented; the first byte of the digest holds the bits that
 * left the register first. It covers end-end prefixes, header and data. Local
 * prefixes change from link to link and are left out. Bit 0 of Type (a switch
 * turns configuration type 1 into 0) and EP may change on the way: they count
 * as ones.
 */
#include <tlpbridge/tlp.h>
#include "bytes.h"
#include "tlp_form.h"

/* Four bits a step, register reflected: small enough to stay in the cache. */
static const uint32_t steps[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
	0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

static uint32_t update(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	crc = crc >> 4 ^ steps[crc & 15];
	return crc >> 4 ^ steps[crc & 15];
}

static uint8_t invariant(uint8_t byte, size_t header_offset)
{
	switch (header_offset) {
	case 0:
		return byte | 0x01;	/* Type[0] */
	case 2:
		return byte | 0x40;	/* EP */
	default:
		return byte;
	}
}

uint32_t tlpb_tlp_ecrc(const uint8_t *bytes, size_t len)
{
	struct tlp_shape shape;
	uint32_t crc = 0xffffffff;
	size_t at = 0;
	uint8_t digest[4];

	tlpb__tlp_shape(bytes, len, &shape);
	while (at < shape.header && !(bytes[at] & PREFIX_END_END))
		at += 4;
	for (; at < shape.header; at++)
		crc = update(crc, bytes[at]);
	for (; at < len; at++)
		crc = update(crc, invariant(bytes[at], at - shape.header));
	put_le32(digest, ~crc);
	return get_be32(digest);
}
