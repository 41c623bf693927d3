/* SPDX-License-Identifier: MIT */
/*
 * The program around a model in C: options, server, endpoint, signals, the loop.
 *
 *	static struct tlpb_model model = { .summary = "...", .device = &device, .ops = &ops };
 *
 *	int main(int argc, char **argv)
 *	{
 *		return tlpb_serve_main(argc, argv, &model);
 *	}
 *
 * Every such program knows --listen URL, --tls-cert, --tls-key, --tls-ca FILE, --plaintext,
 * --transport KIND, --shm-bytes SIZE, --no-spin, --name NAME, --trace FILE, --credits POOLS,
 * --stress-ordering SEED, --inject RULES, --check[=fatal],
 * --help and --version, serves until SIGINT, SIGTERM or SIGHUP (or, at
 * fd:N, until its host left), and logs who comes and goes. A program that has a loop of its own
 * uses server.h instead.
 */
#ifndef TLPBRIDGE_SERVE_H
#define TLPBRIDGE_SERVE_H

#include <tlpbridge/device.h>
#include <tlpbridge/ep.h>
#include <tlpbridge/regs.h>
#include <tlpbridge/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An option of the model's own. */
struct tlpb_model_option {
	const char *name;	/* without "--" */
	const char *argument;	/* what --help calls its value; NULL: it takes none */
	const char *help;	/* one line or more */
	/*
	 * Called for each use, in the order of the command line; value is NULL without
	 * argument. Returns 0, or a negative error with cause and cure in why.
	 */
	int (*take)(void *ctx, const char *value, char *why, size_t why_size);
};

struct tlpb_model {
	const char *summary;		/* a line for --help */
	struct tlpb_device *device;	/* options may change it; its name is the model's */
	const struct tlpb_model_option *options; /* the last one has no name; may be NULL */
	const struct tlpb_ep_ops *ops;
	const struct tlpb_regs *regs[TLPB_BARS]; /* of each BAR, for tools to name; NULL: none */
	const struct tlpb_capability *capabilities; /* of its own; may be NULL */
	unsigned capability_count;
	void *ctx;			/* for ops, options and start */
	/*
	 * Called once all options are known and before a host can come, the place for
	 * tlpb_ep_add_function(); may be NULL.
	 * Returns 0, or a negative error with cause and cure in why.
	 */
	int (*start)(void *ctx, char *why, size_t why_size);

	tlpb_ep *ep;			/* set before start; for the model to answer and to do DMA */
};

/*
 * Runs the program to its end; blocks. SIGINT, SIGTERM and, unless it is ignored, SIGHUP are
 * blocked in the calling thread and those it starts. Returns main()'s status: 0, 1 when serving failed
 * or 2 for a wrong command line; the reason is on stderr.
 */
int tlpb_serve_main(int argc, char **argv, struct tlpb_model *model);

#ifdef __cplusplus
}
#endif
#endif
