// SPDX-License-Identifier: MIT
/*
 * One region's way to the model: by pointer where the model granted that, else
 * by b_transport or nb_transport.
 *
 * Threads: the SystemC thread. Errors are the model's, in the payload's response.
 */
#ifndef TLM_SIDE_BAR_PORT_H
#define TLM_SIDE_BAR_PORT_H

#include <tlm>

#include "dmi_regions.h"
#include "nb_initiator.h"

namespace tlpb {

struct bar_port {
	bool by_nb = false;
	nb_initiator nb;
	dmi_regions dmi;

	/*
	 * In a thread process, which may be suspended. On return the payload has its
	 * response, and delay says how much later than now that is.
	 */
	void transport(tlm::tlm_fw_transport_if<> &target, tlm::tlm_generic_payload &payload,
		       sc_core::sc_time &delay)
	{
		sc_dt::uint64 address = payload.get_address();

		// An AtomicOp has no read or write that a pointer could do.
		if (payload.get_command() != tlm::TLM_IGNORE_COMMAND && dmi.access(payload, delay))
			return;
		if (by_nb)
			nb.transport(target, payload, delay);
		else
			target.b_transport(payload, delay);
		if (payload.is_dmi_allowed()) {
			payload.set_address(address);	// an interconnect may have translated it
			dmi.ask(target, payload);
		}
	}
};

} // namespace tlpb

#endif
