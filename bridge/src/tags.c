/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tags.h"

void tlpb__tags_init(struct tags *tags, unsigned limit)
{
	tags->limit = limit;
}

static unsigned find_free(const struct tags *tags)
{
	unsigned tag = tags->next;

	if (tag < tags->first || tag >= tags->limit)
		tag = tags->first;
	while (tags->request[tag].used)
		tag = tag + 1 < tags->limit ? tag + 1 : tags->first;
	return tag;
}

/* The range may have changed while others are in use: count only those within it. */
bool tlpb__tags_free(const struct tags *tags)
{
	if (tags->used < tags->limit - tags->first)
		return true;
	for (unsigned tag = tags->first; tag < tags->limit; tag++)
		if (!tags->request[tag].used)
			return true;
	return false;
}

bool tlpb__tags_stuck(const struct tags *tags)
{
	if (tags->late < tags->limit - tags->first)
		return false;
	for (unsigned tag = tags->first; tag < tags->limit; tag++)
		if (!tags->request[tag].late)
			return false;
	return true;
}

int tlpb__tags_begin(struct tags *tags, struct tlpb_tlp *tlp, void *buf, size_t len,
		     tags_done *done, void *arg)
{
	struct tags_request *r;

	if (!tlpb__tags_free(tags))
		return TLPB_ERR_AGAIN;
	tlp->tag = (uint16_t)find_free(tags);
	tags->next = tlp->tag + 1u;
	tags->used++;
	r = &tags->request[tlp->tag];
	*r = (struct tags_request){ .tlp = *tlp, .buf = buf, .len = len, .done = done,
				    .arg = arg, .deadline_ms = tags->deadline_ms, .stamp = tags->stamp,
				    .used = true };
	r->tlp.payload = NULL;	/* the caller's, who may be gone when somebody asks what is waited for */
	r->tlp.payload_len = 0;
	return 0;
}

static void finish(struct tags *tags, struct tags_request *r, int err)
{
	struct tags_request ended = *r;	/* done may reuse the tag */

	r->used = r->late = false;
	r->done = NULL;
	tags->used--;
	tags->late -= ended.late;
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

static bool is_atomic(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_FETCHADD || tlp->kind == TLPB_SWAP || tlp->kind == TLPB_CAS;
}

static unsigned bytes_left(const struct tags_request *r)
{
	if (!is_memory_read(&r->tlp))
		return 4;
	return tlpb_byte_count(r->tlp.length_dw, r->tlp.first_be, r->tlp.last_be) -
	       (unsigned)r->got;
}

/* The next n bytes. */
static void store(const struct tags_request *r, const uint8_t *data, size_t n)
{
	if (r->buf && !r->poisoned)
		memcpy(r->buf + r->got, data, n);
}

/* Data of a configuration or I/O read: one DW, of which first_be tells the bytes asked for. */
static int take_register(struct tags_request *r, const struct tlpb_tlp *c)
{
	unsigned first = tlpb_first_byte(r->tlp.first_be);

	if (c->length_dw != 1 || first + r->len > 4)
		return TLPB_ERR_PROTOCOL;
	store(r, c->payload + first, r->len);
	r->got = r->len;
	return 0;
}

/* The old value of an AtomicOp, in one completion (2.3.1.1). */
static int take_operand(struct tags_request *r, const struct tlpb_tlp *c)
{
	if (c->byte_count != r->len || c->lower_address || 4u * c->length_dw != r->len)
		return TLPB_ERR_PROTOCOL;
	store(r, c->payload, r->len);
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
	store(r, c->payload + (addr & 3), n);
	r->got += n;
	return r->got < r->len;
}

static int take(struct tags_request *r, const struct tlpb_tlp *c)
{
	if (c->status != TLPB_CPL_SC)
		return status_error(c->status);
	if (c->ep && !r->poisoned) {	/* the data are not to be used; the tag is, until the last came */
		r->poisoned = true;
		r->good = r->got;
	}
	if (is_memory_read(&r->tlp))
		return c->kind == TLPB_CPLD ? take_memory(r, c) : TLPB_ERR_PROTOCOL;
	if (!r->len)
		return c->kind == TLPB_CPL ? 0 : TLPB_ERR_PROTOCOL;
	if (c->kind != TLPB_CPLD)
		return TLPB_ERR_PROTOCOL;
	return is_atomic(&r->tlp) ? take_operand(r, c) : take_register(r, c);
}

/* How a request ends of which take() said so. */
static void finish_taken(struct tags *tags, struct tags_request *r, int err)
{
	if (r->poisoned)
		r->got = r->good;
	finish(tags, r, r->poisoned && !err ? TLPB_ERR_POISONED : err);
}

/* To whom it was late it is unexpected; what lies does not give the tag back. */
static int complete_late(struct tags *tags, struct tags_request *r, const struct tlpb_tlp *completion)
{
	int more = take(r, completion);

	if (more <= 0 && more != TLPB_ERR_PROTOCOL)
		finish_taken(tags, r, more);
	return TLPB_ERR_NOT_FOUND;
}

const struct tags_request *tlpb__tags_find(const struct tags *tags, const struct tlpb_tlp *completion)
{
	const struct tags_request *r = &tags->request[completion->tag % TAGS_MAX];

	if (completion->tag >= TAGS_MAX || !r->used || r->tlp.requester_id != completion->requester_id)
		return NULL;
	return r;
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
	if (r->late)
		return complete_late(tags, r, completion);
	more = take(r, completion);
	if (more <= 0)
		finish_taken(tags, r, more);
	return more == TLPB_ERR_PROTOCOL ? more : 0;
}

int tlpb__tags_time_out(struct tags *tags, uint16_t requester_id, uint16_t tag)
{
	struct tags_request *r = &tags->request[tag % TAGS_MAX];
	bool late;

	if (tag >= TAGS_MAX || !r->used || r->tlp.requester_id != requester_id)
		return TLPB_ERR_NOT_FOUND;
	late = r->late;			/* it has ended that way before */
	finish(tags, r, TLPB_ERR_TIMEDOUT);
	return late ? TLPB_ERR_NOT_FOUND : 0;
}

static void abandon(struct tags_request *r, int err)
{
	struct tags_request ended = *r;

	r->done = NULL;
	r->buf = NULL;
	r->deadline_ms = 0;
	if (ended.done)
		ended.done(ended.arg, &ended, err);
}

unsigned tlpb__tags_expire(struct tags *tags, int64_t now_ms)
{
	unsigned expired = 0;

	for (unsigned i = 0; i < TAGS_MAX; i++) {
		struct tags_request *r = &tags->request[i];

		if (!r->used || !r->deadline_ms || r->deadline_ms > now_ms)
			continue;
		r->late = true;
		tags->late++;
		expired++;
		abandon(r, TLPB_ERR_TIMEDOUT);
	}
	return expired;
}

int64_t tlpb__tags_due(const struct tags *tags)
{
	int64_t due = 0;

	for (unsigned i = 0; i < TAGS_MAX && tags->used; i++) {
		const struct tags_request *r = &tags->request[i];

		if (r->used && r->deadline_ms && (!due || r->deadline_ms < due))
			due = r->deadline_ms;
	}
	return due;
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

void tlpb__tags_abort_of(struct tags *tags, const void *arg, int err)
{
	for (unsigned i = 0; i < TAGS_MAX; i++)
		if (tags->request[i].used && tags->request[i].arg == arg)
			abandon(&tags->request[i], err);
}
