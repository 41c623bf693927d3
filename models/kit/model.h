// SPDX-License-Identifier: MIT
/*
 * How a program offers models by name: each model has one constant model_type
 * with its options and its factory.
 *
 * Threads: the SystemC thread. Constants of a program; they live as long as it does.
 */
#ifndef KIT_MODEL_H
#define KIT_MODEL_H

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pcie_function.h"

namespace kit {

struct model_option {
	const char *name;	// without the two dashes
	const char *argument;	// what to call it in the help; nullptr: takes none
	const char *help;	// lines after the first are indented by the program
};

// Options as given, in order; the value is empty where the option takes none.
using option_values = std::vector<std::pair<std::string, std::string>>;

struct model_type {
	const char *name;
	const char *summary;	// one line
	const std::vector<model_option> *options;

	// Makes a module, so during elaboration. Throws std::invalid_argument with cause and cure for a person.
	std::unique_ptr<pcie_function> (*create)(const option_values &values);
};

} // namespace kit

#endif
