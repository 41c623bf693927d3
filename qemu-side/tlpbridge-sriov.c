/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual functions (9). The guest enables them by the capability of their physical
 * function, which the endpoint keeps; what it says then is made true in QEMU. The
 * endpoint decodes VF BARs by itself: QEMU's regions only have to be where it does.
 *
 * QEMU has an SR-IOV of its own. It needs a second capability in the shadow that has to be
 * kept like the endpoint's, and does not follow VF BARs that move: here each VF is one more function,
 * whose BARs and Memory Space Enable in the shadow are written by us and never by the guest.
 */
#include "tlpbridge-qemu.h"

#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/range.h"

enum { PAGE_SHIFT = 12 };

/* What the capability says now. */
typedef struct State {
	bool enabled, memory;
	unsigned vfs, offset, stride;
	uint64_t page;			/* System Page Size, bytes */
	uint64_t bar[TLPB_BARS];
} State;

static uint32_t field(TLPBridgeFunction *pf, tlpb_rc *rc, unsigned offset, unsigned size, int *err)
{
	uint32_t value = 0;

	if (!*err)
		*err = tlpb_rc_config_read(rc, pci_get_bdf(PCI_DEVICE(pf)), pf->face->sriov.at + offset,
					   size, &value);
	return value;
}

static uint64_t read_bar(TLPBridgeFunction *pf, tlpb_rc *rc, unsigned i, int *err)
{
	const struct tlpb_region *region = &pf->face->sriov.region[i];
	uint64_t value;

	if (!region->size)
		return 0;
	value = field(pf, rc, PCI_SRIOV_BAR + 4 * i, 4, err) & PCI_BASE_ADDRESS_MEM_MASK;
	if (region->flags & TLPB_REGION_64BIT)
		value |= (uint64_t)field(pf, rc, PCI_SRIOV_BAR + 4 * i + 4, 4, err) << 32;
	return value;
}

/* Waits. False: the link is lost, or is during it. */
static bool read_state(TLPBridgeFunction *pf, State *state)
{
	TLPBridge *s = pf->bridge;
	tlpb_rc *rc = tlpbridge_enter(s);
	int err = rc ? 0 : TLPB_ERR_CLOSED;
	uint32_t control = field(pf, rc, PCI_SRIOV_CTRL, 2, &err);

	*state = (State){
		.enabled = control & PCI_SRIOV_CTRL_VFE, .memory = control & PCI_SRIOV_CTRL_MSE,
		.vfs = field(pf, rc, PCI_SRIOV_NUM_VF, 2, &err),
		.offset = field(pf, rc, PCI_SRIOV_VF_OFFSET, 2, &err),
		.stride = field(pf, rc, PCI_SRIOV_VF_STRIDE, 2, &err),
		.page = (uint64_t)field(pf, rc, PCI_SRIOV_SYS_PGSIZE, 4, &err) << PAGE_SHIFT,
	};
	for (unsigned i = 0; i < TLPB_BARS; i++)
		state->bar[i] = read_bar(pf, rc, i, &err);
	tlpbridge_leave(s);
	return !err && s->link.rc;
}

/* ---- the shadow of a VF ---- */

static void set_bar(TLPBridgeFunction *vf, unsigned i, uint64_t addr)
{
	PCIDevice *d = PCI_DEVICE(vf);
	uint8_t type = tlpbridge_bar_type(&vf->region[i]);

	if (vf->region[i].flags & TLPB_REGION_64BIT)
		pci_set_quad(d->config + pci_bar(d, i), addr | type);
	else
		pci_set_long(d->config + pci_bar(d, i), addr | type);
}

/* Each VF has a page at least, and they follow each other (9.2.1.1.1). */
static void place(TLPBridgeFunction *vf, const State *state)
{
	PCIDevice *d = PCI_DEVICE(vf);

	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (vf->region[i].size)
			set_bar(vf, i, state->bar[i] +
				vf->vf_index * MAX(vf->region[i].size, state->page));
	if (state->memory)
		pci_word_test_and_set_mask(d->config + PCI_COMMAND, PCI_COMMAND_MEMORY);
	else
		pci_word_test_and_clear_mask(d->config + PCI_COMMAND, PCI_COMMAND_MEMORY);
	pci_default_write_config(d, PCI_COMMAND, pci_get_word(d->config + PCI_COMMAND), 2);
}

void tlpbridge_vf_place(TLPBridgeFunction *vf)
{
	State state;

	if (read_state(vf->pf, &state) && vf->pf)
		place(vf, &state);
}

/* For people who look at QEMU's own list of devices; guests see the endpoint's. */
static void fill_header(TLPBridgeFunction *vf)
{
	PCIDevice *d = PCI_DEVICE(vf);
	const TLPBridgeFace *face = vf->pf->face;

	memcpy(d->config, face->config, PCI_COMMAND);
	pci_set_word(d->config + PCI_DEVICE_ID, face->sriov.device_id);
	memcpy(d->config + PCI_CLASS_REVISION, face->config + PCI_CLASS_REVISION, 4);
}

/* Where Initiate FLR is; 0: the VF has none. Waits. */
static unsigned find_flr(TLPBridgeFunction *vf, tlpb_rc *rc)
{
	uint16_t bdf = pci_get_bdf(PCI_DEVICE(vf));
	int at = tlpb_rc_find_capability(rc, bdf, PCI_CAP_ID_EXP);
	uint32_t capabilities;

	if (at <= 0 || tlpb_rc_config_read(rc, bdf, at + PCI_EXP_DEVCAP, 4, &capabilities) ||
	    !(capabilities & PCI_EXP_DEVCAP_FLR))
		return 0;
	return at + PCI_EXP_DEVCTL + 1;
}

void tlpbridge_vf_adopt(TLPBridgeFunction *vf)
{
	PCIDevice *d = PCI_DEVICE(vf);
	tlpb_rc *rc = tlpbridge_enter(vf->bridge);

	if (rc)
		vf->flr_byte = find_flr(vf, rc);
	tlpbridge_leave(vf->bridge);
	fill_header(vf);
	memset(d->wmask + PCI_BASE_ADDRESS_0, 0,
	       pci_config_size(d) - PCI_BASE_ADDRESS_0);
	pci_word_test_and_clear_mask(d->wmask + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

/* ---- they come and go ---- */

static bool create(TLPBridgeFunction *pf, unsigned index, const State *state)
{
	g_autofree char *name = g_strdup_printf("vf[%u]", index);
	unsigned number = pf->face->number + state->offset + index * state->stride;
	TLPBridge *s = pf->bridge;
	TLPBridgeFunction *vf;
	Error *err = NULL;

	if (PCI_DEVICE(s)->devfn + number >= PCI_DEVFN_MAX) {
		warn_report("tlpbridge: VF %u of the device at %s would be function %u; QEMU has "
			    "room for 256 on a bus", index, s->url, number);
		return false;
	}
	vf = tlpbridge_function_new(s, number);
	vf->pf = pf;
	vf->vf_index = index;
	vf->region = pf->face->sriov.region;
	if (!tlpbridge_function_realize(vf, OBJECT(pf), name, &err)) {
		error_report_err(err);
		return false;
	}
	pf->vf[index] = vf;
	return true;
}

static void create_all(TLPBridgeFunction *pf, const State *state)
{
	unsigned count = MIN(state->vfs, pf->face->sriov.vfs);

	pf->vf = g_renew(TLPBridgeFunction *, pf->vf, count);
	memset(pf->vf, 0, count * sizeof(*pf->vf));
	for (pf->vfs = 0; pf->vfs < count; pf->vfs++)
		if (!create(pf, pf->vfs, state))
			return;
}

void tlpbridge_sriov_remove(TLPBridgeFunction *pf)
{
	while (pf->vfs) {
		TLPBridgeFunction *vf = pf->vf[--pf->vfs];

		if (vf)
			object_unparent(OBJECT(vf));
	}
}

void tlpbridge_vf_gone(TLPBridgeFunction *vf)
{
	vf->pf->vf[vf->vf_index] = NULL;
	vf->pf = NULL;
}

void tlpbridge_sriov_follow(TLPBridgeFunction *pf, uint32_t offset, int len)
{
	State state;

	if (!pf->face || !pf->face->sriov.at ||
	    !ranges_overlap(offset, len, pf->face->sriov.at, PCI_EXT_CAP_SRIOV_SIZEOF) ||
	    !read_state(pf, &state))
		return;
	if (!state.enabled)
		tlpbridge_sriov_remove(pf);
	else if (!pf->vfs)
		create_all(pf, &state);
	for (unsigned i = 0; i < pf->vfs; i++)
		if (pf->vf[i])
			place(pf->vf[i], &state);
}
