// SPDX-License-Identifier: MIT
/*
 * The SystemC processes that serve a host's requests.
 *
 * Threads: all calls in the SystemC thread, inside any process or none; none
 * waits. The handler runs in a thread process and may wait.
 */
#ifndef TLM_SIDE_REQUEST_POOL_H
#define TLM_SIDE_REQUEST_POOL_H

#include <deque>
#include <functional>
#include <memory>
#include <systemc>
#include <tlpbridge/ep.h>
#include <vector>

namespace tlpb {

/*
 * Design notes: leader and followers.
 *
 * All processes of the pool are alike; at most one of them is the leader. Only
 * the leader takes requests, from the front of the one queue in which they
 * arrive, so requests begin in the order of arrival.
 *
 * - A posted request is served by the leader, who stays leader meanwhile:
 *   nothing behind it begins before the model has taken it. So posted requests
 *   stay in order, and a read sees every write before it. The same goes for an
 *   action, which is how a reset finds its place behind the writes before it.
 * - Before a non-posted request is served, leadership is given up. If the model
 *   waits in it, the next process leads, so nothing is held up by a waiting
 *   read, posted requests least of all.
 *
 * Nothing is lost: there is a leader whenever the queue is not empty. arrive()
 * appoints one if there is none, and so does whoever gives up leadership
 * while requests are left. A process looks at "am I the leader, is there a request"
 * before each wait, and processes of SystemC are not preemptive: what changes
 * after that look comes with a notification after the wait began.
 *
 * All functions of a device share one pool: what comes in by one link stays in its order, whichever
 * function it is for. A reset is of one function, so it takes away that function's requests alone.
 *
 * The pool grows to as many processes as non-posted requests are in flight. A
 * host has at most 1,024 of them (10-bit tags); a host that ignores that finds its
 * requests queued until one of the processes is free.
 */
class request_pool {
public:
	using handler = std::function<void(tlpb_ep_request *)>;
	using action = std::function<void()>;
	using requests = std::vector<tlpb_ep_request *>;

	enum { processes_max = 1024 };

	explicit request_pool(handler serve);

	// Put a request behind all others.
	void arrive(tlpb_ep_request *request);

	// The same for something to do in order, a function's; it must not wait.
	void arrive(unsigned function, action action);

	// Nothing has yet to begin, and no posted request is being served.
	bool quiet() const { return arrived.empty() && !in_order; }

	// The same of one function's.
	bool quiet(unsigned function) const;

	// Take back the function's non-posted requests that have not begun.
	requests withdraw_non_posted(unsigned function);

	// Run all actions of the function now; takes back its requests before them that have not begun.
	requests hurry_actions(unsigned function);

	size_t processes() const { return pool.size(); }

private:
	struct process {
		sc_core::sc_event wake;
		bool idle = false;
	};

	struct item {
		tlpb_ep_request *request;	// nullptr: an action
		action act;
		unsigned function;		// whose it is

		bool posted() const { return !request || request->posted; }
	};

	void enqueue(item item);
	void appoint();
	process *find_idle();
	process *spawn();
	void run(process *self);
	void await_item(process *self);
	void serve_next(process *self);
	void serve_in_order(item &item);
	void serve_aside(item &item, process *self);

	handler serve;
	std::deque<item> arrived;
	std::vector<std::unique_ptr<process>> pool;
	process *leader = nullptr;
	bool in_order = false;		// the leader serves a posted request …
	unsigned in_order_of = 0;	// … of this function
};

} // namespace tlpb

#endif
