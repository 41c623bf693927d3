/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "outbox.h"

enum { GATHER_BYTES = 32 * 1024 };	/* frames that travel in one message */

struct outgoing {
	struct outgoing *next;
	size_t len, size;
	size_t owed;
	uint8_t data[];
};

/* The spare one where it is large enough. */
static struct outgoing *new_message(struct outbox *box, size_t size)
{
	struct outgoing *o = box->spare;

	if (o && o->size >= size) {
		box->spare = NULL;
	} else {
		o = malloc(sizeof *o + size);
		if (!o)
			return NULL;
		o->size = size;
	}
	o->next = NULL;
	o->len = 0;
	o->owed = 0;
	return o;
}

static void append(struct outbox *box, struct outgoing *o)
{
	if (box->head)
		box->last->next = o;
	else
		box->head = o;
	box->last = o;
}

uint8_t *tlpb__outbox_room(struct outbox *box, size_t size)
{
	struct outgoing *o = box->head ? box->last : NULL;

	if (!o || box->cut || o->size - o->len < size) {
		o = new_message(box, size > GATHER_BYTES ? size : GATHER_BYTES);
		if (!o)
			return NULL;
		append(box, o);
		box->cut = false;
	}
	o->len += size;
	box->bytes += size;
	return o->data + o->len - size;
}

unsigned tlpb__outbox_cut(struct outbox *box)
{
	unsigned messages = 0;

	for (const struct outgoing *o = box->head; o; o = o->next)
		messages++;
	box->cut = true;
	return messages;
}

void tlpb__outbox_trim(struct outbox *box, size_t size)
{
	box->last->len -= size;
	box->bytes -= size;
}

void tlpb__outbox_note_owed(struct outbox *box, size_t size)
{
	box->last->owed += size;
	box->owed += size;
}

const uint8_t *tlpb__outbox_first(const struct outbox *box, size_t *len)
{
	if (!box->head)
		return NULL;
	*len = box->head->len;
	return box->head->data;
}

void tlpb__outbox_drop_first(struct outbox *box)
{
	struct outgoing *o = box->head;

	box->bytes -= o->len;
	box->owed -= o->owed;
	box->head = o->next;
	if (box->spare)
		free(o);
	else
		box->spare = o;
}

void tlpb__outbox_clear(struct outbox *box)
{
	while (box->head)
		tlpb__outbox_drop_first(box);
	free(box->spare);
	box->spare = NULL;
}
