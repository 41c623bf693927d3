/* SPDX-License-Identifier: MIT */
/* The interrupts of a device, as a host without an interrupt controller sees them. */
#ifndef TLPBRIDGE_INTERRUPTS_H
#define TLPBRIDGE_INTERRUPTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

enum interrupt_type { INTERRUPT_NONE, INTERRUPT_INTX, INTERRUPT_MSI, INTERRUPT_MSIX };

struct interrupt_event {
	enum interrupt_type type;
	unsigned vector;	/* INTx: the pin, 0 is INTA */
	bool level;		/* INTx; true for the others */
};

struct interrupts {
	enum interrupt_type type;	/* what is set up */
	unsigned vectors;
	bool print;			/* each as it comes */
	struct interrupt_event *event;
	size_t events, room;
	size_t seen;			/* how many of them waits have taken */
};

const char *interrupt_type_name(enum interrupt_type type);

/*
 * Enable type for up to vectors vectors; INTERRUPT_NONE: the best that the device has. The
 * device has been enumerated. False after saying why not.
 */
bool interrupts_enable(struct session *s, enum interrupt_type type, unsigned vectors);

/* A memory write of the device: is it an interrupt? Then it is noted. */
bool interrupts_message(struct interrupts *q, uint64_t addr, const uint8_t *data, size_t len);
void interrupts_intx(struct interrupts *q, unsigned pin, bool level);

/* Take the next event that is an interrupt (not the end of INTx); vector -1: any. */
bool interrupts_take(struct interrupts *q, int vector);

cJSON *interrupts_json(const struct interrupts *q);
void interrupts_free(struct interrupts *q);

#endif
