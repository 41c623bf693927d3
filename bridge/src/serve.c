/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <tlpbridge/inject.h>
#include <tlpbridge/log.h>
#include <tlpbridge/serve.h>
#include <tlpbridge/trace.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, WHY_MAX = 512, LOOKS_BETWEEN = 64, OPTIONS_MAX = 64 };

/* The program's own options; the model's follow them in getopt's table. */
static const struct tlpb_model_option common[] = {
	{ .name = "listen", .argument = "URL",
	  .help = "where hosts find the device, for example ipc:///run/x.sock,\n"
		  "tcp://127.0.0.1:0, tls+tcp://0.0.0.0:7000, or fd:3 (inherited)" },
	{ .name = "tls-cert", .argument = "FILE",
	  .help = "for tls+tcp: the server's certificate, PEM" },
	{ .name = "tls-key", .argument = "FILE", .help = "and its key" },
	{ .name = "tls-ca", .argument = "FILE",
	  .help = "let in only hosts with a certificate signed by this one" },
	{ .name = "plaintext", .help = "allow plain tcp beyond loopback" },
	{ .name = "transport", .argument = "KIND",
	  .help = "auto, the default: shared memory with hosts for which that is possible, else\n"
		  "the URL's own; nng: that alone; shm: shared memory, or no link" },
	{ .name = "shm-bytes", .argument = "SIZE",
	  .help = "shared memory of a link at most, from 512K to 128M (517K)" },
	{ .name = "no-spin", .help = "never look for a host's next access before sleeping: slower, but no CPU\n"
				      "is used for it" },
	{ .name = "name", .argument = "NAME", .help = "what a host asks for (the model's name)" },
	{ .name = "trace", .argument = "FILE", .help = "record all frames as pcap" },
	{ .name = "credits", .argument = "POOLS",
	  .help = "how much the device takes before hosts wait, for example\n"
		  "PH=1,PD=8,NPH=1,NPD=1; of PH, PD, NPH, NPD, CPLH, CPLD a number or 'infinite'" },
	{ .name = "stress-ordering", .argument = "SEED",
	  .help = "send the device's TLPs in any order that the ordering rules allow" },
	{ .name = "inject", .argument = "RULES",
	  .help = "inject errors at this end, for example \"drop type=MRd count=1\"; rules are\n"
		  "separated by ';', docs/errors.md tells them" },
	{ .name = "allow-inject", .help = "take such rules also from tlpbridge inject, of whoever reaches\n"
					   "the URL" },
	{ .name = "check", .argument = "[=fatal]",
	  .help = "tell of every TLP of either side that breaks a rule; fatal: the first one\n"
		  "takes the link down, and the program ends with status 1" },
	{ .name = "help", .help = "this text" },
	{ .name = "version", .help = "the version" },
};

enum common_option { OPTION_LISTEN, OPTION_TLS_CERT, OPTION_TLS_KEY, OPTION_TLS_CA, OPTION_PLAINTEXT,
		     OPTION_TRANSPORT, OPTION_SHM_BYTES, OPTION_NO_SPIN, OPTION_NAME, OPTION_TRACE,
		     OPTION_CREDITS, OPTION_STRESS, OPTION_INJECT,
		     OPTION_ALLOW_INJECT, OPTION_CHECK, OPTION_HELP, OPTION_VERSION, COMMON_OPTIONS };

struct program {
	struct tlpb_model *model;
	struct tlpb_server_config at;
	const char *trace_path, *inject;
	struct tlpb_pools credits;
	uint64_t order_seed;
	enum tlpb_check check;
	bool help, version;
	tlpb_trace *trace;
	tlpb_server *server;
	int signals;		/* readable when one has arrived */
};

static void log_to_stderr(enum tlpb_log_level level, const char *line)
{
	static const char *const prefixes[] = { "error: ", "warning: ", "" };

	fprintf(stderr, "%s: %s%s\n", program_invocation_short_name, prefixes[level], line);
}

/* ---- options ---- */

static bool value_is_optional(const struct tlpb_model_option *option)
{
	return option->argument && option->argument[0] == '[';
}

/* Lines of the text after the first stand under it. */
static void print_option(const struct tlpb_model_option *option)
{
	const char *line = option->help, *end;
	char left[64];

	snprintf(left, sizeof left, "--%s%s%s", option->name,
		 option->argument && !value_is_optional(option) ? " " : "",
		 option->argument ? option->argument : "");
	for (; (end = strchr(line, '\n')); line = end + 1, left[0] = 0)
		printf("  %-20s %.*s\n", left, (int)(end - line), line);
	printf("  %-20s %s\n", left, line);
}

static void print_help(const struct tlpb_model *model)
{
	const struct tlpb_model_option *option = model->options;

	printf("Usage: %s --listen URL [OPTION...]\n\n%s: %s\n\nOptions:\n",
	       program_invocation_short_name, model->device->name, model->summary);
	for (int i = 0; i < COMMON_OPTIONS; i++)
		print_option(&common[i]);
	if (!option)
		return;
	printf("\nOptions of %s (defaults in brackets):\n", model->device->name);
	for (; option->name; option++)
		print_option(option);
}

static struct option getopt_entry(const struct tlpb_model_option *option)
{
	return (struct option){ .name = option->name, .val = 'o',
				.has_arg = value_is_optional(option) ? optional_argument
					 : option->argument ? required_argument : no_argument };
}

/* table has OPTIONS_MAX entries, the last one empty. */
static void fill_table(const struct tlpb_model *model, struct option *table)
{
	const struct tlpb_model_option *option = model->options;
	int n = 0;

	while (n < COMMON_OPTIONS) {
		table[n] = getopt_entry(&common[n]);
		n++;
	}
	for (; option && option->name && n < OPTIONS_MAX - 1; option++)
		table[n++] = getopt_entry(option);
}

static int wrong(const char *format, const char *what)
{
	tlpb_log(TLPB_LOG_ERROR, format, what);
	return STATUS_USAGE;
}

static int take_name(struct tlpb_device *device, const char *name)
{
	if (strlen(name) >= TLPB_NAME_MAX)
		return wrong("--name: more than 63 bytes: %s", name);
	snprintf(device->name, sizeof device->name, "%s", name);
	return 0;
}

static int take_transport(struct program *p, const char *value)
{
	char why[WHY_MAX];

	return tlpb_transport_parse(value, &p->at.transport, why, sizeof why) ? wrong("--%s", why) : 0;
}

static int take_shm_bytes(struct program *p, const char *value)
{
	char why[WHY_MAX];

	return tlpb_shm_bytes_parse(value, &p->at.shm_bytes, why, sizeof why) ? wrong("--shm-bytes: %s", why) : 0;
}

static int take_credits(struct program *p, const char *value)
{
	char why[WHY_MAX];

	return tlpb_pools_parse(value, &p->credits, why, sizeof why) ? wrong("--credits: %s", why) : 0;
}

static int take_seed(struct program *p, const char *value)
{
	char *end;

	p->order_seed = strtoull(value, &end, 0);
	return end == value || *end ? wrong("--stress-ordering is a number, not \"%s\"", value) : 0;
}

static int take_inject(struct program *p, const char *rules)
{
	char why[WHY_MAX] = "";

	p->inject = rules;
	return tlpb_inject_check(rules, why, sizeof why) ? wrong("--inject: %s", why) : 0;
}

static int take_check(struct program *p, const char *value)
{
	p->check = value ? TLPB_CHECK_FATAL : TLPB_CHECK_REPORT;
	return value && strcmp(value, "fatal") ? wrong("--check=%s: only fatal may follow", value) : 0;
}

static int take_common(struct program *p, int index, const char *value)
{
	switch (index) {
	case OPTION_LISTEN: p->at.url = value; break;
	case OPTION_TLS_CERT: p->at.tls_cert = value; break;
	case OPTION_TLS_KEY: p->at.tls_key = value; break;
	case OPTION_TLS_CA: p->at.tls_ca = value; break;
	case OPTION_PLAINTEXT: p->at.plaintext = true; break;
	case OPTION_TRANSPORT: return take_transport(p, value);
	case OPTION_SHM_BYTES: return take_shm_bytes(p, value);
	case OPTION_NO_SPIN: p->at.no_spin = true; break;
	case OPTION_NAME: return take_name(p->model->device, value);
	case OPTION_TRACE: p->trace_path = value; break;
	case OPTION_CREDITS: return take_credits(p, value);
	case OPTION_STRESS: return take_seed(p, value);
	case OPTION_INJECT: return take_inject(p, value);
	case OPTION_ALLOW_INJECT: p->at.allow_inject = true; break;
	case OPTION_CHECK: return take_check(p, value);
	case OPTION_HELP: p->help = true; break;
	case OPTION_VERSION: p->version = true; break;
	}
	return 0;
}

static int take_own(struct program *p, const struct tlpb_model_option *option, const char *value)
{
	char why[WHY_MAX] = "";

	if (!option->take(p->model->ctx, value, why, sizeof why))
		return 0;
	tlpb_log(TLPB_LOG_ERROR, "--%s: %s", option->name, why);
	return STATUS_USAGE;
}

static int take(struct program *p, int index, const char *value)
{
	if (index < COMMON_OPTIONS)
		return take_common(p, index, value);
	return take_own(p, &p->model->options[index - COMMON_OPTIONS], value);
}

static int parse(struct program *p, int argc, char **argv)
{
	struct option table[OPTIONS_MAX] = { 0 };
	int index, c, status = 0;

	fill_table(p->model, table);
	opterr = 0;
	while (!status && (c = getopt_long(argc, argv, ":", table, &index)) != -1) {
		if (c == ':')
			return wrong("option %s needs a value", argv[optind - 1]);
		if (c != 'o')
			return wrong("unknown option %s: --help lists them", argv[optind - 1]);
		status = take(p, index, optarg);
	}
	if (!status && optind < argc)
		return wrong("unexpected argument \"%s\"", argv[optind]);
	if (!status && !p->at.url && !p->help && !p->version)
		return wrong("--listen is missing: give a URL, for example %s",
			     "--listen ipc:///run/x.sock");
	return status;
}

/* ---- serving ---- */

static void log_connected(void *ctx, const char *host)
{
	tlpb_log(TLPB_LOG_INFO, "connected: %s", host);
}

static void log_disconnected(void *ctx, enum tlpb_reason reason, const char *text)
{
	tlpb_log(TLPB_LOG_INFO, "disconnected: %s", *text ? text : tlpb_reason_text(reason));
}

/* Registers of all BARs, by malloc(); NULL where there is no memory. */
static struct tlpb_register *describe(const struct tlpb_model *model, unsigned *count)
{
	struct tlpb_register *list;
	size_t n = 0;

	for (unsigned i = 0; i < TLPB_BARS; i++)
		n += model->regs[i] ? model->regs[i]->count : 0;
	list = calloc(n + 1, sizeof *list);
	*count = 0;
	for (unsigned i = 0; list && i < TLPB_BARS; i++) {
		if (!model->regs[i])
			continue;
		tlpb_regs_describe(model->regs[i], i, list + *count);
		*count += (unsigned)model->regs[i]->count;
	}
	return list;
}

static int new_endpoint(struct tlpb_ep_config *config, struct tlpb_model *model, char *why, size_t size)
{
	struct tlpb_register *list = describe(model, &config->register_count);
	int err = TLPB_ERR_NOMEM;

	config->registers = list;
	if (list)
		err = tlpb_ep_new(config, &model->ep, why, size);
	else
		snprintf(why, size, "out of memory");
	free(list);
	return err;
}

static int open_endpoint(struct program *p, char *why, size_t size)
{
	struct tlpb_model *model = p->model;
	struct tlpb_ep_ops ops = *model->ops;
	struct tlpb_ep_config config = {
		.device = model->device, .ops = &ops, .ctx = model->ctx, .trace = p->trace,
		.capabilities = model->capabilities, .capability_count = model->capability_count,
		.credits = p->credits, .order_seed = p->order_seed,
		.inject = p->inject, .check = p->check,
	};
	int err;

	if (!ops.connected)
		ops.connected = log_connected;
	if (!ops.disconnected)
		ops.disconnected = log_disconnected;
	err = new_endpoint(&config, model, why, size);
	return err || !model->start ? err : model->start(model->ctx, why, size);
}

static int open_server(struct program *p, char *why, size_t size)
{
	int err = tlpb_server_open_with(&p->at, &p->server, why, size);

	if (!err && (err = tlpb_server_add(p->server, p->model->ep)))
		snprintf(why, size, "%s", tlpb_strerror(err));
	return err;
}

/* Then it stays so: nohup asks for it. */
static bool hangup_is_ignored(void)
{
	struct sigaction action;

	return !sigaction(SIGHUP, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* Blocked before a thread starts, so that they wait for us in the descriptor. */
static int catch_signals(struct program *p, char *why, size_t size)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (!hangup_is_ignored())
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (p->signals < 0)
		snprintf(why, size, "signalfd: %s", strerror(errno));
	return p->signals < 0 ? TLPB_ERR_IO : 0;
}

static int open_all(struct program *p, char *why, size_t size)
{
	int err = catch_signals(p, why, size);

	signal(SIGPIPE, SIG_IGN);	/* whoever read the log may have gone; its hosts have not */
	if (!err && p->trace_path)
		err = tlpb_trace_create(p->trace_path, &p->trace, why, size);
	if (!err)
		err = open_endpoint(p, why, size);
	return err ? err : open_server(p, why, size);
}

static void loop(struct program *p)
{
	struct pollfd signals = { .fd = p->signals, .events = POLLIN };
	unsigned busy = 0;

	while (!tlpb_server_is_over(p->server)) {
		if (tlpb_server_wait_or(p->server, p->signals, -1) && ++busy % LOOKS_BETWEEN)
			continue;
		if (poll(&signals, 1, 0) > 0)
			break;
	}
}

/* With --check=fatal it is the program's failure, too. */
static bool violated(const struct program *p)
{
	return p->check == TLPB_CHECK_FATAL && p->model->ep && tlpb_ep_violations(p->model->ep);
}

static int close_all(struct program *p)
{
	int err, broken;

	tlpb_server_close(p->server);
	broken = violated(p);
	tlpb_ep_free(p->model->ep);
	p->model->ep = NULL;
	err = tlpb_trace_close(p->trace);
	if (err)
		tlpb_log(TLPB_LOG_ERROR, "%s: the trace is incomplete", p->trace_path);
	if (p->signals >= 0)
		close(p->signals);
	return err || broken ? STATUS_FAILED : STATUS_OK;
}

static int serve(struct program *p)
{
	const struct tlpb_device *device = p->model->device;
	char why[WHY_MAX] = "";
	int err = open_all(p, why, sizeof why);

	if (err) {
		tlpb_log(TLPB_LOG_ERROR, "%s", why);
		close_all(p);
		return err == TLPB_ERR_INVALID ? STATUS_USAGE : STATUS_FAILED;
	}
	tlpb_log(TLPB_LOG_INFO, "listening at %s, device %s (%04x:%04x)", tlpb_server_url(p->server),
		 device->name, device->vendor_id, device->device_id);
	loop(p);
	return close_all(p);
}

int tlpb_serve_main(int argc, char **argv, struct tlpb_model *model)
{
	struct program p = { .model = model, .signals = -1 };
	int status;

	tlpb_log_keep_stdio();
	tlpb_log_set_sink(log_to_stderr);
	status = parse(&p, argc, argv);
	if (status)
		return status;
	if (p.help)
		print_help(model);
	else if (p.version)
		printf("%s %s\n", program_invocation_short_name, TLPB_VERSION);
	else
		return serve(&p);
	return STATUS_OK;
}
