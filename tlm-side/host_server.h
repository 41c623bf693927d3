// SPDX-License-Identifier: MIT
/*
 * The bridge's server in a SystemC program: what tlpb::pump and tlpb::bridge_module share.
 *
 * Threads: the SystemC thread.
 */
#ifndef TLM_SIDE_HOST_SERVER_H
#define TLM_SIDE_HOST_SERVER_H

#include <string>
#include <tlpbridge/server.h>

#include "pcie_endpoint.h"
#include "tlp_port.h"

namespace tlpb {

// Has sc_stop() been called, or is the simulation over?
bool simulation_over();

class host_server {
public:
	// Listen at url. Throws with cause and cure: std::invalid_argument for what can be no URL,
	// std::runtime_error else.
	explicit host_server(const std::string &url);
	explicit host_server(const tlpb_server_config &config);
	~host_server();

	host_server(const host_server &) = delete;
	host_server &operator=(const host_server &) = delete;

	// Where it listens, with the port that was bound.
	const char *url() const { return tlpb_server_url(server); }

	// It listened on an inherited socket, and the one host of that has left.
	bool is_over() const { return tlpb_server_is_over(server); }

	// Offer an endpoint; it must outlive the server. Throws std::runtime_error.
	void add(pcie_endpoint &endpoint);
	void add(tlp_port &port);

	/*
	 * Log where it listens, with the endpoints; the first time only. Now hosts are served: who
	 * started the program, as tlpbridge run does, waits for that line.
	 */
	void announce();

	// Handle what has arrived; never blocks. How much that was; 0: nothing.
	int process() { return tlpb_server_process(server); }

	// The same, and block for it up to timeout_ms (negative: no limit). Ends early with a signal.
	void wait(int timeout_ms) { tlpb_server_wait(server, timeout_ms); }

	/*
	 * Say goodbye to the hosts and remove the socket, then let processes that
	 * waited for DMA see that it ended, if the simulation has begun. Outside of
	 * sc_start() only. Throws what models throw.
	 */
	void close(bool simulation_begun);

private:
	void add(tlpb_ep *ep);

	tlpb_server *server = nullptr;
	std::string devices;		// ", device NAME (1234:5678)" for each endpoint
	bool announced = false;
};

} // namespace tlpb

#endif
