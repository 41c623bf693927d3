/* SPDX-License-Identifier: MIT */
/*
 * Drives a fuzz target without libFuzzer: mutates its seeds, always in the same
 * sequence, for a number of seconds. The input being run is kept in a file, which
 * stays when the program crashes; given as argument it is run again.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

enum { INPUT_MAX = 8192, SEEDS_MAX = 64, MUTATIONS_MAX = 8, DEFAULT_SECONDS = 2 };

struct input {
	uint8_t data[INPUT_MAX];
	size_t size;
};

static struct input seeds[SEEDS_MAX];
static unsigned seed_count;
static uint64_t state = 0x9e3779b97f4a7c15;	/* fixed: every run tries the same inputs */

static uint32_t rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) % below);
}

static void load_seeds(void)
{
	while (seed_count < SEEDS_MAX) {
		struct input *seed = &seeds[seed_count];

		seed->size = fuzz_seed(seed_count, seed->data, sizeof seed->data);
		if (!seed->size)
			break;
		seed_count++;
	}
	if (!seed_count) {
		fprintf(stderr, "the target has no seed\n");
		exit(2);
	}
}

static void flip_bit(struct input *in)
{
	in->data[rnd((uint32_t)in->size)] ^= (uint8_t)(1u << rnd(8));
}

static void set_interesting(struct input *in)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff, 3, 4, 0x40 };

	in->data[rnd((uint32_t)in->size)] = values[rnd(sizeof values)];
}

static void truncate_end(struct input *in)
{
	in->size = 1 + rnd((uint32_t)in->size);
}

static void remove_bytes(struct input *in)
{
	size_t at = rnd((uint32_t)in->size), n = 1 + rnd(8);

	if (at + n >= in->size)
		return;
	memmove(in->data + at, in->data + at + n, in->size - at - n);
	in->size -= n;
}

static void repeat_bytes(struct input *in)
{
	size_t at = rnd((uint32_t)in->size), n = 1 + rnd(64);

	if (at + n > in->size || in->size + n > INPUT_MAX)
		return;
	memmove(in->data + at + n, in->data + at, in->size - at);
	in->size += n;
}

static void splice(struct input *in)
{
	const struct input *other = &seeds[rnd(seed_count)];
	size_t from = rnd((uint32_t)other->size), n = other->size - from;

	if (in->size + n > INPUT_MAX)
		return;
	memcpy(in->data + in->size, other->data + from, n);
	in->size += n;
}

static void mutate(struct input *in)
{
	static void (*const mutations[])(struct input *) = {
		flip_bit, flip_bit, set_interesting, truncate_end, remove_bytes, repeat_bytes, splice,
	};

	for (unsigned n = 1 + rnd(MUTATIONS_MAX); n; n--)
		mutations[rnd(sizeof mutations / sizeof mutations[0])](in);
}

/* An allocation of the exact size lets the address sanitizer see a read behind the end. */
static void run(const struct input *in, uint8_t *kept)
{
	uint8_t *exact = malloc(in->size ? in->size : 1);

	memcpy(kept, in->data, in->size);
	memcpy(kept + INPUT_MAX, &in->size, sizeof in->size);
	memcpy(exact, in->data, in->size);
	LLVMFuzzerTestOneInput(exact, in->size);
	free(exact);
}

static uint8_t *keep_at(const char *path)
{
	size_t size = INPUT_MAX + sizeof(size_t);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *p = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, (off_t)size))
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	close(fd);
	return p;
}

static int rerun(const char *path)
{
	struct input in = { .size = 0 };
	FILE *file = fopen(path, "rb");

	if (!file || fread(in.data, 1, INPUT_MAX, file) != INPUT_MAX ||
	    fread(&in.size, sizeof in.size, 1, file) != 1 || in.size > INPUT_MAX) {
		fprintf(stderr, "%s is not an input that this program kept\n", path);
		return 2;
	}
	fclose(file);
	LLVMFuzzerTestOneInput(in.data, in.size);
	return 0;
}

static unsigned seconds(void)
{
	const char *text = getenv("TLPB_FUZZ_SECONDS");

	return text && atoi(text) > 0 ? (unsigned)atoi(text) : DEFAULT_SECONDS;
}

int main(int argc, char **argv)
{
	static struct input in;
	unsigned long runs = 0;
	char path[256];
	time_t end;
	uint8_t *kept;

	if (argc > 1)
		return rerun(argv[1]);
	load_seeds();
	snprintf(path, sizeof path, "%s.last", argv[0]);
	kept = keep_at(path);
	for (unsigned i = 0; i < seed_count; i++)
		run(&seeds[i], kept);
	for (end = time(NULL) + seconds(); time(NULL) < end; runs++) {
		in = seeds[rnd(seed_count)];
		mutate(&in);
		run(&in, kept);
	}
	unlink(path);
	printf("%lu inputs from %u seeds in %u s\n", runs, seed_count, seconds());
	return 0;
}
