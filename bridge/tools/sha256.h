/* SPDX-License-Identifier: MIT */
/* SHA-256 of FIPS 180-4, for digests of data in vectors. */
#ifndef TLPBRIDGE_SHA256_H
#define TLPBRIDGE_SHA256_H

#include <stddef.h>
#include <stdint.h>

void sha256(const uint8_t *bytes, size_t len, uint8_t digest[32]);

#endif
