// SPDX-License-Identifier: MIT
/*
 * An existing TLM register model becomes a PCI Express endpoint.
 *
 *	register-model --listen ipc:///run/regs.sock
 *
 * The first part stands for a model that you have: it knows nothing of PCI
 * Express or of this project. The second part is all that has to be written.
 */
#include <cstring>
#include <iostream>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>

#include "listen_url.h"
#include "pcie_endpoint.h"
#include "pump.h"

// ---- the existing model: sixteen 32-bit registers ----

class register_model : public sc_core::sc_module {
public:
	tlm_utils::simple_target_socket<register_model> socket;

	explicit register_model(sc_core::sc_module_name name) : sc_module(name), socket("socket")
	{
		socket.register_b_transport(this, &register_model::b_transport);
	}

private:
	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay)
	{
		size_t offset = payload.get_address(), len = payload.get_data_length();

		if (offset >= sizeof regs || len > sizeof regs - offset || payload.get_byte_enable_ptr()) {
			payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
			return;
		}
		uint8_t *reg = reinterpret_cast<uint8_t *>(regs) + offset;
		if (payload.is_write())
			memcpy(reg, payload.get_data_ptr(), len);
		else
			memcpy(payload.get_data_ptr(), reg, len);
		delay += sc_core::sc_time(10, sc_core::SC_NS);
		payload.set_response_status(tlm::TLM_OK_RESPONSE);
	}

	uint32_t regs[16] = { 0x600d600d };
};

// ---- what makes it an endpoint ----

int sc_main(int argc, char **argv)
try {
	kit::function_description function("register-model");
	function.id(0x1234, 0x0001).bar(0, kit::bar_kind::mem32, 4096);

	register_model model("model");
	tlpb::pcie_endpoint endpoint("endpoint", function);
	endpoint.bar[0].bind(model.socket);

	tlpb::pump pump(tlpb::listen_url(argc, argv));
	pump.add(endpoint);
	return pump.run();
} catch (const std::exception &e) {
	std::cerr << "register-model: " << e.what() << "\n";
	return 1;
}
