/* SPDX-License-Identifier: MIT */
#include "gtest.h"
#include "url.h"

static struct url url;
static char why[512];

static int parse(const char *text)
{
	why[0] = 0;
	return tlpb__url_parse_lobby(text, &url, why, sizeof why);
}

TEST(Url, OfEachKindIsTakenApart)
{
	EXPECT_EQ(parse("ipc:///run/x.sock"), 0);
	EXPECT_EQ(url.kind, URL_IPC);
	EXPECT_STREQ(tlpb__url_name(&url), "/run/x.sock");
	EXPECT_EQ(parse("tcp://127.0.0.1:7000"), 0);
	EXPECT_EQ(url.kind, URL_TCP);
	EXPECT_STREQ(url.host, "127.0.0.1");
	EXPECT_EQ(url.port, 7000);
	EXPECT_EQ(parse("tls+tcp://server.example:0"), 0);
	EXPECT_EQ(url.kind, URL_TLS);
	EXPECT_STREQ(url.host, "server.example");
	EXPECT_EQ(url.port, 0);
	EXPECT_EQ(parse("tcp://[::1]:65535"), 0);
	EXPECT_STREQ(url.host, "[::1]");
	EXPECT_EQ(url.port, 65535);
	EXPECT_EQ(parse("inproc://x"), 0);
	EXPECT_EQ(url.kind, URL_INPROC);
	EXPECT_STREQ(tlpb__url_name(&url), "x");
	EXPECT_EQ(parse("fd:3"), 0);
	EXPECT_EQ(url.kind, URL_FD);
	EXPECT_EQ(url.fd, 3);
}

TEST(Url, ThatIsNoneIsRefusedWithAWordThatHelps)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "", "not a URL" }, { "/run/x.sock", "ipc:///" }, { "http://x", "fd:number" },
		{ "ipc://", "path" }, { "inproc://", "name" },
		{ "tcp://", "HOST:PORT" }, { "tcp://host", "HOST:PORT" }, { "tcp://host:", "HOST:PORT" },
		{ "tcp://host:x", "HOST:PORT" }, { "tcp://host:65536", "HOST:PORT" },
		{ "tcp://host:-1", "HOST:PORT" }, { "tcp://::1:7000", "[::1]" },
		{ "tcp://[::1:7000", "[::1]" }, { "tcp://host:1/x", "HOST:PORT" },
		{ "tls+tcp://host:99999999999999999999", "tls+tcp://" },
		{ "fd:", "fd:3" }, { "fd:x", "fd:3" }, { "fd:-1", "fd:3" }, { "fd:3x", "fd:3" },
		{ "fd:99999999999", "fd:3" },
	};

	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		gt_about(wrong[i].text);
		EXPECT_EQ(parse(wrong[i].text), TLPB_ERR_INVALID);
		EXPECT_NOT_NULL(strstr(why, wrong[i].says));
	}
}

TEST(Url, ThatIsTooLongIsRefused)
{
	char text[2 * URL_MAX];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	memcpy(text, "ipc://", 6);
	EXPECT_EQ(parse(text), TLPB_ERR_INVALID);
	text[6 + 88] = 0;
	EXPECT_EQ(parse(text), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "1 to 87 characters"));
	text[6 + 87] = 0;
	EXPECT_EQ(parse(text), 0);
}

TEST(Url, OfPlainTcpIsForLoopback)
{
	static const struct {
		const char *text;
		bool fine;
	} urls[] = {
		{ "tcp://127.0.0.1:1", true }, { "tcp://127.9.9.9:1", true }, { "tcp://[::1]:1", true },
		{ "tcp://localhost:1", true }, { "tls+tcp://server.example:1", true },
		{ "ipc:///x", true }, { "fd:3", true }, { "inproc://x", true },
		{ "tcp://0.0.0.0:1", false }, { "tcp://*:1", false }, { "tcp://:1", false },
		{ "tcp://[::]:1", false }, { "tcp://10.0.0.1:1", false }, { "tcp://126.0.0.1:1", false },
		{ "tcp://localhost.example:1", false }, { "tcp://127.0.0.1.example:1", false },
		{ "tcp://[fe80::1]:1", false },
	};

	for (unsigned i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		gt_about(urls[i].text);
		ASSERT_EQ(parse(urls[i].text), 0);
		EXPECT_EQ(tlpb__url_check_exposure(&url, false, why, sizeof why),
			  urls[i].fine ? 0 : TLPB_ERR_ACCESS);
		EXPECT_EQ(tlpb__url_check_exposure(&url, true, why, sizeof why), 0);
	}
}

/* From the server's lobby to what the host dials, which knows the lobby by another name. */
static int follow_grant(const char *server, unsigned port, const char *host, char *grant,
			struct url *dial)
{
	struct url listen, lobby;

	EXPECT_EQ(parse(server), 0);
	tlpb__url_private(&url, 0x1234abcd, &listen);
	if (port)
		tlpb__url_set_port(&listen, port);
	tlpb__url_granted(&listen, grant, URL_MAX);
	EXPECT_EQ(tlpb__url_parse_lobby(host, &lobby, why, sizeof why), 0);
	return tlpb__url_dialled(&lobby, grant, dial, why, sizeof why);
}

TEST(Url, OfAPrivateLinkKeepsTheAddressThatTheHostDialled)
{
	char grant[URL_MAX];
	struct url dial;

	EXPECT_EQ(follow_grant("tcp://*:7000", 4711, "tcp://server.example:7000", grant, &dial), 0);
	EXPECT_STREQ(grant, "4711");
	EXPECT_STREQ(dial.text, "tcp://server.example:4711");
	EXPECT_EQ(follow_grant("tls+tcp://[::]:1", 2, "tls+tcp://[::1]:1", grant, &dial), 0);
	EXPECT_STREQ(dial.text, "tls+tcp://[::1]:2");
	EXPECT_EQ(follow_grant("ipc:///run/s", 0, "ipc:///run/s", grant, &dial), 0);
	EXPECT_STREQ(dial.text, "ipc:///run/s.link.1234abcd");
	EXPECT_EQ(follow_grant("inproc://s", 0, "inproc://s", grant, &dial), 0);
	EXPECT_STREQ(dial.text, "inproc://s.link.1234abcd");
}

TEST(Url, ThatAServerGrantsMustBeOfTheLobbysKind)
{
	static const struct {
		const char *lobby, *grant;
	} wrong[] = {
		{ "tcp://127.0.0.1:1", "" }, { "tcp://127.0.0.1:1", "0" }, { "tcp://127.0.0.1:1", "65536" },
		{ "tcp://127.0.0.1:1", "ipc:///x" }, { "tcp://127.0.0.1:1", "tcp://10.0.0.1:5" },
		{ "tls+tcp://127.0.0.1:1", "tcp://127.0.0.1:5" }, { "ipc:///x", "77" },
		{ "ipc:///x", "tcp://127.0.0.1:5" }, { "ipc:///x", "fd:0" }, { "ipc:///x", "" },
	};
	struct url lobby, dial;

	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		gt_about(wrong[i].grant);
		ASSERT_EQ(tlpb__url_parse_lobby(wrong[i].lobby, &lobby, why, sizeof why), 0);
		EXPECT_EQ(tlpb__url_dialled(&lobby, wrong[i].grant, &dial, why, sizeof why),
			  TLPB_ERR_PROTOCOL);
		EXPECT_NOT_NULL(strstr(why, "makes no sense"));
	}
}
