// SPDX-License-Identifier: MIT
/*
 * Order and independence of requests, with requests that are nothing but a name
 * and a time to serve.
 */
#include <gtest.h>
#include <map>
#include <string>

#include "request_pool.h"
#include "sim.h"

namespace {

struct bench {
	std::string log;	// "+a" began, "-a" ended
	std::map<tlpb_ep_request *, std::pair<char, unsigned>> known;
	std::shared_ptr<tlpb::request_pool> processes = std::make_shared<tlpb::request_pool>();
	tlpb::request_queue queue{ [this](tlpb_ep_request *r) { serve(r); } };

	bench() { queue.join(processes); }

	void serve(tlpb_ep_request *request)
	{
		auto [name, ns] = known[request];

		log += std::string("+") + name + " ";
		if (ns)
			sc_core::wait(sc_core::sc_time(ns, sc_core::SC_NS));
		log += std::string("-") + name + " ";
		delete request;
	}

	void arrive(char name, bool posted, unsigned ns, unsigned function = 0)
	{
		tlpb_ep_request *request = new tlpb_ep_request{};

		request->posted = posted;
		request->function = function;
		known[request] = { name, ns };
		queue.arrive(request);
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
