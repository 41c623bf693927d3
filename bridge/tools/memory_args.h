/* SPDX-License-Identifier: MIT */
/* --mem, --fill and --dump: the host memory that a command has, what is in it, what is kept of it. */
#ifndef TLPBRIDGE_MEMORY_ARGS_H
#define TLPBRIDGE_MEMORY_ARGS_H

#include <stdbool.h>
#include "hostmem.h"

enum { MEMORY_ARGS_MAX = 256 };

struct memory_arg {
	uint64_t addr, size;		/* size 0: not given */
	const char *what;		/* behind the =; NULL: no such */
};

struct memory_args {
	struct memory_arg mem[MEMORY_ARGS_MAX], fill[MEMORY_ARGS_MAX], dump[MEMORY_ARGS_MAX];
	unsigned mems, fills, dumps;
};

/*
 * Take an option's text, which is cut into pieces and must stay. False after saying what is
 * wrong with it: all that can be told without the other options.
 */
bool memory_take_mem(struct memory_args *a, char *text);
bool memory_take_fill(struct memory_args *a, char *text);
bool memory_take_dump(struct memory_args *a, char *text);

/* Add the ranges to m. False after saying which of the options does not fit the others. */
bool memory_lay_out(const struct memory_args *a, struct hostmem *m);

/* Before the first step, and after the last one; m is allocated. False after saying what failed. */
bool memory_fill(const struct memory_args *a, struct hostmem *m);
bool memory_dump(const struct memory_args *a, struct hostmem *m);

#endif
