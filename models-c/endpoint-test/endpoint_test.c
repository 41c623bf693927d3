/* SPDX-License-Identifier: MIT */
/*
 * endpoint-test in plain C: the program. Its functions are all alike, virtual ones included:
 * registers in BAR0 (function.c), memory behind the other BARs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "function.h"
#include "options.h"

static struct tlpb_model model;

static struct {
	struct function *function;	/* NULL: the endpoint has no function of this number */
	uint8_t *memory[TLPB_BARS];	/* behind BAR1 to BAR5 */
} place[FUNCTIONS_MAX];

static void access_region(void *ctx, struct tlpb_ep_request *request)
{
	uint8_t *memory = place[request->function].memory[request->region];
	bool ok;

	if (!request->region) {
		function_access_bar0(place[request->function].function, request);
		return;
	}
	ok = tlpb_memory_access(memory, largest_size(request->region), request);
	tlpb_ep_complete(model.ep, request, ok ? TLPB_CPL_SC : TLPB_CPL_UR);
}

static void reset(void *ctx, unsigned function, enum tlpb_reset kind)
{
	function_reset(place[function].function);
}

/* calloc() takes pages from the system when they are first touched. */
static int add_place(unsigned number, const struct tlpb_region *region, char *why, size_t why_size)
{
	place[number].function = function_new(model.ep, number);
	if (!place[number].function) {
		snprintf(why, why_size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	for (unsigned i = 1; i < TLPB_BARS; i++) {
		if (!region[i].size)
			continue;
		place[number].memory[i] = calloc(largest_size(i), 1);
		if (!place[number].memory[i]) {
			snprintf(why, why_size, "no memory for BAR%u: make it smaller", i);
			return TLPB_ERR_NOMEM;
		}
	}
	return 0;
}

/* Those of function 0 came with the endpoint. */
static int add_function(unsigned number, char *why, size_t why_size)
{
	struct tlpb_device own;
	const struct tlpb_ep_function config = { .number = number, .device = &own };
	int err = 0;

	function_device(number, &own);
	if (number)
		err = tlpb_ep_add_function(model.ep, &config, why, why_size);
	if (!err)
		err = add_place(number, own.region, why, why_size);
	for (unsigned i = 0; !err && i < own.sriov.vfs; i++)
		err = add_place(number + own.sriov.offset + i * own.sriov.stride, own.sriov.region,
				why, why_size);
	return err;
}

static int start(void *ctx, char *why, size_t why_size)
{
	int err = 0;

	for (unsigned i = 0; !err && i < functions; i++)
		err = add_function(i, why, why_size);
	return err;
}

static void free_places(void)
{
	for (unsigned i = 0; i < FUNCTIONS_MAX; i++) {
		free(place[i].function);
		for (unsigned bar = 1; bar < TLPB_BARS; bar++)
			free(place[i].memory[bar]);
	}
}

static const struct tlpb_ep_ops ops = { .access = access_region, .function_reset = reset };

static struct tlpb_model model = {
	.summary = "what Linux' pci_endpoint_test drives: DMA, checksums, INTx, MSI, MSI-X",
	.device = &device, .options = options, .ops = &ops, .start = start,
};

int main(int argc, char **argv)
{
	int status;

	model.regs[0] = function_registers();
	status = tlpb_serve_main(argc, argv, &model);
	free_places();
	return status;
}
