/* SPDX-License-Identifier: MIT */
/* What makes a description of a device legal: of the model's author, and of a peer. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include "records.h"

enum {
	MSIX_MAX = 2048,		/* vectors */
	MSIX_ENTRY = 16,		/* bytes a vector in the table */
	MSIX_PBA_VECTORS = 64,		/* vectors in 8 bytes of the PBA */
};

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

int tlpb__refuse(const struct why *why, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, why->size, fmt, args);
	va_end(args);
	return err;
}

const char *tlpb__region_name(unsigned index)
{
	static const char *const names[TLPB_REGIONS] = {
		"BAR0", "BAR1", "BAR2", "BAR3", "BAR4", "BAR5", "ROM", "CONFIG",
	};

	return names[index];
}

static bool is_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* None of the flags in forbidden. */
static int check_flags(const struct tlpb_device *dev, unsigned i, uint32_t forbidden,
		       const struct why *why)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} names[] = {
		{ TLPB_REGION_MAPPABLE, "mappable" },
		{ TLPB_REGION_PREFETCH, "prefetchable" },
		{ TLPB_REGION_IO, "in I/O space" },
		{ TLPB_REGION_64BIT, "64-bit" },
	};
	uint32_t bad = dev->region[i].flags & forbidden;
	bool io = dev->region[i].flags & TLPB_REGION_IO;

	for (unsigned n = 0; n < sizeof names / sizeof names[0]; n++)
		if (bad & names[n].flag)
			return tlpb__refuse(why, TLPB_ERR_INVALID, "%s%s cannot be %s", tlpb__region_name(i),
				      io && i < TLPB_BARS ? ", an I/O BAR," : "", names[n].text);
	return 0;
}

static int check_size(const struct tlpb_device *dev, unsigned i, uint64_t least, uint64_t most,
		      const struct why *why)
{
	unsigned long long size = dev->region[i].size;

	if (!is_power_of_2(size))
		return tlpb__refuse(why, TLPB_ERR_INVALID, "%s: %llu bytes are not a power of two",
			      tlpb__region_name(i), size);
	if (size < least || size > most)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "%s: %llu bytes are outside of what PCI allows here, %llu to %llu",
			      tlpb__region_name(i), size, (unsigned long long)least,
			      (unsigned long long)most);
	return 0;
}

/* The upper half of a 64-bit BAR takes the next one. */
static int check_pair(const struct tlpb_device *dev, unsigned i, const struct why *why)
{
	if (i + 1 == TLPB_BARS)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "%s cannot be 64-bit: no BAR follows for its upper half",
			      tlpb__region_name(i));
	if (dev->region[i + 1].size)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "%s: %llu bytes, but it must be empty as upper half of the 64-bit %s",
			      tlpb__region_name(i + 1), (unsigned long long)dev->region[i + 1].size,
			      tlpb__region_name(i));
	return 0;
}

static int check_bar(const struct tlpb_device *dev, unsigned i, const struct why *why)
{
	uint32_t flags = dev->region[i].flags;
	int err;

	if (flags & TLPB_REGION_IO) {
		err = check_flags(dev, i, TLPB_REGION_PREFETCH | TLPB_REGION_64BIT |
				  TLPB_REGION_MAPPABLE, why);
		return err ? err : check_size(dev, i, 4, 256, why);
	}
	if (!(flags & TLPB_REGION_64BIT))
		return check_size(dev, i, 16, 2 * GIB, why);
	err = check_size(dev, i, 16, UINT64_C(1) << 63, why);
	return err ? err : check_pair(dev, i, why);
}

static int check_rom(const struct tlpb_device *dev, const struct why *why)
{
	int err = check_flags(dev, TLPB_ROM, TLPB_REGION_IO | TLPB_REGION_64BIT |
			      TLPB_REGION_PREFETCH, why);

	return err ? err : check_size(dev, TLPB_ROM, 2 * KIB, 16 * MIB, why);
}

static int check_config(const struct tlpb_device *dev, const struct why *why)
{
	uint64_t size = dev->region[TLPB_CONFIG].size;

	if (size != 256 && size != 4096)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "CONFIG: %llu bytes, but config space has 256 or 4096",
			      (unsigned long long)size);
	return check_flags(dev, TLPB_CONFIG, ~(uint32_t)(TLPB_REGION_READ | TLPB_REGION_WRITE),
			   why);
}

static int check_region(const struct tlpb_device *dev, unsigned i, const struct why *why)
{
	const uint32_t known = TLPB_REGION_READ | TLPB_REGION_WRITE | TLPB_REGION_MAPPABLE |
			       TLPB_REGION_PREFETCH | TLPB_REGION_IO | TLPB_REGION_64BIT;
	uint32_t unknown = dev->region[i].flags & ~known;

	if (!dev->region[i].size)
		return 0;
	if (unknown)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "%s has unknown flags 0x%x", tlpb__region_name(i),
			      unknown);
	if (i == TLPB_CONFIG)
		return check_config(dev, why);
	return i == TLPB_ROM ? check_rom(dev, why) : check_bar(dev, i, why);
}

static uint64_t msix_table_bytes(const struct tlpb_device *dev)
{
	return (uint64_t)dev->msix_vectors * MSIX_ENTRY;
}

static uint64_t msix_pba_bytes(const struct tlpb_device *dev)
{
	return ((uint64_t)dev->msix_vectors + MSIX_PBA_VECTORS - 1) / MSIX_PBA_VECTORS * 8;
}

/* The table or the PBA: aligned, and inside a memory BAR. */
static int check_msix_part(const struct tlpb_device *dev, const char *part, unsigned bar,
			   uint32_t offset, uint64_t bytes, const struct why *why)
{
	const struct tlpb_region *region;

	if (bar >= TLPB_BARS)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "the MSI-X %s is in BAR%u, which no device has", part, bar);
	region = &dev->region[bar];
	if (!region->size || region->flags & TLPB_REGION_IO)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "the MSI-X %s is in BAR%u, which is %s", part,
			      bar, region->size ? "an I/O BAR" : "not implemented");
	if (offset % 8)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "the MSI-X %s is at offset 0x%x of BAR%u, not a multiple of 8 bytes",
			      part, offset, bar);
	if (offset + bytes > region->size)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "the MSI-X %s, %llu bytes at 0x%x, exceeds BAR%u of %llu bytes", part,
			      (unsigned long long)bytes, offset, bar,
			      (unsigned long long)region->size);
	return 0;
}

static bool msix_parts_overlap(const struct tlpb_device *dev)
{
	return dev->msix_table_bar == dev->msix_pba_bar &&
	       dev->msix_table_offset < dev->msix_pba_offset + msix_pba_bytes(dev) &&
	       dev->msix_pba_offset < dev->msix_table_offset + msix_table_bytes(dev);
}

static int check_msix(const struct tlpb_device *dev, const struct why *why)
{
	int err;

	if (!dev->msix_vectors)
		return 0;
	if (dev->msix_vectors > MSIX_MAX)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "%u MSI-X vectors are more than %d",
			      dev->msix_vectors, MSIX_MAX);
	err = check_msix_part(dev, "table", dev->msix_table_bar, dev->msix_table_offset,
			      msix_table_bytes(dev), why);
	if (err)
		return err;
	err = check_msix_part(dev, "PBA", dev->msix_pba_bar, dev->msix_pba_offset,
			      msix_pba_bytes(dev), why);
	if (err)
		return err;
	if (msix_parts_overlap(dev))
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "the MSI-X table at 0x%x and PBA at 0x%x overlap in BAR%u",
			      dev->msix_table_offset, dev->msix_pba_offset, dev->msix_table_bar);
	return 0;
}

static int check_interrupts(const struct tlpb_device *dev, const struct why *why)
{
	if (dev->intx_pin > 4)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "interrupt pin %u is none of 1 to 4 (INTA to INTD)", dev->intx_pin);
	if (dev->msi_vectors && (!is_power_of_2(dev->msi_vectors) || dev->msi_vectors > 32))
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "%u MSI vectors are none of 1, 2, 4, 8, 16, 32", dev->msi_vectors);
	return check_msix(dev, why);
}

static int check_text(const char *text, size_t size, const char *what, const struct why *why)
{
	size_t len = strnlen(text, size);

	if (len == size)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "the %s is longer than %zu bytes", what,
				    size - 1);
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return tlpb__refuse(why, TLPB_ERR_INVALID,
					    "byte %zu of the %s, 0x%02x, is not a printable character",
					    i, what, (unsigned char)text[i]);
	return 0;
}

static int check_texts(const struct tlpb_device *dev, const struct why *why)
{
	int err;

	if (!dev->name[0])
		return tlpb__refuse(why, TLPB_ERR_INVALID, "the device has no name");
	err = check_text(dev->name, sizeof dev->name, "name", why);
	return err ? err : check_text(dev->path, sizeof dev->path, "path", why);
}

static int check_ids(const struct tlpb_device *dev, const struct why *why)
{
	/* Reading all ones there means to software that nobody is there. */
	if (dev->vendor_id == 0xffff)
		return tlpb__refuse(why, TLPB_ERR_INVALID,
			      "vendor ID 0xffff means that there is no device");
	if (dev->class_code >> 24)
		return tlpb__refuse(why, TLPB_ERR_INVALID, "class code 0x%x has more than 24 bits",
			      dev->class_code);
	return 0;
}

int tlpb__check_resources(const struct tlpb_device *dev, const struct why *why)
{
	int err = 0;

	for (unsigned i = 0; !err && i < TLPB_REGIONS; i++)
		err = check_region(dev, i, why);
	return err ? err : check_interrupts(dev, why);
}

int tlpb__check_device(const struct tlpb_device *dev, const struct why *why)
{
	int err = check_texts(dev, why);

	if (!err)
		err = check_ids(dev, why);
	if (!err)
		err = tlpb__check_resources(dev, why);
	return err ? err : tlpb__check_features(dev, why);
}

int tlpb_device_check(const struct tlpb_device *dev, char *text, size_t size)
{
	const struct why why = { text, size };

	return tlpb__check_device(dev, &why);
}
