// SPDX-License-Identifier: MIT
/*
 * Order and independence of requests, with requests that are nothing but a name
 * and a time to serve.
 */
#include <deque>
#include <functional>
#include <gtest.h>
#include <map>
#include <string>
#include <vector>

#include "request_pool.h"
#include "sim.h"

namespace {

struct bench {
	std::string log;	// "+a" began, "-a" ended
	std::map<tlpb_ep_request *, std::pair<char, unsigned>> known;
	std::shared_ptr<tlpb::request_pool> processes = std::make_shared<tlpb::request_pool>();
	tlpb::request_queue queue{ [this](tlpb_ep_request *r) { serve(r); } };

	bench() { queue.join(processes); }

	std::function<void()> on_serve, after_serve;
	unsigned served_now = 0, delay_ns = 0;

	void serve(tlpb_ep_request *request)
	{
		auto [name, ns] = known[request];

		if (on_serve)
			on_serve();
		log += std::string("+") + name + " ";
		if (ns)
			sc_core::wait(sc_core::sc_time(ns, sc_core::SC_NS));
		if (delay_ns)
			queue.let_pass(sc_core::sc_time(delay_ns, sc_core::SC_NS));
		log += std::string("-") + name + " ";
		delete request;
		served_now++;
		if (after_serve)
			after_serve();
	}

	void arrive(char name, bool posted, unsigned ns, unsigned function = 0)
	{
		arrive_at(queue, name, posted, ns, function);
	}

	void arrive_at(tlpb::request_queue &where, char name, bool posted, unsigned ns, unsigned function = 0)
	{
		tlpb_ep_request *request = new tlpb_ep_request{};

		request->posted = posted;
		request->function = function;
		known[request] = { name, ns };
		where.arrive(request);
	}

	void read(char name, unsigned ns) { arrive(name, false, ns); }
	void write(char name, unsigned ns) { arrive(name, true, ns); }
};

void free_all(const tlpb::request_queue::requests &requests, size_t expected)
{
	EXPECT_EQ(requests.size(), expected);
	for (tlpb_ep_request *request : requests)
		delete request;
}

bench &fresh()
{
	static bench b;

	run_simulation();
	b.log.clear();
	b.known.clear();
	b.on_serve = b.after_serve = nullptr;
	b.delay_ns = 0;
	return b;
}

} // namespace

TEST(RequestPool, ServesOneRequest)
{
	bench &b = fresh();

	b.read('a', 0);
	run_simulation();
	EXPECT_STREQ(b.log.c_str(), "+a -a ");
}

TEST(RequestPool, PostedRequestsStayInOrderEvenIfTheModelWaits)
{
	bench &b = fresh();

	b.write('a', 30);
	b.write('b', 0);
	b.write('c', 10);
	run_simulation();
	EXPECT_STREQ(b.log.c_str(), "+a -a +b -b +c -c ");
}

TEST(RequestPool, ReadBeginsAfterTheWritesBeforeIt)
{
	bench &b = fresh();

	b.write('a', 30);
	b.read('b', 0);
	run_simulation();
	EXPECT_STREQ(b.log.c_str(), "+a -a +b -b ");
}

TEST(RequestPool, NothingIsHeldUpByReadsThatWait)
{
	bench &b = fresh();

	b.read('a', 100);
	b.read('b', 50);
	b.write('c', 0);
	b.read('d', 10);
	run_simulation();
	EXPECT_STREQ(b.log.c_str(), "+a +b +c -c +d -d -b -a ");
}

TEST(RequestPool, LaterArrivalsAreServedWhileReadsWait)
{
	bench &b = fresh();

	b.read('a', 100);
	in_thread([&] {
		sc_core::wait(sc_core::sc_time(10, sc_core::SC_NS));
		b.write('b', 20);
		b.read('c', 0);
		sc_core::wait(sc_core::sc_time(10, sc_core::SC_NS));
		b.read('d', 0);
	});
	EXPECT_STREQ(b.log.c_str(), "+a +b -b +c -c +d -d -a ");
}

TEST(RequestPool, ProcessesAreUsedAgain)
{
	bench &b = fresh();

	for (int round = 0; round < 100; round++) {
		b.read('a', 5);
		b.read('b', 5);
		b.write('c', 5);
		run_simulation();
	}
	EXPECT_LE(b.processes->processes(), 6u);
}

TEST(RequestPool, AllTagsOfAHostCanBeInFlight)
{
	bench &b = fresh();

	for (int i = 0; i < tlpb::request_queue::side_by_side_max - 1; i++)
		b.read('r', 1000);
	b.write('w', 0);
	in_thread([&] {
		sc_core::wait(sc_core::sc_time(1, sc_core::SC_NS));
		EXPECT_TRUE(b.log.find("-w") != std::string::npos);
		EXPECT_TRUE(b.log.find("-r") == std::string::npos);
	});
}

TEST(RequestPool, MoreThanThatWaitTheirTurnAndAreServed)
{
	bench &b = fresh();
	enum { requests = 3 * tlpb::request_queue::side_by_side_max };

	for (int i = 0; i < requests; i++)
		b.read('r', 10);
	b.write('w', 0);
	run_simulation();
	EXPECT_LE(b.processes->processes(), tlpb::request_queue::side_by_side_max + 1u);
	EXPECT_EQ(b.log.size(), 6u * (requests + 1));
}

TEST(RequestPool, WithdrawTakesBackReadsThatHaveNotBegun)
{
	bench &b = fresh();

	b.write('a', 100);
	in_thread([&] {
		sc_core::wait(sc_core::sc_time(1, sc_core::SC_NS));
		b.write('b', 0);
		b.read('c', 0);
		free_all(b.queue.withdraw_non_posted(0), 1);
		b.read('d', 0);
	});
	EXPECT_STREQ(b.log.c_str(), "+a -a +b -b +d -d ");
}

TEST(RequestPool, ActionComesAfterTheWritesBeforeItAndBeforeWhatFollows)
{
	bench &b = fresh();

	b.write('a', 100);
	b.queue.arrive(0, [&] { b.log += "! "; });
	EXPECT_FALSE(b.queue.quiet());
	b.read('b', 0);
	run_simulation();
	EXPECT_STREQ(b.log.c_str(), "+a -a ! +b -b ");
	EXPECT_TRUE(b.queue.quiet());
}

TEST(RequestPool, HurriedActionsOvertakeWhatHasNotBegun)
{
	bench &b = fresh();

	b.write('a', 100);
	in_thread([&] {
		sc_core::wait(sc_core::sc_time(1, sc_core::SC_NS));
		EXPECT_FALSE(b.queue.quiet());
		b.write('b', 0);
		b.queue.arrive(0, [&] { b.log += "! "; });
		b.write('c', 0);
		free_all(b.queue.hurry_actions(0), 1);
	});
	EXPECT_STREQ(b.log.c_str(), "+a ! -a +c -c ");
}

// ---- several functions ----

TEST(RequestPool, AResetWithdrawsAndHurriesForItsFunctionAlone)
{
	bench &b = fresh();

	b.arrive('a', true, 100, 1);
	in_thread([&] {
		sc_core::wait(sc_core::sc_time(1, sc_core::SC_NS));
		b.arrive('b', true, 0, 1);
		b.arrive('c', true, 0, 2);
		b.arrive('d', false, 0, 1);
		b.arrive('e', false, 0, 2);
		free_all(b.queue.withdraw_non_posted(1), 1);
		b.queue.arrive(1, [&] { b.log += "! "; });
		b.queue.arrive(2, [&] { b.log += "? "; });
		b.arrive('f', true, 0, 1);
		free_all(b.queue.hurry_actions(1), 1);
	});
	EXPECT_STREQ(b.log.c_str(), "+a ! -a +c -c +e -e ? +f -f ");
}

TEST(RequestPool, AFunctionIsQuietWhileAnotherOneIsServed)
{
	bench &b = fresh();

	b.arrive('a', true, 100, 1);
	in_thread([&] {
		sc_core::wait(sc_core::sc_time(1, sc_core::SC_NS));
		EXPECT_FALSE(b.queue.quiet(1));
		EXPECT_TRUE(b.queue.quiet(2));
		b.arrive('b', false, 0, 2);
		EXPECT_FALSE(b.queue.quiet(2));
	});
	EXPECT_TRUE(b.queue.quiet(1));
	EXPECT_STREQ(b.log.c_str(), "+a -a +b -b ");
}

// ---- looks ----

namespace {

// Looks that bring what the script says, one step each; then they end.
struct scripted_looks {
	std::deque<std::function<void()>> script;
	std::vector<int> timeouts;

	bool operator()(int timeout_ms)
	{
		std::function<void()> step;

		timeouts.push_back(timeout_ms);
		if (script.empty())
			return false;
		step = std::move(script.front());
		script.pop_front();
		step();
		return true;
	}

	void run(bench &b)
	{
		b.processes->begin_look(std::ref(*this));
		run_simulation();
	}
};

// Where and when the requests were served.
struct served {
	sc_dt::uint64 delta;
	sc_core::sc_process_handle process;
	double ns;

	static served here()
	{
		return { sc_core::sc_delta_count(), sc_core::sc_get_current_process_handle(), now_ns() };
	}
};

void wait_ns(double ns)
{
	sc_core::wait(sc_core::sc_time(ns, sc_core::SC_NS));
}

} // namespace

TEST(RequestPool, WhatALookBringsIsServedAtOnceWithoutADeltaCycle)
{
	bench &b = fresh();
	std::vector<served> seen;
	scripted_looks looks;

	b.on_serve = [&] { seen.push_back(served::here()); };
	looks.script = { [&] { b.write('a', 0); b.read('b', 0); }, [&] { b.read('c', 0); b.read('d', 0); } };
	looks.run(b);
	EXPECT_STREQ(b.log.c_str(), "+a -a +b -b +c -c +d -d ");
	ASSERT_EQ(seen.size(), 4u);
	for (const served &each : seen) {
		EXPECT_EQ(each.delta, seen[0].delta);
		EXPECT_TRUE(each.process == seen[0].process);
	}
}

TEST(RequestPool, LooksGoOnWhileTheModelWaits)
{
	bench &b = fresh();
	scripted_looks looks;

	looks.script = { [&] { b.read('a', 100); }, [&] { b.write('b', 50); },
			 [&] { EXPECT_STREQ(b.log.c_str(), "+a +b "); b.read('c', 0); } };
	looks.run(b);
	EXPECT_STREQ(b.log.c_str(), "+a +b -b +c -c -a ");
}

TEST(RequestPool, ALookBlocksOnlyWhenNothingIsLeftToDo)
{
	bench &b = fresh();
	sc_core::sc_event later;
	double before = now_ns();
	scripted_looks looks;

	looks.script = { [&] { later.notify(sc_core::sc_time(1, sc_core::SC_US)); },
			 [&] { EXPECT_EQ(now_ns() - before, 1000); b.read('a', 10); },
			 [&] { EXPECT_EQ(now_ns() - before, 1000); },
			 [&] { EXPECT_EQ(now_ns() - before, 1010); } };
	looks.run(b);
	ASSERT_EQ(looks.timeouts.size(), 5u);
	EXPECT_EQ(looks.timeouts[0], -1);
	EXPECT_EQ(looks.timeouts[1], -1);
	EXPECT_EQ(looks.timeouts[2], 0);	// the read waits
	EXPECT_EQ(looks.timeouts[4], -1);
}

TEST(RequestPool, TimeGoesOnByAStepALookHoweverMuchComes)
{
	enum { looks_made = 100 };
	bench &b = fresh();
	unsigned ticks = 0;
	scripted_looks looks;

	for (unsigned i = 0; i < looks_made; i++)
		looks.script.push_back([&b] { b.read('a', 0); });
	spawn([&] {
		for (; ticks < 2 * looks_made; ticks++)
			wait_ns(10);
	});
	looks.script.push_back([&] { EXPECT_GE(ticks, looks_made - 2u); });
	looks.run(b);
	EXPECT_EQ(ticks, 2u * looks_made);
}

TEST(RequestPool, WhatArrivesOutsideOfALookDoesNotWaitForTheNextEvent)
{
	bench &b = fresh();
	sc_core::sc_event later;
	std::vector<served> seen;
	scripted_looks looks;
	double before = now_ns();

	b.on_serve = [&] { seen.push_back(served::here()); };
	looks.script = { [&] { later.notify(sc_core::sc_time(1, sc_core::SC_US)); b.write('a', 0); } };
	b.after_serve = [&] {		// as the library does with what it held back
		b.after_serve = nullptr;
		spawn([&] { b.read('b', 0); });
	};
	looks.run(b);
	ASSERT_EQ(seen.size(), 2u);
	EXPECT_EQ(seen[1].ns, before);
}

TEST(RequestPool, OneAfterTheOtherIsServedByTheSameProcessThoughTheModelWaits)
{
	bench &b = fresh();
	std::vector<served> seen;
	scripted_looks looks;
	std::function<void()> next = [&] {	// the next read comes when the one before has ended
		if (seen.size() < 10 && b.served_now == seen.size())
			b.read('a', 10);
		if (b.served_now < 10)
			looks.script.push_back(next);
	};

	b.on_serve = [&] { seen.push_back(served::here()); };
	b.served_now = 0;
	looks.script = { next };
	looks.run(b);
	ASSERT_EQ(seen.size(), 10u);
	for (const served &each : seen)
		EXPECT_TRUE(each.process == seen[0].process);
}

TEST(RequestPool, ADelayBeforeWhichNothingHappensIsPassedWithoutALook)
{
	bench &b = fresh();
	double before = now_ns();
	scripted_looks looks;

	b.delay_ns = 20;
	looks.script = { [&] { b.read('a', 0); }, [&] { EXPECT_EQ(now_ns() - before, 20); b.read('b', 0); },
			 [&] { EXPECT_EQ(now_ns() - before, 40); } };
	looks.run(b);
	EXPECT_STREQ(b.log.c_str(), "+a -a +b -b ");
	for (int timeout : looks.timeouts)
		EXPECT_EQ(timeout, -1);
}

TEST(RequestPool, ADelayDoesNotHoldUpWhatIsBehindOrBeforeItsEnd)
{
	bench &b = fresh();
	double before = now_ns(), ticked = 0;
	scripted_looks looks;

	b.delay_ns = 20;
	spawn([&] {
		wait_ns(10);
		ticked = now_ns();
		b.read('c', 0);
	});
	looks.script = { [&] { b.read('a', 0); b.read('b', 0); } };
	looks.run(b);
	EXPECT_EQ(b.log.find("+a +b +c -"), 0u);
	EXPECT_EQ(ticked - before, 10);
	EXPECT_EQ(now_ns() - before, 30);
}

TEST(RequestPool, QueuesTakeTurnsAndDoNotHoldEachOtherUp)
{
	bench &b = fresh();
	tlpb::request_queue other{ [&b](tlpb_ep_request *r) { b.serve(r); } };
	scripted_looks looks;

	other.join(b.processes);
	looks.script = { [&] {
		b.write('a', 100);
		b.write('b', 0);
		b.arrive_at(other, 'x', true, 20);
		b.arrive_at(other, 'y', false, 0);
	} };
	looks.run(b);
	EXPECT_STREQ(b.log.c_str(), "+a +x -x +y -y -a +b -b ");
}

TEST(RequestPool, WhatIsLeftWhenLooksEndIsServed)
{
	bench &b = fresh();
	scripted_looks looks;

	looks.script = { [&] { b.read('a', 50); b.write('b', 100); b.read('c', 10); } };
	looks.run(b);
	EXPECT_STREQ(b.log.c_str(), "+a +b -a -b +c -c ");
	b.read('d', 0);
	run_simulation();
	EXPECT_STREQ(b.log.c_str(), "+a +b -a -b +c -c +d -d ");
}
