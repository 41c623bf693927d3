/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "bytes.h"
#include "config_space.h"

enum {
	PM_CSR = CFG_PM + 4,
	MSI_CONTROL = CFG_MSI + 2,
	MSI_ADDRESS = CFG_MSI + 4,
	MSI_DATA = CFG_MSI + 12,
	MSI_MASK = CFG_MSI + 16,
	MSI_PENDING = CFG_MSI + 20,
	PCIE_DEVCAP = CFG_PCIE + 4,
	PCIE_DEVCTL = CFG_PCIE + 8,
	PCIE_DEVSTA = CFG_PCIE + 10,
	PCIE_LNKCAP = CFG_PCIE + 12,
	PCIE_LNKCTL = CFG_PCIE + 16,
	PCIE_LNKSTA = CFG_PCIE + 18,
	PCIE_DEVCTL2 = CFG_PCIE + 40,
	MSIX_CONTROL = CFG_MSIX + 2,

	DEVCTL_FLR = 1 << 15,
	DEVCTL_EXT_TAG = 1 << 8,
	DEVCTL_RO = 1 << 4,
	DEVCTL_NS = 1 << 11,
	DEVCTL2_IDO = 1 << 8,
	MSI_ENABLE = 1 << 0,
	MSIX_ENABLE = 1 << 15,
	MSIX_FUNCTION_MASK = 1 << 14,
	ROM_ENABLE = 1 << 0,
};

static void set8(struct config_space *c, unsigned offset, uint8_t value, uint8_t writable)
{
	c->value[offset] = value;
	c->writable[offset] = writable;
}

static void set16(struct config_space *c, unsigned offset, uint16_t value, uint16_t writable)
{
	put_le16(c->value + offset, value);
	put_le16(c->writable + offset, writable);
}

static void set32(struct config_space *c, unsigned offset, uint32_t value, uint32_t writable)
{
	put_le32(c->value + offset, value);
	put_le32(c->writable + offset, writable);
}

static void init_header(struct config_space *c)
{
	const struct tlpb_device *d = &c->device;

	set16(c, 0x00, d->vendor_id, 0);
	set16(c, 0x02, d->device_id, 0);
	set16(c, CFG_COMMAND, 0, 0x0547);	/* I/O, memory, master, parity, SERR#, INTx disable */
	set16(c, CFG_STATUS, 1 << 4, 0);	/* has a capability list */
	put_le16(c->w1c + CFG_STATUS, 0xf900);
	set32(c, 0x08, d->class_code << 8 | d->revision, 0);
	set8(c, 0x0c, 0, 0xff);			/* cache line size */
	set16(c, 0x2c, d->subsystem_vendor_id, 0);
	set16(c, 0x2e, d->subsystem_id, 0);
	set8(c, CFG_CAP_POINTER, CFG_PM, 0);
	set8(c, 0x3c, 0, 0xff);			/* interrupt line */
	set8(c, 0x3d, d->intx_pin, 0);
}

static uint32_t bar_type(const struct tlpb_region *r)
{
	if (r->flags & TLPB_REGION_IO)
		return 1;
	return (r->flags & TLPB_REGION_64BIT ? 4u : 0u) |
	       (r->flags & TLPB_REGION_PREFETCH ? 8u : 0u);
}

static void init_bars(struct config_space *c)
{
	for (unsigned i = 0; i < TLPB_BARS; i++) {
		const struct tlpb_region *r = &c->device.region[i];
		uint32_t type_bits = r->flags & TLPB_REGION_IO ? 3 : 15;

		if (!r->size)
			continue;
		set32(c, CFG_BAR0 + 4 * i, bar_type(r), (uint32_t)~(r->size - 1) & ~type_bits);
		if (r->flags & TLPB_REGION_64BIT) {
			i++;
			set32(c, CFG_BAR0 + 4 * i, 0, (uint32_t)(~(r->size - 1) >> 32));
		}
	}
	if (c->device.region[TLPB_ROM].size)
		set32(c, CFG_ROM, 0,
		      ((uint32_t)~(c->device.region[TLPB_ROM].size - 1) & 0xfffff800) | ROM_ENABLE);
}

static unsigned log2_of(unsigned n)
{
	unsigned log = 0;

	while (n >>= 1)
		log++;
	return log;
}

/* Version 3; D0 and D3hot; No_Soft_Reset, because D3hot to D0 keeps everything here. */
static void init_pm(struct config_space *c)
{
	set8(c, CFG_PM, 0x01, 0);
	set16(c, CFG_PM + 2, 0x0003, 0);
	set16(c, PM_CSR, 1 << 3, 0x0103);	/* PowerState, PME_En */
}

static void init_msi(struct config_space *c)
{
	unsigned vectors = c->device.msi_vectors;
	uint32_t used = vectors == 32 ? 0xffffffff : (1u << vectors) - 1;

	set8(c, CFG_MSI, 0x05, 0);
	set16(c, MSI_CONTROL, (uint16_t)(log2_of(vectors) << 1 | 1 << 7 | 1 << 8), 0x0071);
	set32(c, MSI_ADDRESS, 0, 0xfffffffc);
	set32(c, MSI_ADDRESS + 4, 0, 0xffffffff);
	set16(c, MSI_DATA, 0, 0xffff);
	set32(c, MSI_MASK, 0, used);
}

static void init_pcie(struct config_space *c)
{
	unsigned mps_code = log2_of(c->mps) - 7;

	set8(c, CFG_PCIE, 0x10, 0);
	set16(c, CFG_PCIE + 2, 2, 0);			/* version 2, endpoint */
	/* Extended tags, role-based error reporting, function-level reset. */
	set32(c, PCIE_DEVCAP, mps_code | 1 << 5 | 1 << 15 | 1 << 28, 0);
	set16(c, PCIE_DEVCTL, 0x2810, 0x79ff);		/* MRRS 512, no snoop, relaxed ordering */
	put_le16(c->w1c + PCIE_DEVSTA, 0x000f);
	set32(c, PCIE_LNKCAP, 1 | 1 << 4, 0);		/* 2.5 GT/s, x1 */
	set16(c, PCIE_LNKCTL, 0, 0x01cb);
	set16(c, PCIE_LNKSTA, 1 | 1 << 4, 0);
	set32(c, CFG_PCIE + 36, 1 << 4, 0);		/* DevCap2: timeout can be disabled */
	set16(c, PCIE_DEVCTL2, 0, 0x0110);		/* timeout disable, ID-based ordering */
	set32(c, CFG_PCIE + 44, 1 << 1, 0);		/* LnkCap2: 2.5 GT/s */
	set16(c, CFG_PCIE + 48, 1, 0);			/* LnkCtl2: target 2.5 GT/s */
}

static void init_msix(struct config_space *c)
{
	const struct tlpb_device *d = &c->device;

	set8(c, CFG_MSIX, 0x11, 0);
	set16(c, MSIX_CONTROL, (uint16_t)(d->msix_vectors - 1), MSIX_ENABLE | MSIX_FUNCTION_MASK);
	set32(c, CFG_MSIX + 4, d->msix_table_offset | d->msix_table_bar, 0);
	set32(c, CFG_MSIX + 8, d->msix_pba_offset | d->msix_pba_bar, 0);
}

/* Chain the capabilities that there are. */
static void link_capabilities(struct config_space *c)
{
	const struct { unsigned at; bool there; } list[] = {
		{ CFG_PM, true },
		{ CFG_MSI, c->device.msi_vectors != 0 },
		{ CFG_PCIE, true },
		{ CFG_MSIX, c->device.msix_vectors != 0 },
	};
	unsigned pointer = CFG_CAP_POINTER;

	for (unsigned i = 0; i < sizeof list / sizeof list[0]; i++) {
		if (!list[i].there)
			continue;
		c->value[pointer] = (uint8_t)list[i].at;
		pointer = list[i].at + 1;
	}
}

void tlpb__config_init(struct config_space *c, const struct tlpb_device *device, unsigned mps)
{
	memset(c, 0, sizeof *c);
	c->device = *device;
	c->mps = mps;
	init_header(c);
	init_bars(c);
	init_pm(c);
	if (device->msi_vectors)
		init_msi(c);
	init_pcie(c);
	if (device->msix_vectors)
		init_msix(c);
	link_capabilities(c);
}

void tlpb__config_flr(struct config_space *c)
{
	static const struct { unsigned offset; uint16_t bits; } kept[] = {
		{ PM_CSR, 1 << 8 }, { PCIE_DEVCTL, 7 << 5 }, { PCIE_LNKCTL, 0xffff },
	};
	struct config_space before = *c;

	tlpb__config_init(c, &before.device, before.mps);
	for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		uint8_t *p = c->value + kept[i].offset;
		unsigned old = get_le16(before.value + kept[i].offset) & kept[i].bits;

		put_le16(p, (uint16_t)((get_le16(p) & ~(unsigned)kept[i].bits) | old));
	}
}

uint32_t tlpb__config_read(const struct config_space *c, unsigned offset)
{
	return get_le32(c->value + offset);
}

static bool asks_for_flr(unsigned offset, unsigned be, uint32_t value)
{
	return offset == PCIE_DEVCTL && be & 2 && value & DEVCTL_FLR;
}

/* D1 and D2 are not supported: writing them changes nothing (7.5.2.2). */
static void keep_power_state(struct config_space *c, uint8_t before)
{
	unsigned state = c->value[PM_CSR] & 3;

	if (state == 1 || state == 2)
		c->value[PM_CSR] = before;
}

bool tlpb__config_write(struct config_space *c, unsigned offset, unsigned be, uint32_t value)
{
	uint8_t power = c->value[PM_CSR];

	for (unsigned i = 0; i < 4; i++) {
		uint8_t *byte = c->value + offset + i;
		uint8_t in = (uint8_t)(value >> (8 * i));
		uint8_t writable = c->writable[offset + i];

		if (!(be >> i & 1))
			continue;
		*byte = (uint8_t)((*byte & ~writable) | (in & writable));
		*byte &= (uint8_t)~(in & c->w1c[offset + i]);
	}
	keep_power_state(c, power);
	return asks_for_flr(offset, be, value);
}

unsigned tlpb__config_command(const struct config_space *c)
{
	return get_le16(c->value + CFG_COMMAND);
}

static bool in_d0(const struct config_space *c)
{
	return !(c->value[PM_CSR] & 3);
}

bool tlpb__config_bus_master(const struct config_space *c)
{
	return tlpb__config_command(c) & COMMAND_BUS_MASTER && in_d0(c);
}

void tlpb__config_set_intx_status(struct config_space *c, bool pending)
{
	unsigned status = get_le16(c->value + CFG_STATUS) & ~(unsigned)STATUS_INTX;

	put_le16(c->value + CFG_STATUS, (uint16_t)(status | (pending ? STATUS_INTX : 0)));
}

/* Codes above 4096 bytes are reserved; software that writes one gets 4096. */
static unsigned size_of_code(unsigned code)
{
	return code > 5 ? 4096 : 128u << code;
}

unsigned tlpb__config_mps(const struct config_space *c)
{
	unsigned mps = size_of_code(get_le16(c->value + PCIE_DEVCTL) >> 5 & 7);

	return mps < c->mps ? mps : c->mps;
}

unsigned tlpb__config_mrrs(const struct config_space *c)
{
	return size_of_code(get_le16(c->value + PCIE_DEVCTL) >> 12 & 7);
}

unsigned tlpb__config_tags(const struct config_space *c)
{
	return get_le16(c->value + PCIE_DEVCTL) & DEVCTL_EXT_TAG ? 256 : 32;
}

unsigned tlpb__config_attributes(const struct config_space *c)
{
	unsigned control = get_le16(c->value + PCIE_DEVCTL);
	unsigned control2 = get_le16(c->value + PCIE_DEVCTL2);

	return (control & DEVCTL_RO ? ATTRIBUTE_RO : 0) | (control & DEVCTL_NS ? ATTRIBUTE_NS : 0) |
	       (control2 & DEVCTL2_IDO ? ATTRIBUTE_IDO : 0);
}

static uint64_t region_base(const struct config_space *c, unsigned index)
{
	const struct tlpb_region *r = &c->device.region[index];
	uint64_t base = get_le32(c->value + (index == TLPB_ROM ? CFG_ROM : CFG_BAR0 + 4 * index));

	if (r->flags & TLPB_REGION_64BIT)
		base |= (uint64_t)get_le32(c->value + CFG_BAR0 + 4 * index + 4) << 32;
	return base & ~(r->size - 1);
}

static bool region_enabled(const struct config_space *c, unsigned index)
{
	bool io = c->device.region[index].flags & TLPB_REGION_IO;
	unsigned need = io ? COMMAND_IO : COMMAND_MEMORY;

	if (!c->device.region[index].size || !(tlpb__config_command(c) & need) || !in_d0(c))
		return false;
	return index != TLPB_ROM || c->value[CFG_ROM] & ROM_ENABLE;
}

int tlpb__config_match(const struct config_space *c, bool io, uint64_t addr, unsigned len,
		       uint64_t *offset)
{
	for (unsigned i = 0; i <= TLPB_ROM; i++) {
		const struct tlpb_region *r = &c->device.region[i];

		if (!region_enabled(c, i) || io != !!(r->flags & TLPB_REGION_IO))
			continue;
		*offset = addr - region_base(c, i);	/* wraps when below: then too large */
		if (*offset < r->size && len <= r->size - *offset)
			return (int)i;
	}
	return -1;
}

bool tlpb__config_msi_enabled(const struct config_space *c)
{
	return c->device.msi_vectors && get_le16(c->value + MSI_CONTROL) & MSI_ENABLE;
}

unsigned tlpb__config_msi_granted(const struct config_space *c)
{
	unsigned granted = 1u << (get_le16(c->value + MSI_CONTROL) >> 4 & 7);

	return granted < c->device.msi_vectors ? granted : c->device.msi_vectors;
}

bool tlpb__config_msi_masked(const struct config_space *c, unsigned vector)
{
	return get_le32(c->value + MSI_MASK) >> vector & 1;
}

bool tlpb__config_msi_pending(const struct config_space *c, unsigned vector)
{
	return get_le32(c->value + MSI_PENDING) >> vector & 1;
}

void tlpb__config_msi_set_pending(struct config_space *c, unsigned vector, bool pending)
{
	uint32_t bits = get_le32(c->value + MSI_PENDING) & ~(1u << vector);

	put_le32(c->value + MSI_PENDING, bits | (uint32_t)pending << vector);
}

/* The vector replaces the low bits of Message Data (6.1.4.3). */
void tlpb__config_msi_message(const struct config_space *c, unsigned vector, uint64_t *addr,
			      uint32_t *data)
{
	*addr = get_le64(c->value + MSI_ADDRESS);
	*data = (get_le16(c->value + MSI_DATA) & ~(tlpb__config_msi_granted(c) - 1)) | vector;
}

bool tlpb__config_msix_enabled(const struct config_space *c)
{
	return c->device.msix_vectors && get_le16(c->value + MSIX_CONTROL) & MSIX_ENABLE;
}

bool tlpb__config_msix_function_masked(const struct config_space *c)
{
	return get_le16(c->value + MSIX_CONTROL) & MSIX_FUNCTION_MASK;
}
