// SPDX-License-Identifier: MIT
#ifndef TLM_SIDE_SIMULATED_TIME_H
#define TLM_SIDE_SIMULATED_TIME_H

#include <cstdint>

namespace tlpb {

// Simulated time in picoseconds, whatever the resolution the program chose. The SystemC thread.
uint64_t simulated_ps();

} // namespace tlpb

#endif
