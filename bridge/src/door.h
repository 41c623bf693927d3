/* SPDX-License-Identifier: MIT */
/*
 * Where a lobby listens, and how a host gets there: connected stream sockets, whatever the kind
 * of URL. Behind those of TLS a relay does the handshake, which fails or hangs by itself.
 *
 * Threads: a door belongs to one thread. Nothing here blocks but dial, and there only the
 * resolver's look for a name.
 */
#ifndef TLPB_DOOR_H
#define TLPB_DOOR_H

#include <stddef.h>

#include "transport.h"
#include "url.h"

struct door;

/* What accept has instead of a descriptor. */
enum {
	DOOR_EMPTY = -1,	/* nobody */
	DOOR_FAILED = -2,	/* somebody that was let in has failed in the TLS handshake */
	DOOR_STUCK = -3,	/* no descriptors or memory: try again later */
};

struct door_ops {
	/* Readable while accept has something to say. */
	int (*fd)(const struct door *door);

	/* A connected stream socket, the caller's from now on; or one of the above. */
	int (*accept)(struct door *door);

	/* Free. A socket file is unlinked if it is still the one that was made. */
	void (*close)(struct door *door);
};

struct door {
	const struct door_ops *ops;
};

/*
 * Listen at url, which gets the port that was bound. A socket file is 0600 from the first; a
 * stale one is replaced, a live one or any other file is refused. security may be NULL. On
 * failure a negative error, cause and cure in why.
 */
int tlpb__door_open(struct url *url, const struct transport_security *security,
		    struct door **door, char *why, size_t size);

/* How a host waits until its socket is connected: 0, or the error to give up with. */
struct door_waiter {
	int (*wait_writable)(void *ctx, int fd);
	void *ctx;
};

/*
 * Connect once, but to tls+tcp:// (tls_relay.h). 0 with a connected socket, TLPB_ERR_AGAIN:
 * nobody listens (now), TLPB_ERR_BUSY: somebody does and has no room now, what the waiter said,
 * or another negative error with the reason in why.
 */
int tlpb__door_dial(const struct url *url, const struct transport_security *security,
		    const struct door_waiter *waiter, int *fd, char *why, size_t size);

/* The implementations. */
int tlpb__door_socket_open(struct url *url, struct door **door, char *why, size_t size);
int tlpb__door_socket_dial(const struct url *url, const struct door_waiter *waiter, int *fd,
			   char *why, size_t size);
int tlpb__door_inproc_open(struct url *url, struct door **door, char *why, size_t size);
int tlpb__door_inproc_dial(const struct url *url, int *fd);
int tlpb__door_tls_open(struct url *url, const struct transport_security *security,
			struct door **door, char *why, size_t size);

#endif
