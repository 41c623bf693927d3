/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>
#include <tlpbridge/trace.h>
#include <tlpbridge/wire.h>
#include "cmd.h"
#include "hex.h"
#include "text.h"
#include "tlp_json.h"

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

/* X(name, key, text): what is counted. */
#define COUNT_LIST(X)                                                                   \
	X(RECORDS, "records", "records")                                                \
	X(CONFIG_READS, "config_reads", "config reads")                                 \
	X(CONFIG_WRITES, "config_writes", "config writes")                              \
	X(MEM_READS, "mem_reads", "memory reads")                                       \
	X(MEM_WRITES, "mem_writes", "memory writes")                                    \
	X(IO_READS, "io_reads", "I/O reads")                                            \
	X(IO_WRITES, "io_writes", "I/O writes")                                         \
	X(DMA_READS, "dma_reads", "DMA reads")                                          \
	X(DMA_READ_BYTES, "dma_read_bytes", "DMA bytes read")                           \
	X(DMA_WRITES, "dma_writes", "DMA writes")                                       \
	X(DMA_WRITE_BYTES, "dma_write_bytes", "DMA bytes written")                      \
	X(ATOMICS, "atomics", "AtomicOps")                                              \
	X(CPL_TO_EP, "completions_to_ep", "completions to ep")                          \
	X(CPL_TO_HOST, "completions_to_host", "completions to host")                    \
	X(MSG_TO_EP, "messages_to_ep", "messages to ep")                                \
	X(MSG_TO_HOST, "messages_to_host", "messages to host")                          \
	X(MALFORMED, "malformed", "malformed TLPs")                                     \
	X(RESETS, "resets", "resets")                                                   \
	X(DMA_FAULTS, "dma_faults", "DMA faults")                                       \
	X(OTHER_FRAMES, "other_frames", "other frames")

enum count {
#define COUNT_ENUM(name, key, text) COUNT_##name,
	COUNT_LIST(COUNT_ENUM)
#undef COUNT_ENUM
	COUNTS,
};

static const struct {
	const char *key, *text;
} count_names[COUNTS] = {
#define COUNT_NAME(name, key, text) { key, text },
	COUNT_LIST(COUNT_NAME)
#undef COUNT_NAME
};

struct counts {
	uint64_t n[COUNTS];
	uint64_t first_ps, last_ps;
};

struct options {
	bool json, summary;
	uint64_t from_ps, to_ps;
};

/* A frame's body, little-endian. What is not there reads as 0 and is told by has(). */
struct body {
	const uint8_t *p;
	size_t len;
};

static bool has(struct body b, size_t offset, size_t n)
{
	return offset <= b.len && b.len - offset >= n;
}

static uint64_t get(struct body b, size_t offset, size_t n)
{
	uint64_t value = 0;

	if (!has(b, offset, n))
		return 0;
	while (n--)
		value = value << 8 | b.p[offset + n];
	return value;
}

/* A string: u16 length, bytes. Whatever a peer said must not steer the terminal. */
static const char *get_string(struct body b, size_t offset, char *text, size_t size)
{
	size_t len = (size_t)get(b, offset, 2), n = 0;

	if (has(b, offset + 2, len))
		for (; n < len && n + 1 < size; n++) {
			uint8_t c = b.p[offset + 2 + n];

			text[n] = c >= 0x20 && c < 0x7f ? (char)c : '?';
		}
	text[n] = 0;
	return text;
}

static void hello_text(struct body b, char *text, size_t size)
{
	char name[128];

	snprintf(text, size, "HELLO from %s \"%s\", version %u, MPS %u, MRRS %u, RCB %u",
		 get(b, 6, 2) == TLPB_HOST ? "host" : "endpoint",
		 get_string(b, 60, name, sizeof name), (unsigned)get(b, 4, 2),
		 (unsigned)get(b, 40, 2), (unsigned)get(b, 42, 2), (unsigned)get(b, 44, 2));
}

static void device_text(struct body b, char *text, size_t size)
{
	char why[256];
	struct tlpb_device dev;

	if (tlpb_device_decode(b.p, b.len, &dev, why, sizeof why))
		snprintf(text, size, "DEVICE, not legal: %s", why);
	else
		snprintf(text, size, "DEVICE \"%s\" %04x:%04x class %06x", dev.name, dev.vendor_id,
			 dev.device_id, dev.class_code);
}

static void reset_text(struct body b, char *text, size_t size)
{
	static const char *const names[TLPB_RESET_KINDS] = { "system", "hot", "FLR", "power" };
	unsigned kind = (unsigned)get(b, 0, 2);

	if (kind < TLPB_RESET_KINDS)
		snprintf(text, size, "RESET %s", names[kind]);
	else
		snprintf(text, size, "RESET of unknown kind %u", kind);
}

static void fault_text(struct body b, char *text, size_t size)
{
	snprintf(text, size, "DMA_FAULT of frame %u at 0x%" PRIx64 ": %s", (unsigned)get(b, 0, 4),
		 get(b, 8, 8), tlpb_strerror(-(int)get(b, 4, 2)));
}

static void eoi_text(struct body b, char *text, size_t size)
{
	snprintf(text, size, "EOI of INT%c", 'A' + (int)(get(b, 0, 2) & 3));
}

static void goodbye_text(struct body b, char *text, size_t size)
{
	unsigned reason = (unsigned)get(b, 0, 2);
	char said[256];

	get_string(b, 2, said, sizeof said);
	if (!strcmp(said, tlpb_reason_text(reason)))
		said[0] = 0;	/* the usual goodbye says its reason twice */
	snprintf(text, size, "GOODBYE, reason %u: %s%s%s", reason, tlpb_reason_text(reason),
		 *said ? ": " : "", said);
}

static const struct frame_name {
	uint16_t kind;
	const char *name;
	size_t least;		/* bytes of the body that text() needs */
	void (*text)(struct body b, char *text, size_t size);
} frame_names[] = {
	{ TLPB_FRAME_JOIN, "JOIN", 0, NULL },
	{ TLPB_FRAME_GRANT, "GRANT", 0, NULL },
	{ TLPB_FRAME_REFUSE, "REFUSE", 0, NULL },
	{ TLPB_FRAME_HELLO, "HELLO", 62, hello_text },
	{ TLPB_FRAME_DEVICE, "DEVICE", 0, device_text },
	{ TLPB_FRAME_READY, "READY", 0, NULL },
	{ TLPB_FRAME_TLP, "TLP", 0, NULL },
	{ TLPB_FRAME_RESET, "RESET", 2, reset_text },
	{ TLPB_FRAME_DMA_FAULT, "DMA_FAULT", 16, fault_text },
	{ TLPB_FRAME_GOODBYE, "GOODBYE", 4, goodbye_text },
	{ TLPB_FRAME_EOI, "EOI", 2, eoi_text },
};

static const struct frame_name *find_frame(uint16_t kind)
{
	for (unsigned i = 0; i < sizeof frame_names / sizeof frame_names[0]; i++)
		if (frame_names[i].kind == kind)
			return &frame_names[i];
	return NULL;
}

static void frame_text(const struct tlpb_trace_record *r, char *text, size_t size)
{
	const struct frame_name *frame = find_frame(r->kind);

	if (!frame)
		snprintf(text, size, "frame of unknown kind %u, %zu bytes", r->kind, r->len);
	else if (r->len < frame->least)
		snprintf(text, size, "%s, cut: %zu bytes are too short", frame->name, r->len);
	else if (frame->text)
		frame->text((struct body){ r->body, r->len }, text, size);
	else
		snprintf(text, size, "%s", frame->name);
}

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

static enum count direction_count(const struct tlpb_trace_record *r, enum count to_ep,
				  enum count to_host)
{
	return r->direction == TLPB_TO_HOST ? to_host : to_ep;
}

static enum count tlp_count(const struct tlpb_trace_record *r, const struct tlpb_tlp *tlp)
{
	switch (tlp->kind) {
	case TLPB_MRD:
	case TLPB_MRDLK:
		return direction_count(r, COUNT_MEM_READS, COUNT_DMA_READS);
	case TLPB_MWR:
	case TLPB_DMWR:
		return direction_count(r, COUNT_MEM_WRITES, COUNT_DMA_WRITES);
	case TLPB_FETCHADD:
	case TLPB_SWAP:
	case TLPB_CAS:
		return COUNT_ATOMICS;
	case TLPB_IORD:
		return COUNT_IO_READS;
	case TLPB_IOWR:
		return COUNT_IO_WRITES;
	case TLPB_CFGRD0:
	case TLPB_CFGRD1:
		return COUNT_CONFIG_READS;
	case TLPB_CFGWR0:
	case TLPB_CFGWR1:
		return COUNT_CONFIG_WRITES;
	case TLPB_MSG:
	case TLPB_MSGD:
		return direction_count(r, COUNT_MSG_TO_EP, COUNT_MSG_TO_HOST);
	default:
		return direction_count(r, COUNT_CPL_TO_EP, COUNT_CPL_TO_HOST);
	}
}

static uint64_t request_bytes(const struct tlpb_tlp *tlp)
{
	bool zero_length = tlp->length_dw == 1 && !tlp->first_be;

	return zero_length ? 0 : tlpb_byte_count(tlp->length_dw, tlp->first_be, tlp->last_be);
}

static void count_tlp(struct counts *counts, const struct tlpb_trace_record *r,
		      const struct tlpb_tlp *tlp, enum tlpb_rule rule)
{
	enum count count = rule ? COUNT_MALFORMED : tlp_count(r, tlp);

	counts->n[count]++;
	if (count == COUNT_DMA_READS)
		counts->n[COUNT_DMA_READ_BYTES] += request_bytes(tlp);
	if (count == COUNT_DMA_WRITES)
		counts->n[COUNT_DMA_WRITE_BYTES] += request_bytes(tlp);
}

static void count_frame(struct counts *counts, uint16_t kind)
{
	if (kind == TLPB_FRAME_RESET)
		counts->n[COUNT_RESETS]++;
	else if (kind == TLPB_FRAME_DMA_FAULT)
		counts->n[COUNT_DMA_FAULTS]++;
	else
		counts->n[COUNT_OTHER_FRAMES]++;
}

/* Simulated time: nanoseconds with all picoseconds. */
static void print_time(uint64_t ps, int width)
{
	printf("%*" PRIu64 ".%03u ns", width, ps / 1000, (unsigned)(ps % 1000));
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
	const struct frame_name *frame = find_frame(r->kind);
	cJSON *object = cJSON_CreateObject();

	json_add_u64(object, "record", number);
	json_add_u64(object, "time_ps", r->time_ps);
	cJSON_AddStringToObject(object, "direction", direction_name(r->direction));
	json_add_u64(object, "link", r->link);
	json_add_u64(object, "function", r->function);
	json_add_u64(object, "kind", r->kind);
	if (frame)
		cJSON_AddStringToObject(object, "frame", frame->name);
	cJSON_AddStringToObject(object, "text", text);
	if (r->kind == TLPB_FRAME_TLP)
		cJSON_AddItemToObject(object, "tlp",
				      tlp_to_json(r->body, r->len, TLPB_MAX_PAYLOAD));
	else if (r->len)
		put_bytes(object, "body_hex", r->body, r->len);
	print_object(object);
}

/* Of a well-formed TLP; what its text does not tell is whether its digest fits. */
static void good_text(const struct tlpb_trace_record *r, const struct tlpb_tlp *tlp, char *text,
		      size_t size)
{
	bool wrong = tlp->td && tlpb_tlp_ecrc(r->body, r->len - 4) != tlp->ecrc;
	int n = wrong ? snprintf(text, size, "wrong ECRC: ") : 0;

	tlpb_tlp_text(tlp, text + n, size - (size_t)n);
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
		good_text(r, &tlp, text, size);
}

static void count_time(struct counts *counts, uint64_t ps)
{
	if (!counts->n[COUNT_RECORDS]++ || ps < counts->first_ps)
		counts->first_ps = ps;
	if (ps > counts->last_ps)
		counts->last_ps = ps;
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

static void print_summary(const struct counts *counts)
{
	printf("%s %" PRIu64, count_names[0].text, counts->n[0]);
	if (counts->n[0]) {
		printf(" (");
		print_time(counts->first_ps, 0);
		printf(" to ");
		print_time(counts->last_ps, 0);
		printf(")");
	}
	for (unsigned i = 1; i < COUNTS; i++)
		if (counts->n[i])
			printf(", %s %" PRIu64, count_names[i].text, counts->n[i]);
	printf("\n");
}

static void print_json_summary(const struct counts *counts)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *summary = cJSON_AddObjectToObject(object, "summary");

	json_add_u64(summary, "first_ps", counts->first_ps);
	json_add_u64(summary, "last_ps", counts->last_ps);
	for (unsigned i = 0; i < COUNTS; i++)
		json_add_u64(summary, count_names[i].key, counts->n[i]);
	print_object(object);
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
		print_json_summary(&counts);
	else
		print_summary(&counts);
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
