// SPDX-License-Identifier: MIT
/*
 * A PCI Express function whose inside is a TLM-2.0 model:
 *
 *	tlpb::pcie_endpoint endpoint("endpoint", description);
 *	endpoint.bar[0].bind(model.registers);	// the host's accesses, offsets from 0
 *	model.dma.bind(endpoint.dma);		// DMA at bus addresses, may be left out
 *	model.irq.bind(endpoint.irq);		// may be left out
 *
 * A tlpb::pump connects it to hosts. Everything here belongs to the SystemC thread.
 */
#ifndef TLM_SIDE_PCIE_ENDPOINT_H
#define TLM_SIDE_PCIE_ENDPOINT_H

#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <tlpbridge/ep.h>
#include <vector>

#include "dma_port.h"
#include "kit/eoi_if.h"
#include "kit/function_description.h"
#include "kit/interrupt_if.h"
#include "kit/reset_if.h"
#include "request_pool.h"

namespace tlpb {

// The bridge's own form of a description.
tlpb_device to_device(const kit::function_description &function);

/*
 * How requests reach the model: each memory write, in order, by one
 * b_transport() after the other; each read (and I/O write) by a process of its
 * own, after the writes before it were taken. A model may wait() in b_transport(),
 * and the delay it returns passes before the completion goes out. Payloads
 * carry a kit::tlp_extension. request_pool.h says why nothing is lost or reordered.
 */
class pcie_endpoint : public sc_core::sc_module, private kit::interrupt_if {
public:
	using socket = tlm_utils::simple_initiator_socket_optional<pcie_endpoint>;

	/*
	 * Bound to the model's target sockets: bar[0..5] and rom. Each region of the
	 * description needs its model, except a BAR with nothing but MSI-X in it.
	 */
	sc_core::sc_vector<socket> bar;
	socket rom;

	// The model's DMA. Never offers DMI.
	tlm_utils::simple_target_socket_optional<dma_port> dma;

	// The model's interrupts; INTx by call here or by wire below, not both.
	sc_core::sc_export<kit::interrupt_if> irq;
	sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND> intx_wire;

	// Who is told of resets.
	sc_core::sc_port<kit::reset_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> reset;

	// Who is told of the end of an INTx interrupt, where the host can know it.
	sc_core::sc_port<kit::eoi_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> eoi;

	// For messages to people; may be empty. Called as hosts come and go.
	std::function<void(const std::string &host)> on_connected;
	std::function<void(const std::string &why)> on_disconnected;

	/*
	 * trace is borrowed, may be null, and outlives the endpoint. Throws
	 * std::invalid_argument when PCI does not allow the description.
	 */
	pcie_endpoint(sc_core::sc_module_name name, const kit::function_description &function,
		      tlpb_trace *trace = nullptr);
	pcie_endpoint(sc_core::sc_module_name name, const tlpb_device &device,
		      tlpb_trace *trace = nullptr,
		      const std::vector<kit::register_description> &registers = {});
	~pcie_endpoint() override;

	tlpb_ep *ep() { return endpoint; }
	const tlpb_device &device() const { return *tlpb_ep_device(endpoint); }

	// Gives debug DMA a way to serve the link; the pump does it.
	void set_poll(poll_function function) { poll = std::move(function); }

private:
	struct callbacks;	// the C functions of tlpb_ep_ops

	tlpb_ep *open(const tlpb_device &device, tlpb_trace *trace,
		      const std::vector<kit::register_description> &registers);
	void end_of_elaboration() override;
	void check_binding(unsigned region, socket &socket);
	bool holds_only_msix(unsigned region) const;
	socket &socket_of(unsigned region);

	void serve(tlpb_ep_request *request);
	tlpb_cpl_status transport(const tlpb_ep_request &request);
	void drop(const request_pool::requests &requests);
	void function_reset(tlpb_reset kind);
	void reset_model(tlpb_reset kind);
	void drive_wire();

	kit::irq_result msi(unsigned vector) override;
	kit::irq_result msix(unsigned vector) override;
	kit::irq_result intx(bool level) override;

	tlpb_ep *endpoint;
	poll_function poll;
	dma_port port;
	request_pool pool;
	sc_core::sc_event reset_overdue;
	bool warned_incomplete = false;
	unsigned faults = 0;	// posted DMA writes that failed
};

} // namespace tlpb

#endif
