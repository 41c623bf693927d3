/* SPDX-License-Identifier: MIT */
/* Errors that the endpoint detects: registers, header log, messages (6.2). */
#include <string.h>

#include "bytes.h"
#include "gtest.h"
#include "pair.h"

enum {
	COMMAND = 4, STATUS = 6, DEVCTL = 0x78, DEVSTA = 0x7a,
	COMMAND_ALL = 7, COMMAND_SERR = 0x100,
	AER = 0x100, UNCORRECTABLE_STATUS = AER + 4, UNCORRECTABLE_MASK = AER + 8, SEVERITY = AER + 12,
	CORRECTABLE_STATUS = AER + 16, CORRECTABLE_MASK = AER + 20, CONTROL = AER + 24,
	HEADER_LOG = AER + 28,
	ADVISORY = 1 << 13, POISONED = 12, TIMEOUT = 14, ABORT = 15, UNEXPECTED = 16, MALFORMED = 18,
	UNSUPPORTED = 20,
};

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

/* With AER, all errors enabled in Device Control, and advisory ones unmasked. */
static void open_all(void)
{
	struct tlpb_device device = pair_device();

	device.has = TLPB_HAS_AER;
	pair_open(&(struct pair_options){ .device = &device });
	pair_enumerate();
	set_config(UNCORRECTABLE_STATUS, 4, 0xffffffff);	/* of enumerating */
	set_config(CORRECTABLE_STATUS, 4, 0xffffffff);
	set_config(CORRECTABLE_MASK, 4, 0);
	set_config(DEVCTL, 4, 0x000f280f);
	set_config(STATUS, 2, 0xf900);
	pair.host.messages = 0;
}

static void add_at_ep(void *rules)
{
	char why[256] = "";

	if (tlpb_ep_inject(pair.ep, rules, why, sizeof why))
		FAIL("%s", why);
}

static void at_host(const char *rules)
{
	char why[256] = "";

	if (tlpb_rc_inject(pair.rc, rules, why, sizeof why))
		FAIL("%s", why);
}

static void expect_message(unsigned code)
{
	EXPECT_EQ(pair.host.messages, 1);
	EXPECT_EQ(pair.host.message_code, code);
}

static void expect_first_error(unsigned bit)
{
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 1u << bit);
	EXPECT_EQ(config(CONTROL) & 0x1f, bit);
}

static int read_nowhere(void)
{
	uint32_t value;

	return tlpb_rc_mem_read(pair.rc, 0x10, &value, 4);
}

TEST(Error, AnUnsupportedReadIsAdvisoryNonFatal)
{
	open_all();
	EXPECT_EQ(read_nowhere(), TLPB_ERR_UNSUPPORTED);
	expect_message(TLPB_MSG_ERR_COR);
	EXPECT_EQ(config(CORRECTABLE_STATUS), ADVISORY);
	expect_first_error(UNSUPPORTED);
	EXPECT_EQ(config(HEADER_LOG), 0x00000001);
	EXPECT_EQ(config(HEADER_LOG + 4) & 0xff, 0x0f);
	EXPECT_EQ(config(HEADER_LOG + 8), 0x10);
	EXPECT_EQ(config(HEADER_LOG + 12), 0);
	EXPECT_EQ(config(DEVCTL) >> 16 & 0xf, 0x9);	/* correctable, unsupported */
	pair_close();
}

TEST(Error, AnAdvisoryErrorThatIsMaskedIsNotTold)
{
	open_all();
	set_config(CORRECTABLE_MASK, 4, ADVISORY);
	EXPECT_EQ(read_nowhere(), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(pair.host.messages, 0);
	EXPECT_EQ(config(CORRECTABLE_STATUS), ADVISORY);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 0);
	pair_close();
}

TEST(Error, AnUnsupportedPostedWriteIsNonFatal)
{
	uint32_t value = 1;

	open_all();
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, 0x10, &value, 4), 0);
	pair_settle();
	expect_message(TLPB_MSG_ERR_NONFATAL);
	expect_first_error(UNSUPPORTED);
	EXPECT_EQ(config(HEADER_LOG), 0x40000001);
	pair_close();
}

TEST(Error, SeverityMakesItFatal)
{
	open_all();
	set_config(SEVERITY, 4, 1u << UNSUPPORTED);
	EXPECT_EQ(read_nowhere(), TLPB_ERR_UNSUPPORTED);
	expect_message(TLPB_MSG_ERR_FATAL);
	EXPECT_EQ(config(CORRECTABLE_STATUS), 0);
	pair_close();
}

TEST(Error, AMaskedErrorIsLoggedAndNotTold)
{
	uint32_t value = 1;

	open_all();
	set_config(UNCORRECTABLE_MASK, 4, 1u << UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, 0x10, &value, 4), 0);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 1u << UNSUPPORTED);
	EXPECT_EQ(config(HEADER_LOG), 0);
	EXPECT_EQ(pair.host.messages, 0);
	pair_close();
}

TEST(Error, DeviceControlOrSerrEnableTells)
{
	uint32_t value = 1;

	open_all();
	set_config(DEVCTL, 2, 0x2800);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, 0x10, &value, 4), 0);
	pair_settle();
	EXPECT_EQ(pair.host.messages, 0);
	set_config(COMMAND, 2, COMMAND_ALL | COMMAND_SERR);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, 0x10, &value, 4), 0);
	pair_settle();
	expect_message(TLPB_MSG_ERR_NONFATAL);
	EXPECT_TRUE(config(COMMAND) >> 16 & 0x4000);	/* Signaled System Error */
	pair_close();
}

TEST(Error, AModelThatFailsIsACompleterAbort)
{
	uint32_t value;

	open_all();
	pair.model.status = TLPB_CPL_CA;
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), TLPB_ERR_ABORTED);
	expect_message(TLPB_MSG_ERR_COR);
	expect_first_error(ABORT);
	EXPECT_TRUE(config(COMMAND) >> 16 & 0x0800);	/* Signaled Target Abort */
	pair_close();
}

TEST(Error, APoisonedWriteIsNotDoneAndNonFatal)
{
	uint32_t value = 1;

	open_all();
	at_host("poison type=MWr count=1");
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr, &value, 4), 0);
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, &value, 4), 0);
	EXPECT_EQ(value, 0);
	expect_message(TLPB_MSG_ERR_NONFATAL);
	expect_first_error(POISONED);
	EXPECT_EQ(config(HEADER_LOG), 0x40004001);
	EXPECT_TRUE(config(COMMAND) >> 16 & 0x8000);	/* Detected Parity Error */
	pair_close();
}

TEST(Error, APoisonedConfigurationWriteIsAdvisory)
{
	uint32_t before;

	open_all();
	before = config(0x3c);
	at_host("poison type=CfgWr0 count=1");
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x3c, 1, ~before & 0xff), TLPB_ERR_UNSUPPORTED);
	expect_message(TLPB_MSG_ERR_COR);
	expect_first_error(POISONED);
	EXPECT_EQ(config(0x3c), before);
	pair_close();
}

static int dma_read(void)
{
	uint8_t buf[16];
	struct dma dma = { .addr = HOST_RAM_BASE, .buf = buf, .len = sizeof buf };

	pair_dma_run(&dma);
	pair_settle();
	return dma.err;
}

TEST(Error, APoisonedCompletionIsTheModelsErrorAndAdvisory)
{
	open_all();
	at_host("poison type=CplD count=1");
	EXPECT_EQ(dma_read(), TLPB_ERR_POISONED);
	expect_message(TLPB_MSG_ERR_COR);
	expect_first_error(POISONED);
	pair_close();
}

static bool was_told(void *arg)
{
	return pair.host.messages;
}

/* With one credit for completions the second one waits until the first has left its buffer. */
TEST(Error, AnUnexpectedCompletionIsDroppedAndAdvisory)
{
	open_all();
	at_host("duplicate type=CplD count=1");
	EXPECT_EQ(dma_read(), 0);
	pair_serve_until(was_told, NULL);
	expect_message(TLPB_MSG_ERR_COR);
	expect_first_error(UNEXPECTED);
	EXPECT_EQ(config(HEADER_LOG) >> 24, 0x4a);
	pair_close();
}

TEST(Error, ACompletionTimeoutIsNonFatalAndHasNoHeader)
{
	open_all();
	pair_on_ep(add_at_ep, "timeout type=MRd count=1");
	EXPECT_EQ(dma_read(), TLPB_ERR_TIMEDOUT);
	expect_message(TLPB_MSG_ERR_NONFATAL);
	expect_first_error(TIMEOUT);
	EXPECT_EQ(config(HEADER_LOG), 0);
	pair_close();
}

TEST(Error, AStatusForTheDeviceIsInItsStatusRegister)
{
	open_all();
	at_host("status=CA type=MRd to=host count=1; status=UR type=MRd to=host count=1");
	EXPECT_EQ(dma_read(), TLPB_ERR_ABORTED);
	EXPECT_EQ(config(COMMAND) >> 28, 0x1);		/* Received Target Abort */
	EXPECT_EQ(dma_read(), TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(config(COMMAND) >> 28, 0x3);		/* and Received Master Abort */
	EXPECT_EQ(pair.host.messages, 0);
	pair_close();
}

TEST(Error, TheFirstErrorKeepsItsHeader)
{
	uint32_t value = 1;

	open_all();
	EXPECT_EQ(read_nowhere(), TLPB_ERR_UNSUPPORTED);
	at_host("poison type=MWr count=1");
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr, &value, 4), 0);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 1u << UNSUPPORTED | 1u << POISONED);
	EXPECT_EQ(config(CONTROL) & 0x1f, UNSUPPORTED);
	EXPECT_EQ(config(HEADER_LOG), 0x00000001);
	pair_close();
}

TEST(Error, AResetRefusesWithoutAnError)
{
	uint32_t command;

	open_all();
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_SYSTEM), 0);
	command = config(COMMAND);
	EXPECT_EQ(command >> 16 & 0xf900, 0);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 0);
	EXPECT_EQ(config(CORRECTABLE_STATUS), 0);
	pair_close();
}

TEST(Error, WithoutAerDeviceStatusAndTheDefaultsOfSeverityHold)
{
	uint32_t value = 1;

	pair_open(NULL);
	pair_enumerate();
	set_config(DEVCTL, 4, 0x000f280f);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, 0x10, &value, 4), 0);
	pair_settle();
	expect_message(TLPB_MSG_ERR_NONFATAL);
	EXPECT_EQ(config(DEVCTL) >> 16 & 0xf, 0xa);	/* non-fatal, unsupported */
	pair_close();
}

TEST(Error, InjectedErrorsAreReportedAsMetWithTheirTlp)
{
	open_all();
	pair_on_ep(add_at_ep, "error=receiver type=CfgRd0 addr=0xf00; error=malformed type=CfgRd0 addr=0xf04");
	config(0xf00);
	pair_settle();
	expect_message(TLPB_MSG_ERR_COR);
	EXPECT_EQ(config(CORRECTABLE_STATUS), 1);
	pair.host.messages = 0;
	config(0xf04);
	pair_settle();
	expect_message(TLPB_MSG_ERR_FATAL);
	expect_first_error(MALFORMED);
	EXPECT_EQ(config(HEADER_LOG + 8) & 0xfff, 0xf04);
	pair_close();
}

static void report_internal(void *arg)
{
	EXPECT_EQ(tlpb_ep_report(pair.ep, *(enum tlpb_ep_error *)arg), 0);
}

TEST(Error, AModelMayReportWhatFailedInsideIt)
{
	enum tlpb_ep_error error = TLPB_EP_UNCORRECTABLE;

	open_all();
	set_config(UNCORRECTABLE_MASK, 4, 0);
	pair_on_ep(report_internal, &error);
	pair_settle();
	EXPECT_EQ(pair.host.messages, 1);
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 1u << 22);
	pair_close();
}
