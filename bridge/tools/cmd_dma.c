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
#include "dma_steps.h"
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

enum { STEPS_MAX = 256, DEFAULT_TIMEOUT_MS = 10000 };

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

/* ---- the run ---- */

static bool do_steps(struct step_run *r, const struct arguments *a)
{
	for (unsigned i = 0; i < a->steps; i++)
		if (!step_do(r, &a->step[i]))
			return false;
	return !a->is_irq || step_wait_interrupts(r, a->count);
}

/* Also after a failure: what the device did tells why. */
static bool report(struct step_run *r)
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
	struct step_run r = { .s = s, .timeout_ms = a->timeout_ms };
	bool done;

	if (!hostmem_allocate(&s->memory) || !memory_fill(&a->memory, &s->memory) ||
	    !session_open(s, &a->session) || !prepare(s, a))
		return false;
	r.peeks = a->json ? cJSON_CreateArray() : NULL;
	done = do_steps(&r, a) && (session_interrupted() || settle(s));
	return report(&r) && done && memory_dump(&a->memory, &s->memory);
}

/* ---- command line ---- */

static bool keep_step(struct arguments *a, enum step_kind kind, const char *text)
{
	if (a->steps == STEPS_MAX)
		return complain("at most %d steps", STEPS_MAX);
	return step_parse(&a->step[a->steps++], kind, text);
}

/* Mistakes that only all options together show. */
static bool complete(const struct arguments *a)
{
	for (unsigned i = 0; i < a->steps; i++)
		if (step_waits_for_interrupt(&a->step[i]) && !a->interrupts)
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
		return keep_step(a, STEP_POKE + (option - OPT_POKE), text);
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
