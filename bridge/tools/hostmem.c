/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlpbridge/err.h>
#include "hostmem.h"
#include "text.h"

static bool overlaps(const struct hostmem_range *r, uint64_t addr, uint64_t size)
{
	return addr - r->addr < r->size || r->addr - addr < size;
}

bool hostmem_add(struct hostmem *m, uint64_t addr, uint64_t size)
{
	if (m->ranges == HOSTMEM_RANGES)
		return complain("--mem: at most %d ranges", HOSTMEM_RANGES);
	if (!size || addr + size - 1 < addr)
		return complain("--mem: 0x%" PRIx64 " bytes at 0x%" PRIx64 " are no range", size, addr);
	for (unsigned i = 0; i < m->ranges; i++)
		if (overlaps(&m->range[i], addr, size))
			return complain("--mem: the range at 0x%" PRIx64 " overlaps the one at 0x%"
					PRIx64, addr, m->range[i].addr);
	m->range[m->ranges++] = (struct hostmem_range){ addr, size, NULL };
	return true;
}

bool hostmem_allocate(struct hostmem *m)
{
	for (unsigned i = 0; i < m->ranges; i++) {
		struct hostmem_range *r = &m->range[i];

		r->bytes = calloc(1, r->size);
		if (!r->bytes)
			return complain("--mem: no memory for %" PRIu64 " bytes: make it smaller",
					r->size);
	}
	return true;
}

void hostmem_free(struct hostmem *m)
{
	for (unsigned i = 0; i < m->ranges; i++)
		free(m->range[i].bytes);
	m->ranges = 0;
}

uint64_t hostmem_room(const struct hostmem *m, uint64_t addr)
{
	for (unsigned i = 0; i < m->ranges; i++)
		if (addr - m->range[i].addr < m->range[i].size)
			return m->range[i].size - (addr - m->range[i].addr);
	return 0;
}

uint8_t *hostmem_at(struct hostmem *m, uint64_t addr, uint64_t len)
{
	if (!len || hostmem_room(m, addr) < len)
		return NULL;
	for (unsigned i = 0; i < m->ranges; i++)
		if (addr - m->range[i].addr < m->range[i].size)
			return m->range[i].bytes + (addr - m->range[i].addr);
	return NULL;
}

static void note(struct hostmem *m, enum hostmem_kind kind, uint64_t addr, size_t len, int err)
{
	struct hostmem_event *last = m->events ? &m->event[m->events - 1] : NULL;

	if (last && last->kind == kind && last->err == err && last->addr + last->len == addr) {
		last->len += len;
		last->accesses++;
	} else if (m->events < HOSTMEM_EVENTS) {
		m->event[m->events++] = (struct hostmem_event){ kind, addr, len, 1, err };
	} else {
		m->dropped++;
	}
}

int hostmem_read(struct hostmem *m, uint64_t addr, void *buf, size_t len)
{
	const uint8_t *p = hostmem_at(m, addr, len);
	int err = p ? 0 : TLPB_ERR_NO_ADDRESS;

	if (p)
		memcpy(buf, p, len);
	note(m, HOSTMEM_READ, addr, len, err);
	return err;
}

int hostmem_write(struct hostmem *m, uint64_t addr, const void *data, size_t len)
{
	uint8_t *p = hostmem_at(m, addr, len);
	int err = p ? 0 : TLPB_ERR_NO_ADDRESS;

	if (p)
		memcpy(p, data, len);
	note(m, HOSTMEM_WRITE, addr, len, err);
	return err;
}

int hostmem_atomic(struct hostmem *m, uint64_t addr, const struct tlpb_atomic *atomic, void *old)
{
	uint8_t *p = hostmem_at(m, addr, atomic->size);
	int err = p ? tlpb_atomic_memory(atomic, p, old) : TLPB_ERR_NO_ADDRESS;

	note(m, HOSTMEM_ATOMIC, addr, atomic->size, err);
	return err;
}

/* In JSON, and in words: of the device. */
static const struct { const char *name, *did; } kinds[] = {
	[HOSTMEM_READ] = { "read", "read " },
	[HOSTMEM_WRITE] = { "write", "wrote" },
	[HOSTMEM_ATOMIC] = { "atomic", "changed atomically" },
};

void hostmem_print(const struct hostmem *m)
{
	for (unsigned i = 0; i < m->events; i++) {
		const struct hostmem_event *e = &m->event[i];

		printf("device %s 0x%" PRIx64 "..0x%" PRIx64 ", %" PRIu64 " bytes in %u accesses%s%s\n",
		       kinds[e->kind].did, e->addr, e->addr + e->len - 1, e->len,
		       e->accesses, e->err ? ": refused, " : "", e->err ? tlpb_strerror(e->err) : "");
	}
	if (m->dropped)
		printf("and %" PRIu64 " more accesses\n", m->dropped);
}

cJSON *hostmem_json(const struct hostmem *m)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < m->events; i++) {
		const struct hostmem_event *e = &m->event[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "kind", kinds[e->kind].name);
		json_add_hex(o, "address", e->addr, 1);
		json_add_u64(o, "bytes", e->len);
		cJSON_AddNumberToObject(o, "accesses", e->accesses);
		if (e->err)
			cJSON_AddStringToObject(o, "error", tlpb_strerror(e->err));
		cJSON_AddItemToArray(list, o);
	}
	return list;
}
