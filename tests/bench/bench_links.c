/* SPDX-License-Identifier: MIT */
/*
 * bench-links [OPTION...] up|hold COUNT URL: links as such. Options: bench_rc.h.
 *
 *	up	milliseconds from connect to the end of the first config read: the median of COUNT links, one
 *		after the other
 *	hold	have COUNT links at once to bench-endpoint, use what memory they have, say "held" and keep them
 *		until the end of the input
 */
#include "bench_clock.h"
#include "bench_rc.h"

enum { LINKS_MAX = 64 };
enum { FILL_BYTES = 4 << 20 };	/* more than a link has of memory for frames, in each direction */

static void fill(struct bench_rc *b)
{
	for (unsigned i = 0; i < FILL_BYTES / 40; i++)
		bench_write(b, REG_SCRATCH, i);
	bench_dma(b, COMMAND_DMA_WRITE, 4096, FILL_BYTES / 4096);
	bench_dma(b, COMMAND_DMA_READ, 4096, FILL_BYTES / 4096);
}

static void hold(const struct bench_options *options, unsigned count)
{
	static struct bench_rc b[LINKS_MAX];

	for (unsigned i = 0; i < count; i++) {
		bench_connect(&b[i], options);
		bench_bring_up(&b[i], options);
	}
	for (unsigned i = 0; i < count; i++)
		fill(&b[i]);
	printf("held\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (unsigned i = 0; i < count; i++)
		tlpb_rc_close(b[i].rc);
}

static double once(const struct bench_options *options)
{
	double start = seconds_now(), took;
	struct bench_rc b;
	uint32_t id;

	bench_connect(&b, options);
	bench_must(tlpb_rc_config_read(b.rc, BENCH_BDF, 0, 4, &id), "config read");
	took = seconds_now() - start;
	tlpb_rc_close(b.rc);
	return took * 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_up(const struct bench_options *options, unsigned count)
{
	double took[LINKS_MAX];

	for (unsigned i = 0; i < count; i++)
		took[i] = once(options);
	qsort(took, count, sizeof *took, compare);
	return took[count / 2];
}

int main(int argc, char **argv)
{
	struct bench_options options;
	int first = bench_read_options(argc, argv, &options);
	char **words = argv + first;
	unsigned count;

	if (argc != first + 3)
		bench_fail("usage: bench-links [OPTION...] up|hold COUNT URL");
	options.url = words[2];
	count = (unsigned)atoi(words[1]);
	if (count > LINKS_MAX || (!count && strcmp(words[0], "hold")))
		bench_fail("no such number of links");
	bench_map_ram();
	if (!strcmp(words[0], "hold"))
		hold(&options, count);
	else
		printf("%g\n", median_up(&options, count));
	return 0;
}
