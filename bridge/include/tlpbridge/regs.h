/* SPDX-License-Identifier: MIT */
/*
 * What lies behind a BAR, for models in C: 32-bit little-endian registers, and memory.
 *
 *	static struct tlpb_reg regs[] = {
 *		{ 0x00, "ID", .reset = 0x600d600d },
 *		{ 0x04, "SCRATCH", .writable = ~0u, .text = "for the driver's tests" },
 *		{ 0x08, "START", .writable = 1, .written = start },
 *	};
 *	static const struct tlpb_regs bar0 = { regs, 3 };
 *
 * Accesses may have any length, alignment and byte enables. What lies between
 * the registers reads as 0 and ignores writes. No call blocks, fails or
 * completes the request; handlers run inside tlpb_regs_access(), on its thread.
 * A struct tlpb_model with .regs = { &bar0 } tells tools the names.
 */
#ifndef TLPBRIDGE_REGS_H
#define TLPBRIDGE_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/ep.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tlpb_reg {
	uint32_t offset;	/* bytes from the start of the BAR, a multiple of 4 */
	const char *name;
	uint32_t writable;	/* the bits that a write changes */
	uint32_t reset;		/* value after tlpb_regs_reset() */
	void (*written)(void *ctx, uint32_t value);	/* after value was stored; may be NULL */
	uint32_t (*read)(void *ctx);	/* asked in place of the stored value; may be NULL */
	uint32_t value;		/* stored; the model may change it at any time */

	/* For tools; see struct tlpb_register. */
	const char *text;	/* a line for a person; may be NULL */
	enum tlpb_access access; /* TLPB_ACCESS_RO where bits are writable: TLPB_ACCESS_RW */
	bool read_effect;	/* a read changes something */
	const struct tlpb_field *field;	/* may be NULL when there are none */
	unsigned fields;
};

struct tlpb_regs {
	struct tlpb_reg *reg;	/* the model's */
	size_t count;
	void *ctx;		/* for handlers */
};

/*
 * Give every register its reset value; no handler is called. Nobody else does it: call it
 * before the first host, and in ops.reset of ep.h.
 */
void tlpb_regs_reset(const struct tlpb_regs *regs);

/*
 * Move the request's data between it and the registers. An AtomicOp is a read and a write of
 * them, with nothing between the two.
 */
void tlpb_regs_access(const struct tlpb_regs *regs, struct tlpb_ep_request *request);

/*
 * What the table tells tools, for tlpb_ep_config.registers: fills in list[0] to
 * list[regs->count - 1], registers of region. Texts and fields stay the table's.
 */
void tlpb_regs_describe(const struct tlpb_regs *regs, unsigned region, struct tlpb_register *list);

/*
 * As tlpb_regs_access(), with size bytes of memory. False: the request does not lie within them, nothing moved. AtomicOps are
 * atomic against other threads, too, where the memory is aligned to their size.
 */
bool tlpb_memory_access(void *memory, uint64_t size, struct tlpb_ep_request *request);

#ifdef __cplusplus
}
#endif
#endif
