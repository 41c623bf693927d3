/* SPDX-License-Identifier: MIT */
/*
 * The processes of tlpbridge run: servers that write to log files, and QEMU, which has the
 * terminal. Single-threaded; one set at a time, because the process's signals are its.
 *
 * Every server has a process group of its own, so that Ctrl-C reaches QEMU first and the
 * device outlives the machine. Children end when this process is killed.
 */
#ifndef TLPBRIDGE_RUN_PROCESS_H
#define TLPBRIDGE_RUN_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "run_args.h"

struct run_child {
	const char *name;	/* for messages */
	pid_t pid;		/* 0: not started, or ended */
	int status;		/* once ended: exit status, or 128 + signal */
	const char *log;	/* file of its output; NULL: it has ours */
};

struct run_set {
	struct run_child server[RUN_MODELS_MAX], qemu;
	size_t servers;
	int signals;		/* signalfd */
	int asked;		/* the signal that asked us to end, 0: none */
	bool failed;		/* a server ended by itself or badly */
};

/* Take SIGINT, SIGTERM, SIGCHLD and, unless it is ignored, SIGHUP over. 0, or -1 and errno. */
int run_set_open(struct run_set *set);

/*
 * Start a server and wait until it listens. Returns 0, or the exit status to leave with: it
 * ended instead (its log's end is shown), or somebody asked us to end.
 */
int run_server(struct run_set *set, const struct run_argv *argv, const char *name,
	       const char *log);

/* Run QEMU to its end. Its exit status; 128 + signal when one killed it. */
int run_qemu(struct run_set *set, const struct run_argv *argv);

/* End the servers that still run; set->failed tells whether each ended well. */
void run_set_close(struct run_set *set);

#endif
