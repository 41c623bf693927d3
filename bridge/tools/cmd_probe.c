/* SPDX-License-Identifier: MIT */
/*
 * tlpbridge probe: a device as lspci -vvv and a register browser show it. Each part is read
 * once and then said as text or put into JSON.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include "cmd.h"
#include "config_bits.h"
#include "place.h"
#include "text.h"

static const char help[] =
"usage: tlpbridge probe URL [OPTION...]\n"
"\n"
"Join the server at URL as a host, enumerate the device as firmware does, and show it:\n"
"IDs, command and status, BARs, capabilities, and its registers by name with their\n"
"values and fields. A register whose read has side effects is shown as \"not read\".\n"
"\n"
"  --no-read               read no register of a BAR\n"
"  --read-all              read those with side effects, too\n"
"  -x                      config space in hexadecimal as well\n"
"  --json                  a JSON object\n"
SESSION_HELP
"\n"
"Exit status: 0, 1 when the device cannot be read, 2 when the command line is wrong.\n";

enum { OPT_JSON = OPT_OTHERS, OPT_NO_READ, OPT_READ_ALL };

enum {
	CAP_POINTER = 0x34, CAP_MSI = 0x05, STATUS = 0x06, STATUS_CAPS = 1 << 4,
	EXTENDED = 0x100, CONFIG_BYTES = 4096,
	CAPS_MAX = 48, EXTENDED_MAX = 960,	/* as many as fit: a longer chain is a loop */
};

struct arguments {
	struct session_options session;
	bool json, no_read, read_all, hex;
};

/* What is said goes here: text when json is NULL. */
struct probe {
	struct session *s;
	const struct arguments *args;
	cJSON *json;
	uint8_t config[CONFIG_BYTES];
};

static uint32_t config_at(const struct probe *p, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < size && offset + i < CONFIG_BYTES; i++)
		value |= (uint32_t)p->config[offset + i] << 8 * i;
	return value;
}

/* ---- header ---- */

static void say_register(struct probe *p, cJSON *to, const struct bit_register *reg, unsigned at,
			 const char *indent)
{
	uint32_t value = config_at(p, at, reg->size);

	if (to) {
		cJSON_AddItemToObject(to, reg->name, bit_register_json(reg, value));
		return;
	}
	printf("%s", indent);
	bit_register_print(reg, value);
	printf("\n");
}

static void ids_json(struct probe *p)
{
	cJSON *o = p->json;

	cJSON_AddStringToObject(o, "name", p->s->device->name);
	cJSON_AddStringToObject(o, "address", "01:00.0");
	json_add_hex(o, "vendor_id", config_at(p, 0, 2), 4);
	json_add_hex(o, "device_id", config_at(p, 2, 2), 4);
	json_add_hex(o, "class_code", config_at(p, 8, 4) >> 8, 6);
	json_add_hex(o, "revision", config_at(p, 8, 1), 2);
	json_add_hex(o, "subsystem_vendor_id", config_at(p, 0x2c, 2), 4);
	json_add_hex(o, "subsystem_id", config_at(p, 0x2e, 2), 4);
	cJSON_AddNumberToObject(o, "interrupt_pin", config_at(p, 0x3d, 1));
	cJSON_AddBoolToObject(o, "shared_memory", tlpb_rc_shared_memory(p->s->rc));
}

static void say_ids(struct probe *p)
{
	unsigned pin = config_at(p, 0x3d, 1);

	if (p->json) {
		ids_json(p);
		return;
	}
	printf("01:00.0 %s [%04x]: %04x:%04x (rev %02x)  \"%s\"\n",
	       class_name(config_at(p, 8, 4) >> 8), config_at(p, 0xa, 2), config_at(p, 0, 2),
	       config_at(p, 2, 2), config_at(p, 8, 1), p->s->device->name);
	printf("\tSubsystem: %04x:%04x\n", config_at(p, 0x2c, 2), config_at(p, 0x2e, 2));
	if (pin)
		printf("\tInterrupt: pin %c routed to line %u\n", '@' + pin, config_at(p, 0x3c, 1));
	printf("\tLink: %s\n", tlpb_rc_shared_memory(p->s->rc) ? "shared memory" : p->args->session.url);
}

static void say_region(struct probe *p, cJSON *list, unsigned i, const struct tlpb_region *kind,
		       uint64_t addr, uint64_t size)
{
	const char *space = kind->flags & TLPB_REGION_IO ? "I/O ports" : "Memory";
	char bytes[24];
	cJSON *o;

	if (list) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "region", region_text(i));
		json_add_hex(o, "address", addr, 1);
		json_add_u64(o, "size", size);
		cJSON_AddBoolToObject(o, "io", kind->flags & TLPB_REGION_IO);
		cJSON_AddBoolToObject(o, "64bit", kind->flags & TLPB_REGION_64BIT);
		cJSON_AddBoolToObject(o, "prefetchable", kind->flags & TLPB_REGION_PREFETCH);
		cJSON_AddItemToArray(list, o);
	} else if (i == TLPB_ROM) {
		printf("\tExpansion ROM at %" PRIx64 " [size=%s]\n", addr, size_text(size, bytes));
	} else if (kind->flags & TLPB_REGION_IO) {
		printf("\tRegion %u: %s at %" PRIx64 " [size=%s]\n", i, space, addr,
		       size_text(size, bytes));
	} else {
		printf("\tRegion %u: %s at %" PRIx64 " (%d-bit, %sprefetchable) [size=%s]\n", i, space,
		       addr, kind->flags & TLPB_REGION_64BIT ? 64 : 32,
		       kind->flags & TLPB_REGION_PREFETCH ? "" : "non-", size_text(size, bytes));
	}
}

/* The kind as config space told it, not as the records say. */
static void say_regions(struct probe *p)
{
	cJSON *list = p->json ? cJSON_AddArrayToObject(p->json, "regions") : NULL;

	for (unsigned i = 0; i < TLPB_BARS; i++) {
		const struct tlpb_rc_bar *bar = &p->s->bar[i];
		struct tlpb_region kind = { 0 };

		kind.flags = (bar->io ? TLPB_REGION_IO : 0u) | (bar->is_64bit ? TLPB_REGION_64BIT : 0u) |
			     (bar->prefetch ? TLPB_REGION_PREFETCH : 0u);
		if (bar->size)
			say_region(p, list, i, &kind, bar->addr, bar->size);
	}
	if (p->s->rom)
		say_region(p, list, TLPB_ROM, &p->s->device->region[TLPB_ROM], p->s->rom,
			   p->s->device->region[TLPB_ROM].size);
}

/* ---- capabilities ---- */

static void say_capability(struct probe *p, cJSON *list, unsigned at)
{
	unsigned id = p->config[at];
	const struct capability *cap = find_capability(id);
	cJSON *o = list ? cJSON_CreateObject() : NULL;

	if (o) {
		json_add_hex(o, "offset", at, 2);
		json_add_hex(o, "id", id, 2);
		cJSON_AddStringToObject(o, "name", cap ? cap->name : "unknown");
		cJSON_AddItemToArray(list, o);
	} else if (cap) {
		printf("\tCapabilities: [%02x] %s\n", at, cap->name);
	} else {
		printf("\tCapabilities: [%02x] unknown, ID 0x%02x\n", at, id);
	}
	for (const struct bit_register *r = cap ? cap->registers : NULL; r && r->name; r++) {
		unsigned offset = id == CAP_MSI
			? msi_register_offset(r, (uint16_t)config_at(p, at + 2, 2)) : r->offset;

		if (offset)
			say_register(p, o, r, at + offset, "\t\t");
	}
}

static void say_capabilities(struct probe *p)
{
	cJSON *list = p->json ? cJSON_AddArrayToObject(p->json, "capabilities") : NULL;
	unsigned at = config_at(p, STATUS, 2) & STATUS_CAPS ? p->config[CAP_POINTER] & 0xfcu : 0;

	for (unsigned n = 0; at >= 0x40 && n < CAPS_MAX; n++) {
		say_capability(p, list, at);
		at = p->config[at + 1] & 0xfcu;
	}
}

static void say_extended_capability(struct probe *p, cJSON *list, unsigned at, uint32_t head)
{
	const struct capability *cap = find_extended_capability(head & 0xffff);
	const char *name = extended_capability_name(head & 0xffff);
	cJSON *o = NULL;

	if (list) {
		o = cJSON_CreateObject();
		json_add_hex(o, "offset", at, 3);
		json_add_hex(o, "id", head & 0xffff, 4);
		cJSON_AddNumberToObject(o, "version", head >> 16 & 15);
		cJSON_AddStringToObject(o, "name", name ? name : "unknown");
		cJSON_AddItemToArray(list, o);
	} else {
		printf("\tCapabilities: [%03x v%u] %s, ID 0x%04x\n", at, head >> 16 & 15,
		       name ? name : "unknown", head & 0xffff);
	}
	for (const struct bit_register *r = cap ? cap->registers : NULL; r && r->name; r++)
		say_register(p, o, r, at + r->offset, "\t\t");
}

static void say_extended(struct probe *p)
{
	cJSON *list = p->json ? cJSON_AddArrayToObject(p->json, "extended_capabilities") : NULL;
	unsigned at = EXTENDED;

	for (unsigned n = 0; at >= EXTENDED && n < EXTENDED_MAX; n++) {
		uint32_t head = config_at(p, at, 4);

		if (!head || head == UINT32_MAX)
			return;
		say_extended_capability(p, list, at, head);
		at = head >> 20 & 0xffc;
	}
}

/* ---- registers ---- */

/* NULL: it is to be read. */
static const char *why_not_read(const struct probe *p, const struct tlpb_register *r)
{
	if (r->access == TLPB_ACCESS_WO)
		return "write-only";
	if (p->args->no_read)
		return "not read";
	if (p->args->read_all)
		return NULL;
	return r->read_effect || r->access == TLPB_ACCESS_RC
	       ? "not read: a read has side effects (--read-all)" : NULL;
}

static void print_register(const struct tlpb_register *r, const char *not_read, uint64_t value)
{
	char place[40];

	snprintf(place, sizeof place, "%s:0x%03" PRIx64, region_text(r->region), r->offset);
	printf("\t%-12s %-20s %-3s ", place, r->name, tlpb_access_name(r->access));
	if (not_read)
		printf("%s", not_read);
	else
		printf("0x%0*" PRIx64, (int)r->width / 4, value);
	printf("%s%s\n", *r->description ? "  " : "", r->description);
	if (not_read || !r->fields)
		return;
	printf("\t            ");
	fields_print(r, value);
	printf("\n");
}

static cJSON *register_json(const struct tlpb_register *r, const char *not_read, uint64_t value)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "region", region_text(r->region));
	json_add_hex(o, "offset", r->offset, 1);
	cJSON_AddStringToObject(o, "name", r->name);
	cJSON_AddStringToObject(o, "access", tlpb_access_name(r->access));
	cJSON_AddStringToObject(o, "description", r->description);
	if (not_read) {
		cJSON_AddStringToObject(o, "not_read", not_read);
		return o;
	}
	json_add_hex(o, "value", value, (int)r->width / 4);
	if (r->fields)
		cJSON_AddItemToObject(o, "fields", fields_json(r, value));
	return o;
}

static bool say_registers(struct probe *p)
{
	const struct tlpb_registers *regs = p->s->registers;
	cJSON *list = p->json ? cJSON_AddArrayToObject(p->json, "registers") : NULL;

	if (!list && regs->count)
		printf("\tRegisters:\n");
	for (unsigned i = 0; i < regs->count; i++) {
		const struct tlpb_register *r = &regs->reg[i];
		const char *not_read = why_not_read(p, r);
		uint64_t value = 0;
		int err = not_read ? 0 : session_get(p->s, r->region, r->offset, r->width, &value);

		if (session_interrupted() || p->s->down[0])
			return complain("%s", p->s->down[0] ? p->s->down : "interrupted");
		if (err)
			not_read = tlpb_strerror(err);
		if (list)
			cJSON_AddItemToArray(list, register_json(r, not_read, value));
		else
			print_register(r, not_read, value);
	}
	return true;
}

/* ---- hex ---- */

/* As lspci prints it: 256 bytes, or all if there is something behind. */
static void say_hex(struct probe *p)
{
	unsigned end = config_at(p, EXTENDED, 4) ? CONFIG_BYTES : EXTENDED;
	char hex[3 * CONFIG_BYTES];

	for (unsigned i = 0; i < end; i++)
		snprintf(hex + 2 * i, 3, "%02x", p->config[i]);
	if (p->json) {
		cJSON_AddStringToObject(p->json, "config", hex);
		return;
	}
	for (unsigned i = 0; i < end; i++) {
		if (i % 16 == 0)
			printf("%02x:", i);
		printf(" %.2s%s", hex + 2 * i, i % 16 == 15 ? "\n" : "");
	}
}

/* ---- command line ---- */

static bool read_config(struct probe *p)
{
	int err = session_read(p->s, TLPB_CONFIG, 0, p->config, EXTENDED + 4);

	if (!err && config_at(p, EXTENDED, 4))
		err = session_read(p->s, TLPB_CONFIG, 0, p->config, CONFIG_BYTES);
	if (!err)
		return true;
	return session_interrupted() ? false :
	       complain("config space cannot be read: %s", tlpb_strerror(err));
}

static bool probe(struct session *s, const struct arguments *args)
{
	static struct probe p;
	bool done;

	p = (struct probe){ .s = s, .args = args };
	if (!read_config(&p))
		return false;
	p.json = args->json ? cJSON_CreateObject() : NULL;
	say_ids(&p);
	say_register(&p, p.json, &command_register, command_register.offset, "\t");
	say_register(&p, p.json, &status_register, status_register.offset, "\t");
	say_regions(&p);
	say_capabilities(&p);
	say_extended(&p);
	done = say_registers(&p);
	if (args->hex)
		say_hex(&p);
	if (done && p.json)
		return json_print(p.json, true);
	cJSON_Delete(p.json);
	return done;
}

int cmd_probe(int argc, char **argv)
{
	static const struct option options[] = {
		SESSION_OPTIONS,
		{ "json", no_argument, NULL, OPT_JSON },
		{ "no-read", no_argument, NULL, OPT_NO_READ },
		{ "read-all", no_argument, NULL, OPT_READ_ALL },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arguments a = { 0 };
	struct session s = { 0 };
	int opt;
	bool done;

	while ((opt = getopt_long(argc, argv, "hx", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		case 'x':
			a.hex = true;
			break;
		case OPT_JSON:
			a.json = true;
			break;
		case OPT_NO_READ:
			a.no_read = true;
			break;
		case OPT_READ_ALL:
			a.read_all = true;
			break;
		default:
			if (opt == '?' || !session_option(&a.session, opt, optarg))
				return EXIT_USAGE;
		}
	}
	if (argc - optind != 1) {
		complain("probe needs one URL; see tlpbridge probe --help");
		return EXIT_USAGE;
	}
	a.session.url = argv[optind];
	session_catch_signals();
	done = session_open(&s, &a.session) && session_enumerate(&s) && probe(&s, &a);
	done = session_close(&s) && done;
	return done && flush_stdout() ? EXIT_OK : session_failure();
}
