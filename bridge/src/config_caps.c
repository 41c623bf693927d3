/* SPDX-License-Identifier: MIT */
/* The registers of an endpoint's function in its first 256 bytes (7.5, 7.7), as tables. */
#include "bytes.h"
#include "config_layout.h"

static unsigned log2_of(unsigned n)
{
	unsigned log = 0;

	while (n >>= 1)
		log++;
	return log;
}

/* ---- type 0 header (7.5.1) ---- */

/* Of a VF software finds the IDs in the PF (9.3.4.1.1). */
FIT_VALUE(vendor_id, c->pf ? 0xffff : c->device.vendor_id)
FIT_VALUE(device_id, c->pf ? 0xffff : c->device.device_id)
FIT_VALUE(class_code, c->device.class_code << 8 | c->device.revision)
FIT_VALUE(subsystem_vendor_id, c->device.subsystem_vendor_id)
FIT_VALUE(subsystem_id, c->device.subsystem_id)
FIT_VALUE(interrupt_pin, c->device.intx_pin)

void tlpb__config_bar_bits(const struct tlpb_region *r, struct config_bits *bits)
{
	uint32_t type_bits = r->flags & TLPB_REGION_IO ? 3 : 15;

	bits->value = r->flags & TLPB_REGION_IO ? 1 :
		      (r->flags & TLPB_REGION_64BIT ? 4u : 0u) |
		      (r->flags & TLPB_REGION_PREFETCH ? 8u : 0u);
	bits->rw = (uint32_t)~(r->size - 1) & ~type_bits;
}

/* A BAR, or the upper half of the one before it. */
static void fit_bar(const struct config_space *c, unsigned i, struct config_bits *bits)
{
	const struct tlpb_region *r = &c->device.region[i];

	if (c->pf)
		return;		/* a VF's are in the PF's SR-IOV capability */
	if (r->size)
		tlpb__config_bar_bits(r, bits);
	else if (i && r[-1].size && r[-1].flags & TLPB_REGION_64BIT)
		bits->rw = (uint32_t)(~(r[-1].size - 1) >> 32);
}

#define FIT_BAR(i)                                                                      \
	static void bar##i(const struct config_space *c, struct config_bits *bits)      \
	{                                                                               \
		fit_bar(c, i, bits);                                                    \
	}
FIT_BAR(0) FIT_BAR(1) FIT_BAR(2) FIT_BAR(3) FIT_BAR(4) FIT_BAR(5)

static void rom(const struct config_space *c, struct config_bits *bits)
{
	uint64_t size = c->device.region[TLPB_ROM].size;

	if (size)
		bits->rw = ((uint32_t)~(size - 1) & 0xfffff800) | ROM_ENABLE;
}

static const struct config_register header[] = {
	R(0x00, 2, .fit = vendor_id),
	R(0x02, 2, .fit = device_id),
	/* I/O, memory, master, parity, SERR#, INTx disable */
	R(CFG_COMMAND, 2, .bits.rw = 0x0547, .vf_rw = COMMAND_BUS_MASTER),
	/* has a capability list */
	R(CFG_STATUS, 2, .bits.value = 1 << 4, .bits.w1c = 0xf900),
	R(0x08, 4, .fit = class_code),
	R(0x0c, 1, .bits.rw = 0xff),			/* cache line size */
	R(CFG_BAR0 + 0, 4, .fit = bar0),
	R(CFG_BAR0 + 4, 4, .fit = bar1),
	R(CFG_BAR0 + 8, 4, .fit = bar2),
	R(CFG_BAR0 + 12, 4, .fit = bar3),
	R(CFG_BAR0 + 16, 4, .fit = bar4),
	R(CFG_BAR0 + 20, 4, .fit = bar5),
	R(0x2c, 2, .fit = subsystem_vendor_id),
	R(0x2e, 2, .fit = subsystem_id),
	R(CFG_ROM, 4, .fit = rom),
	R(0x3c, 1, .bits.rw = 0xff),			/* interrupt line */
	R(0x3d, 1, .fit = interrupt_pin),
};

/* ---- Power Management (7.5.2) ---- */

/* D1 and D2 are not supported: writing them changes nothing. */
static unsigned power_written(struct config_space *c, unsigned at, uint32_t before, uint32_t written)
{
	unsigned state = c->value[at] & PM_STATE;

	if (state == 1 || state == 2)
		c->value[at] = (uint8_t)before;
	if (before & PM_NO_SOFT_RESET || (before & PM_STATE) != 3 || state)
		return 0;
	return CONFIG_SOFT_RESET;
}

/* Version 3; PME from D0 and D3hot. */
FIT_VALUE(power_capabilities, 3 | (c->device.has & TLPB_HAS_PME ? 1 << 11 | 1 << 14 : 0))

static void power_control(const struct config_space *c, struct config_bits *bits)
{
	bits->value = c->device.has & TLPB_HAS_SOFT_RESET ? 0 : PM_NO_SOFT_RESET;
	bits->w1c = c->device.has & TLPB_HAS_PME ? PM_PME_STATUS : 0;
}

static const struct config_register pm[] = {
	R(2, 2, .fit = power_capabilities),
	R(PM_CONTROL, 2, .fit = power_control, .bits.rw = PM_STATE | PM_PME_ENABLE,
	  .bits.sticky = PM_PME_ENABLE | PM_PME_STATUS, .written = power_written),
};

/* ---- MSI (7.7.1): 64-bit addresses, per-vector masking ---- */

static bool has_msi(const struct tlpb_device *d)
{
	return d->msi_vectors != 0;
}

FIT_VALUE(msi_control, log2_of(c->device.msi_vectors) << 1 | 1 << 7 | 1 << 8)

static void msi_mask(const struct config_space *c, struct config_bits *bits)
{
	unsigned vectors = c->device.msi_vectors;

	bits->rw = vectors == 32 ? 0xffffffff : (1u << vectors) - 1;
}

static const struct config_register msi[] = {
	R(MSI_CONTROL, 2, .fit = msi_control, .bits.rw = 0x0071),
	R(MSI_ADDRESS, 4, .bits.rw = 0xfffffffc),
	R(MSI_ADDRESS + 4, 4, .bits.rw = 0xffffffff),
	R(MSI_DATA, 2, .bits.rw = 0xffff),
	R(MSI_MASK, 4, .fit = msi_mask),
	R(MSI_PENDING, 4),
};

/* ---- PCI Express (7.5.3), version 2, endpoint ---- */

static unsigned device_control_written(struct config_space *c, unsigned at, uint32_t before,
				       uint32_t written)
{
	return written & DEVCTL_FLR ? CONFIG_FLR : 0;
}

/* Extended tags, role-based error reporting, function-level reset. */
FIT_VALUE(device_capabilities, (log2_of(c->mps) - 7) | 1 << 5 | 1 << 15 | 1 << 28)

/* Of a VF the PF's status counts. 2.5 GT/s, x1. */
FIT_VALUE(link_status, c->pf ? 0 : 1 | 1 << 4)

struct has_bit {
	uint32_t has, bits;
};

/* The bits of the features that the device has. */
static uint32_t bits_of(const struct config_space *c, const struct has_bit *row, unsigned rows)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < rows; i++)
		if (c->device.has & row[i].has)
			bits |= row[i].bits;
	return bits;
}

/* Completion timeout can be disabled; and what else there is. */
static void device_capabilities_2(const struct config_space *c, struct config_bits *bits)
{
	static const struct has_bit rows[] = {
		{ TLPB_HAS_ATOMIC_32, 1 << 7 }, { TLPB_HAS_ATOMIC_64, 1 << 8 },
		{ TLPB_HAS_CAS_128, 1 << 9 }, { TLPB_HAS_LTR, 1 << 11 },
		{ TLPB_HAS_TAGS_10BIT, 1 << 16 | 1 << 17 },
	};

	bits->value = 1 << 4 | bits_of(c, rows, COUNT(rows));
}

/* Completion Timeout Disable, IDO Request Enable; and what else there is. */
static void device_control_2(const struct config_space *c, struct config_bits *bits)
{
	static const struct has_bit rows[] = {
		{ TLPB_HAS_ATOMIC_REQUESTS, DEVCTL2_ATOMIC_REQUESTS },
		{ TLPB_HAS_LTR, DEVCTL2_LTR }, { TLPB_HAS_TAGS_10BIT, DEVCTL2_10BIT_TAGS },
	};

	bits->rw = 1 << 4 | DEVCTL2_IDO | bits_of(c, rows, COUNT(rows));
}

static const struct config_register pcie[] = {
	R(2, 2, .bits.value = 2),
	R(4, 4, .fit = device_capabilities),
	/* MRRS 512, no snoop, relaxed ordering; Max_Payload_Size is kept */
	R(PCIE_DEVCTL, 2, .bits.value = 0x2810, .bits.rw = 0x79ff, .bits.flr_kept = 7 << 5,
	  .written = device_control_written),
	R(PCIE_DEVSTA, 2, .bits.w1c = 0x000f),
	R(12, 4, .bits.value = 1 | 1 << 4),			/* 2.5 GT/s, x1 */
	R(16, 2, .bits.rw = 0x01cb, .bits.flr_kept = 0xffff),	/* LnkCtl */
	R(18, 2, .fit = link_status),
	R(36, 4, .fit = device_capabilities_2),
	R(PCIE_DEVCTL2, 2, .fit = device_control_2),
	R(44, 4, .bits.value = 1 << 1),				/* LnkCap2: 2.5 GT/s */
	R(48, 2, .bits.value = 1),				/* LnkCtl2: its target */
};

/* ---- MSI-X (7.7.2) ---- */

static bool has_msix(const struct tlpb_device *d)
{
	return d->msix_vectors != 0;
}

FIT_VALUE(msix_control, c->device.msix_vectors - 1u)
FIT_VALUE(msix_table, c->device.msix_table_offset | c->device.msix_table_bar)
FIT_VALUE(msix_pba, c->device.msix_pba_offset | c->device.msix_pba_bar)

static const struct config_register msix[] = {
	R(MSIX_CONTROL, 2, .fit = msix_control, .bits.rw = MSIX_ENABLE | MSIX_FUNCTION_MASK,
	  .vf_rw = MSIX_ENABLE | MSIX_FUNCTION_MASK),
	R(4, 4, .fit = msix_table),
	R(8, 4, .fit = msix_pba),
};

/* ---- all ---- */

const struct config_capability tlpb__config_capabilities[] = {
	{ .part = PART_HEADER, .in_vf = true, REGISTERS(header) },
	{ .part = PART_PM, .id = 0x01, .size = 8, .reserved = true, REGISTERS(pm) },
	{ .part = PART_MSI, .id = 0x05, .size = 24, .there = has_msi, .reserved = true,
	  REGISTERS(msi) },
	{ .part = PART_PCIE, .id = 0x10, .size = 60, .in_vf = true, REGISTERS(pcie) },
	{ .part = PART_MSIX, .id = 0x11, .size = 12, .there = has_msix, .in_vf = true,
	  .reserved = true, REGISTERS(msix) },
};

const unsigned tlpb__config_capability_count = COUNT(tlpb__config_capabilities);
