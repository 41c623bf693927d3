// SPDX-License-Identifier: MIT
#include "crc32.h"

#include <array>

namespace kit {

static std::array<uint32_t, 256> make_table()
{
	std::array<uint32_t, 256> table{};

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
		table[i] = crc;
	}
	return table;
}

uint32_t crc32_le(uint32_t crc, const void *data, size_t len)
{
	static const std::array<uint32_t, 256> table = make_table();
	const uint8_t *p = static_cast<const uint8_t *>(data);

	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

} // namespace kit
