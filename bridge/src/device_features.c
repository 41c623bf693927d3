/* SPDX-License-Identifier: MIT */
/*
 * What a device has beyond IDs, regions and interrupts. Records, both optional:
 *
 *	7 FEATURES  u32 enum tlpb_has, u32 0, u64 serial number
 *	8 SRIOV	    u16 VFs, offset, stride, device ID, MSI-X vectors, u8 BAR of their table, u8 BAR of
 *		    their PBA, u32 offset of the table, u32 offset of the PBA; then for each BAR of
 *		    a VF: u16 index, u16 0, u32 flags, u64 size
 */
#include <inttypes.h>
#include <string.h>

#include <tlpbridge/err.h>
#include "records.h"

enum { FEATURES_BYTES = 16, SRIOV_BYTES = 20, VF_BAR_BYTES = 16 };

enum {
	PAGE = 4096,			/* smallest System Page Size */
	LARGEST_RESIZE = 27,		/* 128 TiB */
	FUNCTIONS = 8, FUNCTIONS_ARI = 256,
};

#define MIB (UINT64_C(1) << 20)

#define HAS_BIT(name, bit, text) | TLPB_HAS_##name
static const uint32_t has_known = 0 TLPB_HAS_LIST(HAS_BIT);

const char *tlpb_has_name(uint32_t bit)
{
	switch (bit) {
#define HAS_CASE(name, number, text) case TLPB_HAS_##name: return text;
	TLPB_HAS_LIST(HAS_CASE)
#undef HAS_CASE
	}
	return "?";
}

void tlpb_device_vf(const struct tlpb_device *pf, struct tlpb_device *vf)
{
	const struct tlpb_sriov *s = &pf->sriov;

	*vf = (struct tlpb_device){
		.vendor_id = pf->vendor_id, .device_id = s->device_id,
		.subsystem_vendor_id = pf->subsystem_vendor_id, .subsystem_id = pf->subsystem_id,
		.class_code = pf->class_code, .revision = pf->revision,
		.msix_vectors = s->msix_vectors,
		.msix_table_bar = s->msix_table_bar, .msix_pba_bar = s->msix_pba_bar,
		.msix_table_offset = s->msix_table_offset, .msix_pba_offset = s->msix_pba_offset,
		.has = pf->has,
	};
	memcpy(vf->name, pf->name, sizeof vf->name);
	memcpy(vf->region, s->region, sizeof s->region);
}

/* ---- check ---- */

static int check_has(const struct tlpb_device *dev, const struct why *why)
{
	if (dev->has & ~has_known)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "features 0x%" PRIx32 " are unknown",
				    dev->has & ~has_known);
	if (dev->has & TLPB_HAS_ECRC && !(dev->has & TLPB_HAS_AER))
		return tlpb__refuse(why, TLPB_ERR_INVALID,
				    "ECRC is enabled by a register of AER, which is missing");
	return 0;
}

static uint32_t largest_bit(uint32_t bits)
{
	uint32_t bit = 1;

	while (bits >>= 1)
		bit <<= 1;
	return bit;
}

static int check_sizes(const struct tlpb_device *dev, unsigned i, const struct why *why)
{
	const struct tlpb_region *r = &dev->region[i];
	uint32_t sizes = dev->resizable[i];
	uint32_t most = r->flags & TLPB_REGION_64BIT ? 1u << LARGEST_RESIZE : 1u << 11;

	if (!r->size || r->flags & TLPB_REGION_IO)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "%s cannot be resizable: it is %s",
				    tlpb__region_name(i), r->size ? "an I/O BAR" : "not implemented");
	if (largest_bit(sizes) > most)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "%s cannot be resized to more than %s",
				    tlpb__region_name(i),
				    most == 1u << 11 ? "2 GiB with 32 bits" : "128 TiB");
	if (r->size < MIB || r->size / MIB > most || !(sizes & r->size / MIB))
		return tlpb__refuse(why, TLPB_ERR_INVALID,
				    "%s: its size, %llu bytes, is none of those it may have",
				    tlpb__region_name(i), (unsigned long long)r->size);
	return 0;
}

/* Table and PBA must be there whatever software makes of their BAR. */
static int check_smallest(const struct tlpb_device *dev, const struct why *why)
{
	struct tlpb_device small = *dev;
	struct why reason = { (char[256]){ "" }, 256 };

	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (dev->resizable[i])
			small.region[i].size = (dev->resizable[i] & -dev->resizable[i]) * MIB;
	if (!tlpb__check_resources(&small, &reason))
		return 0;
	return tlpb__refuse(why, TLPB_ERR_INVALID, "with the smallest size of its BAR: %s",
			    reason.text);
}

static int check_resizable(const struct tlpb_device *dev, const struct why *why)
{
	bool any = false;
	int err = 0;

	for (unsigned i = 0; !err && i < TLPB_BARS; i++) {
		any = any || dev->resizable[i];
		if (dev->resizable[i])
			err = check_sizes(dev, i, why);
	}
	return err || !any ? err : check_smallest(dev, why);
}

static int check_vf_numbers(const struct tlpb_device *dev, const struct why *why)
{
	const struct tlpb_sriov *s = &dev->sriov;
	unsigned last = s->offset + (s->vfs - 1u) * s->stride;
	unsigned numbers = dev->has & TLPB_HAS_ARI ? FUNCTIONS_ARI : FUNCTIONS;

	if (!s->offset || !s->stride)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "the VFs' offset and stride must not be 0");
	if (last >= numbers)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
				    "the last VF would be function %u; %s there are %u", last,
				    numbers == FUNCTIONS ? "without ARI" : "with ARI", numbers);
	if (s->device_id == 0xffff)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "the VFs' device ID cannot be 0xffff");
	return 0;
}

static int check_vf_bars(const struct tlpb_sriov *s, const struct why *why)
{
	for (unsigned i = 0; i < TLPB_BARS; i++) {
		if (s->region[i].flags & TLPB_REGION_IO)
			return tlpb__refuse(why, TLPB_ERR_INVALID, "a VF's BAR%u cannot be in I/O space",
					    i);
		if (s->region[i].size && s->region[i].size < PAGE)
			return tlpb__refuse(why, TLPB_ERR_INVALID,
					    "a VF's BAR%u is smaller than a page of %d bytes", i, PAGE);
	}
	return 0;
}

static int check_sriov(const struct tlpb_device *dev, const struct why *why)
{
	struct why reason = { (char[256]){ "" }, 256 };
	struct tlpb_device vf;
	int err;

	if (!dev->sriov.vfs)
		return 0;
	err = check_vf_numbers(dev, why);
	if (!err)
		err = check_vf_bars(&dev->sriov, why);
	if (err)
		return err;
	tlpb_device_vf(dev, &vf);
	err = tlpb__check_resources(&vf, &reason);
	return err ? tlpb__refuse(why, err, "each VF: %s", reason.text) : 0;
}

/* The capabilities that these need are behind the first 256 bytes. */
static int check_space(const struct tlpb_device *dev, const struct why *why)
{
	bool extended = dev->serial_number || dev->sriov.vfs ||
			dev->has & (TLPB_HAS_AER | TLPB_HAS_ARI | TLPB_HAS_LTR);

	for (unsigned i = 0; i < TLPB_BARS; i++)
		extended = extended || dev->resizable[i];
	if (extended && dev->region[TLPB_CONFIG].size == 256)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
				    "its capabilities need a config space of 4096 bytes, not 256");
	return 0;
}

int tlpb__check_features(const struct tlpb_device *dev, const struct why *why)
{
	int err = check_has(dev, why);

	if (!err)
		err = check_resizable(dev, why);
	if (!err)
		err = check_sriov(dev, why);
	return err ? err : check_space(dev, why);
}

/* ---- records ---- */

static unsigned vf_bars(const struct tlpb_sriov *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TLPB_BARS; i++)
		n += s->region[i].size != 0;
	return n;
}

static void put_sriov(struct writer *w, const struct tlpb_sriov *s)
{
	tlpb__put_record(w, RECORD_SRIOV, RECORD_OPTIONAL, SRIOV_BYTES + vf_bars(s) * VF_BAR_BYTES);
	write_u16(w, s->vfs);
	write_u16(w, s->offset);
	write_u16(w, s->stride);
	write_u16(w, s->device_id);
	write_u16(w, s->msix_vectors);
	write_u16(w, (uint16_t)(s->msix_table_bar | s->msix_pba_bar << 8));
	write_u32(w, s->msix_table_offset);
	write_u32(w, s->msix_pba_offset);
	for (unsigned i = 0; i < TLPB_BARS; i++) {
		if (!s->region[i].size)
			continue;
		write_u16(w, (uint16_t)i);
		write_u16(w, 0);
		write_u32(w, s->region[i].flags);
		write_u64(w, s->region[i].size);
	}
}

void tlpb__put_features(struct writer *w, const struct tlpb_device *dev)
{
	if (dev->has || dev->serial_number) {
		tlpb__put_record(w, RECORD_FEATURES, RECORD_OPTIONAL, FEATURES_BYTES);
		write_u32(w, dev->has);
		write_u32(w, 0);
		write_u64(w, dev->serial_number);
	}
	if (dev->sriov.vfs)
		put_sriov(w, &dev->sriov);
}

static int too_short(const struct record *record, const char *name, const struct why *why)
{
	return tlpb__refuse(why, TLPB_ERR_TRUNCATED, "%u bytes are too short for a record %s",
			    record->length, name);
}

/* A newer peer's device may have what is not known here; a host needs none of it. */
int tlpb__get_features(const struct record *record, struct tlpb_device *dev, const struct why *why)
{
	if (record->length < FEATURES_BYTES)
		return too_short(record, "FEATURES", why);
	dev->has = get_le32(record->value) & has_known;
	dev->serial_number = get_le64(record->value + 8);
	return 0;
}

static int get_vf_bar(const uint8_t *p, struct tlpb_sriov *s, const struct why *why)
{
	unsigned i = get_le16(p);

	if (i >= TLPB_BARS || s->region[i].size)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "a VF's BAR%u %s", i,
				    i < TLPB_BARS ? "is described twice" : "does not exist");
	s->region[i].flags = get_le32(p + 4);
	s->region[i].size = get_le64(p + 8);
	return 0;
}

int tlpb__get_sriov(const struct record *record, struct tlpb_device *dev, const struct why *why)
{
	const uint8_t *p = record->value;
	struct tlpb_sriov *s = &dev->sriov;
	int err = 0;

	if (record->length < SRIOV_BYTES)
		return too_short(record, "SRIOV", why);
	*s = (struct tlpb_sriov){
		.vfs = get_le16(p), .offset = get_le16(p + 2), .stride = get_le16(p + 4),
		.device_id = get_le16(p + 6), .msix_vectors = get_le16(p + 8),
		.msix_table_bar = p[10], .msix_pba_bar = p[11],
		.msix_table_offset = get_le32(p + 12), .msix_pba_offset = get_le32(p + 16),
	};
	for (size_t at = SRIOV_BYTES; !err && at + VF_BAR_BYTES <= record->length; at += VF_BAR_BYTES)
		err = get_vf_bar(p + at, s, why);
	return err;
}
