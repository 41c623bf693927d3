// SPDX-License-Identifier: MIT
/*
 * What the functions of an endpoint share: the link, and the order of what comes by it.
 *
 * Threads: the SystemC thread.
 */
#ifndef TLM_SIDE_ENDPOINT_CORE_H
#define TLM_SIDE_ENDPOINT_CORE_H

#include <array>
#include <functional>
#include <string>
#include <tlpbridge/ep.h>
#include <vector>

#include "device_description.h"
#include "dma_port.h"
#include "link_settings.h"
#include "local_time.h"
#include "request_payload.h"
#include "request_queue.h"

namespace tlpb {

class endpoint_function;

struct endpoint_core {
	/*
	 * Makes the library's endpoint, of function 0 alone. trace is borrowed, may be null, and
	 * outlives it. Throws std::invalid_argument for what PCI does not allow.
	 */
	endpoint_core(const tlpb_device &device, tlpb_trace *trace,
		      const std::vector<kit::register_description> &registers,
		      const own_capabilities &capabilities, const link_settings &settings);
	~endpoint_core();

	endpoint_core(const endpoint_core &) = delete;
	endpoint_core &operator=(const endpoint_core &) = delete;

	// One more function. Throws std::invalid_argument.
	void add(unsigned number, const tlpb_device &device, const own_capabilities &capabilities);

	// Frees the library's endpoint: no callback comes any more.
	void close();

	// Requests for a function go to its sockets from now on; nullptr: they are refused.
	void seat_function(unsigned number, endpoint_function *function);

	// Give requests back with a status.
	void complete(const request_queue::requests &requests, tlpb_cpl_status status);

	tlpb_ep *endpoint = nullptr;
	poll_function poll;
	payload_pool payloads;
	local_time ahead;		// of the posted writes
	request_queue queue;
	unsigned faults = 0;		// posted DMA writes that failed
	std::string name;		// for messages to people
	std::function<void(const std::string &host)> connected;
	std::function<void(const std::string &why)> disconnected;

private:
	struct callbacks;	// the C functions of tlpb_ep_ops

	enum { functions_max = 256 };

	// The context of a function's callbacks.
	struct seat {
		endpoint_core *core;
		endpoint_function *function;	// nullptr: none
	};

	tlpb_ep_ops ops() const;
	void serve(tlpb_ep_request *request);
	endpoint_function *function_of_id(uint16_t id) const;

	std::array<seat, functions_max> seats;	// by number
};

} // namespace tlpb

#endif
