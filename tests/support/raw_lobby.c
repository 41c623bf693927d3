/* SPDX-License-Identifier: MIT */
#include "raw_lobby.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "door.h"
#include "gtest.h"
#include "process.h"

enum { LENGTH = 4, ANSWER_MAX = 2048 };	/* bytes */

static bool has(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, PROCESS_PATIENCE_MS) == 1;
}

static void read_answer(const uint8_t *message, size_t len, struct lobby_answer *a)
{
	struct frame f;
	size_t offset = 0;

	ASSERT_EQ(tlpb__frame_next(message, len, &offset, &f), 1);
	a->kind = f.kind;
	if (f.kind == TLPB_FRAME_GRANT)
		EXPECT_EQ(tlpb__grant_decode(f.body, f.length, &a->grant), 0);
	if (f.kind == TLPB_FRAME_REFUSE)
		EXPECT_EQ(tlpb__refuse_decode(f.body, f.length, &a->refuse), 0);
}

static int wait_connected(void *ctx, int fd)
{
	return has(fd, POLLOUT) ? 0 : TLPB_ERR_TIMEDOUT;
}

int raw_try_visit(const char *text)
{
	struct door_waiter waiter = { wait_connected, NULL };
	struct url url;
	char why[256] = "";
	int fd, err;

	ASSERT_EQ(tlpb__url_parse(text, &url, why, sizeof why), 0);
	err = tlpb__door_dial(&url, NULL, &waiter, &fd, why, sizeof why);
	if (err)
		EXPECT_EQ(err, TLPB_ERR_BUSY);
	return err ? -1 : fd;
}

int raw_visit(const char *url)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	int visit;

	while ((visit = raw_try_visit(url)) < 0 && now_ms() < end)
		sleep_ms(1);
	ASSERT_GE(visit, 0);
	return visit;
}

void raw_leave(int visit)
{
	close(visit);
}

void raw_say(int visit, const void *message, size_t len)
{
	uint8_t length[LENGTH];

	put_le32(length, (uint32_t)len);
	ASSERT_EQ(send(visit, length, sizeof length, MSG_NOSIGNAL), LENGTH);
	ASSERT_EQ(send(visit, message, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* False: the lobby has hung up, or is silent for too long. */
static bool read_all(int visit, uint8_t *bytes, size_t len)
{
	while (len && has(visit, POLLIN)) {
		ssize_t n = recv(visit, bytes, len, 0);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return !len;
}

struct lobby_answer raw_hear(int visit)
{
	uint8_t length[LENGTH], message[ANSWER_MAX];
	struct lobby_answer a = { 0 };

	if (!read_all(visit, length, sizeof length))
		return a;
	ASSERT_LE(get_le32(length), sizeof message);
	if (read_all(visit, message, get_le32(length)))
		read_answer(message, get_le32(length), &a);
	return a;
}

struct lobby_answer raw_ask(const char *url, const void *message, size_t len)
{
	int visit = raw_visit(url);
	struct lobby_answer a;

	raw_say(visit, message, len);
	a = raw_hear(visit);
	raw_leave(visit);
	return a;
}

struct join raw_join(const char *device, uint8_t token)
{
	struct join j = { .version = TLPB_WIRE_VERSION, .offered = TLPB_FEATURE_DMA_FAULT,
			  .host = "raw-host[1]" };

	snprintf(j.device, sizeof j.device, "%s", device);
	memset(j.host_token, token, sizeof j.host_token);
	return j;
}

void raw_say_join(int visit, const struct join *join)
{
	uint8_t message[1024];
	int len = tlpb__join_encode(join, message + TLPB_FRAME_HEADER,
				    sizeof message - TLPB_FRAME_HEADER);
	struct frame f = { .kind = TLPB_FRAME_JOIN, .length = (uint32_t)len };

	ASSERT_GT(len, 0);
	tlpb__frame_put(message, &f);
	raw_say(visit, message, TLPB_FRAME_HEADER + (size_t)len);
}

struct lobby_answer raw_join_and_stay(const char *url, const struct join *join, int *visit)
{
	*visit = raw_visit(url);
	raw_say_join(*visit, join);
	return raw_hear(*visit);
}

struct lobby_answer raw_send_join(const char *url, const struct join *join)
{
	int visit;
	struct lobby_answer a = raw_join_and_stay(url, join, &visit);

	raw_leave(visit);
	return a;
}
