/* SPDX-License-Identifier: MIT */
/* The bodies of INJECT and INJECT_REPLY (wire.h). Pure functions. */
#ifndef TLPB_INJECT_BODY_H
#define TLPB_INJECT_BODY_H

#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/inject.h>
#include <tlpbridge/inject_ask.h>

enum { INJECT_QUESTION_RULES = 800 };	/* bytes; what fits into a message to the lobby */

struct inject_question {
	enum tlpb_inject_what what;
	char device[TLPB_NAME_MAX];	/* "": the only one */
	char rules[INJECT_QUESTION_RULES];
};

/* Return bytes written, or TLPB_ERR_TOO_LARGE. */
int tlpb__inject_question_encode(const struct inject_question *question, uint8_t *bytes, size_t size);
int tlpb__inject_reply_encode(const struct tlpb_inject_list *list, uint8_t *bytes, size_t size);

/* Untrusted. 0, TLPB_ERR_TRUNCATED, or TLPB_ERR_PROTOCOL: not of this protocol or version. */
int tlpb__inject_question_decode(const uint8_t *bytes, size_t len, struct inject_question *question);
int tlpb__inject_reply_decode(const uint8_t *bytes, size_t len, struct tlpb_inject_list *list);

#endif
