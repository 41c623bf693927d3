/* SPDX-License-Identifier: MIT */
#include "run_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
	SLOW_START_MS = 5 * 1000,	/* then say what is waited for */
	PATIENCE_MS = 20 * 1000,	/* from the request to end to SIGKILL */
	FOREVER = -1,
	NOT_FOUND = 127, NOT_RUNNABLE = 126,	/* as shells say */
	SHOWN_LINES = 10,
	LOG_MAX = 64 * 1024,		/* of a log that is looked at */
};

static const char listens[] = "listening at ";	/* servers say so, once */

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Then it stays so, for the children, too: nohup asks for it. */
static bool hangup_is_ignored(void)
{
	struct sigaction action;

	return !sigaction(SIGHUP, NULL, &action) && action.sa_handler == SIG_IGN;
}

int run_set_open(struct run_set *set)
{
	sigset_t mask;

	*set = (struct run_set){ 0 };
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	if (!hangup_is_ignored())
		sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		return -1;
	set->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return set->signals < 0 ? -1 : 0;
}

/* ---- children ---- */

static void server_files(const char *log)
{
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (out < 0 || in < 0)
		_exit(NOT_RUNNABLE);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
}

/*
 * In the child. When we are killed, QEMU gets SIGTERM, to leave its disks and the terminal in
 * order; a server gets SIGKILL, because a model in an endless loop heeds nothing else.
 */
static void become(const struct run_child *child, const struct run_argv *argv, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, child->log ? SIGKILL : SIGTERM);
	if (getppid() != parent)
		_exit(NOT_RUNNABLE);
	if (child->log) {
		setpgid(0, 0);
		server_files(child->log);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv->v[0], argv->v);
	fprintf(stderr, "tlpbridge: cannot run %s: %s\n", argv->v[0], strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : NOT_RUNNABLE);
}

static int start(struct run_child *child, const struct run_argv *argv)
{
	pid_t parent = getpid();

	fflush(NULL);
	child->pid = fork();
	if (!child->pid)
		become(child, argv, parent);
	if (child->pid > 0)
		return 0;
	fprintf(stderr, "tlpbridge: cannot start %s: %s\n", argv->v[0], strerror(errno));
	child->pid = 0;
	child->status = NOT_RUNNABLE;
	return -1;
}

/* True: it has just ended. */
static bool reap(struct run_child *child)
{
	int status;

	if (!child->pid || waitpid(child->pid, &status, WNOHANG) != child->pid)
		return false;
	child->pid = 0;
	child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

static void show_log_end(const struct run_child *server)
{
	char line[512];
	FILE *log = fopen(server->log, "r");
	int lines = 0;

	if (!log)
		return;
	while (fgets(line, sizeof line, log))
		lines++;
	rewind(log);
	for (; fgets(line, sizeof line, log); lines--)
		if (lines <= SHOWN_LINES)
			fprintf(stderr, "  | %s", line);
	fclose(log);
}

static void tell_end(const struct run_child *server)
{
	if (server->status > 128)
		fprintf(stderr, "tlpbridge: run: the server of %s was killed by signal %d (%s)\n",
			server->name, server->status - 128, strsignal(server->status - 128));
	else
		fprintf(stderr, "tlpbridge: run: the server of %s ended with status %d\n",
			server->name, server->status);
	show_log_end(server);
}

/* A server has no business to end before it is told to; QEMU goes on without its device. */
static void reap_all(struct run_set *set)
{
	reap(&set->qemu);
	for (size_t i = 0; i < set->servers; i++)
		if (reap(&set->server[i])) {
			set->failed = true;
			tell_end(&set->server[i]);
		}
}

/* ---- events ---- */

/*
 * The terminal sends Ctrl-C to its whole foreground group, QEMU included; the kernel is the
 * sender then. What another process sent to us alone is passed on, and that the terminal was
 * closed: the kernel tells that only whom the terminal belongs to, which may be us.
 */
static void take_signal(struct run_set *set, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGCHLD)
		return;
	set->asked = (int)info->ssi_signo;
	if (set->qemu.pid && (info->ssi_code != SI_KERNEL || set->asked == SIGHUP))
		kill(set->qemu.pid, set->asked);
}

/* Sleep until a child ends, a signal comes, file (or -1) is readable, or the time is up. */
static void wait_event(struct run_set *set, int file, long long until_ms)
{
	struct pollfd fds[] = {
		{ .fd = set->signals, .events = POLLIN },
		{ .fd = file, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	long long left = until_ms - now_ms();

	if (until_ms == FOREVER)
		left = FOREVER;
	else if (left < 0)
		left = 0;
	poll(fds, 2, (int)left);
	while (read(set->signals, &info, sizeof info) == sizeof info)
		take_signal(set, &info);
	reap_all(set);
}

/* ---- servers ---- */

static bool log_says(const char *path, const char *text)
{
	static char buffer[LOG_MAX];
	FILE *log = fopen(path, "r");
	size_t n;

	if (!log)
		return false;
	n = fread(buffer, 1, sizeof buffer - 1, log);
	buffer[n] = 0;
	fclose(log);
	return strstr(buffer, text);
}

static void drain(int watch)
{
	char events[4096];

	while (read(watch, events, sizeof events) > 0)
		;
}

/* The log must exist before it can be watched, and hold nothing of an earlier run. */
static int watch_log(const char *log)
{
	int file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (file < 0 || watch < 0 || inotify_add_watch(watch, log, IN_MODIFY) < 0) {
		fprintf(stderr, "tlpbridge: run: %s: %s\n", log, strerror(errno));
		if (watch >= 0)
			close(watch);
		watch = -1;
	}
	if (file >= 0)
		close(file);
	return watch;
}

/* However long it takes: a large model elaborates for minutes. */
static int wait_until_it_listens(struct run_set *set, struct run_child *server, int watch)
{
	long long slow = now_ms() + SLOW_START_MS;

	while (!log_says(server->log, listens)) {
		if (!server->pid)
			return server->status ? server->status : 1;
		if (set->asked)
			return 128 + set->asked;
		wait_event(set, watch, slow);
		drain(watch);
		if (slow != FOREVER && now_ms() >= slow) {
			fprintf(stderr, "tlpbridge: run: waiting for the server of %s to listen, and to "
				"say \"%sURL\"\n", server->name, listens);
			slow = FOREVER;
		}
	}
	return 0;
}

int run_server(struct run_set *set, const struct run_argv *argv, const char *name,
	       const char *log)
{
	struct run_child *server = &set->server[set->servers++];
	int watch = watch_log(log), status;

	*server = (struct run_child){ .name = name, .log = log };
	if (watch < 0)
		return 1;
	status = start(server, argv) ? server->status : wait_until_it_listens(set, server, watch);
	close(watch);
	return status;
}

static void signal_servers(struct run_set *set, int signal_number)
{
	for (size_t i = 0; i < set->servers; i++)
		if (set->server[i].pid)
			kill(set->server[i].pid, signal_number);
}

/* Like reap_all(), now that they are meant to end. */
static bool servers_left(struct run_set *set)
{
	bool left = false;

	for (size_t i = 0; i < set->servers; i++) {
		struct run_child *server = &set->server[i];

		if (reap(server) && server->status) {
			set->failed = true;
			tell_end(server);
		}
		left |= server->pid != 0;
	}
	return left;
}

static void wait_servers(struct run_set *set, long long until_ms)
{
	struct pollfd fd = { .fd = set->signals, .events = POLLIN };
	struct signalfd_siginfo info;

	while (servers_left(set) && now_ms() < until_ms) {
		poll(&fd, 1, (int)(until_ms - now_ms()));
		while (read(set->signals, &info, sizeof info) > 0)
			;
	}
}

void run_set_close(struct run_set *set)
{
	signal_servers(set, SIGTERM);
	wait_servers(set, now_ms() + PATIENCE_MS);
	signal_servers(set, SIGKILL);
	wait_servers(set, now_ms() + PATIENCE_MS);
	close(set->signals);
}

/* ---- QEMU ---- */

/* A QEMU with its serial line on the terminal sets that to raw; killed, it cannot undo it. */
static bool own_terminal(struct termios *mode)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp() && !tcgetattr(STDIN_FILENO, mode);
}

static void wait_qemu(struct run_set *set)
{
	long long end = FOREVER;

	while (set->qemu.pid) {
		wait_event(set, -1, end);
		if (set->asked && end == FOREVER)
			end = now_ms() + PATIENCE_MS;
		if (end != FOREVER && now_ms() >= end && set->qemu.pid) {
			fprintf(stderr, "tlpbridge: run: QEMU does not end; it is killed\n");
			kill(set->qemu.pid, SIGKILL);
			end = now_ms() + PATIENCE_MS;
		}
	}
}

int run_qemu(struct run_set *set, const struct run_argv *argv)
{
	struct termios mode;
	bool terminal = own_terminal(&mode);

	set->qemu = (struct run_child){ .name = "QEMU" };
	if (set->asked)
		return 128 + set->asked;
	if (start(&set->qemu, argv))
		return set->qemu.status;
	wait_qemu(set);
	if (terminal && set->qemu.status > 128)
		tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	return set->qemu.status;
}
