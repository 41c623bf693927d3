/* SPDX-License-Identifier: MIT */
/* Numbers, sizes and JSON on the command line. */
#ifndef TLPBRIDGE_TEXT_H
#define TLPBRIDGE_TEXT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Decimal or 0x hexadecimal; K, M, G behind it mean 2^10, 2^20, 2^30. False: no such number. */
bool parse_number(const char *text, uint64_t *value);

/* "64K", "1M", "300": bytes for a person. text has 24 bytes. */
const char *size_text(uint64_t bytes, char text[24]);

/* A member "0x...", of digits hexadecimal digits at least. */
void json_add_hex(cJSON *object, const char *name, uint64_t value, int digits);

/* A member that is a number, exact: cJSON keeps numbers in doubles, which have 53 bits. */
void json_add_u64(cJSON *object, const char *name, uint64_t value);

/* Print object on a line, or indented, and delete it. False when out of memory. */
bool json_print(cJSON *object, bool indented);

/* Offset, 16 bytes and their characters a line. */
void hex_dump(FILE *out, uint64_t offset, const uint8_t *bytes, size_t len);

/* The whole file, to be freed; NULL after saying why on stderr. limit in bytes. */
uint8_t *read_file(const char *path, size_t limit, size_t *len);

/* Creates it with mode 0600, or empties it. False after saying why on stderr. "-" is standard output. */
bool write_file(const char *path, const void *bytes, size_t len);

/* "tlpbridge: " and the text on stderr; returns false. */
bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Did all that was printed arrive? Says why not. */
bool flush_stdout(void);

#endif
