/* SPDX-License-Identifier: MIT */
/* What the vectors leave open: every kind, every rule and its neighbours, hostile bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>
#include "bytes.h"
#include "gtest.h"

static uint8_t data[TLPB_MAX_PAYLOAD];

/* The same numbers in every run. */
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static bool is_message(enum tlpb_tlp_kind kind)
{
	return kind == TLPB_MSG || kind == TLPB_MSGD;
}

static bool is_completion(enum tlpb_tlp_kind kind)
{
	return kind >= TLPB_CPL;
}

static bool is_config(enum tlpb_tlp_kind kind)
{
	return kind >= TLPB_CFGRD0 && kind <= TLPB_CFGWR1;
}

static bool has_both_headers(enum tlpb_tlp_kind kind)
{
	return kind <= TLPB_CAS;
}

/* The least that a TLP of this kind must say, and it is well formed. */
static struct tlpb_tlp plain(enum tlpb_tlp_kind kind, unsigned length_dw)
{
	struct tlpb_tlp tlp = { .kind = kind, .hdr_4dw = is_message(kind) };

	if (tlpb_kind_has_data(kind)) {
		tlp.payload = data;
		tlp.payload_len = 4u * length_dw;
	}
	if (tlpb_kind_has_data(kind) || !(is_message(kind) || is_completion(kind)))
		tlp.length_dw = (uint16_t)length_dw;
	if (is_completion(kind))
		tlp.byte_count = 4;
	if (is_message(kind))
		tlp.message_code = TLPB_MSG_VENDOR_TYPE1;
	if (kind <= TLPB_DMWR || (kind >= TLPB_IORD && kind <= TLPB_CFGWR1)) {
		tlp.first_be = 15;
		tlp.last_be = length_dw > 1 ? 15 : 0;
	}
	return tlp;
}

static void randomize_header(struct tlpb_tlp *tlp)
{
	if (is_completion(tlp->kind)) {
		tlp->completer_id = (uint16_t)rnd(0x10000);
		tlp->status = (uint8_t)rnd(8);
		tlp->bcm = rnd(2);
		tlp->byte_count = (uint16_t)(1 + rnd(4096));
		tlp->lower_address = (uint8_t)rnd(128);
	} else if (is_message(tlp->kind)) {
		tlp->routing = (uint8_t)rnd(8);
		tlp->message_code = (uint8_t)rnd(256);
		tlp->dw2 = (uint32_t)rnd(1ull << 32);
		tlp->dw3 = (uint32_t)rnd(1ull << 32);
	} else {
		tlp->first_be = (uint8_t)rnd(16);
		tlp->last_be = (uint8_t)rnd(16);
	}
}

static void randomize_address(struct tlpb_tlp *tlp)
{
	if (is_config(tlp->kind)) {
		tlp->dest_id = (uint16_t)rnd(0x10000);
		tlp->reg_offset = (uint16_t)(4 * rnd(1024));
	} else if (!is_message(tlp->kind) && !is_completion(tlp->kind)) {
		tlp->address = tlp->hdr_4dw ? rnd(~0ull) : rnd(1ull << 32);
		tlp->address &= ~3ull;
		tlp->ph = tlp->th ? (uint8_t)rnd(4) : 0;
	}
}

/* Local prefixes, then end-end ones, then perhaps a PASID. */
static void randomize_prefixes(struct tlpb_tlp *tlp)
{
	uint32_t byte0[TLPB_MAX_PREFIXES] = { 0x80 + (uint32_t)rnd(16), 0x8e, 0x92, 0x91 };

	for (unsigned i = (unsigned)rnd(5); i < TLPB_MAX_PREFIXES; i++)
		tlp->prefix[tlp->prefix_count++] = byte0[i] << 24 | (uint32_t)rnd(1 << 24);
	if (!tlp->prefix_count)
		return;
	tlp->has_pasid = true;
	tlp->pasid = tlp->prefix[tlp->prefix_count - 1] & 0xfffff;
	tlp->pasid_exec = tlp->prefix[tlp->prefix_count - 1] >> 20 & 1;
	tlp->pasid_priv = tlp->prefix[tlp->prefix_count - 1] >> 21 & 1;
}

static struct tlpb_tlp random_tlp(enum tlpb_tlp_kind kind, bool hdr_4dw)
{
	struct tlpb_tlp tlp = plain(kind, rnd(8) ? 1 + (unsigned)rnd(40) : 1024);

	tlp.hdr_4dw = hdr_4dw;
	tlp.tc = (uint8_t)rnd(8);
	tlp.ido = rnd(2);
	tlp.ro = rnd(2);
	tlp.ns = rnd(2);
	tlp.th = is_message(kind) ? 0 : rnd(2);
	tlp.ln = rnd(2);
	tlp.td = rnd(2);
	tlp.ep = rnd(2);
	tlp.at = (uint8_t)rnd(4);
	tlp.tag = (uint16_t)rnd(1024);
	tlp.requester_id = (uint16_t)rnd(0x10000);
	tlp.ecrc = tlp.td ? (uint32_t)rnd(1ull << 32) : 0;
	randomize_header(&tlp);
	randomize_address(&tlp);
	if (rnd(2))
		randomize_prefixes(&tlp);
	return tlp;
}

/* Field by field: padding is not compared, payload by its bytes. */
static void expect_same(const struct tlpb_tlp *a, const struct tlpb_tlp *b)
{
#define SAME(member) EXPECT_EQ(a->member, b->member)
	SAME(kind); SAME(hdr_4dw); SAME(tc); SAME(ido); SAME(ro); SAME(ns); SAME(th); SAME(ln); SAME(td);
	SAME(ep); SAME(at); SAME(length_dw); SAME(tag); SAME(requester_id); SAME(first_be);
	SAME(last_be); SAME(address); SAME(ph); SAME(dest_id); SAME(reg_offset); SAME(routing);
	SAME(message_code); SAME(dw2); SAME(dw3); SAME(completer_id); SAME(status); SAME(bcm);
	SAME(byte_count); SAME(lower_address); SAME(prefix_count); SAME(has_pasid);
	SAME(pasid_priv); SAME(pasid_exec); SAME(pasid); SAME(payload_len); SAME(ecrc);
#undef SAME
	EXPECT_MEMEQ(a->prefix, b->prefix, sizeof a->prefix);
	EXPECT_MEMEQ(a->payload, b->payload, a->payload_len);
}

static void fill_data(void)
{
	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(7 * i + 3);
}

TEST(Codec, UnpackUndoesPackForEveryKindAndHeader)
{
	uint8_t bytes[TLPB_MAX_TLP];

	fill_data();
	for (unsigned i = 0; i < 400 * TLPB_TLP_KINDS; i++) {
		enum tlpb_tlp_kind kind = (enum tlpb_tlp_kind)(i % TLPB_TLP_KINDS);
		struct tlpb_tlp in = random_tlp(kind, has_both_headers(kind) ? rnd(2)
									     : is_message(kind));
		struct tlpb_tlp out;
		int len = tlpb_tlp_pack(&in, bytes, sizeof bytes);

		ASSERT_GT(len, 0);
		EXPECT_EQ(len, 4 * in.prefix_count + (in.hdr_4dw ? 16 : 12) + in.payload_len +
			       4 * in.td);
		ASSERT_EQ(tlpb_tlp_unpack(bytes, (size_t)len, &out), 0);
		expect_same(&in, &out);
		EXPECT_EQ(tlpb_tlp_pack(&in, bytes, (size_t)len - 1), TLPB_ERR_TOO_LARGE);
	}
}

TEST(Codec, FirstBytesAreThoseOfTheSpecification)
{
	static const uint8_t byte0[TLPB_TLP_KINDS] = {
		0x00, 0x01, 0x40, 0x5b, 0x4c, 0x4d, 0x4e, 0x02, 0x42, 0x04, 0x05, 0x44, 0x45,
		0x30, 0x70, 0x0a, 0x4a, 0x0b, 0x4b,
	};
	uint8_t bytes[64];

	for (unsigned k = 0; k < TLPB_TLP_KINDS; k++) {
		struct tlpb_tlp tlp = plain((enum tlpb_tlp_kind)k, 1);

		ASSERT_GT(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 0);
		EXPECT_EQ(bytes[0], byte0[k]);
		if (!has_both_headers(tlp.kind))
			continue;
		tlp.hdr_4dw = true;
		ASSERT_GT(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 0);
		EXPECT_EQ(bytes[0], byte0[k] | 0x20);
	}
}

TEST(Codec, AllOtherFirstBytesAreUndefined)
{
	unsigned defined = 0;

	for (unsigned b = 0; b < 256; b++) {
		uint8_t bytes[16] = { (uint8_t)b };
		struct tlpb_tlp tlp;
		int err = tlpb_tlp_unpack(bytes, sizeof bytes, &tlp);

		if (b >> 5 == 4)	/* a prefix, and the zeros behind it are too few */
			EXPECT_EQ(tlp.prefix_count, 1);
		else if (err == TLPB_ERR_MALFORMED)
			EXPECT_EQ(tlpb_tlp_check(bytes, 16, 4096), TLPB_RULE_UNDEFINED_FMT_TYPE);
		else
			defined++;
	}
	/* 7 kinds in two sizes, 2 message kinds with 8 routings, 10 others. */
	EXPECT_EQ(defined, 7 * 2 + 2 * 8 + 10);
}

TEST(Codec, PasidFieldsAloneMakeAPrefix)
{
	struct tlpb_tlp tlp = plain(TLPB_MRD, 1), out;
	uint8_t bytes[64];

	tlp.has_pasid = tlp.pasid_priv = true;
	tlp.pasid = 0x12345;
	ASSERT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 16);
	EXPECT_EQ(get_be32(bytes), 0x91212345);
	ASSERT_EQ(tlpb_tlp_unpack(bytes, 16, &out), 0);
	EXPECT_TRUE(out.has_pasid && out.pasid_priv && !out.pasid_exec);
	EXPECT_EQ(out.pasid, 0x12345);
}

TEST(Codec, PasidFieldsFillInThePrefixButItsReservedBits)
{
	struct tlpb_tlp tlp = plain(TLPB_MRD, 1);
	uint8_t bytes[64];

	tlp.prefix_count = 1;
	tlp.prefix[0] = 0x91ffffff;
	tlp.has_pasid = true;
	tlp.pasid = 4;
	ASSERT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 16);
	EXPECT_EQ(get_be32(bytes), 0x91c00004);
}

TEST(Codec, PasidPrefixFollowsTheOthers)
{
	struct tlpb_tlp tlp = plain(TLPB_MRD, 1);
	uint8_t bytes[64];

	tlp.prefix_count = 2;
	tlp.prefix[0] = 0x80123456;
	tlp.prefix[1] = 0x92abcdef;
	tlp.has_pasid = tlp.pasid_exec = true;
	tlp.pasid = 0xfffff;
	ASSERT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 24);
	EXPECT_EQ(get_be32(bytes), 0x80123456);
	EXPECT_EQ(get_be32(bytes + 4), 0x92abcdef);
	EXPECT_EQ(get_be32(bytes + 8), 0x911fffff);
	EXPECT_EQ(get_be32(bytes + 12), 1);
}

TEST(Codec, FourPrefixesAreTheMostWithTheirPasid)
{
	struct tlpb_tlp tlp = plain(TLPB_MRD, 1);
	uint8_t bytes[64];

	tlp.prefix_count = 4;
	for (unsigned i = 0; i < 4; i++)
		tlp.prefix[i] = 0x92000000;
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 28);
	tlp.has_pasid = true;	/* there is no room for a fifth */
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), TLPB_ERR_INVALID);
	tlp.prefix[2] = 0x91000000;
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 28);
	tlp.pasid = 0x100000;
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), TLPB_ERR_INVALID);
	tlp.pasid = 0;
	tlp.has_pasid = false;	/* a prefix says otherwise */
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), TLPB_ERR_INVALID);
}

TEST(Codec, PrefixesBehindTheCountAreNotLookedAt)
{
	struct tlpb_tlp tlp = plain(TLPB_MRD, 1);
	uint8_t bytes[64];

	tlp.prefix_count = 1;
	tlp.prefix[0] = 0x92000000;
	tlp.prefix[1] = 0x91000000;
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 16);	/* no PASID prefix */
	tlp.has_pasid = true;
	tlp.pasid = 3;
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 20);
	EXPECT_EQ(get_be32(bytes + 4), 0x91000003);
	tlp.prefix[1] = 0;						/* none at all */
	EXPECT_EQ(tlpb_tlp_pack(&tlp, bytes, sizeof bytes), 20);
}

/* Also when nothing else came. */
TEST(Codec, WholePrefixesAreCounted)
{
	uint8_t bytes[36];
	struct tlpb_tlp tlp;

	memset(bytes, 0x92, sizeof bytes);
	for (size_t len = 0; len <= 16; len++) {
		EXPECT_EQ(tlpb_tlp_unpack(bytes, len, &tlp), TLPB_ERR_TRUNCATED);
		EXPECT_EQ(tlp.prefix_count, len / 4);
		EXPECT_EQ(tlp.kind, TLPB_TLP_KINDS);
	}
}

static int pack_with(enum tlpb_tlp_kind kind, void (*spoil)(struct tlpb_tlp *tlp))
{
	struct tlpb_tlp tlp = plain(kind, 1);
	uint8_t bytes[64];

	spoil(&tlp);
	return tlpb_tlp_pack(&tlp, bytes, sizeof bytes);
}

#define SPOIL(name, assignment) static void name(struct tlpb_tlp *tlp) { tlp->assignment; }
SPOIL(bad_kind, kind = TLPB_TLP_KINDS)
SPOIL(bad_tc, tc = 8)
SPOIL(bad_at, at = 4)
SPOIL(bad_tag, tag = 1024)
SPOIL(no_length, length_dw = 0)
SPOIL(long_length, length_dw = 1025)
SPOIL(one_dw, length_dw = 1)
SPOIL(bad_first_be, first_be = 16)
SPOIL(bad_last_be, last_be = 16)
SPOIL(odd_address, address = 2)
SPOIL(high_address, address = 1ull << 32)
SPOIL(ph_without_th, ph = 1)

static void high_ph(struct tlpb_tlp *tlp)
{
	tlp->th = true;
	tlp->ph = 4;
}

SPOIL(four_dw, hdr_4dw = true)
SPOIL(three_dw, hdr_4dw = false)
SPOIL(odd_register, reg_offset = 2)
SPOIL(odder_register, reg_offset = 1)
SPOIL(high_register, reg_offset = 4096)
SPOIL(bad_routing, routing = 8)
SPOIL(no_byte_count, byte_count = 0)
SPOIL(high_byte_count, byte_count = 4097)
SPOIL(bad_lower_address, lower_address = 128)
SPOIL(bad_status, status = 8)
SPOIL(short_payload, payload_len = 3)
SPOIL(null_payload, payload = NULL)
SPOIL(prefix_is_none, prefix_count = 1)
SPOIL(many_prefixes, prefix_count = 5)
SPOIL(pasid_without_flag, pasid = 1)
SPOIL(priv_without_flag, pasid_priv = true)
SPOIL(exec_without_flag, pasid_exec = true)

static void end_end_before_local(struct tlpb_tlp *tlp)
{
	tlp->prefix_count = 2;
	tlp->prefix[0] = 0x92000000;
	tlp->prefix[1] = 0x80000000;
}

TEST(Codec, PackRefusesWhatHasNoEncoding)
{
	static const struct {
		enum tlpb_tlp_kind kind;
		void (*spoil)(struct tlpb_tlp *tlp);
	} cases[] = {
		{ TLPB_MRD, bad_kind }, { TLPB_MRD, bad_tc }, { TLPB_MRD, bad_at },
		{ TLPB_MRD, bad_tag }, { TLPB_MRD, no_length }, { TLPB_MRD, long_length },
		{ TLPB_MSG, one_dw }, { TLPB_CPL, one_dw }, { TLPB_MRD, bad_first_be },
		{ TLPB_MRD, bad_last_be }, { TLPB_CFGWR0, bad_first_be }, { TLPB_MRD, high_ph },
		{ TLPB_CFGWR0, bad_last_be }, { TLPB_MRD, odd_address }, { TLPB_MRD, high_address },
		{ TLPB_MRD, ph_without_th }, { TLPB_IORD, four_dw }, { TLPB_CPL, four_dw },
		{ TLPB_CFGRD0, four_dw }, { TLPB_MSG, three_dw }, { TLPB_CFGRD0, odd_register },
		{ TLPB_CFGRD0, odder_register },
		{ TLPB_CFGRD0, high_register }, { TLPB_MSGD, bad_routing }, { TLPB_CPL, no_byte_count },
		{ TLPB_CPLD, high_byte_count }, { TLPB_CPL, bad_lower_address },
		{ TLPB_CPL, bad_status }, { TLPB_MWR, short_payload }, { TLPB_MWR, null_payload },
		{ TLPB_MRD, short_payload }, { TLPB_MRD, prefix_is_none }, { TLPB_MRD, many_prefixes },
		{ TLPB_MRD, pasid_without_flag },
		{ TLPB_MRD, priv_without_flag }, { TLPB_MRD, exec_without_flag }, { TLPB_MRD, end_end_before_local },
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pack_with(cases[i].kind, cases[i].spoil) != TLPB_ERR_INVALID)
			FAIL("case %u is accepted", i);
}

/* Exactly sized, so that the sanitizer sees each byte that is read beyond the end. */
static void decode_all(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	char text[300];
	struct tlpb_tlp tlp;

	memcpy(exact, bytes, len);
	tlpb_tlp_unpack(len ? exact : NULL, len, &tlp);
	EXPECT_LT(tlpb_tlp_text(&tlp, text, sizeof text), sizeof text);
	tlpb_tlp_credits(&tlp);
	tlpb_tlp_check(exact, len, 256);
	tlpb_tlp_ecrc(exact, len);
	for (size_t i = 0; i < tlp.payload_len; i++)
		EXPECT_TRUE(tlp.payload + i >= exact && tlp.payload + i < exact + len);
	free(exact);
}

TEST(Codec, ReadsNothingBeyondATruncatedTlp)
{
	uint8_t bytes[TLPB_MAX_TLP];

	for (unsigned k = 0; k < TLPB_TLP_KINDS; k++) {
		struct tlpb_tlp tlp = plain((enum tlpb_tlp_kind)k, 3);
		int len;

		tlp.has_pasid = tlp.td = true;
		len = tlpb_tlp_pack(&tlp, bytes, sizeof bytes);
		ASSERT_GT(len, 0);
		for (int n = 0; n < len; n++) {
			struct tlpb_tlp out;

			decode_all(bytes, (size_t)n);
			EXPECT_EQ(tlpb_tlp_unpack(bytes, (size_t)n, &out), TLPB_ERR_TRUNCATED);
			EXPECT_EQ(tlpb_tlp_check(bytes, (size_t)n, 4096),
				  n < 4 + (tlp.hdr_4dw ? 16 : 12) ? TLPB_RULE_TRUNCATED
								  : TLPB_RULE_SIZE_MISMATCH);
		}
	}
}

TEST(Codec, RandomBytesAreHarmless)
{
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t bytes[80];
		size_t len = rnd(sizeof bytes);

		for (size_t b = 0; b < len; b++)
			bytes[b] = (uint8_t)rnd(256);
		if (len > 4 && i % 2) {		/* a short Length, so that more gets further */
			bytes[2] &= 0xfc;
			bytes[3] &= 0x0f;
		}
		decode_all(bytes, len);
	}
}

TEST(Codec, WhatUnpacksPacksToTheSameBytesButReservedBits)
{
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t bytes[32], out[32];
		struct tlpb_tlp a, b;
		int len;

		for (size_t n = 0; n < sizeof bytes; n++)
			bytes[n] = (uint8_t)rnd(256);
		bytes[2] &= 0xfc;
		bytes[3] &= 0x03;
		if (tlpb_tlp_unpack(bytes, sizeof bytes, &a))
			continue;
		len = tlpb_tlp_pack(&a, out, sizeof out);
		ASSERT_GT(len, 0);
		ASSERT_EQ(tlpb_tlp_unpack(out, (size_t)len, &b), 0);
		expect_same(&a, &b);
	}
}

TEST(Codec, TextNeverOverrunsAndCountsAsSnprintf)
{
	struct tlpb_tlp tlp = random_tlp(TLPB_MWR, true);
	char whole[512], part[512];
	int len = tlpb_tlp_text(&tlp, whole, sizeof whole);

	EXPECT_EQ(strlen(whole), len);
	for (size_t size = 0; size <= (size_t)len + 1; size++) {
		char *exact = malloc(size ? size : 1);

		EXPECT_EQ(tlpb_tlp_text(&tlp, exact, size), len);
		snprintf(part, size ? size : 1, "%s", whole);
		if (size)
			EXPECT_STREQ(exact, part);
		free(exact);
	}
}

TEST(Codec, TextSaysWhatAPersonWantsToKnow)
{
	struct tlpb_tlp tlp = plain(TLPB_MRD, 1);
	char text[256];

	tlp.address = 0xfebf1000;
	tlp.tag = 10;
	tlpb_tlp_text(&tlp, text, sizeof text);
	EXPECT_STREQ(text, "MRd 0xfebf1000 4 bytes, req 00:00.0 tag 10");
	tlp.first_be = 0xc;
	tlpb_tlp_text(&tlp, text, sizeof text);
	EXPECT_STREQ(text, "MRd 0xfebf1002 2 bytes, req 00:00.0 tag 10");

	tlp = plain(TLPB_CFGWR0, 1);
	tlp.dest_id = 0x0108;
	tlp.reg_offset = 0x100;
	tlpb_tlp_text(&tlp, text, sizeof text);
	EXPECT_STREQ(text, "CfgWr0 01:01.0 reg 0x100 4 bytes, req 00:00.0 tag 0, data 030a1118");

	tlp = plain(TLPB_CPL, 0);
	tlp.status = TLPB_CPL_UR;
	tlpb_tlp_text(&tlp, text, sizeof text);
	EXPECT_STREQ(text, "Cpl UR count 4 lower 0x00, cpl 00:00.0 req 00:00.0 tag 0");

	tlp = plain(TLPB_MSG, 0);
	tlp.message_code = TLPB_MSG_ASSERT_INTA + 1;
	tlp.routing = TLPB_ROUTE_LOCAL;
	tlpb_tlp_text(&tlp, text, sizeof text);
	EXPECT_STREQ(text, "Msg Assert_INTB local, req 00:00.0 tag 0");
}

TEST(Codec, CompletionStatusHasAName)
{
	EXPECT_STREQ(tlpb_cpl_status_name(TLPB_CPL_SC), "SC");
	EXPECT_STREQ(tlpb_cpl_status_name(TLPB_CPL_CA), "CA");
	EXPECT_STREQ(tlpb_cpl_status_name(3), "reserved");
	EXPECT_STREQ(tlpb_cpl_status_name(7), "reserved");
}

TEST(Ecrc, IgnoresLocalPrefixesAndVariantBits)
{
	struct tlpb_tlp tlp = plain(TLPB_CFGRD0, 1);
	uint8_t bytes[64];
	int len;
	uint32_t ecrc;

	tlp.td = true;
	len = tlpb_tlp_pack(&tlp, bytes, sizeof bytes);
	ecrc = tlpb_tlp_ecrc(bytes, (size_t)len - 4);
	tlp.kind = TLPB_CFGRD1;
	tlp.ep = true;
	tlp.prefix[tlp.prefix_count++] = 0x80123456;
	len = tlpb_tlp_pack(&tlp, bytes, sizeof bytes);
	EXPECT_EQ(tlpb_tlp_ecrc(bytes, (size_t)len - 4), ecrc);
	tlp.prefix[tlp.prefix_count++] = 0x92000000;
	len = tlpb_tlp_pack(&tlp, bytes, sizeof bytes);
	EXPECT_NE(tlpb_tlp_ecrc(bytes, (size_t)len - 4), ecrc);
}

/* Rules: what is meant by each, and the nearest TLP that is still well formed. */

static enum tlpb_rule check_at(const struct tlpb_tlp *tlp, size_t mps)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	ASSERT_GT(len, 0);
	return tlpb_tlp_check(bytes, (size_t)len, mps);
}

static enum tlpb_rule check(const struct tlpb_tlp *tlp)
{
	return check_at(tlp, 4096);
}

TEST(Rules, PlainTlpsOfEveryKindAreWellFormed)
{
	for (unsigned k = 0; k < TLPB_TLP_KINDS; k++) {
		struct tlpb_tlp tlp = plain((enum tlpb_tlp_kind)k, k == TLPB_CAS ? 2 : 1);

		EXPECT_STREQ(tlpb_rule_name(check(&tlp)), "");
	}
}

TEST(Rules, SizeIsHeaderDataAndDigestNoMoreNoLess)
{
	struct tlpb_tlp tlp = plain(TLPB_MWR, 2);
	uint8_t bytes[64] = { 0 };
	size_t len = (size_t)tlpb_tlp_pack(&tlp, bytes, sizeof bytes);

	EXPECT_EQ(tlpb_tlp_check(bytes, len, 4096), TLPB_RULE_NONE);
	EXPECT_EQ(tlpb_tlp_check(bytes, len - 1, 4096), TLPB_RULE_SIZE_MISMATCH);
	EXPECT_EQ(tlpb_tlp_check(bytes, len + 1, 4096), TLPB_RULE_SIZE_MISMATCH);
	EXPECT_EQ(tlpb_tlp_check(bytes, len + 4, 4096), TLPB_RULE_SIZE_MISMATCH);
	bytes[2] |= 0x80;	/* TD */
	EXPECT_EQ(tlpb_tlp_check(bytes, len, 4096), TLPB_RULE_SIZE_MISMATCH);
	EXPECT_EQ(tlpb_tlp_check(bytes, len + 4, 4096), TLPB_RULE_NONE);
}

TEST(Rules, PrefixesAreFourAtMostAndLocalOnesFirst)
{
	uint8_t bytes[5 * 4 + 12] = { 0x80, 0, 0, 0, 0x81, 0, 0, 0, 0x92, 0, 0, 0, 0x91, 0, 0, 0,
				      0, 0, 0, 1, 0, 0, 0, 15 };

	EXPECT_EQ(tlpb_tlp_check(bytes, 28, 4096), TLPB_RULE_NONE);
	bytes[4] = 0x99;
	EXPECT_EQ(tlpb_tlp_check(bytes, 28, 4096), TLPB_RULE_NONE);
	bytes[8] = 0x82;
	EXPECT_EQ(tlpb_tlp_check(bytes, 28, 4096), TLPB_RULE_UNDEFINED_FMT_TYPE);
	bytes[4] = 0x81;
	bytes[16] = 0x93;
	EXPECT_EQ(tlpb_tlp_check(bytes, 28, 4096), TLPB_RULE_TRUNCATED);
	EXPECT_EQ(tlpb_tlp_check(bytes, 32, 4096), TLPB_RULE_UNDEFINED_FMT_TYPE);
}

TEST(Rules, MpsLimitsDataOfEveryKindButNotReads)
{
	static const enum tlpb_tlp_kind kinds[] = { TLPB_MWR, TLPB_DMWR, TLPB_MSGD, TLPB_CPLD,
						    TLPB_CPLDLK };

	for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct tlpb_tlp fits = plain(kinds[i], 64), exceeds = plain(kinds[i], 65);

		EXPECT_EQ(check_at(&fits, 256), TLPB_RULE_NONE);
		EXPECT_EQ(check_at(&exceeds, 256), TLPB_RULE_MPS_EXCEEDED);
	}
	struct tlpb_tlp read = plain(TLPB_MRD, 1024);

	EXPECT_EQ(check_at(&read, 128), TLPB_RULE_NONE);
}

TEST(Rules, MemoryRequestsEndAtThePageButOthersMayNot)
{
	struct tlpb_tlp read = plain(TLPB_MRDLK, 2), cas = plain(TLPB_CAS, 8);
	struct tlpb_tlp add = plain(TLPB_FETCHADD, 2);

	read.address = 0x1ff8;
	EXPECT_EQ(check(&read), TLPB_RULE_NONE);
	read.address = 0x1ffc;
	EXPECT_EQ(check(&read), TLPB_RULE_CROSSES_4K);
	read = plain(TLPB_MWR, 1024);
	read.hdr_4dw = true;
	read.address = ~0xfffull;
	EXPECT_EQ(check(&read), TLPB_RULE_NONE);
	read.address += 4;
	EXPECT_EQ(check(&read), TLPB_RULE_CROSSES_4K);
	cas.address = 0xff0;	/* 32 bytes of data, but 16 bytes of memory */
	EXPECT_EQ(check(&cas), TLPB_RULE_NONE);
	add.address = 0xffc;
	EXPECT_EQ(check(&add), TLPB_RULE_CROSSES_4K);
}

static enum tlpb_rule check_be(unsigned length_dw, uint64_t address, unsigned first, unsigned last)
{
	struct tlpb_tlp tlp = plain(TLPB_MWR, length_dw);

	tlp.address = address;
	tlp.first_be = (uint8_t)first;
	tlp.last_be = (uint8_t)last;
	return check(&tlp);
}

TEST(Rules, OneDwTakesAnyFirstByteEnableAndNoLast)
{
	for (unsigned be = 0; be < 16; be++) {
		EXPECT_EQ(check_be(1, 4, be, 0), TLPB_RULE_NONE);
		if (be)
			EXPECT_EQ(check_be(1, 4, 15, be), TLPB_RULE_BYTE_ENABLES);
	}
}

TEST(Rules, TwoDwTakeHolesOnlyOnAQuadword)
{
	for (unsigned first = 0; first < 16; first++) {
		for (unsigned last = 0; last < 16; last++) {
			bool none = !first || !last;
			bool holes = !strchr("\x8\xc\xe\xf", (int)first) ||
				     !strchr("\x1\x3\x7\xf", (int)last);

			EXPECT_EQ(check_be(2, 8, first, last),
				  none ? TLPB_RULE_BYTE_ENABLES : TLPB_RULE_NONE);
			EXPECT_EQ(check_be(2, 4, first, last),
				  none || holes ? TLPB_RULE_BYTE_ENABLES : TLPB_RULE_NONE);
			EXPECT_EQ(check_be(3, 8, first, last),
				  none || holes ? TLPB_RULE_BYTE_ENABLES : TLPB_RULE_NONE);
		}
	}
}

TEST(Rules, AReadWithHintsHasASteeringTagForByteEnables)
{
	struct tlpb_tlp tlp = plain(TLPB_MRD, 4);

	tlp.first_be = 0;
	tlp.last_be = 5;
	EXPECT_EQ(check(&tlp), TLPB_RULE_BYTE_ENABLES);
	tlp.th = true;
	EXPECT_EQ(check(&tlp), TLPB_RULE_NONE);
	tlp = plain(TLPB_MWR, 4);	/* a write has it in the tag */
	tlp.th = true;
	tlp.last_be = 5;
	EXPECT_EQ(check(&tlp), TLPB_RULE_BYTE_ENABLES);
}

TEST(Rules, ConfigAndIoAreOneDwOfTc0)
{
	for (unsigned k = TLPB_IORD; k <= TLPB_CFGWR1; k++) {
		struct tlpb_tlp tlp = plain((enum tlpb_tlp_kind)k, 2);

		tlp.tc = 1;
		EXPECT_EQ(check(&tlp), TLPB_RULE_CFG_IO_LENGTH);
		tlp = plain((enum tlpb_tlp_kind)k, 1);
		tlp.tc = 1;
		tlp.last_be = 1;
		EXPECT_EQ(check(&tlp), TLPB_RULE_CFG_IO_TC);
		tlp.tc = 0;
		EXPECT_EQ(check(&tlp), TLPB_RULE_CFG_IO_LAST_BE);
		tlp.last_be = 0;
		tlp.first_be = 5;
		EXPECT_EQ(check(&tlp), TLPB_RULE_NONE);
	}
}

/* Bit n of routings: routing n is legal. */
static void expect_message(uint8_t code, unsigned routings, bool tc0)
{
	for (unsigned routing = 0; routing < 8; routing++) {
		struct tlpb_tlp tlp = plain(TLPB_MSG, 0);

		tlp.message_code = code;
		tlp.routing = (uint8_t)routing;
		if (check(&tlp) != (routings >> routing & 1 ? TLPB_RULE_NONE : TLPB_RULE_MSG_ROUTING))
			FAIL("message %02x routing %u: %s", code, routing,
			     tlpb_rule_name(check(&tlp)));
		tlp.tc = 7;
		EXPECT_EQ(check(&tlp) == TLPB_RULE_MSG_TC, tc0);
	}
}

TEST(Rules, MessagesHaveTheirRoutingAndTrafficClass)
{
	expect_message(TLPB_MSG_UNLOCK, 1 << 3, true);
	expect_message(TLPB_MSG_LTR, 1 << 4, true);
	expect_message(TLPB_MSG_PM_PME, 1 << 0, true);
	expect_message(TLPB_MSG_PME_TURN_OFF, 1 << 3, true);
	expect_message(TLPB_MSG_PME_TO_ACK, 1 << 5, true);
	for (uint8_t code = TLPB_MSG_ASSERT_INTA; code < TLPB_MSG_ASSERT_INTA + 8; code++)
		expect_message(code, 1 << 4, true);
	expect_message(TLPB_MSG_ERR_COR, 1 << 0, true);
	expect_message(TLPB_MSG_ERR_NONFATAL, 1 << 0, true);
	expect_message(TLPB_MSG_ERR_FATAL, 1 << 0, true);
	expect_message(TLPB_MSG_SET_SLOT_POWER_LIMIT, 1 << 4, true);
	expect_message(0x12, 1 << 4, true);	/* OBFF */
	expect_message(0x14, 1 << 4, true);	/* PM_Active_State_Nak */
	expect_message(0x52, 1 << 4, true);	/* PTM */
	expect_message(0x53, 1 << 4, true);
	expect_message(0x11, 0x3f, false);
	expect_message(0x13, 0x3f, false);
	expect_message(0x15, 0x3f, false);
	expect_message(0x51, 0x3f, false);
	expect_message(0x54, 0x3f, false);
	expect_message(TLPB_MSG_VENDOR_TYPE0, 0x1d, false);
	expect_message(TLPB_MSG_VENDOR_TYPE1, 0x1d, false);
	expect_message(0x32, 0x3f, false);	/* not an ERR message */
	expect_message(0xff, 0x3f, false);
}

TEST(Rules, AtomicsAreOneOperandOrForCasTwo)
{
	for (unsigned dw = 1; dw <= 16; dw++) {
		struct tlpb_tlp add = plain(TLPB_FETCHADD, dw), swap = plain(TLPB_SWAP, dw);
		struct tlpb_tlp cas = plain(TLPB_CAS, dw);

		EXPECT_EQ(check(&add) == TLPB_RULE_NONE, dw <= 2);
		EXPECT_EQ(check(&swap) == TLPB_RULE_NONE, dw <= 2);
		EXPECT_EQ(check(&cas) == TLPB_RULE_NONE, dw == 2 || dw == 4 || dw == 8);
		if (dw == 3)
			EXPECT_EQ(check(&cas), TLPB_RULE_ATOMIC_LENGTH);
	}
}

TEST(Rules, AtomicsAreAlignedToTheirOperand)
{
	for (unsigned dw = 2; dw <= 8; dw *= 2) {
		for (uint64_t address = 0; address < 64; address += 4) {
			struct tlpb_tlp cas = plain(TLPB_CAS, dw);

			cas.address = address;
			EXPECT_EQ(check(&cas), address % (2 * dw) ? TLPB_RULE_ATOMIC_ALIGNMENT
								  : TLPB_RULE_NONE);
		}
	}
}

/* Splitting covers exactly the range; each piece obeys its limits. */

TEST(Split, RequestsCoverTheRangeWithinLimitAndPage)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t addr = rnd(1ull << 40), end;
		size_t len = 1 + rnd(20000), limit = (size_t)128 << rnd(6);

		for (end = addr + len; addr < end;) {
			size_t n = tlpb_next_request(addr, end - addr, limit);

			ASSERT_GT(n, 0);
			ASSERT_LE(n, end - addr);
			ASSERT_EQ(addr / 4096, (addr + n - 1) / 4096);
			ASSERT_LE(4u * tlpb_extent(addr, n).length_dw, limit);
			addr += n;
		}
	}
}

TEST(Split, CompletionsEndOnTheReadCompletionBoundary)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t addr = rnd(1ull << 40), end;
		size_t rcb = rnd(2) ? 64 : 128, mps = (size_t)128 << rnd(6);
		size_t len = 1 + rnd(4096 - addr % 4096);

		for (end = addr + len; addr < end;) {
			size_t n = tlpb_next_completion(addr, end - addr, mps, rcb);

			ASSERT_GT(n, 0);
			ASSERT_LE(n, end - addr);
			ASSERT_LE(4u * tlpb_extent(addr, n).length_dw, mps);
			ASSERT_TRUE(addr + n == end || (addr + n) % rcb == 0);
			addr += n;
		}
	}
}

TEST(Split, AsMuchAsFits)
{
	EXPECT_EQ(tlpb_next_completion(0x1004, 128, 128, 64), 128);	/* the last need not end there */
	EXPECT_EQ(tlpb_next_completion(0x1004, 129, 128, 64), 124);
	EXPECT_EQ(tlpb_next_completion(0x1005, 127, 128, 64), 127);
	EXPECT_EQ(tlpb_next_completion(0x1005, 128, 128, 64), 123);
	EXPECT_EQ(tlpb_next_completion(0x1040, 256, 128, 128), 64);
	EXPECT_EQ(tlpb_next_completion(0x1040, 256, 256, 128), 256);
	EXPECT_EQ(tlpb_next_request(0x1001, 200, 128), 127);
	EXPECT_EQ(tlpb_next_request(0x1000, 128, 128), 128);
	EXPECT_EQ(tlpb_next_request(0x1fc1, 200, 128), 63);
}

TEST(Split, AlwaysMakesProgressWithSenselessLimits)
{
	for (size_t limit = 0; limit < 40; limit++) {
		for (uint64_t addr = 0; addr < 8; addr++) {
			EXPECT_GT(tlpb_next_request(addr, 100, limit), 0);
			EXPECT_GT(tlpb_next_completion(addr, 100, limit, 64), 0);
			EXPECT_GT(tlpb_next_completion(addr, 100, limit, 0), 0);
		}
	}
	EXPECT_EQ(tlpb_next_request(5, 0, 128), 0);
	EXPECT_EQ(tlpb_next_completion(5, 0, 128, 64), 0);
}

TEST(Split, ExtentAndByteCountAgreeForEveryRange)
{
	for (uint64_t addr = 0; addr < 4; addr++) {
		for (size_t len = 1; addr + len <= 4096; len++) {
			struct tlpb_extent e = tlpb_extent(addr, len);

			ASSERT_EQ(e.length_dw, (addr + len + 3) / 4);
			ASSERT_EQ(tlpb_byte_count(e.length_dw, e.first_be, e.last_be), len);
			ASSERT_EQ(tlpb_first_byte(e.first_be), addr);
		}
	}
}
