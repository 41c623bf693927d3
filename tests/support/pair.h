/* SPDX-License-Identifier: MIT */
/*
 * A host and an endpoint in one program, joined in memory: the test's own thread
 * is the host, with RAM; a thread of the endpoint serves a model that is memory. With
 * TLPB_TEST_TRANSPORT=shm (flow.h) they have rings in shared memory beside it.
 *
 * pair_open() first ends what a failed test left behind. Fields of the model
 * belong to the endpoint's thread: change and read them through pair_on_ep(), or
 * while the endpoint has nothing to do.
 */
#ifndef TLPB_TEST_PAIR_H
#define TLPB_TEST_PAIR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/rc.h>

struct transport;
struct fault_plan;

enum {
	PAIR_PATIENCE_MS = 60 * 1000,	/* only what hangs meets it */
	PAIR_WATCHDOG_S = 240,		/* a call that never returns ends the program */
	HOST_RAM = 1024 * 1024,
	HOST_RAM_BASE = 0x40000000,
	HOST_RAM_HIGH = 0x8,		/* the same RAM again, at this times 4 GiB */
	MSI_BASE = 0xfee00000,		/* 1 MiB of interrupt writes */
	MSI_MAX = 8192,
	PAIR_BDF = 0x0318,		/* 03:03.0 */
	MODEL_MEMORY = 256 * 1024,	/* of each region, at most */
	HELD_MAX = 1024,
};

/* ---- the host's world: RAM, interrupts ---- */

struct host_range {
	uint64_t addr, len;
	int err;		/* what an access that touches it returns */
};

struct host {
	uint8_t *ram;
	struct host_range failing[4];
	unsigned failings;

	struct { uint64_t addr; uint32_t data; } msi[MSI_MAX];
	unsigned msis;
	unsigned reads, writes, atomics, dmwrs;	/* calls */
	unsigned defers;		/* deferrable writes to be answered with CRS */
	uint16_t requester_id;		/* of the last of them */
	uint16_t lowest_tag, highest_tag;	/* of the reads */

	bool intx[4];
	unsigned intx_changes;
	unsigned messages;
	uint8_t message_code;		/* of the last message */
	uint32_t message_words[2];	/* the same: its third and fourth doubleword */
	bool knows_nothing;		/* no message is known here */

	unsigned errors;
	struct tlpb_rc_error_report error;	/* the last one */

	unsigned downs;
	enum tlpb_reason down_reason;
	char down_text[256];

	/* Called in each write to RAM, if set. */
	void (*on_write)(uint64_t addr, const void *data, size_t len);
};

/* ---- the model ---- */

struct model_access {
	unsigned region;
	uint64_t offset;
	size_t length;
	bool write, posted, deferrable, atomic, has_enables;
	uint8_t enable[64];		/* the first ones, when has_enables */
	uint16_t requester_id;
};

struct model {
	uint8_t *memory[TLPB_REGIONS];
	enum tlpb_cpl_status status;	/* what accesses are answered with */
	struct model_access last;
	unsigned accesses;

	bool hold;			/* keep requests instead of completing them */
	struct tlpb_ep_request *held[HELD_MAX];
	unsigned holds;

	/* Instead of the memory, if set. */
	void (*on_access)(struct tlpb_ep_request *request);
	void (*on_connected)(void);

	unsigned resets, connects, disconnects, faults, messages, config_writes, eois;
	uint8_t message_code;		/* of the last message */
	size_t message_len;		/* the same: bytes of data */
	bool knows_nothing;		/* no message is known here */
	enum tlpb_reset reset_kind;
	enum tlpb_reason gone_reason;
	char gone_text[256];
	char host[64];
	uint64_t fault_addr;
	int fault_err;
	unsigned config_offset, config_size;
};

/* ---- both ---- */

struct pair_options {
	const struct tlpb_device *device;	/* NULL: pair_device() */
	const struct tlpb_ep_ops *ops;		/* NULL: the model above */
	unsigned ep_mps, ep_mrrs, rc_mps, rcb;	/* 0: 512, 512, 512, 64 */
	unsigned rc_timeout_ms, ep_timeout_ms, crs_retry_ms;
	bool crs_visible, plain_pcie, no_host_atomics;
	const char *ep_credits, *rc_credits;	/* NULL: as the environment says, see flow.h */
	uint64_t order_seed;			/* stress ordering at both ends; 0: the same */
	tlpb_trace *rc_trace, *ep_trace;
	unsigned queue;				/* messages in flight each way; 0: 64 */
	const struct fault_plan *rc_faults, *ep_faults;	/* on what each sends; NULL: none */
	enum tlpb_check check;			/* of both ends */
	bool ecrc;				/* of the host */
	bool stay_apart;			/* no host yet: pair_connect() */
};

struct pair {
	tlpb_rc *rc;		/* NULL: not connected */
	tlpb_ep *ep;
	struct host host;
	struct model model;
	struct tlpb_rc_bar bar[TLPB_BARS];
	uint64_t rom;		/* address, after pair_enumerate() */

	/* the rest is the fixture's own */
	struct pair_options options;
	struct transport *rc_end, *ep_end;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t called;
	void (*call)(void *arg);
	void *call_arg;
	bool stop;
	int wake_fd;
};

/* The one pair of the running test. */
extern struct pair pair;

/* Every kind of BAR: 0 mem32 with MSI-X, 1 prefetchable 64-bit, 3 64-bit, 5 I/O, and a ROM. */
struct tlpb_device pair_device(void);

/* Ends the test when it fails. */
void pair_open(const struct pair_options *options);
void pair_close(void);

/* A (new) host for the endpoint. Returns as tlpb_rc_connect(). */
int pair_connect(char *why, size_t size);

/* The endpoint's link token, and the host's end of a new link for a peer made by hand. */
extern const uint8_t pair_token[16];
struct transport *pair_attach_raw(void);

/* Wait until the endpoint has no link. */
void pair_await_detached(void);

/* The host leaves with a goodbye; the endpoint has noticed when this returns. */
void pair_disconnect(void);

/* The host's end vanishes without a word, as if killed. The rc is gone, too. */
void pair_kill_host(void);

/* The endpoint drops the link without a word, as if killed. */
void pair_kill_link(void);

/* The first half of that, on the endpoint's thread, also in a callback. */
void pair_cut_ep(void);

/* Firmware's work: BARs placed, everything enabled, the ROM too. */
void pair_enumerate(void);

/* Run a function on the endpoint's thread and wait for it. It must not wait for the host. */
void pair_on_ep(void (*call)(void *arg), void *arg);

/* Serve the host's side until done. Ends the test when it takes too long. */
void pair_serve_until(bool (*done)(void *arg), void *arg);
void pair_serve_until_set(atomic_bool *flag);

/* Until the endpoint has handled all that was sent so far, and the host the answers. */
void pair_settle(void);
void pair_settle_at(uint16_t bdf);	/* for a device that is not at PAIR_BDF */

/* A request that rc.h has no call for: sent as it is. Returns the completion's error. */
int pair_request(struct tlpb_tlp *tlp, void *buf, size_t len);

/* A posted TLP, likewise. */
void pair_post(const struct tlpb_tlp *tlp);

/* A DMA transfer of the endpoint; see tlpb_ep_dma_read(). */
struct dma {
	bool write;
	uint64_t addr;
	void *buf;
	size_t len;
	const struct tlpb_dma_attr *attr;
	int started;		/* what the call returned */
	atomic_bool over;
	int err;
	uint64_t fail_addr;
};

void pair_dma_start(struct dma *dma);	/* over is set at once when it does not start */
void pair_dma_run(struct dma *dma);	/* to its end */

#endif
