// SPDX-License-Identifier: MIT
/*
 * A PCI Express function whose inside is a TLM-2.0 model:
 *
 *	tlpb::pcie_endpoint endpoint("endpoint", description);
 *	endpoint.bar[0].bind(model.registers);	// the host's accesses, offsets from 0
 *	model.dma.bind(endpoint.dma);		// DMA at bus addresses, may be left out
 *	model.irq.bind(endpoint.irq);		// may be left out
 *
 * A tlpb::pump connects it to hosts. Everything here belongs to the SystemC thread, and no call
 * but DMA waits. Made and bound during elaboration; the end of elaboration reports
 * "tlpbridge/binding" (SC_ERROR) where a region has no model.
 */
#ifndef TLM_SIDE_PCIE_ENDPOINT_H
#define TLM_SIDE_PCIE_ENDPOINT_H

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <tlpbridge/ep.h>
#include <vector>

#include "bar_port.h"
#include "dma_port.h"
#include "kit/eoi_if.h"
#include "kit/function_description.h"
#include "kit/interrupt_if.h"
#include "kit/reset_if.h"
#include "link_settings.h"
#include "local_time.h"
#include "nb_target.h"
#include "request_payload.h"
#include "request_pool.h"

namespace tlpb {

// The bridge's own form of a description; does not check it, and cuts a name that is too long.
tlpb_device to_device(const kit::function_description &function);

// The library's form of the capabilities of one's own.
class own_capabilities {
public:
	own_capabilities() = default;
	explicit own_capabilities(const kit::function_description &function);

	void put_into(tlpb_ep_config &config) const;

private:
	std::vector<kit::capability_description> padded;	// what list points into
	std::vector<tlpb_capability> list;
};

/*
 * How requests reach the model: each memory write, in order, by one
 * b_transport() after the other; each read (and I/O write) by a process of its
 * own, after the writes before it were taken. A model may wait() in b_transport(),
 * and the delay it returns passes before the completion goes out. Payloads
 * carry a kit::tlp_extension. request_pool.h says why nothing is lost or reordered.
 *
 * With a quantum (tlm_global_quantum), the delays of posted writes add up, and the
 * kernel is given that time at once when the quantum is used up; the next access
 * begins with what is left as its incoming delay.
 *
 * A model that allows DMI in a response is asked for the memory, and accesses
 * within a grant go there by pointer, in the order above, until it is invalidated.
 */
class pcie_endpoint : public sc_core::sc_module, private kit::interrupt_if {
public:
	using socket = tlm_utils::simple_initiator_socket_tagged_optional<pcie_endpoint>;

	/*
	 * Bound to the model's target sockets: bar[0..5] and rom. Each region of the
	 * description needs its model, except a BAR with nothing but MSI-X in it.
	 */
	sc_core::sc_vector<socket> bar;
	socket rom;

	/*
	 * The model's DMA, at bus addresses. b_transport() waits in its thread process until the
	 * transfer is done; nb_transport_fw() never waits; transport_dbg() keeps the whole program
	 * for up to a second. DMI is refused. dma_port.h tells more. Responses: TLM_ADDRESS_ERROR where
	 * nobody answers, TLM_COMMAND_ERROR without Bus Master Enable, TLM_GENERIC_ERROR otherwise.
	 */
	tlm_utils::simple_target_socket_optional<pcie_endpoint> dma;

	// The model's interrupts, any process or none; INTx by call here or by wire below, not both.
	sc_core::sc_export<kit::interrupt_if> irq;
	sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND> intx_wire;

	// Who is told of resets (reset_if.h).
	sc_core::sc_port<kit::reset_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> reset;

	// Who is told of the end of an INTx interrupt, where the host can know it.
	sc_core::sc_port<kit::eoi_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> eoi;

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

	/*
	 * Reach that region's model by nb_transport: for models without b_transport. region is
	 * 0..5 for a BAR, 6 for the ROM. Before the simulation starts. Throws
	 * std::invalid_argument for another region.
	 */
	void use_nb_transport(unsigned region);

	// The library's endpoint, and what it says of itself; both this module's.
	tlpb_ep *ep() { return endpoint; }
	const tlpb_ep *ep() const { return endpoint; }
	const tlpb_device &device() const { return *tlpb_ep_device(endpoint); }

	// Gives debug DMA a way to serve the link; the pump does it.
	void set_poll(poll_function function) { poll = std::move(function); }

private:
	struct callbacks;	// the C functions of tlpb_ep_ops

	pcie_endpoint(sc_core::sc_module_name name, const tlpb_device &device, tlpb_trace *trace,
		      const std::vector<kit::register_description> &registers,
		      const own_capabilities &capabilities, const link_settings &settings);
	tlpb_ep *open(const tlpb_device &device, tlpb_trace *trace,
		      const std::vector<kit::register_description> &registers,
		      const own_capabilities &capabilities, const link_settings &settings);
	void end_of_elaboration() override;
	void check_binding(unsigned region, socket &socket);
	bool holds_only_msix(unsigned region) const;
	socket &socket_of(unsigned region);

	void register_backward(socket &socket, int region);
	tlm::tlm_sync_enum nb_transport_bw(int region, tlm::tlm_generic_payload &payload,
					   tlm::tlm_phase &phase, sc_core::sc_time &delay);
	void invalidate_dmi(int region, sc_dt::uint64 first, sc_dt::uint64 last);

	void dma_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
	tlm::tlm_sync_enum dma_nb_transport_fw(tlm::tlm_generic_payload &payload,
					       tlm::tlm_phase &phase, sc_core::sc_time &delay);
	unsigned dma_transport_dbg(tlm::tlm_generic_payload &payload);

	void serve(tlpb_ep_request *request);
	tlpb_cpl_status transport(const tlpb_ep_request &request);
	void pass(const sc_core::sc_time &delay, bool posted);
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
	nb_target nb_dma;
	std::array<bar_port, TLPB_ROM + 1> ports;	// by region
	payload_pool payloads;
	local_time ahead;				// of the posted writes
	request_pool pool;
	sc_core::sc_event reset_overdue;
	bool warned_incomplete = false;
	unsigned faults = 0;	// posted DMA writes that failed
};

} // namespace tlpb

#endif
