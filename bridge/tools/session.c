/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tlpbridge/err.h>
#include "cmd.h"
#include "session.h"
#include "text.h"

enum {
	ROM_BAR = 0x30, ROM_ENABLE = 1,
	ROM_WINDOW = 0xb0000000u, MEM32_WINDOW = 0xc0000000u, IO_WINDOW = 0x1000,
};
#define MEM64_WINDOW (UINT64_C(1) << 40)

/* ---- signals ---- */

static volatile sig_atomic_t interrupted;
static bool misused;

static void on_signal(int number)
{
	interrupted = number;
}

void session_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal }, before;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!sigaction(SIGHUP, &action, &before) && before.sa_handler == SIG_IGN)
		sigaction(SIGHUP, &before, NULL);	/* nohup asks for it */
}

int session_interrupted(void)
{
	return interrupted;
}

int session_failure(void)
{
	if (interrupted)
		return 128 + interrupted;
	return misused ? EXIT_USAGE : EXIT_BAD_INPUT;
}

bool session_unreachable(int err, const char *why)
{
	misused = err == TLPB_ERR_INVALID;
	return complain("%s", why);
}

/* ---- the host's side ---- */

static int on_mem_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf,
		       size_t len)
{
	struct session *s = ctx;

	return hostmem_read(&s->memory, addr, buf, len);
}

static int on_mem_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
			const void *data, size_t len)
{
	struct session *s = ctx;

	if (interrupts_message(&s->interrupts, addr, data, len))
		return 0;
	return hostmem_write(&s->memory, addr, data, len);
}

static int on_atomic(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
		     const struct tlpb_atomic *atomic, void *old)
{
	struct session *s = ctx;

	return hostmem_atomic(&s->memory, addr, atomic, old);
}

static void on_intx(void *ctx, unsigned pin, bool level)
{
	struct session *s = ctx;

	interrupts_intx(&s->interrupts, pin, level);
}

static void on_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	struct session *s = ctx;

	snprintf(s->down, sizeof s->down, "%s", text && *text ? text : tlpb_reason_text(reason));
}

static void on_waiting(void *ctx, const char *text)
{
	complain("%s", text);
}

static bool on_cancelled(void *ctx)
{
	return interrupted;
}

static const struct tlpb_rc_ops host_ops = {
	.mem_read = on_mem_read, .mem_write = on_mem_write, .atomic = on_atomic, .dmwr = on_mem_write, .intx = on_intx, .down = on_down,
	.waiting = on_waiting, .cancelled = on_cancelled,
};

/* ---- life ---- */

static bool take_ms(const char *option, unsigned least, const char *value, unsigned *ms)
{
	uint64_t number;

	if (!parse_number(value, &number) || number < least || number > 1u << 30)
		return complain("--%s is milliseconds, not \"%s\"", option, value);
	*ms = (unsigned)number;
	return true;
}

static bool take_credits(struct session_options *options, const char *value)
{
	char why[256];

	return !tlpb_pools_parse(value, &options->credits, why, sizeof why) ||
	       complain("--credits: %s", why);
}

static bool take_seed(struct session_options *options, const char *value)
{
	return parse_number(value, &options->order_seed) ||
	       complain("--stress-ordering is a number, not \"%s\"", value);
}

static bool take_transport(struct session_options *options, const char *value)
{
	char why[256];

	return !tlpb_transport_parse(value, &options->transport, why, sizeof why) ||
	       complain("--%s", why);
}

static bool take_check(struct session_options *options, const char *value)
{
	options->check = value ? TLPB_CHECK_FATAL : TLPB_CHECK_REPORT;
	return !value || !strcmp(value, "fatal") ||
	       complain("--check=%s: only fatal may follow", value);
}

bool session_option(struct session_options *options, int option, const char *value)
{
	switch (option) {
	case OPT_DEVICE: options->device = value; break;
	case OPT_TRACE: options->trace = value; break;
	case OPT_CREDITS: return take_credits(options, value);
	case OPT_STRESS_ORDERING: return take_seed(options, value);
	case OPT_INJECT: options->inject = value; break;
	case OPT_CHECK: return take_check(options, value);
	case OPT_TLS_CA: options->tls_ca = value; break;
	case OPT_TLS_CERT: options->tls_cert = value; break;
	case OPT_TLS_KEY: options->tls_key = value; break;
	case OPT_TLS_SERVER_NAME: options->tls_server_name = value; break;
	case OPT_PLAINTEXT: options->plaintext = true; break;
	case OPT_TRANSPORT: return take_transport(options, value);
	case OPT_NO_SPIN: options->no_spin = true; break;
	case OPT_ECRC: options->ecrc = true; break;
	case OPT_COMPLETION_TIMEOUT:
		return take_ms("completion-timeout", 0, value, &options->completion_timeout_ms);
	default: return take_ms("connect-timeout", 1, value, &options->connect_timeout_ms);
	}
	return true;
}

struct tlpb_rc_config session_config_of(const struct session_options *options)
{
	return (struct tlpb_rc_config){
		.url = options->url, .device = options->device, .name = "tlpbridge",
		.connect_timeout_ms = options->connect_timeout_ms,
		.tls_ca = options->tls_ca, .tls_cert = options->tls_cert, .tls_key = options->tls_key,
		.tls_server_name = options->tls_server_name, .plaintext = options->plaintext,
		.transport = options->transport, .no_spin = options->no_spin,
		.credits = options->credits, .order_seed = options->order_seed,
	};
}

/* Names are a help for people: a device whose names are broken still works. */
static bool read_registers(struct session *s)
{
	size_t len;
	const uint8_t *bytes = tlpb_rc_records(s->rc, &len);
	char why[256];
	int err = tlpb_registers_decode(bytes, len, s->device, &s->registers, why, sizeof why);

	if (err == TLPB_ERR_NOMEM)
		return complain("out of memory");
	if (!err)
		return true;
	complain("the register names of %s cannot be used: %s", s->device->name, why);
	s->registers = calloc(1, sizeof *s->registers);
	return s->registers || complain("out of memory");
}

static bool open_trace(struct session *s, const char *path)
{
	char why[256];

	if (!path || !tlpb_trace_create(path, &s->trace, why, sizeof why))
		return true;
	return complain("--trace: %s", why);
}

bool session_open(struct session *s, const struct session_options *options)
{
	struct tlpb_rc_config config = session_config_of(options);
	char why[1024];
	int err;

	if (!open_trace(s, options->trace))
		return false;
	config.ops = &host_ops;
	config.ctx = s;
	config.trace = s->trace;
	config.inject = options->inject;
	config.check = options->check;
	config.ecrc = options->ecrc;
	config.completion_timeout_ms = options->completion_timeout_ms;
	err = tlpb_rc_connect(&config, &s->rc, why, sizeof why);
	if (err)
		return session_unreachable(err, why);
	s->device = tlpb_rc_device(s->rc);
	s->ecrc = options->ecrc;
	return read_registers(s);
}

bool session_close(struct session *s)
{
	bool complete;

	tlpb_rc_close(s->rc);
	complete = !s->trace || !tlpb_trace_close(s->trace);
	if (!complete)
		complain("the trace is incomplete");
	tlpb_registers_free(s->registers);
	hostmem_free(&s->memory);
	interrupts_free(&s->interrupts);
	*s = (struct session){ 0 };
	return complete;
}

static int place_rom(struct session *s)
{
	uint64_t size = s->device->region[TLPB_ROM].size;

	if (!size)
		return 0;
	s->rom = ROM_WINDOW;		/* a multiple of the largest ROM's size */
	return tlpb_rc_config_write(s->rc, SESSION_BDF, ROM_BAR, 4, ROM_WINDOW | ROM_ENABLE);
}

bool session_enumerate(struct session *s)
{
	static const struct tlpb_rc_windows windows = {
		.bdf = SESSION_BDF, .mem32 = MEM32_WINDOW, .mem64 = MEM64_WINDOW, .io = IO_WINDOW,
	};
	int err = tlpb_rc_enumerate(s->rc, &windows, s->bar);

	if (!err)
		err = place_rom(s);
	if (!err && s->ecrc && tlpb_rc_enable_ecrc(s->rc, SESSION_BDF))
		complain("%s has no ECRC: only what it is sent has digests", s->device->name);
	if (!err)
		return true;
	return complain("%s cannot be enumerated: %s%s%s", s->device->name, tlpb_strerror(err),
			s->down[0] ? ": " : "", s->down);
}

/* ---- access ---- */

uint64_t session_region_size(const struct session *s, unsigned region)
{
	if (region == TLPB_CONFIG)
		return 4096;
	return region < TLPB_BARS ? s->bar[region].size : s->device->region[TLPB_ROM].size;
}

static unsigned least(size_t a, size_t b)
{
	return (unsigned)(a < b ? a : b);
}

/* Bytes of the next access to a space that has doublewords: 1, 2 or 4, naturally aligned. */
static unsigned piece(uint64_t offset, size_t len)
{
	unsigned n = offset & 1 ? 1 : offset & 2 ? 2 : 4;

	n = least(n, len);
	return n == 3 ? 2 : n;
}

/* A doubleword or less of config or I/O space. */
static int register_access(struct session *s, unsigned region, uint64_t offset, unsigned size,
			   bool write, uint32_t *value)
{
	if (region == TLPB_CONFIG)
		return write ? tlpb_rc_config_write(s->rc, SESSION_BDF, (unsigned)offset, size, *value)
			     : tlpb_rc_config_read(s->rc, SESSION_BDF, (unsigned)offset, size, value);
	offset += s->bar[region].addr;
	return write ? tlpb_rc_io_write(s->rc, (uint32_t)offset, size, *value)
		     : tlpb_rc_io_read(s->rc, (uint32_t)offset, size, value);
}

static bool is_memory(const struct session *s, unsigned region)
{
	return region == TLPB_ROM || (region < TLPB_BARS && !s->bar[region].io);
}

static uint64_t base(const struct session *s, unsigned region)
{
	return region == TLPB_ROM ? s->rom : s->bar[region].addr;
}

int session_read(struct session *s, unsigned region, uint64_t offset, void *bytes, size_t len)
{
	uint8_t *p = bytes;
	int err, first_err = 0;

	if (is_memory(s, region))
		return tlpb_rc_mem_read(s->rc, base(s, region) + offset, bytes, len);
	for (unsigned n; len; len -= n, offset += n) {
		uint32_t value;

		n = piece(offset, len);
		err = register_access(s, region, offset, n, false, &value);
		first_err = first_err ? first_err : err;
		for (unsigned i = 0; i < n; i++)
			*p++ = (uint8_t)(value >> 8 * i);
	}
	return first_err;
}

int session_write(struct session *s, unsigned region, uint64_t offset, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	int err = 0;

	if (region == TLPB_ROM)
		return TLPB_ERR_ACCESS;
	if (is_memory(s, region))
		return tlpb_rc_mem_write(s->rc, base(s, region) + offset, bytes, len);
	for (unsigned n; len && !err; len -= n, offset += n) {
		uint32_t value = 0;

		n = piece(offset, len);
		for (unsigned i = 0; i < n; i++)
			value |= (uint32_t)*p++ << 8 * i;
		err = register_access(s, region, offset, n, true, &value);
	}
	return err;
}

int session_get(struct session *s, unsigned region, uint64_t offset, unsigned width, uint64_t *value)
{
	uint8_t bytes[8];
	int err = session_read(s, region, offset, bytes, width / 8);

	*value = 0;
	for (unsigned i = 0; i < width / 8; i++)
		*value |= (uint64_t)bytes[i] << 8 * i;
	return err;
}

int session_put(struct session *s, unsigned region, uint64_t offset, unsigned width, uint64_t value)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	return session_write(s, region, offset, bytes, width / 8);
}

uint32_t session_config(struct session *s, unsigned offset, unsigned size)
{
	uint32_t value;

	tlpb_rc_config_read(s->rc, SESSION_BDF, offset, size, &value);
	return value;
}

/* ---- waiting ---- */

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool session_serve(struct session *s, int ms)
{
	struct pollfd p = { .fd = tlpb_rc_fd(s->rc), .events = POLLIN };

	if (tlpb_rc_process(s->rc))
		return complain("the link to %s is down: %s", s->device->name, s->down);
	poll(&p, 1, ms);
	if (tlpb_rc_process(s->rc))
		return complain("the link to %s is down: %s", s->device->name, s->down);
	return !interrupted;
}
