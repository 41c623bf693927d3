// SPDX-License-Identifier: MIT
/*
 * The bridge owns the wait of the SystemC thread: it serves the link, runs what
 * the model has to do, and blocks in the kernel when both are idle.
 *
 *	tlpb::pump pump("ipc:///run/x.sock");
 *	pump.add(endpoint);
 *	return pump.run();
 *
 * Threads: all of it in the thread that runs SystemC, which sc_main() is in.
 * One pump a process; a program that calls sc_start() itself has a
 * tlpb::bridge_module instead. There is no receive thread, and an idle pump costs no CPU.
 */
#ifndef TLM_SIDE_PUMP_H
#define TLM_SIDE_PUMP_H

#include <csignal>
#include <exception>
#include <string>

#include "host_server.h"

namespace tlpb {

// Has SIGINT, SIGTERM and SIGHUP end run() for as long as it lives (SIGALRM: see pump.cpp).
class signal_guard {
public:
	signal_guard();
	~signal_guard();

	signal_guard(const signal_guard &) = delete;
	signal_guard &operator=(const signal_guard &) = delete;

private:
	enum { hangup, count = 4 };

	static constexpr int signals[count] = { SIGHUP, SIGINT, SIGTERM, SIGALRM };
	struct sigaction before[count];
};

class pump {
public:
	// Listen at url. Throws with cause and cure: std::invalid_argument for what can be no URL,
	// std::runtime_error else.
	explicit pump(const std::string &url);
	explicit pump(const tlpb_server_config &config);

	// Says goodbye to the hosts, removes the socket and lets DMA in flight fail.
	~pump();

	pump(const pump &) = delete;
	pump &operator=(const pump &) = delete;

	// Where it listens, with the port that was bound.
	const char *url() const;

	// Offer an endpoint; it must outlive the pump. Throws std::runtime_error.
	void add(pcie_endpoint &endpoint) { server.add(endpoint); }
	void add(tlp_port &port) { server.add(port); }

	/*
	 * Elaborate the design and run its initial processes; sc_start() takes no
	 * time. run() does it too; call it to hear of errors first. Throws what modules throw or report.
	 */
	void start();

	/*
	 * Serve until SIGINT, SIGTERM, SIGHUP or sc_stop(), and on an inherited socket until
	 * its host has left; logs "listening at URL" when that begins. A signal since the pump was
	 * made, when its socket came to be, counts, too. Returns 0. What a model throws, or reports
	 * as an error, comes out of it as an exception.
	 */
	int run();

private:
	class looking;

	bool over() const;
	bool look(int timeout_ms);
	void simulate();

	signal_guard signals;	// first: a signal while the server listens must not leave its socket
	host_server server;
	bool started = false;
	std::exception_ptr failure;	// what a callback of the library threw
};

} // namespace tlpb

#endif
