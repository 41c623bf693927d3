/* SPDX-License-Identifier: MIT */
/*
 * atomic_server URL: an endpoint in plain C whose BAR asks for AtomicOps on guest memory: write
 * address, operand and compare, then the command; read status and what was there.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/server.h>

#include "flow.h"

/* Of 8 bytes each; the last three are two of them. */
enum { ADDRESS = 0x00, COMMAND = 0x08, STATUS = 0x10, OPERAND = 0x20, COMPARE = 0x30, OLD = 0x40 };

enum { BAR_SIZE = 4096, RUNNING = 0xff };

static uint8_t bar[BAR_SIZE];
static volatile sig_atomic_t stopped;
static tlpb_ep *ep;

static void stop(int signal_number)
{
	stopped = 1;
}

static void on_done(void *arg, int err, const void *old)
{
	if (old)
		memcpy(bar + OLD, old, TLPB_ATOMIC_MAX);
	bar[STATUS] = (uint8_t)-err;
}

/* COMMAND: the size, and behind it the operation: 0 FetchAdd, 1 Swap, 2 CAS. */
static void run(void)
{
	struct tlpb_atomic atomic = { .op = (enum tlpb_tlp_kind)(TLPB_FETCHADD + bar[COMMAND + 1]),
				      .size = bar[COMMAND] };
	uint64_t address;
	int err;

	memcpy(&address, bar + ADDRESS, 8);
	memcpy(atomic.operand, bar + OPERAND, TLPB_ATOMIC_MAX);
	memcpy(atomic.compare, bar + COMPARE, TLPB_ATOMIC_MAX);
	bar[STATUS] = RUNNING;
	err = tlpb_ep_atomic(ep, address, &atomic, NULL, on_done, NULL);
	if (err)
		bar[STATUS] = (uint8_t)-err;
}

static void access_bar(void *ctx, struct tlpb_ep_request *request)
{
	uint8_t *at = bar + request->offset;

	if (!request->write)
		memcpy(request->data, at, request->length);
	else
		memcpy(at, request->data, request->length);
	if (request->write && request->offset == COMMAND)
		run();
	tlpb_ep_complete(ep, request, TLPB_CPL_SC);
}

int main(int argc, char **argv)
{
	const struct tlpb_device device = {
		.name = "atomic", .vendor_id = 0x1234, .device_id = 0x5679, .class_code = 0xff0000,
		.region = { { BAR_SIZE, TLPB_REGION_READ | TLPB_REGION_WRITE } },
		.has = TLPB_HAS_ATOMIC_REQUESTS,
	};
	const struct tlpb_ep_ops ops = { .access = access_bar };
	struct tlpb_ep_config config = { .device = &device, .ops = &ops };
	struct tlpb_server_config where = { .url = argv[1], .transport = flow_transport_kind() };
	tlpb_server *server;
	char why[256];

	if (argc != 2)
		return 2;
	signal(SIGTERM, stop);
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
