/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <poll.h>

#include "bytes.h"
#include "gtest.h"
#include "host.h"

enum { BLOCK = 8192, COPY = 300 * 1000 };

static bool is_up(void)
{
	return tlpb_rc_is_up(host.rc);
}

static bool done(int err)
{
	EXPECT_TRUE(err == 0 || err == TLPB_ERR_CLOSED);
	return err == 0 && is_up();
}

static bool write_reg(unsigned reg, uint32_t value)
{
	uint8_t dw[4];

	put_le32(dw, value);
	return done(tlpb_rc_mem_write(host.rc, host.bar[0].addr + reg, dw, 4));
}

static bool set_up_dma(uint32_t size)
{
	return write_reg(REG_SRC, RAM_BASE + 3) && write_reg(REG_SRC + 4, 0) &&
	       write_reg(REG_DST, RAM_BASE + RAM_SIZE / 2) && write_reg(REG_DST + 4, 0) &&
	       write_reg(REG_SIZE, size) && write_reg(REG_IRQ_TYPE, IRQ_MSIX) &&
	       write_reg(REG_IRQ_NUMBER, 1);
}

static bool write_block(void)
{
	return done(tlpb_rc_mem_write(host.rc, host.bar[3].addr, host.ram, BLOCK));
}

static bool read_block(void)
{
	static uint8_t block[BLOCK];

	return done(tlpb_rc_mem_read(host.rc, host.bar[3].addr + 1, block, BLOCK - 1));
}

static bool copy(void)
{
	unsigned before = host.msis;

	if (!set_up_dma(COPY) || !write_reg(REG_COMMAND, COMMAND_COPY))
		return false;
	while (is_up() && host.msis == before) {
		struct pollfd p = { .fd = tlpb_rc_fd(host.rc), .events = POLLIN };

		tlpb_rc_process(host.rc);
		if (is_up() && host.msis == before)
			poll(&p, 1, 1000);
	}
	return is_up();
}

static bool read_effect(void)
{
	uint8_t dw[4];

	if (!set_up_dma(4096) ||
	    !done(tlpb_rc_mem_read(host.rc, host.bar[0].addr + REG_READ_EFFECT, dw, 4)))
		return false;
	EXPECT_EQ(get_le32(dw) >> 16, 0);	/* it succeeded */
	return true;
}

bool load_step(uint32_t n)
{
	static bool (*const steps[])(void) = { write_block, read_block, copy, read_effect };

	return steps[n % 4]();
}
