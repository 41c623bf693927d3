/* SPDX-License-Identifier: MIT */
/*
 * nng tells that a connection or a handshake failed, not why. So look again: is there a
 * listener, does it greet in plain text, does the handshake succeed when less is checked?
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "clock.h"
#include "lobby_blame.h"
#include "nng_url.h"

enum {
	CONNECT_MS = 1000,
	GREETING_MS = 300,
	HANDSHAKE_MS = 2000,
	POLL_MS = 10,
};

void tlpb__blame_absence(const struct url *url, double seconds, char *why, size_t size)
{
	snprintf(why, size, "nobody listens at %s (tried for %.1f s): start the server first, "
		 "for example: tlpbridge-serve endpoint-test --listen %s", url->text, seconds, url->text);
}

void tlpb__blame_silence(const struct url *url, double seconds, char *why, size_t size)
{
	snprintf(why, size, "%s accepts connections but did not answer JOIN within %.1f s: "
		 "is it a tlpbridge server, and is it running (not stopped)?", url->text, seconds);
}

/* ---- a plain look ---- */

enum listener { NOBODY, SILENT, GREETS };

static bool finish_connect(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int err = 0;
	socklen_t len = sizeof err;

	return poll(&p, 1, CONNECT_MS) == 1 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) && !err;
}

/* nng greets who connects with eight bytes before it hears anything; TLS does not. */
static enum listener wait_greeting(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char greeting[8];

	if (poll(&p, 1, GREETING_MS) != 1 || recv(fd, greeting, sizeof greeting, 0) != sizeof greeting)
		return SILENT;
	return memcmp(greeting, "\0SP", 4) ? SILENT : GREETS;
}

static enum listener look_at(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	enum listener found = NOBODY;

	if (fd < 0)
		return NOBODY;
	if ((!connect(fd, a->ai_addr, a->ai_addrlen) || errno == EINPROGRESS) && finish_connect(fd))
		found = wait_greeting(fd);
	close(fd);
	return found;
}

static enum listener look_for_listener(const struct url *url)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;
	enum listener found = NOBODY;
	char host[URL_MAX], port[8];

	tlpb__url_bare_host(url, host, sizeof host);
	snprintf(port, sizeof port, "%hu", (unsigned short)url->port);
	if (getaddrinfo(host, port, &hints, &all))
		return NOBODY;
	for (struct addrinfo *a = all; a && found == NOBODY; a = a->ai_next)
		found = look_at(a);
	freeaddrinfo(all);
	return found;
}

/* ---- a handshake that checks less ---- */

enum handshake { NO_ANSWER, FAILED, SUCCEEDED };

static enum handshake attempt(nng_socket socket, const struct url *url,
			      const struct transport_security *security, enum tls_verify verify)
{
	int64_t end = monotonic_ms() + HANDSHAKE_MS;
	struct nng_counts c = { 0 };
	nng_dialer dialer;
	char ignored[2 * TEXT_MAX];

	if (tlpb__nng_dial(socket, url, security, verify, NNG_FLAG_NONBLOCK, &dialer, ignored,
			   sizeof ignored))
		return NO_ANSWER;
	while (!c.connected && !c.tls && !c.ended && !c.refused && monotonic_ms() < end) {
		poll(NULL, 0, POLL_MS);
		c = tlpb__nng_counts("dialer", nng_dialer_id(dialer));
	}
	if (c.connected)
		return SUCCEEDED;
	return c.tls || c.ended ? FAILED : NO_ANSWER;
}

static enum handshake try_handshake(const struct url *url,
				    const struct transport_security *security,
				    enum tls_verify verify)
{
	enum handshake result;
	nng_socket socket;

	if (nng_req0_open(&socket))
		return NO_ANSWER;
	result = attempt(socket, url, security, verify);
	nng_close(socket);
	return result;
}

static const char *name_of_server(const struct url *url, const struct transport_security *security)
{
	return security->server_name ? security->server_name : url->host;
}

static void blame_own_certificate(const struct url *url, const struct transport_security *security,
				  char *why, size_t size)
{
	if (security->cert)
		snprintf(why, size, "%s refuses the certificate tls-cert=%s: it must be signed by the "
			 "server's tls-ca and be valid", url->text, security->cert);
	else
		snprintf(why, size, "%s ends the TLS handshake: it asks hosts for a certificate; "
			 "give tls-cert and tls-key", url->text);
}

/* By handshakes that check less: which check was it? False when none of them is to blame. */
static bool blame_certificates(const struct url *url, const struct transport_security *security,
			       char *why, size_t size)
{
	enum handshake result = try_handshake(url, security, VERIFY_CHAIN);

	if (result == SUCCEEDED) {
		snprintf(why, size, "the certificate of %s is not for the name \"%s\": set "
			 "tls-server-name to a DNS name in it", url->text, name_of_server(url, security));
		return true;
	}
	result = try_handshake(url, security, VERIFY_NOTHING);
	if (result == SUCCEEDED)
		snprintf(why, size, "the certificate of %s is not signed by tls-ca=%s, or not valid now",
			 url->text, security->ca);
	else if (result == FAILED)
		blame_own_certificate(url, security, why, size);
	return result != NO_ANSWER;
}

bool tlpb__blame_tls(const struct url *url, const struct transport_security *security,
		     char *why, size_t size)
{
	switch (look_for_listener(url)) {
	case NOBODY:
		return false;
	case GREETS:
		snprintf(why, size, "%s speaks plain TCP, not TLS: use tcp:// here, or let the server "
			 "listen at tls+tcp://", url->text);
		return true;
	case SILENT:
		return blame_certificates(url, security, why, size);
	}
	return false;
}

void tlpb__blame_tcp(const struct url *url, const struct transport_security *security,
		     double seconds, char *why, size_t size)
{
	enum listener found = look_for_listener(url);

	if (found == NOBODY)
		tlpb__blame_absence(url, seconds, why, size);
	else if (found == GREETS && url->kind == URL_TCP)
		tlpb__blame_silence(url, seconds, why, size);
	else if (url->kind == URL_TCP)
		snprintf(why, size, "%s accepts connections but did not greet within %.1f s: it listens "
			 "at tls+tcp://, is stopped, or is no tlpbridge server", url->text, seconds);
	else if (!tlpb__blame_tls(url, security, why, size))
		tlpb__blame_silence(url, seconds, why, size);
}
