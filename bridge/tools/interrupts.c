/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "interrupts.h"
#include "session.h"
#include "text.h"

enum {
	COMMAND = 0x04, INTX_DISABLE = 1 << 10,
	CAP_MSI = 0x05, CAP_MSIX = 0x11,
	MSI_ENABLE = 1, MSI_64BIT = 1 << 7,
	MSIX_ENABLE = 1 << 15, MSIX_ENTRY = 16,
	MESSAGES = 0xfee00000u, MESSAGES_END = 0xfef00000u,	/* where a PC takes them, too */
	DEFAULT_VECTORS = 32,
};

const char *interrupt_type_name(enum interrupt_type type)
{
	static const char *const names[] = { "none", "INTx", "MSI", "MSI-X" };

	return names[type];
}

/* ---- what arrives ---- */

static void print_event(const struct interrupt_event *e)
{
	if (e->type == INTERRUPT_INTX)
		printf("interrupt INT%c %s\n", 'A' + e->vector, e->level ? "asserted" : "deasserted");
	else
		printf("interrupt %s vector %u\n", interrupt_type_name(e->type), e->vector);
	fflush(stdout);
}

static void add(struct interrupts *q, struct interrupt_event event)
{
	if (q->events == q->room) {
		size_t room = q->room ? 2 * q->room : 64;
		struct interrupt_event *more = realloc(q->event, room * sizeof *more);

		if (!more)
			return;
		q->event = more;
		q->room = room;
	}
	q->event[q->events++] = event;
	if (q->print)
		print_event(&event);
}

bool interrupts_message(struct interrupts *q, uint64_t addr, const uint8_t *data, size_t len)
{
	if (addr < MESSAGES || addr >= MESSAGES_END || len != 4 || q->type < INTERRUPT_MSI)
		return false;
	add(q, (struct interrupt_event){ q->type, data[0] | (unsigned)data[1] << 8, true });
	return true;
}

void interrupts_intx(struct interrupts *q, unsigned pin, bool level)
{
	add(q, (struct interrupt_event){ INTERRUPT_INTX, pin, level });
}

bool interrupts_take(struct interrupts *q, int vector)
{
	while (q->seen < q->events) {
		const struct interrupt_event *e = &q->event[q->seen++];

		if (e->level && (vector < 0 || e->vector == (unsigned)vector))
			return true;
	}
	return false;
}

cJSON *interrupts_json(const struct interrupts *q)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < q->events; i++) {
		const struct interrupt_event *e = &q->event[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "type", interrupt_type_name(e->type));
		cJSON_AddNumberToObject(o, e->type == INTERRUPT_INTX ? "pin" : "vector", e->vector);
		if (e->type == INTERRUPT_INTX)
			cJSON_AddBoolToObject(o, "asserted", e->level);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

void interrupts_free(struct interrupts *q)
{
	free(q->event);
	*q = (struct interrupts){ 0 };
}

/* ---- enabling ---- */

static int write_config(struct session *s, unsigned offset, unsigned size, uint32_t value)
{
	return tlpb_rc_config_write(s->rc, SESSION_BDF, offset, size, value);
}

static int enable_intx(struct session *s)
{
	uint32_t command = session_config(s, COMMAND, 2);

	return write_config(s, COMMAND, 2, command & ~(uint32_t)INTX_DISABLE);
}

/* The vector goes into the low bits of the data, so that 0 is the first one's. */
static int enable_msi(struct session *s, unsigned at, unsigned vectors)
{
	uint32_t control = session_config(s, at + 2, 2), log = 0;
	bool wide = control & MSI_64BIT;
	int err = write_config(s, at + 4, 4, MESSAGES);

	while (2u << log <= vectors && log < (control >> 1 & 7))
		log++;
	if (!err && wide)
		err = write_config(s, at + 8, 4, 0);
	if (!err)
		err = write_config(s, at + (wide ? 12 : 8), 2, 0);
	control = (control & ~0x71u) | log << 4 | MSI_ENABLE;
	s->interrupts.vectors = 1u << log;
	return err ? err : write_config(s, at + 2, 2, control);
}

static int set_entry(struct session *s, unsigned bar, uint64_t offset, unsigned vector)
{
	int err = session_put(s, bar, offset, 64, MESSAGES);

	if (!err)
		err = session_put(s, bar, offset + 8, 32, vector);
	return err ? err : session_put(s, bar, offset + 12, 32, 0);
}

static int enable_msix(struct session *s, unsigned at, unsigned vectors)
{
	uint32_t control = session_config(s, at + 2, 2), table = session_config(s, at + 4, 4);
	unsigned there = (control & 0x7ff) + 1;
	int err = 0;

	vectors = vectors < there ? vectors : there;
	for (unsigned v = 0; v < vectors && !err; v++)
		err = set_entry(s, table & 7, (table & ~7u) + MSIX_ENTRY * v, v);
	s->interrupts.vectors = vectors;
	return err ? err : write_config(s, at + 2, 2, (control & 0x3fff) | MSIX_ENABLE);
}

static enum interrupt_type best(const struct session *s)
{
	if (s->device->msix_vectors)
		return INTERRUPT_MSIX;
	return s->device->msi_vectors ? INTERRUPT_MSI : INTERRUPT_INTX;
}

bool interrupts_enable(struct session *s, enum interrupt_type type, unsigned vectors)
{
	unsigned id, n = vectors ? vectors : DEFAULT_VECTORS;
	int at = 0, err;

	if (type == INTERRUPT_NONE)
		type = best(s);
	id = type == INTERRUPT_MSI ? CAP_MSI : CAP_MSIX;
	if (type != INTERRUPT_INTX)
		at = tlpb_rc_find_capability(s->rc, SESSION_BDF, id);
	if (type == INTERRUPT_INTX ? !s->device->intx_pin : at == 0)
		return complain("%s has no %s: try %s", s->device->name, interrupt_type_name(type),
				best(s) == INTERRUPT_MSIX ? "--msix" :
				best(s) == INTERRUPT_MSI ? "--msi" : "--intx");
	s->interrupts.type = type;
	s->interrupts.vectors = 1;
	err = at < 0 ? at : type == INTERRUPT_INTX ? enable_intx(s) :
	      type == INTERRUPT_MSI ? enable_msi(s, (unsigned)at, n) : enable_msix(s, (unsigned)at, n);
	if (!err)
		return true;
	return complain("%s cannot be set up: %s", interrupt_type_name(type), tlpb_strerror(err));
}
