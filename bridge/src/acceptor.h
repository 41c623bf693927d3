/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: waits for the one peer of a private link. Whoever connects is greeted; the first
 * who greets as the framing has it is the peer, all others are sent away. Never blocks.
 */
#ifndef TLPB_ACCEPTOR_H
#define TLPB_ACCEPTOR_H

#include "door.h"
#include "stream_framing.h"

struct acceptor;

/* Takes the door over, also on failure (NULL: out of memory). epoll_fd gets its descriptors. */
struct acceptor *tlpb__acceptor_new(struct door *door, const struct framing *framing,
				    int epoll_fd);

/*
 * To be called when epoll_fd is readable. The peer's descriptor, or -1: not there yet. With the
 * peer there the door is closed.
 */
int tlpb__acceptor_next(struct acceptor *a);

void tlpb__acceptor_free(struct acceptor *a);

#endif
