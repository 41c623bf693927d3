// SPDX-License-Identifier: MIT
/*
 * A PCI Express device whose inside is a TLM-2.0 model:
 *
 *	tlpb::pcie_endpoint endpoint("endpoint", description);
 *	endpoint.bar[0].bind(model.registers);	// the host's accesses, offsets from 0
 *	model.dma.bind(endpoint.dma);		// DMA at bus addresses, may be left out
 *	model.irq.bind(endpoint.irq);		// may be left out
 *
 * It is function 0 of the device; endpoint_function.h has its sockets, and tells of more functions.
 * A tlpb::pump connects it to hosts. Everything here belongs to the SystemC thread, and no call
 * but DMA waits.
 */
#ifndef TLM_SIDE_PCIE_ENDPOINT_H
#define TLM_SIDE_PCIE_ENDPOINT_H

#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <tlpbridge/ep.h>
#include <vector>

#include "device_description.h"
#include "endpoint_core.h"
#include "endpoint_function.h"
#include "link_settings.h"

namespace tlpb {

class pcie_endpoint : public endpoint_function {
public:
	// For messages to people; may be empty. Called as hosts come and go; must not wait.
	std::function<void(const std::string &host)> on_connected;
	std::function<void(const std::string &why)> on_disconnected;

	/*
	 * trace is borrowed, may be null, and outlives the endpoint. Throws
	 * std::invalid_argument when PCI does not allow the description, or the credits.
	 */
	pcie_endpoint(sc_core::sc_module_name name, const kit::function_description &function,
		      tlpb_trace *trace = nullptr, const link_settings &settings = {});
	pcie_endpoint(sc_core::sc_module_name name, const tlpb_device &device,
		      tlpb_trace *trace = nullptr,
		      const std::vector<kit::register_description> &registers = {},
		      const link_settings &settings = {});
	~pcie_endpoint() override;

	// The library's endpoint, and what it says of function 0; both this module's.
	tlpb_ep *ep() { return core->endpoint; }
	const tlpb_ep *ep() const { return core->endpoint; }
	const tlpb_device &device() const { return *tlpb_ep_device(core->endpoint); }

	// Gives requests their processes, and debug DMA a way to serve the link; the server does it.
	void serve_by(std::shared_ptr<request_pool> pool, poll_function poll)
	{
		core->queue.join(std::move(pool));
		core->poll = std::move(poll);
	}

private:
	friend class endpoint_function;	// further ones share the core

	pcie_endpoint(sc_core::sc_module_name name, const tlpb_device &device, tlpb_trace *trace,
		      const std::vector<kit::register_description> &registers,
		      const own_capabilities &capabilities, const link_settings &settings);
};

} // namespace tlpb

#endif
