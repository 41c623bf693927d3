/* SPDX-License-Identifier: MIT */
/*
 * The lobby alone: its server runs on a thread, and what comes are hosts, and peers that are
 * silent, broken, or speak something else.
 */
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "caught_log.h"
#include "certificates.h"
#include "clock.h"
#include "door.h"
#include "gtest.h"
#include "lobby.h"
#include "process.h"
#include "raw_lobby.h"
#include "tls_relay.h"

enum {
	SILENT_PEERS = 1000,
	PLACES = 64,		/* in the lobby */
	OF_A_RELAY = 2,		/* threads */
	EACH_KIND = 200,	/* of handshakes that fail */
	AT_ONCE = 20,
};

/* ---- the server ---- */

static struct {
	struct lobby *lobby;
	pthread_t thread;
	atomic_bool ends;
	atomic_uint joins;
} server;

static int no_status(void *ctx, const struct frame *question, uint8_t *body, size_t size,
		     struct refuse *refusal)
{
	put_le32(body, 0x600df00d);
	return 4;
}

static void grant_all(void)
{
	struct grant grant = { .url = "7" };
	struct join join;

	while (tlpb__lobby_next(server.lobby, &join) > 0) {
		atomic_fetch_add(&server.joins, 1);
		tlpb__lobby_grant(server.lobby, &grant);
	}
}

static void *run_server(void *arg)
{
	struct pollfd p = { .fd = tlpb__lobby_fd(server.lobby), .events = POLLIN };

	while (!atomic_load(&server.ends)) {
		poll(&p, 1, 10);
		grant_all();
	}
	return NULL;
}

static struct transport_security certificates(enum authority ca, enum authority own)
{
	return (struct transport_security){
		.ca = certificate(ca, "ca.pem"), .cert = certificate(own, "qemu.pem"),
		.key = certificate(own, "qemu.key"), .server_name = "localhost",
	};
}

/* Without a thread: the test calls. */
static void open_lobby(const char *text)
{
	struct transport_security security = {
		.ca = certificate(OURS, "ca.pem"), .cert = certificate(OURS, "localhost.pem"),
		.key = certificate(OURS, "localhost.key"),
	};
	char why[256] = "";
	struct url url;

	catch_log();
	ASSERT_EQ(tlpb__url_parse(text, &url, why, sizeof why), 0);
	if (tlpb__lobby_listen(&url, &security, &server.lobby, why, sizeof why))
		FAIL("%s", why);
	tlpb__lobby_on_question(server.lobby, TLPB_FRAME_STATUS, no_status, NULL);
}

static void start_server(const char *text)
{
	open_lobby(text);
	atomic_store(&server.ends, false);
	atomic_store(&server.joins, 0);
	ASSERT_EQ(pthread_create(&server.thread, NULL, run_server, NULL), 0);
}

static void stop_server(void)
{
	atomic_store(&server.ends, true);
	pthread_join(server.thread, NULL);
	tlpb__lobby_close(server.lobby);
}

static const struct url *its_url(void)
{
	return tlpb__lobby_url(server.lobby);
}

static const char *ipc_url(void)
{
	static char url[300];

	processes_end();
	snprintf(url, sizeof url, "ipc://%s", test_path("s"));
	return url;
}

enum { KINDS = 4 };

static const char *url_of_kind(int kind)
{
	static const char *const urls[KINDS] = { NULL, "tcp://127.0.0.1:0", "tls+tcp://localhost:0",
						 "inproc://lobby-test" };

	return kind ? urls[kind] : ipc_url();
}

/* ---- hosts ---- */

static const struct lobby_patience patience = { .timeout_ms = PROCESS_PATIENCE_MS };

static void expect_host_is_welcome(void)
{
	struct transport_security security = certificates(OURS, OURS);
	struct join join = raw_join("", 1);
	struct joining *joining;
	struct grant grant;
	char why[512] = "";

	if (tlpb__lobby_join(its_url(), &security, &join, &patience, &grant, &joining, why, sizeof why))
		FAIL("%s: %s", its_url()->text, why);
	EXPECT_STREQ(why, "");
	EXPECT_STREQ(grant.url, "7");
	tlpb__lobby_leave(joining);
}

TEST(Lobby, AnswersOverEachKindOfUrl)
{
	uint8_t reply[LOBBY_REPLY_MAX];
	char why[512] = "";

	for (int kind = 0; kind < KINDS; kind++) {
		struct transport_security security;
		size_t len = 0;

		start_server(url_of_kind(kind));
		security = certificates(OURS, OURS);
		gt_about(its_url()->text);
		for (int i = 0; i < 20; i++)
			expect_host_is_welcome();
		EXPECT_EQ(atomic_load(&server.joins), 20);
		EXPECT_EQ(tlpb__lobby_ask(its_url(), &security, TLPB_FRAME_STATUS, "", 0, &patience,
					  reply, &len, why, sizeof why), 0);
		ASSERT_EQ(len, TLPB_FRAME_HEADER + 4);
		EXPECT_EQ(get_le32(reply + TLPB_FRAME_HEADER), 0x600df00d);
		stop_server();
		EXPECT_EQ(log_lines(), 0);
	}
}

TEST(Lobby, IsRefusedWhereThereIsOne)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct lobby *second;
		struct url url;
		char why[512] = "";

		open_lobby(url_of_kind(kind));
		gt_about(its_url()->text);
		url = *its_url();
		EXPECT_EQ(tlpb__lobby_listen(&url, &(struct transport_security){
				.cert = certificate(OURS, "localhost.pem"),
				.key = certificate(OURS, "localhost.key") },
				&second, why, sizeof why), TLPB_ERR_BUSY);
		EXPECT_NOT_NULL(strstr(why, "another server listens at"));
		tlpb__lobby_close(server.lobby);
	}
}

TEST(Lobby, ItsSocketFileIsPrivateWhateverTheUmaskAndGoesWithIt)
{
	mode_t before = umask(0);
	struct stat st;

	open_lobby(ipc_url());
	umask(before);
	ASSERT_EQ(stat(test_path("s"), &st), 0);
	EXPECT_EQ(st.st_mode & 0777, 0600);
	tlpb__lobby_close(server.lobby);
	EXPECT_NE(access(test_path("s"), F_OK), 0);
}

TEST(Lobby, LeavesAFileAloneThatIsNotItsOwnAnyMore)
{
	FILE *file;

	open_lobby(ipc_url());
	ASSERT_EQ(unlink(test_path("s")), 0);
	file = fopen(test_path("s"), "w");
	ASSERT_NOT_NULL(file);
	fclose(file);
	tlpb__lobby_close(server.lobby);
	EXPECT_EQ(access(test_path("s"), F_OK), 0);
}

/* ---- presence ---- */

static bool is_hung_up(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&p, 1, timeout_ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

/* The next JOIN, on this thread. */
static unsigned next_asker(void)
{
	struct pollfd p = { .fd = tlpb__lobby_fd(server.lobby), .events = POLLIN };
	struct join join;

	for (int i = 0; i < 100; i++) {
		if (tlpb__lobby_next(server.lobby, &join) > 0)
			return tlpb__lobby_asker(server.lobby);
		poll(&p, 1, PROCESS_PATIENCE_MS);
	}
	FAIL("no JOIN");
	return 0;
}

TEST(Presence, EndsWithTheConnectionAtOnce)
{
	static const int kinds[] = { 0, 1, 3 };
	struct grant grant = { .url = "7" };
	struct join join = raw_join("", 1);

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		unsigned asker;
		int visit;

		open_lobby(url_of_kind(kinds[i]));
		gt_about(its_url()->text);
		visit = raw_visit(its_url()->text);
		raw_say_join(visit, &join);
		asker = next_asker();
		EXPECT_FALSE(tlpb__lobby_is_there(server.lobby, asker));	/* has no grant yet */
		tlpb__lobby_grant(server.lobby, &grant);
		EXPECT_TRUE(tlpb__lobby_is_there(server.lobby, asker));
		EXPECT_EQ(raw_hear(visit).kind, TLPB_FRAME_GRANT);
		raw_leave(visit);
		EXPECT_FALSE(tlpb__lobby_is_there(server.lobby, asker));
		EXPECT_FALSE(tlpb__lobby_is_there(server.lobby, asker));
		tlpb__lobby_close(server.lobby);
	}
}

TEST(Presence, OfAHostThatLeftBeforeItsJoinWasReadIsNone)
{
	struct join join = raw_join("", 1), read;
	int visit;

	open_lobby(ipc_url());
	visit = raw_visit(its_url()->text);
	raw_say_join(visit, &join);
	raw_leave(visit);
	EXPECT_EQ(tlpb__lobby_next(server.lobby, &read), 0);
	tlpb__lobby_close(server.lobby);
}

TEST(Presence, OfAHostThatGoesOnTalkingEnds)
{
	struct grant grant = { .url = "7" };
	struct join join = raw_join("", 1);
	unsigned asker;
	int visit;

	open_lobby(ipc_url());
	visit = raw_visit(its_url()->text);
	raw_say_join(visit, &join);
	asker = next_asker();
	tlpb__lobby_grant(server.lobby, &grant);
	EXPECT_EQ(raw_hear(visit).kind, TLPB_FRAME_GRANT);
	raw_say_join(visit, &join);
	EXPECT_FALSE(tlpb__lobby_is_there(server.lobby, asker));
	EXPECT_TRUE(is_hung_up(visit, PROCESS_PATIENCE_MS));
	raw_leave(visit);
	tlpb__lobby_close(server.lobby);
}

/* ---- peers that are silent or broken ---- */

static unsigned entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Threads and descriptors go a little later than the sockets that they serve. */
static void expect_at_most(const char *path, unsigned most)
{
	int64_t end = monotonic_ms() + PROCESS_PATIENCE_MS;

	while (entries(path) > most && monotonic_ms() < end)
		sleep_ms(20);
	EXPECT_LE(entries(path), most);
}

/* A socket to the lobby, to which nothing is said: over TLS no handshake begins. */
static int come(void)
{
	struct url plain = *its_url();
	char text[300];

	if (plain.kind != URL_TLS)
		return raw_visit(plain.text);
	snprintf(text, sizeof text, "tcp://127.0.0.1:%u", plain.port);
	return raw_visit(text);
}

TEST(Silence, OfAThousandPeersKeepsNobodyOutAndIsBounded)
{
	for (int kind = 0; kind < KINDS; kind++) {
		unsigned threads, descriptors;
		int peers[SILENT_PEERS];

		start_server(url_of_kind(kind));
		gt_about(its_url()->text);
		expect_host_is_welcome();	/* what is opened once is open then */
		threads = entries("/proc/self/task");
		descriptors = entries("/proc/self/fd");
		for (int i = 0; i < SILENT_PEERS; i++) {
			peers[i] = come();
			if (i % 250 == 249)
				expect_host_is_welcome();
		}
		EXPECT_TRUE(is_hung_up(peers[0], PROCESS_PATIENCE_MS));
		expect_at_most("/proc/self/task", threads + OF_A_RELAY * PLACES);
		expect_at_most("/proc/self/fd", descriptors + SILENT_PEERS + 4 * PLACES);
		expect_host_is_welcome();
		for (int i = 0; i < SILENT_PEERS; i++)
			close(peers[i]);
		expect_at_most("/proc/self/task", threads);
		expect_at_most("/proc/self/fd", descriptors);
		stop_server();
	}
}

/* What a peer says before it falls silent; in time it is sent away. */
static void expect_patience_ends(const void *bytes, size_t len)
{
	int fd = come();

	ASSERT_EQ(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	expect_host_is_welcome();
	EXPECT_TRUE(is_hung_up(fd, PROCESS_PATIENCE_MS));
	close(fd);
}

TEST(Silence, AfterHalfAJoinEndsTheConnection)
{
	static const uint8_t half[] = { 100, 0, 0, 0, TLPB_FRAME_JOIN, 0 };
	static const uint8_t hello[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };

	start_server(ipc_url());
	expect_patience_ends(half, sizeof half);
	expect_patience_ends(half, 2);
	stop_server();
	start_server("tls+tcp://localhost:0");
	expect_patience_ends(hello, sizeof hello);
	stop_server();
}

TEST(Strangers, AreToldApartSentAwayAndToldOfNowAndThen)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{ "\xff\xff\xff\xff", "said something that is not of tlpbridge" },	/* 4 GiB */
		{ "\0SP\0\0\x30\0\0", "speak nng's protocol" },
		{ "GET / HTTP/1.0\r\n\r\n", "speak HTTP" },
		{ "\x16\x03\x01\x02\0\1\0\1", "speak TLS" },
	};
	enum { TIMES = 9, LINES = 4 };	/* at 1, 2, 4 and 8 */

	start_server("tcp://127.0.0.1:0");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		gt_about(rows[i].text);
		catch_log();
		for (int n = 0; n < TIMES; n++) {
			int fd = come();

			EXPECT_EQ(send(fd, rows[i].bytes, 4, MSG_NOSIGNAL), 4);
			EXPECT_TRUE(is_hung_up(fd, PROCESS_PATIENCE_MS));
			close(fd);
		}
		EXPECT_TRUE(log_has(rows[i].text));
		EXPECT_EQ(log_lines(), LINES);
	}
	expect_host_is_welcome();
	stop_server();
}

TEST(Strangers, WhoDoNotJoinAreAnswered)
{
	struct lobby_answer a;

	start_server(ipc_url());
	a = raw_ask(its_url()->text, "hello", 5);
	EXPECT_EQ(a.kind, TLPB_FRAME_REFUSE);
	EXPECT_EQ(a.refuse.reason, TLPB_REASON_PROTOCOL);
	EXPECT_TRUE(log_has("not a JOIN"));
	stop_server();
}

/* ---- handshakes that fail ---- */

static void say_and_leave(const char *bytes, size_t len, bool reset)
{
	struct linger hard = { 1, 0 };
	int fd = come();

	if (len)
		EXPECT_EQ(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

static void garbage(void) { say_and_leave("GET / HTTP/1.0\r\n\r\n", 18, false); }
static void nothing(void) { say_and_leave("", 0, false); }
static void killed(void) { say_and_leave("", 0, true); }
static void half_a_hello(void) { say_and_leave("\x16\3\1\2\0\1\0\1\xfc\3\3", 11, false); }

static void shake_hands(const struct transport_security *security)
{
	struct tls_relay *relay[AT_ONCE];
	struct pollfd p[AT_ONCE];
	char why[256] = "";

	for (int i = 0; i < AT_ONCE; i++) {
		ASSERT_EQ(tlpb__tls_relay_dial(its_url(), security, VERIFY_ALL, &relay[i], &p[i].fd, why,
					       sizeof why), 0);
		p[i].events = POLLIN;
	}
	for (int i = 0; i < AT_ONCE; i++) {
		EXPECT_EQ(poll(&p[i], 1, PROCESS_PATIENCE_MS), 1);
		EXPECT_GT(atomic_load(&relay[i]->outcome), RELAY_THROUGH);
		close(p[i].fd);
		tlpb__tls_relay_let_go(relay[i]);
	}
}

static void no_certificate(void)
{
	struct transport_security security = { .ca = certificate(OURS, "ca.pem"),
					       .server_name = "localhost" };

	shake_hands(&security);
}

static void wrong_authority(void)
{
	struct transport_security security = certificates(THEIRS, OURS);

	shake_hands(&security);
}

static void wrong_certificate(void)
{
	struct transport_security security = certificates(OURS, THEIRS);

	shake_hands(&security);
}

TEST(Handshakes, ThatFailTouchNobodyElse)
{
	static const struct {
		const char *name;
		void (*fail)(void);
		int times;
	} rows[] = {
		{ "plain text", garbage, EACH_KIND },
		{ "connect and leave", nothing, EACH_KIND },
		{ "connect and be killed", killed, EACH_KIND },
		{ "half a ClientHello", half_a_hello, EACH_KIND },
		{ "no certificate", no_certificate, EACH_KIND / AT_ONCE },
		{ "another authority", wrong_authority, EACH_KIND / AT_ONCE },
		{ "a certificate of another one", wrong_certificate, EACH_KIND / AT_ONCE },
	};
	unsigned threads, descriptors;

	start_server("tls+tcp://localhost:0");
	expect_host_is_welcome();
	threads = entries("/proc/self/task");
	descriptors = entries("/proc/self/fd");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t start;

		gt_about(rows[i].name);
		for (int n = 0; n < rows[i].times; n++)
			rows[i].fail();
		start = monotonic_ms();
		expect_host_is_welcome();
		printf("after %d of \"%s\": served in %d ms\n", EACH_KIND, rows[i].name,
		       (int)(monotonic_ms() - start));
	}
	EXPECT_TRUE(log_has("failed in the TLS handshake"));
	expect_at_most("/proc/self/task", threads);
	expect_at_most("/proc/self/fd", descriptors);
	stop_server();
}
