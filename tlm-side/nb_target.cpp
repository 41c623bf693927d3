// SPDX-License-Identifier: MIT
#include "nb_target.h"

#include <string>
#include <utility>

#include "spawn_method.h"

namespace tlpb {

static const char report_id[] = "tlpbridge/dma";

nb_target::nb_target(dma_port &its_port, backward its_bw)
	: port(its_port), bw(std::move(its_bw)),
	  requests(sc_core::sc_gen_unique_name("dma_requests"))
{
}

void nb_target::spawn()
{
	spawn_method("dma_start", requests.get_event(), [this] { start_due(); });
	spawn_method("dma_respond", respond, [this] { send_response(); });
}

tlm::tlm_sync_enum nb_target::begin_request(payload_type &payload, tlm::tlm_phase &phase,
					    const sc_core::sc_time &delay)
{
	if (!payload.has_mm()) {
		SC_REPORT_ERROR(report_id, "nb_transport_fw(): the payload needs a memory manager "
				"(tlm_generic_payload::set_mm())");
		return tlm::TLM_ACCEPTED;
	}
	payload.acquire();
	payload.set_dmi_allowed(false);
	requests.notify(payload, delay);
	phase = tlm::END_REQ;	// when BEGIN_REQ is, that is, after the same delay
	return tlm::TLM_UPDATED;
}

tlm::tlm_sync_enum nb_target::nb_transport_fw(payload_type &payload, tlm::tlm_phase &phase,
					      sc_core::sc_time &delay)
{
	if (phase == tlm::BEGIN_REQ)
		return begin_request(payload, phase, delay);
	if (phase == tlm::END_RESP && responding == &payload) {
		end_response(delay);
		return tlm::TLM_COMPLETED;
	}
	if (phase <= tlm::END_RESP)
		SC_REPORT_ERROR(report_id, (std::string("nb_transport_fw(): the base protocol does not "
						        "allow ") + phase.get_name() + " here").c_str());
	return tlm::TLM_ACCEPTED;	// an extended phase, which may be ignored
}

void nb_target::start_due()
{
	while (payload_type *payload = requests.get_next_transaction())
		port.start(*payload, [this, payload] {
			responses.push_back(payload);
			respond.notify(sc_core::SC_ZERO_TIME);
		});
}

void nb_target::send_response()
{
	sc_core::sc_time now = sc_core::sc_time_stamp();

	if (responding || responses.empty())
		return;
	if (now < response_over)
		respond.notify(response_over - now);
	else
		begin_response();
}

void nb_target::begin_response()
{
	tlm::tlm_phase phase = tlm::BEGIN_RESP;
	sc_core::sc_time delay;
	payload_type &payload = *responses.front();

	responses.pop_front();
	responding = &payload;		// END_RESP may come inside of the call
	switch (bw(payload, phase, delay)) {
	case tlm::TLM_ACCEPTED:
		break;
	case tlm::TLM_UPDATED:
		if (phase == tlm::END_RESP)
			end_response(delay);
		else if (phase <= tlm::END_RESP)
			SC_REPORT_ERROR(report_id, "the initiator answered BEGIN_RESP by another phase "
					"than END_RESP");
		break;
	case tlm::TLM_COMPLETED:
		end_response(delay);
		break;
	}
}

void nb_target::end_response(const sc_core::sc_time &delay)
{
	payload_type *payload = std::exchange(responding, nullptr);

	if (!payload)
		return;		// the call said END_RESP, too
	response_over = sc_core::sc_time_stamp() + delay;
	respond.notify(delay);
	payload->release();
}

} // namespace tlpb
