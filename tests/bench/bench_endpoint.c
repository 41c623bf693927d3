/* SPDX-License-Identifier: MIT */
/*
 * bench-endpoint [OPTION...] URL: plain endpoints that cost nothing themselves, so that what is measured is
 * the bridge. Registers: bench_regs.h.
 *
 *	-t TRANSPORT	auto, nng or shm
 *	-n COUNT	so many of them, for a host each (1)
 *	-p BYTES	the largest payload and read request (512)
 *	-f CREDITS	flow control, as tlpb_pools_parse() takes it
 *	-c FILE -k FILE	certificate and its key, for TLS
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/server.h>

#include "bench_regs.h"
#include "bench_walk.h"

enum { BAR_BYTES = 4096, ENDPOINTS_MAX = 64 };
enum { AHEAD = 16 };	/* transfers under way, so that the link is never idle */

struct bench {
	tlpb_ep *ep;
	uint8_t bar[BAR_BYTES];
	unsigned started, running, failed;
	bool starting;
	struct tlpb_ep_request *asked;	/* the read of REG_DONE, while it waits */
};

static struct bench benches[ENDPOINTS_MAX];
static unsigned bench_count = 1;
static uint8_t device[DEVICE_BYTES];
static volatile sig_atomic_t stopped;

static uint64_t reg64(const struct bench *b, unsigned offset)
{
	uint64_t value;

	memcpy(&value, b->bar + offset, sizeof value);
	return value;
}

static uint32_t reg32(const struct bench *b, unsigned offset)
{
	return (uint32_t)reg64(b, offset);
}

static void answer_done(struct bench *b)
{
	struct tlpb_ep_request *request = b->asked;

	if (!request || b->running || b->started < reg32(b, REG_COUNT))
		return;
	b->asked = NULL;
	memset(request->data, 0, request->length);
	memcpy(request->data, &b->failed, request->length < 4 ? request->length : 4);
	tlpb_ep_complete(b->ep, request, TLPB_CPL_SC);
}

static void start_transfers(struct bench *b);

static void on_done(void *arg, int err, uint64_t fail_addr)
{
	struct bench *b = arg;

	b->running--;
	b->failed += err != 0;
	start_transfers(b);
	answer_done(b);
}

static int start_one(struct bench *b, size_t len)
{
	uint64_t addr = reg64(b, REG_ADDRESS) + walk_offset(b->started++, len);

	if (reg32(b, REG_COMMAND) == COMMAND_DMA_READ)
		return tlpb_ep_dma_read(b->ep, addr, device, len, NULL, on_done, b);
	return tlpb_ep_dma_write(b->ep, addr, device, len, NULL, on_done, b);
}

/* A transfer may be done before the call that starts it returns: then the loop goes on, not on_done(). */
static void start_transfers(struct bench *b)
{
	uint32_t count = reg32(b, REG_COUNT), len = reg32(b, REG_LENGTH);

	if (b->starting)
		return;
	b->starting = true;
	while (b->started < count && b->running < AHEAD) {
		b->running++;
		if (start_one(b, len)) {
			b->running--;
			b->failed++;
		}
	}
	b->starting = false;
}

static void write_bar(struct bench *b, const struct tlpb_ep_request *request)
{
	uint32_t len;

	memcpy(b->bar + request->offset, request->data, request->length);
	len = reg32(b, REG_LENGTH);
	if (request->offset != REG_COMMAND || b->running || !len || len > DEVICE_BYTES)
		return;
	b->started = b->failed = 0;
	start_transfers(b);
}

static void on_access(void *ctx, struct tlpb_ep_request *request)
{
	struct bench *b = ctx;

	if (!request->write && request->offset == REG_DONE && !b->asked) {
		b->asked = request;
		answer_done(b);
		return;
	}
	if (request->write)
		write_bar(b, request);
	else
		memcpy(request->data, b->bar + request->offset, request->length);
	tlpb_ep_complete(b->ep, request, TLPB_CPL_SC);
}

/* The request that waited is over with its host. */
static void on_disconnected(void *ctx, enum tlpb_reason reason, const char *text)
{
	struct bench *b = ctx;

	if (b->asked)
		tlpb_ep_complete(b->ep, b->asked, TLPB_CPL_UR);
	b->asked = NULL;
	b->started = reg32(b, REG_COUNT);
}

static void on_signal(int number)
{
	stopped = 1;
}

static void fail(const char *why)
{
	fprintf(stderr, "bench-endpoint: %s\n", why);
	exit(1);
}

static void add_endpoint(tlpb_server *server, struct bench *b, struct tlpb_ep_config *config)
{
	static const struct tlpb_ep_ops ops = { .access = on_access, .disconnected = on_disconnected };
	struct tlpb_device description = {
		.vendor_id = 0x104c, .device_id = 0xb501, .class_code = 0xff0000,
		.region[TLPB_BAR0] = { BAR_BYTES, TLPB_REGION_READ | TLPB_REGION_WRITE },
		.region[TLPB_CONFIG] = { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE },
	};
	char why[512];

	snprintf(description.name, sizeof description.name, "bench%u", (unsigned)(b - benches));
	config->device = &description;
	config->ops = &ops;
	config->ctx = b;
	if (tlpb_ep_new(config, &b->ep, why, sizeof why))
		fail(why);
	if (tlpb_server_add(server, b->ep))
		fail("too many endpoints");
}

static void read_options(int argc, char **argv, struct tlpb_server_config *where,
			 struct tlpb_ep_config *config)
{
	char why[512];
	int option;

	while ((option = getopt(argc, argv, "t:n:p:f:c:k:")) != -1) {
		if (option == 'n')
			bench_count = (unsigned)atoi(optarg);
		else if (option == 't' && tlpb_transport_parse(optarg, &where->transport, why, sizeof why))
			fail(why);
		else if (option == 'p')
			config->mps = config->mrrs = (unsigned)atoi(optarg);
		else if (option == 'f' && tlpb_pools_parse(optarg, &config->credits, why, sizeof why))
			fail(why);
		else if (option == 'c')
			where->tls_cert = optarg;
		else if (option == 'k')
			where->tls_key = optarg;
		else if (option == '?')
			fail("wrong option: see bench_endpoint.c");
	}
	where->url = argv[optind];
	if (argc != optind + 1 || !bench_count || bench_count > ENDPOINTS_MAX)
		fail("usage: bench-endpoint [OPTION...] URL");
}

int main(int argc, char **argv)
{
	struct tlpb_server_config where = { 0 };
	struct tlpb_ep_config config = { 0 };
	tlpb_server *server;
	char why[512];

	read_options(argc, argv, &where, &config);
	memset(device, 1, sizeof device);	/* there before anything is measured */
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (tlpb_server_open_with(&where, &server, why, sizeof why))
		fail(why);
	for (unsigned i = 0; i < bench_count; i++)
		add_endpoint(server, &benches[i], &config);
	printf("listening at %s\n", tlpb_server_url(server));
	fflush(stdout);
	while (!stopped && !tlpb_server_is_over(server))
		tlpb_server_wait(server, -1);
	tlpb_server_close(server);
	for (unsigned i = 0; i < bench_count; i++)
		tlpb_ep_free(benches[i].ep);
	return 0;
}
