/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/device.h>
#include <tlpbridge/ep.h>
#include <tlpbridge/err.h>
#include "bytes.h"
#include "gtest.h"

enum { HEADER = 8, REGISTER = 5, ROOM = 4096 };

static const struct tlpb_device device = {
	.name = "named", .vendor_id = 0x1234, .device_id = 1,
	.region[TLPB_BAR0] = { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE },
	.region[TLPB_ROM] = { 2048, TLPB_REGION_READ },
};

static const struct tlpb_field fields[] = { { "GO", 0, 1 }, { "COUNT[1]", 8, 24 } };

static const struct tlpb_register registers[] = {
	{ .name = "CONTROL", .description = "starts it", .region = 0, .offset = 0xffc, .width = 32,
	  .access = TLPB_ACCESS_RW, .field = fields, .fields = 2 },
	{ .name = "_id.8", .region = TLPB_ROM, .offset = 2047, .width = 8 },
	{ .name = "CLEARED", .region = TLPB_CONFIG, .offset = 4088, .width = 64,
	  .access = TLPB_ACCESS_RC, .read_effect = true },
};

/* All the records of the device above, with count registers. */
static size_t encode(const struct tlpb_register *reg, unsigned count, uint8_t bytes[ROOM])
{
	char why[256];
	int len = tlpb_device_encode(&device, bytes, ROOM), more;

	ASSERT_GT(len, 0);
	more = tlpb_registers_encode(&device, reg, count, bytes + len, ROOM - (size_t)len, why,
				     sizeof why);
	ASSERT_GE(more, 0);
	return (size_t)(len + more);
}

/* Decodes a copy of exactly len bytes, so that a sanitizer sees a read beyond them. */
static int decode(const uint8_t *bytes, size_t len, struct tlpb_registers **regs)
{
	uint8_t *exact = malloc(len + !len);
	char why[256] = "";
	int err;

	ASSERT_TRUE(exact);
	memcpy(exact, bytes, len);
	*regs = NULL;
	err = tlpb_registers_decode(exact, len, &device, regs, why, sizeof why);
	if (err)
		EXPECT_STRNE(why, "");
	free(exact);
	return err;
}

TEST(Registers, SurviveARoundTrip)
{
	uint8_t bytes[ROOM];
	size_t len = encode(registers, 3, bytes);
	struct tlpb_registers *regs;
	struct tlpb_device dev;
	char why[256];

	ASSERT_EQ(tlpb_device_decode(bytes, len, &dev, why, sizeof why), 0);
	ASSERT_EQ(decode(bytes, len, &regs), 0);
	ASSERT_EQ(regs->count, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct tlpb_register *in = &registers[i], *out = &regs->reg[i];

		EXPECT_STREQ(out->name, in->name);
		EXPECT_STREQ(out->description, in->description ? in->description : "");
		EXPECT_EQ(out->region, in->region);
		EXPECT_EQ(out->offset, in->offset);
		EXPECT_EQ(out->width, in->width);
		EXPECT_EQ(out->access, in->access);
		EXPECT_EQ(out->read_effect, in->read_effect);
		EXPECT_EQ(out->fields, in->fields);
	}
	EXPECT_STREQ(regs->reg[0].field[1].name, "COUNT[1]");
	EXPECT_EQ(regs->reg[0].field[1].low, 8);
	EXPECT_EQ(regs->reg[0].field[1].width, 24);
	tlpb_registers_free(regs);
}

TEST(Registers, ADeviceWithoutNamesHasNone)
{
	uint8_t bytes[ROOM];
	struct tlpb_registers *regs;

	ASSERT_EQ(decode(bytes, encode(NULL, 0, bytes), &regs), 0);
	EXPECT_EQ(regs->count, 0);
	tlpb_registers_free(regs);
}

/* The records of a device end where the first register begins; any cut after it is told. */
TEST(Registers, ToleratesNoTruncation)
{
	uint8_t bytes[ROOM];
	size_t begin = encode(NULL, 0, bytes), len = encode(registers, 1, bytes);
	struct tlpb_registers *regs;

	for (size_t cut = begin + 1; cut < len; cut++)
		EXPECT_EQ(decode(bytes, cut, &regs), TLPB_ERR_TRUNCATED);
	/* The same within a record that says it is that short. */
	for (size_t cut = begin + HEADER; cut < len; cut++) {
		put_le32(bytes + begin + 4, (uint32_t)(cut - begin - HEADER));
		EXPECT_EQ(decode(bytes, cut, &regs), TLPB_ERR_TRUNCATED);
	}
}

TEST(Registers, OnlyWhatFitsIsEncoded)
{
	uint8_t bytes[ROOM];
	char why[256];
	int len = tlpb_registers_encode(&device, registers, 3, bytes, ROOM, why, sizeof why);

	ASSERT_GT(len, 0);
	for (int size = 0; size < len; size++) {
		uint8_t *exact = malloc((size_t)size + !size);

		EXPECT_EQ(tlpb_registers_encode(&device, registers, 3, exact, (size_t)size, why,
						sizeof why), TLPB_ERR_TOO_LARGE);
		free(exact);
	}
}

static void expect_refused(struct tlpb_register reg)
{
	uint8_t bytes[ROOM];
	char why[256] = "";

	EXPECT_EQ(tlpb_registers_encode(&device, &reg, 1, bytes, ROOM, why, sizeof why),
		  TLPB_ERR_INVALID);
	EXPECT_STRNE(why, "");
}

TEST(Registers, WhatMakesNoSenseIsNotEncoded)
{
	static const struct tlpb_field outside = { "X", 31, 2 }, empty = { "X", 0, 0 },
				       unnamed = { "", 0, 1 };
	struct tlpb_register r = registers[0];
	char long_name[TLPB_NAME_MAX + 1];

#define REFUSED(change) do { struct tlpb_register reg = r; reg.change; expect_refused(reg); } while (0)
	REFUSED(width = 24);
	REFUSED(width = 0);
	REFUSED(offset = 0x1000);
	REFUSED(offset = 0xffe);
	REFUSED(offset = UINT64_MAX - 3);
	REFUSED(region = 1);
	REFUSED(region = TLPB_REGIONS);
	REFUSED(access = TLPB_ACCESS_KINDS);
	REFUSED(name = NULL);
	REFUSED(name = "");
	REFUSED(name = "0x10");
	REFUSED(name = "A B");
	REFUSED(name = "A:B");
	REFUSED(description = "two\nlines");
	REFUSED(fields = 65);
	r.fields = 1;
	REFUSED(field = &outside);
	REFUSED(field = &empty);
	REFUSED(field = &unnamed);
	memset(long_name, 'a', sizeof long_name);
	long_name[TLPB_NAME_MAX] = 0;
	REFUSED(name = long_name);
#undef REFUSED
}

TEST(Registers, WhatMakesNoSenseIsNotDecoded)
{
	static const struct { size_t at; uint8_t value; } broken[] = {
		{ 0, 1 },	/* a region that the device does not have */
		{ 0, 8 },	/* one that no device has */
		{ 2, 24 },	/* width */
		{ 5, 0x10 },	/* offset */
		{ 12, 9 },	/* access */
		{ 18, '0' },	/* name */
		{ 19, 0 },
		{ 19, ' ' },
		{ 27, 1 },	/* description */
		{ 38, 32 },	/* low bit of the first field */
		{ 39, 0 },	/* its width */
		{ 42, '-' },	/* its name */
	};
	uint8_t bytes[ROOM], copy[ROOM];
	size_t begin = encode(NULL, 0, bytes), len = encode(registers, 1, bytes);
	struct tlpb_registers *regs;

	for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		memcpy(copy, bytes, len);
		copy[begin + HEADER + broken[i].at] = broken[i].value;
		EXPECT_EQ(decode(copy, len, &regs), TLPB_ERR_INVALID);
	}
}

TEST(Registers, AccessesHaveNames)
{
	EXPECT_STREQ(tlpb_access_name(TLPB_ACCESS_RO), "ro");
	EXPECT_STREQ(tlpb_access_name(TLPB_ACCESS_W1C), "w1c");
	EXPECT_STREQ(tlpb_access_name(TLPB_ACCESS_KINDS), "?");
}

TEST(Registers, APathTravelsWithTheDevice)
{
	struct tlpb_device in = device, out;
	uint8_t bytes[ROOM];
	char why[256];
	int len;

	strcpy(in.path, "/soc/dma@40000000");
	in.path_index = 3;
	len = tlpb_device_encode(&in, bytes, sizeof bytes);
	ASSERT_GT(len, 0);
	ASSERT_EQ(tlpb_device_decode(bytes, (size_t)len, &out, why, sizeof why), 0);
	EXPECT_STREQ(out.path, in.path);
	EXPECT_EQ(out.path_index, 3);
	memset(in.path, 'x', sizeof in.path);
	EXPECT_EQ(tlpb_device_check(&in, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_TRUE(strstr(why, "path"));
}

static void no_access(void *ctx, struct tlpb_ep_request *request)
{
}

static int new_endpoint(const struct tlpb_register *reg, unsigned count, char why[256])
{
	static const struct tlpb_ep_ops ops = { .access = no_access };
	struct tlpb_ep_config config = { .device = &device, .registers = reg,
					 .register_count = count, .ops = &ops };
	tlpb_ep *ep = NULL;
	int err = tlpb_ep_new(&config, &ep, why, 256);

	tlpb_ep_free(ep);
	return err;
}

TEST(Registers, AnEndpointTakesThemOrSaysWhyNot)
{
	static struct tlpb_register many[1200];
	struct tlpb_register outside = registers[0];
	char why[256];

	EXPECT_EQ(new_endpoint(registers, 3, why), 0);
	outside.offset = 4096;
	EXPECT_EQ(new_endpoint(&outside, 1, why), TLPB_ERR_INVALID);
	EXPECT_TRUE(strstr(why, "0x1000"));
	for (unsigned i = 0; i < 1200; i++)
		many[i] = registers[0];
	EXPECT_EQ(new_endpoint(many, 1200, why), TLPB_ERR_TOO_LARGE);
	EXPECT_TRUE(strstr(why, "1200 registers"));
	EXPECT_EQ(new_endpoint(many, 1000, why), 0);
}
