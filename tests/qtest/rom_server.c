/* SPDX-License-Identifier: MIT */
/*
 * rom_server URL KIND: an endpoint in plain C with a BAR and an expansion ROM, which is
 * "good", has an image of no length ("endless"), or none at all ("empty"); or the
 * endpoint never answers a read of it ("silent"). BAR2 is resizable, 1 to 16 MiB, and reads
 * as offsets.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/server.h>

#include "flow.h"

enum { RESIZABLE = 2, BAR_SIZE = 4096, ROM_SIZE = 2048, PCIR_AT = 0x1c };

static uint8_t bar[BAR_SIZE], rom[ROM_SIZE];
static bool silent;
static volatile sig_atomic_t stopped;
static tlpb_ep *ep;

static void stop(int signal_number)
{
	stopped = 1;
}

static void access_offsets(struct tlpb_ep_request *request)
{
	uint32_t offset = (uint32_t)request->offset;

	if (!request->write)
		memcpy(request->data, &offset, request->length < 4 ? request->length : 4);
	tlpb_ep_complete(ep, request, TLPB_CPL_SC);
}

static void access_region(void *ctx, struct tlpb_ep_request *request)
{
	uint8_t *at;

	if (request->region == RESIZABLE) {
		access_offsets(request);
		return;
	}
	at = (request->region == TLPB_ROM ? rom : bar) + request->offset;
	if (silent)
		return;
	if (!request->write)
		memcpy(request->data, at, request->length);
	else if (request->region == TLPB_BAR0)
		memcpy(at, request->data, request->length);
	tlpb_ep_complete(ep, request, TLPB_CPL_SC);
}

static void make_rom(const char *kind)
{
	if (!strcmp(kind, "empty"))
		return;
	rom[0] = 0x55;
	rom[1] = 0xaa;
	rom[2] = ROM_SIZE / 512;
	rom[0x18] = PCIR_AT;
	memcpy(rom + PCIR_AT, "PCIR", 4);
	rom[PCIR_AT + 0x10] = strcmp(kind, "endless") ? ROM_SIZE / 512 : 0;
	rom[PCIR_AT + 0x15] = strcmp(kind, "endless") ? 0x80 : 0;
}

int main(int argc, char **argv)
{
	const struct tlpb_device device = {
		.name = "rom", .vendor_id = 0x1234, .device_id = 0x5678, .class_code = 0xff0000,
		.region = {
			[TLPB_BAR0] = { BAR_SIZE, TLPB_REGION_READ | TLPB_REGION_WRITE },
			[RESIZABLE] = { 2 << 20, TLPB_REGION_READ | TLPB_REGION_WRITE |
						 TLPB_REGION_64BIT | TLPB_REGION_PREFETCH },
			[TLPB_ROM] = { ROM_SIZE, TLPB_REGION_READ },
		},
		.resizable = { [RESIZABLE] = 0x1f },
	};
	const struct tlpb_ep_ops ops = { .access = access_region };
	struct tlpb_ep_config config = { .device = &device, .ops = &ops };
	struct tlpb_server_config where = { .url = argv[1], .transport = flow_transport_kind() };
	tlpb_server *server;
	char why[256];

	if (argc != 3)
		return 2;
	signal(SIGTERM, stop);
	make_rom(argv[2]);
	silent = !strcmp(argv[2], "silent");
	flow_configure(&config.credits, &config.order_seed, 128);
	if (tlpb_ep_new(&config, &ep, why, sizeof why) ||
	    tlpb_server_open_with(&where, &server, why, sizeof why)) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	tlpb_server_add(server, ep);
	while (!stopped)
		tlpb_server_wait(server, 100);
	tlpb_server_close(server);
	tlpb_ep_free(ep);
	return 0;
}
