/* SPDX-License-Identifier: MIT */
/*
 * Members of a JSON object, with what is wrong with them. The first thing that is wrong
 * stays in why; reading goes on with the usual value.
 */
#ifndef TLPBRIDGE_JSON_READ_H
#define TLPBRIDGE_JSON_READ_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_WHY = 160 };	/* enough for every message */

struct json_reader {
	const cJSON *object;
	char *why;		/* room for JSON_WHY bytes, "" at first */
};

void json_wrong(struct json_reader *in, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* NULL when it is missing, or null. */
const cJSON *json_member(const struct json_reader *in, const char *name);

bool json_has(const struct json_reader *in, const char *name);

/* A whole number, or a boolean. */
unsigned json_number(struct json_reader *in, const char *name, unsigned usual, unsigned max);

/* The same in an array. */
unsigned json_number_item(struct json_reader *in, const char *name, const cJSON *item, unsigned max);

/* A string of up to so many hex digits; 0 when it is missing. */
uint64_t json_hex(struct json_reader *in, const char *name, size_t digits);
uint64_t json_hex_item(struct json_reader *in, const char *name, const cJSON *item, size_t digits);

/* A misspelt name would otherwise silently become the usual value. what: "field". */
void json_known_names(struct json_reader *in, const char *what, const char *const *names,
		      size_t count);

#endif
