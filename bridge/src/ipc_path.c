/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <tlpbridge/err.h>

#include "ipc_path.h"

/* "Num RefCount Protocol Flags Type St Inode Path": does this socket listen at path? */
static bool line_listens_at(const char *line, const char *path)
{
	enum { ACCEPTS = 1 << 16 };	/* __SO_ACCEPTCON */
	unsigned flags;
	int at = 0;

	return sscanf(line, "%*s %*s %*s %x %*s %*s %*s %n", &flags, &at) == 1 && at &&
	       flags & ACCEPTS && !strcmp(line + at, path);
}

static bool has_listener(const char *path)
{
	FILE *sockets = fopen("/proc/net/unix", "re");
	char line[256];
	bool found = false;

	while (sockets && !found && fgets(line, sizeof line, sockets)) {
		line[strcspn(line, "\n")] = '\0';
		found = line_listens_at(line, path);
	}
	if (sockets)
		fclose(sockets);
	return found;
}

/* A backlog that is full belongs to somebody, too. */
static bool lets_us_connect(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool live;

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	live = connect(fd, (struct sockaddr *)&un, sizeof un) == 0 || errno == EAGAIN;
	close(fd);
	return live;
}

/*
 * Asks the kernel first: a private link's listener, of nng 1.5.2, accepts nobody any more after
 * a peer that connected and left before it could be greeted. The kernel knows the path only
 * as the server wrote it.
 */
static bool somebody_listens(const char *path)
{
	return has_listener(path) || lets_us_connect(path);
}

static int clear_one(const char *path, char *why, size_t size)
{
	struct stat st;

	if (lstat(path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, size, "%s exists and is not a socket: remove it or choose another path",
			 path);
		return TLPB_ERR_BUSY;
	}
	if (somebody_listens(path)) {
		snprintf(why, size, "another server listens at %s: stop it or choose another path",
			 path);
		return TLPB_ERR_BUSY;
	}
	unlink(path);
	return 0;
}

/* A server that was killed between GRANT and HELLO left the socket of a private link. */
static void remove_leftovers(const char *path)
{
	char pattern[2 * sizeof(((struct sockaddr_un *)0)->sun_path)];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s.link.????????", path);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			clear_one(found.gl_pathv[i], (char[1]){ 0 }, 1);
	globfree(&found);
}

int tlpb__ipc_clear(const char *path, char *why, size_t size)
{
	int err = clear_one(path, why, size);

	if (!err)
		remove_leftovers(path);
	return err;
}
