/* SPDX-License-Identifier: MIT */
#include "raw_lobby.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <string.h>

#include "gtest.h"
#include "process.h"

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

unsigned raw_visit(const char *url)
{
	nng_socket req;

	ASSERT_EQ(nng_req0_open(&req), 0);
	ASSERT_EQ(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, PROCESS_PATIENCE_MS), 0);
	ASSERT_EQ(nng_dial(req, url, NULL, 0), 0);
	return req.id;
}

void raw_leave(unsigned visit)
{
	nng_close((nng_socket){ visit });
}

static void say(unsigned visit, const void *message, size_t len)
{
	nng_msg *msg;

	ASSERT_EQ(nng_msg_alloc(&msg, 0), 0);
	ASSERT_EQ(nng_msg_append(msg, message, len), 0);
	ASSERT_EQ(nng_sendmsg((nng_socket){ visit }, msg, 0), 0);
}

static struct lobby_answer hear(unsigned visit)
{
	struct lobby_answer a = { 0 };
	nng_msg *answer;

	if (!nng_recvmsg((nng_socket){ visit }, &answer, 0)) {
		read_answer(nng_msg_body(answer), nng_msg_len(answer), &a);
		nng_msg_free(answer);
	}
	return a;
}

struct lobby_answer raw_ask(const char *url, const void *message, size_t len)
{
	unsigned visit = raw_visit(url);
	struct lobby_answer a;

	say(visit, message, len);
	a = hear(visit);
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

void raw_say_join(unsigned visit, const struct join *join)
{
	uint8_t message[1024];
	int len = tlpb__join_encode(join, message + TLPB_FRAME_HEADER,
				    sizeof message - TLPB_FRAME_HEADER);
	struct frame f = { .kind = TLPB_FRAME_JOIN, .length = (uint32_t)len };

	ASSERT_GT(len, 0);
	tlpb__frame_put(message, &f);
	say(visit, message, TLPB_FRAME_HEADER + (size_t)len);
}

struct lobby_answer raw_join_and_stay(const char *url, const struct join *join, unsigned *visit)
{
	*visit = raw_visit(url);
	raw_say_join(*visit, join);
	return hear(*visit);
}

struct lobby_answer raw_send_join(const char *url, const struct join *join)
{
	unsigned visit;
	struct lobby_answer a = raw_join_and_stay(url, join, &visit);

	raw_leave(visit);
	return a;
}

unsigned mute_lobby_open(const char *url)
{
	nng_socket rep;

	ASSERT_EQ(nng_rep0_open(&rep), 0);
	ASSERT_EQ(nng_listen(rep, url, NULL, 0), 0);
	return rep.id;
}

void mute_lobby_close(unsigned lobby)
{
	nng_close((nng_socket){ lobby });
}
