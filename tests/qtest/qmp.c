/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "qmp.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gtest.h"
#include "process.h"

struct qmp {
	int fd;
	size_t have;
	char buf[64 * 1024];
	char line[64 * 1024];
};

const char *qmp_option(const char *name)
{
	static char option[300];

	snprintf(option, sizeof option, "unix:%s,server=on,wait=off", test_path(name));
	return option;
}

static const char *next_line(struct qmp *qmp)
{
	struct pollfd poll_fd = { .fd = qmp->fd, .events = POLLIN };
	char *end;
	size_t len;
	ssize_t n;

	while (!(end = memchr(qmp->buf, '\n', qmp->have))) {
		if (poll(&poll_fd, 1, PROCESS_PATIENCE_MS) != 1)
			FAIL("QMP: no answer");
		n = read(qmp->fd, qmp->buf + qmp->have, sizeof qmp->buf - qmp->have);
		if (n <= 0)
			FAIL("QMP: the connection is closed");
		qmp->have += (size_t)n;
	}
	len = (size_t)(end - qmp->buf);
	memcpy(qmp->line, qmp->buf, len);
	qmp->line[len] = '\0';
	qmp->have -= len + 1;
	memmove(qmp->buf, end + 1, qmp->have);
	return qmp->line;
}

struct qmp *qmp_connect(const char *name)
{
	struct qmp *qmp = calloc(1, sizeof *qmp);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%s", test_path(name));
	ASSERT_TRUE(wait_for_file(address.sun_path, PROCESS_PATIENCE_MS));
	qmp->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(connect(qmp->fd, (struct sockaddr *)&address, sizeof address), 0);
	qmp_wait(qmp, "\"QMP\"");
	qmp_command(qmp, "{\"execute\":\"qmp_capabilities\"}");
	return qmp;
}

void qmp_close(struct qmp *qmp)
{
	close(qmp->fd);
	free(qmp);
}

const char *qmp_command(struct qmp *qmp, const char *json)
{
	const char *line;

	if (send(qmp->fd, json, strlen(json), MSG_NOSIGNAL) != (ssize_t)strlen(json))
		FAIL("QMP: cannot send %s", json);
	do
		line = next_line(qmp);
	while (strstr(line, "\"event\""));
	return line;
}

void qmp_wait(struct qmp *qmp, const char *text)
{
	while (!strstr(next_line(qmp), text))
		;
}
