/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
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

static int fail(const char *what, char *why, size_t size)
{
	snprintf(why, size, "%s", what);
	return -1;
}

static int fail_open(char *why, size_t size)
{
	snprintf(why, size, "the peer's memory cannot be opened (%s): do both run as the same user?",
		 strerror(errno));
	return -1;
}

/* Of ordinary pages, which are there whenever there is any memory; huge ones need not be. */
static bool is_memory_file(int fd)
{
	struct statfs fs;
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && !fstatfs(fd, &fs) && fs.f_type == TMPFS_MAGIC;
}

/*
 * A peer may name what it likes, and to open a device or a pipe does something. So it is only looked at
 * (O_PATH) until it is known to be a file in memory.
 */
static int open_memory_file(uint32_t pid, uint32_t number, char *why, size_t size)
{
	char path[64];
	int at, fd;

	snprintf(path, sizeof path, "/proc/%u/fd/%u", pid, number);
	at = open(path, O_PATH | O_CLOEXEC);
	if (at < 0)
		return fail_open(why, size);
	if (!is_memory_file(at)) {
		close(at);
		return fail("it is not a file in memory", why, size);
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", at);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail_open(why, size);
	close(at);
	return fd;
}

/* NULL: it may be mapped. */
static const char *wrong_file(int fd, uint64_t bytes)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return "it is not sealed against shrinking";
	if (fstat(fd, &st) || (uint64_t)st.st_size < bytes)
		return "it is too small";
	return NULL;
}

int tlpb__neighbour_open(const char *place, uint32_t pid, uint32_t number, uint64_t bytes, char *why,
		     size_t size)
{
	char here[PLACE_MAX];
	const char *wrong;
	int fd;

	tlpb__neighbour_place(here);
	if (!here[0])
		return fail("/proc cannot be read here", why, size);
	if (!place[0])
		return fail("the peer cannot read /proc", why, size);
	if (strcmp(here, place))
		return fail("the peer is on another machine or in another PID namespace", why, size);
	fd = open_memory_file(pid, number, why, size);
	wrong = fd < 0 ? NULL : wrong_file(fd, bytes);
	if (!wrong)
		return fd;
	close(fd);
	return fail(wrong, why, size);
}
