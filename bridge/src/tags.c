/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tags.h"

void tlpb__tags_init(struct tags *tags, unsigned limit)
{
	memset(tags, 0, sizeof *tags);
	tags->limit = limit;
}

static unsigned find_free(const struct tags *tags)
{
	unsigned tag = tags->next % tags->limit;

	while (tags->request[tag].used)
		tag = (tag + 1) % tags->limit;
	return tag;
}

/* limit may have been lowered while higher tags are in use: count only those below it. */
static bool none_free(const struct tags *tags)
{
	unsigned used = 0;

	if (tags->used < tags->limit)
		return false;
	for (unsigned tag = 0; tag < tags->limit; tag++)
		used += tags->request[tag].used;
	return used == tags->limit;
}

int tlpb__tags_begin(struct tags *tags, struct tlpb_tlp *tlp, void *buf, size_t len,
		     tags_done *done, void *arg)
{
	struct tags_request *r;

	if (none_free(tags))
		return TLPB_ERR_AGAIN;
	tlp->tag = (uint16_t)find_free(tags);
	tags->next = tlp->tag + 1u;
	tags->used++;
	r = &tags->request[tlp->tag];
	*r = (struct tags_request){ .tlp = *tlp, .buf = buf, .len = len, .done = done,
				    .arg = arg, .used = true };
	r->tlp.payload = NULL;
	return 0;
}

static void finish(struct tags *tags, struct tags_request *r, int err)
{
	struct tags_request ended = *r;	/* done may reuse the tag */

	r->used = false;
	r->done = NULL;
	tags->used--;
	if (ended.done)
		ended.done(ended.arg, &ended, err);
}

static int status_error(unsigned status)
{
	switch (status) {
	case TLPB_CPL_CRS:
		return TLPB_ERR_CRS;
	case TLPB_CPL_CA:
		return TLPB_ERR_ABORTED;
	default:		/* UR; a reserved status acts as UR */
		return TLPB_ERR_UNSUPPORTED;
	}
}

static bool is_memory_read(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_MRD || tlp->kind == TLPB_MRDLK;
}

uint64_t tlpb__tags_next_address(const struct tags_request *request)
{
	return request->tlp.address + tlpb_first_byte(request->tlp.first_be) + request->got;
}

static unsigned bytes_left(const struct tags_request *r)
{
	if (!is_memory_read(&r->tlp))
		return 4;
	return tlpb_byte_count(r->tlp.length_dw, r->tlp.first_be, r->tlp.last_be) -
	       (unsigned)r->got;
}

/* Data of a configuration or I/O read: one DW, of which first_be tells the bytes asked for. */
static int take_register(struct tags_request *r, const struct tlpb_tlp *c)
{
	unsigned first = tlpb_first_byte(r->tlp.first_be);

	if (c->length_dw != 1 || first + r->len > 4)
		return TLPB_ERR_PROTOCOL;
	if (r->buf)
		memcpy(r->buf, c->payload + first, r->len);
	r->got = r->len;
	return 0;
}

/* Returns 1 when more completions are to come. */
static int take_memory(struct tags_request *r, const struct tlpb_tlp *c)
{
	uint64_t addr = tlpb__tags_next_address(r);
	unsigned left = bytes_left(r);
	size_t room = 4u * c->length_dw - (addr & 3);
	size_t n = room < left ? room : left;

	if (c->byte_count != left || c->lower_address != (addr & 0x7f) || !c->length_dw)
		return TLPB_ERR_PROTOCOL;
	if (room > left + 3u)
		return TLPB_ERR_PROTOCOL;
	if (!r->len)			/* a flush: one byte counted, none wanted */
		return 0;
	if (r->buf)
		memcpy(r->buf + r->got, c->payload + (addr & 3), n);
	r->got += n;
	return r->got < r->len;
}

static int take(struct tags_request *r, const struct tlpb_tlp *c)
{
	if (c->status != TLPB_CPL_SC)
		return status_error(c->status);
	if (c->ep)
		return TLPB_ERR_POISONED;
	if (is_memory_read(&r->tlp))
		return c->kind == TLPB_CPLD ? take_memory(r, c) : TLPB_ERR_PROTOCOL;
	if (!r->len)
		return c->kind == TLPB_CPL ? 0 : TLPB_ERR_PROTOCOL;
	return c->kind == TLPB_CPLD ? take_register(r, c) : TLPB_ERR_PROTOCOL;
}

int tlpb__tags_complete(struct tags *tags, const struct tlpb_tlp *completion)
{
	struct tags_request *r;
	int more;

	if (completion->tag >= TAGS_MAX)
		return TLPB_ERR_NOT_FOUND;
	r = &tags->request[completion->tag];
	if (!r->used || r->tlp.requester_id != completion->requester_id)
		return TLPB_ERR_NOT_FOUND;
	more = take(r, completion);
	if (more <= 0)
		finish(tags, r, more);
	return more == TLPB_ERR_PROTOCOL ? more : 0;
}

int tlpb__tags_time_out(struct tags *tags, uint16_t requester_id, uint16_t tag)
{
	struct tags_request *r = &tags->request[tag % TAGS_MAX];

	if (tag >= TAGS_MAX || !r->used || r->tlp.requester_id != requester_id)
		return TLPB_ERR_NOT_FOUND;
	finish(tags, r, TLPB_ERR_TIMEDOUT);
	return 0;
}

static void abandon(struct tags_request *r, int err)
{
	struct tags_request ended = *r;

	r->done = NULL;
	r->buf = NULL;
	if (ended.done)
		ended.done(ended.arg, &ended, err);
}

void tlpb__tags_abort(struct tags *tags, int err, bool forget)
{
	for (unsigned i = 0; i < TAGS_MAX; i++) {
		struct tags_request *r = &tags->request[i];

		if (!r->used)
			continue;
		if (forget)
			finish(tags, r, err);
		else
			abandon(r, err);
	}
}
