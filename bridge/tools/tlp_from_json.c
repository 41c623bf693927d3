/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>
#include "hex.h"
#include "json_read.h"
#include "tlp_json.h"
#include "tlp_kinds.h"

/* Every key that "fields" may have. */
static const char *const field_names[] = {
	"fmt", "type", "tc", "th", "ln", "td", "ep", "attr_ido", "attr_ro", "attr_ns", "at",
	"length_dw", "tag", "requester_id", "first_be", "last_be", "address", "ph", "dest_id",
	"ext_reg", "reg", "reg_offset", "routing", "message_code", "dw2", "dw3", "completer_id",
	"status", "bcm", "byte_count", "lower_address", "pasid", "priv", "exec",
};

static bool is_atomic(enum tlpb_tlp_kind kind)
{
	return kind == TLPB_FETCHADD || kind == TLPB_SWAP || kind == TLPB_CAS;
}

static void get_byte_enables(struct json_reader *in, struct tlpb_tlp *tlp)
{
	bool none = is_atomic(tlp->kind);

	tlp->first_be = (uint8_t)json_number(in, "first_be", none ? 0 : 15, 15);
	tlp->last_be = (uint8_t)json_number(in, "last_be", none || tlp->length_dw < 2 ? 0 : 15, 15);
}

static void get_memory(struct json_reader *in, struct tlpb_tlp *tlp)
{
	get_byte_enables(in, tlp);
	tlp->address = json_hex(in, "address", 16);
	tlp->ph = (uint8_t)json_number(in, "ph", 0, 3);
	if (tlp->address & 3)
		json_wrong(in, "address is not a multiple of 4; byte enables name the bytes");
	if (!tlp->hdr_4dw && tlp->address > UINT32_MAX)
		json_wrong(in, "address needs the mnemonic with _64");
	if (tlp->ph && !tlp->th)
		json_wrong(in, "ph needs th");
}

static void get_config(struct json_reader *in, struct tlpb_tlp *tlp)
{
	unsigned reg = json_number(in, "ext_reg", 0, 15) << 8 | json_number(in, "reg", 0, 63) << 2;

	get_byte_enables(in, tlp);
	tlp->dest_id = (uint16_t)json_hex(in, "dest_id", 4);
	tlp->reg_offset = (uint16_t)json_number(in, "reg_offset", reg, 4092);
	if (tlp->reg_offset % 4)
		json_wrong(in, "reg_offset is not a multiple of 4");
	if ((json_has(in, "reg") || json_has(in, "ext_reg")) && reg != tlp->reg_offset)
		json_wrong(in, "reg_offset is not ext_reg and reg");
}

static void get_message(struct json_reader *in, struct tlpb_tlp *tlp)
{
	unsigned by_type = json_number(in, "type", 0, 31) & 7;

	tlp->routing = (uint8_t)json_number(in, "routing", by_type, 7);
	tlp->message_code = (uint8_t)json_number(in, "message_code", 0, 255);
	tlp->dw2 = (uint32_t)json_hex(in, "dw2", 8);
	tlp->dw3 = (uint32_t)json_hex(in, "dw3", 8);
	if (tlp->th)
		json_wrong(in, "messages have no th");
}

static void get_completion(struct json_reader *in, struct tlpb_tlp *tlp)
{
	unsigned usual = tlp->length_dw ? 4u * tlp->length_dw : 4;

	tlp->completer_id = (uint16_t)json_hex(in, "completer_id", 4);
	tlp->status = (uint8_t)json_number(in, "status", TLPB_CPL_SC, 7);
	tlp->bcm = json_number(in, "bcm", 0, 1);
	tlp->byte_count = (uint16_t)json_number(in, "byte_count", usual, 4096);
	tlp->lower_address = (uint8_t)json_number(in, "lower_address", 0, 127);
	if (!tlp->byte_count)
		json_wrong(in, "byte_count is not 1 to 4096");
}

static void get_common(struct json_reader *in, struct tlpb_tlp *tlp)
{
	bool data = tlpb_kind_has_data(tlp->kind);
	enum tlp_json_layout layout = tlp_kinds[tlp->kind].layout;
	bool no_length = !data && (layout == TLP_MESSAGE || layout == TLP_COMPLETION);
	unsigned usual = data ? (unsigned)tlp->payload_len / 4 : !no_length;

	tlp->tc = (uint8_t)json_number(in, "tc", 0, 7);
	tlp->th = json_number(in, "th", 0, 1);
	tlp->ln = json_number(in, "ln", 0, 1);
	tlp->ep = json_number(in, "ep", 0, 1);
	tlp->ido = json_number(in, "attr_ido", 0, 1);
	tlp->ro = json_number(in, "attr_ro", 0, 1);
	tlp->ns = json_number(in, "attr_ns", 0, 1);
	tlp->at = (uint8_t)json_number(in, "at", 0, 3);
	tlp->tag = (uint16_t)json_number(in, "tag", 0, 0x3ff);
	tlp->requester_id = (uint16_t)json_hex(in, "requester_id", 4);
	tlp->length_dw = (uint16_t)json_number(in, "length_dw", usual, no_length ? 0 : 1024);
	if (!no_length && !tlp->length_dw)
		json_wrong(in, data && !tlp->payload_len ? "payload_hex is missing"
						    : "length_dw is not 1 to 1024");
	if (tlp->payload_len != (data ? 4u * tlp->length_dw : 0))
		json_wrong(in, "payload_hex has %zu bytes, length_dw %u", tlp->payload_len,
		      tlp->length_dw);
}

static void get_pasid(struct json_reader *in, struct tlpb_tlp *tlp)
{
	tlp->has_pasid = json_has(in, "pasid") || json_has(in, "priv") || json_has(in, "exec");
	tlp->pasid = json_number(in, "pasid", 0, 0xfffff);
	tlp->pasid_priv = json_number(in, "priv", 0, 1);
	tlp->pasid_exec = json_number(in, "exec", 0, 1);
}

static void get_prefixes(struct json_reader *in, const cJSON *object, struct tlpb_tlp *tlp)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "prefixes"), *item;

	cJSON_ArrayForEach(item, list) {
		if (tlp->prefix_count == TLPB_MAX_PREFIXES) {
			json_wrong(in, "more than %d prefixes", TLPB_MAX_PREFIXES);
			return;
		}
		tlp->prefix[tlp->prefix_count++] = (uint32_t)json_hex_item(in, "prefix", item, 8);
	}
}

static void get_digest(struct json_reader *in, const cJSON *object, struct tlpb_tlp *tlp)
{
	const cJSON *ecrc = cJSON_GetObjectItemCaseSensitive(object, "ecrc");

	tlp->td = json_number(in, "td", ecrc != NULL, 1);
	if (ecrc && !tlp->td)
		json_wrong(in, "ecrc needs td");
	if (ecrc)
		tlp->ecrc = (uint32_t)json_hex_item(in, "ecrc", ecrc, 8);
}

/* payload: room for TLPB_MAX_PAYLOAD bytes. */
static void get_payload(struct json_reader *in, const cJSON *object, struct tlpb_tlp *tlp,
			uint8_t *payload)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "payload_hex");
	const char *text = cJSON_IsString(item) ? item->valuestring : "";
	long len = -1;

	tlp->payload = payload;
	if (!item)
		return;
	if (cJSON_IsString(item) && strlen(text) <= 2 * TLPB_MAX_PAYLOAD)
		len = hex_to_bytes(text, strlen(text), payload);
	if (len < 0 || len % 4) {
		json_wrong(in, "payload_hex is not hex of whole doublewords, 4096 bytes at most");
		return;
	}
	tlp->payload_len = (size_t)len;
}

/* Without a mnemonic, fmt and type decide: the decoder knows which kind they are. */
static bool kind_by_type(struct json_reader *in, struct tlpb_tlp *tlp)
{
	uint8_t header[16] = { 0 };
	struct tlpb_tlp found;

	header[0] = (uint8_t)(json_number(in, "fmt", 7, 7) << 5 | json_number(in, "type", 0, 31));
	tlpb_tlp_unpack(header, sizeof header, &found);
	tlp->kind = found.kind;
	tlp->hdr_4dw = found.hdr_4dw;
	return found.kind < TLPB_TLP_KINDS;
}

static bool get_kind(struct json_reader *in, const cJSON *object, struct tlpb_tlp *tlp)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "mnemonic");

	if (cJSON_IsString(item) && tlp_kind_by_mnemonic(item->valuestring, tlp))
		return true;
	if (item)
		json_wrong(in, "mnemonic is not known");
	else if (!json_has(in, "fmt") || !json_has(in, "type"))
		json_wrong(in, "mnemonic is missing");
	else if (kind_by_type(in, tlp))
		return true;
	json_wrong(in, "fmt and type are not defined");
	return false;
}

static void get_fields(struct json_reader *in, const cJSON *object, struct tlpb_tlp *tlp)
{
	static void (*const get[])(struct json_reader *in, struct tlpb_tlp *tlp) = {
		[TLP_MEMORY] = get_memory,
		[TLP_CONFIG] = get_config,
		[TLP_MESSAGE] = get_message,
		[TLP_COMPLETION] = get_completion,
	};

	get_common(in, tlp);
	get[tlp_kinds[tlp->kind].layout](in, tlp);
	get_pasid(in, tlp);
	get_prefixes(in, object, tlp);
	get_digest(in, object, tlp);
}

/* fmt and type follow from the rest; where they are given they must agree. */
static void check_type(struct json_reader *in, const uint8_t *bytes)
{
	uint8_t byte0 = tlp_header_byte0(bytes);

	if (json_number(in, "fmt", byte0 >> 5, 7) != byte0 >> 5 ||
	    json_number(in, "type", byte0 & 0x1f, 31) != (byte0 & 0x1f))
		json_wrong(in, "fmt and type do not agree with mnemonic and routing");
}

int tlp_from_json(const cJSON *object, uint8_t *bytes, size_t size, char why[JSON_WHY])
{
	struct json_reader in = { cJSON_GetObjectItemCaseSensitive(object, "fields"), why };
	uint8_t payload[TLPB_MAX_PAYLOAD];
	struct tlpb_tlp tlp = { 0 };
	int len;

	why[0] = '\0';
	if (!cJSON_IsObject(object) || (in.object && !cJSON_IsObject(in.object)))
		json_wrong(&in, "not an object with fields");
	if (*why || !get_kind(&in, object, &tlp))
		return -1;
	json_known_names(&in, "field", field_names, sizeof field_names / sizeof field_names[0]);
	get_payload(&in, object, &tlp, payload);
	get_fields(&in, object, &tlp);
	if (*why)
		return -1;
	len = tlpb_tlp_pack(&tlp, bytes, size);
	if (len < 0) {
		json_wrong(&in, "%s (prefixes?)", tlpb_strerror(len));
		return -1;
	}
	if (tlp.td && !cJSON_GetObjectItemCaseSensitive(object, "ecrc")) {
		tlp.ecrc = tlpb_tlp_ecrc(bytes, (size_t)len - 4);
		len = tlpb_tlp_pack(&tlp, bytes, size);
	}
	check_type(&in, bytes);
	return *why ? -1 : len;
}
