// SPDX-License-Identifier: MIT
#include <gtest.h>
#include <string>

#include "model_binding.h"
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

namespace {

// Says that it has virtual functions, and has none.
class promises_vfs : public kit::pcie_function {
public:
	explicit promises_vfs(sc_core::sc_module_name name) : pcie_function(name, describe()) {}

	tlm::tlm_target_socket<> &bar_socket(unsigned) override { throw std::logic_error("it has no BAR"); }
	void reset(kit::reset_kind) override {}

private:
	static kit::function_description describe()
	{
		kit::sriov_description two;

		two.vfs = 2;
		two.bar_table[0] = { kit::bar_kind::mem32, 4096 };
		return kit::function_description("promises").id(0x1234, 1).sriov(two);
	}
};

} // namespace

TEST(Binding, VirtualFunctionsThatTheModelHasNotAreTold)
{
	promises_vfs model("model");
	tlpb::pcie_endpoint endpoint("of_promises", model.description());
	std::string text;

	try {
		tlpb::bind_device(endpoint, model);
	} catch (const std::invalid_argument &e) {
		text = e.what();
	}
	EXPECT_STREQ(text.c_str(), "promises: the description says 2 virtual functions, the model has 0");
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
