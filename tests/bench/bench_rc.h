/* SPDX-License-Identifier: MIT */
/* A host of bench-endpoint, or of any endpoint with a writable register at 0 of BAR0. Failures end the program. */
#ifndef BENCH_RC_H
#define BENCH_RC_H

#include <tlpbridge/rc.h>

#include "bench_regs.h"
#include "bench_walk.h"

enum { BENCH_BDF = 0x0100, RAM_BASE = 0x10000000 };

struct bench_options {
	const char *url;
	enum tlpb_transport transport;
	const char *tls_ca;
	struct tlpb_pools credits;
	unsigned payload;		/* bytes of Max_Payload_Size and Max_Read_Request_Size; 0: as after reset */
	bool direct;			/* host memory is granted for direct DMA */
};

struct bench_rc {
	tlpb_rc *rc;
	uint64_t bar0;
};

void bench_fail(const char *why);
void bench_must(int err, const char *what);

/*
 * -t TRANSPORT, -a FILE (certificates, for TLS), -p BYTES (payload), -f CREDITS, -d (direct). Gives the index of
 * the first word behind them.
 */
int bench_read_options(int argc, char **argv, struct bench_options *options);

/* Host memory for all links, once, before the first. */
void bench_map_ram(void);

/* Connect; then bring_up() gives it an address, and what the options want. */
void bench_connect(struct bench_rc *b, const struct bench_options *options);
void bench_bring_up(struct bench_rc *b, const struct bench_options *options);

uint32_t bench_read(struct bench_rc *b, unsigned reg);
void bench_write(struct bench_rc *b, unsigned reg, uint32_t value);

/* count transfers of len bytes that walk host memory; returns when all are done. */
void bench_dma(struct bench_rc *b, enum bench_command command, size_t len, unsigned long count);

#endif
