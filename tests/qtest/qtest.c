/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "qtest.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "flow.h"
#include "gtest.h"

enum {
	COMMAND_MAX = 16 * 1024,
	CHUNK = 4096,		/* bytes of one bulk transfer */
	ARGS_MAX = 64,
	BIOS_SIZE = 64 * 1024,	/* ends at 4 GiB; the CPU starts 16 bytes before that */

	CONFIG_ADDRESS = 0xcf8,
	CONFIG_DATA = 0xcfc,
	MCH_PCIEXBAR = 0x60,	/* of function 00:00.0 */
	PCIEXBAR_ENABLE = 1,
	FIRST_PCI_IRQ = 16,	/* inputs of the I/O APIC; those before are ISA's */
};

static const char *make_bios(void)
{
	static const uint8_t cli_hlt_again[] = { 0xfa, 0xf4, 0xeb, 0xfc };
	const char *path = test_path("halt.rom");
	uint8_t *rom = calloc(1, BIOS_SIZE);
	FILE *file = fopen(path, "w");

	memcpy(rom + BIOS_SIZE - 16, cli_hlt_again, sizeof cli_hlt_again);
	ASSERT_NOT_NULL(file);
	ASSERT_EQ(fwrite(rom, 1, BIOS_SIZE, file), BIOS_SIZE);
	fclose(file);
	free(rom);
	return path;
}

/* Memory that the device may be granted. */
#define SHARED_MEMORY "-object", "memory-backend-memfd,id=flow-ram,size=64M,share=on", \
		      "-machine", "memory-backend=flow-ram"

static bool has_memory(const char *const args[])
{
	for (; *args; args++)
		if (strstr(*args, "memory-backend="))
			return true;
	return false;
}

/* argv, which has n words, and those. */
static size_t append(const char **argv, size_t size, size_t n, const char *const words[])
{
	for (; *words; words++) {
		ASSERT_LT(n + 1, size);
		argv[n++] = *words;
	}
	return n;
}

void qemu_command(const char **argv, size_t size, const char *const args[])
{
	static const char *const shared[] = { SHARED_MEMORY, NULL };
	const char *const first[] = {
		TLPB_QEMU, "-machine", "q35,accel=tcg", "-bios", make_bios(), "-m", "64",
		"-nodefaults", "-no-user-config", "-display", "none", NULL
	};
	const char *direct = flow_direct_dma();
	size_t n = append(argv, size, 0, first);

	if (direct && !strcmp(direct, "on") && !has_memory(args))
		n = append(argv, size, n, shared);
	n = append(argv, size, n, args);
	argv[n] = NULL;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ASSERT_EQ(listen(fd, 1), 0);
	return fd;
}

/* QEMU's connection, or -1 when it ended instead. */
static int accept_from(int listener, struct process *process)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	struct pollfd poll_fd = { .fd = listener, .events = POLLIN };

	while (process_runs(process) && now_ms() < end)
		if (poll(&poll_fd, 1, 10) == 1)
			return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return -1;
}

struct qtest *qtest_start(const char *const args[])
{
	static unsigned machines;
	struct qtest *q = calloc(1, sizeof *q);
	const char *argv[ARGS_MAX], *all[ARGS_MAX];
	char name[32], connection[300];
	size_t n = 0;
	int listener;

	snprintf(name, sizeof name, "qtest-%u", ++machines);
	snprintf(connection, sizeof connection, "unix:%s", test_path(name));
	listener = listen_at(test_path(name));
	for (; *args; args++) {
		ASSERT_LT(n, (size_t)ARGS_MAX - 8);
		all[n++] = *args;
	}
	all[n++] = "-qtest";
	all[n++] = connection;
	all[n++] = "-qtest-log";
	all[n++] = "/dev/null";
	all[n] = NULL;
	qemu_command(argv, ARGS_MAX, all);
	q->process = process_start(argv);
	q->fd = accept_from(listener, q->process);
	close(listener);
	if (q->fd < 0)
		FAIL("QEMU did not start:\n%s", process_output(q->process));
	qtest_command(q, "endianness");	/* answered once all devices are there */
	return q;
}

void qtest_free(struct qtest *q)
{
	close(q->fd);
	free(q);
}

void qtest_stop(struct qtest *q)
{
	int status = process_stop(q->process);

	if (status)
		gt_fail(GT_SITE("", ""), "QEMU ended with %d:\n%s", status,
			process_output(q->process));
	qtest_free(q);
}

static void fail(struct qtest *q, const char *what)
{
	FAIL("qtest: %s. QEMU %s:\n%s", what, process_runs(q->process) ? "runs" : "has ended",
	     process_output(q->process));
}

/* More bytes from QEMU. False: none within timeout_ms. */
static bool receive(struct qtest *q, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = q->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&poll_fd, 1, timeout_ms) != 1)
		return false;
	n = read(q->fd, q->buf + q->have, sizeof q->buf - q->have);
	if (n <= 0)
		fail(q, "the connection is closed");
	q->have += (size_t)n;
	return true;
}

/* Takes a line "IRQ raise 16"; anything else is an answer. */
static bool take_irq(struct qtest *q, const char *line)
{
	char what[8];
	unsigned number;

	if (sscanf(line, "IRQ %7s %u", what, &number) != 2 || number >= 64)
		return false;
	if (number < FIRST_PCI_IRQ)
		return true;	/* the timer's, say */
	if (!strcmp(what, "raise"))
		q->irqs |= 1ull << number;
	else
		q->irqs &= ~(1ull << number);
	return true;
}

/* The next line if it is complete; valid until the next call. */
static char *next_line(struct qtest *q)
{
	static char line[sizeof q->buf];
	char *end = memchr(q->buf, '\n', q->have);
	size_t len;

	if (!end)
		return NULL;
	len = (size_t)(end - q->buf);
	memcpy(line, q->buf, len);
	line[len] = '\0';
	q->have -= len + 1;
	memmove(q->buf, end + 1, q->have);
	return line;
}

static const char *answer(struct qtest *q)
{
	char *line;

	for (;;) {
		while ((line = next_line(q)))
			if (!take_irq(q, line))
				return line;
		if (!receive(q, PROCESS_PATIENCE_MS))
			fail(q, "no answer");
	}
}

const char *qtest_command(struct qtest *q, const char *format, ...)
{
	static char command[COMMAND_MAX];
	const char *line;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(command, sizeof command - 1, format, args);
	va_end(args);
	ASSERT_LT(n, COMMAND_MAX - 1);
	command[n++] = '\n';
	if (send(q->fd, command, (size_t)n, MSG_NOSIGNAL) != n)
		fail(q, "cannot send");
	line = answer(q);
	if (strncmp(line, "OK", 2))
		FAIL("qtest: %.80s answered %s", command, line);
	return line[2] ? line + 3 : line + 2;
}

static char size_letter(unsigned size)
{
	return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : 'q';
}

static uint64_t size_mask(unsigned size)
{
	return size == 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

uint32_t qtest_in(struct qtest *q, uint16_t port, unsigned size)
{
	return (uint32_t)strtoul(qtest_command(q, "in%c 0x%x", size_letter(size), port), NULL, 0);
}

void qtest_out(struct qtest *q, uint16_t port, unsigned size, uint32_t value)
{
	qtest_command(q, "out%c 0x%x 0x%x", size_letter(size), port, value);
}

uint64_t qtest_read(struct qtest *q, uint64_t addr, unsigned size)
{
	const char *value = qtest_command(q, "read%c 0x%llx", size_letter(size),
					  (unsigned long long)addr);

	return strtoull(value, NULL, 0) & size_mask(size);
}

void qtest_write(struct qtest *q, uint64_t addr, unsigned size, uint64_t value)
{
	qtest_command(q, "write%c 0x%llx 0x%llx", size_letter(size), (unsigned long long)addr,
		      (unsigned long long)value);
}

static void read_chunk(struct qtest *q, uint64_t addr, uint8_t *buf, size_t len)
{
	const char *hex = qtest_command(q, "read 0x%llx 0x%zx", (unsigned long long)addr, len) + 2;
	unsigned byte;

	for (size_t i = 0; i < len; i++) {
		ASSERT_EQ(sscanf(hex + 2 * i, "%2x", &byte), 1);
		buf[i] = (uint8_t)byte;
	}
}

void qtest_read_bytes(struct qtest *q, uint64_t addr, void *buf, size_t len)
{
	for (size_t done = 0; done < len; done += CHUNK)
		read_chunk(q, addr + done, (uint8_t *)buf + done,
			   len - done < CHUNK ? len - done : CHUNK);
}

static void write_chunk(struct qtest *q, uint64_t addr, const uint8_t *data, size_t len)
{
	char hex[2 * CHUNK + 1];

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	qtest_command(q, "write 0x%llx 0x%zx 0x%s", (unsigned long long)addr, len, hex);
}

void qtest_write_bytes(struct qtest *q, uint64_t addr, const void *data, size_t len)
{
	for (size_t done = 0; done < len; done += CHUNK)
		write_chunk(q, addr + done, (const uint8_t *)data + done,
			    len - done < CHUNK ? len - done : CHUNK);
}

static void select_config(struct qtest *q, unsigned bdf, unsigned offset)
{
	qtest_out(q, CONFIG_ADDRESS, 4, 1u << 31 | bdf << 8 | (offset & 0xfc));
}

uint32_t qtest_config_read(struct qtest *q, unsigned bdf, unsigned offset, unsigned size)
{
	select_config(q, bdf, offset);
	return qtest_in(q, CONFIG_DATA + (offset & 3), size) & (uint32_t)size_mask(size);
}

void qtest_config_write(struct qtest *q, unsigned bdf, unsigned offset, unsigned size,
			uint32_t value)
{
	select_config(q, bdf, offset);
	qtest_out(q, CONFIG_DATA + (offset & 3), size, value);
}

static uint64_t ecam(unsigned bdf, unsigned offset)
{
	return ECAM + ((uint64_t)bdf << 12) + offset;
}

uint32_t qtest_ecam_read(struct qtest *q, unsigned bdf, unsigned offset, unsigned size)
{
	return (uint32_t)qtest_read(q, ecam(bdf, offset), size);
}

void qtest_ecam_write(struct qtest *q, unsigned bdf, unsigned offset, unsigned size,
		      uint32_t value)
{
	qtest_write(q, ecam(bdf, offset), size, value);
}

unsigned qtest_find_capability(struct qtest *q, unsigned bdf, uint8_t id)
{
	unsigned at = qtest_ecam_read(q, bdf, 0x34, 1);

	for (int i = 0; at && i < 48; i++) {
		if (qtest_ecam_read(q, bdf, at, 1) == id)
			return at;
		at = qtest_ecam_read(q, bdf, at + 1, 1);
	}
	return 0;
}

void qtest_set_up_port(struct qtest *q, unsigned n)
{
	const unsigned port = ROOT_PORT(n), bus = BEHIND_PORT(n) >> 8;
	const uint32_t io_end = PORT_IO(n) + PORT_IO_SIZE - 1;
	const uint32_t mem_end = PORT_MEM(n) + PORT_MEM_SIZE - 1;
	const uint64_t pref_end = PORT_PREF(n) + PORT_PREF_SIZE - 1;

	qtest_config_write(q, 0, MCH_PCIEXBAR, 4, ECAM | PCIEXBAR_ENABLE);
	qtest_config_write(q, port, 0x18, 4, bus << 16 | bus << 8);
	qtest_config_write(q, port, 0x1c, 2, (io_end & 0xf000) | PORT_IO(n) >> 8);
	qtest_config_write(q, port, 0x20, 4, (mem_end & 0xfff00000) | PORT_MEM(n) >> 16);
	qtest_config_write(q, port, 0x24, 4,
			   ((uint32_t)pref_end & 0xfff00000) | (uint32_t)PORT_PREF(n) >> 16);
	qtest_config_write(q, port, 0x28, 4, (uint32_t)(PORT_PREF(n) >> 32));
	qtest_config_write(q, port, 0x2c, 4, (uint32_t)(pref_end >> 32));
	qtest_config_write(q, port, 0x04, 2, 7);	/* I/O, memory, bus master */
}

void qtest_watch_irqs(struct qtest *q)
{
	qtest_command(q, "irq_intercept_in ioapic");
}

bool qtest_wait_irq(struct qtest *q, bool level, int timeout_ms)
{
	long long end = now_ms() + timeout_ms;
	char *line;

	while (!!q->irqs != level) {
		if (now_ms() >= end)
			return false;
		receive(q, 100);
		while ((line = next_line(q)))
			if (!take_irq(q, line))
				FAIL("qtest: unasked answer %s", line);
	}
	return true;
}
