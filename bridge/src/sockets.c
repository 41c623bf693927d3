/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE	/* accept4, struct ucred */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <tlpbridge/err.h>

#include "clock.h"
#include "sockets.h"

enum { BACKLOG = 128 };

static const int stream_type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

/* ---- addresses ---- */

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

static void local_address(const struct url *url, struct address *a)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->storage;
	const char *name = tlpb__url_name(url);

	memset(a, 0, sizeof *a);
	un->sun_family = AF_UNIX;
	a->len = sizeof *un;
	if (url->kind == URL_IPC)
		snprintf(un->sun_path, sizeof un->sun_path, "%s", name);
	else			/* a name that begins with 0 is an abstract one */
		snprintf(un->sun_path + 1, sizeof un->sun_path - 1, "tlpbridge.%d.%s", (int)getpid(),
			 name);
}

/* The URL's host may stand for several; NULL: it is unknown, and why says so. */
static struct addrinfo *find_host(const struct url *url, bool passive, char *why, size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0 };
	struct addrinfo *found = NULL;
	char host[URL_MAX], port[16];
	bool every;
	int err;

	tlpb__url_bare_host(url, host, sizeof host);
	every = !host[0] || !strcmp(host, "*");
	snprintf(port, sizeof port, "%u", url->port);
	err = getaddrinfo(every ? NULL : host, port, &hints, &found);
	if (!err)
		return found;
	snprintf(why, size, "%s: the name \"%s\" is not known: %s", url->text, host, gai_strerror(err));
	errno = 0;	/* why is said */
	return NULL;
}

/* Small messages must not wait for the acknowledgement of earlier ones. */
static void be_quick(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ---- listening ---- */

/* Nobody can connect before listen(): the file's permissions are right by then. */
static int listen_at(const struct sockaddr *address, socklen_t len, const char *path)
{
	int fd = socket(address->sa_family, stream_type, 0), on = 1;

	if (fd < 0)
		return -1;
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (!bind(fd, address, len)) {
		if ((!path[0] || !chmod(path, S_IRUSR | S_IWUSR)) && !listen(fd, BACKLOG))
			return fd;
		if (path[0])
			unlink(path);
	}
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

static int listen_local(const struct url *url, struct listening *l)
{
	struct address a;

	local_address(url, &a);
	l->own_process = url->kind == URL_INPROC;
	if (url->kind == URL_IPC)
		snprintf(l->path, sizeof l->path, "%s", tlpb__url_name(url));
	return listen_at((struct sockaddr *)&a.storage, a.len, l->path);
}

static int listen_tcp(struct url *url, char *why, size_t size)
{
	struct addrinfo *found = find_host(url, true, why, size), *a;
	struct sockaddr_storage bound;
	socklen_t len = sizeof bound;
	int fd = -1;

	if (!found)
		return -1;
	for (a = found; a && fd < 0; a = a->ai_next)
		fd = listen_at(a->ai_addr, a->ai_addrlen, "");
	freeaddrinfo(found);
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&bound, &len))
		return fd;
	/* The port is at the same place in addresses of IPv4 and IPv6. */
	tlpb__url_set_port(url, ntohs(((struct sockaddr_in *)&bound)->sin_port));
	return fd;
}

static const char *why_not_listening(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "Address in use: another server listens at it; stop that one or choose another URL";
	case ENOENT:
		return "its directory does not exist";
	default:
		return strerror(error);
	}
}

int tlpb__socket_listen(struct url *url, bool plaintext, struct listening *l, char *why, size_t size)
{
	int err = tlpb__url_check_exposure(url, plaintext, why, size);

	*l = (struct listening){ .fd = -1 };
	if (err)
		return err;
	errno = 0;
	l->fd = tlpb__url_is_tcp(url) ? listen_tcp(url, why, size) : listen_local(url, l);
	if (l->fd >= 0)
		return 0;
	err = errno == EADDRINUSE ? TLPB_ERR_BUSY : TLPB_ERR_IO;
	l->path[0] = '\0';
	if (errno)
		snprintf(why, size, "cannot listen at %s: %s", url->text, why_not_listening(errno));
	return err;
}

static bool is_of_this_process(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid == getpid();
}

int tlpb__socket_accept(struct listening *l)
{
	for (;;) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			return -1;
		if (l->own_process && !is_of_this_process(fd)) {
			close(fd);
			continue;
		}
		be_quick(fd);
		return fd;
	}
}

void tlpb__socket_forget_path(struct listening *l)
{
	if (l->path[0])
		unlink(l->path);
	l->path[0] = '\0';
}

void tlpb__socket_unlisten(struct listening *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	tlpb__socket_forget_path(l);
}

/* ---- dialling ---- */

/* Wait for a connect that is under way. 0 or an errno. */
static int finish_connect(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int64_t left;
	int error = 0;

	do {
		left = deadline - monotonic_ms();
		if (left <= 0)
			return ETIMEDOUT;
	} while (poll(&p, 1, (int)left) < 1);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

/* A descriptor, or -1 with errno. A full backlog of a socket file is EAGAIN: nobody accepts now. */
static int dial_at(const struct sockaddr *address, socklen_t len, int64_t deadline)
{
	int fd = socket(address->sa_family, stream_type, 0), error = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, address, len))
		error = errno == EINPROGRESS ? finish_connect(fd, deadline) : errno;
	if (!error) {
		be_quick(fd);
		return fd;
	}
	close(fd);
	errno = error;
	return -1;
}

static int dial_tcp(const struct url *url, int64_t deadline, char *why, size_t size)
{
	struct addrinfo *found = find_host(url, false, why, size), *a;
	int fd = -1;

	for (a = found; a && fd < 0; a = a->ai_next)
		fd = dial_at(a->ai_addr, a->ai_addrlen, deadline);
	if (found)
		freeaddrinfo(found);
	return fd;
}

static int dial_local(const struct url *url, int64_t deadline)
{
	struct address a;

	local_address(url, &a);
	return dial_at((struct sockaddr *)&a.storage, a.len, deadline);
}

static int error_of(int error)
{
	switch (error) {
	case ECONNREFUSED: case ENOENT: return TLPB_ERR_NOT_FOUND;
	case ETIMEDOUT: case EAGAIN: return TLPB_ERR_TIMEDOUT;
	case EACCES: case EPERM: return TLPB_ERR_ACCESS;
	default: return TLPB_ERR_IO;
	}
}

int tlpb__socket_dial(const struct url *url, bool plaintext, int timeout_ms, char *why, size_t size)
{
	int64_t deadline = monotonic_ms() + timeout_ms;
	int err = tlpb__url_check_exposure(url, plaintext, why, size), fd;

	if (err)
		return err;
	errno = 0;
	fd = tlpb__url_is_tcp(url) ? dial_tcp(url, deadline, why, size) : dial_local(url, deadline);
	if (fd >= 0)
		return fd;
	err = error_of(errno);
	if (errno)
		snprintf(why, size, "cannot connect to %s: %s", url->text, strerror(errno));
	return err;
}
