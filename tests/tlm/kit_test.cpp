// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <gtest.h>
#include <stdexcept>
#include <string>

#include "endpoint-test/test_options.h"
#include "kit/atomic_extension.h"
#include "kit/crc32.h"
#include "kit/parse.h"
#include "kit/payload.h"
#include "kit/registers.h"
#include "sim.h"

using kit::access;
using kit::bar_kind;

namespace {

struct bench {
	unsigned writes = 0, reads = 0;
	kit::registers regs{ {
		{ 0x00, "PLAIN", access::rw, 0x11223344 },
		{ 0x04, "TRIGGER", access::rw, 0, [this](uint32_t) { writes++; } },
		{ 0x08, "FIXED", access::ro, 0xcafe },
		{ 0x0c, "COUNT", access::ro, 0, {}, [this] { return ++reads; } },
	} };

	void transfer(tlm::tlm_command command, uint64_t offset, void *data, unsigned len,
		      uint8_t *enable = nullptr)
	{
		tlm::tlm_generic_payload payload;

		prepare(payload, command, offset, data, len);
		payload.set_byte_enable_ptr(enable);
		payload.set_byte_enable_length(enable ? len : 0);
		regs.access_payload(payload);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
	}

	void write(uint64_t offset, void *data, unsigned len) { transfer(tlm::TLM_WRITE_COMMAND, offset, data, len); }
	void read(uint64_t offset, void *data, unsigned len) { transfer(tlm::TLM_READ_COMMAND, offset, data, len); }
};

template<class F>
std::string refusal(F f)
{
	try {
		f();
	} catch (const std::invalid_argument &e) {
		return e.what();
	}
	return "";
}

std::string refused_option(const char *name, const char *value)
{
	return refusal([&] { endpoint_test::parse_test_options({ { name, value } }); });
}

bool contains(const std::string &text, const char *part)
{
	return text.find(part) != std::string::npos;
}

} // namespace

TEST(Registers, ReadsAndWritesAreLittleEndian)
{
	bench b;
	uint8_t bytes[4];

	b.read(0, bytes, 4);
	EXPECT_MEMEQ(bytes, "\x44\x33\x22\x11", 4);
	b.write(0, bytes, 1);
	EXPECT_EQ(b.regs[0], 0x11223344u);
}

TEST(Registers, PartialWriteKeepsTheOtherBytes)
{
	bench b;
	uint8_t bytes[2] = { 0xaa, 0xbb };

	b.write(1, bytes, 2);
	EXPECT_EQ(b.regs[0], 0x11bbaa44u);
}

TEST(Registers, ByteEnablesSelectBytes)
{
	bench b;
	uint8_t bytes[4] = { 1, 2, 3, 4 }, enable[4] = { 0, 0xff, 0, 0xff };

	b.transfer(tlm::TLM_WRITE_COMMAND, 0, bytes, 4, enable);
	EXPECT_EQ(b.regs[0], 0x04220244u);
}

TEST(Registers, HandlerRunsOncePerRegisterAndOnlyWhereBytesAreEnabled)
{
	bench b;
	uint8_t bytes[16] = { 0 }, none[16] = { 0 };

	b.write(0, bytes, 16);
	EXPECT_EQ(b.writes, 1u);
	b.read(0, bytes, 16);
	EXPECT_EQ(b.reads, 1u);
	b.read(0x0e, bytes, 1);
	EXPECT_EQ(b.reads, 2u);
	b.transfer(tlm::TLM_READ_COMMAND, 0, bytes, 16, none);
	b.transfer(tlm::TLM_WRITE_COMMAND, 0, bytes, 16, none);
	EXPECT_EQ(b.reads, 2u);
	EXPECT_EQ(b.writes, 1u);
}

TEST(Registers, ReadOnlyAndReservedIgnoreWrites)
{
	bench b;
	uint32_t ones = ~0u, value = ~0u;

	b.write(0x08, &ones, 4);
	EXPECT_EQ(b.regs[0x08], 0xcafeu);
	b.write(0x10, &ones, 4);
	b.read(0x10, &value, 4);
	EXPECT_EQ(value, 0u);
}

TEST(Registers, ResetRestoresAllValues)
{
	bench b;
	uint32_t ones = ~0u;

	b.write(0, &ones, 4);
	b.regs.reset();
	EXPECT_EQ(b.regs[0], 0x11223344u);
}

TEST(Registers, DebugAccessHasNoSideEffects)
{
	bench b;
	tlm::tlm_generic_payload payload;
	uint32_t words[4] = { 1, 2, 3, 4 };

	prepare(payload, tlm::TLM_WRITE_COMMAND, 0, words, 16);
	b.regs.access_debug(payload);
	prepare(payload, tlm::TLM_READ_COMMAND, 0, words, 16);
	b.regs.access_debug(payload);
	EXPECT_EQ(b.writes + b.reads, 0u);
	EXPECT_EQ(words[1], 2u);
}

TEST(Payload, AccessOutsideOfMemoryIsAnAddressError)
{
	tlm::tlm_generic_payload payload;
	uint8_t memory[8] = { 0 }, data[8] = { 0 };

	prepare(payload, tlm::TLM_READ_COMMAND, 4, data, 5);
	kit::access_memory(payload, memory, sizeof memory);
	EXPECT_EQ(payload.get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
	prepare(payload, tlm::TLM_READ_COMMAND, ~0ull, data, 5);
	kit::access_memory(payload, memory, sizeof memory);
	EXPECT_EQ(payload.get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
	prepare(payload, tlm::TLM_READ_COMMAND, 4, data, 4);
	kit::access_memory(payload, memory, sizeof memory);
	EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
}

TEST(Payload, IgnoredCommandMovesNothingAndStreamingIsRefused)
{
	tlm::tlm_generic_payload payload;
	uint8_t memory[8] = { 1 }, data[8] = { 0 };
	bench b;

	prepare(payload, tlm::TLM_IGNORE_COMMAND, 0, data, 8);
	kit::access_memory(payload, memory, sizeof memory);
	EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
	EXPECT_EQ(data[0], 0);
	prepare(payload, tlm::TLM_IGNORE_COMMAND, 0x0c, nullptr, 4);
	b.regs.access_payload(payload);
	EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
	EXPECT_EQ(b.reads, 0u);
	prepare(payload, tlm::TLM_READ_COMMAND, 0x0c, data, 8);
	payload.set_streaming_width(4);
	b.regs.access_payload(payload);
	EXPECT_EQ(payload.get_response_status(), tlm::TLM_BURST_ERROR_RESPONSE);
	EXPECT_EQ(b.reads, 0u);
}

TEST(Payload, DebugTransferNeedsCommandAddressDataAndLengthOnly)
{
	tlm::tlm_generic_payload payload;	// its streaming width is 0
	uint8_t memory[8] = { 0 }, data[4] = { 1, 2, 3, 4 };

	payload.set_write();
	payload.set_address(3);
	payload.set_data_ptr(data);
	payload.set_data_length(4);
	EXPECT_EQ(kit::debug_memory(payload, memory, sizeof memory), 4u);
	EXPECT_MEMEQ(memory + 2, "\0\1\2\3\4\0", 6);
	payload.set_address(5);
	EXPECT_EQ(kit::debug_memory(payload, memory, sizeof memory), 0u);
	payload.set_address(0);
	payload.set_command(tlm::TLM_IGNORE_COMMAND);
	EXPECT_EQ(kit::debug_memory(payload, memory, sizeof memory), 0u);
}

TEST(Crc32, IsLinuxCrc32Le)
{
	// The usual check value of CRC-32 is that of the complement.
	EXPECT_EQ(~kit::crc32_le(~0u, "123456789", 9), 0xcbf43926u);
	EXPECT_EQ(kit::crc32_le(kit::crc32_le(~0u, "1234", 4), "56789", 5),
		  kit::crc32_le(~0u, "123456789", 9));
}

TEST(Parse, SizesTakeUnits)
{
	EXPECT_EQ(kit::parse_size("256"), 256u);
	EXPECT_EQ(kit::parse_size("64K"), 65536u);
	EXPECT_EQ(kit::parse_size("4G"), 1ull << 32);
	for (const char *bad : { "", "K", "64Q", "64KB", "-1", "99999999999999999999", "17179869184G" })
		EXPECT_NE(refusal([&] { kit::parse_size(bad); }).size(), 0u);
}

TEST(Parse, TimesTakeUnits)
{
	EXPECT_TRUE(kit::parse_time("100ns") == sc_core::sc_time(100, sc_core::SC_NS));
	EXPECT_TRUE(kit::parse_time("3us") == sc_core::sc_time(3, sc_core::SC_US));
	for (const char *bad : { "", "100", "ns", "1.5ns", "1 ns", "1h" })
		EXPECT_NE(refusal([&] { kit::parse_time(bad); }).size(), 0u);
}

TEST(EndpointTestOptions, DefaultsAreSixMemoryBars)
{
	endpoint_test::test_options o = endpoint_test::parse_test_options({});

	EXPECT_EQ(o.function.vendor_id, 0x104c);
	EXPECT_EQ(o.function.device_id, 0xb500);
	EXPECT_EQ(o.function.bar_table[0].size, 65536u);
	EXPECT_EQ(o.function.msix_table.vectors, 2048u);
	EXPECT_EQ(o.function.msi_vectors, 32u);
	EXPECT_EQ(o.function.intx_pin, 1u);
	for (const auto &bar : o.function.bar_table)
		EXPECT_TRUE(bar.kind == bar_kind::mem32);
}

TEST(EndpointTestOptions, OtherLayoutsReplaceTheDefault)
{
	endpoint_test::test_options o = endpoint_test::parse_test_options({
		{ "bars", "0:mem32:64K,1:io:256,2:pref64:1M,4:mem64:64K" },
		{ "id", "1234:abcd" }, { "msi", "4" }, { "msix", "0" }, { "no-intx", "" },
		{ "latency", "100ns" },
	});

	EXPECT_TRUE(o.function.bar_table[1].kind == bar_kind::io);
	EXPECT_TRUE(o.function.bar_table[2].kind == bar_kind::pref64);
	EXPECT_TRUE(o.function.bar_table[3].kind == bar_kind::none);
	EXPECT_EQ(o.function.bar_table[2].size, 1u << 20);
	EXPECT_EQ(o.function.device_id, 0xabcd);
	EXPECT_EQ(o.function.msi_vectors, 4u);
	EXPECT_EQ(o.function.msix_table.vectors, 0u);
	EXPECT_EQ(o.function.intx_pin, 0u);
}

TEST(EndpointTestOptions, RefusalsNameOptionAndCause)
{
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32:32K"), "at least 64K"));
	EXPECT_TRUE(contains(refused_option("bars", "0:io:256"), "--bars"));
	EXPECT_TRUE(contains(refused_option("bars", "1:mem32:4K"), "BAR0"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32:64K,1:mem32:5K"), "power of two"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32:64K,1:rom:4K"), "rom"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32:64K,6:mem32:4K"), "5"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32:64K,5:mem64:4K"), "BAR5"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem64:64K,1:mem32:4K"), "upper half"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32:64K,0:mem32:64K"), "twice"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32"), "INDEX:KIND:SIZE"));
	EXPECT_TRUE(contains(refused_option("bars", "0:mem32:64K,1:io:512"), "256"));
	EXPECT_TRUE(contains(refused_option("id", "104c"), "VENDOR:DEVICE"));
	EXPECT_TRUE(contains(refused_option("id", "104c:b5000"), "b5000"));
	EXPECT_TRUE(contains(refused_option("msi", "3"), "--msi"));
	EXPECT_TRUE(contains(refused_option("msix", "2049"), "2048"));
	EXPECT_TRUE(contains(refused_option("latency", "fast"), "100ns"));
}

// ---- AtomicOps ----

TEST(Registers, AnAtomicOpReadsAndWritesThem)
{
	unsigned writes = 0;
	kit::registers regs({
		{ 0x00, "A", kit::access::rw, 5 },
		{ 0x04, "B", kit::access::rw, 0, [&](uint32_t) { writes++; } },
	});
	tlm::tlm_generic_payload payload;
	kit::atomic_extension atomic;

	payload.set_command(tlm::TLM_IGNORE_COMMAND);
	payload.set_address(0);
	payload.set_data_length(8);
	payload.set_streaming_width(8);
	payload.set_extension(&atomic);
	atomic.operand = { 0xff, 0xff, 0xff, 0xff, 1 };
	regs.access_payload(payload);
	EXPECT_TRUE(atomic.done);
	EXPECT_EQ(atomic.old[0], 5);
	EXPECT_EQ(regs[0], 4u);			// 5 + 1ffffffff carries into B
	EXPECT_EQ(regs[4], 2u);
	EXPECT_EQ(writes, 1u);
	atomic.op = kit::atomic_op::compare_and_swap;
	atomic.operand = { 9 };
	regs.access_payload(payload);		// finds something else
	EXPECT_EQ(regs[0], 4u);
	EXPECT_EQ(writes, 1u);
	atomic.compare = { 4, 0, 0, 0, 2 };
	regs.access_payload(payload);
	EXPECT_EQ(regs[0], 9u);
	EXPECT_EQ(writes, 2u);
	payload.clear_extension(&atomic);
}
