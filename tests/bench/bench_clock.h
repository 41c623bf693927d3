/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdbool.h>
#include <time.h>

enum { LOOK_EVERY = 1024 };
#define MOST_SECONDS 1.0	/* of one measurement, on a machine that is busy */

static inline double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Looks at the clock now and then: is a measurement that has done so much to be ended? */
static inline bool is_late(unsigned long done, double start)
{
	return done % LOOK_EVERY == LOOK_EVERY - 1 && seconds_now() - start > MOST_SECONDS;
}

#endif
