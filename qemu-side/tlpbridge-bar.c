/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest accesses to the BARs and the ROM become Memory and I/O requests at their
 * PCI bus address. Failed reads give all ones, as a root complex does.
 */
#include "tlpbridge-qemu.h"

/* The bus address behind an offset, or false while the BAR is not mapped. */
static bool bus_address(const TLPBridgeBar *bar, hwaddr offset, uint64_t *addr)
{
	pcibus_t base = pci_get_bar_addr(PCI_DEVICE(bar->function), bar->index);

	*addr = base + offset;
	return base != PCI_BAR_UNMAPPED;
}

/*
 * A CPU must not see an error: it reads all ones, and on some targets an error
 * is fatal to the guest. Another device's DMA learns of it.
 */
static MemTxResult outcome(int err, MemTxAttrs attrs)
{
	bool peer = !attrs.unspecified && attrs.requester_id;

	return err && peer ? MEMTX_ERROR : MEMTX_OK;
}

static MemTxResult mem_read(void *opaque, hwaddr offset, uint64_t *value, unsigned size,
			    MemTxAttrs attrs)
{
	TLPBridgeBar *bar = opaque;
	TLPBridge *s = bar->function->bridge;
	int err = TLPB_ERR_CLOSED;
	uint8_t bytes[8];
	uint64_t addr;
	tlpb_rc *rc;

	*value = UINT64_MAX;
	if (tlpbridge_dma_hits_self(s, attrs))
		return MEMTX_DECODE_ERROR;
	if (bar->hidden)
		return MEMTX_OK;
	rc = tlpbridge_enter(s);
	if (rc && bus_address(bar, offset, &addr))
		err = tlpb_rc_mem_read(rc, addr, bytes, size);
	tlpbridge_leave(s);
	if (!err)
		*value = ldn_le_p(bytes, size);
	return outcome(err, attrs);
}

static MemTxResult mem_write(void *opaque, hwaddr offset, uint64_t value, unsigned size,
			     MemTxAttrs attrs)
{
	TLPBridgeBar *bar = opaque;
	TLPBridge *s = bar->function->bridge;
	int err = TLPB_ERR_CLOSED;
	uint8_t bytes[8];
	uint64_t addr;
	tlpb_rc *rc;

	if (tlpbridge_dma_hits_self(s, attrs))
		return MEMTX_DECODE_ERROR;
	stn_le_p(bytes, size, value);
	rc = tlpbridge_enter(s);
	if (rc && bus_address(bar, offset, &addr))
		err = tlpb_rc_mem_write(rc, addr, bytes, size);
	tlpbridge_leave(s);
	return outcome(err, attrs);
}

static MemTxResult io_read(void *opaque, hwaddr offset, uint64_t *value, unsigned size,
			   MemTxAttrs attrs)
{
	TLPBridgeBar *bar = opaque;
	TLPBridge *s = bar->function->bridge;
	int err = TLPB_ERR_CLOSED;
	uint32_t word;
	uint64_t addr;
	tlpb_rc *rc;

	*value = UINT64_MAX;
	rc = tlpbridge_enter(s);
	if (rc && bus_address(bar, offset, &addr))
		err = tlpb_rc_io_read(rc, addr, size, &word);
	tlpbridge_leave(s);
	if (!err)
		*value = word;
	return outcome(err, attrs);
}

static MemTxResult io_write(void *opaque, hwaddr offset, uint64_t value, unsigned size,
			    MemTxAttrs attrs)
{
	TLPBridgeBar *bar = opaque;
	TLPBridge *s = bar->function->bridge;
	int err = TLPB_ERR_CLOSED;
	uint64_t addr;
	tlpb_rc *rc;

	rc = tlpbridge_enter(s);
	if (rc && bus_address(bar, offset, &addr))
		err = tlpb_rc_io_write(rc, addr, size, value);
	tlpbridge_leave(s);
	return outcome(err, attrs);
}

static const MemoryRegionOps mem_ops = {
	.read_with_attrs = mem_read,
	.write_with_attrs = mem_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
	.impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static const MemoryRegionOps io_ops = {
	.read_with_attrs = io_read,
	.write_with_attrs = io_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 1, .max_access_size = 4, .unaligned = true },
	.impl = { .min_access_size = 1, .max_access_size = 4, .unaligned = true },
};

/* The low bits of the BAR register, as the endpoint has them. */
uint8_t tlpbridge_bar_type(const struct tlpb_region *region)
{
	uint8_t type = 0;

	if (region->flags & TLPB_REGION_IO)
		return PCI_BASE_ADDRESS_SPACE_IO;
	if (region->flags & TLPB_REGION_64BIT)
		type |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (region->flags & TLPB_REGION_PREFETCH)
		type |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	return type;
}

static void bar_init(TLPBridgeFunction *f, unsigned index)
{
	const struct tlpb_region *region = &f->region[index];
	TLPBridgeBar *bar = &f->bar[index];
	g_autofree char *name = index == TLPB_ROM ? g_strdup("tlpbridge-rom")
						  : g_strdup_printf("tlpbridge-bar%u", index);
	bool io = region->flags & TLPB_REGION_IO;

	bar->function = f;
	bar->index = index;
	memory_region_init_io(&bar->mr, OBJECT(f), io ? &io_ops : &mem_ops, bar, name,
			      region->size);
	/*
	 * QEMU's guard refuses every access during one that is in progress, also
	 * another device's that is served while a vCPU waits here. rc is made for
	 * nested requests; the device's own DMA is refused by requester ID instead.
	 */
	bar->mr.disable_reentrancy_guard = true;
	pci_register_bar(PCI_DEVICE(f), index, index == TLPB_ROM ? 0 : tlpbridge_bar_type(region),
			 &bar->mr);
}

void tlpbridge_bars_init(TLPBridgeFunction *f)
{
	QEMU_BUILD_BUG_ON(TLPB_ROM != PCI_ROM_SLOT);
	for (unsigned i = 0; i <= TLPB_ROM; i++)
		if (f->region[i].size)
			bar_init(f, i);
}
