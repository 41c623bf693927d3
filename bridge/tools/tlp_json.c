/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>
#include "tlp_json.h"

enum layout { MEMORY, CONFIG, MESSAGE, COMPLETION };

static const struct kind_json {
	const char *mnemonic;	/* of the 3DW header; "_64" follows for 4DW, but for messages */
	enum layout layout;
} kinds[TLPB_TLP_KINDS] = {
	[TLPB_MRD] = { "MEM_READ", MEMORY },
	[TLPB_MRDLK] = { "MEM_READ_LOCKED", MEMORY },
	[TLPB_MWR] = { "MEM_WRITE", MEMORY },
	[TLPB_DMWR] = { "DEF_MEM_WRITE", MEMORY },
	[TLPB_FETCHADD] = { "FETCH_ADD", MEMORY },
	[TLPB_SWAP] = { "SWAP", MEMORY },
	[TLPB_CAS] = { "CAS", MEMORY },
	[TLPB_IORD] = { "IO_READ", MEMORY },
	[TLPB_IOWR] = { "IO_WRITE", MEMORY },
	[TLPB_CFGRD0] = { "CFG_READ_0", CONFIG },
	[TLPB_CFGRD1] = { "CFG_READ_1", CONFIG },
	[TLPB_CFGWR0] = { "CFG_WRITE_0", CONFIG },
	[TLPB_CFGWR1] = { "CFG_WRITE_1", CONFIG },
	[TLPB_MSG] = { "MSG", MESSAGE },
	[TLPB_MSGD] = { "MSGD", MESSAGE },
	[TLPB_CPL] = { "CPL", COMPLETION },
	[TLPB_CPLD] = { "CPL_DATA", COMPLETION },
	[TLPB_CPLLK] = { "CPL_LOCKED", COMPLETION },
	[TLPB_CPLDLK] = { "CPL_LOCKED_DATA", COMPLETION },
};

/* Every key that "fields" may have. */
static const char *const field_names[] = {
	"fmt", "type", "tc", "th", "ln", "td", "ep", "attr_ido", "attr_ro", "attr_ns", "at",
	"length_dw", "tag", "requester_id", "first_be", "last_be", "address", "ph", "dest_id",
	"ext_reg", "reg", "reg_offset", "routing", "message_code", "dw2", "dw3", "completer_id",
	"status", "bcm", "byte_count", "lower_address", "pasid", "priv", "exec",
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long hex_to_bytes(const char *text, size_t len, uint8_t *bytes)
{
	long count = 0;

	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[i]), low;

		if (isspace((unsigned char)text[i]))
			continue;
		if (high < 0 || i + 1 == len || (low = hex_digit(text[i + 1])) < 0)
			return -1;
		bytes[count++] = (uint8_t)(high << 4 | low);
		i++;
	}
	return count;
}

void bytes_to_hex(const uint8_t *bytes, size_t len, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}

/* TLP to JSON */

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
		[MEMORY] = put_memory,
		[CONFIG] = put_config,
		[MESSAGE] = put_message,
		[COMPLETION] = put_completion,
	};
	cJSON *fields = cJSON_AddObjectToObject(object, "fields");

	put_number(fields, "fmt", byte0 >> 5);
	put_number(fields, "type", byte0 & 0x1f);
	if (tlp->kind < TLPB_TLP_KINDS)
		put[kinds[tlp->kind].layout](fields, tlp);
	else
		put_attributes(fields, tlp, true);
	if (tlp->has_pasid)
		put_pasid(fields, tlp);
}

static void put_mnemonic(cJSON *object, const struct tlpb_tlp *tlp)
{
	bool suffix = tlp->hdr_4dw && kinds[tlp->kind].layout != MESSAGE;
	char mnemonic[32];

	snprintf(mnemonic, sizeof mnemonic, "%s%s", kinds[tlp->kind].mnemonic,
		 suffix ? "_64" : "");
	cJSON_AddStringToObject(object, "mnemonic", mnemonic);
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

/* Prefixes may be more than struct tlpb_tlp keeps. */
static uint8_t header_byte0(const uint8_t *bytes)
{
	while (bytes[0] >> 5 == 4)
		bytes += 4;
	return bytes[0];
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
		put_fields(object, &tlp, header_byte0(bytes));
	if (tlp.kind < TLPB_TLP_KINDS)
		put_rest(object, &tlp, !err);
	cJSON_AddStringToObject(object, "verdict", rule ? "MALFORMED" : "ACCEPT");
	if (rule)
		cJSON_AddStringToObject(object, "rule_id", tlpb_rule_name(rule));
	return object;
}

/* JSON to TLP. The first thing that is wrong stays in why; reading goes on. */

struct reader {
	const cJSON *object, *fields;
	char *why;
};

__attribute__((format(printf, 2, 3)))
static void wrong(struct reader *in, const char *fmt, ...)
{
	va_list args;

	if (*in->why)
		return;
	va_start(args, fmt);
	vsnprintf(in->why, TLP_JSON_WHY, fmt, args);
	va_end(args);
}

static bool has(const struct reader *in, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(in->fields, name) != NULL;
}

static unsigned number(struct reader *in, const char *name, unsigned usual, unsigned max)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(in->fields, name);
	double value;

	if (!item)
		return usual;
	value = cJSON_IsBool(item) ? cJSON_IsTrue(item) : item->valuedouble;
	if ((!cJSON_IsNumber(item) && !cJSON_IsBool(item)) || !(value >= 0 && value <= max) ||
	    value != (unsigned)value) {
		wrong(in, "%s is not a whole number from 0 to %u", name, max);
		return usual;
	}
	return (unsigned)value;
}

static uint64_t hex_item(struct reader *in, const char *name, const cJSON *item, size_t digits)
{
	const char *text = cJSON_IsString(item) ? item->valuestring : "";
	size_t len = strlen(text);
	uint64_t value = 0;

	for (size_t i = 0; i < len && i < digits && hex_digit(text[i]) >= 0; i++)
		value = value << 4 | (uint64_t)hex_digit(text[i]);
	if (!len || len > digits || strspn(text, "0123456789abcdefABCDEF") != len) {
		wrong(in, "%s is not a string of up to %zu hex digits", name, digits);
		return 0;
	}
	return value;
}

static uint64_t hex(struct reader *in, const char *name, size_t digits)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(in->fields, name);

	return item ? hex_item(in, name, item, digits) : 0;
}

static bool is_atomic(enum tlpb_tlp_kind kind)
{
	return kind == TLPB_FETCHADD || kind == TLPB_SWAP || kind == TLPB_CAS;
}

static void get_byte_enables(struct reader *in, struct tlpb_tlp *tlp)
{
	bool none = is_atomic(tlp->kind);

	tlp->first_be = (uint8_t)number(in, "first_be", none ? 0 : 15, 15);
	tlp->last_be = (uint8_t)number(in, "last_be", none || tlp->length_dw < 2 ? 0 : 15, 15);
}

static void get_memory(struct reader *in, struct tlpb_tlp *tlp)
{
	get_byte_enables(in, tlp);
	tlp->address = hex(in, "address", 16);
	tlp->ph = (uint8_t)number(in, "ph", 0, 3);
	if (tlp->address & 3)
		wrong(in, "address is not a multiple of 4; byte enables name the bytes");
	if (!tlp->hdr_4dw && tlp->address > UINT32_MAX)
		wrong(in, "address needs the mnemonic with _64");
	if (tlp->ph && !tlp->th)
		wrong(in, "ph needs th");
}

static void get_config(struct reader *in, struct tlpb_tlp *tlp)
{
	unsigned reg = number(in, "ext_reg", 0, 15) << 8 | number(in, "reg", 0, 63) << 2;

	get_byte_enables(in, tlp);
	tlp->dest_id = (uint16_t)hex(in, "dest_id", 4);
	tlp->reg_offset = (uint16_t)number(in, "reg_offset", reg, 4092);
	if (tlp->reg_offset % 4)
		wrong(in, "reg_offset is not a multiple of 4");
	if ((has(in, "reg") || has(in, "ext_reg")) && reg != tlp->reg_offset)
		wrong(in, "reg_offset is not ext_reg and reg");
}

static void get_message(struct reader *in, struct tlpb_tlp *tlp)
{
	unsigned by_type = number(in, "type", 0, 31) & 7;

	tlp->routing = (uint8_t)number(in, "routing", by_type, 7);
	tlp->message_code = (uint8_t)number(in, "message_code", 0, 255);
	tlp->dw2 = (uint32_t)hex(in, "dw2", 8);
	tlp->dw3 = (uint32_t)hex(in, "dw3", 8);
	if (tlp->th)
		wrong(in, "messages have no th");
}

static void get_completion(struct reader *in, struct tlpb_tlp *tlp)
{
	unsigned usual = tlp->length_dw ? 4u * tlp->length_dw : 4;

	tlp->completer_id = (uint16_t)hex(in, "completer_id", 4);
	tlp->status = (uint8_t)number(in, "status", TLPB_CPL_SC, 7);
	tlp->bcm = number(in, "bcm", 0, 1);
	tlp->byte_count = (uint16_t)number(in, "byte_count", usual, 4096);
	tlp->lower_address = (uint8_t)number(in, "lower_address", 0, 127);
	if (!tlp->byte_count)
		wrong(in, "byte_count is not 1 to 4096");
}

static void get_common(struct reader *in, struct tlpb_tlp *tlp)
{
	bool data = tlpb_kind_has_data(tlp->kind);
	enum layout layout = kinds[tlp->kind].layout;
	bool no_length = !data && (layout == MESSAGE || layout == COMPLETION);
	unsigned usual = data ? (unsigned)tlp->payload_len / 4 : !no_length;

	tlp->tc = (uint8_t)number(in, "tc", 0, 7);
	tlp->th = number(in, "th", 0, 1);
	tlp->ln = number(in, "ln", 0, 1);
	tlp->ep = number(in, "ep", 0, 1);
	tlp->ido = number(in, "attr_ido", 0, 1);
	tlp->ro = number(in, "attr_ro", 0, 1);
	tlp->ns = number(in, "attr_ns", 0, 1);
	tlp->at = (uint8_t)number(in, "at", 0, 3);
	tlp->tag = (uint16_t)number(in, "tag", 0, 0x3ff);
	tlp->requester_id = (uint16_t)hex(in, "requester_id", 4);
	tlp->length_dw = (uint16_t)number(in, "length_dw", usual, no_length ? 0 : 1024);
	if (!no_length && !tlp->length_dw)
		wrong(in, data && !tlp->payload_len ? "payload_hex is missing"
						    : "length_dw is not 1 to 1024");
	if (tlp->payload_len != (data ? 4u * tlp->length_dw : 0))
		wrong(in, "payload_hex has %zu bytes, length_dw %u", tlp->payload_len,
		      tlp->length_dw);
}

static void get_pasid(struct reader *in, struct tlpb_tlp *tlp)
{
	tlp->has_pasid = has(in, "pasid") || has(in, "priv") || has(in, "exec");
	tlp->pasid = number(in, "pasid", 0, 0xfffff);
	tlp->pasid_priv = number(in, "priv", 0, 1);
	tlp->pasid_exec = number(in, "exec", 0, 1);
}

static void get_prefixes(struct reader *in, struct tlpb_tlp *tlp)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(in->object, "prefixes"), *item;

	cJSON_ArrayForEach(item, list) {
		if (tlp->prefix_count == TLPB_MAX_PREFIXES) {
			wrong(in, "more than %d prefixes", TLPB_MAX_PREFIXES);
			return;
		}
		tlp->prefix[tlp->prefix_count++] = (uint32_t)hex_item(in, "prefix", item, 8);
	}
}

static void get_digest(struct reader *in, struct tlpb_tlp *tlp)
{
	const cJSON *ecrc = cJSON_GetObjectItemCaseSensitive(in->object, "ecrc");

	tlp->td = number(in, "td", ecrc != NULL, 1);
	if (ecrc && !tlp->td)
		wrong(in, "ecrc needs td");
	if (ecrc)
		tlp->ecrc = (uint32_t)hex_item(in, "ecrc", ecrc, 8);
}

/* payload: room for TLPB_MAX_PAYLOAD bytes. */
static void get_payload(struct reader *in, struct tlpb_tlp *tlp, uint8_t *payload)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(in->object, "payload_hex");
	const char *text = cJSON_IsString(item) ? item->valuestring : "";
	long len = -1;

	tlp->payload = payload;
	if (!item)
		return;
	if (cJSON_IsString(item) && strlen(text) <= 2 * TLPB_MAX_PAYLOAD)
		len = hex_to_bytes(text, strlen(text), payload);
	if (len < 0 || len % 4) {
		wrong(in, "payload_hex is not hex of whole doublewords, 4096 bytes at most");
		return;
	}
	tlp->payload_len = (size_t)len;
}

static bool kind_by_mnemonic(const char *mnemonic, struct tlpb_tlp *tlp)
{
	for (unsigned k = 0; k < TLPB_TLP_KINDS; k++) {
		size_t len = strlen(kinds[k].mnemonic);
		const char *suffix = mnemonic + len;
		bool both = kinds[k].layout == MEMORY && k != TLPB_IORD && k != TLPB_IOWR;

		if (strncmp(mnemonic, kinds[k].mnemonic, len) ||
		    (*suffix && (!both || strcmp(suffix, "_64"))))
			continue;
		tlp->kind = (enum tlpb_tlp_kind)k;
		tlp->hdr_4dw = *suffix || kinds[k].layout == MESSAGE;
		return true;
	}
	return false;
}

/* Without a mnemonic, fmt and type decide: the decoder knows which kind they are. */
static bool kind_by_type(struct reader *in, struct tlpb_tlp *tlp)
{
	uint8_t header[16] = { 0 };
	struct tlpb_tlp found;

	header[0] = (uint8_t)(number(in, "fmt", 7, 7) << 5 | number(in, "type", 0, 31));
	tlpb_tlp_unpack(header, sizeof header, &found);
	tlp->kind = found.kind;
	tlp->hdr_4dw = found.hdr_4dw;
	return found.kind < TLPB_TLP_KINDS;
}

static bool get_kind(struct reader *in, struct tlpb_tlp *tlp)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(in->object, "mnemonic");

	if (cJSON_IsString(item) && kind_by_mnemonic(item->valuestring, tlp))
		return true;
	if (item)
		wrong(in, "mnemonic is not known");
	else if (!has(in, "fmt") || !has(in, "type"))
		wrong(in, "mnemonic is missing");
	else if (kind_by_type(in, tlp))
		return true;
	wrong(in, "fmt and type are not defined");
	return false;
}

/* A misspelt name would otherwise silently become the usual value. */
static void check_names(struct reader *in)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, in->fields) {
		unsigned i = 0, count = sizeof field_names / sizeof field_names[0];

		while (i < count && strcmp(item->string, field_names[i]))
			i++;
		if (i == count)
			wrong(in, "no field is called \"%.40s\"", item->string);
	}
}

static void get_fields(struct reader *in, struct tlpb_tlp *tlp)
{
	static void (*const get[])(struct reader *in, struct tlpb_tlp *tlp) = {
		[MEMORY] = get_memory,
		[CONFIG] = get_config,
		[MESSAGE] = get_message,
		[COMPLETION] = get_completion,
	};

	get_common(in, tlp);
	get[kinds[tlp->kind].layout](in, tlp);
	get_pasid(in, tlp);
	get_prefixes(in, tlp);
	get_digest(in, tlp);
}

/* fmt and type follow from the rest; where they are given they must agree. */
static void check_type(struct reader *in, const uint8_t *bytes)
{
	uint8_t byte0 = header_byte0(bytes);

	if (number(in, "fmt", byte0 >> 5, 7) != byte0 >> 5 ||
	    number(in, "type", byte0 & 0x1f, 31) != (byte0 & 0x1f))
		wrong(in, "fmt and type do not agree with mnemonic and routing");
}

int tlp_from_json(const cJSON *object, uint8_t *bytes, size_t size, char why[TLP_JSON_WHY])
{
	struct reader in = { object, cJSON_GetObjectItemCaseSensitive(object, "fields"), why };
	uint8_t payload[TLPB_MAX_PAYLOAD];
	struct tlpb_tlp tlp = { 0 };
	int len;

	why[0] = '\0';
	if (!cJSON_IsObject(object) || (in.fields && !cJSON_IsObject(in.fields)))
		wrong(&in, "not an object with fields");
	if (*why || !get_kind(&in, &tlp))
		return -1;
	check_names(&in);
	get_payload(&in, &tlp, payload);
	get_fields(&in, &tlp);
	if (*why)
		return -1;
	len = tlpb_tlp_pack(&tlp, bytes, size);
	if (len < 0) {
		wrong(&in, "%s (prefixes?)", tlpb_strerror(len));
		return -1;
	}
	if (tlp.td && !cJSON_GetObjectItemCaseSensitive(object, "ecrc")) {
		tlp.ecrc = tlpb_tlp_ecrc(bytes, (size_t)len - 4);
		len = tlpb_tlp_pack(&tlp, bytes, size);
	}
	check_type(&in, bytes);
	return *why ? -1 : len;
}
