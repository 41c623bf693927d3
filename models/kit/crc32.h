// SPDX-License-Identifier: MIT
#ifndef KIT_CRC32_H
#define KIT_CRC32_H

#include <cstddef>
#include <cstdint>

namespace kit {

/*
 * CRC-32 (polynomial edb88320, reflected) without initial or final inversion:
 * what Linux calls crc32_le(). Continue a sum by passing it again as crc. Any thread.
 */
uint32_t crc32_le(uint32_t crc, const void *data, size_t len);

} // namespace kit

#endif
