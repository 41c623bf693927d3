/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <tlpbridge/log.h>
#include "cmd.h"
#include "text.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "run", cmd_run, "run QEMU with a SystemC model as a device" },
	{ "device", cmd_device, "print, keep and compare what a device says of itself" },
	{ "probe", cmd_probe, "show a device: config space, capabilities, registers" },
	{ "peek", cmd_peek, "read a register or a block" },
	{ "poke", cmd_poke, "write registers" },
	{ "dma", cmd_dma, "be the memory of a device's DMA" },
	{ "irq", cmd_irq, "take a device's interrupts" },
	{ "tlp", cmd_tlp, "decode, encode, print and judge Transaction Layer Packets" },
	{ "trace", cmd_trace, "print recorded traces" },
	{ "top", cmd_top, "show live what the links of a server carry and wait for" },
	{ "inject", cmd_inject, "inject errors into a device that is being served" },
};

enum { COMMANDS = sizeof commands / sizeof commands[0], LONGEST_NAME = 32 };

static void help(void)
{
	printf("usage: tlpbridge COMMAND [ARGUMENT...]\n"
	       "       tlpbridge COMMAND --help\n"
	       "       tlpbridge --help | --version\n"
	       "\n"
	       "Commands:\n");
	for (unsigned i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Edits (insert, drop, replace a letter) between two names, at most LONGEST_NAME long. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[LONGEST_NAME + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > LONGEST_NAME || nb > LONGEST_NAME)
		return LONGEST_NAME;
	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			unsigned above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
				      diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[nb];
}

int cmd_unknown(const char *what, const char *name, const char *const *known)
{
	const char *nearest = NULL;
	unsigned least = 3;	/* three typing errors are another word */

	for (const char *const *k = known; *k; k++) {
		if (distance(name, *k) < least) {
			least = distance(name, *k);
			nearest = *k;
		}
	}
	fprintf(stderr, "tlpbridge: no %s \"%s\"", what, name);
	if (nearest) {
		fprintf(stderr, "; did you mean \"%s\"?\n", nearest);
		return EXIT_USAGE;
	}
	fprintf(stderr, "; there is:");
	for (const char *const *k = known; *k; k++)
		fprintf(stderr, " %s", *k);
	fprintf(stderr, "\n");
	return EXIT_USAGE;
}

/* getopt_long() begins its complaints with argv[0]. */
static int run(const struct command *command, int argc, char **argv)
{
	char name[LONGEST_NAME + 16];

	snprintf(name, sizeof name, "tlpbridge: %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

static int dispatch(int argc, char **argv)
{
	const char *names[COMMANDS + 1] = { NULL };

	if (argc < 2) {
		fprintf(stderr, "tlpbridge: no command given; see tlpbridge --help\n");
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help();
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("tlpbridge %s\n", TLPB_VERSION);
		return EXIT_OK;
	}
	for (unsigned i = 0; i < COMMANDS; i++) {
		if (!strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
		names[i] = commands[i].name;
	}
	return cmd_unknown("command", argv[1], names);
}

int main(int argc, char **argv)
{
	int status;

	tlpb_log_keep_stdio();
	status = dispatch(argc, argv);
	return status == EXIT_OK && !flush_stdout() ? EXIT_BAD_INPUT : status;
}
