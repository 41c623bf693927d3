// SPDX-License-Identifier: MIT
#include "pcie_function.h"

#include "tlp_extension.h"

namespace kit {

pcie_function::pcie_function(sc_core::sc_module_name name, function_description description)
	: sc_module(name), dma("dma"), irq("irq"), messages("messages"),
	  description_(std::move(description))
{
}

tlm::tlm_response_status pcie_function::dma_read(uint64_t addr, void *data, size_t len,
						 uint64_t *fault)
{
	return transfer(tlm::TLM_READ_COMMAND, addr, data, len, fault);
}

tlm::tlm_response_status pcie_function::dma_write(uint64_t addr, const void *data, size_t len,
						  uint64_t *fault)
{
	// A payload has one pointer for both directions; a write does not change its data.
	return transfer(tlm::TLM_WRITE_COMMAND, addr, const_cast<void *>(data), len,
			fault);
}

namespace {

// A payload deletes the extensions it still has, also when its process is killed in between.
struct lent_extension {
	tlm::tlm_generic_payload &payload;
	tlp_extension tlp;

	explicit lent_extension(tlm::tlm_generic_payload &its_payload) : payload(its_payload)
	{
		payload.set_extension(&tlp);
	}
	~lent_extension() { payload.clear_extension(&tlp); }
};

} // namespace

tlm::tlm_response_status pcie_function::transfer(tlm::tlm_command command, uint64_t addr,
						 void *data, size_t len, uint64_t *fault)
{
	tlm::tlm_generic_payload payload;
	lent_extension lent(payload);
	sc_core::sc_time delay;

	payload.set_command(command);
	payload.set_address(addr);
	payload.set_data_ptr(static_cast<unsigned char *>(data));
	payload.set_data_length(static_cast<unsigned>(len));
	payload.set_streaming_width(static_cast<unsigned>(len));
	lent.tlp.fault_address = addr;	// what a host that knows no better leaves
	dma->b_transport(payload, delay);
	if (fault && !payload.is_response_ok())
		*fault = lent.tlp.fault_address;
	if (delay != sc_core::SC_ZERO_TIME)
		wait(delay);
	return payload.get_response_status();
}

} // namespace kit
