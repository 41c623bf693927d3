/* SPDX-License-Identifier: MIT */
/* Several devices, several hosts, one server: who gets what, and that nobody waits for nobody. */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "flow.h"
#include "gtest.h"
#include "over.h"

enum { ROUNDS = 100 };

static struct board a, b, c;

static void close_all(void)
{
	board_close(&a);
	board_close(&b);
	board_close(&c);
	processes_end();
}

/* ---- who gets what ---- */

TEST(Several, DevicesOfOneServerHaveNamesOfTheirOwn)
{
	struct process *server;

	close_all();
	server = process_start(flow_command((const char *const[]){ TLPB_SERVE, "endpoint-test", "--listen",
		url_of("s"), "--and", "endpoint-test", "--id", "1234:5678", "--and", "endpoint-test",
		"--name", "endpoint-test.1", NULL }));
	EXPECT_TRUE(process_wait_output(server, "listening at", PROCESS_PATIENCE_MS));
	EXPECT_NOT_NULL(strstr(process_output(server), ", device endpoint-test (104c:b500), "
			       "device endpoint-test.2 (1234:5678), device endpoint-test.1 (104c:b500)"));
	board_open(&a, url_of("s"), "endpoint-test.2", NULL);
	EXPECT_EQ(tlpb_rc_device(a.rc)->vendor_id, 0x1234);
	board_open(&b, url_of("s"), NULL, NULL);
	EXPECT_STREQ(tlpb_rc_device(b.rc)->name, "endpoint-test");
	board_open(&c, url_of("s"), NULL, NULL);
	EXPECT_STREQ(tlpb_rc_device(c.rc)->name, "endpoint-test.1");
	EXPECT_EQ(host_connect(url_of("s"), NULL, 1000), TLPB_ERR_REFUSED);
	EXPECT_NOT_NULL(strstr(host.why, "endpoint-test.2 (held by board["));
	board_close(&b);
	EXPECT_EQ(host_connect(url_of("s"), "endpoint-test", PROCESS_PATIENCE_MS), 0);
	host_stop();
	EXPECT_EQ(process_stop(server), 0);
	close_all();
}

static void expect_usage_error(const char *const argv[], const char *text)
{
	struct process *p = process_start(argv);

	EXPECT_EQ(process_wait(p, PROCESS_PATIENCE_MS), 2);
	EXPECT_NOT_NULL(strstr(process_output(p), text));
}

#define ARGV(...) (const char *const[]){ TLPB_SERVE, __VA_ARGS__, NULL }

TEST(Several, ACommandLineThatMakesNoSenseIsRefusedWithItsFault)
{
	close_all();
	expect_usage_error(ARGV("endpoint-test", "--listen", url_of("s"), "--and"), "--and needs a model");
	expect_usage_error(ARGV("endpoint-test", "--listen", url_of("s"), "--and", "toaster"),
			   "unknown model \"toaster\"");
	expect_usage_error(ARGV("endpoint-test", "--listen", url_of("s"), "--name", "x", "--and",
				"endpoint-test", "--name", "x"), "two devices are called \"x\"");
	expect_usage_error(ARGV("endpoint-test", "--and", "endpoint-test"), "--listen is missing");
	expect_usage_error(ARGV("endpoint-test", "--listen", "fd:3", "--and", "endpoint-test"),
			   "an inherited socket carries one device");
	expect_usage_error(ARGV("endpoint-test", "--listen", url_of("s"), "--and", "endpoint-test",
				"--colour"), "unknown option --colour");
	close_all();
}

TEST(Several, WhatOneDeviceKeepsTheOtherDoesNotSee)
{
	close_all();
	serve_several("s", 2);
	board_open(&a, url_of("s"), NULL, NULL);
	board_open(&b, url_of("s"), NULL, NULL);
	board_write(&a, 0, 0x11111111);
	board_write(&b, 0, 0x22222222);
	EXPECT_EQ(board_read(&a, 0), 0x11111111);
	EXPECT_EQ(board_read(&b, 0), 0x22222222);
	EXPECT_EQ(tlpb_rc_reset(a.rc, TLPB_RESET_HOT), 0);
	EXPECT_EQ(board_read(&b, 0), 0x22222222);
	close_all();
}

/* ---- over each transport: reads that do DMA and an interrupt before they complete ---- */

static void over_each(enum over last, void (*body)(enum over over))
{
	for (enum over over = OVER_IPC; over <= last; over++) {
		close_all();
		gt_about(over_name(over));
		body(over);
	}
	close_all();
}

/* TEST(Deadlock, name) whose body runs over each transport up to the last. */
#define DEADLOCK_TEST(name, last) \
	static void name##_body(enum over over); \
	TEST(Deadlock, name) { over_each(last, name##_body); } \
	static void name##_body(enum over over)

/* Two devices: of one server, or, where it can have but one, of two. */
static void serve_two(enum over over, const char *urls[2])
{
	struct process *server;

	urls[0] = serve_over(over, over == OVER_FD ? 1 : 2, &server);
	urls[1] = over == OVER_FD ? serve_over(over, 1, &server) : urls[0];
}

static struct board *const both[] = { &a, &b };

static void effect_in_a_group(const char *const urls[2])
{
	tlpb_rc_group *group;

	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	board_open(&a, urls[0], NULL, group);
	board_open(&b, urls[1], NULL, group);
	boards_effect(both, 2, ROUNDS);
	board_close(&a);
	board_close(&b);
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
}

DEADLOCK_TEST(NoneWithTwoDevicesOfOneServerInOneThread, OVER_FD)
{
	const char *urls[2];

	serve_two(over, urls);
	effect_in_a_group(urls);
}

/* The other one over the same transport, or over any other. */
DEADLOCK_TEST(NoneWithTwoDevicesOfTwoServersInOneThread, OVER_FD)
{
	for (enum over other = OVER_IPC; other <= over; other++) {
		struct process *servers[2];
		const char *const urls[] = { serve_over(over, 1, &servers[0]),
					     serve_over(other, 1, &servers[1]) };

		effect_in_a_group(urls);
	}
}

static void read_the_other(struct board *board)
{
	struct board *other = board == &a ? &b : &a;

	board->on_dma = NULL;		/* once a read */
	board_read(other, REG_READ_EFFECT);
}

/* The DMA of each reaches the other, whose read does DMA itself. */
DEADLOCK_TEST(NoneWhenTheDmaOfEachReadsTheOther, OVER_FD)
{
	tlpb_rc_group *group;
	const char *urls[2];

	serve_two(over, urls);
	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	board_open(&a, urls[0], NULL, group);
	board_open(&b, urls[1], NULL, group);
	board_program(&a, EFFECT_SIZE);
	board_program(&b, EFFECT_SIZE);
	for (unsigned i = 0; i < ROUNDS; i++) {
		a.on_dma = b.on_dma = read_the_other;
		board_read(&a, REG_READ_EFFECT);
		a.on_dma = b.on_dma = read_the_other;
		board_read(&b, REG_READ_EFFECT);
	}
	EXPECT_EQ(board_read(&a, REG_READ_EFFECT) >> 16, 0);
	EXPECT_GE(a.msis, 2 * ROUNDS);
	EXPECT_GE(b.msis, 2 * ROUNDS);
	board_close(&a);
	board_close(&b);
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
}

/* ---- several hosts ---- */

static void tell_by_environment(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static struct process *start_host(const char *url, const char *mode)
{
	tell_by_environment("RC_HOST_URL", url);
	tell_by_environment("RC_HOST_MODE", mode);
	tell_by_environment("RC_HOST_TLS_CA", host_security.tls_ca);
	tell_by_environment("RC_HOST_TLS_CERT", host_security.tls_cert);
	tell_by_environment("RC_HOST_TLS_KEY", host_security.tls_key);
	return process_start((const char *const[]){ RC_HOST, NULL });
}

static void expect_done(struct process *host)
{
	int status = process_wait(host, PROCESS_PATIENCE_MS);

	if (status)
		FAIL("status %d:\n%s", status, process_output(host));
}

/* Each host has so many of the server's devices. */
static void two_hosts(enum over over, unsigned devices, const char *mode)
{
	struct process *server, *first, *second;
	const char *url = serve_over(over, 2 * devices, &server);

	first = start_host(url, mode);
	second = start_host(url, mode);
	expect_done(first);
	expect_done(second);
}

DEADLOCK_TEST(NoneWithTwoHostsOnOneServer, OVER_TLS)
{
	two_hosts(over, 1, "effect");
}

DEADLOCK_TEST(NoneWithTwoHostsOfTwoDevicesEachOnOneServer, OVER_TLS)
{
	two_hosts(over, 2, "effect2");
}
