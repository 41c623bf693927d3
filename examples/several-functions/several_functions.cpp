// SPDX-License-Identifier: MIT
/*
 * A device of two functions, the first with four virtual ones: each is a mailbox of its own.
 *
 *	several-functions --listen ipc:///run/mailboxes.sock
 *
 * Registers, 32 bits each: 0 WORD, 4 ADDRESS, 8 SEND: a write puts WORD at the bus address ADDRESS
 * by DMA and raises MSI-X vector 0. A Vendor_Defined message of vendor 0x1234 changes WORD, too.
 */
#include <iostream>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>

#include "kit/pcie_function.h"
#include "kit/registers.h"
#include "listen_url.h"
#include "model_binding.h"
#include "pcie_endpoint.h"
#include "pump.h"

enum : unsigned { vf_total = 4, mailboxes_vendor = 0x1234 };

static const kit::msix_description msix = { 1, 0, 0, 0x800, 0xc00 };	// in BAR0, too

static kit::function_description mailbox_description()
{
	kit::function_description function("mailboxes");

	function.id(mailboxes_vendor, 0x0008).bar(0, kit::bar_kind::mem32, 4096).msix(msix);
	return function;
}

static kit::function_description description_with_vfs()
{
	kit::sriov_description vfs;

	vfs.vfs = vf_total;
	vfs.offset = 2;		// functions 2, 3, 4 and 5
	vfs.device_id = 0x0009;
	vfs.bar_table[0] = { kit::bar_kind::mem32, 4096 };
	vfs.msix_table = msix;
	return mailbox_description().sriov(vfs);
}

// One function; a virtual one is no different.
class mailbox : public kit::pcie_function {
public:
	enum : uint32_t { WORD = 0, ADDRESS = 4, SEND = 8 };

	mailbox(sc_core::sc_module_name name, const kit::function_description &description)
		: pcie_function(name, description), bar0("bar0"), regs({
			{ WORD, "WORD", kit::access::rw, 0 },
			{ ADDRESS, "ADDRESS", kit::access::rw, 0 },
			{ SEND, "SEND", kit::access::wo, 0, [this](uint32_t) { written.notify(sc_core::SC_ZERO_TIME); } },
		  })
	{
		bar0.register_b_transport(this, &mailbox::b_transport);
		SC_HAS_PROCESS(mailbox);
		SC_THREAD(send);
	}

	tlm::tlm_target_socket<> &bar_socket(unsigned) override { return bar0; }

	void reset(kit::reset_kind) override { regs.reset(); }

	bool knows(const kit::message &message) override { return message.vendor_id == mailboxes_vendor; }
	void receive(const kit::message &message) override { regs[WORD] = message.word; }

private:
	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &)
	{
		regs.access_payload(payload);
	}

	void send()
	{
		for (;;) {
			wait(written);

			uint32_t word = regs[WORD];	// which may change while the DMA is under way
			if (dma_write(regs[ADDRESS], &word, sizeof word) == tlm::TLM_OK_RESPONSE)
				irq->msix(0);
		}
	}

	tlm_utils::simple_target_socket<mailbox> bar0;
	kit::registers regs;
	sc_core::sc_event written;
};

// The device: function 0, which knows the others.
class mailboxes : public mailbox {
public:
	explicit mailboxes(sc_core::sc_module_name name)
		: mailbox(name, description_with_vfs()), second("second", mailbox_description()),
		  virtuals("virtual", vf_total, [](const char *its_name, size_t) {
			return new mailbox(its_name, mailbox_description());
		  })
	{
		add_function(1, second);
		for (mailbox &each : virtuals)
			add_vf(each);
	}

	void vfs(unsigned count) override { std::cerr << count << " virtual mailboxes\n"; }

private:
	mailbox second;
	sc_core::sc_vector<mailbox> virtuals;
};

int sc_main(int argc, char **argv)
try {
	mailboxes model("model");
	tlpb::pcie_endpoint endpoint("endpoint", model.description());
	tlpb::further_functions others = tlpb::bind_device(endpoint, model);

	tlpb::pump pump(tlpb::listen_url(argc, argv));
	pump.add(endpoint);
	return pump.run();
} catch (const std::exception &e) {
	std::cerr << "several-functions: " << e.what() << "\n";
	return 1;
}
