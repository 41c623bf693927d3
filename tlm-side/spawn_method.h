// SPDX-License-Identifier: MIT
/*
 * Method processes from a function.
 */
#ifndef TLM_SIDE_SPAWN_METHOD_H
#define TLM_SIDE_SPAWN_METHOD_H

#include <functional>
#include <systemc>

namespace tlpb {

/*
 * A method process that runs f at each notification of event, which outlives it; f must not
 * wait. The SystemC thread.
 */
inline void spawn_method(const char *name, const sc_core::sc_event &event, std::function<void()> f)
{
	sc_core::sc_spawn_options options;

	options.spawn_method();
	options.dont_initialize();
	options.set_sensitivity(&event);
	sc_core::sc_spawn(std::move(f), name, &options);
}

} // namespace tlpb

#endif
