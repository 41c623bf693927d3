// SPDX-License-Identifier: MIT
#include "request_pool.h"

#include <utility>

namespace tlpb {

void request_pool::announce(request_queue &queue)
{
	if (!queue.announced)
		announced.push_back(&queue);
	queue.announced = true;
	call();
}

void request_pool::begin_look(look_function how)
{
	look = std::move(how);
	call();
}

// There is something to do. Who is on duty and does not rest will see it.
void request_pool::call()
{
	if (on_duty && !resting)
		return;
	if (!on_duty)
		deputy = find_deputy();
	(on_duty ? on_duty : deputy)->wake.notify(sc_core::SC_ZERO_TIME);
}

// The oldest that is idle.
request_pool::process *request_pool::find_deputy()
{
	for (auto &process : all)
		if (process->idle)
			return process.get();
	return spawn();
}

request_pool::process *request_pool::spawn()
{
	unsigned rank = static_cast<unsigned>(all.size());
	process *fresh = all.emplace_back(new process{ rank, true, {}, {} }).get();

	fresh->handle = sc_core::sc_spawn([pool = shared_from_this(), fresh] { pool->run(fresh); },
					  sc_core::sc_gen_unique_name("request"));
	return fresh;
}

void request_pool::run(process *self)
{
	for (;;) {
		await_duty(self);
		do_duty(self);
	}
}

void request_pool::await_duty(process *self)
{
	self->idle = true;
	while (on_duty || (!look && announced.empty()))
		sc_core::wait(self->wake);
	self->idle = false;
	looked = false;
	take_duty(self);
}

void request_pool::take_duty(process *self)
{
	on_duty = self;
	resting = false;
}

void request_pool::give_up_duty(process *self)
{
	on_duty = nullptr;
	served_last = self;
	if (look || !announced.empty())
		call();
}

void request_pool::take_duty_back(process *self)
{
	take_duty(self);
	if (deputy)
		deputy->wake.cancel();
}

// Who is on duty and not running rests.
bool request_pool::may_take_duty(const process *self) const
{
	return !on_duty || (resting && self->age_rank < on_duty->age_rank);
}

void request_pool::do_duty(process *self)
{
	while (on_duty == self) {
		if (!announced.empty())
			serve_announced(self);
		else if (look)
			look_or_rest(self);
		else
			on_duty = nullptr;
	}
}

void request_pool::serve_announced(process *self)
{
	request_queue &queue = *announced.front();

	announced.pop_front();
	queue.announced = false;
	give_up_duty(self);
	queue.serve();
	if (may_take_duty(self))
		take_duty_back(self);
}

bool request_pool::nothing_else_until(const sc_core::sc_time &time) const
{
	return announced.empty() && !sc_core::sc_pending_activity_at_current_time() &&
	       (!sc_core::sc_pending_activity_at_future_time() ||
		sc_core::sc_time_to_pending_activity() >= time);
}

void request_pool::let_pass(const sc_core::sc_time &time)
{
	process *self = served_last;
	bool was_on_duty = look && !on_duty && self->handle == sc_core::sc_get_current_process_handle();

	if (was_on_duty) {
		take_duty_back(self);
		resting = nothing_else_until(time);
		if (!resting)
			give_up_duty(self);
	}
	sc_core::wait(time);
	if (was_on_duty && on_duty == self) {
		looked = false;
		give_up_duty(self);
	}
}

// A look, or after one the kernel's turn.
void request_pool::look_or_rest(process *self)
{
	bool now = sc_core::sc_pending_activity_at_current_time();
	bool busy = now || sc_core::sc_pending_activity_at_future_time();

	if (looked && busy) {
		looked = false;
		rest(self, now ? sc_core::SC_ZERO_TIME : sc_core::sc_time_to_pending_activity());
		return;
	}
	looked = true;
	if (!look(busy ? 0 : -1))
		look = nullptr;
}

// Until then, or until it is called.
void request_pool::rest(process *self, const sc_core::sc_time &time)
{
	resting = true;
	sc_core::wait(time, self->wake);
	if (on_duty == self)
		resting = false;
}

} // namespace tlpb
