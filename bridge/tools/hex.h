/* SPDX-License-Identifier: MIT */
/* Bytes as hex digits. */
#ifndef TLPBRIDGE_HEX_H
#define TLPBRIDGE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* 0 to 15, or -1. */
int hex_digit(char c);

/*
 * Bytes of len hex digits at text, blanks between bytes ignored, to bytes (len / 2
 * always suffices). Returns their number, or -1 when it is not hex or a half byte.
 */
long hex_to_bytes(const char *text, size_t len, uint8_t *bytes);

/* hex gets 2 * len digits and a NUL. */
void bytes_to_hex(const uint8_t *bytes, size_t len, char *hex);

#endif
