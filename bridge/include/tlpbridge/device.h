/* SPDX-License-Identifier: MIT */
/*
 * A device describes itself: regions, IDs, interrupts. The endpoint sends this
 * description on HELLO, so a user types no BAR size and no ID anywhere; the same
 * bytes can live in a file. Pure functions, any thread.
 */
#ifndef TLPBRIDGE_DEVICE_H
#define TLPBRIDGE_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TLPB_NAME_MAX = 64 };	/* bytes of a name, its final 0 included */

/* Fixed region numbers. */
enum tlpb_region_index {
	TLPB_BAR0 = 0,		/* BAR1..BAR5 are 1..5 */
	TLPB_BARS = 6,
	TLPB_ROM = 6,
	TLPB_CONFIG = 7,
	TLPB_REGIONS = 8,
};

enum tlpb_region_flags {
	TLPB_REGION_READ = 1 << 0,
	TLPB_REGION_WRITE = 1 << 1,
	TLPB_REGION_MAPPABLE = 1 << 2,
	TLPB_REGION_PREFETCH = 1 << 3,
	TLPB_REGION_IO = 1 << 4,	/* I/O space; otherwise memory */
	TLPB_REGION_64BIT = 1 << 5,	/* takes this BAR and the next one */
};

struct tlpb_region {
	uint64_t size;		/* bytes, a power of two; 0: no such region */
	uint32_t flags;		/* enum tlpb_region_flags */
};

struct tlpb_device {
	char name[TLPB_NAME_MAX];	/* what JOIN asks for, for example "endpoint-test" */

	uint16_t vendor_id, device_id;
	uint16_t subsystem_vendor_id, subsystem_id;
	uint32_t class_code;		/* 24 bits: base class, sub-class, interface */
	uint8_t revision;

	struct tlpb_region region[TLPB_REGIONS];

	uint8_t intx_pin;		/* 0 none, 1..4 INTA..INTD */
	uint8_t msi_vectors;		/* 0 none, or 1, 2, 4, 8, 16, 32 */
	uint16_t msix_vectors;		/* 0 none, or 1..2048 */
	uint8_t msix_table_bar, msix_pba_bar;
	uint32_t msix_table_offset, msix_pba_offset;	/* multiples of 8 bytes */
};

/*
 * Is the description one that PCI allows (sizes, alignment, MSI-X inside its
 * BARs, …)? Returns 0, or TLPB_ERR_INVALID with the reason in why.
 */
int tlpb_device_check(const struct tlpb_device *dev, char *why, size_t why_size);

/* Records for HELLO or a file. Returns bytes written or TLPB_ERR_TOO_LARGE. */
int tlpb_device_encode(const struct tlpb_device *dev, uint8_t *bytes, size_t size);

/*
 * Reads untrusted records: unknown optional ones are skipped. Returns 0, or
 * TLPB_ERR_TRUNCATED, TLPB_ERR_PROTOCOL or TLPB_ERR_INVALID with the reason in why.
 */
int tlpb_device_decode(const uint8_t *bytes, size_t len, struct tlpb_device *dev,
		       char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
