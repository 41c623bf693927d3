/* SPDX-License-Identifier: MIT */
/*
 * A server with one endpoint in a thread of its own, and a host whose RAM is a memory file, so that direct DMA
 * is possible: the link goes through the server, for the rings. The device is pair_device().
 */
#ifndef TLPB_TEST_DIRECT_H
#define TLPB_TEST_DIRECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/rc.h>
#include <tlpbridge/server.h>

enum {
	DIRECT_BDF = 0x0100,
	DIRECT_RAM = 4 * 1024 * 1024,
	DIRECT_RAM_AT = 0x40000000,
	DIRECT_MSI_AT = 0xfee00000,	/* vector n writes n to it + 4 n */
	DIRECT_VECTORS = 4,
};

struct direct_options {
	bool no_grants;			/* the host does not offer it */
	enum tlpb_transport transport;
	enum tlpb_direct direct;
	tlpb_trace *rc_trace, *ep_trace;
	bool unsealed;			/* the RAM is */
	bool ep_check;
	const char *ep_inject;
};

extern struct direct {
	struct direct_options options;
	tlpb_server *server;
	tlpb_ep *ep;
	tlpb_rc *rc;
	struct tlpb_rc_bar bar[TLPB_BARS];
	uint8_t *ram;
	int ram_fd;

	unsigned reads, writes, msis;	/* TLPs to RAM, and interrupts */
	unsigned dirties;
	uint64_t dirty_addr, dirty_len;	/* of the last report */
	unsigned dirties_at_msi;	/* reports that had come when the last interrupt did */
	void (*on_msi)(unsigned vector);
	void (*on_write)(uint64_t addr, const void *data, size_t len);
	void (*on_dirty)(uint64_t addr, uint64_t len);
	void (*on_read)(uint64_t addr);
	void (*_Atomic on_access)(struct tlpb_ep_request *request);	/* in the endpoint's thread; it completes */
	atomic_uint revocations;	/* that the model was told */
	unsigned downs;
	char down_text[256];
} direct;

/* Ends the test when there is no link. Bus Master Enable and MSI-X are on. NULL: the defaults. */
void direct_open(const struct direct_options *options);
void direct_close(void);

/* In the endpoint's thread; back when it is done. The host is not served meanwhile. */
void direct_on_ep(void (*call)(void *arg), void *arg);

/* Grant RAM from that offset on; returns as tlpb_rc_grant(). Then wait until the endpoint has it. */
int direct_grant(uint64_t offset, uint64_t len, bool writable);
void direct_settle(void);

/* DMA in the endpoint's thread at that offset of RAM, while the host is served. Returns its error. */
int direct_dma_write(uint64_t offset, const void *data, size_t len);
int direct_dma_read(uint64_t offset, void *buf, size_t len);

/* A write without a result, and an interrupt of vector n; nobody waits for them. */
void direct_post(uint64_t offset, const void *data, size_t len);
void direct_interrupt(unsigned vector);

/* Serve the host until flag is set. */
void direct_serve_until(atomic_bool *flag);

struct tlpb_ep_direct_stats direct_stats(void);

#endif
