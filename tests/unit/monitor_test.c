/* SPDX-License-Identifier: MIT */
/* What the checker learns from a link, and whom it names by it. */
#include <string.h>

#include "bytes.h"
#include "gtest.h"
#include "monitor.h"

enum {
	BUS = 3, F0 = BUS << 8, F1 = F0 | 1, VF = F0 | 0x10, VF2 = F0 | 0x12, HOST = 0,
	COMMAND = 0x04, MASTER = 4, CAP_POINTER = 0x34, PM = 0x40, PCIE = 0x50, DEVCTL = PCIE + 8,
	SRIOV = 0x100, VF_ENABLE = 1,
	MPS_512 = 2 << 5, MRRS_512 = 2 << 12, FLR = 1 << 15,
	RAM = 0x40000000,
};

static struct monitor *m;
static const char *what;

static const struct monitor_limits generous = {
	.endpoint_mps = 4096, .host_mps = 4096, .host_rcb = 64,
	/* all credits are infinite */
};

static void open_at(enum tlpb_role role, const struct monitor_limits *limits)
{
	tlpb__monitor_free(m);
	m = tlpb__monitor_new(role);
	ASSERT_NOT_NULL(m);
	tlpb__monitor_limits(m, limits);
}

static const char *judged(bool to_device, const struct tlpb_tlp *tlp)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);
	const char *rule;

	ASSERT_GT(len, 0);
	what = "";
	rule = tlpb__monitor_tlp(m, to_device, bytes, (size_t)len, &what);
	return rule ? rule : "";
}

/* ---- configuration requests, and their completions ---- */

static const char *configured(uint16_t id, unsigned offset, unsigned enables, const uint32_t *write,
			      uint32_t read)
{
	uint8_t data[4];
	struct tlpb_tlp request = {
		.kind = write ? TLPB_CFGWR0 : TLPB_CFGRD0, .dest_id = id, .reg_offset = (uint16_t)offset,
		.first_be = (uint8_t)enables, .length_dw = 1, .tag = 5,
	}, completion = {
		.kind = write ? TLPB_CPL : TLPB_CPLD, .completer_id = id, .byte_count = 4, .tag = 5,
		.length_dw = !write,
	};

	put_le32(data, write ? *write : read);
	request.payload = completion.payload = data;
	*(write ? &request.payload_len : &completion.payload_len) = 4;
	EXPECT_STREQ(judged(true, &request), "");
	return judged(false, &completion);
}

static void cfg_read(uint16_t id, unsigned offset, uint32_t value)
{
	EXPECT_STREQ(configured(id, offset, 15, NULL, value), "");
}

static void only_write(uint16_t id, unsigned offset, unsigned enables, uint32_t value)
{
	EXPECT_STREQ(configured(id, offset & ~3u, enables, &value, 0), "");
}

/* With the read behind it that pushes ahead what was issued before. */
static void cfg_write(uint16_t id, unsigned offset, unsigned enables, uint32_t value)
{
	only_write(id, offset, enables, value);
	cfg_read(id, 0x3c, 0);
}

/* What a driver sees of a function's capabilities. */
static void read_capabilities(uint16_t id, unsigned devctl)
{
	cfg_read(id, CAP_POINTER, PM);
	cfg_read(id, PM, 0x01 | PCIE << 8);
	cfg_read(id, PM + 4, 0);
	cfg_read(id, PCIE, 0x10);
	cfg_read(id, DEVCTL, devctl);
}

static void read_sriov(uint16_t id, unsigned offset, unsigned stride, unsigned total)
{
	cfg_read(id, SRIOV, 0x0010 | 1 << 16);
	cfg_read(id, SRIOV + 0x0c, total << 16 | total);
	cfg_read(id, SRIOV + 0x14, stride << 16 | offset);
}

/* ---- what the device sends ---- */

static const char *dma_write(uint16_t id, unsigned dws)
{
	static const uint8_t data[4096];

	return judged(false, &(struct tlpb_tlp){
		.kind = TLPB_MWR, .requester_id = id, .address = RAM, .length_dw = (uint16_t)dws,
		.first_be = 15, .last_be = dws > 1 ? 15 : 0, .payload = data, .payload_len = 4u * dws });
}

static const char *dma_read(uint16_t id, unsigned tag, unsigned dws)
{
	return judged(false, &(struct tlpb_tlp){
		.kind = TLPB_MRD, .requester_id = id, .address = RAM, .length_dw = (uint16_t)dws, .tag = (uint16_t)tag,
		.first_be = 15, .last_be = dws > 1 ? 15 : 0 });
}

TEST(Functions, EachHasItsOwnBusMasterEnable)
{
	open_at(TLPB_HOST, &generous);
	cfg_write(F0, COMMAND, 3, MASTER);
	cfg_write(F1, COMMAND, 3, 0);
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(dma_write(F1, 1), "BUS_MASTER_DISABLED");
	cfg_write(F0, COMMAND, 3, 0);
	cfg_write(F1, COMMAND, 3, MASTER);
	EXPECT_STREQ(dma_write(F0, 1), "BUS_MASTER_DISABLED");
	EXPECT_STREQ(dma_write(F1, 1), "");
	EXPECT_EQ(tlpb__monitor_violations(m), 2);
}

TEST(Functions, EachHasItsOwnPowerStateSizesAndTags)
{
	open_at(TLPB_HOST, &generous);
	read_capabilities(F0, MPS_512 | MRRS_512);
	read_capabilities(F1, 0);
	EXPECT_STREQ(dma_write(F0, 128), "");
	EXPECT_STREQ(dma_write(F1, 128), "MPS_EXCEEDED");
	EXPECT_STREQ(dma_read(F0, 1, 128), "");
	EXPECT_STREQ(dma_read(F1, 1, 128), "MRRS_EXCEEDED");
	EXPECT_STREQ(dma_read(F1, 32, 1), "TAG_RANGE");
	cfg_write(F1, DEVCTL, 3, 1 << 8);
	EXPECT_STREQ(dma_read(F1, 33, 1), "");
	cfg_write(F1, PM + 4, 3, 3);
	EXPECT_STREQ(dma_write(F1, 1), "REQUEST_IN_D_STATE");
	EXPECT_STREQ(dma_write(F0, 1), "");
}

/* The completion of the write may pass what waits at the device's end; that of a read may not. */
TEST(Functions, WhatWasIssuedBeforeAWriteIsNoViolationUntilAReadHasPushedItAhead)
{
	struct tlpb_tlp read = { .kind = TLPB_CFGRD0, .dest_id = F0, .first_be = 15, .length_dw = 1, .tag = 9 };
	struct tlpb_tlp answer = { .kind = TLPB_CPLD, .completer_id = F0, .byte_count = 4, .tag = 9,
				   .length_dw = 1, .payload = (const uint8_t *)"abcd", .payload_len = 4 };

	open_at(TLPB_HOST, &generous);
	cfg_write(F0, COMMAND, 3, MASTER);
	EXPECT_STREQ(judged(true, &read), "");		/* asked for before the write is done: pushes nothing */
	only_write(F0, COMMAND, 3, 0);
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(judged(false, &answer), "");
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(judged(true, &read), "");
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(judged(false, &answer), "");
	EXPECT_STREQ(dma_write(F0, 1), "BUS_MASTER_DISABLED");
	only_write(F0, COMMAND, 3, MASTER);		/* what is allowed is so at once */
	EXPECT_STREQ(dma_write(F0, 1), "");
}

TEST(Functions, WhatNobodyHasSeenIsNotHeldAgainstAnybody)
{
	open_at(TLPB_HOST, &generous);
	cfg_write(F0, COMMAND, 3, 0);
	EXPECT_STREQ(dma_write(F1, 1024), "");
	EXPECT_STREQ(dma_read(F1, 1023, 1024), "");
}

TEST(Functions, AFunctionLevelResetIsOfOne)
{
	open_at(TLPB_HOST, &generous);
	for (uint16_t id = F0; id <= F1; id++) {
		read_capabilities(id, 0);
		cfg_write(id, COMMAND, 3, MASTER);
	}
	cfg_write(F1, DEVCTL, 3, FLR);
	EXPECT_STREQ(dma_write(F1, 1), "BUS_MASTER_DISABLED");
	EXPECT_STREQ(dma_write(F0, 1), "");
}

TEST(Functions, AResetTurnsAllOffAtTheEndpointsEnd)
{
	for (int role = 0; role < 2; role++) {
		open_at((enum tlpb_role)role, &generous);
		cfg_write(F0, COMMAND, 3, MASTER);
		tlpb__monitor_reset(m);
		cfg_read(F0, 0, 0);
		EXPECT_STREQ(dma_write(F0, 1), role == TLPB_HOST ? "" : "BUS_MASTER_DISABLED");
		EXPECT_STREQ(dma_write(F1, 1), role == TLPB_HOST ? "" : "BUS_MASTER_DISABLED");
		cfg_write(F1, COMMAND, 3, MASTER);
		EXPECT_STREQ(dma_write(F1, 1), "");
	}
}

/* Device Control of a VF is all zeros: its PF's holds. */
TEST(Functions, AVirtualFunctionHasItsPfsDeviceControlAndItsOwnBusMasterEnable)
{
	open_at(TLPB_HOST, &generous);
	read_capabilities(F0, MPS_512 | MRRS_512);
	read_sriov(F0, 16, 2, 4);
	cfg_write(F0, SRIOV + 8, 3, VF_ENABLE);
	cfg_write(F0, COMMAND, 3, 0);
	for (uint16_t id = VF; id <= VF2; id = (uint16_t)(id + 2)) {
		read_capabilities(id, 0);
		cfg_write(id, COMMAND, 3, MASTER);
		EXPECT_STREQ(dma_write(id, 128), "");
		EXPECT_STREQ(dma_write(id, 256), "MPS_EXCEEDED");
	}
	cfg_write(VF, COMMAND, 3, 0);
	EXPECT_STREQ(dma_write(VF, 1), "BUS_MASTER_DISABLED");
	EXPECT_STREQ(dma_write(VF2, 1), "");
	/* 17 lies between two of them: a function with registers of its own. */
	read_capabilities(F0 | 0x11, 0);
	EXPECT_STREQ(dma_write(F0 | 0x11, 128), "MPS_EXCEEDED");
}

TEST(Functions, VirtualFunctionsAreForgottenWithTheirPfsEnable)
{
	open_at(TLPB_HOST, &generous);
	read_capabilities(F0, 0);
	read_sriov(F0, 16, 2, 4);
	cfg_write(F0, SRIOV + 8, 3, VF_ENABLE);
	cfg_write(VF, COMMAND, 3, 0);
	EXPECT_STREQ(dma_write(VF, 1), "BUS_MASTER_DISABLED");
	cfg_write(F0, SRIOV + 8, 3, 0);
	cfg_write(F0, SRIOV + 8, 3, VF_ENABLE);
	EXPECT_STREQ(dma_write(VF, 1), "");
	cfg_write(VF, COMMAND, 3, 0);
	cfg_write(F0, DEVCTL, 3, FLR);
	EXPECT_STREQ(dma_write(VF, 1), "");
}

TEST(Functions, AllOfThemAreFollowed)
{
	open_at(TLPB_HOST, &generous);
	for (unsigned i = 0; i < 256; i++)
		cfg_write((uint16_t)(F0 | i), COMMAND, 3, i % 3 ? MASTER : 0);
	for (unsigned i = 0; i < 256; i++)
		EXPECT_STREQ(dma_write((uint16_t)(F0 | i), 1), i % 3 ? "" : "BUS_MASTER_DISABLED");
}

TEST(Functions, AnIdThatIsNotTheDevicesIsNamed)
{
	open_at(TLPB_HOST, &generous);
	EXPECT_STREQ(dma_write(0x1234, 1), "");		/* it has not been told its ID */
	cfg_write(F0, COMMAND, 3, MASTER);
	EXPECT_STREQ(dma_write(F1, 1), "");
	EXPECT_STREQ(dma_write(F0 + 0x100, 1), "REQUESTER_ID");
	EXPECT_STREQ(dma_write(VF, 1), "REQUESTER_ID");
	cfg_write(F0, SRIOV + 8, 3, VF_ENABLE);
	EXPECT_STREQ(dma_write(VF, 1), "");
	EXPECT_STREQ(dma_write(VF + 0x100, 1), "REQUESTER_ID");
	cfg_write(F0 + 0x100, COMMAND, 3, MASTER);	/* it has a new bus number */
	EXPECT_STREQ(dma_write(F0 + 0x100, 1), "");
	EXPECT_STREQ(dma_write(F0, 1), "REQUESTER_ID");
}

/* ---- credits ---- */

static const struct monitor_limits scarce = {
	.endpoint_mps = 128, .host_mps = 128, .host_rcb = 64,
	.endpoint_credits = { 2, 8, 1, 1, 0, 0 }, .host_credits = { 2, 8, 1, 1, 0, 0 },
};

static const char *updated(bool to_device, uint16_t ph, uint16_t pd, uint16_t nph, uint16_t cplh)
{
	const uint16_t limits[TLPB_POOLS] = { ph, pd, nph, 1, cplh, 0 };
	const char *rule;

	what = "";
	rule = tlpb__monitor_update(m, to_device, limits, &what);
	return rule ? rule : "";
}

TEST(Credits, ASenderThatExceedsItsHeadersIsNamed)
{
	open_at(TLPB_HOST, &scarce);
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(dma_write(F0, 1), "CREDITS_EXCEEDED");
	EXPECT_STREQ(what, "PH");
	EXPECT_EQ(tlpb__monitor_violations(m), 1);
}

TEST(Credits, ASenderThatExceedsItsDataIsNamed)
{
	open_at(TLPB_HOST, &scarce);
	EXPECT_STREQ(dma_write(F0, 32), "");
	EXPECT_STREQ(dma_write(F0, 1), "CREDITS_EXCEEDED");
	EXPECT_STREQ(what, "PD");
}

TEST(Credits, EachDirectionHasItsOwn)
{
	struct tlpb_tlp read = { .kind = TLPB_MRD, .address = RAM, .length_dw = 1, .first_be = 15, .tag = 1 };

	open_at(TLPB_HOST, &scarce);
	EXPECT_STREQ(dma_read(F0, 1, 1), "");
	EXPECT_STREQ(judged(true, &read), "");
	read.tag = 2;
	EXPECT_STREQ(judged(true, &read), "CREDITS_EXCEEDED");
	EXPECT_STREQ(what, "NPH");
}

TEST(Credits, InfiniteOnesAreNotExceeded)
{
	struct tlpb_tlp completion = { .kind = TLPB_CPL, .status = TLPB_CPL_UR, .byte_count = 4 };

	open_at(TLPB_HOST, &scarce);
	for (unsigned i = 0; i < 1000; i++) {
		EXPECT_STREQ(dma_read(F0, 7, 1), "");
		completion.requester_id = F0;
		completion.tag = 7;
		EXPECT_STREQ(judged(true, &completion), "");
		EXPECT_STREQ(updated(true, 2, 8, (uint16_t)(2 + i) & 0xff, 0), "");
	}
}

TEST(Credits, AnUpdateGivesNewOnes)
{
	open_at(TLPB_HOST, &scarce);
	for (unsigned i = 0; i < 600; i++) {	/* more than the counters hold */
		EXPECT_STREQ(dma_write(F0, 1), "");
		EXPECT_STREQ(updated(true, (3 + i) & 0xff, (9 + i) & 0xfff, 1, 0), "");
	}
}

TEST(Credits, AnUpdateThatTakesThemBackIsNamed)
{
	open_at(TLPB_HOST, &scarce);
	EXPECT_STREQ(updated(true, 1, 8, 1, 0), "CREDITS_TAKEN_BACK");
	EXPECT_STREQ(what, "PH");
	EXPECT_STREQ(dma_write(F0, 1), "");	/* it changed nothing */
	EXPECT_STREQ(dma_write(F0, 1), "");
}

TEST(Credits, AnUpdateAboveWhatMayBeOutstandingIsNamed)
{
	open_at(TLPB_HOST, &scarce);
	EXPECT_STREQ(updated(true, 127, 8, 1, 0), "");
	EXPECT_STREQ(updated(true, 128, 8, 1, 0), "CREDITS_TOO_MANY");
	EXPECT_STREQ(what, "PH");
	EXPECT_STREQ(updated(true, 127, 2048, 1, 0), "CREDITS_TOO_MANY");
	EXPECT_STREQ(what, "PD");
}

TEST(Credits, AnUpdateOfInfiniteOnesIsNamed)
{
	open_at(TLPB_HOST, &scarce);
	EXPECT_STREQ(updated(true, 2, 8, 1, 1), "CREDITS_INFINITE_UPDATED");
	EXPECT_STREQ(what, "CPLH");
}

TEST(Credits, AfterAViolationTheSenderHasNoneLeft)
{
	open_at(TLPB_HOST, &scarce);
	for (unsigned i = 0; i < 5; i++)
		dma_write(F0, 1);
	EXPECT_EQ(tlpb__monitor_violations(m), 3);
	EXPECT_STREQ(updated(true, 7, 13, 1, 0), "");	/* its receiver has freed them all */
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(dma_write(F0, 1), "");
	EXPECT_STREQ(dma_write(F0, 1), "CREDITS_EXCEEDED");
}

/* ---- ordering that one point of a link shows ---- */

TEST(Ordering, PartsOfACompletionOutOfOrderAreNamed)
{
	static const uint8_t data[64];
	struct tlpb_tlp part = { .kind = TLPB_CPLD, .requester_id = F0, .tag = 3, .length_dw = 16,
				 .payload = data, .payload_len = 64 };

	open_at(TLPB_HOST, &generous);
	EXPECT_STREQ(dma_read(F0, 3, 32), "");
	part.byte_count = 64;		/* the second half comes first */
	part.lower_address = 64;
	EXPECT_STREQ(judged(true, &part), "CPL_BYTE_COUNT");
	part.byte_count = 128;
	part.lower_address = 0;
	EXPECT_STREQ(judged(true, &part), "");
	tlpb__monitor_free(m);
	m = NULL;
}
