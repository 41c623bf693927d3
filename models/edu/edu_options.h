// SPDX-License-Identifier: MIT
/*
 * How an edu is built: its options as text, and the result.
 */
#ifndef EDU_EDU_OPTIONS_H
#define EDU_EDU_OPTIONS_H

#include <cstdint>
#include <vector>

#include "kit/function_description.h"
#include "kit/model.h"

namespace edu {

struct edu_options {
	kit::function_description function;
	uint64_t dma_mask = 0xfffffff;		// address bits that reach the bus
	sc_core::sc_time dma_time{ 100, sc_core::SC_MS };
	sc_core::sc_time factorial_time{ 10, sc_core::SC_US };
	sc_core::sc_time tick{ 1, sc_core::SC_MS };	// in steps of which both pass

	// 1234:11e8, revision 10, BAR0 of 1 MiB, INTA, one MSI vector.
	edu_options();
};

extern const std::vector<kit::model_option> edu_option_list;

// Throws std::invalid_argument with cause and cure.
edu_options parse_edu_options(const kit::option_values &values);

} // namespace edu

#endif
