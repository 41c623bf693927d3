// SPDX-License-Identifier: MIT
/*
 * Both ends of the base protocol in the ways that models use it: a target that only has
 * nb_transport, and an initiator of DMA by nb_transport_fw.
 */
#ifndef TESTS_TLM_NB_MODEL_H
#define TESTS_TLM_NB_MODEL_H

#include <deque>
#include <functional>
#include <gtest.h>
#include <memory>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <vector>

#include "sim.h"

// Memory of 4 KiB; what an access takes, and in which style it is answered, is up to the test.
class nb_memory : public sc_core::sc_module, private tlm::tlm_fw_transport_if<> {
public:
	enum class style {
		four_phases,		// END_REQ and BEGIN_RESP by call
		end_req_returned,	// TLM_UPDATED, END_REQ
		no_end_req,		// BEGIN_RESP by call implies it
		begin_resp_returned,	// TLM_UPDATED, BEGIN_RESP
		completed,		// TLM_COMPLETED
	};

	struct answer {
		nb_memory::style style = nb_memory::style::four_phases;
		double request_ns = 5, response_ns = 20;
		tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
		unsigned after = 0;	// responses that go out before this one
	};

	tlm::tlm_target_socket<> socket{ "socket" };
	std::function<answer(const tlm::tlm_generic_payload &)> on_request;
	std::vector<uint8_t> memory = std::vector<uint8_t>(4096);
	std::vector<uint64_t> requests;		// addresses, as they came
	unsigned responses = 0;			// that have begun

	explicit nb_memory(sc_core::sc_module_name name) : sc_module(name)
	{
		socket.bind(*this);
	}

private:
	using payload_type = tlm::tlm_generic_payload;

	void b_transport(payload_type &, sc_core::sc_time &) override
	{
		SC_REPORT_ERROR("nb_memory", "this model has no b_transport");
	}

	unsigned transport_dbg(payload_type &) override { return 0; }
	bool get_direct_mem_ptr(payload_type &, tlm::tlm_dmi &) override { return false; }

	tlm::tlm_sync_enum nb_transport_fw(payload_type &payload, tlm::tlm_phase &phase,
					   sc_core::sc_time &delay) override
	{
		if (phase == tlm::END_RESP) {
			responding = false;
			response_over.notify(sc_core::SC_ZERO_TIME);
			payload.release();
			return tlm::TLM_COMPLETED;
		}
		return begin(payload, phase, delay, on_request ? on_request(payload) : answer());
	}

	tlm::tlm_sync_enum begin(payload_type &payload, tlm::tlm_phase &phase, sc_core::sc_time &delay,
				 const answer &answer);
	void go_on(payload_type &payload, const answer &answer);
	void execute(payload_type &payload, const answer &answer);

	bool responding = false;
	sc_core::sc_event response_over;
};

// Starts transfers without waiting for them.
class nb_master : public sc_core::sc_module {
public:
	enum class style { completed, end_resp_returned, end_resp_called };

	tlm_utils::simple_initiator_socket<nb_master> socket{ "socket" };
	style how = style::completed;
	double response_ns = 0;		// from BEGIN_RESP to END_RESP
	unsigned released = 0;		// payloads that nobody holds any more

	explicit nb_master(sc_core::sc_module_name name) : sc_module(name)
	{
		socket.register_nb_transport_bw(this, &nb_master::nb_transport_bw);
	}

	struct transfer {
		tlm::tlm_command command;
		uint64_t address;
		std::vector<uint8_t> data;
		std::vector<uint8_t> enable = {};
		double delay_ns = 0;
		tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;
		bool over = false;
	};

	// In a thread process: BEGIN_REQ, and its END_REQ where that comes late.
	void begin(transfer &transfer);

	// Until all that has begun is over.
	void wait_all();

	std::vector<transfer *> order;	// in which the responses came

private:
	struct owner : tlm::tlm_mm_interface {
		nb_master &master;

		explicit owner(nb_master &its_master) : master(its_master) {}
		void free(tlm::tlm_generic_payload *payload) override
		{
			master.released++;
			delete payload;
		}
	};

	tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload &payload, tlm::tlm_phase &phase,
					   sc_core::sc_time &delay);
	void end_later(tlm::tlm_generic_payload &payload);
	void finish(tlm::tlm_generic_payload &payload);

	owner memory_manager{ *this };
	std::vector<std::pair<tlm::tlm_generic_payload *, transfer *>> under_way;
	sc_core::sc_event changed;
};

#endif
