/* SPDX-License-Identifier: MIT */
/*
 * Registers by name. The record, always optional:
 *
 *	5 REGISTER  u16 region, u16 width in bits, u64 offset, u16 access, u16 flags
 *		    (bit 0: a read has side effects), string name, string description,
 *		    u16 fields, then for each: u8 low bit, u8 width, string name
 *
 * A string is u16 length and that many bytes. Bytes behind the last field are ignored.
 *
 * Decoding goes twice over the records: the first time it checks and counts, the second
 * time it fills one block of memory, which is as large as the first time has said.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include "cursor.h"
#include "records.h"

enum {
	FLAG_READ_EFFECT = 1 << 0,
	FIELDS_MAX = 64,
	DESCRIPTION_MAX = 256,		/* bytes, a final 0 included */
};

const char *tlpb_access_name(unsigned access)
{
	static const char *const names[TLPB_ACCESS_KINDS] = {
#define ACCESS_NAME(name, text) [TLPB_ACCESS_##name] = text,
		TLPB_ACCESS_LIST(ACCESS_NAME)
#undef ACCESS_NAME
	};

	return access < TLPB_ACCESS_KINDS ? names[access] : "?";
}

/* ---- what is legal ---- */

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* An offset begins with a digit: the two cannot be mistaken for each other. */
static bool name_legal(const char *name, size_t len)
{
	if (!len || len >= TLPB_NAME_MAX || !is_letter(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') &&
		    !(name[i] && strchr(".-[]", name[i])))
			return false;
	return true;
}

static bool description_legal(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return len < DESCRIPTION_MAX;
}

static bool width_legal(unsigned width)
{
	return width == 8 || width == 16 || width == 32 || width == 64;
}

static bool place_legal(const struct tlpb_device *dev, const struct tlpb_register *reg)
{
	uint64_t bytes = reg->width / 8, size;

	if (reg->region >= TLPB_REGIONS)
		return false;
	size = reg->region == TLPB_CONFIG ? 4096 : dev->region[reg->region].size;
	return reg->offset % bytes == 0 && size >= bytes && reg->offset <= size - bytes;
}

/* All but the texts, whose form the two callers do not share. */
static int check_numbers(const struct tlpb_device *dev, const struct tlpb_register *reg,
			 const struct why *why)
{
	if (!width_legal(reg->width))
		return tlpb__refuse(why, TLPB_ERR_INVALID,
				    "a register of %u bits: 8, 16, 32 or 64 are allowed", reg->width);
	if (!place_legal(dev, reg))
		return tlpb__refuse(why, TLPB_ERR_INVALID,
				    "a register of %u bits cannot be at 0x%llx of region %u",
				    reg->width, (unsigned long long)reg->offset, reg->region);
	if ((unsigned)reg->access >= TLPB_ACCESS_KINDS)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "register access %u is not known",
				    (unsigned)reg->access);
	if (reg->fields > FIELDS_MAX)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "%u fields are more than %d",
				    reg->fields, FIELDS_MAX);
	return 0;
}

static int check_field(const struct tlpb_register *reg, unsigned low, unsigned width,
		       const struct why *why)
{
	if (width && low + width <= reg->width)
		return 0;
	return tlpb__refuse(why, TLPB_ERR_INVALID, "a field of %u bits at bit %u is not inside a "
			    "register of %u bits", width, low, reg->width);
}

static int bad_name(const struct why *why)
{
	return tlpb__refuse(why, TLPB_ERR_INVALID, "a register or field has an illegal name: it "
			    "begins with a letter or _, and goes on with letters, digits and _.-[], "
			    "%d characters at most", TLPB_NAME_MAX - 1);
}

static int bad_description(const struct why *why)
{
	return tlpb__refuse(why, TLPB_ERR_INVALID, "the description of a register is longer than "
			    "%d bytes or not printable", DESCRIPTION_MAX - 1);
}

/* ---- encoding ---- */

static const char *description_of(const struct tlpb_register *reg)
{
	return reg->description ? reg->description : "";
}

static int check_register(const struct tlpb_device *dev, const struct tlpb_register *reg,
			  const struct why *why)
{
	const char *description = description_of(reg);
	int err = check_numbers(dev, reg, why);

	if (err)
		return err;
	if (!reg->name || !name_legal(reg->name, strlen(reg->name)))
		return bad_name(why);
	if (!description_legal(description, strlen(description)))
		return bad_description(why);
	for (unsigned i = 0; i < reg->fields && !err; i++) {
		const struct tlpb_field *f = &reg->field[i];

		err = check_field(reg, f->low, f->width, why);
		if (!err && (!f->name || !name_legal(f->name, strlen(f->name))))
			err = bad_name(why);
	}
	return err;
}

static void put_fields(struct writer *w, const struct tlpb_register *reg)
{
	write_u16(w, (uint16_t)reg->fields);
	for (unsigned i = 0; i < reg->fields; i++) {
		write_bytes(w, &reg->field[i].low, 1);
		write_bytes(w, &reg->field[i].width, 1);
		write_string(w, reg->field[i].name);
	}
}

static void put_register(struct writer *w, const struct tlpb_register *reg)
{
	uint8_t *header = w->p;

	tlpb__put_record(w, RECORD_REGISTER, RECORD_OPTIONAL, 0);
	write_u16(w, (uint16_t)reg->region);
	write_u16(w, (uint16_t)reg->width);
	write_u64(w, reg->offset);
	write_u16(w, (uint16_t)reg->access);
	write_u16(w, reg->read_effect ? FLAG_READ_EFFECT : 0);
	write_string(w, reg->name);
	write_string(w, description_of(reg));
	put_fields(w, reg);
	if (!w->bad)
		put_le32(header + 4, (uint32_t)(w->p - header - RECORD_HEADER));
}

int tlpb_registers_encode(const struct tlpb_device *dev, const struct tlpb_register *reg,
			  unsigned count, uint8_t *bytes, size_t size, char *text, size_t text_size)
{
	const struct why why = { text, text_size };
	struct writer w = { bytes, bytes, bytes + size, false };

	for (unsigned i = 0; i < count; i++) {
		int err = check_register(dev, &reg[i], &why);

		if (err)
			return err;
		put_register(&w, &reg[i]);
	}
	if (w.bad)
		return tlpb__refuse(&why, TLPB_ERR_TOO_LARGE,
				    "%u registers do not fit into %zu bytes of records: describe fewer, "
				    "or shorter", count, size);
	return (int)(w.p - w.start);
}

/* ---- decoding ---- */

/* First pass: room counts. Second pass: room has what is to be filled. */
struct room {
	size_t registers, fields, chars;
	struct tlpb_register *reg;	/* NULL: the first pass */
	struct tlpb_field *field;
	char *text;
};

/* The next string, kept in the room; NULL when the record is too short for it. */
static const char *take_string(struct reader *r, struct room *room, size_t *len)
{
	const uint8_t *p;
	char *text = room->reg ? room->text + room->chars : NULL;

	*len = read_u16(r);
	p = read_bytes(r, *len);
	if (!p)
		return NULL;
	if (text) {
		memcpy(text, p, *len);
		text[*len] = 0;
	}
	room->chars += *len + 1;
	return text ? text : (const char *)p;
}

static int take_field(struct reader *r, const struct tlpb_register *reg, struct room *room,
		      const struct why *why)
{
	const uint8_t *bits = read_bytes(r, 2);
	size_t len;
	const char *name = take_string(r, room, &len);
	int err;

	if (r->bad)
		return tlpb__refuse(why, TLPB_ERR_TRUNCATED, "the fields of a register are cut");
	err = check_field(reg, bits[0], bits[1], why);
	if (err)
		return err;
	if (!name_legal(name, len))
		return bad_name(why);
	if (room->reg)
		room->field[room->fields] = (struct tlpb_field){ name, bits[0], bits[1] };
	room->fields++;
	return 0;
}

static int take_texts(struct reader *r, struct tlpb_register *reg, struct room *room,
		      const struct why *why)
{
	size_t name_len, description_len;

	reg->name = take_string(r, room, &name_len);
	reg->description = take_string(r, room, &description_len);
	reg->fields = read_u16(r);
	if (r->bad)
		return tlpb__refuse(why, TLPB_ERR_TRUNCATED, "a record REGISTER is too short");
	if (!name_legal(reg->name, name_len))
		return bad_name(why);
	return description_legal(reg->description, description_len) ? 0 : bad_description(why);
}

static int take_register(struct reader r, const struct tlpb_device *dev, struct room *room,
			 const struct why *why)
{
	struct tlpb_register reg = { .region = read_u16(&r) };
	int err;

	reg.width = read_u16(&r);
	reg.offset = read_u64(&r);
	reg.access = (enum tlpb_access)read_u16(&r);
	reg.read_effect = read_u16(&r) & FLAG_READ_EFFECT;
	err = take_texts(&r, &reg, room, why);
	if (!err)
		err = check_numbers(dev, &reg, why);
	if (room->reg)
		reg.field = room->field + room->fields;
	for (unsigned i = 0; i < reg.fields && !err; i++)
		err = take_field(&r, &reg, room, why);
	if (err)
		return err;
	if (room->reg)
		room->reg[room->registers] = reg;
	room->registers++;
	return 0;
}

static int take_all(struct reader r, const struct tlpb_device *dev, struct room *room,
		    const struct why *why)
{
	struct record record;
	int ret;

	while ((ret = tlpb__next_record(&r, &record, "record", why)) > 0) {
		const uint8_t *end = record.value + record.length;

		if (record.type != RECORD_REGISTER)
			continue;
		ret = take_register((struct reader){ record.value, end, false }, dev, room, why);
		if (ret)
			return ret;
	}
	return ret;
}

int tlpb_registers_decode(const uint8_t *bytes, size_t len, const struct tlpb_device *dev,
			  struct tlpb_registers **out, char *text, size_t text_size)
{
	const struct why why = { text, text_size };
	const struct reader all = { bytes, bytes + len, false };
	struct room count = { 0 }, fill = { 0 };
	struct tlpb_registers *regs;
	int err = take_all(all, dev, &count, &why);

	if (err)
		return err;
	regs = calloc(1, sizeof *regs + count.registers * sizeof regs->reg[0] +
		      count.fields * sizeof(struct tlpb_field) + count.chars);
	if (!regs)
		return tlpb__refuse(&why, TLPB_ERR_NOMEM, "out of memory");
	fill.reg = regs->reg;
	fill.field = (struct tlpb_field *)(regs->reg + count.registers);
	fill.text = (char *)(fill.field + count.fields);
	regs->count = (unsigned)count.registers;
	err = take_all(all, dev, &fill, &why);	/* cannot fail: it did not the first time */
	*out = regs;
	return err;
}

void tlpb_registers_free(struct tlpb_registers *registers)
{
	free(registers);
}
