/* SPDX-License-Identifier: MIT */
#include "dma_steps.h"

#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "place.h"
#include "text.h"

enum { PAUSE_MS = 2, PAUSE_MAX_MS = 50 };

/* ---- from the command line ---- */

static bool is_interrupt(const char *text)
{
	return !strncmp(text, "irq", 3) && (!text[3] || text[3] == ':');
}

static bool parse_seconds(const char *text, uint64_t *seconds)
{
	return parse_number(text, seconds) && *seconds <= 1u << 20;
}

/* Cut text at separator; what is behind it, or NULL. */
static char *cut(char *text, const char *separator)
{
	char *at = strstr(text, separator);

	if (!at)
		return NULL;
	*at = 0;
	return at + strlen(separator);
}

/* WHERE, WHERE=VALUE, WHERE&MASK, WHERE==VALUE, WHERE&MASK==VALUE, irq, irq:VECTOR */
static bool split(struct step *step)
{
	step->where = strdup(step->text);	/* for as long as the program runs */
	if (!step->where)
		return complain("out of memory");
	if (step->kind == STEP_POKE)
		step->value = cut(step->where, "=");
	if (step->kind == STEP_WAIT && is_interrupt(step->text))
		step->value = cut(step->where, ":");
	else if (step->kind == STEP_WAIT) {
		step->value = cut(step->where, "==");
		step->mask = cut(step->where, "&");
	}
	return true;
}

static bool pieces_well_formed(const struct step *step)
{
	return place_syntax(step->where) &&
	       (!step->mask || place_value_syntax(step->where, step->mask)) &&
	       (!step->value || place_value_syntax(step->where, step->value));
}

/* Mistakes that can be told without the device, before anything is done to it. */
static bool well_formed(const struct step *step)
{
	uint64_t number;

	if (step->kind == STEP_SERVE)
		return parse_seconds(step->text, &number) ||
		       complain("--serve is a number of seconds, not \"%s\"", step->text);
	if (step->kind == STEP_POKE && !step->value)
		return complain("--poke is WHERE=VALUE, not \"%s\"", step->text);
	if (step->kind == STEP_WAIT && is_interrupt(step->text))
		return !step->value || parse_number(step->value, &number) ||
		       complain("--wait irq:VECTOR takes a number, not \"%s\"", step->value);
	if (step->kind == STEP_WAIT && !step->mask && !step->value)
		return complain("--wait is WHERE&VALUE, WHERE==VALUE or irq, not \"%s\"", step->text);
	return pieces_well_formed(step);
}

bool step_parse(struct step *step, enum step_kind kind, const char *text)
{
	*step = (struct step){ .kind = kind, .text = text };
	return split(step) && well_formed(step);
}

bool step_waits_for_interrupt(const struct step *step)
{
	return step->kind == STEP_WAIT && is_interrupt(step->text);
}

/* ---- taken ---- */

static bool poke(struct step_run *r, const struct step *step)
{
	struct place p;
	uint64_t value;

	return place_parse(r->s, step->where, &p) && place_value(&p, step->value, &value) &&
	       place_put(r->s, &p, value);
}

static bool peek(struct step_run *r, const struct step *step)
{
	struct place p;
	uint64_t value;

	if (!place_parse(r->s, step->where, &p) || !place_get(r->s, &p, &value))
		return false;
	if (r->peeks)
		cJSON_AddItemToArray(r->peeks, place_json(&p, value));
	else
		place_print(&p, value);
	return true;
}

struct condition {
	struct place place;
	uint64_t mask, value;
	bool equal;		/* else: any bit of the mask */
};

static bool parse_condition(struct step_run *r, const struct step *step, struct condition *c)
{
	*c = (struct condition){ .mask = UINT64_MAX, .equal = step->value != NULL };
	return place_parse(r->s, step->where, &c->place) &&
	       (!step->mask || place_value(&c->place, step->mask, &c->mask)) &&
	       (!step->value || place_value(&c->place, step->value, &c->value));
}

static bool holds(const struct condition *c, uint64_t value)
{
	return c->equal ? (value & c->mask) == c->value : (value & c->mask) != 0;
}

static bool in_vain(const struct step_run *r, const char *what)
{
	return complain("--wait %s: not within %.1f s (--timeout)", what,
			(double)r->timeout_ms / 1000);
}

/* Looks often at first, then less: a device may take its time. */
static bool wait_register(struct step_run *r, const struct step *step)
{
	int64_t end = now_ms() + r->timeout_ms;
	int pause = PAUSE_MS;
	struct condition c;
	uint64_t value;

	if (!parse_condition(r, step, &c))
		return false;
	while (place_get(r->s, &c.place, &value)) {
		if (holds(&c, value))
			return true;
		if (now_ms() >= end) {
			place_print(&c.place, value);
			return in_vain(r, step->text);
		}
		if (!session_serve(r->s, pause))
			return false;
		pause = pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
	}
	return false;
}

static bool wait_interrupt(struct step_run *r, int vector, const char *text)
{
	int64_t end = now_ms() + r->timeout_ms;

	while (!interrupts_take(&r->s->interrupts, vector)) {
		if (now_ms() >= end)
			return in_vain(r, text);
		if (!session_serve(r->s, PAUSE_MAX_MS))
			return false;
	}
	return true;
}

static bool wait_step(struct step_run *r, const struct step *step)
{
	uint64_t vector;

	if (!is_interrupt(step->text))
		return wait_register(r, step);
	if (!step->value)
		return wait_interrupt(r, -1, step->text);
	if (!parse_number(step->value, &vector) || vector >= r->s->interrupts.vectors)
		return complain("--wait %s: the vector is 0 to %u", step->text,
				r->s->interrupts.vectors - 1);
	return wait_interrupt(r, (int)vector, step->text);
}

static bool serve_for(struct session *s, int64_t ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end)
		if (!session_serve(s, PAUSE_MAX_MS))
			return false;
	return true;
}

static bool serve_step(struct step_run *r, const struct step *step)
{
	uint64_t seconds;

	return parse_seconds(step->text, &seconds) && serve_for(r->s, (int64_t)seconds * 1000);
}

bool step_do(struct step_run *r, const struct step *step)
{
	switch (step->kind) {
	case STEP_POKE:
		return poke(r, step);
	case STEP_PEEK:
		return peek(r, step);
	case STEP_WAIT:
		return wait_step(r, step);
	default:
		return serve_step(r, step);
	}
}

bool step_wait_interrupts(struct step_run *r, uint64_t count)
{
	for (uint64_t i = 0; count && i < count; i++)
		if (!wait_interrupt(r, -1, "irq"))
			return false;
	while (!count)
		if (!session_serve(r->s, 1000))
			return session_interrupted();
	return true;
}
