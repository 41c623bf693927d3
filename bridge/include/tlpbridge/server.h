/* SPDX-License-Identifier: MIT */
/*
 * A server: one URL (the lobby) and the endpoints behind it. Each host that
 * joins gets an endpoint of its own and a private link to it.
 *
 * Threads: a server and its endpoints belong to one thread. wait() blocks in the
 * calling thread; nothing spins, no thread of the library calls back.
 */
#ifndef TLPBRIDGE_SERVER_H
#define TLPBRIDGE_SERVER_H

#include <stddef.h>

#include <tlpbridge/ep.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tlpb_server tlpb_server;

/*
 * Listen at url ("ipc:///run/x.sock"; the socket is made 0600). A stale socket
 * is replaced, any other file is not. On failure returns a negative error and
 * cause and cure in why.
 */
int tlpb_server_open(const char *url, tlpb_server **server, char *why, size_t why_size);

/* Say goodbye to all hosts and stop listening. Endpoints stay the caller's. */
void tlpb_server_close(tlpb_server *server);

/* Offer an endpoint under its device's name. It must outlive the server. */
int tlpb_server_add(tlpb_server *server, tlpb_ep *ep);

/* Readable when tlpb_server_process() has work. */
int tlpb_server_fd(const tlpb_server *server);

/* Handle a burst of what has arrived; never blocks. Returns how many frames it handled. */
int tlpb_server_process(tlpb_server *server);

/*
 * Block until there is work or timeout_ms is over (negative: no limit) or a signal
 * arrives, then process. Returns as tlpb_server_process().
 */
int tlpb_server_wait(tlpb_server *server, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
