/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <tlpbridge/log.h>

static void to_stderr(enum tlpb_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warning", "info" };

	fprintf(stderr, "tlpbridge: %s: %s\n", names[level], line);
}

static tlpb_log_sink *sink = to_stderr;

void tlpb_log_set_sink(tlpb_log_sink *new_sink)
{
	sink = new_sink ? new_sink : to_stderr;
}

void tlpb_log(enum tlpb_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	sink(level, line);
}

/* open() gives the lowest number that is free. */
void tlpb_log_keep_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}
