// SPDX-License-Identifier: MIT
#include "nb_model.h"

#include <algorithm>

#include "kit/payload.h"

using sc_core::sc_time;
using sc_core::SC_NS;
using tlm::tlm_generic_payload;

/* ---- the target ---- */

void nb_memory::execute(tlm_generic_payload &payload, const answer &answer)
{
	if (answer.status == tlm::TLM_OK_RESPONSE)
		kit::access_memory(payload, memory.data(), memory.size());
	else
		payload.set_response_status(answer.status);
	responses++;
}

tlm::tlm_sync_enum nb_memory::begin(tlm_generic_payload &payload, tlm::tlm_phase &phase,
				    sc_time &delay, const answer &answer)
{
	requests.push_back(payload.get_address());
	if (answer.style == style::completed) {
		execute(payload, answer);
		delay += sc_time(answer.response_ns, SC_NS);
		return tlm::TLM_COMPLETED;
	}
	payload.acquire();
	if (answer.style == style::begin_resp_returned) {
		execute(payload, answer);
		responding = true;
		phase = tlm::BEGIN_RESP;
		delay += sc_time(answer.response_ns, SC_NS);
		return tlm::TLM_UPDATED;
	}
	spawn([this, &payload, answer] { go_on(payload, answer); });
	if (answer.style != style::end_req_returned)
		return tlm::TLM_ACCEPTED;
	phase = tlm::END_REQ;
	delay += sc_time(answer.request_ns, SC_NS);
	return tlm::TLM_UPDATED;
}

void nb_memory::go_on(tlm_generic_payload &payload, const answer &answer)
{
	tlm::tlm_phase phase = tlm::END_REQ;
	sc_time delay;

	sc_core::wait(sc_time(answer.request_ns, SC_NS));
	if (answer.style == style::four_phases)
		socket->nb_transport_bw(payload, phase, delay);
	sc_core::wait(sc_time(answer.response_ns, SC_NS));
	while (responding || responses < answer.after)
		sc_core::wait(response_over);
	responding = true;
	execute(payload, answer);
	phase = tlm::BEGIN_RESP;
	delay = sc_core::SC_ZERO_TIME;
	EXPECT_EQ(socket->nb_transport_bw(payload, phase, delay), tlm::TLM_ACCEPTED);
}

/* ---- the initiator ---- */

void nb_master::begin(transfer &transfer)
{
	tlm_generic_payload *payload = new tlm_generic_payload(&memory_manager);
	tlm::tlm_phase phase = tlm::BEGIN_REQ;
	sc_time delay(transfer.delay_ns, SC_NS);

	payload->acquire();
	prepare(*payload, transfer.command, transfer.address, transfer.data.data(),
		static_cast<unsigned>(transfer.data.size()));
	if (!transfer.enable.empty()) {
		payload->set_byte_enable_ptr(transfer.enable.data());
		payload->set_byte_enable_length(static_cast<unsigned>(transfer.enable.size()));
	}
	under_way.emplace_back(payload, &transfer);
	EXPECT_EQ(socket->nb_transport_fw(*payload, phase, delay), tlm::TLM_UPDATED);
	EXPECT_TRUE(phase == tlm::END_REQ);
	sc_core::wait(delay);		// the request channel is busy until then
}

void nb_master::wait_all()
{
	while (!under_way.empty())
		sc_core::wait(changed);
}

tlm::tlm_sync_enum nb_master::nb_transport_bw(tlm_generic_payload &payload, tlm::tlm_phase &phase,
					      sc_time &delay)
{
	EXPECT_TRUE(phase == tlm::BEGIN_RESP);
	if (how == style::end_resp_called) {
		spawn([this, &payload] { end_later(payload); });
		return tlm::TLM_ACCEPTED;
	}
	finish(payload);
	delay += sc_time(response_ns, SC_NS);
	phase = tlm::END_RESP;
	return how == style::completed ? tlm::TLM_COMPLETED : tlm::TLM_UPDATED;
}

void nb_master::end_later(tlm_generic_payload &payload)
{
	tlm::tlm_phase phase = tlm::END_RESP;
	sc_time delay;

	sc_core::wait(sc_time(response_ns, SC_NS));
	socket->nb_transport_fw(payload, phase, delay);
	finish(payload);
}

void nb_master::finish(tlm_generic_payload &payload)
{
	auto its = std::find_if(under_way.begin(), under_way.end(),
				[&](const auto &each) { return each.first == &payload; });

	its->second->status = payload.get_response_status();
	its->second->over = true;
	order.push_back(its->second);
	under_way.erase(its);
	payload.release();
	changed.notify(sc_core::SC_ZERO_TIME);
}
