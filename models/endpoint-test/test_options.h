// SPDX-License-Identifier: MIT
/*
 * How an endpoint-test is built: its options as text, and the result.
 *
 * Threads: plain data; nothing waits.
 */
#ifndef ENDPOINT_TEST_TEST_OPTIONS_H
#define ENDPOINT_TEST_TEST_OPTIONS_H

#include <vector>

#include "kit/function_description.h"
#include "kit/model.h"

namespace endpoint_test {

// Where the MSI-X structures lie in BAR0; whoever hosts the function answers them.
enum { msix_table_offset = 0x4000, msix_pba_offset = 0xc000 };

enum { bar0_min = 0x10000 };	// bytes: registers, MSI-X table, PBA

enum { vf_bar_min = 4096 };	// bytes (9.2.1.1.1)

struct test_options {
	kit::function_description function;
	sc_core::sc_time latency;	// of a register read
	unsigned functions = 1, vfs = 0;	// vfs: of each function

	// The defaults: 104c:b500, six 32-bit memory BARs, INTA, 32 MSI, 2,048 MSI-X.
	test_options();

	/*
	 * The functions come first, then the virtual ones of each; more numbers than a device has by
	 * itself need ARI. number: 0 to functions - 1.
	 */
	kit::function_description function_at(unsigned number) const;

	// Of every virtual function.
	kit::function_description virtual_function() const;
};

extern const std::vector<kit::model_option> test_option_list;

// Throws std::invalid_argument with cause and cure.
test_options parse_test_options(const kit::option_values &values);

} // namespace endpoint_test

#endif
