/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include "gtest.h"
#include "vectors.h"

static cJSON *load(void)
{
	static cJSON *root;
	FILE *in = root ? NULL : fopen(TLPB_VECTORS, "r");
	char *text;
	long size;

	if (root)
		return root;
	ASSERT_NOT_NULL(in);
	fseek(in, 0, SEEK_END);
	size = ftell(in);
	rewind(in);
	text = calloc(1, (size_t)size + 1);
	ASSERT_EQ(fread(text, 1, (size_t)size, in), size);
	fclose(in);
	root = cJSON_Parse(text);
	free(text);
	ASSERT_NOT_NULL(root);
	return root;
}

const cJSON *vectors_group(const char *name)
{
	const cJSON *list = cJSON_GetObjectItem(load(), name);

	ASSERT_GT(cJSON_GetArraySize(list), 0);
	return list;
}

const char *vectors_string(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

uint64_t vectors_number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);

	if (cJSON_IsBool(item))
		return cJSON_IsTrue(item);
	if (cJSON_IsString(item))
		return strtoull(item->valuestring, NULL, 16);
	ASSERT_TRUE(cJSON_IsNumber(item));
	return (uint64_t)item->valuedouble;
}

uint8_t *vectors_bytes(const char *hex, size_t *len)
{
	uint8_t *bytes = malloc(strlen(hex) / 2);

	*len = strlen(hex) / 2;
	for (size_t i = 0; i < *len; i++)
		sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
	return bytes;
}
