/* SPDX-License-Identifier: MIT */
/* Why a server could not be joined: sentences with cause and cure for the host's user. */
#ifndef TLPB_LOBBY_BLAME_H
#define TLPB_LOBBY_BLAME_H

#include "transport.h"
#include "url.h"

/* Nobody listens; somebody does and never answered, or hung up instead of an answer. */
void tlpb__blame_absence(const struct url *url, double seconds, char *why, size_t size);
void tlpb__blame_silence(const struct url *url, double seconds, char *why, size_t size);
void tlpb__blame_hanging_up(const struct url *url, double seconds, char *why, size_t size);

/*
 * A TLS handshake failed with this outcome of its relay: for a reason that waiting does not
 * cure? Asks in plain text, and by handshakes that check less. Waits a few seconds at most; false
 * when it cannot tell.
 */
bool tlpb__blame_tls(const struct url *url, const struct transport_security *security,
		     int outcome, char *why, size_t size);

#endif
