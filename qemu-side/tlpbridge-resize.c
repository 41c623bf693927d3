/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resizable BARs (7.8.6): the guest writes a size into the endpoint's capability, and QEMU's
 * region of the BAR follows it. A reset gives a BAR its first size back.
 */
#include "tlpbridge-qemu.h"

enum {
	CAP_ID_RESIZABLE = 0x15,
	ENTRY = 8, CAPABILITY = 4, CONTROL = 8,	/* of the first BAR; each next one ENTRY further */
	SIZES_SHIFT = 4,			/* in the capability register: 1 MiB and up */
	INDEX = 7, COUNT_SHIFT = 5, SIZE_SHIFT = 8, SIZE_CODE = 0x3f,
};

static bool has_resizable(const TLPBridgeFace *face)
{
	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (face->resizable[i])
			return true;
	return false;
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

static void resize(TLPBridgeFunction *f, unsigned i, uint64_t size)
{
	PCIDevice *d = PCI_DEVICE(f);
	uint16_t command = pci_get_word(d->config + PCI_COMMAND);

	if (d->io_regions[i].size == size)
		return;
	pci_default_write_config(d, PCI_COMMAND, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY), 2);
	d->io_regions[i].size = size;
	memory_region_set_size(&f->bar[i].mr, size);
	set_registers(d, i, size);
	pci_default_write_config(d, PCI_COMMAND, command, 2);
}

/* What an entry of the capability says. */
typedef struct Entry {
	unsigned bar, code, count;	/* count: of entries, in the first one */
	uint32_t sizes;
} Entry;

static bool read_entry(tlpb_rc *rc, uint16_t bdf, unsigned at, Entry *entry)
{
	uint32_t capability, control;

	if (tlpb_rc_config_read(rc, bdf, at + CAPABILITY, 4, &capability) ||
	    tlpb_rc_config_read(rc, bdf, at + CONTROL, 4, &control))
		return false;
	*entry = (Entry){ control & INDEX, control >> SIZE_SHIFT & SIZE_CODE,
			  control >> COUNT_SHIFT & 7, capability >> SIZES_SHIFT };
	return entry->bar < TLPB_BARS;
}

/* Calls what for each entry. Waits. */
static void each_entry(tlpb_rc *rc, uint16_t bdf, void (*what)(const Entry *entry, void *arg),
		       void *arg)
{
	unsigned at = tlpbridge_config_find_extended(rc, bdf, CAP_ID_RESIZABLE), count = 1;
	Entry entry;

	for (unsigned n = 0; at && n < count && n < TLPB_BARS; n++) {
		if (!read_entry(rc, bdf, at + n * ENTRY, &entry))
			return;
		if (!n)
			count = entry.count;
		what(&entry, arg);
	}
}

static void note_sizes(const Entry *entry, void *resizable)
{
	((uint32_t *)resizable)[entry->bar] = entry->sizes;
}

void tlpbridge_resize_sizes(tlpb_rc *rc, uint16_t bdf, uint32_t resizable[TLPB_BARS])
{
	each_entry(rc, bdf, note_sizes, resizable);
}

static void note_size(const Entry *entry, void *codes)
{
	((int *)codes)[entry->bar] = entry->code;
}

/* A size that the function did not offer at first is not taken. */
static void follow(TLPBridgeFunction *f, unsigned i, int code)
{
	if (code >= 0 && code < 28 && f->region[i].size && f->face->resizable[i] >> code & 1)
		resize(f, i, UINT64_C(1) << (20 + code));
}

void tlpbridge_resize_follow(TLPBridgeFunction *f)
{
	int codes[TLPB_BARS] = { -1, -1, -1, -1, -1, -1 };
	TLPBridge *s = f->bridge;
	tlpb_rc *rc;

	if (!f->face || !has_resizable(f->face))
		return;
	rc = tlpbridge_enter(s);
	if (rc)
		each_entry(rc, pci_get_bdf(PCI_DEVICE(f)), note_size, codes);
	tlpbridge_leave(s);
	for (unsigned i = 0; s->link.rc && i < TLPB_BARS; i++)
		follow(f, i, codes[i]);
}

void tlpbridge_resize_reset(TLPBridgeFunction *f)
{
	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (f->bar[i].function)
			resize(f, i, f->region[i].size);
}
