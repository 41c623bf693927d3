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

/*
 * What a device may have beyond power management and the PCI Express capability, which all
 * have. X(name, bit, text)
 */
#define TLPB_HAS_LIST(X)                                                                \
	X(AER, 0, "aer")		/* Advanced Error Reporting */                  \
	X(ECRC, 1, "ecrc")		/* makes and checks ECRC; needs AER */          \
	X(ARI, 2, "ari")		/* function numbers of 8 bits; device number 0 */ \
	X(LTR, 3, "ltr")		/* Latency Tolerance Reporting */               \
	X(PME, 4, "pme")		/* wakes the system from D0 and D3hot */        \
	X(SOFT_RESET, 5, "soft-reset")	/* returning from D3hot to D0 resets it */      \
	X(TAGS_10BIT, 6, "10-bit-tags")	/* as completer and requester */                \
	X(ATOMIC_32, 7, "atomic-32")	/* completes atomic operations of that size */  \
	X(ATOMIC_64, 8, "atomic-64")                                                    \
	X(CAS_128, 9, "cas-128")                                                        \
	X(ATOMIC_REQUESTS, 10, "atomic-requests") /* may send them when enabled */

enum tlpb_has {
#define TLPB_HAS_ENUM(name, bit, text) TLPB_HAS_##name = 1 << (bit),
	TLPB_HAS_LIST(TLPB_HAS_ENUM)
#undef TLPB_HAS_ENUM
};

/*
 * Virtual functions of a device (9.2). VF n, counted from 1, is the function whose number is
 * that of the device + offset + (n - 1) * stride; the numbers stay below 8 without
 * TLPB_HAS_ARI, below 256 with it.
 */
struct tlpb_sriov {
	uint16_t vfs;			/* TotalVFs; 0: no SR-IOV, the rest is ignored */
	uint16_t offset, stride;	/* at least 1 */
	uint16_t device_id;		/* of the VFs */
	struct tlpb_region region[TLPB_BARS];	/* of each VF: memory, 4096 bytes or more */
	uint16_t msix_vectors;		/* of each VF, as of a device */
	uint8_t msix_table_bar, msix_pba_bar;
	uint32_t msix_table_offset, msix_pba_offset;
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

	uint32_t has;			/* enum tlpb_has */
	uint64_t serial_number;		/* Device Serial Number, an EUI-64; 0: none */
	/*
	 * Bit n: software may give the BAR 1 MiB << n, up to n = 27; 0: its size is fixed. That of
	 * region[] is the one it starts with, and one of them.
	 */
	uint32_t resizable[TLPB_BARS];
	struct tlpb_sriov sriov;
};

/*
 * A capability of a device's own making: a header, which the library writes and chains, and
 * size bytes behind it. A bit is read-only unless a mask says otherwise; masks of size bytes
 * may be NULL for none, value for zeros. Vendor-specific ones (ID 09h, extended ID 0Bh) begin
 * with their own length field, which is filled in.
 */
struct tlpb_capability {
	uint16_t id;
	uint8_t version;		/* of an extended capability, 1..15; 0: a standard one */
	uint16_t size;			/* bytes behind the header of 2 bytes, extended 4 bytes */
	const uint8_t *value;
	const uint8_t *writable;	/* read-write */
	const uint8_t *w1c;		/* write 1 to clear */
	const uint8_t *sticky;		/* kept by a function-level reset and a hot reset */
};

/*
 * Is the description one that PCI allows (sizes, alignment, MSI-X inside its
 * BARs, …)? Returns 0, or TLPB_ERR_INVALID with the reason in why.
 */
int tlpb_device_check(const struct tlpb_device *dev, char *why, size_t why_size);

/* The text of the list above for one bit of enum tlpb_has; "?" for others. */
const char *tlpb_has_name(uint32_t bit);

/* Describes each VF of pf as a device: its BARs and MSI-X vectors are all that it has of its own. */
void tlpb_device_vf(const struct tlpb_device *pf, struct tlpb_device *vf);

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
