/* SPDX-License-Identifier: MIT */
/*
 * bench-host [OPTION...] MEASURE COUNT URL [BYTES]: one figure, printed, of COUNT accesses or transfers; of
 * fewer where a second is over before. Options: bench_rc.h.
 *
 *	read		microseconds a 4-byte read of BAR0 (any endpoint)
 *	write		posted 4-byte writes a second (any endpoint)
 *	dma-read	GB/s that bench-endpoint reads from host memory, BYTES a transfer
 *	dma-write	GB/s that it writes
 *	dma		GB/s of the slower of both, and each
 */
#include "bench_clock.h"
#include "bench_rc.h"

enum { WARM = 100, PARTS = 8 };

static double measure_read(struct bench_rc *b, unsigned long count)
{
	unsigned long done;
	double start;

	for (int i = 0; i < WARM; i++)
		bench_read(b, REG_SCRATCH);
	start = seconds_now();
	for (done = 0; done < count && !is_late(done, start); done++)
		bench_read(b, REG_SCRATCH);
	return (seconds_now() - start) / (double)done * 1e6;
}

static double measure_write(struct bench_rc *b, unsigned long count)
{
	unsigned long done;
	double start;

	for (int i = 0; i < WARM; i++)
		bench_write(b, REG_SCRATCH, 0);
	bench_read(b, REG_SCRATCH);
	start = seconds_now();
	for (done = 0; done < count && !is_late(done, start); done++)
		bench_write(b, REG_SCRATCH, (uint32_t)done);
	bench_read(b, REG_SCRATCH);	/* all of them have arrived */
	return (double)done / (seconds_now() - start);
}

/* In parts, of which the first warms up. */
static double measure_dma(struct bench_rc *b, enum bench_command command, size_t len, unsigned long count)
{
	unsigned long part = count / PARTS + 1, done = 0;
	double start;

	bench_dma(b, command, len, part);
	start = seconds_now();
	do {
		bench_dma(b, command, len, part);
		done += part;
	} while (done < count && seconds_now() - start < MOST_SECONDS);
	return (double)done * (double)len / (seconds_now() - start) / 1e9;
}

static void print_dma(struct bench_rc *b, size_t len, unsigned long count)
{
	double read = measure_dma(b, COMMAND_DMA_READ, len, count);
	double write = measure_dma(b, COMMAND_DMA_WRITE, len, count);

	printf("%g read=%g write=%g\n", read < write ? read : write, read, write);
}

static void print(struct bench_rc *b, const char *what, unsigned long count, size_t len)
{
	if (!strcmp(what, "read"))
		printf("%g\n", measure_read(b, count));
	else if (!strcmp(what, "write"))
		printf("%g\n", measure_write(b, count));
	else if (!len || len > DEVICE_BYTES || WALK_BYTES % len)
		bench_fail("no such number of BYTES");
	else if (!strcmp(what, "dma-read"))
		printf("%g\n", measure_dma(b, COMMAND_DMA_READ, len, count));
	else if (!strcmp(what, "dma-write"))
		printf("%g\n", measure_dma(b, COMMAND_DMA_WRITE, len, count));
	else if (!strcmp(what, "dma"))
		print_dma(b, len, count);
	else
		bench_fail("unknown measure: see bench_host.c");
}

int main(int argc, char **argv)
{
	struct bench_options options;
	int first = bench_read_options(argc, argv, &options);
	char **words = argv + first;
	struct bench_rc b;

	if (argc < first + 3 || argc > first + 4)
		bench_fail("usage: bench-host [OPTION...] MEASURE COUNT URL [BYTES]");
	options.url = words[2];
	bench_map_ram();
	bench_connect(&b, &options);
	bench_bring_up(&b, &options);
	print(&b, words[0], strtoul(words[1], NULL, 10), words[3] ? strtoul(words[3], NULL, 10) : 0);
	tlpb_rc_close(b.rc);
	return 0;
}
