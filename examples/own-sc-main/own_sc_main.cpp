// SPDX-License-Identifier: MIT
/*
 * A program with its own sc_main(), its own clock and its own ideas of when to call
 * sc_start(), with a PCI Express endpoint in it.
 *
 *	own-sc-main --listen ipc:///run/own.sock
 */
#include <csignal>
#include <cstring>
#include <iostream>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>

#include "bridge_module.h"
#include "listen_url.h"
#include "pcie_endpoint.h"

// A counter of clock cycles: 0x0 cycles (read), 0x4 reset the counter (write).
class cycle_counter : public sc_core::sc_module {
public:
	sc_core::sc_in<bool> clock{ "clock" };
	tlm_utils::simple_target_socket<cycle_counter> socket{ "socket" };

	SC_HAS_PROCESS(cycle_counter);
	explicit cycle_counter(sc_core::sc_module_name name) : sc_module(name)
	{
		socket.register_b_transport(this, &cycle_counter::b_transport);
		SC_METHOD(count);
		sensitive << clock.pos();
		dont_initialize();
	}

private:
	void count() { cycles++; }

	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &)
	{
		if (payload.get_data_length() != 4 || payload.get_address() > 4) {
			payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
			return;
		}
		if (payload.is_read())
			memcpy(payload.get_data_ptr(), &cycles, 4);
		else if (payload.get_address() == 4)
			cycles = 0;
		payload.set_response_status(tlm::TLM_OK_RESPONSE);
	}

	uint32_t cycles = 0;
};

static tlpb::bridge_module *the_bridge;

static void on_signal(int)
{
	the_bridge->stop();
}

int sc_main(int argc, char **argv)
try {
	kit::function_description function("cycle-counter");
	function.id(0x1234, 0x0004).bar(0, kit::bar_kind::mem32, 4096);

	sc_core::sc_clock clock("clock", 10, sc_core::SC_NS);
	cycle_counter counter("counter");
	counter.clock(clock);

	tlpb::pcie_endpoint endpoint("endpoint", function);
	endpoint.bar[0].bind(counter.socket);

	tlpb::bridge_module bridge("bridge", tlpb::listen_url(argc, argv));
	bridge.add(endpoint);
	bridge.set_poll_period(sc_core::sc_time(500, sc_core::SC_NS));

	the_bridge = &bridge;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	while (sc_core::sc_get_status() != sc_core::SC_STOPPED)
		sc_core::sc_start(1, sc_core::SC_MS);	// whatever else the program does, in between
	std::cout << "stopped at " << sc_core::sc_time_stamp() << std::endl;
	return 0;
} catch (const std::exception &e) {
	std::cerr << "own-sc-main: " << e.what() << "\n";
	return 1;
}
