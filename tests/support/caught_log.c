/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <tlpbridge/log.h>

#include "caught_log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[64 * 1024];	/* what does not fit is only counted */
static unsigned count;

static void catch_line(enum tlpb_log_level level, const char *line)
{
	size_t used;

	pthread_mutex_lock(&lock);
	used = strlen(lines);
	snprintf(lines + used, sizeof lines - used, "%s\n", line);
	count++;
	pthread_mutex_unlock(&lock);
}

void catch_log(void)
{
	static bool caught;

	pthread_mutex_lock(&lock);
	lines[0] = '\0';
	count = 0;
	pthread_mutex_unlock(&lock);
	if (!caught)
		tlpb_log_set_sink(catch_line);
	caught = true;
}

bool log_has(const char *text)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = strstr(lines, text) != NULL;
	pthread_mutex_unlock(&lock);
	return has;
}

unsigned log_lines(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = count;
	pthread_mutex_unlock(&lock);
	return n;
}
