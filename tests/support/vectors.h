/* SPDX-License-Identifier: MIT */
/* The vectors of tests/vectors/golden_tlps.json, for unit tests. Link tlpb_vectors. */
#ifndef TLPB_VECTORS_H
#define TLPB_VECTORS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* A list of the file that is there and not empty, or the test ends. Kept for good. */
const cJSON *vectors_group(const char *name);

/* NULL when object has no such string. */
const char *vectors_string(const cJSON *object, const char *name);

/* A number, a boolean, or a string of hex digits. Any other value ends the test. */
uint64_t vectors_number(const cJSON *object, const char *name);

/* Exactly as large as the hex says, for the sanitizer. The caller frees it. */
uint8_t *vectors_bytes(const char *hex, size_t *len);

#endif
