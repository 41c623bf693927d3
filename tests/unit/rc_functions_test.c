/* SPDX-License-Identifier: MIT */
/* A device of two functions, 0 and 3, made by hand: the host reaches each by its number. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "bytes.h"
#include "gtest.h"
#include "toys.h"
#include "transport.h"

enum {
	BDF = 0x0500, COMMAND = 0x04, BAR0 = 0x10, CAP_POINTER = 0x34,
	BAR_SIZE = 0x2000,
};

static uint8_t space[2][256];		/* of functions 0 and 3 */
static atomic_bool stop;
static pthread_t thread;

static uint8_t *space_of(unsigned function)
{
	return function == 0 ? space[0] : function == 3 ? space[1] : NULL;
}

static void complete(const struct tlpb_tlp *request, unsigned status, const uint8_t *dw)
{
	struct tlpb_tlp tlp = {
		.kind = dw ? TLPB_CPLD : TLPB_CPL, .status = (uint8_t)status, .byte_count = 4,
		.tag = request->tag, .completer_id = request->dest_id,
		.length_dw = dw ? 1 : 0, .payload = dw, .payload_len = dw ? 4 : 0,
	};

	toy_say(0, &tlp);
}

static void write_config(uint8_t *config, const struct tlpb_tlp *r)
{
	uint32_t bar;

	for (unsigned i = 0; i < 4; i++)
		if (r->first_be >> i & 1)
			config[r->reg_offset + i] = r->payload[i];
	bar = get_le32(config + BAR0) & ~(BAR_SIZE - 1u);
	put_le32(config + BAR0, bar);
	memset(config + BAR0 + 4, 0, 20);	/* no other BARs */
}

static void answer(const struct tlpb_tlp *r)
{
	uint8_t *config = space_of(r->dest_id & 7);

	if (!config || r->dest_id >> 3 != BDF >> 3) {
		complete(r, TLPB_CPL_UR, NULL);
	} else if (r->kind == TLPB_CFGRD0) {
		complete(r, TLPB_CPL_SC, config + r->reg_offset % 256);
	} else {
		write_config(config, r);
		complete(r, TLPB_CPL_SC, NULL);
	}
}

/* The host waits for each answer, so the last TLP is the only one. */
static void *serve(void *arg)
{
	struct raw_peer *p = &toy[0].peer;
	unsigned answered = 0;

	while (!atomic_load(&stop)) {
		struct pollfd fd = { p->transport->ops->fd(p->transport), POLLIN, 0 };
		struct tlpb_tlp request;

		raw_listen(p, 0);
		if (p->tlps == answered) {
			poll(&fd, 1, 20);
			continue;
		}
		answered++;
		EXPECT_EQ(tlpb_tlp_unpack(p->last_tlp, sizeof p->last_tlp, &request), 0);
		answer(&request);
	}
	return NULL;
}

static void put_capability(uint8_t *config, unsigned at, unsigned id, unsigned next)
{
	config[at] = (uint8_t)id;
	config[at + 1] = (uint8_t)next;
}

static void setup(void)
{
	memset(space, 0, sizeof space);
	put_le32(space[0], 0x10001af4);
	put_le32(space[1], 0x10031af4);
	space[0][CAP_POINTER] = 0x40;
	put_capability(space[0], 0x40, 0x01, 0);
	space[1][CAP_POINTER] = 0x60;
	put_capability(space[1], 0x60, 0x05, 0x70);
	put_capability(space[1], 0x70, 0x10, 0);
	toys_open(1, NULL);
	atomic_store(&stop, false);
	ASSERT_EQ(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void teardown(void)
{
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	toys_close();
}

TEST(Functions, AreReachedByTheirNumberAndMissingOnesAreUnsupported)
{
	uint32_t value;

	setup();
	for (unsigned f = 0; f < 8; f++) {
		bool there = space_of(f);
		int err = tlpb_rc_config_read(toy[0].rc, (uint16_t)(BDF | f), 0, 4, &value);

		EXPECT_EQ(err, there ? 0 : TLPB_ERR_UNSUPPORTED);
		EXPECT_EQ(value, there ? 0x10001af4 + (f << 16) : 0xffffffff);
		err = tlpb_rc_config_write(toy[0].rc, (uint16_t)(BDF | f), 0x3c, 1, f + 1);
		EXPECT_EQ(err, there ? 0 : TLPB_ERR_UNSUPPORTED);
	}
	EXPECT_EQ(space[0][0x3c], 1);
	EXPECT_EQ(space[1][0x3c], 4);
	teardown();
}

TEST(Functions, EachHasItsCapabilities)
{
	setup();
	EXPECT_EQ(tlpb_rc_find_capability(toy[0].rc, BDF, 0x01), 0x40);
	EXPECT_EQ(tlpb_rc_find_capability(toy[0].rc, BDF, 0x10), 0);
	EXPECT_EQ(tlpb_rc_find_capability(toy[0].rc, BDF | 3, 0x10), 0x70);
	EXPECT_EQ(tlpb_rc_find_capability(toy[0].rc, BDF | 3, 0x01), 0);
	EXPECT_EQ(tlpb_rc_find_capability(toy[0].rc, BDF | 1, 0x01), TLPB_ERR_UNSUPPORTED);
	teardown();
}

TEST(Functions, EachIsEnumeratedIntoWindowsOfItsOwn)
{
	struct tlpb_rc_windows windows = { .bdf = BDF, .mem32 = 0xe0000000 };
	struct tlpb_rc_bar bars[TLPB_BARS];

	setup();
	EXPECT_EQ(tlpb_rc_enumerate(toy[0].rc, &windows, bars), 0);
	EXPECT_EQ(bars[0].size, BAR_SIZE);
	EXPECT_EQ(get_le32(space[0] + BAR0), 0xe0000000);
	windows.bdf = BDF | 3;
	windows.mem32 = bars[0].addr + bars[0].size;
	EXPECT_EQ(tlpb_rc_enumerate(toy[0].rc, &windows, bars), 0);
	EXPECT_EQ(get_le32(space[1] + BAR0), 0xe0000000 + BAR_SIZE);
	EXPECT_EQ(space[0][COMMAND], 7);
	EXPECT_EQ(space[1][COMMAND], 7);
	windows.bdf = BDF | 5;
	EXPECT_EQ(tlpb_rc_enumerate(toy[0].rc, &windows, bars), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(bars[0].size, 0);
	teardown();
}
