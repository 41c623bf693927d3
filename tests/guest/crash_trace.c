/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into QEMU by tests: a crash says where it was, as no core is left where tests run
 * by themselves. Code that TCG made has no frames; what called it is not shown then.
 */
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

enum { FRAMES_MAX = 64 };

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;		/* nothing else can be done here */
}

/* On the stack of the thread that crashed: an overflow of it stays silent. */
static void on_crash(int number, siginfo_t *info, void *context)
{
	const ucontext_t *where = context;
	char text[160], thread[17] = "";
	void *frames[FRAMES_MAX];
	int n;

	signal(number, SIG_DFL);
	prctl(PR_GET_NAME, thread);
	snprintf(text, sizeof text, "crash-trace: signal %d in thread \"%s\" at %#llx, address %p\n", number,
		 thread, (unsigned long long)where->uc_mcontext.gregs[REG_RIP], info->si_addr);
	say(text);
	n = backtrace(frames, FRAMES_MAX);
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
	raise(number);
}

__attribute__((constructor)) static void watch(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_NODEFER };
	void *warm_up[1];

	backtrace(warm_up, 1);		/* loads the unwinder, which a handler must not */
	for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &action, NULL);
}
