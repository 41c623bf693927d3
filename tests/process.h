/* SPDX-License-Identifier: MIT */
/*
 * Other programs that a test runs: each with its output in a file, and each ended
 * with the test, however that ends. Single-threaded, like the tests themselves.
 *
 * Everything lies in the test's own directory, test_dir(). processes_end() ends
 * what still runs and removes that directory; call it first in every fixture,
 * because a failed ASSERT leaves without clean-up. It also runs at exit, and a
 * child whose test was killed dies with it.
 */
#ifndef TLPB_TEST_PROCESS_H
#define TLPB_TEST_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Far longer than anything takes on a busy machine: only what hangs meets it. */
enum { PROCESS_PATIENCE_MS = 60 * 1000 };

struct process {
	const char *name;	/* for messages: the program without its directory */
	pid_t pid;		/* 0: ended and reaped */
	int status;		/* once ended: exit status, or 128 + signal */
	char log[256];		/* file with its stdout and stderr */
	struct process *next;
};

/* The directory of the running test, made at the first call. Short enough for sockets. */
const char *test_dir(void);

/* A path in test_dir(); in one of a few static buffers. */
const char *test_path(const char *name);

/*
 * Run argv (argv[0] is looked up in PATH). The result stays valid until
 * processes_end(). A program that cannot be run ends with status 127.
 */
struct process *process_start(const char *const argv[]);

/*
 * The command that serves endpoint-test with these options (NULL ends them): "serve
 * endpoint-test OPTION...", or the program that the environment names in
 * TLPB_ENDPOINT_TEST, so that the same tests run against another implementation.
 * With what flow.h adds. Valid until the next call.
 */
const char *const *endpoint_test_command(const char *serve, const char *const options[]);

/* Wait until the output contains text. False: it ended without, or time is up. */
bool process_wait_output(struct process *process, const char *text, int timeout_ms);

/* Wait for its end. Its status; -1: it still runs. */
int process_wait(struct process *process, int timeout_ms);

bool process_runs(struct process *process);

/* Send a signal and wait for the end. The status as in struct process. */
int process_kill(struct process *process, int signal_number);

/* End it: SIGTERM, and SIGKILL when that takes too long. Returns its status. */
int process_stop(struct process *process);

/* All output so far, one of them at a time: valid until the next call. Never NULL. */
const char *process_output(const struct process *process);

/* How often text occurs in the output. */
unsigned process_count_output(const struct process *process, const char *text);

/* Wait until the file exists: a socket that a server listens on. False: time is up. */
bool wait_for_file(const char *path, int timeout_ms);

/* Milliseconds of a clock that does not jump. */
long long now_ms(void);
void sleep_ms(int ms);

void processes_end(void);

#ifdef __cplusplus
}
#endif
#endif
