// SPDX-License-Identifier: MIT
#include "nb_initiator.h"

#include <string>

namespace tlpb {

static const char report_id[] = "tlpbridge/nb";

void nb_initiator::take_request_channel()
{
	unsigned ticket = next_ticket++;

	while (ticket != turn || requesting || sc_core::sc_time_stamp() < request_over)
		sc_core::wait(channel_free);
	turn++;
	requesting = true;
}

void nb_initiator::end_request(transaction &transaction, const sc_core::sc_time &delay)
{
	if (!transaction.requesting)
		return;
	transaction.requesting = false;
	requesting = false;
	request_over = sc_core::sc_time_stamp() + delay;
	channel_free.notify(delay);
}

void nb_initiator::respond(transaction &transaction, const sc_core::sc_time &delay)
{
	end_request(transaction, delay);
	transaction.responded = true;
	transaction.response_time = sc_core::sc_time_stamp() + delay;
	transaction.response.notify(delay);
}

// END_REQ or BEGIN_RESP; others than those of the base protocol may be ignored.
void nb_initiator::on_phase(transaction &transaction, const tlm::tlm_phase &phase,
			    const sc_core::sc_time &delay)
{
	if (phase == tlm::END_REQ && transaction.requesting)
		end_request(transaction, delay);
	else if (phase == tlm::BEGIN_RESP && !transaction.responded)
		respond(transaction, delay);
	else if (phase <= tlm::END_RESP)
		SC_REPORT_ERROR(report_id, (std::string("the target sent ") + phase.get_name() +
					    ", which the base protocol does not allow here").c_str());
}

void nb_initiator::begin(tlm::tlm_fw_transport_if<> &target, payload_type &payload,
			 transaction &transaction)
{
	tlm::tlm_phase phase = tlm::BEGIN_REQ;
	sc_core::sc_time delay;

	switch (target.nb_transport_fw(payload, phase, delay)) {
	case tlm::TLM_ACCEPTED:
		break;		// phase and delay say nothing
	case tlm::TLM_UPDATED:
		on_phase(transaction, phase, delay);
		break;
	case tlm::TLM_COMPLETED:
		transaction.completed = true;
		respond(transaction, delay);
		break;
	}
}

void nb_initiator::await_response(transaction &transaction)
{
	while (!transaction.responded ||
	       sc_core::sc_time_stamp() < transaction.response_time)
		sc_core::wait(transaction.response);
}

void nb_initiator::transport(tlm::tlm_fw_transport_if<> &target, payload_type &payload,
			     sc_core::sc_time &delay)
{
	transaction mine;
	tlm::tlm_phase phase = tlm::END_RESP;

	if (delay != sc_core::SC_ZERO_TIME)
		sc_core::wait(delay);
	delay = sc_core::SC_ZERO_TIME;
	take_request_channel();
	in_flight[&payload] = &mine;
	begin(target, payload, mine);
	await_response(mine);
	in_flight.erase(&payload);
	if (!mine.completed)
		target.nb_transport_fw(payload, phase, delay);
	delay = sc_core::SC_ZERO_TIME;
}

tlm::tlm_sync_enum nb_initiator::nb_transport_bw(payload_type &payload, tlm::tlm_phase &phase,
						 sc_core::sc_time &delay)
{
	auto found = in_flight.find(&payload);

	if (found != in_flight.end())
		on_phase(*found->second, phase, delay);
	else
		SC_REPORT_ERROR(report_id, "the target sent a phase for a transaction that is not "
				"under way");
	return tlm::TLM_ACCEPTED;
}

} // namespace tlpb
