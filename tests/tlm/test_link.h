// SPDX-License-Identifier: MIT
// The credits and the order that the environment asks for (tests/support/flow.h).
#ifndef TLPB_TEST_LINK_H
#define TLPB_TEST_LINK_H

#include "flow.h"
#include "link_settings.h"

inline tlpb::link_settings test_link()
{
	tlpb::link_settings settings;

	flow_configure(&settings.credits, &settings.order_seed, 128);
	return settings;
}

#endif
