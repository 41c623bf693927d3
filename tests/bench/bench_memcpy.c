/* SPDX-License-Identifier: MIT */
/*
 * bench-memcpy BYTES COUNT: GB/s of memcpy(), BYTES at a time, between a device's buffer and host memory; that
 * of the slower direction, and of each.
 */
#include "bench_clock.h"
#include "bench_walk.h"

static uint8_t device[DEVICE_BYTES];

/* The compiler can neither leave a copy away nor know its length. */
static void copy(uint8_t *to, const uint8_t *from, size_t len)
{
	memcpy(to, from, len);
	__asm__ volatile("" : : "r"(to) : "memory");
}

static double rate(uint8_t *ram, size_t len, unsigned long count, int write)
{
	double start = seconds_now();

	for (unsigned long i = 0; i < count; i++) {
		uint8_t *there = ram + walk_offset(i, len);

		if (write)
			copy(there, device, len);
		else
			copy(device, there, len);
	}
	return (double)count * (double)len / (seconds_now() - start) / 1e9;
}

int main(int argc, char **argv)
{
	size_t len = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	double read, write;
	uint8_t *ram;
	int fd;

	if (!count || !len || len > DEVICE_BYTES || WALK_BYTES % len) {
		fprintf(stderr, "usage: bench-memcpy BYTES COUNT\n");
		return 2;
	}
	ram = walk_map(&fd);
	memset(device, 1, sizeof device);
	rate(ram, len, WALK_BYTES / len, 0);	/* warm */
	read = rate(ram, len, count, 0);
	write = rate(ram, len, count, 1);
	printf("%g read=%g write=%g\n", read < write ? read : write, read, write);
	return 0;
}
