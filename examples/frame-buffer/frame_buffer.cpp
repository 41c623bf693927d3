// SPDX-License-Identifier: MIT
/*
 * A frame buffer: BAR0 has registers that only know nb_transport, BAR1 the pixels, which the
 * host reaches by pointer (DMI). With a quantum, pixels cost no switch of processes each.
 *
 *	frame-buffer --listen ipc:///run/fb.sock
 */
#include <cstring>
#include <iostream>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>
#include <vector>

#include "kit/payload.h"
#include "listen_url.h"
#include "pcie_endpoint.h"
#include "pump.h"

// Pixels in memory of the model. Register 0 (write): 1 shows them, 0 blanks the screen.
class frame_buffer : public sc_core::sc_module {
public:
	tlm_utils::simple_target_socket<frame_buffer> registers{ "registers" };
	tlm_utils::simple_target_socket<frame_buffer> pixels{ "pixels" };

	explicit frame_buffer(sc_core::sc_module_name name) : sc_module(name)
	{
		registers.register_nb_transport_fw(this, &frame_buffer::nb_transport_fw);
		pixels.register_b_transport(this, &frame_buffer::b_transport);
		pixels.register_get_direct_mem_ptr(this, &frame_buffer::get_direct_mem_ptr);
	}

	enum { size = 64 * 1024 };

private:
	tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload &payload, tlm::tlm_phase &,
					   sc_core::sc_time &delay)
	{
		bool was = shown;

		kit::access_memory(payload, reinterpret_cast<uint8_t *>(&shown), sizeof shown);
		if (was && !shown)
			blank();
		delay += sc_core::sc_time(50, sc_core::SC_NS);
		return tlm::TLM_COMPLETED;	// early completion: no further phase
	}

	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay)
	{
		kit::access_memory(payload, memory.data(), size);
		delay += sc_core::sc_time(20, sc_core::SC_NS);
		payload.set_dmi_allowed(true);
	}

	bool get_direct_mem_ptr(tlm::tlm_generic_payload &, tlm::tlm_dmi &dmi)
	{
		dmi.set_dmi_ptr(memory.data());
		dmi.set_start_address(0);
		dmi.set_end_address(size - 1);
		dmi.allow_read_write();
		dmi.set_read_latency(sc_core::sc_time(20, sc_core::SC_NS));
		dmi.set_write_latency(sc_core::sc_time(20, sc_core::SC_NS));
		return true;
	}

	// Other memory from now on: what was granted is no longer true.
	void blank()
	{
		pixels->invalidate_direct_mem_ptr(0, size - 1);
		memory = std::vector<uint8_t>(size);
	}

	uint32_t shown = 0;
	std::vector<uint8_t> memory = std::vector<uint8_t>(size);
};

int sc_main(int argc, char **argv)
try {
	kit::function_description function("frame-buffer");
	function.id(0x1234, 0x0007).class_id(0x038000)
		.bar(0, kit::bar_kind::mem32, 4096)
		.bar(1, kit::bar_kind::pref32, frame_buffer::size);

	frame_buffer model("model");
	tlpb::pcie_endpoint endpoint("endpoint", function);
	endpoint.bar[0].bind(model.registers);
	endpoint.bar[1].bind(model.pixels);
	endpoint.use_nb_transport(0);
	tlm_utils::tlm_quantumkeeper::set_global_quantum(sc_core::sc_time(1, sc_core::SC_US));

	tlpb::pump pump(tlpb::listen_url(argc, argv));
	pump.add(endpoint);
	return pump.run();
} catch (const std::exception &e) {
	std::cerr << "frame-buffer: " << e.what() << "\n";
	return 1;
}
