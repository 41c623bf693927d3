/* SPDX-License-Identifier: MIT */
/* What the registers of config space mean: enables, sizes, who claims an address, MSI, VFs. */
#include "bytes.h"
#include "config_layout.h"

static const uint8_t *reg(const struct config_space *c, enum config_part part, unsigned offset)
{
	return c->value + c->at[part] + offset;
}

/* A virtual function obeys what software set up in the physical one (9.3.5). */
static const struct config_space *owner(const struct config_space *c)
{
	return c->pf ? c->pf : c;
}

static unsigned device_control(const struct config_space *c)
{
	return get_le16(reg(owner(c), PART_PCIE, PCIE_DEVCTL));
}

static unsigned device_control_2(const struct config_space *c)
{
	return get_le16(reg(owner(c), PART_PCIE, PCIE_DEVCTL2));
}

unsigned tlpb__config_command(const struct config_space *c)
{
	return get_le16(c->value + CFG_COMMAND);
}

/* A virtual function has no power states of its own here. */
static bool in_d0(const struct config_space *c)
{
	return !(*reg(owner(c), PART_PM, PM_CONTROL) & PM_STATE);
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
	unsigned mps = size_of_code(device_control(c) >> 5 & 7);

	return mps < c->mps ? mps : c->mps;
}

unsigned tlpb__config_mrrs(const struct config_space *c)
{
	return size_of_code(device_control(c) >> 12 & 7);
}

unsigned tlpb__config_tags(const struct config_space *c)
{
	return device_control(c) & DEVCTL_EXT_TAG ? 256 : 32;
}

unsigned tlpb__config_attributes(const struct config_space *c)
{
	unsigned control = device_control(c);
	unsigned control2 = device_control_2(c);

	return (control & DEVCTL_RO ? ATTRIBUTE_RO : 0) | (control & DEVCTL_NS ? ATTRIBUTE_NS : 0) |
	       (control2 & DEVCTL2_IDO ? ATTRIBUTE_IDO : 0);
}

static uint64_t bar_base(const uint8_t *bar, uint32_t flags, uint64_t size)
{
	uint64_t base = get_le32(bar);

	if (flags & TLPB_REGION_64BIT)
		base |= (uint64_t)get_le32(bar + 4) << 32;
	return base & ~(size - 1);
}

/* A VF's BARs lie one behind the other at those in the PF's SR-IOV capability (9.2.1.1.1). */
static uint64_t vf_region_base(const struct config_space *c, unsigned index)
{
	uint64_t aperture = tlpb__config_vf_aperture(c->pf, index);

	return bar_base(reg(c->pf, PART_SRIOV, SRIOV_BAR0 + 4 * index),
			c->device.region[index].flags, aperture) + c->vf * aperture;
}

static uint64_t region_base(const struct config_space *c, unsigned index)
{
	const struct tlpb_region *r = &c->device.region[index];

	if (c->pf)
		return vf_region_base(c, index);
	return bar_base(c->value + (index == TLPB_ROM ? CFG_ROM : CFG_BAR0 + 4 * index), r->flags,
			r->size);
}

static unsigned sriov_control(const struct config_space *c)
{
	return c->at[PART_SRIOV] ? get_le16(reg(c, PART_SRIOV, SRIOV_CONTROL)) : 0;
}

static bool vf_enabled(const struct config_space *c)
{
	return c->vf < tlpb__config_vfs(c->pf) && sriov_control(c->pf) & SRIOV_VF_MEMORY;
}

static bool region_enabled(const struct config_space *c, unsigned index)
{
	bool io = c->device.region[index].flags & TLPB_REGION_IO;
	unsigned need = io ? COMMAND_IO : COMMAND_MEMORY;

	if (!c->device.region[index].size || !in_d0(c))
		return false;
	if (c->pf)
		return vf_enabled(c);
	if (!(tlpb__config_command(c) & need))
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

/* ---- power, links, errors ---- */

bool tlpb__config_pme(struct config_space *c)
{
	uint8_t *control = c->value + c->at[PART_PM] + PM_CONTROL;
	unsigned before;

	if (c->pf || !(c->device.has & TLPB_HAS_PME))
		return false;
	before = get_le16(control);
	put_le16(control, (uint16_t)(before | PM_PME_STATUS));
	return before & PM_PME_ENABLE && !(before & PM_PME_STATUS);
}

static bool aer_control(const struct config_space *c, unsigned bit)
{
	c = owner(c);
	return c->at[PART_AER] && get_le32(reg(c, PART_AER, AER_CONTROL)) & bit;
}

bool tlpb__config_ecrc_generate(const struct config_space *c)
{
	return aer_control(c, AER_ECRC_GENERATE);
}

bool tlpb__config_ecrc_check(const struct config_space *c)
{
	return aer_control(c, AER_ECRC_CHECK);
}

bool tlpb__config_atomics_enabled(const struct config_space *c)
{
	return device_control_2(c) & DEVCTL2_ATOMIC_REQUESTS;
}

bool tlpb__config_ltr_enabled(const struct config_space *c)
{
	return device_control_2(c) & DEVCTL2_LTR;
}

/* ---- SR-IOV ---- */

unsigned tlpb__config_vfs(const struct config_space *pf)
{
	if (!(sriov_control(pf) & SRIOV_VF_ENABLE))
		return 0;
	return get_le16(reg(pf, PART_SRIOV, SRIOV_NUM_VFS));
}

/* System Page Size bit n: 2^(n + 12) bytes; no aperture is smaller (9.3.3.13). */
uint64_t tlpb__config_vf_aperture(const struct config_space *pf, unsigned i)
{
	uint64_t page = (uint64_t)get_le32(reg(pf, PART_SRIOV, SRIOV_PAGE_SIZE)) << 12;
	uint64_t size = pf->device.sriov.region[i].size;

	return size < page ? page : size;
}

/* ---- MSI, MSI-X ---- */

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
