/* SPDX-License-Identifier: MIT */
/*
 * The URLs that users type. Pure functions, any thread.
 *
 *	ipc://PATH		a socket file on this machine
 *	tcp://HOST:PORT		plain; beyond loopback only when the user insists
 *	tls+tcp://HOST:PORT	encrypted, both sides can be authenticated
 *	inproc://NAME		host and server in one process
 *	fd:N			an inherited connected stream socket: one link, no lobby
 */
#ifndef TLPB_URL_H
#define TLPB_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

enum url_kind { URL_IPC, URL_TCP, URL_TLS, URL_INPROC, URL_FD };

struct url {
	enum url_kind kind;
	char text[URL_MAX];	/* all of it */
	unsigned name_at;	/* where in text the scheme ends */
	char host[URL_MAX];	/* tcp, tls: as written, "" or "*" is every address */
	unsigned port;		/* tcp, tls */
	int fd;			/* fd */
};

/* Returns 0, or TLPB_ERR_INVALID with cause and cure in why. */
int tlpb__url_parse(const char *text, struct url *url, char *why, size_t size);

/* The same for what a user types: a name must leave room for those of private links. */
int tlpb__url_parse_lobby(const char *text, struct url *url, char *why, size_t size);

/* What is behind the scheme: ipc the path, inproc the name. */
const char *tlpb__url_name(const struct url *url);

/* Does it go through TCP? */
bool tlpb__url_is_tcp(const struct url *url);

/*
 * Plain TCP beyond loopback is refused: anybody on the way could read and change it.
 * Only 127.x.x.x, ::1 and "localhost" count as loopback. Returns 0, or
 * TLPB_ERR_ACCESS with cause and cure in why.
 */
int tlpb__url_check_exposure(const struct url *url, bool plaintext, char *why, size_t size);

/* What is wrong when a URL is listened at already, and its cure. */
extern const char tlpb__url_in_use[];

/* HOST without the brackets of an IPv6 address: the name that a certificate has. */
void tlpb__url_bare_host(const struct url *url, char *host, size_t size);

/* The same URL with another port. url is of TCP. */
void tlpb__url_set_port(struct url *url, unsigned port);

/*
 * The private link of a lobby. private: where the server listens; id makes it unique,
 * TCP takes a free port. granted: what GRANT says, for TCP the port alone. dialled:
 * where the host finds it, from the address at which it found the lobby; returns 0
 * or TLPB_ERR_PROTOCOL when the server granted something of another kind.
 */
void tlpb__url_private(const struct url *lobby, uint32_t id, struct url *listen);
void tlpb__url_granted(const struct url *listen, char *grant, size_t size);
int tlpb__url_dialled(const struct url *lobby, const char *grant, struct url *dial,
		      char *why, size_t size);

#endif
