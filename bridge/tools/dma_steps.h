/* SPDX-License-Identifier: MIT */
/* The steps of tlpbridge dma and irq. What fails is told on stderr. */
#ifndef TLPB_DMA_STEPS_H
#define TLPB_DMA_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include "session.h"

enum step_kind { STEP_POKE, STEP_PEEK, STEP_WAIT, STEP_SERVE };	/* as the options come */

/* Its text, and the pieces of a copy of that; NULL: it has no such piece. */
struct step {
	enum step_kind kind;
	const char *text;
	char *where, *mask, *value;
};

struct step_run {
	struct session *s;
	int64_t timeout_ms;		/* of each wait */
	cJSON *peeks;			/* NULL: text is printed */
};

/* False for mistakes that can be told without the device, before anything is done to it. */
bool step_parse(struct step *step, enum step_kind kind, const char *text);

bool step_waits_for_interrupt(const struct step *step);

bool step_do(struct step_run *r, const struct step *step);

/* Until so many came that no step has waited for; 0: until Ctrl-C. */
bool step_wait_interrupts(struct step_run *r, uint64_t count);

#endif
