/* SPDX-License-Identifier: MIT */
/*
 * A handshake that failed says little about why. So ask the server for its STATUS, in plain
 * text, and through handshakes that check less: who answers?
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nng/nng.h>

#include "bytes.h"
#include "door.h"
#include "frame.h"
#include "lobby_blame.h"
#include "tls_relay.h"

enum {
	CONNECT_MS = 1000,
	PLAIN_ANSWER_MS = 300,
	HANDSHAKE_MS = 2000,
	LENGTH = 4,	/* of a message, before it */
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

void tlpb__blame_hanging_up(const struct url *url, double seconds, char *why, size_t size)
{
	snprintf(why, size, "%s accepts connections but ended each without an answer to JOIN (tried for "
		 "%.1f s): it %sis no tlpbridge server, or is of another release", url->text, seconds,
		 url->kind == URL_TCP ? "listens at tls+tcp://, " : "");
}

/* Does whoever is at the other end answer a STATUS that cannot be understood, as a lobby does? */
static bool answers(int fd, int timeout_ms)
{
	uint8_t m[LENGTH + TLPB_FRAME_HEADER], length[LENGTH];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	put_le32(m, TLPB_FRAME_HEADER);
	tlpb__frame_put(m + LENGTH, &(struct frame){ .kind = TLPB_FRAME_STATUS });
	return send(fd, m, sizeof m, MSG_NOSIGNAL) == sizeof m && poll(&p, 1, timeout_ms) == 1 &&
	       recv(fd, length, sizeof length, MSG_DONTWAIT) == sizeof length &&
	       get_le32(length) <= TLPB_FRAME_HEADER + TLPB_FRAME_MAX;
}

/* ---- in plain text ---- */

static int wait_connected(void *ctx, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, CONNECT_MS) == 1 ? 0 : TLPB_ERR_AGAIN;
}

static bool speaks_plainly(const struct url *url)
{
	struct door_waiter waiter = { wait_connected, NULL };
	char ignored[2 * TEXT_MAX];
	bool answered;
	int fd;

	if (tlpb__door_socket_dial(url, &waiter, &fd, ignored, sizeof ignored))
		return false;
	answered = answers(fd, PLAIN_ANSWER_MS);
	close(fd);
	return answered;
}

/* ---- a handshake that checks less ---- */

static int try_handshake(const struct url *url, const struct transport_security *security,
			 enum tls_verify verify)
{
	struct tls_relay *relay;
	char ignored[2 * TEXT_MAX];
	int fd, outcome;

	if (tlpb__tls_relay_dial(url, security, verify, &relay, &fd, ignored, sizeof ignored))
		return RELAY_DIALS;
	answers(fd, HANDSHAKE_MS);
	outcome = atomic_load(&relay->outcome);
	close(fd);
	tlpb__tls_relay_let_go(relay);
	return outcome;
}

static void blame_name(const struct url *url, const struct transport_security *security,
		       char *why, size_t size)
{
	snprintf(why, size, "the certificate of %s is not for the name \"%s\": set tls-server-name to "
		 "a DNS name in it", url->text,
		 security->server_name ? security->server_name : url->host);
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

static bool ended_by_peer(int outcome)
{
	return outcome == NNG_ECONNSHUT || outcome == NNG_ECONNRESET || outcome == NNG_ECLOSED;
}

/*
 * A certificate that is not wanted is an alert (NNG_ECRYPTO), or the end when that is faster. One
 * that is missing is the end, but so is a server that is just being killed, where one is shown.
 */
static bool is_about_ours(int outcome, const struct transport_security *security)
{
	return outcome == NNG_ECRYPTO || outcome == NNG_EPEERAUTH ||
	       (ended_by_peer(outcome) && !security->cert);
}

bool tlpb__blame_tls(const struct url *url, const struct transport_security *security,
		     int outcome, char *why, size_t size)
{
	if (!is_about_ours(outcome, security) && !ended_by_peer(outcome))
		return false;
	if (speaks_plainly(url)) {
		snprintf(why, size, "%s speaks plain TCP, not TLS: use tcp:// here, or let the server "
			 "listen at tls+tcp://", url->text);
		return true;
	}
	if (try_handshake(url, security, VERIFY_CHAIN) == RELAY_THROUGH) {
		blame_name(url, security, why, size);
		return true;
	}
	outcome = try_handshake(url, security, VERIFY_NOTHING);
	if (outcome == RELAY_THROUGH)
		snprintf(why, size, "the certificate of %s is not signed by tls-ca=%s, or not valid now",
			 url->text, security->ca);
	else if (is_about_ours(outcome, security))
		blame_own_certificate(url, security, why, size);
	else
		return false;
	return true;
}
