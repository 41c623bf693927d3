// SPDX-License-Identifier: MIT
#include "request_payload.h"

#include <algorithm>

#include "tlm_status.h"

namespace tlpb {

request_payload::request_payload(tlm::tlm_mm_interface *manager) : tlm_generic_payload(manager)
{
	set_extension(&extension);
}

// A payload deletes the extensions it still has; this one is a member.
request_payload::~request_payload()
{
	clear_extension(&extension);
	clear_extension(&atomic);
}

void request_payload::fill(const tlpb_ep_request &request, unsigned vf)
{
	unsigned length = static_cast<unsigned>(request.length);
	bool some = request.byte_enable;

	set_command(request.atomic ? tlm::TLM_IGNORE_COMMAND
		    : request.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
	set_address(request.offset);
	set_data_ptr(request.data);
	set_data_length(length);
	set_streaming_width(length);
	// TLM has one pointer type for both directions; targets only read it.
	set_byte_enable_ptr(const_cast<unsigned char *>(request.byte_enable));
	set_byte_enable_length(some ? length : 0);
	set_dmi_allowed(false);
	set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
	fill_extension(request);
	extension.vf = vf;
	fill_atomic(request);
}

static kit::atomic_op to_kit(tlpb_tlp_kind kind)
{
	switch (kind) {
	case TLPB_SWAP: return kit::atomic_op::swap;
	case TLPB_CAS: return kit::atomic_op::compare_and_swap;
	default: return kit::atomic_op::fetch_add;
	}
}

void request_payload::fill_atomic(const tlpb_ep_request &request)
{
	clear_extension(&atomic);
	if (!request.atomic)
		return;
	atomic.op = to_kit(request.atomic->op);
	std::copy_n(request.atomic->operand, TLPB_ATOMIC_MAX, atomic.operand.begin());
	std::copy_n(request.atomic->compare, TLPB_ATOMIC_MAX, atomic.compare.begin());
	atomic.done = false;
	set_extension(&atomic);
}

tlpb_cpl_status request_payload::status()
{
	tlpb_cpl_status status = to_completion(get_response_status());

	if (extension.deferrable && extension.retry && status != TLPB_CPL_SC)
		return TLPB_CPL_CRS;
	if (kit::atomic_of(*this) && status == TLPB_CPL_SC) {
		if (!atomic.done)
			return TLPB_CPL_UR;	// a model that does not know them moves nothing
		std::copy_n(atomic.old.begin(), get_data_length(), get_data_ptr());
	}
	return status;
}

void request_payload::fill_extension(const tlpb_ep_request &request)
{
	const tlpb_tlp &tlp = *request.tlp;

	extension.tc = tlp.tc;
	extension.ido = tlp.ido;
	extension.ro = tlp.ro;
	extension.ns = tlp.ns;
	extension.posted = request.posted;
	extension.deferrable = request.deferrable;
	extension.retry = false;
	extension.poisoned = false;
	extension.requester_id = tlp.requester_id;
	extension.tag = tlp.tag;
	extension.function = request.function;
	extension.region = request.region;
	extension.address = tlp.address + (request.atomic ? 0 : tlpb_first_byte(tlp.first_be));
}

request_payload &payload_pool::take(const tlpb_ep_request &request, unsigned vf)
{
	if (unused.empty()) {
		all.push_back(std::make_unique<request_payload>(this));
		unused.push_back(all.back().get());
	}

	request_payload &payload = *unused.back();
	unused.pop_back();
	payload.acquire();
	payload.fill(request, vf);
	return payload;
}

// reset() drops what the model attached for the life of the transaction.
void payload_pool::free(tlm::tlm_generic_payload *payload)
{
	payload->reset();
	unused.push_back(static_cast<request_payload *>(payload));
}

} // namespace tlpb
