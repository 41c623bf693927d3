/* SPDX-License-Identifier: MIT */
#include "inject_body.h"

#include <string.h>

#include <tlpbridge/err.h>
#include <tlpbridge/wire.h>

#include "cursor.h"

static struct writer start(uint8_t *bytes, size_t size, unsigned word)
{
	struct writer w = { bytes, bytes, bytes + size, false };

	write_u32(&w, TLPB_WIRE_MAGIC);
	write_u16(&w, TLPB_WIRE_VERSION);
	write_u16(&w, (uint16_t)word);
	return w;
}

static int written(const struct writer *w)
{
	return w->bad ? TLPB_ERR_TOO_LARGE : (int)(w->p - w->start);
}

/* Both begin with magic, version and a word of at most max. */
static int begin(struct reader *r, unsigned max, unsigned *word)
{
	unsigned magic = read_u32(r), version = read_u16(r);

	*word = read_u16(r);
	if (r->bad)
		return TLPB_ERR_TRUNCATED;
	return magic != TLPB_WIRE_MAGIC || version != TLPB_WIRE_VERSION || *word > max
		? TLPB_ERR_PROTOCOL : 0;
}

int tlpb__inject_question_encode(const struct inject_question *q, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size, q->what);

	write_string(&w, q->device);
	write_string(&w, q->rules);
	return written(&w);
}

int tlpb__inject_question_decode(const uint8_t *bytes, size_t len, struct inject_question *q)
{
	struct reader r = { bytes, bytes + len, false };
	unsigned what;
	int err = begin(&r, TLPB_INJECT_CLEAR, &what);

	memset(q, 0, sizeof *q);
	if (err)
		return err;
	q->what = (enum tlpb_inject_what)what;
	read_string(&r, q->device, sizeof q->device);
	read_string(&r, q->rules, sizeof q->rules);
	return r.bad ? TLPB_ERR_TRUNCATED : 0;
}

int tlpb__inject_reply_encode(const struct tlpb_inject_list *list, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size, list->rules);

	for (unsigned i = 0; i < list->rules; i++) {
		write_u64(&w, list->rule[i].matches);
		write_u64(&w, list->rule[i].fired);
		write_string(&w, list->rule[i].text);
	}
	return written(&w);
}

int tlpb__inject_reply_decode(const uint8_t *bytes, size_t len, struct tlpb_inject_list *list)
{
	struct reader r = { bytes, bytes + len, false };
	int err = begin(&r, TLPB_INJECT_RULES, &list->rules);

	memset(list->rule, 0, sizeof list->rule);
	if (err)
		return err;
	for (unsigned i = 0; i < list->rules; i++) {
		list->rule[i].matches = read_u64(&r);
		list->rule[i].fired = read_u64(&r);
		read_string(&r, list->rule[i].text, sizeof list->rule[i].text);
	}
	return r.bad ? TLPB_ERR_TRUNCATED : 0;
}
