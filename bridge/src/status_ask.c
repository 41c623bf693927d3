/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "lobby.h"
#include "status.h"

enum { ASK_MS = 10000 };

static int read_reply(const uint8_t *message, size_t len, struct tlpb_status *status)
{
	struct frame frame;
	size_t offset = 0;

	if (tlpb__frame_next(message, len, &offset, &frame) <= 0)
		return TLPB_ERR_PROTOCOL;
	/* What a server says that takes every question for a JOIN. */
	if (frame.kind == TLPB_FRAME_REFUSE)
		return TLPB_ERR_UNSUPPORTED;
	if (frame.kind != TLPB_FRAME_STATUS_REPLY)
		return TLPB_ERR_PROTOCOL;
	return tlpb__status_decode(frame.body, frame.length, status);
}

int tlpb_status_ask(const struct tlpb_rc_config *config, struct tlpb_status *status,
		    char *why, size_t why_size)
{
	struct lobby_patience patience = {
		.timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : ASK_MS,
		.cancelled = config->ops ? config->ops->cancelled : NULL, .ctx = config->ctx,
	};
	struct transport_security security = {
		.ca = config->tls_ca, .cert = config->tls_cert, .key = config->tls_key,
		.server_name = config->tls_server_name, .plaintext = config->plaintext,
	};
	uint8_t *message, body[16];
	int err, len = tlpb__status_question(body, sizeof body);
	size_t got = 0;
	struct url url;

	err = tlpb__url_parse_lobby(config->url, &url, why, why_size);
	if (err)
		return err;
	if (url.kind == URL_FD) {
		snprintf(why, why_size, "%s has no lobby that could be asked", config->url);
		return TLPB_ERR_INVALID;
	}
	message = malloc(LOBBY_REPLY_MAX);
	if (!message) {
		snprintf(why, why_size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	err = tlpb__lobby_ask(&url, &security, TLPB_FRAME_STATUS, body, (size_t)len, &patience,
			      message, &got, why, why_size);
	if (!err) {
		err = read_reply(message, got, status);
		if (err)
			snprintf(why, why_size, "%s does not tell its status: %s", config->url,
				 err == TLPB_ERR_UNSUPPORTED ? "it is an older tlpbridge"
							     : "its answer is broken");
	}
	free(message);
	return err;
}
