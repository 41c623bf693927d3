/* SPDX-License-Identifier: MIT */
/*
 * The form of each kind of TLP (table 2-3 of the base specification): what codec,
 * check and text agree on. Private to the codec layer.
 */
#ifndef TLPB_TLP_FORM_H
#define TLPB_TLP_FORM_H

#include <tlpbridge/tlp.h>

/* How the header continues after its first doubleword. */
enum tlp_layout { LAYOUT_ADDRESS, LAYOUT_CONFIG, LAYOUT_MESSAGE, LAYOUT_COMPLETION };

/* Bits of byte 0, Fmt[2:0] and Type[4:0]. */
enum {
	FMT_PREFIX = 0x80,	/* a prefix, or a reserved Fmt */
	FMT_DATA = 0x40,
	FMT_4DW = 0x20,
	FMT_MASK = 0xe0,
	TYPE_ROUTING = 0x07,	/* of messages */
	PREFIX_END_END = 0x10,
	PREFIX_PASID = 0x91,
};

struct tlp_form {
	uint8_t byte0;		/* Fmt and Type with the free bits 0 */
	uint8_t free_bits;	/* bits of byte 0 that vary within the kind */
	enum tlp_layout layout;
	enum tlpb_tlp_class cls;
	const char *name;
};

/* Of the header. Messages and completions without data have no Length: the field is reserved. */
static inline bool tlpb__has_length(const struct tlp_form *form)
{
	return form->byte0 & FMT_DATA || form->layout == LAYOUT_ADDRESS ||
	       form->layout == LAYOUT_CONFIG;
}

static inline bool tlpb__is_prefix(uint8_t byte0)
{
	return (byte0 & FMT_MASK) == FMT_PREFIX;
}

/* NULL when kind is out of range. */
const struct tlp_form *tlpb__tlp_form(enum tlpb_tlp_kind kind);

/* Where the parts of an encoded TLP begin; all in bytes. */
struct tlp_shape {
	size_t prefixes;		/* how many doublewords of prefixes */
	size_t header;			/* offset of the header */
	size_t payload;			/* offset behind the header */
	enum tlpb_tlp_kind kind;	/* TLPB_TLP_KINDS when Fmt/Type is undefined */
};

/*
 * Find the parts. TLPB_RULE_TRUNCATED: nothing in *shape but prefixes and header
 * may be used. TLPB_RULE_UNDEFINED_FMT_TYPE: there are at least 12 bytes of header.
 */
enum tlpb_rule tlpb__tlp_shape(const uint8_t *bytes, size_t len, struct tlp_shape *shape);

/*
 * As tlpb_tlp_unpack(), and why not: TLPB_RULE_TRUNCATED or TLPB_RULE_UNDEFINED_FMT_TYPE. Otherwise
 * *size is what the TLP has by its header, in bytes, however many there are.
 */
enum tlpb_rule tlpb__tlp_decode(const uint8_t *bytes, size_t len, struct tlpb_tlp *tlp, size_t *size);

/* As tlpb_tlp_check(), and what it unpacked for that; *tlp is good where no rule is broken. */
enum tlpb_rule tlpb__tlp_take(const uint8_t *bytes, size_t len, size_t mps, struct tlpb_tlp *tlp);

/*
 * The header as the Header Log of AER holds it (7.8.4.8): doublewords as numbers, without prefixes; those
 * that are not there are 0. Of bytes that need not be a TLP, and of a TLP whose payload may be gone.
 */
void tlpb__tlp_header_log(const uint8_t *bytes, size_t len, uint32_t header[4]);
void tlpb__tlp_header_log_of(const struct tlpb_tlp *tlp, uint32_t header[4]);

#endif
