/* SPDX-License-Identifier: MIT */
/*
 * bench-endpoint URL [CERTIFICATE KEY]: a plain endpoint that costs nothing itself, so that what is measured is
 * the bridge. BAR0, 4 KiB, 32-bit registers:
 *
 *	00 SCRATCH	08/0c ADDRESS	10 LENGTH	14 COUNT
 *	18 COMMAND	1: DMA reads, 2: DMA writes of LENGTH bytes at ADDRESS, COUNT of them;
 *			then one DMA write of a doubleword to address 0 says that they are done
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/server.h>

enum { REG_ADDRESS = 0x08, REG_LENGTH = 0x10, REG_COUNT = 0x14, REG_COMMAND = 0x18 };
enum { COMMAND_READ = 1 };
enum { BAR_BYTES = 4096, BUFFER_BYTES = 4 << 20, AHEAD = 4 };

static tlpb_ep *endpoint;
static uint8_t bar[BAR_BYTES];
static uint8_t buffer[BUFFER_BYTES];
static unsigned to_start, running;
static volatile sig_atomic_t stopped;

static uint64_t reg64(unsigned offset)
{
	uint64_t value;

	memcpy(&value, bar + offset, sizeof value);
	return value;
}

static uint32_t reg32(unsigned offset)
{
	return (uint32_t)reg64(offset);
}

static void start_transfers(void);

static void on_done(void *arg, int err, uint64_t fail_addr)
{
	static const uint32_t one = 1;

	running--;
	if (err)
		fprintf(stderr, "bench-endpoint: DMA failed: %s\n", tlpb_strerror(err));
	start_transfers();
	if (!running && !to_start)
		tlpb_ep_dma_write(endpoint, 0, &one, sizeof one, NULL, NULL, NULL);
}

/* A few at a time, so that the link is never idle. */
static void start_transfers(void)
{
	uint64_t addr = reg64(REG_ADDRESS);
	uint32_t len = reg32(REG_LENGTH);
	bool read = reg32(REG_COMMAND) == COMMAND_READ;

	while (to_start && running < AHEAD) {
		to_start--;
		running++;
		if (read)
			tlpb_ep_dma_read(endpoint, addr, buffer, len, NULL, on_done, NULL);
		else
			tlpb_ep_dma_write(endpoint, addr, buffer, len, NULL, on_done, NULL);
	}
}

static void write_bar(const struct tlpb_ep_request *request)
{
	memcpy(bar + request->offset, request->data, request->length);
	if (request->offset != REG_COMMAND || reg32(REG_LENGTH) > BUFFER_BYTES)
		return;
	to_start = reg32(REG_COUNT);
	start_transfers();
}

static void on_access(void *ctx, struct tlpb_ep_request *request)
{
	if (request->write)
		write_bar(request);
	else
		memcpy(request->data, bar + request->offset, request->length);
	tlpb_ep_complete(endpoint, request, TLPB_CPL_SC);
}

static void on_signal(int number)
{
	stopped = 1;
}

static int fail(const char *why)
{
	fprintf(stderr, "bench-endpoint: %s\n", why);
	return 1;
}

int main(int argc, char **argv)
{
	static const struct tlpb_ep_ops ops = { .access = on_access };
	static const struct tlpb_device device = {
		.name = "bench", .vendor_id = 0x104c, .device_id = 0xb501, .class_code = 0xff0000,
		.region[TLPB_BAR0] = { BAR_BYTES, TLPB_REGION_READ | TLPB_REGION_WRITE },
		.region[TLPB_CONFIG] = { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE },
	};
	struct tlpb_ep_config config = { .device = &device, .ops = &ops };
	struct tlpb_server_config where = { .url = argv[1] };
	tlpb_server *server;
	char why[512];

	if (argc != 2 && argc != 4)
		return fail("usage: bench-endpoint URL [CERTIFICATE KEY]");
	where.tls_cert = argc > 2 ? argv[2] : NULL;
	where.tls_key = argc > 2 ? argv[3] : NULL;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (tlpb_ep_new(&config, &endpoint, why, sizeof why) ||
	    tlpb_server_open_with(&where, &server, why, sizeof why))
		return fail(why);
	tlpb_server_add(server, endpoint);
	printf("listening at %s\n", tlpb_server_url(server));
	fflush(stdout);
	while (!stopped && !tlpb_server_is_over(server))
		tlpb_server_wait(server, -1);
	tlpb_server_close(server);
	tlpb_ep_free(endpoint);
	return 0;
}
