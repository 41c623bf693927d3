/* SPDX-License-Identifier: MIT */
/* From an error to registers and messages, by figure 6-2. */
#include "config_aer.h"
#include "config_layout.h"
#include "gtest.h"

enum {
	ALL = 0xf,
	DEVCTL = CFG_PCIE + PCIE_DEVCTL,	/* DevSta in bits 31:16 */
	COR = 1, NONFATAL = 2, FATAL = 4, UNSUPPORTED = 8,	/* enables, and as detected */
	SERR = 0x100,
	UR = AER_UNSUPPORTED_REQUEST,
	UR_ADVISORY = AER_UNSUPPORTED_REQUEST | AER_AS_ADVISORY,
};

static struct config_space c;
static const uint32_t header[4] = { 0x00000001, 0x01000a0f, 0xe0001000, 0 };
static const uint32_t other[4] = { 0x40000001, 0x01000b0f, 0xe0002000, 0 };

static void setup(uint32_t has)
{
	struct tlpb_device device = { .has = has };

	tlpb__config_init(&c, &device, 512);
}

static uint32_t rd(unsigned offset)
{
	return tlpb__config_read(&c, offset);
}

static void wr(unsigned offset, uint32_t value)
{
	tlpb__config_write(&c, offset, ALL, value);
}

static unsigned device_status(void)
{
	return rd(DEVCTL) >> 16;
}

static uint32_t aer(unsigned offset)
{
	return rd(c.at[PART_AER] + offset);
}

static void set_aer(unsigned offset, uint32_t value)
{
	wr(c.at[PART_AER] + offset, value);
}

/* ---- which message ---- */

TEST(Aer, TheMessageFollowsSeverityMasksAndEnables)
{
	static const struct {
		unsigned error;
		uint32_t severity_bit;		/* 1: made fatal */
		bool masked, advisory_masked;
		unsigned enables, command;
		enum error_message message;
		unsigned detected;
	} rows[] = {
		/* Uncorrectable, non-fatal. */
		{ AER_COMPLETION_TIMEOUT, 0, 0, 1, NONFATAL, 0, ERROR_MESSAGE_NONFATAL, NONFATAL },
		{ AER_COMPLETION_TIMEOUT, 0, 0, 1, COR | FATAL | UNSUPPORTED, 0, ERROR_MESSAGE_NONE, NONFATAL },
		{ AER_COMPLETION_TIMEOUT, 0, 0, 1, 0, SERR, ERROR_MESSAGE_NONFATAL, NONFATAL },
		{ AER_COMPLETION_TIMEOUT, 0, 1, 1, NONFATAL, SERR, ERROR_MESSAGE_NONE, NONFATAL },
		/* The same, made fatal. */
		{ AER_COMPLETION_TIMEOUT, 1, 0, 1, FATAL, 0, ERROR_MESSAGE_FATAL, FATAL },
		{ AER_COMPLETION_TIMEOUT, 1, 0, 1, NONFATAL, 0, ERROR_MESSAGE_NONE, FATAL },
		{ AER_COMPLETION_TIMEOUT, 1, 0, 1, 0, SERR, ERROR_MESSAGE_FATAL, FATAL },
		/* Fatal by default. */
		{ AER_MALFORMED, 1, 0, 1, FATAL, 0, ERROR_MESSAGE_FATAL, FATAL },
		{ AER_MALFORMED, 0, 0, 1, NONFATAL, 0, ERROR_MESSAGE_NONFATAL, NONFATAL },
		/* Unsupported Request has an enable of its own, but for SERR#. */
		{ UR, 0, 0, 1, NONFATAL, 0, ERROR_MESSAGE_NONE, NONFATAL | UNSUPPORTED },
		{ UR, 0, 0, 1, NONFATAL | UNSUPPORTED, 0, ERROR_MESSAGE_NONFATAL, NONFATAL | UNSUPPORTED },
		{ UR, 0, 0, 1, UNSUPPORTED, 0, ERROR_MESSAGE_NONE, NONFATAL | UNSUPPORTED },
		{ UR, 0, 0, 1, 0, SERR, ERROR_MESSAGE_NONFATAL, NONFATAL | UNSUPPORTED },
		{ UR, 1, 0, 1, FATAL | UNSUPPORTED, 0, ERROR_MESSAGE_FATAL, FATAL | UNSUPPORTED },
		/* Advisory non-fatal. */
		{ UR_ADVISORY, 0, 0, 1, COR | UNSUPPORTED, SERR, ERROR_MESSAGE_NONE, COR | UNSUPPORTED },
		{ UR_ADVISORY, 0, 0, 0, COR | UNSUPPORTED, 0, ERROR_MESSAGE_COR, COR | UNSUPPORTED },
		{ UR_ADVISORY, 0, 1, 0, COR | UNSUPPORTED, 0, ERROR_MESSAGE_COR, COR | UNSUPPORTED },
		{ UR_ADVISORY, 0, 0, 0, COR, 0, ERROR_MESSAGE_NONE, COR | UNSUPPORTED },
		{ UR_ADVISORY, 0, 0, 0, NONFATAL | UNSUPPORTED, SERR, ERROR_MESSAGE_NONE, COR | UNSUPPORTED },
		{ AER_COMPLETER_ABORT | AER_AS_ADVISORY, 0, 0, 0, COR, 0, ERROR_MESSAGE_COR, COR },
		/* Not advisory when fatal. */
		{ UR_ADVISORY, 1, 0, 0, FATAL | UNSUPPORTED, 0, ERROR_MESSAGE_FATAL, FATAL | UNSUPPORTED },
		/* Correctable. */
		{ AER_COR_BAD_TLP, 0, 0, 1, COR, 0, ERROR_MESSAGE_COR, COR },
		{ AER_COR_BAD_TLP, 0, 1, 1, COR, 0, ERROR_MESSAGE_NONE, COR },
		{ AER_COR_BAD_TLP, 0, 0, 1, NONFATAL | FATAL, SERR, ERROR_MESSAGE_NONE, COR },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned bit = rows[i].error & 0xff;
		bool correctable = bit >= AER_COR;
		uint32_t mask = 1u << bit % AER_COR;
		char row[8] = { (char)('0' + i / 10), (char)('0' + i % 10) };

		gt_about(row);
		setup(TLPB_HAS_AER);
		wr(DEVCTL, rows[i].enables);
		wr(CFG_COMMAND, rows[i].command);
		set_aer(AER_SEVERITY, !correctable && rows[i].severity_bit ? mask : 0);
		set_aer(AER_UNCORRECTABLE_MASK, !correctable && rows[i].masked ? mask : 0);
		set_aer(AER_CORRECTABLE_MASK, (correctable && rows[i].masked ? mask : 0) |
					      (rows[i].advisory_masked ? 1u << 13 : 0));
		EXPECT_EQ(tlpb__config_aer_report(&c, rows[i].error, header), rows[i].message);
		EXPECT_EQ(device_status(), rows[i].detected);
		/* Signaled System Error: ERR_NONFATAL or ERR_FATAL, with SERR# enabled. */
		EXPECT_EQ(rd(CFG_COMMAND) >> 30 & 1,
			  rows[i].message >= ERROR_MESSAGE_NONFATAL && rows[i].command & SERR);
	}
	gt_about("");
}

TEST(Aer, DefaultSeverityIsThatOfTheSpecification)
{
	static const unsigned fatal[] = { 4, 13, 17, 18, 22 }, nonfatal[] = { 12, 14, 15, 16, 20 };

	setup(TLPB_HAS_AER);
	wr(CFG_COMMAND, SERR);
	set_aer(AER_UNCORRECTABLE_MASK, 0);
	for (unsigned i = 0; i < 5; i++) {
		EXPECT_EQ(tlpb__config_aer_report(&c, fatal[i], header), ERROR_MESSAGE_FATAL);
		EXPECT_EQ(tlpb__config_aer_report(&c, nonfatal[i], header), ERROR_MESSAGE_NONFATAL);
	}
}

TEST(Aer, InternalErrorsAreMaskedByDefault)
{
	setup(TLPB_HAS_AER);
	wr(CFG_COMMAND, SERR);
	wr(DEVCTL, COR | NONFATAL | FATAL);
	EXPECT_EQ(tlpb__config_aer_report(&c, AER_INTERNAL, NULL), ERROR_MESSAGE_NONE);
	EXPECT_EQ(tlpb__config_aer_report(&c, AER_COR_INTERNAL, NULL), ERROR_MESSAGE_NONE);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 1u << 22);
	EXPECT_EQ(aer(AER_CORRECTABLE_STATUS), 1u << 14);
}

TEST(Aer, WithoutAerDeviceStatusAndDefaultsRemain)
{
	setup(0);
	wr(DEVCTL, FATAL | COR);
	EXPECT_EQ(tlpb__config_aer_report(&c, AER_MALFORMED, header), ERROR_MESSAGE_FATAL);
	EXPECT_EQ(tlpb__config_aer_report(&c, AER_POISONED, header), ERROR_MESSAGE_NONE);
	EXPECT_EQ(device_status(), FATAL | NONFATAL);
	EXPECT_EQ(tlpb__config_aer_report(&c, AER_COMPLETER_ABORT | AER_AS_ADVISORY, header),
		  ERROR_MESSAGE_COR);
	EXPECT_EQ(rd(0x100), 0);
	EXPECT_EQ(rd(0x00), 0);			/* nothing is logged where there is no AER */
}

/* ---- the log ---- */

static void expect_log(const uint32_t *log)
{
	for (unsigned i = 0; i < 4; i++)
		EXPECT_EQ(aer(AER_HEADER_LOG + 4 * i), log[i]);
}

TEST(Aer, TheFirstErrorKeepsItsHeaderUntilItIsCleared)
{
	setup(TLPB_HAS_AER);
	tlpb__config_aer_report(&c, AER_POISONED, header);
	tlpb__config_aer_report(&c, UR, other);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 1u << 12 | 1u << 20);
	EXPECT_EQ(aer(AER_CONTROL) & 0x1f, 12);
	expect_log(header);
	set_aer(AER_UNCORRECTABLE_STATUS, 1u << 20);	/* not the first one */
	tlpb__config_aer_report(&c, UR, other);
	expect_log(header);
	set_aer(AER_UNCORRECTABLE_STATUS, 1u << 12);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 1u << 20);
	tlpb__config_aer_report(&c, AER_MALFORMED, other);
	EXPECT_EQ(aer(AER_CONTROL) & 0x1f, 18);
	expect_log(other);
}

TEST(Aer, AMaskedErrorSetsItsStatusButLogsNoHeader)
{
	static const uint32_t nothing[4];

	setup(TLPB_HAS_AER);
	set_aer(AER_UNCORRECTABLE_MASK, 1u << 20);
	tlpb__config_aer_report(&c, UR, header);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 1u << 20);
	EXPECT_EQ(aer(AER_CONTROL) & 0x1f, 0);
	expect_log(nothing);
	tlpb__config_aer_report(&c, AER_POISONED, other);
	EXPECT_EQ(aer(AER_CONTROL) & 0x1f, 12);
	expect_log(other);
}

TEST(Aer, AnAdvisoryErrorIsLoggedAsUncorrectableOnlyWhenItsMaskIsOff)
{
	setup(TLPB_HAS_AER);
	tlpb__config_aer_report(&c, UR_ADVISORY, header);
	EXPECT_EQ(aer(AER_CORRECTABLE_STATUS), 1u << 13);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 0);
	set_aer(AER_CORRECTABLE_MASK, 0);
	tlpb__config_aer_report(&c, UR_ADVISORY, header);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 1u << 20);
	EXPECT_EQ(aer(AER_CONTROL) & 0x1f, 20);
	expect_log(header);
}

TEST(Aer, AnErrorWithoutAHeaderLogsZeros)
{
	static const uint32_t nothing[4];

	setup(TLPB_HAS_AER);
	tlpb__config_aer_report(&c, AER_POISONED, header);
	set_aer(AER_UNCORRECTABLE_STATUS, 0xffffffff);
	tlpb__config_aer_report(&c, AER_COMPLETION_TIMEOUT, NULL);
	EXPECT_EQ(aer(AER_CONTROL) & 0x1f, 14);
	expect_log(nothing);
}

TEST(Aer, StatusIsClearedByWritingOnesAndTheLogCannotBeWritten)
{
	setup(TLPB_HAS_AER);
	tlpb__config_aer_report(&c, AER_POISONED, header);
	tlpb__config_aer_report(&c, AER_COR_RECEIVER, NULL);
	set_aer(AER_UNCORRECTABLE_STATUS, ~(1u << 12));
	set_aer(AER_CORRECTABLE_STATUS, ~1u);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 1u << 12);
	EXPECT_EQ(aer(AER_CORRECTABLE_STATUS), 1u);
	for (unsigned i = 0; i < 4; i++)
		set_aer(AER_HEADER_LOG + 4 * i, 0x55555555);
	set_aer(AER_CONTROL, 0xffffffff);
	EXPECT_EQ(aer(AER_CONTROL), 12);
	expect_log(header);
	set_aer(AER_UNCORRECTABLE_STATUS, 1u << 12);
	set_aer(AER_CORRECTABLE_STATUS, 1u);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 0);
	EXPECT_EQ(aer(AER_CORRECTABLE_STATUS), 0);
}

TEST(Aer, TheLogSurvivesFlrAndHotResetAndEndsWithThePower)
{
	static const uint32_t nothing[4];
	static const struct { enum tlpb_reset kind; bool kept; } rows[] = {
		{ TLPB_RESET_FLR, true }, { TLPB_RESET_HOT, true },
		{ TLPB_RESET_SYSTEM, false }, { TLPB_RESET_POWER, false },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		setup(TLPB_HAS_AER);
		tlpb__config_aer_report(&c, AER_MALFORMED, header);
		tlpb__config_aer_report(&c, AER_COR_BAD_DLLP, NULL);
		tlpb__config_reset(&c, rows[i].kind);
		EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), rows[i].kept ? 1u << 18 : 0);
		EXPECT_EQ(aer(AER_CORRECTABLE_STATUS), rows[i].kept ? 1u << 7 : 0);
		EXPECT_EQ(aer(AER_CONTROL), rows[i].kept ? 18 : 0);
		expect_log(rows[i].kept ? header : nothing);
		EXPECT_EQ(device_status(), 0);		/* not sticky */
	}
}

TEST(Aer, StatusShowsPoisonAndAborts)
{
	setup(TLPB_HAS_AER);
	tlpb__config_aer_report(&c, AER_POISONED, header);
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0x10 | STATUS_PARITY_ERROR);
	tlpb__config_aer_report(&c, AER_COMPLETER_ABORT, header);
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0x10u | STATUS_PARITY_ERROR | STATUS_TARGET_ABORT_SENT);
	tlpb__config_set_status(&c, STATUS_MASTER_ABORT_RECEIVED);
	wr(CFG_COMMAND, 0xffffu << 16);
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0x10);
}

TEST(Aer, AVfLogsItselfByThePfsMasksAndEnables)
{
	static struct config_space vf;
	struct tlpb_device device = {
		.has = TLPB_HAS_AER, .sriov = { .vfs = 1, .offset = 1, .stride = 1 },
	};
	unsigned at;

	tlpb__config_init(&c, &device, 512);
	tlpb__config_init_vf(&vf, &c, 0);
	at = vf.at[PART_AER];
	ASSERT_NE(at, 0);
	tlpb__config_write(&vf, at + AER_UNCORRECTABLE_MASK, ALL, 0xffffffff);
	EXPECT_EQ(tlpb__config_read(&vf, at + AER_UNCORRECTABLE_MASK), 0);
	wr(DEVCTL, NONFATAL);
	EXPECT_EQ(tlpb__config_aer_report(&vf, AER_POISONED, header), ERROR_MESSAGE_NONFATAL);
	EXPECT_EQ(tlpb__config_read(&vf, at + AER_UNCORRECTABLE_STATUS), 1u << 12);
	EXPECT_EQ(tlpb__config_read(&vf, at + AER_HEADER_LOG + 8), header[2]);
	EXPECT_EQ(aer(AER_UNCORRECTABLE_STATUS), 0);
	EXPECT_EQ(device_status(), 0);
	set_aer(AER_UNCORRECTABLE_MASK, 1u << 14);
	EXPECT_EQ(tlpb__config_aer_report(&vf, AER_COMPLETION_TIMEOUT, header), ERROR_MESSAGE_NONE);
}
