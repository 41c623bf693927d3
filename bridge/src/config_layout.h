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
};

struct config_capability {
	enum config_part part;
	uint16_t id;
	uint8_t version;	/* of an extended capability; 0: it is not one */
	uint16_t size;		/* bytes */
	bool reserved;		/* keeps its place where it is not there, so that others have theirs */
	bool (*there)(const struct tlpb_device *d);	/* NULL: always */
	const struct config_register *registers;
	unsigned count;
};

/* The tables, in the order of their places; the header is the first. */
extern const struct config_capability tlpb__config_capabilities[];
extern const unsigned tlpb__config_capability_count;

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
	DEVCTL2_ATOMIC = 1 << 6,
	DEVCTL2_IDO = 1 << 8,
	ROM_ENABLE = 1 << 0,
};

#endif
