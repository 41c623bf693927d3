// SPDX-License-Identifier: MIT
/*
 * The sockets of one function of an endpoint. Function 0 is the tlpb::pcie_endpoint itself; a device
 * with more has a module for each, beside it:
 *
 *	tlpb::pcie_endpoint endpoint("endpoint", description);
 *	tlpb::endpoint_function second("second", endpoint, 1, its_description);
 *	second.bar[0].bind(second_model.registers);
 *
 * The virtual functions of a function with SR-IOV come with it: vf(0) is VF 1, with BARs, DMA and
 * interrupts of its own.
 *
 * Threads: the SystemC thread; no call but DMA waits. Made and bound during elaboration, before a host
 * comes; the end of elaboration reports "tlpbridge/binding" (SC_ERROR) where a region has no model.
 */
#ifndef TLM_SIDE_ENDPOINT_FUNCTION_H
#define TLM_SIDE_ENDPOINT_FUNCTION_H

#include <array>
#include <memory>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <tlpbridge/ep.h>
#include <vector>

#include "bar_port.h"
#include "dma_port.h"
#include "endpoint_core.h"
#include "kit/eoi_if.h"
#include "kit/function_description.h"
#include "kit/interrupt_if.h"
#include "kit/message_if.h"
#include "kit/reset_if.h"
#include "kit/vf_if.h"
#include "nb_target.h"

namespace tlpb {

class pcie_endpoint;

/*
 * How requests reach the model: each memory write, in order, by one
 * b_transport() after the other; each read (and I/O write) by a process of its
 * own, after the writes before it were taken. That order is one for all functions of the endpoint. A
 * model may wait() in b_transport(), and the delay it returns passes before the completion goes out.
 * Payloads carry a kit::tlp_extension. request_queue.h says why nothing is lost or reordered.
 *
 * With a quantum (tlm_global_quantum), the delays of posted writes add up, and the
 * kernel is given that time at once when the quantum is used up; the next access
 * begins with what is left as its incoming delay.
 *
 * A model that allows DMI in a response is asked for the memory, and accesses
 * within a grant go there by pointer, in the order above, until it is invalidated.
 *
 * Its interfaces are for the exports alone; protected, as a derived module has to destroy their virtual base.
 */
class endpoint_function : public sc_core::sc_module, protected kit::interrupt_if,
			  protected kit::message_if {
public:
	using socket = tlm_utils::simple_initiator_socket_tagged_optional<endpoint_function>;

	/*
	 * Bound to the model's target sockets: bar[0..5] and rom. Each region of the
	 * description needs its model, except a BAR with nothing but MSI-X in it.
	 */
	sc_core::sc_vector<socket> bar;
	socket rom;

	/*
	 * The model's DMA, at bus addresses, with this function's requester ID. b_transport() waits in
	 * its thread process until the transfer is done; nb_transport_fw() never waits; transport_dbg()
	 * keeps the whole program for up to a second. DMI is for reading memory that the host has granted
	 * (docs/direct-dma.md), until invalidate_direct_mem_ptr(). dma_port.h tells more. Responses:
	 * TLM_ADDRESS_ERROR where nobody answers, TLM_COMMAND_ERROR without Bus Master Enable or of a
	 * VF that is not enabled, TLM_GENERIC_ERROR otherwise.
	 */
	tlm_utils::simple_target_socket_optional<endpoint_function> dma;

	// The model's interrupts, any process or none; INTx by call here or by wire below, not both.
	sc_core::sc_export<kit::interrupt_if> irq;
	sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND> intx_wire;

	// The model's messages, any process or none.
	sc_core::sc_export<kit::message_if> messages;

	// Who gets the host's: those to this function by its ID, and as function 0 those by no ID.
	sc_core::sc_port<kit::message_receiver_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> receiver;

	// Who is told of resets of this function (reset_if.h).
	sc_core::sc_port<kit::reset_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> reset;

	// Who is told of the end of an INTx interrupt, where the host can know it.
	sc_core::sc_port<kit::eoi_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> eoi;

	// Who is told how many of the virtual functions software has made.
	sc_core::sc_port<kit::vf_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> vf_enable;

	/*
	 * A further function of endpoint. number is 1 to 7, to 255 where function 0
	 * has ARI. Register names of the description are not told to hosts. Throws std::invalid_argument
	 * when PCI does not allow the description, or the number is not free.
	 */
	endpoint_function(sc_core::sc_module_name name, pcie_endpoint &endpoint, unsigned number,
			  const kit::function_description &function);
	~endpoint_function() override;

	// TotalVFs of its description, and the sockets of each: vf(0) is VF 1. Throws std::out_of_range.
	unsigned vfs() const { return static_cast<unsigned>(virtuals.size()); }
	endpoint_function &vf(unsigned index) { return *virtuals.at(index); }

	// In the device.
	unsigned number() const { return its_number; }

	/*
	 * Reach that region's model by nb_transport: for models without b_transport. region is
	 * 0..5 for a BAR, 6 for the ROM. Before the simulation starts. Throws
	 * std::invalid_argument for another region.
	 */
	void use_nb_transport(unsigned region);

protected:
	using core_ptr = std::shared_ptr<endpoint_core>;

	// The core has the function already. vf: 0, or which VF it is, from 1.
	endpoint_function(sc_core::sc_module_name name, core_ptr core, unsigned number,
			  const tlpb_device &device, unsigned vf = 0);

	const core_ptr core;

private:
	friend struct endpoint_core;	// which has the library's callbacks

	void make_vfs();
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
	bool dma_get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi);

	void serve(tlpb_ep_request *request);
	tlpb_cpl_status transport(tlpb_ep_request &request);
	void pass(const sc_core::sc_time &delay, bool posted);
	void host_reset(tlpb_reset kind);
	void host_made_vfs(unsigned count);
	void host_ended_interrupt();
	void host_took_back(uint64_t first, uint64_t last);
	bool host_sent(const kit::message &message);
	void deliver(const kit::message &message);
	void reset_model(tlpb_reset kind);
	void drive_wire();

	kit::irq_result msi(unsigned vector) override;
	kit::irq_result msix(unsigned vector) override;
	kit::irq_result intx(bool level) override;

	kit::message_result send(const kit::message &message) override;
	kit::message_result ltr(uint16_t snoop, uint16_t no_snoop) override;
	kit::irq_result pme() override;

	const unsigned its_number, vf_number;
	const tlpb_device description;
	dma_port port;
	nb_target nb_dma;
	std::array<bar_port, TLPB_ROM + 1> ports;	// by region
	sc_core::sc_event reset_overdue;
	bool warned_incomplete = false;
	std::vector<std::unique_ptr<endpoint_function>> virtuals;
};

} // namespace tlpb

#endif
