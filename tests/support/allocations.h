/* SPDX-License-Identifier: MIT */
/* Counts what the program takes from the heap. Whoever includes this links tlpb_allocations. */
#ifndef TLPB_TEST_ALLOCATIONS_H
#define TLPB_TEST_ALLOCATIONS_H

/* Calls of malloc(), calloc() and realloc() in all code that is linked statically. One thread's. */
extern unsigned long allocations;

#endif
