/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tlpbridge/tlp.h>
#include "hex.h"
#include "tlp_json.h"
#include "tlp_kinds.h"

static void put_number(cJSON *object, const char *name, unsigned value)
{
	cJSON_AddNumberToObject(object, name, value);
}

static void put_hex(cJSON *object, const char *name, uint64_t value, int digits)
{
	char text[24];

	snprintf(text, sizeof text, "%0*" PRIx64, digits, value);
	cJSON_AddStringToObject(object, name, text);
}

static void put_bytes(cJSON *object, const char *name, const uint8_t *bytes, size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (!hex)
		return;
	bytes_to_hex(bytes, len, hex);
	cJSON_AddStringToObject(object, name, hex);
	free(hex);
}

static void put_attributes(cJSON *fields, const struct tlpb_tlp *tlp, bool with_th)
{
	put_number(fields, "tc", tlp->tc);
	if (with_th)
		put_number(fields, "th", tlp->th);
	if (tlp->ln)		/* no key of the usual ones: shown when it is there */
		put_number(fields, "ln", 1);
	put_number(fields, "td", tlp->td);
	put_number(fields, "ep", tlp->ep);
	put_number(fields, "attr_ido", tlp->ido);
	put_number(fields, "attr_ro", tlp->ro);
	put_number(fields, "attr_ns", tlp->ns);
	put_number(fields, "at", tlp->at);
}

static void put_message(cJSON *fields, const struct tlpb_tlp *tlp)
{
	put_number(fields, "routing", tlp->routing);
	put_attributes(fields, tlp, false);
	put_number(fields, "length_dw", tlp->length_dw);
	put_hex(fields, "requester_id", tlp->requester_id, 4);
	put_number(fields, "tag", tlp->tag);
	put_number(fields, "message_code", tlp->message_code);
	put_hex(fields, "dw2", tlp->dw2, 8);
	put_hex(fields, "dw3", tlp->dw3, 8);
}

static void put_transaction(cJSON *fields, const struct tlpb_tlp *tlp)
{
	put_attributes(fields, tlp, true);
	put_number(fields, "length_dw", tlp->length_dw);
	put_number(fields, "tag", tlp->tag);
	put_hex(fields, "requester_id", tlp->requester_id, 4);
}

static void put_byte_enables(cJSON *fields, const struct tlpb_tlp *tlp)
{
	put_number(fields, "first_be", tlp->first_be);
	put_number(fields, "last_be", tlp->last_be);
}

static void put_memory(cJSON *fields, const struct tlpb_tlp *tlp)
{
	put_transaction(fields, tlp);
	put_byte_enables(fields, tlp);
	put_hex(fields, "address", tlp->address, 0);
	put_number(fields, "ph", tlp->ph);
}

static void put_config(cJSON *fields, const struct tlpb_tlp *tlp)
{
	put_transaction(fields, tlp);
	put_byte_enables(fields, tlp);
	put_hex(fields, "dest_id", tlp->dest_id, 4);
	put_number(fields, "ext_reg", tlp->reg_offset >> 8);
	put_number(fields, "reg", tlp->reg_offset >> 2 & 0x3f);
	put_number(fields, "reg_offset", tlp->reg_offset);
}

static void put_completion(cJSON *fields, const struct tlpb_tlp *tlp)
{
	put_transaction(fields, tlp);
	put_hex(fields, "completer_id", tlp->completer_id, 4);
	put_number(fields, "status", tlp->status);
	put_number(fields, "bcm", tlp->bcm);
	put_number(fields, "byte_count", tlp->byte_count);
	put_number(fields, "lower_address", tlp->lower_address);
}

static void put_pasid(cJSON *fields, const struct tlpb_tlp *tlp)
{
	put_number(fields, "pasid", tlp->pasid);
	put_number(fields, "priv", tlp->pasid_priv);
	put_number(fields, "exec", tlp->pasid_exec);
}

static void put_fields(cJSON *object, const struct tlpb_tlp *tlp, uint8_t byte0)
{
	static void (*const put[])(cJSON *fields, const struct tlpb_tlp *tlp) = {
		[TLP_MEMORY] = put_memory,
		[TLP_CONFIG] = put_config,
		[TLP_MESSAGE] = put_message,
		[TLP_COMPLETION] = put_completion,
	};
	cJSON *fields = cJSON_AddObjectToObject(object, "fields");

	put_number(fields, "fmt", byte0 >> 5);
	put_number(fields, "type", byte0 & 0x1f);
	if (tlp->kind < TLPB_TLP_KINDS)
		put[tlp_kinds[tlp->kind].layout](fields, tlp);
	else
		put_attributes(fields, tlp, true);
	if (tlp->has_pasid)
		put_pasid(fields, tlp);
}

static void put_mnemonic(cJSON *object, const struct tlpb_tlp *tlp)
{
	char mnemonic[TLP_MNEMONIC];

	cJSON_AddStringToObject(object, "mnemonic", tlp_mnemonic(tlp, mnemonic));
}

static void put_credits(cJSON *object, const struct tlpb_tlp *tlp)
{
	static const char *const classes[] = {
		[TLPB_POSTED] = "P", [TLPB_NON_POSTED] = "NP", [TLPB_COMPLETION] = "CPL",
	};
	struct tlpb_credits credits = tlpb_tlp_credits(tlp);
	cJSON *out = cJSON_AddObjectToObject(object, "credits");

	cJSON_AddStringToObject(out, "cls", classes[credits.cls]);
	put_number(out, "hdr", credits.hdr);
	put_number(out, "data", credits.data);
}

/* Raw prefixes, where pasid, priv and exec do not say it all. */
static void put_prefixes(cJSON *object, const struct tlpb_tlp *tlp)
{
	cJSON *out;

	if (tlp->prefix_count == tlp->has_pasid && !(tlp->prefix[0] & 0x00c00000))
		return;
	out = cJSON_AddArrayToObject(object, "prefixes");
	for (unsigned i = 0; i < tlp->prefix_count; i++) {
		char text[9];

		snprintf(text, sizeof text, "%08" PRIx32, tlp->prefix[i]);
		cJSON_AddItemToArray(out, cJSON_CreateString(text));
	}
}

static void put_rest(cJSON *object, const struct tlpb_tlp *tlp, bool complete)
{
	put_credits(object, tlp);
	put_prefixes(object, tlp);
	if (tlpb_kind_has_data(tlp->kind))
		put_bytes(object, "payload_hex", tlp->payload, tlp->payload_len);
	if (tlp->td && complete)
		put_hex(object, "ecrc", tlp->ecrc, 8);
}

cJSON *tlp_to_json(const uint8_t *bytes, size_t len, size_t mps)
{
	enum tlpb_rule rule = tlpb_tlp_check(bytes, len, mps);
	cJSON *object = cJSON_CreateObject();
	struct tlpb_tlp tlp;
	int err = tlpb_tlp_unpack(bytes, len, &tlp);

	if (!object)
		return NULL;
	if (tlp.kind < TLPB_TLP_KINDS)
		put_mnemonic(object, &tlp);
	if (rule != TLPB_RULE_TRUNCATED)
		put_fields(object, &tlp, tlp_header_byte0(bytes));
	if (tlp.kind < TLPB_TLP_KINDS)
		put_rest(object, &tlp, !err);
	cJSON_AddStringToObject(object, "verdict", rule ? "MALFORMED" : "ACCEPT");
	if (rule)
		cJSON_AddStringToObject(object, "rule_id", tlpb_rule_name(rule));
	return object;
}

