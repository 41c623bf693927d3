// SPDX-License-Identifier: MIT
#include "dmi_regions.h"

#include <algorithm>

#include "kit/payload.h"

namespace tlpb {

static bool allows(const tlm::tlm_dmi &grant, bool write)
{
	return write ? grant.is_write_allowed() : grant.is_read_allowed();
}

const tlm::tlm_dmi *dmi_regions::find(const tlm::tlm_generic_payload &payload) const
{
	uint64_t first = payload.get_address(), last = first + (payload.get_data_length() - 1);

	for (const tlm::tlm_dmi &grant : granted)
		if (allows(grant, payload.is_write()) && first >= grant.get_start_address() &&
		    last <= grant.get_end_address() && last >= first)
			return &grant;
	return nullptr;
}

bool dmi_regions::access(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) const
{
	const tlm::tlm_dmi *grant = find(payload);
	uint64_t address = payload.get_address();

	if (!grant)
		return false;
	// The pointer is that of the first address granted; find() has checked the end.
	payload.set_address(0);
	kit::access_memory(payload, grant->get_dmi_ptr() + (address - grant->get_start_address()),
			   payload.get_data_length());
	payload.set_address(address);
	delay += payload.is_write() ? grant->get_write_latency() : grant->get_read_latency();
	return true;
}

// A target that refuses, or grants nothing of use, is asked again with its next hint.
void dmi_regions::ask(tlm::tlm_fw_transport_if<> &target, tlm::tlm_generic_payload &payload)
{
	tlm::tlm_dmi grant;

	if (!target.get_direct_mem_ptr(payload, grant) || !grant.get_dmi_ptr() ||
	    grant.get_start_address() > grant.get_end_address())
		return;
	granted.push_back(grant);
}

void dmi_regions::invalidate(uint64_t first, uint64_t last)
{
	auto touched = [=](const tlm::tlm_dmi &grant) {
		return grant.get_start_address() <= last && grant.get_end_address() >= first;
	};

	granted.erase(std::remove_if(granted.begin(), granted.end(), touched), granted.end());
}

} // namespace tlpb
