/* SPDX-License-Identifier: MIT */
/* Objects like those under "completion_splits" in the vectors: a read to its completions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tlpbridge/tlp.h>
#include "hex.h"
#include "sha256.h"
#include "tlp_lines.h"

/* What there is to do. */
struct split {
	struct tlpb_tlp request;
	uint64_t addr;			/* of the first byte asked for */
	unsigned length;		/* bytes asked for; 0: a flush */
	unsigned mps, rcb;
	bool every_rcb;			/* the completer stops at each boundary */
	uint16_t completer_id;
	unsigned factor, summand;	/* the byte at address a is factor * a + summand */
};

static size_t get_header(struct json_reader *in, uint8_t header[16])
{
	const cJSON *list = json_member(in, "request_header_dw"), *item;
	size_t count = 0;

	cJSON_ArrayForEach(item, list) {
		uint32_t dw = (uint32_t)json_hex_item(in, "request_header_dw", item, 8);

		if (count == 16) {
			json_wrong(in, "request_header_dw has more than 4 doublewords");
			break;
		}
		for (unsigned i = 0; i < 4; i++)
			header[count++] = (uint8_t)(dw >> (24 - 8 * i));
	}
	if (!count)
		json_wrong(in, "request_header_dw is missing");
	return count;
}

static void get_request(struct json_reader *in, struct split *s)
{
	uint8_t header[16] = { 0 };
	size_t count = get_header(in, header);
	enum tlpb_rule rule = tlpb_tlp_check(header, count, TLPB_MAX_PAYLOAD);
	struct tlpb_tlp *r = &s->request;
	bool hints;

	tlpb_tlp_unpack(header, count, r);
	if (rule)
		json_wrong(in, "the request is malformed: %s", tlpb_rule_name(rule));
	if (r->kind != TLPB_MRD && r->kind != TLPB_MRDLK)
		json_wrong(in, "the request is no memory read");
	hints = r->kind == TLPB_MRD && r->th;	/* a steering tag lies where the byte enables do */
	s->addr = r->address + (hints ? 0 : tlpb_first_byte(r->first_be));
	s->length = hints ? 4u * r->length_dw
			  : tlpb_byte_count(r->length_dw, r->first_be, r->last_be);
	if (!hints && r->length_dw == 1 && !r->first_be)
		s->length = 0;
}

/* They say once more what the header says. */
static void check_extent(struct json_reader *in, const struct split *s)
{
	if (json_has(in, "addr") && json_hex(in, "addr", 16) != s->addr)
		json_wrong(in, "addr is not the header's: %" PRIx64, s->addr);
	if (json_number(in, "length", s->length, TLPB_MAX_PAYLOAD) != s->length)
		json_wrong(in, "length is not the header's: %u", s->length);
}

static void get_limits(struct json_reader *in, struct split *s)
{
	s->mps = json_number(in, "mps", TLPB_MAX_PAYLOAD, TLPB_MAX_PAYLOAD);
	s->rcb = json_number(in, "rcb", 64, 128);
	s->every_rcb = json_number(in, "split_on_every_rcb", 0, 1);
	if (s->mps < 128 || s->mps & (s->mps - 1))
		json_wrong(in, "mps is not 128, 256, 512, 1024, 2048 or 4096");
	if (s->rcb != 64 && s->rcb != 128)
		json_wrong(in, "rcb is not 64 or 128");
}

static void get_memory_rule(struct json_reader *in, struct split *s)
{
	const cJSON *item = json_member(in, "memory_rule");
	const char *text = item ? cJSON_GetStringValue(item) : "byte at address a = (7*a+3) & 0xff";
	int end = 0;

	if (text)
		sscanf(text, "byte at address a = (%u*a+%u) & 0xff%n", &s->factor, &s->summand, &end);
	if (!end || text[end])
		json_wrong(in, "memory_rule is not \"byte at address a = (7*a+3) & 0xff\", "
			   "of any two numbers");
}

static void put_header(cJSON *completion, const struct tlpb_tlp *cpl, const uint8_t *bytes)
{
	cJSON *list = cJSON_AddArrayToObject(completion, "header_dw");

	for (unsigned i = 0; i < 3; i++) {
		char text[9];

		bytes_to_hex(bytes + 4 * i, 4, text);
		cJSON_AddItemToArray(list, cJSON_CreateString(text));
	}
	cJSON_AddNumberToObject(completion, "length_dw", cpl->length_dw);
	cJSON_AddNumberToObject(completion, "byte_count", cpl->byte_count);
	cJSON_AddNumberToObject(completion, "lower_address", cpl->lower_address);
}

/* The digest is that of the payload: whole doublewords of memory. */
static void put_digest(cJSON *completion, const uint8_t *data, size_t len)
{
	uint8_t digest[32];
	char text[2 * sizeof digest + 1];

	sha256(data, len, digest);
	bytes_to_hex(digest, sizeof digest, text);
	cJSON_AddStringToObject(completion, "data_sha256", text);
}

/* n bytes at addr, of left that remain. */
static cJSON *completion(const struct split *s, uint64_t addr, size_t n, unsigned left)
{
	const struct tlpb_tlp *r = &s->request;
	uint8_t data[TLPB_MAX_PAYLOAD], bytes[TLPB_MAX_TLP];
	struct tlpb_tlp cpl = {
		.kind = r->kind == TLPB_MRDLK ? TLPB_CPLDLK : TLPB_CPLD,
		.tc = r->tc, .ido = r->ido, .ro = r->ro, .ns = r->ns,
		.tag = r->tag, .requester_id = r->requester_id, .completer_id = s->completer_id,
		.length_dw = (uint16_t)(((addr & 3) + n + 3) / 4),
		.byte_count = (uint16_t)left, .lower_address = addr & 0x7f, .payload = data,
	};
	cJSON *object = cJSON_CreateObject();

	cpl.length_dw += !cpl.length_dw;	/* a flush brings a doubleword */
	cpl.payload_len = 4u * cpl.length_dw;
	for (size_t i = 0; i < cpl.payload_len; i++)
		data[i] = (uint8_t)(s->factor * (uint32_t)((addr & ~3ull) + i) + s->summand);
	tlpb_tlp_pack(&cpl, bytes, sizeof bytes);
	put_header(object, &cpl, bytes);
	cJSON_AddNumberToObject(object, "valid_bytes", (double)n);
	put_digest(object, data, cpl.payload_len);
	return object;
}

/* Bytes of the next completion. */
static size_t next(const struct split *s, uint64_t addr, size_t left)
{
	size_t to_boundary = s->rcb - addr % s->rcb;
	size_t at_hand = s->every_rcb && to_boundary < left ? to_boundary : left;

	return tlpb_next_completion(addr, at_hand, s->mps, s->rcb);
}

static cJSON *completions(const struct split *s)
{
	cJSON *list = cJSON_CreateArray();
	uint64_t addr = s->addr;
	unsigned left = s->length;

	if (!left)
		cJSON_AddItemToArray(list, completion(s, addr, 0, 1));
	while (left) {
		size_t n = next(s, addr, left);

		cJSON_AddItemToArray(list, completion(s, addr, n, left));
		addr += n;
		left -= (unsigned)n;
	}
	return list;
}

bool tlp_split_line(const struct tlp_options *options, const char *line, size_t len,
		    char why[JSON_WHY])
{
	cJSON *object = tlp_read_object(line, len, why), *out;
	struct json_reader in = { object, why };
	struct split split = { 0 };

	if (!object)
		return false;
	*why = '\0';
	get_request(&in, &split);
	check_extent(&in, &split);
	get_limits(&in, &split);
	get_memory_rule(&in, &split);
	split.completer_id = (uint16_t)json_hex(&in, "completer_id", 4);
	cJSON_Delete(object);
	if (*why)
		return false;
	out = cJSON_CreateObject();
	cJSON_AddItemToObject(out, "completions", completions(&split));
	return tlp_print_object(out, why);
}
