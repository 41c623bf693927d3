/* SPDX-License-Identifier: MIT */
/* Numbers of 64 bits in the tools' JSON: all of their bits, though cJSON counts in doubles. */
#include "../../bridge/tools/hostmem.h"
#include "../../bridge/tools/place.h"
#include "../../bridge/tools/text.h"

#include <stdlib.h>
#include <string.h>

#include "gtest.h"

/* The object goes. */
static void expect_json(cJSON *object, const char *expected)
{
	char *text = cJSON_PrintUnformatted(object);

	EXPECT_STREQ(text, expected);
	cJSON_free(text);
	cJSON_Delete(object);
}

TEST(ToolsJson, NumbersKeepAllTheirBits)
{
	cJSON *o = cJSON_CreateObject();

	json_add_u64(o, "zero", 0);
	json_add_u64(o, "odd", (UINT64_C(1) << 53) + 1);
	json_add_u64(o, "all", UINT64_MAX);
	expect_json(o, "{\"zero\":0,\"odd\":9007199254740993,\"all\":18446744073709551615}");
}

TEST(ToolsJson, FieldsOfARegisterKeepAllTheirBits)
{
	static const struct tlpb_field fields[] = {
		{ .name = "ALL", .low = 0, .width = 64 }, { .name = "HIGH", .low = 4, .width = 60 },
		{ .name = "BIT", .low = 63, .width = 1 },
	};
	static const struct tlpb_register reg = { .name = "WIDE", .width = 64, .field = fields, .fields = 3 };
	struct place place = { .width = 64, .reg = &reg, .offset = UINT64_MAX - 7 };

	expect_json(fields_json(&reg, UINT64_C(0xfedcba9876543211)),
		    "{\"ALL\":18364758544493064721,\"HIGH\":1147797409030816545,\"BIT\":1}");
	expect_json(place_json(&place, (UINT64_C(1) << 53) + 1),
		    "{\"region\":\"bar0\",\"offset\":\"0xfffffffffffffff8\",\"name\":\"WIDE\","
		    "\"width\":64,\"value\":\"0x0020000000000001\",\"fields\":{"
		    "\"ALL\":9007199254740993,\"HIGH\":562949953421312,\"BIT\":0}}");
}

TEST(ToolsJson, AddressesOfDmaKeepAllTheirBits)
{
	struct hostmem memory = { .event = { { .addr = UINT64_MAX - 3, .len = (UINT64_C(1) << 53) + 1,
					       .accesses = 1 } }, .events = 1 };

	expect_json(hostmem_json(&memory), "[{\"kind\":\"read\",\"address\":\"0xfffffffffffffffc\","
		    "\"bytes\":9007199254740993,\"accesses\":1}]");
}
