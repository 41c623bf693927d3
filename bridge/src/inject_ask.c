/* SPDX-License-Identifier: MIT */
#include <tlpbridge/inject_ask.h>

#include <stdio.h>
#include <stdlib.h>

#include "inject_body.h"
#include "server_ask.h"

/* Newlines separate rules, too, but are not what travels. */
static void copy_rules(const char *rules, char *to, size_t size)
{
	snprintf(to, size, "%s", rules);
	for (; *to; to++)
		if (*to == '\n' || *to == '\r' || *to == '\t')
			*to = *to == '\n' ? ';' : ' ';
}

static int make_question(const struct tlpb_rc_config *config, enum tlpb_inject_what what,
			 const char *rules, struct inject_question *q, char *why, size_t size)
{
	int err = tlpb_inject_check(rules, why, size);

	if (err)
		return err;
	*q = (struct inject_question){ .what = what };
	if (rules && (size_t)snprintf(NULL, 0, "%s", rules) >= sizeof q->rules) {
		snprintf(why, size, "too many rules at once: add them in several steps");
		return TLPB_ERR_TOO_LARGE;
	}
	snprintf(q->device, sizeof q->device, "%s", config->device ? config->device : "");
	copy_rules(rules ? rules : "", q->rules, sizeof q->rules);
	return 0;
}

/* A server that takes every question for a JOIN says that the protocol was broken. */
static int refused(const struct frame *reply, const char *url, char *why, size_t size)
{
	static const struct { enum tlpb_reason reason; int err; } errors[] = {
		{ TLPB_REASON_FORBIDDEN, TLPB_ERR_ACCESS },
		{ TLPB_REASON_PROTOCOL, TLPB_ERR_UNSUPPORTED },
	};
	struct refuse refuse;
	int err = TLPB_ERR_REFUSED;

	if (tlpb__refuse_decode(reply->body, reply->length, &refuse))
		return TLPB_ERR_PROTOCOL;
	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (refuse.reason == errors[i].reason)
			err = errors[i].err;
	snprintf(why, size, "%s takes no rules: %s", url, err == TLPB_ERR_UNSUPPORTED
		 ? "it is an older tlpbridge, which injects only what it was started with"
		 : refuse.text);
	return err;
}

static int read_reply(const struct frame *reply, const char *url, struct tlpb_inject_list *list,
		      char *why, size_t size)
{
	int err = TLPB_ERR_PROTOCOL;

	snprintf(why, size, "%s: its answer is broken", url);
	if (reply->kind == TLPB_FRAME_REFUSE)
		err = refused(reply, url, why, size);
	else if (reply->kind == TLPB_FRAME_INJECT_REPLY)
		err = tlpb__inject_reply_decode(reply->body, reply->length, list);
	return err;
}

int tlpb_inject_ask(const struct tlpb_rc_config *config, enum tlpb_inject_what what,
		    const char *rules, struct tlpb_inject_list *list, char *why, size_t why_size)
{
	struct inject_question question;
	uint8_t *message, body[sizeof question + 16];
	struct frame reply;
	int err = make_question(config, what, rules, &question, why, why_size), len;

	if (err)
		return err;
	len = tlpb__inject_question_encode(&question, body, sizeof body);
	err = tlpb__server_ask(config, TLPB_FRAME_INJECT, body, (size_t)len, &message, &reply,
			       why, why_size);
	if (err)
		return err;
	err = read_reply(&reply, config->url, list, why, why_size);
	free(message);
	return err;
}
