// SPDX-License-Identifier: MIT
/*
 * A function that answers TLPs by hand: configuration space, a BAR of 4 KiB memory, and nothing
 * else.
 *
 *	raw-tlp --listen ipc:///run/raw.sock
 */
#include <cstring>
#include <iostream>
#include <systemc>

#include "listen_url.h"
#include "pump.h"
#include "tlp_port.h"

class raw_memory : public sc_core::sc_module {
public:
	sc_core::sc_port<tlpb::tlp_rx_if> rx{ "rx" };
	sc_core::sc_port<tlpb::tlp_tx_if> tx{ "tx" };

	SC_HAS_PROCESS(raw_memory);
	explicit raw_memory(sc_core::sc_module_name name) : sc_module(name)
	{
		SC_THREAD(run);
	}

private:
	enum { bar_size = 4096 };

	void run()
	{
		for (;;)
			serve(rx->get());
	}

	void serve(const tlpb::tlp_packet &request)
	{
		const tlpb_tlp &tlp = request.header;

		switch (tlp.kind) {
		case TLPB_CFGRD0:
			complete(tlp, TLPB_CPL_SC, 4, config_dw(tlp.reg_offset));
			break;
		case TLPB_CFGWR0:
			id = tlp.dest_id;	// captured, 2.2.6.2
			write(config_dw(tlp.reg_offset), tlp.first_be, writable(tlp.reg_offset),
			      request.payload.data());
			complete(tlp, TLPB_CPL_SC, 4);
			break;
		case TLPB_MRD:
			if (in_bar(tlp))
				complete(tlp, TLPB_CPL_SC, tlpb_byte_count(tlp.length_dw, tlp.first_be,
					 tlp.last_be), memory + (tlp.address & (bar_size - 1)));
			else
				complete(tlp, TLPB_CPL_UR, 4);
			break;
		case TLPB_MWR:
			if (in_bar(tlp))
				write_memory(request);
			break;
		default:
			if (tlpb_kind_class(tlp.kind) == TLPB_NON_POSTED)
				complete(tlp, TLPB_CPL_UR, 4);
		}
	}

	bool in_bar(const tlpb_tlp &tlp) const
	{
		uint32_t bar, command;

		memcpy(&bar, config + 0x10, 4);
		memcpy(&command, config + 0x04, 4);
		return (command & 2) && tlp.length_dw <= 16 && bar == (tlp.address & ~(bar_size - 1ull));
	}

	// One TLP with data goes back for a read: no request of this example is split.
	void complete(const tlpb_tlp &request, tlpb_cpl_status status, unsigned bytes,
		      const uint8_t *data = nullptr)
	{
		tlpb::tlp_packet answer;
		tlpb_tlp &cpl = answer.header;
		bool memory_read = request.kind == TLPB_MRD;

		cpl.kind = data ? TLPB_CPLD : TLPB_CPL;
		cpl.tc = request.tc;
		cpl.requester_id = request.requester_id;
		cpl.tag = request.tag;
		cpl.completer_id = id;
		cpl.status = static_cast<uint8_t>(status);
		cpl.byte_count = static_cast<uint16_t>(bytes);
		if (memory_read)
			cpl.lower_address = static_cast<uint8_t>((request.address & 0x7c) +
								 tlpb_first_byte(request.first_be));
		if (data) {
			cpl.length_dw = request.length_dw;
			answer.payload.assign(data, data + 4 * request.length_dw);
		}
		tx->put(answer);
	}

	void write_memory(const tlpb::tlp_packet &request)
	{
		const tlpb_tlp &tlp = request.header;
		uint8_t *to = memory + (tlp.address & (bar_size - 1));

		for (unsigned dw = 0; dw < tlp.length_dw; dw++) {
			unsigned be = !dw ? tlp.first_be : dw + 1 == tlp.length_dw ? tlp.last_be : 0xf;

			write(to + 4 * dw, be, 0xffffffff, request.payload.data() + 4 * dw);
		}
	}

	static void write(uint8_t *dw, unsigned byte_enables, uint32_t mask, const uint8_t *data)
	{
		for (unsigned i = 0; i < 4; i++)
			if (byte_enables >> i & 1)
				dw[i] = static_cast<uint8_t>((dw[i] & ~(mask >> 8 * i)) |
							     (data[i] & mask >> 8 * i));
	}

	uint8_t *config_dw(unsigned offset) { return offset < sizeof config ? config + offset : zeros; }

	// Memory Space Enable, and the address bits of BAR0.
	static uint32_t writable(unsigned offset)
	{
		return offset == 0x04 ? 0x0002 : offset == 0x10 ? ~(bar_size - 1u) : 0;
	}

	uint16_t id = 0;
	uint8_t memory[bar_size] = {}, zeros[4] = {};
	uint8_t config[64] = { 0x34, 0x12, 0x05, 0x00, 0, 0, 0, 0, 0x01, 0x00, 0x00, 0xff };
};

int sc_main(int argc, char **argv)
try {
	kit::function_description function("raw-tlp");	// what the host is told of BARs and IDs
	function.id(0x1234, 0x0005).bar(0, kit::bar_kind::mem32, 4096);

	raw_memory model("model");
	tlpb::tlp_port port("port", function);
	model.rx.bind(port.rx);
	model.tx.bind(port.tx);

	tlpb::pump pump(tlpb::listen_url(argc, argv));
	pump.add(port);
	return pump.run();
} catch (const std::exception &e) {
	std::cerr << "raw-tlp: " << e.what() << "\n";
	return 1;
}
