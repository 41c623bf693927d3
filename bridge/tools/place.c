/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include "place.h"
#include "text.h"

static const char *const regions[TLPB_REGIONS] = {
	"bar0", "bar1", "bar2", "bar3", "bar4", "bar5", "rom", "cfg",
};

/* The header of config space (7.5.1); capabilities are where the device put them. */
static const struct tlpb_register header[] = {
#define HEADER(its_name, at, bits) { .name = its_name, .region = TLPB_CONFIG, .offset = at, .width = bits }
	HEADER("VENDOR_ID", 0x00, 16), HEADER("DEVICE_ID", 0x02, 16), HEADER("COMMAND", 0x04, 16),
	HEADER("STATUS", 0x06, 16), HEADER("REVISION", 0x08, 8), HEADER("CLASS_PROG", 0x09, 8),
	HEADER("CLASS_DEVICE", 0x0a, 16), HEADER("CACHE_LINE_SIZE", 0x0c, 8),
	HEADER("HEADER_TYPE", 0x0e, 8), HEADER("BASE_ADDRESS_0", 0x10, 32),
	HEADER("BASE_ADDRESS_1", 0x14, 32), HEADER("BASE_ADDRESS_2", 0x18, 32),
	HEADER("BASE_ADDRESS_3", 0x1c, 32), HEADER("BASE_ADDRESS_4", 0x20, 32),
	HEADER("BASE_ADDRESS_5", 0x24, 32), HEADER("SUBSYSTEM_VENDOR_ID", 0x2c, 16),
	HEADER("SUBSYSTEM_ID", 0x2e, 16), HEADER("ROM_ADDRESS", 0x30, 32),
	HEADER("INTERRUPT_LINE", 0x3c, 8), HEADER("INTERRUPT_PIN", 0x3d, 8),
#undef HEADER
};

enum { HEADERS = sizeof header / sizeof header[0] };

const char *region_text(unsigned region)
{
	return regions[region];
}

unsigned place_width(const char *letter)
{
	static const char letters[] = "bwlq";
	const char *at = letter[0] && !letter[1] ? strchr(letters, letter[0]) : NULL;

	return at ? 8u << (at - letters) : 0;
}

/* ---- where ---- */

/* "bar0:rest" to its region and rest; false: no such prefix. */
static bool take_region(const char **text, unsigned *region)
{
	const char *colon = strchr(*text, ':');

	for (unsigned i = 0; colon && i < TLPB_REGIONS; i++) {
		size_t len = strlen(regions[i]);

		if (len != (size_t)(colon - *text) || strncasecmp(*text, regions[i], len))
			continue;
		*region = i;
		*text = colon + 1;
		return true;
	}
	return false;
}

/* region -1: any. */
static const struct tlpb_register *find_name(const struct session *s, int region, const char *name)
{
	for (unsigned i = 0; i < s->registers->count; i++) {
		const struct tlpb_register *r = &s->registers->reg[i];

		if ((region < 0 || r->region == (unsigned)region) && !strcasecmp(r->name, name))
			return r;
	}
	for (unsigned i = 0; region == TLPB_CONFIG && i < HEADERS; i++)
		if (!strcasecmp(header[i].name, name))
			return &header[i];
	return NULL;
}

static const struct tlpb_register *find_offset(const struct session *s, const struct place *p)
{
	for (unsigned i = 0; i < s->registers->count; i++) {
		const struct tlpb_register *r = &s->registers->reg[i];

		if (r->region == p->region && r->offset == p->offset && r->width == p->width)
			return r;
	}
	return NULL;
}

/* A name or an offset, without width. */
static bool find(const struct session *s, const char *rest, int region, struct place *p)
{
	const struct tlpb_register *r = find_name(s, region, rest);

	if (!r)
		return region >= 0 && parse_number(rest, &p->offset);
	p->region = r->region;
	p->offset = r->offset;
	p->width = r->width;
	p->reg = r;
	return true;
}

/* A name may end in .b, too: it comes first. */
static bool find_with_width(const struct session *s, const char *rest, int region, struct place *p)
{
	char stem[sizeof p->text];
	const char *dot = strrchr(rest, '.');

	if (find(s, rest, region, p))
		return true;
	if (!dot || !place_width(dot + 1))
		return false;
	snprintf(stem, sizeof stem, "%.*s", (int)(dot - rest), rest);
	if (!find(s, stem, region, p))
		return false;
	if (p->reg && p->reg->width != place_width(dot + 1))
		p->reg = NULL;	/* its fields do not fit */
	p->width = place_width(dot + 1);
	return true;
}

/* A number, and perhaps a width behind it. */
static bool is_offset(const char *rest)
{
	const char *dot = strrchr(rest, '.');
	char stem[sizeof ((struct place *)0)->text];
	uint64_t offset;

	if (!dot || !place_width(dot + 1))
		return parse_number(rest, &offset);
	snprintf(stem, sizeof stem, "%.*s", (int)(dot - rest), rest);
	return parse_number(stem, &offset);
}

/* Names begin with a letter: what begins with a digit is an offset. */
bool place_syntax(const char *text)
{
	const char *rest = text;
	unsigned region;
	bool has_region = take_region(&rest, &region);

	if (strlen(text) >= sizeof ((struct place *)0)->text)
		return complain("\"%.40s...\" is too long for a place", text);
	if (!has_region && strchr(text, ':'))
		return complain("%s: the region is bar0 to bar5, rom or cfg", text);
	if (!has_region && (!*text || isdigit((unsigned char)*text)))
		return complain("\"%s\" is no place: use REGION:OFFSET, for example bar0:0x10, or the "
				"name of a register", text);
	if (has_region && (!*rest || isdigit((unsigned char)*rest)) && !is_offset(rest))
		return complain("%s: \"%s\" is no offset", text, rest);
	return true;
}

static bool unknown_place(const struct session *s, const char *text, const char *rest, int region)
{
	if (!s->registers->count)
		return complain("%s: %s has no names of registers: use REGION:OFFSET, for example "
				"bar0:0x10", text, s->device->name);
	return complain("%s: %s has no register \"%s\"%s%s: tlpbridge device URL lists them; or use "
			"REGION:OFFSET, for example bar0:0x10", text, s->device->name, rest,
			region >= 0 ? " in " : "", region >= 0 ? regions[region] : "");
}

bool place_fits(const struct session *s, const struct place *p, uint64_t len)
{
	uint64_t size = session_region_size(s, p->region);

	if (!size)
		return complain("%s: %s has no %s", p->text, s->device->name, regions[p->region]);
	if (p->offset < size && len <= size - p->offset)
		return true;
	return complain("%s: %" PRIu64 " bytes at 0x%" PRIx64 " exceed %s, which has 0x%" PRIx64
			" bytes", p->text, len, p->offset, regions[p->region], size);
}

bool place_parse(const struct session *s, const char *text, struct place *p)
{
	const char *rest = text;
	unsigned region = 0;
	bool has_region = take_region(&rest, &region);

	*p = (struct place){ .region = region, .width = 32 };
	if (!place_syntax(text))
		return false;
	strcpy(p->text, text);
	if (!find_with_width(s, rest, has_region ? (int)region : -1, p))
		return unknown_place(s, text, rest, has_region ? (int)region : -1);
	if (!p->reg)
		p->reg = find_offset(s, p);
	return place_fits(s, p, p->width / 8);
}

/* ---- what ---- */

static uint64_t ones(unsigned width)
{
	return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

enum { VALUE_MAX = 256 };

static bool is_value(const char *text)
{
	char copy[VALUE_MAX], *rest = copy, *word;
	uint64_t number;

	if (strlen(text) >= sizeof copy)
		return false;
	strcpy(copy, text);
	while ((word = strsep(&rest, "|")))
		if (!*word || (isdigit((unsigned char)*word) && !parse_number(word, &number)))
			return false;
	return true;
}

bool place_value_syntax(const char *where, const char *text)
{
	return is_value(text) || complain("%s: \"%.40s\" is no value", where, text);
}

static bool word_value(const struct place *p, const char *word, uint64_t *value)
{
	if (parse_number(word, value))
		return true;
	for (unsigned i = 0; p->reg && i < p->reg->fields; i++) {
		const struct tlpb_field *f = &p->reg->field[i];

		if (strcasecmp(f->name, word))
			continue;
		*value = ones(f->width) << f->low;
		return true;
	}
	return complain("%s: \"%s\" is neither a number nor a field of the register", p->text, word);
}

bool place_value(const struct place *p, const char *text, uint64_t *value)
{
	char copy[VALUE_MAX], *rest = copy, *word;

	*value = 0;
	if (!place_value_syntax(p->text, text))
		return false;
	strcpy(copy, text);
	while ((word = strsep(&rest, "|"))) {
		uint64_t part;

		if (!word_value(p, word, &part))
			return false;
		*value |= part;
	}
	if (*value & ~ones(p->width))
		return complain("%s: 0x%" PRIx64 " has more than %u bits", p->text, *value, p->width);
	return true;
}

static bool access_failed(const struct session *s, const struct place *p, const char *what, int err)
{
	if (session_interrupted())
		return false;
	return complain("%s cannot be %s: %s%s%s", p->text, what, tlpb_strerror(err),
			s->down[0] ? ": " : "", s->down);
}

bool place_get(struct session *s, const struct place *p, uint64_t *value)
{
	int err = session_get(s, p->region, p->offset, p->width, value);

	return !err || access_failed(s, p, "read", err);
}

bool place_put(struct session *s, const struct place *p, uint64_t value)
{
	int err = session_put(s, p->region, p->offset, p->width, value);

	return !err || access_failed(s, p, "written", err);
}

/* ---- print ---- */

static uint64_t field_value(const struct tlpb_field *f, uint64_t value)
{
	return value >> f->low & ones(f->width);
}

static void print_field(const struct tlpb_field *f, uint64_t value)
{
	value = field_value(f, value);
	printf(value < 10 ? " %s=%" PRIu64 : " %s=0x%" PRIx64, f->name, value);
}

void fields_print(const struct tlpb_register *reg, uint64_t value)
{
	for (unsigned i = 0; i < reg->fields; i++)
		print_field(&reg->field[i], value);
}

cJSON *fields_json(const struct tlpb_register *reg, uint64_t value)
{
	cJSON *o = cJSON_CreateObject();

	for (unsigned i = 0; i < reg->fields; i++)
		json_add_u64(o, reg->field[i].name, field_value(&reg->field[i], value));
	return o;
}

void place_print(const struct place *p, uint64_t value)
{
	printf("%s:0x%" PRIx64 " %s%s= 0x%0*" PRIx64, regions[p->region], p->offset,
	       p->reg ? p->reg->name : "", p->reg ? " " : "", (int)p->width / 4, value);
	if (p->reg && p->reg->fields) {
		printf(" ");
		fields_print(p->reg, value);
	}
	printf("\n");
}

cJSON *place_json(const struct place *p, uint64_t value)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "region", regions[p->region]);
	json_add_hex(o, "offset", p->offset, 1);
	if (p->reg)
		cJSON_AddStringToObject(o, "name", p->reg->name);
	cJSON_AddNumberToObject(o, "width", p->width);
	json_add_hex(o, "value", value, (int)p->width / 4);
	if (p->reg && p->reg->fields)
		cJSON_AddItemToObject(o, "fields", fields_json(p->reg, value));
	return o;
}
