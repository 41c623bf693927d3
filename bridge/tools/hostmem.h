/* SPDX-License-Identifier: MIT */
/* The host memory that a device's DMA reaches, and what it did there. */
#ifndef TLPBRIDGE_HOSTMEM_H
#define TLPBRIDGE_HOSTMEM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tlpbridge/atomic.h>

enum { HOSTMEM_RANGES = 16, HOSTMEM_EVENTS = 64 };

enum hostmem_kind { HOSTMEM_READ, HOSTMEM_WRITE, HOSTMEM_ATOMIC };

/* Accesses that continue each other are one. */
struct hostmem_event {
	enum hostmem_kind kind;
	uint64_t addr, len;
	unsigned accesses;
	int err;		/* 0, or why it was refused */
};

struct hostmem {
	struct hostmem_range {
		uint64_t addr, size;
		uint8_t *bytes;
	} range[HOSTMEM_RANGES];
	unsigned ranges;
	struct hostmem_event event[HOSTMEM_EVENTS];
	unsigned events;	/* kept */
	uint64_t dropped;	/* further ones, counted alone */
};

/* Say where there will be memory; false after saying why there cannot. */
bool hostmem_add(struct hostmem *m, uint64_t addr, uint64_t size);

/* Get all of it, zeroed; false after saying that there is not as much. */
bool hostmem_allocate(struct hostmem *m);

/* Also what was only added. */
void hostmem_free(struct hostmem *m);

/* The device's DMA: 0 or TLPB_ERR_NO_ADDRESS. */
int hostmem_read(struct hostmem *m, uint64_t addr, void *buf, size_t len);
int hostmem_write(struct hostmem *m, uint64_t addr, const void *data, size_t len);
int hostmem_atomic(struct hostmem *m, uint64_t addr, const struct tlpb_atomic *atomic, void *old);

/* The memory itself, once allocated: len bytes within one range; NULL: there is none. */
uint8_t *hostmem_at(struct hostmem *m, uint64_t addr, uint64_t len);

/* From addr to the end of its range; 0: no memory there. */
uint64_t hostmem_room(const struct hostmem *m, uint64_t addr);

/* What the device did so far: lines, or a JSON array. */
void hostmem_print(const struct hostmem *m);
cJSON *hostmem_json(const struct hostmem *m);

#endif
