// SPDX-License-Identifier: MIT
#include "pcie_function.h"

namespace kit {

pcie_function::pcie_function(sc_core::sc_module_name name, function_description description)
	: sc_module(name), dma("dma"), irq("irq"), description_(std::move(description))
{
}

tlm::tlm_response_status pcie_function::dma_read(uint64_t addr, void *data, size_t len)
{
	return transfer(tlm::TLM_READ_COMMAND, addr, data, len);
}

tlm::tlm_response_status pcie_function::dma_write(uint64_t addr, const void *data, size_t len)
{
	// A payload has one pointer for both directions; a write does not change its data.
	return transfer(tlm::TLM_WRITE_COMMAND, addr, const_cast<void *>(data), len);
}

tlm::tlm_response_status pcie_function::transfer(tlm::tlm_command command, uint64_t addr,
						 void *data, size_t len)
{
	tlm::tlm_generic_payload payload;
	sc_core::sc_time delay;

	payload.set_command(command);
	payload.set_address(addr);
	payload.set_data_ptr(static_cast<unsigned char *>(data));
	payload.set_data_length(static_cast<unsigned>(len));
	payload.set_streaming_width(static_cast<unsigned>(len));
	dma->b_transport(payload, delay);
	if (delay != sc_core::SC_ZERO_TIME)
		wait(delay);
	return payload.get_response_status();
}

} // namespace kit
