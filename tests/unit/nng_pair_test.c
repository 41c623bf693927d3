/* SPDX-License-Identifier: MIT */
/* A link over ipc and tcp is an nng pair, version 0: a pair socket of nng itself is the other end. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/reqrep0/req.h>

#include <tlpbridge/wire.h>

#include "gtest.h"
#include "process.h"
#include "transport.h"
#include "url.h"

enum { PATIENCE_MS = 60 * 1000 };

static struct transport *end;
static nng_socket pair;

static void parse(const char *text, struct url *url)
{
	char why[256];

	ASSERT_EQ(tlpb__url_parse(text, url, why, sizeof why), 0);
}

static const char *ipc_url(void)
{
	static char url[300];

	snprintf(url, sizeof url, "ipc://%s", test_path("pair.sock"));
	return url;
}

static void open_pair(void)
{
	ASSERT_EQ(nng_pair0_open(&pair), 0);
	ASSERT_EQ(nng_socket_set_ms(pair, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
	ASSERT_EQ(nng_socket_set_int(pair, NNG_OPT_SENDBUF, 2), 0);	/* else it waits for us to accept */
}

/* We listen, nng dials. */
static void nng_dials(const char *text)
{
	char why[256] = "";
	struct url url;

	parse(text, &url);
	ASSERT_EQ(tlpb__transport_listen(&url, NULL, &end, why, sizeof why), 0);
	open_pair();
	ASSERT_EQ(nng_dial(pair, url.text, NULL, NNG_FLAG_NONBLOCK), 0);
}

static void nng_listens(const char *text)
{
	nng_listener listener;
	char why[256] = "";
	struct url url;
	int port;

	parse(text, &url);
	open_pair();
	ASSERT_EQ(nng_listen(pair, text, &listener, 0), 0);
	if (!nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port) && port)
		tlpb__url_set_port(&url, (unsigned)port);
	ASSERT_EQ(tlpb__transport_dial(&url, NULL, &end, why, sizeof why), 0);
}

static int receive(struct message *m)
{
	struct pollfd p = { .fd = end->ops->fd(end), .events = POLLIN };
	int err;

	while ((err = end->ops->recv(end, m)) == TLPB_ERR_AGAIN)
		if (poll(&p, 1, PATIENCE_MS) != 1)
			return TLPB_ERR_TIMEDOUT;
	return err;
}

static void send_to_nng(const uint8_t *data, size_t len)
{
	struct pollfd p = { .fd = end->ops->fd(end), .events = POLLIN };
	int err;

	while ((err = end->ops->send(end, data, len)) == TLPB_ERR_AGAIN) {
		end->ops->want_send(end, true);
		ASSERT_EQ(poll(&p, 1, PATIENCE_MS), 1);
	}
	ASSERT_EQ(err, 0);
}

/* While nng takes a message, what did not fit into the socket moves on in our calls. */
static void hear_from_nng(void **heard, size_t *got)
{
	struct pollfd p = { .fd = end->ops->fd(end), .events = POLLIN };

	while (nng_recv(pair, heard, got, NNG_FLAG_ALLOC | NNG_FLAG_NONBLOCK)) {
		poll(&p, 1, 5);
		end->ops->want_send(end, false);
	}
}

static void fill(uint8_t *data, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(seed + i * 7);
}

static void to_and_fro(size_t len, unsigned seed)
{
	uint8_t *data = malloc(len + 1);
	struct message m;
	size_t got;
	void *heard;

	fill(data, len, seed);
	ASSERT_EQ(nng_send(pair, data, len, 0), 0);
	ASSERT_EQ(receive(&m), 0);
	ASSERT_EQ(m.len, len);
	EXPECT_EQ(memcmp(m.data, data, len), 0);
	send_to_nng(m.data, m.len);
	end->ops->release(end, &m);
	hear_from_nng(&heard, &got);
	ASSERT_EQ(got, len);
	if (len)		/* else nng gives no bytes */
		EXPECT_EQ(memcmp(heard, data, len), 0);
	nng_free(heard, got);
	free(data);
}

static void talk(void)
{
	static const size_t sizes[] = { 0, 1, 4, 24, 4096, 40000 };

	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		to_and_fro(sizes[i], i);
	nng_close(pair);		/* the peer's end is seen */
	EXPECT_EQ(receive(&(struct message){ 0 }), TLPB_ERR_CLOSED);
	end->ops->close(end, 0);
	processes_end();
}

TEST(NngPair, DialsUsOverIpc)
{
	nng_dials(ipc_url());
	talk();
}

TEST(NngPair, DialsUsOverTcp)
{
	nng_dials("tcp://127.0.0.1:0");
	talk();
}

TEST(NngPair, IsDialledByUsOverIpc)
{
	nng_listens(ipc_url());
	talk();
}

TEST(NngPair, IsDialledByUsOverTcp)
{
	nng_listens("tcp://127.0.0.1:0");
	talk();
}

TEST(NngPair, OversizedMessageOfItEndsTheLink)
{
	uint8_t *big = calloc(1, TLPB_MESSAGE_MAX + 1);

	nng_dials(ipc_url());
	nng_send(pair, big, TLPB_MESSAGE_MAX + 1, 0);
	EXPECT_EQ(receive(&(struct message){ 0 }), TLPB_ERR_CLOSED);
	end->ops->close(end, 0);
	nng_close(pair);
	free(big);
	processes_end();
}

/* Its greeting names the protocol, so it is told apart. */
TEST(NngPair, AnotherProtocolOfNngIsNotTaken)
{
	struct pollfd p;
	char why[256];
	struct url url;

	parse(ipc_url(), &url);
	ASSERT_EQ(tlpb__transport_listen(&url, NULL, &end, why, sizeof why), 0);
	ASSERT_EQ(nng_req0_open(&pair), 0);
	ASSERT_EQ(nng_dial(pair, url.text, NULL, NNG_FLAG_NONBLOCK), 0);
	p = (struct pollfd){ .fd = end->ops->fd(end), .events = POLLIN };
	ASSERT_EQ(poll(&p, 1, PATIENCE_MS), 1);
	EXPECT_EQ(end->ops->recv(end, &(struct message){ 0 }), TLPB_ERR_AGAIN);
	nng_close(pair);
	end->ops->close(end, 0);
	processes_end();
}
