/* SPDX-License-Identifier: MIT */
/*
 * Host and server in one process: to dial is to make a socket pair and to leave one end of it
 * at the door of that name. The eventfd is a semaphore: it counts the ends that wait.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "door.h"

enum { WAITING_MAX = 16 };

struct inproc_door {
	struct door base;
	char name[URL_MAX];
	int event_fd;

	/* Under the lock. */
	struct inproc_door *next;
	int waiting[WAITING_MAX];
	unsigned first, count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct inproc_door *doors;	/* those that are open, under the lock */

static struct inproc_door *to_door(const struct door *door)
{
	return (struct inproc_door *)door;
}

/* Where the pointer to the door of this name is, or would be: at the end. */
static struct inproc_door **find(const char *name)
{
	struct inproc_door **at = &doors;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static int inproc_fd(const struct door *door)
{
	return to_door(door)->event_fd;
}

static int inproc_accept(struct door *door)
{
	struct inproc_door *d = to_door(door);
	uint64_t one;
	int fd;

	if (read(d->event_fd, &one, sizeof one) < 0)
		return DOOR_EMPTY;
	pthread_mutex_lock(&lock);
	fd = d->waiting[d->first];
	d->first = (d->first + 1) % WAITING_MAX;
	d->count--;
	pthread_mutex_unlock(&lock);
	return fd;
}

static void inproc_close(struct door *door)
{
	struct inproc_door *d = to_door(door);
	int fd;

	pthread_mutex_lock(&lock);
	*find(d->name) = d->next;
	pthread_mutex_unlock(&lock);
	while ((fd = inproc_accept(door)) >= 0)
		close(fd);
	close(d->event_fd);
	free(d);
}

static const struct door_ops inproc_ops = {
	.fd = inproc_fd, .accept = inproc_accept, .close = inproc_close,
};

static bool add(struct inproc_door *d)
{
	struct inproc_door **at;
	bool added;

	pthread_mutex_lock(&lock);
	at = find(d->name);
	added = !*at;
	if (added)
		*at = d;
	pthread_mutex_unlock(&lock);
	return added;
}

int tlpb__door_inproc_open(struct url *url, struct door **door, char *why, size_t size)
{
	struct inproc_door *d = calloc(1, sizeof *d);

	snprintf(why, size, "out of memory or descriptors");
	if (!d)
		return TLPB_ERR_NOMEM;
	d->base.ops = &inproc_ops;
	d->event_fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	snprintf(d->name, sizeof d->name, "%s", tlpb__url_name(url));
	if (d->event_fd < 0) {
		free(d);
		return TLPB_ERR_NOMEM;
	}
	if (!add(d)) {
		close(d->event_fd);
		free(d);
		snprintf(why, size, "cannot listen at %s: %s", url->text, tlpb__url_in_use);
		return TLPB_ERR_BUSY;
	}
	*door = &d->base;
	return 0;
}

static int leave_at(const char *name, int fd)
{
	struct inproc_door *d;
	uint64_t one = 1;
	int err;

	pthread_mutex_lock(&lock);
	d = *find(name);
	err = !d ? TLPB_ERR_AGAIN : d->count == WAITING_MAX ? TLPB_ERR_BUSY : 0;
	if (!err && write(d->event_fd, &one, sizeof one) == sizeof one)		/* always */
		d->waiting[(d->first + d->count++) % WAITING_MAX] = fd;
	pthread_mutex_unlock(&lock);
	return err;
}

int tlpb__door_inproc_dial(const struct url *url, int *fd)
{
	int ends[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends))
		return TLPB_ERR_AGAIN;
	*fd = ends[0];
	err = leave_at(tlpb__url_name(url), ends[1]);
	if (err) {
		close(ends[0]);
		close(ends[1]);
	}
	return err;
}
