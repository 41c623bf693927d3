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

static enum tlpb_tlp_kind kind_of(uint8_t byte0)
{
	unsigned kind = 0;

	while (kind < TLPB_TLP_KINDS && (byte0 & ~forms[kind].free_bits) != forms[kind].byte0)
		kind++;
	return (enum tlpb_tlp_kind)kind;
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

/* Messages and completions without data have no Length: the field is reserved. */
static bool has_length(const struct tlp_form *form)
{
	return form->byte0 & FMT_DATA || form->layout == LAYOUT_ADDRESS ||
	       form->layout == LAYOUT_CONFIG;
}

static bool is_prefix(uint8_t byte0)
{
	return (byte0 & FMT_MASK) == FMT_PREFIX;
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

enum tlpb_rule tlpb__tlp_shape(const uint8_t *bytes, size_t len, struct tlp_shape *shape)
{
	size_t at = 0;
	uint8_t byte0;

	memset(shape, 0, sizeof *shape);
	shape->kind = TLPB_TLP_KINDS;
	while (len - at >= 4 && is_prefix(bytes[at]))
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

static unsigned bits(uint32_t dw, unsigned high, unsigned low)
{
	return dw >> low & ((1u << (high - low + 1)) - 1);
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
		tlp->pasid_priv = bits(dw, 21, 21);
		tlp->pasid_exec = bits(dw, 20, 20);
		tlp->pasid = bits(dw, 19, 0);
	}
}

/* What every header has: DW0, and the tag's low bits from where the kind keeps them. */
static void unpack_common(uint32_t dw0, struct tlpb_tlp *tlp)
{
	tlp->tag = (uint16_t)(bits(dw0, 23, 23) << 9 | bits(dw0, 19, 19) << 8);
	tlp->tc = (uint8_t)bits(dw0, 22, 20);
	tlp->ido = bits(dw0, 18, 18);
	tlp->ln = bits(dw0, 17, 17);
	tlp->th = bits(dw0, 16, 16);
	tlp->td = bits(dw0, 15, 15);
	tlp->ep = bits(dw0, 14, 14);
	tlp->ro = bits(dw0, 13, 13);
	tlp->ns = bits(dw0, 12, 12);
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
	uint64_t address = get_be32(hdr + 8);

	unpack_requester(get_be32(hdr + 4), tlp);
	unpack_byte_enables(get_be32(hdr + 4), tlp);
	if (tlp->hdr_4dw)
		address = address << 32 | get_be32(hdr + 12);
	if (tlp->th)
		tlp->ph = address & 3;
	tlp->address = address & ~(uint64_t)3;
}

static void unpack_config(const uint8_t *hdr, struct tlpb_tlp *tlp)
{
	uint32_t dw2 = get_be32(hdr + 8);

	unpack_requester(get_be32(hdr + 4), tlp);
	unpack_byte_enables(get_be32(hdr + 4), tlp);
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
	tlp->bcm = bits(dw1, 12, 12);
	tlp->byte_count = (uint16_t)bits(dw1, 11, 0);
	if (!tlp->byte_count)
		tlp->byte_count = 4096;
	tlp->lower_address = (uint8_t)bits(dw2, 6, 0);
}

static void unpack_header(const uint8_t *hdr, const struct tlp_form *form, struct tlpb_tlp *tlp)
{
	tlp->hdr_4dw = hdr[0] & FMT_4DW;
	if (has_length(form)) {
		tlp->length_dw = (uint16_t)bits(get_be32(hdr), 9, 0);
		if (!tlp->length_dw)
			tlp->length_dw = 1024;
	}
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

/* Data, then digest; left is what follows the header. */
static int unpack_rest(const uint8_t *bytes, size_t left, struct tlpb_tlp *tlp)
{
	size_t data = tlpb_kind_has_data(tlp->kind) ? 4u * tlp->length_dw : 0;

	if (data) {
		tlp->payload = bytes;
		tlp->payload_len = data < left ? data : left;
	}
	if (left < data + (tlp->td ? 4 : 0))
		return TLPB_ERR_TRUNCATED;
	if (tlp->td)
		tlp->ecrc = get_be32(bytes + data);
	return 0;
}

int tlpb_tlp_unpack(const uint8_t *bytes, size_t len, struct tlpb_tlp *tlp)
{
	struct tlp_shape shape;
	enum tlpb_rule rule = tlpb__tlp_shape(bytes, len, &shape);

	return tlpb__tlp_unpack_shaped(bytes, len, &shape, rule, tlp);
}

int tlpb__tlp_unpack_shaped(const uint8_t *bytes, size_t len, const struct tlp_shape *shape,
			    enum tlpb_rule rule, struct tlpb_tlp *tlp)
{
	const uint8_t *hdr;

	memset(tlp, 0, sizeof *tlp);
	tlp->kind = shape->kind;
	unpack_prefixes(bytes, shape->prefixes, tlp);
	if (rule == TLPB_RULE_TRUNCATED)
		return TLPB_ERR_TRUNCATED;
	hdr = bytes + shape->header;
	unpack_common(get_be32(hdr), tlp);
	if (rule)
		return TLPB_ERR_MALFORMED;
	unpack_header(hdr, tlpb__tlp_form(tlp->kind), tlp);
	return unpack_rest(bytes + shape->payload, len - shape->payload, tlp);
}

static bool common_encodes(const struct tlpb_tlp *tlp, const struct tlp_form *form)
{
	size_t data = form->byte0 & FMT_DATA ? 4u * tlp->length_dw : 0;
	bool fixed_4dw = form->byte0 & FMT_4DW, both = form->free_bits & FMT_4DW;

	return tlp->tc <= 7 && tlp->at <= 3 && tlp->tag <= 0x3ff &&
	       (both || tlp->hdr_4dw == fixed_4dw) && tlp->payload_len == data &&
	       (tlp->payload || !data) &&
	       (has_length(form) ? tlp->length_dw >= 1 && tlp->length_dw <= 1024
				 : tlp->length_dw == 0);
}

static bool prefixes_encode(const struct tlpb_tlp *tlp)
{
	bool pasid = false;

	if (tlp->prefix_count > TLPB_MAX_PREFIXES || tlp->pasid > 0xfffff)
		return false;
	for (unsigned i = 0; i < tlp->prefix_count; i++) {
		if (!is_prefix((uint8_t)(tlp->prefix[i] >> 24)))
			return false;
		pasid |= tlp->prefix[i] >> 24 == PREFIX_PASID;
	}
	return tlp->has_pasid ? pasid || tlp->prefix_count < TLPB_MAX_PREFIXES
			      : !pasid && !tlp->pasid && !tlp->pasid_priv && !tlp->pasid_exec;
}

static bool header_encodes(const struct tlpb_tlp *tlp, const struct tlp_form *form)
{
	switch (form->layout) {
	case LAYOUT_ADDRESS:
		return tlp->first_be <= 15 && tlp->last_be <= 15 && !(tlp->address & 3) &&
		       tlp->ph <= (tlp->th ? 3 : 0) &&
		       (tlp->hdr_4dw || tlp->address <= UINT32_MAX);
	case LAYOUT_CONFIG:
		return tlp->first_be <= 15 && tlp->last_be <= 15 && !(tlp->reg_offset & ~0xffcu);
	case LAYOUT_MESSAGE:
		return tlp->routing <= TYPE_ROUTING && !tlp->th;
	case LAYOUT_COMPLETION:
		return tlp->status <= 7 && tlp->lower_address <= 0x7f && tlp->byte_count >= 1 &&
		       tlp->byte_count <= 4096;
	}
	return false;
}

/*
 * The PASID fields decide over a PASID prefix in prefix[], but for its reserved
 * bits; without one there, one follows the others (it is an end-end prefix).
 */
static size_t pack_prefixes(const struct tlpb_tlp *tlp, uint8_t *bytes)
{
	bool want_pasid = tlp->has_pasid;
	uint32_t pasid = (uint32_t)tlp->pasid_priv << 21 | (uint32_t)tlp->pasid_exec << 20 |
			 tlp->pasid;
	size_t at = 0;

	for (unsigned i = 0; i < tlp->prefix_count; i++, at += 4) {
		uint32_t dw = tlp->prefix[i];

		if (want_pasid && dw >> 24 == PREFIX_PASID) {
			dw = (dw & 0xffc00000) | pasid;
			want_pasid = false;
		}
		put_be32(bytes + at, dw);
	}
	if (want_pasid) {
		put_be32(bytes + at, (uint32_t)PREFIX_PASID << 24 | pasid);
		at += 4;
	}
	return at;
}

static uint32_t pack_dw0(const struct tlpb_tlp *tlp, const struct tlp_form *form)
{
	uint32_t byte0 = form->byte0 | (tlp->hdr_4dw ? FMT_4DW : 0);

	if (form->layout == LAYOUT_MESSAGE)
		byte0 |= tlp->routing;
	return byte0 << 24 | (uint32_t)(tlp->tag >> 9 & 1) << 23 | (uint32_t)tlp->tc << 20 |
	       (uint32_t)(tlp->tag >> 8 & 1) << 19 | (uint32_t)tlp->ido << 18 |
	       (uint32_t)tlp->ln << 17 | (uint32_t)tlp->th << 16 | (uint32_t)tlp->td << 15 | (uint32_t)tlp->ep << 14 |
	       (uint32_t)tlp->ro << 13 | (uint32_t)tlp->ns << 12 | (uint32_t)tlp->at << 10 |
	       (tlp->length_dw & 0x3ff);
}

static void pack_requester(const struct tlpb_tlp *tlp, uint8_t *p)
{
	put_be16(p, tlp->requester_id);
	p[2] = (uint8_t)tlp->tag;
}

static void pack_address(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	uint64_t address = tlp->address | tlp->ph;

	pack_requester(tlp, hdr + 4);
	hdr[7] = (uint8_t)(tlp->last_be << 4 | tlp->first_be);
	if (tlp->hdr_4dw) {
		put_be32(hdr + 8, (uint32_t)(address >> 32));
		hdr += 4;
	}
	put_be32(hdr + 8, (uint32_t)address);
}

static void pack_config(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	pack_requester(tlp, hdr + 4);
	hdr[7] = (uint8_t)(tlp->last_be << 4 | tlp->first_be);
	put_be16(hdr + 8, tlp->dest_id);
	put_be16(hdr + 10, tlp->reg_offset);
}

static void pack_message(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	pack_requester(tlp, hdr + 4);
	hdr[7] = tlp->message_code;
	put_be32(hdr + 8, tlp->dw2);
	put_be32(hdr + 12, tlp->dw3);
}

static void pack_completion(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	put_be16(hdr + 4, tlp->completer_id);
	put_be16(hdr + 6, (uint16_t)(tlp->status << 13 | tlp->bcm << 12 |
				     (tlp->byte_count & 0xfff)));
	pack_requester(tlp, hdr + 8);
	hdr[11] = tlp->lower_address;
}

static size_t pack_header(const struct tlpb_tlp *tlp, const struct tlp_form *form, uint8_t *hdr)
{
	put_be32(hdr, pack_dw0(tlp, form));
	switch (form->layout) {
	case LAYOUT_ADDRESS:
		pack_address(tlp, hdr);
		break;
	case LAYOUT_CONFIG:
		pack_config(tlp, hdr);
		break;
	case LAYOUT_MESSAGE:
		pack_message(tlp, hdr);
		break;
	case LAYOUT_COMPLETION:
		pack_completion(tlp, hdr);
		break;
	}
	return tlp->hdr_4dw ? 16 : 12;
}

int tlpb_tlp_pack(const struct tlpb_tlp *tlp, uint8_t *bytes, size_t size)
{
	const struct tlp_form *form = tlpb__tlp_form(tlp->kind);
	uint8_t small[TLPB_MAX_PREFIXES * 4 + 16];
	uint8_t *head = size < sizeof small ? small : bytes;	/* in place where it surely fits */
	size_t at, len;

	if (!form || !common_encodes(tlp, form) || !prefixes_encode(tlp) ||
	    !header_encodes(tlp, form))
		return TLPB_ERR_INVALID;
	at = pack_prefixes(tlp, head);
	if (!prefixes_legal(head, at / 4))
		return TLPB_ERR_INVALID;
	at += pack_header(tlp, form, head + at);
	len = at + tlp->payload_len + (tlp->td ? 4 : 0);
	if (len > size)
		return TLPB_ERR_TOO_LARGE;
	if (head != bytes)
		memcpy(bytes, head, at);
	if (tlp->payload_len)
		memcpy(bytes + at, tlp->payload, tlp->payload_len);
	if (tlp->td)
		put_be32(bytes + at + tlp->payload_len, tlp->ecrc);
	return (int)len;
}
