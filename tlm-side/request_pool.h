// SPDX-License-Identifier: MIT
/*
 * The SystemC processes that serve requests, and that look at the links for them.
 *
 * Threads: the SystemC thread, inside any process or none. Only let_pass() waits.
 */
#ifndef TLM_SIDE_REQUEST_POOL_H
#define TLM_SIDE_REQUEST_POOL_H

#include <deque>
#include <functional>
#include <memory>
#include <systemc>
#include <vector>

#include "request_queue.h"

namespace tlpb {

/*
 * Design notes: one on duty, and a deputy.
 *
 * All processes of the pool are alike; at most one of them is on duty. It serves the queues that have
 * announced themselves, in its own stack, so that a request whose model does not wait costs neither an
 * event nor a switch of processes nor a delta cycle. When there are none it looks at the links,
 * if it was told how (begin_look()), else it goes to sleep.
 *
 * Before it serves a queue it gives up the duty, because the model may wait, and has a deputy, an
 * idle process, notified for the next delta cycle. If the model does not wait, it takes the duty back
 * and cancels that. If it waits, the deputy wakes up, finds nobody on duty, and is. So somebody
 * looks at the links whatever models wait for, and no queue that was announced is left: there is somebody
 * on duty, or a deputy has been notified.
 *
 * When nothing else is left to do before a request's annotated delay has passed, nobody has to look
 * meanwhile: let_pass() keeps the duty, and time takes one step.
 *
 * Who waited with the model takes the duty back from a younger one. So requests that come one after
 * another are served by the same process, which a signal with one writer may take for its writer.
 *
 * Nothing of the design is held up by looking. Between two looks the kernel has its turn: a delta cycle
 * while anything is left to do at the current time, else a step of time to the next event; and only when
 * nothing is left to do at all a look may block. With a clock, simulated time so goes on by one step a
 * look, however much the hosts ask for.
 *
 * Several queues (links) take turns. The pool grows to as many processes as requests are being served, and
 * one more. Processes cannot be ended, and hold the pool: it is made by make_shared().
 */
class request_pool : public std::enable_shared_from_this<request_pool> {
public:
	/*
	 * Look at the links, for up to timeout_ms (negative: until something arrives). False: that was the
	 * last look. It runs in a process, but must not wait().
	 */
	using look_function = std::function<bool(int timeout_ms)>;

	// The queue has something that may begin. It stays until it has been served.
	void announce(request_queue &queue);

	// From the next delta cycle on, look whenever there is nothing to serve.
	void begin_look(look_function look);
	void end_look() { look = nullptr; }	// not in a look

	// wait(), in a request that is being served, whose model has returned: for its delay.
	void let_pass(const sc_core::sc_time &time);

	size_t processes() const { return all.size(); }

private:
	struct process {
		unsigned age_rank;		// 0: the oldest
		bool idle;
		sc_core::sc_process_handle handle;
		sc_core::sc_event wake;
	};

	void call();
	process *find_deputy();
	process *spawn();
	bool may_take_duty(const process *self) const;
	void take_duty(process *self);
	void give_up_duty(process *self);
	void take_duty_back(process *self);
	bool nothing_else_until(const sc_core::sc_time &time) const;
	void run(process *self);
	void await_duty(process *self);
	void do_duty(process *self);
	void serve_announced(process *self);
	void look_or_rest(process *self);
	void rest(process *self, const sc_core::sc_time &time);

	look_function look;
	std::deque<request_queue *> announced;
	std::vector<std::unique_ptr<process>> all;
	process *on_duty = nullptr;
	process *served_last = nullptr;		// who gave up the duty last
	process *deputy = nullptr;		// who was notified last
	bool resting = false;			// who is on duty waits for the kernel
	bool looked = false;			// since the kernel had its turn
};

} // namespace tlpb

#endif
