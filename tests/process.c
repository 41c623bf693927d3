/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"

enum {
	POLL_MS = 2,
	STOP_MS = 20 * 1000,	/* after SIGTERM, before SIGKILL */
	EXEC_FAILED = 127,
};

static struct process *processes;	/* of the running test */
static unsigned started;
static char dir[64];			/* "" until asked for */

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

const char *test_dir(void)
{
	static bool at_exit;

	if (!at_exit) {
		atexit(processes_end);
		at_exit = true;
	}
	if (!*dir) {
		const char *tmp = getenv("TMPDIR");

		/* A path that leaves no room for a socket's name is of no use. */
		if (!tmp || strlen(tmp) > sizeof dir - sizeof "/tlpb-test-XXXXXX")
			tmp = "/tmp";
		snprintf(dir, sizeof dir, "%s/tlpb-test-XXXXXX", tmp);
		if (!mkdtemp(dir)) {
			perror(dir);
			abort();
		}
	}
	return dir;
}

const char *test_path(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", test_dir(), name);
	return path;
}

/* In the child. It must not outlive a test that is killed. */
static void run(const char *const argv[], const char *log, pid_t parent)
{
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXEC_FAILED);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	execvp(argv[0], (char *const *)argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(EXEC_FAILED);
}

const char *const *endpoint_test_command(const char *serve, const char *const options[])
{
	enum { WORDS_MAX = 32 };
	static const char *command[WORDS_MAX];
	const char *other = getenv("TLPB_ENDPOINT_TEST");
	unsigned n = 0;

	command[n++] = other ? other : serve;
	if (!other)
		command[n++] = "endpoint-test";
	while (*options && n < WORDS_MAX - 1)
		command[n++] = *options++;
	command[n] = NULL;
	return flow_command(command);
}

struct process *process_start(const char *const argv[])
{
	struct process *process = calloc(1, sizeof *process);
	const char *slash = strrchr(argv[0], '/');
	pid_t parent = getpid();
	char name[128];

	process->name = slash ? slash + 1 : argv[0];
	snprintf(name, sizeof name, "%u-%s.log", ++started, process->name);
	snprintf(process->log, sizeof process->log, "%s", test_path(name));
	fflush(NULL);
	process->pid = fork();
	if (process->pid < 0) {
		perror("fork");
		abort();
	}
	if (!process->pid)
		run(argv, process->log, parent);
	process->next = processes;
	processes = process;
	return process;
}

bool process_runs(struct process *process)
{
	int status;

	if (!process->pid)
		return false;
	if (waitpid(process->pid, &status, WNOHANG) != process->pid)
		return true;
	process->pid = 0;
	process->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return false;
}

int process_wait(struct process *process, int timeout_ms)
{
	long long end = now_ms() + timeout_ms;

	while (process_runs(process)) {
		if (now_ms() >= end)
			return -1;
		sleep_ms(POLL_MS);
	}
	return process->status;
}

bool process_wait_output(struct process *process, const char *text, int timeout_ms)
{
	long long end = now_ms() + timeout_ms;
	bool runs;

	do {
		runs = process_runs(process);
		if (strstr(process_output(process), text))
			return true;
		sleep_ms(POLL_MS);
	} while (runs && now_ms() < end);
	return false;
}

int process_kill(struct process *process, int signal_number)
{
	if (process_runs(process))
		kill(process->pid, signal_number);
	return process_wait(process, PROCESS_PATIENCE_MS);
}

int process_stop(struct process *process)
{
	if (process_runs(process))
		kill(process->pid, SIGTERM);
	if (process_wait(process, STOP_MS) < 0) {
		fprintf(stderr, "%s did not end on SIGTERM\n", process->name);
		process_kill(process, SIGKILL);
	}
	return process->status;
}

const char *process_output(const struct process *process)
{
	static char *text;
	FILE *file = fopen(process->log, "r");
	struct stat st;
	size_t n = 0;

	free(text);
	if (file && !fstat(fileno(file), &st)) {
		text = malloc((size_t)st.st_size + 1);
		n = fread(text, 1, (size_t)st.st_size, file);
	} else {
		text = malloc(1);
	}
	text[n] = '\0';
	if (file)
		fclose(file);
	return text;
}

unsigned process_count_output(const struct process *process, const char *text)
{
	unsigned count = 0;

	for (const char *p = process_output(process); (p = strstr(p, text)); p += strlen(text))
		count++;
	return count;
}

bool wait_for_file(const char *path, int timeout_ms)
{
	long long end = now_ms() + timeout_ms;

	while (access(path, F_OK)) {
		if (now_ms() >= end)
			return false;
		sleep_ms(POLL_MS);
	}
	return true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void processes_end(void)
{
	while (processes) {
		struct process *process = processes;

		processes = process->next;
		process_kill(process, SIGKILL);
		free(process);
	}
	if (*dir)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	*dir = '\0';
}
