// SPDX-License-Identifier: MIT
/*
 * The bridge's server in a SystemC program: what tlpb::pump and tlpb::bridge_module share.
 *
 * Threads: the SystemC thread.
 */
#ifndef TLM_SIDE_HOST_SERVER_H
#define TLM_SIDE_HOST_SERVER_H

#include <memory>
#include <string>
#include <tlpbridge/server.h>

#include "look.h"
#include "pcie_endpoint.h"
#include "request_pool.h"
#include "tlp_port.h"

namespace tlpb {

// Has sc_stop() been called, or is the simulation over?
bool simulation_over();

// Has sc_stop() been called, or a process failed? The kernel may still be in the delta cycle in which it was.
bool simulation_stops();

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
	int process() { return wait(0); }

	// The same, and block for it up to timeout_ms (negative: no limit). Ends early with a signal.
	int wait(int timeout_ms);

	// Who serves the endpoints.
	request_pool &processes() { return *pool; }

	/*
	 * Say goodbye to the hosts and remove the socket, then let processes that
	 * waited for DMA see that it ended, if the simulation has begun. Outside of
	 * sc_start() only. Throws what models throw.
	 */
	void close(bool simulation_begun);

private:
	void add(tlpb_ep *ep);

	tlpb_server *server = nullptr;
	const std::shared_ptr<request_pool> pool = std::make_shared<request_pool>();
	std::string devices;		// ", device NAME (1234:5678)" for each endpoint
	bool announced = false;
};

} // namespace tlpb

#endif
