/* SPDX-License-Identifier: MIT */
/* The MSI-X table and pending bit array as software sees them. */
#include "bytes.h"
#include "gtest.h"
#include "msix.h"

enum { TABLE = 0x1000, PBA = 0x9000, BAR = 2 };

static struct msix m;

static void setup(unsigned vectors)
{
	static struct tlpb_device device;

	tlpb__msix_free(&m);
	device = (struct tlpb_device){
		.msix_vectors = (uint16_t)vectors, .msix_table_bar = BAR, .msix_pba_bar = BAR,
		.msix_table_offset = TABLE, .msix_pba_offset = PBA,
	};
	ASSERT_EQ(tlpb__msix_init(&m, &device), 0);
}

static uint32_t read32(uint64_t offset)
{
	uint8_t bytes[4];

	tlpb__msix_read(&m, BAR, offset, bytes, 4);
	return get_le32(bytes);
}

static void write32(uint64_t offset, uint32_t value)
{
	uint8_t bytes[4];

	put_le32(bytes, value);
	tlpb__msix_write(&m, BAR, offset, bytes, NULL, 4);
}

TEST(Msix, AllVectorsStartMaskedAndNotPending)
{
	setup(2048);
	for (unsigned v = 0; v < 2048; v++) {
		EXPECT_TRUE(tlpb__msix_masked(&m, v));
		EXPECT_FALSE(tlpb__msix_pending(&m, v));
		EXPECT_EQ(read32(TABLE + 16 * v + 12), 1);
	}
	tlpb__msix_free(&m);
}

TEST(Msix, AVectorsMessageIsWhatWasWritten)
{
	uint64_t addr;
	uint32_t data;

	setup(3);
	write32(TABLE + 32, 0xfee01000);
	write32(TABLE + 36, 0x12);
	write32(TABLE + 40, 0x4041);
	tlpb__msix_message(&m, 2, &addr, &data);
	EXPECT_EQ(addr, 0x12fee01000);
	EXPECT_EQ(data, 0x4041);
	tlpb__msix_free(&m);
}

TEST(Msix, OnlyTheMaskBitOfTheControlWordAndNoLowAddressBitsAreWritable)
{
	setup(1);
	for (unsigned at = 0; at < 16; at += 4)
		write32(TABLE + at, 0xffffffff);
	EXPECT_EQ(read32(TABLE), 0xfffffffc);
	EXPECT_EQ(read32(TABLE + 4), 0xffffffff);
	EXPECT_EQ(read32(TABLE + 8), 0xffffffff);
	EXPECT_EQ(read32(TABLE + 12), 1);
	write32(TABLE + 12, 0);
	EXPECT_FALSE(tlpb__msix_masked(&m, 0));
	tlpb__msix_free(&m);
}

TEST(Msix, BytesAreWrittenOneByOne)
{
	setup(1);
	for (unsigned i = 0; i < 12; i++) {
		uint8_t byte = (uint8_t)(0x10 + 4 * i);

		tlpb__msix_write(&m, BAR, TABLE + i, &byte, NULL, 1);
	}
	EXPECT_EQ(read32(TABLE), 0x1c181410);
	EXPECT_EQ(read32(TABLE + 4), 0x2c282420);
	EXPECT_EQ(read32(TABLE + 8), 0x3c383430);
	tlpb__msix_free(&m);
}

TEST(Msix, BytesNotEnabledKeepTheirValue)
{
	static const uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t enable[8] = { 0, 0xff, 0, 0xff, 0xff, 0, 0, 0xff };

	setup(1);
	tlpb__msix_write(&m, BAR, TABLE, data, enable, 8);
	EXPECT_EQ(read32(TABLE), 0x04000200);
	EXPECT_EQ(read32(TABLE + 4), 0x08000005);
	tlpb__msix_free(&m);
}

TEST(Msix, PendingBitsShowInThePbaAndCannotBeWritten)
{
	setup(130);
	tlpb__msix_set_pending(&m, 0, true);
	tlpb__msix_set_pending(&m, 65, true);
	tlpb__msix_set_pending(&m, 129, true);
	EXPECT_EQ(read32(PBA), 1);
	EXPECT_EQ(read32(PBA + 8), 2);
	EXPECT_EQ(read32(PBA + 16), 2);
	write32(PBA, 0xffffffff);
	write32(PBA + 8, 0);
	EXPECT_EQ(read32(PBA), 1);
	EXPECT_EQ(read32(PBA + 8), 2);
	tlpb__msix_set_pending(&m, 65, false);
	EXPECT_EQ(read32(PBA + 8), 0);
	EXPECT_FALSE(tlpb__msix_pending(&m, 64));
	EXPECT_TRUE(tlpb__msix_pending(&m, 129));
	tlpb__msix_free(&m);
}

TEST(Msix, OnlyWhatLiesWhollyInsideIsClaimed)
{
	setup(65);		/* 1,040 bytes of table, 16 of PBA */
	EXPECT_TRUE(tlpb__msix_claims(&m, BAR, TABLE, 1));
	EXPECT_TRUE(tlpb__msix_claims(&m, BAR, TABLE, 1040));
	EXPECT_TRUE(tlpb__msix_claims(&m, BAR, TABLE + 1039, 1));
	EXPECT_TRUE(tlpb__msix_claims(&m, BAR, PBA + 8, 8));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, TABLE, 1041));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, TABLE - 1, 1));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, TABLE - 1, 8));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, TABLE + 1040, 1));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, TABLE + 1036, 8));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, PBA + 16, 1));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR + 1, TABLE, 4));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, UINT64_MAX, 4));
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, TABLE, 0));
	tlpb__msix_free(&m);
}

TEST(Msix, AResetMasksAndForgetsEverything)
{
	setup(4);
	write32(TABLE + 16, 0xfee00000);
	write32(TABLE + 28, 0);
	tlpb__msix_set_pending(&m, 1, true);
	tlpb__msix_reset(&m);
	EXPECT_EQ(read32(TABLE + 16), 0);
	EXPECT_TRUE(tlpb__msix_masked(&m, 1));
	EXPECT_FALSE(tlpb__msix_pending(&m, 1));
	tlpb__msix_free(&m);
}

TEST(Msix, ADeviceWithoutVectorsClaimsNothing)
{
	setup(0);
	EXPECT_FALSE(tlpb__msix_claims(&m, BAR, TABLE, 4));
	EXPECT_FALSE(tlpb__msix_claims(&m, 0, 0, 4));
	tlpb__msix_reset(&m);
	tlpb__msix_free(&m);
}
