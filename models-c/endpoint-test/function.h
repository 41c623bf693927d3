/* SPDX-License-Identifier: MIT */
/* One function of endpoint-test, physical or virtual: the registers in BAR0, DMA and interrupts. */
#ifndef ENDPOINT_TEST_C_FUNCTION_H
#define ENDPOINT_TEST_C_FUNCTION_H

#include <tlpbridge/ep.h>
#include <tlpbridge/regs.h>

struct function;

/* number is the endpoint's for it. NULL: no memory. Freed by free(). */
struct function *function_new(tlpb_ep *ep, unsigned number);

/* Completes the request, at once or later. */
void function_access_bar0(struct function *f, struct tlpb_ep_request *request);

/* Ends what runs and waits; the endpoint has ended its DMA. */
void function_reset(struct function *f);

/* The registers of any function, for tools to name. */
const struct tlpb_regs *function_registers(void);

#endif
