/* SPDX-License-Identifier: MIT */
/*
 * bench-host MEASURE COUNT [URL [CA]]: one figure, printed.
 *
 *	read		microseconds a 4-byte read of BAR0 (any endpoint)
 *	write		posted 4-byte writes a second (any endpoint)
 *	dma-read	GB/s that bench-endpoint reads from host memory, 1 MiB a transfer
 *	dma-write	GB/s that it writes
 *	memcpy		GB/s of memcpy() between two buffers of 1 MiB; no URL
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/rc.h>

#include "bench_clock.h"

enum { BDF = 0x0100, RAM_BASE = 0x100000, RAM_BYTES = 1 << 20 };
enum { REG_ADDRESS = 0x08, REG_LENGTH = 0x10, REG_COUNT = 0x14, REG_COMMAND = 0x18 };

static tlpb_rc *rc;
static uint64_t bar0;
static uint8_t ram[RAM_BYTES];
static bool dma_done;

static void fail(const char *why)
{
	fprintf(stderr, "bench-host: %s\n", why);
	exit(1);
}

static void must(int err, const char *what)
{
	char text[256];

	if (!err)
		return;
	snprintf(text, sizeof text, "%s: %s", what, tlpb_strerror(err));
	fail(text);
}

static int on_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	if (addr < RAM_BASE || addr + len > RAM_BASE + RAM_BYTES)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(buf, ram + (addr - RAM_BASE), len);
	return 0;
}

/* Address 0 is bench-endpoint's word that all is done. */
static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		    size_t len)
{
	dma_done = dma_done || addr == 0;
	if (addr < RAM_BASE || addr + len > RAM_BASE + RAM_BYTES)
		return addr ? TLPB_ERR_NO_ADDRESS : 0;
	memcpy(ram + (addr - RAM_BASE), data, len);
	return 0;
}

static void connect_to(const char *url, const char *ca)
{
	static const struct tlpb_rc_ops ops = { .mem_read = on_read, .mem_write = on_write };
	struct tlpb_rc_config config = { .url = url, .tls_ca = ca, .name = "bench", .ops = &ops,
					 .gather_writes = true };
	struct tlpb_rc_windows windows = { .bdf = BDF, .mem32 = 0xe0000000 };
	struct tlpb_rc_bar bars[TLPB_BARS];
	char why[512];

	if (tlpb_rc_connect(&config, &rc, why, sizeof why))
		fail(why);
	must(tlpb_rc_enumerate(rc, &windows, bars), "enumerate");
	bar0 = bars[0].addr;
}

static uint32_t read_reg(unsigned reg)
{
	uint32_t value;

	must(tlpb_rc_mem_read(rc, bar0 + reg, &value, sizeof value), "read");
	return value;
}

static void write_reg(unsigned reg, uint32_t value)
{
	must(tlpb_rc_mem_write(rc, bar0 + reg, &value, sizeof value), "write");
}

static double measure_read(long count)
{
	double start;

	for (int i = 0; i < 100; i++)
		read_reg(0);		/* warm */
	start = seconds_now();
	for (long i = 0; i < count; i++)
		read_reg(0);
	return (seconds_now() - start) / (double)count * 1e6;
}

static double measure_write(long count)
{
	double start = seconds_now();

	for (long i = 0; i < count; i++)
		write_reg(0, (uint32_t)i);
	read_reg(0);			/* all of them have arrived */
	return (double)count / (seconds_now() - start);
}

static double measure_dma(long count, uint32_t command)
{
	double start = seconds_now();

	write_reg(REG_ADDRESS, RAM_BASE);
	write_reg(REG_LENGTH, RAM_BYTES);
	write_reg(REG_COUNT, (uint32_t)count);
	write_reg(REG_COMMAND, command);
	while (!dma_done)
		must(tlpb_rc_wait(rc, 1000), "wait");
	return (double)count * RAM_BYTES / (seconds_now() - start) / 1e9;
}

static double measure_memcpy(long count)
{
	static uint8_t to[RAM_BYTES];
	double start;

	memset(to, 1, sizeof to);
	start = seconds_now();
	for (long i = 0; i < count; i++) {
		memcpy(to, ram, sizeof to);
		__asm__ volatile("" : : "r"(to) : "memory");	/* each copy counts */
	}
	return (double)count * RAM_BYTES / (seconds_now() - start) / 1e9;
}

static double measure(const char *what, long count)
{
	if (!strcmp(what, "read"))
		return measure_read(count);
	if (!strcmp(what, "write"))
		return measure_write(count);
	if (!strcmp(what, "dma-read"))
		return measure_dma(count, 1);
	if (!strcmp(what, "dma-write"))
		return measure_dma(count, 2);
	if (!strcmp(what, "memcpy"))
		return measure_memcpy(count);
	fail("unknown measure: see bench_host.c");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		fail("usage: bench-host MEASURE COUNT [URL [CA]]");
	memset(ram, 0x5a, sizeof ram);
	if (argc > 3)
		connect_to(argv[3], argc > 4 ? argv[4] : NULL);
	printf("%g\n", measure(argv[1], atol(argv[2])));
	tlpb_rc_close(rc);
	return 0;
}
