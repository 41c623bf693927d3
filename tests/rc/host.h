/* SPDX-License-Identifier: MIT */
/*
 * A host for endpoint-test: 1 MiB of RAM, interrupts caught as writes, and the
 * registers of endpoint-test. One host and any number of servers a test.
 */
#ifndef TLPB_TEST_RC_HOST_H
#define TLPB_TEST_RC_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/rc.h>

#include "process.h"

enum {
	RAM_BASE = 0x10000000, RAM_SIZE = 1024 * 1024,
	MSI_ADDRESS = 0xfee00000,
	HOST_BDF = 0x0100,
};

/* Registers of endpoint-test, docs/models/endpoint-test.md. */
enum {
	REG_COMMAND = 0x04, REG_STATUS = 0x08, REG_SRC = 0x0c, REG_DST = 0x14, REG_SIZE = 0x1c,
	REG_CHECKSUM = 0x20, REG_IRQ_TYPE = 0x24, REG_IRQ_NUMBER = 0x28, REG_READ_EFFECT = 0x40,
	COMMAND_READ = 1 << 3, COMMAND_WRITE = 1 << 4, COMMAND_COPY = 1 << 5,
	STATUS_READ_OK = 1 << 0, STATUS_WRITE_OK = 1 << 2, STATUS_COPY_OK = 1 << 4,
	STATUS_FAILED = 1 << 1 | 1 << 3 | 1 << 5,
	IRQ_MSIX = 2, IRQ_NONE = 3,
};

extern struct host {
	tlpb_rc *rc;
	char why[512];			/* of the last connect that failed */
	struct tlpb_rc_bar bar[TLPB_BARS];
	uint8_t ram[RAM_SIZE];
	unsigned msis;
	bool line[4];			/* INTA..INTD */
	uint32_t last_msi;
	unsigned dma_of[256];		/* DMA and MSI TLPs by device and function number of their requester */
	unsigned downs;
	enum tlpb_reason down_reason;
	char down_text[256];
	char waiting[256];		/* what was said last about waiting */
} host;

/* The URL of a socket in the test's directory. */
const char *url_of(const char *name);

/* The command that serves endpoint-test there; valid until the next call. */
const char *const *serve_command(const char *url);

/* Start endpoint-test at a socket of this name and wait until it listens. */
struct process *serve(const char *name);

/*
 * Start endpoint-test at a URL, with more options (NULL: none); the URL at which it says it
 * listens, in one of a few static buffers. A server at an inherited descriptor inherits it.
 */
const char *serve_at(const char *url, const char *const options[], struct process **server);

/* What hosts of this program need for tls+tcp and the like; all else in it is ignored. Kept until it is set again. */
extern struct tlpb_rc_config host_security;

/* That, with the flow control that process.h tells of. */
struct tlpb_rc_config host_config(void);


/* Returns as tlpb_rc_connect(). device may be NULL. */
int host_connect(const char *url, const char *device, unsigned timeout_ms);

/* Connect, or end the test; enumerate and enable MSI-X vector 0. */
void host_start(const char *url);
void host_stop(void);

uint32_t reg_read(unsigned reg);
void reg_write(unsigned reg, uint32_t value);

/* Run a command of the model on size bytes and return STATUS once it is over. */
uint32_t run_command(uint32_t command, uint64_t src, uint64_t dst, uint32_t size);

/* A write, a copy and a read of the model, with their data and interrupts. */
void expect_traffic(void);

/* A server of the test's own, for what no server does: it listens and says nothing. */
int listen_silently(const char *path);

#endif
