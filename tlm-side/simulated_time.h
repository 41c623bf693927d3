// SPDX-License-Identifier: MIT
/*
 * Simulated time as the bridge's frames carry it.
 */
#ifndef TLM_SIDE_SIMULATED_TIME_H
#define TLM_SIDE_SIMULATED_TIME_H

#include <cstdint>

namespace tlpb {

// Simulated time in picoseconds, whatever the resolution the program chose. The SystemC thread; never waits.
uint64_t simulated_ps();

} // namespace tlpb

#endif
