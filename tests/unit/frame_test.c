/* SPDX-License-Identifier: MIT */
/* Frames and bodies of wire.h: to bytes, back, and what untrusted bytes do. */
#include <stdlib.h>

#include "bytes.h"
#include "frame.h"
#include "gtest.h"

/* One kind of body behind one face. */
struct codec {
	const char *name;
	size_t size;		/* of the struct */
	const void *sample;
	int (*encode)(const void *body, uint8_t *bytes, size_t size);
	int (*decode)(const uint8_t *bytes, size_t len, void *body);
};

#define CODEC(type) \
	static int encode_##type(const void *body, uint8_t *bytes, size_t size) \
	{ \
		return tlpb__##type##_encode(body, bytes, size); \
	} \
	static int decode_##type(const uint8_t *bytes, size_t len, void *body) \
	{ \
		return tlpb__##type##_decode(bytes, len, body); \
	}
CODEC(join)
CODEC(grant)
CODEC(refuse)
CODEC(hello)
CODEC(dma_fault)
CODEC(goodbye)

#define TOKEN { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }

static const struct join a_join = { 1, 0x8000000000000001, 2, TOKEN, "endpoint-test", "qemu[7]" };
static const struct grant a_grant = { TOKEN, "ipc:///run/x.sock.link.01020304" };
static const struct refuse a_refusal = { TLPB_REASON_TAKEN, 1, 3, "in use: endpoint-test" };
static const struct hello a_hello = {
	1, TLPB_ENDPOINT, 1, 0, TOKEN, 512, 4096, 128, { 1, 2, 3, 4, 5, 0xffff }, "endpoint-test",
};
static const struct dma_fault a_fault = { 0xfffffffe, 15, 0x123456789abcdef0 };
static const struct goodbye a_goodbye = { TLPB_REASON_NORMAL, "closed by its user" };

static const struct codec codecs[] = {
	{ "JOIN", sizeof(struct join), &a_join, encode_join, decode_join },
	{ "GRANT", sizeof(struct grant), &a_grant, encode_grant, decode_grant },
	{ "REFUSE", sizeof(struct refuse), &a_refusal, encode_refuse, decode_refuse },
	{ "HELLO", sizeof(struct hello), &a_hello, encode_hello, decode_hello },
	{ "DMA_FAULT", sizeof(struct dma_fault), &a_fault, encode_dma_fault, decode_dma_fault },
	{ "GOODBYE", sizeof(struct goodbye), &a_goodbye, encode_goodbye, decode_goodbye },
};

enum { CODECS = sizeof codecs / sizeof codecs[0], ROOM = 1024 };

/* Decodes from a copy that ends where the allocation ends: the sanitizer sees one byte more. */
static int decode_exactly(const struct codec *c, const uint8_t *bytes, size_t len, void *body)
{
	uint8_t *copy = malloc(len);
	int err;

	memcpy(copy, bytes, len);
	err = c->decode(copy, len, body);
	free(copy);
	return err;
}

TEST(Frame, BodiesComeBackAsTheyWere)
{
	for (int i = 0; i < CODECS; i++) {
		const struct codec *c = &codecs[i];
		void *body = calloc(1, c->size);
		uint8_t bytes[ROOM];
		int len = c->encode(c->sample, bytes, sizeof bytes);

		gt_about(c->name);
		ASSERT_GT(len, 0);
		EXPECT_EQ(decode_exactly(c, bytes, (size_t)len, body), 0);
		EXPECT_MEMEQ(body, c->sample, c->size);
		free(body);
	}
}

TEST(Frame, ABodyThatIsCutAnywhereIsRefused)
{
	for (int i = 0; i < CODECS; i++) {
		const struct codec *c = &codecs[i];
		void *body = calloc(1, c->size);
		uint8_t bytes[ROOM];
		int len = c->encode(c->sample, bytes, sizeof bytes);

		gt_about(c->name);
		for (int cut = 0; cut < len; cut++)
			EXPECT_LT(decode_exactly(c, bytes, (size_t)cut, body), 0);
		free(body);
	}
}

TEST(Frame, ABodyMayGrow)
{
	for (int i = 0; i < CODECS; i++) {
		const struct codec *c = &codecs[i];
		void *body = calloc(1, c->size);
		uint8_t bytes[ROOM] = { 0 };
		int len = c->encode(c->sample, bytes, sizeof bytes);

		gt_about(c->name);
		memset(bytes + len, 0xa5, 40);
		EXPECT_EQ(decode_exactly(c, bytes, (size_t)len + 40, body), 0);
		EXPECT_MEMEQ(body, c->sample, c->size);
		free(body);
	}
}

TEST(Frame, AnEncoderWithTooLittleRoomWritesNothingBeyondIt)
{
	for (int i = 0; i < CODECS; i++) {
		const struct codec *c = &codecs[i];
		uint8_t bytes[ROOM];
		int len = c->encode(c->sample, bytes, sizeof bytes);

		gt_about(c->name);
		for (int room = 0; room < len; room++) {
			uint8_t *small = malloc((size_t)room);

			EXPECT_EQ(c->encode(c->sample, small, (size_t)room), TLPB_ERR_TOO_LARGE);
			free(small);
		}
	}
}

TEST(Frame, AStringOfTheLargestLengthThatLiesIsTruncated)
{
	uint8_t bytes[] = { 0, 0, 0xff, 0xff, 'a', 'b' };
	struct goodbye g;

	EXPECT_EQ(tlpb__goodbye_decode(bytes, sizeof bytes, &g), TLPB_ERR_TRUNCATED);
}

TEST(Frame, ALongStringIsCutAndEndsWithAZero)
{
	uint8_t bytes[4 + 1000] = { 0, 0, 1000 & 0xff, 1000 >> 8 };
	struct goodbye g;

	memset(bytes + 4, 'x', 1000);
	EXPECT_EQ(tlpb__goodbye_decode(bytes, sizeof bytes, &g), 0);
	EXPECT_EQ(strlen(g.text), TEXT_MAX - 1);
}

TEST(Frame, ATextFromThePeerHasNoControlCharacters)
{
	static const char evil[] = "a\x1b[2J\n\0b\x80";
	uint8_t bytes[4 + sizeof evil - 1] = { 0, 0, sizeof evil - 1, 0 };
	struct goodbye g;

	memcpy(bytes + 4, evil, sizeof evil - 1);
	EXPECT_EQ(tlpb__goodbye_decode(bytes, sizeof bytes, &g), 0);
	EXPECT_STREQ(g.text, "a?[2J??b?");
}

static const char *as_received(const char *text, size_t len)
{
	static struct goodbye g;
	uint8_t bytes[4 + 1000] = { 0, 0, (uint8_t)len, (uint8_t)(len >> 8) };

	memcpy(bytes + 4, text, len);
	EXPECT_EQ(tlpb__goodbye_decode(bytes, 4 + len, &g), 0);
	return g.text;
}

/* The URL of a link is such a text: what is changed in it leads nowhere. */
TEST(Frame, ATextFromThePeerKeepsItsCharactersInUtf8)
{
	static const char text[] = "\xc2\xa0/\xc3\xbc \xe2\x9c\x93 \xef\xbf\xbd \xf0\x9f\x90\xa7";

	EXPECT_STREQ(as_received(text, sizeof text - 1), text);
}

TEST(Frame, WhatIsNotUtf8IsNotPrintable)
{
	static const struct { const char *sent, *received; } cases[] = {
		{ "\xc2\x9b" "2J", "??2J" },	/* U+009B, the control sequence introducer */
		{ "\xc0\xaf", "??" },		/* longer than need be */
		{ "\xe0\x80\xaf", "???" },
		{ "\xed\xa0\x80", "???" },	/* a surrogate */
		{ "\xf4\x90\x80\x80", "????" },	/* beyond U+10FFFF */
		{ "\xe2\x9c", "??" },		/* cut */
		{ "\xe2\x9cx", "??x" },
		{ "\xff\x7f", "??" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		EXPECT_STREQ(as_received(cases[i].sent, strlen(cases[i].sent)), cases[i].received);
}

TEST(Frame, ALongStringIsCutBetweenCharacters)
{
	char text[TEXT_MAX + 1];

	memset(text, 'x', sizeof text);
	memcpy(text + TEXT_MAX - 2, "\xc3\xbc", 2);
	EXPECT_EQ(strlen(as_received(text, sizeof text)), TEXT_MAX - 2);
}

TEST(Frame, AnotherMagicIsNotTheProtocol)
{
	uint8_t bytes[ROOM];
	int len = tlpb__hello_encode(&a_hello, bytes, sizeof bytes);
	struct hello h;

	bytes[0] ^= 1;
	EXPECT_EQ(tlpb__hello_decode(bytes, (size_t)len, &h), TLPB_ERR_PROTOCOL);
}

TEST(Frame, TheVersionOfAShortHelloIsStillKnown)
{
	uint8_t bytes[] = { 'T', 'L', 'P', 'B', 9, 0 };
	struct hello h = { 0 };

	EXPECT_EQ(tlpb__hello_decode(bytes, sizeof bytes, &h), TLPB_ERR_TRUNCATED);
	EXPECT_EQ(h.version, 9);
}

/* ---- frames in a message ---- */

static size_t put(uint8_t *message, uint16_t kind, const char *body, uint32_t sequence)
{
	struct frame f = { .kind = kind, .flags = TLPB_FRAME_OPTIONAL,
			   .length = (uint32_t)strlen(body), .time_ps = 0x0102030405060708,
			   .sequence = sequence };

	tlpb__frame_put(message, &f);
	memcpy(message + TLPB_FRAME_HEADER, body, f.length);
	return TLPB_FRAME_HEADER + f.length;
}

TEST(Frame, FramesShareAMessage)
{
	uint8_t m[ROOM];
	size_t len = put(m, 7, "abc", 1), offset = 0;
	struct frame f;

	len += put(m + len, 6, "", 2);
	len += put(m + len, 5, "defg", 0xffffffff);
	ASSERT_EQ(tlpb__frame_next(m, len, &offset, &f), 1);
	EXPECT_EQ(f.kind, 7);
	EXPECT_EQ(f.flags, TLPB_FRAME_OPTIONAL);
	EXPECT_EQ(f.time_ps, 0x0102030405060708u);
	EXPECT_MEMEQ(f.body, "abc", 3);
	ASSERT_EQ(tlpb__frame_next(m, len, &offset, &f), 1);
	EXPECT_EQ(f.length, 0);
	ASSERT_EQ(tlpb__frame_next(m, len, &offset, &f), 1);
	EXPECT_EQ(f.sequence, 0xffffffffu);
	EXPECT_MEMEQ(f.body, "defg", 4);
	EXPECT_EQ(tlpb__frame_next(m, len, &offset, &f), 0);
}

TEST(Frame, AMessageThatIsCutAnywhereIsTruncated)
{
	uint8_t m[ROOM];
	size_t len = put(m, 7, "abcdef", 1);

	for (size_t cut = 1; cut < len; cut++) {
		uint8_t *copy = malloc(cut);
		size_t offset = 0;
		struct frame f;

		memcpy(copy, m, cut);
		EXPECT_EQ(tlpb__frame_next(copy, cut, &offset, &f), TLPB_ERR_TRUNCATED);
		EXPECT_EQ(offset, 0);
		free(copy);
	}
}

TEST(Frame, ALengthBeyondTheLimitIsTooLarge)
{
	static const uint32_t lengths[] = { TLPB_FRAME_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff,
					    0xffffffe8 /* with the header: 0 */ };
	uint8_t *m = calloc(1, TLPB_FRAME_HEADER + TLPB_FRAME_MAX);
	size_t offset = 0;
	struct frame f;

	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		put_le32(m + 4, lengths[i]);
		EXPECT_EQ(tlpb__frame_next(m, TLPB_FRAME_HEADER + TLPB_FRAME_MAX, &offset, &f),
			  TLPB_ERR_TOO_LARGE);
	}
	put_le32(m + 4, TLPB_FRAME_MAX);
	EXPECT_EQ(tlpb__frame_next(m, TLPB_FRAME_HEADER + TLPB_FRAME_MAX, &offset, &f), 1);
	free(m);
}

/* ---- names ---- */

TEST(Frame, FeaturesAreNamedAndUnknownOnesNumbered)
{
	char text[64];

	tlpb__feature_names(TLPB_FEATURE_DMA_FAULT | TLPB_FEATURE_FLIT | 1ull << 63, text,
			    sizeof text);
	EXPECT_STREQ(text, "dma-fault, flit, bit 63");
	tlpb__feature_names(0, text, sizeof text);
	EXPECT_STREQ(text, "");
}

TEST(Frame, ManyFeaturesInLittleRoomStayWithinIt)
{
	for (size_t room = 1; room < 64; room++) {
		char *text = malloc(room);

		tlpb__feature_names(~0ull, text, room);
		EXPECT_LT(strlen(text), room);
		free(text);
	}
}

TEST(Frame, EveryReasonHasAText)
{
	EXPECT_STREQ(tlpb_reason_text(TLPB_REASON_TAKEN), "the device is in use");
	EXPECT_STREQ(tlpb_reason_text(0xffff), "unknown reason");
}
