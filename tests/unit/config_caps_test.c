/* SPDX-License-Identifier: MIT */
/* The optional capabilities of a function, register by register, and what each reset keeps. */
#include <stdio.h>
#include <string.h>

#include <tlpbridge/err.h>

#include "config_layout.h"
#include "gtest.h"

#define RW (TLPB_REGION_READ | TLPB_REGION_WRITE)
#define MIB (UINT64_C(1) << 20)

enum { ALL = 0xf, ID_STANDARD = 0xff, ID_EXTENDED = 0xffff };

static struct config_space c, vf;

/* Everything that can be declared. */
static struct tlpb_device everything(void)
{
	return (struct tlpb_device){
		.name = "everything", .vendor_id = 0x1d0f, .device_id = 0x1234,
		.subsystem_vendor_id = 0x5678, .subsystem_id = 0x9abc,
		.region = {
			[0] = { 16 * MIB, RW | TLPB_REGION_64BIT | TLPB_REGION_PREFETCH },
			[2] = { 4096, RW },
			[4] = { 2 * MIB, RW },
		},
		.intx_pin = 1, .msi_vectors = 4, .msix_vectors = 8, .msix_table_bar = 2,
		.msix_pba_bar = 2, .msix_pba_offset = 0x800,
		.has = TLPB_HAS_AER | TLPB_HAS_ECRC | TLPB_HAS_ARI | TLPB_HAS_LTR | TLPB_HAS_PME |
		       TLPB_HAS_TAGS_10BIT | TLPB_HAS_ATOMIC_32 | TLPB_HAS_ATOMIC_64 |
		       TLPB_HAS_CAS_128 | TLPB_HAS_ATOMIC_REQUESTS,
		.serial_number = 0x0123456789abcdef,
		.resizable = { [0] = 0x3f << 1, [4] = 0x3 << 1 },
		.sriov = {
			.vfs = 16, .offset = 8, .stride = 2, .device_id = 0x4321,
			.region = {
				[0] = { 16384, RW | TLPB_REGION_64BIT },
				[3] = { 4096, RW },
			},
			.msix_vectors = 3, .msix_table_bar = 3, .msix_pba_bar = 3,
			.msix_pba_offset = 0x800,
		},
	};
}

static void setup(void)
{
	struct tlpb_device device = everything();
	char why[256] = "";

	if (tlpb_device_check(&device, why, sizeof why))
		FAIL("%s", why);
	tlpb__config_init(&c, &device, 512);
}

static void setup_with(uint32_t has)
{
	struct tlpb_device device = everything();

	device.has = has;
	tlpb__config_init(&c, &device, 512);
}

static uint32_t rd(unsigned offset)
{
	return tlpb__config_read(&c, offset);
}

static unsigned wr(unsigned offset, uint32_t value)
{
	return tlpb__config_write(&c, offset, ALL, value);
}

/* The offset of an extended capability by its ID; 0: there is none, or the chain is broken. */
static unsigned extended(const struct config_space *space, unsigned id)
{
	unsigned at = CONFIG_EXTENDED;

	for (unsigned n = 0; at && n < 100; n++) {
		uint32_t head = tlpb__config_read(space, at);

		if ((head & 0xffff) == id)
			return at;
		at = head >> 20;
	}
	return 0;
}

static unsigned standard(const struct config_space *space, unsigned id)
{
	unsigned at = tlpb__config_read(space, CFG_CAP_POINTER) & 0xff;

	for (unsigned n = 0; at && n < 48; n++) {
		uint32_t head = tlpb__config_read(space, at);

		if ((head & 0xff) == id)
			return at;
		at = head >> 8 & 0xff;
	}
	return 0;
}

/* ---- the registers ---- */

struct row {
	enum config_part part;
	unsigned offset;
	uint32_t initial, rw;
};

static void expect_row(const struct row *row)
{
	unsigned at = c.at[row->part] + row->offset;
	char about[64];

	snprintf(about, sizeof about, "part %d, offset %u", row->part, row->offset);
	gt_about(about);
	EXPECT_EQ(rd(at), row->initial);
	tlpb__config_write(&c, at, ALL, 0xffffffff);
	EXPECT_EQ(rd(at) & ~row->rw, row->initial & ~row->rw);
	EXPECT_EQ(rd(at) & row->rw, row->rw);
	tlpb__config_write(&c, at, ALL, 0);
	EXPECT_EQ(rd(at) & row->rw, 0);
	EXPECT_EQ(rd(at) & ~row->rw, row->initial & ~row->rw);
}

TEST(ConfigCaps, EachRegisterHasItsInitialValueAndItsWritableBits)
{
	static const struct row rows[] = {
		{ PART_PM, 0, 0x48035001, 0 },			/* PME from D0 and D3hot */
		{ PART_PCIE, 8, 0x00002810, 0x79ff },
		{ PART_PCIE, 12, 0x00000011, 0 },		/* 2.5 GT/s, x1 */
		{ PART_PCIE, 16, 0x00110000, 0x01cb },
		{ PART_PCIE, 44, 0x00000002, 0 },
		{ PART_PCIE, 48, 0x00000001, 0 },
		{ PART_PCIE, 36, 0x00030b90, 0 },		/* atomics, LTR, 10-bit tags */
		{ PART_PCIE, 40, 0, 0x1550 },
		{ PART_AER, 0, 0x15020001, 0 },
		{ PART_AER, 4, 0, 0 },
		{ PART_AER, 8, 0x00400000, 0x005ff010 },
		{ PART_AER, 12, 0x00462030, 0x005ff010 },
		{ PART_AER, 16, 0, 0 },
		{ PART_AER, 20, 0x00006000, 0x000071c1 },
		{ PART_AER, 24, 0x000000a0, 0x00000140 },	/* ECRC capable, enables */
		{ PART_AER, 28, 0, 0 },
		{ PART_SERIAL_NUMBER, 4, 0x89abcdef, 0 },
		{ PART_SERIAL_NUMBER, 8, 0x01234567, 0 },
		{ PART_ARI, 4, 0, 0 },
		{ PART_LTR, 4, 0, 0x1fff1fff },
		{ PART_RESIZABLE_BAR, 4, 0x000007e0, 0 },	/* 2 to 64 MiB */
		{ PART_RESIZABLE_BAR, 12, 0x00000060, 0 },
		{ PART_RESIZABLE_BAR, 20, 0, 0 },
		{ PART_SRIOV, 4, 1 << 2, 0 },
		{ PART_SRIOV, 8, 0, 0x39 },
		{ PART_SRIOV, 12, 0x00100010, 0 },		/* Initial, TotalVFs */
		{ PART_SRIOV, 20, 0x00020008, 0 },		/* stride, offset */
		{ PART_SRIOV, 24, 0x43210000, 0 },
		{ PART_SRIOV, 28, 0x553, 0 },
		{ PART_SRIOV, 36, 4, 0xffffc000 },
		{ PART_SRIOV, 40, 0, 0xffffffff },
		{ PART_SRIOV, 44, 0, 0 },
		{ PART_SRIOV, 48, 0, 0xfffff000 },
		{ PART_SRIOV, 60, 0, 0 },
	};

	setup();
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_row(&rows[i]);
	gt_about("");
}

TEST(ConfigCaps, WhatIsNotDeclaredIsNotThere)
{
	static const unsigned ids[] = { 0x01, 0x03, 0x0e, 0x10, 0x15, 0x18 };
	struct tlpb_device device = { .region = { [0] = { 4096, RW } } };

	tlpb__config_init(&c, &device, 512);
	for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++)
		EXPECT_EQ(extended(&c, ids[i]), 0);
	EXPECT_EQ(rd(CONFIG_EXTENDED), 0);
	EXPECT_EQ(rd(CFG_PCIE + 36), 1 << 4);
	expect_row(&(struct row){ PART_PCIE, 40, 0, 0x0110 });
	EXPECT_EQ(rd(CFG_PM), 0x00037001);		/* no PME; PCI Express is next */
	setup();
	for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++)
		EXPECT_NE(extended(&c, ids[i]), 0);
	EXPECT_EQ(extended(&c, 0x01), CONFIG_EXTENDED);	/* where software begins */
}

TEST(ConfigCaps, EachExtendedCapabilityHasItsVersion)
{
	static const struct { enum config_part part; uint32_t head; } rows[] = {
		{ PART_AER, 0x20001 }, { PART_SERIAL_NUMBER, 0x10003 }, { PART_ARI, 0x1000e },
		{ PART_LTR, 0x10018 }, { PART_RESIZABLE_BAR, 0x10015 }, { PART_SRIOV, 0x10010 },
	};

	setup();
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		EXPECT_EQ(rd(c.at[rows[i].part]) & 0xfffff, rows[i].head);
}

TEST(ConfigCaps, BitsOfFeaturesThatAreNotThereAreNot)
{
	setup_with(0);
	EXPECT_EQ(rd(c.at[PART_SRIOV] + 4), 0);
	expect_row(&(struct row){ PART_SRIOV, 8, 0, 9 });
	EXPECT_EQ(rd(CFG_PCIE + 36), 1 << 4);
	wr(c.at[PART_SRIOV] + SRIOV_CONTROL, 0);
}

TEST(ConfigCaps, DeviceStatusBitsAreClearedOneByOne)
{
	for (unsigned bit = 0; bit < 4; bit++) {
		setup();
		c.value[CFG_PCIE + PCIE_DEVSTA] = 0x0f;
		wr(CFG_PCIE + PCIE_DEVCTL, 1u << (16 + bit));
		EXPECT_EQ(rd(CFG_PCIE + PCIE_DEVCTL) >> 16, 0x0f & ~(1u << bit));
	}
	tlpb__config_set_pending(&c, true);
	EXPECT_EQ(rd(CFG_PCIE + PCIE_DEVCTL) >> 16, 0x27);
	wr(CFG_PCIE + PCIE_DEVCTL, 0xffff0000);
	EXPECT_EQ(rd(CFG_PCIE + PCIE_DEVCTL) >> 16, 0x20);
	tlpb__config_set_pending(&c, false);
	EXPECT_EQ(rd(CFG_PCIE + PCIE_DEVCTL) >> 16, 0);
}

TEST(ConfigCaps, TheFirstExtendedCapabilityIsAlwaysAtItsPlace)
{
	struct tlpb_device device = { .serial_number = 1 };

	tlpb__config_init(&c, &device, 512);
	EXPECT_EQ(rd(CONFIG_EXTENDED), 0x00010003);
}

TEST(ConfigCaps, EcrcBitsAreThereOnlyWithEcrc)
{
	setup_with(TLPB_HAS_AER);
	expect_row(&(struct row){ PART_AER, 24, 0, 0 });
	expect_row(&(struct row){ PART_AER, 8, 0x00400000, 0x0057f010 });
	EXPECT_FALSE(tlpb__config_ecrc_generate(&c));
	setup();
	wr(c.at[PART_AER] + AER_CONTROL, AER_ECRC_GENERATE);
	EXPECT_TRUE(tlpb__config_ecrc_generate(&c));
	EXPECT_FALSE(tlpb__config_ecrc_check(&c));
	wr(c.at[PART_AER] + AER_CONTROL, AER_ECRC_CHECK);
	EXPECT_FALSE(tlpb__config_ecrc_generate(&c));
	EXPECT_TRUE(tlpb__config_ecrc_check(&c));
}

TEST(ConfigCaps, AtomicsAndLtrAreSentOnlyWhenEnabled)
{
	setup();
	EXPECT_FALSE(tlpb__config_atomics_enabled(&c));
	EXPECT_FALSE(tlpb__config_ltr_enabled(&c));
	wr(CFG_PCIE + PCIE_DEVCTL2, 1 << 6);
	EXPECT_TRUE(tlpb__config_atomics_enabled(&c));
	EXPECT_FALSE(tlpb__config_ltr_enabled(&c));
	wr(CFG_PCIE + PCIE_DEVCTL2, 1 << 10);
	EXPECT_FALSE(tlpb__config_atomics_enabled(&c));
	EXPECT_TRUE(tlpb__config_ltr_enabled(&c));
}

TEST(ConfigCaps, DeferrableWritesAreSentOnlyWhenEnabled)
{
	setup_with(0);
	EXPECT_FALSE(tlpb__config_dmwr_enabled(&c));
	setup_with(TLPB_HAS_DMWR_REQUESTS);
	EXPECT_FALSE(tlpb__config_dmwr_enabled(&c));
	wr(c.at[PART_DEVICE_3] + 8, 1);
	EXPECT_TRUE(tlpb__config_dmwr_enabled(&c));
	wr(c.at[PART_DEVICE_3] + 8, 0);
	EXPECT_FALSE(tlpb__config_dmwr_enabled(&c));
}

TEST(ConfigCaps, AFunctionKnowsTheNextOneAndThatThereAreOthers)
{
	setup();
	tlpb__config_set_function(&c, 3, true, 9);
	EXPECT_EQ(rd(0x0c) >> 16, 0x80);
	EXPECT_EQ(rd(c.at[PART_ARI] + 4), 9 << 8);
	EXPECT_EQ(rd(c.at[PART_SRIOV] + 16) >> 16, 3);	/* depends on itself alone */
	wr(c.at[PART_SRIOV] + SRIOV_CONTROL, SRIOV_ARI_HIERARCHY);
	EXPECT_EQ(rd(c.at[PART_SRIOV] + SRIOV_CONTROL), 0);	/* the lowest PF's matter */
	tlpb__config_reset(&c, TLPB_RESET_POWER);
	EXPECT_EQ(rd(0x0c) >> 16, 0x80);
	EXPECT_EQ(rd(c.at[PART_ARI] + 4), 9 << 8);
	setup();
	tlpb__config_set_function(&c, 0, false, 0);
	EXPECT_EQ(rd(0x0c) >> 16, 0);
	wr(c.at[PART_SRIOV] + SRIOV_CONTROL, SRIOV_ARI_HIERARCHY);
	EXPECT_EQ(rd(c.at[PART_SRIOV] + SRIOV_CONTROL), SRIOV_ARI_HIERARCHY);
}

/* ---- capabilities of the device's own ---- */

TEST(ConfigCaps, OnesOwnCapabilitiesAreChainedWithTheirMasks)
{
	static const uint8_t body[8] = { 0x34, 0x12, 0x05, 0, 0xaa, 0xbb, 0xcc, 0xdd };
	static const uint8_t writable[8] = { [4] = 0x0f };
	static const uint8_t w1c[8] = { [5] = 0xff }, sticky[8] = { [4] = 0x03 };
	struct tlpb_capability vsec = {
		.id = 0x0b, .version = 1, .size = 8, .value = body, .writable = writable,
		.w1c = w1c, .sticky = sticky,
	};
	unsigned at;

	setup();
	EXPECT_EQ(tlpb__config_add(&c, &vsec), 0);
	at = extended(&c, 0x0b);
	ASSERT_NE(at, 0);
	EXPECT_EQ(rd(at) >> 16, 1);
	EXPECT_EQ(rd(at + 4), 0x00c51234);		/* 12 bytes, revision 5 */
	EXPECT_EQ(rd(at + 8), 0xddccbbaa);
	wr(at + 8, 0xffff01f5);
	EXPECT_EQ(rd(at + 8), 0xddccbaa5);
	tlpb__config_reset(&c, TLPB_RESET_HOT);
	EXPECT_EQ(rd(at + 8), 0xddccbba9);
	EXPECT_EQ(tlpb__config_add(&c, &vsec), 0);	/* there may be several */
	EXPECT_EQ(rd(at) >> 20, (at + 16));
}

TEST(ConfigCaps, TheVendorSpecificCapabilityTellsItsLength)
{
	static const uint8_t body[4] = { 0, 0x11, 0x22, 0x33 };
	struct tlpb_capability vendor = { .id = 0x09, .size = 4, .value = body };
	unsigned at;

	setup();
	EXPECT_EQ(tlpb__config_add(&c, &vendor), 0);
	at = standard(&c, 0x09);
	ASSERT_NE(at, 0);
	EXPECT_EQ(rd(at), 0x11060009);			/* 6 bytes, last in the chain */
	EXPECT_EQ(rd(at + 4) & 0xffff, 0x3322);
}

/* 7.9.5: the vendor-specific header is four bytes. */
TEST(ConfigCaps, AnExtendedVendorSpecificCapabilityMayBeItsHeaderAlone)
{
	static const uint8_t header[4] = { 0x34, 0x12, 0x81, 0x00 };

	setup();
	EXPECT_EQ(tlpb__config_add(&c, &(struct tlpb_capability){
		.id = 0x0b, .version = 1, .size = 4, .value = header }), 0);
}

TEST(ConfigCaps, CapabilitiesThatCannotBeAreRefused)
{
	struct tlpb_capability rows[] = {
		{ .id = 0x05, .size = 4 }, { .id = 0x10, .size = 4 }, { .id = 0 },
		{ .id = 0x100, .size = 4 }, { .id = 0x01, .version = 1, .size = 4 },
		{ .id = 0x0b, .version = 1, .size = 3 }, { .id = 0x23, .version = 16, .size = 4 },
		{ .id = 0x09 },
	};

	setup();
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		EXPECT_EQ(tlpb__config_add(&c, &rows[i]), TLPB_ERR_INVALID);
	EXPECT_EQ(tlpb__config_add(&c, &(struct tlpb_capability){ .id = 0x03, .size = 63 }),
		  TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(tlpb__config_add(&c, &(struct tlpb_capability){ .id = 0x03, .size = 62 }), 0);
	EXPECT_EQ(tlpb__config_add(&c, &(struct tlpb_capability){ .id = 0x03, .size = 1 }),
		  TLPB_ERR_TOO_LARGE);
	EXPECT_EQ(tlpb__config_add(&c, &(struct tlpb_capability){ .id = 0x2e, .version = 1,
								  .size = 4000 }),
		  TLPB_ERR_TOO_LARGE);
}

/* ---- power states ---- */

TEST(ConfigCaps, FromD3hotToD0WithoutNoSoftResetAsksForAReset)
{
	setup_with(TLPB_HAS_SOFT_RESET);
	EXPECT_EQ(rd(CFG_PM + PM_CONTROL), 0);
	EXPECT_EQ(wr(CFG_PM + PM_CONTROL, 3), 0);
	EXPECT_EQ(wr(CFG_PM + PM_CONTROL, 1), 0);	/* D1: not taken, still D3hot */
	EXPECT_EQ(wr(CFG_PM + PM_CONTROL, 0), CONFIG_SOFT_RESET);
	EXPECT_EQ(wr(CFG_PM + PM_CONTROL, 0), 0);
	setup();
	EXPECT_EQ(rd(CFG_PM + PM_CONTROL), PM_NO_SOFT_RESET);
	EXPECT_EQ(wr(CFG_PM + PM_CONTROL, 3), 0);
	EXPECT_EQ(wr(CFG_PM + PM_CONTROL, 0), 0);
}

TEST(ConfigCaps, APowerManagementEventIsToldOnceUntilItsStatusIsCleared)
{
	setup();
	EXPECT_EQ(tlpb__config_pme(&c), PME_DISABLED);	/* status alone */
	EXPECT_EQ(rd(CFG_PM + PM_CONTROL), PM_PME_STATUS | PM_NO_SOFT_RESET);
	wr(CFG_PM + PM_CONTROL, PM_PME_STATUS | PM_PME_ENABLE);
	EXPECT_EQ(rd(CFG_PM + PM_CONTROL), PM_PME_ENABLE | PM_NO_SOFT_RESET);
	EXPECT_EQ(tlpb__config_pme(&c), PME_DUE);
	EXPECT_EQ(tlpb__config_pme(&c), PME_TOLD);
	wr(CFG_PM + PM_CONTROL, PM_PME_STATUS | PM_PME_ENABLE);
	EXPECT_EQ(tlpb__config_pme(&c), PME_DUE);
}

/* ---- resizable BARs ---- */

static int match(uint64_t addr)
{
	uint64_t offset;

	return tlpb__config_match(&c, false, addr, 4, &offset);
}

TEST(ConfigCaps, AResizedBarIsSizedAndDecodedWithItsNewSize)
{
	unsigned control;

	setup();
	control = c.at[PART_RESIZABLE_BAR] + REBAR_CONTROL;
	EXPECT_EQ(rd(control), 4 << 8 | 2 << 5 | 0);	/* 16 MiB, two BARs, BAR0 */
	EXPECT_EQ(rd(control + REBAR_STRIDE), 1 << 8 | 4);
	wr(0x14, 0x20);
	wr(0x10, 0x03000000);
	wr(control, 5 << 8);				/* 32 MiB */
	EXPECT_EQ(rd(control), 5 << 8 | 2 << 5);
	EXPECT_EQ(rd(0x10), 0x0200000c);		/* the bit that is too low is gone */
	wr(0x10, 0xffffffff);
	EXPECT_EQ(rd(0x10), 0xfe00000c);
	wr(0x10, 0x04000000);
	wr(CFG_COMMAND, COMMAND_MEMORY);
	EXPECT_EQ(match(0x2004000000 + 32 * MIB - 4), 0);
	EXPECT_EQ(match(0x2004000000 + 32 * MIB), -1);
	wr(control, 1 << 8);				/* 2 MiB */
	EXPECT_EQ(match(0x2004000000 + 2 * MIB - 4), 0);
	EXPECT_EQ(match(0x2004000000 + 2 * MIB), -1);
}

TEST(ConfigCaps, ABarOfManyGigabytesIsResizedInItsUpperHalf)
{
	struct tlpb_device device = {
		.region = { [2] = { 1ull << 34, RW | TLPB_REGION_64BIT } },
		.resizable = { [2] = 1u << 14 | 1u << 16 | 1u << 27 },
	};
	unsigned control;

	tlpb__config_init(&c, &device, 512);
	control = c.at[PART_RESIZABLE_BAR] + REBAR_CONTROL;
	wr(0x18, 0xffffffff);
	wr(0x1c, 0xffffffff);
	EXPECT_EQ(rd(0x1c), 0xfffffffc);
	wr(control, 16 << 8);
	EXPECT_EQ(rd(0x1c), 0xfffffff0);
	EXPECT_EQ(rd(0x18), 4);
	wr(0x1c, 0xffffffff);
	EXPECT_EQ(rd(0x1c), 0xfffffff0);
	wr(control, 27 << 8);
	EXPECT_EQ(rd(control) >> 8 & 0x3f, 27);
	EXPECT_EQ(rd(0x1c), 0xffff8000);
}

/* It is a BAR of its own, not an upper half. */
TEST(ConfigCaps, TheBarBehindAResized32BitOneIsAsItWas)
{
	struct tlpb_device device = {
		.region = { { MIB, RW }, { 4096, RW } }, .resizable = { [0] = 7 << 0 },
	};

	tlpb__config_init(&c, &device, 512);
	wr(0x14, 0x12345000);
	wr(c.at[PART_RESIZABLE_BAR] + REBAR_CONTROL, 2 << 8);
	wr(0x10, 0xffffffff);
	EXPECT_EQ(rd(0x10), 0xffc00000);		/* 4 MiB */
	EXPECT_EQ(rd(0x14), 0x12345000);
	wr(0x14, 0xffffffff);
	EXPECT_EQ(rd(0x14), 0xfffff000);
}

TEST(ConfigCaps, ASizeThatABarCannotHaveIsNotTaken)
{
	unsigned control;

	setup();
	control = c.at[PART_RESIZABLE_BAR] + REBAR_CONTROL;
	for (unsigned code = 0; code < 64; code++) {
		bool legal = code >= 1 && code <= 6;
		uint32_t before = rd(control);

		wr(control, code << 8);
		EXPECT_EQ(rd(control), legal ? code << 8 | 2 << 5 : before);
	}
}

TEST(ConfigCaps, AResetGivesABarItsFirstSizeBack)
{
	setup();
	wr(c.at[PART_RESIZABLE_BAR] + REBAR_CONTROL, 6 << 8);
	EXPECT_EQ(c.device.region[0].size, 64 * MIB);
	tlpb__config_reset(&c, TLPB_RESET_FLR);
	EXPECT_EQ(c.device.region[0].size, 16 * MIB);
	wr(0x10, 0xffffffff);
	EXPECT_EQ(rd(0x10), 0xff00000c);
}

/* ---- SR-IOV ---- */

static unsigned sriov(unsigned offset)
{
	return c.at[PART_SRIOV] + offset;
}

TEST(ConfigCaps, VfsAreThereWhileVfEnableIsSet)
{
	setup();
	EXPECT_EQ(wr(sriov(SRIOV_NUM_VFS), 5), 0);
	EXPECT_EQ(tlpb__config_vfs(&c), 0);
	EXPECT_EQ(wr(sriov(SRIOV_CONTROL), SRIOV_VF_ENABLE), CONFIG_VFS);
	EXPECT_EQ(tlpb__config_vfs(&c), 5);
	EXPECT_EQ(wr(sriov(SRIOV_CONTROL), SRIOV_VF_ENABLE | SRIOV_VF_MEMORY), 0);
	EXPECT_EQ(wr(sriov(SRIOV_CONTROL), 0), CONFIG_VFS);
	EXPECT_EQ(tlpb__config_vfs(&c), 0);
	wr(sriov(SRIOV_CONTROL), SRIOV_VF_ENABLE);
	tlpb__config_reset(&c, TLPB_RESET_FLR);
	EXPECT_EQ(tlpb__config_vfs(&c), 0);
}

TEST(ConfigCaps, NumVfsAndPageSizeStayWhileThereAreVfsAndWithinTheirLimits)
{
	setup();
	wr(sriov(SRIOV_NUM_VFS), 17);
	EXPECT_EQ(rd(sriov(SRIOV_NUM_VFS)) & 0xffff, 0);
	wr(sriov(SRIOV_NUM_VFS), 16);
	EXPECT_EQ(rd(sriov(SRIOV_NUM_VFS)) & 0xffff, 16);
	wr(sriov(SRIOV_PAGE_SIZE), 3);
	EXPECT_EQ(rd(sriov(SRIOV_PAGE_SIZE)), 1);
	wr(sriov(SRIOV_PAGE_SIZE), 4);			/* not supported */
	EXPECT_EQ(rd(sriov(SRIOV_PAGE_SIZE)), 1);
	wr(sriov(SRIOV_CONTROL), SRIOV_VF_ENABLE);
	wr(sriov(SRIOV_NUM_VFS), 3);
	wr(sriov(SRIOV_PAGE_SIZE), 2);
	EXPECT_EQ(rd(sriov(SRIOV_NUM_VFS)) & 0xffff, 16);
	EXPECT_EQ(rd(sriov(SRIOV_PAGE_SIZE)), 1);
}

TEST(ConfigCaps, APageIsTheSmallestApertureOfAVf)
{
	setup();
	EXPECT_EQ(tlpb__config_vf_aperture(&c, 3), 4096);
	wr(sriov(SRIOV_PAGE_SIZE), 1 << 4);		/* 64 KiB */
	EXPECT_EQ(tlpb__config_vf_aperture(&c, 3), 65536);
	EXPECT_EQ(tlpb__config_vf_aperture(&c, 0), 65536);
	wr(sriov(SRIOV_BAR0 + 12), 0xffffffff);
	EXPECT_EQ(rd(sriov(SRIOV_BAR0 + 12)), 0xffff0000);
	wr(sriov(SRIOV_BAR0), 0xffffffff);
	EXPECT_EQ(rd(sriov(SRIOV_BAR0)), 0xffff0004);
}

TEST(ConfigCaps, AVfBarOfManyGigabytesHasItsUpperHalf)
{
	struct tlpb_device device = {
		.sriov = { .vfs = 1, .offset = 1, .stride = 1, .region = {
			[2] = { 1ull << 33, RW | TLPB_REGION_64BIT | TLPB_REGION_PREFETCH } } },
	};

	tlpb__config_init(&c, &device, 512);
	expect_row(&(struct row){ PART_SRIOV, SRIOV_BAR0 + 8, 0xc, 0 });
	expect_row(&(struct row){ PART_SRIOV, SRIOV_BAR0 + 12, 0, 0xfffffffe });
	wr(sriov(SRIOV_PAGE_SIZE), 2);
	expect_row(&(struct row){ PART_SRIOV, SRIOV_BAR0 + 12, 0, 0xfffffffe });
}

TEST(ConfigCaps, BehindAVfBarOf32BitsIsNoUpperHalf)
{
	struct tlpb_device device = {
		.sriov = { .vfs = 1, .offset = 1, .stride = 1, .region = { { 65536, RW } } },
	};

	tlpb__config_init(&c, &device, 512);
	expect_row(&(struct row){ PART_SRIOV, SRIOV_BAR0, 0, 0xffff0000 });
	expect_row(&(struct row){ PART_SRIOV, SRIOV_BAR0 + 4, 0, 0 });
}

TEST(ConfigCaps, AVfHasNoIdsAndNoBarsAndItsOwnMasterEnableAndMsix)
{
	setup();
	tlpb__config_init_vf(&vf, &c, 2);
	EXPECT_EQ(tlpb__config_read(&vf, 0), 0xffffffff);
	EXPECT_EQ(tlpb__config_read(&vf, 8), rd(8));
	EXPECT_EQ(tlpb__config_read(&vf, 0x2c), rd(0x2c));
	for (unsigned at = 0; at < 0x40; at += 4)
		tlpb__config_write(&vf, at, ALL, 0xffffffff);
	EXPECT_EQ(tlpb__config_read(&vf, CFG_COMMAND), 0x00100004);
	for (unsigned at = 0x0c; at < 0x2c; at += 4)
		EXPECT_EQ(tlpb__config_read(&vf, at), 0);
	EXPECT_EQ(tlpb__config_read(&vf, 0x30), 0);
	EXPECT_EQ(tlpb__config_read(&vf, 0x3c), 0);
	EXPECT_EQ(standard(&vf, 0x01), 0);
	EXPECT_EQ(standard(&vf, 0x05), 0);
	EXPECT_NE(standard(&vf, 0x10), 0);
	EXPECT_EQ(standard(&vf, 0x11), c.at[PART_MSIX]);
	EXPECT_EQ(tlpb__config_read(&vf, CFG_MSIX) >> 16, 2);	/* 3 vectors */
	tlpb__config_write(&vf, CFG_MSIX, ALL, 0xffff0000);
	EXPECT_EQ(tlpb__config_read(&vf, CFG_MSIX) >> 16, 0xc002);
	EXPECT_NE(extended(&vf, 0x01), 0);
	EXPECT_NE(extended(&vf, 0x0e), 0);
	EXPECT_EQ(tlpb__config_read(&vf, CFG_PCIE + 12), 0x11);
	EXPECT_EQ(tlpb__config_read(&vf, CFG_PCIE + 16), 0);	/* the PF's link status counts */
	EXPECT_EQ(extended(&vf, 0x10), 0);
	EXPECT_EQ(extended(&vf, 0x15), 0);
}

TEST(ConfigCaps, AVfObeysThePfsDeviceControlAndPowerState)
{
	setup();
	tlpb__config_init_vf(&vf, &c, 0);
	wr(CFG_PCIE + PCIE_DEVCTL, 3 << 12 | 2 << 5 | 1 << 8);
	EXPECT_EQ(tlpb__config_write(&vf, CFG_PCIE + PCIE_DEVCTL, ALL, 0x7fff), 0);
	EXPECT_EQ(tlpb__config_read(&vf, CFG_PCIE + PCIE_DEVCTL), 0);
	EXPECT_EQ(tlpb__config_mps(&vf), 512);
	EXPECT_EQ(tlpb__config_mrrs(&vf), 1024);
	EXPECT_EQ(tlpb__config_tags(&vf), 256);
	EXPECT_EQ(tlpb__config_write(&vf, CFG_PCIE + PCIE_DEVCTL, ALL, 0x8000), CONFIG_FLR);
	EXPECT_FALSE(tlpb__config_bus_master(&vf));
	wr(CFG_COMMAND, COMMAND_BUS_MASTER);
	EXPECT_FALSE(tlpb__config_bus_master(&vf));
	tlpb__config_write(&vf, CFG_COMMAND, ALL, COMMAND_BUS_MASTER);
	EXPECT_TRUE(tlpb__config_bus_master(&vf));
	wr(CFG_PM + PM_CONTROL, 3);
	EXPECT_FALSE(tlpb__config_bus_master(&vf));
}

TEST(ConfigCaps, AVfsBarsLieOneBehindTheOtherInThePfs)
{
	uint64_t offset = 0;

	setup();
	tlpb__config_init_vf(&vf, &c, 2);
	wr(sriov(SRIOV_BAR0), 0x00010000);
	wr(sriov(SRIOV_BAR0 + 4), 0x30);
	wr(sriov(SRIOV_BAR0 + 12), 0xe0000000);
	wr(sriov(SRIOV_NUM_VFS), 3);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0xe0002ffc, 4, &offset), -1);
	wr(sriov(SRIOV_CONTROL), SRIOV_VF_ENABLE);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0xe0002ffc, 4, &offset), -1);
	wr(sriov(SRIOV_CONTROL), SRIOV_VF_ENABLE | SRIOV_VF_MEMORY);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0xe0002ffc, 4, &offset), 3);
	EXPECT_EQ(offset, 0xffc);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0xe0001ffc, 4, &offset), -1);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0xe0003000, 4, &offset), -1);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0x3000018004, 4, &offset), 0);
	EXPECT_EQ(offset, 4);
	wr(CFG_PM + PM_CONTROL, 3);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0xe0002ffc, 4, &offset), -1);
	wr(CFG_PM + PM_CONTROL, 0);
	wr(sriov(SRIOV_CONTROL), SRIOV_VF_MEMORY);
	wr(sriov(SRIOV_NUM_VFS), 2);
	wr(sriov(SRIOV_CONTROL), SRIOV_VF_ENABLE | SRIOV_VF_MEMORY);
	EXPECT_EQ(tlpb__config_match(&vf, false, 0xe0002ffc, 4, &offset), -1);
}

/* ---- resets ---- */

TEST(ConfigCaps, EachResetKeepsWhatItMust)
{
	enum { N = 0, F = 1 << TLPB_RESET_FLR, H = 1 << TLPB_RESET_HOT };
	static const struct {
		const char *what;
		enum config_part part;
		unsigned offset, kept;
		uint32_t written;
	} rows[] = {
		{ "Command", PART_HEADER, CFG_COMMAND, N, 0x0547 },
		{ "a BAR", PART_HEADER, 0x18, N, 0xe0000000 },
		{ "Interrupt Line", PART_HEADER, 0x3c, N, 0x0b },
		{ "PowerState", PART_PM, PM_CONTROL, N, 3 },
		{ "PME_En", PART_PM, PM_CONTROL, F | H, PM_PME_ENABLE },
		{ "MSI Enable", PART_MSI, 0, N, 1 << 16 },
		{ "MSI address", PART_MSI, MSI_ADDRESS, N, 0xfee00000 },
		{ "MSI mask", PART_MSI, MSI_MASK, N, 0xf },
		{ "MSI-X Enable", PART_MSIX, 0, N, 1u << 31 },
		{ "Max_Payload_Size", PART_PCIE, PCIE_DEVCTL, F, 2 << 5 },
		{ "Extended Tag Field Enable", PART_PCIE, PCIE_DEVCTL, N, 1 << 8 },
		{ "error reporting", PART_PCIE, PCIE_DEVCTL, N, 0xf },
		{ "Link Control", PART_PCIE, 16, F, 0x48 },
		{ "Device Control 2", PART_PCIE, PCIE_DEVCTL2, N, 1 << 10 | 1 << 8 },
		{ "AER mask", PART_AER, AER_UNCORRECTABLE_MASK, F | H, 0x00100000 },
		{ "AER severity", PART_AER, AER_SEVERITY, F | H, 0x00100000 },
		{ "AER correctable mask", PART_AER, AER_CORRECTABLE_MASK, F | H, 0x40 },
		{ "ECRC enables", PART_AER, AER_CONTROL, F | H, 0x140 },
		{ "LTR latencies", PART_LTR, 4, N, 0x10011001 },
		{ "VF Enable", PART_SRIOV, SRIOV_CONTROL, N, 1 },
		{ "NumVFs", PART_SRIOV, SRIOV_NUM_VFS, N, 7 },
		{ "System Page Size", PART_SRIOV, SRIOV_PAGE_SIZE, N, 2 },
		{ "a VF BAR", PART_SRIOV, SRIOV_BAR0 + 12, N, 0xe0000000 },
	};
	static const enum tlpb_reset kinds[] = {
		TLPB_RESET_SYSTEM, TLPB_RESET_HOT, TLPB_RESET_FLR, TLPB_RESET_POWER,
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (unsigned k = 0; k < 4; k++) {
			bool keeps = rows[i].kept >> kinds[k] & 1;
			char about[80];
			uint32_t initial;
			unsigned at;

			snprintf(about, sizeof about, "%s, reset %d", rows[i].what, kinds[k]);
			gt_about(about);
			setup();
			at = c.at[rows[i].part] + rows[i].offset;
			initial = rd(at);
			wr(at, rows[i].written);
			EXPECT_EQ(rd(at) & rows[i].written, rows[i].written);
			EXPECT_NE(rd(at), initial);
			tlpb__config_reset(&c, kinds[k]);
			if (keeps)
				EXPECT_EQ(rd(at) & rows[i].written, rows[i].written);
			else
				EXPECT_EQ(rd(at), initial);
		}
	gt_about("");
}

/* ---- a peer that writes anything anywhere ---- */

static uint32_t random_state = 20260101;

static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static bool is_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

static void expect_legal(void)
{
	for (unsigned i = 0; i < TLPB_BARS; i++) {
		uint64_t size = c.device.region[i].size;

		EXPECT_TRUE(!size || is_power_of_2(size));
		EXPECT_TRUE(!c.device.resizable[i] || c.device.resizable[i] & size / MIB);
		if (c.device.sriov.region[i].size)
			EXPECT_TRUE(is_power_of_2(tlpb__config_vf_aperture(&c, i)));
	}
	EXPECT_LE(tlpb__config_vfs(&c), 16);
	EXPECT_TRUE((rd(CFG_PM + PM_CONTROL) & 3) % 3 == 0);
	EXPECT_LE(tlpb__config_mps(&c), 512);
}

/* Bits that nobody may write are what they were; those that were writable once are in touched. */
static void note_writable(uint8_t *touched)
{
	for (unsigned i = 0; i < CONFIG_SIZE; i++)
		touched[i] |= c.writable[i] | c.w1c[i];
}

TEST(ConfigCaps, AnythingWrittenAnywhereLeavesALegalSpace)
{
	static uint8_t touched[CONFIG_SIZE];
	uint64_t offset;

	setup();
	tlpb__config_init_vf(&vf, &c, 15);
	memset(touched, 0, sizeof touched);
	note_writable(touched);
	for (unsigned n = 0; n < 200000; n++) {
		/* Mostly where the registers are. */
		unsigned at = next_random() % (n % 4 ? 0x240 : CONFIG_SIZE) & ~3u;

		tlpb__config_write(n % 8 ? &c : &vf, at, next_random() & 15,
				   next_random() & next_random());
		tlpb__config_match(&c, next_random() & 1, next_random(), 4, &offset);
		tlpb__config_match(&vf, false, next_random(), 4, &offset);
		if (n % 64)
			continue;
		note_writable(touched);
		expect_legal();
		if (n % 4096 == 0)
			tlpb__config_reset(&c, next_random() % TLPB_RESET_KINDS);
	}
	for (unsigned i = 0; i < CONFIG_SIZE; i++)
		EXPECT_EQ((c.value[i] ^ c.initial[i]) & ~touched[i], 0);
	tlpb__config_reset(&c, TLPB_RESET_POWER);
	EXPECT_MEMEQ(c.value, c.initial, CONFIG_SIZE);
}
