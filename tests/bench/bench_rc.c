/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "bench_rc.h"

enum { PCI_EXPRESS = 0x10, DEVICE_CONTROL = 8, EXTENDED_TAGS = 1 << 8, PAYLOAD_SHIFT = 5, READ_SHIFT = 12 };

static uint8_t *ram;
static int ram_fd = -1;

void bench_fail(const char *why)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, why);
	exit(1);
}

void bench_must(int err, const char *what)
{
	char text[256];

	if (!err)
		return;
	snprintf(text, sizeof text, "%s: %s", what, tlpb_strerror(err));
	bench_fail(text);
}

int bench_read_options(int argc, char **argv, struct bench_options *options)
{
	char why[512];
	int option;

	*options = (struct bench_options){ 0 };
	while ((option = getopt(argc, argv, "t:a:p:f:d")) != -1) {
		if (option == 'a')
			options->tls_ca = optarg;
		else if (option == 'p')
			options->payload = (unsigned)atoi(optarg);
		else if (option == 'd')
			options->direct = true;
		else if (option == '?')
			bench_fail("wrong option: see bench_rc.h");
		else if (option == 'f' ? tlpb_pools_parse(optarg, &options->credits, why, sizeof why)
				       : tlpb_transport_parse(optarg, &options->transport, why, sizeof why))
			bench_fail(why);
	}
	return optind;
}

static bool is_ram(uint64_t addr, size_t len)
{
	return ram && addr >= RAM_BASE && addr + len <= RAM_BASE + WALK_BYTES;
}

static int on_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	if (!is_ram(addr, len))
		return TLPB_ERR_NO_ADDRESS;
	memcpy(buf, ram + (addr - RAM_BASE), len);
	return 0;
}

static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		    size_t len)
{
	if (!is_ram(addr, len))
		return TLPB_ERR_NO_ADDRESS;
	memcpy(ram + (addr - RAM_BASE), data, len);
	return 0;
}

void bench_map_ram(void)
{
	ram = walk_map(&ram_fd);
}

void bench_connect(struct bench_rc *b, const struct bench_options *options)
{
	static const struct tlpb_rc_ops ops = { .mem_read = on_read, .mem_write = on_write };
	struct tlpb_rc_config config = {
		.url = options->url, .transport = options->transport, .tls_ca = options->tls_ca,
		.name = "bench", .ops = &ops,
		.mps = options->payload, .credits = options->credits, .gather_writes = true,
		.grants = options->direct,
	};
	char why[512];

	if (tlpb_rc_connect(&config, &b->rc, why, sizeof why))
		bench_fail(why);
}

/* 128 is 0, 256 is 1, ... 4096 is 5 */
static unsigned size_code(unsigned bytes)
{
	return (unsigned)__builtin_ctz(bytes) - 7;
}

/* As software does for a device that is to carry much: large TLPs, and 256 tags. */
static void enlarge(struct bench_rc *b, unsigned payload)
{
	int at = tlpb_rc_find_capability(b->rc, BENCH_BDF, PCI_EXPRESS);
	uint32_t control = EXTENDED_TAGS | size_code(payload) << PAYLOAD_SHIFT | size_code(payload) << READ_SHIFT;
	uint32_t is;

	if (at <= 0)
		bench_fail("no PCI Express capability");
	bench_must(tlpb_rc_config_write(b->rc, BENCH_BDF, (unsigned)at + DEVICE_CONTROL, 2, control),
		   "Device Control");
	bench_must(tlpb_rc_config_read(b->rc, BENCH_BDF, (unsigned)at + DEVICE_CONTROL, 2, &is),
		   "Device Control");
	if (is != control)
		bench_fail("the device does not take such payloads");
}

static void grant_ram(struct bench_rc *b)
{
	struct tlpb_rc_grant grant = { .addr = RAM_BASE, .len = WALK_BYTES, .fd = ram_fd, .writable = true };

	if (!tlpb_rc_takes_grants(b->rc))
		bench_fail("no direct DMA with this device");
	bench_must(tlpb_rc_grant(b->rc, &grant), "grant");
}

void bench_bring_up(struct bench_rc *b, const struct bench_options *options)
{
	struct tlpb_rc_windows windows = { .bdf = BENCH_BDF, .mem32 = 0xe0000000 };
	struct tlpb_rc_bar bars[TLPB_BARS];

	bench_must(tlpb_rc_enumerate(b->rc, &windows, bars), "enumerate");
	b->bar0 = bars[0].addr;
	if (options->payload)
		enlarge(b, options->payload);
	if (options->direct)
		grant_ram(b);
}

uint32_t bench_read(struct bench_rc *b, unsigned reg)
{
	uint32_t value;

	bench_must(tlpb_rc_mem_read(b->rc, b->bar0 + reg, &value, sizeof value), "read");
	return value;
}

void bench_write(struct bench_rc *b, unsigned reg, uint32_t value)
{
	bench_must(tlpb_rc_mem_write(b->rc, b->bar0 + reg, &value, sizeof value), "write");
}

void bench_dma(struct bench_rc *b, enum bench_command command, size_t len, unsigned long count)
{
	bench_write(b, REG_ADDRESS, RAM_BASE);
	bench_write(b, REG_LENGTH, (uint32_t)len);
	bench_write(b, REG_COUNT, (uint32_t)count);
	bench_write(b, REG_COMMAND, command);
	if (bench_read(b, REG_DONE))
		bench_fail("DMA failed");
}
