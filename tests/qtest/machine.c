/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <stdio.h>

#include "flow.h"

struct machine m;

enum { STRINGS = 8, STRING_MAX = 512 };

static char *next_string(void)
{
	static char strings[STRINGS][STRING_MAX];
	static unsigned next;

	return strings[next++ % STRINGS];
}

const char *socket_url(const char *name)
{
	char *url = next_string();

	snprintf(url, STRING_MAX, "ipc://%s", test_path(name));
	return url;
}

/* A test that is about direct DMA says itself what it wants. */
static const char *flow_for(const char *options)
{
	static char flow[256];
	char *direct;

	snprintf(flow, sizeof flow, "%s", flow_properties());
	direct = strstr(flow, ",direct-dma=");
	if (direct && strstr(options, "direct-dma="))
		*direct = '\0';
	return flow;
}

const char *bridge_device(const char *bus, const char *name, const char *options)
{
	char *device = next_string();

	snprintf(device, STRING_MAX, "tlpbridge,bus=%s,id=ep-%s,url=ipc://%s%s%s%s", bus, name,
		 test_path(name), *options ? "," : "", options, flow_for(options));
	return device;
}

struct process *serve(const char *name, const char *bars)
{
	const char *const options[] = { "--listen", socket_url(name), "--bars", bars, NULL };
	struct process *server = process_start(endpoint_test_command(TLPB_SERVE, options));
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (!wait_for_file(test_path(name), 10))
		if (!process_runs(server) || now_ms() >= end)
			FAIL("the server does not listen:\n%s", process_output(server));
	return server;
}

void machine_start(const char *bars, const char *device_options)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", bars);
	m.q = qtest_start(ARGS("-device", bridge_device("rp0", "s", device_options)));
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
}

void machine_stop(void)
{
	qtest_stop(m.q);
	EXPECT_EQ(process_stop(m.server), 0);
	processes_end();
}

static uint64_t read_bar(struct qtest *q, unsigned bdf, unsigned i, bool is_64bit)
{
	uint64_t value = qtest_ecam_read(q, bdf, 0x10 + 4 * i, 4);

	if (is_64bit)
		value |= (uint64_t)qtest_ecam_read(q, bdf, 0x14 + 4 * i, 4) << 32;
	return value;
}

static void write_bar(struct qtest *q, unsigned bdf, unsigned i, bool is_64bit, uint64_t value)
{
	qtest_ecam_write(q, bdf, 0x10 + 4 * i, 4, (uint32_t)value);
	if (is_64bit)
		qtest_ecam_write(q, bdf, 0x14 + 4 * i, 4, (uint32_t)(value >> 32));
}

/* As firmware does: write ones, see which bits stay. */
static void size_bar(struct qtest *q, unsigned bdf, unsigned i, struct bar *bar)
{
	uint64_t type = read_bar(q, bdf, i, false), mask;

	bar->io = type & 1;
	bar->is_64bit = !bar->io && (type & 4);
	bar->prefetch = !bar->io && (type & 8);
	write_bar(q, bdf, i, bar->is_64bit, UINT64_MAX);
	mask = read_bar(q, bdf, i, bar->is_64bit) & ~(bar->io ? 3ull : 15ull);
	if (!bar->is_64bit)
		mask = mask ? mask | ~0xffffffffull : 0;
	bar->size = mask ? ~mask + 1 : 0;
}

/* First free addresses of a root port's windows. */
struct windows {
	uint64_t io, mem, pref;
};

/* 64-bit prefetchable BARs go above 4 GiB, all other memory into the 32-bit window. */
static uint64_t *window_for(struct windows *windows, const struct bar *bar)
{
	if (bar->io)
		return &windows->io;
	return bar->is_64bit && bar->prefetch ? &windows->pref : &windows->mem;
}

void place_bars(struct qtest *q, unsigned bdf, struct bar bar[6])
{
	unsigned port = (bdf >> 8) - 1;
	struct windows windows = { PORT_IO(port), PORT_MEM(port), PORT_PREF(port) };

	memset(bar, 0, 6 * sizeof *bar);
	for (unsigned i = 0; i < 6; i += bar[i].is_64bit ? 2 : 1) {
		uint64_t *window;

		size_bar(q, bdf, i, &bar[i]);
		if (!bar[i].size)
			continue;
		window = window_for(&windows, &bar[i]);
		bar[i].addr = (*window + bar[i].size - 1) & ~(bar[i].size - 1);
		*window = bar[i].addr + bar[i].size;
		write_bar(q, bdf, i, bar[i].is_64bit, bar[i].addr);
	}
	qtest_ecam_write(q, bdf, 0x04, 2, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER);
}

uint32_t reg_read(unsigned offset)
{
	return (uint32_t)qtest_read(m.q, m.bar[0].addr + offset, 4);
}

void reg_write(unsigned offset, uint32_t value)
{
	qtest_write(m.q, m.bar[0].addr + offset, 4, value);
}

void reg_write64(unsigned offset, uint64_t value)
{
	reg_write(offset, (uint32_t)value);
	reg_write(offset + 4, (uint32_t)(value >> 32));
}

uint32_t run_command(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
	const uint32_t ends = READ_SUCCESS | READ_FAIL | WRITE_SUCCESS | WRITE_FAIL |
			      COPY_SUCCESS | COPY_FAIL;

	reg_write64(REG_SRC, src);
	reg_write64(REG_DST, dst);
	reg_write(REG_SIZE, size);
	reg_write(REG_COMMAND, command);
	return wait_status(ends);
}

uint32_t wait_status(uint32_t bits)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	uint32_t status;

	do {
		status = reg_read(REG_STATUS);
		if (status & bits)
			return status;
	} while (now_ms() < end);
	FAIL("STATUS never had any of 0x%x, it is 0x%x", bits, status);
	return 0;
}

void wait_memory(uint64_t addr, uint32_t value)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	uint32_t now;

	while ((now = (uint32_t)qtest_read(m.q, addr, 4)) != value)
		if (now_ms() >= end)
			FAIL("memory at 0x%llx stays 0x%x, expected 0x%x",
			     (unsigned long long)addr, now, value);
}

void fill(uint8_t *data, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761u | 1;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = (uint8_t)x;
	}
}
