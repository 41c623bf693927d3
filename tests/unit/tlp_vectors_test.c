/* SPDX-License-Identifier: MIT */
/*
 * The codec against vectors made by independent implementations.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tlpbridge/tlp.h>
#include "bytes.h"
#include "gtest.h"
#include "vectors.h"

static const struct field {
	const char *name;
	size_t offset, size;
} fields[] = {
#define FIELD(name, member) \
	{ name, offsetof(struct tlpb_tlp, member), sizeof ((struct tlpb_tlp *)0)->member }
	FIELD("tc", tc), FIELD("th", th), FIELD("td", td), FIELD("ep", ep),
	FIELD("attr_ido", ido), FIELD("attr_ro", ro), FIELD("attr_ns", ns), FIELD("at", at),
	FIELD("length_dw", length_dw), FIELD("tag", tag), FIELD("requester_id", requester_id),
	FIELD("first_be", first_be), FIELD("last_be", last_be), FIELD("address", address),
	FIELD("ph", ph), FIELD("dest_id", dest_id), FIELD("reg_offset", reg_offset),
	FIELD("routing", routing), FIELD("message_code", message_code), FIELD("dw2", dw2),
	FIELD("dw3", dw3), FIELD("completer_id", completer_id), FIELD("status", status),
	FIELD("bcm", bcm), FIELD("byte_count", byte_count),
	FIELD("lower_address", lower_address), FIELD("pasid", pasid), FIELD("priv", pasid_priv),
	FIELD("exec", pasid_exec),
#undef FIELD
};

static const struct field *field(const char *name)
{
	for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

/* Little-endian hosts only, as the rest of the tests. */
static uint64_t get(const struct tlpb_tlp *tlp, const struct field *f)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)tlp + f->offset, f->size);
	return value;
}

static void set(struct tlpb_tlp *tlp, const struct field *f, uint64_t value)
{
	memcpy((char *)tlp + f->offset, &value, f->size);
}

/* fmt, type, ext_reg and reg say once more what other fields say. */
static uint64_t derived(const struct tlpb_tlp *tlp, const uint8_t *bytes, const char *name)
{
	uint8_t byte0 = bytes[4 * tlp->prefix_count];

	if (!strcmp(name, "fmt"))
		return byte0 >> 5;
	if (!strcmp(name, "type"))
		return byte0 & 0x1f;
	if (!strcmp(name, "ext_reg"))
		return tlp->reg_offset >> 8;
	ASSERT_STREQ(name, "reg");
	return tlp->reg_offset >> 2 & 0x3f;
}

TEST(Vectors, DecodeGivesTheFields)
{
	const cJSON *vector, *item;

	cJSON_ArrayForEach(vector, vectors_group("vectors")) {
		struct tlpb_tlp tlp;
		size_t len;
		uint8_t *bytes = vectors_bytes(vectors_string(vector, "tlp_hex"), &len);

		gt_about(vectors_string(vector, "name"));
		EXPECT_EQ(tlpb_tlp_unpack(bytes, len, &tlp), 0);
		cJSON_ArrayForEach(item, cJSON_GetObjectItem(vector, "fields")) {
			const struct field *f = field(item->string);
			uint64_t want = vectors_number(cJSON_GetObjectItem(vector, "fields"), item->string);

			if ((f ? get(&tlp, f) : derived(&tlp, bytes, item->string)) != want)
				FAIL("%s is not %" PRIu64, item->string, want);
		}
		EXPECT_EQ(tlp.has_pasid, cJSON_HasObjectItem(cJSON_GetObjectItem(vector, "fields"),
							     "pasid"));
		free(bytes);
	}
}

TEST(Vectors, DecodeGivesPayloadAndDigest)
{
	const cJSON *vector;

	cJSON_ArrayForEach(vector, vectors_group("vectors")) {
		const char *payload = vectors_string(vector, "payload_hex"), *ecrc = vectors_string(vector, "ecrc");
		struct tlpb_tlp tlp;
		size_t len, want_len = 0;
		uint8_t *bytes = vectors_bytes(vectors_string(vector, "tlp_hex"), &len);
		uint8_t *want = payload ? vectors_bytes(payload, &want_len) : NULL;

		gt_about(vectors_string(vector, "name"));
		tlpb_tlp_unpack(bytes, len, &tlp);
		ASSERT_EQ(tlp.payload_len, want_len);
		EXPECT_MEMEQ(tlp.payload, want, want_len);
		if (ecrc) {
			EXPECT_EQ(tlp.ecrc, strtoul(ecrc, NULL, 16));
			EXPECT_EQ(tlpb_tlp_ecrc(bytes, len - 4), tlp.ecrc);
		}
		free(want);
		free(bytes);
	}
}

/* From the fields of the file alone; only what kind it is comes from the decoder. */
TEST(Vectors, EncodeOfTheFieldsGivesTheBytes)
{
	const cJSON *vector, *item;

	cJSON_ArrayForEach(vector, vectors_group("vectors")) {
		const cJSON *list = cJSON_GetObjectItem(vector, "fields");
		struct tlpb_tlp decoded, tlp = { 0 };
		uint8_t out[TLPB_MAX_TLP];
		size_t len;
		uint8_t *bytes = vectors_bytes(vectors_string(vector, "tlp_hex"), &len);

		gt_about(vectors_string(vector, "name"));
		tlpb_tlp_unpack(bytes, len, &decoded);
		tlp.kind = decoded.kind;
		tlp.hdr_4dw = vectors_number(list, "fmt") & 1;
		tlp.payload = decoded.payload;
		tlp.payload_len = decoded.payload_len;
		tlp.ecrc = decoded.ecrc;
		tlp.has_pasid = cJSON_GetObjectItem(list, "pasid") != NULL;
		cJSON_ArrayForEach(item, list)
			if (field(item->string))
				set(&tlp, field(item->string), vectors_number(list, item->string));
		ASSERT_EQ(tlpb_tlp_pack(&tlp, out, sizeof out), len);
		EXPECT_MEMEQ(out, bytes, len);
		free(bytes);
	}
}

TEST(Vectors, CreditsAreThose)
{
	static const char *const classes[] = { "P", "NP", "CPL" };
	const cJSON *vector;

	cJSON_ArrayForEach(vector, vectors_group("vectors")) {
		const cJSON *want = cJSON_GetObjectItem(vector, "credits");
		struct tlpb_credits credits;
		struct tlpb_tlp tlp;
		size_t len;
		uint8_t *bytes = vectors_bytes(vectors_string(vector, "tlp_hex"), &len);

		gt_about(vectors_string(vector, "name"));
		tlpb_tlp_unpack(bytes, len, &tlp);
		credits = tlpb_tlp_credits(&tlp);
		EXPECT_STREQ(classes[credits.cls], vectors_string(want, "cls"));
		EXPECT_EQ(credits.hdr, vectors_number(want, "hdr"));
		EXPECT_EQ(credits.data, vectors_number(want, "data"));
		free(bytes);
	}
}

TEST(Vectors, WellFormedOnesAreAccepted)
{
	const cJSON *vector;

	cJSON_ArrayForEach(vector, vectors_group("vectors")) {
		size_t len;
		uint8_t *bytes = vectors_bytes(vectors_string(vector, "tlp_hex"), &len);

		gt_about(vectors_string(vector, "name"));
		EXPECT_STREQ(tlpb_rule_name(tlpb_tlp_check(bytes, len, 4096)), "");
		free(bytes);
	}
}

/* What needs a state (BARs, tags) is well formed as far as the TLP itself goes. */
TEST(Vectors, MalformedOnesBreakTheirRule)
{
	const cJSON *vector;

	cJSON_ArrayForEach(vector, vectors_group("negative")) {
		bool stateless = vectors_number(vector, "stateless");
		size_t len;
		uint8_t *bytes = vectors_bytes(vectors_string(vector, "tlp_hex"), &len);

		gt_about(vectors_string(vector, "name"));
		EXPECT_STREQ(tlpb_rule_name(tlpb_tlp_check(bytes, len, 128)),
			     stateless ? vectors_string(vector, "rule_id") : "");
		free(bytes);
	}
}

TEST(Vectors, OffsetAndLengthGiveByteEnables)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, vectors_group("be_table")) {
		struct tlpb_extent e = tlpb_extent(0x1000 + vectors_number(row, "offset"),
						   vectors_number(row, "length"));

		EXPECT_EQ(e.length_dw, vectors_number(row, "length_dw"));
		EXPECT_EQ(e.first_be, vectors_number(row, "first_be"));
		EXPECT_EQ(e.last_be, vectors_number(row, "last_be"));
		EXPECT_EQ(tlpb_byte_count(e.length_dw, e.first_be, e.last_be),
			  vectors_number(row, "byte_count"));
		EXPECT_EQ(tlpb_first_byte(e.first_be), vectors_number(row, "lower_addr_1_0"));
	}
}

TEST(Vectors, ByteEnablesOfOneDwGiveTheByteCount)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, vectors_group("byte_count_1dw")) {
		uint8_t first_be = (uint8_t)vectors_number(row, "first_be");

		EXPECT_EQ(tlpb_byte_count(1, first_be, 0), vectors_number(row, "byte_count"));
		EXPECT_EQ(tlpb_first_byte(first_be), vectors_number(row, "lower_addr_1_0"));
	}
}

/* Header DWs, as the file writes them, to bytes. */
static size_t header_bytes(const cJSON *dws, uint8_t *bytes)
{
	const cJSON *dw;
	size_t len = 0;

	cJSON_ArrayForEach(dw, dws) {
		put_be32(bytes + len, (uint32_t)strtoul(dw->valuestring, NULL, 16));
		len += 4;
	}
	return len;
}

/* The completer's side of a read: one completion for the bytes [addr, addr + n). */
static void answer(const struct tlpb_tlp *request, uint64_t addr, size_t n, size_t left,
		   const cJSON *want)
{
	static const uint8_t data[TLPB_MAX_PAYLOAD];
	struct tlpb_tlp cpl = {
		.kind = TLPB_CPLD,
		.length_dw = tlpb_extent(addr, n).length_dw,
		.tag = request->tag,
		.requester_id = request->requester_id,
		.byte_count = (uint16_t)left,
		.lower_address = addr & 0x7f,
		.payload = data,
	};
	uint8_t header[16], out[TLPB_MAX_TLP];
	size_t len = header_bytes(cJSON_GetObjectItem(want, "header_dw"), header);

	cpl.payload_len = 4u * cpl.length_dw;
	EXPECT_EQ(n, vectors_number(want, "valid_bytes"));
	EXPECT_EQ(cpl.length_dw, vectors_number(want, "length_dw"));
	EXPECT_EQ(cpl.byte_count, vectors_number(want, "byte_count"));
	EXPECT_EQ(cpl.lower_address, vectors_number(want, "lower_address"));
	ASSERT_EQ(tlpb_tlp_pack(&cpl, out, sizeof out), len + cpl.payload_len);
	EXPECT_MEMEQ(out, header, len);
}

TEST(Vectors, ReadsAreAnsweredByTheseCompletions)
{
	const cJSON *split, *want;

	cJSON_ArrayForEach(split, vectors_group("completion_splits")) {
		uint64_t addr = vectors_number(split, "addr");
		size_t left = vectors_number(split, "length"), rcb = vectors_number(split, "rcb");
		size_t mps = vectors_number(split, "mps");
		bool every_rcb = vectors_number(split, "split_on_every_rcb");
		struct tlpb_extent extent = tlpb_extent(addr, left);
		struct tlpb_tlp request;
		uint8_t header[16];
		size_t len = header_bytes(cJSON_GetObjectItem(split, "request_header_dw"), header);

		gt_about(vectors_string(split, "addr"));
		ASSERT_EQ(tlpb_tlp_unpack(header, len, &request), 0);
		EXPECT_EQ(request.address, addr & ~(uint64_t)3);
		EXPECT_EQ(request.length_dw, extent.length_dw);
		EXPECT_EQ(request.first_be, extent.first_be);
		EXPECT_EQ(request.last_be, extent.last_be);
		EXPECT_EQ(tlpb_byte_count(request.length_dw, request.first_be, request.last_be),
			  left);
		cJSON_ArrayForEach(want, cJSON_GetObjectItem(split, "completions")) {
			/* A completer may stop at each boundary: it has no more at hand. */
			size_t to_rcb = rcb - addr % rcb;
			size_t at_hand = every_rcb && to_rcb < left ? to_rcb : left;
			size_t n = tlpb_next_completion(addr, at_hand, mps, rcb);

			answer(&request, addr, n, left, want);
			addr += n;
			left -= n;
		}
		EXPECT_EQ(left, 0);
	}
}
