/* SPDX-License-Identifier: MIT */
#include "lobby_stranger.h"

#include <stddef.h>
#include <string.h>

#include <tlpbridge/log.h>

#include "bytes.h"

static const char *const said[STRANGERS] = {
	[STRANGER_BYTES] = "said something that is not of tlpbridge",
	[STRANGER_TLS] = "speak TLS: a host that wants tls+tcp, where this is plain",
	[STRANGER_NNG] = "speak nng's protocol: an older tlpbridge, or another program",
	[STRANGER_HTTP] = "speak HTTP",
	[STRANGER_NO_JOIN] = "sent something that is not a JOIN",
	[STRANGER_HANDSHAKE] = "failed in the TLS handshake: the peer has no certificate of tls-ca, "
			       "does not trust tls-cert, or speaks plain TCP",
};

static const struct {
	const char *bytes;
	size_t len;
	enum stranger kind;
} beginnings[] = {
	{ "\x16\x03", 2, STRANGER_TLS },	/* a record of a handshake, version 3.x */
	{ "\0SP", 3, STRANGER_NNG },
	{ "GET ", 4, STRANGER_HTTP }, { "POST", 4, STRANGER_HTTP }, { "HEAD", 4, STRANGER_HTTP },
	{ "OPTI", 4, STRANGER_HTTP }, { "PUT ", 4, STRANGER_HTTP }, { "CONN", 4, STRANGER_HTTP },
};

enum stranger tlpb__stranger_by(uint32_t first)
{
	uint8_t bytes[4];

	put_le32(bytes, first);
	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
		if (!memcmp(bytes, beginnings[i].bytes, beginnings[i].len))
			return beginnings[i].kind;
	return STRANGER_BYTES;
}

void tlpb__stranger_came(struct strangers *strangers, enum stranger kind, const char *url)
{
	uint64_t n = ++strangers->kind[kind].came;

	if (n < 2 * strangers->kind[kind].told)
		return;
	strangers->kind[kind].told = n;
	tlpb_log(TLPB_LOG_WARNING, "lobby: %s: %llu connections %s", url, (unsigned long long)n,
		 said[kind]);
}
