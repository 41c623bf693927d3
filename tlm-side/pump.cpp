// SPDX-License-Identifier: MIT
#include "pump.h"

#include <csignal>
#include <stdexcept>
#include <unistd.h>

namespace tlpb {

enum { settle_deltas = 1000 };

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

// Handlers for as long as the pump runs.
class signal_guard {
public:
	signal_guard()
	{
		struct sigaction action = {};

		stop_wanted = 0;
		action.sa_handler = on_signal;	// no SA_RESTART: the wait has to end
		for (int i = 0; i < count; i++)
			sigaction(signals[i], &action, &before[i]);
	}

	~signal_guard()
	{
		alarm(0);
		for (int i = 0; i < count; i++)
			sigaction(signals[i], &before[i], nullptr);
	}

private:
	enum { count = 3 };

	static constexpr int signals[count] = { SIGINT, SIGTERM, SIGALRM };
	struct sigaction before[count];
};

static bool stopped()
{
	return sc_core::sc_get_status() & (sc_core::SC_STOPPED | sc_core::SC_END_OF_SIMULATION);
}

static tlpb_server_config config_of(const std::string &url)
{
	tlpb_server_config config = {};

	config.url = url.c_str();
	return config;
}

pump::pump(const std::string &url) : pump(config_of(url))
{
}

pump::pump(const tlpb_server_config &config)
{
	char why[512];

	if (tlpb_server_open_with(&config, &server, why, sizeof why))
		throw std::runtime_error(why);
}

const char *pump::url() const
{
	return tlpb_server_url(server);
}

pump::~pump()
{
	tlpb_server_close(server);
	try {
		settle();
	} catch (const std::exception &) {
		// Whoever threw during run() was heard; now the program ends anyway.
	}
}

/*
 * Closing the links has ended all DMA. Let the processes that waited for it see that, so
 * that requests they serve end too and their stacks are unwound.
 */
void pump::settle()
{
	for (int deltas = 0; deltas < settle_deltas && started && !stopped(); deltas++)
		if (sc_core::sc_pending_activity_at_current_time())
			sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

void pump::add(pcie_endpoint &endpoint)
{
	int err = tlpb_server_add(server, endpoint.ep());

	if (err)
		throw std::runtime_error(std::string(endpoint.device().name) + ": " +
					 tlpb_strerror(err));
	endpoint.set_poll([this](int timeout_ms) { tlpb_server_wait(server, timeout_ms); });
}

void pump::start()
{
	if (!started)
		sc_core::sc_start(sc_core::SC_ZERO_TIME);
	started = true;
}

/*
 * One look at the link, then as little simulation as there is: a delta cycle, or
 * the step to the next event. sc_start() without anything to do prints W571;
 * neither branch calls it then.
 */
void pump::step()
{
	tlpb_server_process(server);
	if (sc_core::sc_pending_activity_at_current_time())
		sc_core::sc_start(sc_core::SC_ZERO_TIME);
	else if (sc_core::sc_pending_activity_at_future_time())
		sc_core::sc_start(sc_core::sc_time_to_pending_activity());
	else
		tlpb_server_wait(server, -1);
}

int pump::run()
{
	signal_guard signals;

	start();
	while (!stop_wanted && !stopped() && !tlpb_server_is_over(server))
		step();
	return 0;
}

} // namespace tlpb
