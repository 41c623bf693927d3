/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/err.h>

#include "inject.h"
#include "tlp_form.h"

enum {
	TAGS = 1024,		/* 10 bits */
	HELD_MAX = 1024,	/* TLPs held back in a direction; further ones pass */
	STATUS_SHIFT = 13,	/* in the second DW of a completion */
};

struct held_tlp {
	struct held_tlp *next;
	unsigned wait;		/* TLPs that pass first */
	uint32_t sequence;
	size_t len;
	uint8_t bytes[];
};

/* What becomes of the completions of an outstanding request, by its direction and tag. */
struct planned_answer {
	enum inject_action action;	/* INJECT_DROP: of the rest, the first one is through */
	enum tlpb_cpl_status status;
};

struct inject {
	struct inject_rule rule[TLPB_INJECT_RULES];
	char *text[TLPB_INJECT_RULES];		/* of each, as it was given */
	unsigned rules;
	uint64_t fired;
	struct held_tlp *held[INJECT_DIRECTIONS];	/* in the order of coming */
	unsigned held_count[INJECT_DIRECTIONS];
	struct planned_answer answer[INJECT_DIRECTIONS][TAGS];
};

struct rule_text {
	const char *at;
	size_t len;
};

/* ---- rules ---- */

/* Blank rules, as behind a last ';', are none. */
static bool is_blank(const char *text, size_t len)
{
	return strspn(text, " \t\r") >= len;
}

/* text: where each begins and how long it is; NULL: of no interest. */
static int parse_all(const char *rules, struct inject_rule *rule, unsigned max, unsigned *count,
		     struct rule_text *text, char *why, size_t size)
{
	*count = 0;
	for (const char *p = rules ? rules : ""; *p;) {
		size_t len = strcspn(p, ";\n");

		if (!is_blank(p, len)) {
			int err = TLPB_ERR_TOO_LARGE;

			if (*count == max)
				snprintf(why, size, "more than %d rules", TLPB_INJECT_RULES);
			else
				err = tlpb__inject_rule_parse(p, len, &rule[*count], why, size);
			if (err)
				return err;
			if (text)
				text[*count] = (struct rule_text){ p, len };
			++*count;
		}
		p += len + (p[len] != 0);
	}
	return 0;
}

int tlpb_inject_check(const char *rules, char *why, size_t why_size)
{
	struct inject_rule rule[TLPB_INJECT_RULES];
	unsigned count;

	return parse_all(rules, rule, TLPB_INJECT_RULES, &count, NULL, why, why_size);
}

static char *trimmed(const struct rule_text *text)
{
	size_t begin = strspn(text->at, " \t\r"), end = text->len;

	while (end > begin && strchr(" \t\r", text->at[end - 1]))
		end--;
	return strndup(text->at + begin, end - begin);
}

/* Behind the rules that are there, which are not counted up yet. */
static bool keep_texts(struct inject *plan, const struct rule_text *text, unsigned count)
{
	char **kept = plan->text + plan->rules;

	for (unsigned i = 0; i < count; i++) {
		free(kept[i]);		/* of an attempt that failed */
		kept[i] = trimmed(&text[i]);
		if (!kept[i])
			return false;
	}
	return true;
}

int tlpb__inject_add(struct inject *plan, const char *rules, char *why, size_t why_size)
{
	struct rule_text text[TLPB_INJECT_RULES];
	unsigned count;
	int err = parse_all(rules, plan->rule + plan->rules, TLPB_INJECT_RULES - plan->rules, &count,
			    text, why, why_size);

	if (err)
		return err;
	if (!keep_texts(plan, text, count)) {
		snprintf(why, why_size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	plan->rules += count;
	return 0;
}

void tlpb__inject_list(const struct inject *plan, struct tlpb_inject_list *list)
{
	memset(list, 0, sizeof *list);
	list->rules = plan ? plan->rules : 0;
	for (unsigned i = 0; i < list->rules; i++) {
		struct tlpb_injected *to = &list->rule[i];

		snprintf(to->text, sizeof to->text, "%s", plan->text[i]);
		to->matches = plan->rule[i].matches;
		to->fired = plan->rule[i].fired;
	}
}

/* ---- life ---- */

struct inject *tlpb__inject_new(void)
{
	return calloc(1, sizeof(struct inject));
}

void tlpb__inject_restart(struct inject *plan)
{
	for (unsigned to = 0; to < INJECT_DIRECTIONS; to++) {
		while (plan->held[to]) {
			struct held_tlp *h = plan->held[to];

			plan->held[to] = h->next;
			free(h);
		}
		plan->held_count[to] = 0;
	}
	memset(plan->answer, 0, sizeof plan->answer);
}

void tlpb__inject_free(struct inject *plan)
{
	if (!plan)
		return;
	tlpb__inject_restart(plan);
	for (unsigned i = 0; i < TLPB_INJECT_RULES; i++)
		free(plan->text[i]);
	free(plan);
}

int tlpb__inject_change(struct inject **plan, const char *rules, char *why, size_t why_size)
{
	int err;

	if (!rules) {
		tlpb__inject_free(*plan);
		*plan = NULL;
		return 0;
	}
	err = tlpb_inject_check(rules, why, why_size);
	if (err)
		return err;
	if (!*plan)
		*plan = tlpb__inject_new();
	if (*plan)
		return tlpb__inject_add(*plan, rules, why, why_size);
	snprintf(why, why_size, "out of memory");
	return TLPB_ERR_NOMEM;
}

uint64_t tlpb__inject_fired(const struct inject *plan)
{
	return plan ? plan->fired : 0;
}

/* ---- does a rule act on a TLP? ---- */

/* splitmix64: a full period from any seed. */
static uint64_t next_random(struct inject_rule *rule)
{
	uint64_t z = rule->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool is_config(const struct tlpb_tlp *tlp)
{
	return tlpb__tlp_form(tlp->kind)->layout == LAYOUT_CONFIG;
}

static bool has_address(const struct tlpb_tlp *tlp)
{
	return tlpb__tlp_form(tlp->kind)->layout == LAYOUT_ADDRESS || is_config(tlp);
}

/* Does the request touch the rule's addresses? */
static bool touches(const struct inject_rule *rule, const struct tlpb_tlp *tlp)
{
	uint64_t addr = is_config(tlp) ? tlp->reg_offset : tlp->address;
	unsigned span = 4;

	if (!has_address(tlp))
		return false;
	if (tlp->first_be || tlp->last_be) {
		addr += tlpb_first_byte(tlp->first_be);
		span = tlpb_byte_count(tlp->length_dw, tlp->first_be, tlp->last_be);
	}
	return addr <= rule->last && addr + span - 1 >= rule->first;
}

static bool action_fits(const struct inject_rule *rule, const struct tlpb_tlp *tlp)
{
	switch (rule->action) {
	case INJECT_POISON:
		return tlp->payload_len;
	case INJECT_CORRUPT:
		return rule->part != INJECT_DATA || tlp->payload_len;
	case INJECT_STATUS:
		return tlpb_kind_class(tlp->kind) == TLPB_NON_POSTED &&
		       (rule->status != TLPB_CPL_CRS || is_config(tlp));
	case INJECT_TIMEOUT:
		return tlpb_kind_class(tlp->kind) == TLPB_NON_POSTED;
	default:
		return true;
	}
}

static bool matches(const struct inject_rule *rule, enum inject_direction to,
		    const struct tlpb_tlp *tlp)
{
	return rule->directions >> to & 1 && rule->kinds >> tlp->kind & 1 &&
	       action_fits(rule, tlp) && (!rule->has_address || touches(rule, tlp));
}

/* Counts a TLP that matches: is it the one's turn? */
static bool has_turn(struct inject_rule *rule)
{
	uint64_t nth = ++rule->matches - rule->after;

	if (rule->matches <= rule->after || (rule->count && rule->fired >= rule->count))
		return false;
	if (nth % rule->every)
		return false;
	return rule->chance >> 32 || (next_random(rule) >> 32) < rule->chance;
}

static struct inject_rule *find_acting(struct inject *plan, enum inject_direction to,
				       const struct tlpb_tlp *tlp)
{
	for (unsigned i = 0; i < plan->rules; i++)
		if (matches(&plan->rule[i], to, tlp) && has_turn(&plan->rule[i]))
			return &plan->rule[i];
	return NULL;
}

/* ---- what it does ---- */

static void poison(uint8_t *bytes, size_t len)
{
	struct tlp_shape shape;

	if (!tlpb__tlp_shape(bytes, len, &shape))
		bytes[shape.header + 2] |= 0x40;
}

static void corrupt(struct inject_rule *rule, uint8_t *bytes, size_t len)
{
	size_t begin = 0, end = len;
	struct tlp_shape shape;
	uint64_t bit;

	if (tlpb__tlp_shape(bytes, len, &shape))
		return;
	if (rule->part == INJECT_DATA)
		begin = shape.payload;
	if (rule->part == INJECT_HEADER)
		end = shape.payload;
	bit = (rule->has_bit ? rule->bit : next_random(rule)) % (8 * (end - begin));
	bytes[begin + bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* False: too many are, or there is no memory: it passes. */
static bool hold_back(struct inject *plan, enum inject_direction to, unsigned tlps,
		      const uint8_t *bytes, size_t len, uint32_t sequence)
{
	struct held_tlp **last = &plan->held[to], *h;

	if (plan->held_count[to] == HELD_MAX)
		return false;
	h = malloc(sizeof *h + len);
	if (!h)
		return false;
	*h = (struct held_tlp){ .wait = tlps + 1, .sequence = sequence, .len = len };
	memcpy(h->bytes, bytes, len);
	while (*last)
		last = &(*last)->next;
	*last = h;
	plan->held_count[to]++;
	return true;
}

static void act(struct inject *plan, struct inject_rule *rule, enum inject_direction to,
		const struct tlpb_tlp *tlp, uint8_t *bytes, size_t len, uint32_t sequence,
		struct inject_verdict *verdict)
{
	struct planned_answer *answer = &plan->answer[to][tlp->tag];

	switch (rule->action) {
	case INJECT_NONE:
	case INJECT_DROP:
		verdict->copies = 0;
		break;
	case INJECT_DELAY:
		verdict->wait_ms = rule->delay_ms;
		if (rule->delay_tlps && hold_back(plan, to, rule->delay_tlps, bytes, len, sequence))
			verdict->copies = 0;
		break;
	case INJECT_DUPLICATE:
		verdict->copies = 2;
		break;
	case INJECT_POISON:
		poison(bytes, len);
		break;
	case INJECT_CORRUPT:
		corrupt(rule, bytes, len);
		break;
	case INJECT_STATUS:
	case INJECT_TIMEOUT:
		*answer = (struct planned_answer){ rule->action, rule->status };
		break;
	case INJECT_LINKDOWN:
		verdict->copies = 0;
		verdict->link_down = true;
		break;
	case INJECT_ERROR:
		verdict->has_error = true;
		verdict->error = rule->error;
		break;
	}
}

/* ---- completions of requests that a rule chose ---- */

/* The same completion without data and with another status. A digest would be wrong: it goes. */
static size_t refusal(const struct tlpb_tlp *tlp, enum tlpb_cpl_status status, uint8_t *bytes)
{
	struct tlpb_tlp c = *tlp;
	bool locked = tlp->kind == TLPB_CPLLK || tlp->kind == TLPB_CPLDLK;
	int len;

	c.kind = locked ? TLPB_CPLLK : TLPB_CPL;
	c.status = (uint8_t)status;
	c.lower_address = 0;
	c.length_dw = 0;
	c.payload = NULL;
	c.payload_len = 0;
	c.ep = c.td = false;
	len = tlpb_tlp_pack(&c, bytes, TLPB_MAX_TLP);
	return len < 0 ? 0 : (size_t)len;
}

static enum inject_direction other(enum inject_direction to)
{
	return to == INJECT_TO_HOST ? INJECT_TO_DEVICE : INJECT_TO_HOST;
}

static void answer_as_planned(struct planned_answer *answer, const struct tlpb_tlp *tlp,
			      uint8_t *bytes, size_t *len, struct inject_verdict *verdict)
{
	verdict->action = answer->action;
	verdict->fired = 0;		/* counted with the request */
	if (answer->action == INJECT_STATUS) {
		*len = refusal(tlp, answer->status, bytes);
	} else {
		verdict->copies = 0;
		verdict->timed_out = answer->action == INJECT_TIMEOUT;
	}
	answer->action = INJECT_DROP;	/* what else comes for it */
}

/* ---- a TLP ---- */

static void count_down(struct inject *plan, enum inject_direction to)
{
	for (struct held_tlp *h = plan->held[to]; h; h = h->next)
		h->wait -= h->wait > 0;
}

void tlpb__inject_apply(struct inject *plan, enum inject_direction to, uint8_t *bytes, size_t *len,
			uint32_t sequence, struct inject_verdict *verdict)
{
	struct inject_rule *rule;
	struct tlpb_tlp tlp;
	enum tlpb_tlp_class cls;

	*verdict = (struct inject_verdict){ .copies = 1 };
	if (tlpb_tlp_unpack(bytes, *len, &tlp))
		return;
	cls = tlpb_kind_class(tlp.kind);
	if (cls == TLPB_NON_POSTED)	/* the tag is a new request's */
		plan->answer[to][tlp.tag].action = INJECT_NONE;
	if (cls == TLPB_COMPLETION && plan->answer[other(to)][tlp.tag].action) {
		answer_as_planned(&plan->answer[other(to)][tlp.tag], &tlp, bytes, len, verdict);
	} else if ((rule = find_acting(plan, to, &tlp))) {
		verdict->action = rule->action;
		verdict->fired = ++rule->fired;
		plan->fired++;
		act(plan, rule, to, &tlp, bytes, *len, sequence, verdict);
	}
	count_down(plan, to);
}

size_t tlpb__inject_due(struct inject *plan, enum inject_direction to, uint8_t *bytes,
			uint32_t *sequence)
{
	struct held_tlp **at = &plan->held[to], *h;
	size_t len;

	while (*at && (*at)->wait)
		at = &(*at)->next;
	h = *at;
	if (!h)
		return 0;
	*at = h->next;
	plan->held_count[to]--;
	len = h->len;
	*sequence = h->sequence;
	memcpy(bytes, h->bytes, len);
	free(h);
	return len;
}
