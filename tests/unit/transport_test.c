/* SPDX-License-Identifier: MIT */
/* One suite for all transports: each test runs over each of them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <tlpbridge/wire.h>
#include <unistd.h>

#include "bytes.h"
#include "certificates.h"
#include "gtest.h"
#include "process.h"
#include "shm_pair.h"
#include "transport.h"
#include "transport_fault.h"
#include "url.h"
#include "whole.h"

enum { PATIENCE_MS = 60 * 1000, SMALL_QUEUE = 8, NUMBERED = 4096 };

static struct transport *ends[2];	/* of the running test */
static size_t largest;			/* bytes of a message */
static bool wants[2];			/* what want_send was told last */

static void connect_mem(void)
{
	ASSERT_EQ(tlpb__transport_mem_pair(SMALL_QUEUE, ends), 0);
}

static void connect_faultless(void)
{
	static const struct fault_plan no_fault = { .count = 0 };

	connect_mem();
	for (int i = 0; i < 2; i++)
		ends[i] = fault_new(ends[i], &no_fault);
}

static int dial(const char *text, const struct transport_security *security, struct transport **t,
		char *why, size_t size)
{
	struct url url;
	int err = tlpb__url_parse(text, &url, why, size);

	return err ? err : tlpb__transport_dial(&url, security, t, why, size);
}

static int listen_at(const char *text, const struct transport_security *security,
		     struct transport **t, struct url *url, char *why, size_t size)
{
	int err = tlpb__url_parse(text, url, why, size);

	return err ? err : tlpb__transport_listen(url, security, t, why, size);
}

static void connect_by(const char *text, const struct transport_security *server,
		       const struct transport_security *host)
{
	char why[512] = "";
	struct url url;

	if (listen_at(text, server, &ends[0], &url, why, sizeof why))
		FAIL("%s", why);
	if (dial(url.text, host, &ends[1], why, sizeof why))
		FAIL("%s", why);
}

static const char *private_url(void)
{
	static char url[300];

	snprintf(url, sizeof url, "ipc://%s", test_path("pair.sock"));
	return url;
}

static void connect_ipc(void)
{
	connect_by(private_url(), NULL, NULL);
}

static void connect_tcp(void)
{
	connect_by("tcp://127.0.0.1:0", NULL, NULL);
}

static void connect_tls(void)
{
	struct transport_security server = {
		.ca = certificate(OURS, "ca.pem"), .cert = certificate(OURS, "localhost.pem"),
		.key = certificate(OURS, "localhost.key"),
	}, host = {
		.ca = certificate(OURS, "ca.pem"), .cert = certificate(OURS, "qemu.pem"),
		.key = certificate(OURS, "qemu.key"), .server_name = "localhost",
	};

	connect_by("tls+tcp://127.0.0.1:0", &server, &host);
}

static void connect_inproc(void)
{
	connect_by("inproc://transport-test", NULL, NULL);
}

static void connect_fds(const int fds[2])
{
	char why[256] = "";

	for (int i = 0; i < 2; i++)
		if (tlpb__transport_stream_new(fds[i], &ends[i], why, sizeof why))
			FAIL("%s", why);
}

static void connect_fd_unix(void)
{
	int fds[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	connect_fds(fds);
}

static void connect_fd_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fds[2];
	socklen_t len = sizeof a;

	ASSERT_EQ(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	ASSERT_EQ(listen(listener, 1), 0);
	ASSERT_EQ(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(connect(fds[0], (struct sockaddr *)&a, sizeof a), 0);
	fds[1] = accept(listener, NULL, NULL);
	close(listener);
	connect_fds(fds);
}

/* A message of the largest size fits, with what makes it whole. */
static void connect_shm(void)
{
	largest = TLPB_MESSAGE_MAX - WHOLE_BYTES;
	shm_pair_new(2 * TLPB_MESSAGE_MAX, ends, NULL);
	for (int i = 0; i < 2; i++)
		ends[i] = whole_new(ends[i]);
}

static const struct kind {
	const char *name;
	void (*connect)(void);
} kinds[] = {
	{ "in memory", connect_mem }, { "in memory, behind faults", connect_faultless },
	{ "ipc", connect_ipc }, { "tcp", connect_tcp }, { "tls+tcp", connect_tls },
	{ "inproc", connect_inproc }, { "fd, unix", connect_fd_unix },
	{ "fd, tcp", connect_fd_tcp }, { "shared memory", connect_shm },
};

static void close_end(int i, int linger_ms)
{
	if (ends[i])
		ends[i]->ops->close(ends[i], linger_ms);
	ends[i] = NULL;
}

static void over_each(void (*body)(void))
{
	for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		processes_end();	/* a fresh directory */
		gt_about(kinds[i].name);
		wants[0] = wants[1] = false;
		largest = TLPB_MESSAGE_MAX;
		kinds[i].connect();
		body();
		close_end(0, 0);
		close_end(1, 0);
	}
	processes_end();
}

/* TEST(Transport, Name) whose body runs over each kind. */
#define TRANSPORT_TEST(name) \
	static void name##_body(void); \
	TEST(Transport, name) { over_each(name##_body); } \
	static void name##_body(void)

static bool readable(int i, int timeout_ms)
{
	struct pollfd p = { .fd = ends[i]->ops->fd(ends[i]), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static void want_send(int i, bool want)
{
	wants[i] = want;
	ends[i]->ops->want_send(ends[i], want);
}

/*
 * Sleep until end i has something to say. The other one's owner is awake, too: a transport
 * without threads of its own moves on only when its owner comes.
 */
static void sleep_until_readable(int i)
{
	struct pollfd p[2] = { { .fd = ends[i]->ops->fd(ends[i]), .events = POLLIN },
			       { .fd = ends[!i] ? ends[!i]->ops->fd(ends[!i]) : -1,
				 .events = POLLIN } };

	ASSERT_GT(poll(p, 2, PATIENCE_MS), 0);
	if (p[0].revents)
		return;
	want_send(!i, wants[!i]);
	sleep_ms(1);		/* it may have messages that nobody reads now */
}

static int send_now(int i, const void *data, size_t len)
{
	return ends[i]->ops->send(ends[i], data, len);
}

/* Sends, and waits for room as the link does. */
static void send_patiently(int i, const void *data, size_t len)
{
	int err = send_now(i, data, len);

	while (err == TLPB_ERR_AGAIN) {
		want_send(i, true);
		sleep_until_readable(i);
		err = send_now(i, data, len);
	}
	want_send(i, false);
	ASSERT_EQ(err, 0);
}

static int recv_now(int i, struct message *m)
{
	return ends[i]->ops->recv(ends[i], m);
}

/* Receives, and waits for it as the link does: look first, then sleep. */
static int recv_patiently(int i, struct message *m)
{
	int err;

	while ((err = recv_now(i, m)) == TLPB_ERR_AGAIN)
		sleep_until_readable(i);
	return err;
}

static void release(int i, struct message *m)
{
	ends[i]->ops->release(ends[i], m);
}

static void expect_number(int i, uint32_t number)
{
	struct message m;

	ASSERT_EQ(recv_patiently(i, &m), 0);
	ASSERT_GE(m.len, 4);
	ASSERT_EQ(get_le32(m.data), number);
	release(i, &m);
}

static void send_number(int i, uint32_t number)
{
	uint8_t bytes[4];

	put_le32(bytes, number);
	send_patiently(i, bytes, 4);
}

TRANSPORT_TEST(MessagesComeWholeAndInOrderBothWays)
{
	for (uint32_t n = 0; n < 1000; n++) {
		send_number(0, n);
		send_number(1, ~n);
		expect_number(1, n);
		expect_number(0, ~n);
	}
}

TRANSPORT_TEST(AMessageOfTheLargestSizeComesWhole)
{
	uint8_t *big = malloc(largest);
	struct message m;

	for (size_t i = 0; i < largest; i++)
		big[i] = (uint8_t)(i * 31 + i / 251);
	for (int n = 0; n < 5; n++) {
		send_patiently(0, big, largest);
		ASSERT_EQ(recv_patiently(1, &m), 0);
		EXPECT_EQ(m.len, largest);
		EXPECT_MEMEQ(m.data, big, largest);
		release(1, &m);
	}
	free(big);
}

TRANSPORT_TEST(AnEmptyMessageIsAMessage)
{
	struct message m;

	send_patiently(0, "", 0);
	ASSERT_EQ(recv_patiently(1, &m), 0);
	EXPECT_EQ(m.len, 0);
	release(1, &m);
}

TRANSPORT_TEST(MessagesMayBeKeptWhileLaterOnesArrive)
{
	struct message kept[5];

	for (uint32_t n = 0; n < 5; n++)
		send_number(0, n);
	for (int n = 0; n < 5; n++)
		ASSERT_EQ(recv_patiently(1, &kept[n]), 0);
	for (uint32_t n = 0; n < 5; n++) {
		EXPECT_EQ(get_le32(kept[n].data), n);
		release(1, &kept[n]);
	}
}

/* Nothing to say; a look too many is allowed for the peer's arrival. */
static void expect_quiet(int i)
{
	struct message m;
	int looks = 0;

	do
		EXPECT_EQ(recv_now(i, &m), TLPB_ERR_AGAIN);
	while (readable(i, 20) && ++looks < 5);
	EXPECT_LT(looks, 5);
}

/* Fills the way to the peer with numbered messages; returns how many it took. */
static uint32_t send_until_full(int i)
{
	uint8_t bytes[NUMBERED] = { 0 };
	uint32_t n = 0;

	for (int quiet = 0; quiet < 20;) {
		put_le32(bytes, n);
		int err = send_now(i, bytes, sizeof bytes);

		ASSERT_TRUE(err == 0 || err == TLPB_ERR_AGAIN);
		n += !err;
		quiet = err ? quiet + 1 : 0;
		if (err)
			sleep_ms(5);	/* what is on its way may still make room */
		ASSERT_LT(n, 1000000);
	}
	return n;
}

TRANSPORT_TEST(BackPressureLosesNothing)
{
	uint32_t sent = send_until_full(0);

	EXPECT_GT(sent, 0);
	for (uint32_t n = 0; n < sent; n++)
		expect_number(1, n);
	for (uint32_t n = 0; n < 100; n++) {
		send_number(0, n);
		expect_number(1, n);
	}
}

TRANSPORT_TEST(TheDescriptorTellsOfRoomOnlyWhenAsked)
{
	uint32_t sent = send_until_full(0);
	struct message m;

	expect_quiet(0);
	want_send(0, true);
	EXPECT_FALSE(readable(0, 20));
	for (uint32_t n = 0; n < sent; n++)
		expect_number(1, n);
	EXPECT_TRUE(readable(0, PATIENCE_MS));
	want_send(0, false);
	EXPECT_EQ(recv_now(0, &m), TLPB_ERR_AGAIN);
	EXPECT_FALSE(readable(0, 20));
}

/* The link sends, finds no room, looks for messages, and only then sleeps. */
TRANSPORT_TEST(RoomThatCameBeforeALookForMessagesIsNotForgotten)
{
	uint32_t sent = send_until_full(0);
	struct message m;

	want_send(0, true);
	for (uint32_t n = 0; n < sent; n++)
		expect_number(1, n);
	EXPECT_TRUE(readable(0, PATIENCE_MS));
	EXPECT_EQ(recv_now(0, &m), TLPB_ERR_AGAIN);
	EXPECT_TRUE(readable(0, PATIENCE_MS));
}

TRANSPORT_TEST(TheDescriptorIsReadableExactlyWhileThereAreMessages)
{
	expect_quiet(1);
	send_number(0, 1);
	send_number(0, 2);
	EXPECT_TRUE(readable(1, PATIENCE_MS));
	expect_number(1, 1);
	EXPECT_TRUE(readable(1, PATIENCE_MS));
	expect_number(1, 2);
	expect_quiet(1);
}

TRANSPORT_TEST(APeerThatLeftIsSeenAfterItsLastMessage)
{
	struct message m;

	for (uint32_t n = 0; n < 5; n++)
		send_number(0, n);
	EXPECT_TRUE(readable(1, PATIENCE_MS));
	close_end(0, 1000);	/* TLS sends on threads of its own */
	for (uint32_t n = 0; n < 5; n++)
		expect_number(1, n);
	EXPECT_EQ(recv_patiently(1, &m), TLPB_ERR_CLOSED);
	EXPECT_EQ(recv_now(1, &m), TLPB_ERR_CLOSED);
	EXPECT_EQ(send_now(1, "x", 1), TLPB_ERR_CLOSED);
	EXPECT_TRUE(readable(1, 0));
}

static void *close_later(void *arg)
{
	sleep_ms(50);
	close_end(1, 0);
	return NULL;
}

TRANSPORT_TEST(ClosingDoesNotWaitForAPeerWhenNotAskedTo)
{
	long long start = now_ms();

	close_end(0, 0);
	EXPECT_LT(now_ms() - start, 5000);
}

TRANSPORT_TEST(LingeringEndsWhenThePeerLeaves)
{
	long long start = now_ms();
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, close_later, NULL), 0);
	send_number(0, 7);
	close_end(0, PATIENCE_MS);
	EXPECT_LT(now_ms() - start, PATIENCE_MS / 2);
	pthread_join(thread, NULL);
}

static atomic_uint pumped;	/* sides that have sent and received everything */

/* Both sides pump at full speed through a small queue: a lost wake-up would hang. */
struct pumping {
	int self;
	uint32_t count;
};

static void *pump(void *arg)
{
	struct pumping *p = arg;
	struct transport *t = ends[p->self];
	uint32_t sent = 0, got = 0;
	uint8_t bytes[4];
	struct message m;

	while (sent < p->count || got < p->count) {
		while (sent < p->count) {
			put_le32(bytes, sent);
			if (t->ops->send(t, bytes, 4))
				break;
			sent++;
		}
		t->ops->want_send(t, sent < p->count);
		if (!t->ops->recv(t, &m)) {
			EXPECT_EQ(get_le32(m.data), got);
			got++;
			t->ops->release(t, &m);
		} else if (sent == p->count && got == p->count) {
			break;
		} else if (!readable(p->self, PATIENCE_MS)) {
			EXPECT_EQ(got, p->count);
			break;
		}
	}
	EXPECT_EQ(sent, p->count);
	for (pumped++; pumped < 2; sleep_ms(1))		/* a part of the last may be held still */
		t->ops->want_send(t, false);
	return NULL;
}

TRANSPORT_TEST(TwoThreadsThatSendAndReceiveAtOnceNeverStall)
{
	struct pumping a = { 0, 20000 }, b = { 1, 20000 };
	pthread_t thread;

	pumped = 0;
	ASSERT_EQ(pthread_create(&thread, NULL, pump, &b), 0);
	pump(&a);
	pthread_join(thread, NULL);
}

/* Sends until the peer is gone. */
static void *babble(void *arg)
{
	struct transport *t = arg;
	int err = 0;

	while (!err || err == TLPB_ERR_AGAIN) {
		err = t->ops->send(t, (const uint8_t *)"babble", 6);
		if (err == TLPB_ERR_AGAIN)
			sleep_ms(1);
	}
	return NULL;
}

/* The other end is another thread's. */
static int recv_alone(int i, struct message *m)
{
	int err;

	while ((err = recv_now(i, m)) == TLPB_ERR_AGAIN)
		if (!readable(i, PATIENCE_MS))
			return TLPB_ERR_TIMEDOUT;
	return err;
}

/* Whoever is dropped may still be talking: the close of a server must not hang on it. */
static void close_on_babble(void (*connect)(void), int i, int linger_ms)
{
	pthread_t thread;
	struct message m;

	processes_end();
	connect();
	ASSERT_EQ(pthread_create(&thread, NULL, babble, ends[!i]), 0);
	for (int n = 0; n < 20; n++) {
		ASSERT_EQ(recv_alone(i, &m), 0);
		release(i, &m);
	}
	close_end(i, linger_ms);
	pthread_join(thread, NULL);
	close_end(!i, 0);
}

TEST(Transport, ClosingWhileThePeerTalksNeverHangs)
{
	for (unsigned kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
		gt_about(kinds[kind].name);
		alarm(120);
		for (int n = 0; n < 60; n++)
			close_on_babble(kinds[kind].connect, n % 2, n % 4 ? 0 : 10);
		alarm(0);
	}
	processes_end();
}

/* ---- TCP only ---- */

/* Does the descriptor belong to a connection over TCP? */
static bool is_tcp_connection(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;

	return !getpeername(fd, (struct sockaddr *)&a, &len) && a.ss_family == AF_INET;
}

/* Nagle's algorithm and delayed acknowledgements together hold small messages back for 40 ms. */
static void expect_no_delay(void)
{
	unsigned connections = 0;

	for (int fd = 0; fd < 256; fd++) {
		int no_delay = 0;
		socklen_t len = sizeof no_delay;

		if (!is_tcp_connection(fd))
			continue;
		connections++;
		EXPECT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len), 0);
		EXPECT_EQ(no_delay, 1);
	}
	EXPECT_EQ(connections, 2);
}

TEST(TransportTcp, SmallMessagesAreNotHeldBack)
{
	static const struct kind over_tcp[] = {
		{ "tcp", connect_tcp }, { "fd, tcp", connect_fd_tcp }, { "tls+tcp", connect_tls },
	};

	for (unsigned i = 0; i < sizeof over_tcp / sizeof over_tcp[0]; i++) {
		processes_end();
		gt_about(over_tcp[i].name);
		over_tcp[i].connect();
		send_number(0, 1);
		expect_number(1, 1);
		expect_no_delay();
		close_end(0, 0);
		close_end(1, 0);
	}
	processes_end();
}

TEST(TransportTcp, BeyondLoopbackWithoutTlsIsRefusedUnlessWanted)
{
	static const struct transport_security wanted = { .plaintext = true };
	struct transport *t = NULL;
	char why[512] = "";
	struct url url;

	EXPECT_EQ(listen_at("tcp://0.0.0.0:0", NULL, &t, &url, why, sizeof why), TLPB_ERR_ACCESS);
	EXPECT_NOT_NULL(strstr(why, "plaintext=on"));
	EXPECT_EQ(dial("tcp://192.0.2.1:9", NULL, &t, why, sizeof why),
		  TLPB_ERR_ACCESS);
	EXPECT_NOT_NULL(strstr(why, "plaintext=on"));
	EXPECT_NULL(t);
	ASSERT_EQ(listen_at("tcp://0.0.0.0:0", &wanted, &t, &url, why, sizeof why), 0);
	EXPECT_GT(url.port, 0);
	t->ops->close(t, 0);
}

/* ---- socket files only ---- */

TEST(TransportTls, AKeyThatIsNotTheCertificatesIsRefusedAtOnce)
{
	struct transport_security server = {
		.ca = certificate(OURS, "ca.pem"), .cert = certificate(OURS, "localhost.pem"),
		.key = certificate(OURS, "qemu.key"),
	};
	struct transport *t = NULL;
	char why[512] = "";
	struct url url;

	ASSERT_EQ(listen_at("tls+tcp://127.0.0.1:0", &server, &t, &url, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "qemu.key is not the key of the certificate tls-cert="));
	EXPECT_NOT_NULL(strstr(why, "localhost.pem"));
}

TEST(TransportIpc, ThePrivateSocketIsForItsOwnerAloneAndVanishesWithThePeer)
{
	struct message m;
	struct stat st;

	processes_end();
	connect_ipc();
	ASSERT_EQ(stat(test_path("pair.sock"), &st), 0);
	EXPECT_EQ(st.st_mode & 0777, 0600);
	while (recv_now(0, &m) == TLPB_ERR_AGAIN && !stat(test_path("pair.sock"), &st))
		sleep_ms(2);
	EXPECT_NE(stat(test_path("pair.sock"), &st), 0);
	close_end(0, 0);
	close_end(1, 0);
	processes_end();
}

TEST(TransportIpc, ASecondPeerDoesNotHarmTheFirst)
{
	char why[256];
	struct transport *second = NULL;
	struct message m;

	processes_end();
	connect_ipc();
	send_number(0, 76);	/* it is the first: who dials next may be accepted before it else */
	expect_number(1, 76);
	dial(private_url(), NULL, &second, why, sizeof why);
	for (int i = 0; i < 20; i++) {		/* time for its arrival and departure */
		ASSERT_EQ(recv_now(0, &m), TLPB_ERR_AGAIN);
		sleep_ms(5);
	}
	if (second)
		second->ops->close(second, 0);
	sleep_ms(50);
	ASSERT_EQ(recv_now(0, &m), TLPB_ERR_AGAIN);
	send_number(1, 77);
	expect_number(0, 77);
	send_number(0, 78);
	expect_number(1, 78);
	close_end(0, 0);
	close_end(1, 0);
	processes_end();
}

TEST(TransportIpc, NobodyAtTheUrlIsAnErrorWithAReason)
{
	struct transport *t = NULL;
	char why[256] = "";

	processes_end();
	EXPECT_LT(dial(private_url(), NULL, &t, why, sizeof why), 0);
	EXPECT_NOT_NULL(strstr(why, "pair.sock"));
	processes_end();
}

TEST(TransportIpc, WhoSpeaksSomethingElseIsSentAwayAndThePeerStillCanCome)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct transport *peer = NULL;
	char why[256] = "", byte;
	int stranger[20];

	processes_end();
	ASSERT_EQ(listen_at(private_url(), NULL, &ends[0], &(struct url){ 0 }, why, sizeof why), 0);
	snprintf(un.sun_path, sizeof un.sun_path, "%s", test_path("pair.sock"));
	for (int i = 0; i < 20; i++) {
		stranger[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		ASSERT_EQ(connect(stranger[i], (struct sockaddr *)&un, sizeof un), 0);
		if (i % 2)
			ASSERT_EQ(send(stranger[i], "GET / HTTP/1.1", 14, MSG_NOSIGNAL), 14);
		recv_now(0, &(struct message){ 0 });
	}
	ASSERT_EQ(dial(private_url(), NULL, &peer, why, sizeof why), 0);
	ends[1] = peer;
	send_number(1, 5);
	expect_number(0, 5);
	for (int i = 0; i < 20; i++) {		/* the greeting, and the end */
		while (recv(stranger[i], &byte, 1, 0) > 0)
			;
		close(stranger[i]);
	}
	close_end(0, 0);
	close_end(1, 0);
	processes_end();
}
