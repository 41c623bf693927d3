/* SPDX-License-Identifier: MIT */
/* The engine: it lays the tables out, and reads, writes and resets what they declare. */
#include <string.h>

#include <tlpbridge/err.h>

#include "bytes.h"
#include "config_layout.h"

enum {
	CFG_HEADER_TYPE = 0x0e,
	HEADER_MULTI_FUNCTION = 1 << 7,
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
	if (c->pf) {
		bits.value &= ~bits.rw | r->vf_rw;
		bits.rw &= r->vf_rw;
	}
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

static bool is_there(const struct config_space *c, const struct config_capability *cap)
{
	return (!cap->there || cap->there(&c->device)) && (!c->pf || cap->in_vf);
}

static void place_capability(struct config_space *c, const struct config_capability *cap)
{
	unsigned at = place(cap->version ? &c->free_extended : &c->free, cap->size);

	if (!is_there(c, cap))
		return;
	c->at[cap->part] = (uint16_t)at;
	if (cap->version)
		chain_extended(c, at, cap->id, cap->version);
	else
		chain(c, at, cap->id);
}

static void lay(struct config_space *c, const struct config_capability *cap)
{
	bool there = is_there(c, cap);

	if (cap->part != PART_HEADER && (there || cap->reserved))
		place_capability(c, cap);
	for (unsigned i = 0; there && i < cap->count; i++)
		lay_register(c, c->at[cap->part], &cap->registers[i]);
}

static void lay_all(struct config_space *c)
{
	c->free = HEADER_END;
	c->free_extended = CONFIG_EXTENDED;
	for (unsigned i = 0; i < tlpb__config_capability_count; i++)
		lay(c, &tlpb__config_capabilities[i]);
	for (unsigned i = 0; i < tlpb__config_extended_count; i++)
		lay(c, &tlpb__config_extended[i]);
	memcpy(c->value, c->initial, CONFIG_SIZE);
}

void tlpb__config_init(struct config_space *c, const struct tlpb_device *device, unsigned mps)
{
	memset(c, 0, sizeof *c);
	c->device = *device;
	c->mps = mps;
	lay_all(c);
}

void tlpb__config_init_vf(struct config_space *c, const struct config_space *pf, unsigned index)
{
	memset(c, 0, sizeof *c);
	tlpb_device_vf(&pf->device, &c->device);
	c->mps = pf->mps;
	c->pf = pf;
	c->vf = index;
	lay_all(c);
}

/* A read-only byte that is what it is from the start. */
static void set_initial(struct config_space *c, unsigned at, unsigned value)
{
	c->initial[at] = c->value[at] = (uint8_t)value;
}

void tlpb__config_set_function(struct config_space *c, unsigned number, bool multi_function,
			       unsigned next)
{
	unsigned ari = c->at[PART_ARI], sriov = c->at[PART_SRIOV];

	set_initial(c, CFG_HEADER_TYPE, multi_function ? HEADER_MULTI_FUNCTION : 0);
	if (ari)
		set_initial(c, ari + ARI_NEXT_FUNCTION, next);
	if (!sriov)
		return;
	set_initial(c, sriov + SRIOV_DEPENDENCY, number);
	if (number)	/* the lowest PF has it for all */
		c->writable[sriov + SRIOV_CONTROL] &= (uint8_t)~SRIOV_ARI_HIERARCHY;
}

/* ---- capabilities of the device's own ---- */

enum { ID_VENDOR = 0x09, ID_VSEC = 0x0b, EXTENDED_HEADER = 4, STANDARD_HEADER = 2 };

static bool is_in(const struct config_capability *list, unsigned count, unsigned id)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].part != PART_HEADER && list[i].id == id)
			return true;
	return false;
}

static bool is_ours(const struct tlpb_capability *cap)
{
	return cap->version
	       ? is_in(tlpb__config_extended, tlpb__config_extended_count, cap->id)
	       : is_in(tlpb__config_capabilities, tlpb__config_capability_count, cap->id);
}

static bool is_legal(const struct tlpb_capability *cap)
{
	if (!cap->id || cap->version > 15 || is_ours(cap))
		return false;
	if (!cap->version)
		return cap->id <= 0xff && (cap->id != ID_VENDOR || cap->size);
	return cap->id != ID_VSEC || cap->size >= 4;
}

static void copy_body(uint8_t *to, const uint8_t *from, size_t size)
{
	if (from && size)
		memcpy(to, from, size);
}

/* What says its own length says the right one. */
static void put_length(struct config_space *c, unsigned at, const struct tlpb_capability *cap)
{
	uint8_t *body = c->initial + at;

	if (!cap->version && cap->id == ID_VENDOR)
		body[STANDARD_HEADER] = (uint8_t)(cap->size + STANDARD_HEADER);
	if (cap->version && cap->id == ID_VSEC)
		put_le16(body + EXTENDED_HEADER + 2,
			 (uint16_t)((get_le16(body + EXTENDED_HEADER + 2) & 15) |
				    (cap->size + EXTENDED_HEADER) << 4));
}

int tlpb__config_add(struct config_space *c, const struct tlpb_capability *cap)
{
	unsigned header = cap->version ? EXTENDED_HEADER : STANDARD_HEADER;
	unsigned *free = cap->version ? &c->free_extended : &c->free;
	unsigned end = !cap->version ? CONFIG_EXTENDED
		       : c->device.region[TLPB_CONFIG].size == 256 ? 0 : CONFIG_SIZE;
	unsigned at = *free;

	if (!is_legal(cap))
		return TLPB_ERR_INVALID;
	if (at + header + cap->size > end)
		return TLPB_ERR_TOO_LARGE;
	place(free, header + cap->size);
	if (cap->version)
		chain_extended(c, at, cap->id, cap->version);
	else
		chain(c, at, cap->id);
	copy_body(c->initial + at + header, cap->value, cap->size);
	copy_body(c->writable + at + header, cap->writable, cap->size);
	copy_body(c->w1c + at + header, cap->w1c, cap->size);
	copy_body(c->sticky + at + header, cap->sticky, cap->size);
	put_length(c, at, cap);
	memcpy(c->value, c->initial, CONFIG_SIZE);
	return 0;
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
	tlpb__config_fit_bars(c);
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
