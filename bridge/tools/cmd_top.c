/* SPDX-License-Identifier: MIT */
/* tlpbridge top: what the links of a server carry, and what they wait for. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tlpbridge/status.h>
#include "cmd.h"
#include "session.h"
#include "text.h"

static const char help[] =
"usage: tlpbridge top URL [OPTION...]\n"
"\n"
"Show the server at URL live: for each device who holds it, TLPs and bytes a second in\n"
"each direction, requests of both sides that are not completed, and what the oldest of\n"
"them waits for. No device is taken for it. On a terminal the screen is redrawn,\n"
"elsewhere a block is printed each time. Ctrl-C ends it.\n"
"\n"
"  --interval SECONDS      between two looks (1; fractions are fine)\n"
"  --once                  one block of rates, after one interval, then end\n"
"  --json                  a JSON object a look, on a line\n"
CONNECT_HELP
"\n"
"Exit status: 0, 1 when the server cannot be asked (any more), 2 when the command line\n"
"is wrong.\n";

enum { OPT_INTERVAL = OPT_OTHERS, OPT_ONCE, OPT_JSON };

struct arguments {
	struct session_options session;
	struct tlpb_rc_config config;	/* made of them */
	int interval_ms;
	bool once, json;
};

static bool on_cancelled(void *ctx)
{
	return session_interrupted();
}

static const struct tlpb_rc_ops top_ops = { .cancelled = on_cancelled };

/* ---- rates ---- */

/* Two looks at one device; before is NULL when the same host was not there. */
struct pair {
	const struct tlpb_slot_status *now, *before;
	double seconds;
};

static double rate(const struct pair *p, uint64_t now, uint64_t before)
{
	if (!p->before || now < before || p->seconds <= 0)
		return 0;
	return (double)(now - before) / p->seconds;
}

/* "1234", "56.7k", "8.9M" */
static const char *rate_text(double rate, char text[16])
{
	static const char units[] = " kMGT";
	unsigned unit = 0;

	while (rate >= 10000 && units[unit + 1]) {
		rate /= 1000;
		unit++;
	}
	snprintf(text, 16, rate < 100 && unit ? "%.1f%c" : "%.0f%c", rate, units[unit]);
	if (!unit)
		text[strlen(text) - 1] = 0;
	return text;
}

static const struct tlpb_counters no_counters;

static void print_direction(const struct pair *p, const char *name, const struct tlpb_counters *now,
			    const struct tlpb_counters *before)
{
	char text[16];

	printf("  %-14s", name);
	for (unsigned i = 0; i < TLPB_COUNT_KINDS; i++)
		printf(" %3s %6s/s", tlpb_count_name(i),
		       rate_text(rate(p, now->tlps[i], before->tlps[i]), text));
	printf("  %6sB/s\n", rate_text(rate(p, now->bytes, before->bytes), text));
}

static void print_outstanding(const char *who, const struct tlpb_outstanding *o)
{
	printf("  %-14s %u outstanding", who, o->requests);
	if (o->oldest[0])
		printf(", for %.1f s: %s", o->oldest_ms / 1000.0, o->oldest);
	printf("\n");
}

static void print_slot(const struct pair *p)
{
	const struct tlpb_slot_status *s = p->now;

	if (!s->host[0]) {
		printf("%s: free\n", s->device);
		return;
	}
	printf("%s: held by %s for %.0f s%s, simulated time %.6f s\n", s->device, s->host,
	       (double)s->host_ms / 1000, s->shared_memory ? " in shared memory" : "",
	       (double)s->time_ps / 1e12);
	print_direction(p, "host > device", &s->to_device,
			p->before ? &p->before->to_device : &no_counters);
	print_direction(p, "device > host", &s->to_host,
			p->before ? &p->before->to_host : &no_counters);
	print_outstanding("host waits", &s->of_host);
	print_outstanding("device waits", &s->of_device);
}

/* ---- JSON ---- */

static cJSON *direction_json(const struct pair *p, const struct tlpb_counters *now,
			     const struct tlpb_counters *before)
{
	cJSON *o = cJSON_CreateObject(), *total = cJSON_AddObjectToObject(o, "total");
	cJSON *rates = cJSON_AddObjectToObject(o, "per_second");

	for (unsigned i = 0; i < TLPB_COUNT_KINDS; i++) {
		json_add_u64(total, tlpb_count_name(i), now->tlps[i]);
		cJSON_AddNumberToObject(rates, tlpb_count_name(i),
					rate(p, now->tlps[i], before->tlps[i]));
	}
	json_add_u64(total, "bytes", now->bytes);
	cJSON_AddNumberToObject(rates, "bytes", rate(p, now->bytes, before->bytes));
	return o;
}

static cJSON *outstanding_json(const struct tlpb_outstanding *out)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "requests", out->requests);
	cJSON_AddNumberToObject(o, "oldest_ms", out->oldest_ms);
	cJSON_AddStringToObject(o, "oldest", out->oldest);
	return o;
}

static cJSON *slot_json(const struct pair *p)
{
	const struct tlpb_slot_status *s = p->now;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "device", s->device);
	cJSON_AddStringToObject(o, "host", s->host);
	json_add_u64(o, "host_ms", s->host_ms);
	json_add_u64(o, "time_ps", s->time_ps);
	cJSON_AddBoolToObject(o, "shared_memory", s->shared_memory);
	cJSON_AddItemToObject(o, "to_device", direction_json(p, &s->to_device, p->before
		? &p->before->to_device : &no_counters));
	cJSON_AddItemToObject(o, "to_host", direction_json(p, &s->to_host, p->before
		? &p->before->to_host : &no_counters));
	cJSON_AddItemToObject(o, "host_waits", outstanding_json(&s->of_host));
	cJSON_AddItemToObject(o, "device_waits", outstanding_json(&s->of_device));
	return o;
}

/* ---- looks ---- */

/* Counters of another host, or of the same one come back, are no measure. */
static struct pair pair_of(const struct tlpb_status *now, const struct tlpb_status *before,
			   unsigned i)
{
	struct pair p = { .now = &now->slot[i] };

	if (i >= before->slots || now->time_ms <= before->time_ms)
		return p;
	p.seconds = (double)(now->time_ms - before->time_ms) / 1000;
	if (!strcmp(now->slot[i].host, before->slot[i].host) &&
	    now->slot[i].host_ms >= before->slot[i].host_ms)
		p.before = &before->slot[i];
	return p;
}

static bool show_json(const struct tlpb_status *now, const struct tlpb_status *before)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "devices");

	json_add_u64(o, "time_ms", now->time_ms);
	for (unsigned i = 0; i < now->slots; i++) {
		struct pair p = pair_of(now, before, i);

		cJSON_AddItemToArray(list, slot_json(&p));
	}
	return json_print(o, false);
}

static bool show(const struct arguments *a, const struct tlpb_status *now,
		 const struct tlpb_status *before)
{
	bool screen = isatty(STDOUT_FILENO) && !a->once;

	if (a->json)
		return show_json(now, before) && flush_stdout();
	if (screen)
		printf("\033[H\033[J");
	printf("%s, %u device%s\n", a->config.url, now->slots, now->slots == 1 ? "" : "s");
	for (unsigned i = 0; i < now->slots; i++) {
		struct pair p = pair_of(now, before, i);

		print_slot(&p);
	}
	if (!screen && !a->once)
		printf("\n");
	return flush_stdout();
}

static bool look(const struct arguments *a, struct tlpb_status *status)
{
	char why[1024];
	int err = tlpb_status_ask(&a->config, status, why, sizeof why);

	return !err || (!session_interrupted() && session_unreachable(err, why));
}

static bool pause_ms(int ms)
{
	int64_t end = now_ms() + ms;

	for (int64_t left = ms; left > 0 && !session_interrupted(); left = end - now_ms())
		poll(NULL, 0, (int)left);
	return !session_interrupted();
}

/* The first look only says where counting begins. */
static bool run(const struct arguments *a)
{
	static struct tlpb_status looks[2];
	unsigned n = 0;

	if (!look(a, &looks[0]))
		return false;
	do {
		n++;
		if (!pause_ms(a->interval_ms) || !look(a, &looks[n % 2]) ||
		    !show(a, &looks[n % 2], &looks[(n + 1) % 2]))
			return false;
	} while (!a->once);
	return true;
}

/* ---- command line ---- */

static bool parse_interval(const char *text, int *ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0.01 && seconds <= 86400))
		return complain("--interval is 0.01 to 86400 seconds, not \"%s\"", text);
	*ms = (int)(seconds * 1000);
	return true;
}

static bool take_option(struct arguments *a, int option, const char *value)
{
	switch (option) {
	case OPT_INTERVAL:
		return parse_interval(value, &a->interval_ms);
	case OPT_ONCE:
		a->once = true;
		return true;
	case OPT_JSON:
		a->json = true;
		return true;
	default:
		return session_option(&a->session, option, value);
	}
}

int cmd_top(int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_OPTIONS,
		{ "interval", required_argument, NULL, OPT_INTERVAL },
		{ "once", no_argument, NULL, OPT_ONCE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arguments a = { .interval_ms = 1000 };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (opt == '?' || !take_option(&a, opt, optarg))
			return EXIT_USAGE;
	}
	if (argc - optind != 1) {
		complain("top needs one URL; see tlpbridge top --help");
		return EXIT_USAGE;
	}
	a.session.url = argv[optind];
	a.config = session_config_of(&a.session);
	a.config.ops = &top_ops;
	session_catch_signals();
	/* Ctrl-C is how one leaves. */
	return run(&a) || session_interrupted() == SIGINT ? EXIT_OK : session_failure();
}
