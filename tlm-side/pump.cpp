// SPDX-License-Identifier: MIT
#include "pump.h"

#include <csignal>
#include <exception>
#include <unistd.h>

namespace tlpb {

static volatile sig_atomic_t stop_wanted;

/*
 * A signal that arrives after the look at stop_wanted and before the wait
 * begins would interrupt nothing. So the handler orders another one, a
 * second later, until the pump has seen it. The timer runs only then.
 */
static void on_signal(int)
{
	stop_wanted = 1;
	alarm(1);
}

signal_guard::signal_guard()
{
	struct sigaction action = {};

	stop_wanted = 0;
	action.sa_handler = on_signal;	// no SA_RESTART: the wait has to end
	for (int i = 0; i < count; i++)
		sigaction(signals[i], &action, &before[i]);
	if (before[hangup].sa_handler == SIG_IGN)	// nohup asks for it
		sigaction(SIGHUP, &before[hangup], nullptr);
}

signal_guard::~signal_guard()
{
	alarm(0);
	for (int i = 0; i < count; i++)
		sigaction(signals[i], &before[i], nullptr);
}

pump::pump(const std::string &url) : server(url)
{
}

pump::pump(const tlpb_server_config &config) : server(config)
{
}

const char *pump::url() const
{
	return server.url();
}

pump::~pump()
{
	try {
		server.close(started);
	} catch (const std::exception &) {
		// Whoever threw during run() was heard; now the program ends anyway.
	}
}

void pump::start()
{
	if (!started)
		sc_core::sc_start(sc_core::SC_ZERO_TIME);
	started = true;
}

/*
 * One look at the link, which blocks when the kernel has nothing to do; then as little
 * simulation as there is: a delta cycle, or the step to the next event. sc_start()
 * without anything to do prints W571; neither branch calls it then.
 *
 * A host that waits for its read is served by one look and one delta cycle: what the look
 * brings has woken a process already (request_pool.h).
 */
void pump::step()
{
	if (sc_core::sc_pending_activity())
		server.process();
	else
		server.wait(-1);
	if (sc_core::sc_pending_activity_at_current_time())
		sc_core::sc_start(sc_core::SC_ZERO_TIME);
	else if (sc_core::sc_pending_activity_at_future_time())
		sc_core::sc_start(sc_core::sc_time_to_pending_activity());
}

int pump::run()
{
	start();
	server.announce();
	while (!stop_wanted && !simulation_over() && !server.is_over())
		step();
	stop_wanted = 0;	// seen
	alarm(0);
	return 0;
}

} // namespace tlpb
