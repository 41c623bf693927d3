/* SPDX-License-Identifier: MIT */
/* Direct DMA with a peer that means no good: frames that make no sense, and memory that is none. */
#define _GNU_SOURCE	/* memfd_create() */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caught_log.h"
#include "direct.h"
#include "gtest.h"
#include "ep_private.h"
#include "rc_private.h"

enum { PAGE = 4096 };

static const struct grant_mem fine = { .function = 0, .writable = true, .addr = DIRECT_RAM_AT, .len = PAGE };

static struct grant_mem grant(int fd)
{
	struct grant_mem g = fine;

	g.pid = (uint32_t)getpid();
	g.fd = (uint32_t)fd;
	return g;
}

static void send_grant(const struct grant_mem *g)
{
	EXPECT_EQ(tlpb__link_send_grant(direct.rc->link, g), 0);
}

static unsigned windows(void)
{
	direct_settle();
	return direct_stats().windows;
}

/* A memory file of so many bytes with these seals. */
static int file(off_t size, unsigned flags, int seals)
{
	int fd = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0 || ftruncate(fd, size) || (seals && fcntl(fd, F_ADD_SEALS, seals)))
		FAIL("no memory file");
	return fd;
}

static void expect_refused(const struct grant_mem *g)
{
	unsigned before = windows();

	send_grant(g);
	EXPECT_EQ(windows(), before);
	EXPECT_TRUE(tlpb_rc_is_up(direct.rc));
}

TEST(DirectHostile, NumbersThatMakeNoSenseAreRefused)
{
	struct grant_mem g;

	direct_open(NULL);
#define WITH(member, value) (g = grant(direct.ram_fd), g.member = (value), expect_refused(&g))
	WITH(len, 0);
	WITH(len, DIRECT_RAM + PAGE);
	WITH(len, UINT64_MAX);
	WITH(len, 1ull << 62);
	WITH(offset, 1);
	WITH(offset, DIRECT_RAM);
	WITH(offset, UINT64_MAX);
	WITH(offset, UINT64_MAX - PAGE + 1);
	WITH(offset, INT64_MAX - PAGE);
	WITH(addr, UINT64_MAX - PAGE + 1);
	WITH(addr, UINT64_MAX);
	WITH(function, 1);
	WITH(function, 255);
	WITH(function, 65535);
	WITH(pid, 0);
	WITH(pid, UINT32_MAX);
	WITH(fd, UINT32_MAX);
	WITH(fd, 987654);
#undef WITH
	EXPECT_TRUE(log_has("memory-backend-memfd"));
	g = grant(direct.ram_fd);
	send_grant(&g);
	EXPECT_EQ(windows(), 1);
	direct_close();
}

TEST(DirectHostile, FilesThatCouldEndTheServerAreRefused)
{
	struct grant_mem g;
	int fd[4], ends[2];

	direct_open(NULL);
	fd[0] = file(PAGE, 0, 0);
	fd[1] = file(PAGE, 0, F_SEAL_GROW);
	fd[2] = file(PAGE, 0, F_SEAL_SHRINK | F_SEAL_WRITE);
	fd[3] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < 4; i++) {
		g = grant(fd[i]);
		expect_refused(&g);
		close(fd[i]);
	}
	ASSERT_EQ(pipe(ends), 0);
	g = grant(ends[0]);
	expect_refused(&g);
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(log_lines(), 1);	/* told once */
	direct_close();
}

TEST(DirectHostile, WhatOverlapsOrIsTooMuchIsRefused)
{
	struct grant_mem g;

	direct_open(NULL);
	g = grant(direct.ram_fd);
	g.len = 2 * PAGE;
	send_grant(&g);
	EXPECT_EQ(windows(), 1);
	g.addr += PAGE;
	expect_refused(&g);
	g.len = 1;
	expect_refused(&g);
	for (unsigned i = 1; i < 1000; i++) {
		g = grant(direct.ram_fd);
		g.addr += 4ull * PAGE * i;
		send_grant(&g);
	}
	EXPECT_EQ(windows(), GRANTS_MAX);
	direct_close();
}

TEST(DirectHostile, MoreThanATebibyteIsRefused)
{
	int fd = file((off_t)1 << 40, 0, F_SEAL_SHRINK);
	struct grant_mem g = grant(fd);

	direct_open(NULL);
	g = grant(fd);
	g.len = 1ull << 40;
	send_grant(&g);
	g.addr += 1ull << 41;
	g.len = PAGE;
	if (windows())		/* sanitizers may leave no room for so much */
		expect_refused(&g);
	close(fd);
	direct_close();
}

TEST(DirectHostile, AnyRevokeIsAnswered)
{
	const struct mem_range ranges[] = {
		{ 0, 0, 0 }, { 0, 0, UINT64_MAX }, { 0, UINT64_MAX, UINT64_MAX }, { 300, 0, UINT64_MAX },
		{ 65535, 1, 1 }, { 0, DIRECT_RAM_AT + 50, UINT64_MAX }, { 0, 50, UINT64_MAX },
	};
	struct grant_mem g;

	direct_open(NULL);
	g = grant(direct.ram_fd);
	for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		struct pending_revoke *none = direct.rc->revokes;

		EXPECT_TRUE(none == NULL);
		send_grant(&g);
		/* Its own number, so that the answer is one that nobody waits for: the link ends. */
		EXPECT_EQ(tlpb__link_send_revoke(direct.rc->link, &(struct revoke){ 77, ranges[i] }), 0);
		while (!tlpb_rc_process(direct.rc))
			usleep(100);
		EXPECT_TRUE(strstr(direct.down_text, "REVOKED") != NULL);
		direct_close();
		direct_open(NULL);
		g = grant(direct.ram_fd);
	}
	direct_close();
}

/* ---- a device that lies ---- */

struct lie {
	uint16_t kind;
	uint8_t body[64];
	size_t len;
};

static void tell_lie(void *arg)
{
	struct lie *lie = arg;

	tlpb__link_send(direct.ep->link, lie->kind, 0, lie->body, lie->len);
	tlpb__link_flush(direct.ep->link);
}

static struct lie dirty(uint16_t function, uint64_t addr, uint64_t len)
{
	struct mem_range range = { function, addr, len };
	struct lie lie = { .kind = TLPB_FRAME_DIRTY };

	lie.len = (size_t)tlpb__dirty_encode(&range, 1, lie.body, sizeof lie.body);
	return lie;
}

static void expect_link_ends(struct lie lie)
{
	direct_open(NULL);
	ASSERT_EQ(direct_grant(0, PAGE, true), 0);
	ASSERT_EQ(direct_grant(4 * PAGE, PAGE, false), 0);
	direct_settle();
	direct_on_ep(tell_lie, &lie);
	while (!tlpb_rc_process(direct.rc))
		usleep(100);
	EXPECT_EQ(direct.downs, 1);
	EXPECT_EQ(direct.dirties, 0);
	direct_close();
}

TEST(DirectHostile, ReportsOfWhatIsNotGrantedEndTheLink)
{
	expect_link_ends(dirty(0, DIRECT_RAM_AT + PAGE, 1));
	expect_link_ends(dirty(0, DIRECT_RAM_AT, PAGE + 1));
	expect_link_ends(dirty(0, DIRECT_RAM_AT + 4 * PAGE, 1));
	expect_link_ends(dirty(1, DIRECT_RAM_AT, 1));
	expect_link_ends(dirty(0, DIRECT_RAM_AT, 0));
	expect_link_ends(dirty(0, DIRECT_RAM_AT, UINT64_MAX));
	expect_link_ends((struct lie){ TLPB_FRAME_DIRTY, { 2, 0 }, 28 });
	expect_link_ends((struct lie){ TLPB_FRAME_DIRTY, { 0 }, 3 });
	expect_link_ends((struct lie){ TLPB_FRAME_REVOKED, { 1 }, 4 });
	expect_link_ends((struct lie){ TLPB_FRAME_REVOKED, { 1 }, 3 });
	expect_link_ends((struct lie){ TLPB_FRAME_GRANT_MEM, { 0 }, 40 });
	expect_link_ends((struct lie){ TLPB_FRAME_REVOKE, { 0 }, 24 });
}

TEST(DirectHostile, AReportOfAllIsFine)
{
	struct lie lie = dirty(0, DIRECT_RAM_AT, PAGE);

	direct_open(NULL);
	ASSERT_EQ(direct_grant(0, PAGE, true), 0);
	direct_settle();
	direct_on_ep(tell_lie, &lie);
	direct_settle();
	EXPECT_EQ(direct.dirties, 1);
	direct_close();
}

/* Without rings nobody knows that the host is on this machine: what it names might be another's. */
TEST(DirectHostile, GrantsWithoutTheFeatureEndTheLink)
{
	struct grant_mem g;

	direct_open(&(struct direct_options){ .transport = TLPB_TRANSPORT_NNG });
	g = grant(direct.ram_fd);
	send_grant(&g);
	while (!tlpb_rc_process(direct.rc))
		usleep(100);
	EXPECT_EQ(direct.downs, 1);
	direct_close();
}
