/* SPDX-License-Identifier: MIT */
/* Rules of error injection, from text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tlpbridge/err.h>

#include "config_aer.h"
#include "inject.h"

enum { WORD_MAX = 128, DELAY_MS_MAX = 60 * 1000, DELAY_TLPS_MAX = 1024 };

static const char *const action_names[] = {
	[INJECT_NONE] = "none", [INJECT_DROP] = "drop", [INJECT_DELAY] = "delay",
	[INJECT_DUPLICATE] = "duplicate", [INJECT_POISON] = "poison",
	[INJECT_CORRUPT] = "corrupt", [INJECT_STATUS] = "status", [INJECT_TIMEOUT] = "timeout",
	[INJECT_LINKDOWN] = "linkdown", [INJECT_ERROR] = "error",
};

enum { ACTIONS = sizeof action_names / sizeof action_names[0] };

const char *tlpb__inject_action_name(enum inject_action action)
{
	return action_names[action];
}

/* ---- values; each returns false for what it cannot be ---- */

static bool take_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool take_positive(const char *text, uint64_t *value)
{
	return take_number(text, value) && *value;
}

static bool take_limited(const char *text, unsigned max, unsigned *value)
{
	uint64_t number;

	if (!take_positive(text, &number) || number > max)
		return false;
	*value = (unsigned)number;
	return true;
}

static bool set_delay_tlps(struct inject_rule *rule, const char *text)
{
	return take_limited(text, DELAY_TLPS_MAX, &rule->delay_tlps);
}

static bool set_delay_ms(struct inject_rule *rule, const char *text)
{
	return take_limited(text, DELAY_MS_MAX, &rule->delay_ms);
}

static bool set_after(struct inject_rule *rule, const char *text)
{
	return take_number(text, &rule->after);
}

static bool set_every(struct inject_rule *rule, const char *text)
{
	return take_positive(text, &rule->every);
}

static bool set_count(struct inject_rule *rule, const char *text)
{
	return take_positive(text, &rule->count);
}

static bool set_seed(struct inject_rule *rule, const char *text)
{
	return take_number(text, &rule->random);
}

static bool set_bit(struct inject_rule *rule, const char *text)
{
	rule->has_bit = true;
	return take_number(text, &rule->bit);
}

static bool set_probability(struct inject_rule *rule, const char *text)
{
	char *end;
	double p = strtod(text, &end);

	if (end == text || *end || !(p >= 0 && p <= 1))
		return false;
	rule->chance = (uint64_t)(p * 4294967296.0);
	return true;
}

static bool set_address(struct inject_rule *rule, const char *text)
{
	char first[WORD_MAX];
	const char *dash = strchr(text, '-');

	snprintf(first, sizeof first, "%.*s", dash ? (int)(dash - text) : WORD_MAX - 1, text);
	rule->has_address = true;
	return take_number(first, &rule->first) &&
	       take_number(dash ? dash + 1 : first, &rule->last) && rule->first <= rule->last;
}

static bool set_direction(struct inject_rule *rule, const char *text)
{
	rule->directions = !strcmp(text, "device") ? 1u << INJECT_TO_DEVICE
			 : !strcmp(text, "host") ? 1u << INJECT_TO_HOST : 0;
	return rule->directions;
}

static bool set_part(struct inject_rule *rule, const char *text)
{
	rule->part = !strcmp(text, "header") ? INJECT_HEADER
		   : !strcmp(text, "data") ? INJECT_DATA : INJECT_ANY_PART;
	return rule->part != INJECT_ANY_PART;
}

static uint32_t kinds_of_class(enum tlpb_tlp_class cls)
{
	uint32_t kinds = 0;

	for (unsigned k = 0; k < TLPB_TLP_KINDS; k++)
		if (tlpb_kind_class((enum tlpb_tlp_kind)k) == cls)
			kinds |= 1u << k;
	return kinds;
}

static uint32_t kinds_named(const char *name)
{
	if (!strcasecmp(name, "posted"))
		return kinds_of_class(TLPB_POSTED);
	if (!strcasecmp(name, "nonposted"))
		return kinds_of_class(TLPB_NON_POSTED);
	if (!strcasecmp(name, "completion"))
		return kinds_of_class(TLPB_COMPLETION);
	for (unsigned k = 0; k < TLPB_TLP_KINDS; k++)
		if (!strcasecmp(name, tlpb_kind_name((enum tlpb_tlp_kind)k)))
			return 1u << k;
	return 0;
}

static bool set_kinds(struct inject_rule *rule, const char *text)
{
	char names[WORD_MAX], *rest, *name;

	snprintf(names, sizeof names, "%s", text);
	rule->kinds = 0;
	for (name = strtok_r(names, "|", &rest); name; name = strtok_r(NULL, "|", &rest)) {
		uint32_t kinds = kinds_named(name);

		if (!kinds)
			return false;
		rule->kinds |= kinds;
	}
	return rule->kinds;
}

static bool set_status(struct inject_rule *rule, const char *text)
{
	static const enum tlpb_cpl_status statuses[] = { TLPB_CPL_UR, TLPB_CPL_CA, TLPB_CPL_CRS };

	for (unsigned i = 0; i < 3; i++) {
		if (strcasecmp(text, tlpb_cpl_status_name(statuses[i])))
			continue;
		rule->status = statuses[i];
		return true;
	}
	return false;
}

/* ---- words ---- */

static const struct word {
	const char *key;
	bool (*set)(struct inject_rule *rule, const char *text);
	const char *wanted;
	unsigned actions;	/* bit n: belongs to this one only; 0: to all */
} words[] = {
	{ "type", set_kinds, "kinds of TLP such as MWr or MRd|CfgRd0, posted, nonposted or completion", 0 },
	{ "to", set_direction, "device or host", 0 },
	{ "addr", set_address, "an address or FIRST-LAST", 0 },
	{ "after", set_after, "a number", 0 },
	{ "every", set_every, "a number from 1", 0 },
	{ "count", set_count, "a number from 1", 0 },
	{ "probability", set_probability, "a number from 0 to 1", 0 },
	{ "seed", set_seed, "a number", 0 },
	{ "tlps", set_delay_tlps, "a number from 1 to 1024", 1u << INJECT_DELAY },
	{ "ms", set_delay_ms, "milliseconds, 1 to 60000", 1u << INJECT_DELAY },
	{ "bit", set_bit, "a number", 1u << INJECT_CORRUPT },
	{ "part", set_part, "header or data", 1u << INJECT_CORRUPT },
};

static int complain(char *why, size_t size, const char *text, int len, const char *cure)
{
	snprintf(why, size, "\"%.*s\": %s", len, text, cure);
	return TLPB_ERR_INVALID;
}

static const struct word *find_word(const char *key, const struct inject_rule *rule)
{
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strcmp(words[i].key, key) &&
		    (!words[i].actions || words[i].actions >> rule->action & 1))
			return &words[i];
	return NULL;
}

static int take_condition(struct inject_rule *rule, char *text, char *why, size_t size)
{
	char cure[WORD_MAX + 32], *equals = strchr(text, '=');
	const struct word *word;

	if (equals)
		*equals = 0;
	word = find_word(text, rule);
	if (!word) {
		snprintf(cure, sizeof cure, "%s knows no such word", action_names[rule->action]);
		return complain(why, size, text, WORD_MAX, cure);
	}
	if (equals && word->set(rule, equals + 1))
		return 0;
	snprintf(cure, sizeof cure, "must be %s", word->wanted);
	return complain(why, size, text, WORD_MAX, cure);
}

/* Those that can stand for themselves, by the names of the AER registers' bits. */
static const struct error_name {
	const char *name;
	unsigned error;
} error_names[] = {
	{ "receiver", AER_COR_RECEIVER }, { "bad-tlp", AER_COR_BAD_TLP },
	{ "bad-dllp", AER_COR_BAD_DLLP }, { "rollover", AER_COR_REPLAY_ROLLOVER },
	{ "replay-timeout", AER_COR_REPLAY_TIMEOUT }, { "cor-internal", AER_COR_INTERNAL },
	{ "dlp", AER_DATA_LINK_PROTOCOL }, { "poisoned", AER_POISONED },
	{ "fcp", AER_FLOW_CONTROL }, { "completion-timeout", AER_COMPLETION_TIMEOUT },
	{ "completer-abort", AER_COMPLETER_ABORT }, { "unexpected", AER_UNEXPECTED_COMPLETION },
	{ "overflow", AER_RECEIVER_OVERFLOW }, { "malformed", AER_MALFORMED }, { "ecrc", AER_ECRC },
	{ "unsupported", AER_UNSUPPORTED_REQUEST }, { "internal", AER_INTERNAL },
};

static bool set_error(struct inject_rule *rule, const char *text)
{
	for (unsigned i = 0; i < sizeof error_names / sizeof error_names[0]; i++) {
		if (strcmp(text, error_names[i].name))
			continue;
		rule->error = error_names[i].error;
		return true;
	}
	return false;
}

/* What stands behind the action; NULL: all is well. */
static const char *wrong_value(struct inject_rule *rule, const char *value)
{
	if (rule->action == INJECT_STATUS)
		return value && set_status(rule, value) ? NULL : "must be UR, CA or CRS";
	if (rule->action == INJECT_ERROR)
		return value && set_error(rule, value) ? NULL
			: "must be receiver, bad-tlp, bad-dllp, rollover, replay-timeout, "
			  "cor-internal, dlp, poisoned, fcp, completion-timeout, completer-abort, "
			  "unexpected, overflow, malformed, ecrc, unsupported or internal";
	return value ? "takes no value" : NULL;
}

/* "drop", "status=UR". */
static int take_action(struct inject_rule *rule, char *text, char *why, size_t size)
{
	char *equals = strchr(text, '=');
	const char *wrong;

	if (equals)
		*equals = 0;
	for (unsigned a = INJECT_DROP; a < ACTIONS; a++)
		if (!strcmp(text, action_names[a]))
			rule->action = (enum inject_action)a;
	if (rule->action == INJECT_NONE)
		return complain(why, size, text, WORD_MAX, "not an action: drop, delay, duplicate, "
				"poison, corrupt, status=, timeout, linkdown or error= comes first");
	wrong = wrong_value(rule, equals ? equals + 1 : NULL);
	return wrong ? complain(why, size, text, WORD_MAX, wrong) : 0;
}

/* What a rule lacks or contradicts as a whole; NULL: nothing. */
static const char *misfit(const struct inject_rule *rule)
{
	bool answers = rule->action == INJECT_STATUS || rule->action == INJECT_TIMEOUT;

	if (rule->action == INJECT_DELAY && !rule->delay_tlps == !rule->delay_ms)
		return "give either tlps= or ms=";
	if (answers && !(rule->kinds & kinds_of_class(TLPB_NON_POSTED)))
		return "type= must be requests that are answered: name the request, not its completion";
	return NULL;
}

int tlpb__inject_rule_parse(const char *text, size_t len, struct inject_rule *rule,
			    char *why, size_t why_size)
{
	char copy[TLPB_INJECT_TEXT], *rest, *word;
	int err;

	*rule = (struct inject_rule){ .kinds = (1u << TLPB_TLP_KINDS) - 1, .directions = 3,
				      .every = 1, .chance = 1ull << 32, .random = 1 };
	if (len >= sizeof copy)
		return complain(why, why_size, text, 32, "too long for a rule");
	snprintf(copy, sizeof copy, "%.*s", (int)len, text);
	word = strtok_r(copy, " \t\r", &rest);
	if (!word)
		return complain(why, why_size, "", 0, "an action is missing");
	err = take_action(rule, word, why, why_size);
	while (!err && (word = strtok_r(NULL, " \t\r", &rest)))
		err = take_condition(rule, word, why, why_size);
	if (!err && misfit(rule))
		err = complain(why, why_size, text, (int)len, misfit(rule));
	return err;
}
