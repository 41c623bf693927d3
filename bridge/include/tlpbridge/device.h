/* SPDX-License-Identifier: MIT */
/*
 * A device describes itself: regions, IDs, interrupts. The endpoint sends this
 * description on HELLO, so a user types no BAR size and no ID anywhere; the same
 * bytes can live in a file. Pure functions, any thread.
 */
#ifndef TLPBRIDGE_DEVICE_H
#define TLPBRIDGE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	TLPB_NAME_MAX = 64,	/* bytes of a name, its final 0 included */
	TLPB_PATH_MAX = 128,	/* the same of a device-tree path */
};

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

	/* Where a host that has a device tree finds the device, and the how-manieth it is; "": nowhere. */
	char path[TLPB_PATH_MAX];
	uint16_t path_index;
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

/*
 * Registers by name, for people and tools. They are records of their own behind those of
 * the device: struct tlpb_device stays small and can be copied.
 *
 * X(name, text): what software may do to a register.
 */
#define TLPB_ACCESS_LIST(X)                                                             \
	X(RO, "ro")                                                                     \
	X(RW, "rw")                                                                     \
	X(WO, "wo")                                                                     \
	X(W1C, "w1c")	/* writing 1 clears a bit */                                    \
	X(W1S, "w1s")	/* writing 1 sets a bit */                                      \
	X(RC, "rc")	/* reading clears it */

enum tlpb_access {
#define TLPB_ACCESS_ENUM(name, text) TLPB_ACCESS_##name,
	TLPB_ACCESS_LIST(TLPB_ACCESS_ENUM)
#undef TLPB_ACCESS_ENUM
	TLPB_ACCESS_KINDS,
};

/* The text of the list above; "?" for others. */
const char *tlpb_access_name(unsigned access);

/* Names begin with a letter or _ and go on with letters, digits and _ . - [ ] */
struct tlpb_field {
	const char *name;
	uint8_t low, width;		/* bits */
};

struct tlpb_register {
	const char *name;
	const char *description;	/* a line for a person; NULL: none */
	unsigned region;		/* enum tlpb_region_index */
	uint64_t offset;		/* bytes, a multiple of the width */
	unsigned width;			/* bits: 8, 16, 32 or 64 */
	enum tlpb_access access;
	bool read_effect;		/* a read changes something: tools do not read it unasked */
	const struct tlpb_field *field;	/* may be NULL when there are none */
	unsigned fields;		/* at most 64 */
};

/*
 * Records of registers, to be put behind those of tlpb_device_encode(). Returns bytes
 * written, TLPB_ERR_TOO_LARGE, or TLPB_ERR_INVALID when a register is not legal or not
 * inside dev's regions; the reason is in why.
 */
int tlpb_registers_encode(const struct tlpb_device *dev, const struct tlpb_register *reg,
			  unsigned count, uint8_t *bytes, size_t size, char *why, size_t why_size);

/* What a device says of its registers. Freed with tlpb_registers_free(), texts and fields included. */
struct tlpb_registers {
	unsigned count;
	struct tlpb_register reg[];
};

/*
 * Reads the registers among all the records of a device, untrusted; dev is what
 * tlpb_device_decode() made of the same bytes. Returns 0 and *registers, which the caller
 * frees, or TLPB_ERR_TRUNCATED, TLPB_ERR_INVALID, TLPB_ERR_NOMEM with the reason in why.
 */
int tlpb_registers_decode(const uint8_t *bytes, size_t len, const struct tlpb_device *dev,
			  struct tlpb_registers **registers, char *why, size_t why_size);
void tlpb_registers_free(struct tlpb_registers *registers);

#ifdef __cplusplus
}
#endif
#endif
