/* SPDX-License-Identifier: MIT */
/* Connections over TLS that are cut by somebody on the way, or closed before they came about. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certificates.h"
#include "door.h"
#include "gtest.h"
#include "process.h"
#include "transport.h"
#include "url.h"

enum {
	MESSAGE = 8 * 1024,	/* bytes */
	MESSAGES_MAX = 48,	/* more than the sockets and buffers on the way hold */
	SETTLED_MS = 50,
	CLOSED_AT_ONCE = 300,
};

/* ---- who is on the way: carries bytes of the host until told to cut the connection ---- */

static struct {
	int listener, host, server;
	unsigned server_port;
	pthread_t thread;
} way;

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static bool carry(int from, int to)
{
	char chunk[4096];
	ssize_t n = recv(from, chunk, sizeof chunk, 0);

	return n > 0 && send(to, chunk, (size_t)n, MSG_NOSIGNAL) == n;
}

static void *run_way(void *arg)
{
	struct sockaddr_in a = loopback(way.server_port);
	struct pollfd p[2];
	bool going = true;

	way.host = accept(way.listener, NULL, NULL);
	way.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	connect(way.server, (struct sockaddr *)&a, sizeof a);
	p[0] = (struct pollfd){ .fd = way.host, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = way.server, .events = POLLIN };
	while (going && poll(p, 2, -1) > 0)
		going = (!p[0].revents || carry(way.host, way.server)) &&
			(!p[1].revents || carry(way.server, way.host));
	return NULL;
}

static unsigned open_way(unsigned server_port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof a;

	way.server_port = server_port;
	way.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(bind(way.listener, (struct sockaddr *)&a, sizeof a), 0);
	ASSERT_EQ(listen(way.listener, 1), 0);
	ASSERT_EQ(getsockname(way.listener, (struct sockaddr *)&a, &len), 0);
	ASSERT_EQ(pthread_create(&way.thread, NULL, run_way, NULL), 0);
	return ntohs(a.sin_port);
}

/* As the end of a process does it: without a farewell of TLS. */
static void cut(void)
{
	shutdown(way.host, SHUT_RDWR);
	shutdown(way.server, SHUT_RDWR);
	pthread_join(way.thread, NULL);
	close(way.host);
	close(way.server);
	close(way.listener);
}

/* ---- a link ---- */

static struct transport *ends[2];	/* server, host */

static void connect_both(void)
{
	struct transport_security server = {
		.cert = certificate(OURS, "localhost.pem"), .key = certificate(OURS, "localhost.key"),
	}, host = { .ca = certificate(OURS, "ca.pem"), .server_name = "localhost" };
	char why[512] = "";
	struct url url;

	ASSERT_EQ(tlpb__url_parse("tls+tcp://127.0.0.1:0", &url, why, sizeof why), 0);
	if (tlpb__transport_listen(&url, &server, &ends[0], why, sizeof why))
		FAIL("%s", why);
	tlpb__url_set_port(&url, open_way(url.port));
	if (tlpb__transport_dial(&url, &host, &ends[1], why, sizeof why))
		FAIL("%s", why);
	EXPECT_STREQ(why, "");
}

static void close_both(void)
{
	for (int i = 0; i < 2; i++)
		ends[i]->ops->close(ends[i], 0);
}

static void wait_for(struct transport *t)
{
	struct pollfd p = { .fd = t->ops->fd(t), .events = POLLIN };

	poll(&p, 1, 100);
}

static void send_one(void)
{
	static const uint8_t message[MESSAGE];
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	int err;

	ends[1]->ops->want_send(ends[1], true);
	while ((err = ends[1]->ops->send(ends[1], message, sizeof message)) == TLPB_ERR_AGAIN &&
	       now_ms() < end)
		wait_for(ends[1]);
	ASSERT_EQ(err, 0);
	ends[1]->ops->want_send(ends[1], false);
}

/* 0 after a message, or TLPB_ERR_CLOSED. */
static int receive_one(void)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	struct message m;
	int err;

	while ((err = ends[0]->ops->recv(ends[0], &m)) == TLPB_ERR_AGAIN && now_ms() < end)
		wait_for(ends[0]);
	if (!err)
		ends[0]->ops->release(ends[0], &m);
	return err;
}

/* How many messages there are before the end. */
static unsigned receive_to_the_end(void)
{
	unsigned n = 0;
	int err;

	while (!(err = receive_one()))
		n++;
	EXPECT_EQ(err, TLPB_ERR_CLOSED);
	return n;
}

static unsigned entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void expect_at_most(const char *path, unsigned most)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (entries(path) > most && now_ms() < end)
		sleep_ms(20);
	EXPECT_LE(entries(path), most);
}

static void cut_after(unsigned messages)
{
	connect_both();
	send_one();
	ASSERT_EQ(receive_one(), 0);	/* the handshake is over */
	for (unsigned i = 0; i < messages; i++)
		send_one();
	sleep_ms(SETTLED_MS);	/* the receiving relay waits now, for the peer or for its owner */
	cut();
	sleep_ms(SETTLED_MS);
	EXPECT_LE(receive_to_the_end(), messages);
	close_both();
}

/*
 * However much is on the way: where the relay is just waiting for its owner to take the last
 * bytes, nng hears of the end while nobody receives.
 */
TEST(TlsLink, ThatIsCutEndsWhateverIsOnTheWay)
{
	unsigned threads, descriptors;

	cut_after(1);		/* what is opened once is open then */
	threads = entries("/proc/self/task");
	descriptors = entries("/proc/self/fd");
	for (unsigned messages = 0; messages < MESSAGES_MAX; messages++)
		cut_after(messages);
	expect_at_most("/proc/self/task", threads);
	expect_at_most("/proc/self/fd", descriptors);
}

static int accept_one(struct door *door)
{
	struct pollfd p = { .fd = door->ops->fd(door), .events = POLLIN };
	int fd;

	while ((fd = door->ops->accept(door)) < 0)
		ASSERT_EQ(poll(&p, 1, PROCESS_PATIENCE_MS), 1);
	return fd;
}

/* The relay's thread may not have begun to receive then. */
TEST(TlsRelay, WhoseSocketIsClosedAtOnceEndsThoughThePeerStays)
{
	struct transport_security security = {
		.cert = certificate(OURS, "localhost.pem"), .key = certificate(OURS, "localhost.key"),
	};
	int peers[CLOSED_AT_ONCE];
	struct sockaddr_in a;
	char why[512] = "";
	struct door *door;
	unsigned threads;
	struct url url;

	ASSERT_EQ(tlpb__url_parse("tls+tcp://127.0.0.1:0", &url, why, sizeof why), 0);
	if (tlpb__door_open(&url, &security, &door, why, sizeof why))
		FAIL("%s", why);
	a = loopback(url.port);
	threads = entries("/proc/self/task");
	for (int i = 0; i < CLOSED_AT_ONCE; i++) {
		peers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ASSERT_EQ(connect(peers[i], (struct sockaddr *)&a, sizeof a), 0);
		close(accept_one(door));
	}
	expect_at_most("/proc/self/task", threads);
	for (int i = 0; i < CLOSED_AT_ONCE; i++)
		close(peers[i]);
	door->ops->close(door);
}
