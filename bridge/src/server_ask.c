/* SPDX-License-Identifier: MIT */
#include "server_ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "lobby.h"

enum { ASK_MS = 10000 };

static int find_lobby(const char *text, struct url *url, char *why, size_t size)
{
	int err = tlpb__url_parse_lobby(text, url, why, size);

	if (err || url->kind != URL_FD)
		return err;
	snprintf(why, size, "%s has no lobby that could be asked", text);
	return TLPB_ERR_INVALID;
}

static int ask(const struct tlpb_rc_config *config, const struct url *url, uint16_t kind,
	       const void *body, size_t len, uint8_t *message, struct frame *reply,
	       char *why, size_t size)
{
	struct lobby_patience patience = {
		.timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : ASK_MS,
		.cancelled = config->ops ? config->ops->cancelled : NULL, .ctx = config->ctx,
	};
	struct transport_security security = {
		.ca = config->tls_ca, .cert = config->tls_cert, .key = config->tls_key,
		.server_name = config->tls_server_name, .plaintext = config->plaintext,
	};
	size_t got = 0, offset = 0;
	int err = tlpb__lobby_ask(url, &security, kind, body, len, &patience, message, &got, why,
				  size);

	if (err || tlpb__frame_next(message, got, &offset, reply) > 0)
		return err;
	snprintf(why, size, "%s: its answer is broken", config->url);
	return TLPB_ERR_PROTOCOL;
}

int tlpb__server_ask(const struct tlpb_rc_config *config, uint16_t kind, const void *body, size_t len,
		     uint8_t **message, struct frame *reply, char *why, size_t why_size)
{
	struct url url;
	int err = find_lobby(config->url, &url, why, why_size);

	if (err)
		return err;
	*message = malloc(LOBBY_REPLY_MAX);
	if (!*message) {
		snprintf(why, why_size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	err = ask(config, &url, kind, body, len, *message, reply, why, why_size);
	if (err)
		free(*message);
	return err;
}
