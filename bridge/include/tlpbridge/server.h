/* SPDX-License-Identifier: MIT */
/*
 * A server: one URL (the lobby) and the endpoints behind it. Each host that
 * joins gets an endpoint of its own and a private link to it.
 *
 * Threads: a server and its endpoints belong to one thread. wait() blocks in the calling thread, which looks at
 * shared memory for some microseconds first (shm.h); no thread of the library calls back.
 */
#ifndef TLPBRIDGE_SERVER_H
#define TLPBRIDGE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/shm.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tlpb_server tlpb_server;

struct tlpb_server_config {
	/*
	 * Where hosts find it: "ipc:///run/x.sock" (the socket is made 0600; a stale one is
	 * replaced, any other file is not), "tcp://host:7000" (port 0: a free one),
	 * "tls+tcp://host:7000", "inproc://name". Or "fd:3", an inherited connected stream
	 * socket: the first endpoint is served on it, once.
	 */
	const char *url;
	/*
	 * For tls+tcp, PEM files: the server's certificate and its key; with a ca, hosts must
	 * have a certificate signed by it.
	 */
	const char *tls_ca, *tls_cert, *tls_key;
	bool plaintext;		/* plain TCP beyond loopback is wanted */
	/*
	 * Whoever reaches the URL may inject errors into a device while it runs (inject_ask.h):
	 * over ipc the user's own programs, over plain TCP all of that network, over TLS who is let in.
	 */
	bool allow_inject;

	enum tlpb_transport transport;	/* shared memory or not, see shm.h */
	uint32_t shm_bytes;		/* of it a link, both rings together; 0: some 390 KiB */
	bool no_spin;			/* never look for more than an instant before sleeping */
	enum tlpb_direct direct;	/* direct DMA or not, see shm.h */
};

/*
 * All strings are copied. On failure returns a negative error and cause and cure in why;
 * TLPB_ERR_INVALID where config itself is wrong.
 */
int tlpb_server_open_with(const struct tlpb_server_config *config, tlpb_server **server,
			  char *why, size_t why_size);

/* The same with a URL and nothing else. */
int tlpb_server_open(const char *url, tlpb_server **server, char *why, size_t why_size);

/* Where it listens, with the port that was bound. Valid until the server is closed. */
const char *tlpb_server_url(const tlpb_server *server);

/* True once no host can come any more: the one on an inherited socket has left. */
bool tlpb_server_is_over(const tlpb_server *server);

/* Say goodbye to all hosts and stop listening. Endpoints stay the caller's. */
void tlpb_server_close(tlpb_server *server);

/*
 * Offer an endpoint under its device's name. It must outlive the server. Returns 0,
 * TLPB_ERR_TOO_LARGE (64 endpoints are there, or one on an inherited socket) or
 * TLPB_ERR_NOMEM.
 */
int tlpb_server_add(tlpb_server *server, tlpb_ep *ep);

/* Readable when tlpb_server_process() has work; after wait() call that first. */
int tlpb_server_fd(const tlpb_server *server);

/* Handle a burst of what has arrived; never blocks. Returns how many frames it handled. */
int tlpb_server_process(tlpb_server *server);

/*
 * For loops of one's own around it: block until there is work or timeout_ms is over (negative: no limit) or a signal
 * arrives, then process. Without a limit it may come back earlier, having done nothing, so that a
 * loop looks at what its signal handlers have set. Returns as tlpb_server_process().
 */
int tlpb_server_wait(tlpb_server *server, int timeout_ms);

/* The same, and fd's becoming readable ends it, too; within milliseconds while hosts are busy. */
int tlpb_server_wait_or(tlpb_server *server, int fd, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
