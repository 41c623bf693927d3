/* SPDX-License-Identifier: MIT */
/* TLPs from a peer: check, decode, print, and encode again what was well formed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>

#include "fuzz.h"

static void encode_again(const struct tlpb_tlp *tlp)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);
	struct tlpb_tlp again;

	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(!tlpb_tlp_unpack(bytes, (size_t)len, &again));
	FUZZ_CHECK(again.kind == tlp->kind && again.tag == tlp->tag &&
		   again.address == tlp->address && again.length_dw == tlp->length_dw);
	FUZZ_CHECK(tlpb_tlp_check(bytes, (size_t)len, 4096) == TLPB_RULE_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum tlpb_rule rule = tlpb_tlp_check(data, size, 4096);
	struct tlpb_tlp tlp;
	char text[128];
	int err = tlpb_tlp_unpack(data, size, &tlp);

	tlpb_tlp_text(&tlp, text, sizeof text);
	tlpb_tlp_check(data, size, 128);
	FUZZ_CHECK(rule != TLPB_RULE_NONE || !err);
	if (rule == TLPB_RULE_NONE)
		encode_again(&tlp);
	return 0;
}

/* One of each kind, with and without prefix and digest. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static const uint8_t payload[64];
	struct tlpb_tlp tlp = {
		.kind = (enum tlpb_tlp_kind)(i % TLPB_TLP_KINDS), .length_dw = 1, .tag = 7,
		.requester_id = 0x100, .first_be = 15, .address = 0x1000, .byte_count = 4,
		.routing = TLPB_ROUTE_LOCAL, .message_code = TLPB_MSG_ASSERT_INTA,
		.td = i / TLPB_TLP_KINDS == 1, .has_pasid = i / TLPB_TLP_KINDS == 2, .pasid = 5,
	};
	int len;

	if (i >= 3 * TLPB_TLP_KINDS)
		return 0;
	tlp.hdr_4dw = tlp.kind == TLPB_MSG || tlp.kind == TLPB_MSGD;
	if (tlp.kind == TLPB_CAS)
		tlp.length_dw = 2;
	if (tlp.kind == TLPB_MSG || tlp.kind == TLPB_CPL || tlp.kind == TLPB_CPLLK)
		tlp.length_dw = 0;
	if (tlpb_kind_has_data(tlp.kind)) {
		tlp.payload = payload;
		tlp.payload_len = 4u * tlp.length_dw;
	}
	len = tlpb_tlp_pack(&tlp, data, size);
	return len > 0 ? (size_t)len : 1;
}
