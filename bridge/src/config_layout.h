/* SPDX-License-Identifier: MIT */
/* How a capability is declared: a table of registers, each with attributes bit by bit (7.4). */
#ifndef TLPB_CONFIG_LAYOUT_H
#define TLPB_CONFIG_LAYOUT_H

#include "config_space.h"

/*
 * Bits that are neither in rw nor in w1c are read-only (HwInit and ROS included). What resets
 * keep: sticky bits survive a function-level and a hot reset, flr_kept bits the former alone.
 */
struct config_bits {
	uint32_t value;		/* initially */
	uint32_t rw, w1c;
	uint32_t sticky, flr_kept;
};

struct config_register {
	uint16_t offset;	/* bytes, from the capability */
	uint8_t size;		/* bytes: 1, 2, 4 */
	struct config_bits bits;
	/* What depends on the device. NULL: nothing. */
	void (*fit)(const struct config_space *c, struct config_bits *bits);
	config_written *written;	/* NULL: a write has no effect beyond the register */
	uint32_t vf_rw;		/* of rw, what a virtual function has; the rest reads 0 there */
};

struct config_capability {
	enum config_part part;
	uint16_t id;
	uint8_t version;	/* of an extended capability; 0: it is not one */
	uint16_t size;		/* bytes */
	bool in_vf;		/* virtual functions have it, too */
	bool reserved;		/* keeps its place where it is not there, so that others have theirs */
	bool (*there)(const struct tlpb_device *d);	/* NULL: always */
	const struct config_register *registers;
	unsigned count;
};

/* The tables, in the order of their places: the header and what is chained from it, then the rest. */
extern const struct config_capability tlpb__config_capabilities[];
extern const unsigned tlpb__config_capability_count;
extern const struct config_capability tlpb__config_extended[];
extern const unsigned tlpb__config_extended_count;

/* ---- to write tables with ---- */

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define REGISTERS(array) .registers = (array), .count = COUNT(array)
#define R(at, bytes, ...) { .offset = (at), .size = (bytes), __VA_ARGS__ }

/* A fit function whose only matter is the value. */
#define FIT_VALUE(name, expression)                                                     \
	static void name(const struct config_space *c, struct config_bits *bits)        \
	{                                                                               \
		bits->value = (expression);                                             \
	}

/* The type bits of a BAR, and which of its address bits its size leaves writable. */
void tlpb__config_bar_bits(const struct tlpb_region *r, struct config_bits *bits);

/* Give the BARs the sizes that their Resizable BAR and SR-IOV registers say now. */
void tlpb__config_fit_bars(struct config_space *c);

/* Offsets of registers within their capability, where code has to find them. */
enum {
	PM_CONTROL = 4,

	MSI_CONTROL = 2,
	MSI_ADDRESS = 4,
	MSI_DATA = 12,
	MSI_MASK = 16,
	MSI_PENDING = 20,

	PCIE_DEVCTL = 8,
	PCIE_DEVSTA = 10,
	PCIE_DEVCTL2 = 40,

	MSIX_CONTROL = 2,

	AER_UNCORRECTABLE_STATUS = 4,
	AER_UNCORRECTABLE_MASK = 8,
	AER_SEVERITY = 12,
	AER_CORRECTABLE_STATUS = 16,
	AER_CORRECTABLE_MASK = 20,
	AER_CONTROL = 24,
	AER_HEADER_LOG = 28,

	ARI_NEXT_FUNCTION = 5,

	REBAR_CAPABILITY = 4,		/* and control 4 behind it; of each BAR, REBAR_STRIDE apart */
	REBAR_CONTROL = 8,
	REBAR_STRIDE = 8,

	SRIOV_CONTROL = 8,
	SRIOV_NUM_VFS = 16,
	SRIOV_DEPENDENCY = 18,
	SRIOV_PAGE_SIZE = 32,
	SRIOV_BAR0 = 36,
};

enum {
	PM_STATE = 3,			/* D0 to D3hot */
	MSI_ENABLE = 1 << 0,
	MSIX_ENABLE = 1 << 15,
	MSIX_FUNCTION_MASK = 1 << 14,
	DEVCTL_RO = 1 << 4,
	DEVCTL_EXT_TAG = 1 << 8,
	DEVCTL_NS = 1 << 11,
	DEVCTL_FLR = 1 << 15,
	DEVCTL2_ATOMIC_REQUESTS = 1 << 6,
	DEVCTL2_IDO = 1 << 8,
	DEVCTL2_LTR = 1 << 10,
	DEVCTL2_10BIT_TAGS = 1 << 12,
	PM_NO_SOFT_RESET = 1 << 3,
	PM_PME_ENABLE = 1 << 8,
	PM_PME_STATUS = 1 << 15,
	AER_FIRST_ERROR = 0x1f,
	AER_ECRC_GENERATE = 1 << 6,
	AER_ECRC_CHECK = 1 << 8,
	SRIOV_VF_ENABLE = 1 << 0,
	SRIOV_VF_MEMORY = 1 << 3,
	SRIOV_ARI_HIERARCHY = 1 << 4,
	ROM_ENABLE = 1 << 0,
};

#endif
