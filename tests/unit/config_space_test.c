/* SPDX-License-Identifier: MIT */
/* The config space of a function, bit by bit as software sees it. */
#include <stdio.h>

#include "config_space.h"
#include "gtest.h"

enum {
	PM_CSR = CFG_PM + 4,
	MSI_CONTROL = CFG_MSI,		/* in bits 31:16 */
	DEVCAP = CFG_PCIE + 4,
	DEVCTL = CFG_PCIE + 8,		/* DevSta in bits 31:16 */
	MSIX_CONTROL = CFG_MSIX,	/* in bits 31:16 */
	ALL = 0xf,
};

#define RW (TLPB_REGION_READ | TLPB_REGION_WRITE)

static struct config_space c;

static struct tlpb_device every_kind_of_bar(void)
{
	return (struct tlpb_device){
		.name = "config", .vendor_id = 0x1d0f, .device_id = 0x1234,
		.subsystem_vendor_id = 0x5678, .subsystem_id = 0x9abc,
		.class_code = 0x058000, .revision = 3,
		.region = {
			[0] = { 16, RW },
			[1] = { 0x100000, RW | TLPB_REGION_64BIT | TLPB_REGION_PREFETCH },
			[3] = { 0x200000000, RW | TLPB_REGION_64BIT },
			[5] = { 256, RW | TLPB_REGION_IO },
			[TLPB_ROM] = { 0x10000, TLPB_REGION_READ },
		},
		.intx_pin = 2, .msi_vectors = 8, .msix_vectors = 17,
		.msix_table_bar = 1, .msix_table_offset = 0x1000,
		.msix_pba_bar = 3, .msix_pba_offset = 0x2008,
	};
}

static void setup(void)
{
	struct tlpb_device device = every_kind_of_bar();

	tlpb__config_init(&c, &device, 512);
}

static uint32_t rd(unsigned offset)
{
	return tlpb__config_read(&c, offset);
}

static bool wr(unsigned offset, uint32_t value)
{
	return tlpb__config_write(&c, offset, ALL, value);
}

TEST(ConfigSpace, TheHeaderSaysWhatTheDeviceIs)
{
	setup();
	EXPECT_EQ(rd(0x00), 0x12341d0f);
	EXPECT_EQ(rd(0x08), 0x05800003);
	EXPECT_EQ(rd(0x0c), 0);			/* type 0, one function */
	EXPECT_EQ(rd(0x2c), 0x9abc5678);
	EXPECT_EQ(rd(0x3c), 0x00000200);	/* INTB, line 0 */
	EXPECT_EQ(rd(CFG_COMMAND), 0x00100000);	/* nothing enabled; capabilities */
}

/* Everything written as ones, then as zeros: what stays and what changes is the mask. */
static void expect_masks(unsigned offset, uint32_t read_write, uint32_t read_only)
{
	char about[32];

	snprintf(about, sizeof about, "0x%03x", offset);
	gt_about(about);
	wr(offset, 0xffffffff);
	EXPECT_EQ(rd(offset), read_write | read_only);
	wr(offset, 0);
	EXPECT_EQ(rd(offset), read_only);
	gt_about("");
}

TEST(ConfigSpace, EachRegisterHasItsReadWriteBitsAndNoOther)
{
	setup();
	expect_masks(0x00, 0, 0x12341d0f);
	expect_masks(CFG_COMMAND, 0x547, 0x00100000);
	expect_masks(0x08, 0, 0x05800003);
	expect_masks(0x0c, 0xff, 0);
	expect_masks(0x2c, 0, 0x9abc5678);
	expect_masks(CFG_CAP_POINTER, 0, CFG_PM);
	expect_masks(0x38, 0, 0);
	expect_masks(0x3c, 0xff, 0x200);
	expect_masks(CFG_MSI + 4, 0xfffffffc, 0);
	expect_masks(CFG_MSI + 8, 0xffffffff, 0);
	expect_masks(CFG_MSI + 12, 0xffff, 0);
	expect_masks(CFG_MSI + 16, 0xff, 0);	/* 8 vectors */
	expect_masks(CFG_MSI + 20, 0, 0);
	expect_masks(CFG_MSIX + 4, 0, 0x1001);
	expect_masks(CFG_MSIX + 8, 0, 0x200b);
	expect_masks(0x100, 0, 0);		/* no extended capability */
	expect_masks(0xffc, 0, 0);
}

TEST(ConfigSpace, BytesNotEnabledKeepTheirValue)
{
	setup();
	wr(CFG_MSI + 4, 0x11223344);
	tlpb__config_write(&c, CFG_MSI + 4, 0x5, 0xaabbccdd);
	EXPECT_EQ(rd(CFG_MSI + 4), 0x11bb33dc);
	tlpb__config_write(&c, CFG_MSI + 4, 0, 0xffffffff);
	EXPECT_EQ(rd(CFG_MSI + 4), 0x11bb33dc);
}

TEST(ConfigSpace, StatusBitsAreClearedByWritingOnes)
{
	setup();
	c.value[CFG_STATUS + 1] = 0xf9;		/* as if errors had been logged */
	tlpb__config_set_intx_status(&c, true);
	wr(CFG_COMMAND, 0);
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0xf918);
	wr(CFG_COMMAND, 0x80000000);
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0x7918);
	tlpb__config_write(&c, CFG_COMMAND, 0x3, 0xffffffff);	/* Command only */
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0x7918);
	wr(CFG_COMMAND, 0xffff0000);
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0x0018);	/* capabilities and INTx status stay */
	tlpb__config_set_intx_status(&c, false);
	EXPECT_EQ(rd(CFG_COMMAND) >> 16, 0x0010);
}

TEST(ConfigSpace, DeviceStatusBitsAreClearedByWritingOnes)
{
	setup();
	c.value[CFG_PCIE + 10] = 0x0f;
	wr(DEVCTL, 0x00050000);
	EXPECT_EQ(rd(DEVCTL) >> 16, 0x000a);
}

/* ---- BARs ---- */

TEST(ConfigSpace, EachKindOfBarTellsItsSizeAndType)
{
	static const struct { unsigned offset; uint32_t sized, zero; } bars[] = {
		{ 0x10, 0xfffffff0, 0x0 },
		{ 0x14, 0xfff0000c, 0xc },	/* 1 MiB, prefetchable, 64 bits */
		{ 0x18, 0xffffffff, 0x0 },
		{ 0x1c, 0x00000004, 0x4 },	/* 8 GiB: the lower half is all read-only */
		{ 0x20, 0xfffffffe, 0x0 },
		{ 0x24, 0xffffff01, 0x1 },
		{ CFG_ROM, 0xffff0001, 0x0 },
	};

	setup();
	for (unsigned i = 0; i < sizeof bars / sizeof bars[0]; i++) {
		wr(bars[i].offset, 0xffffffff);
		EXPECT_EQ(rd(bars[i].offset), bars[i].sized);
		wr(bars[i].offset, 0);
		EXPECT_EQ(rd(bars[i].offset), bars[i].zero);
	}
}

TEST(ConfigSpace, BarsOfExtremeSizesAreSized)
{
	struct tlpb_device device = {
		.region = { [0] = { 4, RW | TLPB_REGION_IO },
			    [1] = { 0x80000000, RW },
			    [2] = { 1ull << 63, RW | TLPB_REGION_64BIT },
			    [4] = { 1ull << 32, RW | TLPB_REGION_64BIT },
			    [TLPB_ROM] = { 2048, TLPB_REGION_READ } },
	};

	tlpb__config_init(&c, &device, 128);
	for (unsigned offset = 0x10; offset <= 0x30; offset += 4)
		wr(offset, 0xffffffff);
	EXPECT_EQ(rd(0x10), 0xfffffffd);
	EXPECT_EQ(rd(0x14), 0x80000000);
	EXPECT_EQ(rd(0x18), 0x4);
	EXPECT_EQ(rd(0x1c), 0x80000000);
	EXPECT_EQ(rd(0x20), 0x4);
	EXPECT_EQ(rd(0x24), 0xffffffff);
	EXPECT_EQ(rd(CFG_ROM), 0xfffff801);
}

/* ---- who claims an address ---- */

static void place(void)
{
	wr(0x10, 0xe0000000);
	wr(0x14, 0x00100000);
	wr(0x18, 0x1);
	wr(0x1c, 0);
	wr(0x20, 0x20);
	wr(0x24, 0xc000);
	wr(CFG_ROM, 0xe1000001);
}

static int match(bool io, uint64_t addr, unsigned len, uint64_t *offset)
{
	return tlpb__config_match(&c, io, addr, len, offset);
}

TEST(ConfigSpace, AnAddressBelongsToTheRegionItLiesIn)
{
	static const struct { bool io; uint64_t addr; unsigned len; int region; uint64_t offset; } rows[] = {
		{ false, 0xe0000000, 4, 0, 0 },
		{ false, 0xe000000f, 1, 0, 15 },
		{ false, 0xe000000f, 2, -1, 0 },
		{ false, 0xdfffffff, 2, -1, 0 },
		{ false, 0x100100000, 8, 1, 0 },
		{ false, 0x1001fffff, 1, 1, 0xfffff },
		{ false, 0x00100000, 4, -1, 0 },
		{ false, 0x21ffffffff, 1, 3, 0x1ffffffff },
		{ false, 0x2200000000, 1, -1, 0 },
		{ false, 0xffffffffffffffff, 1, -1, 0 },
		{ true, 0xc000, 4, 5, 0 },
		{ true, 0xc0ff, 1, 5, 255 },
		{ true, 0xc100, 1, -1, 0 },
		{ false, 0xc000, 1, -1, 0 },
		{ true, 0xe0000000, 1, -1, 0 },
		{ false, 0xe100ffff, 1, TLPB_ROM, 0xffff },
	};
	uint64_t offset;

	setup();
	place();
	wr(CFG_COMMAND, COMMAND_IO | COMMAND_MEMORY);
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int region = match(rows[i].io, rows[i].addr, rows[i].len, &offset);

		EXPECT_EQ(region, rows[i].region);
		if (region >= 0)
			EXPECT_EQ(offset, rows[i].offset);
	}
}

TEST(ConfigSpace, NothingIsDecodedWithoutItsEnableBit)
{
	uint64_t offset;

	setup();
	place();
	EXPECT_EQ(match(false, 0xe0000000, 4, &offset), -1);
	EXPECT_EQ(match(true, 0xc000, 4, &offset), -1);
	EXPECT_EQ(match(false, 0xe1000000, 4, &offset), -1);
	wr(CFG_COMMAND, COMMAND_IO);
	EXPECT_EQ(match(false, 0xe0000000, 4, &offset), -1);
	EXPECT_EQ(match(true, 0xc000, 4, &offset), 5);
	wr(CFG_COMMAND, COMMAND_MEMORY);
	EXPECT_EQ(match(false, 0xe0000000, 4, &offset), 0);
	EXPECT_EQ(match(true, 0xc000, 4, &offset), -1);
	EXPECT_EQ(match(false, 0xe1000000, 4, &offset), TLPB_ROM);
	wr(CFG_ROM, 0xe1000000);		/* its own enable bit */
	EXPECT_EQ(match(false, 0xe1000000, 4, &offset), -1);
}

TEST(ConfigSpace, NothingIsDecodedInD3hotAndAllAgainInD0)
{
	uint64_t offset;

	setup();
	place();
	wr(CFG_COMMAND, 7);
	EXPECT_TRUE(tlpb__config_bus_master(&c));
	wr(PM_CSR, 3);
	EXPECT_EQ(rd(PM_CSR), 0xb);		/* No_Soft_Reset, D3hot */
	EXPECT_EQ(match(false, 0xe0000000, 4, &offset), -1);
	EXPECT_EQ(match(true, 0xc000, 4, &offset), -1);
	EXPECT_FALSE(tlpb__config_bus_master(&c));
	wr(PM_CSR, 0);
	EXPECT_EQ(match(false, 0xe0000000, 4, &offset), 0);
	EXPECT_TRUE(tlpb__config_bus_master(&c));
	EXPECT_EQ(rd(0x10), 0xe0000000);
}

/* Writing a state that is not supported changes nothing (5.3.1.4, 7.5.2.2). */
TEST(ConfigSpace, D1AndD2AreNotEntered)
{
	setup();
	wr(CFG_COMMAND, 7);
	wr(PM_CSR, 1);
	EXPECT_EQ(rd(PM_CSR) & 3, 0);
	wr(PM_CSR, 2);
	EXPECT_EQ(rd(PM_CSR) & 3, 0);
	wr(PM_CSR, 3);
	wr(PM_CSR, 2);
	EXPECT_EQ(rd(PM_CSR) & 3, 3);
}

/* ---- capabilities ---- */

static unsigned chain(unsigned ids[8])
{
	unsigned n = 0;

	for (unsigned at = rd(CFG_CAP_POINTER) & 0xff; at && n < 8; at = rd(at) >> 8 & 0xff)
		ids[n++] = rd(at) & 0xff;
	return n;
}

TEST(ConfigSpace, TheChainHoldsTheCapabilitiesThatThereAre)
{
	struct tlpb_device device = every_kind_of_bar();
	unsigned ids[8];

	setup();
	ASSERT_EQ(chain(ids), 4);
	EXPECT_EQ(ids[0], 0x01);
	EXPECT_EQ(ids[1], 0x05);
	EXPECT_EQ(ids[2], 0x10);
	EXPECT_EQ(ids[3], 0x11);
	device.msi_vectors = 0;
	tlpb__config_init(&c, &device, 512);
	ASSERT_EQ(chain(ids), 3);
	EXPECT_EQ(ids[1], 0x10);
	device.msix_vectors = 0;
	tlpb__config_init(&c, &device, 512);
	ASSERT_EQ(chain(ids), 2);
	EXPECT_EQ(rd(CFG_MSI), 0);
	EXPECT_EQ(rd(CFG_MSIX), 0);
}

TEST(ConfigSpace, ThePciExpressCapabilityIsThatOfAnEndpointWithFlr)
{
	setup();
	EXPECT_EQ(rd(CFG_PCIE) >> 16, 2);		/* version 2, endpoint */
	EXPECT_EQ(rd(DEVCAP) & 7, 2);			/* 512 bytes */
	EXPECT_EQ(rd(DEVCAP) >> 5 & 1, 1);		/* extended tags */
	EXPECT_EQ(rd(DEVCAP) >> 15 & 1, 1);		/* role-based error reporting */
	EXPECT_EQ(rd(DEVCAP) >> 28 & 1, 1);
	EXPECT_EQ(rd(DEVCTL), 0x2810);
}

TEST(ConfigSpace, TheFlrBitAsksForAResetAndReadsZero)
{
	setup();
	EXPECT_FALSE(wr(DEVCTL, 0x7fff));
	EXPECT_TRUE(wr(DEVCTL, 0x8000));
	EXPECT_EQ(rd(DEVCTL) & 0x8000, 0);
	EXPECT_FALSE(tlpb__config_write(&c, DEVCTL, 0x1, 0x8000));	/* not that byte */
	EXPECT_TRUE(tlpb__config_write(&c, DEVCTL, 0x2, 0x8000));
	EXPECT_FALSE(wr(DEVCTL + 4, 0x8000));
}

TEST(ConfigSpace, DeviceControlSetsPayloadReadRequestAndTags)
{
	setup();
	EXPECT_EQ(tlpb__config_mps(&c), 128);
	EXPECT_EQ(tlpb__config_mrrs(&c), 512);
	EXPECT_EQ(tlpb__config_tags(&c), 32);
	wr(DEVCTL, 5 << 12 | 1 << 8 | 1 << 5);
	EXPECT_EQ(tlpb__config_mps(&c), 256);
	EXPECT_EQ(tlpb__config_mrrs(&c), 4096);
	EXPECT_EQ(tlpb__config_tags(&c), 256);
	wr(DEVCTL, 7 << 12 | 7 << 5);			/* reserved codes */
	EXPECT_EQ(tlpb__config_mps(&c), 512);		/* what was offered, not more */
	EXPECT_EQ(tlpb__config_mrrs(&c), 4096);
	wr(DEVCTL, 6 << 12);
	EXPECT_EQ(tlpb__config_mrrs(&c), 4096);
}

/* ---- MSI, MSI-X ---- */

TEST(ConfigSpace, TheVectorReplacesTheLowBitsOfMsiData)
{
	uint64_t addr;
	uint32_t data;

	setup();
	EXPECT_EQ(rd(MSI_CONTROL) >> 16, 3 << 1 | 1 << 7 | 1 << 8);
	wr(CFG_MSI + 4, 0xfee01004);
	wr(CFG_MSI + 8, 0x7);
	wr(CFG_MSI + 12, 0x4fff);
	EXPECT_FALSE(tlpb__config_msi_enabled(&c));
	wr(MSI_CONTROL, (2 << 4 | 1) << 16);		/* 4 vectors */
	EXPECT_TRUE(tlpb__config_msi_enabled(&c));
	EXPECT_EQ(tlpb__config_msi_granted(&c), 4);
	tlpb__config_msi_message(&c, 2, &addr, &data);
	EXPECT_EQ(addr, 0x7fee01004);
	EXPECT_EQ(data, 0x4ffe);
	wr(MSI_CONTROL, (7 << 4 | 1) << 16);		/* more than there are */
	EXPECT_EQ(tlpb__config_msi_granted(&c), 8);
}

TEST(ConfigSpace, MsiMaskAndPendingBitsAreThoseOfTheVector)
{
	setup();
	wr(CFG_MSI + 16, 0x82);
	EXPECT_TRUE(tlpb__config_msi_masked(&c, 7));
	EXPECT_TRUE(tlpb__config_msi_masked(&c, 1));
	EXPECT_FALSE(tlpb__config_msi_masked(&c, 0));
	tlpb__config_msi_set_pending(&c, 7, true);
	EXPECT_EQ(rd(CFG_MSI + 20), 0x80);
	wr(CFG_MSI + 20, 0);
	EXPECT_TRUE(tlpb__config_msi_pending(&c, 7));
	tlpb__config_msi_set_pending(&c, 7, false);
	EXPECT_EQ(rd(CFG_MSI + 20), 0);
}

TEST(ConfigSpace, AllThirtyTwoMsiVectorsHaveTheirBits)
{
	struct tlpb_device device = { .msi_vectors = 32 };

	tlpb__config_init(&c, &device, 128);
	wr(CFG_MSI + 16, 0xffffffff);
	EXPECT_EQ(rd(CFG_MSI + 16), 0xffffffff);
	tlpb__config_msi_set_pending(&c, 31, true);
	EXPECT_TRUE(tlpb__config_msi_pending(&c, 31));
	EXPECT_EQ(rd(CFG_MSI + 20), 0x80000000);
}

TEST(ConfigSpace, MsixControlHasEnableAndFunctionMask)
{
	setup();
	EXPECT_EQ(rd(MSIX_CONTROL) >> 16, 16);		/* 17 vectors, N-1 */
	EXPECT_FALSE(tlpb__config_msix_enabled(&c));
	wr(MSIX_CONTROL, 0xffff0000);
	EXPECT_EQ(rd(MSIX_CONTROL) >> 16, 0xc010);
	EXPECT_TRUE(tlpb__config_msix_enabled(&c));
	EXPECT_TRUE(tlpb__config_msix_function_masked(&c));
	wr(MSIX_CONTROL, 0x80000000);
	EXPECT_FALSE(tlpb__config_msix_function_masked(&c));
}

TEST(ConfigSpace, FunctionLevelResetKeepsLinkControlPayloadSizeAndPmeEnable)
{
	setup();
	wr(CFG_COMMAND, COMMAND_MEMORY | COMMAND_BUS_MASTER);
	wr(CFG_PM + 4, 1 << 8);
	wr(CFG_PCIE + 8, 0x2850);	/* Max_Payload_Size 512 */
	wr(CFG_PCIE + 16, 0x0048);
	wr(CFG_BAR0 + 4, 0xfff00000);
	tlpb__config_reset(&c, TLPB_RESET_FLR);
	EXPECT_EQ(rd(CFG_PM + 4) & 1 << 8, 1 << 8);
	EXPECT_EQ(tlpb__config_mps(&c), 512u);
	EXPECT_EQ(rd(CFG_PCIE + 16) & 0xffff, 0x0048u);
	EXPECT_EQ(tlpb__config_command(&c), 0u);
	EXPECT_EQ(rd(CFG_BAR0 + 4) & 0xfffffff0, 0u);
}
