/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "url.h"

enum {
	PATH_MAX_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	LINK_NAME_ROOM = 20,	/* bytes that the name of a private link adds */
	PORT_MAX = 65535,
	DIGITS_MAX = 9,		/* of a number, so that it fits an int */
};

const char tlpb__url_in_use[] =
	"Address in use: another server listens at it; stop that one or choose another URL";

static const char known_urls[] = "use ipc:///absolute/path, tcp://host:port, tls+tcp://host:port, "
				 "inproc://name or fd:number";

/* A number and nothing else; -1 otherwise. */
static int read_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && digits <= DIGITS_MAX && !text[digits] ? atoi(text) : -1;
}

const char *tlpb__url_name(const struct url *url)
{
	return url->text + url->name_at;
}

/* A name of 1 to limit bytes. */
static int check_name(const struct url *url, const char *what, size_t limit, char *why, size_t size)
{
	size_t len = strlen(tlpb__url_name(url));

	if (len && len <= limit)
		return 0;
	snprintf(why, size, "the %s in \"%s\" must have 1 to %zu characters", what, url->text, limit);
	return TLPB_ERR_INVALID;
}

static int parse_ipc(struct url *url, char *why, size_t size)
{
	return check_name(url, "path", PATH_MAX_BYTES, why, size);
}

static int parse_inproc(struct url *url, char *why, size_t size)
{
	return check_name(url, "name", PATH_MAX_BYTES, why, size);
}

/* HOST:PORT; an IPv6 address stands in brackets, so the last colon is the port's. */
static int parse_tcp(struct url *url, char *why, size_t size)
{
	const char *name = tlpb__url_name(url), *colon = strrchr(name, ':');
	int port = colon ? read_number(colon + 1) : -1;
	bool brackets = name[0] == '[';

	if (port < 0 || port > PORT_MAX || (brackets && colon[-1] != ']') ||
	    (!brackets && memchr(name, ':', (size_t)(colon - name))) ||
	    strpbrk(name, "/?#@ ")) {
		snprintf(why, size, "\"%s\": %s needs HOST:PORT, for example %s127.0.0.1:7000 or "
			 "%s[::1]:7000; port 0 takes a free one", url->text,
			 url->kind == URL_TLS ? "tls+tcp" : "tcp",
			 url->kind == URL_TLS ? "tls+tcp://" : "tcp://",
			 url->kind == URL_TLS ? "tls+tcp://" : "tcp://");
		return TLPB_ERR_INVALID;
	}
	snprintf(url->host, sizeof url->host, "%.*s", (int)(colon - name), name);
	url->port = (unsigned)port;
	return 0;
}

static int parse_fd(struct url *url, char *why, size_t size)
{
	url->fd = read_number(tlpb__url_name(url));
	if (url->fd >= 0)
		return 0;
	snprintf(why, size, "\"%s\": fd: needs the number of an inherited descriptor, for example fd:3",
		 url->text);
	return TLPB_ERR_INVALID;
}

static const struct scheme {
	const char *prefix;
	enum url_kind kind;
	int (*parse)(struct url *url, char *why, size_t size);
} schemes[] = {
	{ "ipc://", URL_IPC, parse_ipc },	{ "tcp://", URL_TCP, parse_tcp },
	{ "tls+tcp://", URL_TLS, parse_tcp },	{ "inproc://", URL_INPROC, parse_inproc },
	{ "fd:", URL_FD, parse_fd },
};

int tlpb__url_parse(const char *text, struct url *url, char *why, size_t size)
{
	memset(url, 0, sizeof *url);
	if (strlen(text) >= sizeof url->text) {
		snprintf(why, size, "the URL has more than %zu characters", sizeof url->text - 1);
		return TLPB_ERR_INVALID;
	}
	strcpy(url->text, text);
	for (unsigned i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t len = strlen(schemes[i].prefix);

		if (strncmp(text, schemes[i].prefix, len))
			continue;
		url->kind = schemes[i].kind;
		url->name_at = (unsigned)len;
		return schemes[i].parse(url, why, size);
	}
	snprintf(why, size, "\"%s\" is not a URL that tlpbridge knows: %s", text, known_urls);
	return TLPB_ERR_INVALID;
}

int tlpb__url_parse_lobby(const char *text, struct url *url, char *why, size_t size)
{
	int err = tlpb__url_parse(text, url, why, size);

	if (err || (url->kind != URL_IPC && url->kind != URL_INPROC))
		return err;
	return check_name(url, url->kind == URL_IPC ? "path" : "name",
			  PATH_MAX_BYTES - LINK_NAME_ROOM, why, size);
}

bool tlpb__url_is_tcp(const struct url *url)
{
	return url->kind == URL_TCP || url->kind == URL_TLS;
}

void tlpb__url_bare_host(const struct url *url, char *host, size_t size)
{
	bool brackets = url->host[0] == '[';

	snprintf(host, size, "%s", url->host + brackets);
	if (brackets)
		host[strcspn(host, "]")] = '\0';
}

static bool is_loopback(const struct url *url)
{
	struct in6_addr six;
	struct in_addr four;
	char host[URL_MAX];

	tlpb__url_bare_host(url, host, sizeof host);
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return !strcmp(host, "localhost");
}

int tlpb__url_check_exposure(const struct url *url, bool plaintext, char *why, size_t size)
{
	if (url->kind != URL_TCP || plaintext || is_loopback(url))
		return 0;
	snprintf(why, size, "%s is plain TCP beyond loopback, which anybody on the way can read and "
		 "change: use tls+tcp://, or insist with plaintext=on (commands: --plaintext)",
		 url->text);
	return TLPB_ERR_ACCESS;
}

static void put_tcp(struct url *url, const char *host, unsigned port)
{
	char text[2 * URL_MAX];

	snprintf(url->host, sizeof url->host, "%s", host);
	url->port = port;
	snprintf(text, sizeof text, "%s://%s:%u", url->kind == URL_TLS ? "tls+tcp" : "tcp",
		 url->host, port);
	snprintf(url->text, sizeof url->text, "%.*s", URL_MAX - 1, text);
	url->name_at = (unsigned)(strstr(url->text, "://") + 3 - url->text);
}

void tlpb__url_set_port(struct url *url, unsigned port)
{
	char host[URL_MAX];

	memcpy(host, url->host, sizeof host);
	put_tcp(url, host, port);
}

void tlpb__url_private(const struct url *lobby, uint32_t id, struct url *listen)
{
	memset(listen, 0, sizeof *listen);
	listen->kind = lobby->kind;
	if (tlpb__url_is_tcp(lobby)) {
		put_tcp(listen, lobby->host, 0);
		return;
	}
	snprintf(listen->text, sizeof listen->text, "%.200s.link.%08x", lobby->text, id);
	listen->name_at = lobby->name_at;
}

void tlpb__url_granted(const struct url *listen, char *grant, size_t size)
{
	if (tlpb__url_is_tcp(listen))
		snprintf(grant, size, "%u", listen->port);
	else
		snprintf(grant, size, "%s", listen->text);
}

int tlpb__url_dialled(const struct url *lobby, const char *grant, struct url *dial,
		      char *why, size_t size)
{
	int port = read_number(grant);

	memset(dial, 0, sizeof *dial);
	dial->kind = lobby->kind;
	if (tlpb__url_is_tcp(lobby) && port > 0 && port <= PORT_MAX) {
		put_tcp(dial, lobby->host, (unsigned)port);
		return 0;
	}
	if (!tlpb__url_is_tcp(lobby) && !tlpb__url_parse(grant, dial, why, size) &&
	    dial->kind == lobby->kind)
		return 0;
	snprintf(why, size, "the server at %s granted a link at \"%.100s\", which makes no sense",
		 lobby->text, grant);
	return TLPB_ERR_PROTOCOL;
}
