// SPDX-License-Identifier: MIT
/*
 * The initiator's side of the base protocol by nb_transport (IEEE 1666-2011, 15.2): a blocking
 * call for the process that has a request, phases for the target.
 *
 * Threads: the SystemC thread. transport() is called in thread processes, several
 * of which may be in it at once.
 */
#ifndef TLM_SIDE_NB_INITIATOR_H
#define TLM_SIDE_NB_INITIATOR_H

#include <map>
#include <systemc>
#include <tlm>

namespace tlpb {

/*
 * Design notes.
 *
 * BEGIN_REQ -> END_REQ -> BEGIN_RESP -> END_RESP, where the target may leave out END_REQ
 * (BEGIN_RESP implies it), and may end early by TLM_COMPLETED.
 *
 * Request exclusion: the request channel is one process's from BEGIN_REQ until
 * END_REQ, or what implies it, has come and its delay has passed. The next one takes
 * it in the order of asking. Response exclusion is the target's to
 * keep; END_RESP goes out when the delay of BEGIN_RESP has passed.
 *
 * Nothing is lost: a process looks at its transaction before it waits, and every
 * phase that comes notifies the event that it waits for.
 */
class nb_initiator {
public:
	using payload_type = tlm::tlm_generic_payload;

	/*
	 * One transaction over target: returns when it is over. The payload has a
	 * memory manager. delay passes before BEGIN_REQ and is zero afterwards.
	 */
	void transport(tlm::tlm_fw_transport_if<> &target, payload_type &payload,
		       sc_core::sc_time &delay);

	// For the backward path of the socket. Never waits.
	tlm::tlm_sync_enum nb_transport_bw(payload_type &payload, tlm::tlm_phase &phase,
					   sc_core::sc_time &delay);

private:
	struct transaction {
		bool requesting = true;		// the request channel is its
		bool responded = false;
		bool completed = false;		// no END_RESP is due
		sc_core::sc_time response_time;	// when responded
		sc_core::sc_event response;
	};

	void take_request_channel();
	void end_request(transaction &transaction, const sc_core::sc_time &delay);
	void respond(transaction &transaction, const sc_core::sc_time &delay);
	void begin(tlm::tlm_fw_transport_if<> &target, payload_type &payload,
		   transaction &transaction);
	void on_phase(transaction &transaction, const tlm::tlm_phase &phase,
		      const sc_core::sc_time &delay);
	void await_response(transaction &transaction);

	std::map<const payload_type *, transaction *> in_flight;
	unsigned next_ticket = 0, turn = 0;	// who takes the request channel
	bool requesting = false;
	sc_core::sc_time request_over;		// simulated time from which on the channel is free
	sc_core::sc_event channel_free;
};

} // namespace tlpb

#endif
