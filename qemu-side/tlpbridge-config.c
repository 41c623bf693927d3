/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Config space belongs to the endpoint: every guest access is a CfgRd0 or CfgWr0.
 * QEMU keeps a shadow in PCIDevice.config of what it needs itself: BARs, ROM and
 * Command for routing, Interrupt Pin, and where the PCI Express capability is.
 */
#include "tlpbridge-qemu.h"

#include "qemu/error-report.h"
#include "qemu/range.h"

enum {
	CAPABILITIES_MAX = (PCI_CONFIG_SPACE_SIZE - PCI_CONFIG_HEADER_SIZE) / 4,
	EXTENDED_MAX = (PCIE_CONFIG_SPACE_SIZE - PCI_CONFIG_SPACE_SIZE) / 8,
	EXP_LNKSTA_END = PCI_EXP_LNKSTA + 2,
	CRS_PAUSE_US = 10 * 1000,
	NO_CAPABILITY = 0xff,	/* an ID that looking for goes through the whole list */
};

static uint32_t all_ones(int len)
{
	return MAKE_64BIT_MASK(0, len * 8);
}

/*
 * Bytes of the next request at offset: 4, 2 or 1, within its doubleword and
 * aligned. QEMU's own ports allow a guest to cross doublewords.
 */
static int piece(uint32_t offset, int len)
{
	if (len >= 4 && offset % 4 == 0)
		return 4;
	if (len >= 2 && offset % 2 == 0)
		return 2;
	return 1;
}

static int read_pieces(tlpb_rc *rc, uint16_t bdf, uint32_t offset, int len, uint32_t *value)
{
	uint32_t part, result = 0;
	int err, n;

	for (int done = 0; done < len; done += n) {
		n = piece(offset + done, len - done);
		err = tlpb_rc_config_read(rc, bdf, offset + done, n, &part);
		if (err)
			return err;
		result |= part << (8 * done);
	}
	*value = result;
	return 0;
}

static int write_pieces(tlpb_rc *rc, uint16_t bdf, uint32_t offset, int len, uint32_t value)
{
	int err, n;

	for (int done = 0; done < len; done += n) {
		n = piece(offset + done, len - done);
		err = tlpb_rc_config_write(rc, bdf, offset + done, n,
					   (value >> (8 * done)) & all_ones(n));
		if (err)
			return err;
	}
	return 0;
}

/*
 * PCIDeviceClass.config_read. All ones when there is no answer, and on Configuration
 * Retry Status: QEMU's root port has no CRS Software Visibility.
 */
uint32_t tlpbridge_config_read(PCIDevice *d, uint32_t offset, int len)
{
	TLPBridge *s = TLPBRIDGE_FUNCTION(d)->bridge;
	uint32_t value = all_ones(len);
	tlpb_rc *rc;

	if (s->dma_depth) {
		s->dma_hit_self = true;
		return value;
	}
	rc = tlpbridge_enter(s);
	if (rc && read_pieces(rc, pci_get_bdf(d), offset, len, &value))
		value = all_ones(len);
	tlpbridge_leave(s);
	return value;
}

static bool starts_flr(TLPBridgeFunction *f, uint32_t offset, uint32_t value, int len)
{
	return f->flr_byte && range_covers_byte(offset, len, f->flr_byte) &&
	       value >> (8 * (f->flr_byte - offset)) & (PCI_EXP_DEVCTL_BCR_FLR >> 8);
}

/* The endpoint has reset the function. */
static void follow_flr(TLPBridgeFunction *f)
{
	f->in_flr = true;
	pci_device_reset(PCI_DEVICE(f));
	f->in_flr = false;
	if (f->pf)
		tlpbridge_vf_place(f);	/* its place is a matter of the PF, whatever QEMU cleared */
}

/* PCIDeviceClass.config_write. The shadow moves only after the endpoint has accepted. */
void tlpbridge_config_write(PCIDevice *d, uint32_t offset, uint32_t value, int len)
{
	TLPBridgeFunction *f = TLPBRIDGE_FUNCTION(d);
	TLPBridge *s = f->bridge;
	int err = TLPB_ERR_CLOSED;
	tlpb_rc *rc;

	if (s->dma_depth) {
		s->dma_hit_self = true;
		return;
	}
	rc = tlpbridge_enter(s);
	if (rc)
		err = write_pieces(rc, pci_get_bdf(d), offset, len, value);
	tlpbridge_leave(s);
	if (err || !s->link.rc)
		return;		/* refused, or unrealized while we waited */
	if (starts_flr(f, offset, value, len)) {
		follow_flr(f);
		return;
	}
	pci_default_write_config(d, offset, value, len);
	if (offset < PCI_CONFIG_SPACE_SIZE)
		return;
	tlpbridge_resize_follow(f);
	tlpbridge_sriov_follow(f, offset, len);
}

/* An endpoint that has just started may ask to be asked again. */
static int read_patiently(tlpb_rc *rc, uint16_t bdf, int64_t end_ms, unsigned offset,
			  uint32_t *value)
{
	int err;

	for (;;) {
		err = tlpb_rc_config_read(rc, bdf, offset, 4, value);
		if (err != TLPB_ERR_CRS || qemu_clock_get_ms(QEMU_CLOCK_REALTIME) >= end_ms)
			return err;
		g_usleep(CRS_PAUSE_US);
	}
}

/* What QEMU would assert, or could not route. */
static int check_header(const uint8_t *config, char *why, size_t size)
{
	uint8_t type = config[PCI_HEADER_TYPE] & ~PCI_HEADER_TYPE_MULTI_FUNCTION;

	if (type != PCI_HEADER_TYPE_NORMAL)
		snprintf(why, size, "it has a header of type %u; only endpoints (type 0) can be "
			 "bridged", type);
	else if (config[PCI_INTERRUPT_PIN] > PCI_NUM_PINS)
		snprintf(why, size, "it has %u in its Interrupt Pin register; 0 to 4 are allowed",
			 config[PCI_INTERRUPT_PIN]);
	else
		return 0;
	return TLPB_ERR_INVALID;
}

/* Reads the endpoint's config space. Waits. */
int tlpbridge_config_fetch(tlpb_rc *rc, uint16_t bdf, int64_t end_ms, uint8_t *config,
			   char *why, size_t size)
{
	for (unsigned offset = 0; offset < PCI_CONFIG_SPACE_SIZE; offset += 4) {
		uint32_t value;
		int err = read_patiently(rc, bdf, end_ms, offset, &value);

		if (err) {
			snprintf(why, size, "its config space cannot be read, offset 0x%02x: %s",
				 offset, tlpb_strerror(err));
			return err;
		}
		stl_le_p(config + offset, value);
	}
	return check_header(config, why, size);
}

/* Offset of an extended capability; 0: not there, or the list is broken. */
unsigned tlpbridge_config_find_extended(tlpb_rc *rc, uint16_t bdf, uint16_t id)
{
	unsigned at = PCI_CONFIG_SPACE_SIZE;
	uint32_t head;

	for (unsigned n = 0; n < EXTENDED_MAX && at >= PCI_CONFIG_SPACE_SIZE; n++) {
		if (tlpb_rc_config_read(rc, bdf, at, 4, &head) || !head)
			return 0;
		if (PCI_EXT_CAP_ID(head) == id)
			return at;
		at = PCI_EXT_CAP_NEXT(head);
	}
	return 0;
}

/* Offset of a capability in the endpoint's bytes; 0: not there; -1: the list is broken. */
static int find_capability(const uint8_t *config, uint8_t id)
{
	unsigned at = config[PCI_CAPABILITY_LIST];

	if (!(config[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return 0;
	for (int i = 0; i < CAPABILITIES_MAX; i++) {
		at &= ~3u;
		if (!at)
			return 0;
		if (at < PCI_CONFIG_HEADER_SIZE)
			return -1;
		if (config[at + PCI_CAP_LIST_ID] == id)
			return at;
		at = config[at + PCI_CAP_LIST_NEXT];
	}
	return -1;
}

/*
 * Everything that QEMU shows or uses, but not what it manages itself: Command,
 * Header Type (multi-function), BARs, Interrupt Line. After the header nothing in the
 * shadow may change: QEMU reads only constants there.
 */
static void fill_shadow(PCIDevice *d, const uint8_t *config)
{
	memcpy(d->config, config, PCI_COMMAND);
	memcpy(d->config + PCI_CLASS_REVISION, config + PCI_CLASS_REVISION, 4);
	memcpy(d->config + PCI_SUBSYSTEM_VENDOR_ID, config + PCI_SUBSYSTEM_VENDOR_ID, 4);
	d->config[PCI_INTERRUPT_PIN] = config[PCI_INTERRUPT_PIN];
	memcpy(d->config + PCI_CONFIG_HEADER_SIZE, config + PCI_CONFIG_HEADER_SIZE,
	       PCI_CONFIG_SPACE_SIZE - PCI_CONFIG_HEADER_SIZE);
	memset(d->wmask + PCI_CONFIG_HEADER_SIZE, 0,
	       pci_config_size(d) - PCI_CONFIG_HEADER_SIZE);
}

static void set_express(TLPBridgeFunction *f, const uint8_t *config, unsigned at)
{
	PCIDevice *d = PCI_DEVICE(f);

	if (at + EXP_LNKSTA_END > PCI_CONFIG_SPACE_SIZE)
		return;
	d->exp.exp_cap = at;	/* the root port mirrors our link status */
	if (pci_get_long(config + at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR)
		f->flr_byte = at + PCI_EXP_DEVCTL + 1;
}

/* The list goes into the shadow only if it ends: QEMU would follow it for ever. */
static void set_capabilities(TLPBridgeFunction *f, const uint8_t *config)
{
	PCIDevice *d = PCI_DEVICE(f);
	int express = find_capability(config, PCI_CAP_ID_EXP);

	if (find_capability(config, NO_CAPABILITY) < 0) {
		warn_report("tlpbridge: the capability list of the device at %s is broken; "
			    "QEMU ignores it, the guest sees it as it is", f->bridge->url);
		return;
	}
	if (!(config[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return;
	d->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	d->config[PCI_CAPABILITY_LIST] = config[PCI_CAPABILITY_LIST];
	if (express > 0)
		set_express(f, config, express);
}

/* The shadow becomes what the endpoint says. Later, again, for an endpoint that returned. */
void tlpbridge_config_adopt(TLPBridgeFunction *f, const uint8_t *config)
{
	PCIDevice *d = PCI_DEVICE(f);

	d->config[PCI_STATUS] &= ~PCI_STATUS_CAP_LIST;
	d->exp.exp_cap = 0;
	f->flr_byte = 0;
	tlpbridge_resize_reset(f);
	fill_shadow(d, config);
	set_capabilities(f, config);
}
