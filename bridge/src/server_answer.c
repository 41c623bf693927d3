/* SPDX-License-Identifier: MIT */
/* The questions of people to a server: STATUS, and INJECT where it is allowed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/log.h>

#include "clock.h"
#include "inject_body.h"
#include "server_private.h"

/* ---- STATUS ---- */

static void slot_status(const struct slot *slot, struct tlpb_slot_status *status)
{
	tlpb__ep_status(slot->ep, status);
	snprintf(status->device, sizeof status->device, "%s", tlpb_ep_device(slot->ep)->name);
	if (slot->state == SLOT_FREE)
		return;
	snprintf(status->host, sizeof status->host, "%.*s", TLPB_STATUS_TEXT - 1, slot->host);
	status->host_ms = (uint64_t)(monotonic_ms() - slot->granted_ms);
}

static int on_status(void *ctx, const struct frame *question, uint8_t *body, size_t size,
		     struct refuse *refusal)
{
	tlpb_server *s = ctx;
	struct tlpb_status *status = calloc(1, sizeof *status);
	int len;

	if (!status)
		return TLPB_ERR_NOMEM;
	status->time_ms = (uint64_t)monotonic_ms();
	status->slots = s->slots;
	for (unsigned i = 0; i < s->slots; i++)
		slot_status(&s->slot[i], &status->slot[i]);
	len = tlpb__status_encode(status, body, size);
	free(status);
	return len;
}

/* ---- INJECT ---- */

static int refuse(struct refuse *refusal, enum tlpb_reason reason, const char *text)
{
	refusal->reason = (uint16_t)reason;
	snprintf(refusal->text, sizeof refusal->text, "%s", text);
	return TLPB_ERR_REFUSED;
}

/* That name, or where none is given the only device. */
static struct slot *find_named(tlpb_server *s, const char *name)
{
	if (!name[0])
		return s->slots == 1 ? &s->slot[0] : NULL;
	for (unsigned i = 0; i < s->slots; i++)
		if (!strcmp(name, tlpb_ep_device(s->slot[i].ep)->name))
			return &s->slot[i];
	return NULL;
}

static int refuse_name(tlpb_server *s, const char *name, struct refuse *refusal)
{
	char text[TEXT_MAX];
	size_t used = (size_t)snprintf(text, sizeof text, "%s%.64s; this server has:",
				       name[0] ? "no such device: " : "which device?", name);

	for (unsigned i = 0; i < s->slots && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s %s", i ? "," : "",
					 tlpb_ep_device(s->slot[i].ep)->name);
	return refuse(refusal, TLPB_REASON_NO_DEVICE, text);
}

static int obey_injection(tlpb_ep *ep, const struct inject_question *q, struct refuse *refusal)
{
	const char *rules = q->what == TLPB_INJECT_CLEAR ? NULL : q->rules;
	char why[TEXT_MAX] = "out of memory";

	if (q->what == TLPB_INJECT_LIST || !tlpb_ep_inject(ep, rules, why, sizeof why))
		return 0;
	return refuse(refusal, TLPB_REASON_INVALID, why);
}

static int reply_injection(const tlpb_ep *ep, uint8_t *body, size_t size)
{
	struct tlpb_inject_list *list = malloc(sizeof *list);
	int len;

	if (!list)
		return TLPB_ERR_NOMEM;
	tlpb_ep_inject_list(ep, list);
	len = tlpb__inject_reply_encode(list, body, size);
	free(list);
	return len;
}

static int on_inject(void *ctx, const struct frame *frame, uint8_t *body, size_t size,
		     struct refuse *refusal)
{
	tlpb_server *s = ctx;
	struct inject_question q;
	struct slot *slot;

	if (tlpb__inject_question_decode(frame->body, frame->length, &q))
		return refuse(refusal, TLPB_REASON_INVALID, "this is not an INJECT of this version");
	if (!s->allow_inject)
		return refuse(refusal, TLPB_REASON_FORBIDDEN, "the server was started without "
			      "--allow-inject");
	slot = find_named(s, q.device);
	if (!slot)
		return refuse_name(s, q.device, refusal);
	if (obey_injection(slot->ep, &q, refusal))
		return TLPB_ERR_REFUSED;
	if (q.what != TLPB_INJECT_LIST)
		tlpb_log(TLPB_LOG_INFO, "%s: error injection: %s%s", tlpb_ep_device(slot->ep)->name,
			 q.what == TLPB_INJECT_CLEAR ? "all rules were removed" : "added ", q.rules);
	return reply_injection(slot->ep, body, size);
}

void tlpb__server_answer_questions(tlpb_server *s)
{
	tlpb__lobby_on_question(s->lobby, TLPB_FRAME_STATUS, on_status, s);
	tlpb__lobby_on_question(s->lobby, TLPB_FRAME_INJECT, on_inject, s);
}
