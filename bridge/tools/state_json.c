/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "state_json.h"
#include "tlp_kinds.h"
#include "tlp_lines.h"

static const char *const keys[] = {
	"bdf", "functions", "legacy", "mps", "mrrs", "rcb", "tcs", "tags", "ecrc_check",
	"memory_enable", "io_enable", "bus_master_enable", "d_state", "ready", "in_reset",
	"atomics", "deferrable_writes", "messages", "bars", "outstanding",
};

static const char *const bar_keys[] = { "base", "size", "io" };

static const char *const request_keys[] = {
	"tlp_hex", "mnemonic", "tag", "requester_id", "address", "length", "tc", "attr_ro",
	"attr_ns", "received",
};

enum { NAMES = sizeof keys / sizeof keys[0], BAR_NAMES = sizeof bar_keys / sizeof bar_keys[0],
       REQUEST_NAMES = sizeof request_keys / sizeof request_keys[0] };

void tlp_state_init(struct tlp_state *state)
{
	tlpb_judge_init(&state->judge);
	state->judge.bars = state->bars;
	state->judge.outstanding = state->outstanding;
	state->judge.outstanding_room = STATE_OUTSTANDING;
}

static bool flag(struct json_reader *in, const char *name, bool usual)
{
	return json_number(in, name, usual, 1);
}

/* A power of two from least to most. */
static unsigned size(struct json_reader *in, const char *name, unsigned usual, unsigned least,
		     unsigned most)
{
	unsigned value = json_number(in, name, usual, most);

	if (value < least || value & (value - 1))
		json_wrong(in, "%s is not a power of two from %u to %u", name, least, most);
	return value;
}

/* Bits for the numbers of a list, 0 to 7. */
static uint8_t set_of(struct json_reader *in, const char *name, uint8_t usual)
{
	const cJSON *list = json_member(in, name), *item;
	unsigned set = 0;

	if (!list)
		return usual;
	if (!cJSON_IsArray(list))
		json_wrong(in, "%s is not a list", name);
	cJSON_ArrayForEach(item, list)
		set |= 1u << json_number_item(in, name, item, 7);
	return (uint8_t)set;
}

static void get_identity(struct json_reader *in, struct tlpb_judge_state *judge)
{
	judge->has_id = json_has(in, "bdf");
	judge->id = (uint16_t)json_hex(in, "bdf", 4);
	judge->functions = set_of(in, "functions", (uint8_t)(1u << (judge->id & 7)));
	judge->legacy = flag(in, "legacy", judge->legacy);
}

static void get_limits(struct json_reader *in, struct tlpb_judge_state *judge)
{
	judge->mps = size(in, "mps", judge->mps, 128, 4096);
	judge->mrrs = size(in, "mrrs", judge->mrrs, 128, 4096);
	judge->rcb = size(in, "rcb", judge->rcb, 64, 128);
	judge->tcs = set_of(in, "tcs", judge->tcs);
	judge->tags = (uint16_t)size(in, "tags", judge->tags, 32, TLPB_TAGS);
	judge->ecrc_check = flag(in, "ecrc_check", judge->ecrc_check);
}

static void get_enables(struct json_reader *in, struct tlpb_judge_state *judge)
{
	judge->memory_enable = flag(in, "memory_enable", judge->memory_enable);
	judge->io_enable = flag(in, "io_enable", judge->io_enable);
	judge->bus_master_enable = flag(in, "bus_master_enable", judge->bus_master_enable);
	judge->d_state = (uint8_t)json_number(in, "d_state", judge->d_state, 3);
	judge->ready = flag(in, "ready", judge->ready);
	judge->in_reset = flag(in, "in_reset", judge->in_reset);
	judge->deferrable_writes = flag(in, "deferrable_writes", judge->deferrable_writes);
}

static void get_atomics(struct json_reader *in, struct tlpb_judge_state *judge)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json_member(in, "atomics")) {
		unsigned bits = json_number_item(in, "atomics", item, 128);

		if (bits != 32 && bits != 64 && bits != 128)
			json_wrong(in, "atomics has other sizes than 32, 64 and 128 bits");
		judge->atomic_sizes |= (uint8_t)(bits / 8);
	}
}

static void get_messages(struct json_reader *in, struct tlpb_judge_state *judge)
{
	const cJSON *list = json_member(in, "messages"), *item;

	if (list && !cJSON_IsArray(list))
		json_wrong(in, "messages is not a list");
	cJSON_ArrayForEach(item, list)
		tlpb_judge_take_message(judge, (uint8_t)json_number_item(in, "messages", item, 255),
					true);
}

static void get_bars(struct json_reader *in, struct tlp_state *state)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json_member(in, "bars")) {
		struct tlpb_judge_bar *bar = &state->bars[state->judge.bar_count];
		struct json_reader one = { item, in->why };
		const cJSON *bytes = json_member(&one, "size");

		if (state->judge.bar_count == STATE_BARS) {
			json_wrong(in, "more than %d bars", STATE_BARS);
			return;
		}
		json_known_names(&one, "key of a BAR", bar_keys, BAR_NAMES);
		bar->base = json_hex(&one, "base", 16);
		bar->io = flag(&one, "io", false);
		if (!cJSON_IsNumber(bytes) || !(bytes->valuedouble >= 1 && bytes->valuedouble < 0x1p63))
			json_wrong(in, "size of a BAR is not a number of bytes");
		else
			bar->size = (uint64_t)bytes->valuedouble;
		state->judge.bar_count++;
	}
}

static void from_hex(struct json_reader *in, struct tlpb_tlp *request)
{
	const char *hex = cJSON_GetStringValue(json_member(in, "tlp_hex"));
	size_t count;
	uint8_t *bytes = hex ? tlp_read_hex(hex, strlen(hex), &count, in->why) : NULL;

	if (!bytes) {
		json_wrong(in, "tlp_hex is not a string");
		return;
	}
	tlpb_tlp_unpack(bytes, count, request);
	request->payload = NULL;
	free(bytes);
}

/* What it asked for, in words: address and length in bytes. */
static void from_words(struct json_reader *in, struct tlpb_tlp *request)
{
	const char *mnemonic = cJSON_GetStringValue(json_member(in, "mnemonic"));
	uint64_t address = json_hex(in, "address", 16);
	unsigned length = json_number(in, "length", 4, TLPB_MAX_PAYLOAD);
	struct tlpb_extent extent = tlpb_extent(address, length);

	if (!mnemonic || !tlp_kind_by_mnemonic(mnemonic, request))
		json_wrong(in, "mnemonic of an outstanding request is missing or not known");
	request->address = address & ~(uint64_t)3;
	request->length_dw = extent.length_dw;
	request->first_be = extent.first_be;
	request->last_be = extent.last_be;
	request->tag = (uint16_t)json_number(in, "tag", 0, TLPB_TAGS - 1);
	request->requester_id = (uint16_t)json_hex(in, "requester_id", 4);
	request->tc = (uint8_t)json_number(in, "tc", 0, 7);
	request->ro = flag(in, "attr_ro", false);
	request->ns = flag(in, "attr_ns", false);
}

static void get_request(struct json_reader *in, struct tlpb_judge_request *out)
{
	struct tlpb_tlp *request = &out->request;

	json_known_names(in, "key of an outstanding request", request_keys, REQUEST_NAMES);
	memset(out, 0, sizeof *out);
	if (json_has(in, "tlp_hex"))
		from_hex(in, request);
	else
		from_words(in, request);
	if (request->kind == TLPB_TLP_KINDS || tlpb_kind_class(request->kind) != TLPB_NON_POSTED)
		json_wrong(in, "an outstanding request is not one that has a completion");
	out->received = json_number(in, "received", 0, TLPB_MAX_PAYLOAD);
	if (out->received && (request->kind != TLPB_MRD || out->received >= 4u * request->length_dw))
		json_wrong(in, "received is no part of the bytes of a memory read");
}

static void get_outstanding(struct json_reader *in, struct tlpb_judge_state *judge)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json_member(in, "outstanding")) {
		struct json_reader one = { item, in->why };

		if (judge->outstanding_count == judge->outstanding_room) {
			json_wrong(in, "more than %d outstanding requests", STATE_OUTSTANDING);
			return;
		}
		get_request(&one, &judge->outstanding[judge->outstanding_count++]);
	}
}

bool tlp_state_from_json(struct tlp_state *state, const cJSON *object, char why[JSON_WHY])
{
	struct json_reader in = { object, why };

	*why = '\0';
	if (!cJSON_IsObject(object))
		json_wrong(&in, "not an object");
	json_known_names(&in, "key", keys, NAMES);
	get_identity(&in, &state->judge);
	get_limits(&in, &state->judge);
	get_enables(&in, &state->judge);
	get_atomics(&in, &state->judge);
	get_messages(&in, &state->judge);
	get_bars(&in, state);
	get_outstanding(&in, &state->judge);
	return !*why;
}
