/* SPDX-License-Identifier: MIT */
/* ECRC over a link (2.7.1): made, checked, and what becomes of a TLP whose digest does not fit. */
#include <string.h>

#include "bytes.h"
#include "caught_log.h"
#include "ep_private.h"
#include "gtest.h"
#include "link_private.h"
#include "pair.h"
#include "rc_private.h"

enum {
	DEVCTL = 0x78, STATUS = 6, AER = 0x100, UNCORRECTABLE_STATUS = AER + 4, CORRECTABLE_STATUS = AER + 16,
	CORRECTABLE_MASK = AER + 20, CONTROL = AER + 24, HEADER_LOG = AER + 28,
	GENERATE = 1 << 6, CHECK = 1 << 8, CAPABLE = 1 << 5 | 1 << 7,
	ECRC_ERROR = 1 << 19, SOON_MS = 300,
};

/* TLPs that crossed the host's end of the link, each way: 0 from the host, 1 to it. */
static struct seen {
	unsigned tlps, digests, wrong;
} seen[2];

static void (*observe)(void *ctx, const struct frame *frame, bool outbound);
static void look(void *ctx, const struct frame *frame, bool outbound);

static void look_at_link(void)
{
	observe = pair.rc->link->events.observe;
	pair.rc->link->events.observe = look;
	memset(seen, 0, sizeof seen);
}

static void look(void *ctx, const struct frame *frame, bool outbound)
{
	struct seen *s = &seen[!outbound];
	struct tlpb_tlp tlp;

	observe(ctx, frame, outbound);
	if (frame->kind != TLPB_FRAME_TLP)
		return;
	EXPECT_EQ(tlpb_tlp_unpack(frame->body, frame->length, &tlp), 0);
	s->tlps++;
	s->digests += tlp.td;
	s->wrong += tlp.td && tlpb_tlp_ecrc(frame->body, frame->length - 4) != tlp.ecrc;
}

static uint32_t config(unsigned at)
{
	uint32_t value;

	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, at, 4, &value), 0);
	return value;
}

static void set_config(unsigned at, unsigned size, uint32_t value)
{
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, at, size, value), 0);
}

/* enables: of the device, in AER Capabilities and Control. */
static void open_with(bool host, uint32_t enables, unsigned timeout_ms)
{
	struct tlpb_device device = pair_device();

	device.has |= TLPB_HAS_AER | TLPB_HAS_ECRC;
	pair_open(&(struct pair_options){ .device = &device, .ecrc = host,
					  .rc_timeout_ms = timeout_ms, .ep_timeout_ms = timeout_ms });
	pair_enumerate();
	set_config(UNCORRECTABLE_STATUS, 4, 0xffffffff);	/* of enumerating */
	set_config(CORRECTABLE_STATUS, 4, 0xffffffff);
	set_config(DEVCTL, 4, 0x000f280f);
	set_config(CONTROL, 4, enables);
	pair.host.messages = pair.host.errors = 0;
	look_at_link();
}

static void at_host(const char *rules)
{
	char why[256] = "";

	if (tlpb_rc_inject(pair.rc, rules, why, sizeof why))
		FAIL("%s", why);
}

static int dma(bool write, void *buf, size_t len)
{
	struct dma d = { .write = write, .addr = HOST_RAM_BASE + 0x10, .buf = buf, .len = len };

	pair_dma_run(&d);
	pair_settle();
	return d.err;
}

/* Some of every kind, both ways. */
static void traffic(void)
{
	uint8_t buf[1000], back[1000];
	uint32_t io;

	for (unsigned i = 0; i < sizeof buf; i++)
		buf[i] = (uint8_t)(i * 7);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr + 3, buf, sizeof buf), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr + 3, back, sizeof back), 0);
	EXPECT_TRUE(!memcmp(buf, back, sizeof buf));
	EXPECT_EQ(tlpb_rc_io_write(pair.rc, (uint32_t)pair.bar[5].addr, 4, 1), 0);
	EXPECT_EQ(tlpb_rc_io_read(pair.rc, (uint32_t)pair.bar[5].addr, 4, &io), 0);
	EXPECT_EQ(dma(true, buf, sizeof buf), 0);
	memset(back, 0, sizeof back);
	EXPECT_EQ(dma(false, back, sizeof back), 0);
	EXPECT_TRUE(!memcmp(buf, back, sizeof buf));
}

TEST(Ecrc, OffThereIsNoDigest)
{
	open_with(false, 0, 0);
	traffic();
	EXPECT_GT(seen[0].tlps, 0);
	EXPECT_EQ(seen[0].digests + seen[1].digests, 0);
	pair_close();
}

TEST(Ecrc, CapabilityAndEnablesAreThereOnlyWithTheFlag)
{
	open_with(false, GENERATE | CHECK, 0);
	EXPECT_EQ(config(CONTROL) & 0x1ff, CAPABLE | GENERATE | CHECK);
	pair_close();
}

TEST(Ecrc, WithGenerationEnabledEveryTlpOfTheDeviceHasAFittingDigest)
{
	open_with(false, GENERATE, 0);
	traffic();
	EXPECT_GT(seen[1].tlps, 0);
	EXPECT_EQ(seen[1].digests, seen[1].tlps);
	EXPECT_EQ(seen[1].wrong, 0);
	EXPECT_EQ(seen[0].digests, 0);
	pair_close();
}

TEST(Ecrc, AHostWithEcrcAddsDigestsToWhateverItSends)
{
	open_with(true, CHECK, 0);
	traffic();
	EXPECT_GT(seen[0].tlps, 0);
	EXPECT_EQ(seen[0].digests, seen[0].tlps);
	EXPECT_EQ(seen[0].wrong, 0);
	EXPECT_EQ(seen[1].digests, 0);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 0);
	pair_close();
}

TEST(Ecrc, BothWaysAtOnce)
{
	open_with(true, GENERATE | CHECK, 0);
	for (unsigned i = 0; i < 20; i++)
		traffic();
	EXPECT_EQ(seen[0].digests + seen[1].digests, seen[0].tlps + seen[1].tlps);
	EXPECT_EQ(seen[0].wrong + seen[1].wrong, 0);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 0);
	EXPECT_EQ(pair.host.errors, 0);
	pair_close();
}

TEST(Ecrc, AWrongDigestOfAWriteIsLoggedToldAndTheWriteDropped)
{
	uint32_t value = 0xffffffff;

	open_with(true, CHECK, 0);
	at_host("corrupt part=data type=MWr bit=5 count=1");
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, &value, 4), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), 0);
	EXPECT_EQ(value, 0);
	EXPECT_EQ(pair.host.messages, 1);
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_ERR_NONFATAL);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), ECRC_ERROR);
	EXPECT_EQ(config(CONTROL) & 0x1f, 19);
	EXPECT_EQ(config(HEADER_LOG), 0x60008001);		/* MWr with TD */
	EXPECT_TRUE(log_has("ECRC Check Failed, dropped"));
	EXPECT_EQ(pair.model.accesses, 1);			/* the read */
	pair_close();
}

TEST(Ecrc, SeverityChoosesTheMessage)
{
	uint32_t value = 0;

	open_with(true, CHECK, 0);
	set_config(AER + 12, 4, ECRC_ERROR);
	at_host("corrupt part=data type=MWr count=1");
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, &value, 4), 0);
	pair_settle();
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_ERR_FATAL);
	pair_close();
}

TEST(Ecrc, WithoutCheckEnabledAWrongDigestDoesNotMatter)
{
	uint32_t value = 0;

	open_with(true, 0, 0);
	at_host("corrupt part=data type=MWr bit=5 count=1");
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, &value, 4), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), 0);
	EXPECT_EQ(value, 0x20);		/* what came is used */
	EXPECT_EQ(pair.host.messages, 0);
	pair_close();
}

TEST(Ecrc, CreditsOfWhatIsDroppedGoBack)
{
	uint8_t data[512] = { 0 };
	uint32_t value;

	open_with(true, CHECK, 0);
	at_host("corrupt part=data type=MWr");
	for (unsigned i = 0; i < 3000; i++)
		EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, data, sizeof data), 0);
	at_host(NULL);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[1].addr, &value, 4), 0);
	EXPECT_EQ(pair.model.accesses, 1);
	pair_close();
}

/* Its requester cannot be told: who knows whether it is the one that the header names? */
TEST(Ecrc, ARequestWithAWrongDigestIsNotAnswered)
{
	uint32_t value = 0;

	open_with(true, CHECK, SOON_MS);
	at_host("corrupt part=header type=MRd bit=66 count=1");	/* an address bit */
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), TLPB_ERR_TIMEDOUT);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(pair.host.error.error, TLPB_RC_COMPLETION_TIMEOUT);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), ECRC_ERROR);
	pair_close();
}

TEST(Ecrc, ACompletionWithAWrongDigestIsLost)
{
	uint8_t buf[16];

	open_with(true, CHECK, SOON_MS);
	at_host("corrupt part=data type=CplD to=device count=1");
	EXPECT_EQ(dma(false, buf, sizeof buf), TLPB_ERR_TIMEDOUT);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), ECRC_ERROR | 1 << 14);	/* Completion Timeout */
	EXPECT_EQ(config(CONTROL) & 0x1f, 19);				/* came first */
	EXPECT_EQ(config(HEADER_LOG) >> 24, 0x4a);
	pair_close();
}

TEST(Ecrc, TheHostDropsCompletionsWithAWrongDigestAndIsTold)
{
	struct tlpb_rc_stats stats;
	uint32_t value = 0;

	open_with(true, GENERATE, SOON_MS);
	at_host("corrupt part=data type=CplD to=host count=1");
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), TLPB_ERR_TIMEDOUT);
	EXPECT_EQ(value, 0xffffffff);
	tlpb_rc_get_stats(pair.rc, &stats);
	EXPECT_EQ(stats.errors[TLPB_RC_ECRC], 1);
	EXPECT_EQ(stats.errors[TLPB_RC_COMPLETION_TIMEOUT], 1);
	pair_close();
}

TEST(Ecrc, TheHostDropsDmaWritesWithAWrongDigest)
{
	uint8_t byte = 1;

	open_with(true, GENERATE, 0);
	at_host("corrupt part=data type=MWr to=host count=1");
	EXPECT_EQ(dma(true, &byte, 1), 0);	/* posted, and lost: nobody tells */
	EXPECT_EQ(pair.host.ram[0x10], 0);
	EXPECT_EQ(pair.host.errors, 1);
	EXPECT_EQ(pair.host.error.error, TLPB_RC_ECRC);
	EXPECT_TRUE(pair.host.error.has_header);
	EXPECT_EQ(pair.host.error.header[0], 0x40008001);
	EXPECT_FALSE(pair.host.error.advisory);
	pair_close();
}

TEST(Ecrc, PoisonOnTheWayDoesNotSpoilTheDigest)
{
	uint32_t value = 1;

	open_with(true, CHECK, 0);
	at_host("poison type=MWr count=1");
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[1].addr, &value, 4), 0);
	pair_settle();
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 1 << 12);
	pair_close();
}

TEST(Ecrc, AFunctionLevelResetKeepsTheEnablesAndASystemResetEndsThem)
{
	open_with(false, GENERATE | CHECK, 0);
	set_config(DEVCTL, 2, 0xa80f);
	set_config(4, 2, 6);
	memset(seen, 0, sizeof seen);
	config(0);
	EXPECT_EQ(seen[1].digests, 1);
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_SYSTEM), 0);
	config(0);
	config(0);
	EXPECT_EQ(seen[1].digests, 1);
	pair_close();
}

/* A new host has not enabled anything. */
TEST(Ecrc, ANewLinkBeginsWithout)
{
	char why[256] = "";

	open_with(false, GENERATE, 0);
	pair_disconnect();
	EXPECT_EQ(pair_connect(why, sizeof why), 0);
	look_at_link();
	config(0);
	EXPECT_EQ(seen[1].tlps, 1);
	EXPECT_EQ(seen[1].digests, 0);
	pair_close();
}
