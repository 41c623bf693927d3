// SPDX-License-Identifier: MIT
#include "endpoint_function.h"

#include <stdexcept>
#include <string>
#include <tlpbridge/log.h>
#include <utility>

#include "pcie_endpoint.h"
#include "spawn_method.h"
#include "tlm_message.h"
#include "tlm_status.h"

namespace tlpb {

enum { reset_patience_us = 10 };	// simulated, for writes before a reset

// ---- making it ----

endpoint_function::endpoint_function(sc_core::sc_module_name name, core_ptr its_core, unsigned number,
				     const tlpb_device &device, unsigned vf)
	: sc_module(name), bar("bar", TLPB_BARS), rom("rom"), dma("dma"), irq("irq"),
	  intx_wire("intx_wire"), messages("messages"), receiver("receiver"), reset("reset"), eoi("eoi"), vf_enable("vf_enable"),
	  core(std::move(its_core)), its_number(number), vf_number(vf), description(device),
	  port(core->endpoint, number, core->poll), nb_dma(port, [this](auto &...of_call) {
		return dma->nb_transport_bw(of_call...);
	  })
{
	irq.bind(*this);
	messages.bind(*this);
	dma.register_b_transport(this, &endpoint_function::dma_b_transport);
	dma.register_nb_transport_fw(this, &endpoint_function::dma_nb_transport_fw);
	dma.register_transport_dbg(this, &endpoint_function::dma_transport_dbg);
	dma.register_get_direct_mem_ptr(this, &endpoint_function::dma_get_direct_mem_ptr);
	for (unsigned region = 0; region <= TLPB_ROM; region++)
		register_backward(socket_of(region), static_cast<int>(region));
	core->seat_function(number, this);
	make_vfs();
}

// The library's part is made before the module: a description that is refused leaves none behind.
static std::shared_ptr<endpoint_core> with_function(std::shared_ptr<endpoint_core> core, unsigned number,
						    const kit::function_description &function)
{
	core->add(number, to_device(function), own_capabilities(function));
	return core;
}

endpoint_function::endpoint_function(sc_core::sc_module_name name, pcie_endpoint &endpoint,
				     unsigned number, const kit::function_description &function)
	: endpoint_function(name, with_function(endpoint.core, number, function), number,
			    to_device(function))
{
}

endpoint_function::~endpoint_function()
{
	core->seat_function(its_number, nullptr);
}

void endpoint_function::make_vfs()
{
	const tlpb_sriov &s = description.sriov;
	tlpb_device device;

	tlpb_device_vf(&description, &device);
	for (unsigned i = 0; i < s.vfs; i++)
		virtuals.emplace_back(new endpoint_function(("vf_" + std::to_string(i)).c_str(), core,
							    its_number + s.offset + i * s.stride,
							    device, i + 1));
}

void endpoint_function::register_backward(socket &socket, int region)
{
	socket.register_nb_transport_bw(this, &endpoint_function::nb_transport_bw, region);
	socket.register_invalidate_direct_mem_ptr(this, &endpoint_function::invalidate_dmi, region);
}

void endpoint_function::use_nb_transport(unsigned region)
{
	if (region > TLPB_ROM)
		throw std::invalid_argument("use_nb_transport(): 0..5 are BARs, 6 is the ROM");
	ports[region].by_nb = true;
}

endpoint_function::socket &endpoint_function::socket_of(unsigned region)
{
	return region == TLPB_ROM ? rom : bar[region];
}

bool endpoint_function::holds_only_msix(unsigned region) const
{
	const tlpb_device &d = description;

	return d.msix_vectors && d.msix_table_bar == region && d.msix_pba_bar == region;
}

void endpoint_function::check_binding(unsigned region, socket &socket)
{
	if (!description.region[region].size || socket.size() || holds_only_msix(region))
		return;
	SC_REPORT_ERROR("tlpbridge/binding",
			(std::string(socket.name()) + " is not bound, but the device has this "
			 "region: bind it to a target socket of the model, or leave the region "
			 "out of the description").c_str());
}

void endpoint_function::end_of_elaboration()
{
	for (unsigned region = 0; region <= TLPB_ROM; region++)
		check_binding(region, socket_of(region));
	nb_dma.spawn();
	spawn_method("reset_overdue", reset_overdue, [this] {
		core->complete(core->queue.hurry_actions(its_number), TLPB_CPL_UR);
	});
	if (intx_wire.size())
		spawn_method("wire", intx_wire->value_changed_event(), [this] { drive_wire(); });
}

// ---- calls of the model ----

tlm::tlm_sync_enum endpoint_function::nb_transport_bw(int region, tlm::tlm_generic_payload &payload,
						      tlm::tlm_phase &phase, sc_core::sc_time &delay)
{
	return ports[static_cast<unsigned>(region)].nb.nb_transport_bw(payload, phase, delay);
}

void endpoint_function::invalidate_dmi(int region, sc_dt::uint64 first, sc_dt::uint64 last)
{
	ports[static_cast<unsigned>(region)].dmi.invalidate(first, last);
}

void endpoint_function::dma_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay)
{
	port.b_transport(payload, delay);
}

tlm::tlm_sync_enum endpoint_function::dma_nb_transport_fw(tlm::tlm_generic_payload &payload,
							  tlm::tlm_phase &phase, sc_core::sc_time &delay)
{
	return nb_dma.nb_transport_fw(payload, phase, delay);
}

unsigned endpoint_function::dma_transport_dbg(tlm::tlm_generic_payload &payload)
{
	return port.transport_dbg(payload);
}

bool endpoint_function::dma_get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi)
{
	return port.get_direct_mem_ptr(payload, dmi);
}

void endpoint_function::drive_wire()
{
	if (intx_wire.size())
		tlpb_ep_function_intx(core->endpoint, its_number, intx_wire->read());
}

kit::irq_result endpoint_function::msi(unsigned vector)
{
	return to_kit(tlpb_ep_function_msi(core->endpoint, its_number, vector));
}

kit::irq_result endpoint_function::msix(unsigned vector)
{
	return to_kit(tlpb_ep_function_msix(core->endpoint, its_number, vector));
}

kit::irq_result endpoint_function::intx(bool level)
{
	return to_kit(tlpb_ep_function_intx(core->endpoint, its_number, level));
}

// A VF that software has not enabled has no link.
kit::message_result endpoint_function::send(const kit::message &message)
{
	tlpb_tlp tlp = to_tlp(message);

	if (!tlpb_ep_has_function(core->endpoint, its_number))
		return kit::message_result::no_link;
	return to_message_result(tlpb_ep_function_message(core->endpoint, its_number, &tlp));
}

kit::message_result endpoint_function::ltr(uint16_t snoop, uint16_t no_snoop)
{
	return to_message_result(tlpb_ep_ltr(core->endpoint, snoop, no_snoop));
}

kit::irq_result endpoint_function::pme()
{
	return to_kit(tlpb_ep_pme(core->endpoint, its_number));
}

// ---- what comes from the host ----

// Granted memory: pointers to these addresses are invalid when this returns.
void endpoint_function::host_took_back(uint64_t first, uint64_t last)
{
	if (dma.size())
		dma->invalidate_direct_mem_ptr(first, last);
}

/*
 * In a process of the pool. A completion for a host that has gone or for a
 * function that was reset meanwhile is dropped by the library.
 */
void endpoint_function::serve(tlpb_ep_request *request)
{
	tlpb_cpl_status status = TLPB_CPL_UR;

	if (!request->length)	// a flush: the writes before it have been taken
		status = TLPB_CPL_SC;
	else if (socket_of(request->region).size())
		status = transport(*request);
	tlpb_ep_complete(core->endpoint, request, status);
}

tlpb_cpl_status endpoint_function::transport(tlpb_ep_request &request)
{
	request_payload &payload = core->payloads.take(request, vf_number);
	sc_core::sc_time delay = core->ahead.ahead();
	tlm::tlm_response_status response;
	tlpb_cpl_status status;

	ports[request.region].transport(*socket_of(request.region).operator->(), payload, delay);
	response = payload.get_response_status();
	status = payload.status();
	request.poison = payload.poisoned();
	payload.release();
	pass(delay, request.posted);
	if (response == tlm::TLM_INCOMPLETE_RESPONSE && !warned_incomplete) {
		warned_incomplete = true;
		tlpb_log(TLPB_LOG_WARNING, "%s: the model left a payload without response status: "
			 "the host gets Completer Abort", name());
	}
	return status;
}

/*
 * Nobody waits for a posted write: its time may be passed together with that of
 * later ones. A completion leaves no earlier than the model said.
 */
void endpoint_function::pass(const sc_core::sc_time &delay, bool posted)
{
	if (posted) {
		core->ahead.set(delay);
		core->ahead.sync_if_needed();
	} else if (delay != sc_core::SC_ZERO_TIME) {
		core->queue.let_pass(delay);
	}
}

/*
 * Inside tlpb_server_process(). Posted writes that have arrived are done, also when their
 * host resets the function or leaves right after them: the model takes them
 * first, then it is reset. But a model may wait in a write for what only a reset
 * gives it, so the reset overtakes them after a while.
 */
void endpoint_function::host_reset(tlpb_reset kind)
{
	core->complete(core->queue.withdraw_non_posted(its_number), TLPB_CPL_UR);
	if (core->queue.quiet(its_number)) {
		reset_model(kind);
	} else {
		core->queue.arrive(its_number, [this, kind] { reset_model(kind); });
		reset_overdue.notify(sc_core::sc_time(reset_patience_us, sc_core::SC_US));
	}
}

void endpoint_function::reset_model(tlpb_reset kind)
{
	for (int i = 0; i < reset.size(); i++)
		reset[i]->reset(to_kit(kind));
	drive_wire();
}

void endpoint_function::host_made_vfs(unsigned count)
{
	for (int i = 0; i < vf_enable.size(); i++)
		vf_enable[i]->vfs(count);
}

// False: no model knows it.
bool endpoint_function::host_sent(const kit::message &message)
{
	bool known = false;

	for (int i = 0; i < receiver.size(); i++)
		known = receiver[i]->knows(message) || known;
	if (known && core->queue.quiet())
		deliver(message);
	else if (known)
		core->queue.arrive(its_number, [this, message] { deliver(message); });
	return known;
}

void endpoint_function::deliver(const kit::message &message)
{
	for (int i = 0; i < receiver.size(); i++)
		if (receiver[i]->knows(message))
			receiver[i]->receive(message);
}

void endpoint_function::host_ended_interrupt()
{
	for (int i = 0; i < eoi.size(); i++)
		eoi[i]->eoi();
}

} // namespace tlpb
