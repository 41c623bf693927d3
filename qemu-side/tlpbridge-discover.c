/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which functions a device has that was just reset, and what they look like. The
 * description in HELLO tells of function 0; the others, and virtual functions, are
 * found in config space, as firmware finds them.
 */
#include "tlpbridge-qemu.h"

#include "qemu/host-utils.h"

enum {
	FUNCTIONS_MAX = 256,
	ARI_NEXT = 4,			/* of ARI: Next Function Number is the second byte */
	VF_BAR_MIN = 4096,
};

/* The functions that have been found. */
typedef struct Search {
	tlpb_rc *rc;
	uint16_t bdf;			/* of function 0 */
	int64_t end_ms;
	TLPBridgeArrival *arrival;
	char *why;
	size_t size;
} Search;

static int refuse(const Search *search, unsigned number, const char *text)
{
	snprintf(search->why, search->size, "function %u: %s", number, text);
	return TLPB_ERR_INVALID;
}

/* ---- BARs ---- */

/* Writes ones, and reads which of them stay. */
static uint32_t probe(tlpb_rc *rc, uint16_t bdf, unsigned at, uint32_t ones)
{
	uint32_t value = 0;

	tlpb_rc_config_write(rc, bdf, at, 4, ones);
	if (tlpb_rc_config_read(rc, bdf, at, 4, &value))
		value = 0;
	tlpb_rc_config_write(rc, bdf, at, 4, 0);
	return value;
}

static uint32_t flags_of(uint32_t value)
{
	uint32_t flags = TLPB_REGION_READ | TLPB_REGION_WRITE;

	if (value & PCI_BASE_ADDRESS_SPACE_IO)
		return flags | TLPB_REGION_IO;
	if (value & PCI_BASE_ADDRESS_MEM_TYPE_64)
		flags |= TLPB_REGION_64BIT;
	if (value & PCI_BASE_ADDRESS_MEM_PREFETCH)
		flags |= TLPB_REGION_PREFETCH;
	return flags;
}

/* The BAR at this offset; a 64-bit one takes the next register as well. False: it is not legal. */
static bool read_bar(const Search *search, uint16_t bdf, unsigned at, bool is_last,
		     struct tlpb_region *region)
{
	uint32_t low = probe(search->rc, bdf, at, UINT32_MAX);
	uint32_t flags = flags_of(low);
	uint64_t mask;

	*region = (struct tlpb_region){ 0 };
	if (!low)
		return true;
	if (flags & TLPB_REGION_IO)
		mask = (low & PCI_BASE_ADDRESS_IO_MASK) | ~UINT64_C(0xffff);
	else
		mask = (low & PCI_BASE_ADDRESS_MEM_MASK) | UINT64_C(0xffffffff) << 32;
	if (flags & TLPB_REGION_64BIT) {
		if (is_last)
			return false;
		mask &= (uint64_t)probe(search->rc, bdf, at + 4, UINT32_MAX) << 32 | UINT32_MAX;
	}
	*region = (struct tlpb_region){ -mask, flags };
	return is_power_of_2(region->size);
}

static int read_bars(const Search *search, unsigned number, unsigned at,
		     struct tlpb_region *region)
{
	uint16_t bdf = search->bdf + number;

	for (unsigned i = 0; i < TLPB_BARS; i += region[i].flags & TLPB_REGION_64BIT ? 2 : 1)
		if (!read_bar(search, bdf, at + 4 * i, i == TLPB_BARS - 1, &region[i]))
			return refuse(search, number, "a BAR is not one that PCI allows");
	return 0;
}

static void read_rom(const Search *search, unsigned number, struct tlpb_region *region)
{
	uint32_t mask = probe(search->rc, search->bdf + number, PCI_ROM_ADDRESS,
			      (uint32_t)PCI_ROM_ADDRESS_MASK) & PCI_ROM_ADDRESS_MASK;

	if (mask && is_power_of_2(-mask))
		*region = (struct tlpb_region){ -mask, TLPB_REGION_READ };
}

/* ---- SR-IOV ---- */

/* QEMU maps no I/O for VFs, and no pages that two of them would share. */
static bool vf_bars_fit(const struct tlpb_region *region)
{
	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (region[i].size && (region[i].flags & TLPB_REGION_IO ||
				       region[i].size < VF_BAR_MIN))
			return false;
	return true;
}

static int read_sriov(const Search *search, TLPBridgeFace *face)
{
	uint16_t bdf = search->bdf + face->number;
	unsigned at = tlpbridge_config_find_extended(search->rc, bdf, PCI_EXT_CAP_ID_SRIOV);
	uint32_t total, id;
	int err;

	if (!at || tlpb_rc_config_read(search->rc, bdf, at + PCI_SRIOV_TOTAL_VF, 2, &total) ||
	    tlpb_rc_config_read(search->rc, bdf, at + PCI_SRIOV_VF_DID, 2, &id))
		return 0;
	face->sriov = (TLPBridgeSriov){ .at = at, .vfs = total, .device_id = id };
	err = read_bars(search, face->number, at + PCI_SRIOV_BAR, face->sriov.region);
	if (!err && !vf_bars_fit(face->sriov.region))
		err = refuse(search, face->number, "a BAR of its VFs is not one that SR-IOV allows");
	return err;
}

/* ---- functions ---- */

/* HELLO has told of function 0, and that has been checked. */
static int read_regions(const Search *search, TLPBridgeFace *face)
{
	const struct tlpb_device *device = tlpb_rc_device(search->rc);
	int err;

	if (!face->number) {
		memcpy(face->region, device->region, sizeof(face->region));
		memcpy(face->resizable, device->resizable, sizeof(face->resizable));
		return 0;
	}
	err = read_bars(search, face->number, PCI_BASE_ADDRESS_0, face->region);
	read_rom(search, face->number, &face->region[TLPB_ROM]);
	tlpbridge_resize_sizes(search->rc, search->bdf + face->number, face->resizable);
	return err;
}

static TLPBridgeFace *new_face(TLPBridgeArrival *arrival, unsigned number)
{
	arrival->face = g_renew(TLPBridgeFace, arrival->face, arrival->faces + 1);
	arrival->face[arrival->faces] = (TLPBridgeFace){ .number = number };
	return &arrival->face[arrival->faces++];
}

static int add_function(const Search *search, unsigned number)
{
	TLPBridgeFace *face = new_face(search->arrival, number);
	uint16_t bdf = search->bdf + number;
	int err;

	err = tlpbridge_config_fetch(search->rc, bdf, search->end_ms, face->config,
				     search->why, search->size);
	if (!err)
		err = read_regions(search, face);
	if (!err)
		face->rom_fault = tlpbridge_rom_fault(search->rc, bdf, face->region);
	if (!err)
		err = read_sriov(search, face);
	return err;
}

/* ARI chains the functions by their numbers (7.8.8.2), which go up. */
static int follow_ari(const Search *search, unsigned at)
{
	unsigned number = 0;
	uint32_t next;
	int err = 0;

	while (!err && at) {
		if (tlpb_rc_config_read(search->rc, search->bdf + number, at + ARI_NEXT + 1, 1, &next) ||
		    next <= number)
			return 0;
		number = next;
		err = add_function(search, number);
		at = tlpbridge_config_find_extended(search->rc, search->bdf + number,
						    PCI_EXT_CAP_ID_ARI);
	}
	return err;
}

/* Without ARI there are eight numbers, with gaps. */
static int try_numbers(const Search *search)
{
	uint32_t id;
	int err = 0;

	for (unsigned number = 1; !err && number < PCI_FUNC_MAX; number++)
		if (!tlpb_rc_config_read(search->rc, search->bdf + number, PCI_VENDOR_ID, 4, &id) &&
		    id != UINT32_MAX)
			err = add_function(search, number);
	return err;
}

int tlpbridge_discover(TLPBridge *s, TLPBridgeArrival *arrival, char *why, size_t size)
{
	const Search search = { arrival->rc, pci_get_bdf(PCI_DEVICE(s)), s->arrival_end_ms,
				arrival, why, size };
	int err = add_function(&search, 0);
	unsigned ari;

	if (err || !(arrival->face[0].config[PCI_HEADER_TYPE] & PCI_HEADER_TYPE_MULTI_FUNCTION))
		return err;
	ari = tlpbridge_config_find_extended(arrival->rc, search.bdf, PCI_EXT_CAP_ID_ARI);
	return ari ? follow_ari(&search, ari) : try_numbers(&search);
}

/* ---- the same again? ---- */

static bool same_regions(const struct tlpb_region *a, const struct tlpb_region *b)
{
	for (unsigned i = 0; i <= TLPB_ROM; i++)
		if (a[i].size != b[i].size || a[i].flags != b[i].flags)
			return false;
	return true;
}

static bool same_face(const TLPBridgeFace *a, const TLPBridgeFace *b)
{
	return a->number == b->number && same_regions(a->region, b->region) &&
	       same_regions(a->sriov.region, b->sriov.region);
}

bool tlpbridge_same_faces(const TLPBridgeFace *a, unsigned a_count, const TLPBridgeFace *b,
			  unsigned b_count)
{
	if (a_count != b_count)
		return false;
	for (unsigned i = 0; i < a_count; i++)
		if (!same_face(&a[i], &b[i]))
			return false;
	return true;
}
