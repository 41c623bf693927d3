/* SPDX-License-Identifier: MIT */
/* Why a server could not be joined: sentences with cause and cure for the host's user. */
#ifndef TLPB_LOBBY_BLAME_H
#define TLPB_LOBBY_BLAME_H

#include "transport.h"
#include "url.h"

/* Nobody listens; somebody does and never answered. */
void tlpb__blame_absence(const struct url *url, double seconds, char *why, size_t size);
void tlpb__blame_silence(const struct url *url, double seconds, char *why, size_t size);

/* A TCP URL to which no connection came about: finds out why by connecting. A few seconds. */
void tlpb__blame_tcp(const struct url *url, const struct transport_security *security,
		     double seconds, char *why, size_t size);

/*
 * A TLS handshake failed: for a reason that waiting does not cure? Finds out by handshakes
 * that check less. Waits a few seconds; false when it cannot tell.
 */
bool tlpb__blame_tls(const struct url *url, const struct transport_security *security,
		     char *why, size_t size);

#endif
