// SPDX-License-Identifier: MIT
/*
 * The pump with two endpoints on one server, and a design that may have a clock.
 */
#include <cstring>
#include <stdexcept>
#include <utility>

#include "host_bench.h"

namespace {

using sc_core::sc_time;
using sc_core::SC_NS;

// As a clock that can be switched on and off.
class ticker : public sc_core::sc_module {
public:
	unsigned long ticks = 0;

	SC_HAS_PROCESS(ticker);
	explicit ticker(sc_core::sc_module_name name) : sc_module(name) { SC_THREAD(run); }

	void set(bool state)
	{
		on = state;
		change.notify(sc_core::SC_ZERO_TIME);
	}

private:
	bool on = false;
	sc_core::sc_event change;

	void run()
	{
		for (;;) {
			while (!on)
				wait(change);
			wait(sc_time(10, SC_NS));
			ticks++;
		}
	}
};

kit::function_description named(const char *name, kit::function_description description)
{
	description.name = name;
	return description;
}

struct side {
	scripted_model model;
	protocol_checker checker;
	tlpb::pcie_endpoint endpoint;

	explicit side(const char *name)
		: model((std::string(name) + "_model").c_str()), checker((std::string(name) + "_checker").c_str()),
		  endpoint(name, named(name, model.description()), nullptr, test_link())
	{
		endpoint.bar[0].bind(checker.target);
		checker.initiator.bind(model.socket);
		endpoint.reset.bind(model);
		model.dma.bind(endpoint.dma);
		model.irq.bind(endpoint.irq);
	}
};

struct two_links {
	side first{ "first" }, second{ "second" };
	ticker clock{ "clock" };
	tlpb::pump pump{ test_url() };

	two_links()
	{
		pump.add(first.endpoint);
		pump.add(second.endpoint);
	}

	void with_host(std::function<void(test_host &)> part) { run_with_host(pump, std::move(part), "first"); }

	// Both hosts are connected before their parts begin.
	void with_hosts(std::function<void(test_host &)> first_part, std::function<void(test_host &)> second_part)
	{
		with_host([&](test_host &host) {
			test_host other;

			other.open(test_url(), "second");
			if (!other.rc)
				return;
			std::thread thread([&] { second_part(other); });
			first_part(host);
			thread.join();
			other.close();
		});
	}
};

// The one design of this program; without what the test before left in it.
two_links &the_links()
{
	static two_links links;

	links.first.model.on_access = links.second.model.on_access = nullptr;
	return links;
}

// Where and when a model was.
struct place {
	sc_dt::uint64 delta;
	sc_core::sc_process_handle process;
	unsigned long ticks;
};

} // namespace

TEST(PumpLinks, AReadOfAnIdleDesignNeedsNoDeltaCycle)
{
	two_links &l = the_links();
	std::vector<place> seen;

	l.first.model.on_access = [&](auto &, auto &) {
		seen.push_back({ sc_core::sc_delta_count(), sc_core::sc_get_current_process_handle(), 0 });
	};
	l.with_host([](test_host &host) {
		for (int i = 0; i < 50; i++) {
			host.write(0, 1);
			host.read(0);
		}
	});
	ASSERT_EQ(seen.size(), 100u);
	for (unsigned i = 10; i < seen.size(); i++) {	// a deputy is made with the first
		EXPECT_EQ(seen[i].delta, seen[9].delta);
		EXPECT_TRUE(seen[i].process == seen[9].process);
	}
}

TEST(PumpLinks, AClockGoesOnWhileAHostReads)
{
	enum { reads = 100 };
	two_links &l = the_links();
	std::vector<place> seen;

	l.first.model.on_access = [&](auto &, auto &) { seen.push_back({ 0, {}, l.clock.ticks }); };
	l.clock.set(true);
	l.with_host([](test_host &host) {
		for (int i = 0; i < reads; i++)
			host.read(0);
	});
	l.clock.set(false);
	run_simulation();
	ASSERT_EQ(seen.size(), static_cast<size_t>(reads));
	for (unsigned i = 1; i < reads; i++)
		EXPECT_GT(seen[i].ticks, seen[i - 1].ticks);
}

TEST(PumpLinks, ALinkThatIsNeverQuietLeavesTheOtherItsTurn)
{
	two_links &l = the_links();
	std::atomic<bool> done{ false };
	unsigned reads = 0;

	l.second.model.on_access = [&](auto &, auto &) { reads++; };
	l.with_hosts([&](test_host &host) {
		while (!done)
			host.read(0);
	}, [&](test_host &host) {
		for (int i = 0; i < 200; i++)
			host.read(0);
		done = true;
	});
	EXPECT_EQ(reads, 200u);
}

TEST(PumpLinks, AReadThatWaitsForTheOtherLinkHasItsAnswer)
{
	two_links &l = the_links();
	std::atomic<bool> begun{ false };
	sc_core::sc_event written;
	unsigned order = 0, read_ended = 0, write_came = 0;

	l.first.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		if (payload.get_address())
			return;
		begun = true;
		sc_core::wait(written);
		read_ended = ++order;
	};
	l.second.model.on_access = [&](auto &, auto &) {
		write_came = ++order;
		written.notify();
	};
	l.with_hosts([](test_host &host) { host.read(0); }, [&](test_host &host) {
		while (!begun)
			usleep(1000);
		host.write(0, 1);
		tlpb_rc_process(host.rc);	// a write of a burst waits for that
	});
	EXPECT_EQ(write_came, 1u);
	EXPECT_EQ(read_ended, 2u);
}

TEST(PumpLinks, DmaOfOneLinkGoesOnWhileAReadOfTheOtherWaits)
{
	two_links &l = the_links();
	sc_core::sc_event done;
	std::atomic<bool> begun{ false };
	uint32_t value = 0;

	l.first.model.on_access = [&](auto &, auto &) {
		begun = true;
		sc_core::wait(done);
	};
	l.second.model.on_access = [&](auto &, auto &) {
		EXPECT_TRUE(l.second.model.dma_read(test_host::memory_base, &value, 4) == tlm::TLM_OK_RESPONSE);
		done.notify();
	};
	l.with_hosts([](test_host &host) { host.read(0); }, [&](test_host &host) {
		uint32_t magic = 0x12345678;

		memcpy(host.memory.data(), &magic, 4);
		host.command(6);
		while (!begun)
			usleep(1000);
		host.read(0);
	});
	EXPECT_EQ(value, 0x12345678u);
}

TEST(PumpLinks, ScPauseOfAModelIsNoEnd)
{
	two_links &l = the_links();
	unsigned reads = 0;

	l.first.model.on_access = [&](auto &, auto &) {
		sc_core::sc_pause();
		if (++reads % 3 == 0)
			sc_core::wait(sc_time(10, SC_NS));
	};
	l.with_host([](test_host &host) {
		for (int i = 0; i < 10; i++)
			host.read(0);
	});
	EXPECT_EQ(reads, 10u);
}

TEST(PumpLinks, AWaitThatIsUnderWayWhenThePumpEndsGoesOnLater)
{
	two_links &l = the_links();
	sc_core::sc_event go;
	std::atomic<bool> begun{ false };
	bool ended = false;

	l.first.model.on_access = [&](auto &, auto &) {
		begun = true;
		sc_core::wait(go);
		ended = true;
	};
	l.with_host([&](test_host &host) {
		host.write(0, 1);
		tlpb_rc_process(host.rc);
		while (!begun)
			usleep(1000);
	});
	EXPECT_FALSE(ended);
	go.notify(sc_core::SC_ZERO_TIME);
	run_simulation();
	EXPECT_TRUE(ended);
	l.first.model.on_access = nullptr;
	l.with_host([](test_host &host) { host.read(0); });
}

#ifndef __SANITIZE_ADDRESS__	// once SystemC has switched stacks, it takes a throw for an overflow

// In a look, which happens in a process.
TEST(PumpLinks, WhatACallbackThrowsComesOutOfRun)
{
	two_links &l = the_links();
	std::string heard;

	l.first.endpoint.on_disconnected = [](const std::string &) { throw std::out_of_range("a callback"); };
	std::thread thread([] {
		test_host host;

		host.open(test_url(), "first");
		host.close();
	});
	try {
		l.pump.run();
	} catch (const std::out_of_range &e) {
		heard = e.what();
	}
	EXPECT_STREQ(heard.c_str(), "a callback");
	l.first.endpoint.on_disconnected = nullptr;
	thread.join();
}

// Last: the simulation cannot go on after it.
TEST(PumpLinks, WhatAModelThrowsComesOutOfRun)
{
	two_links &l = the_links();
	std::string heard;
	test_host host;

	l.first.model.on_access = [](auto &, auto &) { throw std::out_of_range("a model"); };
	std::thread thread([&] {
		host.open(test_url(), "first");
		host.write(0, 1);
		tlpb_rc_process(host.rc);	// a write of a burst waits for that
	});
	try {
		l.pump.run();
	} catch (const std::exception &e) {
		heard = e.what();
	}
	EXPECT_TRUE(heard.find("a model") != std::string::npos);
	thread.join();
	host.close();
}

#endif
