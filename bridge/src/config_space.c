/* SPDX-License-Identifier: MIT */
/* The engine: it lays the tables out, and reads, writes and resets what they declare. */
#include <string.h>

#include "bytes.h"
#include "config_layout.h"

enum {
	HEADER_END = 0x40,
	ALIGN = 16,
	CHAIN_NEXT = 1,			/* offset of the next pointer in a standard capability */
	EXTENDED_NEXT = 20,		/* its shift in the header of an extended one */
};

/* ---- layout ---- */

static void put(uint8_t *bytes, unsigned size, uint32_t value)
{
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static void lay_register(struct config_space *c, unsigned at, const struct config_register *r)
{
	struct config_bits bits = r->bits;

	if (r->fit)
		r->fit(c, &bits);
	at += r->offset;
	put(c->initial + at, r->size, bits.value);
	put(c->writable + at, r->size, bits.rw);
	put(c->w1c + at, r->size, bits.w1c);
	put(c->sticky + at, r->size, bits.sticky);
	put(c->flr_kept + at, r->size, bits.flr_kept);
	if (r->written) {
		c->hook[c->hooks].at = (uint16_t)(at & ~3u);
		c->hook[c->hooks++].call = r->written;
	}
}

/* The ID, and a link from the one before. */
static void chain(struct config_space *c, unsigned at, unsigned id)
{
	c->initial[at] = (uint8_t)id;
	c->initial[c->last ? c->last + CHAIN_NEXT : CFG_CAP_POINTER] = (uint8_t)at;
	c->last = at;
}

static void chain_extended(struct config_space *c, unsigned at, unsigned id, unsigned version)
{
	uint8_t *before = c->initial + c->last_extended;

	put_le32(c->initial + at, id | version << 16);
	if (c->last_extended)
		put_le32(before, get_le32(before) | at << EXTENDED_NEXT);
	c->last_extended = at;
}

/* Takes the next place of size bytes. */
static unsigned place(unsigned *free, unsigned size)
{
	unsigned at = *free;

	*free = (at + size + ALIGN - 1) / ALIGN * ALIGN;
	return at;
}

static unsigned place_capability(struct config_space *c, const struct config_capability *cap)
{
	unsigned at;

	if (cap->part == PART_HEADER)
		return 0;
	at = place(cap->version ? &c->free_extended : &c->free, cap->size);
	if (cap->there && !cap->there(&c->device))
		return 0;
	if (cap->version)
		chain_extended(c, at, cap->id, cap->version);
	else
		chain(c, at, cap->id);
	return at;
}

static void lay(struct config_space *c, const struct config_capability *cap)
{
	bool there = !cap->there || cap->there(&c->device);

	if (!there && !cap->reserved)
		return;
	c->at[cap->part] = (uint16_t)place_capability(c, cap);
	for (unsigned i = 0; there && i < cap->count; i++)
		lay_register(c, c->at[cap->part], &cap->registers[i]);
}

void tlpb__config_init(struct config_space *c, const struct tlpb_device *device, unsigned mps)
{
	memset(c, 0, sizeof *c);
	c->device = *device;
	c->mps = mps;
	c->free = HEADER_END;
	c->free_extended = CONFIG_EXTENDED;
	for (unsigned i = 0; i < tlpb__config_capability_count; i++)
		lay(c, &tlpb__config_capabilities[i]);
	memcpy(c->value, c->initial, CONFIG_SIZE);
}

/* ---- reset ---- */

static uint8_t kept(const struct config_space *c, unsigned i, enum tlpb_reset kind)
{
	if (kind == TLPB_RESET_FLR)
		return c->sticky[i] | c->flr_kept[i];
	return kind == TLPB_RESET_HOT ? c->sticky[i] : 0;
}

void tlpb__config_reset(struct config_space *c, enum tlpb_reset kind)
{
	for (unsigned i = 0; i < CONFIG_SIZE; i++) {
		uint8_t keep = kept(c, i, kind);

		c->value[i] = (uint8_t)((c->initial[i] & ~keep) | (c->value[i] & keep));
	}
}

/* ---- access ---- */

uint32_t tlpb__config_read(const struct config_space *c, unsigned offset)
{
	return get_le32(c->value + offset);
}

static void write_byte(struct config_space *c, unsigned at, uint8_t in)
{
	uint8_t writable = c->writable[at];

	c->value[at] = (uint8_t)((c->value[at] & ~writable) | (in & writable));
	c->value[at] &= (uint8_t)~(in & c->w1c[at]);
}

unsigned tlpb__config_write(struct config_space *c, unsigned offset, unsigned be, uint32_t value)
{
	uint32_t before = tlpb__config_read(c, offset), written = 0;
	unsigned events = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (!(be >> i & 1))
			continue;
		written |= value & 0xffu << 8 * i;
		write_byte(c, offset + i, (uint8_t)(value >> 8 * i));
	}
	for (unsigned i = 0; i < c->hooks; i++)
		if (c->hook[i].at == offset)
			events |= c->hook[i].call(c, offset, before, written);
	return events;
}
