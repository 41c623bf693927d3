// SPDX-License-Identifier: MIT
/*
 * What a host has asked of one endpoint and the model has not got yet, in order.
 *
 * Threads: the SystemC thread. Only serve(), as its handler does, and let_pass() wait; all else may be called
 * in any process or none.
 */
#ifndef TLM_SIDE_REQUEST_QUEUE_H
#define TLM_SIDE_REQUEST_QUEUE_H

#include <deque>
#include <functional>
#include <memory>
#include <systemc>
#include <tlpbridge/ep.h>
#include <vector>

namespace tlpb {

class request_pool;

/*
 * Design notes: order.
 *
 * Requests begin in the order of arrival, each in whichever process of the pool comes first.
 *
 * - While a posted request is served nothing behind it begins: so posted requests stay in order, and
 *   a read sees every write before it. The same goes for an action, which is how a reset finds its
 *   place behind the writes before it.
 * - Non-posted requests are served side by side: nothing is held up by a read whose model waits,
 *   posted requests least of all.
 *
 * Nothing is lost: whenever something may begin, the pool has been told of the queue, or the process
 * that runs is inside serve(), which looks before it returns. arrive() tells the pool, and so does
 * whoever begins a non-posted request with others behind it, because its model may wait. (Processes
 * of SystemC are not preemptive, so between two looks of serve() nobody else comes.)
 *
 * All functions of a device share one queue: what comes in by one link stays in its order, whichever
 * function it is for. A reset is of one function, so it takes away that function's requests alone.
 *
 * A host has at most 1,024 non-posted requests in flight (10-bit tags); one that ignores that finds
 * further ones queued until one of them has been served.
 */
class request_queue {
public:
	using handler = std::function<void(tlpb_ep_request *)>;
	using action = std::function<void()>;
	using requests = std::vector<tlpb_ep_request *>;

	enum { side_by_side_max = 1024 };

	// The handler runs in a thread process and may wait.
	explicit request_queue(handler serve);

	// Whose processes serve it from now on; before anything arrives.
	void join(std::shared_ptr<request_pool> pool);

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

	// In a process of the pool: serve everything that may begin. May wait.
	void serve();

	// In the handler, when the model has returned: wait for its delay.
	void let_pass(const sc_core::sc_time &time);

private:
	friend class request_pool;	// for announced

	struct item {
		tlpb_ep_request *request;	// nullptr: an action
		action act;
		unsigned function;		// whose it is

		bool posted() const { return !request || request->posted; }
	};

	void enqueue(item item);
	void tell_pool();
	bool may_begin() const;
	void serve_next();
	void serve_in_order(item &item);
	void serve_aside(tlpb_ep_request *request);

	handler serve_request;
	std::shared_ptr<request_pool> pool;
	std::deque<item> arrived;
	bool announced = false;		// the pool's: it has been told
	bool in_order = false;		// a posted request is being served …
	unsigned in_order_of = 0;	// … of this function
	unsigned side_by_side = 0;	// non-posted requests being served
};

} // namespace tlpb

#endif
