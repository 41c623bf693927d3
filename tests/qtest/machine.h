/* SPDX-License-Identifier: MIT */
/*
 * What most tests here start from: endpoint-test in tlpbridge-serve, a QEMU with a
 * root port and the bridge behind it, and the BARs placed as firmware would.
 */
#ifndef TLPB_TEST_MACHINE_H
#define TLPB_TEST_MACHINE_H

#include <stdint.h>

#include "gtest.h"
#include "qtest.h"

enum { EP = BEHIND_PORT(0) };

enum {
	COMMAND_IO = 1,
	COMMAND_MEMORY = 2,
	COMMAND_MASTER = 4,
	COMMAND_INTX_DISABLE = 1 << 10,

	CAP_MSI = 0x05,
	CAP_EXPRESS = 0x10,
	CAP_MSIX = 0x11,
};

/* endpoint-test's registers in BAR0, and its bits. */
enum {
	REG_MAGIC = 0x00,
	REG_COMMAND = 0x04,
	REG_STATUS = 0x08,
	REG_SRC = 0x0c,
	REG_DST = 0x14,
	REG_SIZE = 0x1c,
	REG_CHECKSUM = 0x20,
	REG_IRQ_TYPE = 0x24,
	REG_IRQ_NUMBER = 0x28,
	REG_FAULT = 0x30,
	REG_READ_EFFECT = 0x40,
	MSIX_TABLE = 0x4000,
	MSIX_PBA = 0xc000,

	RAISE_INTX = 1 << 0,
	RAISE_MSI = 1 << 1,
	RAISE_MSIX = 1 << 2,
	DO_READ = 1 << 3,
	DO_WRITE = 1 << 4,
	DO_COPY = 1 << 5,

	READ_SUCCESS = 1 << 0,
	READ_FAIL = 1 << 1,
	WRITE_SUCCESS = 1 << 2,
	WRITE_FAIL = 1 << 3,
	COPY_SUCCESS = 1 << 4,
	COPY_FAIL = 1 << 5,
	IRQ_RAISED = 1 << 6,
	SRC_ADDR_INVALID = 1 << 7,
	DST_ADDR_INVALID = 1 << 8,

	IRQ_INTX = 0,
	IRQ_MSI = 1,
	IRQ_MSIX = 2,
};

/* BAR0, 32-bit; BAR1, I/O; BAR2, prefetchable, 64-bit; BAR4, 64-bit. */
#define ALL_KINDS "0:mem32:64K,1:io:256,2:pref64:1M,4:mem64:64K"

struct bar {
	uint64_t addr, size;	/* size 0: not there, or the upper half of the one before */
	bool io, is_64bit, prefetch;
};

struct machine {
	struct process *server;
	struct qtest *q;
	struct bar bar[6];
};

/* The running test's own; ends what an earlier, failed one left. */
extern struct machine m;

/* Serve endpoint-test with these BARs at socket_url(name), ready to be joined. */
struct process *serve(const char *name, const char *bars);

/* "ipc:///…/name" in the test's directory; in one of a few static buffers. */
const char *socket_url(const char *name);

/* "tlpbridge,bus=BUS,id=ID,url=ipc:///…/NAME" and more options; likewise. */
const char *bridge_device(const char *bus, const char *name, const char *options);

#define PLUGIN "-plugin", TLPB_PLUGIN
#define PORT "-device", "pcie-root-port,id=rp0,chassis=1,slot=1,addr=4.0"
#define PORT2 "-device", "pcie-root-port,id=rp1,chassis=2,slot=2,addr=5.0"
#define ARGS(...) (const char *const[]){ PLUGIN, PORT, __VA_ARGS__, NULL }

/* The server, the QEMU with further device options, and a placed device. */
void machine_start(const char *bars, const char *device_options);

/* End both; QEMU must end well. */
void machine_stop(void);

/* Size the BARs of a function and place them in its port's windows; let it decode and do DMA. */
void place_bars(struct qtest *q, unsigned bdf, struct bar bar[6]);

/* Registers of endpoint-test. */
uint32_t reg_read(unsigned offset);
void reg_write(unsigned offset, uint32_t value);
void reg_write64(unsigned offset, uint64_t value);

/* Set up and run a command; STATUS when it is done. */
uint32_t run_command(uint32_t command, uint64_t src, uint64_t dst, uint32_t size);

/* Wait until STATUS has one of these bits; its value. */
uint32_t wait_status(uint32_t bits);

/* Wait until a doubleword in guest RAM has this value; fails the test when it never has. */
void wait_memory(uint64_t addr, uint32_t value);

/* Bytes that look random. */
void fill(uint8_t *data, size_t len, uint32_t seed);

#endif
