/* SPDX-License-Identifier: MIT */
/* From a URL to a link, and all that can be wrong on that way. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bytes.h"
#include "gtest.h"
#include "host.h"
#include "raw_lobby.h"
#include "raw_peer.h"
#include "transport.h"
#include "url.h"

enum {
	SHORT_MS = 600,		/* a connect timeout that is meant to end */
	PATIENT_MS = 20 * 1000,	/* one that only what hangs meets */
};

/* A connect that fails must say this, and must not take (much) longer than its timeout. */
static void expect_refusal(const char *url, const char *device, int err, const char *text)
{
	unsigned timeout = err == TLPB_ERR_REFUSED ? PATIENT_MS : SHORT_MS;
	long long start = now_ms();

	EXPECT_EQ(host_connect(url, device, timeout), err);
	EXPECT_LT(now_ms() - start, timeout + 9000);	/* less than the default */
	EXPECT_NULL(host.rc);
	if (!strstr(host.why, text))
		gt_fail(GT_SITE("", ""), "\"%s\" does not say \"%s\"", host.why, text);
}

static void expect_next_host_is_welcome(void)
{
	host_start(url_of("s"));
	EXPECT_EQ(run_command(COMMAND_WRITE, 0, RAM_BASE, 100) & STATUS_FAILED, 0);
	host_stop();
}

/* ---- URLs ---- */

TEST(Url, OfAnUnknownKindIsRefusedAtOnce)
{
	processes_end();
	expect_refusal("", NULL, TLPB_ERR_INVALID, "not a URL");
	expect_refusal("/tmp/x.sock", NULL, TLPB_ERR_INVALID, "ipc:///");
	expect_refusal("http://localhost", NULL, TLPB_ERR_INVALID, "ipc:///");
	expect_refusal("ipc:/x", NULL, TLPB_ERR_INVALID, "ipc:///");
	expect_refusal("ipc://", NULL, TLPB_ERR_INVALID, "path");
}

TEST(Url, TooLongForASocketIsRefusedAtOnce)
{
	char url[400] = "ipc:///tmp/";

	processes_end();
	memset(url + strlen(url), 'x', 200);
	expect_refusal(url, NULL, TLPB_ERR_INVALID, "characters");
}

TEST(Url, WhereNobodyListensTheCureIsNamed)
{
	processes_end();
	expect_refusal(url_of("nobody"), NULL, TLPB_ERR_TIMEDOUT, "nobody listens at");
	EXPECT_NOT_NULL(strstr(host.why, "tlpbridge-serve"));
	expect_refusal("ipc:///no/such/directory/s", NULL, TLPB_ERR_TIMEDOUT, "nobody listens at");
}

TEST(Url, AFileThatIsNoSocketIsNobody)
{
	FILE *file;

	processes_end();
	file = fopen(test_path("file"), "w");
	ASSERT_NOT_NULL(file);
	fclose(file);
	expect_refusal(url_of("file"), NULL, TLPB_ERR_TIMEDOUT, "nobody listens at");
}

TEST(Url, AServerMayStartLater)
{
	const char *words[16] = { "sh", "-c", "sleep 0.5; exec \"$@\"", "sh" };
	const char *const *command;
	pid_t shell;

	processes_end();
	command = serve_command(url_of("s"));
	for (int i = 4; i < 15 && *command; i++)
		words[i] = *command++;
	shell = process_start(words)->pid;
	EXPECT_GT(shell, 0);
	host_start(url_of("s"));
	host_stop();
	processes_end();
}

/* ---- silence ---- */

TEST(Silence, OfAServerThatIsStoppedIsNamed)
{
	struct process *server;

	processes_end();
	server = serve("s");
	kill(server->pid, SIGSTOP);
	expect_refusal(url_of("s"), NULL, TLPB_ERR_TIMEDOUT, "did not answer");
	EXPECT_NOT_NULL(strstr(host.why, "stopped"));
	kill(server->pid, SIGCONT);
	expect_next_host_is_welcome();
	processes_end();
}

TEST(Silence, OfSomethingThatOnlyAcceptsIsNamed)
{
	int fd;

	processes_end();
	fd = listen_silently(test_path("s"));
	expect_refusal(url_of("s"), NULL, TLPB_ERR_TIMEDOUT, "did not answer");
	close(fd);
}

TEST(Silence, OfSomethingThatHasNoRoomForMoreIsNamed)
{
	int fd, waiting[64], n = 0;

	processes_end();
	fd = listen_silently(test_path("s"));
	while (n < 64 && (waiting[n] = raw_try_visit(url_of("s"))) >= 0)
		n++;
	EXPECT_LT(n, 64);
	expect_refusal(url_of("s"), NULL, TLPB_ERR_TIMEDOUT, "did not answer");
	while (n--)
		raw_leave(waiting[n]);
	close(fd);
}

static void *accept_and_hang_up(void *arg)
{
	int fd;

	while ((fd = accept(*(int *)arg, NULL, NULL)) >= 0)
		close(fd);
	return NULL;
}

TEST(Silence, OfSomethingThatHangsUpIsNamed)
{
	pthread_t thread;
	int fd;

	processes_end();
	fd = listen_silently(test_path("s"));
	ASSERT_EQ(pthread_create(&thread, NULL, accept_and_hang_up, &fd), 0);
	expect_refusal(url_of("s"), NULL, TLPB_ERR_TIMEDOUT, "ended each without an answer");
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
}

static void connect_and_leave(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	EXPECT_EQ(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	close(fd);
}

/* As hosts do that give up on a server that is stopped. */
TEST(Silence, OfPeersThatLeaveBeforeTheyAreHeardDoesNoHarm)
{
	struct process *server;

	processes_end();
	server = serve("s");
	for (int i = 0; i < 3; i++) {
		kill(server->pid, SIGSTOP);
		connect_and_leave(test_path("s"));
		connect_and_leave(test_path("s"));
		kill(server->pid, SIGCONT);
		connect_and_leave(test_path("s"));
		expect_next_host_is_welcome();
	}
	processes_end();
}

/* ---- devices ---- */

TEST(Device, ThatIsTakenIsRefusedWithItsHolder)
{
	struct tlpb_rc_config config = { .url = NULL, .name = "first",
					 .connect_timeout_ms = PROCESS_PATIENCE_MS };
	tlpb_rc *first;

	processes_end();
	serve("s");
	config.url = url_of("s");
	ASSERT_EQ(tlpb_rc_connect(&config, &first, host.why, sizeof host.why), 0);
	expect_refusal(url_of("s"), NULL, TLPB_ERR_REFUSED, "in use");
	EXPECT_NOT_NULL(strstr(host.why, "endpoint-test (held by first["));
	expect_refusal(url_of("s"), "endpoint-test", TLPB_ERR_REFUSED, "held by first[");
	tlpb_rc_close(first);
	expect_next_host_is_welcome();
	processes_end();
}

TEST(Device, ThatDoesNotExistIsRefusedWithThoseThatDo)
{
	processes_end();
	serve("s");
	expect_refusal(url_of("s"), "nvme", TLPB_ERR_REFUSED, "no such device: nvme");
	EXPECT_NOT_NULL(strstr(host.why, "endpoint-test (free)"));
	expect_next_host_is_welcome();
	processes_end();
}

TEST(Device, IsFreeAgainAsSoonAsItsHostHasLeft)
{
	int slow = 0;

	processes_end();
	serve("s");
	for (int i = 0; i < 20; i++) {
		long long start = now_ms();

		host_start(url_of("s"));
		host_stop();
		slow += now_ms() - start >= 5000;
	}
	EXPECT_LT(slow, 10);	/* a busy machine is slow now and then, not mostly */
	processes_end();
}

/* ---- JOIN ---- */

TEST(Join, OfAnotherVersionIsRefusedWithBothVersions)
{
	struct join j = raw_join("", 1);
	struct lobby_answer a;

	processes_end();
	serve("s");
	j.version = 9;
	a = raw_send_join(url_of("s"), &j);
	ASSERT_EQ(a.kind, TLPB_FRAME_REFUSE);
	EXPECT_EQ(a.refuse.reason, TLPB_REASON_VERSION);
	EXPECT_EQ(a.refuse.version, TLPB_WIRE_VERSION);
	EXPECT_NOT_NULL(strstr(a.refuse.text, "host speaks 9, this server 1"));
	expect_next_host_is_welcome();
	processes_end();
}

TEST(Join, OfAVersionWithAnotherLayoutIsRefusedForItsVersion)
{
	static const uint8_t message[TLPB_FRAME_HEADER + 8] = {
		TLPB_FRAME_JOIN, 0, 0, 0, 8, [24] = 'T', 'L', 'P', 'B', 2, 0, 0, 0,
	};
	struct lobby_answer a;

	processes_end();
	serve("s");
	a = raw_ask(url_of("s"), message, sizeof message);
	ASSERT_EQ(a.kind, TLPB_FRAME_REFUSE);
	EXPECT_EQ(a.refuse.reason, TLPB_REASON_VERSION);
	processes_end();
}

TEST(Join, ThatRequiresWhatIsNotThereIsRefusedByName)
{
	struct join j = raw_join("", 1);
	struct lobby_answer a;

	processes_end();
	serve("s");
	j.required = TLPB_FEATURE_FLIT | 1ull << 50;
	a = raw_send_join(url_of("s"), &j);
	ASSERT_EQ(a.kind, TLPB_FRAME_REFUSE);
	EXPECT_EQ(a.refuse.reason, TLPB_REASON_FEATURE);
	EXPECT_NOT_NULL(strstr(a.refuse.text, "flit, bit 50"));
	processes_end();
}

TEST(Join, GarbageIsAnsweredAndTheLobbyLivesOn)
{
	uint8_t message[600];
	struct lobby_answer a;

	processes_end();
	serve("s");
	for (size_t len = 0; len < sizeof message; len = len * 2 + 1) {
		for (size_t i = 0; i < len; i++)
			message[i] = (uint8_t)(i * 73 + len);
		a = raw_ask(url_of("s"), message, len);
		EXPECT_EQ(a.kind, TLPB_FRAME_REFUSE);
		EXPECT_EQ(a.refuse.reason, TLPB_REASON_PROTOCOL);
	}
	expect_next_host_is_welcome();
	processes_end();
}

static struct lobby_answer ask_as(uint8_t token)
{
	struct join j = raw_join("", token);

	return raw_send_join(url_of("s"), &j);
}

TEST(Join, ThatIsSentAgainGetsTheSameGrant)
{
	struct join j = raw_join("", 1);
	struct lobby_answer a, b;
	int visits[2];

	processes_end();
	serve("s");
	a = raw_join_and_stay(url_of("s"), &j, &visits[0]);
	b = raw_join_and_stay(url_of("s"), &j, &visits[1]);
	ASSERT_EQ(a.kind, TLPB_FRAME_GRANT);
	ASSERT_EQ(b.kind, TLPB_FRAME_GRANT);
	EXPECT_STREQ(a.grant.url, b.grant.url);
	EXPECT_MEMEQ(a.grant.link_token, b.grant.link_token, TLPB_TOKEN);
	raw_leave(visits[0]);		/* the later one counts */
	EXPECT_EQ(ask_as(2).kind, TLPB_FRAME_REFUSE);
	raw_leave(visits[1]);
	EXPECT_EQ(ask_as(3).kind, TLPB_FRAME_GRANT);
	processes_end();
}

static void expect_removed(const char *path)
{
	for (int i = 0; i < 1000 && !access(path, F_OK); i++)
		sleep_ms(5);
	EXPECT_NE(access(path, F_OK), 0);
}

/* A host stays from JOIN until its link is up; one that was killed there never comes. */
TEST(Join, AGrantWhoseHostHasLeftIsFreeAtOnce)
{
	struct process *server;
	struct lobby_answer a, b;

	processes_end();
	server = serve("s");
	a = ask_as(1);
	b = ask_as(2);
	ASSERT_EQ(a.kind, TLPB_FRAME_GRANT);
	ASSERT_EQ(b.kind, TLPB_FRAME_GRANT);
	EXPECT_STRNE(b.grant.url, a.grant.url);
	expect_removed(a.grant.url + strlen("ipc://"));
	EXPECT_TRUE(process_wait_output(server, "did not take up its link", PROCESS_PATIENCE_MS));
	expect_removed(b.grant.url + strlen("ipc://"));
	expect_next_host_is_welcome();
	processes_end();
}

/* A slow host is still in the lobby: it is waited for, however many others ask. */
TEST(Join, AGrantDoesNotYieldWhileItsHostIsStillInTheLobby)
{
	struct join j = raw_join("", 1);
	struct lobby_answer a;
	int visit;

	processes_end();
	serve("s");
	a = raw_join_and_stay(url_of("s"), &j, &visit);
	ASSERT_EQ(a.kind, TLPB_FRAME_GRANT);
	for (uint8_t i = 2; i < 20; i++) {
		struct lobby_answer b = ask_as(i);

		ASSERT_EQ(b.kind, TLPB_FRAME_REFUSE);
		EXPECT_EQ(b.refuse.reason, TLPB_REASON_TAKEN);
		sleep_ms(100);
	}
	EXPECT_EQ(access(a.grant.url + strlen("ipc://"), F_OK), 0);
	raw_leave(visit);
	EXPECT_EQ(ask_as(20).kind, TLPB_FRAME_GRANT);
	processes_end();
}

/*
 * Hosts that gave up while the server was stopped: it reads their JOINs when it goes on, and
 * the device goes to the first of them. That must not be the answer of the next host.
 */
TEST(Join, OfHostsThatGaveUpDoNotKeepTheNextOneOut)
{
	struct process *server;

	processes_end();
	server = serve("s");
	for (int i = 0; i < 3; i++) {
		struct join j = raw_join("", (uint8_t)(i + 1));
		int visit = raw_visit(url_of("s"));

		kill(server->pid, SIGSTOP);
		raw_say_join(visit, &j);
		raw_leave(visit);
		kill(server->pid, SIGCONT);
		expect_next_host_is_welcome();
	}
	processes_end();
}

/* ---- the private link ---- */

static int dial_grant(const struct lobby_answer *a, struct transport **t, char *why, size_t size)
{
	struct url url;
	int err = tlpb__url_parse(a->grant.url, &url, why, size);

	return err ? err : tlpb__transport_dial(&url, NULL, t, why, size);
}

static int visit;	/* of the host that has the grant */

static struct transport *take_up(struct lobby_answer *a)
{
	struct join j = raw_join("", 1);
	struct transport *t = NULL;
	char why[256] = "";

	*a = raw_join_and_stay(url_of("s"), &j, &visit);
	ASSERT_EQ(a->kind, TLPB_FRAME_GRANT);
	if (dial_grant(a, &t, why, sizeof why))
		FAIL("%s", why);
	return t;
}

TEST(PrivateLink, RefusesAWrongToken)
{
	struct raw_peer raw;
	struct lobby_answer a;
	struct hello h;

	processes_end();
	serve("s");
	raw_start(&raw, take_up(&a));
	a.grant.link_token[3] ^= 1;
	h = raw_hello(TLPB_HOST, a.grant.link_token);
	raw_send_hello(&raw, &h);
	raw_listen(&raw, PROCESS_PATIENCE_MS);
	EXPECT_TRUE(raw.goodbye);
	EXPECT_EQ(raw.parting.reason, TLPB_REASON_TOKEN);
	EXPECT_FALSE(raw.hello);
	raw_stop(&raw);
	raw_leave(visit);
	expect_next_host_is_welcome();
	processes_end();
}

TEST(PrivateLink, IsForOnePeerOnly)
{
	struct transport *second = NULL;
	struct raw_peer raw;
	struct lobby_answer a;
	struct hello h;
	char why[256];

	processes_end();
	serve("s");
	raw_start(&raw, take_up(&a));
	dial_grant(&a, &second, why, sizeof why);	/* may fail: the better */
	h = raw_hello(TLPB_HOST, a.grant.link_token);
	raw_send_hello(&raw, &h);
	while (!raw.ready && !raw.closed)
		raw_listen(&raw, 1);
	EXPECT_TRUE(raw.ready);
	if (second)
		second->ops->close(second, 0);
	sleep_ms(100);
	raw_frame(&raw, TLPB_FRAME_TLP, 0, "\4\0\0\1\0\0\7\17\1\0\0", 12);
	while (!raw.tlps && !raw.closed)
		raw_listen(&raw, 1);
	EXPECT_EQ(get_le32(raw.last_tlp + 12), 0xb500104c);
	raw_stop(&raw);
	raw_leave(visit);
	expect_next_host_is_welcome();
	processes_end();
}

TEST(PrivateLink, GarbageEndsItWithAReasonAndTheServerLivesOn)
{
	struct raw_peer raw;
	struct lobby_answer a;

	processes_end();
	serve("s");
	for (size_t len = 0; len < 5000; len = len * 3 + 1) {
		uint8_t *bytes = malloc(len);

		memset(bytes, (int)len, len);
		raw_start(&raw, take_up(&a));
		raw_bytes(&raw, bytes, len);
		raw_listen(&raw, PROCESS_PATIENCE_MS);
		EXPECT_TRUE(raw.goodbye);
		EXPECT_EQ(raw.parting.reason, TLPB_REASON_PROTOCOL);
		raw_stop(&raw);
		raw_leave(visit);
		free(bytes);
	}
	expect_next_host_is_welcome();
	processes_end();
}

TEST(PrivateLink, ItsSocketFileIsPrivateAndGoesWithThePeer)
{
	struct join j = raw_join("", 1);
	struct transport *t = NULL;
	struct lobby_answer a;
	const char *path;
	char why[256];
	struct stat st;

	processes_end();
	serve("s");
	ASSERT_EQ(stat(test_path("s"), &st), 0);
	EXPECT_EQ(st.st_mode & 0777, 0600);
	a = raw_join_and_stay(url_of("s"), &j, &visit);
	path = a.grant.url + strlen("ipc://");
	ASSERT_EQ(stat(path, &st), 0);
	EXPECT_EQ(st.st_mode & 0777, 0600);
	ASSERT_EQ(dial_grant(&a, &t, why, sizeof why), 0);
	expect_removed(path);
	t->ops->close(t, 0);
	raw_leave(visit);
	processes_end();
}
