// SPDX-License-Identifier: MIT
#include "request_queue.h"

#include <algorithm>
#include <utility>

#include "request_pool.h"

namespace tlpb {

request_queue::request_queue(handler serve) : serve_request(std::move(serve))
{
}

void request_queue::join(std::shared_ptr<request_pool> its_pool)
{
	pool = std::move(its_pool);
}

void request_queue::arrive(tlpb_ep_request *request)
{
	enqueue({ request, nullptr, request->function });
}

void request_queue::arrive(unsigned function, action action)
{
	enqueue({ nullptr, std::move(action), function });
}

void request_queue::enqueue(item item)
{
	arrived.push_back(std::move(item));
	tell_pool();
}

void request_queue::tell_pool()
{
	if (may_begin())
		pool->announce(*this);
}

bool request_queue::quiet(unsigned function) const
{
	for (const item &item : arrived)
		if (item.function == function)
			return false;
	return !in_order || in_order_of != function;
}

request_queue::requests request_queue::withdraw_non_posted(unsigned function)
{
	requests taken;
	std::deque<item> rest;

	for (item &item : arrived)
		if (item.posted() || item.function != function)
			rest.push_back(std::move(item));
		else
			taken.push_back(item.request);
	arrived = std::move(rest);
	tell_pool();	// what is the first now may begin, perhaps, where the one before could not
	return taken;
}

request_queue::requests request_queue::hurry_actions(unsigned function)
{
	requests taken;
	std::deque<item> before = std::move(arrived);
	auto is_action = [=](const item &item) { return !item.request && item.function == function; };
	auto left = std::count_if(before.begin(), before.end(), is_action);

	arrived.clear();
	for (item &item : before) {
		if (!left || item.function != function) {
			arrived.push_back(std::move(item));
		} else if (item.request) {
			taken.push_back(item.request);
		} else {
			item.act();
			left--;
		}
	}
	tell_pool();
	return taken;
}

bool request_queue::may_begin() const
{
	return !arrived.empty() && !in_order &&
	       (arrived.front().posted() || side_by_side < side_by_side_max);
}

void request_queue::serve()
{
	while (may_begin())
		serve_next();
}

void request_queue::let_pass(const sc_core::sc_time &time)
{
	pool->let_pass(time);
}

void request_queue::serve_next()
{
	item next = std::move(arrived.front());

	arrived.pop_front();
	if (next.posted())
		serve_in_order(next);
	else
		serve_aside(next.request);
}

void request_queue::serve_in_order(item &item)
{
	in_order = true;
	in_order_of = item.function;
	if (item.request)
		serve_request(item.request);
	else
		item.act();
	in_order = false;
}

void request_queue::serve_aside(tlpb_ep_request *request)
{
	side_by_side++;
	tell_pool();
	serve_request(request);
	side_by_side--;
}

} // namespace tlpb
