/* SPDX-License-Identifier: MIT */
/*
 * Two devices driven by an event loop, with no other thread and no wait: a copy is
 * started by posted writes, its interrupt is a callback, its status is read
 * asynchronously, and then the next one begins.
 */
#include <glib-unix.h>
#include <poll.h>
#include <string.h>

#include "board.h"
#include "bytes.h"
#include "gtest.h"

enum { DEVICES = 2, COPIES = 50, WAITS = 1000 };

static struct board board[DEVICES];
static unsigned copies[DEVICES];
static GMainLoop *loop;		/* NULL: a loop around poll() */

static bool all_done(void)
{
	return copies[0] == COPIES && copies[1] == COPIES;
}

static void begin_copy(struct board *b)
{
	memset(b->ram, (int)copies[b - board] + 1, EFFECT_SIZE);
	board_write(b, REG_COMMAND, COMMAND_COPY);
}

static void on_status(void *arg, int err)
{
	struct board *b = arg;

	EXPECT_EQ(err, 0);
	EXPECT_EQ(get_le32(b->word) & (STATUS_COPY_OK | STATUS_FAILED), STATUS_COPY_OK);
	EXPECT_MEMEQ(b->ram + EFFECT_DST, b->ram, EFFECT_SIZE);
	if (++copies[b - board] < COPIES)
		begin_copy(b);
	else if (loop && all_done())
		g_main_loop_quit(loop);
}

static void on_msi(struct board *b)
{
	ASSERT_EQ(tlpb_rc_mem_read_async(b->rc, b->bar[0].addr + REG_STATUS, b->word, 4, on_status, b), 0);
}

static void setup(tlpb_rc_group *group)
{
	for (unsigned i = 0; i < DEVICES; i++)
		board_close(&board[i]);
	processes_end();
	serve_several("s", DEVICES);
	for (unsigned i = 0; i < DEVICES; i++) {
		board_open(&board[i], url_of("s"), NULL, group);
		board_program(&board[i], EFFECT_SIZE);
		board[i].on_msi = on_msi;
		copies[i] = 0;
	}
}

static void teardown(void)
{
	for (unsigned i = 0; i < DEVICES; i++) {
		EXPECT_EQ(copies[i], COPIES);
		EXPECT_EQ(board[i].msis, COPIES);
		board_close(&board[i]);
	}
	processes_end();
}

static void begin_all(void)
{
	for (unsigned i = 0; i < DEVICES; i++)
		begin_copy(&board[i]);
}

TEST(EventLoop, OfPollDrivesEachLinkByItsDescriptor)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	setup(NULL);
	begin_all();
	while (!all_done()) {
		struct pollfd p[DEVICES] = { { tlpb_rc_fd(board[0].rc), POLLIN, 0 },
					     { tlpb_rc_fd(board[1].rc), POLLIN, 0 } };

		ASSERT_LT(now_ms(), end);
		poll(p, DEVICES, 1000);
		for (unsigned i = 0; i < DEVICES; i++)
			if (p[i].revents)
				EXPECT_EQ(tlpb_rc_process(board[i].rc), 0);
	}
	teardown();
}

TEST(EventLoop, OfPollDrivesAGroupByItsOneDescriptor)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	tlpb_rc_group *group;

	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	setup(group);
	begin_all();
	while (!all_done()) {
		struct pollfd p = { tlpb_rc_group_fd(group), POLLIN, 0 };

		ASSERT_LT(now_ms(), end);
		if (poll(&p, 1, 1000) == 1)
			tlpb_rc_group_process(group);
	}
	teardown();
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
}

/*
 * The wait looks at the memory that each of them shares with its server, and must stop that at its end. Many times,
 * because it looks for long only while the server happens to run on another CPU.
 */
TEST(EventLoop, TheDescriptorTellsOfALinkAgainAfterAWaitOnAnother)
{
	tlpb_rc_group *group;

	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	setup(group);
	for (unsigned i = 0; i < WAITS; i++) {
		struct pollfd p = { tlpb_rc_group_fd(group), POLLIN, 0 };

		board_read(&board[1], REG_STATUS);
		board_begin_read(&board[0], REG_STATUS);
		while (!board[0].over) {
			ASSERT_EQ(poll(&p, 1, PROCESS_PATIENCE_MS), 1);
			tlpb_rc_group_process(group);
		}
	}
	for (unsigned i = 0; i < DEVICES; i++)
		copies[i] = board[i].msis = COPIES;	/* there were none to do */
	teardown();
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
}

static gboolean link_ready(gint fd, GIOCondition condition, gpointer rc)
{
	return tlpb_rc_process(rc) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static gboolean group_ready(gint fd, GIOCondition condition, gpointer group)
{
	tlpb_rc_group_process(group);
	return G_SOURCE_CONTINUE;
}

static gboolean give_up(gpointer unused)
{
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

static void run_loop(void)
{
	guint watchdog = g_timeout_add(PROCESS_PATIENCE_MS, give_up, NULL);

	begin_all();
	g_main_loop_run(loop);
	g_source_remove(watchdog);
	g_main_loop_unref(loop);
	loop = NULL;
}

TEST(EventLoop, OfGlibDrivesEachLinkByItsDescriptor)
{
	guint source[DEVICES];

	setup(NULL);
	loop = g_main_loop_new(NULL, FALSE);
	for (unsigned i = 0; i < DEVICES; i++)
		source[i] = g_unix_fd_add(tlpb_rc_fd(board[i].rc), G_IO_IN, link_ready, board[i].rc);
	run_loop();
	for (unsigned i = 0; i < DEVICES; i++)
		g_source_remove(source[i]);
	teardown();
}

TEST(EventLoop, OfGlibDrivesAGroupByItsOneDescriptor)
{
	tlpb_rc_group *group;
	guint source;

	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	setup(group);
	loop = g_main_loop_new(NULL, FALSE);
	source = g_unix_fd_add(tlpb_rc_group_fd(group), G_IO_IN, group_ready, group);
	run_loop();
	g_source_remove(source);
	teardown();
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
}
