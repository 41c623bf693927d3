/* SPDX-License-Identifier: MIT */
/*
 * A command that is the host of a device for a while: joins, does what firmware does,
 * reads and writes, is the memory that the device's DMA reaches, and takes its interrupts.
 */
#ifndef TLPBRIDGE_SESSION_H
#define TLPBRIDGE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <tlpbridge/rc.h>
#include <tlpbridge/trace.h>
#include "hostmem.h"
#include "interrupts.h"

/* Options that all such commands have; see SESSION_OPTIONS. */
struct session_options {
	const char *url, *device, *trace;
	const char *inject;		/* rules of error injection */
	enum tlpb_check check;
	bool ecrc;
	unsigned completion_timeout_ms;	/* 0: none */
	const char *tls_ca, *tls_cert, *tls_key, *tls_server_name;
	bool plaintext;
	enum tlpb_transport transport;
	bool no_spin;
	unsigned connect_timeout_ms;	/* 0: the default */
	struct tlpb_pools credits;
	uint64_t order_seed;
};

struct session {
	tlpb_rc *rc;
	const struct tlpb_device *device;	/* of rc */
	struct tlpb_registers *registers;
	struct tlpb_rc_bar bar[TLPB_BARS];
	uint64_t rom;				/* bus address; 0: not placed */
	struct hostmem memory;
	struct interrupts interrupts;
	tlpb_trace *trace;
	bool ecrc;				/* the device is to do it, too */
	char down[256];				/* why the link is down; "" while it is up */
};

enum { SESSION_BDF = 0x0100 };		/* the device is 01:00.0 */

/* For getopt_long() and the help. */
enum {
	OPT_DEVICE = 1000, OPT_TRACE, OPT_CREDITS, OPT_STRESS_ORDERING, OPT_INJECT, OPT_CHECK, OPT_ECRC,
	OPT_COMPLETION_TIMEOUT, OPT_TRANSPORT, OPT_NO_SPIN, OPT_CONNECT_TIMEOUT,
	OPT_TLS_CA, OPT_TLS_CERT, OPT_TLS_KEY,
	OPT_TLS_SERVER_NAME, OPT_PLAINTEXT, OPT_OTHERS
};
#define SESSION_OPTIONS                                                                  \
	{ "device", required_argument, NULL, OPT_DEVICE },                               \
	{ "trace", required_argument, NULL, OPT_TRACE },                                 \
	{ "credits", required_argument, NULL, OPT_CREDITS },                             \
	{ "stress-ordering", required_argument, NULL, OPT_STRESS_ORDERING },             \
	{ "inject", required_argument, NULL, OPT_INJECT },                               \
	{ "check", optional_argument, NULL, OPT_CHECK },                                 \
	{ "ecrc", no_argument, NULL, OPT_ECRC },                                         \
	{ "completion-timeout", required_argument, NULL, OPT_COMPLETION_TIMEOUT },       \
	{ "transport", required_argument, NULL, OPT_TRANSPORT },                         \
	{ "no-spin", no_argument, NULL, OPT_NO_SPIN },                                   \
	CONNECT_OPTIONS
#define SESSION_HELP                                                                     \
	"  --device NAME           which of the server's devices (the first free one)\n" \
	"  --trace FILE            record every frame as pcap\n"                         \
	"  --credits POOLS         how much we take before the device waits, for example\n" \
	"                          PH=1,PD=8,NPH=1,NPD=1; a number or 'infinite' each\n" \
	"  --stress-ordering SEED  send TLPs in any order that the ordering rules allow\n" \
	"  --inject RULES          inject errors at this end, see docs/errors.md\n"      \
	"  --check[=fatal]         tell of every TLP that breaks a rule\n"               \
	"  --ecrc                  send and check digests (ECRC), and have the device do so\n" \
	"  --completion-timeout MS an answer that takes longer is given up (0: none is)\n" \
	"  --transport KIND        auto: shared memory where that is possible, else the\n" \
	"                          URL's own; nng: that alone; shm: shared memory, or no\n" \
	"                          link (auto)\n"                                      \
	"  --no-spin               never look for an answer before sleeping: slower, but no\n" \
	"                          CPU is used for it\n"                               \
	CONNECT_HELP

/* Those of them that say how the server is reached. */
#define CONNECT_OPTIONS                                                                  \
	{ "connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT },             \
	{ "tls-ca", required_argument, NULL, OPT_TLS_CA },                               \
	{ "tls-cert", required_argument, NULL, OPT_TLS_CERT },                           \
	{ "tls-key", required_argument, NULL, OPT_TLS_KEY },                             \
	{ "tls-server-name", required_argument, NULL, OPT_TLS_SERVER_NAME },             \
	{ "plaintext", no_argument, NULL, OPT_PLAINTEXT }
#define CONNECT_HELP                                                                     \
	"  --connect-timeout MS    how long to look for the server (10000)\n"            \
	"  --tls-ca FILE           for tls+tcp: who signed the server's certificate, PEM\n" \
	"  --tls-cert FILE         for servers that ask for one: a certificate of ours\n" \
	"  --tls-key FILE          and its key\n"                                        \
	"  --tls-server-name NAME  in the server's certificate (the host in the URL)\n"  \
	"  --plaintext             allow plain tcp beyond loopback\n"

/* Takes one of the options above; false after saying what is wrong with it. */
bool session_option(struct session_options *options, int option, const char *value);

/* What the options say, but for the trace; texts stay theirs. */
struct tlpb_rc_config session_config_of(const struct session_options *options);

/*
 * Ctrl-C, SIGTERM and SIGHUP end waits instead of the process; session_interrupted() then is the
 * signal, else 0. Call before session_open().
 */
void session_catch_signals(void);
int session_interrupted(void);

/*
 * The status to exit with after a failure: 128 + signal if it was that, EXIT_USAGE if the URL or
 * the options of the session were wrong in themselves, else EXIT_BAD_INPUT.
 */
int session_failure(void);

/* Say why the server cannot be reached, for session_failure() to know, too; returns false. */
bool session_unreachable(int err, const char *why);

/* Join with a zeroed session, which stays where it is; false after saying why. */
bool session_open(struct session *s, const struct session_options *options);

/*
 * Leave, and free all that the session has; fine for one that was never opened, too. False
 * after saying that the trace is incomplete.
 */
bool session_close(struct session *s);

/* Place the BARs and the ROM and enable the device; false after saying why. */
bool session_enumerate(struct session *s);

/*
 * Blocks of a region (enum tlpb_region_index), any length. Return 0 or a negative error;
 * reads that fail give all ones.
 */
int session_read(struct session *s, unsigned region, uint64_t offset, void *bytes, size_t len);
int session_write(struct session *s, unsigned region, uint64_t offset, const void *bytes, size_t len);

/* One register of 8, 16, 32 or 64 bits. */
int session_get(struct session *s, unsigned region, uint64_t offset, unsigned width, uint64_t *value);
int session_put(struct session *s, unsigned region, uint64_t offset, unsigned width, uint64_t value);

/* Config space of size 1, 2, 4 as above, all ones on failure. */
uint32_t session_config(struct session *s, unsigned offset, unsigned size);

/* Bytes of a region; 0: the device does not have it. */
uint64_t session_region_size(const struct session *s, unsigned region);

/* Serve the device for at most ms. False when the link is down or a signal came. */
bool session_serve(struct session *s, int ms);

int64_t now_ms(void);		/* monotonic */

#endif
