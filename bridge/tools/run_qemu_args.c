/* SPDX-License-Identifier: MIT */
/* QEMU's command line: what the user's lacks for a tlpbridge device. */
#include "run_args.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ITEM = 512,
	CHASSIS = 201,		/* of our root ports; people count theirs from 0 */
	URL_MAX = 512,
};

#define RAM_ID "tlpbridge-ram"
#define DEFAULT_RAM "128M"	/* QEMU's own */

/* What the user's command line says of the things that we would add. */
struct seen {
	char machine[64];	/* "" : QEMU's default */
	char ram[64];		/* "" : not given; with a unit */
	bool memory;		/* he has a memory backend, or gives NUMA nodes theirs */
	bool plugin, smp, icount, hardware, daemonize;
	unsigned cpus;		/* as -smp says, at least 1 */
	bool claimed[RUN_MODELS_MAX];	/* a device of his has this model's URL */
};

/*
 * The value of -name at words[0], or NULL. QEMU takes one dash or two.
 */
static const char *value_of(char *const *words, const char *name)
{
	const char *word = words[0];

	if (*word++ != '-')
		return NULL;
	if (*word == '-')
		word++;
	return strcmp(word, name) ? NULL : words[1];
}

static bool is_option(const char *word, const char *name)
{
	return *word == '-' && !strcmp(word + (word[1] == '-' ? 2 : 1), name);
}

/* The next of QEMU's comma-separated items; a comma inside one is doubled. False: no more. */
static bool next_item(const char **p, char item[ITEM])
{
	size_t n = 0;

	if (!**p)
		return false;
	for (; **p; ++*p) {
		if (**p == ',' && *++*p != ',')
			break;
		if (n + 1 < ITEM)
			item[n++] = **p;
	}
	item[n] = 0;
	return true;
}

/*
 * The last value of key among the items; the first one may have left out its key when that
 * is implied. False: not there; value keeps what it has.
 */
static bool find_key(const char *items, const char *key, bool implied, char *value, size_t size)
{
	size_t len = strlen(key);
	bool found = false;
	char item[ITEM];

	for (bool first = true; next_item(&items, item); first = false) {
		const char *text = NULL;

		if (!strncmp(item, key, len) && item[len] == '=')
			text = item + len + 1;
		else if (first && implied && !strchr(item, '='))
			text = item;
		if (!text)
			continue;
		snprintf(value, size, "%s", text);
		found = true;
	}
	return found;
}

/* Add a word: before, and text with its commas doubled, as a value among QEMU's items. */
static void add_escaped(struct run_argv *argv, const char *before, const char *text)
{
	char *escaped = calloc(2, strlen(text) + 1), *out = escaped;

	if (!escaped) {
		fputs("tlpbridge: out of memory\n", stderr);
		exit(1);
	}
	for (; *text; *out++ = *text++)
		if (*text == ',')
			*out++ = ',';
	run_argv_add(argv, "%s%s", before, escaped);
	free(escaped);
}

/* -m counts in MiB where it names no unit; the backend's size counts in bytes. */
static void see_ram(struct seen *seen, const char *items)
{
	char size[48];
	size_t len;

	if (!find_key(items, "size", true, size, sizeof size))
		return;
	len = strlen(size);
	snprintf(seen->ram, sizeof seen->ram, "%s%s", size,
		 len && isdigit((unsigned char)size[len - 1]) ? "M" : "");
}

static unsigned number_of(const char *items, const char *key, bool implied)
{
	char value[32] = "";

	return find_key(items, key, implied, value, sizeof value) ?
	       (unsigned)strtoul(value, NULL, 10) : 0;
}

/* As QEMU counts: maxcpus, cpus, or what the topology multiplies to. */
static void see_smp(struct seen *seen, const char *items)
{
	static const char *const levels[] = { "sockets", "dies", "clusters", "cores", "threads" };
	unsigned product = 1, maximum = number_of(items, "maxcpus", false);

	for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		unsigned n = number_of(items, levels[i], false);

		product *= n ? n : 1;
	}
	seen->smp = true;
	seen->cpus = number_of(items, "cpus", true);
	if (!seen->cpus || maximum > seen->cpus)
		seen->cpus = maximum ? maximum : product;
}

static void see_machine(struct seen *seen, const char *items)
{
	char value[64];

	find_key(items, "type", true, seen->machine, sizeof seen->machine);
	if (find_key(items, "memory-backend", false, value, sizeof value))
		seen->memory = true;
	if (find_key(items, "accel", false, value, sizeof value))
		seen->hardware = !strncmp(value, "kvm", 3);
}

static void see_object(struct seen *seen, const char *items)
{
	if (strstr(items, "memory-backend-"))	/* also in JSON */
		seen->memory = true;
}

static void see_accel(struct seen *seen, const char *items)
{
	if (!strncmp(items, "kvm", 3))
		seen->hardware = true;
}

static void see_numa(struct seen *seen, const char *items)
{
	seen->memory = true;
}

static void see_plugin(struct seen *seen, const char *items)
{
	if (strstr(items, "tlpbridge-qemu"))
		seen->plugin = true;
}

static void see_icount(struct seen *seen, const char *items)
{
	seen->icount = true;
}

static const struct {
	const char *name;
	void (*see)(struct seen *seen, const char *items);
} options[] = {
	{ "m", see_ram }, { "smp", see_smp }, { "M", see_machine }, { "machine", see_machine },
	{ "object", see_object }, { "accel", see_accel }, { "numa", see_numa },
	{ "mem-path", see_numa }, { "plugin", see_plugin }, { "icount", see_icount },
};

static void see(struct seen *seen, char *const *words)
{
	if (is_option(*words, "enable-kvm"))
		seen->hardware = true;
	if (is_option(*words, "daemonize"))
		seen->daemonize = true;
	for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++) {
		const char *items = value_of(words, options[i].name);

		if (items)
			options[i].see(seen, items);
	}
}

/* The next model that no device has yet; -1: none. */
static int claim_next(struct seen *seen, const struct run_wiring *wiring)
{
	for (size_t i = 0; i < wiring->urls; i++)
		if (!seen->claimed[i]) {
			seen->claimed[i] = true;
			return (int)i;
		}
	return -1;
}

static void claim(struct seen *seen, const struct run_wiring *wiring, const char *url)
{
	for (size_t i = 0; i < wiring->urls; i++)
		if (!strcmp(url, wiring->url[i]))
			seen->claimed[i] = true;
}

/* {"driver": "tlpbridge", …}. NULL: not that; the caller deletes the object. */
static cJSON *json_device(const char *text)
{
	cJSON *device = *text == '{' ? cJSON_Parse(text) : NULL;
	const char *driver = cJSON_GetStringValue(cJSON_GetObjectItem(device, "driver"));

	if (driver && !strcmp(driver, "tlpbridge"))
		return device;
	cJSON_Delete(device);
	return NULL;
}

/* The url= of a tlpbridge device; "" when it has none. False: another device. */
static bool device_url(const char *text, char url[URL_MAX])
{
	cJSON *json = json_device(text);
	char driver[64] = "";
	const char *value;

	*url = 0;
	if (json) {
		value = cJSON_GetStringValue(cJSON_GetObjectItem(json, "url"));
		snprintf(url, URL_MAX, "%s", value ? value : "");
		cJSON_Delete(json);
		return true;
	}
	find_key(text, "driver", true, driver, sizeof driver);
	find_key(text, "url", false, url, URL_MAX);
	return !strcmp(driver, "tlpbridge");
}

static void add_with_url(struct run_argv *argv, const char *device, const char *url)
{
	cJSON *json = json_device(device);
	char before[ITEM], *text;

	if (!json) {
		snprintf(before, sizeof before, "%s,url=", device);
		add_escaped(argv, before, url);
		return;
	}
	cJSON_AddStringToObject(json, "url", url);
	text = cJSON_PrintUnformatted(json);
	run_argv_add(argv, "%s", text ? text : device);
	cJSON_free(text);
	cJSON_Delete(json);
}

static bool lacks_url(char *const *words)
{
	const char *device = value_of(words, "device");
	char url[URL_MAX];

	return device && device_url(device, url) && !*url;
}

/* All of the user's words; his devices without url= get one. */
static void copy_words(struct run_argv *argv, char *const *user, struct seen *seen,
		       const struct run_wiring *wiring)
{
	for (char *const *words = user; *words; words++) {
		int model = lacks_url(words) ? claim_next(seen, wiring) : -1;

		run_argv_add(argv, "%s", *words);
		if (model >= 0)
			add_with_url(argv, *++words, wiring->url[model]);
	}
}

static void see_all(struct seen *seen, char *const *user, const struct run_wiring *wiring)
{
	char url[URL_MAX];

	for (char *const *words = user + 1; *words; words++) {
		const char *device = value_of(words, "device");

		see(seen, words);
		if (device && device_url(device, url))
			claim(seen, wiring, url);
	}
}

/* Machines of x86 without PCI Express, where a root port has no place. */
static bool without_express(const char *machine)
{
	static const char *const names[] = { "pc", "isapc", "microvm", "none" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(machine, names[i]))
			return true;
	return !strncmp(machine, "pc-i440fx", 9);
}

static bool is_x86(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	return strncmp(name, "qemu-system-", 12) || !strcmp(name + 12, "x86_64") ||
	       !strcmp(name + 12, "i386");
}

static int check(const struct seen *seen, char why[RUN_WHY])
{
	if (without_express(seen->machine)) {
		snprintf(why, RUN_WHY, "machine %s has no PCI Express; use -M q35", seen->machine);
		return -1;
	}
	if (seen->daemonize) {
		snprintf(why, RUN_WHY, "-daemonize: run waits for QEMU and would end its servers; "
			 "start tlpbridge-serve and QEMU by hand");
		return -1;
	}
	return 0;
}

/* -machine may be given often; QEMU puts all of them together. */
static void add_machine(struct run_argv *argv, const struct seen *seen, bool x86)
{
	const char *ram = *seen->ram ? seen->ram : DEFAULT_RAM;
	const char *type = !*seen->machine && x86 ? "q35" : "";

	if (seen->memory && !*type)
		return;
	if (!seen->memory) {
		run_argv_add(argv, "-object");
		run_argv_add(argv, "memory-backend-memfd,id=" RAM_ID ",size=%s,share=on", ram);
	}
	run_argv_add(argv, "-machine");
	run_argv_add(argv, "%s%s%s", type, *type && !seen->memory ? "," : "",
		     seen->memory ? "" : "memory-backend=" RAM_ID);
}

static void add_processors(struct run_argv *argv, const struct seen *seen,
			   struct run_argv *warnings)
{
	if (!seen->smp && !seen->icount) {
		run_argv_add(argv, "-smp");
		run_argv_add(argv, "2");
	} else if (seen->smp && seen->cpus < 2 && !seen->icount && !seen->hardware) {
		run_argv_add(warnings, "with -smp 1 QEMU's TCG leaves out the guest's memory "
			     "barriers, and drivers may see DMA too early; use -smp 2");
	}
}

static void add_devices(struct run_argv *argv, struct seen *seen, const struct run_wiring *wiring)
{
	int model;

	for (unsigned i = 0; (model = claim_next(seen, wiring)) >= 0; i++) {
		char before[ITEM];

		run_argv_add(argv, "-device");
		run_argv_add(argv, "pcie-root-port,id=tlpbridge-port%u,chassis=%u,slot=%u", i,
			     CHASSIS + i, i + 1);
		run_argv_add(argv, "-device");
		snprintf(before, sizeof before, "tlpbridge,id=tlpbridge%u,bus=tlpbridge-port%u%s,url=",
			 i, i, wiring->properties ? wiring->properties[model] : "");
		add_escaped(argv, before, wiring->url[model]);
	}
}

int run_qemu_argv(struct run_argv *argv, char *const *user, const struct run_wiring *wiring,
		  struct run_argv *warnings, char why[RUN_WHY])
{
	struct seen seen = { .cpus = 1 };

	see_all(&seen, user, wiring);
	if (check(&seen, why))
		return -1;
	copy_words(argv, user, &seen, wiring);
	add_machine(argv, &seen, is_x86(user[0]));
	add_processors(argv, &seen, warnings);
	if (!seen.plugin) {
		run_argv_add(argv, "-plugin");
		add_escaped(argv, "", wiring->plugin);
	}
	add_devices(argv, &seen, wiring);
	return 0;
}
