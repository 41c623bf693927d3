/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BAR0_MIN = 0x10000,	/* bytes: registers, MSI-X table, PBA */
	VF_BAR_MIN = 4096,
	RESIZABLE_MIN = 1 << 20,
	FUNCTIONS_PLAIN = 8,	/* numbers of a device without ARI */
};

#define RW (TLPB_REGION_READ | TLPB_REGION_WRITE)

struct tlpb_device device = {
	.name = "endpoint-test", .vendor_id = 0x104c, .device_id = 0xb500, .class_code = 0xff0000,
	.region = { { 64 << 10, RW }, { 4 << 10, RW }, { 8 << 10, RW }, { 16 << 10, RW },
		    { 4 << 10, RW }, { 4 << 10, RW } },
	.intx_pin = 1, .msi_vectors = 32, .msix_vectors = 2048,
	.msix_table_offset = 0x4000, .msix_pba_offset = 0xc000,
};

unsigned functions = 1;

static unsigned vfs;	/* of each function */
static uint32_t wanted;	/* enum tlpb_has */

/*
 * The functions come first, then the VFs of each; more numbers than a device has by itself
 * need ARI. Called after each option, so that they may come in any order.
 */
static void fit_functions(void)
{
	struct tlpb_sriov *s = &device.sriov;

	device.has = wanted;
	if (functions * (1 + vfs) > FUNCTIONS_PLAIN)
		device.has |= TLPB_HAS_ARI;
	*s = (struct tlpb_sriov){
		.vfs = (uint16_t)vfs, .offset = (uint16_t)functions, .stride = 1,
		.device_id = device.device_id, .msix_vectors = device.msix_vectors,
		.msix_table_offset = device.msix_table_offset,
		.msix_pba_offset = device.msix_pba_offset,
	};
	for (unsigned i = 0; i < TLPB_BARS; i++)	/* what SR-IOV allows (9.2.1.1.1) */
		if (!(device.region[i].flags & TLPB_REGION_IO) && device.region[i].size >= VF_BAR_MIN)
			s->region[i] = device.region[i];
}

uint64_t largest_size(unsigned bar)
{
	uint64_t size = device.region[bar].size;

	while (device.resizable[bar] && size < UINT64_C(1) << 40 &&
	       device.resizable[bar] & (uint32_t)(2 * (size / RESIZABLE_MIN)))
		size *= 2;
	return size;
}

void function_device(unsigned number, struct tlpb_device *own)
{
	*own = device;
	own->sriov.offset = (uint16_t)(functions + number * vfs - number);
	if (device.intx_pin)
		own->intx_pin = (uint8_t)(1 + number % 4);
}

struct reason {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int invalid(const struct reason *why,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, why->size, format, args);
	va_end(args);
	return TLPB_ERR_INVALID;
}

/* Digits and nothing else, at most max. */
static int parse_number(const char *text, int base, uint64_t max, uint64_t *value,
			const struct reason *why)
{
	char *end = NULL;

	errno = 0;
	if (isxdigit((unsigned char)*text))
		*value = strtoull(text, &end, base);
	if (!end || end == text || *end || errno)
		return invalid(why, "\"%s\" is not a number%s", text,
			       base == 16 ? " in hexadecimal digits" : "");
	if (*value > max)
		return invalid(why, base == 16 ? "\"%s\" is more than %llx" : "\"%s\" is more than %llu",
			       text, (unsigned long long)max);
	return 0;
}

/* ---- --bars ---- */

static const struct {
	const char *name;
	uint32_t flags;
} kinds[] = {
	{ "mem32", RW }, { "mem64", RW | TLPB_REGION_64BIT },
	{ "pref32", RW | TLPB_REGION_PREFETCH },
	{ "pref64", RW | TLPB_REGION_PREFETCH | TLPB_REGION_64BIT }, { "io", RW | TLPB_REGION_IO },
};

static int parse_kind(const char *text, uint32_t *flags, const struct reason *why)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(text, kinds[i].name)) {
			*flags = kinds[i].flags;
			return 0;
		}
	return invalid(why, "unknown kind \"%s\": use mem32, mem64, pref32, pref64 or io", text);
}

static int parse_size(const char *text, uint64_t *size, const struct reason *why)
{
	static const char units[] = "KMG";
	char *end = NULL, *unit;

	errno = 0;
	if (isdigit((unsigned char)*text))
		*size = strtoull(text, &end, 10);
	if (!end || errno)
		return invalid(why, "\"%s\" is not a size like 256, 64K, 1M or 4G", text);
	if (!*end)
		return 0;
	unit = strchr(units, *end);
	if (!unit || end[1])
		return invalid(why, "unknown unit in size \"%s\": use K, M or G", text);
	*size <<= 10 * (unit - units + 1);
	return 0;
}

/* What PCI allows (7.5.1.2.1); I/O BARs stay within 256 bytes. */
static int check_bar(unsigned index, const struct tlpb_region *bar, const struct reason *why)
{
	bool io = bar->flags & TLPB_REGION_IO, wide = bar->flags & TLPB_REGION_64BIT;
	uint64_t least = io ? 4 : 16, most = io ? 256 : wide ? 1ull << 40 : 1ull << 31;

	if (!bar->size || bar->size & (bar->size - 1))
		return invalid(why, "BAR%u: size is not a power of two", index);
	if (bar->size < least || bar->size > most)
		return invalid(why, "BAR%u: size must be %llu to %llu bytes", index,
			       (unsigned long long)least, (unsigned long long)most);
	if (wide && index == TLPB_BARS - 1)
		return invalid(why, "BAR%u: a 64-bit BAR needs the next one as well", index);
	if (device.region[index].size)
		return invalid(why, "BAR%u is given twice", index);
	return 0;
}

/* text is taken apart. */
static int parse_bar(char *text, const struct reason *why)
{
	char *kind = strchr(text, ':'), *size = kind ? strchr(kind + 1, ':') : NULL;
	struct tlpb_region bar = { 0 };
	uint64_t index = 0;
	int err;

	if (!size)
		return invalid(why, "\"%s\" is not INDEX:KIND:SIZE, for example 0:mem32:64K", text);
	*kind++ = 0;
	*size++ = 0;
	err = parse_number(text, 10, TLPB_BARS - 1, &index, why);
	if (!err)
		err = parse_kind(kind, &bar.flags, why);
	if (!err)
		err = parse_size(size, &bar.size, why);
	if (!err)
		err = check_bar((unsigned)index, &bar, why);
	if (!err)
		device.region[index] = bar;
	return err;
}

static int check_layout(const struct reason *why)
{
	const struct tlpb_region *bar = device.region;

	for (unsigned i = 1; i < TLPB_BARS; i++)
		if (bar[i].size && bar[i - 1].flags & TLPB_REGION_64BIT)
			return invalid(why, "BAR%u is the upper half of the 64-bit BAR before it", i);
	if (bar[0].size < BAR0_MIN || bar[0].flags & TLPB_REGION_IO)
		return invalid(why, "BAR0 holds the registers: it must be memory of at least 64K, "
			       "for example 0:mem32:64K");
	return 0;
}

static int take_bars(void *ctx, const char *value, char *why, size_t why_size)
{
	const struct reason reason = { why, why_size };
	char text[256], *next = text, *bar;
	int err = 0;

	if (strlen(value) >= sizeof text)
		return invalid(&reason, "more than %zu characters", sizeof text - 1);
	strcpy(text, value);
	memset(device.region, 0, sizeof device.region);
	memset(device.resizable, 0, sizeof device.resizable);
	while (!err && (bar = strsep(&next, ",")))
		err = parse_bar(bar, &reason);
	fit_functions();
	return err ? err : check_layout(&reason);
}

/* ---- the others ---- */

static int take_id(void *ctx, const char *value, char *why, size_t why_size)
{
	const struct reason reason = { why, why_size };
	char text[16], *colon;
	uint64_t vendor = 0, id = 0;
	int err;

	snprintf(text, sizeof text, "%s", value);
	colon = strchr(text, ':');
	if (!colon)
		return invalid(&reason, "\"%s\" is not VENDOR:DEVICE, for example 104c:b500", value);
	*colon = 0;
	err = parse_number(text, 16, 0xfffe, &vendor, &reason);
	if (!err)
		err = parse_number(colon + 1, 16, 0xffff, &id, &reason);
	device.vendor_id = (uint16_t)vendor;
	device.device_id = (uint16_t)id;
	fit_functions();
	return err;
}

static int take_msi(void *ctx, const char *value, char *why, size_t why_size)
{
	const struct reason reason = { why, why_size };
	uint64_t vectors = 0;
	int err = parse_number(value, 10, 32, &vectors, &reason);

	if (!err && vectors & (vectors - 1))
		return invalid(&reason, "%s is not 0, 1, 2, 4, 8, 16 or 32", value);
	device.msi_vectors = (uint8_t)vectors;
	return err;
}

static int take_msix(void *ctx, const char *value, char *why, size_t why_size)
{
	uint64_t vectors = 0;
	int err = parse_number(value, 10, 2048, &vectors, &(struct reason){ why, why_size });

	device.msix_vectors = (uint16_t)vectors;
	fit_functions();
	return err;
}

static int take_no_intx(void *ctx, const char *value, char *why, size_t why_size)
{
	device.intx_pin = 0;
	return 0;
}

static int take_aer(void *ctx, const char *value, char *why, size_t why_size)
{
	wanted |= TLPB_HAS_AER;
	fit_functions();
	return 0;
}

static int take_capability(const char *name, const struct reason *why)
{
	for (unsigned i = 0; i < 32; i++)
		if (!strcmp(name, tlpb_has_name(UINT32_C(1) << i))) {
			wanted |= UINT32_C(1) << i;
			return 0;
		}
	return invalid(why, "unknown capability \"%s\": --help lists them", name);
}

static int take_has(void *ctx, const char *value, char *why, size_t why_size)
{
	const struct reason reason = { why, why_size };
	char text[256], *next = text, *name;
	int err = 0;

	snprintf(text, sizeof text, "%s", value);
	while (!err && (name = strsep(&next, ",")))
		err = take_capability(name, &reason);
	fit_functions();
	return err;
}

/* ---- --resizable ---- */

static int check_resizable(unsigned index, uint64_t most, const struct reason *why)
{
	uint64_t size = device.region[index].size;

	if (size < RESIZABLE_MIN || device.region[index].flags & TLPB_REGION_IO)
		return invalid(why, "BAR%u must be memory of 1M or more: say so before, with --bars",
			       index);
	if (most < size || most & (most - 1) || most > 1ull << 40)
		return invalid(why, "the largest size of BAR%u must be a power of two from its size to "
			       "1024G", index);
	return 0;
}

static int take_resizable(void *ctx, const char *value, char *why, size_t why_size)
{
	const struct reason reason = { why, why_size };
	char text[64], *size;
	uint64_t index = 0, most = 0;
	int err;

	snprintf(text, sizeof text, "%s", value);
	size = strchr(text, ':');
	if (!size)
		return invalid(&reason, "\"%s\" is not INDEX:LARGEST, for example 2:16M", value);
	*size++ = 0;
	err = parse_number(text, 10, TLPB_BARS - 1, &index, &reason);
	if (!err)
		err = parse_size(size, &most, &reason);
	if (!err)
		err = check_resizable((unsigned)index, most, &reason);
	if (!err)	/* a bit for each power of two from 1 MiB on */
		device.resizable[index] = (uint32_t)(2 * (most / RESIZABLE_MIN) - 1);
	return err;
}

static int check_functions(const struct reason *why)
{
	fit_functions();
	if (functions * (1 + vfs) > FUNCTIONS_MAX)
		return invalid(why, "%u functions of %u virtual ones each are more than the %u numbers "
			       "that there are", functions, vfs, FUNCTIONS_MAX);
	return 0;
}

static int take_functions(void *ctx, const char *value, char *why, size_t why_size)
{
	const struct reason reason = { why, why_size };
	uint64_t n = 0;
	int err = parse_number(value, 10, FUNCTIONS_MAX, &n, &reason);

	if (!err && !n)
		return invalid(&reason, "there is always function 0: 1 or more");
	functions = (unsigned)n;
	return err ? err : check_functions(&reason);
}

static int take_vfs(void *ctx, const char *value, char *why, size_t why_size)
{
	const struct reason reason = { why, why_size };
	uint64_t n = 0;
	int err = parse_number(value, 10, FUNCTIONS_MAX - 1, &n, &reason);

	vfs = (unsigned)n;
	return err ? err : check_functions(&reason);
}

static int take_ecrc(void *ctx, const char *value, char *why, size_t why_size)
{
	wanted |= TLPB_HAS_AER | TLPB_HAS_ECRC;
	fit_functions();
	return 0;
}

const struct tlpb_model_option options[] = {
	{ "bars", "LAYOUT", "which BARs there are: INDEX:KIND:SIZE,...\n"
	  "kinds: mem32 mem64 pref32 pref64 io; BAR0: memory, 64K or more\n"
	  "default: 0:mem32:64K,1:mem32:4K,2:mem32:8K,3:mem32:16K,4:mem32:4K,5:mem32:4K", take_bars },
	{ "id", "VENDOR:DEVICE", "IDs, hexadecimal (104c:b500)", take_id },
	{ "msi", "N", "MSI vectors: 0 (none), 1, 2, 4, 8, 16 or 32 (32)", take_msi },
	{ "msix", "N", "MSI-X vectors: 0 (none) to 2048 (2048)", take_msix },
	{ "no-intx", NULL, "no INTx line", take_no_intx },
	{ "aer", NULL, "with Advanced Error Reporting", take_aer },
	{ "ecrc", NULL, "the same, and with ECRC", take_ecrc },
	{ "has", "LIST", "capabilities: of aer, ecrc, ari, ltr, pme, soft-reset, 10-bit-tags, atomic-32,\n"
	  "atomic-64, cas-128, atomic-requests, deferrable-writes, deferrable-write-requests", take_has },
	{ "resizable", "INDEX:LARGEST", "a BAR that software may give any size from 1M on", take_resizable },
	{ "functions", "N", "functions, all alike (1)", take_functions },
	{ "vfs", "N", "virtual functions of each function, by SR-IOV (0)", take_vfs },
	{ 0 },
};
