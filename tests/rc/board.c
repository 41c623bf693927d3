/* SPDX-License-Identifier: MIT */
#include "board.h"

#include <string.h>

#include "bytes.h"
#include "flow.h"
#include "gtest.h"

static uint8_t *ram_at(struct board *b, uint64_t addr, size_t len)
{
	if (addr < RAM_BASE || addr - RAM_BASE + len > BOARD_RAM)
		return NULL;
	return b->ram + (addr - RAM_BASE);
}

static int on_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	uint8_t *ram = ram_at(ctx, addr, len);

	if (!ram)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(buf, ram, len);
	return 0;
}

static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		    size_t len)
{
	struct board *b = ctx;
	uint8_t *ram = ram_at(b, addr, len);

	if (addr == MSI_ADDRESS && len == 4) {
		b->msis++;
		if (b->on_msi)
			b->on_msi(b);
		return 0;
	}
	if (!ram)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(ram, data, len);
	if (b->on_dma)
		b->on_dma(b);
	return 0;
}

static void enable_msix(struct board *b)
{
	int at = tlpb_rc_find_capability(b->rc, HOST_BDF, 0x11);
	uint8_t entry[16] = { 0 };

	ASSERT_GT(at, 0);
	put_le32(entry, MSI_ADDRESS);
	ASSERT_EQ(tlpb_rc_mem_write(b->rc, b->bar[0].addr + 0x4000, entry, 16), 0);
	ASSERT_EQ(tlpb_rc_config_write(b->rc, HOST_BDF, (unsigned)at + 2, 2, 0x8000), 0);
}

void board_open(struct board *b, const char *url, const char *device, tlpb_rc_group *group)
{
	static const struct tlpb_rc_ops ops = { .mem_read = on_read, .mem_write = on_write };
	struct tlpb_rc_windows windows = { .bdf = HOST_BDF, .mem32 = 0xe0000000 };
	struct tlpb_rc_config config = host_config();
	char why[512];

	config.url = url;
	config.device = device;
	config.name = "board";
	config.connect_timeout_ms = PROCESS_PATIENCE_MS;
	config.group = group;
	config.ops = &ops;
	config.ctx = b;
	memset(b, 0, sizeof *b);
	if (tlpb_rc_connect(&config, &b->rc, why, sizeof why))
		FAIL("%s", why);
	ASSERT_EQ(tlpb_rc_enumerate(b->rc, &windows, b->bar), 0);
	enable_msix(b);
}

void board_close(struct board *b)
{
	tlpb_rc_close(b->rc);
	b->rc = NULL;
}

uint32_t board_read(struct board *b, unsigned reg)
{
	uint8_t dw[4];

	EXPECT_EQ(tlpb_rc_mem_read(b->rc, b->bar[0].addr + reg, dw, 4), 0);
	return get_le32(dw);
}

void board_write(struct board *b, unsigned reg, uint32_t value)
{
	uint8_t dw[4];

	put_le32(dw, value);
	EXPECT_EQ(tlpb_rc_mem_write(b->rc, b->bar[0].addr + reg, dw, 4), 0);
}

void board_program(struct board *b, uint32_t size)
{
	board_write(b, REG_SRC, RAM_BASE);
	board_write(b, REG_DST, RAM_BASE + EFFECT_DST);
	board_write(b, REG_SIZE, size);
	board_write(b, REG_IRQ_TYPE, IRQ_MSIX);
	board_write(b, REG_IRQ_NUMBER, 1);
}

static void on_over(void *arg, int err)
{
	struct board *b = arg;

	EXPECT_FALSE(b->over);
	b->over = true;
	b->err = err;
}

void board_begin_read(struct board *b, unsigned reg)
{
	b->over = false;
	ASSERT_EQ(tlpb_rc_mem_read_async(b->rc, b->bar[0].addr + reg, b->word, 4, on_over, b), 0);
}

static void begin_effect(struct board *b, unsigned round)
{
	memset(b->ram, (int)round, EFFECT_SIZE);
	memset(b->ram + EFFECT_DST, (int)~round, EFFECT_SIZE);
	board_begin_read(b, REG_READ_EFFECT);
}

/* A waiting read behind the one under way: the wait serves the others, too. */
static void end_effect(struct board *b, unsigned round)
{
	while (!b->over)
		board_read(b, REG_STATUS);
	EXPECT_EQ(b->err, 0);
	EXPECT_EQ(get_le32(b->word), round);
	EXPECT_MEMEQ(b->ram + EFFECT_DST, b->ram, EFFECT_SIZE);
	EXPECT_EQ(b->msis, round);
}

void boards_effect(struct board *const boards[], unsigned count, unsigned rounds)
{
	for (unsigned i = 0; i < count; i++)
		board_program(boards[i], EFFECT_SIZE);
	for (unsigned round = 1; round <= rounds; round++) {
		for (unsigned i = 0; i < count; i++)
			begin_effect(boards[i], round);
		for (unsigned i = 0; i < count; i++)
			end_effect(boards[i], round);
	}
}

struct process *serve_several(const char *name, unsigned devices)
{
	const char *argv[40] = { TLPB_SERVE, "endpoint-test", "--listen", url_of(name) };
	struct process *server;
	unsigned n = 4;

	for (unsigned i = 1; i < devices; i++) {
		argv[n++] = "--and";
		argv[n++] = "endpoint-test";
	}
	argv[n] = NULL;
	server = process_start(flow_command(argv));
	if (!process_wait_output(server, "listening at", PROCESS_PATIENCE_MS))
		FAIL("tlpbridge-serve does not listen:\n%s", process_output(server));
	return server;
}
