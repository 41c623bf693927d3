/* SPDX-License-Identifier: MIT */
/*
 * endpoint-test in plain C: a function that Linux' pci_endpoint_test driver can
 * exercise. Data sheet: docs/models/endpoint-test.md.
 *
 * Nothing here waits: a command runs from one DMA callback to the next. A reset, or a
 * host that leaves, ends DMA in TLPB_ERR_CLOSED before reset() is called.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/regs.h>
#include <tlpbridge/serve.h>

#include "options.h"

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

static struct tlpb_reg reg[REGISTERS] = {
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

static const struct tlpb_regs bar0 = { reg, REGISTERS, NULL };

/* A command and the registers at the moment it was written. */
struct job {
	uint32_t command, size, checksum, irq_type, irq_number;
	uint64_t src, dst;
};

static struct tlpb_model model;
static uint8_t *memory[TLPB_BARS];	/* behind BAR1 to BAR5 */
static struct job jobs[JOBS_MAX];	/* written, not begun */
static unsigned waiting, first_job;
static uint32_t fills;			/* WRITE commands so far: each has its own pattern */
static uint16_t effects;		/* READ_EFFECT reads that succeeded */
static bool line;			/* INTx is asserted */

/* The command that runs. */
static struct {
	bool busy;
	struct job job;
	uint32_t operation;	/* the transfer that runs, a bit of COMMAND */
	uint32_t left;		/* those that follow it */
	uint32_t offset, length;	/* bytes done, bytes of this chunk */
	uint32_t crc;
	uint8_t buffer[CHUNK];
} now;

static struct job snapshot(void)
{
	return (struct job){
		reg[COMMAND].value, reg[SIZE].value, reg[CHECKSUM].value, reg[IRQ_TYPE].value,
		reg[IRQ_NUMBER].value,
		(uint64_t)reg[UPPER_SRC].value << 32 | reg[LOWER_SRC].value,
		(uint64_t)reg[UPPER_DST].value << 32 | reg[LOWER_DST].value,
	};
}

/* ---- interrupts ---- */

static bool accepted(enum tlpb_irq_result result)
{
	return result == TLPB_IRQ_SENT || result == TLPB_IRQ_MASKED || result == TLPB_IRQ_MERGED;
}

/* number counts from 1 for MSI and MSI-X. */
static bool raise(uint32_t type, uint32_t number)
{
	if (type == IRQ_INTX) {
		line = true;
		return accepted(tlpb_ep_intx(model.ep, true));
	}
	if (!number || type > IRQ_MSIX)
		return false;
	return accepted(type == IRQ_MSI ? tlpb_ep_msi(model.ep, number - 1)
					: tlpb_ep_msix(model.ep, number - 1));
}

/* The driver acknowledges an interrupt by writing STATUS back without IRQ_RAISED. */
static void set_status(void *ctx, uint32_t value)
{
	reg[STATUS].value = value;
	if (line && !(value & IRQ_RAISED)) {
		line = false;
		tlpb_ep_intx(model.ep, false);
	}
}

/* The first byte that the last transfer could not move. */
static void set_fault(uint64_t addr)
{
	reg[LOWER_FAULT].value = (uint32_t)addr;
	reg[UPPER_FAULT].value = (uint32_t)(addr >> 32);
}

static void interrupt(uint32_t type, uint32_t number)
{
	set_status(NULL, reg[STATUS].value | IRQ_RAISED);
	if (!raise(type, number))
		set_status(NULL, reg[STATUS].value & ~(uint32_t)IRQ_RAISED);
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

static void begin_operation(void);
static void begin_job(void);

static void finish_job(void)
{
	static const struct {
		uint32_t command, irq_type;
	} raises[] = { { RAISE_INTX, IRQ_INTX }, { RAISE_MSI, IRQ_MSI }, { RAISE_MSIX, IRQ_MSIX } };
	const struct job *job = &now.job;

	if (job->command & (DO_READ | DO_WRITE | DO_COPY))
		interrupt(job->irq_type, job->irq_number);
	for (int i = 0; i < 3; i++)
		if (job->command & raises[i].command)
			interrupt(raises[i].irq_type, job->irq_number);
	now.busy = false;
	begin_job();
}

/* The bit behind each of success is that of failure. */
static void finish_operation(bool ok)
{
	uint32_t success = now.operation == DO_READ ? READ_SUCCESS
			 : now.operation == DO_WRITE ? WRITE_SUCCESS : COPY_SUCCESS;

	if (ok && now.operation == DO_WRITE)
		reg[CHECKSUM].value = now.crc;
	if (ok && now.operation == DO_READ)
		ok = now.crc == now.job.checksum;
	set_status(NULL, reg[STATUS].value | (ok ? success : success << 1));
	begin_operation();
}

static void fail(int err, uint64_t addr, uint32_t no_address)
{
	if (err == TLPB_ERR_CLOSED) {	/* reset() follows, or there is no host */
		now.busy = false;
		return;
	}
	if (is_no_address(err))
		set_status(NULL, reg[STATUS].value | no_address);
	set_fault(addr);
	finish_operation(false);
}

static void next_chunk(void);

static void written(void *arg, int err, uint64_t fail_addr)
{
	if (err) {
		fail(err, fail_addr, DST_ADDR_INVALID);
		return;
	}
	now.offset += now.length;
	next_chunk();
}

static void write_chunk(void)
{
	int err = tlpb_ep_dma_write(model.ep, now.job.dst + now.offset, now.buffer, now.length, NULL,
				    written, NULL);

	if (err)
		fail(err, now.job.dst + now.offset, DST_ADDR_INVALID);
}

static void was_read(void *arg, int err, uint64_t fail_addr)
{
	if (err) {
		fail(err, fail_addr, SRC_ADDR_INVALID);
	} else if (now.operation == DO_COPY) {
		write_chunk();
	} else {
		now.crc = crc32_le(now.crc, now.buffer, now.length);
		now.offset += now.length;
		next_chunk();
	}
}

static void read_chunk(void)
{
	int err = tlpb_ep_dma_read(model.ep, now.job.src + now.offset, now.buffer, now.length, NULL,
				   was_read, NULL);

	if (err)
		fail(err, now.job.src + now.offset, SRC_ADDR_INVALID);
}

static void next_chunk(void)
{
	uint32_t left = now.job.size - now.offset;

	now.length = left < CHUNK ? left : CHUNK;
	if (!left) {
		finish_operation(true);
	} else if (now.operation == DO_WRITE) {
		fill(now.buffer, now.length, ++fills);
		now.crc = crc32_le(now.crc, now.buffer, now.length);
		write_chunk();
	} else {
		read_chunk();
	}
}

/* The lowest bit first: READ, WRITE, COPY. */
static void begin_operation(void)
{
	if (!now.left) {
		finish_job();
		return;
	}
	now.operation = now.left & -now.left;
	now.left &= ~now.operation;
	now.offset = 0;
	now.crc = ~0u;
	if (!now.job.size || now.job.size > TRANSFER_MAX)
		finish_operation(false);
	else
		next_chunk();
}

static void begin_job(void)
{
	if (now.busy || !waiting)
		return;
	now.job = jobs[first_job];
	first_job = (first_job + 1) % JOBS_MAX;
	waiting--;
	now.busy = true;
	now.left = now.job.command & (DO_READ | DO_WRITE | DO_COPY);
	set_status(NULL, 0);
	set_fault(0);
	begin_operation();
}

static void command_written(void *ctx, uint32_t value)
{
	if (waiting < JOBS_MAX)
		jobs[(first_job + waiting++) % JOBS_MAX] = snapshot();
	reg[COMMAND].value = 0;
	set_status(NULL, 0);
	begin_job();
}

/* ---- READ_EFFECT: several may run at once, each with its own job and buffer ---- */

struct effect {
	struct tlpb_ep_request *request;
	struct job job;
	uint8_t data[EFFECT_MAX];
};

static void finish_effect(struct effect *e, uint32_t error)
{
	if (error == EFFECT_OK)
		effects++;
	reg[READ_EFFECT].value = error << 16 | effects;
	tlpb_regs_access(&bar0, e->request);
	tlpb_ep_complete(model.ep, e->request, TLPB_CPL_SC);
	free(e);
}

static void effect_written(void *arg, int err, uint64_t fail_addr)
{
	struct effect *e = arg;

	if (err)
		finish_effect(e, EFFECT_DST);
	else
		finish_effect(e, raise(IRQ_MSIX, e->job.irq_number) ? EFFECT_OK : EFFECT_IRQ);
}

static void effect_read(void *arg, int err, uint64_t fail_addr)
{
	struct effect *e = arg;

	if (err)
		finish_effect(e, EFFECT_SRC);
	else if (tlpb_ep_dma_write(model.ep, e->job.dst, e->data, e->job.size, NULL, effect_written, e))
		finish_effect(e, EFFECT_DST);
}

static void begin_effect(struct tlpb_ep_request *request)
{
	struct effect *e = malloc(sizeof *e);

	if (!e) {
		tlpb_ep_complete(model.ep, request, TLPB_CPL_CA);
		return;
	}
	e->request = request;
	e->job = snapshot();
	if (!e->job.size || e->job.size > EFFECT_MAX)
		finish_effect(e, EFFECT_SIZE);
	else if (tlpb_ep_dma_read(model.ep, e->job.src, e->data, e->job.size, NULL, effect_read, e))
		finish_effect(e, EFFECT_SRC);
}

static bool reads_effect(const struct tlpb_ep_request *request)
{
	uint32_t at = reg[READ_EFFECT].offset;

	return !request->write && request->offset < at + 4 && request->offset + request->length > at;
}

/* ---- the outside ---- */

static void access_region(void *ctx, struct tlpb_ep_request *request)
{
	unsigned bar = request->region;
	bool ok = true;

	if (bar) {
		ok = tlpb_memory_access(memory[bar], device.region[bar].size, request);
	} else if (reads_effect(request)) {
		begin_effect(request);
		return;
	} else {
		tlpb_regs_access(&bar0, request);
	}
	tlpb_ep_complete(model.ep, request, ok ? TLPB_CPL_SC : TLPB_CPL_UR);
}

static void reset(void *ctx, enum tlpb_reset kind)
{
	waiting = 0;
	effects = 0;
	now.busy = false;
	set_status(NULL, 0);
	tlpb_regs_reset(&bar0);
}

/* calloc() takes pages from the system when they are first touched. */
static int start(void *ctx, char *why, size_t why_size)
{
	for (unsigned i = 1; i < TLPB_BARS; i++) {
		if (device.region[i].size)
			memory[i] = calloc(device.region[i].size, 1);
		if (device.region[i].size && !memory[i]) {
			snprintf(why, why_size, "no memory for BAR%u: make it smaller", i);
			return TLPB_ERR_NOMEM;
		}
	}
	return 0;
}

static const struct tlpb_ep_ops ops = { .access = access_region, .reset = reset };

static struct tlpb_model model = {
	.summary = "what Linux' pci_endpoint_test drives: DMA, checksums, INTx, MSI, MSI-X",
	.device = &device, .options = options, .ops = &ops, .regs = { &bar0 }, .start = start,
};

int main(int argc, char **argv)
{
	int status = tlpb_serve_main(argc, argv, &model);

	for (unsigned i = 1; i < TLPB_BARS; i++)
		free(memory[i]);
	return status;
}
