/* SPDX-License-Identifier: MIT */
/* tlpbridge inject: errors injected into a device that is being served. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <tlpbridge/inject_ask.h>
#include "cmd.h"
#include "session.h"
#include "text.h"

static const char help[] =
"usage: tlpbridge inject URL RULES [OPTION...]\n"
"       tlpbridge inject URL --list | --clear [OPTION...]\n"
"\n"
"Inject errors at the device's end of the server at URL, while it runs and whoever has the\n"
"device. The server must have been started with --allow-inject. RULES is as for --inject of\n"
"a server, for example \"drop type=MRd count=1\"; docs/errors.md tells them. They come behind\n"
"the rules that are there.\n"
"\n"
"  --list                  the rules in force: TLPs that each applies to, how often it acted\n"
"  --clear                 remove all rules; TLPs that they hold back are lost\n"
"  --json                  --list as JSON\n"
"  --device NAME           which of the server's devices, where it has several\n"
CONNECT_HELP
"\n"
"Exit status: 0, 1 when the server refuses or cannot be asked, 2 when the command line is\n"
"wrong.\n";

enum { OPT_LIST = OPT_OTHERS, OPT_CLEAR, OPT_JSON };

struct arguments {
	struct session_options session;
	const char *rules;
	bool list, clear, json;
};

static bool on_cancelled(void *ctx)
{
	return session_interrupted();
}

static const struct tlpb_rc_ops inject_ops = { .cancelled = on_cancelled };

static void print_list(const struct tlpb_inject_list *list)
{
	for (unsigned i = 0; i < list->rules; i++)
		printf("%10" PRIu64 " of %10" PRIu64 "  %s\n", list->rule[i].fired,
		       list->rule[i].matches, list->rule[i].text);
}

static bool print_json(const struct tlpb_inject_list *list)
{
	cJSON *o = cJSON_CreateObject(), *rules = cJSON_AddArrayToObject(o, "rules");

	for (unsigned i = 0; i < list->rules; i++) {
		cJSON *rule = cJSON_CreateObject();

		cJSON_AddStringToObject(rule, "rule", list->rule[i].text);
		json_add_u64(rule, "matches", list->rule[i].matches);
		json_add_u64(rule, "fired", list->rule[i].fired);
		cJSON_AddItemToArray(rules, rule);
	}
	return json_print(o, false);
}

static bool run(const struct arguments *a)
{
	static struct tlpb_inject_list list;
	struct tlpb_rc_config config = session_config_of(&a->session);
	enum tlpb_inject_what what = a->list ? TLPB_INJECT_LIST
				   : a->clear ? TLPB_INJECT_CLEAR : TLPB_INJECT_ADD;
	char why[1024];
	int err;

	config.ops = &inject_ops;
	err = tlpb_inject_ask(&config, what, a->rules, &list, why, sizeof why);
	if (err)
		return session_unreachable(err, why);
	if (a->list && a->json)
		return print_json(&list);
	if (a->list)
		print_list(&list);
	return true;
}

/* ---- command line ---- */

static bool take_option(struct arguments *a, int option, const char *value)
{
	switch (option) {
	case OPT_LIST:
		a->list = true;
		return true;
	case OPT_CLEAR:
		a->clear = true;
		return true;
	case OPT_JSON:
		a->json = true;
		return true;
	default:
		return session_option(&a->session, option, value);
	}
}

/* URL, and what to do with it: one thing. */
static bool take_words(struct arguments *a, int count, char **words)
{
	char why[1024];

	if (count < 1 || count > 2 || a->list + a->clear + (count == 2) != 1)
		return complain("inject needs a URL and RULES, --list or --clear; see tlpbridge "
				"inject --help");
	a->session.url = words[0];
	a->rules = count == 2 ? words[1] : NULL;
	return !tlpb_inject_check(a->rules, why, sizeof why) || complain("%s", why);
}

int cmd_inject(int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_OPTIONS,
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "list", no_argument, NULL, OPT_LIST },
		{ "clear", no_argument, NULL, OPT_CLEAR },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arguments a = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (opt == '?' || !take_option(&a, opt, optarg))
			return EXIT_USAGE;
	}
	if (!take_words(&a, argc - optind, argv + optind))
		return EXIT_USAGE;
	session_catch_signals();
	return run(&a) ? EXIT_OK : session_failure();
}
