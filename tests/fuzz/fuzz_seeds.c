/* SPDX-License-Identifier: MIT */
/*
 * Before libFuzzer begins, the target's own valid inputs go into the directory that
 * TLPB_FUZZ_SEEDS names: they follow the formats as these change, which a kept corpus
 * does not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

enum { SEED_MAX = 8192 };

int LLVMFuzzerInitialize(int *argc, char ***argv);

static void write_seed(const char *directory, unsigned i, const uint8_t *data, size_t size)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof path, "%s/seed-%03u", directory, i);
	file = fopen(path, "wb");
	FUZZ_CHECK(file && fwrite(data, 1, size, file) == size && !fclose(file));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = getenv("TLPB_FUZZ_SEEDS");
	uint8_t data[SEED_MAX];
	size_t size;

	for (unsigned i = 0; directory && (size = fuzz_seed(i, data, sizeof data)); i++)
		write_seed(directory, i, data, size);
	return 0;
}
