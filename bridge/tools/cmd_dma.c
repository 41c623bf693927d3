/* SPDX-License-Identifier: MIT */
/*
 * tlpbridge dma and irq: a host with memory and interrupts that takes the steps it is told,
 * in their order. The two differ in their help, in that irq sets interrupts up unasked, and
 * in that it ends by waiting for them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "memory_args.h"
#include "place.h"
#include "text.h"

#define COMMON_HELP                                                                      \
"\n"                                                                                     \
"Steps, taken in the order given:\n"                                                     \
"  --poke WHERE=VALUE      write a register\n"                                           \
"  --peek WHERE            read a register and print it\n"                               \
"  --wait WHERE&VALUE      until a bit of VALUE is set in the register\n"                \
"  --wait WHERE==VALUE     until the register is VALUE\n"                                \
"  --wait irq[:VECTOR]     until an interrupt comes that no --wait has had yet\n"        \
"  --serve SECONDS         just serve the device's DMA\n"                                \
"\n"                                                                                     \
"Memory:\n"                                                                              \
"  --mem ADDR:SIZE         host memory at a bus address; may be repeated\n"              \
"  --fill ADDR=FILE        put a file there before the first step\n"                     \
"  --fill ADDR:SIZE=count  put the bytes 0, 1, 2, ... 255, 0, ... there\n"               \
"  --fill ADDR:SIZE=byte:B put bytes of value B there\n"                                 \
"  --dump ADDR:SIZE=FILE   write memory to a file after the last step (-: standard\n"    \
"                          output, as a hex dump)\n"                                     \
"\n"                                                                                     \
"Interrupts:\n"                                                                          \
"  --intx, --msi, --msix   set this kind up, and print each as it comes\n"               \
"  --vectors N             of MSI or MSI-X (as many as the device has, at most 32)\n"
#define OTHER_HELP                                                                       \
"\n"                                                                                     \
"  --timeout SECONDS       for each wait (10)\n"                                         \
"  --json                  a JSON object at the end instead of text\n"                   \
SESSION_HELP                                                                             \
"\n"                                                                                     \
PLACE_HELP

static const char dma_help[] =
"usage: tlpbridge dma URL [--mem ADDR:SIZE]... [STEP|OPTION]...\n"
"\n"
"Be a host with memory: join the server at URL, enumerate the device, take the steps,\n"
"serve the device's DMA meanwhile, and print what it read and wrote.\n"
COMMON_HELP OTHER_HELP
"\n"
"Exit status: 0, 1 when a step failed or a wait was in vain, 2 when the command line\n"
"is wrong.\n";

static const char irq_help[] =
"usage: tlpbridge irq URL [--intx|--msi|--msix] [STEP|OPTION]...\n"
"\n"
"Be a host that takes interrupts: join the server at URL, enumerate the device, set up\n"
"MSI-X, MSI or INTx (the first of them that the device has), take the steps, then wait\n"
"for interrupts and print them.\n"
COMMON_HELP
"  --count N               how many to wait for after the steps (1; 0: go on until\n"
"                          Ctrl-C)\n"
OTHER_HELP
"\n"
"Exit status: 0, 1 when a step failed or the interrupts did not come, 2 when the\n"
"command line is wrong.\n";

enum {
	OPT_MEM = OPT_OTHERS, OPT_FILL, OPT_DUMP, OPT_POKE, OPT_PEEK, OPT_WAIT, OPT_SERVE,
	OPT_INTX, OPT_MSI, OPT_MSIX, OPT_VECTORS, OPT_COUNT, OPT_TIMEOUT, OPT_JSON,
};

enum { STEPS_MAX = 256, PAUSE_MS = 2, PAUSE_MAX_MS = 50, DEFAULT_TIMEOUT_MS = 10000 };

/* A step: its option and text, and the pieces of a copy of that; NULL: it has no such piece. */
struct step {
	int option;
	const char *text;
	char *where, *mask, *value;
};

struct arguments {
	struct session_options session;
	struct step step[STEPS_MAX];
	unsigned steps;
	struct memory_args memory;
	enum interrupt_type type;
	bool interrupts, is_irq, json;
	unsigned vectors;
	uint64_t count;
	int64_t timeout_ms;
};

struct run {
	struct session *s;
	const struct arguments *args;
	cJSON *peeks;			/* NULL: text is printed */
};

/* ---- steps ---- */

static bool poke(struct run *r, const struct step *step)
{
	struct place p;
	uint64_t value;

	return place_parse(r->s, step->where, &p) && place_value(&p, step->value, &value) &&
	       place_put(r->s, &p, value);
}

static bool peek(struct run *r, const struct step *step)
{
	struct place p;
	uint64_t value;

	if (!place_parse(r->s, step->where, &p) || !place_get(r->s, &p, &value))
		return false;
	if (r->peeks)
		cJSON_AddItemToArray(r->peeks, place_json(&p, value));
	else
		place_print(&p, value);
	return true;
}

struct condition {
	struct place place;
	uint64_t mask, value;
	bool equal;		/* else: any bit of the mask */
};

static bool parse_condition(struct run *r, const struct step *step, struct condition *c)
{
	*c = (struct condition){ .mask = UINT64_MAX, .equal = step->value != NULL };
	return place_parse(r->s, step->where, &c->place) &&
	       (!step->mask || place_value(&c->place, step->mask, &c->mask)) &&
	       (!step->value || place_value(&c->place, step->value, &c->value));
}

static bool holds(const struct condition *c, uint64_t value)
{
	return c->equal ? (value & c->mask) == c->value : (value & c->mask) != 0;
}

static bool in_vain(const struct run *r, const char *what)
{
	return complain("--wait %s: not within %.1f s (--timeout)", what,
			(double)r->args->timeout_ms / 1000);
}

/* Looks often at first, then less: a device may take its time. */
static bool wait_register(struct run *r, const struct step *step)
{
	int64_t end = now_ms() + r->args->timeout_ms;
	int pause = PAUSE_MS;
	struct condition c;
	uint64_t value;

	if (!parse_condition(r, step, &c))
		return false;
	while (place_get(r->s, &c.place, &value)) {
		if (holds(&c, value))
			return true;
		if (now_ms() >= end) {
			place_print(&c.place, value);
			return in_vain(r, step->text);
		}
		if (!session_serve(r->s, pause))
			return false;
		pause = pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
	}
	return false;
}

static bool wait_interrupt(struct run *r, int vector, const char *text)
{
	int64_t end = now_ms() + r->args->timeout_ms;

	while (!interrupts_take(&r->s->interrupts, vector)) {
		if (now_ms() >= end)
			return in_vain(r, text);
		if (!session_serve(r->s, PAUSE_MAX_MS))
			return false;
	}
	return true;
}

static bool is_interrupt(const char *text)
{
	return !strncmp(text, "irq", 3) && (!text[3] || text[3] == ':');
}

static bool wait_step(struct run *r, const struct step *step)
{
	uint64_t vector;

	if (!is_interrupt(step->text))
		return wait_register(r, step);
	if (!step->value)
		return wait_interrupt(r, -1, step->text);
	if (!parse_number(step->value, &vector) || vector >= r->s->interrupts.vectors)
		return complain("--wait %s: the vector is 0 to %u", step->text,
				r->s->interrupts.vectors - 1);
	return wait_interrupt(r, (int)vector, step->text);
}

static bool serve_for(struct session *s, int64_t ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end)
		if (!session_serve(s, PAUSE_MAX_MS))
			return false;
	return true;
}

static bool parse_seconds(const char *text, uint64_t *seconds)
{
	return parse_number(text, seconds) && *seconds <= 1u << 20;
}

static bool serve_step(struct run *r, const struct step *step)
{
	uint64_t seconds;

	return parse_seconds(step->text, &seconds) && serve_for(r->s, (int64_t)seconds * 1000);
}

static bool do_step(struct run *r, const struct step *step)
{
	switch (step->option) {
	case OPT_POKE:
		return poke(r, step);
	case OPT_PEEK:
		return peek(r, step);
	case OPT_WAIT:
		return wait_step(r, step);
	default:
		return serve_step(r, step);
	}
}

/* After the steps of irq: those that no step has waited for. */
static bool wait_count(struct run *r)
{
	uint64_t count = r->args->count;

	for (uint64_t i = 0; count && i < count; i++)
		if (!wait_interrupt(r, -1, "irq"))
			return false;
	while (!count)
		if (!session_serve(r->s, 1000))
			return session_interrupted();
	return true;
}

static bool do_steps(struct run *r)
{
	for (unsigned i = 0; i < r->args->steps; i++)
		if (!do_step(r, &r->args->step[i]))
			return false;
	return !r->args->is_irq || wait_count(r);
}

/* ---- the run ---- */

/* Also after a failure: what the device did tells why. */
static bool report(struct run *r)
{
	cJSON *o;

	if (!r->peeks) {
		hostmem_print(&r->s->memory);
		return true;
	}
	o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "dma", hostmem_json(&r->s->memory));
	cJSON_AddItemToObject(o, "interrupts", interrupts_json(&r->s->interrupts));
	cJSON_AddItemToObject(o, "peeks", r->peeks);
	return json_print(o, true);
}

static bool prepare(struct session *s, const struct arguments *a)
{
	if (!session_enumerate(s))
		return false;
	s->interrupts.print = !a->json;
	if (a->interrupts && !interrupts_enable(s, a->type, a->vectors))
		return false;
	if (a->interrupts && !a->json)
		printf("%s, %u vector%s\n", interrupt_type_name(s->interrupts.type),
		       s->interrupts.vectors, s->interrupts.vectors == 1 ? "" : "s");
	return true;
}

/* Posted writes of the last step, and what they started at once, come before the goodbye. */
static bool settle(struct session *s)
{
	uint32_t id;
	int err = tlpb_rc_config_read(s->rc, SESSION_BDF, 0, 4, &id);

	return !err || session_interrupted() ? !err :
	       complain("the device does not answer any more: %s", tlpb_strerror(err));
}

static bool run(struct session *s, const struct arguments *a)
{
	struct run r = { .s = s, .args = a };
	bool done;

	if (!hostmem_allocate(&s->memory) || !memory_fill(&a->memory, &s->memory) ||
	    !session_open(s, &a->session) || !prepare(s, a))
		return false;
	r.peeks = a->json ? cJSON_CreateArray() : NULL;
	done = do_steps(&r) && (session_interrupted() || settle(s));
	return report(&r) && done && memory_dump(&a->memory, &s->memory);
}

/* ---- command line ---- */

/* Cut text at separator; what is behind it, or NULL. */
static char *cut(char *text, const char *separator)
{
	char *at = strstr(text, separator);

	if (!at)
		return NULL;
	*at = 0;
	return at + strlen(separator);
}

/* WHERE, WHERE=VALUE, WHERE&MASK, WHERE==VALUE, WHERE&MASK==VALUE, irq, irq:VECTOR */
static bool split(struct step *step)
{
	step->where = strdup(step->text);	/* for as long as the program runs */
	if (!step->where)
		return complain("out of memory");
	if (step->option == OPT_POKE)
		step->value = cut(step->where, "=");
	if (step->option == OPT_WAIT && is_interrupt(step->text))
		step->value = cut(step->where, ":");
	else if (step->option == OPT_WAIT) {
		step->value = cut(step->where, "==");
		step->mask = cut(step->where, "&");
	}
	return true;
}

static bool pieces_well_formed(const struct step *step)
{
	return place_syntax(step->where) &&
	       (!step->mask || place_value_syntax(step->where, step->mask)) &&
	       (!step->value || place_value_syntax(step->where, step->value));
}

/* Mistakes that can be told without the device, before anything is done to it. */
static bool well_formed(const struct step *step)
{
	uint64_t number;

	if (step->option == OPT_SERVE)
		return parse_seconds(step->text, &number) ||
		       complain("--serve is a number of seconds, not \"%s\"", step->text);
	if (step->option == OPT_POKE && !step->value)
		return complain("--poke is WHERE=VALUE, not \"%s\"", step->text);
	if (step->option == OPT_WAIT && is_interrupt(step->text))
		return !step->value || parse_number(step->value, &number) ||
		       complain("--wait irq:VECTOR takes a number, not \"%s\"", step->value);
	if (step->option == OPT_WAIT && !step->mask && !step->value)
		return complain("--wait is WHERE&VALUE, WHERE==VALUE or irq, not \"%s\"", step->text);
	return pieces_well_formed(step);
}

static bool keep_step(struct arguments *a, int option, const char *text)
{
	struct step *step = &a->step[a->steps];

	if (a->steps == STEPS_MAX)
		return complain("at most %d steps", STEPS_MAX);
	*step = (struct step){ .option = option, .text = text };
	a->steps++;
	return split(step) && well_formed(step);
}

/* Mistakes that only all options together show. */
static bool complete(const struct arguments *a)
{
	for (unsigned i = 0; i < a->steps; i++)
		if (a->step[i].option == OPT_WAIT && is_interrupt(a->step[i].text) && !a->interrupts)
			return complain("--wait irq: say which kind: --intx, --msi or --msix");
	return true;
}

static bool take_number(const char *name, const char *text, uint64_t most, uint64_t *value)
{
	return (parse_number(text, value) && *value <= most) ||
	       complain("%s is a number up to %" PRIu64 ", not \"%s\"", name, most, text);
}

/* A host sets up one kind: taking the last would leave a script waiting for the other. */
static bool take_kind(struct arguments *a, enum interrupt_type type)
{
	static const char *const names[] = { "", "--intx", "--msi", "--msix" };

	if (a->type != INTERRUPT_NONE && a->type != type)
		return complain("%s and %s exclude each other: a host sets up one kind of interrupt",
				names[a->type], names[type]);
	a->type = type;
	a->interrupts = true;
	return true;
}

static bool take_option(struct arguments *a, int option, char *text)
{
	uint64_t number = 0;
	bool ok;

	switch (option) {
	case OPT_MEM:
		return memory_take_mem(&a->memory, text);
	case OPT_FILL:
		return memory_take_fill(&a->memory, text);
	case OPT_DUMP:
		return memory_take_dump(&a->memory, text);
	case OPT_POKE: case OPT_PEEK: case OPT_WAIT: case OPT_SERVE:
		return keep_step(a, option, text);
	case OPT_INTX: case OPT_MSI: case OPT_MSIX:
		return take_kind(a, INTERRUPT_INTX + (option - OPT_INTX));
	case OPT_VECTORS:
		ok = take_number("--vectors", text, 2048, &number);
		a->vectors = (unsigned)number;
		return ok;
	case OPT_COUNT:
		return a->is_irq ? take_number("--count", text, UINT32_MAX, &a->count)
				 : complain("--count belongs to tlpbridge irq; use --wait irq");
	case OPT_TIMEOUT:
		ok = take_number("--timeout", text, 1u << 20, &number);
		a->timeout_ms = (int64_t)number * 1000;
		return ok;
	case OPT_JSON:
		a->json = true;
		return true;
	default:
		return session_option(&a->session, option, text);
	}
}

static const struct option options[] = {
	SESSION_OPTIONS,
	{ "mem", required_argument, NULL, OPT_MEM },
	{ "fill", required_argument, NULL, OPT_FILL },
	{ "dump", required_argument, NULL, OPT_DUMP },
	{ "poke", required_argument, NULL, OPT_POKE },
	{ "peek", required_argument, NULL, OPT_PEEK },
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ "serve", required_argument, NULL, OPT_SERVE },
	{ "intx", no_argument, NULL, OPT_INTX },
	{ "msi", no_argument, NULL, OPT_MSI },
	{ "msix", no_argument, NULL, OPT_MSIX },
	{ "vectors", required_argument, NULL, OPT_VECTORS },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int run_command(int argc, char **argv, struct arguments *a)
{
	const char *name = a->is_irq ? "irq" : "dma";
	struct session s = { 0 };
	int opt;
	bool done;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(a->is_irq ? irq_help : dma_help, stdout);
			return EXIT_OK;
		}
		if (opt == '?' || !take_option(a, opt, optarg))
			return EXIT_USAGE;
	}
	if (argc - optind != 1) {
		complain("%s needs one URL; see tlpbridge %s --help", name, name);
		return EXIT_USAGE;
	}
	if (!complete(a) || !memory_lay_out(&a->memory, &s.memory))
		return EXIT_USAGE;
	a->session.url = argv[optind];
	session_catch_signals();
	setvbuf(stdout, NULL, _IOLBF, 0);	/* who reads a pipe sees each step as it comes */
	done = run(&s, a);
	done = session_close(&s) && done;
	return done && flush_stdout() ? EXIT_OK : session_failure();
}

int cmd_dma(int argc, char **argv)
{
	static struct arguments a = { .timeout_ms = DEFAULT_TIMEOUT_MS };

	return run_command(argc, argv, &a);
}

int cmd_irq(int argc, char **argv)
{
	static struct arguments a = { .timeout_ms = DEFAULT_TIMEOUT_MS, .is_irq = true,
				      .interrupts = true, .count = 1 };

	return run_command(argc, argv, &a);
}
