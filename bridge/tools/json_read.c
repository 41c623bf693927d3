/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "hex.h"
#include "json_read.h"

void json_wrong(struct json_reader *in, const char *fmt, ...)
{
	va_list args;

	if (*in->why)
		return;
	va_start(args, fmt);
	vsnprintf(in->why, JSON_WHY, fmt, args);
	va_end(args);
}

const cJSON *json_member(const struct json_reader *in, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(in->object, name);

	return cJSON_IsNull(item) ? NULL : item;
}

bool json_has(const struct json_reader *in, const char *name)
{
	return json_member(in, name) != NULL;
}

unsigned json_number_item(struct json_reader *in, const char *name, const cJSON *item, unsigned max)
{
	double value = cJSON_IsBool(item) ? cJSON_IsTrue(item) : item->valuedouble;

	if ((!cJSON_IsNumber(item) && !cJSON_IsBool(item)) || !(value >= 0 && value <= max) ||
	    value != (unsigned)value) {
		json_wrong(in, "%s is not a whole number from 0 to %u", name, max);
		return 0;
	}
	return (unsigned)value;
}

unsigned json_number(struct json_reader *in, const char *name, unsigned usual, unsigned max)
{
	const cJSON *item = json_member(in, name);

	return item ? json_number_item(in, name, item, max) : usual;
}

uint64_t json_hex_item(struct json_reader *in, const char *name, const cJSON *item, size_t digits)
{
	const char *text = cJSON_IsString(item) ? item->valuestring : "";
	size_t len = strlen(text);
	uint64_t value = 0;

	for (size_t i = 0; i < len && i < digits && hex_digit(text[i]) >= 0; i++)
		value = value << 4 | (uint64_t)hex_digit(text[i]);
	if (!len || len > digits || strspn(text, "0123456789abcdefABCDEF") != len) {
		json_wrong(in, "%s is not a string of up to %zu hex digits", name, digits);
		return 0;
	}
	return value;
}

uint64_t json_hex(struct json_reader *in, const char *name, size_t digits)
{
	const cJSON *item = json_member(in, name);

	return item ? json_hex_item(in, name, item, digits) : 0;
}

void json_known_names(struct json_reader *in, const char *what, const char *const *names,
		      size_t count)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, in->object) {
		size_t i = 0;

		while (i < count && strcmp(item->string, names[i]))
			i++;
		if (i == count)
			json_wrong(in, "no %s is called \"%.40s\"", what, item->string);
	}
}
