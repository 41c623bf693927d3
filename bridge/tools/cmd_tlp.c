/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <tlpbridge/tlp.h>
#include "cmd.h"
#include "state_json.h"
#include "text.h"
#include "tlp_lines.h"

static const char help[] =
"usage: tlpbridge tlp decode [--mps BYTES] [FILE...]\n"
"       tlpbridge tlp encode [FILE...]\n"
"       tlpbridge tlp text [--mps BYTES] [FILE...]\n"
"       tlpbridge tlp check [--state FILE] [--follow] [--mps BYTES] [FILE...]\n"
"       tlpbridge tlp order [FILE...]\n"
"       tlpbridge tlp split [FILE...]\n"
"\n"
"Each line of the files (or of standard input) gives one line.\n"
"\n"
"  decode   hex in, a JSON object out: mnemonic, fields, credits, payload_hex,\n"
"           ecrc, verdict, rule_id. Hex is as on the wire: prefixes, header, data\n"
"           in address order, digest; blanks between bytes are ignored.\n"
"  encode   such an object in, hex out. Only mnemonic (or fmt and type) is needed;\n"
"           a field left out has its usual value, and an ecrc left out with td 1\n"
"           is computed. verdict, rule_id and credits are ignored.\n"
"  text     hex in, one line for a person out.\n"
"  check    hex in, or an object with tlp_hex; out what becomes of the TLP where\n"
"           an endpoint is in the state of FILE: mnemonic, verdict, rule_id. A line\n"
"           that begins with > is sent by the endpoint, one with < comes to it;\n"
"           without, completions go to the function with their requester ID, messages\n"
"           come from it, and other requests come to the endpoint.\n"
"           verdict: ACCEPT, MALFORMED, ECRC_ERROR, UR, UR_POSTED, CRS, DROPPED,\n"
"           UNEXPECTED, POISONED_UR, POISONED_POSTED, POISONED_COMPLETION,\n"
"           VIOLATION.\n"
"  order    may one TLP pass an earlier one? An object in: later and earlier (P, NPR,\n"
"           NPD, CPL), later_ro, later_ido, ids_equal, later_pasid, earlier_pasid,\n"
"           completion_kind (read, atomic, io_cfg_write), same_transaction_id; or\n"
"           later_hex and earlier_hex (headers suffice), and completion_kind. Out:\n"
"           a verdict, MUST_NOT, MAY, or MUST (be able to). Other keys are ignored.\n"
"  split    a memory read in: request_header_dw, mps (4096), rcb (64),\n"
"           split_on_every_rcb (false), memory_rule, completer_id (0000). Out: its\n"
"           completions: header_dw, length_dw, byte_count, lower_address, valid_bytes,\n"
"           data_sha256 (of the payload, whole doublewords of that memory).\n"
"\n"
"  --mps BYTES   Max_Payload_Size that the verdict is for: 128, 256, 512, 1024,\n"
"                2048 or 4096 (default)\n"
"  --state FILE  an endpoint's state, a JSON object. All keys may be left out:\n"
"                  bdf \"0100\", functions [0], legacy false\n"
"                  mps, mrrs 4096, rcb 64, tcs [0, ..., 7], tags 1024, ecrc_check false\n"
"                  memory_enable, io_enable, bus_master_enable, ready true\n"
"                  in_reset false, d_state 0\n"
"                  atomics [32, 64, 128] (bits; none), deferrable_writes false,\n"
"                  messages [126] (codes taken besides the usual ones)\n"
"                  bars [{\"base\": \"fe000000\", \"size\": 4096, \"io\": false}]\n"
"                  outstanding [{\"mnemonic\": \"MEM_READ\", \"tag\": 1,\n"
"                    \"requester_id\": \"0100\", \"address\": \"1000\", \"length\": 64}]\n"
"  --follow      the state follows the TLPs: requests become outstanding, completions\n"
"                end them. Without, each line is judged against FILE alone.\n"
"\n"
"A line that cannot be read gives {\"error\": ..., \"line\": N} and the next line is\n"
"read. The exit status is 1 if there was such a line or file, 2 if the command\n"
"line or the state is wrong, and 0 otherwise, also when TLPs are malformed.\n";

static const struct action {
	const char *name;
	tlp_line *line;
} actions[] = {
	{ "decode", tlp_decode_line },
	{ "encode", tlp_encode_line },
	{ "text", tlp_text_line },
	{ "check", tlp_check_line },
	{ "order", tlp_order_line },
	{ "split", tlp_split_line },
};

enum { ACTIONS = sizeof actions / sizeof actions[0] };

static void report(const char *why, unsigned long line, const char *file)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "error", why);
	json_add_u64(object, "line", line);
	if (file)
		cJSON_AddStringToObject(object, "file", file);
	json_print(object, false);
}

static bool run_lines(FILE *in, const char *file, const struct action *action,
		      const struct tlp_options *options)
{
	char *line = NULL, why[JSON_WHY];
	unsigned long number = 0;
	bool all_read = true;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, in)) >= 0) {
		while (len && strchr(" \t\r\n", line[len - 1]))
			line[--len] = '\0';
		number++;
		if (action->line(options, line, (size_t)len, why))
			continue;
		report(why, number, file);
		all_read = false;
	}
	free(line);
	return all_read;
}

static bool run_file(const char *file, const struct action *action,
		     const struct tlp_options *options)
{
	FILE *in = strcmp(file, "-") ? fopen(file, "r") : stdin;
	bool all_read;

	if (!in) {
		fprintf(stderr, "tlpbridge: %s: %s\n", file, strerror(errno));
		return false;
	}
	all_read = run_lines(in, file, action, options);
	if (ferror(in)) {
		fprintf(stderr, "tlpbridge: %s: %s\n", file, strerror(errno));
		all_read = false;
	}
	if (in != stdin)
		fclose(in);
	return all_read;
}

/* 0 when it is no Max_Payload_Size. */
static size_t parse_mps(const char *text)
{
	for (size_t mps = 128; mps <= TLPB_MAX_PAYLOAD; mps *= 2) {
		char legal[8];

		snprintf(legal, sizeof legal, "%zu", mps);
		if (!strcmp(text, legal))
			return mps;
	}
	return 0;
}

static const struct action *find_action(const char *name)
{
	const char *names[ACTIONS + 1] = { NULL };

	for (unsigned i = 0; i < ACTIONS; i++) {
		if (!strcmp(name, actions[i].name))
			return &actions[i];
		names[i] = actions[i].name;
	}
	cmd_unknown("tlp command", name, names);
	return NULL;
}

/* A coprocess must see each answer at once; a file is written faster in blocks. */
static void choose_buffering(void)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) || !S_ISREG(st.st_mode))
		setvbuf(stdout, NULL, _IOLBF, 0);
}

static int run(const struct action *action, int files, char **file,
	       const struct tlp_options *options)
{
	bool all_read = true;

	choose_buffering();
	if (!files)
		all_read = run_lines(stdin, NULL, action, options);
	for (int i = 0; i < files; i++)
		all_read &= run_file(file[i], action, options);
	if (!flush_stdout())
		return EXIT_BAD_INPUT;
	return all_read ? EXIT_OK : EXIT_BAD_INPUT;
}

/* The whole of a JSON file; NULL after saying why on stderr. */
static cJSON *read_json(const char *path)
{
	size_t len;
	uint8_t *text = read_file(path, 16 << 20, &len);
	cJSON *object;

	if (!text)
		return NULL;
	object = cJSON_ParseWithLength((const char *)text, len);
	free(text);
	if (!object)
		complain("%s: not JSON", path);
	return object;
}

static bool read_state(const char *path, struct tlp_state *state)
{
	cJSON *object = read_json(path);
	char why[JSON_WHY];
	bool done = object && tlp_state_from_json(state, object, why);

	if (object && !done)
		complain("%s: %s", path, why);
	cJSON_Delete(object);
	return done;
}

static int parse_options(int argc, char **argv, struct tlp_options *options,
			 const char **state_file)
{
	static const struct option known[] = {
		{ "mps", required_argument, NULL, 'm' },
		{ "state", required_argument, NULL, 's' },
		{ "follow", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (opt) {
		case 'm':
			options->mps = parse_mps(optarg);
			if (options->mps)
				break;
			complain("--mps is 128, 256, 512, 1024, 2048 or 4096, not \"%s\"", optarg);
			return EXIT_USAGE;
		case 's':
			*state_file = optarg;
			break;
		case 'f':
			options->follow = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return EXIT_USAGE;
		}
	}
	return -1;
}

/* Options of check that another action would silently ignore are refused. */
static bool options_belong(const struct action *action, const struct tlp_options *options,
			   const char *state_file)
{
	if (action->line == tlp_check_line || !(options->follow || state_file))
		return true;
	return complain("tlp %s has no %s; tlp check has", action->name,
			state_file ? "--state" : "--follow");
}

int cmd_tlp(int argc, char **argv)
{
	static struct tlp_state state;
	struct tlp_options options = { .mps = TLPB_MAX_PAYLOAD, .state = &state.judge };
	const char *state_file = NULL;
	const struct action *action;
	int status = parse_options(argc, argv, &options, &state_file);

	if (status >= 0)
		return status;
	if (optind == argc) {
		complain("tlp: decode, encode, text, check, order or split? See tlpbridge tlp --help");
		return EXIT_USAGE;
	}
	action = find_action(argv[optind]);
	if (!action || !options_belong(action, &options, state_file))
		return EXIT_USAGE;
	tlp_state_init(&state);
	state.judge.mps = (uint32_t)options.mps;
	if (state_file && !read_state(state_file, &state))
		return EXIT_USAGE;
	return run(action, argc - optind - 1, argv + optind + 1, &options);
}
