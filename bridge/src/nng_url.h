/* SPDX-License-Identifier: MIT */
/* How an nng socket gets to a URL, with permissions and TLS. Any thread; nothing waits but dial. */
#ifndef TLPB_NNG_URL_H
#define TLPB_NNG_URL_H

#include <nng/nng.h>

#include "transport.h"
#include "url.h"

/*
 * Listen; a socket file is made 0600. url gets the port that was bound. security may be
 * NULL. Returns 0, or a negative error with cause and cure in why.
 */
int tlpb__nng_listen(nng_socket socket, struct url *url, const struct transport_security *security,
		     nng_listener *listener, char *why, size_t size);

/* How much of a server's certificate must be right; less than all is for finding out what is wrong. */
enum tls_verify { VERIFY_ALL, VERIFY_CHAIN, VERIFY_NOTHING };

/* Dial; flags as those of nng_dialer_start(): 0 waits until the first attempt has ended. */
int tlpb__nng_dial(nng_socket socket, const struct url *url,
		   const struct transport_security *security, enum tls_verify verify, int flags,
		   nng_dialer *dialer, char *why, size_t size);

/* Streams of bytes over TLS, to which these are the way. A URL that is taken: TLPB_ERR_BUSY. */
int tlpb__nng_stream_listen(struct url *url, const struct transport_security *security,
			    nng_stream_listener **listener, char *why, size_t size);
int tlpb__nng_stream_dialer(const struct url *url, const struct transport_security *security,
			    enum tls_verify verify, nng_stream_dialer **dialer,
			    char *why, size_t size);

/* Waits, not for the handshake: that is part of the first I/O. Returns 0 or an error of nng. */
int tlpb__nng_stream_connect(nng_stream_dialer *dialer, int timeout_ms, nng_stream **stream);

#endif
