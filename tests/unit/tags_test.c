/* SPDX-License-Identifier: MIT */
/* Tags and the reassembly of completions, also over the vectors' splits. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "gtest.h"
#include "tags.h"

static struct tags tags;

/* What the done callbacks said. */
static struct {
	unsigned calls;
	int err;
	size_t got;
	uint64_t next_address;
	struct tlpb_tlp *again;		/* sent again from within the callback */
	unsigned again_tag;
} seen;

static void on_done(void *arg, const struct tags_request *request, int err)
{
	seen.calls++;
	seen.err = err;
	seen.got = request->got;
	seen.next_address = tlpb__tags_next_address(request);
	if (!seen.again)
		return;
	EXPECT_EQ(tlpb__tags_begin(&tags, seen.again, NULL, 0, on_done, NULL), 0);
	seen.again_tag = seen.again->tag;
	seen.again = NULL;
}

static void setup(unsigned limit)
{
	memset(&tags, 0, sizeof tags);
	tlpb__tags_init(&tags, limit);
	memset(&seen, 0, sizeof seen);
}

static struct tlpb_tlp read_tlp(uint64_t addr, size_t len)
{
	struct tlpb_extent e = tlpb_extent(addr, len);

	return (struct tlpb_tlp){
		.kind = TLPB_MRD, .address = addr & ~3ull, .length_dw = e.length_dw,
		.first_be = e.first_be, .last_be = e.last_be, .requester_id = 0x100,
	};
}

static int begin(struct tlpb_tlp *tlp, void *buf, size_t len)
{
	return tlpb__tags_begin(&tags, tlp, buf, len, on_done, NULL);
}

/* Memory as in the vectors: the byte at address a is 7a+3. */
static uint8_t memory_at(uint64_t addr)
{
	return (uint8_t)(7 * addr + 3);
}

static struct tlpb_tlp completion(const struct tlpb_tlp *request, unsigned status)
{
	return (struct tlpb_tlp){
		.kind = TLPB_CPL, .tag = request->tag, .requester_id = request->requester_id,
		.status = (uint8_t)status, .byte_count = 4,
	};
}

/* n bytes at addr, of left; payload lies in a buffer of exactly its size. */
static struct tlpb_tlp data_completion(const struct tlpb_tlp *request, uint64_t addr, size_t n,
				       unsigned left)
{
	struct tlpb_tlp c = completion(request, TLPB_CPL_SC);
	size_t lead = addr & 3;
	uint8_t *payload;

	c.kind = TLPB_CPLD;
	c.length_dw = (uint16_t)((lead + n + 3) / 4);
	c.byte_count = (uint16_t)left;
	c.lower_address = addr & 0x7f;
	c.payload_len = 4u * c.length_dw;
	payload = malloc(c.payload_len);
	for (size_t i = 0; i < c.payload_len; i++)
		payload[i] = memory_at((addr & ~3ull) + i);
	c.payload = payload;
	return c;
}

static int deliver(struct tlpb_tlp c)
{
	int err = tlpb__tags_complete(&tags, &c);

	free((void *)c.payload);
	return err;
}

/* ---- allocation ---- */

static void expect_all_tags(unsigned limit)
{
	bool taken[TAGS_MAX] = { false };
	struct tlpb_tlp tlp = read_tlp(0x1000, 4);

	setup(limit);
	for (unsigned i = 0; i < limit; i++) {
		ASSERT_EQ(begin(&tlp, NULL, 4), 0);
		ASSERT_LT(tlp.tag, limit);
		EXPECT_FALSE(taken[tlp.tag]);
		taken[tlp.tag] = true;
	}
	EXPECT_EQ(begin(&tlp, NULL, 4), TLPB_ERR_AGAIN);
	EXPECT_EQ(tags.used, limit);
}

TEST(Tags, ThirtyTwoWithoutExtendedTags)
{
	expect_all_tags(32);
}

TEST(Tags, TwoHundredAndFiftySixWithExtendedTags)
{
	expect_all_tags(256);
}

TEST(Tags, ATagComesFreeWithItsCompletion)
{
	struct tlpb_tlp tlp = read_tlp(0x1000, 4), first;

	expect_all_tags(32);
	first = tlp;
	first.tag = 17;
	EXPECT_EQ(deliver(completion(&first, TLPB_CPL_UR)), 0);
	EXPECT_EQ(begin(&tlp, NULL, 4), 0);
	EXPECT_EQ(tlp.tag, 17);
	EXPECT_EQ(begin(&tlp, NULL, 4), TLPB_ERR_AGAIN);
}

TEST(Tags, ALoweredLimitHoldsWhileHigherTagsAreInUse)
{
	struct tlpb_tlp tlp = read_tlp(0x1000, 4), high = tlp;

	setup(256);
	for (unsigned i = 0; i < 100; i++)
		ASSERT_EQ(begin(&tlp, NULL, 4), 0);
	tags.limit = 32;
	EXPECT_EQ(begin(&tlp, NULL, 4), TLPB_ERR_AGAIN);
	high.tag = 5;
	EXPECT_EQ(deliver(completion(&high, TLPB_CPL_UR)), 0);
	EXPECT_EQ(begin(&tlp, NULL, 4), 0);
	EXPECT_EQ(tlp.tag, 5);
	high.tag = 99;		/* one above the limit comes free: not for us */
	EXPECT_EQ(deliver(completion(&high, TLPB_CPL_UR)), 0);
	EXPECT_EQ(begin(&tlp, NULL, 4), TLPB_ERR_AGAIN);
}

TEST(Tags, ReuseIsSpread)
{
	struct tlpb_tlp tlp = read_tlp(0x1000, 4);
	unsigned last = 0;

	setup(32);
	for (unsigned i = 0; i < 100; i++) {
		ASSERT_EQ(begin(&tlp, NULL, 4), 0);
		if (i)
			EXPECT_EQ(tlp.tag, (last + 1) % 32);
		last = tlp.tag;
		ASSERT_EQ(deliver(completion(&tlp, TLPB_CPL_UR)), 0);
	}
	EXPECT_EQ(tags.used, 0);
}

TEST(Tags, ATagMayBeTakenAgainFromWithinItsDone)
{
	struct tlpb_tlp tlp = read_tlp(0x1000, 4), again = tlp;

	setup(1);		/* so that it must be the same one */
	ASSERT_EQ(begin(&tlp, NULL, 4), 0);
	seen.again = &again;
	EXPECT_EQ(deliver(completion(&tlp, TLPB_CPL_UR)), 0);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(seen.again_tag, tlp.tag);
	EXPECT_EQ(tags.used, 1);
	EXPECT_EQ(deliver(completion(&again, TLPB_CPL_CA)), 0);
	EXPECT_EQ(seen.calls, 2);
	EXPECT_EQ(seen.err, TLPB_ERR_ABORTED);
	EXPECT_EQ(tags.used, 0);
}

/* ---- reassembly ---- */

static cJSON *load_vectors(void)
{
	FILE *in = fopen(TLPB_VECTORS, "r");
	char *text = NULL;
	size_t size = 0;
	cJSON *root;

	ASSERT_NOT_NULL(in);
	ASSERT_GT(getdelim(&text, &size, 0, in), 0);
	fclose(in);
	root = cJSON_Parse(text);
	free(text);
	ASSERT_NOT_NULL(root);
	return root;
}

static double number(const cJSON *object, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItem(object, name));
}

static void reassemble(const cJSON *split)
{
	uint64_t addr = strtoull(cJSON_GetStringValue(cJSON_GetObjectItem(split, "addr")), NULL, 16);
	size_t len = (size_t)number(split, "length"), done = 0;
	const cJSON *piece, *pieces = cJSON_GetObjectItem(split, "completions");
	struct tlpb_tlp tlp = read_tlp(addr, len);
	uint8_t *buf = malloc(len);		/* exactly: no byte more may be written */
	unsigned left = (unsigned)cJSON_GetArraySize(pieces);

	ASSERT_EQ(begin(&tlp, buf, len), 0);
	cJSON_ArrayForEach(piece, pieces) {
		struct tlpb_tlp c = data_completion(&tlp, addr + done,
						    (size_t)number(piece, "valid_bytes"),
						    (unsigned)number(piece, "byte_count"));

		EXPECT_EQ(c.length_dw, number(piece, "length_dw"));
		EXPECT_EQ(c.lower_address, number(piece, "lower_address"));
		EXPECT_EQ(seen.calls, 0);
		EXPECT_EQ(deliver(c), 0);
		done += (size_t)number(piece, "valid_bytes");
		left--;
	}
	EXPECT_EQ(left, 0);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(seen.err, 0);
	EXPECT_EQ(seen.got, len);
	for (size_t i = 0; i < len; i++)
		ASSERT_EQ(buf[i], memory_at(addr + i));
	free(buf);
}

TEST(Tags, EverySplitOfTheVectorsIsPutTogether)
{
	cJSON *root = load_vectors();
	const cJSON *split;

	cJSON_ArrayForEach(split, cJSON_GetObjectItem(root, "completion_splits")) {
		setup(32);
		reassemble(split);
	}
	cJSON_Delete(root);
}

TEST(Tags, ReadsOfDifferentTagsMayInterleave)
{
	uint8_t a[256], b[256];
	struct tlpb_tlp first = read_tlp(0x1000, 256), second = read_tlp(0x2000, 256);

	setup(32);
	ASSERT_EQ(begin(&first, a, 256), 0);
	ASSERT_EQ(begin(&second, b, 256), 0);
	EXPECT_EQ(deliver(data_completion(&second, 0x2000, 128, 256)), 0);
	EXPECT_EQ(deliver(data_completion(&first, 0x1000, 192, 256)), 0);
	EXPECT_EQ(deliver(data_completion(&first, 0x10c0, 64, 64)), 0);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(deliver(data_completion(&second, 0x2080, 128, 128)), 0);
	EXPECT_EQ(seen.calls, 2);
	EXPECT_EQ(a[255], memory_at(0x10ff));
	EXPECT_EQ(b[255], memory_at(0x20ff));
}

TEST(Tags, AFlushIsCompletedByOneByteThatNobodyWants)
{
	struct tlpb_tlp tlp = read_tlp(0x1004, 0);

	setup(32);
	ASSERT_EQ(begin(&tlp, NULL, 0), 0);
	EXPECT_EQ(deliver(data_completion(&tlp, 0x1004, 1, 1)), 0);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(seen.err, 0);
	EXPECT_EQ(seen.got, 0);
}

TEST(Tags, ARegisterReadTakesTheBytesThatWereEnabled)
{
	struct tlpb_tlp tlp = { .kind = TLPB_CFGRD0, .length_dw = 1, .first_be = 0xc };
	static const uint8_t dw[4] = { 1, 2, 3, 4 };
	struct tlpb_tlp c;
	uint8_t buf[2];

	setup(32);
	ASSERT_EQ(begin(&tlp, buf, 2), 0);
	c = completion(&tlp, TLPB_CPL_SC);
	c.kind = TLPB_CPLD;
	c.length_dw = 1;
	c.payload = dw;
	c.payload_len = 4;
	EXPECT_EQ(tlpb__tags_complete(&tags, &c), 0);
	EXPECT_EQ(seen.err, 0);
	EXPECT_EQ(buf[0], 3);
	EXPECT_EQ(buf[1], 4);
}

TEST(Tags, AnIoWriteIsCompletedWithoutData)
{
	struct tlpb_tlp tlp = { .kind = TLPB_IOWR, .length_dw = 1, .first_be = 0xf };

	setup(32);
	ASSERT_EQ(begin(&tlp, NULL, 0), 0);
	EXPECT_EQ(deliver(completion(&tlp, TLPB_CPL_SC)), 0);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(seen.err, 0);
}

/* ---- AtomicOps: the old value, in one completion ---- */

static struct tlpb_tlp atomic_completion(const struct tlpb_tlp *request, size_t operand)
{
	return data_completion(request, 0, operand, (unsigned)operand);
}

static void expect_old_value(enum tlpb_tlp_kind kind, size_t operand)
{
	struct tlpb_tlp tlp = { .kind = kind, .address = 0x1000, .requester_id = 0x100, .first_be = 0xf,
				.length_dw = (uint16_t)(operand / 4 * (kind == TLPB_CAS ? 2 : 1)) };
	uint8_t old[16] = { 0 };

	setup(32);
	ASSERT_EQ(begin(&tlp, old, operand), 0);
	EXPECT_EQ(deliver(atomic_completion(&tlp, operand)), 0);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(seen.err, 0);
	EXPECT_EQ(seen.got, operand);
	for (size_t i = 0; i < operand; i++)
		EXPECT_EQ(old[i], memory_at(i));
}

TEST(Tags, AnAtomicOfAnyKindGivesTheOldValueOfItsOperand)
{
	expect_old_value(TLPB_FETCHADD, 4);
	expect_old_value(TLPB_FETCHADD, 8);
	expect_old_value(TLPB_SWAP, 4);
	expect_old_value(TLPB_SWAP, 8);
	expect_old_value(TLPB_CAS, 4);
	expect_old_value(TLPB_CAS, 16);
}

static void expect_refused_operand(void (*spoil)(struct tlpb_tlp *c))
{
	struct tlpb_tlp tlp = { .kind = TLPB_SWAP, .address = 0x1000, .requester_id = 0x100,
				.first_be = 0xf, .length_dw = 2 };
	struct tlpb_tlp c;
	uint8_t old[8] = { 0 };

	setup(32);
	ASSERT_EQ(begin(&tlp, old, sizeof old), 0);
	c = atomic_completion(&tlp, sizeof old);
	spoil(&c);
	EXPECT_EQ(deliver(c), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(old[0], 0);
}

static void half_of_it(struct tlpb_tlp *c) { c->length_dw = 1; c->payload_len = 4; }
static void half_the_count(struct tlpb_tlp *c) { c->byte_count = 4; }
static void an_address(struct tlpb_tlp *c) { c->lower_address = 8; }
static void a_write(struct tlpb_tlp *c) { c->kind = TLPB_CPL; }

TEST(Tags, AnAtomicsCompletionHasAllOfTheOperandAndNoLowerAddress)
{
	expect_refused_operand(half_of_it);
	expect_refused_operand(half_the_count);
	expect_refused_operand(an_address);
	expect_refused_operand(a_write);
}

/* ---- what a completer does wrong ---- */

struct wrong {
	const char *what;
	void (*spoil)(struct tlpb_tlp *c);
	int err;
};

static void other_byte_count(struct tlpb_tlp *c) { c->byte_count--; }
static void larger_byte_count(struct tlpb_tlp *c) { c->byte_count++; }
static void other_lower_address(struct tlpb_tlp *c) { c->lower_address ^= 0x40; }
static void no_data(struct tlpb_tlp *c) { c->kind = TLPB_CPL; c->length_dw = 0; c->payload_len = 0; }
static void data_of_length_zero(struct tlpb_tlp *c) { c->length_dw = 0; c->payload_len = 0; }
static void locked(struct tlpb_tlp *c) { c->kind = TLPB_CPLDLK; }
static void poisoned(struct tlpb_tlp *c) { c->ep = true; }
static void unsupported(struct tlpb_tlp *c) { c->status = TLPB_CPL_UR; }
static void retry(struct tlpb_tlp *c) { c->status = TLPB_CPL_CRS; }
static void aborted(struct tlpb_tlp *c) { c->status = TLPB_CPL_CA; }
static void reserved(struct tlpb_tlp *c) { c->status = 7; }

static const struct wrong wrongs[] = {
	{ "byte count too small", other_byte_count, TLPB_ERR_PROTOCOL },
	{ "byte count too large", larger_byte_count, TLPB_ERR_PROTOCOL },
	{ "lower address", other_lower_address, TLPB_ERR_PROTOCOL },
	{ "no data", no_data, TLPB_ERR_PROTOCOL },
	{ "data of length 0", data_of_length_zero, TLPB_ERR_PROTOCOL },
	{ "locked", locked, TLPB_ERR_PROTOCOL },
	{ "poisoned", poisoned, TLPB_ERR_POISONED },
	{ "UR", unsupported, TLPB_ERR_UNSUPPORTED },
	{ "CRS", retry, TLPB_ERR_CRS },
	{ "CA", aborted, TLPB_ERR_ABORTED },
	{ "reserved status", reserved, TLPB_ERR_UNSUPPORTED },
};

TEST(Tags, PoisonedDataKeepTheTagUntilTheLastOfThemCame)
{
	struct tlpb_tlp tlp = read_tlp(0x1000, 256), c;
	uint8_t buf[256] = { 0 };

	setup(32);
	ASSERT_EQ(begin(&tlp, buf, 256), 0);
	EXPECT_EQ(deliver(data_completion(&tlp, 0x1000, 64, 256)), 0);
	c = data_completion(&tlp, 0x1040, 64, 192);
	c.ep = true;
	EXPECT_EQ(deliver(c), 0);
	EXPECT_EQ(seen.calls, 0);
	EXPECT_EQ(deliver(data_completion(&tlp, 0x1080, 128, 128)), 0);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(seen.err, TLPB_ERR_POISONED);
	EXPECT_EQ(seen.got, 64);
	EXPECT_EQ(seen.next_address, 0x1040);
	EXPECT_EQ(buf[0x3f], memory_at(0x103f));
	EXPECT_EQ(buf[0x40], 0);		/* no byte behind them is used either */
	EXPECT_EQ(buf[0xff], 0);
}

/* The second of two completions is the wrong one. */
TEST(Tags, AWrongCompletionEndsItsRequestWithTheBytesThatCame)
{
	for (unsigned i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		struct tlpb_tlp tlp = read_tlp(0x1000, 256), c;
		uint8_t buf[256];
		void *payload;

		gt_about(wrongs[i].what);
		setup(32);
		ASSERT_EQ(begin(&tlp, buf, 256), 0);
		EXPECT_EQ(deliver(data_completion(&tlp, 0x1000, 64, 256)), 0);
		c = data_completion(&tlp, 0x1040, 192, 192);
		payload = (void *)c.payload;
		wrongs[i].spoil(&c);
		EXPECT_EQ(tlpb__tags_complete(&tags, &c),
			  wrongs[i].err == TLPB_ERR_PROTOCOL ? TLPB_ERR_PROTOCOL : 0);
		free(payload);
		EXPECT_EQ(seen.calls, 1);
		EXPECT_EQ(seen.err, wrongs[i].err);
		EXPECT_EQ(seen.got, 64);
		EXPECT_EQ(seen.next_address, 0x1040);
		EXPECT_EQ(tags.used, 0);
	}
}

TEST(Tags, MoreDataThanAskedForIsRefused)
{
	struct tlpb_tlp tlp = read_tlp(0x1001, 2), c;
	uint8_t buf[2];

	setup(32);
	ASSERT_EQ(begin(&tlp, buf, 2), 0);
	c = data_completion(&tlp, 0x1001, 2, 2);
	free((void *)c.payload);
	c.length_dw = 2;
	c.payload = (const uint8_t[8]){ 0 };
	EXPECT_EQ(tlpb__tags_complete(&tags, &c), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(seen.err, TLPB_ERR_PROTOCOL);
}

TEST(Tags, ARegisterReadWantsOneDoubleword)
{
	struct tlpb_tlp tlp = { .kind = TLPB_IORD, .length_dw = 1, .first_be = 0xf }, c;
	uint8_t buf[4];

	setup(32);
	ASSERT_EQ(begin(&tlp, buf, 4), 0);
	c = data_completion(&tlp, 0, 8, 8);
	EXPECT_EQ(deliver(c), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(seen.err, TLPB_ERR_PROTOCOL);
}

TEST(Tags, ACompletionNobodyAskedForIsUnexpected)
{
	struct tlpb_tlp tlp = read_tlp(0x1000, 4), other;
	uint8_t buf[4];

	setup(32);
	other = tlp;
	for (unsigned tag = 0; tag < 1024; tag += 33) {
		other.tag = (uint16_t)tag;
		EXPECT_EQ(deliver(completion(&other, TLPB_CPL_SC)), TLPB_ERR_NOT_FOUND);
	}
	ASSERT_EQ(begin(&tlp, buf, 4), 0);
	other = tlp;
	other.requester_id ^= 8;
	EXPECT_EQ(deliver(data_completion(&other, 0x1000, 4, 4)), TLPB_ERR_NOT_FOUND);
	other = tlp;
	other.tag |= 256;	/* of 10 bits: not the same one */
	EXPECT_EQ(deliver(data_completion(&other, 0x1000, 4, 4)), TLPB_ERR_NOT_FOUND);
	EXPECT_EQ(seen.calls, 0);
	EXPECT_EQ(deliver(data_completion(&tlp, 0x1000, 4, 4)), 0);
	EXPECT_EQ(deliver(data_completion(&tlp, 0x1000, 4, 4)), TLPB_ERR_NOT_FOUND);	/* again */
	EXPECT_EQ(seen.calls, 1);
}

/* ---- the end of all ---- */

TEST(Tags, WithTheLinkGoneAllTagsAreFreeAtOnce)
{
	struct tlpb_tlp tlp = read_tlp(0x1000, 4);

	expect_all_tags(256);
	tlpb__tags_abort(&tags, TLPB_ERR_CLOSED, true);
	EXPECT_EQ(seen.calls, 256);
	EXPECT_EQ(seen.err, TLPB_ERR_CLOSED);
	EXPECT_EQ(tags.used, 0);
	EXPECT_EQ(begin(&tlp, NULL, 4), 0);
}

TEST(Tags, AfterAResetATagWaitsForItsLateCompletionAndWritesNothing)
{
	struct tlpb_tlp old = read_tlp(0x1000, 256), fresh = read_tlp(0x2000, 4);
	uint8_t *buf = malloc(256);

	setup(2);
	ASSERT_EQ(begin(&old, buf, 256), 0);
	EXPECT_EQ(deliver(data_completion(&old, 0x1000, 64, 256)), 0);
	tlpb__tags_abort(&tags, TLPB_ERR_CLOSED, false);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(seen.got, 64);
	free(buf);		/* its owner was told; the sanitizer watches */
	ASSERT_EQ(begin(&fresh, NULL, 4), 0);
	EXPECT_NE(fresh.tag, old.tag);
	EXPECT_EQ(begin(&fresh, NULL, 4), TLPB_ERR_AGAIN);
	EXPECT_EQ(deliver(data_completion(&old, 0x1040, 64, 192)), 0);
	EXPECT_EQ(tags.used, 2);
	EXPECT_EQ(deliver(data_completion(&old, 0x1080, 128, 128)), 0);
	EXPECT_EQ(tags.used, 1);
	EXPECT_EQ(seen.calls, 1);
	EXPECT_EQ(begin(&fresh, NULL, 4), 0);
}

TEST(Tags, AnAbandonedRequestIsNotToldTwice)
{
	expect_all_tags(32);
	tlpb__tags_abort(&tags, TLPB_ERR_CLOSED, false);
	tlpb__tags_abort(&tags, TLPB_ERR_CLOSED, false);
	EXPECT_EQ(seen.calls, 32);
	EXPECT_EQ(tags.used, 32);
	tlpb__tags_abort(&tags, TLPB_ERR_CLOSED, true);
	EXPECT_EQ(seen.calls, 32);
	EXPECT_EQ(tags.used, 0);
}
