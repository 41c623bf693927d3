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

/* The same for streams of bytes over TLS, to which these are the way. dial waits. */
int tlpb__nng_stream_listen(struct url *url, const struct transport_security *security,
			    nng_stream_listener **listener, char *why, size_t size);
int tlpb__nng_stream_dial(const struct url *url, const struct transport_security *security,
			  int timeout_ms, nng_stream **stream, char *why, size_t size);

/* What nng has counted for a listener or dialer. */
struct nng_counts {
	uint64_t connected;	/* accepted, or dialled with success */
	uint64_t pipes;		/* connections there are */
	uint64_t ended;		/* "other", "disconnect" and "canceled": see lobby.c */
	uint64_t refused;	/* dialer: nobody listens */
	uint64_t tls;		/* handshakes that failed */
	uint64_t protocol;	/* greetings that were not nng's */
};
struct nng_counts tlpb__nng_counts(const char *kind, int id);

#endif
