/* SPDX-License-Identifier: MIT */
/* The rules that need a state, each by a TLP that just keeps it and one that breaks it. */
#include <stdio.h>
#include <tlpbridge/judge.h>
#include "gtest.h"

enum { ROOM = 8, FUNCTION = 0x100, HOST = 0 };

static struct tlpb_judge_state state;
static struct tlpb_judge_request outstanding[ROOM];
static struct tlpb_judge_bar bars[3];
static const uint8_t zeros[TLPB_MAX_PAYLOAD];

/* Function 01:00.0 with 4 KiB of memory at fe000000, 8 GiB and 256 bytes of I/O at 1000. */
static void setup(void)
{
	tlpb_judge_init(&state);
	bars[0] = (struct tlpb_judge_bar){ .base = 0xfe000000, .size = 0x1000 };
	bars[1] = (struct tlpb_judge_bar){ .base = 0x200000000, .size = 0x200000000 };
	bars[2] = (struct tlpb_judge_bar){ .base = 0x1000, .size = 0x100, .io = true };
	state.has_id = true;
	state.id = FUNCTION;
	state.bars = bars;
	state.bar_count = 3;
	state.outstanding = outstanding;
	state.outstanding_room = ROOM;
}

/* Each kind with fields that break no rule; .address and so on of the caller win. */
static struct tlpb_tlp complete(struct tlpb_tlp tlp)
{
	bool completion = tlpb_kind_class(tlp.kind) == TLPB_COMPLETION;
	bool message = tlp.kind == TLPB_MSG || tlp.kind == TLPB_MSGD;
	bool data = tlpb_kind_has_data(tlp.kind);

	if (!tlp.length_dw && (data || !(completion || message)))
		tlp.length_dw = tlp.kind == TLPB_CAS ? 2 : 1;
	if (message)
		tlp.hdr_4dw = true;
	if (completion && !tlp.byte_count)
		tlp.byte_count = 4;
	if (data) {
		tlp.payload = zeros;
		tlp.payload_len = 4u * tlp.length_dw;
	}
	return tlp;
}

static struct tlpb_judgement judge(enum tlpb_judge_side side, struct tlpb_tlp tlp, bool next)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len;

	tlp = complete(tlp);
	len = tlpb_tlp_pack(&tlp, bytes, sizeof bytes);
	ASSERT_GT(len, 0);
	if (tlp.td && !tlp.ecrc) {
		tlp.ecrc = tlpb_tlp_ecrc(bytes, (size_t)len - 4);
		tlpb_tlp_pack(&tlp, bytes, sizeof bytes);
	}
	return next ? tlpb_judge_next(&state, side, bytes, (size_t)len)
		    : tlpb_judge(&state, side, bytes, (size_t)len);
}

#define TLP(...) (struct tlpb_tlp){ .kind = __VA_ARGS__ }

#define EXPECT_JUDGED(side, tlp, next, name, rule_) do {                                \
	struct tlpb_judgement j_ = judge(side, tlp, next);                              \
	EXPECT_STREQ(tlpb_verdict_name(j_.verdict), name);                              \
	EXPECT_STREQ(j_.rule, rule_);                                                   \
} while (0)

#define IN(verdict, rule, ...) EXPECT_JUDGED(TLPB_JUDGE_RECEIVED, TLP(__VA_ARGS__), false, verdict, rule)
#define OUT(verdict, rule, ...) EXPECT_JUDGED(TLPB_JUDGE_SENT, TLP(__VA_ARGS__), false, verdict, rule)
#define NEXT_IN(verdict, rule, ...) EXPECT_JUDGED(TLPB_JUDGE_RECEIVED, TLP(__VA_ARGS__), true, verdict, rule)
#define NEXT_OUT(verdict, rule, ...) EXPECT_JUDGED(TLPB_JUDGE_SENT, TLP(__VA_ARGS__), true, verdict, rule)

#define BAR .address = 0xfe000000, .first_be = 0xf
#define READ TLPB_MRD, BAR
#define OWN .requester_id = FUNCTION

TEST(Judge, VerdictsHaveNames)
{
	EXPECT_STREQ(tlpb_verdict_name(TLPB_VERDICT_ACCEPT), "ACCEPT");
	EXPECT_STREQ(tlpb_verdict_name(TLPB_VERDICT_VIOLATION), "VIOLATION");
	EXPECT_STREQ(tlpb_verdict_name((enum tlpb_verdict)(TLPB_VERDICT_VIOLATION + 1)), "");
}

TEST(Judge, MalformedComesFirst)
{
	setup();
	state.in_reset = true;
	IN("MALFORMED", "BYTE_ENABLES", READ, .last_be = 1);
	state.mps = 128;
	state.in_reset = false;
	IN("MALFORMED", "MPS_EXCEEDED", TLPB_MWR, BAR, .length_dw = 33, .last_be = 0xf);
	IN("ACCEPT", "", TLPB_MWR, BAR, .length_dw = 32, .last_be = 0xf);
}

TEST(Judge, TrafficClassMustBeMapped)
{
	setup();
	state.tcs = 0x81;
	IN("ACCEPT", "", READ, .tc = 7);
	IN("MALFORMED", "TC_NOT_MAPPED", READ, .tc = 6);
	OUT("MALFORMED", "TC_NOT_MAPPED", READ, OWN, .tc = 1);
}

TEST(Judge, DigestIsCheckedWhenEnabled)
{
	setup();
	IN("ACCEPT", "", TLPB_MWR, BAR, .td = true, .ecrc = 1);
	state.ecrc_check = true;
	IN("ACCEPT", "", TLPB_MWR, BAR, .td = true);
	IN("ACCEPT", "", TLPB_MWR, BAR);
	IN("ECRC_ERROR", "ECRC", TLPB_MWR, BAR, .td = true, .ecrc = 1);
}

TEST(Judge, InResetPostedAreDroppedAndNonPostedUnsupported)
{
	setup();
	state.in_reset = true;
	IN("DROPPED", "RESET", TLPB_MWR, BAR);
	IN("UR", "RESET", READ);
	IN("UR", "RESET", TLPB_CFGRD0, .first_be = 0xf);
	IN("UNEXPECTED", "RESET", TLPB_CPL);
	OUT("ACCEPT", "", TLPB_MWR, BAR, OWN);
}

TEST(Judge, ConfigurationType1IsNotForAnEndpoint)
{
	setup();
	IN("UR", "CFG_TYPE1", TLPB_CFGRD1, .first_be = 0xf);
	IN("UR", "CFG_TYPE1", TLPB_CFGWR1, .first_be = 0xf);
	IN("ACCEPT", "", TLPB_CFGWR0, .first_be = 0xf, .dest_id = 0x500);
}

TEST(Judge, FunctionsThatAreNotThereAreUnsupported)
{
	setup();
	state.functions = 1 | 1 << 7;
	IN("ACCEPT", "", TLPB_CFGRD0, .first_be = 0xf, .dest_id = 0x107);
	IN("UR", "NO_FUNCTION", TLPB_CFGRD0, .first_be = 0xf, .dest_id = 0x106);
	IN("UR", "NO_FUNCTION", TLPB_CFGWR0, .first_be = 0xf, .dest_id = 0x101);
}

TEST(Judge, ConfigurationIsRetriedUntilReady)
{
	setup();
	state.ready = false;
	IN("CRS", "NOT_READY", TLPB_CFGRD0, .first_be = 0xf);
	IN("UR", "NO_FUNCTION", TLPB_CFGRD0, .first_be = 0xf, .dest_id = 1);
	IN("ACCEPT", "", READ);
}

TEST(Judge, InterruptMessagesDoNotComeDownstream)
{
	setup();
	for (unsigned code = TLPB_MSG_ASSERT_INTA; code < TLPB_MSG_ASSERT_INTA + 8u; code++) {
		IN("MALFORMED", "INTX_DOWNSTREAM", TLPB_MSG, .routing = TLPB_ROUTE_LOCAL,
		   .message_code = (uint8_t)code);
		OUT("ACCEPT", "", TLPB_MSG, OWN, .routing = TLPB_ROUTE_LOCAL,
		    .message_code = (uint8_t)code);
	}
	IN("UR_POSTED", "MSG_UNSUPPORTED", TLPB_MSG, .message_code = 0x1f);
	IN("UR_POSTED", "MSG_UNSUPPORTED", TLPB_MSG, .message_code = 0x28);
}

TEST(Judge, MessagesThatEveryEndpointTakes)
{
	static const uint8_t taken[] = { 0x00, 0x19, 0x50, 0x40, 0x41, 0x43, 0x44, 0x45, 0x47, 0x48 };
	unsigned count = 0;

	setup();
	for (unsigned code = 0; code < 256; code++)
		count += state.messages[code / 8] >> code % 8 & 1;
	EXPECT_EQ(count, sizeof taken);
	for (unsigned i = 0; i < sizeof taken; i++)
		EXPECT_TRUE(state.messages[taken[i] / 8] >> taken[i] % 8 & 1);
	IN("ACCEPT", "", TLPB_MSG, .routing = TLPB_ROUTE_BROADCAST);
	tlpb_judge_take_message(&state, 0, false);
	IN("UR_POSTED", "MSG_UNSUPPORTED", TLPB_MSG, .routing = TLPB_ROUTE_BROADCAST);
	IN("ACCEPT", "", TLPB_MSG, .routing = TLPB_ROUTE_BROADCAST, .message_code = 0x19);
}

TEST(Judge, VendorDefinedMessages)
{
	setup();
	IN("UR_POSTED", "MSG_UNSUPPORTED", TLPB_MSG, .routing = 2, .message_code = 0x7e);
	IN("DROPPED", "VENDOR_TYPE1", TLPB_MSGD, .routing = 2, .message_code = 0x7f);
	tlpb_judge_take_message(&state, 0x7e, true);
	IN("ACCEPT", "", TLPB_MSG, .routing = 2, .message_code = 0x7e);
	IN("DROPPED", "VENDOR_TYPE1", TLPB_MSG, .routing = 2, .message_code = 0x7f);
	tlpb_judge_take_message(&state, 0x7f, true);
	IN("ACCEPT", "", TLPB_MSG, .routing = 2, .message_code = 0x7f);
}

TEST(Judge, OnlyConfigurationAndMessagesOutsideOfD0)
{
	setup();
	state.d_state = 1;
	IN("UR", "D_STATE", READ);
	IN("UR_POSTED", "D_STATE", TLPB_MWR, BAR);
	IN("UR", "D_STATE", TLPB_IORD, .address = 0x1000, .first_be = 0xf);
	IN("ACCEPT", "", TLPB_CFGRD0, .first_be = 0xf);
	OUT("VIOLATION", "REQUEST_IN_D_STATE", TLPB_MWR, BAR, OWN);
	OUT("ACCEPT", "", TLPB_MSG, OWN, .message_code = TLPB_MSG_PM_PME);
}

TEST(Judge, SpacesAreEnabledApart)
{
	setup();
	state.memory_enable = false;
	IN("UR", "MEMORY_DISABLED", READ);
	IN("UR_POSTED", "MEMORY_DISABLED", TLPB_MWR, BAR);
	IN("ACCEPT", "", TLPB_IOWR, .address = 0x1000, .first_be = 0xf);
	setup();
	state.io_enable = false;
	IN("UR", "IO_DISABLED", TLPB_IOWR, .address = 0x1000, .first_be = 0xf);
	IN("UR", "IO_DISABLED", TLPB_IORD, .address = 0x1000, .first_be = 0xf);
	IN("ACCEPT", "", READ);
}

TEST(Judge, LockedReadsAreForLegacyEndpoints)
{
	setup();
	IN("UR", "LOCKED_READ", TLPB_MRDLK, BAR);
	OUT("VIOLATION", "LOCKED_BY_ENDPOINT", TLPB_MRDLK, BAR, OWN);
	state.legacy = true;
	IN("ACCEPT", "", TLPB_MRDLK, BAR);
	OUT("VIOLATION", "LOCKED_BY_ENDPOINT", TLPB_MRDLK, BAR, OWN);
}

TEST(Judge, AtomicsOfTheSizesThatTheCompleterHas)
{
	setup();
	IN("UR", "ATOMIC_SIZE", TLPB_SWAP, .address = 0xfe000000);
	state.atomic_sizes = 4 | 16;
	IN("ACCEPT", "", TLPB_SWAP, .address = 0xfe000000);
	IN("UR", "ATOMIC_SIZE", TLPB_FETCHADD, .address = 0xfe000000, .length_dw = 2);
	IN("ACCEPT", "", TLPB_CAS, .address = 0xfe000000, .length_dw = 2);
	IN("UR", "ATOMIC_SIZE", TLPB_CAS, .address = 0xfe000000, .length_dw = 4);
	IN("ACCEPT", "", TLPB_CAS, .address = 0xfe000000, .length_dw = 8);
	state.atomic_sizes = 8;
	IN("ACCEPT", "", TLPB_FETCHADD, .address = 0xfe000000, .length_dw = 2);
	IN("UR", "ATOMIC_SIZE", TLPB_CAS, .address = 0xfe000000, .length_dw = 8);
}

TEST(Judge, DeferrableWritesAreAnOption)
{
	setup();
	IN("UR", "DEFERRABLE_WRITE", TLPB_DMWR, BAR);
	state.deferrable_writes = true;
	IN("ACCEPT", "", TLPB_DMWR, BAR);
}

TEST(Judge, AddressesBelongToABarOfTheSpace)
{
	setup();
	IN("ACCEPT", "", TLPB_MRD, .address = 0xfe000ffc, .first_be = 1);
	IN("UR", "NO_BAR", TLPB_MRD, .address = 0xfe001000, .first_be = 1);
	IN("UR", "NO_BAR", TLPB_MRD, .address = 0xfdfffffc, .first_be = 1);
	IN("ACCEPT", "", TLPB_MRD, .address = 0x3fffffffc, .first_be = 1, .hdr_4dw = true);
	IN("UR", "NO_BAR", TLPB_MRD, .address = 0x400000000, .first_be = 1, .hdr_4dw = true);
	IN("UR_POSTED", "NO_BAR", TLPB_MWR, .address = 0x1000, .first_be = 1);
	IN("ACCEPT", "", TLPB_IORD, .address = 0x10fc, .first_be = 1);
	IN("UR", "NO_BAR", TLPB_IORD, .address = 0x1100, .first_be = 1);
	IN("UR", "NO_BAR", TLPB_IOWR, .address = 0xfe000000, .first_be = 1);
	state.bar_count = 1;
	IN("ACCEPT", "", READ);
	IN("UR", "NO_BAR", TLPB_MRD, .address = 0x3fffffffc, .first_be = 1, .hdr_4dw = true);
}

TEST(Judge, RequestsEndInTheirBar)
{
	setup();
	bars[0].size = 16;
	IN("ACCEPT", "", TLPB_MRD, .address = 0xfe000000, .length_dw = 4, .first_be = 15, .last_be = 15);
	IN("UR", "NO_BAR", TLPB_MRD, .address = 0xfe000004, .length_dw = 4, .first_be = 15, .last_be = 15);
	state.atomic_sizes = 16;
	IN("ACCEPT", "", TLPB_CAS, .address = 0xfe000000, .length_dw = 8);
	bars[0].size = 8;
	IN("UR", "NO_BAR", TLPB_CAS, .address = 0xfe000000, .length_dw = 8);
}

TEST(Judge, PoisonedRequests)
{
	setup();
	state.atomic_sizes = 4;
	IN("POISONED_UR", "POISONED", TLPB_CFGWR0, .first_be = 0xf, .ep = true);
	IN("POISONED_UR", "POISONED", TLPB_IOWR, .address = 0x1000, .first_be = 0xf, .ep = true);
	IN("POISONED_UR", "POISONED", TLPB_SWAP, .address = 0xfe000000, .ep = true);
	IN("POISONED_POSTED", "POISONED", TLPB_MWR, BAR, .ep = true);
	OUT("POISONED_POSTED", "POISONED", TLPB_MWR, BAR, OWN, .ep = true);
	/* Unsupported weighs more, and without data there is nothing to poison. */
	IN("UR", "CFG_TYPE1", TLPB_CFGWR1, .first_be = 0xf, .ep = true);
	IN("ACCEPT", "", READ, .ep = true);
}

TEST(Judge, EndpointsSendNoConfigurationAndNoIo)
{
	setup();
	OUT("VIOLATION", "CONFIG_BY_ENDPOINT", TLPB_CFGRD0, OWN, .first_be = 0xf);
	OUT("VIOLATION", "CONFIG_BY_ENDPOINT", TLPB_CFGWR1, OWN, .first_be = 0xf);
	OUT("VIOLATION", "IO_BY_ENDPOINT", TLPB_IORD, OWN, .first_be = 0xf);
	state.legacy = true;
	OUT("ACCEPT", "", TLPB_IORD, OWN, .first_be = 0xf);
}

TEST(Judge, RequesterIsAFunctionOfTheDevice)
{
	setup();
	state.functions = 1 | 1 << 2;
	OUT("ACCEPT", "", READ, OWN);
	OUT("ACCEPT", "", READ, .requester_id = 0x102);
	OUT("VIOLATION", "REQUESTER_ID", READ, .requester_id = 0x101);
	OUT("VIOLATION", "REQUESTER_ID", READ, .requester_id = 0x108);
	OUT("VIOLATION", "REQUESTER_ID", READ, .requester_id = 0x200);
	OUT("VIOLATION", "REQUESTER_ID", TLPB_MSG, .requester_id = 0x200, .message_code = 0x18);
	state.id = 0x101;	/* it need not be in the set */
	OUT("ACCEPT", "", READ, .requester_id = 0x101);
	state.has_id = false;
	OUT("ACCEPT", "", READ, .requester_id = 0x200);
}

TEST(Judge, BusMasterEnableIsForMemoryAndIo)
{
	setup();
	state.legacy = true;
	state.bus_master_enable = false;
	OUT("VIOLATION", "BUS_MASTER_DISABLED", READ, OWN);
	OUT("VIOLATION", "BUS_MASTER_DISABLED", TLPB_MWR, BAR, OWN);
	OUT("VIOLATION", "BUS_MASTER_DISABLED", TLPB_SWAP, .address = 8, OWN);
	OUT("VIOLATION", "BUS_MASTER_DISABLED", TLPB_IORD, OWN);
	OUT("ACCEPT", "", TLPB_MSG, OWN, .message_code = TLPB_MSG_ERR_COR);
	IN("ACCEPT", "", READ);
}

TEST(Judge, ReadsAskForMrrsAtMost)
{
	setup();
	state.mrrs = 128;
	OUT("ACCEPT", "", READ, OWN, .length_dw = 32, .last_be = 0xf);
	OUT("VIOLATION", "MRRS_EXCEEDED", READ, OWN, .length_dw = 33, .last_be = 0xf);
	OUT("ACCEPT", "", TLPB_MWR, BAR, OWN, .length_dw = 33, .last_be = 0xf);
	IN("ACCEPT", "", READ, .length_dw = 33, .last_be = 0xf);
}

TEST(Judge, TagsAreInRange)
{
	setup();
	state.tags = 32;
	OUT("ACCEPT", "", READ, OWN, .tag = 31);
	OUT("VIOLATION", "TAG_RANGE", READ, OWN, .tag = 32);
	OUT("ACCEPT", "", TLPB_MWR, BAR, OWN, .tag = 32);
	IN("ACCEPT", "", READ, .tag = 32);
}

TEST(Judge, TagsAreNotUsedTwice)
{
	setup();
	NEXT_IN("ACCEPT", "", READ, .tag = 5);
	IN("VIOLATION", "TAG_IN_USE", READ, .tag = 5);
	IN("ACCEPT", "", READ, .tag = 6);
	IN("ACCEPT", "", TLPB_MWR, BAR, .tag = 5);
	OUT("ACCEPT", "", READ, OWN, .tag = 5);
	NEXT_OUT("ACCEPT", "", READ, OWN, .tag = 5);
	OUT("VIOLATION", "TAG_IN_USE", READ, OWN, .tag = 5);
}

TEST(Judge, AddressesBelow4GibHaveA3DwHeader)
{
	setup();
	bars[1] = (struct tlpb_judge_bar){ .size = 1ull << 40 };
	OUT("VIOLATION", "HEADER_4DW", TLPB_MRD, OWN, .address = 0xfffffffc, .first_be = 1, .hdr_4dw = true);
	OUT("ACCEPT", "", TLPB_MRD, OWN, .address = 0x100000000, .first_be = 1, .hdr_4dw = true);
	IN("VIOLATION", "HEADER_4DW", TLPB_MWR, .address = 0xfffffffc, .first_be = 1, .hdr_4dw = true);
}

TEST(Judge, OutstandingRequestsAreLimited)
{
	setup();
	for (unsigned i = 0; i < ROOM; i++)
		NEXT_IN("ACCEPT", "", READ, .tag = (uint16_t)i);
	NEXT_IN("VIOLATION", "TOO_MANY_OUTSTANDING", READ, .tag = ROOM);
	EXPECT_EQ(state.outstanding_count, ROOM);
	IN("ACCEPT", "", TLPB_MWR, BAR);
	NEXT_OUT("ACCEPT", "", TLPB_CPLD, .tag = 3, .byte_count = 4, .completer_id = FUNCTION);
	NEXT_IN("ACCEPT", "", READ, .tag = ROOM);
	for (unsigned i = 0; i <= ROOM; i++)
		EXPECT_EQ(tlpb_judge_find(&state, HOST, (uint16_t)i) != NULL, i != 3);
}

/* Completions */

static void ask(struct tlpb_tlp request)
{
	state.outstanding_count = 1;
	outstanding[0] = (struct tlpb_judge_request){ .request = complete(request) };
}

#define ASK(...) ask(TLP(__VA_ARGS__))

TEST(Judge, CompletionsThatNobodyAskedForAreUnexpected)
{
	setup();
	ASK(READ, OWN, .tag = 9);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .tag = 9);
	IN("UNEXPECTED", "UNEXPECTED_COMPLETION", TLPB_CPLD, OWN, .tag = 8);
	IN("UNEXPECTED", "UNEXPECTED_COMPLETION", TLPB_CPLD, OWN, .tag = 0x109);
	IN("UNEXPECTED", "UNEXPECTED_COMPLETION", TLPB_CPLD, .requester_id = 0x101, .tag = 9);
	OUT("UNEXPECTED", "UNEXPECTED_COMPLETION", TLPB_CPLD, .tag = 9);
}

TEST(Judge, CompletionsForSomebodyElseAreUnexpected)
{
	setup();
	ASK(READ, .requester_id = HOST, .tag = 9);
	IN("UNEXPECTED", "UNEXPECTED_COMPLETION", TLPB_CPLD, .tag = 9);
	OUT("ACCEPT", "", TLPB_CPLD, .tag = 9, .completer_id = FUNCTION);
}

TEST(Judge, CompleterIsAFunctionOfTheDevice)
{
	setup();
	ASK(READ, .tag = 9);
	OUT("VIOLATION", "COMPLETER_ID", TLPB_CPLD, .tag = 9, .completer_id = 0x200);
	state.has_id = false;
	OUT("ACCEPT", "", TLPB_CPLD, .tag = 9, .completer_id = 0x200);
}

TEST(Judge, RetryStatusIsForConfigurationAndDeferrableWritesOnly)
{
	static const enum tlpb_tlp_kind config[] = { TLPB_CFGRD0, TLPB_CFGRD1, TLPB_CFGWR0, TLPB_CFGWR1,
						     TLPB_DMWR };
	static const enum tlpb_tlp_kind others[] = { TLPB_MRD, TLPB_MRDLK, TLPB_SWAP, TLPB_IORD, TLPB_IOWR };

	setup();
	state.deferrable_writes = true;
	for (unsigned i = 0; i < 5; i++) {
		ASK(config[i], .first_be = 0xf);
		OUT("ACCEPT", "", TLPB_CPL, .status = TLPB_CPL_CRS, .completer_id = FUNCTION);
	}
	for (unsigned i = 0; i < 5; i++) {
		ASK(others[i], .first_be = 0xf);
		OUT("MALFORMED", "CRS_NOT_CONFIG", TLPB_CPL, .status = TLPB_CPL_CRS, .completer_id = FUNCTION);
	}
}

TEST(Judge, LockedReadsHaveLockedCompletions)
{
	setup();
	ASK(TLPB_MRDLK, BAR, OWN);
	IN("MALFORMED", "CPL_LOCKED", TLPB_CPLD, OWN);
	IN("MALFORMED", "CPL_LOCKED", TLPB_CPL, OWN, .status = TLPB_CPL_UR);
	IN("ACCEPT", "", TLPB_CPLDLK, OWN);
	IN("ACCEPT", "", TLPB_CPLLK, OWN, .status = TLPB_CPL_UR);
	ASK(READ, OWN);
	IN("MALFORMED", "CPL_LOCKED", TLPB_CPLDLK, OWN);
	IN("MALFORMED", "CPL_LOCKED", TLPB_CPLLK, OWN, .status = TLPB_CPL_UR);
}

TEST(Judge, DataComeWithASuccessOfReadsAndAtomicsOnly)
{
	setup();
	ASK(READ, OWN);
	IN("MALFORMED", "CPL_DATA", TLPB_CPL, OWN);
	IN("MALFORMED", "CPL_DATA", TLPB_CPLD, OWN, .status = TLPB_CPL_UR);
	IN("ACCEPT", "", TLPB_CPL, OWN, .status = TLPB_CPL_CA);
	ASK(TLPB_SWAP, OWN);
	IN("ACCEPT", "", TLPB_CPLD, OWN);
	IN("MALFORMED", "CPL_DATA", TLPB_CPL, OWN);
	ASK(TLPB_CAS, OWN);
	IN("ACCEPT", "", TLPB_CPLD, OWN);
	ASK(TLPB_FETCHADD, OWN);
	IN("ACCEPT", "", TLPB_CPLD, OWN);
	ASK(TLPB_CFGWR0);
	OUT("MALFORMED", "CPL_DATA", TLPB_CPLD, .completer_id = FUNCTION);
	OUT("ACCEPT", "", TLPB_CPL, .completer_id = FUNCTION);
	ASK(TLPB_CFGRD0);
	OUT("ACCEPT", "", TLPB_CPLD, .completer_id = FUNCTION);
	ASK(TLPB_DMWR, BAR);
	OUT("ACCEPT", "", TLPB_CPL, .completer_id = FUNCTION);
}

TEST(Judge, CompletionsKeepClassAndAttributes)
{
	setup();
	ASK(READ, OWN, .tc = 3, .ro = true);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .tc = 3, .ro = true);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .tc = 3, .ro = true, .ido = true);
	IN("MALFORMED", "CPL_TC", TLPB_CPLD, OWN, .tc = 2, .ro = true);
	IN("MALFORMED", "CPL_ATTRIBUTES", TLPB_CPLD, OWN, .tc = 3);
	IN("MALFORMED", "CPL_ATTRIBUTES", TLPB_CPLD, OWN, .tc = 3, .ro = true, .ns = true);
}

TEST(Judge, ByteCountIsWhatIsLeft)
{
	setup();
	/* Bytes 3 to 258: 256 of 65 doublewords. */
	ASK(TLPB_MRD, OWN, .address = 0x1000, .length_dw = 65, .first_be = 8, .last_be = 7);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 65, .byte_count = 256, .lower_address = 3);
	IN("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPLD, OWN, .length_dw = 65, .byte_count = 255, .lower_address = 3);
	outstanding[0].received = 61;
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 49, .byte_count = 195, .lower_address = 0x40);
	IN("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPLD, OWN, .length_dw = 49, .byte_count = 256, .lower_address = 0x40);
	/* Those that fail are not held to it. */
	IN("ACCEPT", "", TLPB_CPL, OWN, .status = TLPB_CPL_UR, .byte_count = 1);
}

TEST(Judge, ByteCountOfOthersIsTheOperandOr4)
{
	setup();
	ASK(TLPB_FETCHADD, OWN, .length_dw = 2);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 2, .byte_count = 8);
	IN("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPLD, OWN, .length_dw = 2, .byte_count = 4);
	IN("MALFORMED", "CPL_LENGTH", TLPB_CPLD, OWN, .length_dw = 1, .byte_count = 8);
	ASK(TLPB_CAS, OWN, .length_dw = 8);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 4, .byte_count = 16);
	IN("MALFORMED", "CPL_LENGTH", TLPB_CPLD, OWN, .length_dw = 8, .byte_count = 16);
	ASK(TLPB_CFGRD0, .first_be = 1);
	OUT("ACCEPT", "", TLPB_CPLD, .byte_count = 4, .completer_id = FUNCTION);
	OUT("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPLD, .byte_count = 1, .completer_id = FUNCTION);
	OUT("MALFORMED", "CPL_LENGTH", TLPB_CPLD, .length_dw = 2, .byte_count = 4, .completer_id = FUNCTION);
	ASK(TLPB_CFGWR0, .first_be = 1);
	OUT("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPL, .byte_count = 1, .completer_id = FUNCTION);
}

TEST(Judge, ZeroLengthReadCountsOneByte)
{
	setup();
	ASK(TLPB_MRD, OWN, .address = 0x1004);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .byte_count = 1, .lower_address = 4);
	IN("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPLD, OWN, .byte_count = 4, .lower_address = 4);
	IN("MALFORMED", "CPL_LENGTH", TLPB_CPLD, OWN, .byte_count = 1, .lower_address = 4, .length_dw = 2);
}

TEST(Judge, ReadWithHintsAsksForAllBytes)
{
	setup();
	ASK(TLPB_MRD, OWN, .address = 0x1000, .length_dw = 2, .th = true, .first_be = 2, .last_be = 0);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 2, .byte_count = 8);
	IN("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPLD, OWN, .length_dw = 2, .byte_count = 7, .lower_address = 1);
}

TEST(Judge, LowerAddressIsThatOfTheNextByte)
{
	setup();
	ASK(TLPB_MRD, OWN, .address = 0x10fc, .length_dw = 3, .first_be = 0xe, .last_be = 0xf);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 3, .byte_count = 11, .lower_address = 0x7d);
	IN("MALFORMED", "CPL_LOWER_ADDRESS", TLPB_CPLD, OWN, .length_dw = 3, .byte_count = 11, .lower_address = 0x7c);
	outstanding[0].received = 3;
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 2, .byte_count = 8, .lower_address = 0);
	/* It is reserved elsewhere. */
	ASK(TLPB_SWAP, OWN, .address = 0x1004);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .lower_address = 4);
}

TEST(Judge, ReadsBringNoMoreThanIsLeft)
{
	setup();
	ASK(TLPB_MRD, OWN, .address = 0x1000, .length_dw = 2, .first_be = 8, .last_be = 1);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 2, .byte_count = 2, .lower_address = 3);
	IN("MALFORMED", "CPL_LENGTH", TLPB_CPLD, OWN, .length_dw = 3, .byte_count = 2, .lower_address = 3);
}

TEST(Judge, PartsEndAtTheReadCompletionBoundary)
{
	setup();
	ASK(TLPB_MRD, OWN, .address = 0x1020, .length_dw = 64, .first_be = 0xf, .last_be = 0xf);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 8, .byte_count = 256, .lower_address = 0x20);
	IN("MALFORMED", "CPL_RCB", TLPB_CPLD, OWN, .length_dw = 9, .byte_count = 256, .lower_address = 0x20);
	IN("MALFORMED", "CPL_RCB", TLPB_CPLD, OWN, .length_dw = 63, .byte_count = 256, .lower_address = 0x20);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 64, .byte_count = 256, .lower_address = 0x20);
	state.rcb = 128;
	IN("MALFORMED", "CPL_RCB", TLPB_CPLD, OWN, .length_dw = 8, .byte_count = 256, .lower_address = 0x20);
	IN("ACCEPT", "", TLPB_CPLD, OWN, .length_dw = 24, .byte_count = 256, .lower_address = 0x20);
	/* An endpoint has no choice. */
	state.rcb = 64;
	ASK(TLPB_MRD, .address = 0x1020, .length_dw = 64, .first_be = 0xf, .last_be = 0xf);
	OUT("MALFORMED", "CPL_RCB", TLPB_CPLD, .length_dw = 8, .byte_count = 256, .lower_address = 0x20,
	    .completer_id = FUNCTION);
	OUT("ACCEPT", "", TLPB_CPLD, .length_dw = 24, .byte_count = 256, .lower_address = 0x20,
	    .completer_id = FUNCTION);
}

TEST(Judge, PoisonedCompletions)
{
	setup();
	ASK(READ, OWN);
	IN("POISONED_COMPLETION", "POISONED", TLPB_CPLD, OWN, .ep = true);
	IN("ACCEPT", "", TLPB_CPL, OWN, .status = TLPB_CPL_UR, .ep = true);
}

/* The state follows */

TEST(JudgeNext, RequestsAreOutstandingUntilTheLastByte)
{
	setup();
	NEXT_OUT("ACCEPT", "", TLPB_MRD, OWN, .tag = 4, .address = 0x1003 & ~3u, .length_dw = 33,
		 .first_be = 8, .last_be = 0x3);
	NEXT_IN("ACCEPT", "", TLPB_CPLD, OWN, .tag = 4, .length_dw = 16, .byte_count = 127, .lower_address = 3);
	EXPECT_EQ(outstanding[0].received, 61);
	NEXT_IN("ACCEPT", "", TLPB_CPLD, OWN, .tag = 4, .length_dw = 16, .byte_count = 66, .lower_address = 0x40);
	EXPECT_EQ(state.outstanding_count, 1);
	NEXT_IN("ACCEPT", "", TLPB_CPLD, OWN, .tag = 4, .length_dw = 1, .byte_count = 2, .lower_address = 0);
	EXPECT_EQ(state.outstanding_count, 0);
	NEXT_IN("UNEXPECTED", "UNEXPECTED_COMPLETION", TLPB_CPLD, OWN, .tag = 4, .byte_count = 2);
}

TEST(JudgeNext, AFailureOrAWritesCompletionEndsTheRequest)
{
	setup();
	NEXT_OUT("ACCEPT", "", READ, OWN, .tag = 4);
	NEXT_IN("ACCEPT", "", TLPB_CPL, OWN, .tag = 4, .status = TLPB_CPL_UR);
	EXPECT_EQ(state.outstanding_count, 0);
	NEXT_IN("ACCEPT", "", TLPB_CFGWR0, .tag = 4, .first_be = 0xf);
	NEXT_OUT("ACCEPT", "", TLPB_CPL, .tag = 4, .completer_id = FUNCTION);
	EXPECT_EQ(state.outstanding_count, 0);
}

TEST(JudgeNext, WhatIsRefusedWaitsForItsAnswerTooButPostedDoesNot)
{
	setup();
	NEXT_IN("UR", "NO_BAR", TLPB_MRD, .tag = 1, .first_be = 1);
	NEXT_IN("POISONED_UR", "POISONED", TLPB_CFGWR0, .tag = 2, .first_be = 1, .ep = true);
	NEXT_IN("UR_POSTED", "NO_BAR", TLPB_MWR, .tag = 3, .first_be = 1);
	EXPECT_EQ(state.outstanding_count, 2);
	EXPECT_NULL(outstanding[1].request.payload);
	NEXT_IN("VIOLATION", "TAG_IN_USE", READ, .tag = 1);
	EXPECT_EQ(state.outstanding_count, 2);
}

TEST(JudgeNext, WhatIsDroppedChangesNothing)
{
	setup();
	state.ecrc_check = true;
	ASK(READ, OWN);
	NEXT_IN("MALFORMED", "CPL_BYTE_COUNT", TLPB_CPLD, OWN, .byte_count = 1);
	NEXT_IN("ECRC_ERROR", "ECRC", TLPB_CPLD, OWN, .td = true, .ecrc = 1);
	NEXT_IN("ECRC_ERROR", "ECRC", READ, .tag = 7, .td = true, .ecrc = 1);
	EXPECT_EQ(state.outstanding_count, 1);
	EXPECT_EQ(outstanding[0].received, 0);
	state.in_reset = true;
	NEXT_IN("UNEXPECTED", "RESET", TLPB_CPLD, OWN);
	NEXT_IN("DROPPED", "RESET", TLPB_MWR, BAR);
	EXPECT_EQ(state.outstanding_count, 1);
}

TEST(JudgeNext, PoisonedDataCountAsReceived)
{
	setup();
	ASK(READ, OWN);
	NEXT_IN("POISONED_COMPLETION", "POISONED", TLPB_CPLD, OWN, .ep = true);
	EXPECT_EQ(state.outstanding_count, 0);
}

/* Judging alone leaves the state as it is. */
TEST(Judge, ChangesNothing)
{
	setup();
	IN("ACCEPT", "", READ);
	EXPECT_EQ(state.outstanding_count, 0);
	ASK(READ, OWN);
	IN("ACCEPT", "", TLPB_CPLD, OWN);
	EXPECT_EQ(state.outstanding_count, 1);
}
