/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include "bytes.h"
#include "gtest.h"

enum { READ_WRITE = TLPB_REGION_READ | TLPB_REGION_WRITE, RECORD_HEADER = 8 };

static struct tlpb_device small_device(void)
{
	return (struct tlpb_device){
		.name = "small",
		.vendor_id = 0x1234,
		.device_id = 0x5678,
		.region[TLPB_BAR0] = { 4096, READ_WRITE },
	};
}

static struct tlpb_device rich_device(void)
{
	return (struct tlpb_device){
		.name = "endpoint-test",
		.vendor_id = 0x1234, .device_id = 0x5678,
		.subsystem_vendor_id = 0x9abc, .subsystem_id = 0xdef0,
		.class_code = 0x010802, .revision = 3,
		.region = {
			[0] = { UINT64_C(1) << 36, READ_WRITE | TLPB_REGION_64BIT |
				TLPB_REGION_PREFETCH | TLPB_REGION_MAPPABLE },
			[2] = { 64 * 1024, READ_WRITE },
			[3] = { 256, READ_WRITE | TLPB_REGION_IO },
			[TLPB_ROM] = { 65536, TLPB_REGION_READ },
			[TLPB_CONFIG] = { 4096, READ_WRITE },
		},
		.intx_pin = 1, .msi_vectors = 32, .msix_vectors = 2048,
		.msix_table_bar = 2, .msix_pba_bar = 2,
		.msix_table_offset = 0, .msix_pba_offset = 32768,
	};
}

static void expect_same(const struct tlpb_device *a, const struct tlpb_device *b)
{
	EXPECT_STREQ(a->name, b->name);
	EXPECT_EQ(a->vendor_id, b->vendor_id);
	EXPECT_EQ(a->device_id, b->device_id);
	EXPECT_EQ(a->subsystem_vendor_id, b->subsystem_vendor_id);
	EXPECT_EQ(a->subsystem_id, b->subsystem_id);
	EXPECT_EQ(a->class_code, b->class_code);
	EXPECT_EQ(a->revision, b->revision);
	for (unsigned i = 0; i < TLPB_REGIONS; i++) {
		EXPECT_EQ(a->region[i].size, b->region[i].size);
		EXPECT_EQ(a->region[i].flags, b->region[i].flags);
	}
	EXPECT_EQ(a->intx_pin, b->intx_pin);
	EXPECT_EQ(a->msi_vectors, b->msi_vectors);
	EXPECT_EQ(a->msix_vectors, b->msix_vectors);
	EXPECT_EQ(a->msix_table_bar, b->msix_table_bar);
	EXPECT_EQ(a->msix_pba_bar, b->msix_pba_bar);
	EXPECT_EQ(a->msix_table_offset, b->msix_table_offset);
	EXPECT_EQ(a->msix_pba_offset, b->msix_pba_offset);
}

/* Decodes a copy of exactly len bytes, so that a sanitizer sees a read beyond them. */
static int decode(const uint8_t *bytes, size_t len, struct tlpb_device *dev, char why[256])
{
	uint8_t *exact = malloc(len);
	int err;

	ASSERT_TRUE(exact || !len);
	if (len)
		memcpy(exact, bytes, len);
	why[0] = 0;
	err = tlpb_device_decode(exact, len, dev, why, 256);
	free(exact);
	return err;
}

/* Records under construction. */
struct records {
	uint8_t bytes[1024];
	size_t len;
};

static void append(struct records *r, unsigned type, unsigned flags, const void *value, size_t len)
{
	uint8_t *p = r->bytes + r->len;

	ASSERT_LE(r->len + RECORD_HEADER + len, sizeof r->bytes);
	put_le16(p, (uint16_t)type);
	put_le16(p + 2, (uint16_t)flags);
	put_le32(p + 4, (uint32_t)len);
	if (len)
		memcpy(p + RECORD_HEADER, value, len);
	r->len += RECORD_HEADER + len;
}

static struct records encoded(const struct tlpb_device *dev)
{
	struct records r;
	int len = tlpb_device_encode(dev, r.bytes, sizeof r.bytes);

	ASSERT_GT(len, 0);
	r.len = (size_t)len;
	return r;
}

/* A device with that record behind its own. */
static int decode_with(unsigned type, unsigned flags, const void *value, size_t len, char why[256])
{
	struct tlpb_device dev = small_device();
	struct records r = encoded(&dev);

	append(&r, type, flags, value, len);
	return decode(r.bytes, r.len, &dev, why);
}

TEST(Device, SurvivesARoundTrip)
{
	struct tlpb_device in[] = { small_device(), rich_device() }, out;
	char why[256];

	for (unsigned i = 0; i < 2; i++) {
		struct records r = encoded(&in[i]);

		ASSERT_EQ(decode(r.bytes, r.len, &out, why), 0);
		expect_same(&in[i], &out);
	}
}

TEST(Device, IsEncodedOnlyWhereThereIsRoom)
{
	struct tlpb_device dev = rich_device();
	struct records r = encoded(&dev);

	for (size_t size = 0; size <= r.len; size++) {
		uint8_t *bytes = malloc(size + 1);

		EXPECT_EQ(tlpb_device_encode(&dev, bytes, size),
			  size < r.len ? TLPB_ERR_TOO_LARGE : (int)r.len);
		free(bytes);
	}
}

/* A record at a time: every cut is too short, or leaves a device that is legal. */
TEST(Device, ToleratesNoTruncation)
{
	struct tlpb_device in = rich_device(), out;
	struct records r = encoded(&in);
	unsigned truncated = 0;
	char why[256];

	for (size_t len = 0; len < r.len; len++) {
		int err = decode(r.bytes, len, &out, why);

		truncated += err == TLPB_ERR_TRUNCATED;
		if (err)
			EXPECT_STRNE(why, "");
		else
			EXPECT_EQ(tlpb_device_check(&out, why, sizeof why), 0);
		if (err)
			EXPECT_EQ(out.vendor_id, 0);	/* nothing half decoded is left */
	}
	EXPECT_EQ(truncated, r.len - 10);	/* but where one of the 10 records begins */
}

TEST(Device, CountsMoreThanTheRecordHasAreRefused)
{
	static const struct {
		unsigned type;
		size_t len;	/* one less than needed */
	} cases[] = { { 1, 15 }, { 2, 15 }, { 3, 3 }, { 1, 0 }, { 2, 0 }, { 3, 0 } };
	char why[256];

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tlpb_device dev;
		struct records r = { .len = 0 };
		uint8_t value[16] = { 0 };

		append(&r, cases[i].type, 0, value, cases[i].len);
		EXPECT_EQ(decode(r.bytes, r.len, &dev, why), TLPB_ERR_TRUNCATED);
	}
}

TEST(Device, UnknownRecordsAreSkippedOnlyIfOptional)
{
	char why[256];

	EXPECT_EQ(decode_with(777, 1, "abc", 3, why), 0);
	EXPECT_EQ(decode_with(777, 1, NULL, 0, why), 0);
	EXPECT_EQ(decode_with(777, 0, "abc", 3, why), TLPB_ERR_PROTOCOL);
	EXPECT_TRUE(strstr(why, "777"));
	EXPECT_EQ(decode_with(0, 0xfffe, "abc", 3, why), TLPB_ERR_PROTOCOL);
}

static int decode_region(unsigned index, uint64_t size, const struct records *sub, char why[256])
{
	uint8_t value[16 + sizeof sub->bytes] = { 0 };

	put_le16(value, (uint16_t)index);
	put_le64(value + 8, size);
	if (sub)
		memcpy(value + 16, sub->bytes, sub->len);
	return decode_with(2, 0, value, 16 + (sub ? sub->len : 0), why);
}

TEST(Device, UnknownSubRecordsAreSkippedOnlyIfOptional)
{
	struct records optional = { .len = 0 }, required = { .len = 0 }, cut;
	char why[256];

	append(&optional, 9, 1, "xyz", 3);
	EXPECT_EQ(decode_region(1, 64, &optional, why), 0);
	append(&required, 9, 0, "xyz", 3);
	EXPECT_EQ(decode_region(1, 64, &required, why), TLPB_ERR_PROTOCOL);
	EXPECT_TRUE(strstr(why, "sub-record 9"));
	for (cut = optional; cut.len > 1; ) {
		cut.len--;
		EXPECT_EQ(decode_region(1, 64, &cut, why), TLPB_ERR_TRUNCATED);
	}
}

TEST(Device, RecordsMayGrow)
{
	uint8_t msi[6] = { 1, 0, 4, 0, 0xff, 0xff };
	char why[256];

	EXPECT_EQ(decode_with(3, 0, msi, sizeof msi, why), 0);
}

TEST(Device, NothingIsDescribedTwice)
{
	uint8_t pci[16] = { 0 }, msi[4] = { 1, 0, 4, 0 };
	struct tlpb_device dev = small_device();
	struct records r = encoded(&dev);
	char why[256];

	EXPECT_EQ(decode_with(1, 0, pci, sizeof pci, why), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(decode_with(4, 0, "other", 5, why), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(decode_region(0, 64, NULL, why), TLPB_ERR_PROTOCOL);
	EXPECT_TRUE(strstr(why, "BAR0"));
	append(&r, 3, 0, msi, sizeof msi);
	EXPECT_EQ(decode(r.bytes, r.len, &dev, why), 0);
	append(&r, 3, 0, msi, sizeof msi);
	EXPECT_EQ(decode(r.bytes, r.len, &dev, why), TLPB_ERR_PROTOCOL);
}

TEST(Device, IdsAndNameMustBeThere)
{
	struct records r = { .len = 0 };
	uint8_t pci[16] = { 0x34, 0x12 };
	struct tlpb_device dev;
	char why[256];

	EXPECT_EQ(decode(r.bytes, 0, &dev, why), TLPB_ERR_PROTOCOL);
	append(&r, 4, 0, "x", 1);
	EXPECT_EQ(decode(r.bytes, r.len, &dev, why), TLPB_ERR_PROTOCOL);
	r.len = 0;
	append(&r, 1, 0, pci, sizeof pci);
	EXPECT_EQ(decode(r.bytes, r.len, &dev, why), TLPB_ERR_INVALID);
	append(&r, 4, 0, "x", 1);
	EXPECT_EQ(decode(r.bytes, r.len, &dev, why), 0);
	EXPECT_EQ(dev.vendor_id, 0x1234);
}

static int decode_named(const char *name, size_t len)
{
	uint8_t pci[16] = { 0 };
	struct records r = { .len = 0 };
	struct tlpb_device dev;
	char why[256];

	append(&r, 1, 0, pci, sizeof pci);
	append(&r, 4, 0, name, len);
	return decode(r.bytes, r.len, &dev, why);
}

TEST(Device, NamesOfPeersAreShortAndPrintable)
{
	char name[TLPB_NAME_MAX];

	memset(name, 'n', sizeof name);
	EXPECT_EQ(decode_named(name, TLPB_NAME_MAX - 1), 0);
	EXPECT_EQ(decode_named(name, TLPB_NAME_MAX), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_named("", 0), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_named("a\0b", 3), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_named("a\n", 2), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_named("a\x1b[m", 4), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_named("\xc3\xa4", 2), TLPB_ERR_INVALID);
}

TEST(Device, ValuesThatDoNotFitAreRefusedAndNotCut)
{
	uint8_t msi[4] = { 1, 0, 0x01, 0x01 }, intx[4] = { 0, 0, 0x01, 0x01 };
	uint8_t kind[4] = { 3, 0, 1, 0 };
	char why[256];

	EXPECT_EQ(decode_with(3, 0, msi, 4, why), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_with(3, 0, intx, 4, why), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_with(3, 0, kind, 4, why), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(decode_with(3, 1, kind, 4, why), 0);
	EXPECT_EQ(decode_region(8, 64, NULL, why), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_region(0xffff, 64, NULL, why), TLPB_ERR_INVALID);
	EXPECT_EQ(decode_region(1, 65, NULL, why), TLPB_ERR_INVALID);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Whatever comes out of the decoder is legal. */
TEST(Device, RandomBytesNeverMakeAnIllegalDevice)
{
	struct tlpb_device in = rich_device(), out;
	struct records good = encoded(&in);
	uint32_t state = 1;
	char why[256];

	for (unsigned round = 0; round < 50000; round++) {
		struct records r = good;
		unsigned changes = 1 + next_random(&state) % 4;

		if (round % 4 == 0)
			for (size_t i = 0; i < r.len; i++)
				r.bytes[i] = (uint8_t)next_random(&state);
		while (changes--)
			r.bytes[next_random(&state) % r.len] = (uint8_t)next_random(&state);
		if (decode(r.bytes, r.len, &out, why) == 0)
			ASSERT_EQ(tlpb_device_check(&out, why, sizeof why), 0);
	}
}

/* The rules of tlpb_device_check(). */

static void expect_legal(const struct tlpb_device *dev, int line)
{
	char why[256] = "";

	if (tlpb_device_check(dev, why, sizeof why))
		FAIL("line %d: refused: %s", line, why);
}

/* Refused, with every word of words (separated by blanks) in the reason. */
static void expect_refused(const struct tlpb_device *dev, const char *words, int line)
{
	char why[256] = "", copy[128];
	int err = tlpb_device_check(dev, why, sizeof why);

	if (err != TLPB_ERR_INVALID)
		FAIL("line %d: not refused", line);
	snprintf(copy, sizeof copy, "%s", words);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		if (!strstr(why, w))
			FAIL("line %d: \"%s\" does not say \"%s\"", line, why, w);
}

/* Change one thing of a device and say what is expected. */
#define LEGAL(make, ...) do { struct tlpb_device d = make; __VA_ARGS__; \
	expect_legal(&d, __LINE__); } while (0)
#define REFUSED(words, make, ...) do { struct tlpb_device d = make; __VA_ARGS__; \
	expect_refused(&d, words, __LINE__); } while (0)

static void set(struct tlpb_device *dev, unsigned i, uint64_t size, uint32_t flags)
{
	dev->region[i] = (struct tlpb_region){ size, flags };
}

TEST(DeviceCheck, AllowsTheDevicesOfThisTest)
{
	LEGAL(small_device(), (void)d);
	LEGAL(rich_device(), (void)d);
}

TEST(DeviceCheck, NameIsPrintableAndEnds)
{
	REFUSED("no name", small_device(), d.name[0] = 0);
	REFUSED("0x0a", small_device(), d.name[1] = '\n');
	REFUSED("0xff", small_device(), d.name[1] = (char)0xff);
	REFUSED("longer 63", small_device(), memset(d.name, 'a', sizeof d.name));
}

TEST(DeviceCheck, IdsAreSensible)
{
	REFUSED("0xffff", small_device(), d.vendor_id = 0xffff);
	REFUSED("0x1000000 24", small_device(), d.class_code = 0x1000000);
	LEGAL(small_device(), d.class_code = 0xffffff);
}

TEST(DeviceCheck, MemoryBarsHaveAPowerOfTwo)
{
	REFUSED("BAR0 100", small_device(), set(&d, 0, 100, 0));
	REFUSED("BAR0 8", small_device(), set(&d, 0, 8, 0));
	LEGAL(small_device(), set(&d, 0, 16, 0));
	LEGAL(small_device(), set(&d, 5, UINT64_C(1) << 31, 0));
	REFUSED("BAR5 4294967296", small_device(), set(&d, 5, UINT64_C(1) << 32, 0));
	LEGAL(small_device(), set(&d, 0, UINT64_C(1) << 63, TLPB_REGION_64BIT));
	REFUSED("BAR0 12297829382473034410", small_device(),
		set(&d, 0, UINT64_C(0xaaaaaaaaaaaaaaaa), TLPB_REGION_64BIT));
	REFUSED("BAR0 flags 0x40", small_device(), set(&d, 0, 4096, 1 << 6));
}

TEST(DeviceCheck, A64BitBarTakesTwo)
{
	LEGAL(small_device(), set(&d, 4, 4096, TLPB_REGION_64BIT));
	REFUSED("BAR5 64-bit", small_device(), set(&d, 5, 4096, TLPB_REGION_64BIT));
	REFUSED("BAR1 empty BAR0", small_device(), set(&d, 0, 4096, TLPB_REGION_64BIT);
		set(&d, 1, 4096, 0));
	LEGAL(small_device(), set(&d, 0, 4096, TLPB_REGION_64BIT);
	      set(&d, 2, 4096, TLPB_REGION_64BIT));
}

TEST(DeviceCheck, IoBarsAreSmallAndPlain)
{
	LEGAL(small_device(), set(&d, 1, 4, TLPB_REGION_IO));
	LEGAL(small_device(), set(&d, 1, 256, TLPB_REGION_IO));
	REFUSED("BAR1 2", small_device(), set(&d, 1, 2, TLPB_REGION_IO));
	REFUSED("BAR1 512 256", small_device(), set(&d, 1, 512, TLPB_REGION_IO));
	REFUSED("BAR1 I/O prefetchable", small_device(),
		set(&d, 1, 64, TLPB_REGION_IO | TLPB_REGION_PREFETCH));
	REFUSED("BAR1 I/O 64-bit", small_device(),
		set(&d, 1, 64, TLPB_REGION_IO | TLPB_REGION_64BIT));
	REFUSED("BAR1 I/O mappable", small_device(),
		set(&d, 1, 64, TLPB_REGION_IO | TLPB_REGION_MAPPABLE));
}

TEST(DeviceCheck, RomIsMemory)
{
	LEGAL(small_device(), set(&d, TLPB_ROM, 2048, TLPB_REGION_READ));
	LEGAL(small_device(), set(&d, TLPB_ROM, 16 << 20, TLPB_REGION_READ));
	REFUSED("ROM 1024", small_device(), set(&d, TLPB_ROM, 1024, 0));
	REFUSED("ROM 33554432", small_device(), set(&d, TLPB_ROM, 32 << 20, 0));
	REFUSED("ROM 64-bit", small_device(), set(&d, TLPB_ROM, 2048, TLPB_REGION_64BIT));
	REFUSED("ROM prefetchable", small_device(), set(&d, TLPB_ROM, 2048, TLPB_REGION_PREFETCH));
	REFUSED("ROM I/O", small_device(), set(&d, TLPB_ROM, 2048, TLPB_REGION_IO));
}

TEST(DeviceCheck, ConfigSpaceHasOneOfTwoSizes)
{
	LEGAL(small_device(), set(&d, TLPB_CONFIG, 256, READ_WRITE));
	LEGAL(small_device(), set(&d, TLPB_CONFIG, 4096, READ_WRITE));
	REFUSED("CONFIG 512", small_device(), set(&d, TLPB_CONFIG, 512, READ_WRITE));
	REFUSED("CONFIG mappable", small_device(),
		set(&d, TLPB_CONFIG, 4096, TLPB_REGION_MAPPABLE));
}

TEST(DeviceCheck, InterruptsAreCounted)
{
	LEGAL(small_device(), d.intx_pin = 4);
	REFUSED("pin 5", small_device(), d.intx_pin = 5);
	for (unsigned n = 0; n < 256; n++) {
		struct tlpb_device d = small_device();

		d.msi_vectors = (uint8_t)n;
		if (n <= 2 || n == 4 || n == 8 || n == 16 || n == 32)
			expect_legal(&d, __LINE__);
		else
			expect_refused(&d, "MSI", __LINE__);
	}
}

static struct tlpb_device msix_device(uint16_t vectors, uint32_t table, uint32_t pba)
{
	struct tlpb_device dev = small_device();

	dev.msix_vectors = vectors;
	dev.msix_table_offset = table;
	dev.msix_pba_offset = pba;
	return dev;
}

TEST(DeviceCheck, MsixTableAndPbaAreInsideMemoryBars)
{
	LEGAL(msix_device(1, 0, 16), (void)d);
	LEGAL(msix_device(254, 0, 4064), (void)d);
	LEGAL(msix_device(65, 16, 0), (void)d);
	REFUSED("2049", msix_device(2049, 0, 0), (void)d);
	REFUSED("table 4096 exceeds BAR0", msix_device(256, 8, 0), (void)d);
	REFUSED("PBA 0xff8 exceeds", msix_device(65, 0, 4088), (void)d);
	REFUSED("table 0x4", msix_device(1, 4, 32), (void)d);
	REFUSED("PBA 0x24", msix_device(1, 0, 36), (void)d);
	REFUSED("table exceeds", msix_device(1, 0xfffffff8, 0), (void)d);
	REFUSED("BAR3 not implemented", msix_device(1, 0, 16), d.msix_pba_bar = 3);
	REFUSED("BAR6", msix_device(1, 0, 16), d.msix_table_bar = 6);
	REFUSED("BAR255", msix_device(1, 0, 16), d.msix_table_bar = 255);
	REFUSED("BAR1 I/O", msix_device(1, 0, 16), set(&d, 1, 256, TLPB_REGION_IO);
		d.msix_table_bar = 1);
	/* Without vectors, nobody looks at the rest. */
	LEGAL(msix_device(0, 3, 5), d.msix_table_bar = 9);
}

TEST(DeviceCheck, MsixTableAndPbaDoNotOverlap)
{
	REFUSED("0x0 0x8 overlap BAR0", msix_device(1, 0, 8), (void)d);
	REFUSED("overlap", msix_device(65, 8, 0), (void)d);
	LEGAL(msix_device(64, 8, 0), (void)d);
	LEGAL(msix_device(1, 0, 0), set(&d, 1, 64, 0); d.msix_pba_bar = 1);
}
