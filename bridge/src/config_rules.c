/* SPDX-License-Identifier: MIT */
/* What the registers of config space mean: enables, sizes, who claims an address, MSI. */
#include "bytes.h"
#include "config_layout.h"

static const uint8_t *reg(const struct config_space *c, enum config_part part, unsigned offset)
{
	return c->value + c->at[part] + offset;
}

unsigned tlpb__config_command(const struct config_space *c)
{
	return get_le16(c->value + CFG_COMMAND);
}

static bool in_d0(const struct config_space *c)
{
	return !(*reg(c, PART_PM, PM_CONTROL) & PM_STATE);
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
	unsigned mps = size_of_code(get_le16(reg(c, PART_PCIE, PCIE_DEVCTL)) >> 5 & 7);

	return mps < c->mps ? mps : c->mps;
}

unsigned tlpb__config_mrrs(const struct config_space *c)
{
	return size_of_code(get_le16(reg(c, PART_PCIE, PCIE_DEVCTL)) >> 12 & 7);
}

unsigned tlpb__config_tags(const struct config_space *c)
{
	return get_le16(reg(c, PART_PCIE, PCIE_DEVCTL)) & DEVCTL_EXT_TAG ? 256 : 32;
}

unsigned tlpb__config_attributes(const struct config_space *c)
{
	unsigned control = get_le16(reg(c, PART_PCIE, PCIE_DEVCTL));
	unsigned control2 = get_le16(reg(c, PART_PCIE, PCIE_DEVCTL2));

	return (control & DEVCTL_RO ? ATTRIBUTE_RO : 0) | (control & DEVCTL_NS ? ATTRIBUTE_NS : 0) |
	       (control2 & DEVCTL2_IDO ? ATTRIBUTE_IDO : 0);
}

bool tlpb__config_atomics(const struct config_space *c)
{
	return get_le16(reg(c, PART_PCIE, PCIE_DEVCTL2)) & DEVCTL2_ATOMIC;
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
	return c->device.msi_vectors && get_le16(reg(c, PART_MSI, MSI_CONTROL)) & MSI_ENABLE;
}

unsigned tlpb__config_msi_granted(const struct config_space *c)
{
	unsigned granted = 1u << (get_le16(reg(c, PART_MSI, MSI_CONTROL)) >> 4 & 7);

	return granted < c->device.msi_vectors ? granted : c->device.msi_vectors;
}

bool tlpb__config_msi_masked(const struct config_space *c, unsigned vector)
{
	return get_le32(reg(c, PART_MSI, MSI_MASK)) >> vector & 1;
}

bool tlpb__config_msi_pending(const struct config_space *c, unsigned vector)
{
	return get_le32(reg(c, PART_MSI, MSI_PENDING)) >> vector & 1;
}

void tlpb__config_msi_set_pending(struct config_space *c, unsigned vector, bool pending)
{
	uint32_t bits = get_le32(reg(c, PART_MSI, MSI_PENDING)) & ~(1u << vector);

	put_le32(c->value + c->at[PART_MSI] + MSI_PENDING, bits | (uint32_t)pending << vector);
}

/* The vector replaces the low bits of Message Data (6.1.4.3). */
void tlpb__config_msi_message(const struct config_space *c, unsigned vector, uint64_t *addr,
			      uint32_t *data)
{
	*addr = get_le64(reg(c, PART_MSI, MSI_ADDRESS));
	*data = (get_le16(reg(c, PART_MSI, MSI_DATA)) & ~(tlpb__config_msi_granted(c) - 1)) | vector;
}

bool tlpb__config_msix_enabled(const struct config_space *c)
{
	return c->device.msix_vectors && get_le16(reg(c, PART_MSIX, MSIX_CONTROL)) & MSIX_ENABLE;
}

bool tlpb__config_msix_function_masked(const struct config_space *c)
{
	return get_le16(reg(c, PART_MSIX, MSIX_CONTROL)) & MSIX_FUNCTION_MASK;
}
