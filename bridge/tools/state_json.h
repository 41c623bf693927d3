/* SPDX-License-Identifier: MIT */
/* The state that tlpbridge tlp check judges against, as JSON: docs/cli.md tells the keys. */
#ifndef TLPBRIDGE_STATE_JSON_H
#define TLPBRIDGE_STATE_JSON_H

#include <tlpbridge/judge.h>
#include "json_read.h"

enum { STATE_BARS = 16, STATE_OUTSTANDING = 4096 };

/* A state with the room that it points to: do not copy. */
struct tlp_state {
	struct tlpb_judge_state judge;
	struct tlpb_judge_bar bars[STATE_BARS];
	struct tlpb_judge_request outstanding[STATE_OUTSTANDING];
};

/* What a state without any key is. */
void tlp_state_init(struct tlp_state *state);

/* Fill in from object. False and the reason in why when it is no such object. */
bool tlp_state_from_json(struct tlp_state *state, const cJSON *object, char why[JSON_WHY]);

#endif
