/* SPDX-License-Identifier: MIT */
#include <tlpbridge/tlp.h>
#include "tlp_form.h"

static const char *const rule_names[] = {
	"",
#define RULE_NAME(name) #name,
	TLPB_RULE_LIST(RULE_NAME)
#undef RULE_NAME
};

const char *tlpb_rule_name(enum tlpb_rule rule)
{
	return (unsigned)rule < sizeof rule_names / sizeof rule_names[0] ? rule_names[rule] : "";
}

static bool is_atomic(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_FETCHADD || tlp->kind == TLPB_SWAP || tlp->kind == TLPB_CAS;
}

/* Bytes of memory that an atomic works on: CAS carries two operands (2.2.7). */
static size_t operand_size(const struct tlpb_tlp *tlp)
{
	size_t data = 4u * tlp->length_dw;

	return tlp->kind == TLPB_CAS ? data / 2 : data;
}

static bool exceeds_mps(const struct tlpb_tlp *tlp, size_t mps)
{
	return tlp->payload_len > mps;
}

static bool breaks_atomic_length(const struct tlpb_tlp *tlp, size_t mps)
{
	size_t size = operand_size(tlp);

	/* 32 or 64 bits; CAS also 128, and two operands make an even Length. */
	if (tlp->kind == TLPB_CAS)
		return tlp->length_dw % 2 || (size != 4 && size != 8 && size != 16);
	return size != 4 && size != 8;
}

static bool crosses_4k(const struct tlpb_tlp *tlp, size_t mps)
{
	size_t offset = tlp->address % TLPB_PAGE;

	if (is_atomic(tlp))	/* an illegal Length is ATOMIC_LENGTH's matter: there is no operand */
		return !breaks_atomic_length(tlp, mps) && offset + operand_size(tlp) > TLPB_PAGE;
	return offset + 4u * tlp->length_dw > TLPB_PAGE;
}

/* One run of enabled bytes that reaches the end of its DW: 8, c, e, f. */
static bool reaches_end(uint8_t be)
{
	return be == 0x8 || be == 0xc || be == 0xe || be == 0xf;
}

/* One run of enabled bytes from the start of its DW: 1, 3, 7, f. */
static bool runs_from_start(uint8_t be)
{
	return be == 0x1 || be == 0x3 || be == 0x7 || be == 0xf;
}

static bool breaks_byte_enables(const struct tlpb_tlp *tlp, size_t mps)
{
	/* A read with hints carries the steering tag here; all bytes are meant (2.2.7.1). */
	if (tlp->kind == TLPB_MRD && tlp->th)
		return false;
	if (tlp->length_dw == 1)
		return tlp->last_be != 0;
	if (!tlp->first_be || !tlp->last_be)
		return true;
	if (tlp->length_dw == 2 && tlp->address % 8 == 0)
		return false;
	return !reaches_end(tlp->first_be) || !runs_from_start(tlp->last_be);
}

static bool breaks_config_io_length(const struct tlpb_tlp *tlp, size_t mps)
{
	return tlp->length_dw != 1;
}

static bool breaks_config_io_tc(const struct tlpb_tlp *tlp, size_t mps)
{
	return tlp->tc;
}

static bool breaks_config_io_last_be(const struct tlpb_tlp *tlp, size_t mps)
{
	return tlp->last_be;
}

#define TO(routing) (1u << TLPB_ROUTE_##routing)

enum {
	/* Routings that exist; 6 and 7 are reserved. */
	ANY_ROUTING = 0x3f,
	VENDOR_ROUTING = TO(TO_ROOT) | TO(BY_ID) | TO(BROADCAST) | TO(LOCAL),
};

/* What 2.2.8 fixes for each message; codes that it does not name are free. */
static const struct message_rule {
	uint8_t first, last;	/* codes, both included */
	uint8_t routings;	/* bit n: routing n is legal */
	bool tc0;		/* must use TC0 */
} message_rules[] = {
	{ TLPB_MSG_UNLOCK, TLPB_MSG_UNLOCK, TO(BROADCAST), true },
	{ TLPB_MSG_LTR, TLPB_MSG_LTR, TO(LOCAL), true },
	{ 0x12, 0x12, TO(LOCAL), true },	/* OBFF */
	{ TLPB_MSG_PM_PME, TLPB_MSG_PM_PME, TO(TO_ROOT), true },
	{ TLPB_MSG_PME_TURN_OFF, TLPB_MSG_PME_TURN_OFF, TO(BROADCAST), true },
	{ 0x14, 0x14, TO(LOCAL), true },	/* PM_Active_State_Nak */
	{ TLPB_MSG_PME_TO_ACK, TLPB_MSG_PME_TO_ACK, TO(GATHER), true },
	{ TLPB_MSG_ASSERT_INTA, TLPB_MSG_DEASSERT_INTA + 3, TO(LOCAL), true },
	{ TLPB_MSG_ERR_COR, TLPB_MSG_ERR_NONFATAL, TO(TO_ROOT), true },
	{ TLPB_MSG_ERR_FATAL, TLPB_MSG_ERR_FATAL, TO(TO_ROOT), true },
	{ TLPB_MSG_SET_SLOT_POWER_LIMIT, TLPB_MSG_SET_SLOT_POWER_LIMIT, TO(LOCAL), true },
	{ 0x52, 0x53, TO(LOCAL), true },	/* PTM */
	{ TLPB_MSG_VENDOR_TYPE0, TLPB_MSG_VENDOR_TYPE1, VENDOR_ROUTING, false },
};

static const struct message_rule *message_rule(uint8_t code)
{
	static const struct message_rule unknown = { 0, 0xff, ANY_ROUTING, false };

	for (unsigned i = 0; i < sizeof message_rules / sizeof message_rules[0]; i++)
		if (code >= message_rules[i].first && code <= message_rules[i].last)
			return &message_rules[i];
	return &unknown;
}

static bool breaks_message_tc(const struct tlpb_tlp *tlp, size_t mps)
{
	return tlp->tc && message_rule(tlp->message_code)->tc0;
}

static bool breaks_message_routing(const struct tlpb_tlp *tlp, size_t mps)
{
	return !(message_rule(tlp->message_code)->routings >> tlp->routing & 1);
}

static bool breaks_atomic_alignment(const struct tlpb_tlp *tlp, size_t mps)
{
	return tlp->address % operand_size(tlp) != 0;
}

#define KIND(name) (1u << TLPB_##name)

enum {
	MEMORY = KIND(MRD) | KIND(MRDLK) | KIND(MWR) | KIND(DMWR),
	ATOMICS = KIND(FETCHADD) | KIND(SWAP) | KIND(CAS),
	CONFIG_IO = KIND(IORD) | KIND(IOWR) | KIND(CFGRD0) | KIND(CFGRD1) | KIND(CFGWR0) | KIND(CFGWR1),
	MESSAGES = KIND(MSG) | KIND(MSGD),
	ANY_KIND = (1u << TLPB_TLP_KINDS) - 1,
};

/* In the order of enum tlpb_rule: the first one broken is the verdict. */
static const struct {
	enum tlpb_rule rule;
	unsigned kinds;		/* that it is about: the others need not ask */
	bool (*broken)(const struct tlpb_tlp *tlp, size_t mps);
} rules[] = {
	{ TLPB_RULE_MPS_EXCEEDED, ANY_KIND, exceeds_mps },
	{ TLPB_RULE_CROSSES_4K, MEMORY | ATOMICS, crosses_4k },
	{ TLPB_RULE_BYTE_ENABLES, MEMORY, breaks_byte_enables },
	{ TLPB_RULE_CFG_IO_LENGTH, CONFIG_IO, breaks_config_io_length },
	{ TLPB_RULE_CFG_IO_TC, CONFIG_IO, breaks_config_io_tc },
	{ TLPB_RULE_CFG_IO_LAST_BE, CONFIG_IO, breaks_config_io_last_be },
	{ TLPB_RULE_MSG_TC, MESSAGES, breaks_message_tc },
	{ TLPB_RULE_MSG_ROUTING, MESSAGES, breaks_message_routing },
	{ TLPB_RULE_ATOMIC_LENGTH, ATOMICS, breaks_atomic_length },
	{ TLPB_RULE_ATOMIC_ALIGNMENT, ATOMICS, breaks_atomic_alignment },
};

enum tlpb_rule tlpb__tlp_take(const uint8_t *bytes, size_t len, size_t mps, struct tlpb_tlp *tlp)
{
	struct tlp_shape shape;
	enum tlpb_rule rule = tlpb__tlp_shape(bytes, len, &shape);
	unsigned kind;

	if (rule)
		return rule;
	if (tlpb__tlp_unpack_shaped(bytes, len, &shape, rule, tlp) ||
	    len != shape.payload + tlp->payload_len + (tlp->td ? 4 : 0))
		return TLPB_RULE_SIZE_MISMATCH;
	kind = 1u << tlp->kind;
	for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (rules[i].kinds & kind && rules[i].broken(tlp, mps))
			return rules[i].rule;
	return TLPB_RULE_NONE;
}

enum tlpb_rule tlpb_tlp_check(const uint8_t *bytes, size_t len, size_t mps)
{
	struct tlpb_tlp tlp;

	return tlpb__tlp_take(bytes, len, mps, &tlp);
}
