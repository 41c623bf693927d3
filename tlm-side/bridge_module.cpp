// SPDX-License-Identifier: MIT
#include "bridge_module.h"

#include <algorithm>
#include <exception>

namespace tlpb {

bridge_module::bridge_module(sc_core::sc_module_name name, const std::string &url)
	: sc_module(name), server(url)
{
	sc_core::sc_spawn([this] { serve(); }, "serve");
}

bridge_module::~bridge_module()
{
	closed = true;
	try {
		server.close(begun);
	} catch (const std::exception &) {
		// Whoever threw during sc_start() was heard; now the program ends anyway.
	}
}

void bridge_module::serve()
{
	begun = true;
	server.announce();
	while (!closed) {
		server.process();
		if (stop_wanted) {
			sc_core::sc_stop();
			return;
		}
		give_way();
	}
}

void bridge_module::give_way()
{
	if (sc_core::sc_pending_activity_at_current_time())
		wait(sc_core::SC_ZERO_TIME);
	else if (sc_core::sc_pending_activity_at_future_time())
		wait(std::max(poll_period, sc_core::sc_time_to_pending_activity()));
	else if (idle == when_idle::pass)
		wait(arrived);
	else
		block();
}

/*
 * A process that ran before this one may have called sc_stop() or sc_pause(), which the kernel
 * sees between delta cycles: it gets one before and one after each sleep.
 */
void bridge_module::block()
{
	wait(sc_core::SC_ZERO_TIME);
	if (!sc_core::sc_pending_activity() && !stop_wanted)
		server.wait(look_for_stop_ms);
}

void bridge_module::await_host(int timeout_ms)
{
	server.wait(timeout_ms);
	arrived.notify(sc_core::SC_ZERO_TIME);
}

} // namespace tlpb
