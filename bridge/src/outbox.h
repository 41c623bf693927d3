/* SPDX-License-Identifier: MIT */
/*
 * Layer 3: frames on their way to the transport, gathered into messages. Pure: no
 * I/O, no clock. Messages that have left are kept for the next frames, so that a
 * steady stream allocates nothing.
 */
#ifndef TLPB_OUTBOX_H
#define TLPB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outgoing;

struct outbox {
	struct outgoing *head, *last;	/* messages: the oldest, the one that frames are added to */
	struct outgoing *spare;
	size_t bytes;			/* in all messages */
	size_t owed;			/* of them, bytes that answer the peer */
	bool cut;			/* nothing is added to the last message */
};

/* Room for a frame of size bytes, behind the last one or in a message of its own; NULL: out of memory. */
uint8_t *tlpb__outbox_room(struct outbox *box, size_t size);

/* Later frames begin a message of their own. Returns how many messages there are. */
unsigned tlpb__outbox_cut(struct outbox *box);

/* The last frame needed so many bytes less. */
void tlpb__outbox_trim(struct outbox *box, size_t size);

/* So many bytes of the last frame answer the peer. */
void tlpb__outbox_note_owed(struct outbox *box, size_t size);

/* The oldest message, NULL when there is none; dropped when the transport has it. */
const uint8_t *tlpb__outbox_first(const struct outbox *box, size_t *len);
void tlpb__outbox_drop_first(struct outbox *box);

/* Drop and free everything. */
void tlpb__outbox_clear(struct outbox *box);

#endif
