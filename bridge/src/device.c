/* SPDX-License-Identifier: MIT */
/*
 * Records: u16 type, u16 flags, u32 length of the value, value; little-endian.
 *
 *	1 PCI	    u16 vendor, device, subsystem vendor, subsystem ID, u32 class code,
 *		    u8 revision, u8[3] 0
 *	2 REGION    u16 index, u16 0, u32 flags, u64 size, sub-records
 *	3 INTERRUPT u16 kind, u16 count (INTx: the pin, 1..4); MSI-X goes on:
 *		    u8 BAR of the table, u8 BAR of the PBA, u16 0, u32 offset of the table,
 *		    u32 offset of the PBA
 *	4 NAME	    the name, without a final 0
 *	5 REGISTER  optional, see registers.c
 *	6 PATH	    optional: u16 index, u16 0, device-tree path without a final 0
 *	7 FEATURES  optional, and
 *	8 SRIOV	    optional, see device_features.c
 *
 * Sub-records look like records. REGION has
 *
 *	1 RESIZABLE optional: u32 sizes that the BAR may have, bit n: 1 MiB << n
 *
 * Further bytes behind the
 * last field of PCI and INTERRUPT are ignored, so that they can grow.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include "cursor.h"
#include "records.h"

enum interrupt_kind { INTERRUPT_INTX, INTERRUPT_MSI, INTERRUPT_MSIX, INTERRUPT_KINDS };

enum { PCI_BYTES = 16, REGION_BYTES = 16, INTERRUPT_BYTES = 4, MSIX_BYTES = 16, PATH_BYTES = 4 };

void tlpb__put_record(struct writer *w, enum record_type type, uint16_t flags, size_t length)
{
	write_u16(w, (uint16_t)type);
	write_u16(w, flags);
	write_u32(w, (uint32_t)length);
}

static void put_record(struct writer *w, enum record_type type, size_t length)
{
	tlpb__put_record(w, type, 0, length);
}

static void put_pci(struct writer *w, const struct tlpb_device *dev)
{
	put_record(w, RECORD_PCI, PCI_BYTES);
	write_u16(w, dev->vendor_id);
	write_u16(w, dev->device_id);
	write_u16(w, dev->subsystem_vendor_id);
	write_u16(w, dev->subsystem_id);
	write_u32(w, dev->class_code);
	write_u32(w, dev->revision);
}

static void put_region(struct writer *w, const struct tlpb_device *dev, unsigned index)
{
	const struct tlpb_region *region = &dev->region[index];
	uint32_t sizes = index < TLPB_BARS ? dev->resizable[index] : 0;

	if (!region->size)
		return;
	put_record(w, RECORD_REGION, REGION_BYTES + (sizes ? RECORD_HEADER + 4 : 0));
	write_u16(w, (uint16_t)index);
	write_u16(w, 0);
	write_u32(w, region->flags);
	write_u64(w, region->size);
	if (!sizes)
		return;
	tlpb__put_record(w, (enum record_type)SUB_RECORD_RESIZABLE, RECORD_OPTIONAL, 4);
	write_u32(w, sizes);
}

static void put_interrupt(struct writer *w, enum interrupt_kind kind, uint16_t count)
{
	if (!count)
		return;
	put_record(w, RECORD_INTERRUPT, INTERRUPT_BYTES);
	write_u16(w, (uint16_t)kind);
	write_u16(w, count);
}

static void put_msix(struct writer *w, const struct tlpb_device *dev)
{
	if (!dev->msix_vectors)
		return;
	put_record(w, RECORD_INTERRUPT, MSIX_BYTES);
	write_u16(w, INTERRUPT_MSIX);
	write_u16(w, dev->msix_vectors);
	write_u16(w, (uint16_t)(dev->msix_table_bar | dev->msix_pba_bar << 8));
	write_u16(w, 0);
	write_u32(w, dev->msix_table_offset);
	write_u32(w, dev->msix_pba_offset);
}

static void put_path(struct writer *w, const struct tlpb_device *dev)
{
	size_t len = strnlen(dev->path, TLPB_PATH_MAX);

	if (!len && !dev->path_index)
		return;
	tlpb__put_record(w, RECORD_PATH, RECORD_OPTIONAL, PATH_BYTES + len);
	write_u16(w, dev->path_index);
	write_u16(w, 0);
	write_bytes(w, dev->path, len);
}

int tlpb_device_encode(const struct tlpb_device *dev, uint8_t *bytes, size_t size)
{
	struct writer w = { bytes, bytes, bytes + size, false };
	size_t name_len = strnlen(dev->name, TLPB_NAME_MAX);

	put_record(&w, RECORD_NAME, name_len);
	write_bytes(&w, dev->name, name_len);
	put_pci(&w, dev);
	for (unsigned i = 0; i < TLPB_REGIONS; i++)
		put_region(&w, dev, i);
	put_interrupt(&w, INTERRUPT_INTX, dev->intx_pin);
	put_interrupt(&w, INTERRUPT_MSI, dev->msi_vectors);
	put_msix(&w, dev);
	put_path(&w, dev);
	tlpb__put_features(&w, dev);
	return w.bad ? TLPB_ERR_TOO_LARGE : (int)(w.p - w.start);
}

/* What a decoder has met, so that nothing is said twice. */
struct decoder {
	struct tlpb_device *dev;
	struct why why;
	bool pci, name, path, features, sriov, region[TLPB_REGIONS], interrupt[INTERRUPT_KINDS];
};

int tlpb__next_record(struct reader *r, struct record *record, const char *what,
		      const struct why *why)
{
	size_t left = (size_t)(r->end - r->p);

	if (!left)
		return 0;
	record->type = read_u16(r);
	record->flags = read_u16(r);
	record->length = read_u32(r);
	if (r->bad)
		return tlpb__refuse(why, TLPB_ERR_TRUNCATED, "%zu bytes are too short for a %s", left,
			      what);
	record->value = read_bytes(r, record->length);
	if (r->bad)
		return tlpb__refuse(why, TLPB_ERR_TRUNCATED, "%s %u says %u bytes, %zu are left", what,
			      record->type, record->length, left - 8);
	return 1;
}

static int unknown_record(const struct record *record, const char *what, const struct why *why)
{
	if (record->flags & RECORD_OPTIONAL)
		return 0;
	return tlpb__refuse(why, TLPB_ERR_PROTOCOL, "%s %u is required by the peer, but not known here",
		      what, record->type);
}

static int too_short(const struct decoder *d, const struct record *record, const char *name)
{
	return tlpb__refuse(&d->why, TLPB_ERR_TRUNCATED, "%u bytes are too short for a record %s",
		      record->length, name);
}

/* Refuses what was met before. */
static int once(const struct decoder *d, bool *met, const char *name)
{
	if (*met)
		return tlpb__refuse(&d->why, TLPB_ERR_PROTOCOL, "%s is described twice", name);
	*met = true;
	return 0;
}

static int get_pci(struct decoder *d, const struct record *record)
{
	const uint8_t *p = record->value;
	struct tlpb_device *dev = d->dev;

	if (record->length < PCI_BYTES)
		return too_short(d, record, "PCI");
	dev->vendor_id = get_le16(p);
	dev->device_id = get_le16(p + 2);
	dev->subsystem_vendor_id = get_le16(p + 4);
	dev->subsystem_id = get_le16(p + 6);
	dev->class_code = get_le32(p + 8);
	dev->revision = p[12];
	return once(d, &d->pci, "PCI");
}

static int get_sub_record(const struct decoder *d, unsigned index, const struct record *sub)
{
	if (sub->type != SUB_RECORD_RESIZABLE || index >= TLPB_BARS)
		return unknown_record(sub, "sub-record", &d->why);
	if (sub->length < 4)
		return too_short(d, sub, "RESIZABLE");
	d->dev->resizable[index] = get_le32(sub->value);
	return 0;
}

static int get_sub_records(const struct decoder *d, unsigned index, struct reader r)
{
	struct record sub;
	int ret;

	while ((ret = tlpb__next_record(&r, &sub, "sub-record", &d->why)) > 0) {
		ret = get_sub_record(d, index, &sub);
		if (ret)
			return ret;
	}
	return ret;
}

static int get_region(struct decoder *d, const struct record *record)
{
	const uint8_t *p = record->value;
	struct reader rest;
	unsigned index;
	int err;

	if (record->length < REGION_BYTES)
		return too_short(d, record, "REGION");
	index = get_le16(p);
	if (index >= TLPB_REGIONS)
		return tlpb__refuse(&d->why, TLPB_ERR_INVALID, "there is no region %u", index);
	err = once(d, &d->region[index], tlpb__region_name(index));
	if (err)
		return err;
	d->dev->region[index].flags = get_le32(p + 4);
	d->dev->region[index].size = get_le64(p + 8);
	rest = (struct reader){ p + REGION_BYTES, p + record->length, false };
	return get_sub_records(d, index, rest);
}

static int get_msix(struct decoder *d, const struct record *record)
{
	const uint8_t *p = record->value;

	if (record->length < MSIX_BYTES)
		return too_short(d, record, "INTERRUPT MSI-X");
	d->dev->msix_vectors = get_le16(p + 2);
	d->dev->msix_table_bar = p[4];
	d->dev->msix_pba_bar = p[5];
	d->dev->msix_table_offset = get_le32(p + 8);
	d->dev->msix_pba_offset = get_le32(p + 12);
	return 0;
}

/* The device's fields are bytes: nothing may vanish before tlpb_device_check(). */
static int get_byte_count(const struct decoder *d, uint16_t count, uint8_t *field, const char *name)
{
	if (count > UINT8_MAX)
		return tlpb__refuse(&d->why, TLPB_ERR_INVALID, "%s: %u is not allowed", name, count);
	*field = (uint8_t)count;
	return 0;
}

static int get_interrupt(struct decoder *d, const struct record *record)
{
	static const char *const names[INTERRUPT_KINDS] = { "INTx", "MSI", "MSI-X" };
	uint16_t kind, count;
	int err;

	if (record->length < INTERRUPT_BYTES)
		return too_short(d, record, "INTERRUPT");
	kind = get_le16(record->value);
	count = get_le16(record->value + 2);
	if (kind >= INTERRUPT_KINDS)
		return record->flags & RECORD_OPTIONAL ? 0 :
		       tlpb__refuse(&d->why, TLPB_ERR_PROTOCOL,
			      "interrupt kind %u is required by the peer, not known here", kind);
	err = once(d, &d->interrupt[kind], names[kind]);
	if (err)
		return err;
	if (kind == INTERRUPT_MSIX)
		return get_msix(d, record);
	return get_byte_count(d, count, kind == INTERRUPT_MSI ? &d->dev->msi_vectors
							      : &d->dev->intx_pin, names[kind]);
}

/* A text of the device's own into field, of size bytes. */
static int get_text(const struct decoder *d, const uint8_t *text, size_t len, char *field,
		    size_t size, const char *what)
{
	if (len >= size)
		return tlpb__refuse(&d->why, TLPB_ERR_INVALID, "a %s of %zu bytes is longer than %zu",
				    what, len, size - 1);
	/* The rest of a text would hide behind a 0. */
	if (len && memchr(text, 0, len))
		return tlpb__refuse(&d->why, TLPB_ERR_INVALID, "the %s has a 0 in it", what);
	if (len)
		memcpy(field, text, len);
	return 0;
}

static int get_name(struct decoder *d, const struct record *record)
{
	int err = once(d, &d->name, "NAME");

	return err ? err : get_text(d, record->value, record->length, d->dev->name, TLPB_NAME_MAX,
				    "name");
}

static int get_path(struct decoder *d, const struct record *record)
{
	int err;

	if (record->length < PATH_BYTES)
		return too_short(d, record, "PATH");
	err = once(d, &d->path, "PATH");
	if (err)
		return err;
	d->dev->path_index = get_le16(record->value);
	return get_text(d, record->value + PATH_BYTES, record->length - PATH_BYTES, d->dev->path,
			TLPB_PATH_MAX, "path");
}

static int get_record(struct decoder *d, const struct record *record)
{
	int err;

	switch (record->type) {
	case RECORD_PCI:
		return get_pci(d, record);
	case RECORD_REGION:
		return get_region(d, record);
	case RECORD_INTERRUPT:
		return get_interrupt(d, record);
	case RECORD_NAME:
		return get_name(d, record);
	case RECORD_PATH:
		return get_path(d, record);
	case RECORD_FEATURES:
		err = once(d, &d->features, "FEATURES");
		return err ? err : tlpb__get_features(record, d->dev, &d->why);
	case RECORD_SRIOV:
		err = once(d, &d->sriov, "SRIOV");
		return err ? err : tlpb__get_sriov(record, d->dev, &d->why);
	case RECORD_REGISTER:
		return 0;	/* tlpb_registers_decode() */
	default:
		return unknown_record(record, "record", &d->why);
	}
}

static int decode(struct decoder *d, struct reader r)
{
	struct record record;
	int ret;

	while ((ret = tlpb__next_record(&r, &record, "record", &d->why)) > 0) {
		ret = get_record(d, &record);
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	if (!d->pci)
		return tlpb__refuse(&d->why, TLPB_ERR_PROTOCOL, "the record PCI is missing");
	return tlpb__check_device(d->dev, &d->why);
}

int tlpb_device_decode(const uint8_t *bytes, size_t len, struct tlpb_device *dev,
		       char *why, size_t why_size)
{
	struct decoder d = { .dev = dev, .why = { why, why_size } };
	int err;

	memset(dev, 0, sizeof *dev);
	err = decode(&d, (struct reader){ bytes, bytes + len, false });
	if (err)
		memset(dev, 0, sizeof *dev);
	return err;
}
