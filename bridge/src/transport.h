/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: moves messages between two peers, in order and whole, and knows
 * nothing of what is in them. One implementation a file; the same vtable and
 * rules for all.
 *
 * Threads: a transport belongs to one thread. Nothing here blocks but close().
 */
#ifndef TLPB_TRANSPORT_H
#define TLPB_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/err.h>

struct transport;

struct message {
	const uint8_t *data;
	size_t len;
	void *handle;		/* the transport's own */
};

struct transport_ops {
	/* Copies. 0, TLPB_ERR_AGAIN (back-pressure: see want_send), TLPB_ERR_CLOSED. */
	int (*send)(struct transport *t, const uint8_t *data, size_t len);

	/* 0, TLPB_ERR_AGAIN, or TLPB_ERR_CLOSED after the last message of a peer that left. */
	int (*recv)(struct transport *t, struct message *message);

	/* Gives a received message back. */
	void (*release)(struct transport *t, struct message *message);

	/*
	 * Readable while recv has something to say, or, after want_send, send may go on, or
	 * a call of recv, send or want_send would move on what a transport without threads
	 * of its own still holds.
	 */
	int (*fd)(const struct transport *t);
	void (*want_send)(struct transport *t, bool want);

	/*
	 * Free. Waits up to linger_ms for the peer to leave first, so that what was
	 * sent last is heard.
	 */
	void (*close)(struct transport *t, int linger_ms);

	/*
	 * What transports without system calls have beside it; the others NULL, all of them, and their
	 * descriptor always tells. attend: the owner looks by itself from now on, nobody need wake it.
	 * arm: it no longer does, so the descriptor has to tell; of what is not urgent it need not, if so
	 * said. ready: would recv, or after want_send send, say something? wake: after send: the peer shall
	 * look. elsewhere: does the peer run on another CPU, so that looking again and again pays?
	 * doze: attended: sleep until there is something, at most us microseconds; what only the
	 * descriptor tells of, as the peer's end, does not end that, and is not looked for while attended.
	 */
	void (*attend)(struct transport *t);
	void (*arm)(struct transport *t, bool urgent_only);
	bool (*ready)(struct transport *t);
	void (*wake)(struct transport *t, bool urgent);
	bool (*elsewhere)(const struct transport *t);
	void (*look_everywhere)(struct transport *t);	/* the next recv does, also where the descriptor would have told */
	void (*doze)(struct transport *t, unsigned us);
};

struct transport {
	const struct transport_ops *ops;
};

/* A pair in memory: both ends in one process; each end may live in its own thread. */
int tlpb__transport_mem_pair(unsigned max_messages, struct transport *ends[2]);

/*
 * Who is let in over TCP. Files are PEM. NULL members: none. A server with a ca asks hosts
 * for certificates of it; a host needs a ca to know its server.
 */
struct transport_security {
	const char *ca, *cert, *key;
	const char *server_name;	/* host: the certificate's; NULL: the URL's HOST */
	bool plaintext;			/* plain TCP beyond loopback is wanted */
};

struct url;

/*
 * A private link for one peer, by the kind of URL. listen: a socket file is 0600 and unlinked
 * when the peer is there; url gets the port that was bound. dial: the peer must be listening;
 * waits at most 5 s. security may be NULL. On failure a negative error and the reason in why.
 */
int tlpb__transport_listen(struct url *url, const struct transport_security *security,
			   struct transport **t, char *why, size_t size);
int tlpb__transport_dial(const struct url *url, const struct transport_security *security,
			 struct transport **t, char *why, size_t size);

/* The implementations: an nng pair over a socket of ours, and a stream over TLS with threads of its own. */
int tlpb__transport_socket_listen(struct url *url, const struct transport_security *security,
				  struct transport **t, char *why, size_t size);
int tlpb__transport_socket_dial(const struct url *url, const struct transport_security *security,
				struct transport **t, char *why, size_t size);
int tlpb__transport_tls_listen(struct url *url, const struct transport_security *security,
			       struct transport **t, char *why, size_t size);
int tlpb__transport_tls_dial(const struct url *url, const struct transport_security *security,
			     struct transport **t, char *why, size_t size);

struct segment;

/*
 * Rings in shared memory beside a transport, which stays open to tell of the peer's end and to wake. Takes
 * both over, but not on failure (NULL). Each direction is switched over by itself: what is sent after
 * send_by_ring goes through the ring, and is received after recv_by_ring.
 */
struct transport *tlpb__transport_shm_new(struct transport *inner, struct segment *segment, bool host);
void tlpb__transport_shm_send_by_ring(struct transport *t);
void tlpb__transport_shm_recv_by_ring(struct transport *t);

/* Is something in the ring that was not received yet? */
bool tlpb__transport_shm_has_inbound(const struct transport *t);

/*
 * Frames on a connected stream socket that the process inherited. The descriptor is
 * taken over, but not on failure: TLPB_ERR_INVALID, and in why what it is instead.
 */
int tlpb__transport_stream_new(int fd, struct transport **t, char *why, size_t size);

/*
 * The same for a lobby: takes messages of at most max bytes. When it is closed because more than
 * that was announced, refused is what was, which may be no length at all but the beginning of
 * something else; otherwise 0. Nothing is logged.
 */
int tlpb__transport_stream_new_limited(int fd, uint32_t max, struct transport **t,
				       char *why, size_t size);
uint32_t tlpb__transport_stream_refused(const struct transport *t);

#endif
