/* SPDX-License-Identifier: MIT */
/*
 * A function of endpoint-test in plain C, which Linux' pci_endpoint_test driver can
 * exercise: its registers and what they do. Data sheet: docs/models/endpoint-test.md.
 *
 * Nothing here waits: a command runs from one DMA callback to the next. A reset, or a
 * host that leaves, ends DMA in TLPB_ERR_CLOSED before function_reset() is called.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"

enum {				/* COMMAND */
	RAISE_INTX = 1 << 0, RAISE_MSI = 1 << 1, RAISE_MSIX = 1 << 2,
	DO_READ = 1 << 3, DO_WRITE = 1 << 4, DO_COPY = 1 << 5,
};

enum {				/* STATUS */
	READ_SUCCESS = 1 << 0, WRITE_SUCCESS = 1 << 2, COPY_SUCCESS = 1 << 4, IRQ_RAISED = 1 << 6,
	SRC_ADDR_INVALID = 1 << 7, DST_ADDR_INVALID = 1 << 8,
};

enum { IRQ_INTX = 0, IRQ_MSI = 1, IRQ_MSIX = 2 };
enum { EFFECT_OK, EFFECT_SIZE, EFFECT_SRC, EFFECT_DST, EFFECT_IRQ };	/* READ_EFFECT, 31:16 */

enum {
	TRANSFER_MAX = 16 << 20,	/* bytes */
	EFFECT_MAX = 4096,
	CHUNK = 64 << 10,		/* of DMA at a time */
	JOBS_MAX = 16,			/* waiting commands; more than that are dropped */
};

/* ---- registers ---- */

enum { MAGIC, COMMAND, STATUS, LOWER_SRC, UPPER_SRC, LOWER_DST, UPPER_DST, SIZE, CHECKSUM, IRQ_TYPE,
       IRQ_NUMBER, FLAGS, LOWER_FAULT, UPPER_FAULT, READ_EFFECT, REGISTERS };

static void command_written(void *ctx, uint32_t value);
static void set_status(void *ctx, uint32_t value);

static const struct tlpb_field command_fields[] = {
	{ "RAISE_INTX", 0, 1 }, { "RAISE_MSI", 1, 1 }, { "RAISE_MSIX", 2, 1 }, { "READ", 3, 1 },
	{ "WRITE", 4, 1 }, { "COPY", 5, 1 },
};
static const struct tlpb_field status_fields[] = {
	{ "READ_SUCCESS", 0, 1 }, { "READ_FAIL", 1, 1 }, { "WRITE_SUCCESS", 2, 1 },
	{ "WRITE_FAIL", 3, 1 }, { "COPY_SUCCESS", 4, 1 }, { "COPY_FAIL", 5, 1 },
	{ "IRQ_RAISED", 6, 1 }, { "SRC_ADDR_INVALID", 7, 1 }, { "DST_ADDR_INVALID", 8, 1 },
};
static const struct tlpb_field flags_fields[] = { { "USE_DMA", 0, 1 } };
static const struct tlpb_field effect_fields[] = { { "COUNT", 0, 16 }, { "RESULT", 16, 16 } };

#define FIELDS(list) .field = (list), .fields = sizeof(list) / sizeof((list)[0])

static const struct tlpb_reg registers[REGISTERS] = {
	[MAGIC] = { 0x00, "MAGIC", .writable = ~0u, .text = "scratch" },
	[COMMAND] = { 0x04, "COMMAND", .writable = ~0u, .written = command_written,
		      .text = "a write starts what its bits say", FIELDS(command_fields) },
	[STATUS] = { 0x08, "STATUS", .writable = ~0u, .written = set_status,
		     .text = "how the last command went", FIELDS(status_fields) },
	[LOWER_SRC] = { 0x0c, "LOWER_SRC_ADDR", .writable = ~0u, .text = "bus address to read from" },
	[UPPER_SRC] = { 0x10, "UPPER_SRC_ADDR", .writable = ~0u },
	[LOWER_DST] = { 0x14, "LOWER_DST_ADDR", .writable = ~0u, .text = "bus address to write to" },
	[UPPER_DST] = { 0x18, "UPPER_DST_ADDR", .writable = ~0u },
	[SIZE] = { 0x1c, "SIZE", .writable = ~0u, .text = "bytes, 1 to 16 MiB" },
	[CHECKSUM] = { 0x20, "CHECKSUM", .writable = ~0u, .text = "CRC-32 without final inversion" },
	[IRQ_TYPE] = { 0x24, "IRQ_TYPE", .writable = ~0u, .text = "0 INTx, 1 MSI, 2 MSI-X" },
	[IRQ_NUMBER] = { 0x28, "IRQ_NUMBER", .writable = ~0u, .text = "vector, counted from 1" },
	[FLAGS] = { 0x2c, "FLAGS", .writable = ~0u, .text = "kept, without effect",
		    FIELDS(flags_fields) },
	[LOWER_FAULT] = { 0x30, "LOWER_FAULT_ADDR",
			  .text = "first byte that the last transfer missed" },
	[UPPER_FAULT] = { 0x34, "UPPER_FAULT_ADDR" },
	[READ_EFFECT] = { 0x40, "READ_EFFECT", .read_effect = true, FIELDS(effect_fields),
			  .text = "a read does DMA and raises an interrupt before it completes" },
};

/* A command and the registers at the moment it was written. */
struct job {
	uint32_t command, size, checksum, irq_type, irq_number;
	uint64_t src, dst;
};

struct function {
	tlpb_ep *ep;
	struct tlpb_dma_attr attr;	/* whose DMA it is */
	struct tlpb_reg reg[REGISTERS];
	struct tlpb_regs bar0;
	struct job jobs[JOBS_MAX];	/* written, not begun */
	unsigned waiting, first_job;
	uint32_t fills;		/* WRITE commands so far: each has its own pattern */
	uint16_t effects;	/* READ_EFFECT reads that succeeded */
	bool line;		/* INTx is asserted */

	/* The command that runs. */
	struct {
		bool busy;
		struct job job;
		uint32_t operation;	/* the transfer that runs, a bit of COMMAND */
		uint32_t left;		/* those that follow it */
		uint32_t offset, length;	/* bytes done, bytes of this chunk */
		uint32_t crc;
		uint8_t buffer[CHUNK];
	} now;
};

static struct job snapshot(const struct function *f)
{
	return (struct job){
		f->reg[COMMAND].value, f->reg[SIZE].value, f->reg[CHECKSUM].value, f->reg[IRQ_TYPE].value,
		f->reg[IRQ_NUMBER].value,
		(uint64_t)f->reg[UPPER_SRC].value << 32 | f->reg[LOWER_SRC].value,
		(uint64_t)f->reg[UPPER_DST].value << 32 | f->reg[LOWER_DST].value,
	};
}

/* ---- interrupts ---- */

static bool accepted(enum tlpb_irq_result result)
{
	return result == TLPB_IRQ_SENT || result == TLPB_IRQ_MASKED || result == TLPB_IRQ_MERGED;
}

/* number counts from 1 for MSI and MSI-X. */
static bool raise(struct function *f, uint32_t type, uint32_t number)
{
	if (type == IRQ_INTX) {
		f->line = true;
		return accepted(tlpb_ep_function_intx(f->ep, f->attr.function, true));
	}
	if (!number || type > IRQ_MSIX)
		return false;
	return accepted(type == IRQ_MSI
			? tlpb_ep_function_msi(f->ep, f->attr.function, number - 1)
			: tlpb_ep_function_msix(f->ep, f->attr.function, number - 1));
}

/* The driver acknowledges an interrupt by writing STATUS back without IRQ_RAISED. */
static void set_status(void *ctx, uint32_t value)
{
	struct function *f = ctx;

	f->reg[STATUS].value = value;
	if (f->line && !(value & IRQ_RAISED)) {
		f->line = false;
		tlpb_ep_function_intx(f->ep, f->attr.function, false);
	}
}

/* The first byte that the last transfer could not move. */
static void set_fault(struct function *f, uint64_t addr)
{
	f->reg[LOWER_FAULT].value = (uint32_t)addr;
	f->reg[UPPER_FAULT].value = (uint32_t)(addr >> 32);
}

static void interrupt(struct function *f, uint32_t type, uint32_t number)
{
	set_status(f, f->reg[STATUS].value | IRQ_RAISED);
	if (!raise(f, type, number))
		set_status(f, f->reg[STATUS].value & ~(uint32_t)IRQ_RAISED);
}

/* ---- what a transfer needs ---- */

static uint32_t crc32_le(uint32_t crc, const uint8_t *p, size_t len)
{
	static uint32_t table[256];

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

/* Bytes that look random, and differ from chunk to chunk and command to command. */
static void fill(uint8_t *data, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761u | 1;

	while (len--) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		*data++ = (uint8_t)x;
	}
}

static bool is_no_address(int err)
{
	return err == TLPB_ERR_NO_ADDRESS || err == TLPB_ERR_UNSUPPORTED || err == TLPB_ERR_ACCESS;
}

/* ---- commands ---- */

static void begin_operation(struct function *f);
static void begin_job(struct function *f);

static void finish_job(struct function *f)
{
	static const struct {
		uint32_t command, irq_type;
	} raises[] = { { RAISE_INTX, IRQ_INTX }, { RAISE_MSI, IRQ_MSI }, { RAISE_MSIX, IRQ_MSIX } };
	const struct job *job = &f->now.job;

	if (job->command & (DO_READ | DO_WRITE | DO_COPY))
		interrupt(f, job->irq_type, job->irq_number);
	for (int i = 0; i < 3; i++)
		if (job->command & raises[i].command)
			interrupt(f, raises[i].irq_type, job->irq_number);
	f->now.busy = false;
	begin_job(f);
}

/* The bit behind each of success is that of failure. */
static void finish_operation(struct function *f, bool ok)
{
	uint32_t success = f->now.operation == DO_READ ? READ_SUCCESS
			 : f->now.operation == DO_WRITE ? WRITE_SUCCESS : COPY_SUCCESS;

	if (ok && f->now.operation == DO_WRITE)
		f->reg[CHECKSUM].value = f->now.crc;
	if (ok && f->now.operation == DO_READ)
		ok = f->now.crc == f->now.job.checksum;
	set_status(f, f->reg[STATUS].value | (ok ? success : success << 1));
	begin_operation(f);
}

static void fail(struct function *f, int err, uint64_t addr, uint32_t no_address)
{
	if (err == TLPB_ERR_CLOSED) {	/* reset() follows, or there is no host */
		f->now.busy = false;
		return;
	}
	if (is_no_address(err))
		set_status(f, f->reg[STATUS].value | no_address);
	set_fault(f, addr);
	finish_operation(f, false);
}

static void next_chunk(struct function *f);

static void written(void *arg, int err, uint64_t fail_addr)
{
	struct function *f = arg;

	if (err) {
		fail(f, err, fail_addr, DST_ADDR_INVALID);
		return;
	}
	f->now.offset += f->now.length;
	next_chunk(f);
}

static void write_chunk(struct function *f)
{
	int err = tlpb_ep_dma_write(f->ep, f->now.job.dst + f->now.offset, f->now.buffer, f->now.length, &f->attr,
				    written, f);

	if (err)
		fail(f, err, f->now.job.dst + f->now.offset, DST_ADDR_INVALID);
}

static void was_read(void *arg, int err, uint64_t fail_addr)
{
	struct function *f = arg;

	if (err) {
		fail(f, err, fail_addr, SRC_ADDR_INVALID);
	} else if (f->now.operation == DO_COPY) {
		write_chunk(f);
	} else {
		f->now.crc = crc32_le(f->now.crc, f->now.buffer, f->now.length);
		f->now.offset += f->now.length;
		next_chunk(f);
	}
}

static void read_chunk(struct function *f)
{
	int err = tlpb_ep_dma_read(f->ep, f->now.job.src + f->now.offset, f->now.buffer, f->now.length, &f->attr,
				   was_read, f);

	if (err)
		fail(f, err, f->now.job.src + f->now.offset, SRC_ADDR_INVALID);
}

static void next_chunk(struct function *f)
{
	uint32_t left = f->now.job.size - f->now.offset;

	f->now.length = left < CHUNK ? left : CHUNK;
	if (!left) {
		finish_operation(f, true);
	} else if (f->now.operation == DO_WRITE) {
		fill(f->now.buffer, f->now.length, ++f->fills);
		f->now.crc = crc32_le(f->now.crc, f->now.buffer, f->now.length);
		write_chunk(f);
	} else {
		read_chunk(f);
	}
}

/* The lowest bit first: READ, WRITE, COPY. */
static void begin_operation(struct function *f)
{
	if (!f->now.left) {
		finish_job(f);
		return;
	}
	f->now.operation = f->now.left & -f->now.left;
	f->now.left &= ~f->now.operation;
	f->now.offset = 0;
	f->now.crc = ~0u;
	if (!f->now.job.size || f->now.job.size > TRANSFER_MAX)
		finish_operation(f, false);
	else
		next_chunk(f);
}

static void begin_job(struct function *f)
{
	if (f->now.busy || !f->waiting)
		return;
	f->now.job = f->jobs[f->first_job];
	f->first_job = (f->first_job + 1) % JOBS_MAX;
	f->waiting--;
	f->now.busy = true;
	f->now.left = f->now.job.command & (DO_READ | DO_WRITE | DO_COPY);
	set_status(f, 0);
	set_fault(f, 0);
	begin_operation(f);
}

static void command_written(void *ctx, uint32_t value)
{
	struct function *f = ctx;

	if (f->waiting < JOBS_MAX)
		f->jobs[(f->first_job + f->waiting++) % JOBS_MAX] = snapshot(f);
	f->reg[COMMAND].value = 0;
	set_status(f, 0);
	begin_job(f);
}

/* ---- READ_EFFECT: several may run at once, each with its own job and buffer ---- */

struct effect {
	struct function *function;
	struct tlpb_ep_request *request;
	struct job job;
	uint8_t data[EFFECT_MAX];
};

static void finish_effect(struct effect *e, uint32_t error)
{
	struct function *f = e->function;

	if (error == EFFECT_OK)
		f->effects++;
	f->reg[READ_EFFECT].value = error << 16 | f->effects;
	tlpb_regs_access(&f->bar0, e->request);
	tlpb_ep_complete(f->ep, e->request, TLPB_CPL_SC);
	free(e);
}

static void effect_written(void *arg, int err, uint64_t fail_addr)
{
	struct effect *e = arg;

	if (err)
		finish_effect(e, EFFECT_DST);
	else
		finish_effect(e, raise(e->function, IRQ_MSIX, e->job.irq_number) ? EFFECT_OK : EFFECT_IRQ);
}

static void effect_read(void *arg, int err, uint64_t fail_addr)
{
	struct effect *e = arg;
	struct function *f = e->function;

	if (err)
		finish_effect(e, EFFECT_SRC);
	else if (tlpb_ep_dma_write(f->ep, e->job.dst, e->data, e->job.size, &f->attr,
				   effect_written, e))
		finish_effect(e, EFFECT_DST);
}

static void begin_effect(struct function *f, struct tlpb_ep_request *request)
{
	struct effect *e = malloc(sizeof *e);

	if (!e) {
		tlpb_ep_complete(f->ep, request, TLPB_CPL_CA);
		return;
	}
	e->function = f;
	e->request = request;
	e->job = snapshot(f);
	if (!e->job.size || e->job.size > EFFECT_MAX)
		finish_effect(e, EFFECT_SIZE);
	else if (tlpb_ep_dma_read(f->ep, e->job.src, e->data, e->job.size, &f->attr,
				  effect_read, e))
		finish_effect(e, EFFECT_SRC);
}

static bool reads_effect(const struct tlpb_ep_request *request)
{
	uint32_t at = registers[READ_EFFECT].offset;

	return !request->write && request->offset < at + 4 && request->offset + request->length > at;
}

/* ---- the outside ---- */

void function_access_bar0(struct function *f, struct tlpb_ep_request *request)
{
	if (reads_effect(request)) {
		begin_effect(f, request);
		return;
	}
	tlpb_regs_access(&f->bar0, request);
	tlpb_ep_complete(f->ep, request, TLPB_CPL_SC);
}

void function_reset(struct function *f)
{
	f->waiting = 0;
	f->effects = 0;
	f->now.busy = false;
	set_status(f, 0);
	tlpb_regs_reset(&f->bar0);
}

struct function *function_new(tlpb_ep *ep, unsigned number)
{
	struct function *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->ep = ep;
	f->attr.function = (uint8_t)number;
	memcpy(f->reg, registers, sizeof f->reg);
	f->bar0 = (struct tlpb_regs){ f->reg, REGISTERS, f };
	return f;
}

const struct tlpb_regs *function_registers(void)
{
	static struct tlpb_reg names[REGISTERS];
	static const struct tlpb_regs bar0 = { names, REGISTERS, NULL };

	memcpy(names, registers, sizeof names);
	return &bar0;
}
