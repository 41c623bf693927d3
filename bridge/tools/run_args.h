/* SPDX-License-Identifier: MIT */
/*
 * What tlpbridge run makes of its command line: pure functions, no files, no processes.
 * Memory that runs out ends the program.
 */
#ifndef TLPBRIDGE_RUN_ARGS_H
#define TLPBRIDGE_RUN_ARGS_H

#include <stdbool.h>
#include <stddef.h>

enum { RUN_MODELS_MAX = 32, RUN_WHY = 256, RUN_PROPERTIES = 64 };

/* A command line: n strings of its own in v, and a NULL behind them. {0} is an empty one. */
struct run_argv {
	char **v;
	size_t n;
};

void run_argv_add(struct run_argv *argv, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void run_argv_free(struct run_argv *argv);

/* The words as a POSIX shell reads them, quoted where they must be. The caller frees it. */
char *run_argv_quote(const struct run_argv *argv);

struct run_model {
	struct run_argv options;	/* MODEL, and what follows it for its server */
	char *url;			/* of a --listen among them, else NULL; a pointer into options */
};

struct run_request {
	struct run_model model[RUN_MODELS_MAX];
	size_t models;
	const char *logs, *serve, *plugin;	/* NULL: not given */
	bool dry_run, help;
	char **qemu;			/* what follows "--", up to NULL; the caller's */
};

/*
 * Read the words after "run". Returns 0, or -1 with the reason in why; in both cases
 * the caller calls run_request_free().
 */
int run_request_parse(struct run_request *request, char **words, char why[RUN_WHY]);
void run_request_free(struct run_request *request);

/* Is MODEL a program of the user's, which has a / in it, and not a model of tlpbridge-serve? */
bool run_model_is_program(const struct run_model *model);

/* The command line of the server of a model at url: serve (tlpbridge-serve), or MODEL itself. */
void run_serve_argv(struct run_argv *argv, const char *serve, const struct run_model *model,
		    const char *url);

/*
 * What QEMU's end of the link has to have, too, where the model's server has it: its --transport and
 * --no-spin, as properties of the device, with a comma before each.
 */
void run_device_properties(const struct run_model *model, char text[RUN_PROPERTIES]);

struct run_wiring {
	const char *plugin;		/* path of tlpbridge-qemu.so */
	const char *const *url;		/* where each model's server listens */
	const char (*properties)[RUN_PROPERTIES];	/* of the devices that we add; NULL: none */
	size_t urls;
};

/*
 * QEMU's command line: the user's words, and what they lack of plugin, devices, machine,
 * shared memory and processors. A -device tlpbridge of the user's without url= gets the
 * next model's URL; each model that no device of his names gets a root port and a device.
 * warnings: one string each. Returns 0, or -1 with the reason in why.
 */
int run_qemu_argv(struct run_argv *argv, char *const *user, const struct run_wiring *wiring,
		  struct run_argv *warnings, char why[RUN_WHY]);

#endif
