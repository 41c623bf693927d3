/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cursor.h"
#include "frame.h"
#include "status.h"

const char *tlpb_count_name(unsigned kind)
{
	static const char *const names[TLPB_COUNT_KINDS] = {
#define COUNT_NAME(name, text) [TLPB_COUNT_##name] = text,
		TLPB_COUNT_LIST(COUNT_NAME)
#undef COUNT_NAME
	};

	return kind < TLPB_COUNT_KINDS ? names[kind] : "?";
}

/* ---- counting ---- */

enum { FMT_DATA = 0x40, FMT_PREFIX = 0x80 };

/* By Type (2.2.1); Fmt says only whether there are data. */
static enum tlpb_count_kind kind_of(uint8_t fmt_type)
{
	unsigned type = fmt_type & 0x1f;

	if (type == 0)
		return fmt_type & FMT_DATA ? TLPB_COUNT_MWR : TLPB_COUNT_MRD;
	if (type == 0x02)
		return TLPB_COUNT_IO;
	if (type == 0x04 || type == 0x05)
		return TLPB_COUNT_CFG;
	if (type == 0x0a)
		return TLPB_COUNT_CPL;
	return type >= 0x10 && type < 0x18 ? TLPB_COUNT_MSG : TLPB_COUNT_OTHER;
}

void tlpb__count_tlp(struct tlpb_counters *c, const uint8_t *tlp, size_t len)
{
	unsigned length;

	while (len >= 4 && tlp[0] & FMT_PREFIX) {
		tlp += 4;
		len -= 4;
	}
	if (len < 4) {
		c->tlps[TLPB_COUNT_OTHER]++;
		return;
	}
	c->tlps[kind_of(tlp[0])]++;
	length = (tlp[2] & 3u) << 8 | tlp[3];
	if (tlp[0] & FMT_DATA)
		c->bytes += 4u * (length ? length : 1024);
}

/* ---- bodies ---- */

enum { SHARED_MEMORY = 1 };	/* bits of a device's flags */

int tlpb__status_question(uint8_t *bytes, size_t size)
{
	struct writer w = { bytes, bytes, bytes + size, false };

	write_u32(&w, TLPB_WIRE_MAGIC);
	write_u16(&w, TLPB_WIRE_VERSION);
	write_u16(&w, 0);
	return w.bad ? TLPB_ERR_TOO_LARGE : (int)(w.p - w.start);
}

static void put_counters(struct writer *w, const struct tlpb_counters *c)
{
	for (unsigned i = 0; i < TLPB_COUNT_KINDS; i++)
		write_u64(w, c->tlps[i]);
	write_u64(w, c->bytes);
}

static void put_outstanding(struct writer *w, const struct tlpb_outstanding *o)
{
	write_u32(w, o->requests);
	write_u32(w, o->oldest_ms);
	write_string(w, o->oldest);
}

static void put_slot(struct writer *w, const struct tlpb_slot_status *slot)
{
	write_string(w, slot->device);
	write_string(w, slot->host);
	write_u64(w, slot->host_ms);
	write_u64(w, slot->time_ps);
	put_counters(w, &slot->to_device);
	put_counters(w, &slot->to_host);
	put_outstanding(w, &slot->of_host);
	put_outstanding(w, &slot->of_device);
}

/* Behind all devices: servers of before it end there. */
static void put_flags(struct writer *w, const struct tlpb_slot_status *slot)
{
	write_u16(w, slot->shared_memory ? SHARED_MEMORY : 0);
}

int tlpb__status_encode(const struct tlpb_status *status, uint8_t *bytes, size_t size)
{
	struct writer w = { bytes, bytes, bytes + size, false };

	write_u32(&w, TLPB_WIRE_MAGIC);
	write_u16(&w, TLPB_WIRE_VERSION);
	write_u16(&w, (uint16_t)status->slots);
	write_u64(&w, status->time_ms);
	for (unsigned i = 0; i < status->slots; i++)
		put_slot(&w, &status->slot[i]);
	for (unsigned i = 0; i < status->slots; i++)
		put_flags(&w, &status->slot[i]);
	return w.bad ? TLPB_ERR_TOO_LARGE : (int)(w.p - w.start);
}

static void get_counters(struct reader *r, struct tlpb_counters *c)
{
	for (unsigned i = 0; i < TLPB_COUNT_KINDS; i++)
		c->tlps[i] = read_u64(r);
	c->bytes = read_u64(r);
}

static void get_outstanding(struct reader *r, struct tlpb_outstanding *o)
{
	o->requests = read_u32(r);
	o->oldest_ms = read_u32(r);
	read_string(r, o->oldest, sizeof o->oldest);
}

static void get_slot(struct reader *r, struct tlpb_slot_status *slot)
{
	read_string(r, slot->device, sizeof slot->device);
	read_string(r, slot->host, sizeof slot->host);
	slot->host_ms = read_u64(r);
	slot->time_ps = read_u64(r);
	get_counters(r, &slot->to_device);
	get_counters(r, &slot->to_host);
	get_outstanding(r, &slot->of_host);
	get_outstanding(r, &slot->of_device);
}

int tlpb__status_decode(const uint8_t *bytes, size_t len, struct tlpb_status *status)
{
	struct reader r = { bytes, bytes + len, false };
	unsigned magic = read_u32(&r), version = read_u16(&r);

	memset(status, 0, sizeof *status);
	status->slots = read_u16(&r);
	status->time_ms = read_u64(&r);
	if (r.bad)
		return TLPB_ERR_TRUNCATED;
	if (magic != TLPB_WIRE_MAGIC || version != TLPB_WIRE_VERSION ||
	    status->slots > TLPB_STATUS_SLOTS)
		return TLPB_ERR_PROTOCOL;
	for (unsigned i = 0; i < status->slots; i++)
		get_slot(&r, &status->slot[i]);
	for (unsigned i = 0; i < status->slots && (i || r.p < r.end); i++)
		status->slot[i].shared_memory = read_u16(&r) & SHARED_MEMORY;
	return r.bad ? TLPB_ERR_TRUNCATED : 0;
}
