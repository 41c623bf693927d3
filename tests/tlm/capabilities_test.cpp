// SPDX-License-Identifier: MIT
// What a description in C++ declares beyond IDs, BARs and interrupts, as software finds it.
#include <gtest.h>
#include <string>

#include "pcie_endpoint.h"

static kit::function_description describe()
{
	kit::function_description function("rich");
	const uint64_t MiB = 1024 * 1024;

	function.id(0x1234, 0x0001).bar(0, kit::bar_kind::pref64, 16 * MiB);
	function.has({ kit::feature::aer, kit::feature::ltr, kit::feature::pme });
	function.serial_number(0x0123456789abcdef);
	function.resizable(0, { 8 * MiB, 16 * MiB, 64 * MiB });

	kit::capability_description vsec;
	vsec.id = 0x0b;			// Vendor-Specific Extended Capability
	vsec.version = 1;
	vsec.value = { 0x01, 0x00, 0x00, 0x00,		// its ID; the length is filled in
		       0x55, 0xaa, 0x00, 0x00 };
	vsec.writable = { 0, 0, 0, 0, 0xff };		// the first byte behind that
	function.capability(vsec);
	return function;
}

static unsigned extended(tlpb_ep *ep, unsigned id)
{
	unsigned at = 0x100;

	while (at && (tlpb_ep_config_peek(ep, at, 4) & 0xffff) != id)
		at = tlpb_ep_config_peek(ep, at, 4) >> 20;
	return at;
}

// What endpoint says of its description; "" if it takes it.
static std::string refusal(const kit::function_description &function)
{
	try {
		tlpb::pcie_endpoint endpoint("refused", function);
	} catch (const std::exception &e) {
		return e.what();
	}
	return "";
}

TEST(Capabilities, AreInConfigSpaceAsDeclared)
{
	tlpb::pcie_endpoint endpoint("endpoint", describe());
	tlpb_ep *ep = endpoint.ep();
	unsigned at = extended(ep, 0x03);

	EXPECT_EQ(extended(ep, 0x01), 0x100);
	EXPECT_NE(extended(ep, 0x18), 0);
	EXPECT_EQ(extended(ep, 0x0e), 0);
	EXPECT_EQ(tlpb_ep_config_peek(ep, at + 4, 4), 0x89abcdef);
	EXPECT_EQ(tlpb_ep_config_peek(ep, at + 8, 4), 0x01234567);
	at = extended(ep, 0x15);
	EXPECT_EQ(tlpb_ep_config_peek(ep, at + 4, 4), (8 | 16 | 64) << 4);
	EXPECT_EQ(tlpb_ep_config_peek(ep, at + 8, 4), 4 << 8 | 1 << 5);
	at = extended(ep, 0x0b);
	EXPECT_EQ(tlpb_ep_config_peek(ep, at + 4, 4), 12 << 20 | 1);
	EXPECT_EQ(tlpb_ep_config_peek(ep, at + 8, 4), 0xaa55);
	EXPECT_EQ(tlpb_ep_config_peek(ep, 0x42, 2), 0x4803);	// PME from D0 and D3hot
}

TEST(Capabilities, EachFeatureIsTheLibrarysOfThatName)
{
	static const struct {
		kit::feature feature;
		uint32_t has;
	} rows[] = {
		{ kit::feature::aer, TLPB_HAS_AER }, { kit::feature::ari, TLPB_HAS_ARI },
		{ kit::feature::ltr, TLPB_HAS_LTR }, { kit::feature::pme, TLPB_HAS_PME },
		{ kit::feature::soft_reset, TLPB_HAS_SOFT_RESET },
		{ kit::feature::tags_10bit, TLPB_HAS_TAGS_10BIT },
		{ kit::feature::atomic_32, TLPB_HAS_ATOMIC_32 },
		{ kit::feature::atomic_64, TLPB_HAS_ATOMIC_64 },
		{ kit::feature::cas_128, TLPB_HAS_CAS_128 },
		{ kit::feature::atomic_requests, TLPB_HAS_ATOMIC_REQUESTS },
	};

	for (const auto &row : rows) {
		kit::function_description function("one");

		function.id(0x1234, 1).has({ row.feature });
		EXPECT_EQ(tlpb::to_device(function).has, row.has);
	}
}

TEST(Capabilities, ThatCannotBeAreRefusedWithTheReason)
{
	kit::function_description sizes = describe(), own = describe(), ecrc("ecrc");
	kit::capability_description msi;

	sizes.resizable(0, { 3 * 1024 * 1024, 16 * 1024 * 1024 });
	EXPECT_TRUE(refusal(sizes).find("rich: BAR0 cannot be resized") == 0);
	msi.id = 0x05;
	msi.value = { 0, 0 };
	own.capability(msi);
	EXPECT_TRUE(refusal(own).find("ID 0x5") != std::string::npos);
	own = describe();
	msi.id = 0x10000;
	own.capability(msi);
	EXPECT_TRUE(refusal(own).find("16 bits") != std::string::npos);
	ecrc.id(0x1234, 1).has({ kit::feature::ecrc });
	EXPECT_TRUE(refusal(ecrc).find("AER") != std::string::npos);
}
