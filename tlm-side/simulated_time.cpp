// SPDX-License-Identifier: MIT
#include "simulated_time.h"

#include <cmath>
#include <systemc>

namespace tlpb {

uint64_t simulated_ps()
{
	static const double ps = std::round(sc_core::sc_get_time_resolution().to_seconds() * 1e15) / 1e3;
	uint64_t ticks = sc_core::sc_time_stamp().value();

	return ps >= 1 ? ticks * static_cast<uint64_t>(ps)
		       : ticks / static_cast<uint64_t>(std::round(1 / ps));
}

} // namespace tlpb
