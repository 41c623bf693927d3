// SPDX-License-Identifier: MIT
#include "tlp_port.h"

#include <stdexcept>

#include "device_description.h"
#include "simulated_time.h"
#include "tlm_status.h"

namespace tlpb {

tlpb_tlp tlp_packet::view() const
{
	tlpb_tlp tlp = header;

	tlp.payload = payload.empty() ? nullptr : payload.data();
	tlp.payload_len = payload.size();
	return tlp;
}

struct tlp_port::callbacks {
	static tlp_port &self(void *ctx) { return *static_cast<tlp_port *>(ctx); }

	static void tlp(void *ctx, const tlpb_tlp *tlp, uint64_t time_ps)
	{
		self(ctx).arrive(*tlp, time_ps);
	}

	static void ready(void *ctx)
	{
		self(ctx).full = false;
		self(ctx).sendable.notify(sc_core::SC_ZERO_TIME);
	}

	// When the host has left, too: who waits to send goes on, into nowhere.
	static void reset(void *ctx, tlpb_reset kind)
	{
		tlp_port &port = self(ctx);

		port.forget_received();
		ready(ctx);
		for (int i = 0; i < port.reset.size(); i++)
			port.reset[i]->reset(to_kit(kind));
	}

	// Nothing to do: never called in raw mode, but an endpoint has to have it.
	static void access(void *ctx, tlpb_ep_request *request)
	{
		tlpb_ep_complete(self(ctx).endpoint, request, TLPB_CPL_UR);
	}

	static uint64_t now(void *) { return simulated_ps(); }
};

tlp_port::tlp_port(sc_core::sc_module_name name, const kit::function_description &function,
		   config_space config, tlpb_trace *trace,
		   const link_settings &settings)
	: sc_module(name), endpoint(open(function, config, trace, settings))
{
	rx.bind(*this);
	tx.bind(*this);
}

tlpb_ep *tlp_port::open(const kit::function_description &function, config_space config,
			tlpb_trace *trace, const link_settings &settings)
{
	tlpb_device device = to_device(function);
	own_capabilities capabilities(function);
	tlpb_ep_ops ops = {};
	tlpb_ep_config ep_config = {};
	tlpb_ep *ep;
	char why[256];

	ops.access = callbacks::access;
	ops.tlp = callbacks::tlp;
	ops.tlp_ready = callbacks::ready;
	ops.reset = callbacks::reset;
	ops.now_ps = callbacks::now;
	ep_config.device = &device;
	ep_config.keep_config = config == config_space::keep;
	ep_config.ops = &ops;
	ep_config.ctx = this;
	ep_config.trace = trace;
	ep_config.credits = settings.credits;
	ep_config.order_seed = settings.order_seed;
	capabilities.put_into(ep_config);
	if (tlpb_ep_new(&ep_config, &ep, why, sizeof why))
		throw std::invalid_argument(function.name + ": " + why);
	return ep;
}

tlp_port::~tlp_port()
{
	tlpb_ep_free(endpoint);
}

/* ---- from the host ---- */

void tlp_port::arrive(const tlpb_tlp &tlp, uint64_t time_ps)
{
	tlp_packet packet;

	packet.header = tlp;
	packet.header.payload = nullptr;
	if (tlp.payload_len)
		packet.payload.assign(tlp.payload, tlp.payload + tlp.payload_len);
	packet.time_ps = time_ps;
	received.push_back(std::move(packet));
	arrived.notify(sc_core::SC_ZERO_TIME);
	if (received.size() >= rx_depth)
		tlpb_ep_hold_tlps(endpoint, true);
}

void tlp_port::refuse(const tlpb_tlp &request)
{
	tlpb_tlp cpl = {};
	bool read = request.kind == TLPB_MRD;

	if (tlpb_kind_class(request.kind) != TLPB_NON_POSTED)
		return;
	cpl.kind = TLPB_CPL;
	cpl.tc = request.tc;
	cpl.requester_id = request.requester_id;
	cpl.tag = request.tag;
	cpl.status = TLPB_CPL_UR;
	cpl.byte_count = static_cast<uint16_t>(read ? tlpb_byte_count(request.length_dw,
						      request.first_be, request.last_be) : 4);
	if (read)
		cpl.lower_address = static_cast<uint8_t>((request.address & 0x7c) +
							 tlpb_first_byte(request.first_be));
	tlpb_ep_send_tlp(endpoint, &cpl, nullptr);	// a host that has left needs none
}

void tlp_port::forget_received()
{
	for (const tlp_packet &packet : received)
		refuse(packet.header);
	received.clear();
	tlpb_ep_hold_tlps(endpoint, false);
}

tlp_packet tlp_port::take()
{
	tlp_packet packet = std::move(received.front());

	received.pop_front();
	tlpb_ep_hold_tlps(endpoint, false);
	return packet;
}

tlp_packet tlp_port::get(tlm::tlm_tag<tlp_packet> *)
{
	while (received.empty())
		sc_core::wait(arrived);
	return take();
}

bool tlp_port::nb_get(tlp_packet &packet)
{
	if (received.empty())
		return false;
	packet = take();
	return true;
}

tlp_packet tlp_port::peek(tlm::tlm_tag<tlp_packet> *) const
{
	while (received.empty())
		sc_core::wait(arrived);
	return received.front();
}

bool tlp_port::nb_peek(tlp_packet &packet) const
{
	if (received.empty())
		return false;
	packet = received.front();
	return true;
}

/* ---- from the model ---- */

static std::string complaint(const tlpb_tlp &tlp, int err, tlpb_rule rule)
{
	char text[256];

	tlpb_tlp_text(&tlp, text, sizeof text);
	return std::string(err == TLPB_ERR_MALFORMED ? tlpb_rule_name(rule) : tlpb_strerror(err)) +
	       ": " + text;
}

bool tlp_port::nb_put(const tlp_packet &packet)
{
	tlpb_tlp tlp = packet.view();
	tlpb_rule rule;
	int err = tlpb_ep_send_tlp(endpoint, &tlp, &rule);

	full = err == TLPB_ERR_AGAIN;
	if (full)
		return false;
	if (err == TLPB_ERR_CLOSED || err == TLPB_ERR_BUS_MASTER_OFF)
		drops++;
	else if (err)
		SC_REPORT_ERROR("tlpbridge/tlp", complaint(tlp, err, rule).c_str());
	return true;
}

void tlp_port::put(const tlp_packet &packet)
{
	while (!nb_put(packet))
		sc_core::wait(sendable);
}

} // namespace tlpb
