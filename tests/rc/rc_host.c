/* SPDX-License-Identifier: MIT */
/*
 * A host in a process of its own, to be killed: connects to URL, says "up", and
 * does what MODE says for ever: idle, dma (both ways, without pause), read, load (all
 * of load.h). Or it ends by itself: effect, effect2 (reads that do DMA before they
 * complete, of one device or of two at once).
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "gtest.h"
#include "load.h"

static const char *url, *mode;

static void serve_for_ever(void)
{
	for (;;) {
		struct pollfd p = { .fd = tlpb_rc_fd(host.rc), .events = POLLIN };

		if (tlpb_rc_process(host.rc))
			FAIL("down: %s", host.down_text);
		poll(&p, 1, 1000);
	}
}

static void dma_for_ever(void)
{
	for (;;) {
		run_command(COMMAND_COPY, RAM_BASE, RAM_BASE + RAM_SIZE / 2, RAM_SIZE / 2);
		run_command(COMMAND_WRITE, 0, RAM_BASE, RAM_SIZE);
	}
}

static void read_for_ever(void)
{
	for (;;)
		reg_read(REG_STATUS);
}

static void load_for_ever(void)
{
	for (uint32_t n = 0; load_step(n >> 3); n += 5)
		;
	FAIL("down: %s", host.down_text);
}

static void effect(unsigned devices)
{
	static struct board a, b;
	struct board *const boards[] = { &a, &b };
	tlpb_rc_group *group;

	ASSERT_EQ(tlpb_rc_group_new(&group), 0);
	for (unsigned i = 0; i < devices; i++)
		board_open(boards[i], url, NULL, group);
	boards_effect(boards, devices, 200);
	for (unsigned i = 0; i < devices; i++)
		board_close(boards[i]);
	EXPECT_EQ(tlpb_rc_group_free(group), 0);
}

TEST(Host, DoesWhatItIsTold)
{
	if (!strncmp(mode, "effect", 6)) {
		effect(mode[6] ? 2 : 1);
		return;
	}
	host_start(url);
	puts("up");
	fflush(stdout);
	if (!strcmp(mode, "dma"))
		dma_for_ever();
	else if (!strcmp(mode, "read"))
		read_for_ever();
	else if (!strcmp(mode, "load"))
		load_for_ever();
	serve_for_ever();
}

/* The tests' main() takes options only: arguments come by the environment. */
__attribute__((constructor)) static void take_arguments(void)
{
	const char *transport = getenv("RC_HOST_TRANSPORT");
	char why[256];

	url = getenv("RC_HOST_URL");
	mode = getenv("RC_HOST_MODE");
	host_security.tls_ca = getenv("RC_HOST_TLS_CA");
	host_security.tls_cert = getenv("RC_HOST_TLS_CERT");
	host_security.tls_key = getenv("RC_HOST_TLS_KEY");
	if (transport)
		tlpb_transport_parse(transport, &host_security.transport, why, sizeof why);
}
