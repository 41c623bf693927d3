/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resizable BARs (7.8.6): the guest writes a size into the endpoint's capability, and QEMU's
 * region of the BAR follows it. A reset gives a BAR its first size back.
 */
#include "tlpbridge-qemu.h"

enum {
	CAP_ID_RESIZABLE = 0x15,
	EXTENDED_MAX = (PCIE_CONFIG_SPACE_SIZE - PCI_CONFIG_SPACE_SIZE) / 8,
	ENTRY = 8, CONTROL = 8,			/* of the first BAR; each next one ENTRY further */
	INDEX = 7, COUNT_SHIFT = 5, SIZE_SHIFT = 8, SIZE_CODE = 0x3f,
};

static bool has_resizable(const struct tlpb_device *device)
{
	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (device->resizable[i])
			return true;
	return false;
}

/* Offset of the capability; 0: not there, or the list is broken. Waits. */
static unsigned find_capability(tlpb_rc *rc, uint16_t bdf)
{
	unsigned at = PCI_CONFIG_SPACE_SIZE;
	uint32_t head;

	for (unsigned n = 0; n < EXTENDED_MAX && at >= PCI_CONFIG_SPACE_SIZE; n++) {
		if (tlpb_rc_config_read(rc, bdf, at, 4, &head) || !head)
			return 0;
		if (PCI_EXT_CAP_ID(head) == CAP_ID_RESIZABLE)
			return at;
		at = PCI_EXT_CAP_NEXT(head);
	}
	return 0;
}

/* The address bits that the size leaves, with the type below; the BAR is not mapped meanwhile. */
static void set_registers(PCIDevice *d, unsigned i, uint64_t size)
{
	uint8_t type = d->io_regions[i].type, *mask = d->wmask + pci_bar(d, i);
	uint8_t *bar = d->config + pci_bar(d, i);

	if (type & PCI_BASE_ADDRESS_MEM_TYPE_64) {
		pci_set_quad(mask, ~(size - 1));
		pci_set_quad(bar, (pci_get_quad(bar) & ~(size - 1)) | type);
	} else {
		pci_set_long(mask, ~(size - 1));
		pci_set_long(bar, (pci_get_long(bar) & ~(size - 1)) | type);
	}
}

static void resize(TLPBridge *s, unsigned i, uint64_t size)
{
	PCIDevice *d = PCI_DEVICE(s);
	uint16_t command = pci_get_word(d->config + PCI_COMMAND);

	if (d->io_regions[i].size == size)
		return;
	pci_default_write_config(d, PCI_COMMAND, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY), 2);
	d->io_regions[i].size = size;
	memory_region_set_size(&s->bar[i].mr, size);
	set_registers(d, i, size);
	pci_default_write_config(d, PCI_COMMAND, command, 2);
}

/* The sizes that the capability says, of those that the description allows; 0: none. Waits. */
static void read_sizes(tlpb_rc *rc, uint16_t bdf, uint64_t sizes[TLPB_BARS])
{
	const struct tlpb_device *device = tlpb_rc_device(rc);
	unsigned at = find_capability(rc, bdf), count = 1;
	uint32_t control;

	for (unsigned n = 0; at && n < count && n < TLPB_BARS; n++) {
		unsigned i, code;

		if (tlpb_rc_config_read(rc, bdf, at + CONTROL + n * ENTRY, 4, &control))
			return;
		if (!n)
			count = control >> COUNT_SHIFT & 7;
		i = control & INDEX;
		code = control >> SIZE_SHIFT & SIZE_CODE;
		if (i < TLPB_BARS && code < 28 && device->resizable[i] >> code & 1)
			sizes[i] = UINT64_C(1) << (20 + code);
	}
}

void tlpbridge_resize_follow(TLPBridge *s)
{
	uint64_t sizes[TLPB_BARS] = { 0 };
	tlpb_rc *rc = s->link.rc;

	if (!rc || !has_resizable(tlpb_rc_device(rc)))
		return;
	rc = tlpbridge_enter(s);
	if (rc)
		read_sizes(rc, pci_get_bdf(PCI_DEVICE(s)), sizes);
	tlpbridge_leave(s);
	for (unsigned i = 0; s->link.rc && i < TLPB_BARS; i++)
		if (sizes[i] && s->region[i].size)
			resize(s, i, sizes[i]);
}

void tlpbridge_resize_reset(TLPBridge *s)
{
	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (s->region[i].size && s->bar[i].bridge)
			resize(s, i, s->region[i].size);
}
