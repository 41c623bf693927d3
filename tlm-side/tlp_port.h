// SPDX-License-Identifier: MIT
/*
 * A PCI Express function whose inside takes and gives TLPs itself: RTL behind a stream as
 * a hard IP has it, or a model that builds its own.
 *
 *	tlpb::tlp_port port("port", description);
 *	model.rx.bind(port.rx);		// what the host sends, in order
 *	model.tx.bind(port.tx);		// what the model sends, in order
 *	pump.add(port);
 *
 * Everything here belongs to the SystemC thread. Only get(), peek() and put() wait, each in a thread
 * process.
 */
#ifndef TLM_SIDE_TLP_PORT_H
#define TLM_SIDE_TLP_PORT_H

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <systemc>
#include <tlm>
#include <tlpbridge/ep.h>
#include <vector>

#include "kit/function_description.h"
#include "kit/reset_if.h"
#include "link_settings.h"

namespace tlpb {

// A TLP with its data.
struct tlp_packet {
	tlpb_tlp header = {};		// its payload and payload_len are not for use
	std::vector<uint8_t> payload;	// 4 * header.length_dw bytes, for kinds with data
	uint64_t time_ps = 0;		// received: the host's stamp

	// The whole, borrowing from this packet.
	tlpb_tlp view() const;
};

/*
 * get() and put() wait, in a thread process; nb_get() and nb_put() do not. The events of
 * ok_to_get() and ok_to_put() tell when to try again.
 */
using tlp_rx_if = tlm::tlm_get_peek_if<tlp_packet>;
using tlp_tx_if = tlm::tlm_put_if<tlp_packet>;

/*
 * Back-pressure. Towards the model: when rx_depth TLPs have not been taken, nothing more is
 * read from the link until one is, so the host's own queue fills up and its writers
 * wait, as they do when credits run out. Towards the host: put() waits and nb_put()
 * fails while 64 KiB of TLPs of the same class (posted, non-posted, completion) wait for
 * the host's credits, or 1 MiB is queued that it did not take yet.
 *
 * A malformed TLP is an error of the model (SC_REPORT_ERROR names the rule). TLPs without a
 * host, and with keep_config requests without Bus Master Enable, go nowhere, and are counted.
 *
 * With a reset, what was received and not taken is dropped; the host gets Unsupported Request
 * for it. What the model has taken is its own business: a host waits for each completion.
 */
class tlp_port : public sc_core::sc_module, private tlp_rx_if, private tlp_tx_if {
public:
	enum class config_space {
		model,		// configuration requests come to the model like all others
		keep,		// the endpoint answers them from the description
	};

	enum { rx_depth = 64 };

	sc_core::sc_export<tlp_rx_if> rx{ "rx" };
	sc_core::sc_export<tlp_tx_if> tx{ "tx" };

	// Who is told of resets by the host.
	sc_core::sc_port<kit::reset_if, 0, sc_core::SC_ZERO_OR_MORE_BOUND> reset{ "reset" };

	/*
	 * The description is what the host is told before the first TLP. trace is borrowed, may
	 * be null, and outlives the port. Throws std::invalid_argument when PCI does not allow
	 * the description, or the credits.
	 */
	tlp_port(sc_core::sc_module_name name, const kit::function_description &function,
		 config_space config = config_space::model, tlpb_trace *trace = nullptr,
		 const link_settings &settings = {});
	~tlp_port() override;

	// The library's endpoint; this module's.
	tlpb_ep *ep() { return endpoint; }

	// TLPs received that the model has not taken: rx_depth at most.
	size_t waiting() const { return received.size(); }

	// TLPs of the model that went nowhere.
	unsigned dropped() const { return drops; }

private:
	struct callbacks;	// the C functions of tlpb_ep_ops

	tlpb_ep *open(const kit::function_description &function, config_space config,
		      tlpb_trace *trace, const link_settings &settings);
	void arrive(const tlpb_tlp &tlp, uint64_t time_ps);
	void forget_received();
	void refuse(const tlpb_tlp &request);
	tlp_packet take();

	tlp_packet get(tlm::tlm_tag<tlp_packet> *) override;
	bool nb_get(tlp_packet &packet) override;
	bool nb_can_get(tlm::tlm_tag<tlp_packet> *) const override { return !received.empty(); }
	const sc_core::sc_event &ok_to_get(tlm::tlm_tag<tlp_packet> *) const override { return arrived; }
	tlp_packet peek(tlm::tlm_tag<tlp_packet> *) const override;
	bool nb_peek(tlp_packet &packet) const override;
	bool nb_can_peek(tlm::tlm_tag<tlp_packet> *) const override { return !received.empty(); }
	const sc_core::sc_event &ok_to_peek(tlm::tlm_tag<tlp_packet> *) const override { return arrived; }

	void put(const tlp_packet &packet) override;
	bool nb_put(const tlp_packet &packet) override;
	bool nb_can_put(tlm::tlm_tag<tlp_packet> *) const override { return !full; }
	const sc_core::sc_event &ok_to_put(tlm::tlm_tag<tlp_packet> *) const override { return sendable; }

	tlpb_ep *endpoint;
	std::deque<tlp_packet> received;
	sc_core::sc_event arrived, sendable;
	bool full = false;		// the link takes nothing more for now
	unsigned drops = 0;
};

} // namespace tlpb

#endif
