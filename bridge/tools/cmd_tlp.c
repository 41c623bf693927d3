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
#include "text.h"
#include "tlp_json.h"

static const char help[] =
"usage: tlpbridge tlp decode [--mps BYTES] [FILE...]\n"
"       tlpbridge tlp encode [FILE...]\n"
"       tlpbridge tlp text [--mps BYTES] [FILE...]\n"
"\n"
"Each line of the files (or of standard input) is one TLP and gives one line.\n"
"\n"
"  decode   hex in, a JSON object out: mnemonic, fields, credits, payload_hex,\n"
"           ecrc, verdict, rule_id. Hex is as on the wire: prefixes, header, data\n"
"           in address order, digest; blanks between bytes are ignored.\n"
"  encode   such an object in, hex out. Only mnemonic (or fmt and type) is needed;\n"
"           a field left out has its usual value, and an ecrc left out with td 1\n"
"           is computed. verdict, rule_id and credits are ignored.\n"
"  text     hex in, one line for a person out.\n"
"\n"
"  --mps BYTES   Max_Payload_Size that the verdict is for: 128, 256, 512, 1024,\n"
"                2048 or 4096 (default)\n"
"\n"
"A line that cannot be read gives {\"error\": ..., \"line\": N} and the next line is\n"
"read. The exit status is 1 if there was such a line or file, 2 if the command\n"
"line is wrong, and 0 otherwise, also when TLPs are malformed.\n";

/* One line in, without its end. out: where the answer goes. False: it cannot be read. */
struct action {
	const char *name;
	bool (*line)(const char *line, size_t len, size_t mps, char why[TLP_JSON_WHY]);
};

/* Exactly as many bytes as there are, so that a sanitizer sees a read beyond them. */
static uint8_t *read_hex(const char *line, size_t len, size_t *count, char why[TLP_JSON_WHY])
{
	uint8_t *bytes = malloc(len / 2 + 1), *exact;
	long n = bytes ? hex_to_bytes(line, len, bytes) : -1;

	if (n <= 0) {
		free(bytes);
		snprintf(why, TLP_JSON_WHY, n ? "not hex, or half a byte" : "empty line");
		return NULL;
	}
	exact = realloc(bytes, (size_t)n);
	*count = (size_t)n;
	return exact ? exact : bytes;
}

static bool print_json(cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);

	cJSON_Delete(object);
	if (!text)
		return false;
	puts(text);
	cJSON_free(text);
	return true;
}

static bool decode(const char *line, size_t len, size_t mps, char why[TLP_JSON_WHY])
{
	size_t count;
	uint8_t *bytes = read_hex(line, len, &count, why);
	bool done;

	if (!bytes)
		return false;
	done = print_json(tlp_to_json(bytes, count, mps));
	free(bytes);
	if (!done)
		snprintf(why, TLP_JSON_WHY, "out of memory");
	return done;
}

static bool encode(const char *line, size_t len, size_t mps, char why[TLP_JSON_WHY])
{
	uint8_t bytes[TLPB_MAX_TLP];
	char hex[2 * sizeof bytes + 1];
	cJSON *object = strlen(line) == len ? cJSON_ParseWithOpts(line, NULL, true) : NULL;
	int count;

	if (!object) {
		snprintf(why, TLP_JSON_WHY, "not JSON");
		return false;
	}
	count = tlp_from_json(object, bytes, sizeof bytes, why);
	cJSON_Delete(object);
	if (count < 0)
		return false;
	bytes_to_hex(bytes, (size_t)count, hex);
	puts(hex);
	return true;
}

static bool text(const char *line, size_t len, size_t mps, char why[TLP_JSON_WHY])
{
	size_t count;
	uint8_t *bytes = read_hex(line, len, &count, why);
	struct tlpb_tlp tlp;
	enum tlpb_rule rule;
	char out[512];

	if (!bytes)
		return false;
	rule = tlpb_tlp_check(bytes, count, mps);
	tlpb_tlp_unpack(bytes, count, &tlp);
	tlpb_tlp_text(&tlp, out, sizeof out);
	if (tlp.kind == TLPB_TLP_KINDS)
		printf("malformed: %s\n", tlpb_rule_name(rule));
	else if (rule)
		printf("%s, malformed: %s\n", out, tlpb_rule_name(rule));
	else
		puts(out);
	free(bytes);
	return true;
}

static const struct action actions[] = {
	{ "decode", decode },
	{ "encode", encode },
	{ "text", text },
};

enum { ACTIONS = sizeof actions / sizeof actions[0] };

static void report(const char *why, unsigned long line, const char *file)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "error", why);
	json_add_u64(object, "line", line);
	if (file)
		cJSON_AddStringToObject(object, "file", file);
	print_json(object);
}

static bool run_lines(FILE *in, const char *file, const struct action *action, size_t mps)
{
	char *line = NULL, why[TLP_JSON_WHY];
	unsigned long number = 0;
	bool all_read = true;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, in)) >= 0) {
		while (len && strchr(" \t\r\n", line[len - 1]))
			line[--len] = '\0';
		number++;
		if (action->line(line, (size_t)len, mps, why))
			continue;
		report(why, number, file);
		all_read = false;
	}
	free(line);
	return all_read;
}

static bool run_file(const char *file, const struct action *action, size_t mps)
{
	FILE *in = strcmp(file, "-") ? fopen(file, "r") : stdin;
	bool all_read;

	if (!in) {
		fprintf(stderr, "tlpbridge: %s: %s\n", file, strerror(errno));
		return false;
	}
	all_read = run_lines(in, file, action, mps);
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

static int run(const struct action *action, int files, char **file, size_t mps)
{
	bool all_read = true;

	choose_buffering();
	if (!files)
		all_read = run_lines(stdin, NULL, action, mps);
	for (int i = 0; i < files; i++)
		all_read &= run_file(file[i], action, mps);
	if (!flush_stdout())
		return EXIT_BAD_INPUT;
	return all_read ? EXIT_OK : EXIT_BAD_INPUT;
}

int cmd_tlp(int argc, char **argv)
{
	static const struct option options[] = {
		{ "mps", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const struct action *action;
	size_t mps = TLPB_MAX_PAYLOAD;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'm':
			mps = parse_mps(optarg);
			if (mps)
				break;
			fprintf(stderr, "tlpbridge: --mps is 128, 256, 512, 1024, 2048 or 4096, "
				"not \"%s\"\n", optarg);
			return EXIT_USAGE;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "tlpbridge: tlp: decode, encode or text? See tlpbridge tlp --help\n");
		return EXIT_USAGE;
	}
	action = find_action(argv[optind]);
	if (!action)
		return EXIT_USAGE;
	return run(action, argc - optind - 1, argv + optind + 1, mps);
}
