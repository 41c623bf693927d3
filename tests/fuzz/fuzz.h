/* SPDX-License-Identifier: MIT */
/*
 * What a fuzz target provides: libFuzzer's entry point, and valid inputs to begin with.
 */
#ifndef TLPB_FUZZ_H
#define TLPB_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Run one input. Always returns 0; what is wrong ends the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Write the i-th valid input, at most size bytes; its length, 0 after the last. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t size);

/* Ends the program when a property of an input does not hold. */
#define FUZZ_CHECK(property) \
	do { \
		if (!(property)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property); \
			abort(); \
		} \
	} while (0)

#endif
