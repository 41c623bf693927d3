// SPDX-License-Identifier: MIT
/*
 * How the link of a device behaves, beside what the device's description says. Read when
 * the endpoint is made; no thread of its own, nothing blocks.
 */
#ifndef TLM_SIDE_LINK_SETTINGS_H
#define TLM_SIDE_LINK_SETTINGS_H

#include <cstdint>
#include <tlpbridge/ep.h>

namespace tlpb {

struct link_settings {
	tlpb_pools credits = {};	// advertised to hosts; zeros: the defaults
	uint64_t order_seed = 0;	// not 0: TLPs go in any order that the rules allow
};

} // namespace tlpb

#endif
