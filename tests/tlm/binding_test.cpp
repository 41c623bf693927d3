// SPDX-License-Identifier: MIT
#include <gtest.h>
#include <string>

#include "pcie_endpoint.h"
#include "sim.h"

// What endpoint says of its description or bindings; "" if it takes them.
static std::string refusal(const kit::function_description &function)
{
	try {
		tlpb::pcie_endpoint endpoint("endpoint", function);

		sc_core::sc_start(sc_core::SC_ZERO_TIME);
	} catch (const std::exception &e) {
		return e.what();
	}
	return "";
}

TEST(Binding, DescriptionThatPciForbidsIsRefused)
{
	kit::function_description function("odd");

	function.id(0x1234, 1).bar(0, kit::bar_kind::mem32, 1000);
	EXPECT_TRUE(refusal(function).find("odd: ") == 0);
}

// Last: elaboration happens once a process.
TEST(Binding, RegionWithoutModelIsNamed)
{
	kit::function_description function("lonely");
	std::string text;

	function.id(0x1234, 1).bar(2, kit::bar_kind::mem32, 4096);
	text = refusal(function);
	EXPECT_TRUE(text.find("endpoint.bar_2 is not bound") != std::string::npos);
	EXPECT_TRUE(text.find("bind it") != std::string::npos);
}
