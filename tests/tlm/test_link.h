// SPDX-License-Identifier: MIT
// The credits and the order that the environment asks for (tests/support/flow.h).
#ifndef TLPB_TEST_LINK_H
#define TLPB_TEST_LINK_H

#include "flow.h"
#include "link_settings.h"

// For all tests of a program, which have one endpoint: some of their models keep a few requests at once.
inline tlpb::link_settings test_link()
{
	enum { requests_at_once = 4 };
	tlpb::link_settings settings;

	flow_configure(&settings.credits, &settings.order_seed, 128);
	if (flow_credits())
		settings.credits.credits[TLPB_POOL_PH] = settings.credits.credits[TLPB_POOL_NPH] = requests_at_once;
	return settings;
}

#endif
