/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cursor.h"
#include "frame.h"

int tlpb__frame_next(const uint8_t *message, size_t len, size_t *offset, struct frame *frame)
{
	const uint8_t *p = message + *offset;
	size_t left = len - *offset;

	if (!left)
		return 0;
	if (left < TLPB_FRAME_HEADER)
		return TLPB_ERR_TRUNCATED;
	frame->kind = get_le16(p);
	frame->flags = get_le16(p + 2);
	frame->length = get_le32(p + 4);
	frame->time_ps = get_le64(p + 8);
	frame->sequence = get_le32(p + 16);
	frame->mark = get_le32(p + 20);
	frame->body = p + TLPB_FRAME_HEADER;
	if (frame->length > TLPB_FRAME_MAX)
		return TLPB_ERR_TOO_LARGE;
	if (frame->length > left - TLPB_FRAME_HEADER)
		return TLPB_ERR_TRUNCATED;
	*offset += TLPB_FRAME_HEADER + frame->length;
	return 1;
}

void tlpb__frame_put(uint8_t *header, const struct frame *frame)
{
	put_le16(header, frame->kind);
	put_le16(header + 2, frame->flags);
	put_le32(header + 4, frame->length);
	put_le64(header + 8, frame->time_ps);
	put_le32(header + 16, frame->sequence);
	put_le32(header + 20, frame->mark);
}

static struct writer start(uint8_t *bytes, size_t size)
{
	return (struct writer){ .start = bytes, .p = bytes, .end = bytes + size };
}

static int written(const struct writer *w)
{
	return w->bad ? TLPB_ERR_TOO_LARGE : (int)(w->p - w->start);
}

static struct reader over(const uint8_t *bytes, size_t len)
{
	return (struct reader){ .p = bytes, .end = bytes + len };
}

static int finished(const struct reader *r)
{
	return r->bad ? TLPB_ERR_TRUNCATED : 0;
}

static void read_token(struct reader *r, uint8_t token[TLPB_TOKEN])
{
	const uint8_t *p = read_bytes(r, TLPB_TOKEN);

	if (p)
		memcpy(token, p, TLPB_TOKEN);
	else
		memset(token, 0, TLPB_TOKEN);
}

int tlpb__join_encode(const struct join *join, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u32(&w, TLPB_WIRE_MAGIC);
	write_u16(&w, join->version);
	write_u16(&w, 0);
	write_u64(&w, join->offered);
	write_u64(&w, join->required);
	write_bytes(&w, join->host_token, TLPB_TOKEN);
	write_string(&w, join->device);
	write_string(&w, join->host);
	return written(&w);
}

/* Magic and version come first and stay where they are: another version can still be named. */
static int read_magic_version(struct reader *r, uint16_t *version)
{
	if (read_u32(r) != TLPB_WIRE_MAGIC)
		return TLPB_ERR_PROTOCOL;
	*version = read_u16(r);
	return finished(r);
}

int tlpb__join_decode(const uint8_t *bytes, size_t len, struct join *join)
{
	struct reader r = over(bytes, len);
	int err = read_magic_version(&r, &join->version);

	if (err)
		return err;
	read_u16(&r);
	join->offered = read_u64(&r);
	join->required = read_u64(&r);
	read_token(&r, join->host_token);
	read_string(&r, join->device, sizeof join->device);
	read_string(&r, join->host, sizeof join->host);
	return finished(&r);
}

int tlpb__grant_encode(const struct grant *grant, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_bytes(&w, grant->link_token, TLPB_TOKEN);
	write_string(&w, grant->url);
	return written(&w);
}

int tlpb__grant_decode(const uint8_t *bytes, size_t len, struct grant *grant)
{
	struct reader r = over(bytes, len);

	read_token(&r, grant->link_token);
	read_string(&r, grant->url, sizeof grant->url);
	return finished(&r);
}

int tlpb__refuse_encode(const struct refuse *refuse, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u16(&w, refuse->reason);
	write_u16(&w, refuse->version);
	write_u64(&w, refuse->features);
	write_string(&w, refuse->text);
	return written(&w);
}

int tlpb__refuse_decode(const uint8_t *bytes, size_t len, struct refuse *refuse)
{
	struct reader r = over(bytes, len);

	refuse->reason = read_u16(&r);
	refuse->version = read_u16(&r);
	refuse->features = read_u64(&r);
	read_string(&r, refuse->text, sizeof refuse->text);
	return finished(&r);
}

static void write_pools(struct writer *w, const uint16_t credits[TLPB_POOLS])
{
	for (int i = 0; i < TLPB_POOLS; i++)
		write_u16(w, credits[i]);
}

static void read_pools(struct reader *r, uint16_t credits[TLPB_POOLS])
{
	for (int i = 0; i < TLPB_POOLS; i++)
		credits[i] = read_u16(r);
}

int tlpb__hello_encode(const struct hello *hello, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u32(&w, TLPB_WIRE_MAGIC);
	write_u16(&w, hello->version);
	write_u16(&w, hello->role);
	write_u64(&w, hello->offered);
	write_u64(&w, hello->required);
	write_bytes(&w, hello->link_token, TLPB_TOKEN);
	write_u16(&w, hello->mps);
	write_u16(&w, hello->mrrs);
	write_u16(&w, hello->rcb);
	write_u16(&w, 0);
	write_pools(&w, hello->credits);
	write_string(&w, hello->name);
	return written(&w);
}

int tlpb__hello_decode(const uint8_t *bytes, size_t len, struct hello *hello)
{
	struct reader r = over(bytes, len);
	int err = read_magic_version(&r, &hello->version);

	if (err)
		return err;
	hello->role = read_u16(&r);
	hello->offered = read_u64(&r);
	hello->required = read_u64(&r);
	read_token(&r, hello->link_token);
	hello->mps = read_u16(&r);
	hello->mrrs = read_u16(&r);
	hello->rcb = read_u16(&r);
	read_u16(&r);
	read_pools(&r, hello->credits);
	read_string(&r, hello->name, sizeof hello->name);
	return finished(&r);
}

int tlpb__credits_encode(const uint16_t limits[TLPB_POOLS], uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_pools(&w, limits);
	return written(&w);
}

int tlpb__credits_decode(const uint8_t *bytes, size_t len, uint16_t limits[TLPB_POOLS])
{
	struct reader r = over(bytes, len);

	read_pools(&r, limits);
	return finished(&r);
}

int tlpb__segment_encode(const struct segment_frame *segment, uint8_t *bytes, size_t size)
{
	const struct segment_offer *offer = &segment->offer;
	struct writer w = start(bytes, size);

	write_u32(&w, offer->pid);
	write_u32(&w, offer->fd);
	write_u32(&w, offer->ring_bytes);
	write_bytes(&w, offer->token, TLPB_TOKEN);
	write_string(&w, offer->place);
	write_string(&w, segment->why);
	return written(&w);
}

int tlpb__segment_decode(const uint8_t *bytes, size_t len, struct segment_frame *segment)
{
	struct segment_offer *offer = &segment->offer;
	struct reader r = over(bytes, len);

	offer->pid = read_u32(&r);
	offer->fd = read_u32(&r);
	offer->ring_bytes = read_u32(&r);
	read_token(&r, offer->token);
	read_string(&r, offer->place, sizeof offer->place);
	read_string(&r, segment->why, sizeof segment->why);
	return finished(&r);
}

int tlpb__rings_encode(const struct rings *rings, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u16(&w, rings->yes);
	write_string(&w, rings->why);
	return written(&w);
}

int tlpb__rings_decode(const uint8_t *bytes, size_t len, struct rings *rings)
{
	struct reader r = over(bytes, len);

	rings->yes = read_u16(&r);
	read_string(&r, rings->why, sizeof rings->why);
	return finished(&r);
}

int tlpb__dma_fault_encode(const struct dma_fault *fault, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u32(&w, fault->mark);
	write_u16(&w, fault->reason);
	write_u16(&w, 0);
	write_u64(&w, fault->addr);
	return written(&w);
}

int tlpb__dma_fault_decode(const uint8_t *bytes, size_t len, struct dma_fault *fault)
{
	struct reader r = over(bytes, len);

	fault->mark = read_u32(&r);
	fault->reason = read_u16(&r);
	read_u16(&r);
	fault->addr = read_u64(&r);
	return finished(&r);
}

int tlpb__grant_mem_encode(const struct grant_mem *grant, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u16(&w, grant->function);
	write_u16(&w, grant->writable);
	write_u32(&w, grant->pid);
	write_u32(&w, grant->fd);
	write_u32(&w, 0);
	write_u64(&w, grant->addr);
	write_u64(&w, grant->len);
	write_u64(&w, grant->offset);
	return written(&w);
}

int tlpb__grant_mem_decode(const uint8_t *bytes, size_t len, struct grant_mem *grant)
{
	struct reader r = over(bytes, len);

	grant->function = read_u16(&r);
	grant->writable = read_u16(&r) & 1;
	grant->pid = read_u32(&r);
	grant->fd = read_u32(&r);
	read_u32(&r);
	grant->addr = read_u64(&r);
	grant->len = read_u64(&r);
	grant->offset = read_u64(&r);
	return finished(&r);
}

int tlpb__revoke_encode(const struct revoke *revoke, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u32(&w, revoke->number);
	write_u16(&w, revoke->range.function);
	write_u16(&w, 0);
	write_u64(&w, revoke->range.addr);
	write_u64(&w, revoke->range.len);
	return written(&w);
}

int tlpb__revoke_decode(const uint8_t *bytes, size_t len, struct revoke *revoke)
{
	struct reader r = over(bytes, len);

	revoke->number = read_u32(&r);
	revoke->range.function = read_u16(&r);
	read_u16(&r);
	revoke->range.addr = read_u64(&r);
	revoke->range.len = read_u64(&r);
	return finished(&r);
}

enum { DIRTY_HEAD = 4, DIRTY_ITEM = 24 };

int tlpb__dirty_encode(const struct mem_range *ranges, unsigned count, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u16(&w, (uint16_t)count);
	write_u16(&w, 0);
	for (unsigned i = 0; i < count; i++) {
		write_u16(&w, ranges[i].function);
		write_u16(&w, 0);
		write_u32(&w, 0);
		write_u64(&w, ranges[i].addr);
		write_u64(&w, ranges[i].len);
	}
	return written(&w);
}

int tlpb__dirty_count(const uint8_t *bytes, size_t len)
{
	unsigned count = len < DIRTY_HEAD ? 0 : get_le16(bytes);

	if (len < DIRTY_HEAD || (len - DIRTY_HEAD) / DIRTY_ITEM < count)
		return TLPB_ERR_TRUNCATED;
	return (int)count;
}

struct mem_range tlpb__dirty_range(const uint8_t *bytes, unsigned i)
{
	struct reader r = over(bytes + DIRTY_HEAD + (size_t)i * DIRTY_ITEM, DIRTY_ITEM);
	struct mem_range range = { .function = read_u16(&r) };

	read_u16(&r);
	read_u32(&r);
	range.addr = read_u64(&r);
	range.len = read_u64(&r);
	return range;
}

int tlpb__goodbye_encode(const struct goodbye *goodbye, uint8_t *bytes, size_t size)
{
	struct writer w = start(bytes, size);

	write_u16(&w, goodbye->reason);
	write_string(&w, goodbye->text);
	return written(&w);
}

int tlpb__goodbye_decode(const uint8_t *bytes, size_t len, struct goodbye *goodbye)
{
	struct reader r = over(bytes, len);

	goodbye->reason = read_u16(&r);
	read_string(&r, goodbye->text, sizeof goodbye->text);
	return finished(&r);
}

const char *tlpb_reason_text(unsigned reason)
{
	switch (reason) {
#define REASON_CASE(name, value, text) case value: return text;
	TLPB_REASON_LIST(REASON_CASE)
#undef REASON_CASE
	}
	return "unknown reason";
}

void tlpb__feature_names(uint64_t features, char *text, size_t size)
{
	static const char *const names[64] = {
#define FEATURE_NAME(name, bit, text) [bit] = text,
		TLPB_FEATURE_LIST(FEATURE_NAME)
#undef FEATURE_NAME
	};
	size_t used = 0;

	text[0] = 0;
	for (unsigned i = 0; i < 64 && used < size; i++) {
		if (!(features >> i & 1))
			continue;
		const char *sep = used ? ", " : "";

		used += (size_t)(names[i] ? snprintf(text + used, size - used, "%s%s", sep, names[i])
					  : snprintf(text + used, size - used, "%sbit %u", sep, i));
	}
}
