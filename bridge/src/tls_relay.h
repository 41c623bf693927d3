/* SPDX-License-Identifier: MIT */
/*
 * Carries bytes between one end of a socket pair and a TLS stream of nng, on two threads of its
 * own. Whoever has the other end sees a stream socket: closing it ends the relay at any time, in
 * the middle of a handshake too, and it closes when the peer leaves or fails.
 *
 * The side that dialled says four bytes first, so the other one knows that it is let in.
 */
#ifndef TLPB_TLS_RELAY_H
#define TLPB_TLS_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <nng/nng.h>

#include "nng_url.h"

/* How far it is with connection, handshake and greeting; else the error of nng that ended it. */
enum { RELAY_DIALS = -2, RELAY_SHAKES_HANDS = -1, RELAY_THROUGH = 0 };

struct tls_relay {
	int fd;				/* our end of the socket pair */
	nng_stream *stream;		/* once there is one */
	nng_aio *in, *out;
	int received_fd;		/* eventfd: a receive has ended */
	pthread_mutex_t lock;		/* held while I/O is begun, and by who closes the stream */
	bool closed;			/* under the lock */
	bool dialled;			/* says the greeting, else hears it */
	atomic_int outcome;
	atomic_int users;		/* threads, and who made it */

	/* To be set before the start. */
	nng_stream_dialer *dialer;	/* dialled: what leads to a stream, if there is none yet */
	bool (*begin)(struct tls_relay *relay);	/* on its thread, to have a stream; may be NULL */
	void (*ended)(struct tls_relay *relay);	/* all threads have left it; may be NULL */
	void *ctx;
};

/*
 * A relay, and the other end of its socket pair. NULL without memory or descriptors. Who made it
 * lets go of it after the start, when it needs no outcome; the last user frees all that it has.
 */
struct tls_relay *tlpb__tls_relay_new(int *other_end);
void tlpb__tls_relay_let_go(struct tls_relay *relay);

/* 0, or -1: no thread could be started. */
int tlpb__tls_relay_start(struct tls_relay *relay);

/*
 * Dial in the background; to be let go. Returns an error of the configuration, with the reason in
 * why, or 0. Once fd has ended without a word, the outcome says why.
 */
int tlpb__tls_relay_dial(const struct url *url, const struct transport_security *security,
			 enum tls_verify verify, struct tls_relay **relay, int *fd,
			 char *why, size_t size);

/* For begin: does the peer of the stream greet within some seconds? 0, or an error of nng. */
int tlpb__tls_relay_hear_greeting(struct tls_relay *relay);

#endif
