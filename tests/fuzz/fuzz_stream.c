/* SPDX-License-Identifier: MIT */
/*
 * Messages on an inherited stream socket: the bytes arrive in pieces, of the size that the first
 * one says, and give the messages that a look at all of them at once finds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tlpbridge/log.h>
#include <tlpbridge/wire.h>

#include "bytes.h"
#include "fuzz.h"
#include "transport.h"

enum { LENGTH = 4, STEPS = 64 };

/* What was sent so far, and how much of it has come out as messages. */
struct stream {
	const uint8_t *data;
	size_t sent, taken;
};

static void silent(enum tlpb_log_level level, const char *line)
{
}

/* What recv must say next; *len is of the message. */
static int expected(const struct stream *s, size_t *len)
{
	size_t left = s->sent - s->taken;

	if (left < LENGTH)
		return TLPB_ERR_AGAIN;
	*len = get_le32(s->data + s->taken);
	if (*len > TLPB_MESSAGE_MAX)
		return TLPB_ERR_CLOSED;
	return left - LENGTH < *len ? TLPB_ERR_AGAIN : 0;
}

/* Everything that is complete; false: the transport will never say more. */
static bool take(struct transport *t, struct stream *s)
{
	struct message message;
	size_t len = 0;
	int due;

	while (!(due = expected(s, &len))) {
		FUZZ_CHECK(!t->ops->recv(t, &message));
		FUZZ_CHECK(message.len == len);
		FUZZ_CHECK(!memcmp(message.data, s->data + s->taken + LENGTH, len));
		t->ops->release(t, &message);
		s->taken += LENGTH + len;
	}
	FUZZ_CHECK(t->ops->recv(t, &message) == due);
	return due != TLPB_ERR_CLOSED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = { .data = data + 1 };
	struct message message;
	struct transport *t;
	size_t step, n;
	bool open = true;
	char why[128];
	int fds[2];

	if (!size)
		return 0;
	tlpb_log_set_sink(silent);
	step = data[0] % STEPS + 1u;
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	FUZZ_CHECK(!tlpb__transport_stream_new(fds[0], &t, why, sizeof why));
	while (s.sent < size - 1 && open) {	/* whoever reads on has room for each piece */
		n = size - 1 - s.sent < step ? size - 1 - s.sent : step;
		FUZZ_CHECK(send(fds[1], s.data + s.sent, n, MSG_NOSIGNAL) == (ssize_t)n);
		s.sent += n;
		open = take(t, &s);
	}
	close(fds[1]);
	FUZZ_CHECK(t->ops->recv(t, &message) == TLPB_ERR_CLOSED);
	t->ops->close(t, 0);
	return 0;
}

/* Messages of 0 to 6 bytes, cut in different ways; then one that is too long. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	size_t n = 1;

	if (i > 3)
		return 0;
	data[0] = (uint8_t)(i * 5);
	for (uint32_t len = 0; len < 7; len++) {
		put_le32(data + n, len);
		memset(data + n + LENGTH, 0xa5, len);
		n += LENGTH + len;
	}
	if (i < 3)
		return n;
	put_le32(data + n, TLPB_MESSAGE_MAX + 1);
	return n + LENGTH;
}
