// SPDX-License-Identifier: MIT
#include "pump.h"

#include <csignal>
#include <exception>
#include <unistd.h>
#include <utility>

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

bool pump::over() const
{
	return stop_wanted || failure || simulation_stops() || simulation_over() || server.is_over();
}

/*
 * In a process of the pool, so what a callback throws is kept for run(). sc_pause() has run() go on
 * when this delta cycle ends.
 */
bool pump::look(int timeout_ms)
{
	if (over()) {
		sc_core::sc_pause();
		return false;
	}
	try {
		server.wait(timeout_ms);
	} catch (...) {
		failure = std::current_exception();
	}
	return true;
}

// Also when sc_start() throws, nobody looks any more.
class pump::looking {
public:
	explicit looking(pump &p) : pool(p.server.processes())
	{
		pool.begin_look([&p](int timeout_ms) { return p.look(timeout_ms); });
	}
	~looking() { pool.end_look(); }

private:
	request_pool &pool;
};

// A model may call sc_pause(): that is no end here.
void pump::simulate()
{
	while (!over()) {
		looking for_hosts(*this);

		sc_core::sc_start();
	}
}

int pump::run()
{
	start();
	server.announce();
	simulate();
	stop_wanted = 0;	// seen
	alarm(0);
	if (failure)
		std::rethrow_exception(std::exchange(failure, nullptr));
	return 0;
}

} // namespace tlpb
