// SPDX-License-Identifier: MIT
/*
 * A model's DMA by nb_transport: the target's side of the base protocol (IEEE 1666-2011,
 * 15.2).
 *
 * Threads: the SystemC thread; nothing here waits, no process is needed a transfer.
 */
#ifndef TLM_SIDE_NB_TARGET_H
#define TLM_SIDE_NB_TARGET_H

#include <deque>
#include <functional>
#include <systemc>
#include <tlm>
#include <tlm_utils/peq_with_get.h>

#include "dma_port.h"

namespace tlpb {

/*
 * Design notes.
 *
 * A request is accepted at once (TLM_UPDATED, END_REQ), so the request channel is never
 * held up. It begins when its delay has passed, in the order of those times; transfers
 * go on side by side, and end in any order.
 *
 * Response exclusion: one BEGIN_RESP at a time; the next waits in line until END_RESP came, by
 * return value or by call, and its delay has passed.
 *
 * A payload is ours from BEGIN_REQ to END_RESP (acquire, release), so it needs a
 * memory manager.
 */
class nb_target {
public:
	using payload_type = tlm::tlm_generic_payload;
	using backward = std::function<tlm::tlm_sync_enum(payload_type &, tlm::tlm_phase &,
							  sc_core::sc_time &)>;

	// port is borrowed; bw calls the initiator's nb_transport_bw().
	nb_target(dma_port &port, backward bw);

	// Make the processes; during elaboration.
	void spawn();

	tlm::tlm_sync_enum nb_transport_fw(payload_type &payload, tlm::tlm_phase &phase,
					   sc_core::sc_time &delay);

private:
	tlm::tlm_sync_enum begin_request(payload_type &payload, tlm::tlm_phase &phase,
					 const sc_core::sc_time &delay);
	void end_response(const sc_core::sc_time &delay);
	void start_due();
	void send_response();
	void begin_response();

	dma_port &port;
	backward bw;
	tlm_utils::peq_with_get<payload_type> requests;
	std::deque<payload_type *> responses;
	payload_type *responding = nullptr;	// between BEGIN_RESP and END_RESP
	sc_core::sc_time response_over;		// simulated time from which on the channel is free
	sc_core::sc_event respond;
};

} // namespace tlpb

#endif
