/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: sockets that listen at a URL, or are connected to one: ipc, tcp, inproc.
 * Descriptors are non-blocking and closed on exec. Nothing blocks but dial. Any thread.
 *
 * inproc is a socket in Linux's abstract namespace whose name has the process's ID; it knows
 * peers of its own process only.
 */
#ifndef TLPB_SOCKETS_H
#define TLPB_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "url.h"

struct listening {
	int fd;
	bool own_process;	/* inproc: refuse peers of others */
	char path[108];		/* of the socket file, "" when there is none */
};

/*
 * Listen. A socket file is 0600 before anybody can connect; its path must be free. url gets
 * the port that was bound. Plain TCP beyond loopback must be wanted. Returns 0, or a negative
 * error with cause and cure in why.
 */
int tlpb__socket_listen(struct url *url, bool plaintext, struct listening *l, char *why, size_t size);

/* The next connection; -1: there is none now. */
int tlpb__socket_accept(struct listening *l);

/* Nobody else is to come: remove the socket file. The listener still listens. */
void tlpb__socket_forget_path(struct listening *l);

/* Close, and remove the socket file. */
void tlpb__socket_unlisten(struct listening *l);

/*
 * Connect, to each address of the URL's host in turn, within timeout_ms altogether. Returns
 * the descriptor, or a negative error with its cause in why: TLPB_ERR_NOT_FOUND when nobody
 * listens, TLPB_ERR_TIMEDOUT, TLPB_ERR_ACCESS, TLPB_ERR_IO.
 */
int tlpb__socket_dial(const struct url *url, bool plaintext, int timeout_ms, char *why, size_t size);

#endif
