/* SPDX-License-Identifier: MIT */
/*
 * The rules that need a state, as a table: which kinds of TLP, going which way, break
 * which rule when, and what comes of it. The first rule broken decides, so their order
 * is the precedence of errors (6.2.3.2.3).
 */
#include <string.h>

#include "judge_private.h"
#include "tlp_form.h"

static const char *const verdict_names[] = {
#define VERDICT_NAME(name) #name,
	TLPB_VERDICT_LIST(VERDICT_NAME)
#undef VERDICT_NAME
};

const char *tlpb_verdict_name(enum tlpb_verdict verdict)
{
	return (unsigned)verdict < sizeof verdict_names / sizeof verdict_names[0]
		       ? verdict_names[verdict] : "";
}

/* What every endpoint takes: Unlock, PME_Turn_Off, Set_Slot_Power_Limit, and the codes
 * of earlier revisions that are to be ignored (2.2.8). */
static const uint8_t usual_messages[] = {
	TLPB_MSG_UNLOCK, TLPB_MSG_PME_TURN_OFF, TLPB_MSG_SET_SLOT_POWER_LIMIT,
	0x40, 0x41, 0x43, 0x44, 0x45, 0x47, 0x48,
};

void tlpb_judge_take_message(struct tlpb_judge_state *state, uint8_t code, bool take)
{
	uint8_t bit = (uint8_t)(1u << code % 8);

	state->messages[code / 8] &= (uint8_t)~bit;
	if (take)
		state->messages[code / 8] |= bit;
}

void tlpb_judge_init(struct tlpb_judge_state *state)
{
	*state = (struct tlpb_judge_state){
		.functions = 1, .mps = TLPB_MAX_PAYLOAD, .mrrs = TLPB_MAX_PAYLOAD, .rcb = 64,
		.tcs = 0xff, .tags = TLPB_TAGS, .memory_enable = true, .io_enable = true,
		.bus_master_enable = true, .ready = true,
	};
	for (unsigned i = 0; i < sizeof usual_messages; i++)
		tlpb_judge_take_message(state, usual_messages[i], true);
}

struct tlpb_judge_request *tlpb_judge_find(const struct tlpb_judge_state *state,
					 uint16_t requester_id, uint16_t tag)
{
	for (size_t i = 0; i < state->outstanding_count; i++) {
		struct tlpb_judge_request *o = &state->outstanding[i];

		if (o->request.requester_id == requester_id && o->request.tag == tag)
			return o;
	}
	return NULL;
}

/* Of this device, any function of it. */
static bool is_own_id(const struct tlpb_judge_state *state, uint16_t id)
{
	return (id & ~7) == (state->id & ~7) &&
	       (id == state->id || state->functions >> (id & 7) & 1);
}

static bool is_foreign_id(const struct tlpb_judge_state *state, uint16_t id)
{
	return state->has_id && !is_own_id(state, id);
}

/* Whoever sends it */

static bool tc_not_mapped(const struct judged *j)
{
	return !(j->state->tcs >> j->tlp->tc & 1);
}

static bool wrong_digest(const struct judged *j)
{
	return j->state->ecrc_check && j->tlp->td &&
	       tlpb_tlp_ecrc(j->bytes, j->len - 4) != j->tlp->ecrc;
}

static bool nobody_asked(const struct judged *j)
{
	return !j->of || (j->side == TLPB_JUDGE_RECEIVED &&
			  is_foreign_id(j->state, j->tlp->requester_id));
}

static bool poisoned(const struct judged *j)
{
	return j->tlp->ep && tlpb_kind_has_data(j->tlp->kind);
}

static bool tag_in_use(const struct judged *j)
{
	return tlpb_judge_find(j->state, j->tlp->requester_id, j->tlp->tag);
}

static bool too_many(const struct judged *j)
{
	return j->state->outstanding_count == j->state->outstanding_room;
}

static bool needs_no_4dw(const struct judged *j)
{
	return j->tlp->hdr_4dw && j->tlp->address <= UINT32_MAX;
}

/* What the endpoint receives */

static bool is_intx(const struct judged *j)
{
	return j->tlp->message_code >= TLPB_MSG_ASSERT_INTA &&
	       j->tlp->message_code <= TLPB_MSG_DEASSERT_INTA + 3;
}

static bool in_reset(const struct judged *j)
{
	return j->state->in_reset;
}

static bool always(const struct judged *j)
{
	return true;
}

static bool no_function(const struct judged *j)
{
	return !(j->state->functions >> (j->tlp->dest_id & 7) & 1);
}

static bool not_ready(const struct judged *j)
{
	return !j->state->ready;
}

static bool message_not_taken(const struct judged *j)
{
	return !(j->state->messages[j->tlp->message_code / 8] >> j->tlp->message_code % 8 & 1);
}

static bool vendor_type1_not_taken(const struct judged *j)
{
	return j->tlp->message_code == TLPB_MSG_VENDOR_TYPE1 && message_not_taken(j);
}

static bool not_in_d0(const struct judged *j)
{
	return j->state->d_state != 0;
}

static bool memory_disabled(const struct judged *j)
{
	return !j->state->memory_enable;
}

static bool io_disabled(const struct judged *j)
{
	return !j->state->io_enable;
}

static bool not_legacy(const struct judged *j)
{
	return !j->state->legacy;
}

static bool atomic_size(const struct judged *j)
{
	return !(j->state->atomic_sizes & tlpb__judge_bytes_asked(j->tlp));
}

static bool no_deferrable(const struct judged *j)
{
	return !j->state->deferrable_writes;
}

/* Bytes of address space that a request needs, in whole doublewords. */
static uint64_t span(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_CAS ? 2u * tlp->length_dw : 4u * tlp->length_dw;
}

static bool no_bar(const struct judged *j)
{
	bool io = j->tlp->kind == TLPB_IORD || j->tlp->kind == TLPB_IOWR;

	for (size_t i = 0; i < j->state->bar_count; i++) {
		const struct tlpb_judge_bar *bar = &j->state->bars[i];
		uint64_t offset = j->tlp->address - bar->base;	/* wraps below the BAR */

		if (bar->io == io && offset < bar->size && span(j->tlp) <= bar->size - offset)
			return false;
	}
	return true;
}

/* What it sends */

static bool foreign_requester(const struct judged *j)
{
	return is_foreign_id(j->state, j->tlp->requester_id);
}

static bool foreign_completer(const struct judged *j)
{
	return is_foreign_id(j->state, j->tlp->completer_id);
}

static bool no_bus_master(const struct judged *j)
{
	return !j->state->bus_master_enable;
}

static bool exceeds_mrrs(const struct judged *j)
{
	return 4u * j->tlp->length_dw > j->state->mrrs;
}

static bool tag_too_large(const struct judged *j)
{
	return j->tlp->tag >= j->state->tags;
}

enum outcome { BAD, BAD_DIGEST, UNSUPPORTED, RETRY, DROP, RESET, NOT_EXPECTED, POISON, SENDER };

/* By what a TLP is: posted, non-posted, completion. */
static const uint8_t verdicts[][3] = {
#define ALL(name) { TLPB_VERDICT_##name, TLPB_VERDICT_##name, TLPB_VERDICT_##name }
	[BAD] = ALL(MALFORMED),
	[BAD_DIGEST] = ALL(ECRC_ERROR),
	[UNSUPPORTED] = { TLPB_VERDICT_UR_POSTED, TLPB_VERDICT_UR },
	[RETRY] = ALL(CRS),
	[DROP] = ALL(DROPPED),
	[RESET] = { TLPB_VERDICT_DROPPED, TLPB_VERDICT_UR, TLPB_VERDICT_UNEXPECTED },
	[NOT_EXPECTED] = ALL(UNEXPECTED),
	[POISON] = { TLPB_VERDICT_POISONED_POSTED, TLPB_VERDICT_POISONED_UR,
		     TLPB_VERDICT_POISONED_COMPLETION },
	[SENDER] = ALL(VIOLATION),
#undef ALL
};

#define K(kind) (1u << TLPB_##kind)

enum {
	IN = 1 << TLPB_JUDGE_RECEIVED, OUT = 1 << TLPB_JUDGE_SENT, BOTH = IN | OUT,

	ATOMICS = K(FETCHADD) | K(SWAP) | K(CAS),
	READS = K(MRD) | K(MRDLK),
	MEMORY = READS | K(MWR) | K(DMWR) | ATOMICS,
	IO = K(IORD) | K(IOWR),
	CONFIG1 = K(CFGRD1) | K(CFGWR1),
	CONFIG = K(CFGRD0) | K(CFGWR0) | CONFIG1,
	MESSAGES = K(MSG) | K(MSGD),
	COMPLETIONS = K(CPL) | K(CPLD) | K(CPLLK) | K(CPLDLK),
	NON_POSTED = (MEMORY & ~K(MWR)) | IO | CONFIG,
	REQUESTS = MEMORY | IO | CONFIG | MESSAGES,
	ANY = REQUESTS | COMPLETIONS,
};

static const struct rule {
	const char *name;
	uint8_t sides;
	uint32_t kinds;
	enum outcome outcome;
	bool (*broken)(const struct judged *j);
} rules[] = {
	{ "TC_NOT_MAPPED", BOTH, ANY, BAD, tc_not_mapped },
	{ "INTX_DOWNSTREAM", IN, MESSAGES, BAD, is_intx },
	{ "ECRC", BOTH, ANY, BAD_DIGEST, wrong_digest },

	{ "RESET", IN, ANY, RESET, in_reset },
	{ "UNEXPECTED_COMPLETION", BOTH, COMPLETIONS, NOT_EXPECTED, nobody_asked },
	{ "CRS_NOT_CONFIG", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_crs },
	{ "CPL_LOCKED", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_locked },
	{ "CPL_DATA", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_data },
	{ "CPL_TC", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_tc },
	{ "CPL_ATTRIBUTES", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_attributes },
	{ "CPL_BYTE_COUNT", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_byte_count },
	{ "CPL_LOWER_ADDRESS", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_lower_address },
	{ "CPL_LENGTH", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_length },
	{ "CPL_RCB", BOTH, COMPLETIONS, BAD, tlpb__judge_cpl_rcb },

	{ "CFG_TYPE1", IN, CONFIG1, UNSUPPORTED, always },
	{ "NO_FUNCTION", IN, CONFIG, UNSUPPORTED, no_function },
	{ "NOT_READY", IN, CONFIG, RETRY, not_ready },
	{ "VENDOR_TYPE1", IN, MESSAGES, DROP, vendor_type1_not_taken },
	{ "MSG_UNSUPPORTED", IN, MESSAGES, UNSUPPORTED, message_not_taken },
	{ "D_STATE", IN, MEMORY | IO, UNSUPPORTED, not_in_d0 },
	{ "MEMORY_DISABLED", IN, MEMORY, UNSUPPORTED, memory_disabled },
	{ "IO_DISABLED", IN, IO, UNSUPPORTED, io_disabled },
	{ "LOCKED_READ", IN, K(MRDLK), UNSUPPORTED, not_legacy },
	{ "ATOMIC_SIZE", IN, ATOMICS, UNSUPPORTED, atomic_size },
	{ "DEFERRABLE_WRITE", IN, K(DMWR), UNSUPPORTED, no_deferrable },
	{ "NO_BAR", IN, MEMORY | IO, UNSUPPORTED, no_bar },
	{ "POISONED", BOTH, ANY, POISON, poisoned },

	{ "CONFIG_BY_ENDPOINT", OUT, CONFIG, SENDER, always },
	{ "LOCKED_BY_ENDPOINT", OUT, K(MRDLK), SENDER, always },
	{ "IO_BY_ENDPOINT", OUT, IO, SENDER, not_legacy },
	{ "REQUESTER_ID", OUT, REQUESTS, SENDER, foreign_requester },
	{ "COMPLETER_ID", OUT, COMPLETIONS, SENDER, foreign_completer },
	{ "BUS_MASTER_DISABLED", OUT, MEMORY | IO, SENDER, no_bus_master },
	{ "REQUEST_IN_D_STATE", OUT, MEMORY | IO, SENDER, not_in_d0 },
	{ "MRRS_EXCEEDED", OUT, READS, SENDER, exceeds_mrrs },
	{ "TAG_RANGE", OUT, NON_POSTED, SENDER, tag_too_large },
	{ "TAG_IN_USE", BOTH, NON_POSTED, SENDER, tag_in_use },
	{ "HEADER_4DW", BOTH, MEMORY, SENDER, needs_no_4dw },
	{ "TOO_MANY_OUTSTANDING", BOTH, NON_POSTED, SENDER, too_many },
};

static struct tlpb_judgement sentence(const struct judged *j, const struct rule *rule)
{
	enum tlpb_tlp_class cls = tlpb_kind_class(j->tlp->kind);

	return (struct tlpb_judgement){ (enum tlpb_verdict)verdicts[rule->outcome][cls], rule->name };
}

static struct tlpb_judgement try_rules(const struct judged *j)
{
	for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		const struct rule *rule = &rules[i];

		if (rule->sides >> j->side & 1 && rule->kinds >> j->tlp->kind & 1 && rule->broken(j))
			return sentence(j, rule);
	}
	return (struct tlpb_judgement){ TLPB_VERDICT_ACCEPT, "" };
}

struct tlpb_judgement tlpb_judge(const struct tlpb_judge_state *state, enum tlpb_judge_side side,
				 const uint8_t *bytes, size_t len)
{
	enum tlpb_rule malformed = tlpb_tlp_check(bytes, len, state->mps);
	struct tlpb_tlp tlp;
	struct judged j = { state, side, &tlp, bytes, len, NULL };

	if (malformed)
		return (struct tlpb_judgement){ TLPB_VERDICT_MALFORMED, tlpb_rule_name(malformed) };
	tlpb_tlp_unpack(bytes, len, &tlp);
	if (tlpb_kind_class(tlp.kind) == TLPB_COMPLETION)
		j.of = tlpb_judge_find(state, tlp.requester_id, tlp.tag);
	return try_rules(&j);
}

static void forget(struct tlpb_judge_state *state, struct tlpb_judge_request *o)
{
	*o = state->outstanding[--state->outstanding_count];
}

static void follow_request(struct tlpb_judge_state *state, const struct tlpb_tlp *tlp)
{
	struct tlpb_judge_request *o;

	if (state->outstanding_count == state->outstanding_room ||
	    tlpb_judge_find(state, tlp->requester_id, tlp->tag))
		return;
	o = &state->outstanding[state->outstanding_count++];
	*o = (struct tlpb_judge_request){ .request = *tlp };
	o->request.payload = NULL;
}

static void follow_completion(struct tlpb_judge_state *state, const struct tlpb_tlp *tlp)
{
	struct tlpb_judge_request *o = tlpb_judge_find(state, tlp->requester_id, tlp->tag);

	if (tlp->status == TLPB_CPL_SC && tlpb__judge_is_memory_read(o->request.kind)) {
		o->received += tlpb__judge_bytes_brought(o, tlp);
		if (o->received < tlpb__judge_bytes_asked(&o->request))
			return;
	}
	forget(state, o);
}

static bool is_dropped(enum tlpb_verdict verdict)
{
	return verdict == TLPB_VERDICT_MALFORMED || verdict == TLPB_VERDICT_ECRC_ERROR ||
	       verdict == TLPB_VERDICT_UNEXPECTED || verdict == TLPB_VERDICT_DROPPED;
}

struct tlpb_judgement tlpb_judge_next(struct tlpb_judge_state *state, enum tlpb_judge_side side,
				      const uint8_t *bytes, size_t len)
{
	struct tlpb_judgement judgement = tlpb_judge(state, side, bytes, len);
	struct tlpb_tlp tlp;

	if (is_dropped(judgement.verdict))
		return judgement;
	tlpb_tlp_unpack(bytes, len, &tlp);
	if (tlpb_kind_class(tlp.kind) == TLPB_NON_POSTED)
		follow_request(state, &tlp);
	else if (tlpb_kind_class(tlp.kind) == TLPB_COMPLETION)
		follow_completion(state, &tlp);
	return judgement;
}
