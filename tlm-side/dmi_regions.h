// SPDX-License-Identifier: MIT
/*
 * The memory of a model that may be reached by pointer: what its target
 * granted by get_direct_mem_ptr() and has not invalidated.
 *
 * Threads: the SystemC thread; nothing here waits.
 */
#ifndef TLM_SIDE_DMI_REGIONS_H
#define TLM_SIDE_DMI_REGIONS_H

#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

namespace tlpb {

class dmi_regions {
public:
	/*
	 * Serve the payload, if a grant covers all of it: enabled bytes are moved, the
	 * response is set, and the grant's latency for an access is added to delay.
	 * False: nothing was done.
	 */
	bool access(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) const;

	// After a response that allowed it: ask for the memory around the payload.
	void ask(tlm::tlm_fw_transport_if<> &target, tlm::tlm_generic_payload &payload);

	// Forget every grant that touches first..last, at once.
	void invalidate(uint64_t first, uint64_t last);

	size_t grants() const { return granted.size(); }

private:
	const tlm::tlm_dmi *find(const tlm::tlm_generic_payload &payload) const;

	std::vector<tlm::tlm_dmi> granted;
};

} // namespace tlpb

#endif
