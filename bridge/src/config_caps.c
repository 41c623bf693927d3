/* SPDX-License-Identifier: MIT */
/* The registers of an endpoint's function (7.5 to 7.9), as tables. */
#include "bytes.h"
#include "config_layout.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define REGISTERS(array) .registers = (array), .count = COUNT(array)

static unsigned log2_of(unsigned n)
{
	unsigned log = 0;

	while (n >>= 1)
		log++;
	return log;
}

/* ---- type 0 header (7.5.1) ---- */

#define FIT_VALUE(name, expression)                                                     \
	static void name(const struct config_space *c, struct config_bits *bits)        \
	{                                                                               \
		bits->value = (expression);                                             \
	}

FIT_VALUE(vendor_id, c->device.vendor_id)
FIT_VALUE(device_id, c->device.device_id)
FIT_VALUE(class_code, c->device.class_code << 8 | c->device.revision)
FIT_VALUE(subsystem_vendor_id, c->device.subsystem_vendor_id)
FIT_VALUE(subsystem_id, c->device.subsystem_id)
FIT_VALUE(interrupt_pin, c->device.intx_pin)

static void low_bar(const struct tlpb_region *r, struct config_bits *bits)
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

	if (r->size)
		low_bar(r, bits);
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
	{ 0x00, 2, { 0 }, vendor_id, NULL },
	{ 0x02, 2, { 0 }, device_id, NULL },
	/* I/O, memory, master, parity, SERR#, INTx disable */
	{ CFG_COMMAND, 2, { .rw = 0x0547 }, NULL, NULL },
	/* has a capability list */
	{ CFG_STATUS, 2, { .value = 1 << 4, .w1c = 0xf900 }, NULL, NULL },
	{ 0x08, 4, { 0 }, class_code, NULL },
	{ 0x0c, 1, { .rw = 0xff }, NULL, NULL },			/* cache line size */
	{ CFG_BAR0 + 0, 4, { 0 }, bar0, NULL },
	{ CFG_BAR0 + 4, 4, { 0 }, bar1, NULL },
	{ CFG_BAR0 + 8, 4, { 0 }, bar2, NULL },
	{ CFG_BAR0 + 12, 4, { 0 }, bar3, NULL },
	{ CFG_BAR0 + 16, 4, { 0 }, bar4, NULL },
	{ CFG_BAR0 + 20, 4, { 0 }, bar5, NULL },
	{ 0x2c, 2, { 0 }, subsystem_vendor_id, NULL },
	{ 0x2e, 2, { 0 }, subsystem_id, NULL },
	{ CFG_ROM, 4, { 0 }, rom, NULL },
	{ 0x3c, 1, { .rw = 0xff }, NULL, NULL },			/* interrupt line */
	{ 0x3d, 1, { 0 }, interrupt_pin, NULL },
};

/* ---- Power Management (7.5.2) ---- */

/* D1 and D2 are not supported: writing them changes nothing. */
static unsigned power_written(struct config_space *c, unsigned at, uint32_t before, uint32_t written)
{
	unsigned state = c->value[at] & PM_STATE;

	if (state == 1 || state == 2)
		c->value[at] = (uint8_t)before;
	return 0;
}

static const struct config_register pm[] = {
	{ 2, 2, { .value = 3 }, NULL, NULL },				/* version 3 */
	/* No_Soft_Reset, because D3hot to D0 keeps everything here; PowerState, PME_En */
	{ PM_CONTROL, 2, { .value = 1 << 3, .rw = 0x0103, .sticky = 0x0100 }, NULL, power_written },
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
	{ MSI_CONTROL, 2, { .rw = 0x0071 }, msi_control, NULL },
	{ MSI_ADDRESS, 4, { .rw = 0xfffffffc }, NULL, NULL },
	{ MSI_ADDRESS + 4, 4, { .rw = 0xffffffff }, NULL, NULL },
	{ MSI_DATA, 2, { .rw = 0xffff }, NULL, NULL },
	{ MSI_MASK, 4, { 0 }, msi_mask, NULL },
	{ MSI_PENDING, 4, { 0 }, NULL, NULL },
};

/* ---- PCI Express (7.5.3), version 2, endpoint ---- */

static unsigned device_control_written(struct config_space *c, unsigned at, uint32_t before,
				       uint32_t written)
{
	return written & DEVCTL_FLR ? CONFIG_FLR : 0;
}

/* Extended tags, role-based error reporting, function-level reset. */
FIT_VALUE(device_capabilities, (log2_of(c->mps) - 7) | 1 << 5 | 1 << 15 | 1 << 28)

static const struct config_register pcie[] = {
	{ 2, 2, { .value = 2 }, NULL, NULL },
	{ 4, 4, { 0 }, device_capabilities, NULL },
	/* MRRS 512, no snoop, relaxed ordering; Max_Payload_Size is kept */
	{ PCIE_DEVCTL, 2, { .value = 0x2810, .rw = 0x79ff, .flr_kept = 7 << 5 }, NULL,
	  device_control_written },
	{ PCIE_DEVSTA, 2, { .w1c = 0x000f }, NULL, NULL },
	{ 12, 4, { .value = 1 | 1 << 4 }, NULL, NULL },			/* 2.5 GT/s, x1 */
	{ 16, 2, { .rw = 0x01cb, .flr_kept = 0xffff }, NULL, NULL },	/* LnkCtl */
	{ 18, 2, { .value = 1 | 1 << 4 }, NULL, NULL },
	{ 36, 4, { .value = 1 << 4 }, NULL, NULL },			/* timeout can be disabled */
	{ PCIE_DEVCTL2, 2, { .rw = 0x0150 }, NULL, NULL },		/* timeout disable, AtomicOps, IDO */
	{ 44, 4, { .value = 1 << 1 }, NULL, NULL },			/* LnkCap2: 2.5 GT/s */
	{ 48, 2, { .value = 1 }, NULL, NULL },				/* LnkCtl2: its target */
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
	{ MSIX_CONTROL, 2, { .rw = MSIX_ENABLE | MSIX_FUNCTION_MASK }, msix_control, NULL },
	{ 4, 4, { 0 }, msix_table, NULL },
	{ 8, 4, { 0 }, msix_pba, NULL },
};

/* ---- all ---- */

const struct config_capability tlpb__config_capabilities[] = {
	{ .part = PART_HEADER, REGISTERS(header) },
	{ .part = PART_PM, .id = 0x01, .size = 8, REGISTERS(pm) },
	{ .part = PART_MSI, .id = 0x05, .size = 24, .there = has_msi, .reserved = true,
	  REGISTERS(msi) },
	{ .part = PART_PCIE, .id = 0x10, .size = 60, REGISTERS(pcie) },
	{ .part = PART_MSIX, .id = 0x11, .size = 12, .there = has_msix, .reserved = true,
	  REGISTERS(msix) },
};

const unsigned tlpb__config_capability_count = COUNT(tlpb__config_capabilities);
