/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlpbridge/tlp.h>
#include "hex.h"
#include "text.h"
#include "tlp_json.h"
#include "tlp_lines.h"

uint8_t *tlp_read_hex(const char *line, size_t len, size_t *count, char why[JSON_WHY])
{
	uint8_t *bytes = malloc(len / 2 + 1), *exact;
	long n = bytes ? hex_to_bytes(line, len, bytes) : -1;

	if (n <= 0) {
		free(bytes);
		snprintf(why, JSON_WHY, n ? "not hex, or half a byte" : "empty line");
		return NULL;
	}
	exact = realloc(bytes, (size_t)n);
	*count = (size_t)n;
	return exact ? exact : bytes;
}

cJSON *tlp_read_object(const char *line, size_t len, char why[JSON_WHY])
{
	cJSON *object = strlen(line) == len ? cJSON_ParseWithOpts(line, NULL, true) : NULL;

	if (!object) {
		snprintf(why, JSON_WHY, "not JSON");
	} else if (!cJSON_IsObject(object)) {
		snprintf(why, JSON_WHY, "not an object");
		cJSON_Delete(object);
		return NULL;
	}
	return object;
}

bool tlp_print_object(cJSON *object, char why[JSON_WHY])
{
	if (json_print(object, false))
		return true;
	snprintf(why, JSON_WHY, "out of memory");
	return false;
}

bool tlp_decode_line(const struct tlp_options *options, const char *line, size_t len,
		     char why[JSON_WHY])
{
	size_t count;
	uint8_t *bytes = tlp_read_hex(line, len, &count, why);
	bool done;

	if (!bytes)
		return false;
	done = tlp_print_object(tlp_to_json(bytes, count, options->mps), why);
	free(bytes);
	return done;
}

bool tlp_encode_line(const struct tlp_options *options, const char *line, size_t len,
		     char why[JSON_WHY])
{
	cJSON *object = tlp_read_object(line, len, why);
	uint8_t bytes[TLPB_MAX_TLP];
	char hex[2 * sizeof bytes + 1];
	int count;

	if (!object)
		return false;
	count = tlp_from_json(object, bytes, sizeof bytes, why);
	cJSON_Delete(object);
	if (count < 0)
		return false;
	bytes_to_hex(bytes, (size_t)count, hex);
	puts(hex);
	return true;
}

bool tlp_text_line(const struct tlp_options *options, const char *line, size_t len,
		   char why[JSON_WHY])
{
	size_t count;
	uint8_t *bytes = tlp_read_hex(line, len, &count, why);
	struct tlpb_tlp tlp;
	enum tlpb_rule rule;
	char out[512];

	if (!bytes)
		return false;
	rule = tlpb_tlp_check(bytes, count, options->mps);
	tlpb_tlp_unpack(bytes, count, &tlp);
	tlpb_tlp_text(&tlp, out, sizeof out);
	if (tlp.kind == TLPB_TLP_KINDS)
		printf("malformed: %s\n", tlpb_rule_name(rule));
	else if (rule)
		printf("%s, malformed: %s\n", out, tlpb_rule_name(rule));
	else
		puts(out);
	free(bytes);
	return true;
}
