/* SPDX-License-Identifier: MIT */
/*
 * A link whose peer is made by hand. Whatever it says, both sides learn the
 * reason, the side under test stays usable, and nothing leaks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "caught_log.h"
#include "flow.h"
#include "gtest.h"
#include "link.h"
#include "pair.h"
#include "raw_peer.h"
#include "rc_private.h"

enum { PATIENCE_MS = 60 * 1000 };

static struct raw_peer raw;

/* ---- what a peer may do wrong, whatever its role ---- */

static struct hello good_hello(void)
{
	return raw_hello(TLPB_HOST, pair_token);
}

/* The right HELLO of the role that the peer plays in this test. */
static uint16_t raw_role;

static struct hello my_hello(void)
{
	struct hello h = good_hello();

	h.role = raw_role;
	return h;
}

static void say_hello_with(void (*change)(struct hello *h))
{
	struct hello h = my_hello();

	change(&h);
	raw_send_hello(&raw, &h);
}

static void v0(struct hello *h) { h->version = 0; }
static void v2(struct hello *h) { h->version = 2; }
static void swap_role(struct hello *h) { h->role = !h->role; }
static void role_9(struct hello *h) { h->role = 9; }
static void other_token(struct hello *h) { h->link_token[15] ^= 0x80; }
static void require_flit(struct hello *h) { h->required = TLPB_FEATURE_FLIT; }
static void require_bit_40(struct hello *h) { h->required = 1ull << 40; }
static void mps_100(struct hello *h) { h->mps = 100; }
static void mps_8192(struct hello *h) { h->mps = 8192; }
static void mps_0(struct hello *h) { h->mps = 0; }
static void mrrs_64(struct hello *h) { h->mrrs = 64; }
static void rcb_32(struct hello *h) { h->rcb = 32; }

static void pd_31(struct hello *h) { h->credits[TLPB_POOL_PD] = 31; }
static void cplh_128(struct hello *h) { h->credits[TLPB_POOL_CPLH] = 128; }

static void older(void) { say_hello_with(v0); }
static void newer(void) { say_hello_with(v2); }
static void wrong_role(void) { say_hello_with(swap_role); }
static void unknown_role(void) { say_hello_with(role_9); }
static void wrong_token(void) { say_hello_with(other_token); }
static void needs_flit(void) { say_hello_with(require_flit); }
static void needs_bit_40(void) { say_hello_with(require_bit_40); }
static void odd_mps(void) { say_hello_with(mps_100); }
static void large_mps(void) { say_hello_with(mps_8192); }
static void zero_mps(void) { say_hello_with(mps_0); }
static void small_mrrs(void) { say_hello_with(mrrs_64); }
static void small_rcb(void) { say_hello_with(rcb_32); }

static void few_credits(void) { say_hello_with(pd_31); }
static void many_credits(void) { say_hello_with(cplh_128); }

static void newer_and_shorter(void)
{
	raw_frame(&raw, TLPB_FRAME_HELLO, 0, "TLPB\7\0\0\0", 8);
}

static void newer_and_longer(void)
{
	struct hello h = my_hello();
	uint8_t body[1024] = { 0 };

	h.version = 3;
	tlpb__hello_encode(&h, body, sizeof body);
	raw_frame(&raw, TLPB_FRAME_HELLO, 0, body, sizeof body);
}

static void cut_hello(void)
{
	struct hello h = my_hello();
	uint8_t body[512];
	int len = tlpb__hello_encode(&h, body, sizeof body);

	raw_frame(&raw, TLPB_FRAME_HELLO, 0, body, (size_t)len - 1);
}

static void wrong_magic(void) { raw_frame(&raw, TLPB_FRAME_HELLO, 0, "HTTP/1.1 400 Bad Request", 24); }
static void empty_message(void) { raw_bytes(&raw, "", 0); }
static void half_a_header(void) { raw_bytes(&raw, "\4\0\0\0\0\0\0\0\0\0", 10); }

static void with_length(uint32_t length)
{
	uint8_t message[TLPB_FRAME_HEADER + 8] = { TLPB_FRAME_HELLO };

	put_le32(message + 4, length);
	put_le32(message + 16, raw.sequence++);
	raw_bytes(&raw, message, sizeof message);
}

static void half_a_body(void) { with_length(9); }
static void oversized(void) { with_length(TLPB_FRAME_MAX + 1); }
static void absurd_length(void) { with_length(0xfffffff0); }

static void not_the_first(void)
{
	raw.sequence = 1;
	raw_frame(&raw, TLPB_FRAME_HELLO, 0, NULL, 0);
}

static void unknown_required(void) { raw_frame(&raw, 1234, 0, "?", 1); }
static void reserved_kind(void) { raw_frame(&raw, 9, 0, "?", 1); }
static void lobby_frame(void) { raw_frame(&raw, TLPB_FRAME_JOIN, 0, NULL, 0); }
static void early_tlp(void) { raw_frame(&raw, TLPB_FRAME_TLP, 0, "\0\0\0\1\0\0\0\17\0\0\0", 12); }
static void early_reset(void) { raw_frame(&raw, TLPB_FRAME_RESET, 0, "\0\0", 2); }
static void early_device(void) { raw_frame(&raw, TLPB_FRAME_DEVICE, 0, NULL, 0); }
static void early_ready(void) { raw_frame(&raw, TLPB_FRAME_READY, 0, NULL, 0); }

static void parting(void) { raw_frame(&raw, TLPB_FRAME_GOODBYE, 0, "\0\0\20\0fell off a cliff", 20); }
static void cut_goodbye(void) { raw_frame(&raw, TLPB_FRAME_GOODBYE, 0, "\0\0\377", 3); }
static void unknown_reason(void) { raw_frame(&raw, TLPB_FRAME_GOODBYE, 0, "\377\377\3\0odd", 7); }
static void vanish(void) { raw_stop(&raw); }

struct wrong {
	const char *name;
	void (*say)(void);
	enum tlpb_reason reason;
	const char *text;		/* part of what both sides are told */
};

/* Instead of the first frame. */
static const struct wrong at_first[] = {
	{ "older", older, TLPB_REASON_VERSION, "raw-peer speaks 0" },
	{ "newer", newer, TLPB_REASON_VERSION, "raw-peer speaks 2" },
	{ "newer and shorter", newer_and_shorter, TLPB_REASON_VERSION, "the peer speaks 7" },
	{ "newer and longer", newer_and_longer, TLPB_REASON_VERSION, "raw-peer speaks 3" },
	{ "wrong role", wrong_role, TLPB_REASON_PROTOCOL, "both sides say they are the" },
	{ "unknown role", unknown_role, TLPB_REASON_PROTOCOL, "role" },
	{ "wrong token", wrong_token, TLPB_REASON_TOKEN, "wrong link token" },
	{ "needs flit", needs_flit, TLPB_REASON_FEATURE, "flit" },
	{ "needs bit 40", needs_bit_40, TLPB_REASON_FEATURE, "bit 40" },
	{ "odd MPS", odd_mps, TLPB_REASON_PROTOCOL, "MPS 100" },
	{ "large MPS", large_mps, TLPB_REASON_PROTOCOL, "MPS 8192" },
	{ "MPS 0", zero_mps, TLPB_REASON_PROTOCOL, "MPS 0" },
	{ "small MRRS", small_mrrs, TLPB_REASON_PROTOCOL, "MRRS 64" },
	{ "small RCB", small_rcb, TLPB_REASON_PROTOCOL, "RCB 32" },
	{ "few credits", few_credits, TLPB_REASON_PROTOCOL, "PD=31: Flow Control Protocol Error" },
	{ "many credits", many_credits, TLPB_REASON_PROTOCOL, "CPLH=128: Flow Control Protocol Error" },
	{ "cut HELLO", cut_hello, TLPB_REASON_PROTOCOL, "HELLO: input is too short" },
	{ "wrong magic", wrong_magic, TLPB_REASON_PROTOCOL, "HELLO" },
	{ "empty message", empty_message, TLPB_REASON_PROTOCOL, "frame: input is too short" },
	{ "half a header", half_a_header, TLPB_REASON_PROTOCOL, "frame: input is too short" },
	{ "half a body", half_a_body, TLPB_REASON_PROTOCOL, "frame: input is too short" },
	{ "oversized", oversized, TLPB_REASON_PROTOCOL, "larger than allowed" },
	{ "absurd length", absurd_length, TLPB_REASON_PROTOCOL, "larger than allowed" },
	{ "not the first", not_the_first, TLPB_REASON_PROTOCOL, "frame 1 came where 0 was due" },
	{ "unknown required", unknown_required, TLPB_REASON_PROTOCOL, "unknown frame of kind 1234" },
	{ "reserved kind", reserved_kind, TLPB_REASON_PROTOCOL, "unknown frame of kind 9" },
	{ "JOIN", lobby_frame, TLPB_REASON_PROTOCOL, "unknown frame of kind 1" },
	{ "early TLP", early_tlp, TLPB_REASON_PROTOCOL, "frame of kind 7 is not legal" },
	{ "early RESET", early_reset, TLPB_REASON_PROTOCOL, "frame of kind 10 is not legal" },
	{ "early DEVICE", early_device, TLPB_REASON_PROTOCOL, "frame of kind 5 is not legal" },
	{ "early READY", early_ready, TLPB_REASON_PROTOCOL, "frame of kind 6 is not legal" },
	{ "goodbye", parting, TLPB_REASON_NORMAL, "fell off a cliff" },
	{ "cut goodbye", cut_goodbye, TLPB_REASON_PROTOCOL, "GOODBYE" },
	{ "unknown reason", unknown_reason, 0xffff, "odd" },
	{ "vanish", vanish, TLPB_REASON_LOST, "gone without a goodbye" },
};

/* Once the link is up. */
static void second_hello(void)
{
	struct hello h = my_hello();

	raw_send_hello(&raw, &h);
}

static void duplicate(void)
{
	raw.sequence--;
	raw_frame(&raw, 1234, TLPB_FRAME_OPTIONAL, NULL, 0);
}

static void gap(void)
{
	raw.sequence++;
	raw_frame(&raw, 1234, TLPB_FRAME_OPTIONAL, NULL, 0);
}

static void empty_tlp(void) { raw_frame(&raw, TLPB_FRAME_TLP, 0, NULL, 0); }
static void cut_tlp(void) { raw_frame(&raw, TLPB_FRAME_TLP, 0, "\0\0\0\1\0\0\0\17\0\0", 11); }
static void undefined_tlp(void) { raw_frame(&raw, TLPB_FRAME_TLP, 0, "\37\0\0\1\0\0\0\17\0\0\20", 12); }
static void long_tlp(void) { raw_frame(&raw, TLPB_FRAME_TLP, 0, "\0\0\0\1\0\0\0\17\0\0\20\0\0\0\0", 16); }

/* A good frame and a bad one in one message: the good one counts. */
static void good_then_bad(void)
{
	uint8_t m[2 * TLPB_FRAME_HEADER] = { 0 };
	struct frame f = { .kind = 1234, .flags = TLPB_FRAME_OPTIONAL };

	f.sequence = raw.sequence++;
	tlpb__frame_put(m, &f);
	f.sequence = raw.sequence++;
	f.flags = 0;
	tlpb__frame_put(m + TLPB_FRAME_HEADER, &f);
	raw_bytes(&raw, m, sizeof m);
}

static const struct wrong when_up[] = {
	{ "second HELLO", second_hello, TLPB_REASON_PROTOCOL, "frame of kind 4 is not legal while the link is up" },
	{ "DEVICE", early_device, TLPB_REASON_PROTOCOL, "frame of kind 5 is not legal while the link is up" },
	{ "READY", early_ready, TLPB_REASON_PROTOCOL, "frame of kind 6 is not legal while the link is up" },
	{ "duplicate", duplicate, TLPB_REASON_PROTOCOL, "out of order" },
	{ "gap", gap, TLPB_REASON_PROTOCOL, "out of order" },
	{ "empty message", empty_message, TLPB_REASON_PROTOCOL, "frame: input is too short" },
	{ "half a header", half_a_header, TLPB_REASON_PROTOCOL, "frame: input is too short" },
	{ "half a body", half_a_body, TLPB_REASON_PROTOCOL, "frame: input is too short" },
	{ "oversized", oversized, TLPB_REASON_PROTOCOL, "larger than allowed" },
	{ "unknown required", unknown_required, TLPB_REASON_PROTOCOL, "unknown frame of kind 1234" },
	{ "good, then bad", good_then_bad, TLPB_REASON_PROTOCOL, "unknown frame of kind 1234" },
	{ "empty TLP", empty_tlp, TLPB_REASON_PROTOCOL, "Malformed TLP (TRUNCATED)" },
	{ "cut TLP", cut_tlp, TLPB_REASON_PROTOCOL, "Malformed TLP (TRUNCATED)" },
	{ "undefined TLP", undefined_tlp, TLPB_REASON_PROTOCOL, "Malformed TLP (UNDEFINED_FMT_TYPE)" },
	{ "long TLP", long_tlp, TLPB_REASON_PROTOCOL, "Malformed TLP (SIZE_MISMATCH)" },
	{ "goodbye", parting, TLPB_REASON_NORMAL, "fell off a cliff" },
	{ "cut goodbye", cut_goodbye, TLPB_REASON_PROTOCOL, "GOODBYE" },
	{ "unknown reason", unknown_reason, 0xffff, "odd" },
	{ "vanish", vanish, TLPB_REASON_LOST, "gone without a goodbye" },
};

/* Only an endpoint hears these. */
static void short_reset(void) { raw_frame(&raw, TLPB_FRAME_RESET, 0, "\1", 1); }
static void unknown_reset(void) { raw_frame(&raw, TLPB_FRAME_RESET, 0, "\4\0", 2); }
static void short_fault(void) { raw_frame(&raw, TLPB_FRAME_DMA_FAULT, TLPB_FRAME_OPTIONAL, "\0", 1); }
static void short_eoi(void) { raw_frame(&raw, TLPB_FRAME_EOI, TLPB_FRAME_OPTIONAL, "", 1); }
static void pin_4_eoi(void) { raw_frame(&raw, TLPB_FRAME_EOI, TLPB_FRAME_OPTIONAL, "\4\0\0\0", 4); }

static const struct wrong to_endpoint[] = {
	{ "short RESET", short_reset, TLPB_REASON_PROTOCOL, "RESET that makes no sense" },
	{ "unknown RESET", unknown_reset, TLPB_REASON_PROTOCOL, "RESET that makes no sense" },
	{ "short DMA_FAULT", short_fault, TLPB_REASON_PROTOCOL, "DMA_FAULT that makes no sense" },
	{ "short EOI", short_eoi, TLPB_REASON_PROTOCOL, "EOI that makes no sense" },
	{ "EOI of pin 4", pin_4_eoi, TLPB_REASON_PROTOCOL, "EOI that makes no sense" },
};

/* Only a host hears these. */
static void any_fault(void) { raw_frame(&raw, TLPB_FRAME_DMA_FAULT, TLPB_FRAME_OPTIONAL, "\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0", 16); }
static void any_eoi(void) { raw_frame(&raw, TLPB_FRAME_EOI, TLPB_FRAME_OPTIONAL, "\0\0\0\0", 4); }

static const struct wrong to_host[] = {
	{ "RESET", early_reset, TLPB_REASON_PROTOCOL, "RESET that makes no sense" },
	{ "DMA_FAULT", any_fault, TLPB_REASON_PROTOCOL, "DMA_FAULT that makes no sense" },
	{ "EOI", any_eoi, TLPB_REASON_PROTOCOL, "EOI that makes no sense" },
};

#define COUNT(list) (sizeof list / sizeof list[0])

/* The peer that did wrong hears why, unless it left itself. */
static void expect_told(const struct wrong *w)
{
	bool left = w->say == parting || w->say == unknown_reason || w->say == vanish;

	if (left)
		return;
	raw_listen(&raw, PATIENCE_MS);
	EXPECT_TRUE(raw.goodbye);
	EXPECT_EQ(raw.parting.reason, w->reason);
	if (!strstr(raw.parting.text, w->text))
		gt_fail(GT_SITE("", ""), "the peer was told \"%s\", not \"%s\"", raw.parting.text,
			w->text);
}

/* ---- the endpoint under test ---- */

static void expect_next_host_is_welcome(void)
{
	char why[256] = "";

	EXPECT_EQ(pair_connect(why, sizeof why), 0);
	EXPECT_STREQ(why, "");
	pair_enumerate();
	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr, why, 4), 0);
	pair_disconnect();
}

static void start_raw_host(void)
{
	raw_role = TLPB_HOST;
	raw_start(&raw, pair_attach_raw());
}

static void bring_up_raw_host(void)
{
	struct hello h = good_hello();

	start_raw_host();
	raw_send_hello(&raw, &h);
	while (!raw.ready && !raw.closed)
		raw_listen(&raw, 1);
	ASSERT_TRUE(raw.ready);
}

TEST(EndpointLink, ABadFirstFrameEndsItAndTheNextHostIsWelcome)
{
	pair_open(&(struct pair_options){ .stay_apart = true });
	for (unsigned i = 0; i < COUNT(at_first); i++) {
		gt_about(at_first[i].name);
		catch_log();
		start_raw_host();
		at_first[i].say();
		expect_told(&at_first[i]);
		pair_await_detached();
		if (!log_has(at_first[i].text))
			gt_fail(GT_SITE("", ""), "nothing logged of \"%s\"", at_first[i].text);
		EXPECT_FALSE(raw.hello);	/* nothing given away before the token */
		raw_stop(&raw);
		expect_next_host_is_welcome();
	}
	EXPECT_EQ(pair.model.connects, COUNT(at_first));	/* of the good ones alone */
	pair_close();
}

static void endpoint_up_then(const struct wrong *list, size_t count)
{
	pair_open(&(struct pair_options){ .stay_apart = true });
	for (size_t i = 0; i < count; i++) {
		gt_about(list[i].name);
		bring_up_raw_host();
		list[i].say();
		expect_told(&list[i]);
		pair_await_detached();
		EXPECT_EQ(pair.model.gone_reason, list[i].reason);
		if (!strstr(pair.model.gone_text, list[i].text))
			gt_fail(GT_SITE("", ""), "the model was told \"%s\", not \"%s\"",
				pair.model.gone_text, list[i].text);
		raw_stop(&raw);
		expect_next_host_is_welcome();
	}
	EXPECT_EQ(pair.model.disconnects, 2 * count);
	pair_close();
}

TEST(EndpointLink, ABadFrameOnceUpEndsItAndTheNextHostIsWelcome)
{
	endpoint_up_then(when_up, COUNT(when_up));
	endpoint_up_then(to_endpoint, COUNT(to_endpoint));
}

TEST(EndpointLink, FramesThatAreOptionalAndUnknownAreSkipped)
{
	struct hello h = good_hello();

	pair_open(&(struct pair_options){ .stay_apart = true });
	start_raw_host();
	raw_frame(&raw, 1234, TLPB_FRAME_OPTIONAL, "future", 6);
	raw_send_hello(&raw, &h);
	raw_frame(&raw, 4321, TLPB_FRAME_OPTIONAL, NULL, 0);
	raw_frame(&raw, TLPB_FRAME_TLP, 0, "\4\0\0\1\0\0\7\17\1\0\0", 12);	/* CfgRd0 of the IDs */
	while (!raw.tlps && !raw.closed)
		raw_listen(&raw, 1);
	EXPECT_FALSE(raw.goodbye);
	EXPECT_EQ(raw.last_tlp[0], 0x4a);
	EXPECT_EQ(get_le32(raw.last_tlp + 12), 0x70011d0f);
	raw_stop(&raw);
	pair_await_detached();
	pair_close();
}

TEST(EndpointLink, AHelloMayGrow)
{
	struct hello h = good_hello();
	uint8_t body[1024] = { 0 };

	pair_open(&(struct pair_options){ .stay_apart = true });
	start_raw_host();
	tlpb__hello_encode(&h, body, sizeof body);
	raw_frame(&raw, TLPB_FRAME_HELLO, 0, body, sizeof body);
	while (!raw.ready && !raw.closed)
		raw_listen(&raw, 1);
	EXPECT_TRUE(raw.ready);
	EXPECT_STREQ(raw.peer.name, "pair");
	EXPECT_EQ(raw.peer.role, TLPB_ENDPOINT);
	raw_stop(&raw);
	pair_await_detached();
	pair_close();
}

TEST(EndpointLink, FeaturesAreThoseOfBoth)
{
	struct hello h = good_hello();

	pair_open(&(struct pair_options){ .stay_apart = true });
	start_raw_host();
	h.offered = 0xff00;		/* none that we know */
	raw_send_hello(&raw, &h);
	while (!raw.ready && !raw.closed)
		raw_listen(&raw, 1);
	EXPECT_TRUE(raw.ready);
	EXPECT_EQ(raw.peer.offered & ~(uint64_t)(TLPB_FEATURE_SHM | TLPB_FEATURE_GRANTS), TLPB_FEATURE_DMA_FAULT);
	EXPECT_EQ(raw.peer.offered & TLPB_FEATURE_SHM,
		  flow_transport_kind() == TLPB_TRANSPORT_SHM ? TLPB_FEATURE_SHM : 0);
	EXPECT_EQ(raw.peer.required, 0);
	raw_stop(&raw);
	pair_await_detached();
	pair_close();
}

/* ---- the host under test ---- */

static void note_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	pair.host.downs++;
	pair.host.down_reason = reason;
	snprintf(pair.host.down_text, sizeof pair.host.down_text, "%s", text);
}

static struct transport *host_end;

static void start_raw_endpoint(void)
{
	struct transport *ends[2];

	memset(&pair.host, 0, sizeof pair.host);
	catch_log();
	ASSERT_EQ(tlpb__transport_mem_pair(64, ends), 0);
	raw_role = TLPB_ENDPOINT;
	raw_start(&raw, ends[1]);
	host_end = ends[0];
}

static int connect_host(tlpb_rc **rc, unsigned timeout_ms, char *why, size_t size)
{
	static const struct tlpb_rc_ops ops = { .down = note_down };
	struct tlpb_rc_config config = { .name = "host", .ops = &ops,
					 .connect_timeout_ms = timeout_ms };

	*rc = NULL;
	return tlpb__rc_connect_transport(&config, host_end, pair_token, rc, why, size);
}

static void expect_refusal(const struct wrong *w)
{
	char why[256] = "";
	tlpb_rc *rc;

	EXPECT_EQ(connect_host(&rc, PATIENCE_MS, why, sizeof why), TLPB_ERR_CLOSED);
	EXPECT_NULL(rc);
	if (!strstr(why, w->text))
		gt_fail(GT_SITE("", ""), "connect says \"%s\", not \"%s\"", why, w->text);
	expect_told(w);
	EXPECT_EQ(pair.host.downs, 0);
	raw_stop(&raw);
}

TEST(HostLink, ABadFirstFrameFailsTheConnectWithItsReason)
{
	for (unsigned i = 0; i < COUNT(at_first); i++) {
		gt_about(at_first[i].name);
		start_raw_endpoint();
		at_first[i].say();
		expect_refusal(&at_first[i]);
	}
}

static void bring_up_raw_endpoint(tlpb_rc **rc)
{
	char why[256] = "";
	struct hello h;

	start_raw_endpoint();
	h = my_hello();
	raw_send_hello(&raw, &h);
	raw_send_device(&raw);
	if (connect_host(rc, PATIENCE_MS, why, sizeof why))
		FAIL("%s", why);
}

static void host_up_then(const struct wrong *w)
{
	uint32_t value = 0;
	tlpb_rc *rc;

	gt_about(w->name);
	bring_up_raw_endpoint(&rc);
	w->say();
	EXPECT_EQ(tlpb_rc_config_read(rc, 0, 0, 4, &value), TLPB_ERR_CLOSED);
	EXPECT_EQ(value, 0xffffffff);
	EXPECT_EQ(pair.host.downs, 1);
	EXPECT_EQ(pair.host.down_reason, w->reason);
	if (!strstr(pair.host.down_text, w->text))
		gt_fail(GT_SITE("", ""), "the host was told \"%s\", not \"%s\"",
			pair.host.down_text, w->text);
	expect_told(w);
	tlpb_rc_close(rc);
	EXPECT_EQ(pair.host.downs, 1);
	raw_stop(&raw);
}

TEST(HostLink, ABadFrameOnceUpEndsTheReadThatWaits)
{
	for (unsigned i = 0; i < COUNT(when_up); i++)
		host_up_then(&when_up[i]);
	for (unsigned i = 0; i < COUNT(to_host); i++)
		host_up_then(&to_host[i]);
}

/* ---- the device's description ---- */

static void send_records(const char *records, size_t len)
{
	struct hello h = my_hello();

	raw_send_hello(&raw, &h);
	raw_frame(&raw, TLPB_FRAME_DEVICE, 0, records, len);
	raw_frame(&raw, TLPB_FRAME_READY, 0, NULL, 0);
}

#define RECORDS(text) send_records(text, sizeof text - 1)
#define PCI "\1\0\0\0\20\0\0\0\1\0\2\0\3\0\4\0\0\0\1\0\0\0\0\0"

static void no_records(void) { RECORDS(""); }
static void cut_record(void) { RECORDS("\1\0\0\0\20\0\0\0\1\0\2\0"); }
static void cut_record_header(void) { RECORDS(PCI "\4\0\0\0"); }
static void record_too_long(void) { RECORDS(PCI "\4\0\0\0\377\377\377\377x"); }
static void unknown_record(void) { RECORDS(PCI "\43\0\0\0\0\0\0\0"); }
static void two_pci_records(void) { RECORDS(PCI PCI); }
static void region_99(void) { RECORDS(PCI "\2\0\0\0\20\0\0\0\143\0\0\0\3\0\0\0\0\20\0\0\0\0\0\0"); }
static void odd_region(void) { RECORDS(PCI "\4\0\0\0\1\0\0\0x\2\0\0\0\20\0\0\0\0\0\0\0\3\0\0\0\7\0\0\0\0\0\0\0"); }
static void ready_alone(void)
{
	struct hello h = my_hello();

	raw_send_hello(&raw, &h);
	raw_frame(&raw, TLPB_FRAME_READY, 0, NULL, 0);
}

static void tlp_before_ready(void)
{
	struct hello h = my_hello();

	raw_send_hello(&raw, &h);
	early_tlp();
}

static const struct wrong descriptions[] = {
	{ "READY alone", ready_alone, TLPB_REASON_PROTOCOL, "READY without a device description" },
	{ "TLP before READY", tlp_before_ready, TLPB_REASON_PROTOCOL, "not legal while the link is reading the device's records" },
	{ "no records", no_records, TLPB_REASON_PROTOCOL, "PCI is missing" },
	{ "cut record", cut_record, TLPB_REASON_PROTOCOL, "device description" },
	{ "cut header", cut_record_header, TLPB_REASON_PROTOCOL, "too short for a record" },
	{ "too long", record_too_long, TLPB_REASON_PROTOCOL, "record 4 says 4294967295 bytes" },
	{ "unknown", unknown_record, TLPB_REASON_PROTOCOL, "record 35 is required by the peer" },
	{ "twice", two_pci_records, TLPB_REASON_PROTOCOL, "twice" },
	{ "region 99", region_99, TLPB_REASON_PROTOCOL, "there is no region 99" },
	{ "odd region", odd_region, TLPB_REASON_PROTOCOL, "not a power of two" },
};

TEST(HostLink, ABadDescriptionFailsTheConnectWithItsReason)
{
	for (unsigned i = 0; i < COUNT(descriptions); i++) {
		gt_about(descriptions[i].name);
		start_raw_endpoint();
		descriptions[i].say();
		expect_refusal(&descriptions[i]);
	}
}

TEST(HostLink, ASilentPeerIsNamedWhenTimeIsUp)
{
	struct hello h;
	char why[256] = "";
	tlpb_rc *rc;

	start_raw_endpoint();
	EXPECT_EQ(connect_host(&rc, 50, why, sizeof why), TLPB_ERR_TIMEDOUT);
	EXPECT_NOT_NULL(strstr(why, "said nothing for"));
	raw_stop(&raw);
	start_raw_endpoint();
	h = my_hello();
	raw_send_hello(&raw, &h);
	EXPECT_EQ(connect_host(&rc, 50, why, sizeof why), TLPB_ERR_TIMEDOUT);
	EXPECT_NOT_NULL(strstr(why, "reading the device's records"));
	raw_listen(&raw, PATIENCE_MS);
	EXPECT_TRUE(raw.goodbye);
	raw_stop(&raw);
}

/* ---- a completer that does wrong ---- */

static void answer_with(const char *tlp, size_t len)
{
	uint8_t value[8] = { 0 };
	tlpb_rc *rc;
	struct tlpb_rc_stats stats;

	bring_up_raw_endpoint(&rc);
	raw_frame(&raw, TLPB_FRAME_TLP, 0, tlp, len);
	EXPECT_EQ(tlpb_rc_mem_read(rc, 0x1000, value, 8), TLPB_ERR_PROTOCOL);
	EXPECT_EQ(get_le64(value), ~0ull);
	EXPECT_TRUE(tlpb_rc_is_up(rc));
	tlpb_rc_get_stats(rc, &stats);
	EXPECT_EQ(stats.unexpected_completions, 1);
	tlpb_rc_close(rc);
	raw_stop(&raw);
}

TEST(HostLink, ACompletionThatDoesNotFitEndsItsReadAlone)
{
	/* byte count 4 of 8; lower address 4; too much data */
	answer_with("\112\0\0\2\0\0\0\4\0\0\0\0" "12345678", 20);
	answer_with("\112\0\0\2\0\0\0\10\0\0\0\4" "12345678", 20);
	answer_with("\112\0\0\3\0\0\0\10\0\0\0\0" "123456789abc", 24);
}

TEST(HostLink, AForeignCompletionIsDroppedAndTheReadGoesOn)
{
	uint8_t value[8] = { 0 };
	tlpb_rc *rc;

	bring_up_raw_endpoint(&rc);
	raw_frame(&raw, TLPB_FRAME_TLP, 0, "\112\0\0\2\0\0\0\10\0\0\11\0" "notmine.", 20);
	raw_frame(&raw, TLPB_FRAME_TLP, 0, "\112\0\0\2\0\0\0\10\1\0\0\0" "notmine.", 20);
	raw_frame(&raw, TLPB_FRAME_TLP, 0, "\112\0\0\2\0\0\0\10\0\0\0\0" "12345678", 20);
	EXPECT_EQ(tlpb_rc_mem_read(rc, 0x1000, value, 8), 0);
	EXPECT_MEMEQ(value, "12345678", 8);
	tlpb_rc_close(rc);
	raw_stop(&raw);
}
