// SPDX-License-Identifier: MIT
// A device of several functions in C++, virtual ones included: each is a device of its own.
#include "model_binding.h"
#include "several_bench.h"

namespace {

enum : uint64_t { base = test_host::memory_base, vf_bar0 = 0xf0000000, vf_bar1 = 0xf1000000 };

void enable_vfs(const function_at &pf, unsigned count)
{
	unsigned at = pf.extended(0x10);

	EXPECT_NE(at, 0u);
	pf.configure(at + 0x24, 4, vf_bar0);
	pf.configure(at + 0x28, 4, vf_bar1);
	pf.configure(at + 0x10, 2, count);
	pf.configure(at + 8, 2, 1 | 1 << 3);	// VF Enable, VF Memory Space Enable
}

unsigned vf_number(unsigned i)
{
	return vf_offset + vf_stride * i;
}

// A read of it does that first, in the model's process.
small_function::handler on_read(std::function<void()> work)
{
	return [work](tlm::tlm_generic_payload &payload) {
		if (payload.is_read())
			work();
	};
}

} // namespace

// ---- making them: before anything is simulated ----

namespace {

std::string refusal(std::function<void()> f)
{
	try {
		f();
	} catch (const std::exception &e) {
		return e.what();
	}
	return "";
}

} // namespace

TEST(Functions, NumbersAndDescriptionsThatCannotBeAreRefused)
{
	std::string text = refusal([] {
		tlpb::endpoint_function again("again", the_several().endpoint, second_number, small_description(3));
	});
	EXPECT_TRUE(text.find("several: function 1: there is one of this number already") == 0);
	text = refusal([] {
		tlpb::endpoint_function far("far", the_several().endpoint, 256, small_description(3));
	});
	EXPECT_TRUE(text.find("there are 256 numbers") != std::string::npos);
	text = refusal([] {
		tlpb::endpoint_function odd("odd", the_several().endpoint, 3, small_description(3).intx(5));
	});
	EXPECT_TRUE(text.find("pin") != std::string::npos);
	EXPECT_TRUE(refusal([] { the_several().endpoint.vf(vf_total); }) != "");
}

// ---- functions ----

TEST(Functions, EachHasItsIdsBarsAndItsNumberInTheExtension)
{
	several_bench &b = the_several();

	b.with_host([](test_host &host) {
		static const struct {
			unsigned number;
			uint16_t id;
		} rows[] = { { 0, 1 }, { second_number, 2 }, { last_number, 9 } };
		uint64_t bar[10];

		for (auto &row : rows) {
			function_at f{ host, row.number };

			EXPECT_EQ(f.config(0), row.id << 16 | 0x1234u);
			bar[row.number] = f.enumerate();
			write_at(host, bar[row.number] + 8, 100 + row.number);
		}
		EXPECT_EQ(function_at({ host, 2 }).config(0), 0xffffffffu);
		for (auto &row : rows)
			EXPECT_EQ(read_at(host, bar[row.number] + 8), 100 + row.number);
	});
	EXPECT_EQ(b.first.last.function, 0u);
	EXPECT_EQ(b.second.last.function, (unsigned)second_number);
	EXPECT_EQ(b.last.last.function, (unsigned)last_number);
	EXPECT_EQ(b.last.last.vf, 0u);
}

TEST(Functions, DmaIsOfTheFunctionThatDoesIt)
{
	several_bench &b = the_several();
	tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;

	b.last.on_access = on_read([&] {
		uint8_t bytes[300] = { 1, 2, 3 };

		status = b.last.dma_write(base + 1, bytes, sizeof bytes);
	});
	b.with_host([&](test_host &host) {
		function_at last{ host, last_number };
		uint64_t bar = last.enumerate();

		read_at(host, bar);
		EXPECT_TRUE(status == tlm::TLM_OK_RESPONSE);
		EXPECT_EQ(host.requester_id, last.bdf());
		EXPECT_EQ(host.memory[2], 2);
		last.configure(4, 2, 2);	// no bus master, though function 0 is one
		read_at(host, bar);
		EXPECT_TRUE(status == tlm::TLM_COMMAND_ERROR_RESPONSE);
	});
}

TEST(Functions, EachHasItsInterrupts)
{
	several_bench &b = the_several();
	kit::irq_result msix = kit::irq_result::no_link, other = msix;

	b.second.on_access = on_read([&] {
		msix = b.second.irq->msix(0);
		other = b.last.irq->msix(0);
		b.second.irq->intx(true);
	});
	b.with_host([&](test_host &host) {
		function_at second{ host, second_number };
		uint64_t bar = second.enumerate();

		read_at(host, bar);
		EXPECT_TRUE(msix == kit::irq_result::disabled);
		EXPECT_TRUE(host.intx == std::vector<std::string>{ "assert 1" });	// INTB
		second.enable_msix(bar + 4096, 0x22);
		read_at(host, bar);
		EXPECT_TRUE(msix == kit::irq_result::sent);
		EXPECT_TRUE(other == kit::irq_result::disabled);
		EXPECT_TRUE(host.msis == std::vector<uint32_t>{ 0x22 });
	});
	b.second.irq->intx(false);
}

TEST(Functions, WritesToOneComeBeforeAReadOfAnother)
{
	several_bench &b = the_several();

	b.second.on_access = [&](tlm::tlm_generic_payload &payload) {
		if (!payload.is_write())
			return;
		sc_core::wait(sc_core::sc_time(100, sc_core::SC_NS));
		b.last.memory[0]++;
	};
	b.with_host([&](test_host &host) {
		uint64_t second = function_at({ host, second_number }).enumerate();
		uint64_t last = function_at({ host, last_number }).enumerate();

		for (unsigned i = 1; i <= 10; i++) {
			write_at(host, second, i);
			EXPECT_EQ(read_at(host, last), i);
		}
	});
}

TEST(Functions, AFunctionLevelResetIsOfOneFunction)
{
	several_bench &b = the_several();

	b.with_host([&](test_host &host) {
		function_at second{ host, second_number }, last{ host, last_number };
		uint64_t bar = last.enumerate();

		second.enumerate();
		read_at(host, bar);
		b.second.resets.clear();
		b.last.resets.clear();
		second.function_level_reset();
		read_at(host, bar);
		EXPECT_TRUE(b.second.resets == std::vector<kit::reset_kind>{ kit::reset_kind::function_level });
		EXPECT_EQ(b.last.resets.size(), 0u);
		EXPECT_EQ(b.first.resets.size(), 0u);
		EXPECT_EQ(second.config(0x10), 0u);
		EXPECT_EQ(last.config(0x10), bar);
	});
}

TEST(Functions, AHotResetIsOfAll)
{
	several_bench &b = the_several();

	b.with_host([&](test_host &host) {
		uint64_t bar = function_at({ host, last_number }).enumerate();

		read_at(host, bar);
		b.clear();
		tlpb_rc_reset(host.rc, TLPB_RESET_HOT);
		function_at({ host, last_number }).enumerate();
		read_at(host, bar);
		for (small_function *each : { &b.first, &b.second, &b.last })
			EXPECT_TRUE(each->resets == std::vector<kit::reset_kind>{ kit::reset_kind::hot });
	});
}

// ---- virtual functions ----

TEST(VirtualFunctions, ComeAndGoAndTheModelIsToldHowManyThereAre)
{
	several_bench &b = the_several();

	b.with_host([&](test_host &host) {
		function_at pf{ host, 0 };

		enable_vfs(pf, 2);
		EXPECT_EQ(function_at({ host, vf_number(1) }).configure(4, 2, 4), 0);
		EXPECT_EQ(function_at({ host, vf_number(2) }).configure(4, 2, 4), TLPB_ERR_UNSUPPORTED);
		pf.configure(pf.extended(0x10) + 8, 2, 0);
		EXPECT_EQ(function_at({ host, vf_number(1) }).configure(4, 2, 4), TLPB_ERR_UNSUPPORTED);
	});
	ASSERT_EQ(b.first.vf_counts.size(), 2u);
	EXPECT_EQ(b.first.vf_counts[0], 2u);
	EXPECT_EQ(b.first.vf_counts[1], 0u);
	EXPECT_EQ(b.vf[0]->resets.size(), 1u);
	EXPECT_EQ(b.vf[2]->resets.size(), 0u);
}

TEST(VirtualFunctions, EachHasItsMemoryDmaInterruptsAndReset)
{
	several_bench &b = the_several();
	tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;
	kit::irq_result irq = kit::irq_result::no_link;

	b.vf[1]->on_access = on_read([&] {
		status = b.vf[1]->dma_write(base, "vf", 2);
		irq = b.vf[1]->irq->msix(0);
	});
	b.with_host([&](test_host &host) {
		function_at pf{ host, 0 }, vf{ host, vf_number(1) };

		pf.enumerate();
		enable_vfs(pf, vf_total);
		for (unsigned i = 0; i < vf_total; i++)
			write_at(host, vf_bar0 + 4096 * i + 4, 70 + i);
		read_at(host, vf_bar0 + 4096);
		EXPECT_TRUE(status == tlm::TLM_COMMAND_ERROR_RESPONSE);	// its own Bus Master Enable
		EXPECT_TRUE(irq == kit::irq_result::disabled);
		vf.configure(4, 2, 4);
		vf.enable_msix(vf_bar1 + 4096, 0x71);
		read_at(host, vf_bar0 + 4096);
		EXPECT_TRUE(status == tlm::TLM_OK_RESPONSE);
		EXPECT_EQ(host.requester_id, vf.bdf());		// of the interrupt, which is the last write
		EXPECT_EQ(host.memory[0], 'v');
		EXPECT_TRUE(host.msis == std::vector<uint32_t>{ 0x71 });
		vf.function_level_reset();
		EXPECT_EQ(vf.config(4) & 4, 0u);
		EXPECT_EQ(read_at(host, vf_bar0 + 4096 * 2 + 4), 72u);
		read_at(host, vf_bar0 + 4096);
		EXPECT_TRUE(status == tlm::TLM_COMMAND_ERROR_RESPONSE);
		EXPECT_TRUE(b.vf[1]->resets == std::vector<kit::reset_kind>{ kit::reset_kind::function_level });
		EXPECT_EQ(b.vf[0]->resets.size(), 0u);
		EXPECT_EQ(b.first.resets.size(), 0u);
	});
	EXPECT_EQ(b.vf[1]->last.function, vf_number(1));
	EXPECT_EQ(b.vf[1]->last.vf, 2u);
	EXPECT_EQ(b.vf[0]->memory[4], 70);
}

TEST(VirtualFunctions, OneThatIsNotEnabledDoesNoDmaAndNoInterrupts)
{
	several_bench &b = the_several();
	tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;
	kit::irq_result irq = kit::irq_result::no_link;

	b.first.on_access = on_read([&] {
		status = b.vf[0]->dma_write(base, "vf", 2);
		irq = b.vf[0]->irq->msix(0);
	});
	b.with_host([&](test_host &host) {
		read_at(host, function_at({ host, 0 }).enumerate());
		EXPECT_TRUE(status == tlm::TLM_COMMAND_ERROR_RESPONSE);
		EXPECT_TRUE(irq == kit::irq_result::no_vector);
	});
}

TEST(VirtualFunctions, AHostThatLeavesTakesThemAway)
{
	several_bench &b = the_several();

	b.with_host([&](test_host &host) { enable_vfs({ host, 0 }, 1); });
	ASSERT_EQ(b.first.vf_counts.size(), 2u);
	EXPECT_EQ(b.first.vf_counts[1], 0u);
	EXPECT_EQ(b.vf[0]->resets.size(), 1u);
}
