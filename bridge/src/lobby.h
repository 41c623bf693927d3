/* SPDX-License-Identifier: MIT */
/*
 * The lobby: where hosts JOIN, on a stream of messages each. It moves the bodies of JOIN, GRANT
 * and REFUSE; who gets what is the server's matter. A host asks one question on a connection,
 * and who got a grant keeps it until the link is up: the connection is the host's presence.
 *
 * Threads: a lobby belongs to one thread. Peers that are silent, slow or hostile have a place
 * for some seconds, or until others need it.
 */
#ifndef TLPB_LOBBY_H
#define TLPB_LOBBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "transport.h"
#include "url.h"

enum { LOBBY_MESSAGE_ROOM = TLPB_FRAME_HEADER + 3 * TEXT_MAX + 128 };	/* bytes */

struct lobby;

/*
 * Listen at url; a socket file is 0600. A stale socket is replaced; a live one or any other
 * file is refused. On failure a negative error, cause and cure in why.
 */
int tlpb__lobby_listen(const struct url *url, const struct transport_security *security,
		       struct lobby **lobby, char *why, size_t size);
void tlpb__lobby_close(struct lobby *lobby);

/* Where it listens, with the port that was bound. Valid until the lobby is closed. */
const struct url *tlpb__lobby_url(const struct lobby *lobby);

/* Readable when tlpb__lobby_next() has something to do. */
int tlpb__lobby_fd(const struct lobby *lobby);

/*
 * Who answers another question than JOIN, which is STATUS or INJECT: writes the body of its reply,
 * whose kind is the next number, and returns its length; or a negative error, which refuses it
 * with what was filled in. Runs inside tlpb__lobby_next().
 */
typedef int lobby_answer(void *ctx, const struct frame *question, uint8_t *body, size_t size,
			 struct refuse *refusal);
void tlpb__lobby_on_question(struct lobby *lobby, uint16_t kind, lobby_answer *answer, void *ctx);

/* The next JOIN: 1; 0 when there is none. Broken ones are answered and skipped. */
int tlpb__lobby_next(struct lobby *lobby, struct join *join);

/*
 * Who sent the JOIN just read, never 0; and whether the one who was granted something is still
 * there: who left it was killed, or gave up, or has its link up.
 */
unsigned tlpb__lobby_asker(const struct lobby *lobby);
bool tlpb__lobby_is_there(struct lobby *lobby, unsigned asker);

/* Answer the JOIN just read. */
void tlpb__lobby_grant(struct lobby *lobby, const struct grant *grant);
void tlpb__lobby_refuse(struct lobby *lobby, enum tlpb_reason reason, const char *text);

/* Wait for an answer at most this long, and ask now and then whether to give up. */
struct lobby_patience {
	unsigned timeout_ms;
	bool (*cancelled)(void *ctx);	/* may be NULL */
	void *ctx;
};

/* A host's connection to the lobby. */
struct joining;

/*
 * Host: JOIN the server at url. Blocks. Returns 0 with *grant, TLPB_ERR_REFUSED,
 * TLPB_ERR_TIMEDOUT, TLPB_ERR_ACCESS (certificates, or plain TCP where it may not be),
 * TLPB_ERR_IO (certificates cannot be read), TLPB_ERR_INVALID (what was asked makes no sense)
 * or TLPB_ERR_PROTOCOL; cause and cure in why.
 *
 * On success *joining is to be left once the link is up, or has failed: while it is there,
 * the server knows that the grant will be taken up. NULL after an error.
 */
int tlpb__lobby_join(const struct url *url, const struct transport_security *security,
		     const struct join *join, const struct lobby_patience *patience,
		     struct grant *grant, struct joining **joining, char *why, size_t size);
void tlpb__lobby_leave(struct joining *joining);

enum { LOBBY_REPLY_MAX = TLPB_FRAME_HEADER + TLPB_FRAME_MAX };	/* bytes */

/*
 * Ask the server at url something else than JOIN. Blocks. reply has LOBBY_REPLY_MAX bytes
 * for the message that comes back, of *reply_len bytes. Errors as above.
 */
int tlpb__lobby_ask(const struct url *url, const struct transport_security *security,
		    uint16_t kind, const void *body, size_t len,
		    const struct lobby_patience *patience, uint8_t *reply, size_t *reply_len,
		    char *why, size_t size);

#endif
