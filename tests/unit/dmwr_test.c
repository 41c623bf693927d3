/* SPDX-License-Identifier: MIT */
/* Deferrable Memory Writes: non-posted writes that may be told to come again. */
#include "bytes.h"
#include "config_layout.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"

static const uint64_t ram = HOST_RAM_BASE;

struct write {
	uint64_t addr;
	const void *data;
	size_t len;
	int started, err;
	atomic_bool over;
};

static void on_done(void *arg, int err)
{
	struct write *w = arg;

	w->err = err;
	atomic_store(&w->over, true);
}

static void begin(void *arg)
{
	struct write *w = arg;

	w->started = tlpb_ep_dmwr(pair.ep, w->addr, w->data, w->len, NULL, on_done, w);
	if (w->started)
		atomic_store(&w->over, true);
}

static int from_device(uint64_t addr, const void *data, size_t len)
{
	struct write w = { .addr = addr, .data = data, .len = len };

	pair_on_ep(begin, &w);
	pair_serve_until_set(&w.over);
	return w.started ? w.started : w.err;
}

static void enable_requester(void)
{
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, pair.ep->f0->config.at[PART_DEVICE_3] +
				       DEVICE_3_CONTROL, 4, DEVICE_3_DMWR_REQUESTS), 0);
}

static void setup_with(const struct pair_options *options)
{
	pair_open(options);
	pair_enumerate();
	enable_requester();
}

static uint8_t data[256];

static void fill(void)
{
	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 3 + 1);
}

TEST(DeferrableWrite, AnyLengthAndAlignmentReachesHostMemory)
{
	setup_with(NULL);
	fill();
	for (size_t at = 0; at < 4; at++)
		for (size_t len = 1; at + len <= TLPB_DMWR_MAX; len += len < 9 ? 1 : 7) {
			uint8_t *memory = pair.host.ram + 0x100 + at;

			memset(memory - 1, 0xee, len + 2);
			EXPECT_EQ(from_device(ram + 0x100 + at, data, len), 0);
			EXPECT_MEMEQ(memory, data, len);
			EXPECT_EQ(memory[-1], 0xee);
			EXPECT_EQ(memory[len], 0xee);
		}
	EXPECT_EQ(from_device(ram + 0x200, data, TLPB_DMWR_MAX), 0);
	pair_close();
}

TEST(DeferrableWrite, TheHostMaySayNotNow)
{
	setup_with(NULL);
	fill();
	pair.host.defers = 2;
	EXPECT_EQ(from_device(ram, data, 8), TLPB_ERR_CRS);
	EXPECT_EQ(from_device(ram, data, 8), TLPB_ERR_CRS);
	EXPECT_EQ(get_le64(pair.host.ram), 0);
	EXPECT_EQ(from_device(ram, data, 8), 0);
	EXPECT_MEMEQ(pair.host.ram, data, 8);
	pair_close();
}

TEST(DeferrableWrite, FailuresOfTheHostAreTold)
{
	setup_with(NULL);
	EXPECT_EQ(from_device(0x1000, data, 4), TLPB_ERR_UNSUPPORTED);
	pair.host.failing[pair.host.failings++] = (struct host_range){ ram, 4, TLPB_ERR_IO };
	EXPECT_EQ(from_device(ram, data, 4), TLPB_ERR_ABORTED);
	pair_close();
	setup_with(&(struct pair_options){ .no_host_atomics = true });
	EXPECT_EQ(from_device(ram, data, 4), TLPB_ERR_UNSUPPORTED);
	pair_close();
}

TEST(DeferrableWrite, WithoutItsEnableOrWithAWrongLengthNothingIsSent)
{
	pair_open(NULL);
	pair_enumerate();
	EXPECT_EQ(from_device(ram, data, 4), TLPB_ERR_DISABLED);
	enable_requester();
	EXPECT_EQ(from_device(ram, data, 0), TLPB_ERR_INVALID);
	EXPECT_EQ(from_device(ram, data, TLPB_DMWR_MAX + 1), TLPB_ERR_INVALID);
	EXPECT_EQ(from_device(ram + 1, data, TLPB_DMWR_MAX), TLPB_ERR_INVALID);
	EXPECT_EQ(from_device(ram + TLPB_PAGE - 4, data, 5), TLPB_ERR_INVALID);
	EXPECT_EQ(pair.host.dmwrs, 0);
	pair_close();
}

TEST(DeferrableWrite, TheHostWritesToADevice)
{
	setup_with(NULL);
	fill();
	EXPECT_EQ(tlpb_rc_dmwr(pair.rc, pair.bar[1].addr + 5, data, 100), 0);
	EXPECT_MEMEQ(pair.model.memory[1] + 5, data, 100);
	EXPECT_EQ(pair.model.memory[1][4], 0);
	EXPECT_EQ(pair.model.memory[1][105], 0);
	EXPECT_TRUE(pair.model.last.deferrable);
	EXPECT_TRUE(pair.model.last.write);
	EXPECT_FALSE(pair.model.last.posted);
	EXPECT_EQ(tlpb_rc_dmwr(pair.rc, pair.bar[1].addr, data, TLPB_DMWR_MAX + 1), TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb_rc_dmwr(pair.rc, 0x1000, data, 4), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_dmwr(pair.rc, pair.bar[0].addr + 0x10000, data, 4), TLPB_ERR_UNSUPPORTED);
	pair_close();
}

TEST(DeferrableWrite, ADeviceMaySayNotNow)
{
	uint32_t value;

	setup_with(NULL);
	pair.model.status = TLPB_CPL_CRS;
	EXPECT_EQ(tlpb_rc_dmwr(pair.rc, pair.bar[1].addr, data, 4), TLPB_ERR_CRS);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), TLPB_ERR_ABORTED);
	pair_close();
}

TEST(DeferrableWrite, ADeviceThatHasThemNotAnswersUnsupportedRequest)
{
	struct tlpb_device device = pair_device();

	device.has &= ~(uint32_t)TLPB_HAS_DMWR;
	setup_with(&(struct pair_options){ .device = &device });
	EXPECT_EQ(tlpb_rc_dmwr(pair.rc, pair.bar[1].addr, data, 4), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(pair.model.accesses, 0);
	pair_close();
}

TEST(DeferrableWrite, APoisonedOneModifiesNothing)
{
	struct tlpb_tlp tlp = { .kind = TLPB_DMWR, .length_dw = 1, .first_be = 0xf, .ep = true,
				.payload = data, .payload_len = 4 };

	setup_with(NULL);
	fill();
	tlp.address = pair.bar[1].addr;
	tlp.hdr_4dw = tlp.address >> 32 != 0;
	EXPECT_EQ(pair_request(&tlp, NULL, 0), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(get_le32(pair.model.memory[1]), 0);
	pair_close();
}
