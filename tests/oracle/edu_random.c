/* SPDX-License-Identifier: MIT */
/* Random scripts: any register at any width, but nothing that QEMU's edu ends QEMU for. */
#include <inttypes.h>

#include "edu_script.h"

enum {
	BUFFER = 0x40000,
	REACH = 4095,		/* bytes of the buffer that QEMU's edu lets DMA touch */
	SPARE = 0x1000,		/* of RAM, left alone between DMA and mailbox */
};

struct state {
	FILE *out;
	uint32_t x;
	int irq_enabled;	/* bit 7 of STATUS */
};

static uint32_t any(struct state *s, uint32_t below)
{
	s->x ^= s->x << 13;
	s->x ^= s->x >> 17;
	s->x ^= s->x << 5;
	return (uint32_t)(((uint64_t)s->x * below) >> 32);
}

static uint32_t any_word(struct state *s)
{
	uint32_t high = any(s, 0x10000);

	return high << 16 | any(s, 0x10000);
}

static void some_read(struct state *s)
{
	static const uint32_t places[] = {
		0x00, 0x04, 0x08, 0x0c, 0x20, 0x24, 0x28, 0x60, 0x64, 0x7c, 0x80, 0x84, 0x88,
		0x8c, 0x90, 0x94, 0x98, 0x9c, 0xa0, 0x100, 0x1000, BUFFER, BUFFER + 8, 0xffff0,
	};
	uint32_t place = places[any(s, sizeof places / sizeof places[0])];

	fprintf(s->out, "read %u 0x%x\n", 1u << any(s, 4), place + (any(s, 4) ? 0 : any(s, 8)));
}

/* Nowhere near the registers that start something. */
static void ignored_write(struct state *s)
{
	static const uint32_t places[] = {
		0x00, 0x10, 0x18, 0x28, 0x30, 0x50, 0x70, 0xa0, 0xb8, 0x200, BUFFER, 0xffff0,
	};
	uint32_t place = places[any(s, sizeof places / sizeof places[0])];
	unsigned size = 1u << any(s, 3);

	fprintf(s->out, "write %u 0x%x 0x%x\n", size, place + any(s, 5 - size), any_word(s));
}

static void liveness(struct state *s)
{
	fprintf(s->out, "write %u 0x04 0x%x\nread 4 0x04\n", any(s, 4) ? 4 : 2, any_word(s));
}

static void factorial(struct state *s)
{
	uint32_t n = any(s, 4) ? any(s, 40) : any(s, 100000);

	fprintf(s->out, "write 4 0x64 0x1\nwrite 4 0x08 %u\nwait 0x20 0x01 0\n", n);
	if (s->irq_enabled)
		fprintf(s->out, "wait 0x24 0x01 0x01\n");
	fprintf(s->out, "read 4 0x08\nintx\nmessage\n");
}

static void status(struct state *s)
{
	uint32_t value = any_word(s);

	s->irq_enabled = value & 0x80;
	fprintf(s->out, "write 4 0x20 0x%x\nread 4 0x20\n", value);
}

static void interrupt(struct state *s)
{
	uint32_t bits = any(s, 8) ? any_word(s) & any_word(s) : 0;

	fprintf(s->out, "write 4 %s 0x%x\nread 4 0x24\nintx\nmessage\n",
		any(s, 2) ? "0x60" : "0x64", bits);
}

/* Between kinds of interrupts nothing is pending: what happens to it then is not specified. */
static void kind(struct state *s)
{
	fprintf(s->out, "write 4 0x64 0xffffffff\nintx\nmsi %s\n", any(s, 2) ? "on" : "off");
}

static void dma_register(struct state *s)
{
	unsigned place = 0x80 + 8 * any(s, 3);
	uint64_t value = (uint64_t)any_word(s) << 32 | any_word(s);
	unsigned size = any(s, 3) ? 8 : 4;

	fprintf(s->out, "write %u 0x%x 0x%" PRIx64 "\nread 8 0x%x\nread 4 0x%x\n", size, place,
		size == 8 ? value : value & UINT32_MAX, place, place);
}

static void dma(struct state *s)
{
	uint32_t from = any(s, REACH), count = 1 + any(s, REACH - from);
	uint32_t at = any(s, EDU_MAILBOX - SPARE - count);
	const char *irq = any(s, 2) ? " irq" : "";

	if (any(s, 2))
		fprintf(s->out, "fill 0x%x %u %u\ndma to-edu 0x%x 0x%x %u%s\n", at, count,
			any(s, 1000), at, BUFFER + from, count, irq);
	else
		fprintf(s->out, "dma to-ram 0x%x 0x%x %u%s\n", BUFFER + from, at, count, irq);
	fprintf(s->out, "sum 0 0x%x\nread 4 0x24\nintx\nmessage\n", EDU_MAILBOX);
}

void edu_random(FILE *script, uint32_t seed, unsigned steps)
{
	/* DMA takes 100 ms in QEMU's edu, so it is rare. */
	static void (*const kinds[])(struct state *) = {
		some_read, some_read, some_read, some_read, ignored_write, ignored_write, liveness,
		factorial, factorial, status, interrupt, interrupt, interrupt, kind, dma_register, dma,
	};
	struct state s = { .out = script, .x = seed * 2654435761u | 1 };

	fprintf(script, "# seed %u\nfill 0 0x%x %u\ndma to-edu 0 0x%x %u\n", seed, EDU_MAILBOX,
		seed + 1, BUFFER, REACH);
	while (steps--)
		kinds[any(&s, sizeof kinds / sizeof kinds[0])](&s);
	fprintf(script, "dma to-ram 0x%x 0 %u\nsum 0 %u\n", BUFFER, REACH, REACH);
}
