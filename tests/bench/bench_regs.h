/* SPDX-License-Identifier: MIT */
/* BAR0 of bench-endpoint: 4 KiB, registers of 32 bits. */
#ifndef BENCH_REGS_H
#define BENCH_REGS_H

enum {
	REG_SCRATCH = 0x00,
	REG_ADDRESS = 0x08,	/* 64 bits: host memory of WALK_BYTES, which the transfers walk */
	REG_LENGTH = 0x10,	/* bytes a transfer */
	REG_COUNT = 0x14,	/* how many */
	REG_COMMAND = 0x18,	/* enum bench_command: go */
	REG_DONE = 0x1c,	/* a read is completed when all transfers are: how many failed */
};

enum bench_command { COMMAND_DMA_READ = 1, COMMAND_DMA_WRITE = 2 };

#endif
