/* SPDX-License-Identifier: MIT */
/* What the parts of the judge share. */
#ifndef TLPB_JUDGE_PRIVATE_H
#define TLPB_JUDGE_PRIVATE_H

#include <tlpbridge/judge.h>

/* A TLP before the judge. */
struct judged {
	const struct tlpb_judge_state *state;
	enum tlpb_judge_side side;
	const struct tlpb_tlp *tlp;
	const uint8_t *bytes;
	size_t len;
	const struct tlpb_judge_request *of;	/* completion: its request, or NULL */
};

/* Bytes of a memory read, or of an atomic's operand; 4 for other requests (2.2.9). */
unsigned tlpb__judge_bytes_asked(const struct tlpb_tlp *request);

bool tlpb__judge_is_memory_read(enum tlpb_tlp_kind kind);

/* Bytes of a memory read that the completion brings. */
unsigned tlpb__judge_bytes_brought(const struct tlpb_judge_request *of, const struct tlpb_tlp *cpl);

/* Each: does the completion break this rule of the request that it belongs to? */
bool tlpb__judge_cpl_locked(const struct judged *j);
bool tlpb__judge_cpl_crs(const struct judged *j);
bool tlpb__judge_cpl_data(const struct judged *j);
bool tlpb__judge_cpl_tc(const struct judged *j);
bool tlpb__judge_cpl_attributes(const struct judged *j);
bool tlpb__judge_cpl_byte_count(const struct judged *j);
bool tlpb__judge_cpl_lower_address(const struct judged *j);
bool tlpb__judge_cpl_length(const struct judged *j);
bool tlpb__judge_cpl_rcb(const struct judged *j);

#endif
