// SPDX-License-Identifier: MIT
/*
 * The bridge where the program owns sc_main(): each way to call sc_start(). The test's thread
 * is the user's; the host has a thread of its own.
 */
#include "bridge_module.h"
#include "host_bench.h"

namespace {

using sc_core::sc_time;
using sc_core::SC_NS;
using sc_core::SC_US;

// As a clock: once switched on, there is always an event ahead.
class ticker : public sc_core::sc_module {
public:
	unsigned long ticks = 0;
	bool on = false;
	sc_core::sc_event begin;

	SC_HAS_PROCESS(ticker);
	explicit ticker(sc_core::sc_module_name name) : sc_module(name) { SC_THREAD(run); }

	void switch_on()
	{
		on = true;
		begin.notify(sc_core::SC_ZERO_TIME);
	}

private:
	void run()
	{
		for (;;) {
			while (!on)
				wait(begin);
			wait(sc_time(10, SC_NS));
			ticks++;
		}
	}
};

struct module_bench {
	scripted_model model{ "model" };
	ticker clock{ "ticker" };
	protocol_checker bar_checker{ "bar_checker" }, dma_checker{ "dma_checker" };
	tlpb::pcie_endpoint endpoint{ "endpoint", model.description(), nullptr,
				      test_link() };
	tlpb::bridge_module bridge{ "bridge", test_url() };

	module_bench()
	{
		endpoint.bar[0].bind(bar_checker.target);
		bar_checker.initiator.bind(model.socket);
		endpoint.reset.bind(model);
		model.dma.bind(dma_checker.target);
		dma_checker.initiator.bind(endpoint.dma);
		model.irq.bind(endpoint.irq);
		bridge.add(endpoint);
	}
};

module_bench &the_module_bench()
{
	static module_bench bench;

	bench.model.on_access = nullptr;
	return bench;
}

// A read that does DMA, waits and returns what the host put there.
void copy_word(module_bench &b, tlm::tlm_generic_payload &payload, sc_time &delay)
{
	uint32_t value = 0;

	if (!payload.is_read())
		return;
	b.model.dma_read(test_host::memory_base + payload.get_address(), &value, 4);
	sc_core::wait(sc_time(100, SC_NS));
	memcpy(payload.get_data_ptr(), &value, 4);
	delay += sc_time(20, SC_NS);
}

void host_part(std::atomic<bool> &over)
{
	test_host host;

	host.open(test_url());
	for (uint32_t i = 0; host.rc && i < 200; i += 4) {
		memcpy(&host.memory[i], &i, 4);
		host.write(0x800, i);
		EXPECT_EQ(host.read(i), i);
	}
	if (host.rc)
		host.close();
	over = true;
}

} // namespace

TEST(BridgeModule, ProgramThatWaitsForHostsBetweenItsStarts)
{
	module_bench &b = the_module_bench();
	std::atomic<bool> over{ false };

	b.bridge.set_when_idle(tlpb::bridge_module::when_idle::pass);
	b.model.on_access = [&](auto &payload, auto &delay) { copy_word(b, payload, delay); };
	std::thread host([&] { host_part(over); });
	while (!over) {
		sc_core::sc_start();		// until nothing is left to do
		b.bridge.await_host(100);
	}
	host.join();
	sc_core::sc_start();
	EXPECT_FALSE(sc_core::sc_pending_activity());
	EXPECT_GE(b.bar_checker.seen.blocking, 100u);
}

TEST(BridgeModule, ProgramThatRunsForATimeGetsThatTime)
{
	module_bench &b = the_module_bench();
	double before = now_ns();

	b.bridge.set_when_idle(tlpb::bridge_module::when_idle::pass);
	sc_core::sc_start(5, SC_US);
	EXPECT_EQ(now_ns() - before, 5000);
}

TEST(BridgeModule, StartWithoutEndServesHostsAndSleepsBetween)
{
	module_bench &b = the_module_bench();
	std::atomic<bool> over{ false };
	sc_core::sc_event stop;
	double before = now_ns();

	b.bridge.set_when_idle(tlpb::bridge_module::when_idle::block);
	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &delay) {
		if (payload.is_write() && payload.get_address() == 0xffc)
			sc_core::sc_pause();	// as a user's own way to end sc_start()
		else
			copy_word(b, payload, delay);
	};
	std::thread host([&] {
		test_host last;

		host_part(over);
		last.open(test_url());
		last.write(0xffc, 1);
		last.read(0);
		last.close();
	});
	b.bridge.await_host(0);
	sc_core::sc_start();
	EXPECT_TRUE(over);
	EXPECT_GE(now_ns() - before, 50 * 120);
	b.bridge.set_when_idle(tlpb::bridge_module::when_idle::pass);
	while (tlpb_ep_is_up(b.endpoint.ep())) {
		sc_core::sc_start(1, SC_US);
		b.bridge.await_host(100);
	}
	host.join();
}

TEST(BridgeModule, DesignThatIsNeverIdleServesHosts)
{
	module_bench &b = the_module_bench();
	std::atomic<bool> over{ false };
	double before;

	b.bridge.set_when_idle(tlpb::bridge_module::when_idle::pass);
	b.bridge.set_poll_period(sc_time(2, SC_US));
	b.model.on_access = [&](auto &payload, auto &delay) { copy_word(b, payload, delay); };
	b.clock.switch_on();
	b.bridge.await_host(0);
	before = now_ns();
	std::thread host([&] { host_part(over); });
	while (!over)
		sc_core::sc_start(100, SC_US);
	host.join();
	EXPECT_GE(now_ns() - before, 50 * 120);
	EXPECT_GE(b.clock.ticks, 50 * 12u);
}

// Last: the simulation cannot go on after it.
TEST(BridgeModule, StopEndsTheSimulation)
{
	module_bench &b = the_module_bench();

	b.bridge.set_when_idle(tlpb::bridge_module::when_idle::block);
	b.bridge.stop();
	sc_core::sc_start();
	EXPECT_EQ(sc_core::sc_get_status(), sc_core::SC_STOPPED);
}
