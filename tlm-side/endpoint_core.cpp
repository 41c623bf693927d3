// SPDX-License-Identifier: MIT
#include "endpoint_core.h"

#include <stdexcept>
#include <tlpbridge/log.h>

#include "endpoint_function.h"
#include "simulated_time.h"
#include "tlm_message.h"

namespace tlpb {

enum { faults_logged = 8 };	// posted DMA faults told before silence

/* A VF's context is that of its function: its number says more. */
struct endpoint_core::callbacks {
	static endpoint_core &core(void *ctx) { return *static_cast<seat *>(ctx)->core; }

	static endpoint_function *function(void *ctx) { return static_cast<seat *>(ctx)->function; }

	static void access(void *ctx, tlpb_ep_request *request) { core(ctx).queue.arrive(request); }

	static void reset(void *ctx, unsigned number, tlpb_reset kind)
	{
		if (endpoint_function *f = core(ctx).seats[number].function)
			f->host_reset(kind);
	}

	static void vfs(void *ctx, unsigned, unsigned count)
	{
		if (endpoint_function *f = function(ctx))
			f->host_made_vfs(count);
	}

	// By ID to the function that has it, which may be a VF of the context's.
	static bool message(void *ctx, const tlpb_tlp *tlp)
	{
		kit::message message = to_message(*tlp);
		endpoint_function *f = message.routing == kit::message_routing::by_id
			? core(ctx).function_of_id(message.target_id) : function(ctx);

		return f && f->host_sent(message);
	}

	static void connected(void *ctx, const char *host)
	{
		for (const seat &each : core(ctx).seats)
			if (each.function)
				each.function->drive_wire();
		if (core(ctx).connected)
			core(ctx).connected(host ? host : "");
	}

	static void disconnected(void *ctx, tlpb_reason reason, const char *text)
	{
		if (core(ctx).disconnected)
			core(ctx).disconnected(text && *text ? text : tlpb_reason_text(reason));
	}

	static void dma_fault(void *ctx, uint64_t addr, int err)
	{
		unsigned count = ++core(ctx).faults;

		if (count <= faults_logged)
			tlpb_log(TLPB_LOG_WARNING, "%s: posted DMA write at 0x%llx failed: %s%s",
				 core(ctx).name.c_str(), static_cast<unsigned long long>(addr),
				 tlpb_strerror(err),
				 count == faults_logged ? " (more of these are not shown)" : "");
	}

	static void revoked(void *ctx, unsigned number, uint64_t addr, uint64_t len)
	{
		uint64_t last = len >= UINT64_MAX - addr ? UINT64_MAX : addr + (len - 1);

		if (endpoint_function *f = core(ctx).seats[number].function)
			f->host_took_back(addr, last);
	}

	static uint64_t now(void *) { return simulated_ps(); }

	static void eoi(void *ctx)
	{
		if (endpoint_function *f = function(ctx))
			f->host_ended_interrupt();
	}
};

tlpb_ep_ops endpoint_core::ops() const
{
	tlpb_ep_ops ops = {};

	ops.access = callbacks::access;
	ops.function_reset = callbacks::reset;
	ops.vfs = callbacks::vfs;
	ops.message = callbacks::message;
	ops.connected = callbacks::connected;
	ops.disconnected = callbacks::disconnected;
	ops.dma_fault = callbacks::dma_fault;
	ops.now_ps = callbacks::now;
	ops.eoi = callbacks::eoi;
	ops.revoked = callbacks::revoked;
	return ops;
}

// Before any process exists: a description that is refused leaves none behind.
endpoint_core::endpoint_core(const tlpb_device &device, tlpb_trace *trace,
			     const std::vector<kit::register_description> &list,
			     const own_capabilities &capabilities, const link_settings &settings)
	: queue([this](tlpb_ep_request *request) { serve(request); })
{
	register_names names(list);
	tlpb_ep_ops of_function = ops();
	tlpb_ep_config config = {};
	char why[256];

	seats.fill({ this, nullptr });
	config.device = &device;
	config.registers = names.registers.data();
	config.register_count = static_cast<unsigned>(names.registers.size());
	capabilities.put_into(config);
	config.ops = &of_function;
	config.ctx = &seats[0];
	config.trace = trace;
	config.credits = settings.credits;
	config.order_seed = settings.order_seed;
	if (tlpb_ep_new(&config, &endpoint, why, sizeof why))
		throw std::invalid_argument(std::string(device.name) + ": " + why);
}

endpoint_core::~endpoint_core()
{
	close();
}

void endpoint_core::close()
{
	tlpb_ep_free(endpoint);
	endpoint = nullptr;
}

void endpoint_core::add(unsigned number, const tlpb_device &device, const own_capabilities &capabilities)
{
	tlpb_ep_ops of_function = ops();
	tlpb_ep_function function = {};
	char why[256];

	function.number = number;
	function.device = &device;
	capabilities.put_into(function);
	function.ops = &of_function;
	function.ctx = number < functions_max ? &seats[number] : nullptr;
	if (tlpb_ep_add_function(endpoint, &function, why, sizeof why))
		throw std::invalid_argument(std::string(device.name) + ": " + why);
}

void endpoint_core::seat_function(unsigned number, endpoint_function *function)
{
	seats.at(number).function = function;
}

endpoint_function *endpoint_core::function_of_id(uint16_t id) const
{
	bool ari = tlpb_ep_device(endpoint)->has & TLPB_HAS_ARI;	// no device number then (6.13)

	return seats[id & (ari ? 0xff : 7)].function;
}

// In a process of the pool.
void endpoint_core::serve(tlpb_ep_request *request)
{
	endpoint_function *function = seats[request->function].function;

	if (function)
		function->serve(request);
	else
		complete({ request }, TLPB_CPL_UR);
}

void endpoint_core::complete(const request_queue::requests &requests, tlpb_cpl_status status)
{
	for (tlpb_ep_request *request : requests)
		tlpb_ep_complete(endpoint, request, status);
}

} // namespace tlpb
