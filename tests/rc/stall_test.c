/* SPDX-License-Identifier: MIT */
/*
 * Small messages over TCP are not held back: with Nagle's algorithm each of the rounds below would
 * wait for the peer's delayed acknowledgement, 40 ms on Linux. Either side sends several small
 * messages that nobody answers, and then one that the other side waits for.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest.h"
#include "over.h"

enum {
	ROUNDS = 300, STALL_MS = 35,
	STALLS_MAX = ROUNDS / 2,	/* many, for machines with much to do */
	APART_US = 300,			/* what comes closer together may travel as one over TLS */
};

static struct process *server;

/* The host's: posted writes, each on its way before the next, then a read. */
static void writes_then_read(uint32_t n)
{
	for (uint32_t i = 0; i < 4; i++) {
		reg_write(REG_SRC, 4 * n + i);
		usleep(APART_US);
	}
	EXPECT_EQ(reg_read(REG_SRC), 4 * n + 3);
}

/* The device's, inside of a read: DMA of a few bytes, an interrupt, the completion. */
static void dma_inside_a_read(uint32_t n)
{
	if (n == 0) {
		reg_write(REG_SRC, RAM_BASE);
		reg_write(REG_DST, RAM_BASE + RAM_SIZE / 2);
		reg_write(REG_SIZE, 16);
		reg_write(REG_IRQ_TYPE, IRQ_MSIX);
		reg_write(REG_IRQ_NUMBER, 1);
	}
	EXPECT_EQ(reg_read(REG_READ_EFFECT) >> 16, 0);	/* it succeeded */
}

static unsigned stalls(void (*round)(uint32_t n))
{
	unsigned count = 0;

	for (uint32_t n = 0; n < ROUNDS; n++) {
		long long before = now_ms();

		round(n);
		count += now_ms() - before >= STALL_MS;
	}
	return count;
}

static void expect_no_stalls(const char *url)
{
	host_start(url);
	gt_about("writes, then a read");
	EXPECT_LT(stalls(writes_then_read), STALLS_MAX);
	gt_about("DMA inside a read");
	EXPECT_LT(stalls(dma_inside_a_read), STALLS_MAX);
	host_stop();
	processes_end();
}

static void start(void)
{
	processes_end();
	host_security = (struct tlpb_rc_config){ .url = NULL };
}

/* Two ends of a connection over TCP. */
static void connect_tcp(int fds[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof a;

	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	ASSERT_EQ(listen(listener, 1), 0);
	ASSERT_EQ(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	ASSERT_EQ(connect(fds[0], (struct sockaddr *)&a, sizeof a), 0);
	fds[1] = accept(listener, NULL, NULL);
	ASSERT_GE(fds[1], 0);
	close(listener);
}

TEST(Stall, NoneOverTcp)
{
	start();
	expect_no_stalls(serve_over(OVER_TCP, 1, &server));
}

TEST(Stall, NoneOverTls)
{
	start();
	expect_no_stalls(serve_over(OVER_TLS, 1, &server));
}

TEST(Stall, NoneOverAnInheritedTcpConnection)
{
	char inherited[32], url[32];
	int fds[2];

	start();
	connect_tcp(fds);
	snprintf(inherited, sizeof inherited, "fd:%d", fds[1]);
	snprintf(url, sizeof url, "fd:%d", fds[0]);
	serve_at(inherited, NULL, &server);
	close(fds[1]);
	expect_no_stalls(url);
}
