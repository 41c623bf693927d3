/* SPDX-License-Identifier: MIT */
/* What a device has beyond IDs, regions and interrupts: rules and records. */
#include <string.h>

#include <tlpbridge/device.h>
#include <tlpbridge/err.h>

#include "bytes.h"
#include "gtest.h"

#define RW (TLPB_REGION_READ | TLPB_REGION_WRITE)
#define MIB (UINT64_C(1) << 20)

static struct tlpb_device device;

static void setup(void)
{
	device = (struct tlpb_device){
		.name = "features", .vendor_id = 0x1d0f, .device_id = 1,
		.region = {
			[0] = { 16 * MIB, RW | TLPB_REGION_64BIT | TLPB_REGION_PREFETCH },
			[2] = { 2 * MIB, RW },
		},
		.msix_vectors = 8, .msix_table_bar = 2, .msix_pba_bar = 2, .msix_pba_offset = 0x800,
		.has = TLPB_HAS_AER | TLPB_HAS_ECRC | TLPB_HAS_ARI,
		.serial_number = 0x0123456789abcdef,
		.resizable = { [0] = 0x1f << 2, [2] = 3 },
		.sriov = {
			.vfs = 16, .offset = 16, .stride = 4, .device_id = 2,
			.region = { [0] = { 65536, RW }, [2] = { 8192, RW | TLPB_REGION_64BIT },
				    [4] = { 8192, RW } },
			.msix_vectors = 3, .msix_table_bar = 2, .msix_table_offset = 0x10,
			.msix_pba_bar = 4, .msix_pba_offset = 0x1000,
		},
	};
}

/* why must have it in. */
static void expect_refused(const char *what)
{
	char why[256] = "";

	EXPECT_EQ(tlpb_device_check(&device, why, sizeof why), TLPB_ERR_INVALID);
	if (!strstr(why, what))
		FAIL("\"%s\" is not in \"%s\"", what, why);
}

static void expect_fine(void)
{
	char why[256] = "";

	EXPECT_EQ(tlpb_device_check(&device, why, sizeof why), 0);
	EXPECT_STREQ(why, "");
}

TEST(DeviceFeatures, OnlyKnownOnesThatGoTogetherAreLegal)
{
	setup();
	expect_fine();
	device.has |= 1u << 13;
	expect_refused("features 0x2000 are unknown");
	setup();
	device.has = TLPB_HAS_ARI | TLPB_HAS_ECRC;
	expect_refused("ECRC");
	EXPECT_STREQ(tlpb_has_name(TLPB_HAS_AER), "aer");
	EXPECT_STREQ(tlpb_has_name(TLPB_HAS_ATOMIC_REQUESTS), "atomic-requests");
	EXPECT_STREQ(tlpb_has_name(0), "?");
	EXPECT_STREQ(tlpb_has_name(TLPB_HAS_AER | TLPB_HAS_ECRC), "?");
}

TEST(DeviceFeatures, AResizableBarHasItsSizeAmongThoseItMayHave)
{
	setup();
	device.resizable[0] = 1u << 3;
	expect_refused("BAR0: its size, 16777216 bytes, is none of those it may have");
	setup();
	device.resizable[3] = 1;
	expect_refused("BAR3 cannot be resizable: it is not implemented");
	setup();
	device.resizable[2] |= 1u << 11;
	expect_fine();
	device.resizable[2] |= 1u << 12;
	expect_refused("2 GiB");
	setup();
	device.resizable[0] |= 1u << 27;
	expect_fine();
	device.resizable[0] |= 1u << 28;
	expect_refused("128 TiB");
	setup();
	device.region[2] = (struct tlpb_region){ 256, RW | TLPB_REGION_IO };
	device.msix_vectors = 0;
	expect_refused("BAR2 cannot be resizable: it is an I/O BAR");
	setup();
	device.region[2].size = 65536;
	expect_refused("65536 bytes, is none");
}

TEST(DeviceFeatures, MsixLiesInTheSmallestSizeOfItsBar)
{
	setup();
	device.msix_pba_offset = MIB;
	expect_refused("with the smallest size of its BAR: the MSI-X PBA");
	device.resizable[2] = 2;
	expect_fine();
}

TEST(DeviceFeatures, VfsAreFunctionsThatThereCanBe)
{
	setup();
	device.sriov.stride = 15;			/* the last: 16 + 15 * 15 = 241 */
	expect_fine();
	device.sriov.stride = 16;
	expect_refused("the last VF would be function 256");
	setup();
	device.has = 0;
	expect_refused("without ARI there are 8");
	device.sriov.vfs = 7;
	device.sriov.offset = device.sriov.stride = 1;
	expect_fine();
	device.sriov.vfs = 8;
	expect_refused("function 8");
	setup();
	device.sriov.offset = 0;
	expect_refused("offset");
	setup();
	device.sriov.stride = 0;
	expect_refused("stride");
	setup();
	device.sriov.device_id = 0xffff;
	expect_refused("0xffff");
}

TEST(DeviceFeatures, AVfHasMemoryBarsOfPagesAndItsMsixInThem)
{
	setup();
	device.sriov.region[0].flags |= TLPB_REGION_IO;
	expect_refused("a VF's BAR0 cannot be in I/O space");
	setup();
	device.sriov.region[0].size = 2048;
	expect_refused("a VF's BAR0 is smaller than a page");
	setup();
	device.sriov.region[2].size = 12288;
	expect_refused("each VF: BAR2: 12288 bytes are not a power of two");
	setup();
	device.sriov.msix_pba_offset = 8192;
	expect_refused("each VF: the MSI-X PBA");
	setup();
	device.sriov.vfs = 0;				/* then the rest does not matter */
	device.sriov.msix_pba_offset = 8192;
	expect_fine();
}

TEST(DeviceFeatures, ExtendedCapabilitiesNeedAllOfConfigSpace)
{
	setup();
	device.region[TLPB_CONFIG] = (struct tlpb_region){ 256, RW };
	expect_refused("4096 bytes, not 256");
	device.has = TLPB_HAS_PME;
	device.serial_number = 0;
	memset(device.resizable, 0, sizeof device.resizable);
	device.sriov.vfs = 0;
	expect_fine();
}

TEST(DeviceFeatures, DescribesEachVfAsADevice)
{
	struct tlpb_device vf;

	setup();
	tlpb_device_vf(&device, &vf);
	EXPECT_EQ(vf.vendor_id, 0x1d0f);
	EXPECT_EQ(vf.device_id, 2);
	EXPECT_EQ(vf.region[0].size, 65536);
	EXPECT_EQ(vf.region[2].size, 8192);
	EXPECT_EQ(vf.msix_vectors, 3);
	EXPECT_EQ(vf.sriov.vfs, 0);
	EXPECT_EQ(vf.serial_number, 0);
}

/* ---- records ---- */

TEST(DeviceFeatures, SurviveTheirRecords)
{
	struct tlpb_device back;
	uint8_t bytes[1024], again[1024];
	char why[256] = "";
	int len, len2;

	setup();
	len = tlpb_device_encode(&device, bytes, sizeof bytes);
	ASSERT_GT(len, 0);
	EXPECT_EQ(tlpb_device_decode(bytes, (size_t)len, &back, why, sizeof why), 0);
	EXPECT_STREQ(why, "");
	EXPECT_EQ(back.has, device.has);
	EXPECT_EQ(back.serial_number, device.serial_number);
	EXPECT_MEMEQ(back.resizable, device.resizable, sizeof back.resizable);
	EXPECT_EQ(back.sriov.vfs, 16);
	EXPECT_EQ(back.sriov.offset, 16);
	EXPECT_EQ(back.sriov.stride, 4);
	EXPECT_EQ(back.sriov.device_id, 2);
	EXPECT_EQ(back.sriov.region[0].size, 65536);
	EXPECT_EQ(back.sriov.region[2].flags, RW | TLPB_REGION_64BIT);
	EXPECT_EQ(back.sriov.msix_vectors, 3);
	EXPECT_EQ(back.sriov.msix_pba_offset, 0x1000);
	EXPECT_EQ(back.sriov.msix_table_offset, 0x10);
	EXPECT_EQ(back.sriov.msix_table_bar, 2);
	EXPECT_EQ(back.sriov.msix_pba_bar, 4);
	len2 = tlpb_device_encode(&back, again, sizeof again);
	EXPECT_EQ(len2, len);
	EXPECT_MEMEQ(again, bytes, (size_t)len);
	for (int n = 0; n < len; n++)
		EXPECT_EQ(tlpb_device_encode(&device, again, (size_t)n), TLPB_ERR_TOO_LARGE);
}

/* A small device with one record behind its own. */
static int decode_with(unsigned type, const void *value, size_t len, struct tlpb_device *back,
		       char why[256])
{
	struct tlpb_device small = { .name = "small", .vendor_id = 1, .has = 0 };
	uint8_t bytes[512];
	int at = tlpb_device_encode(&small, bytes, sizeof bytes);

	put_le16(bytes + at, (uint16_t)type);
	put_le16(bytes + at + 2, 1);
	put_le32(bytes + at + 4, (uint32_t)len);
	memcpy(bytes + at + 8, value, len);
	why[0] = 0;
	return tlpb_device_decode(bytes, (size_t)at + 8 + len, back, why, 256);
}

TEST(DeviceFeatures, HostileRecordsAreRefused)
{
	uint8_t value[64] = { 1, 0, 1, 0, 1, 0, 2, 0 };
	struct tlpb_device back;
	char why[256];

	EXPECT_EQ(decode_with(7, value, 15, &back, why), TLPB_ERR_TRUNCATED);
	EXPECT_EQ(decode_with(8, value, 19, &back, why), TLPB_ERR_TRUNCATED);
	EXPECT_EQ(decode_with(8, value, 20, &back, why), 0);
	put_le16(value + 20, 6);				/* BAR6 of a VF */
	EXPECT_EQ(decode_with(8, value, 36, &back, why), TLPB_ERR_INVALID);
	put_le16(value + 20, 1);
	put_le64(value + 28, 4096);
	EXPECT_EQ(decode_with(8, value, 36, &back, why), 0);
	memcpy(value + 36, value + 20, 16);
	EXPECT_EQ(decode_with(8, value, 52, &back, why), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_with(8, value, 36, &back, why), 0);
	put_le16(value, 9);					/* nine VFs, without ARI */
	EXPECT_EQ(decode_with(8, value, 36, &back, why), TLPB_ERR_INVALID);
}

TEST(DeviceFeatures, OfANewerPeerTheKnownOnesRemain)
{
	uint8_t value[16] = { 0xff, 0xff, 0xff, 0xff };
	struct tlpb_device back;
	char why[256];

	EXPECT_EQ(decode_with(7, value, 16, &back, why), 0);
	EXPECT_EQ(back.has, (1u << 13) - 1);
}
