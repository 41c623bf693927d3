// SPDX-License-Identifier: MIT
#include "request_pool.h"

#include <algorithm>
#include <utility>

namespace tlpb {

request_pool::request_pool(handler serve_request) : serve(std::move(serve_request))
{
}

void request_pool::arrive(tlpb_ep_request *request)
{
	enqueue({ request, nullptr, request->function });
}

void request_pool::arrive(unsigned function, action action)
{
	enqueue({ nullptr, std::move(action), function });
}

void request_pool::enqueue(item item)
{
	arrived.push_back(std::move(item));
	if (leader)
		leader->wake.notify();
	else
		appoint();
}

bool request_pool::quiet(unsigned function) const
{
	for (const item &item : arrived)
		if (item.function == function)
			return false;
	return !in_order || in_order_of != function;
}

request_pool::requests request_pool::withdraw_non_posted(unsigned function)
{
	requests taken;
	std::deque<item> rest;

	for (item &item : arrived)
		if (item.posted() || item.function != function)
			rest.push_back(std::move(item));
		else
			taken.push_back(item.request);
	arrived = std::move(rest);
	return taken;
}

request_pool::requests request_pool::hurry_actions(unsigned function)
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
	return taken;
}

// Make a process leader; none while all of a full pool are busy: the first to end leads.
void request_pool::appoint()
{
	leader = find_idle();
	if (leader)
		leader->wake.notify();
	else if (pool.size() < processes_max)
		leader = spawn();
}

request_pool::process *request_pool::find_idle()
{
	for (auto &process : pool)
		if (process->idle)
			return process.get();
	return nullptr;
}

request_pool::process *request_pool::spawn()
{
	process *fresh = pool.emplace_back(std::make_unique<process>()).get();

	sc_core::sc_spawn([this, fresh] { run(fresh); },
			  sc_core::sc_gen_unique_name("request"));
	return fresh;
}

void request_pool::run(process *self)
{
	for (;;) {
		await_item(self);
		serve_next(self);
	}
}

void request_pool::await_item(process *self)
{
	self->idle = true;
	while (leader != self || arrived.empty())
		sc_core::wait(self->wake);
	self->idle = false;
}

void request_pool::serve_next(process *self)
{
	item next = std::move(arrived.front());

	arrived.pop_front();
	if (next.posted())
		serve_in_order(next);
	else
		serve_aside(next, self);
}

void request_pool::serve_in_order(item &item)
{
	in_order = true;
	in_order_of = item.function;
	if (item.request)
		serve(item.request);
	else
		item.act();
	in_order = false;
}

void request_pool::serve_aside(item &item, process *self)
{
	leader = nullptr;
	if (!arrived.empty())
		appoint();
	serve(item.request);
	if (!leader)
		leader = self;
}

} // namespace tlpb
