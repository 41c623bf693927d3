/* SPDX-License-Identifier: MIT */
/* TLPs to verdicts, given a state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlpbridge/judge.h>
#include <tlpbridge/tlp.h>
#include "tlp_kinds.h"
#include "tlp_lines.h"

/*
 * Which way a TLP goes that does not say it: completions go to whoever has the
 * requester ID, messages come from it, and other requests come to the function.
 */
static enum tlpb_judge_side usual_side(const struct tlpb_judge_state *state,
				       const uint8_t *bytes, size_t count)
{
	struct tlpb_tlp tlp;

	tlpb_tlp_unpack(bytes, count, &tlp);
	if (tlp.kind == TLPB_TLP_KINDS || !state->has_id)
		return TLPB_JUDGE_RECEIVED;
	switch (tlp_kinds[tlp.kind].layout) {
	case TLP_COMPLETION:
		return tlp.requester_id == state->id ? TLPB_JUDGE_RECEIVED : TLPB_JUDGE_SENT;
	case TLP_MESSAGE:
		return tlp.requester_id == state->id ? TLPB_JUDGE_SENT : TLPB_JUDGE_RECEIVED;
	default:
		return TLPB_JUDGE_RECEIVED;
	}
}

static cJSON *judgement_to_json(const uint8_t *bytes, size_t count, struct tlpb_judgement judgement)
{
	cJSON *out = cJSON_CreateObject();
	struct tlpb_tlp tlp;
	char mnemonic[TLP_MNEMONIC];

	tlpb_tlp_unpack(bytes, count, &tlp);
	if (tlp.kind < TLPB_TLP_KINDS)
		cJSON_AddStringToObject(out, "mnemonic", tlp_mnemonic(&tlp, mnemonic));
	cJSON_AddStringToObject(out, "verdict", tlpb_verdict_name(judgement.verdict));
	if (*judgement.rule)
		cJSON_AddStringToObject(out, "rule_id", judgement.rule);
	return out;
}

static bool judge_hex(const struct tlp_options *options, const char *hex, size_t len, char mark,
		      char why[JSON_WHY])
{
	struct tlpb_judge_state *state = options->state;
	enum tlpb_judge_side side;
	struct tlpb_judgement judgement;
	size_t count;
	uint8_t *bytes = tlp_read_hex(hex, len, &count, why);
	cJSON *out;

	if (!bytes)
		return false;
	side = mark == '>' ? TLPB_JUDGE_SENT : TLPB_JUDGE_RECEIVED;
	if (!mark)
		side = usual_side(state, bytes, count);
	judgement = options->follow ? tlpb_judge_next(state, side, bytes, count)
				    : tlpb_judge(state, side, bytes, count);
	out = judgement_to_json(bytes, count, judgement);
	free(bytes);
	return tlp_print_object(out, why);
}

static bool judge_object(const struct tlp_options *options, const char *line, size_t len,
			 char why[JSON_WHY])
{
	cJSON *object = tlp_read_object(line, len, why);
	const char *hex = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "tlp_hex"));
	bool done = false;

	if (hex)
		done = judge_hex(options, hex, strlen(hex), '\0', why);
	else if (object)
		snprintf(why, JSON_WHY, "tlp_hex is missing");
	cJSON_Delete(object);
	return done;
}

bool tlp_check_line(const struct tlp_options *options, const char *line, size_t len,
		    char why[JSON_WHY])
{
	char mark = *line == '<' || *line == '>' ? *line : '\0';

	if (*line == '{')
		return judge_object(options, line, len, why);
	return judge_hex(options, line + !!mark, len - !!mark, mark, why);
}
