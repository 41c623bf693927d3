/* SPDX-License-Identifier: MIT */
/* The subcommands of tlpbridge(1). */
#ifndef TLPBRIDGE_CMD_H
#define TLPBRIDGE_CMD_H

/* Exit statuses, the same for every subcommand. */
enum {
	EXIT_OK = 0,
	EXIT_BAD_INPUT = 1,	/* ran, but could not use all of its input */
	EXIT_USAGE = 2,		/* did not run */
};

/* argv[0] is for messages: "tlpbridge: probe". Each returns the exit status. */
int cmd_device(int argc, char **argv);
int cmd_dma(int argc, char **argv);
int cmd_inject(int argc, char **argv);
int cmd_irq(int argc, char **argv);
int cmd_peek(int argc, char **argv);
int cmd_poke(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_tlp(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace(int argc, char **argv);

/*
 * Say on stderr that name is not among the names known (NULL ends them) and
 * which of them it may have been meant to be. what: "command". Returns EXIT_USAGE.
 */
int cmd_unknown(const char *what, const char *name, const char *const *known);

#endif
