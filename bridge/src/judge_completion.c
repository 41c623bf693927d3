/* SPDX-License-Identifier: MIT */
/* Completions against the request that they complete (2.2.9, 2.3.1.1, 2.3.2). */
#include "judge_private.h"

enum { ENDPOINT_RCB = 128 };	/* bytes; only a root complex has a choice */

bool tlpb__judge_is_memory_read(enum tlpb_tlp_kind kind)
{
	return kind == TLPB_MRD || kind == TLPB_MRDLK;
}

static bool is_atomic(enum tlpb_tlp_kind kind)
{
	return kind == TLPB_FETCHADD || kind == TLPB_SWAP || kind == TLPB_CAS;
}

static bool is_config(enum tlpb_tlp_kind kind)
{
	return kind == TLPB_CFGRD0 || kind == TLPB_CFGRD1 || kind == TLPB_CFGWR0 ||
	       kind == TLPB_CFGWR1;
}

/* With hints the steering tag lies where the byte enables do: all bytes are meant. */
static bool all_bytes(const struct tlpb_tlp *request)
{
	return request->th && request->kind == TLPB_MRD;
}

unsigned tlpb__judge_bytes_asked(const struct tlpb_tlp *request)
{
	if (all_bytes(request))
		return 4u * request->length_dw;
	if (tlpb__judge_is_memory_read(request->kind))
		return tlpb_byte_count(request->length_dw, request->first_be, request->last_be);
	if (is_atomic(request->kind))
		return (request->kind == TLPB_CAS ? 2u : 4u) * request->length_dw;
	return 4;
}

/* Address of the next byte to come. */
static uint64_t next_address(const struct tlpb_judge_request *of)
{
	const struct tlpb_tlp *request = &of->request;
	unsigned first = all_bytes(request) ? 0 : tlpb_first_byte(request->first_be);

	return request->address + first + of->received;
}

static unsigned bytes_left(const struct tlpb_judge_request *of)
{
	return tlpb__judge_bytes_asked(&of->request) - of->received;
}

unsigned tlpb__judge_bytes_brought(const struct tlpb_judge_request *of, const struct tlpb_tlp *cpl)
{
	unsigned room = 4u * cpl->length_dw - (next_address(of) & 3);

	return room < bytes_left(of) ? room : bytes_left(of);
}

/* A success brings data when the request is a read or an atomic, and nothing else does. */
static bool wants_data(const struct tlpb_tlp *request)
{
	return !tlpb_kind_has_data(request->kind) || is_atomic(request->kind);
}

/* Byte count, address and length mean something in these only. */
static bool brings_memory(const struct judged *j)
{
	return j->tlp->status == TLPB_CPL_SC && tlpb__judge_is_memory_read(j->of->request.kind);
}

bool tlpb__judge_cpl_locked(const struct judged *j)
{
	bool locked = j->tlp->kind == TLPB_CPLLK || j->tlp->kind == TLPB_CPLDLK;

	return locked != (j->of->request.kind == TLPB_MRDLK);
}

/* "Not now" is for configuration requests and for deferrable writes (2.3.1). */
bool tlpb__judge_cpl_crs(const struct judged *j)
{
	enum tlpb_tlp_kind kind = j->of->request.kind;

	return j->tlp->status == TLPB_CPL_CRS && !is_config(kind) && kind != TLPB_DMWR;
}

bool tlpb__judge_cpl_data(const struct judged *j)
{
	bool want = j->tlp->status == TLPB_CPL_SC && wants_data(&j->of->request);

	return tlpb_kind_has_data(j->tlp->kind) != want;
}

bool tlpb__judge_cpl_tc(const struct judged *j)
{
	return j->tlp->tc != j->of->request.tc;
}

/* IDO is the completer's own affair. */
bool tlpb__judge_cpl_attributes(const struct judged *j)
{
	return j->tlp->ro != j->of->request.ro || j->tlp->ns != j->of->request.ns;
}

bool tlpb__judge_cpl_byte_count(const struct judged *j)
{
	return j->tlp->status == TLPB_CPL_SC && j->tlp->byte_count != bytes_left(j->of);
}

bool tlpb__judge_cpl_lower_address(const struct judged *j)
{
	return brings_memory(j) && j->tlp->lower_address != (next_address(j->of) & 0x7f);
}

/* No more doublewords than are left. What has no data has no Length. */
bool tlpb__judge_cpl_length(const struct judged *j)
{
	unsigned skipped = tlpb__judge_is_memory_read(j->of->request.kind) ? next_address(j->of) & 3 : 0;
	unsigned most = (skipped + bytes_left(j->of) + 3) / 4;

	if (!j->tlp->length_dw)
		return false;
	return brings_memory(j) ? j->tlp->length_dw > most : j->tlp->length_dw != most;
}

bool tlpb__judge_cpl_rcb(const struct judged *j)
{
	uint32_t rcb = j->side == TLPB_JUDGE_RECEIVED ? j->state->rcb : ENDPOINT_RCB;
	unsigned brought;

	if (!brings_memory(j))
		return false;
	brought = tlpb__judge_bytes_brought(j->of, j->tlp);
	return brought < bytes_left(j->of) && (next_address(j->of) + brought) % rcb;
}
