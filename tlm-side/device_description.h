// SPDX-License-Identifier: MIT
/*
 * What a model says of itself, in the library's form.
 *
 * Threads: plain data; nothing waits.
 */
#ifndef TLM_SIDE_DEVICE_DESCRIPTION_H
#define TLM_SIDE_DEVICE_DESCRIPTION_H

#include <tlpbridge/ep.h>
#include <vector>

#include "kit/function_description.h"

namespace tlpb {

// The bridge's own form of a description; does not check it, and cuts a name that is too long.
tlpb_device to_device(const kit::function_description &function);

// The library's form of the capabilities of one's own. Throws std::invalid_argument.
class own_capabilities {
public:
	own_capabilities() = default;
	explicit own_capabilities(const kit::function_description &function);

	// It has them as long as this lives: tlpb_ep_config, tlpb_ep_function.
	template<class C>
	void put_into(C &config) const
	{
		config.capabilities = list.data();
		config.capability_count = static_cast<unsigned>(list.size());
	}

private:
	std::vector<kit::capability_description> padded;	// what list points into
	std::vector<tlpb_capability> list;
};

// The library's form of register names; it points into list, which must not change meanwhile.
class register_names {
public:
	explicit register_names(const std::vector<kit::register_description> &list);

	std::vector<tlpb_register> registers;

private:
	std::vector<std::vector<tlpb_field>> fields;
};

} // namespace tlpb

#endif
