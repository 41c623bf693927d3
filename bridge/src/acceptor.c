/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acceptor.h"

enum { CANDIDATES = 8 };	/* who has connected and not greeted yet; one more sends the oldest away */

struct candidate {
	int fd;			/* -1: none */
	uint8_t heard[GREETING_MAX];
	size_t have;
};

struct acceptor {
	struct door *door;	/* NULL once the peer is there */
	const struct framing *framing;
	int epoll_fd;
	struct candidate candidate[CANDIDATES];
	unsigned next;		/* the place of the oldest */
};

static void send_away(struct candidate *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->have = 0;
}

static void watch(const struct acceptor *a, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* A greeting always fits into the buffer of a new connection. */
static void receive_candidate(struct acceptor *a, int fd)
{
	struct candidate *c = &a->candidate[a->next++ % CANDIDATES];

	send_away(c);
	c->fd = fd;
	send(fd, a->framing->greeting, a->framing->greeting_len, MSG_NOSIGNAL);
	watch(a, fd);
}

/* Is it the peer? Candidates that left or say something else are sent away. */
static bool has_greeted(const struct acceptor *a, struct candidate *c)
{
	size_t want = a->framing->greeting_len;
	ssize_t n;

	if (c->fd < 0)
		return false;
	n = recv(c->fd, c->heard + c->have, want - c->have, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0)
		c->have += (size_t)n;
	if (n <= 0 || memcmp(c->heard, a->framing->greeting, c->have)) {
		send_away(c);
		return false;
	}
	return c->have == want;
}

static void send_all_away(struct acceptor *a)
{
	for (unsigned i = 0; i < CANDIDATES; i++)
		send_away(&a->candidate[i]);
}

static void close_door(struct acceptor *a)
{
	if (a->door)
		a->door->ops->close(a->door);
	a->door = NULL;
}

struct acceptor *tlpb__acceptor_new(struct door *door, const struct framing *framing,
				    int epoll_fd)
{
	struct acceptor *a = calloc(1, sizeof *a);

	if (!a) {
		door->ops->close(door);
		return NULL;
	}
	a->door = door;
	a->framing = framing;
	a->epoll_fd = epoll_fd;
	for (unsigned i = 0; i < CANDIDATES; i++)
		a->candidate[i].fd = -1;
	watch(a, door->ops->fd(door));
	return a;
}

int tlpb__acceptor_next(struct acceptor *a)
{
	int fd;

	for (int n = 0; n < CANDIDATES && (fd = a->door->ops->accept(a->door)) >= 0; n++)
		receive_candidate(a, fd);
	for (unsigned i = 0; i < CANDIDATES; i++) {
		if (!has_greeted(a, &a->candidate[i]))
			continue;
		fd = a->candidate[i].fd;
		epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		a->candidate[i].fd = -1;
		send_all_away(a);
		close_door(a);
		return fd;
	}
	return -1;
}

void tlpb__acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	send_all_away(a);
	close_door(a);
	free(a);
}
