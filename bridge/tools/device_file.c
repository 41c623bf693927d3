/* SPDX-License-Identifier: MIT */
/*
 * The file: "TLPD", u16 version, u16 0, u32 length, u32 0, and the records as the frame
 * DEVICE has them; little-endian.
 *
 * Printing and comparing see a description as a list of facts, each a key and a value.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tlpbridge/wire.h>
#include "device_file.h"
#include "place.h"
#include "text.h"

enum { FILE_HEADER = 16, FILE_VERSION = 1 };

static const uint8_t magic[4] = "TLPD";

static unsigned get16(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

/* ---- load and save ---- */

static bool decode(struct description *d, const char *from)
{
	char why[256];

	if (tlpb_device_decode(d->bytes, d->len, &d->device, why, sizeof why) ||
	    tlpb_registers_decode(d->bytes, d->len, &d->device, &d->registers, why, sizeof why))
		return complain("%s: the device's records are broken: %s", from, why);
	return true;
}

/* What a server listens at looks like a file, but can only be connected to. */
static bool is_socket(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

static bool refuse_socket(const char *path)
{
	char absolute[PATH_MAX];

	return complain("%s is a server's socket, not a file: give its URL, ipc://%s", path,
			realpath(path, absolute) ? absolute : path);
}

static bool load_file(struct description *d, const char *path)
{
	if (is_socket(path))
		return refuse_socket(path);
	d->bytes = read_file(path, FILE_HEADER + TLPB_FRAME_MAX, &d->len);
	if (!d->bytes)
		return false;
	if (d->len < FILE_HEADER || memcmp(d->bytes, magic, sizeof magic))
		return complain("%s holds no device records: make such a file by tlpbridge device URL "
				"--save FILE", path);
	if (get16(d->bytes + 4) != FILE_VERSION)
		return complain("%s has version %u, this tlpbridge knows %d", path, get16(d->bytes + 4),
				FILE_VERSION);
	if (get32(d->bytes + 8) != d->len - FILE_HEADER)
		return complain("%s is cut: it says %u bytes of records and has %zu", path,
				get32(d->bytes + 8), d->len - FILE_HEADER);
	d->len -= FILE_HEADER;
	memmove(d->bytes, d->bytes + FILE_HEADER, d->len);
	return decode(d, path);
}

static bool load_url(struct description *d, const struct session_options *options)
{
	struct session s = { 0 };
	const uint8_t *bytes;
	bool loaded = session_open(&s, options);

	if (loaded) {
		bytes = tlpb_rc_records(s.rc, &d->len);
		d->bytes = malloc(d->len + 1);
		loaded = d->bytes && bytes;
		if (loaded)
			memcpy(d->bytes, bytes, d->len);
		else
			complain("out of memory");
	}
	loaded = session_close(&s) && loaded;
	return loaded && decode(d, options->url);
}

bool description_load(struct description *d, const struct session_options *options)
{
	*d = (struct description){ 0 };
	return strstr(options->url, "://") || !strncmp(options->url, "fd:", 3)
	       ? load_url(d, options) : load_file(d, options->url);
}

bool description_save(const struct description *d, const char *path)
{
	size_t len = FILE_HEADER + d->len;
	uint8_t *bytes = calloc(1, len);
	bool saved;

	if (!bytes)
		return complain("out of memory");
	memcpy(bytes, magic, sizeof magic);
	bytes[4] = FILE_VERSION;
	for (unsigned i = 0; i < 4; i++)
		bytes[8 + i] = (uint8_t)(d->len >> 8 * i);
	memcpy(bytes + FILE_HEADER, d->bytes, d->len);
	saved = write_file(path, bytes, len);
	free(bytes);
	return saved;
}

void description_free(struct description *d)
{
	free(d->bytes);
	tlpb_registers_free(d->registers);
	*d = (struct description){ 0 };
}

/* ---- facts ---- */

struct fact {
	char key[160], value[512];
};

struct facts {
	struct fact *fact;
	size_t count, room;
};

__attribute__((format(printf, 3, 4)))
static void add(struct facts *f, const char *key, const char *format, ...)
{
	struct fact *fact;
	va_list args;

	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 32;
		struct fact *more = realloc(f->fact, room * sizeof *more);

		if (!more)
			return;
		f->fact = more;
		f->room = room;
	}
	fact = &f->fact[f->count++];
	snprintf(fact->key, sizeof fact->key, "%s", key);
	va_start(args, format);
	vsnprintf(fact->value, sizeof fact->value, format, args);
	va_end(args);
}

const char *region_kind_text(const struct tlpb_region *r, char text[64])
{
	if (r->flags & TLPB_REGION_IO)
		snprintf(text, 64, "I/O");
	else
		snprintf(text, 64, "memory, %d-bit, %sprefetchable",
			 r->flags & TLPB_REGION_64BIT ? 64 : 32,
			 r->flags & TLPB_REGION_PREFETCH ? "" : "non-");
	return text;
}

static void add_region(struct facts *f, const struct tlpb_device *dev, unsigned i)
{
	const struct tlpb_region *r = &dev->region[i];
	char kind[64], size[24];

	if (!r->size)
		return;
	add(f, region_text(i), "%s%s, %s%s%s%s", size_text(r->size, size),
	    r->size < 1024 ? " bytes" : "",
	    i == TLPB_ROM ? "expansion ROM" : i == TLPB_CONFIG ? "config space"
					    : region_kind_text(r, kind),
	    r->flags & TLPB_REGION_READ ? ", readable" : "",
	    r->flags & TLPB_REGION_WRITE ? ", writable" : "",
	    r->flags & TLPB_REGION_MAPPABLE ? ", mappable" : "");
}

static void add_interrupts(struct facts *f, const struct tlpb_device *dev)
{
	if (dev->intx_pin)
		add(f, "INTx", "INT%c", 'A' + dev->intx_pin - 1);
	if (dev->msi_vectors)
		add(f, "MSI", "%u vectors", dev->msi_vectors);
	if (dev->msix_vectors)
		add(f, "MSI-X", "%u vectors, table at bar%u:0x%x, PBA at bar%u:0x%x",
		    dev->msix_vectors, dev->msix_table_bar, dev->msix_table_offset,
		    dev->msix_pba_bar, dev->msix_pba_offset);
}

static void add_features(struct facts *f, const struct tlpb_device *dev)
{
	char key[32], kind[64], size[24];

	for (uint32_t bit = 1; bit; bit <<= 1)
		if (dev->has & bit)
			add(f, tlpb_has_name(bit), "yes");
	if (dev->serial_number)
		add(f, "serial number", "%016" PRIx64, dev->serial_number);
	for (unsigned i = 0; i < TLPB_BARS; i++) {
		if (!dev->resizable[i])
			continue;
		snprintf(key, sizeof key, "%s sizes", region_text(i));
		add(f, key, "0x%" PRIx32 " (bit n: 1 MiB << n)", dev->resizable[i]);
	}
	if (!dev->sriov.vfs)
		return;
	add(f, "SR-IOV", "%u VFs, offset %u, stride %u, device ID %04x, %u MSI-X vectors each",
	    dev->sriov.vfs, dev->sriov.offset, dev->sriov.stride, dev->sriov.device_id,
	    dev->sriov.msix_vectors);
	for (unsigned i = 0; i < TLPB_BARS; i++) {
		if (!dev->sriov.region[i].size)
			continue;
		snprintf(key, sizeof key, "VF %s", region_text(i));
		add(f, key, "%s, %s", size_text(dev->sriov.region[i].size, size),
		    region_kind_text(&dev->sriov.region[i], kind));
	}
}

static void add_register(struct facts *f, const struct tlpb_register *r)
{
	char key[160], text[400];
	size_t used;

	snprintf(key, sizeof key, "%s:0x%03" PRIx64 " %s", region_text(r->region), r->offset, r->name);
	used = (size_t)snprintf(text, sizeof text, "%s%s, %u bits", tlpb_access_name(r->access),
				r->read_effect ? ", a read has side effects" : "", r->width);
	for (unsigned i = 0; i < r->fields && used < sizeof text; i++) {
		const struct tlpb_field *b = &r->field[i];

		used += (size_t)(b->width == 1
			? snprintf(text + used, sizeof text - used, ", %s %u", b->name, b->low)
			: snprintf(text + used, sizeof text - used, ", %s %u:%u", b->name,
				   b->low + b->width - 1u, b->low));
	}
	add(f, key, "%s%s%s", text, *r->description ? "; " : "", r->description);
}

static struct facts facts_of(const struct description *d)
{
	const struct tlpb_device *dev = &d->device;
	struct facts f = { 0 };

	add(&f, "name", "%s", dev->name);
	add(&f, "vendor ID", "%04x", dev->vendor_id);
	add(&f, "device ID", "%04x", dev->device_id);
	add(&f, "subsystem", "%04x:%04x", dev->subsystem_vendor_id, dev->subsystem_id);
	add(&f, "class code", "%06x", dev->class_code);
	add(&f, "revision", "%02x", dev->revision);
	for (unsigned i = 0; i < TLPB_REGIONS; i++)
		add_region(&f, dev, i);
	add_interrupts(&f, dev);
	add_features(&f, dev);
	if (dev->path[0])
		add(&f, "path", "%s, index %u", dev->path, dev->path_index);
	for (unsigned i = 0; i < d->registers->count; i++)
		add_register(&f, &d->registers->reg[i]);
	return f;
}

void description_print(const struct description *d)
{
	struct facts f = facts_of(d);

	for (size_t i = 0; i < f.count; i++)
		printf("%-24s %s\n", f.fact[i].key, f.fact[i].value);
	free(f.fact);
}

/* ---- compare ---- */

static const struct fact *lookup(const struct facts *f, const char *key)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->fact[i].key, key))
			return &f->fact[i];
	return NULL;
}

unsigned description_compare(const struct description *a, const struct description *b)
{
	struct facts fa = facts_of(a), fb = facts_of(b);
	unsigned differences = 0;

	for (size_t i = 0; i < fa.count; i++) {
		const struct fact *other = lookup(&fb, fa.fact[i].key);

		if (other && !strcmp(other->value, fa.fact[i].value))
			continue;
		printf("%s: %s -> %s\n", fa.fact[i].key, fa.fact[i].value,
		       other ? other->value : "not there");
		differences++;
	}
	for (size_t i = 0; i < fb.count; i++) {
		if (lookup(&fa, fb.fact[i].key))
			continue;
		printf("%s: not there -> %s\n", fb.fact[i].key, fb.fact[i].value);
		differences++;
	}
	if (!differences && (a->len != b->len || memcmp(a->bytes, b->bytes, a->len))) {
		printf("the bytes of the records differ in what this version does not show\n");
		differences++;
	}
	free(fa.fact);
	free(fb.fact);
	return differences;
}

/* ---- JSON ---- */

static cJSON *region_json(const struct tlpb_region *r, unsigned i)
{
	static const struct { uint32_t flag; const char *name; } flags[] = {
		{ TLPB_REGION_READ, "read" }, { TLPB_REGION_WRITE, "write" },
		{ TLPB_REGION_MAPPABLE, "mappable" }, { TLPB_REGION_PREFETCH, "prefetchable" },
		{ TLPB_REGION_IO, "io" }, { TLPB_REGION_64BIT, "64-bit" },
	};
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "flags");

	cJSON_AddStringToObject(o, "region", region_text(i));
	json_add_u64(o, "size", r->size);
	for (unsigned f = 0; f < sizeof flags / sizeof flags[0]; f++)
		if (r->flags & flags[f].flag)
			cJSON_AddItemToArray(list, cJSON_CreateString(flags[f].name));
	return o;
}

static cJSON *register_json(const struct tlpb_register *r)
{
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(o, "region", region_text(r->region));
	json_add_hex(o, "offset", r->offset, 1);
	cJSON_AddStringToObject(o, "name", r->name);
	cJSON_AddNumberToObject(o, "width", r->width);
	cJSON_AddStringToObject(o, "access", tlpb_access_name(r->access));
	cJSON_AddBoolToObject(o, "read_effect", r->read_effect);
	cJSON_AddStringToObject(o, "description", r->description);
	list = cJSON_AddArrayToObject(o, "fields");
	for (unsigned i = 0; i < r->fields; i++) {
		cJSON *field = cJSON_CreateObject();

		cJSON_AddStringToObject(field, "name", r->field[i].name);
		cJSON_AddNumberToObject(field, "low", r->field[i].low);
		cJSON_AddNumberToObject(field, "width", r->field[i].width);
		cJSON_AddItemToArray(list, field);
	}
	return o;
}

static void add_interrupts_json(cJSON *o, const struct tlpb_device *dev)
{
	cJSON *msix;

	cJSON_AddNumberToObject(o, "intx_pin", dev->intx_pin);
	cJSON_AddNumberToObject(o, "msi_vectors", dev->msi_vectors);
	msix = cJSON_AddObjectToObject(o, "msix");
	cJSON_AddNumberToObject(msix, "vectors", dev->msix_vectors);
	cJSON_AddNumberToObject(msix, "table_bar", dev->msix_table_bar);
	json_add_hex(msix, "table_offset", dev->msix_table_offset, 1);
	cJSON_AddNumberToObject(msix, "pba_bar", dev->msix_pba_bar);
	json_add_hex(msix, "pba_offset", dev->msix_pba_offset, 1);
}

static void add_features_json(cJSON *o, const struct tlpb_device *dev)
{
	cJSON *list = cJSON_AddArrayToObject(o, "has"), *sriov;

	for (uint32_t bit = 1; bit; bit <<= 1)
		if (dev->has & bit)
			cJSON_AddItemToArray(list, cJSON_CreateString(tlpb_has_name(bit)));
	json_add_hex(o, "serial_number", dev->serial_number, 16);
	list = cJSON_AddArrayToObject(o, "resizable");
	for (unsigned i = 0; i < TLPB_BARS; i++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber(dev->resizable[i]));
	sriov = cJSON_AddObjectToObject(o, "sriov");
	cJSON_AddNumberToObject(sriov, "vfs", dev->sriov.vfs);
	cJSON_AddNumberToObject(sriov, "offset", dev->sriov.offset);
	cJSON_AddNumberToObject(sriov, "stride", dev->sriov.stride);
	json_add_hex(sriov, "device_id", dev->sriov.device_id, 4);
	cJSON_AddNumberToObject(sriov, "msix_vectors", dev->sriov.msix_vectors);
	list = cJSON_AddArrayToObject(sriov, "regions");
	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (dev->sriov.region[i].size)
			cJSON_AddItemToArray(list, region_json(&dev->sriov.region[i], i));
}

cJSON *description_json(const struct description *d)
{
	const struct tlpb_device *dev = &d->device;
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(o, "name", dev->name);
	json_add_hex(o, "vendor_id", dev->vendor_id, 4);
	json_add_hex(o, "device_id", dev->device_id, 4);
	json_add_hex(o, "subsystem_vendor_id", dev->subsystem_vendor_id, 4);
	json_add_hex(o, "subsystem_id", dev->subsystem_id, 4);
	json_add_hex(o, "class_code", dev->class_code, 6);
	json_add_hex(o, "revision", dev->revision, 2);
	list = cJSON_AddArrayToObject(o, "regions");
	for (unsigned i = 0; i < TLPB_REGIONS; i++)
		if (dev->region[i].size)
			cJSON_AddItemToArray(list, region_json(&dev->region[i], i));
	add_interrupts_json(o, dev);
	add_features_json(o, dev);
	cJSON_AddStringToObject(o, "path", dev->path);
	cJSON_AddNumberToObject(o, "path_index", dev->path_index);
	list = cJSON_AddArrayToObject(o, "registers");
	for (unsigned i = 0; i < d->registers->count; i++)
		cJSON_AddItemToArray(list, register_json(&d->registers->reg[i]));
	return o;
}
