// SPDX-License-Identifier: MIT
/*
 * How far the requests of a host have run ahead of simulated time (temporal
 * decoupling), at most up to the next multiple of TLM's global quantum.
 *
 * Threads: the SystemC thread. Only sync() waits.
 */
#ifndef TLM_SIDE_LOCAL_TIME_H
#define TLM_SIDE_LOCAL_TIME_H

#include <systemc>
#include <tlm_utils/tlm_quantumkeeper.h>

namespace tlpb {

/*
 * A tlm_quantumkeeper knows the time ahead relative to now. Several processes share
 * this one, and simulated time may pass between them: what has passed is taken off.
 */
class local_time {
public:
	// Time ahead of now: the delay that the next access begins with.
	sc_core::sc_time ahead()
	{
		sc_core::sc_time passed = sc_core::sc_time_stamp() - set_at;
		sc_core::sc_time local = keeper.get_local_time();

		if (local > passed)
			set(local - passed);
		else
			caught_up();
		return keeper.get_local_time();
	}

	// An access ended that far ahead.
	void set(const sc_core::sc_time &local)
	{
		keeper.set(local);
		set_at = sc_core::sc_time_stamp();
	}

	// Wait until simulated time has caught up, if the quantum is used up; without quantum always.
	void sync_if_needed()
	{
		if (!keeper.need_sync())
			return;
		if (keeper.get_local_time() != sc_core::SC_ZERO_TIME)
			sc_core::wait(keeper.get_local_time());
		caught_up();
	}

private:
	// A new quantum begins.
	void caught_up()
	{
		keeper.reset();
		set_at = sc_core::sc_time_stamp();
	}

	tlm_utils::tlm_quantumkeeper keeper;
	sc_core::sc_time set_at;
};

} // namespace tlpb

#endif
