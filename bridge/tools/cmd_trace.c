/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlpbridge/tlp.h>
#include <tlpbridge/trace.h>
#include <tlpbridge/wire.h>
#include "cmd.h"
#include "frame_text.h"
#include "hex.h"
#include "text.h"
#include "tlp_json.h"
#include "trace_counts.h"

static const char help[] =
"usage: tlpbridge trace show [--json] [--summary] [--from PS] [--to PS] FILE\n"
"\n"
"Prints a trace, a line a record: its number in the file, simulated time, direction,\n"
"link, and the TLP or frame. The last line counts what was shown.\n"
"\n"
"  --json      one JSON object a line; TLPs as tlpbridge tlp decode prints them\n"
"  --summary   the last line only\n"
"  --from PS   only records from this simulated time on, in picoseconds\n"
"  --to PS     only records up to this simulated time, in picoseconds\n"
"\n"
"An MSI or MSI-X interrupt is a memory write and counts as DMA. Wireshark and tshark\n"
"show the same file with tlpbridge.lua.\n"
"\n"
"The exit status is 1 if the file is broken, after what could be read of it; 2 if\n"
"the command line is wrong; and 0 otherwise, also when TLPs are malformed.\n";

enum { TEXT = 1024, HEX_SHOWN = 64 /* bytes of a malformed TLP */ };

struct options {
	bool json, summary;
	uint64_t from_ps, to_ps;
};

static void malformed_text(const struct tlpb_trace_record *r, const struct tlpb_tlp *tlp,
			   enum tlpb_rule rule, char *text, size_t size)
{
	size_t shown = r->len < HEX_SHOWN ? r->len : HEX_SHOWN;
	char hex[2 * HEX_SHOWN + 1], fields[512] = "";

	bytes_to_hex(r->body, shown, hex);
	if (tlp->kind != TLPB_TLP_KINDS)
		tlpb_tlp_text(tlp, fields, sizeof fields);
	snprintf(text, size, "malformed %s: %s%shex %s%s", tlpb_rule_name(rule), fields,
		 *fields ? ", " : "", hex, shown < r->len ? "..." : "");
}

static const char *direction_name(enum tlpb_direction direction)
{
	return direction == TLPB_TO_HOST ? "ep>host" : "host>ep";
}

static void print_text(uint64_t number, const struct tlpb_trace_record *r, const char *text)
{
	printf("%6" PRIu64 "  ", number);
	print_time(r->time_ps, 11);
	printf("  %s  %u  %s\n", direction_name(r->direction), r->link, text);
}

static void put_bytes(cJSON *object, const char *key, const uint8_t *bytes, size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (!hex)
		return;
	bytes_to_hex(bytes, len, hex);
	cJSON_AddStringToObject(object, key, hex);
	free(hex);
}

static void print_object(cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);

	puts(text ? text : "{\"error\":\"out of memory\"}");
	cJSON_free(text);
	cJSON_Delete(object);
}

static void print_json(uint64_t number, const struct tlpb_trace_record *r, const char *text)
{
	const char *frame = frame_name(r->kind);
	cJSON *object = cJSON_CreateObject();

	json_add_u64(object, "record", number);
	json_add_u64(object, "time_ps", r->time_ps);
	cJSON_AddStringToObject(object, "direction", direction_name(r->direction));
	json_add_u64(object, "link", r->link);
	json_add_u64(object, "function", r->function);
	json_add_u64(object, "kind", r->kind);
	if (frame)
		cJSON_AddStringToObject(object, "frame", frame);
	cJSON_AddStringToObject(object, "text", text);
	if (r->kind == TLPB_FRAME_TLP)
		cJSON_AddItemToObject(object, "tlp",
				      tlp_to_json(r->body, r->len, TLPB_MAX_PAYLOAD));
	else if (r->len)
		put_bytes(object, "body_hex", r->body, r->len);
	print_object(object);
}

/* The text of a TLP, which is counted on the way. */
static void tlp_text(const struct tlpb_trace_record *r, struct counts *counts,
		     char *text, size_t size)
{
	enum tlpb_rule rule = tlpb_tlp_check(r->body, r->len, TLPB_MAX_PAYLOAD);
	struct tlpb_tlp tlp;

	tlpb_tlp_unpack(r->body, r->len, &tlp);
	count_tlp(counts, r, &tlp, rule);
	if (rule)
		malformed_text(r, &tlp, rule, text, size);
	else
		tlpb_tlp_text(&tlp, text, size);
}

static void show_record(uint64_t number, const struct tlpb_trace_record *r,
			const struct options *options, struct counts *counts)
{
	char text[TEXT];

	count_time(counts, r->time_ps);
	if (r->kind == TLPB_FRAME_TLP) {
		tlp_text(r, counts, text, sizeof text);
	} else {
		count_frame(counts, r->kind);
		frame_text(r, text, sizeof text);
	}
	if (options->summary)
		return;
	if (options->json)
		print_json(number, r, text);
	else
		print_text(number, r, text);
}

static int show(const char *file, const struct options *options)
{
	struct counts counts = { .n = { 0 } };
	struct tlpb_trace_record r;
	tlpb_trace_reader *reader;
	char why[512];
	int ret;

	if (tlpb_trace_open(file, &reader, why, sizeof why)) {
		fprintf(stderr, "tlpbridge: %s\n", why);
		return EXIT_BAD_INPUT;
	}
	for (uint64_t n = 1; (ret = tlpb_trace_next(reader, &r, why, sizeof why)) > 0; n++)
		if (r.time_ps >= options->from_ps && r.time_ps <= options->to_ps)
			show_record(n, &r, options, &counts);
	tlpb_trace_reader_close(reader);
	if (options->json)
		print_object(counts_json(&counts));
	else
		counts_print(&counts);
	if (!flush_stdout())
		return EXIT_BAD_INPUT;
	if (ret < 0)
		fprintf(stderr, "tlpbridge: %s is broken: %s\n", file, why);
	return ret < 0 ? EXIT_BAD_INPUT : EXIT_OK;
}

static bool parse_time(const char *option, const char *text, uint64_t *ps)
{
	char *end;

	errno = 0;
	*ps = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno)
		return true;
	fprintf(stderr, "tlpbridge: --%s needs picoseconds, not \"%s\"\n", option, text);
	return false;
}

/* After the options: "show FILE". */
static int run(int argc, char **argv, const struct options *options)
{
	static const char *const actions[] = { "show", NULL };

	if (!argc) {
		fprintf(stderr, "tlpbridge: trace: show what? See tlpbridge trace --help\n");
		return EXIT_USAGE;
	}
	if (strcmp(argv[0], "show"))
		return cmd_unknown("trace command", argv[0], actions);
	if (argc != 2) {
		fprintf(stderr, "tlpbridge: trace show needs one file, not %d\n", argc - 1);
		return EXIT_USAGE;
	}
	return show(argv[1], options);
}

int cmd_trace(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "summary", no_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct options options = { .to_ps = UINT64_MAX };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			options.json = true;
			break;
		case 's':
			options.summary = true;
			break;
		case 'f':
			if (!parse_time("from", optarg, &options.from_ps))
				return EXIT_USAGE;
			break;
		case 't':
			if (!parse_time("to", optarg, &options.to_ps))
				return EXIT_USAGE;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return EXIT_USAGE;
		}
	}
	return run(argc - optind, argv + optind, &options);
}
