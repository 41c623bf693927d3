/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "neighbour.h"

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool got = f && fgets(line, (int)size, f);

	if (f)
		fclose(f);
	if (got)
		line[strcspn(line, "\n")] = 0;
	return got;
}

void tlpb__neighbour_place(char text[PLACE_MAX])
{
	char boot[48], pids[40];
	ssize_t n = readlink("/proc/self/ns/pid", pids, sizeof pids - 1);

	text[0] = 0;
	if (n <= 0 || !read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
		return;
	pids[n] = 0;
	snprintf(text, PLACE_MAX, "%s %s", boot, pids);
}

/* NULL: it may be mapped. */
static const char *wrong_file(int fd, uint64_t bytes)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return "it is not a file in memory";
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return "it is not sealed against shrinking";
	if ((uint64_t)st.st_size < bytes)
		return "it is too small";
	return NULL;
}

static int refuse(int fd, const char *what, char *why, size_t size)
{
	if (fd >= 0)
		close(fd);
	snprintf(why, size, "%s", what);
	return -1;
}

/* Not blocking: what a peer names may be a pipe. */
int tlpb__neighbour_open(const char *place, uint32_t pid, uint32_t number, uint64_t bytes, char *why,
		     size_t size)
{
	char here[PLACE_MAX], path[64];
	const char *wrong;
	int fd;

	tlpb__neighbour_place(here);
	if (!here[0])
		return refuse(-1, "/proc cannot be read here", why, size);
	if (strcmp(here, place))
		return refuse(-1, "the peer is on another machine or in another PID namespace", why, size);
	snprintf(path, sizeof path, "/proc/%u/fd/%u", pid, number);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		snprintf(why, size, "the peer's memory cannot be opened (%s): do both run as the same user?",
			 strerror(errno));
		return -1;
	}
	wrong = wrong_file(fd, bytes);
	return wrong ? refuse(fd, wrong, why, size) : fd;
}
