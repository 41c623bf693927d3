/* SPDX-License-Identifier: MIT */
/* The framed stream against a peer that writes bytes as it likes. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tlpbridge/wire.h>

#include "bytes.h"
#include "caught_log.h"
#include "gtest.h"
#include "transport.h"

enum { PATIENCE_MS = 60 * 1000 };

static struct transport *t;
static int peer;	/* the other end, as a plain socket */

static void start(void)
{
	char why[256] = "";
	int fds[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if (tlpb__transport_stream_new(fds[0], &t, why, sizeof why))
		FAIL("%s", why);
	peer = fds[1];
}

static void stop(void)
{
	t->ops->close(t, 0);
	if (peer >= 0)
		close(peer);
}

static void put(const void *bytes, size_t len)
{
	ASSERT_EQ(send(peer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static int receive(struct message *m)
{
	struct pollfd p = { .fd = t->ops->fd(t), .events = POLLIN };
	int err;

	while ((err = t->ops->recv(t, m)) == TLPB_ERR_AGAIN)
		ASSERT_EQ(poll(&p, 1, PATIENCE_MS), 1);
	return err;
}

TEST(Stream, AMessageThatArrivesByteByByteIsWhole)
{
	static const uint8_t bytes[] = { 5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o' };
	struct message m;

	start();
	for (int n = 0; n < 3; n++) {
		for (size_t i = 0; i < sizeof bytes; i++) {
			EXPECT_EQ(t->ops->recv(t, &m), TLPB_ERR_AGAIN);
			put(bytes + i, 1);
		}
		ASSERT_EQ(receive(&m), 0);
		ASSERT_EQ(m.len, 5);
		EXPECT_MEMEQ(m.data, "hello", 5);
		t->ops->release(t, &m);
	}
	stop();
}

TEST(Stream, MessagesThatArriveTogetherComeApart)
{
	static const uint8_t bytes[] = { 1, 0, 0, 0, 'a', 0, 0, 0, 0, 2, 0, 0, 0, 'b', 'c' };
	struct message m;

	start();
	put(bytes, sizeof bytes);
	for (size_t len = 1; len != 3; len = len == 1 ? 0 : len == 0 ? 2 : 3) {
		ASSERT_EQ(receive(&m), 0);
		EXPECT_EQ(m.len, len);
		t->ops->release(t, &m);
	}
	EXPECT_EQ(t->ops->recv(t, &m), TLPB_ERR_AGAIN);
	stop();
}

TEST(Stream, AnImpossibleLengthEndsItAndIsSaid)
{
	static const uint32_t lengths[] = { TLPB_MESSAGE_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff };

	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		uint8_t bytes[4];
		struct message m;

		start();
		catch_log();
		put_le32(bytes, lengths[i]);
		put(bytes, 4);
		EXPECT_EQ(receive(&m), TLPB_ERR_CLOSED);
		EXPECT_TRUE(log_has("is it tlpbridge?"));
		EXPECT_EQ(t->ops->recv(t, &m), TLPB_ERR_CLOSED);
		EXPECT_EQ(t->ops->send(t, bytes, 4), TLPB_ERR_CLOSED);
		stop();
	}
}

TEST(Stream, APartOfAMessageIsNone)
{
	static const uint8_t bytes[] = { 5, 0, 0, 0, 'h', 'e', 'l', 'l' };
	struct message m;

	for (size_t len = 1; len <= sizeof bytes; len++) {
		start();
		put(bytes, len);
		close(peer);
		peer = -1;
		EXPECT_EQ(receive(&m), TLPB_ERR_CLOSED);
		stop();
	}
}

/* Without a handler SIGPIPE would end this program. */
TEST(Stream, SendingToAPeerThatLeftRaisesNoSignal)
{
	start();
	close(peer);
	peer = -1;
	EXPECT_EQ(t->ops->send(t, (const uint8_t *)"x", 1), TLPB_ERR_CLOSED);
	EXPECT_EQ(t->ops->send(t, (const uint8_t *)"x", 1), TLPB_ERR_CLOSED);
	t->ops->want_send(t, true);
	stop();
}

TEST(Stream, HoldsOneMessageAtMost)
{
	uint8_t *big = calloc(1, TLPB_MESSAGE_MAX + 1);
	size_t sent = 0;
	int err;

	start();
	EXPECT_EQ(t->ops->send(t, big, TLPB_MESSAGE_MAX + 1), TLPB_ERR_TOO_LARGE);
	while (!(err = t->ops->send(t, big, TLPB_MESSAGE_MAX)))
		ASSERT_LT(sent += TLPB_MESSAGE_MAX, 64 * TLPB_MESSAGE_MAX);
	EXPECT_EQ(err, TLPB_ERR_AGAIN);
	EXPECT_LE(sent, 4 * TLPB_MESSAGE_MAX);
	free(big);
	stop();
}

/* The last words of one that closes are sent, even when they did not fit at first. */
TEST(Stream, ClosingSendsWhatIsHeld)
{
	enum { LEN = 200000 };
	uint8_t *big = calloc(1, LEN), *seen = malloc(2 * LEN);
	size_t have = 0;
	ssize_t n = 1;
	pid_t child;

	start();
	big[LEN - 1] = 0x5a;
	ASSERT_EQ(t->ops->send(t, big, LEN), 0);
	ASSERT_EQ(t->ops->send(t, big, LEN), TLPB_ERR_AGAIN);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		close(peer);
		t->ops->close(t, PATIENCE_MS);
		_exit(0);
	}
	t->ops->close(t, 0);
	while (have < 4 + LEN && (n = recv(peer, seen + have, 2 * LEN - have, 0)) > 0)
		have += (size_t)n;
	EXPECT_EQ(have, 4 + LEN);
	EXPECT_EQ(seen[have - 1], 0x5a);
	close(peer);		/* which the child waits for */
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	free(big);
	free(seen);
}

TEST(Stream, WhatIsNoConnectedStreamSocketIsRefusedAndLeftAlone)
{
	int lone = socket(AF_UNIX, SOCK_STREAM, 0), datagrams[2], pipes[2];
	char why[256];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams), 0);
	ASSERT_EQ(pipe(pipes), 0);
	EXPECT_EQ(tlpb__transport_stream_new(999, &t, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "fd:999 is not open"));
	EXPECT_EQ(tlpb__transport_stream_new(pipes[0], &t, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "is not a socket"));
	EXPECT_EQ(tlpb__transport_stream_new(datagrams[0], &t, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "not a stream socket"));
	EXPECT_EQ(tlpb__transport_stream_new(lone, &t, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "not connected"));
	EXPECT_GE(fcntl(lone, F_GETFD), 0);
	for (int i = 0; i < 2; i++) {
		close(datagrams[i]);
		close(pipes[i]);
	}
	close(lone);
}
