// SPDX-License-Identifier: MIT
#include "pcie_endpoint.h"

#include <stdexcept>
#include <tlpbridge/log.h>

#include "simulated_time.h"
#include "spawn_method.h"
#include "tlm_status.h"

namespace tlpb {

enum {
	faults_logged = 8,		// posted DMA faults told before silence
	reset_patience_us = 10,		// simulated, for writes before a reset
};

struct pcie_endpoint::callbacks {
	static pcie_endpoint &self(void *ctx) { return *static_cast<pcie_endpoint *>(ctx); }

	static void access(void *ctx, tlpb_ep_request *request) { self(ctx).pool.arrive(request); }

	static void reset(void *ctx, tlpb_reset kind) { self(ctx).function_reset(kind); }

	static void connected(void *ctx, const char *host)
	{
		self(ctx).drive_wire();
		if (self(ctx).on_connected)
			self(ctx).on_connected(host ? host : "");
	}

	static void disconnected(void *ctx, tlpb_reason reason, const char *text)
	{
		if (self(ctx).on_disconnected)
			self(ctx).on_disconnected(text && *text ? text : tlpb_reason_text(reason));
	}

	static void dma_fault(void *ctx, uint64_t addr, int err)
	{
		unsigned count = ++self(ctx).faults;

		if (count <= faults_logged)
			tlpb_log(TLPB_LOG_WARNING, "%s: posted DMA write at 0x%llx failed: %s%s",
				 self(ctx).name(), static_cast<unsigned long long>(addr),
				 tlpb_strerror(err),
				 count == faults_logged ? " (more of these are not shown)" : "");
	}

	static uint64_t now(void *) { return simulated_ps(); }

	static void eoi(void *ctx)
	{
		for (int i = 0; i < self(ctx).eoi.size(); i++)
			self(ctx).eoi[i]->eoi();
	}
};

static void set_region(tlpb_region &region, const kit::bar_description &bar)
{
	static const struct {
		kit::bar_kind kind;
		uint32_t flags;
	} kinds[] = {
		{ kit::bar_kind::mem32, 0 },
		{ kit::bar_kind::mem64, TLPB_REGION_64BIT },
		{ kit::bar_kind::pref32, TLPB_REGION_PREFETCH },
		{ kit::bar_kind::pref64, TLPB_REGION_PREFETCH | TLPB_REGION_64BIT },
		{ kit::bar_kind::io, TLPB_REGION_IO },
	};

	for (const auto &row : kinds)
		if (row.kind == bar.kind)
			region = { bar.size, TLPB_REGION_READ | TLPB_REGION_WRITE | row.flags };
}

tlpb_device to_device(const kit::function_description &function)
{
	tlpb_device device = {};

	function.name.copy(device.name, sizeof device.name - 1);
	device.vendor_id = function.vendor_id;
	device.device_id = function.device_id;
	device.subsystem_vendor_id = function.subsystem_vendor_id;
	device.subsystem_id = function.subsystem_id;
	device.class_code = function.class_code;
	device.revision = function.revision;
	for (unsigned i = 0; i < kit::bars; i++)
		set_region(device.region[i], function.bar_table[i]);
	if (function.rom_size)
		device.region[TLPB_ROM] = { function.rom_size, TLPB_REGION_READ };
	device.intx_pin = static_cast<uint8_t>(function.intx_pin);
	device.msi_vectors = static_cast<uint8_t>(function.msi_vectors);
	device.msix_vectors = static_cast<uint16_t>(function.msix_table.vectors);
	device.msix_table_bar = static_cast<uint8_t>(function.msix_table.table_bar);
	device.msix_pba_bar = static_cast<uint8_t>(function.msix_table.pba_bar);
	device.msix_table_offset = function.msix_table.table_offset;
	device.msix_pba_offset = function.msix_table.pba_offset;
	if (function.error_reporting)
		device.has |= TLPB_HAS_AER;
	return device;
}

pcie_endpoint::pcie_endpoint(sc_core::sc_module_name name, const kit::function_description &function,
			     tlpb_trace *trace)
	: pcie_endpoint(name, to_device(function), trace, function.register_list)
{
}

pcie_endpoint::pcie_endpoint(sc_core::sc_module_name name, const tlpb_device &device,
			     tlpb_trace *trace,
			     const std::vector<kit::register_description> &registers)
	: sc_module(name), bar("bar", TLPB_BARS), rom("rom"), dma("dma"), irq("irq"),
	  intx_wire("intx_wire"), reset("reset"), eoi("eoi"),
	  endpoint(open(device, trace, registers)),
	  port(endpoint, poll), nb_dma(port, [this](auto &...of_call) {
		return dma->nb_transport_bw(of_call...);
	  }),
	  pool([this](tlpb_ep_request *request) { serve(request); })
{
	irq.bind(*this);
	dma.register_b_transport(this, &pcie_endpoint::dma_b_transport);
	dma.register_nb_transport_fw(this, &pcie_endpoint::dma_nb_transport_fw);
	dma.register_transport_dbg(this, &pcie_endpoint::dma_transport_dbg);
	for (unsigned region = 0; region <= TLPB_ROM; region++)
		register_backward(socket_of(region), static_cast<int>(region));
}

void pcie_endpoint::register_backward(socket &socket, int region)
{
	socket.register_nb_transport_bw(this, &pcie_endpoint::nb_transport_bw, region);
	socket.register_invalidate_direct_mem_ptr(this, &pcie_endpoint::invalidate_dmi, region);
}

void pcie_endpoint::use_nb_transport(unsigned region)
{
	if (region > TLPB_ROM)
		throw std::invalid_argument("use_nb_transport(): 0..5 are BARs, 6 is the ROM");
	ports[region].by_nb = true;
}

tlm::tlm_sync_enum pcie_endpoint::nb_transport_bw(int region, tlm::tlm_generic_payload &payload,
						  tlm::tlm_phase &phase, sc_core::sc_time &delay)
{
	return ports[static_cast<unsigned>(region)].nb.nb_transport_bw(payload, phase, delay);
}

void pcie_endpoint::invalidate_dmi(int region, sc_dt::uint64 first, sc_dt::uint64 last)
{
	ports[static_cast<unsigned>(region)].dmi.invalidate(first, last);
}

void pcie_endpoint::dma_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay)
{
	port.b_transport(payload, delay);
}

tlm::tlm_sync_enum pcie_endpoint::dma_nb_transport_fw(tlm::tlm_generic_payload &payload,
						      tlm::tlm_phase &phase, sc_core::sc_time &delay)
{
	return nb_dma.nb_transport_fw(payload, phase, delay);
}

unsigned pcie_endpoint::dma_transport_dbg(tlm::tlm_generic_payload &payload)
{
	return port.transport_dbg(payload);
}

// The library's form of register names; it points into list, which must not change meanwhile.
class register_names {
public:
	explicit register_names(const std::vector<kit::register_description> &list);

	std::vector<tlpb_register> registers;

private:
	std::vector<std::vector<tlpb_field>> fields;
};

static tlpb_access access_of(kit::access mode)
{
	switch (mode) {
	case kit::access::ro: return TLPB_ACCESS_RO;
	case kit::access::wo: return TLPB_ACCESS_WO;
	default: return TLPB_ACCESS_RW;
	}
}

register_names::register_names(const std::vector<kit::register_description> &list)
{
	for (const kit::register_description &d : list) {
		tlpb_register r = {};

		fields.emplace_back();
		for (const kit::field_description &f : d.fields)
			fields.back().push_back({ f.name, static_cast<uint8_t>(f.low),
						  static_cast<uint8_t>(f.width) });
		r.name = d.name.c_str();
		r.description = d.text.c_str();
		r.region = d.bar;
		r.offset = d.offset;
		r.width = d.width;
		r.access = access_of(d.mode);
		r.read_effect = d.read_effect;
		r.field = fields.back().data();
		r.fields = static_cast<unsigned>(d.fields.size());
		registers.push_back(r);
	}
}

// Before any process exists: a description that is refused leaves none behind.
tlpb_ep *pcie_endpoint::open(const tlpb_device &device, tlpb_trace *trace,
			     const std::vector<kit::register_description> &list)
{
	register_names names(list);
	tlpb_ep_ops ops = {};
	tlpb_ep_config config = {};
	tlpb_ep *ep;
	char why[256];

	ops.access = callbacks::access;
	ops.reset = callbacks::reset;
	ops.connected = callbacks::connected;
	ops.disconnected = callbacks::disconnected;
	ops.dma_fault = callbacks::dma_fault;
	ops.now_ps = callbacks::now;
	ops.eoi = callbacks::eoi;
	config.device = &device;
	config.registers = names.registers.data();
	config.register_count = static_cast<unsigned>(names.registers.size());
	config.ops = &ops;
	config.ctx = this;
	config.trace = trace;
	if (tlpb_ep_new(&config, &ep, why, sizeof why))
		throw std::invalid_argument(std::string(device.name) + ": " + why);
	return ep;
}

pcie_endpoint::~pcie_endpoint()
{
	tlpb_ep_free(endpoint);
}

pcie_endpoint::socket &pcie_endpoint::socket_of(unsigned region)
{
	return region == TLPB_ROM ? rom : bar[region];
}

bool pcie_endpoint::holds_only_msix(unsigned region) const
{
	const tlpb_device &d = device();

	return d.msix_vectors && d.msix_table_bar == region && d.msix_pba_bar == region;
}

void pcie_endpoint::check_binding(unsigned region, socket &socket)
{
	if (!device().region[region].size || socket.size() || holds_only_msix(region))
		return;
	SC_REPORT_ERROR("tlpbridge/binding",
			(std::string(socket.name()) + " is not bound, but the device has this "
			 "region: bind it to a target socket of the model, or leave the region "
			 "out of the description").c_str());
}

void pcie_endpoint::end_of_elaboration()
{
	for (unsigned region = 0; region <= TLPB_ROM; region++)
		check_binding(region, socket_of(region));
	nb_dma.spawn();
	spawn_method("reset_overdue", reset_overdue, [this] { drop(pool.hurry_actions()); });
	if (intx_wire.size())
		spawn_method("wire", intx_wire->value_changed_event(), [this] { drive_wire(); });
}

void pcie_endpoint::drive_wire()
{
	if (intx_wire.size())
		tlpb_ep_intx(endpoint, intx_wire->read());
}

/*
 * In a process of the pool. A completion for a host that has gone or for a
 * function that was reset meanwhile is dropped by the library.
 */
void pcie_endpoint::serve(tlpb_ep_request *request)
{
	tlpb_cpl_status status = TLPB_CPL_UR;

	if (!request->length)	// a flush: the writes before it have been taken
		status = TLPB_CPL_SC;
	else if (socket_of(request->region).size())
		status = transport(*request);
	tlpb_ep_complete(endpoint, request, status);
}

tlpb_cpl_status pcie_endpoint::transport(const tlpb_ep_request &request)
{
	request_payload &payload = payloads.take(request);
	sc_core::sc_time delay = ahead.ahead();
	tlm::tlm_response_status response;

	ports[request.region].transport(*socket_of(request.region).operator->(), payload, delay);
	response = payload.get_response_status();
	payload.release();
	pass(delay, request.posted);
	if (response == tlm::TLM_INCOMPLETE_RESPONSE && !warned_incomplete) {
		warned_incomplete = true;
		tlpb_log(TLPB_LOG_WARNING, "%s: the model left a payload without response status: "
			 "the host gets Completer Abort", name());
	}
	return to_completion(response);
}

/*
 * Nobody waits for a posted write: its time may be passed together with that of
 * later ones. A completion leaves no earlier than the model said.
 */
void pcie_endpoint::pass(const sc_core::sc_time &delay, bool posted)
{
	if (posted) {
		ahead.set(delay);
		ahead.sync_if_needed();
	} else if (delay != sc_core::SC_ZERO_TIME) {
		sc_core::wait(delay);
	}
}

void pcie_endpoint::drop(const request_pool::requests &requests)
{
	for (tlpb_ep_request *request : requests)
		tlpb_ep_complete(endpoint, request, TLPB_CPL_UR);
}

/*
 * Inside tlpb_server_process(). Posted writes that have arrived are done, also when their
 * host resets the function or leaves right after them: the model takes them
 * first, then it is reset. But a model may wait in a write for what only a reset
 * gives it, so the reset overtakes them after a while.
 */
void pcie_endpoint::function_reset(tlpb_reset kind)
{
	drop(pool.withdraw_non_posted());
	if (pool.quiet()) {
		reset_model(kind);
	} else {
		pool.arrive([this, kind] { reset_model(kind); });
		reset_overdue.notify(sc_core::sc_time(reset_patience_us, sc_core::SC_US));
	}
}

void pcie_endpoint::reset_model(tlpb_reset kind)
{
	for (int i = 0; i < reset.size(); i++)
		reset[i]->reset(to_kit(kind));
	drive_wire();
}

kit::irq_result pcie_endpoint::msi(unsigned vector)
{
	return to_kit(tlpb_ep_msi(endpoint, vector));
}

kit::irq_result pcie_endpoint::msix(unsigned vector)
{
	return to_kit(tlpb_ep_msix(endpoint, vector));
}

kit::irq_result pcie_endpoint::intx(bool level)
{
	return to_kit(tlpb_ep_intx(endpoint, level));
}

} // namespace tlpb
