// SPDX-License-Identifier: MIT
/*
 * SystemC in a test: modules are made before the first call below (a static
 * bench), then each test runs functions in thread processes. Checks inside those
 * use EXPECT_*; ASSERT_* belongs outside.
 */
#ifndef TESTS_TLM_SIM_H
#define TESTS_TLM_SIM_H

#include <functional>
#include <string>
#include <systemc>
#include <tlm>

// Until nothing is left to do, now or later.
inline void run_simulation()
{
	if (sc_core::sc_get_status() == sc_core::SC_ELABORATION)
		sc_core::sc_start(sc_core::SC_ZERO_TIME);
	for (;;) {
		if (sc_core::sc_pending_activity_at_current_time())
			sc_core::sc_start(sc_core::SC_ZERO_TIME);
		else if (sc_core::sc_pending_activity_at_future_time())
			sc_core::sc_start(sc_core::sc_time_to_pending_activity());
		else
			return;
	}
}

// Begin f in a thread process; it runs with the next run_simulation().
inline void spawn(std::function<void()> f)
{
	sc_core::sc_spawn(std::move(f), sc_core::sc_gen_unique_name("test"));
}

// Run f in a thread process until nothing is left to do.
inline void in_thread(std::function<void()> f)
{
	spawn(std::move(f));
	run_simulation();
}

// What f reports as an error of that type; the error is not thrown meanwhile. "": nothing.
inline std::string reported(const char *type, std::function<void()> f)
{
	using sc_core::sc_report_handler;
	const sc_core::sc_report *report;
	std::string text;

	sc_report_handler::clear_cached_report();
	sc_report_handler::set_actions(type, sc_core::SC_ERROR, sc_core::SC_CACHE_REPORT);
	f();
	report = sc_report_handler::get_cached_report();
	if (report)
		text = report->get_msg();
	sc_report_handler::set_actions(type, sc_core::SC_ERROR, sc_core::SC_DEFAULT_ERROR_ACTIONS);
	sc_report_handler::clear_cached_report();
	return text;
}

inline double now_ns()
{
	return sc_core::sc_time_stamp() / sc_core::sc_time(1, sc_core::SC_NS);
}

// A payload without extensions, ready for a socket.
inline void prepare(tlm::tlm_generic_payload &payload, tlm::tlm_command command, uint64_t address,
		    void *data, unsigned len)
{
	payload.set_command(command);
	payload.set_address(address);
	payload.set_data_ptr(static_cast<unsigned char *>(data));
	payload.set_data_length(len);
	payload.set_streaming_width(len);
	payload.set_byte_enable_ptr(nullptr);
	payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
}

#endif
