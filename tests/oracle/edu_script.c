/* SPDX-License-Identifier: MIT */
#include "edu_script.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	FACTORIAL = 0x08,
	STATUS = 0x20, COMPUTING = 0x01,
	IRQ_STATUS = 0x24,
	ACKNOWLEDGE = 0x64,
	SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90,
	COMMAND = 0x98, START = 0x01, TO_RAM = 0x02, WITH_IRQ = 0x04,
	BUFFER = 0x40000,

	PCI_COMMAND = 0x04, MEMORY = 2, MASTER = 4,
	PCI_STATUS = 0x06, INTERRUPT_STATUS = 1 << 3,
	CAPABILITIES = 0x34, CAP_MSI = 0x05,
	MSI_ENABLE = 1 << 0, MSI_MASKING = 1 << 8,
	MESSAGE = 0xed0,	/* what the MSI writes */

	WORDS = 8,
	PATIENCE = 60,		/* seconds; only what hangs meets it */
	BUSY_TRIES = 100,
};

struct run {
	struct edu_machine *m;
	FILE *out;
	unsigned line, failures;
	bool line_failed;
	char *word[WORDS];
	unsigned words;
};

static void fail(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct run *r, const char *format, ...)
{
	va_list args;

	fprintf(r->out, "line %u FAILED: ", r->line);
	va_start(args, format);
	vfprintf(r->out, format, args);
	va_end(args);
	fprintf(r->out, "\n");
	r->line_failed = true;
}

/* Argument i as a number; 0, and a failure, when there is none. */
static uint64_t number(struct run *r, unsigned i)
{
	char *end = NULL;
	uint64_t value = i < r->words ? strtoull(r->word[i], &end, 0) : 0;

	if (!end || end == r->word[i] || *end)
		fail(r, "argument %u is no number", i);
	return value;
}

static unsigned size_argument(struct run *r, unsigned i)
{
	uint64_t size = number(r, i);

	if (size == 1 || size == 2 || size == 4 || size == 8)
		return (unsigned)size;
	fail(r, "a size is 1, 2, 4 or 8");
	return 4;
}

/* The same bytes of RAM for both devices: an address inside, whatever it says. */
static uint64_t ram_argument(struct run *r, unsigned i, uint64_t len)
{
	uint64_t at = number(r, i);

	if (at <= EDU_RAM && len <= EDU_RAM - at)
		return at;
	fail(r, "beyond the RAM");
	return 0;
}

static bool is(struct run *r, unsigned i, const char *text)
{
	return i < r->words && !strcmp(r->word[i], text);
}

/* Compare with argument i, if it is there. */
static void expect(struct run *r, unsigned i, uint64_t value)
{
	if (i < r->words && number(r, i) != value)
		fail(r, "expected %s, it is 0x%" PRIx64, r->word[i], value);
}

static uint32_t reg(struct run *r, uint64_t offset)
{
	return (uint32_t)r->m->read(r->m, offset, 4);
}

/* Until register & mask is value. False: never. */
static bool await(struct run *r, uint64_t offset, uint32_t mask, uint32_t value)
{
	time_t end = time(NULL) + PATIENCE;

	while ((reg(r, offset) & mask) != value)
		if (time(NULL) > end) {
			fail(r, "0x%" PRIx64 " stays 0x%x", offset, reg(r, offset));
			return false;
		}
	return true;
}

/* Registers */

static void do_read(struct run *r)
{
	unsigned size = size_argument(r, 1);
	uint64_t value = r->m->read(r->m, number(r, 2), size);

	fprintf(r->out, "0x%0*" PRIx64 "\n", (int)size * 2, value);
	expect(r, 3, value);
}

static void do_write(struct run *r)
{
	r->m->write(r->m, number(r, 2), size_argument(r, 1), number(r, 3));
}

static void do_wait(struct run *r)
{
	uint64_t offset = number(r, 1);

	if (await(r, offset, (uint32_t)number(r, 2), (uint32_t)number(r, 3)))
		fprintf(r->out, "0x%08x\n", reg(r, offset));
}

/* RAM */

static uint32_t next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static uint8_t ram[EDU_RAM];

static void do_fill(struct run *r)
{
	uint64_t len = number(r, 2), at = ram_argument(r, 1, len);
	uint32_t seed = (uint32_t)number(r, 3), x = seed * 2654435761u | 1;

	if (r->line_failed)
		return;
	for (uint64_t i = 0; i < len; i++)
		ram[i] = seed ? (uint8_t)(next(&x) >> 8) : 0;
	r->m->ram_write(r->m, at, ram, len);
}

/* FNV-1a */
static uint32_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 2166136261u;

	while (len--)
		sum = (sum ^ *data++) * 16777619u;
	return sum;
}

static void do_sum(struct run *r)
{
	uint64_t len = number(r, 2), at = ram_argument(r, 1, len);

	if (r->line_failed)
		return;
	r->m->ram_read(r->m, at, ram, len);
	fprintf(r->out, "sum 0x%08x\n", checksum(ram, len));
}

static void do_dump(struct run *r)
{
	uint64_t len = number(r, 2), at = ram_argument(r, 1, len);

	if (len > 32)
		fail(r, "at most 32 bytes");
	if (r->line_failed)
		return;
	r->m->ram_read(r->m, at, ram, len);
	for (uint64_t i = 0; i < len; i++)
		fprintf(r->out, "%02x", ram[i]);
	fprintf(r->out, "\n");
}

/* Engines */

static void start_dma(struct run *r, uint64_t from, uint64_t to, uint64_t count, uint64_t command)
{
	r->m->write(r->m, SOURCE, 8, from);
	r->m->write(r->m, DESTINATION, 8, to);
	r->m->write(r->m, COUNT, 8, count);
	r->m->write(r->m, COMMAND, 8, START | command);
}

static void end_dma(struct run *r)
{
	if (await(r, COMMAND, START, 0))
		fprintf(r->out, "dma ends: 0x%x, interrupts 0x%x\n", reg(r, COMMAND),
			reg(r, IRQ_STATUS));
}

static void do_dma(struct run *r)
{
	uint64_t count = number(r, 4), irq = is(r, 5, "irq") ? WITH_IRQ : 0;

	if (is(r, 1, "to-edu"))
		start_dma(r, r->m->ram + number(r, 2), number(r, 3), count, irq);
	else if (is(r, 1, "to-ram"))
		start_dma(r, number(r, 2), r->m->ram + number(r, 3), count, irq | TO_RAM);
	else
		fail(r, "dma to-edu or to-ram");
	end_dma(r);
}

/* Does the engine still work on what write_during() gave it? */
static bool still_running(struct run *r, bool dma, uint64_t n)
{
	if (dma)
		return reg(r, COMMAND) == (START | TO_RAM);
	return reg(r, STATUS) & COMPUTING && reg(r, FACTORIAL) == n;
}

/*
 * Start something, do a write, and see whether it was still running after that. A
 * machine with other things to do can be too late; then all of it is done again, and
 * what the late write has led to is acknowledged.
 */
static bool write_during(struct run *r, bool dma, unsigned argument)
{
	uint64_t n = dma ? 0 : number(r, 2);
	bool early;

	if (dma)
		start_dma(r, BUFFER, r->m->ram, 16, TO_RAM);
	else
		r->m->write(r->m, FACTORIAL, 4, n);
	r->m->write(r->m, number(r, argument + 1), size_argument(r, argument),
		    number(r, argument + 2));
	early = still_running(r, dma, n);
	return await(r, COMMAND, START, 0) && await(r, STATUS, COMPUTING, 0) && early;
}

static void do_during(struct run *r)
{
	bool dma = is(r, 1, "dma");
	unsigned argument = dma ? 2 : 3;

	for (unsigned i = 0; i < BUSY_TRIES && !r->line_failed; i++) {
		if (!write_during(r, dma, argument)) {
			r->m->write(r->m, ACKNOWLEDGE, 4, UINT32_MAX);
			continue;
		}
		fprintf(r->out, "factorial 0x%x status 0x%x command 0x%x\n", reg(r, FACTORIAL),
			reg(r, STATUS), reg(r, COMMAND));
		return;
	}
	fail(r, "the device was never seen busy");
}

/* Interrupts */

static unsigned msi(struct run *r)
{
	unsigned at = r->m->config_read(r->m, CAPABILITIES, 1);

	for (int i = 0; at && i < 48; i++) {
		if (r->m->config_read(r->m, at, 1) == CAP_MSI)
			return at;
		at = r->m->config_read(r->m, at + 1, 1);
	}
	fail(r, "there is no MSI capability");
	return 0;
}

static void clear_mailbox(struct run *r)
{
	static const uint8_t untouched[4] = { 0xff, 0xff, 0xff, 0xff };

	r->m->ram_write(r->m, EDU_MAILBOX, untouched, sizeof untouched);
}

static void set_msi(struct run *r, bool on)
{
	unsigned at = msi(r);
	uint64_t addr = r->m->ram + EDU_MAILBOX;

	if (!at)
		return;
	r->m->config_write(r->m, at + 4, 4, (uint32_t)addr);
	r->m->config_write(r->m, at + 8, 4, (uint32_t)(addr >> 32));
	r->m->config_write(r->m, at + 12, 2, MESSAGE);
	r->m->config_write(r->m, at + 2, 2, on ? MSI_ENABLE : 0);
	clear_mailbox(r);
}

static void do_msi(struct run *r)
{
	if (!is(r, 1, "on") && !is(r, 1, "off"))
		fail(r, "msi on or off");
	set_msi(r, is(r, 1, "on"));
}

/* Reading a register waits for what the device sent before. */
static void do_message(struct run *r)
{
	uint8_t seen[4];
	uint32_t value;
	bool came;

	reg(r, IRQ_STATUS);
	r->m->ram_read(r->m, EDU_MAILBOX, seen, sizeof seen);
	value = seen[0] | seen[1] << 8 | seen[2] << 16 | (uint32_t)seen[3] << 24;
	came = value != UINT32_MAX;
	fprintf(r->out, came ? "message 0x%x\n" : "no message\n", value);
	if (r->words > 1 && came != is(r, 1, "yes"))
		fail(r, "expected %s", r->word[1]);
	clear_mailbox(r);
}

static void do_intx(struct run *r)
{
	bool status = r->m->config_read(r->m, PCI_STATUS, 2) & INTERRUPT_STATUS;

	fprintf(r->out, "interrupt status %d", status);
	if (r->m->line)
		fprintf(r->out, ", line %d", r->m->line(r->m));
	fprintf(r->out, "\n");
	expect(r, 1, status);
}

/* Configuration space */

static void do_config(struct run *r)
{
	unsigned size = size_argument(r, 1);
	uint32_t value = r->m->config_read(r->m, (unsigned)number(r, 2), size);

	fprintf(r->out, "0x%0*x\n", (int)size * 2, value);
	expect(r, 3, value);
}

static void do_config_write(struct run *r)
{
	r->m->config_write(r->m, (unsigned)number(r, 2), size_argument(r, 1),
			   (uint32_t)number(r, 3));
}

static void do_size(struct run *r)
{
	uint64_t bar = number(r, 1);
	unsigned at = bar == 6 ? 0x30 : 0x10 + 4 * (unsigned)bar;
	uint32_t before = r->m->config_read(r->m, at, 4);

	r->m->config_write(r->m, PCI_COMMAND, 2, 0);
	r->m->config_write(r->m, at, 4, UINT32_MAX);
	fprintf(r->out, "0x%08x\n", r->m->config_read(r->m, at, 4));
	r->m->config_write(r->m, at, 4, before);
	r->m->config_write(r->m, PCI_COMMAND, 2, MEMORY | MASTER);
}

static void do_msi_control(struct run *r)
{
	unsigned at = msi(r);

	if (at)
		fprintf(r->out, "0x%04x\n", r->m->config_read(r->m, at + 2, 2) &
			~(uint32_t)(MSI_ENABLE | MSI_MASKING));
}

static const struct {
	const char *name;
	void (*run)(struct run *r);
} commands[] = {
	{ "read", do_read }, { "write", do_write }, { "wait", do_wait },
	{ "fill", do_fill }, { "sum", do_sum }, { "dump", do_dump },
	{ "dma", do_dma }, { "during", do_during },
	{ "intx", do_intx }, { "msi", do_msi }, { "message", do_message },
	{ "config", do_config }, { "config-write", do_config_write },
	{ "size", do_size }, { "msi-control", do_msi_control },
};

static void run_line(struct run *r, char *line)
{
	fprintf(r->out, "%s", line);
	if (!strchr(line, '\n'))
		fprintf(r->out, "\n");
	r->words = 0;
	r->line_failed = false;
	for (char *word = strtok(line, " \t\n"); word && *word != '#' && r->words < WORDS;
	     word = strtok(NULL, " \t\n"))
		r->word[r->words++] = word;
	if (!r->words)
		return;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (is(r, 0, commands[i].name)) {
			commands[i].run(r);
			return;
		}
	fail(r, "unknown command");
}

/* Idle: decoding, a bus master, engines at rest, no interrupt, no MSI, RAM of zeroes. */
static void make_idle(struct run *r)
{
	memset(ram, 0, sizeof ram);
	r->m->ram_write(r->m, 0, ram, sizeof ram);
	r->m->config_write(r->m, PCI_COMMAND, 2, MEMORY | MASTER);
	await(r, STATUS, COMPUTING, 0);
	await(r, COMMAND, START, 0);
	r->m->write(r->m, STATUS, 4, 0);
	r->m->write(r->m, ACKNOWLEDGE, 4, UINT32_MAX);
	set_msi(r, false);
}

unsigned edu_run(struct edu_machine *machine, FILE *script, FILE *out)
{
	struct run r = { .m = machine, .out = out };
	char line[256];

	make_idle(&r);
	while (fgets(line, sizeof line, script)) {
		r.line++;
		run_line(&r, line);
		r.failures += r.line_failed;
	}
	r.line_failed = false;
	make_idle(&r);
	return r.failures + r.line_failed;
}
