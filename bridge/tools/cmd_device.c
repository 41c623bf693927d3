/* SPDX-License-Identifier: MIT */
/* tlpbridge device: what a device says of itself. */
#include <getopt.h>
#include <string.h>
#include "cmd.h"
#include "device_file.h"
#include "text.h"

static const char help[] =
"usage: tlpbridge device FILE|URL [--json] [--save FILE] [OPTION...]\n"
"       tlpbridge device --compare FILE|URL FILE|URL [OPTION...]\n"
"\n"
"Print the records by which a device describes itself: IDs, regions, interrupts,\n"
"device-tree path, and its registers by name. From a URL, the command joins the\n"
"server as a host for a moment; the device must be free.\n"
"\n"
"  --json                  a JSON object instead of lines\n"
"  --save FILE             keep the records, as they are on the wire, in FILE\n"
"  --compare               print what differs between two of them\n"
SESSION_HELP
"\n"
"Exit status: 0, 1 when something differs or the device cannot be read, 2 when the\n"
"command line is wrong.\n";

enum { OPT_JSON = OPT_OTHERS, OPT_SAVE, OPT_COMPARE };

struct arguments {
	struct session_options session;
	bool json, compare;
	const char *save;
};

static bool show(const struct arguments *a, const char *from)
{
	struct session_options options = a->session;
	struct description d;
	bool done;

	options.url = from;
	done = description_load(&d, &options);
	if (done && a->save)
		done = description_save(&d, a->save);
	if (done && a->json)
		done = json_print(description_json(&d), true);
	else if (done && !a->save)
		description_print(&d);
	description_free(&d);
	return done;
}

static bool compare(const struct arguments *a, char **from)
{
	struct session_options options = a->session;
	struct description d[2] = { 0 };
	bool same;

	options.url = from[0];
	same = description_load(&d[0], &options);
	options.url = from[1];
	same = same && description_load(&d[1], &options);
	same = same && description_compare(&d[0], &d[1]) == 0;
	description_free(&d[0]);
	description_free(&d[1]);
	return same;
}

int cmd_device(int argc, char **argv)
{
	static const struct option options[] = {
		SESSION_OPTIONS,
		{ "json", no_argument, NULL, OPT_JSON },
		{ "save", required_argument, NULL, OPT_SAVE },
		{ "compare", no_argument, NULL, OPT_COMPARE },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arguments a = { 0 };
	int opt, count;
	bool done;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		case OPT_JSON:
			a.json = true;
			break;
		case OPT_SAVE:
			a.save = optarg;
			break;
		case OPT_COMPARE:
			a.compare = true;
			break;
		default:
			if (opt == '?' || !session_option(&a.session, opt, optarg))
				return EXIT_USAGE;
		}
	}
	count = argc - optind;
	if (count != (a.compare ? 2 : 1) || (a.compare && (a.json || a.save))) {
		complain("device needs a file or URL, or --compare and two of them; "
			 "see tlpbridge device --help");
		return EXIT_USAGE;
	}
	session_catch_signals();
	done = a.compare ? compare(&a, argv + optind) : show(&a, argv[optind]);
	return done && flush_stdout() ? EXIT_OK : session_failure();
}
