/* SPDX-License-Identifier: MIT */
#include "over.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest.h"

enum { MANY_OPTIONS = 32 };

const char *over_name(enum over over)
{
	static const char *const names[OVERS] = { "ipc", "tcp", "tls+tcp", "fd" };

	return names[over];
}

void trust(enum authority ca, enum authority own)
{
	host_security.tls_ca = certificate(ca, "ca.pem");
	host_security.tls_cert = certificate(own, "qemu.pem");
	host_security.tls_key = certificate(own, "qemu.key");
}

/* options has room for MANY_OPTIONS of them and ends with NULL. */
static void add_option(const char *options[], const char *name, const char *value)
{
	unsigned n = 0;

	while (options[n])
		n++;
	ASSERT_LT(n + 2, MANY_OPTIONS);
	options[n] = name;
	options[n + 1] = value;
}

static const char *serve_ipc(const char *const options[], struct process **server)
{
	static unsigned number;
	char name[32];

	snprintf(name, sizeof name, "over-%u", number++);
	return serve_at(url_of(name), options, server);
}

static const char *serve_tls(const char *options[], struct process **server)
{
	add_option(options, "--tls-ca", certificate(OURS, "ca.pem"));
	add_option(options, "--tls-cert", certificate(OURS, "localhost.pem"));
	add_option(options, "--tls-key", certificate(OURS, "localhost.key"));
	trust(OURS, OURS);
	return serve_at("tls+tcp://localhost:0", options, server);
}

/* The server inherits one end, and nothing of ours. */
static const char *serve_fd(const char *const options[], struct process **server)
{
	static char urls[4][32];
	static unsigned next;
	char *url = urls[next++ % 4], inherited[32];
	int fds[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ASSERT_EQ(fcntl(fds[1], F_SETFD, 0), 0);
	snprintf(inherited, sizeof inherited, "fd:%d", fds[1]);
	snprintf(url, sizeof urls[0], "fd:%d", fds[0]);
	serve_at(inherited, options, server);
	close(fds[1]);
	return url;
}

const char *serve_over(enum over over, unsigned devices, struct process **server)
{
	const char *options[MANY_OPTIONS] = { NULL };

	while (devices-- > 1)
		add_option(options, "--and", "endpoint-test");
	switch (over) {
	case OVER_TCP:
		return serve_at("tcp://127.0.0.1:0", options, server);
	case OVER_TLS:
		return serve_tls(options, server);
	case OVER_FD:
		return serve_fd(options, server);
	default:
		return serve_ipc(options, server);
	}
}
