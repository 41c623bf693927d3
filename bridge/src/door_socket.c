/* SPDX-License-Identifier: MIT */
/* ipc:// and tcp://: plain sockets. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "door.h"
#include "ipc_path.h"

enum { BACKLOG = 128, ADDRESSES = 8 };

struct socket_door {
	struct door base;
	int fd;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];	/* "": none */
	struct stat file;	/* as we made it */
};

static struct socket_door *to_door(const struct door *door)
{
	return (struct socket_door *)door;
}

/* ---- addresses ---- */

struct address {
	struct sockaddr_storage addr;
	socklen_t len;
};

static unsigned ipc_address(const struct url *url, struct address *a)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof un.sun_path, "%s", tlpb__url_name(url));
	memcpy(&a->addr, &un, sizeof un);
	a->len = sizeof un;
	return 1;
}

/* A name may have several, and be known for some time to come only: asked anew each time. */
static unsigned tcp_addresses(const struct url *url, bool passive, struct address a[ADDRESSES])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0 };
	struct addrinfo *all;
	char host[URL_MAX], port[8];
	bool any = !url->host[0] || !strcmp(url->host, "*");
	unsigned n = 0;

	tlpb__url_bare_host(url, host, sizeof host);
	snprintf(port, sizeof port, "%hu", (unsigned short)url->port);
	if (getaddrinfo(any ? NULL : host, port, &hints, &all))
		return 0;
	for (struct addrinfo *i = all; i && n < ADDRESSES; i = i->ai_next, n++) {
		memcpy(&a[n].addr, i->ai_addr, i->ai_addrlen);
		a[n].len = i->ai_addrlen;
	}
	freeaddrinfo(all);
	return n;
}

static unsigned addresses(const struct url *url, bool passive, struct address a[ADDRESSES])
{
	return url->kind == URL_IPC ? ipc_address(url, a) : tcp_addresses(url, passive, a);
}

static int new_socket(const struct address *a)
{
	return socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- listening ---- */

static int socket_fd(const struct door *door)
{
	return to_door(door)->fd;
}

static int socket_accept(struct door *door)
{
	int fd = accept4(to_door(door)->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return DOOR_STUCK;
	default:		/* nobody, or somebody who has left already */
		return DOOR_EMPTY;
	}
}

static void unlink_if_ours(const struct socket_door *d)
{
	struct stat now;

	if (d->path[0] && !lstat(d->path, &now) && now.st_dev == d->file.st_dev &&
	    now.st_ino == d->file.st_ino)
		unlink(d->path);
}

static void socket_close(struct door *door)
{
	struct socket_door *d = to_door(door);

	unlink_if_ours(d);
	close(d->fd);
	free(d);
}

static const struct door_ops socket_ops = {
	.fd = socket_fd, .accept = socket_accept, .close = socket_close,
};

/* The mode of the socket becomes the mode of the file that bind makes. */
static int bind_to(int fd, const struct address *a)
{
	int on = 1;

	if (a->addr.ss_family == AF_UNIX)
		return fchmod(fd, S_IRUSR | S_IWUSR) || bind(fd, (struct sockaddr *)&a->addr, a->len);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(fd, (struct sockaddr *)&a->addr, a->len);
}

/* A descriptor that listens, or -1 and errno. */
static int listen_at(const struct address *a)
{
	int fd = new_socket(a), err;

	if (fd < 0)
		return -1;
	if (!bind_to(fd, a) && !listen(fd, BACKLOG))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int listen_at_first(const struct url *url)
{
	struct address a[ADDRESSES];
	unsigned n = addresses(url, true, a);
	int fd = -1;

	errno = EADDRNOTAVAIL;
	for (unsigned i = 0; i < n && fd < 0; i++)
		fd = listen_at(&a[i]);
	return fd;
}

static unsigned bound_port(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char port[8] = "0";

	getsockname(fd, (struct sockaddr *)&addr, &len);
	getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port, sizeof port, NI_NUMERICSERV);
	return (unsigned)atoi(port);
}

static int why_not_listening(const struct url *url, int err, char *why, size_t size)
{
	const char *text = strerror(err);

	if (err == EADDRINUSE)
		text = tlpb__url_in_use;
	else if (err == ENOENT)
		text = "its directory does not exist";
	snprintf(why, size, "cannot listen at %s: %s", url->text, text);
	return err == EADDRINUSE ? TLPB_ERR_BUSY : TLPB_ERR_IO;
}

int tlpb__door_socket_open(struct url *url, struct door **door, char *why, size_t size)
{
	struct socket_door *d;
	int err = 0;

	if (url->kind == URL_IPC)
		err = tlpb__ipc_clear(tlpb__url_name(url), why, size);
	if (err)
		return err;
	d = calloc(1, sizeof *d);
	if (!d) {
		snprintf(why, size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	d->base.ops = &socket_ops;
	d->fd = listen_at_first(url);
	if (d->fd < 0) {
		err = errno;
		free(d);
		return why_not_listening(url, err, why, size);
	}
	if (url->kind == URL_TCP)
		tlpb__url_set_port(url, bound_port(d->fd));
	else if (!lstat(tlpb__url_name(url), &d->file))
		snprintf(d->path, sizeof d->path, "%s", tlpb__url_name(url));
	*door = &d->base;
	return 0;
}

/* ---- dialling ---- */

static int finish(int fd, const struct door_waiter *waiter)
{
	socklen_t len = sizeof(int);
	int err = waiter->wait_writable(waiter->ctx, fd), so_error = 0;

	if (err)
		return err;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &so_error, &len);
	return so_error ? TLPB_ERR_AGAIN : 0;
}

/* Most of what goes wrong may be right the next time; permissions will not. */
static int judge_connect(int fd, const struct door_waiter *waiter)
{
	switch (errno) {
	case EINPROGRESS:
		return finish(fd, waiter);
	case EAGAIN:		/* a socket file whose backlog is full */
		return TLPB_ERR_BUSY;
	case EACCES:
	case EPERM:
		return TLPB_ERR_IO;
	default:
		return TLPB_ERR_AGAIN;
	}
}

static int connect_to(const struct address *a, const struct door_waiter *waiter, int *fd)
{
	int err = 0;

	*fd = new_socket(a);
	if (*fd < 0)
		return TLPB_ERR_AGAIN;
	if (connect(*fd, (struct sockaddr *)&a->addr, a->len))
		err = judge_connect(*fd, waiter);
	if (err)
		close(*fd);
	return err;
}

int tlpb__door_socket_dial(const struct url *url, const struct door_waiter *waiter, int *fd,
			   char *why, size_t size)
{
	struct address a[ADDRESSES];
	unsigned n = addresses(url, false, a);
	int err = TLPB_ERR_AGAIN;

	for (unsigned i = 0; i < n && err == TLPB_ERR_AGAIN; i++)
		err = connect_to(&a[i], waiter, fd);
	if (err == TLPB_ERR_IO)
		snprintf(why, size, "cannot connect to %s: %s", url->text, strerror(EACCES));
	return err;
}
