/* SPDX-License-Identifier: MIT */
/* tlpbridge peek and poke: a read or some writes, and goodbye. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "place.h"
#include "text.h"

enum { BLOCK_MAX = 1 << 30, BLOCK_PIECE = 1 << 16 };

static const char peek_help[] =
"usage: tlpbridge peek URL WHERE [WIDTH|LENGTH] [OPTION...]\n"
"\n"
"Join the server at URL as a host, enumerate the device, read a register or LENGTH\n"
"bytes, print them, and leave. The device is reset when a host leaves.\n"
"\n"
PLACE_HELP
"WIDTH is b, w, l or q. LENGTH bytes are printed as a hex dump.\n"
"\n"
"  --output FILE           LENGTH bytes as they are into FILE (-: standard output)\n"
"  --json                  a JSON object instead of text\n"
SESSION_HELP
"\n"
"Exit status: 0, 1 when the read failed, 2 when the command line is wrong.\n";

static const char poke_help[] =
"usage: tlpbridge poke URL WHERE VALUE [WHERE VALUE]... [OPTION...]\n"
"\n"
"Join the server at URL as a host, enumerate the device, write in the order given,\n"
"and leave. The device is reset when a host leaves: registers lose their values, so\n"
"give all writes in one command, and --peek what they did; tlpbridge dma does more.\n"
"\n"
PLACE_HELP
"VALUE may be @FILE, too: its bytes are written as one block.\n"
"\n"
"  --peek WHERE            read this afterwards; may be repeated\n"
"  --json                  what was read as JSON\n"
SESSION_HELP
"\n"
"Exit status: 0, 1 when an access failed, 2 when the command line is wrong.\n";

enum { OPT_JSON = OPT_OTHERS, OPT_OUTPUT, OPT_PEEK, PEEKS_MAX = 64 };

struct arguments {
	struct session_options session;
	bool json;
	unsigned width;			/* of peek; 0: the register's */
	uint64_t length;		/* of peek; 0: a register */
	const char *output;
	const char *peek[PEEKS_MAX];
	unsigned peeks;
};

/* ---- peek ---- */

/* In pieces, so that Ctrl-C is heard between them. */
static bool read_block(struct session *s, const struct place *p, uint8_t *bytes, uint64_t len)
{
	for (uint64_t done = 0; done < len; done += BLOCK_PIECE) {
		uint64_t n = len - done < BLOCK_PIECE ? len - done : BLOCK_PIECE;
		int err = session_read(s, p->region, p->offset + done, bytes + done, n);

		if (session_interrupted())
			return false;
		if (err)
			return complain("%s: %s at offset 0x%llx", p->text, tlpb_strerror(err),
					(unsigned long long)(p->offset + done));
	}
	return true;
}

static bool json_block(const struct place *p, const uint8_t *bytes, uint64_t len)
{
	char *hex = malloc(2 * len + 1);
	cJSON *o;

	if (!hex)
		return complain("out of memory");
	for (uint64_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "region", region_text(p->region));
	json_add_hex(o, "offset", p->offset, 1);
	cJSON_AddStringToObject(o, "bytes", hex);
	free(hex);
	return json_print(o, false);
}

static bool print_block(const struct place *p, const struct arguments *a, const uint8_t *bytes,
			uint64_t len)
{
	if (a->output)
		return write_file(a->output, bytes, len);
	if (a->json)
		return json_block(p, bytes, len);
	hex_dump(stdout, p->offset, bytes, len);
	return true;
}

static bool peek_block(struct session *s, const struct place *p, const struct arguments *a)
{
	uint8_t *bytes;
	bool done;

	if (!place_fits(s, p, a->length))
		return false;
	bytes = malloc(a->length);
	done = bytes ? read_block(s, p, bytes, a->length) && print_block(p, a, bytes, a->length)
		     : complain("out of memory");
	free(bytes);
	return done;
}

static bool peek_one(struct session *s, const struct place *p, bool json)
{
	uint64_t value;

	if (!place_get(s, p, &value))
		return false;
	if (json)
		return json_print(place_json(p, value), false);
	place_print(p, value);
	return true;
}

static bool peek(struct session *s, const struct arguments *a, char **argv)
{
	struct place p;

	if (!place_parse(s, argv[0], &p))
		return false;
	if (a->length)
		return peek_block(s, &p, a);
	if (a->width)
		p.width = a->width;
	if (p.reg && p.reg->width != p.width)
		p.reg = NULL;
	return place_fits(s, &p, p.width / 8) && peek_one(s, &p, a->json);
}

/* ---- poke ---- */

static bool poke_file(struct session *s, const struct place *p, const char *path)
{
	size_t len;
	uint8_t *bytes = read_file(path, BLOCK_MAX, &len);
	bool done;
	int err;

	if (!bytes)
		return false;
	done = place_fits(s, p, len);
	err = done ? session_write(s, p->region, p->offset, bytes, len) : 0;
	free(bytes);
	return err ? complain("%s cannot be written: %s", p->text, tlpb_strerror(err)) : done;
}

static bool poke_one(struct session *s, const char *where, const char *text)
{
	struct place p;
	uint64_t value;

	if (!place_parse(s, where, &p))
		return false;
	if (text[0] == '@')
		return poke_file(s, &p, text + 1);
	return place_value(&p, text, &value) && place_put(s, &p, value);
}

/* Posted writes have arrived when a read behind them is answered. */
static bool flush(struct session *s)
{
	uint32_t id;
	int err = tlpb_rc_config_read(s->rc, SESSION_BDF, 0, 4, &id);

	return !err || session_interrupted() ? !err :
	       complain("the device does not answer after the write: %s", tlpb_strerror(err));
}

static bool poke(struct session *s, const struct arguments *a, char **argv)
{
	for (; argv[0]; argv += 2)
		if (!poke_one(s, argv[0], argv[1]))
			return false;
	for (unsigned i = 0; i < a->peeks; i++) {
		struct place p;

		if (!place_parse(s, a->peek[i], &p) || !peek_one(s, &p, a->json))
			return false;
	}
	return flush(s);
}

/* ---- command line ---- */

/* EXIT_OK: go on; HELP_SHOWN: end well. */
enum { HELP_SHOWN = -1 };

static int parse(int argc, char **argv, bool is_poke, struct arguments *a)
{
	static const struct option options[] = {
		SESSION_OPTIONS,
		{ "json", no_argument, NULL, OPT_JSON },
		{ "output", required_argument, NULL, OPT_OUTPUT },
		{ "peek", required_argument, NULL, OPT_PEEK },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(is_poke ? poke_help : peek_help, stdout);
			return HELP_SHOWN;
		}
		if (opt == '?')
			return EXIT_USAGE;
		if (opt == OPT_JSON)
			a->json = true;
		else if (opt == OPT_OUTPUT && !is_poke)
			a->output = optarg;
		else if (opt == OPT_PEEK && is_poke && a->peeks < PEEKS_MAX)
			a->peek[a->peeks++] = optarg;
		else if (opt >= OPT_OTHERS) {
			complain("%s does not take this option so (often)", is_poke ? "poke" : "peek");
			return EXIT_USAGE;
		} else if (!session_option(&a->session, opt, optarg)) {
			return EXIT_USAGE;
		}
	}
	return EXIT_OK;
}

static bool parse_extent(struct arguments *a, const char *text)
{
	a->width = place_width(text);
	if (a->width)
		return true;
	if (!parse_number(text, &a->length))
		return complain("\"%s\" is neither a width (b, w, l, q) nor a length", text);
	return (a->length && a->length <= BLOCK_MAX) ||
	       complain("LENGTH is 1 to %d bytes", BLOCK_MAX);
}

/* argv: WHERE, and perhaps what it has. */
static bool peek_well_formed(struct arguments *a, char **argv)
{
	if (!place_syntax(argv[0]) || (argv[1] && !parse_extent(a, argv[1])))
		return false;
	return !a->output || a->length || complain("--output goes with a LENGTH");
}

/* argv: pairs of WHERE and VALUE. */
static bool poke_well_formed(const struct arguments *a, char **argv)
{
	for (; argv[0]; argv += 2) {
		bool file = argv[1][0] == '@';

		if (!place_syntax(argv[0]) || (!file && !place_value_syntax(argv[0], argv[1])))
			return false;
		if (file && !argv[1][1])
			return complain("%s: @ needs the name of a file", argv[0]);
	}
	for (unsigned i = 0; i < a->peeks; i++)
		if (!place_syntax(a->peek[i]))
			return false;
	return true;
}

static int run(const struct arguments *a, char **argv, bool is_poke)
{
	struct session s = { 0 };
	bool done;

	session_catch_signals();
	done = session_open(&s, &a->session) && session_enumerate(&s) &&
	       (is_poke ? poke(&s, a, argv) : peek(&s, a, argv));
	done = session_close(&s) && done;
	return done && flush_stdout() ? EXIT_OK : session_failure();
}

int cmd_peek(int argc, char **argv)
{
	struct arguments a = { 0 };
	int status = parse(argc, argv, false, &a), count = argc - optind;

	if (status)
		return status == HELP_SHOWN ? EXIT_OK : status;
	if (count < 2 || count > 3) {
		complain("peek needs URL, WHERE, and at most a width or length; see tlpbridge peek --help");
		return EXIT_USAGE;
	}
	if (!peek_well_formed(&a, argv + optind + 1))
		return EXIT_USAGE;
	a.session.url = argv[optind];
	return run(&a, argv + optind + 1, false);
}

int cmd_poke(int argc, char **argv)
{
	struct arguments a = { 0 };
	int status = parse(argc, argv, true, &a), count = argc - optind;

	if (status)
		return status == HELP_SHOWN ? EXIT_OK : status;
	if (count < 3 || count % 2 == 0) {
		complain("poke needs URL and then pairs of WHERE and VALUE; see tlpbridge poke --help");
		return EXIT_USAGE;
	}
	if (!poke_well_formed(&a, argv + optind + 1))
		return EXIT_USAGE;
	a.session.url = argv[optind];
	return run(&a, argv + optind + 1, true);
}
