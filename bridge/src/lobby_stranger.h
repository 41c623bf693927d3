/* SPDX-License-Identifier: MIT */
/* Who comes to a lobby and is no host of tlpbridge: told apart, and told of now and then. */
#ifndef TLPB_LOBBY_STRANGER_H
#define TLPB_LOBBY_STRANGER_H

#include <stdint.h>

enum stranger {
	STRANGER_BYTES, STRANGER_TLS, STRANGER_NNG, STRANGER_HTTP, STRANGER_NO_JOIN,
	STRANGER_HANDSHAKE, STRANGERS,
};

struct strangers {
	struct { uint64_t came, told; } kind[STRANGERS];
};

/* By the first four bytes, read as a u32. */
enum stranger tlpb__stranger_by(uint32_t first);

/* Logged when it begins, and then each time the number has doubled: scanners come often. */
void tlpb__stranger_came(struct strangers *strangers, enum stranger kind, const char *url);

#endif
