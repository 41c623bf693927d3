// SPDX-License-Identifier: MIT
/*
 * The edu model without any bridge: what QEMU's edu cannot be asked (tests/oracle compares
 * the rest), and its code under the sanitizers.
 */
#include <gtest.h>

#include <stdexcept>
#include <string>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <vector>

#include "edu/edu.h"
#include "interrupt_checker.h"
#include "kit/payload.h"
#include "protocol_checker.h"
#include "sim.h"

using namespace edu;

namespace {

// 64 KiB of memory at address 0, and a record of interrupts.
class small_host : public sc_core::sc_module, public kit::interrupt_if {
public:
	tlm_utils::simple_initiator_socket<small_host> bar;
	tlm_utils::simple_target_socket<small_host> dma;
	std::vector<uint8_t> memory = std::vector<uint8_t>(64 << 10);
	std::string events;
	bool msi_enabled = false;
	std::function<void()> on_dma;	// in the middle of each transfer

	explicit small_host(sc_core::sc_module_name name) : sc_module(name), bar("bar"), dma("dma")
	{
		dma.register_b_transport(this, &small_host::transfer);
	}

	kit::irq_result msi(unsigned) override
	{
		if (!msi_enabled)
			return kit::irq_result::disabled;
		events += "msi ";
		return kit::irq_result::sent;
	}
	kit::irq_result msix(unsigned) override { return kit::irq_result::no_vector; }
	kit::irq_result intx(bool level) override
	{
		events += level ? "assert " : "deassert ";
		return kit::irq_result::sent;
	}

private:
	void transfer(tlm::tlm_generic_payload &payload, sc_core::sc_time &)
	{
		wait(10, sc_core::SC_NS);
		if (on_dma)
			on_dma();
		kit::access_memory(payload, memory.data(), memory.size());
	}
};

struct edu_bench {
	::edu::edu model;
	small_host host{ "host" };
	protocol_checker bar_checker{ "bar_checker" }, dma_checker{ "dma_checker" };
	interrupt_checker irq_checker{ "irq_checker" };

	edu_bench() : model("model", parse_edu_options({ { "dma-mask", "fffff" } }))
	{
		model.dma.bind(dma_checker.target);
		dma_checker.initiator.bind(host.dma);
		model.irq.bind(irq_checker);
		irq_checker.out.bind(host);
		host.bar.bind(bar_checker.target);
		bar_checker.initiator.bind(model.bar_socket(0));
	}

	// In a thread process; no simulated time passes.
	void access(tlm::tlm_command command, uint64_t offset, void *data, unsigned len,
		    uint8_t *enables = nullptr)
	{
		bool over = false;

		spawn([&] {
			transport(command, offset, data, len, enables);
			over = true;
		});
		while (!over)
			sc_core::sc_start(sc_core::SC_ZERO_TIME);
	}

	void transport(tlm::tlm_command command, uint64_t offset, void *data, unsigned len,
		       uint8_t *enables = nullptr)
	{
		tlm::tlm_generic_payload payload;
		sc_core::sc_time delay;

		prepare(payload, command, offset, data, len);
		payload.set_byte_enable_ptr(enables);
		payload.set_byte_enable_length(enables ? len : 0);
		host.bar->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
	}

	void write(uint64_t offset, uint64_t value, unsigned len = 4)
	{
		access(tlm::TLM_WRITE_COMMAND, offset, &value, len);
	}

	uint64_t read(uint64_t offset, unsigned len = 4)
	{
		uint64_t value = 0;

		access(tlm::TLM_READ_COMMAND, offset, &value, len);
		return value;
	}

	void start(uint64_t source, uint64_t destination, uint64_t count, uint32_t command)
	{
		write(DMA_SOURCE, source, 8);
		write(DMA_DESTINATION, destination, 8);
		write(DMA_COUNT, count, 8);
		write(DMA_COMMAND, command | DMA_START);
	}
};

edu_bench &bench()
{
	static edu_bench b;

	b.model.reset(kit::reset_kind::system);
	run_simulation();
	b.host.memory.assign(b.host.memory.size(), 0);
	b.host.events.clear();
	b.host.msi_enabled = false;
	b.host.on_dma = nullptr;
	return b;
}

bool refused(const char *option, const char *value)
{
	try {
		parse_edu_options({ { option, value } });
		return false;
	} catch (const std::invalid_argument &e) {
		return std::string(e.what()).find(option) != std::string::npos;
	}
}

} // namespace

// First: once SystemC has switched stacks, the address sanitizer takes a throw for an overflow.
TEST(Edu, OptionsAreChecked)
{
	EXPECT_TRUE(refused("dma-mask", "xyz"));
	EXPECT_TRUE(refused("dma-time", "5"));
	EXPECT_TRUE(refused("tick", "0ns"));
	EXPECT_FALSE(refused("dma-mask", "ffffffffffffffff"));
	EXPECT_FALSE(refused("factorial-time", "0ns"));
}

TEST(Edu, FactorialTakesItsTimeAndInterrupts)
{
	edu_bench &b = bench();
	double before = now_ns();

	b.write(STATUS, STATUS_IRQ);
	b.write(FACTORIAL, 6);
	EXPECT_EQ(b.read(STATUS), (uint64_t)(STATUS_IRQ | COMPUTING));
	b.write(FACTORIAL, 3);
	run_simulation();
	EXPECT_EQ(b.read(FACTORIAL), 720u);
	EXPECT_EQ(b.read(STATUS), (uint64_t)STATUS_IRQ);
	EXPECT_EQ(b.read(IRQ_STATUS), (uint64_t)FACTORIAL_DONE);
	EXPECT_TRUE(now_ns() == before + 10000);
	b.write(IRQ_ACKNOWLEDGE, FACTORIAL_DONE);
	EXPECT_STREQ(b.host.events.c_str(), "assert deassert ");
}

TEST(Edu, DmaUsesTheWholeBufferAndTheMask)
{
	edu_bench &b = bench();
	double before = now_ns();

	for (unsigned i = 0; i < buffer_size; i++)
		b.host.memory[i] = (uint8_t)(i * 7 + (i >> 8));
	b.start(0xabc00000, buffer_base, buffer_size, 0);
	run_simulation();
	EXPECT_TRUE(now_ns() == before + 100e6 + 10);
	b.host.msi_enabled = true;
	b.start(buffer_base, 0xabc00000 + buffer_size, buffer_size, DMA_TO_RAM | DMA_IRQ);
	EXPECT_EQ(b.read(DMA_COMMAND), (uint64_t)(DMA_START | DMA_TO_RAM | DMA_IRQ));
	run_simulation();
	EXPECT_MEMEQ(b.host.memory.data() + buffer_size, b.host.memory.data(), buffer_size);
	EXPECT_EQ(b.read(DMA_COMMAND), (uint64_t)(DMA_TO_RAM | DMA_IRQ));
	EXPECT_STREQ(b.host.events.c_str(), "msi ");
}

TEST(Edu, DmaBeyondTheBufferMovesNothing)
{
	static const struct {
		uint64_t place, count;
	} beyond[] = {
		{ buffer_base, 0 }, { buffer_base, buffer_size + 1 }, { buffer_base + 1, buffer_size },
		{ buffer_base - 1, 1 }, { buffer_base + buffer_size, 1 }, { 0, 4 }, { UINT64_MAX, 2 },
		{ buffer_base, UINT64_MAX }, { buffer_base + 4, UINT64_MAX - 3 },
	};
	edu_bench &b = bench();
	std::vector<uint8_t> zeroes(b.host.memory.size());

	for (const auto &row : beyond) {
		b.start(0, row.place, row.count, 0);
		run_simulation();
		EXPECT_EQ(b.read(DMA_COMMAND), 0u);
		b.start(row.place, 0, row.count, DMA_TO_RAM);
		run_simulation();
		EXPECT_EQ(b.read(DMA_COMMAND), (uint64_t)DMA_TO_RAM);
		EXPECT_MEMEQ(b.host.memory.data(), zeroes.data(), zeroes.size());
	}
}

TEST(Edu, ResetStopsTheEnginesAndClearsAll)
{
	edu_bench &b = bench();

	b.write(LIVENESS, 5);
	b.write(IRQ_RAISE, 1);
	b.write(STATUS, STATUS_IRQ);
	b.write(FACTORIAL, 9);
	b.start(buffer_base, 0, 16, DMA_TO_RAM | DMA_IRQ);
	b.model.reset(kit::reset_kind::function_level);
	b.write(FACTORIAL, 4);
	b.start(0, buffer_base, 16, 0);
	run_simulation();
	EXPECT_EQ(b.read(FACTORIAL), 24u);
	EXPECT_EQ(b.read(DMA_COMMAND), 0u);
	EXPECT_EQ(b.read(DMA_COUNT, 8), 16u);
	EXPECT_EQ(b.read(LIVENESS), 0u);
	EXPECT_EQ(b.read(IRQ_STATUS), 0u);
	EXPECT_STREQ(b.host.events.c_str(), "assert deassert ");
}

TEST(Edu, ResetDuringDmaLeavesItsDataAlone)
{
	edu_bench &b = bench();

	b.host.memory[0] = 0x5a;
	b.start(0, buffer_base, 1, 0);
	run_simulation();
	b.host.on_dma = [&] { b.model.reset(kit::reset_kind::function_level); };
	b.start(buffer_base, 1, 1, DMA_TO_RAM | DMA_IRQ);
	run_simulation();
	EXPECT_EQ(b.host.memory[1], 0x5a);	// was on its way
	EXPECT_EQ(b.read(IRQ_STATUS), 0u);
}

TEST(Edu, DebugReadsSeeRegistersAndDebugWritesMoveNothing)
{
	edu_bench &b = bench();
	tlm::tlm_generic_payload payload;	// without streaming width
	uint32_t value = 0;

	b.write(LIVENESS, 5);
	payload.set_read();
	payload.set_address(LIVENESS);
	payload.set_data_ptr(reinterpret_cast<uint8_t *>(&value));
	payload.set_data_length(4);
	EXPECT_EQ(b.host.bar->transport_dbg(payload), 4u);
	EXPECT_EQ(value, ~5u);
	payload.set_write();
	EXPECT_EQ(b.host.bar->transport_dbg(payload), 0u);
	EXPECT_EQ(b.read(LIVENESS), ~5u);
	EXPECT_EQ(b.bar_checker.seen.debug, 2u);
	EXPECT_GT(b.irq_checker.seen, 0u);
	EXPECT_GT(b.dma_checker.seen.blocking, 0u);
}

TEST(Edu, BytesThatAreNotEnabledAreNoPartOfAnAccess)
{
	edu_bench &b = bench();
	uint8_t enables[12] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0 };
	uint32_t words[3] = { 1, 2, 3 };

	b.access(tlm::TLM_WRITE_COMMAND, 0, words, sizeof words, enables);
	EXPECT_EQ(b.read(LIVENESS), ~2u);
	EXPECT_EQ(b.read(FACTORIAL), 0u);
	words[2] = 0xaaaaaaaa;
	b.access(tlm::TLM_READ_COMMAND, 0, words, sizeof words, enables);
	EXPECT_EQ(words[0], 1u);
	EXPECT_EQ(words[1], ~2u);
	EXPECT_EQ(words[2], 0xaa0000aau);
}
