/* SPDX-License-Identifier: MIT */
/* Data that a model knows to be bad (2.7.2): in its completions, and in its own writes. */
#include <string.h>

#include "bytes.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"

static const uint64_t ram = HOST_RAM_BASE;

static void setup(void)
{
	pair_open(NULL);
	pair_enumerate();
}

/* ---- completions ---- */

static void complete_poisoned(struct tlpb_ep_request *r)
{
	memset(r->data, 0x5a, r->length);
	r->poison = true;
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
}

static uint64_t unexpected_at_host(void)
{
	struct tlpb_rc_stats stats;

	tlpb_rc_get_stats(pair.rc, &stats);
	return stats.unexpected_completions;
}

/* A read of several completions, each of them poisoned: all are the request's. */
TEST(Poison, AReadIsCompletedWithBadDataAndIsAllOnes)
{
	uint8_t data[1024], ones[1024];

	setup();
	memset(ones, 0xff, sizeof ones);
	pair.model.on_access = complete_poisoned;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, data, 4), TLPB_ERR_POISONED);
	EXPECT_MEMEQ(data, ones, 4);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, data, sizeof data), TLPB_ERR_POISONED);
	EXPECT_MEMEQ(data, ones, sizeof data);
	EXPECT_EQ(unexpected_at_host(), 0);
	pair.model.on_access = NULL;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, data, 4), 0);
	pair_close();
}

static void complete_failed(struct tlpb_ep_request *r)
{
	r->poison = true;
	tlpb_ep_complete(pair.ep, r, TLPB_CPL_UR);
}

TEST(Poison, ACompletionWithoutDataCannotBePoisoned)
{
	uint32_t value = 7;

	setup();
	pair.model.on_access = complete_failed;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), TLPB_ERR_UNSUPPORTED);
	pair.model.on_access = complete_poisoned;
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, &value, 4), 0);
	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, 0, 4, &value), 0);
	pair_close();
}

/* ---- requests ---- */

TEST(Poison, AWriteIsNotStoredAndTheModelHearsOfIt)
{
	const struct tlpb_dma_attr attr = { .poison = true };
	uint8_t data[600];
	struct dma dma = { .write = true, .addr = ram + 5, .buf = data, .len = sizeof data, .attr = &attr };

	setup();
	memset(data, 0x5a, sizeof data);
	pair_dma_run(&dma);
	EXPECT_EQ(dma.started, 0);
	EXPECT_EQ(dma.err, TLPB_ERR_POISONED);
	EXPECT_EQ(dma.fail_addr, ram + 5);
	EXPECT_EQ(pair.host.ram[5], 0);
	EXPECT_EQ(pair.host.ram[604], 0);
	dma.attr = NULL;
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, 0);
	EXPECT_EQ(pair.host.ram[604], 0x5a);
	pair_close();
}

/* A read request has no data: the flag means nothing for it. */
TEST(Poison, AReadRequestHasNothingToPoison)
{
	const struct tlpb_dma_attr attr = { .poison = true };
	uint8_t data[600];
	struct dma dma = { .addr = ram, .buf = data, .len = sizeof data, .attr = &attr };

	setup();
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, 0);
	EXPECT_EQ(tlpb__ep_request_tlp(pair.ep->f0, TLPB_MRD, ram, &attr).ep, false);
	EXPECT_EQ(tlpb__ep_request_tlp(pair.ep->f0, TLPB_DMWR, ram, &attr).ep, true);
	pair_close();
}
