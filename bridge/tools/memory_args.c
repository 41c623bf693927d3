/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "memory_args.h"
#include "text.h"

/* ---- take ---- */

/* "ADDR[:SIZE][=WHAT]"; text is cut into pieces. */
static bool parse(char *text, struct memory_arg *arg)
{
	char *what = strchr(text, '='), *size;

	*arg = (struct memory_arg){ 0 };
	if (what)
		*what++ = 0;
	arg->what = what;
	size = strchr(text, ':');
	if (size)
		*size++ = 0;
	return parse_number(text, &arg->addr) &&
	       (!size || (parse_number(size, &arg->size) && arg->size)) && (!what || *what);
}

static bool is_byte(const char *what, uint64_t *byte)
{
	return !strncmp(what, "byte:", 5) && parse_number(what + 5, byte) && *byte < 256;
}

static bool is_pattern(const char *what)
{
	uint64_t byte;

	return !strcmp(what, "count") || is_byte(what, &byte);
}

static bool keep(struct memory_arg *list, unsigned *count, const struct memory_arg *arg)
{
	if (*count == MEMORY_ARGS_MAX)
		return complain("at most %d times --mem, --fill, --dump each", MEMORY_ARGS_MAX);
	list[(*count)++] = *arg;
	return true;
}

bool memory_take_mem(struct memory_args *a, char *text)
{
	struct memory_arg arg;

	if (!parse(text, &arg) || !arg.size || arg.what)
		return complain("--mem is ADDR:SIZE, for example 0x100000:64K");
	return keep(a->mem, &a->mems, &arg);
}

bool memory_take_fill(struct memory_args *a, char *text)
{
	struct memory_arg arg;

	if (!parse(text, &arg) || !arg.what)
		return complain("--fill is ADDR=FILE, ADDR:SIZE=count or ADDR:SIZE=byte:B");
	if (is_pattern(arg.what) && !arg.size)
		return complain("--fill: a pattern needs a size: 0x%" PRIx64 ":SIZE=%s", arg.addr,
				arg.what);
	return keep(a->fill, &a->fills, &arg);
}

bool memory_take_dump(struct memory_args *a, char *text)
{
	struct memory_arg arg;

	if (!parse(text, &arg) || !arg.size || !arg.what)
		return complain("--dump is ADDR:SIZE=FILE");
	return keep(a->dump, &a->dumps, &arg);
}

/* ---- lay out ---- */

static bool all_there(const char *name, const struct memory_arg *list, unsigned count,
		      const struct hostmem *m)
{
	for (unsigned i = 0; i < count; i++)
		if (hostmem_room(m, list[i].addr) < (list[i].size ? list[i].size : 1))
			return complain("%s: there is no memory of that size at 0x%" PRIx64
					": give it by --mem", name, list[i].addr);
	return true;
}

bool memory_lay_out(const struct memory_args *a, struct hostmem *m)
{
	for (unsigned i = 0; i < a->mems; i++)
		if (!hostmem_add(m, a->mem[i].addr, a->mem[i].size))
			return false;
	return all_there("--fill", a->fill, a->fills, m) && all_there("--dump", a->dump, a->dumps, m);
}

/* ---- do ---- */

static void fill_pattern(struct hostmem *m, const struct memory_arg *arg)
{
	uint8_t *p = hostmem_at(m, arg->addr, arg->size);
	uint64_t byte = 0;
	bool same = is_byte(arg->what, &byte);

	for (uint64_t i = 0; i < arg->size; i++)
		p[i] = (uint8_t)(same ? byte : i);
}

static bool fill_file(struct hostmem *m, const struct memory_arg *arg)
{
	uint64_t room = arg->size ? arg->size : hostmem_room(m, arg->addr);
	size_t len;
	uint8_t *bytes = read_file(arg->what, room, &len);

	if (bytes && len)
		memcpy(hostmem_at(m, arg->addr, len), bytes, len);
	free(bytes);
	return bytes != NULL;
}

bool memory_fill(const struct memory_args *a, struct hostmem *m)
{
	for (unsigned i = 0; i < a->fills; i++) {
		if (is_pattern(a->fill[i].what))
			fill_pattern(m, &a->fill[i]);
		else if (!fill_file(m, &a->fill[i]))
			return false;
	}
	return true;
}

bool memory_dump(const struct memory_args *a, struct hostmem *m)
{
	for (unsigned i = 0; i < a->dumps; i++) {
		const struct memory_arg *arg = &a->dump[i];
		const uint8_t *p = hostmem_at(m, arg->addr, arg->size);

		if (!strcmp(arg->what, "-"))
			hex_dump(stdout, arg->addr, p, arg->size);
		else if (!write_file(arg->what, p, arg->size))
			return false;
	}
	return true;
}
