/* SPDX-License-Identifier: MIT */
/* The host's face against tlpbridge-serve, over everything but ipc. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest.h"
#include "over.h"

enum { SHORT_MS = 1500, PATIENT_MS = 30 * 1000 };

static struct process *server;

static void start(void)
{
	processes_end();
	host_security = (struct tlpb_rc_config){ .url = NULL };
}

static void expect_refusal(const char *url, int err, const char *text)
{
	EXPECT_EQ(host_connect(url, NULL, err == TLPB_ERR_TIMEDOUT ? SHORT_MS : PATIENT_MS), err);
	if (!strstr(host.why, text))
		gt_fail(GT_SITE("", ""), "\"%s\" does not say \"%s\"", host.why, text);
}

static void expect_hosts_are_served(const char *url)
{
	for (int i = 0; i < 2; i++) {
		host_start(url);
		expect_traffic();
		host_stop();
	}
}

TEST(Tcp, HostsAreServedOneAfterTheOther)
{
	start();
	expect_hosts_are_served(serve_over(OVER_TCP, 1, &server));
	EXPECT_EQ(process_stop(server), 0);
}

static void throw_garbage(const char *url, const char *bytes, size_t len, bool reset)
{
	struct linger hard = { 1, 0 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	if (len)
		send(fd, bytes, len, MSG_NOSIGNAL);
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

static void expect_garbage_does_no_harm(const char *url)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";

	for (int i = 0; i < 3; i++) {
		kill(server->pid, SIGSTOP);
		throw_garbage(url, "", 0, false);
		throw_garbage(url, "", 0, true);
		throw_garbage(url, request, sizeof request, i & 1);
		kill(server->pid, SIGCONT);
		throw_garbage(url, "", 0, false);
		throw_garbage(url, request, sizeof request, false);
		throw_garbage(url, "\0SP", 3, false);
		host_start(url);
		host_stop();
	}
}

TEST(Tcp, ScannersAndGarbageDoNoHarm)
{
	start();
	expect_garbage_does_no_harm(serve_over(OVER_TCP, 1, &server));
	processes_end();
}

TEST(Tls, ScannersAndGarbageDoNoHarm)
{
	start();
	expect_garbage_does_no_harm(serve_over(OVER_TLS, 1, &server));
	processes_end();
}

TEST(Tcp, WhereNobodyListensTheCureIsNamed)
{
	start();
	expect_refusal("tcp://127.0.0.1:1", TLPB_ERR_TIMEDOUT, "nobody listens at tcp://127.0.0.1:1");
}

TEST(Tcp, ASecondServerAtThePortIsRefused)
{
	const char *url;
	struct process *second;

	start();
	url = serve_over(OVER_TCP, 1, &server);
	second = process_start((const char *const[]){ TLPB_SERVE, "endpoint-test", "--listen", url,
						      NULL });
	EXPECT_EQ(process_wait(second, PROCESS_PATIENCE_MS), 1);
	EXPECT_EQ(process_count_output(second, "another server listens at it"), 1);
	processes_end();
}

TEST(Tcp, BeyondLoopbackMustBeInsistedOnByBothSides)
{
	static const char *const plaintext[] = { "--plaintext", NULL };
	struct process *refused;

	start();
	refused = process_start((const char *const[]){ TLPB_SERVE, "endpoint-test", "--listen",
						       "tcp://0.0.0.0:0", NULL });
	EXPECT_EQ(process_wait(refused, PROCESS_PATIENCE_MS), 1);
	EXPECT_EQ(process_count_output(refused, "--plaintext"), 1);
	serve_at("tcp://0.0.0.0:0", plaintext, &server);
	expect_refusal("tcp://192.0.2.1:7000", TLPB_ERR_ACCESS, "plaintext=on");
	processes_end();
}

TEST(Tls, HostsWithACertificateAreServed)
{
	start();
	expect_hosts_are_served(serve_over(OVER_TLS, 1, &server));
	EXPECT_EQ(process_stop(server), 0);
}

TEST(Tls, WhatIsWrongWithTheCertificatesIsSaid)
{
	char url[300];

	start();
	snprintf(url, sizeof url, "%s", serve_over(OVER_TLS, 1, &server));
	trust(THEIRS, OURS);
	expect_refusal(url, TLPB_ERR_ACCESS, "is not signed by tls-ca=");
	trust(OURS, THEIRS);
	expect_refusal(url, TLPB_ERR_ACCESS, "refuses the certificate tls-cert=");
	trust(OURS, OURS);
	host_security.tls_server_name = "elsewhere";
	expect_refusal(url, TLPB_ERR_ACCESS, "not for the name \"elsewhere\"");
	host_security.tls_server_name = NULL;
	host_security.tls_cert = host_security.tls_key = NULL;
	expect_refusal(url, TLPB_ERR_ACCESS, "asks hosts for a certificate");
	host_security.tls_ca = NULL;
	expect_refusal(url, TLPB_ERR_INVALID, "needs tls-ca");
	trust(OURS, OURS);
	host_start(url);
	host_stop();
	processes_end();
}

TEST(Tls, APlainPeerIsToldSoOnEitherSide)
{
	char url[300], other[300];

	start();
	snprintf(url, sizeof url, "%s", serve_over(OVER_TLS, 1, &server));
	snprintf(other, sizeof other, "tcp://127.0.0.1%s", strrchr(url, ':'));
	expect_refusal(other, TLPB_ERR_TIMEDOUT, "it listens at tls+tcp://");
	processes_end();
	snprintf(url, sizeof url, "%s", serve_over(OVER_TCP, 1, &server));
	snprintf(other, sizeof other, "tls+tcp://localhost%s", strrchr(url, ':'));
	expect_refusal(other, TLPB_ERR_ACCESS, "speaks plain TCP, not TLS");
	processes_end();
}

static void expect_one_host_is_served(void)
{
	start();
	host_start(serve_over(OVER_FD, 1, &server));
	expect_traffic();
	host_stop();
	EXPECT_EQ(process_wait(server, PROCESS_PATIENCE_MS), 0);
	processes_end();
}

TEST(Fd, IsServedOnceAndTheServerEndsWithItsHost)
{
	expect_one_host_is_served();
}

TEST(Fd, IsServedOnceByAModelInCToo)
{
	setenv("TLPB_ENDPOINT_TEST", ENDPOINT_TEST_C, 1);
	expect_one_host_is_served();
	unsetenv("TLPB_ENDPOINT_TEST");
}

TEST(Fd, AnotherDeviceThanTheOneWantedIsRefused)
{
	start();
	EXPECT_EQ(host_connect(serve_over(OVER_FD, 1, &server), "nvme", PATIENT_MS), TLPB_ERR_REFUSED);
	EXPECT_NOT_NULL(strstr(host.why, "there is endpoint-test"));
	processes_end();
}

TEST(Fd, ThatIsNoSocketIsRefused)
{
	start();
	expect_refusal("fd:999", TLPB_ERR_INVALID, "fd:999 is not open");
}

TEST(Fd, AServerThatDiesIsNoticed)
{
	start();
	host_start(serve_over(OVER_FD, 1, &server));
	process_kill(server, SIGKILL);
	while (!tlpb_rc_process(host.rc))
		sleep_ms(1);
	EXPECT_EQ(host.down_reason, TLPB_REASON_LOST);
	host_stop();
	processes_end();
}
