/* SPDX-License-Identifier: MIT */
/* The options of endpoint-test in C: what they change is the device. */
#ifndef ENDPOINT_TEST_C_OPTIONS_H
#define ENDPOINT_TEST_C_OPTIONS_H

#include <tlpbridge/serve.h>

enum { FUNCTIONS_MAX = 256 };	/* virtual ones included */

/* Function 0 as the options leave it: 104c:b500, six memory BARs, INTA, 32 MSI and 2,048 MSI-X at first. */
extern struct tlpb_device device;

/* Physical functions: 0 to functions - 1. */
extern unsigned functions;

/* Bytes of a BAR when software has made it as large as it may. */
uint64_t largest_size(unsigned bar);

/* What distinguishes another function: its VFs follow those of the functions before it. */
void function_device(unsigned number, struct tlpb_device *own);

extern const struct tlpb_model_option options[];

#endif
