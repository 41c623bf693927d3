// SPDX-License-Identifier: MIT
/*
 * Stands between an initiator and a target socket and fails the running test when one of them
 * breaks a rule of TLM-2.0 (IEEE 1666-2011, 11, 14 and 15.2):
 *
 *	protocol_checker checker("checker");
 *	initiator.bind(checker.target); checker.initiator.bind(target);
 */
#ifndef TESTS_TLM_PROTOCOL_CHECKER_H
#define TESTS_TLM_PROTOCOL_CHECKER_H

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <systemc>
#include <tlm>
#include <utility>
#include <vector>

class protocol_checker : public sc_core::sc_module, private tlm::tlm_fw_transport_if<>,
			 private tlm::tlm_bw_transport_if<> {
public:
	tlm::tlm_target_socket<32, tlm::tlm_base_protocol_types, 1, sc_core::SC_ZERO_OR_MORE_BOUND> target;
	tlm::tlm_initiator_socket<32, tlm::tlm_base_protocol_types, 1, sc_core::SC_ZERO_OR_MORE_BOUND> initiator;

	// Told of each broken rule; by default the running test fails.
	std::function<void(const std::string &rule)> report;

	// Rules that the test breaks on purpose, word by word as in protocol_checker.cpp.
	std::vector<std::string> provoked;

	// What went through, so that a test can see that it was looked at.
	struct {
		unsigned blocking, requests, early_completions, responses, debug, dmi, invalidations;
	} seen = {};

	std::vector<std::pair<uint64_t, uint64_t>> invalidated;	// first and last address

	explicit protocol_checker(sc_core::sc_module_name name);

	// No transaction is under way.
	bool idle() const { return under_way.empty() && blocking.empty(); }

private:
	using payload_type = tlm::tlm_generic_payload;

	// A payload as the initiator made it.
	struct attributes {
		explicit attributes(const payload_type &payload);

		tlm::tlm_command command;
		uint64_t address;
		unsigned char *data, *enable;
		unsigned length, enable_length, streaming_width;
		std::vector<uint8_t> written, enables;
		std::vector<uint8_t> untouched;		// of a read or an ignored command: before it
	};

	// The arguments of an nb_transport call as they came.
	struct call {
		tlm::tlm_phase phase;
		sc_core::sc_time delay;
	};

	enum class phase { request, accepted, response };

	struct transaction {
		attributes sent;
		phase state = phase::request;
		sc_core::sc_time time;	// of the last phase, with its delay
	};

	// What b_transport() has to leave as it was.
	struct belongings {
		explicit belongings(payload_type &payload);

		int references;
		std::vector<tlm::tlm_extension_base *> extensions;
	};

	// forward
	void b_transport(payload_type &payload, sc_core::sc_time &delay) override;
	tlm::tlm_sync_enum nb_transport_fw(payload_type &payload, tlm::tlm_phase &phase,
					   sc_core::sc_time &delay) override;
	bool get_direct_mem_ptr(payload_type &payload, tlm::tlm_dmi &dmi) override;
	unsigned transport_dbg(payload_type &payload) override;

	// backward
	tlm::tlm_sync_enum nb_transport_bw(payload_type &payload, tlm::tlm_phase &phase,
					   sc_core::sc_time &delay) override;
	void invalidate_direct_mem_ptr(sc_dt::uint64 first, sc_dt::uint64 last) override;

	void expect(bool holds, const char *rule);
	void check_request(const payload_type &payload);
	void check_held(payload_type &payload);
	void check_belongings(const belongings &before, payload_type &payload);
	void check_bytes_left_alone(const attributes &sent, const payload_type &payload);
	void check_unchanged(const attributes &sent, const payload_type &payload, bool over);
	void check_response(const attributes &sent, const payload_type &payload);

	transaction *find(payload_type &payload);
	void on_begin_req(payload_type &payload, const sc_core::sc_time &time);
	void on_end_req(payload_type &payload, const sc_core::sc_time &time);
	void on_begin_resp(payload_type &payload, const sc_core::sc_time &time);
	void on_end_resp(payload_type &payload, const sc_core::sc_time &time);
	void on_phase(payload_type &payload, const tlm::tlm_phase &phase,
		      const sc_core::sc_time &delay, bool forward);
	void on_return(payload_type &payload, const call &sent, const tlm::tlm_phase &phase,
		       tlm::tlm_sync_enum result, const sc_core::sc_time &delay, bool forward);
	void on_completed(payload_type &payload, const tlm::tlm_phase &sent,
			  const sc_core::sc_time &time);
	void advance(transaction &transaction, phase state, const sc_core::sc_time &time);
	void end_request(const payload_type &payload, const sc_core::sc_time &time);
	void forget(payload_type &payload);

	std::map<payload_type *, transaction> under_way;
	std::set<const payload_type *> blocking;	// in b_transport()
	const payload_type *requesting = nullptr, *responding = nullptr;
	sc_core::sc_time request_free, response_free;	// times at which the channels became free
};

#endif
