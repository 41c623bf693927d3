// SPDX-License-Identifier: MIT
/*
 * The endpoint-test model as the kernel's driver uses it, without any bridge.
 */
#include <gtest.h>

#include "endpoint_test_bench.h"
#include "kit/crc32.h"

using namespace endpoint_test;

namespace {

enum : uint64_t { base = fake_host::memory_base };

endpoint_test_bench &bench()
{
	static endpoint_test_bench b(kit::option_values{ { "latency", "100ns" } });

	b.clear();
	return b;
}

// Bytes at the start of the host's memory that are easy to recognize.
void fill(endpoint_test_bench &b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		b.host.memory[i] = static_cast<uint8_t>(i * 7 + (i >> 8));
}

uint32_t value_of(endpoint_test_bench &b, uint32_t reg)
{
	uint32_t value = 0;

	in_thread([&] { value = b.read(reg); });
	return value;
}

void expect_events(const endpoint_test_bench &b, const std::vector<std::string> &expected)
{
	EXPECT_EQ(b.host.events.size(), expected.size());
	for (size_t i = 0; i < expected.size() && i < b.host.events.size(); i++)
		EXPECT_STREQ(b.host.events[i].c_str(), expected[i].c_str());
}

} // namespace

TEST(EndpointTest, RegistersKeepWhatIsWritten)
{
	endpoint_test_bench &b = bench();

	in_thread([&] {
		for (uint32_t reg : { MAGIC, LOWER_SRC_ADDR, UPPER_DST_ADDR, SIZE, CHECKSUM, FLAGS }) {
			b.write(reg, 0xa0a0a0a0);
			EXPECT_EQ(b.read(reg), 0xa0a0a0a0u);
		}
	});
}

TEST(EndpointTest, OtherBarsArePlainMemory)
{
	endpoint_test_bench &b = bench();
	uint32_t pattern = 0xa0a0a0a0, value;

	in_thread([&] {
		for (unsigned bar = 1; bar < kit::bars; bar++) {
			value = 0;
			b.access(tlm::TLM_WRITE_COMMAND, bar, 0xffc, &pattern, 4);
			b.access(tlm::TLM_READ_COMMAND, bar, 0xffc, &value, 4);
			EXPECT_EQ(value, pattern);
		}
		EXPECT_EQ(b.access(tlm::TLM_READ_COMMAND, 1, 0x1000, &value, 4),
			  tlm::TLM_ADDRESS_ERROR_RESPONSE);
	});
}

TEST(EndpointTest, ReadComparesTheChecksum)
{
	endpoint_test_bench &b = bench();
	enum { size = 200001 };		// several chunks and an odd rest

	fill(b, size);
	endpoint_test_bench::parameters p = { base, 0, size, kit::crc32_le(~0u, b.host.memory.data(), size) };
	b.command(DO_READ, p);
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(READ_SUCCESS | IRQ_RAISED));
	expect_events(b, { "msi 0" });

	p.checksum ^= 1;
	b.command(DO_READ, p);
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(READ_FAIL | IRQ_RAISED));
}

TEST(EndpointTest, WriteFillsAndTellsTheChecksum)
{
	endpoint_test_bench &b = bench();
	enum { size = 1024001 };	// the largest of pcitest
	uint8_t *memory = b.host.memory.data();

	b.command(DO_WRITE, { 0, base + 3, size, 0, IRQ_MSIX, 2048 });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(WRITE_SUCCESS | IRQ_RAISED));
	EXPECT_EQ(value_of(b, CHECKSUM), kit::crc32_le(~0u, memory + 3, size));
	EXPECT_EQ(memory[2], 0);
	EXPECT_EQ(memory[3 + size], 0);
	expect_events(b, { "msix 2047" });
}

TEST(EndpointTest, CopyMovesAllBytes)
{
	endpoint_test_bench &b = bench();
	enum { size = 131073, dst = 0x200001 };

	fill(b, size);
	b.command(DO_COPY, { base, base + dst, size, 0, IRQ_MSI, 1 });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(COPY_SUCCESS | IRQ_RAISED));
	EXPECT_MEMEQ(b.host.memory.data(), b.host.memory.data() + dst, size);
}

TEST(EndpointTest, AddressErrorsNameTheSide)
{
	endpoint_test_bench &b = bench();

	b.command(DO_READ, { 0x1000, 0, 64 });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(READ_FAIL | SRC_ADDR_INVALID | IRQ_RAISED));
	b.command(DO_WRITE, { 0, 0x1000, 64 });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(WRITE_FAIL | DST_ADDR_INVALID | IRQ_RAISED));
	b.command(DO_COPY, { base, 0x1000, 64 });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(COPY_FAIL | DST_ADDR_INVALID | IRQ_RAISED));
}

TEST(EndpointTest, TransferThatFailsHalfWayFails)
{
	endpoint_test_bench &b = bench();

	b.host.dma_fails_after = 2;
	b.command(DO_COPY, { base, base + 0x200000, 200000 });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(COPY_FAIL | IRQ_RAISED));
	EXPECT_EQ(value_of(b, LOWER_FAULT_ADDR), (uint32_t)(base + chunk));
	EXPECT_EQ(value_of(b, UPPER_FAULT_ADDR), 0u);
	b.host.dma_fails_after = -1;
	b.command(DO_COPY, { base, base + 0x200000, 4 });
	EXPECT_EQ(value_of(b, LOWER_FAULT_ADDR), 0u);
}

TEST(EndpointTest, SillySizesFailWithoutDma)
{
	endpoint_test_bench &b = bench();

	b.host.dma_fails_after = 1000;		// counts transfers
	for (uint32_t size : { 0u, transfer_max + 1u, 0xffffffffu }) {
		b.command(DO_READ | DO_WRITE | DO_COPY, { base, base, size });
		EXPECT_EQ(value_of(b, STATUS),
			  (uint32_t)(READ_FAIL | WRITE_FAIL | COPY_FAIL | IRQ_RAISED));
	}
	EXPECT_EQ(b.host.dma_count, 0u);
}

TEST(EndpointTest, IntxIsHeldUntilTheDriverAcknowledges)
{
	endpoint_test_bench &b = bench();

	b.command(RAISE_INTX, { 0, 0, 0, 0, IRQ_INTX, 0 });
	expect_events(b, { "intx 1" });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)IRQ_RAISED);
	in_thread([&] { b.write(STATUS, 0); });
	expect_events(b, { "intx 1", "intx 0" });
	in_thread([&] { b.write(STATUS, 0); });
	expect_events(b, { "intx 1", "intx 0" });
}

TEST(EndpointTest, MessageInterruptsNeedNoAcknowledge)
{
	endpoint_test_bench &b = bench();

	b.command(RAISE_MSI, { 0, 0, 0, 0, IRQ_MSI, 32 });
	b.command(RAISE_MSIX, { 0, 0, 0, 0, IRQ_MSIX, 1 });
	expect_events(b, { "msi 31", "msix 0" });
	in_thread([&] { b.write(STATUS, 0); });
	expect_events(b, { "msi 31", "msix 0" });
}

TEST(EndpointTest, LostInterruptLeavesIrqRaisedClear)
{
	endpoint_test_bench &b = bench();

	b.host.irq_answer = kit::irq_result::disabled;
	b.command(RAISE_MSI, { 0, 0, 0, 0, IRQ_MSI, 1 });
	EXPECT_EQ(value_of(b, STATUS), 0u);
	b.host.irq_answer = kit::irq_result::masked;
	b.command(RAISE_MSI, { 0, 0, 0, 0, IRQ_MSI, 1 });
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)IRQ_RAISED);
	b.host.events.clear();
	b.command(RAISE_MSI, { 0, 0, 0, 0, IRQ_MSI, 0 });	// numbers count from 1
	EXPECT_EQ(value_of(b, STATUS), 0u);
	expect_events(b, {});
}

TEST(EndpointTest, CommandReturnsAtOnceAndTakesTheRegistersAsTheyWere)
{
	endpoint_test_bench &b = bench();

	fill(b, 64);
	in_thread([&] {
		double before = now_ns();

		b.program(DO_COPY, { base, base + 0x1000, 64 });
		b.write(LOWER_SRC_ADDR, 0);
		b.write(SIZE, 0);
		EXPECT_EQ(now_ns(), before);
		EXPECT_EQ(b.read(COMMAND), 0u);
		EXPECT_EQ(b.read(STATUS), 0u);
	});
	EXPECT_EQ(value_of(b, STATUS), (uint32_t)(COPY_SUCCESS | IRQ_RAISED));
	EXPECT_MEMEQ(b.host.memory.data(), b.host.memory.data() + 0x1000, 64);
}

TEST(EndpointTest, CommandsGivenWhileOneRunsFollowInOrder)
{
	endpoint_test_bench &b = bench();

	in_thread([&] {
		b.program(DO_COPY, { base, base + 0x1000, 64, 0, IRQ_MSI, 1 });
		b.program(DO_COPY, { base, base + 0x1000, 64, 0, IRQ_MSI, 2 });
		b.program(RAISE_MSIX, { 0, 0, 0, 0, IRQ_MSIX, 3 });
	});
	expect_events(b, { "msi 0", "msi 1", "msix 2" });
}

TEST(EndpointTest, ResetStopsACommandSilently)
{
	endpoint_test_bench &b = bench();

	in_thread([&] {
		b.write(MAGIC, 1);
		b.program(DO_COPY, { base, base + 0x1000, 64 });
		wait(sc_core::sc_time(15, sc_core::SC_NS));	// inside the DMA write
		b.model.reset(kit::reset_kind::function_level);
	});
	expect_events(b, {});
	EXPECT_EQ(value_of(b, STATUS), 0u);
	EXPECT_EQ(value_of(b, MAGIC), 0u);
}

TEST(EndpointTest, ResetLetsGoOfIntx)
{
	endpoint_test_bench &b = bench();

	b.command(RAISE_INTX, { 0, 0, 0, 0, IRQ_INTX, 0 });
	b.model.reset(kit::reset_kind::hot);
	expect_events(b, { "intx 1", "intx 0" });
}

TEST(EndpointTest, ReadEffectCopiesInterruptsAndCounts)
{
	endpoint_test_bench &b = bench();

	fill(b, 4096);
	in_thread([&] {
		b.program(0, { base, base + 0x2000, 4096, 0, IRQ_MSIX, 5 });
		EXPECT_EQ(b.read(READ_EFFECT), 1u);
		EXPECT_EQ(b.read(READ_EFFECT), 2u);
	});
	EXPECT_MEMEQ(b.host.memory.data(), b.host.memory.data() + 0x2000, 4096);
	expect_events(b, { "msix 4", "msix 4" });
}

TEST(EndpointTest, ReadEffectNamesWhatFailed)
{
	endpoint_test_bench &b = bench();

	in_thread([&] {
		b.program(0, { base, base, 4097, 0, IRQ_MSIX, 1 });
		EXPECT_EQ(b.read(READ_EFFECT), EFFECT_SIZE << 16);
		b.program(0, { 0, base, 64, 0, IRQ_MSIX, 1 });
		EXPECT_EQ(b.read(READ_EFFECT), EFFECT_SRC << 16);
		b.program(0, { base, 0, 64, 0, IRQ_MSIX, 1 });
		EXPECT_EQ(b.read(READ_EFFECT), EFFECT_DST << 16);
		b.program(0, { base, base, 64, 0, IRQ_MSIX, 0 });
		EXPECT_EQ(b.read(READ_EFFECT), EFFECT_IRQ << 16);
		b.program(0, { base, base, 64, 0, IRQ_MSIX, 1 });
		EXPECT_EQ(b.read(READ_EFFECT), 1u);
	});
}

TEST(EndpointTest, ReadEffectWorksInTwoProcessesAtOnce)
{
	endpoint_test_bench &b = bench();
	uint32_t counts[2] = { 0, 0 };
	double begin = now_ns();

	in_thread([&] { b.program(0, { base, base + 0x1000, 64, 0, IRQ_MSIX, 1 }); });
	spawn([&] { counts[0] = b.read(READ_EFFECT); });
	spawn([&] { counts[1] = b.read(READ_EFFECT); });
	run_simulation();
	EXPECT_EQ(counts[0] + counts[1], 3u);
	EXPECT_EQ(now_ns() - begin, 20);	// two transfers of 10 ns, side by side
}

TEST(EndpointTest, LatencyIsAnnotatedToRegisterReadsOnly)
{
	endpoint_test_bench &b = bench();
	sc_core::sc_time delay;
	uint32_t value = 0;

	in_thread([&] {
		b.access(tlm::TLM_WRITE_COMMAND, 0, MAGIC, &value, 4, &delay);
		b.access(tlm::TLM_READ_COMMAND, 1, 0, &value, 4, &delay);
		EXPECT_TRUE(delay == sc_core::SC_ZERO_TIME);
		b.access(tlm::TLM_READ_COMMAND, 0, MAGIC, &value, 4, &delay);
		EXPECT_TRUE(delay == sc_core::sc_time(100, sc_core::SC_NS));
	});
}

TEST(EndpointTest, DebugReadOfReadEffectDoesNothing)
{
	endpoint_test_bench &b = bench();
	tlm::tlm_generic_payload payload;
	uint32_t value = 1;

	prepare(payload, tlm::TLM_READ_COMMAND, READ_EFFECT, &value, 4);
	payload.set_streaming_width(0);		// as nobody set it, who makes a minimal payload
	EXPECT_EQ(b.host.bar[0]->transport_dbg(payload), 4u);
	EXPECT_EQ(value, 0u);
	expect_events(b, {});
}
