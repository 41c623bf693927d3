/* SPDX-License-Identifier: MIT */
/* edu-random SEED STEPS: print a random script for edu devices. */
#include <stdlib.h>

#include "edu_script.h"

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: edu-random SEED STEPS\n");
		return 2;
	}
	edu_random(stdout, (uint32_t)strtoul(argv[1], NULL, 0), (unsigned)strtoul(argv[2], NULL, 0));
	return 0;
}
