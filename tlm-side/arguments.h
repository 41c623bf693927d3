// SPDX-License-Identifier: MIT
/*
 * The command line of tlpbridge-serve: MODEL [OPTION...] [--and MODEL [OPTION...]]...
 * What the server needs may stand at any of them.
 *
 * Threads: the main thread, before elaboration; nothing blocks.
 */
#ifndef TLM_SIDE_ARGUMENTS_H
#define TLM_SIDE_ARGUMENTS_H

#include <stdexcept>
#include <string>
#include <systemc>
#include <tlpbridge/check.h>
#include <tlpbridge/server.h>
#include <vector>

#include "kit/model.h"
#include "link_settings.h"

namespace serve {

using model_list = std::vector<const kit::model_type *>;

struct device_arguments {
	const kit::model_type *model = nullptr;
	std::string name;		// empty: the program chooses
	std::string trace;		// file; empty: none
	tlpb::link_settings link;
	std::string inject;		// rules of error injection
	tlpb_check check = TLPB_CHECK_OFF;
	kit::option_values model_options;
};

struct arguments {
	std::string listen;
	std::string tls_ca, tls_cert, tls_key;	// files; empty: none
	bool plaintext = false;
	tlpb_transport transport = TLPB_TRANSPORT_AUTO;
	uint32_t shm_bytes = 0;		// of a link; 0: the default
	bool no_spin = false;
	bool allow_inject = false;	// by tlpbridge inject
	sc_core::sc_time quantum;	// of all devices
	bool help = false, version = false;
	std::vector<device_arguments> devices;	// at least one; its model may be missing
};

struct usage_error : std::invalid_argument {
	using invalid_argument::invalid_argument;
};

// Throws usage_error with cause and cure.
arguments parse(int argc, char **argv, const model_list &models);

// Is it complete? Throws usage_error. Not for --help and --version.
void check(const arguments &args);

// To stdout: of the program (model: nullptr), or of one model.
void print_help(const model_list &models, const kit::model_type *model);

} // namespace serve

#endif
