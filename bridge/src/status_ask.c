/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "server_ask.h"
#include "status.h"

static int read_reply(const struct frame *reply, struct tlpb_status *status)
{
	/* What a server says that takes every question for a JOIN. */
	if (reply->kind == TLPB_FRAME_REFUSE)
		return TLPB_ERR_UNSUPPORTED;
	if (reply->kind != TLPB_FRAME_STATUS_REPLY)
		return TLPB_ERR_PROTOCOL;
	return tlpb__status_decode(reply->body, reply->length, status);
}

int tlpb_status_ask(const struct tlpb_rc_config *config, struct tlpb_status *status,
		    char *why, size_t why_size)
{
	uint8_t *message, body[16];
	int err, len = tlpb__status_question(body, sizeof body);
	struct frame reply;

	err = tlpb__server_ask(config, TLPB_FRAME_STATUS, body, (size_t)len, &message, &reply,
			       why, why_size);
	if (err)
		return err;
	err = read_reply(&reply, status);
	if (err)
		snprintf(why, why_size, "%s does not tell its status: %s", config->url,
			 err == TLPB_ERR_UNSUPPORTED ? "it is an older tlpbridge"
						     : "its answer is broken");
	free(message);
	return err;
}
