/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>
#include "bytes.h"
#include "tlp_form.h"

#define ADDRESS(b0, free, cls, name) { b0, free, LAYOUT_ADDRESS, cls, name }
#define CONFIG(b0, name) { b0, 0, LAYOUT_CONFIG, TLPB_NON_POSTED, name }
#define MESSAGE(b0, name) { b0, TYPE_ROUTING, LAYOUT_MESSAGE, TLPB_POSTED, name }
#define COMPLETION(b0, name) { b0, 0, LAYOUT_COMPLETION, TLPB_COMPLETION, name }

static const struct tlp_form forms[TLPB_TLP_KINDS] = {
	[TLPB_MRD] = ADDRESS(0x00, FMT_4DW, TLPB_NON_POSTED, "MRd"),
	[TLPB_MRDLK] = ADDRESS(0x01, FMT_4DW, TLPB_NON_POSTED, "MRdLk"),
	[TLPB_MWR] = ADDRESS(0x40, FMT_4DW, TLPB_POSTED, "MWr"),
	[TLPB_DMWR] = ADDRESS(0x5b, FMT_4DW, TLPB_NON_POSTED, "DMWr"),
	[TLPB_FETCHADD] = ADDRESS(0x4c, FMT_4DW, TLPB_NON_POSTED, "FetchAdd"),
	[TLPB_SWAP] = ADDRESS(0x4d, FMT_4DW, TLPB_NON_POSTED, "Swap"),
	[TLPB_CAS] = ADDRESS(0x4e, FMT_4DW, TLPB_NON_POSTED, "CAS"),
	[TLPB_IORD] = ADDRESS(0x02, 0, TLPB_NON_POSTED, "IORd"),
	[TLPB_IOWR] = ADDRESS(0x42, 0, TLPB_NON_POSTED, "IOWr"),
	[TLPB_CFGRD0] = CONFIG(0x04, "CfgRd0"),
	[TLPB_CFGRD1] = CONFIG(0x05, "CfgRd1"),
	[TLPB_CFGWR0] = CONFIG(0x44, "CfgWr0"),
	[TLPB_CFGWR1] = CONFIG(0x45, "CfgWr1"),
	[TLPB_MSG] = MESSAGE(0x30, "Msg"),
	[TLPB_MSGD] = MESSAGE(0x70, "MsgD"),
	[TLPB_CPL] = COMPLETION(0x0a, "Cpl"),
	[TLPB_CPLD] = COMPLETION(0x4a, "CplD"),
	[TLPB_CPLLK] = COMPLETION(0x0b, "CplLk"),
	[TLPB_CPLDLK] = COMPLETION(0x4b, "CplDLk"),
};

const struct tlp_form *tlpb__tlp_form(enum tlpb_tlp_kind kind)
{
	return (unsigned)kind < TLPB_TLP_KINDS ? &forms[kind] : NULL;
}

/* forms[] the other way round: one load, where searching it took up to 60 instructions a TLP. */
static enum tlpb_tlp_kind kind_of(uint8_t byte0)
{
	switch (byte0) {
	case 0x00: case 0x20: return TLPB_MRD;
	case 0x01: case 0x21: return TLPB_MRDLK;
	case 0x40: case 0x60: return TLPB_MWR;
	case 0x5b: case 0x7b: return TLPB_DMWR;
	case 0x4c: case 0x6c: return TLPB_FETCHADD;
	case 0x4d: case 0x6d: return TLPB_SWAP;
	case 0x4e: case 0x6e: return TLPB_CAS;
	case 0x02: return TLPB_IORD;
	case 0x42: return TLPB_IOWR;
	case 0x04: return TLPB_CFGRD0;
	case 0x05: return TLPB_CFGRD1;
	case 0x44: return TLPB_CFGWR0;
	case 0x45: return TLPB_CFGWR1;
	case 0x30: case 0x31: case 0x32: case 0x33:
	case 0x34: case 0x35: case 0x36: case 0x37: return TLPB_MSG;
	case 0x70: case 0x71: case 0x72: case 0x73:
	case 0x74: case 0x75: case 0x76: case 0x77: return TLPB_MSGD;
	case 0x0a: return TLPB_CPL;
	case 0x4a: return TLPB_CPLD;
	case 0x0b: return TLPB_CPLLK;
	case 0x4b: return TLPB_CPLDLK;
	default: return TLPB_TLP_KINDS;
	}
}

bool tlpb_kind_has_data(enum tlpb_tlp_kind kind)
{
	const struct tlp_form *form = tlpb__tlp_form(kind);

	return form && form->byte0 & FMT_DATA;
}

enum tlpb_tlp_class tlpb_kind_class(enum tlpb_tlp_kind kind)
{
	const struct tlp_form *form = tlpb__tlp_form(kind);

	return form ? form->cls : TLPB_POSTED;
}

struct tlpb_credits tlpb_tlp_credits(const struct tlpb_tlp *tlp)
{
	struct tlpb_credits credits = { .cls = tlpb_kind_class(tlp->kind), .hdr = 1 };

	if (tlpb_kind_has_data(tlp->kind))
		credits.data = (uint16_t)((tlp->length_dw + 3) / 4);
	return credits;
}

/*
 * Local prefixes come before end-end prefixes (2.2.10): the other way round is
 * malformed, and so are more prefixes than we keep (4 is the most end-end ones
 * that a device may support).
 */
static bool prefixes_legal(const uint8_t *bytes, size_t count)
{
	if (count > TLPB_MAX_PREFIXES)
		return false;
	for (size_t i = 1; i < count; i++)
		if (bytes[4 * (i - 1)] & PREFIX_END_END && !(bytes[4 * i] & PREFIX_END_END))
			return false;
	return true;
}

static inline enum tlpb_rule find_parts(const uint8_t *bytes, size_t len, struct tlp_shape *shape)
{
	size_t at = 0;
	uint8_t byte0;

	*shape = (struct tlp_shape){ .kind = TLPB_TLP_KINDS };
	while (len - at >= 4 && tlpb__is_prefix(bytes[at]))
		at += 4;
	shape->prefixes = at / 4;
	shape->header = at;
	if (at == len)
		return TLPB_RULE_TRUNCATED;

	/* The reserved Fmts do not tell a size; no header is smaller than 3 DW. */
	byte0 = bytes[at];
	shape->payload = at + (byte0 & FMT_4DW && !(byte0 & FMT_PREFIX) ? 16 : 12);
	if (len < shape->payload)
		return TLPB_RULE_TRUNCATED;
	if (prefixes_legal(bytes, shape->prefixes))
		shape->kind = kind_of(byte0);
	return shape->kind < TLPB_TLP_KINDS ? TLPB_RULE_NONE : TLPB_RULE_UNDEFINED_FMT_TYPE;
}

enum tlpb_rule tlpb__tlp_shape(const uint8_t *bytes, size_t len, struct tlp_shape *shape)
{
	return find_parts(bytes, len, shape);
}

enum { ATTRIBUTES = 0x00fffc00 };	/* of DW0: all but Fmt, Type and Length */

static unsigned bits(uint32_t dw, unsigned high, unsigned low)
{
	return dw >> low & ((1u << (high - low + 1)) - 1);
}

static bool bit(uint32_t dw, unsigned n)
{
	return dw >> n & 1;
}

static void unpack_prefixes(const uint8_t *bytes, size_t count, struct tlpb_tlp *tlp)
{
	if (count > TLPB_MAX_PREFIXES)
		count = TLPB_MAX_PREFIXES;
	tlp->prefix_count = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		uint32_t dw = get_be32(bytes + 4 * i);

		tlp->prefix[i] = dw;
		if (bytes[4 * i] != PREFIX_PASID || tlp->has_pasid)
			continue;
		tlp->has_pasid = true;
		tlp->pasid_priv = bit(dw, 21);
		tlp->pasid_exec = bit(dw, 20);
		tlp->pasid = bits(dw, 19, 0);
	}
}

/* Of the first doubleword: what most TLPs do not have. The tag's low bits are elsewhere. */
static void unpack_attributes(uint32_t dw0, struct tlpb_tlp *tlp)
{
	tlp->tag = (uint16_t)(bits(dw0, 23, 23) << 9 | bits(dw0, 19, 19) << 8);
	tlp->tc = (uint8_t)bits(dw0, 22, 20);
	tlp->ido = bit(dw0, 18);
	tlp->ln = bit(dw0, 17);
	tlp->th = bit(dw0, 16);
	tlp->td = bit(dw0, 15);
	tlp->ep = bit(dw0, 14);
	tlp->ro = bit(dw0, 13);
	tlp->ns = bit(dw0, 12);
	tlp->at = (uint8_t)bits(dw0, 11, 10);
}

static void unpack_requester(uint32_t dw, struct tlpb_tlp *tlp)
{
	tlp->requester_id = (uint16_t)bits(dw, 31, 16);
	tlp->tag |= (uint16_t)bits(dw, 15, 8);
}

static void unpack_byte_enables(uint32_t dw1, struct tlpb_tlp *tlp)
{
	tlp->last_be = (uint8_t)bits(dw1, 7, 4);
	tlp->first_be = (uint8_t)bits(dw1, 3, 0);
}

static void unpack_address(const uint8_t *hdr, struct tlpb_tlp *tlp)
{
	uint32_t dw1 = get_be32(hdr + 4);
	uint64_t address = get_be32(hdr + 8);

	if (tlp->hdr_4dw)
		address = address << 32 | get_be32(hdr + 12);
	unpack_requester(dw1, tlp);
	unpack_byte_enables(dw1, tlp);
	if (tlp->th)
		tlp->ph = address & 3;
	tlp->address = address & ~(uint64_t)3;
}

static void unpack_config(const uint8_t *hdr, struct tlpb_tlp *tlp)
{
	uint32_t dw1 = get_be32(hdr + 4), dw2 = get_be32(hdr + 8);

	unpack_requester(dw1, tlp);
	unpack_byte_enables(dw1, tlp);
	tlp->dest_id = (uint16_t)bits(dw2, 31, 16);
	tlp->reg_offset = dw2 & 0xffc;
}

static void unpack_message(const uint8_t *hdr, struct tlpb_tlp *tlp)
{
	unpack_requester(get_be32(hdr + 4), tlp);
	tlp->th = false;	/* reserved here */
	tlp->routing = hdr[0] & TYPE_ROUTING;
	tlp->message_code = hdr[7];
	tlp->dw2 = get_be32(hdr + 8);
	tlp->dw3 = get_be32(hdr + 12);
}

static void unpack_completion(const uint8_t *hdr, struct tlpb_tlp *tlp)
{
	uint32_t dw1 = get_be32(hdr + 4), dw2 = get_be32(hdr + 8);

	unpack_requester(dw2, tlp);
	tlp->completer_id = (uint16_t)bits(dw1, 31, 16);
	tlp->status = (uint8_t)bits(dw1, 15, 13);
	tlp->bcm = bit(dw1, 12);
	tlp->byte_count = (uint16_t)bits(dw1, 11, 0);
	if (!tlp->byte_count)
		tlp->byte_count = 4096;
	tlp->lower_address = (uint8_t)bits(dw2, 6, 0);
}

static void unpack_header(const uint8_t *hdr, uint32_t dw0, const struct tlp_form *form,
			  struct tlpb_tlp *tlp)
{
	unsigned length = bits(dw0, 9, 0);

	tlp->hdr_4dw = bit(dw0, 29);
	if (tlpb__has_length(form))
		tlp->length_dw = (uint16_t)(length ? length : 1024);
	switch (form->layout) {
	case LAYOUT_ADDRESS:
		unpack_address(hdr, tlp);
		break;
	case LAYOUT_CONFIG:
		unpack_config(hdr, tlp);
		break;
	case LAYOUT_MESSAGE:
		unpack_message(hdr, tlp);
		break;
	case LAYOUT_COMPLETION:
		unpack_completion(hdr, tlp);
		break;
	}
}

/* Data, then digest; left is what follows the header. Gives what the header says that follows. */
static size_t unpack_rest(const uint8_t *bytes, size_t left, const struct tlp_form *form,
			  struct tlpb_tlp *tlp)
{
	size_t data = form->byte0 & FMT_DATA ? 4u * tlp->length_dw : 0;
	size_t rest = data + (tlp->td ? 4 : 0);

	if (data) {
		tlp->payload = bytes;
		tlp->payload_len = data < left ? data : left;
	}
	if (tlp->td && rest <= left)
		tlp->ecrc = get_be32(bytes + data);
	return rest;
}

/* Up to 96 bytes are cleared by vector stores; all at once is "rep stos", which takes 8 ns. */
static void clear(struct tlpb_tlp *tlp)
{
	memset(tlp, 0, offsetof(struct tlpb_tlp, payload));
	tlp->payload = NULL;
	tlp->payload_len = 0;
	tlp->ecrc = 0;
}

enum tlpb_rule tlpb__tlp_decode(const uint8_t *bytes, size_t len, struct tlpb_tlp *tlp,
				size_t *size)
{
	struct tlp_shape shape;
	enum tlpb_rule rule = find_parts(bytes, len, &shape);
	const struct tlp_form *form;
	const uint8_t *hdr;
	uint32_t dw0;

	clear(tlp);
	tlp->kind = shape.kind;
	if (shape.prefixes)
		unpack_prefixes(bytes, shape.prefixes, tlp);
	if (rule == TLPB_RULE_TRUNCATED)
		return rule;
	hdr = bytes + shape.header;
	dw0 = get_be32(hdr);
	if (dw0 & ATTRIBUTES)
		unpack_attributes(dw0, tlp);
	if (rule)
		return rule;
	form = &forms[shape.kind];
	unpack_header(hdr, dw0, form, tlp);
	*size = shape.payload + unpack_rest(bytes + shape.payload, len - shape.payload, form, tlp);
	return TLPB_RULE_NONE;
}

int tlpb_tlp_unpack(const uint8_t *bytes, size_t len, struct tlpb_tlp *tlp)
{
	size_t size;

	switch (tlpb__tlp_decode(bytes, len, tlp, &size)) {
	case TLPB_RULE_NONE:
		return len < size ? TLPB_ERR_TRUNCATED : 0;
	case TLPB_RULE_TRUNCATED:
		return TLPB_ERR_TRUNCATED;
	default:
		return TLPB_ERR_MALFORMED;
	}
}
