/* SPDX-License-Identifier: MIT */
/*
 * The MSI-X table and pending bit array (6.1.4, 7.7.2). Pure. One thread. Who
 * sends a message, and when, is the endpoint's matter.
 */
#ifndef TLPB_MSIX_H
#define TLPB_MSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/device.h>

struct msix {
	const struct tlpb_device *device;	/* borrowed */
	uint8_t *table;				/* 16 bytes a vector, as software sees it */
	uint8_t *pending;			/* the PBA, a multiple of 8 bytes */
};

/* Returns 0 or TLPB_ERR_NOMEM. device stays the caller's and must outlive msix. */
int tlpb__msix_init(struct msix *m, const struct tlpb_device *device);
void tlpb__msix_free(struct msix *m);

/* All vectors masked, none pending. */
void tlpb__msix_reset(struct msix *m);

/* Do len bytes at offset of a BAR lie wholly in the table or in the PBA? */
bool tlpb__msix_claims(const struct msix *m, unsigned bar, uint64_t offset, size_t len);

/* For ranges that msix_claims. enable is NULL (all) or TLM-style bytes. The PBA ignores writes. */
void tlpb__msix_read(const struct msix *m, unsigned bar, uint64_t offset, void *data, size_t len);
void tlpb__msix_write(struct msix *m, unsigned bar, uint64_t offset, const uint8_t *data,
		      const uint8_t *enable, size_t len);

bool tlpb__msix_masked(const struct msix *m, unsigned vector);
bool tlpb__msix_pending(const struct msix *m, unsigned vector);
void tlpb__msix_set_pending(struct msix *m, unsigned vector, bool pending);
void tlpb__msix_message(const struct msix *m, unsigned vector, uint64_t *addr, uint32_t *data);

#endif
