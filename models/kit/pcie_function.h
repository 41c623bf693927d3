// SPDX-License-Identifier: MIT
/*
 * The outside of a model: what whoever hosts it needs to connect it. A model
 * derives from pcie_function, describes itself and gives a socket for each BAR.
 * Nothing here says where the host is.
 *
 * A device of several functions is one pcie_function each: the first, number 0, knows the others;
 * a function knows its virtual ones. Each has DMA, interrupts and resets of its own.
 *
 * Threads: the SystemC thread; made and bound during elaboration.
 */
#ifndef KIT_PCIE_FUNCTION_H
#define KIT_PCIE_FUNCTION_H

#include <cstddef>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <vector>

#include "function_description.h"
#include "interrupt_if.h"
#include "message_if.h"
#include "reset_if.h"
#include "vf_if.h"

namespace kit {

class pcie_function : public sc_core::sc_module, public reset_if, public vf_if,
		      public message_receiver_if {
public:
	struct numbered {
		unsigned number;	// in the device
		pcie_function *function;
	};

	// Bound by whoever hosts the model: where DMA goes, at bus addresses, and interrupts.
	tlm_utils::simple_initiator_socket<pcie_function> dma;
	sc_core::sc_port<interrupt_if> irq;
	sc_core::sc_port<message_if, 1, sc_core::SC_ZERO_OR_MORE_BOUND> messages;

	const function_description &description() const { return description_; }

	// The target socket of a BAR that the description has; asked for no other.
	virtual tlm::tlm_target_socket<> &bar_socket(unsigned index) = 0;

	// Of function 0: the others of its device.
	const std::vector<numbered> &further_functions() const { return further; }

	// VF 1 and so on, as many as the description's virtual_functions.vfs.
	const std::vector<pcie_function *> &virtual_functions() const { return virtuals; }

	// For models with virtual functions (vf_if.h).
	void vfs(unsigned) override {}

	// For models with messages of their own (message_if.h).
	bool knows(const message &) override { return false; }
	void receive(const message &) override {}

protected:
	pcie_function(sc_core::sc_module_name name, function_description description);

	// Both borrow the function, which lives as long as this one. number: 1 to 7, with ARI to 255.
	void add_function(unsigned number, pcie_function &function)
	{
		further.push_back({ number, &function });
	}
	void add_vf(pcie_function &function) { virtuals.push_back(&function); }

	// Tell people and tools the names of registers, which are made after the description.
	void name_registers(const std::vector<register_description> &list)
	{
		description_.name_registers(list);
	}

	/*
	 * DMA of len bytes at a bus address, from a thread process: waits until the
	 * transfer is done. data is the transfer's until then. fault, if given, is set when the
	 * transfer fails: the bus address of the first byte that failed. TLM_OK_RESPONSE, else
	 * TLM_ADDRESS_ERROR_RESPONSE where nobody answers at the address, TLM_COMMAND_ERROR_RESPONSE
	 * without Bus Master Enable, TLM_GENERIC_ERROR_RESPONSE for the rest, as without a host.
	 */
	tlm::tlm_response_status dma_read(uint64_t addr, void *data, size_t len,
					  uint64_t *fault = nullptr);
	tlm::tlm_response_status dma_write(uint64_t addr, const void *data, size_t len,
					   uint64_t *fault = nullptr);

private:
	tlm::tlm_response_status transfer(tlm::tlm_command command, uint64_t addr, void *data,
					  size_t len, uint64_t *fault);

	function_description description_;
	std::vector<numbered> further;
	std::vector<pcie_function *> virtuals;
};

} // namespace kit

#endif
