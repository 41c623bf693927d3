/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/err.h>

#include "bytes.h"
#include "msix.h"

enum { ENTRY = 16, CONTROL = 12, MASK_BIT = 1 };

static size_t table_size(const struct msix *m)
{
	return (size_t)m->device->msix_vectors * ENTRY;
}

static size_t pending_size(const struct msix *m)
{
	return (m->device->msix_vectors + 63u) / 64 * 8;
}

int tlpb__msix_init(struct msix *m, const struct tlpb_device *device)
{
	m->device = device;
	m->table = m->pending = NULL;
	if (!device->msix_vectors)
		return 0;
	m->table = malloc(table_size(m));
	m->pending = malloc(pending_size(m));
	if (!m->table || !m->pending) {
		tlpb__msix_free(m);
		return TLPB_ERR_NOMEM;
	}
	tlpb__msix_reset(m);
	return 0;
}

void tlpb__msix_free(struct msix *m)
{
	free(m->table);
	free(m->pending);
	m->table = m->pending = NULL;
}

void tlpb__msix_reset(struct msix *m)
{
	if (!m->table)
		return;
	memset(m->table, 0, table_size(m));
	memset(m->pending, 0, pending_size(m));
	for (unsigned v = 0; v < m->device->msix_vectors; v++)
		m->table[v * ENTRY + CONTROL] = MASK_BIT;
}

static bool inside(uint64_t offset, size_t len, uint64_t start, size_t size)
{
	return offset >= start && len <= size && offset - start <= size - len;
}

static bool in_table(const struct msix *m, unsigned bar, uint64_t offset, size_t len)
{
	return bar == m->device->msix_table_bar &&
	       inside(offset, len, m->device->msix_table_offset, table_size(m));
}

static bool in_pending(const struct msix *m, unsigned bar, uint64_t offset, size_t len)
{
	return bar == m->device->msix_pba_bar &&
	       inside(offset, len, m->device->msix_pba_offset, pending_size(m));
}

bool tlpb__msix_claims(const struct msix *m, unsigned bar, uint64_t offset, size_t len)
{
	return m->table && len && (in_table(m, bar, offset, len) || in_pending(m, bar, offset, len));
}

void tlpb__msix_read(const struct msix *m, unsigned bar, uint64_t offset, void *data, size_t len)
{
	if (in_table(m, bar, offset, len))
		memcpy(data, m->table + (offset - m->device->msix_table_offset), len);
	else
		memcpy(data, m->pending + (offset - m->device->msix_pba_offset), len);
}

/* Bits of byte i of an entry that software can write: not address 1:0, of control only the mask. */
static uint8_t writable(size_t i)
{
	if (i == 0)
		return 0xfc;
	return i < CONTROL ? 0xff : i == CONTROL ? MASK_BIT : 0;
}

void tlpb__msix_write(struct msix *m, unsigned bar, uint64_t offset, const uint8_t *data,
		      const uint8_t *enable, size_t len)
{
	if (!in_table(m, bar, offset, len))
		return;
	for (size_t i = 0; i < len; i++) {
		size_t at = offset - m->device->msix_table_offset + i;
		uint8_t bits = writable(at % ENTRY);

		if (!enable || enable[i])
			m->table[at] = (uint8_t)((m->table[at] & ~bits) | (data[i] & bits));
	}
}

bool tlpb__msix_masked(const struct msix *m, unsigned vector)
{
	return m->table[vector * ENTRY + CONTROL] & MASK_BIT;
}

bool tlpb__msix_pending(const struct msix *m, unsigned vector)
{
	return m->pending[vector / 8] >> (vector % 8) & 1;
}

void tlpb__msix_set_pending(struct msix *m, unsigned vector, bool pending)
{
	uint8_t bit = (uint8_t)(1u << (vector % 8));

	if (pending)
		m->pending[vector / 8] |= bit;
	else
		m->pending[vector / 8] &= (uint8_t)~bit;
}

void tlpb__msix_message(const struct msix *m, unsigned vector, uint64_t *addr, uint32_t *data)
{
	const uint8_t *entry = m->table + vector * ENTRY;

	*addr = get_le64(entry);
	*data = get_le32(entry + 8);
}
