/* SPDX-License-Identifier: MIT */
/* Errors that the endpoint detects: registers, header log, messages (6.2). */
#include <string.h>

#include "bytes.h"
#include "caught_log.h"
#include "ep_private.h"
#include "gtest.h"
#include "link_private.h"
#include "pair.h"
#include "process.h"
#include "rc_private.h"

enum {
	COMMAND = 4, STATUS = 6, DEVCTL = 0x78, DEVSTA = 0x7a,
	COMMAND_ALL = 7,
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

/* ---- messages, several functions ---- */

TEST(Error, AnUnsupportedMessageIsNonFatal)
{
	const struct tlpb_tlp msg = { .kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_BROADCAST,
				      .message_code = TLPB_MSG_VENDOR_TYPE0 };

	open_all();
	pair.model.knows_nothing = true;
	pair_post(&msg);
	pair_settle();
	expect_message(TLPB_MSG_ERR_NONFATAL);
	expect_first_error(UNSUPPORTED);
	EXPECT_EQ(config(HEADER_LOG), 0x33000000);
	EXPECT_EQ(config(HEADER_LOG + 4) & 0xff, TLPB_MSG_VENDOR_TYPE0);
	pair_close();
}

static void add_second(void)
{
	struct tlpb_device device = pair_device();
	struct tlpb_ep_function function = { .device = &device, .number = 5 };
	char why[256] = "";

	device.has = TLPB_HAS_AER;
	device.msix_vectors = 0;
	if (tlpb_ep_add_function(pair.ep, &function, why, sizeof why))
		FAIL("%s", why);
}

static uint32_t config_of(uint16_t bdf, unsigned at)
{
	uint32_t value;

	EXPECT_EQ(tlpb_rc_config_read(pair.rc, bdf, at, 4, &value), 0);
	return value;
}

static void set_config_of(uint16_t bdf, unsigned at, unsigned size, uint32_t value)
{
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, bdf, at, size, value), 0);
}

enum { NOWHERE = 0x70000000 };	/* their BARs are at 0 */

/* Functions 0 and 5 of the pair's address; each tells of errors. */
static void open_two(void)
{
	struct tlpb_device device = pair_device();
	char why[256] = "";

	device.has = TLPB_HAS_AER;
	pair_open(&(struct pair_options){ .device = &device, .stay_apart = true });
	add_second();
	if (pair_connect(why, sizeof why))
		FAIL("%s", why);
	for (unsigned i = 0; i < 2; i++) {
		uint16_t bdf = (uint16_t)((PAIR_BDF & ~7) + (i ? 5 : 0));

		set_config_of(bdf, COMMAND, 2, COMMAND_ALL);
		set_config_of(bdf, CORRECTABLE_MASK, 4, 0);
		set_config_of(bdf, DEVCTL, 4, 0x000f280f);
	}
	pair.host.messages = 0;
}

static uint16_t first(void)
{
	return PAIR_BDF & ~7;
}

static uint16_t second(void)
{
	return (PAIR_BDF & ~7) + 5;
}

TEST(Error, AFunctionReportsItsOwn)
{
	open_two();
	at_host("poison type=CfgWr0 count=1");
	EXPECT_EQ(tlpb_rc_config_write(pair.rc, second(), 0x3c, 1, 1), TLPB_ERR_UNSUPPORTED);
	expect_message(TLPB_MSG_ERR_COR);
	EXPECT_EQ(config_of(second(), UNCORRECTABLE_STATUS), 1u << POISONED);
	EXPECT_EQ(config_of(first(), UNCORRECTABLE_STATUS), 0);
	pair_close();
}

TEST(Error, WhatNoFunctionClaimsIsLoggedByAllAndToldOnce)
{
	uint32_t value = 1;

	open_two();
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, NOWHERE, &value, 4), 0);
	pair_settle_at(first());
	expect_message(TLPB_MSG_ERR_NONFATAL);
	EXPECT_EQ(config_of(first(), UNCORRECTABLE_STATUS), 1u << UNSUPPORTED);
	EXPECT_EQ(config_of(second(), UNCORRECTABLE_STATUS), 1u << UNSUPPORTED);
	EXPECT_EQ(config_of(second(), HEADER_LOG), 0x40000001);
	pair_close();
}

TEST(Error, WhatNoFunctionClaimsIsToldOnceForEachSeverity)
{
	uint32_t value = 1;

	open_two();
	set_config_of(second(), SEVERITY, 4, 1u << UNSUPPORTED);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, NOWHERE, &value, 4), 0);
	pair_settle_at(first());
	EXPECT_EQ(pair.host.messages, 2);
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_ERR_FATAL);
	pair_close();
}

/* The one that is enabled to tell does; the other logs. */
TEST(Error, WhatNoFunctionClaimsIsToldByOneThatMay)
{
	uint32_t value = 1;

	open_two();
	set_config_of(first(), DEVCTL, 2, 0x2800);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, NOWHERE, &value, 4), 0);
	pair_settle_at(first());
	expect_message(TLPB_MSG_ERR_NONFATAL);
	pair_close();
}

/* ---- Master Data Parity Error ---- */

enum { PARITY_RESPONSE = 0x40, MASTER_PARITY = 0x0100 };

static bool master_parity(void)
{
	return config(COMMAND) >> 16 & MASTER_PARITY;
}

TEST(Error, APoisonedCompletionIsAMasterDataParityErrorIfThatIsEnabled)
{
	open_all();
	at_host("poison type=CplD to=device count=2");
	EXPECT_EQ(dma_read(), TLPB_ERR_POISONED);
	EXPECT_FALSE(master_parity());
	set_config(COMMAND, 2, COMMAND_ALL | PARITY_RESPONSE);
	EXPECT_EQ(dma_read(), TLPB_ERR_POISONED);
	EXPECT_TRUE(master_parity());
	set_config(STATUS, 2, MASTER_PARITY);
	EXPECT_FALSE(master_parity());
	pair_close();
}

static void dma_write(void)
{
	uint8_t byte = 1;
	struct dma dma = { .write = true, .addr = HOST_RAM_BASE, .buf = &byte, .len = 1 };

	pair_dma_run(&dma);
	pair_settle();
}

TEST(Error, APoisonedRequestThatIsSentIsAMasterDataParityErrorIfThatIsEnabled)
{
	open_all();
	pair_on_ep(add_at_ep, "poison type=MWr to=host count=2");
	dma_write();
	EXPECT_FALSE(master_parity());
	set_config(COMMAND, 2, COMMAND_ALL | PARITY_RESPONSE);
	dma_write();
	EXPECT_TRUE(master_parity());
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 0);	/* it is the receiver's error */
	pair_close();
}

/* ---- time, malformed TLPs, flow control ---- */

TEST(Error, ACompletionThatDoesNotComeInTimeIsATimeout)
{
	struct tlpb_device device = pair_device();

	device.has = TLPB_HAS_AER;
	pair_open(&(struct pair_options){ .device = &device, .ep_timeout_ms = 300 });
	pair_enumerate();
	set_config(UNCORRECTABLE_STATUS, 4, 0xffffffff);
	set_config(DEVCTL, 4, 0x000f280f);
	at_host("drop type=MRd to=host count=1");
	pair.host.messages = 0;
	EXPECT_EQ(dma_read(), TLPB_ERR_TIMEDOUT);
	expect_message(TLPB_MSG_ERR_NONFATAL);
	expect_first_error(TIMEOUT);
	EXPECT_EQ(config(HEADER_LOG), 0);
	pair_close();
}

/* A read of two doublewords whose last ones are in the next page. */
static const struct tlpb_tlp crossing = {
	.kind = TLPB_MRD, .address = 0x1ffc, .length_dw = 2, .first_be = 15, .last_be = 15, .tag = 200,
};

TEST(Error, AMalformedTlpIsDroppedLoggedAndFatal)
{
	open_all();
	pair_post(&crossing);
	pair_settle();
	expect_message(TLPB_MSG_ERR_FATAL);
	expect_first_error(MALFORMED);
	EXPECT_EQ(config(HEADER_LOG), 0x00000002);
	EXPECT_EQ(config(HEADER_LOG + 8), 0x1ffc);
	EXPECT_TRUE(log_has("Malformed TLP (CROSSES_4K), dropped"));
	EXPECT_TRUE(tlpb_rc_is_up(pair.rc));
	pair_close();
}

TEST(Error, CreditsOfMalformedTlpsGoBack)
{
	open_all();
	for (unsigned i = 0; i < 3000; i++) {
		pair_post(&crossing);
		tlpb_rc_process(pair.rc);
	}
	EXPECT_EQ(config(UNCORRECTABLE_STATUS), 1u << MALFORMED);
	pair_close();
}

TEST(Error, AMalformedTlpOfNoKnownSizeIsToldBeforeTheLinkGoesDown)
{
	open_all();
	/* Length says one doubleword more than there is. */
	at_host("corrupt part=header bit=24 type=MWr count=1");
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr, "\1\2\3\4", 4), 0);
	while (!pair.host.downs)
		tlpb_rc_process(pair.rc);
	expect_message(TLPB_MSG_ERR_FATAL);
	EXPECT_TRUE(strstr(pair.host.down_text, "Malformed TLP (SIZE_MISMATCH)") != NULL);
	pair_close();
}

static struct tlpb_ep_request *kept;

static void keep(struct tlpb_ep_request *request)
{
	if (kept)
		tlpb_ep_complete(pair.ep, request, TLPB_CPL_SC);
	else
		kept = request;
}

static void give_back(void *arg)
{
	tlpb_ep_complete(pair.ep, kept, TLPB_CPL_SC);
	kept = NULL;
}

static void open_told(const char *ep_credits)
{
	struct tlpb_device device = pair_device();

	device.has = TLPB_HAS_AER;
	pair_open(&(struct pair_options){ .device = &device, .ep_credits = ep_credits });
	pair_enumerate();
	set_config(DEVCTL, 4, 0x000f280f);
	pair.host.messages = 0;
}

static void await_down(const char *text)
{
	while (!pair.host.downs)
		tlpb_rc_process(pair.rc);
	expect_message(TLPB_MSG_ERR_FATAL);
	if (!strstr(pair.host.down_text, text))
		FAIL("told \"%s\", not \"%s\"", pair.host.down_text, text);
}

TEST(Error, AReceiverOverflowIsToldBeforeTheLinkGoesDown)
{
	open_told("PH=1,PD=32");
	pair.model.on_access = keep;
	pair.rc->link->credits.tx[TLPB_POOL_PH].infinite = true;	/* it knows no gate */
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr, "\1\2\3\4", 4), 0);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr, "\1\2\3\4", 4), 0);
	await_down("Receiver Overflow");
	pair_await_detached();
	pair_on_ep(give_back, NULL);
	pair_close();
}

/* All pools back to what they were at first, or finite. */
static const uint8_t wrong_credits[12] = { 0xff, 0, 0xff, 0x0f, 0xff, 0, 0xff, 0x0f, 0xff, 0, 0xff, 0x0f };

TEST(Error, AnIllegalUpdateOfCreditsIsToldBeforeTheLinkGoesDown)
{
	open_told(NULL);
	EXPECT_EQ(tlpb__link_send(pair.rc->link, TLPB_FRAME_CREDITS, 0, wrong_credits,
				  sizeof wrong_credits), 0);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, pair.bar[0].addr, "", 1), 0);	/* credits alone wake nobody */
	await_down("Flow Control Protocol Error");
	pair_close();
}

enum { ERRORS = 1000 };

static void take_posted_credits(void *arg)
{
	struct credit_tx *tx = &pair.ep->link->credits.tx[TLPB_POOL_PH];

	tx->infinite = false;
	tx->limit = tx->consumed;
}

static struct {
	unsigned met, messages;
} ep_state;

static void look_at_ep(void *arg)
{
	ep_state.met = pair.ep->error_messages_waiting;
	ep_state.messages = pair.ep->link->waiting.count[TLPB_POSTED];
}

/* Nor may a completion pass them, so the host hears nothing any more. */
TEST(Error, MessagesThatCannotGoDoNotFillMemory)
{
	uint32_t value = 1;

	open_told(NULL);
	pair_on_ep(take_posted_credits, NULL);
	for (unsigned i = 0; i < ERRORS; i++)
		EXPECT_EQ(tlpb_rc_mem_write(pair.rc, 0x10, &value, 4), 0);
	for (unsigned i = 0; i < PAIR_PATIENCE_MS && ep_state.met < ERRORS; i++) {
		tlpb_rc_process(pair.rc);
		pair_on_ep(look_at_ep, NULL);
		sleep_ms(1);
	}
	EXPECT_EQ(ep_state.met, ERRORS);
	EXPECT_EQ(ep_state.messages, 64);
	pair_close();
}

TEST(Error, AnInjectedErrorIsThatOfTheFunctionWhoseRequestItIs)
{
	open_two();
	pair_on_ep(add_at_ep, "error=completion-timeout type=CfgRd0 addr=0xf00;"
			      "error=malformed type=CfgRd0 addr=0xf04");
	config_of(second(), 0xf00);
	EXPECT_EQ(config_of(first(), UNCORRECTABLE_STATUS), 0);
	EXPECT_EQ(config_of(second(), UNCORRECTABLE_STATUS), 1u << TIMEOUT);
	config_of(second(), 0xf04);	/* is of none */
	EXPECT_EQ(config_of(first(), UNCORRECTABLE_STATUS), 1u << MALFORMED);
	pair_close();
}

static void report_of_both(void *arg)
{
	EXPECT_EQ(tlpb_ep_report_of(pair.ep, 5, TLPB_EP_UNCORRECTABLE), 0);
	EXPECT_EQ(tlpb_ep_report_of(pair.ep, 4, TLPB_EP_UNCORRECTABLE), TLPB_ERR_INVALID);
}

TEST(Error, WhatFailedInsideAFunctionIsItsOwn)
{
	open_two();
	set_config_of(second(), UNCORRECTABLE_MASK, 4, 0);
	pair_on_ep(report_of_both, NULL);
	pair_settle_at(first());
	EXPECT_EQ(config_of(first(), UNCORRECTABLE_STATUS), 0);
	EXPECT_EQ(config_of(second(), UNCORRECTABLE_STATUS), 1u << 22);
	expect_message(TLPB_MSG_ERR_FATAL);
	pair_close();
}
