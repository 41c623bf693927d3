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

/* Bytes of memory that an atomic works on: CAS carries two operands (2.2.7). */
static size_t operand_size(const struct tlpb_tlp *tlp)
{
	size_t data = 4u * tlp->length_dw;

	return tlp->kind == TLPB_CAS ? data / 2 : data;
}

static bool breaks_atomic_length(const struct tlpb_tlp *tlp)
{
	size_t size = operand_size(tlp);

	/* 32 or 64 bits; CAS also 128, and two operands make an even Length. */
	if (tlp->kind == TLPB_CAS)
		return tlp->length_dw % 2 || (size != 4 && size != 8 && size != 16);
	return size != 4 && size != 8;
}

static bool crosses_4k(const struct tlpb_tlp *tlp, size_t size)
{
	return tlp->address % TLPB_PAGE + size > TLPB_PAGE;
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

static bool breaks_byte_enables(const struct tlpb_tlp *tlp)
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

/* ---- what a kind may break, in the order of enum tlpb_rule: the first one is the verdict ---- */

static enum tlpb_rule memory_rule(const struct tlpb_tlp *tlp)
{
	if (crosses_4k(tlp, 4u * tlp->length_dw))
		return TLPB_RULE_CROSSES_4K;
	return breaks_byte_enables(tlp) ? TLPB_RULE_BYTE_ENABLES : TLPB_RULE_NONE;
}

static enum tlpb_rule atomic_rule(const struct tlpb_tlp *tlp)
{
	if (breaks_atomic_length(tlp))	/* there is no operand that could cross or be aligned */
		return TLPB_RULE_ATOMIC_LENGTH;
	if (crosses_4k(tlp, operand_size(tlp)))
		return TLPB_RULE_CROSSES_4K;
	return tlp->address % operand_size(tlp) ? TLPB_RULE_ATOMIC_ALIGNMENT : TLPB_RULE_NONE;
}

static enum tlpb_rule config_io_rule(const struct tlpb_tlp *tlp)
{
	if (tlp->length_dw != 1)
		return TLPB_RULE_CFG_IO_LENGTH;
	if (tlp->tc)
		return TLPB_RULE_CFG_IO_TC;
	return tlp->last_be ? TLPB_RULE_CFG_IO_LAST_BE : TLPB_RULE_NONE;
}

static enum tlpb_rule msg_rule(const struct tlpb_tlp *tlp)
{
	const struct message_rule *rule = message_rule(tlp->message_code);

	if (tlp->tc && rule->tc0)
		return TLPB_RULE_MSG_TC;
	return rule->routings >> tlp->routing & 1 ? TLPB_RULE_NONE : TLPB_RULE_MSG_ROUTING;
}

static enum tlpb_rule rule_of_kind(const struct tlpb_tlp *tlp)
{
	switch (tlp->kind) {
	case TLPB_MRD: case TLPB_MRDLK: case TLPB_MWR: case TLPB_DMWR:
		return memory_rule(tlp);
	case TLPB_FETCHADD: case TLPB_SWAP: case TLPB_CAS:
		return atomic_rule(tlp);
	case TLPB_IORD: case TLPB_IOWR:
	case TLPB_CFGRD0: case TLPB_CFGRD1: case TLPB_CFGWR0: case TLPB_CFGWR1:
		return config_io_rule(tlp);
	case TLPB_MSG: case TLPB_MSGD:
		return msg_rule(tlp);
	default:
		return TLPB_RULE_NONE;
	}
}

enum tlpb_rule tlpb__tlp_take(const uint8_t *bytes, size_t len, size_t mps, struct tlpb_tlp *tlp)
{
	size_t size;
	enum tlpb_rule rule = tlpb__tlp_decode(bytes, len, tlp, &size);

	if (rule)
		return rule;
	if (len != size)
		return TLPB_RULE_SIZE_MISMATCH;
	return tlp->payload_len > mps ? TLPB_RULE_MPS_EXCEEDED : rule_of_kind(tlp);
}

enum tlpb_rule tlpb_tlp_check(const uint8_t *bytes, size_t len, size_t mps)
{
	struct tlpb_tlp tlp;

	return tlpb__tlp_take(bytes, len, mps, &tlp);
}
