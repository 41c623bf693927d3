/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tlpbridge/regs.h>

#include "bytes.h"

void tlpb_regs_reset(const struct tlpb_regs *regs)
{
	for (size_t i = 0; i < regs->count; i++)
		regs->reg[i].value = regs->reg[i].reset;
}

static struct tlpb_reg *find(const struct tlpb_regs *regs, uint64_t offset)
{
	for (size_t i = 0; i < regs->count; i++)
		if (regs->reg[i].offset == offset)
			return &regs->reg[i];
	return NULL;
}

static bool enabled(const struct tlpb_ep_request *request, uint64_t i)
{
	return i < request->length && (!request->byte_enable || request->byte_enable[i]);
}

/* The part of a request that lies in one word; index is of the word's first byte in the data. */
struct lanes {
	uint64_t index;		/* wraps before the first byte; used only where a lane is enabled */
	uint32_t mask;
};

static struct lanes lanes_at(const struct tlpb_ep_request *request, uint64_t offset)
{
	struct lanes l = { .index = offset - request->offset };

	for (unsigned lane = 0; lane < 4; lane++)
		if (enabled(request, l.index + lane))
			l.mask |= 0xffu << 8 * lane;
	return l;
}

static bool has_lane(const struct lanes *l, unsigned lane)
{
	return l->mask >> 8 * lane & 1;
}

static void write_word(const struct tlpb_regs *regs, struct tlpb_reg *reg,
		       const struct tlpb_ep_request *request, const struct lanes *l)
{
	uint32_t changed = reg->writable & l->mask;
	uint8_t dw[4] = { 0 };

	for (unsigned lane = 0; lane < 4; lane++)
		if (has_lane(l, lane))
			dw[lane] = request->data[l->index + lane];
	reg->value = (reg->value & ~changed) | (get_le32(dw) & changed);
	if (reg->written && changed)
		reg->written(regs->ctx, reg->value);
}

static void read_word(const struct tlpb_regs *regs, const struct tlpb_reg *reg,
		      const struct tlpb_ep_request *request, const struct lanes *l)
{
	uint8_t dw[4] = { 0 };

	if (reg)
		put_le32(dw, reg->read ? reg->read(regs->ctx) : reg->value);
	for (unsigned lane = 0; lane < 4; lane++)
		if (has_lane(l, lane))
			request->data[l->index + lane] = dw[lane];
}

static void move_words(const struct tlpb_regs *regs, struct tlpb_ep_request *request)
{
	uint64_t end = request->offset + request->length;

	for (uint64_t at = request->offset & ~3ull; at < end; at += 4) {
		struct tlpb_reg *reg = find(regs, at);
		struct lanes l = lanes_at(request, at);

		if (!l.mask)
			continue;
		if (!request->write)
			read_word(regs, reg, request, &l);
		else if (reg)
			write_word(regs, reg, request, &l);
	}
}

/* A read and a write. A CAS that does not find what it looks for writes nothing. */
static void atomic_words(const struct tlpb_regs *regs, struct tlpb_ep_request *request)
{
	const struct tlpb_atomic *atomic = request->atomic;
	uint8_t value[TLPB_ATOMIC_MAX];
	struct tlpb_ep_request write = { .write = true, .offset = request->offset,
					 .length = request->length, .data = value };

	move_words(regs, request);
	tlpb_atomic_result(atomic, request->data, value);
	if (atomic->op != TLPB_CAS || !memcmp(request->data, atomic->compare, atomic->size))
		move_words(regs, &write);
}

void tlpb_regs_access(const struct tlpb_regs *regs, struct tlpb_ep_request *request)
{
	if (request->atomic)
		atomic_words(regs, request);
	else
		move_words(regs, request);
}

void tlpb_regs_describe(const struct tlpb_regs *regs, unsigned region, struct tlpb_register *list)
{
	for (size_t i = 0; i < regs->count; i++) {
		const struct tlpb_reg *reg = &regs->reg[i];
		bool plain = reg->access == TLPB_ACCESS_RO && reg->writable;

		list[i] = (struct tlpb_register){
			.name = reg->name, .description = reg->text, .region = region,
			.offset = reg->offset, .width = 32,
			.access = plain ? TLPB_ACCESS_RW : reg->access,
			.read_effect = reg->read_effect, .field = reg->field, .fields = reg->fields,
		};
	}
}

static void move(uint8_t *memory, uint8_t *data, size_t len, bool write)
{
	if (write)
		memcpy(memory, data, len);
	else
		memcpy(data, memory, len);
}

/* Memory that does not lie as the processor wants it is the caller's thread's alone. */
static void atomic_memory(uint8_t *memory, struct tlpb_ep_request *request)
{
	if (!tlpb_atomic_memory(request->atomic, memory, request->data))
		return;
	memcpy(request->data, memory, request->length);
	tlpb_atomic_result(request->atomic, request->data, memory);
}

bool tlpb_memory_access(void *memory, uint64_t size, struct tlpb_ep_request *request)
{
	uint8_t *at = (uint8_t *)memory + request->offset;

	if (request->offset > size || request->length > size - request->offset)
		return false;
	if (request->atomic) {
		atomic_memory(at, request);
		return true;
	}
	if (!request->byte_enable) {
		move(at, request->data, request->length, request->write);
		return true;
	}
	for (size_t i = 0; i < request->length; i++)
		if (request->byte_enable[i])
			move(at + i, request->data + i, 1, request->write);
	return true;
}
