// SPDX-License-Identifier: MIT
/*
 * The bridge in a program that has its own sc_main() and calls sc_start() itself:
 *
 *	tlpb::bridge_module bridge("bridge", "ipc:///run/x.sock");
 *	bridge.add(endpoint);
 *	sc_start();
 *
 * Threads: the SystemC thread, except stop(). Only await_host() and sc_start() block; what models
 * throw or report comes out of sc_start().
 */
#ifndef TLM_SIDE_BRIDGE_MODULE_H
#define TLM_SIDE_BRIDGE_MODULE_H

#include <csignal>
#include <string>
#include <systemc>

#include "host_server.h"

namespace tlpb {

/*
 * Design notes.
 *
 * One SC_THREAD looks at the link, then gives the kernel back:
 * - while anything is to do at this time: for a delta cycle;
 * - while the design has events ahead (a clock, a timer): until the next one, but for the
 *   poll period at least, so that a fast clock does not cost a look at the link an edge;
 * - when nothing is left to do at all, what set_when_idle() says.
 *
 * Nobody spins: with block, the thread sleeps in the kernel of the operating system, and
 * simulated time stands still until a host asks for something. With pass it waits for
 * an event that only await_host() notifies, so sc_start() finds the design idle and returns.
 */
class bridge_module : public sc_core::sc_module {
public:
	enum class when_idle {
		block,		// sc_start() waits for hosts; sc_start(T) as well, before T is over
		pass,		// sc_start() returns; call await_host() before the next one
	};

	// Listen at url. Throws with cause and cure: std::invalid_argument for what can be no URL,
	// std::runtime_error else.
	bridge_module(sc_core::sc_module_name name, const std::string &url);

	// Says goodbye to the hosts and lets DMA in flight fail. Outside of sc_start().
	~bridge_module() override;

	// Offer an endpoint; it must outlive the module. Throws std::runtime_error.
	void add(pcie_endpoint &endpoint) { server.add(endpoint); }
	void add(tlp_port &port) { server.add(port); }

	// Simulated time between looks at the link while the design runs by itself; 1 us.
	void set_poll_period(const sc_core::sc_time &period) { poll_period = period; }

	// Block unless said otherwise.
	void set_when_idle(when_idle what) { idle = what; }

	/*
	 * Between two calls of sc_start(): block until a host asks for something, a signal
	 * arrives or timeout_ms (negative: no limit) is over. The next sc_start() serves it.
	 */
	void await_host(int timeout_ms);

	/*
	 * End sc_start() by sc_stop() soon, at the latest after a second. May be called in a
	 * signal handler.
	 */
	void stop() { stop_wanted = 1; }

private:
	enum { look_for_stop_ms = 1000 };

	void serve();
	void give_way();
	void block();

	host_server server;
	sc_core::sc_time poll_period{ 1, sc_core::SC_US };
	when_idle idle = when_idle::block;
	sc_core::sc_event arrived;
	volatile sig_atomic_t stop_wanted = 0;
	bool begun = false, closed = false;
};

} // namespace tlpb

#endif
