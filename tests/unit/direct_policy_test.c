/* SPDX-License-Identifier: MIT */
/* Direct DMA: where there is none, because somebody does not want it or wants to see TLPs; what cannot be granted. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tlpbridge/trace.h>

#include "direct.h"
#include "gtest.h"

enum { ALL = 1024 * 1024 };

static const uint8_t bytes[256] = { 1, 2, 3, 4, [255] = 5 };

static void expect_tlps_only(const struct direct_options *options)
{
	direct_open(options);
	EXPECT_FALSE(tlpb_rc_takes_grants(direct.rc));
	EXPECT_EQ(direct_grant(0, ALL, true), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(direct_dma_write(0, bytes, 256), 0);
	EXPECT_MEMEQ(direct.ram, bytes, 256);
	EXPECT_EQ(direct.writes, 1);
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, DIRECT_RAM_AT, ALL), 0);
	direct_close();
}

TEST(DirectPolicy, NotWhereTheHostDoesNotOfferIt)
{
	expect_tlps_only(&(struct direct_options){ .no_grants = true });
}

TEST(DirectPolicy, NotWhereTheServerRefuses)
{
	expect_tlps_only(&(struct direct_options){ .direct = TLPB_DIRECT_OFF });
}

TEST(DirectPolicy, NotWithoutSharedMemory)
{
	expect_tlps_only(&(struct direct_options){ .transport = TLPB_TRANSPORT_NNG });
}

TEST(DirectPolicy, NotWithTheChecker)
{
	expect_tlps_only(&(struct direct_options){ .ep_check = true });
}

TEST(DirectPolicy, InjectedErrorsNeedTlps)
{
	direct_open(&(struct direct_options){ .ep_inject = "drop type=MWr after=1000000" });
	direct_grant(0, ALL, true);
	direct_settle();
	EXPECT_EQ(direct_dma_write(0, bytes, 256), 0);
	EXPECT_EQ(direct.writes, 1);
	direct_close();
}

static tlpb_trace *new_trace(char *path, size_t size)
{
	tlpb_trace *trace;
	char why[256] = "";

	snprintf(path, size, "direct-%d.pcap", (int)getpid());
	if (tlpb_trace_create(path, &trace, why, sizeof why))
		FAIL("%s", why);
	return trace;
}

TEST(DirectPolicy, ATraceOfTheEndpointHasEveryTlp)
{
	char path[64];
	tlpb_trace *trace = new_trace(path, sizeof path);

	expect_tlps_only(&(struct direct_options){ .ep_trace = trace });
	tlpb_trace_close(trace);
	remove(path);
}

TEST(DirectPolicy, UnlessItIsWantedNonetheless)
{
	char path[64];
	tlpb_trace *trace = new_trace(path, sizeof path);

	direct_open(&(struct direct_options){ .ep_trace = trace, .direct = TLPB_DIRECT_ON });
	EXPECT_EQ(direct_grant(0, ALL, true), 0);
	direct_settle();
	EXPECT_EQ(direct_dma_write(0, bytes, 256), 0);
	EXPECT_EQ(direct.writes, 0);
	direct_close();
	tlpb_trace_close(trace);
	remove(path);
}

TEST(DirectPolicy, MemoryThatCanShrinkIsNotGranted)
{
	direct_open(&(struct direct_options){ .unsealed = true });
	EXPECT_EQ(direct_grant(0, ALL, true), TLPB_ERR_INVALID);
	direct_close();
}

TEST(DirectPolicy, WhatMakesNoSenseIsNotGranted)
{
	struct tlpb_rc_grant wrong[] = {
		{ .addr = DIRECT_RAM_AT, .len = 0, .fd = direct.ram_fd },
		{ .addr = DIRECT_RAM_AT + 1, .len = 4096 },
		{ .addr = DIRECT_RAM_AT, .len = 4096, .offset = 8 },
		{ .addr = DIRECT_RAM_AT, .len = 4096, .offset = DIRECT_RAM },
		{ .addr = DIRECT_RAM_AT, .len = DIRECT_RAM + 1 },
		{ .addr = DIRECT_RAM_AT, .len = 4096, .function = 256 },
		{ .addr = UINT64_MAX & ~4095ull, .len = 4096 },
		{ .addr = DIRECT_RAM_AT, .len = UINT64_MAX, .offset = 4096 },
	};
	struct tlpb_rc_grant grant = { .addr = DIRECT_RAM_AT, .len = 4096, .fd = -1 };

	direct_open(NULL);
	EXPECT_EQ(tlpb_rc_grant(direct.rc, &grant), TLPB_ERR_INVALID);
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		wrong[i].fd = direct.ram_fd;
		EXPECT_EQ(tlpb_rc_grant(direct.rc, &wrong[i]), TLPB_ERR_INVALID);
	}
	EXPECT_EQ(direct_grant(0, 8192, true), 0);
	EXPECT_EQ(direct_grant(4096, 4096, true), TLPB_ERR_BUSY);
	for (unsigned i = 1; i < 256; i++)
		EXPECT_EQ(direct_grant(8192 * i, 4096, true), 0);
	EXPECT_EQ(direct_grant(8192 * 256, 4096, true), TLPB_ERR_TOO_LARGE);
	direct_settle();
	EXPECT_EQ(direct_stats().windows, 256);
	EXPECT_EQ(tlpb_rc_revoke(direct.rc, 0, 0, UINT64_MAX), 0);
	EXPECT_EQ(direct_stats().windows, 0);
	direct_close();
}
