/* SPDX-License-Identifier: MIT */
/* A question to a server's lobby that is no JOIN, and its answer. Blocks. */
#ifndef TLPB_SERVER_ASK_H
#define TLPB_SERVER_ASK_H

#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/rc.h>

#include "frame.h"

/*
 * Ask the server at config->url. On success reply, whatever its kind, lies in *message, which is
 * free()d by the caller; else a negative error with cause and cure in why.
 */
int tlpb__server_ask(const struct tlpb_rc_config *config, uint16_t kind, const void *body, size_t len,
		     uint8_t **message, struct frame *reply, char *why, size_t why_size);

#endif
