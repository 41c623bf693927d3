/* SPDX-License-Identifier: MIT */
/* Two processes that share memory, each on its CPU: what the baselines without a library have in common. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A read request and its completion: a frame's header and a TLP of four doublewords each. */
enum { MESSAGE_BYTES = 24 + 16 };

struct bench_message {
	unsigned char bytes[MESSAGE_BYTES];
};

static inline void pin(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(atoi(cpu), &set);
	if (!sched_setaffinity(0, sizeof set, &set))
		return;
	perror("sched_setaffinity");
	exit(1);
}

/* Zeros, and there: nothing faults later. */
static inline void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory != MAP_FAILED)
		return memory;
	perror("mmap");
	exit(1);
}

/* Runs answer() on a CPU of its own until stop_peer(), or until this process ends. */
static inline pid_t start_peer(const char *cpu, void (*answer)(void *), void *arg)
{
	pid_t child = fork();

	if (child < 0) {
		perror("fork");
		exit(1);
	}
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(cpu);
	answer(arg);
	_exit(0);
}

static inline void stop_peer(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

#endif
