// SPDX-License-Identifier: MIT
/*
 * Each TLM model of ours, and each of the TLM examples, behind an endpoint as its program wires
 * it, with a checker on every socket in between.
 */
#include <memory>
#include <tlpbridge/message.h>

#include "checked_function.h"
#include "edu/edu.h"
#include "endpoint-test/endpoint_test.h"
#include "host_bench.h"
#include "nb_model.h"

// The models of the examples, and what their programs do with them.
#define sc_main register_model_main
#include "register_model.cpp"
#undef sc_main
#define sc_main own_sc_main_main
#include "own_sc_main.cpp"
#undef sc_main
#define sc_main frame_buffer_main
#include "frame_buffer.cpp"
#undef sc_main
#define sc_main several_functions_main
#include "several_functions.cpp"
#undef sc_main

namespace {

using kit::bar_kind;

enum : uint64_t { base = test_host::memory_base };

// An endpoint of one function with a checker on each of its sockets.
struct wired : checked_endpoint {
	sc_core::sc_vector<protocol_checker> &bar = sockets.bar;
	protocol_checker &rom = sockets.rom, &dma = sockets.dma;
	interrupt_checker &irq = sockets.irq;

	explicit wired(const kit::function_description &function)
		: checked_endpoint(function.name + "_endpoint", function) {}

	void bind_bar(unsigned i, tlm::tlm_target_socket<> &socket) { sockets.bind_bar(i, socket); }

	// As tlpbridge-serve does.
	void bind(kit::pcie_function &model) { sockets.bind(model); }

	bool idle() const { return sockets.idle(); }
};

kit::function_description description(const char *name)
{
	return kit::function_description(name).id(0x1234, 0x0009);
}

struct bench {
	register_model registers{ "register_model" };
	wired registers_wired{ description("registers").bar(0, bar_kind::mem32, 4096) };

	sc_core::sc_signal<bool> clock{ "clock" };
	cycle_counter counter{ "cycle_counter" };
	wired counter_wired{ description("counter").bar(0, bar_kind::mem32, 4096) };

	frame_buffer pixels{ "frame_buffer" };
	wired pixels_wired{ description("pixels").bar(0, bar_kind::mem32, 4096)
				.bar(1, bar_kind::pref32, frame_buffer::size) };

	nb_memory rom{ "rom" }, beside_rom{ "beside_rom" };
	wired rom_wired{ description("rom").bar(0, bar_kind::mem32, 4096).rom(4096) };

	endpoint_test::endpoint_test tester{ "tester", endpoint_test::parse_test_options({}) };
	wired tester_wired{ tester.description() };

	edu::edu teacher{ "teacher", edu::parse_edu_options({ { "dma-time", "1us" }, { "tick", "1us" } }) };
	wired teacher_wired{ teacher.description() };

	mailboxes mail{ "mail" };
	wired mail_wired{ mail.description() };
	tlpb::endpoint_function second_face{ "second_face", mail_wired.endpoint, 1,
					     mail.further_functions()[0].function->description() };
	checked_function second_wired{ second_face };
	std::vector<std::unique_ptr<checked_function>> virtual_wired;

	tlpb::pump pump{ test_url() };

	bench()
	{
		registers_wired.bind_bar(0, registers.socket);
		counter.clock(clock);
		counter_wired.bind_bar(0, counter.socket);
		pixels_wired.bind_bar(0, pixels.registers);
		pixels_wired.bind_bar(1, pixels.pixels);
		pixels_wired.endpoint.use_nb_transport(0);
		rom_wired.bind_bar(0, beside_rom.socket);
		rom_wired.endpoint.use_nb_transport(6);
		rom_wired.endpoint.rom.bind(rom_wired.rom.target);
		rom_wired.rom.initiator.bind(rom.socket);
		tester_wired.bind(tester);
		teacher_wired.bind(teacher);
		mail_wired.bind(mail);
		second_wired.bind(*mail.further_functions()[0].function);
		for (unsigned i = 0; i < mail_wired.endpoint.vfs(); i++) {
			virtual_wired.push_back(std::make_unique<checked_function>(mail_wired.endpoint.vf(i)));
			virtual_wired.back()->bind(*mail.virtual_functions()[i]);
		}
		for (wired *each : { &registers_wired, &counter_wired, &pixels_wired, &rom_wired,
				     &tester_wired, &teacher_wired, &mail_wired })
			pump.add(each->endpoint);
	}
};

bench &the_bench_of_all()
{
	static bench all;

	return all;
}

// host_part with a host of that device; afterwards nothing is under way on its sockets.
void with_host(const char *device, const wired &its, std::function<void(test_host &)> host_part)
{
	run_with_host(the_bench_of_all().pump, std::move(host_part), device);
	run_simulation();
	EXPECT_TRUE(its.idle());
}

} // namespace

TEST(Wired, RegisterModelExample)
{
	wired &w = the_bench_of_all().registers_wired;

	with_host("registers", w, [](test_host &host) {
		uint8_t bytes[5] = { 1, 2, 3, 4, 5 };
		uint32_t value;

		EXPECT_EQ(host.read(0), 0x600d600du);
		host.write(0x3c, 77);
		EXPECT_EQ(host.read(0x3c), 77u);
		EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bars[0].addr + 5, bytes, 5), 0);
		EXPECT_EQ(host.read(4), 0x03020100u);
		EXPECT_EQ(host.read(0x40, &value), TLPB_ERR_UNSUPPORTED);
	});
	EXPECT_GE(w.bar[0].seen.blocking, 6u);
}

TEST(Wired, OwnScMainExample)
{
	wired &w = the_bench_of_all().counter_wired;

	with_host("counter", w, [](test_host &host) {
		uint32_t value;

		EXPECT_EQ(host.read(0), 0u);
		host.write(4, 1);
		EXPECT_EQ(host.read(8, &value), TLPB_ERR_UNSUPPORTED);
	});
	EXPECT_GE(w.bar[0].seen.blocking, 3u);
}

TEST(Wired, FrameBufferExample)
{
	wired &w = the_bench_of_all().pixels_wired;

	with_host("pixels", w, [](test_host &host) {
		uint8_t pixels[600], back[600];

		host.write(0, 1);
		for (int round = 1; round <= 3; round++) {	// by transport, then by pointer
			memset(pixels, round, sizeof pixels);
			EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bars[1].addr + 3, pixels, 600), 0);
			EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bars[1].addr + 3, back, 600), 0);
			EXPECT_MEMEQ(pixels, back, 600);
		}
		host.write(0, 0);
		EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bars[1].addr, back, 4), 0);
		EXPECT_EQ(back[3], 0);
	});
	EXPECT_EQ(w.bar[0].seen.early_completions, 2u);
	EXPECT_EQ(w.bar[1].seen.invalidations, 1u);
	EXPECT_EQ(w.bar[1].seen.dmi, w.bar[1].seen.blocking);	// each access by transport was told of DMI
}

TEST(Wired, ExpansionRomByNbTransport)
{
	bench &b = the_bench_of_all();
	enum : uint32_t { at = 0xe8000000 };

	b.rom.memory[5] = 0x77;
	with_host("rom", b.rom_wired, [](test_host &host) {
		uint32_t value = 0;

		EXPECT_EQ(tlpb_rc_config_write(host.rc, test_host::bdf, 0x30, 4, at | 1), 0);
		EXPECT_EQ(tlpb_rc_mem_read(host.rc, at + 4, &value, 4), 0);
		EXPECT_EQ(value, 0x7700u);
	});
	EXPECT_EQ(b.rom_wired.rom.seen.responses, 1u);
}

TEST(Wired, EndpointTest)
{
	using namespace endpoint_test;
	wired &w = the_bench_of_all().tester_wired;

	with_host("endpoint-test", w, [](test_host &host) {
		uint8_t block[300], back[300];

		for (unsigned i = 0; i < 100000; i++)
			host.memory[i] = static_cast<uint8_t>(i * 11 + (i >> 8));
		host.write(LOWER_SRC_ADDR, base + 1);
		host.write(LOWER_DST_ADDR, base + 0x20003);
		host.write(SIZE, 100000);
		host.write(IRQ_TYPE, IRQ_MSI);
		host.write(IRQ_NUMBER, 1);
		host.write(COMMAND, DO_COPY);
		while (!(host.read(STATUS) & (COPY_SUCCESS | COPY_FAIL)))
			;
		EXPECT_EQ(host.read(STATUS) & (COPY_SUCCESS | COPY_FAIL), (uint32_t)COPY_SUCCESS);
		EXPECT_MEMEQ(&host.memory[1], &host.memory[0x20003], 100000);
		for (unsigned bar = 1; bar < kit::bars; bar++) {
			memset(block, static_cast<int>(bar), sizeof block);
			EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bars[bar].addr + 1, block, 300), 0);
			EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bars[bar].addr + 1, back, 300), 0);
			EXPECT_MEMEQ(block, back, 300);
		}
	});
	EXPECT_GE(w.dma.seen.blocking, 4u);	// 64 KiB at a time, in and out
	EXPECT_GE(w.irq.seen, 1u);
	for (const protocol_checker &bar : w.bar)
		EXPECT_GE(bar.seen.blocking, 2u);
}

TEST(Wired, Edu)
{
	wired &w = the_bench_of_all().teacher_wired;

	with_host("edu", w, [](test_host &host) {
		auto transfer = [&](uint64_t from, uint64_t to, uint32_t command) {
			host.write(::edu::DMA_SOURCE, static_cast<uint32_t>(from));
			host.write(::edu::DMA_DESTINATION, static_cast<uint32_t>(to));
			host.write(::edu::DMA_COUNT, 100);
			host.write(::edu::DMA_COMMAND, command | ::edu::DMA_START);
			while (host.read(::edu::DMA_COMMAND) & ::edu::DMA_START)
				;
		};

		memset(host.memory.data(), 0x5a, 100);
		transfer(base, ::edu::buffer_base, 0);
		transfer(::edu::buffer_base, base + 200, ::edu::DMA_TO_RAM | ::edu::DMA_IRQ);
		EXPECT_EQ(host.memory[299], 0x5a);
		host.write(::edu::IRQ_ACKNOWLEDGE, ::edu::DMA_DONE);
		EXPECT_EQ(host.read(::edu::IRQ_STATUS), 0u);
	});
	EXPECT_EQ(w.dma.seen.blocking, 2u);
	EXPECT_GE(w.irq.seen, 2u);
}

TEST(Wired, SeveralFunctionsExample)
{
	bench &b = the_bench_of_all();

	with_host("mailboxes", b.mail_wired, [](test_host &host) {
		enum : uint16_t { sriov = 0x100, vf = test_host::bdf | 3 };
		enum : uint32_t { vf_bar = 0xf0000000 };
		uint32_t address = static_cast<uint32_t>(base), word = 0x3a3a3a3a;
		uint64_t at = vf_bar + 4096;		// of the second one
		tlpb_vendor_message message = {};

		EXPECT_EQ(tlpb_rc_config_write(host.rc, test_host::bdf, sriov + 0x24, 4, vf_bar), 0);
		EXPECT_EQ(tlpb_rc_config_write(host.rc, test_host::bdf, sriov + 0x10, 2, 2), 0);
		EXPECT_EQ(tlpb_rc_config_write(host.rc, test_host::bdf, sriov + 8, 2, 9), 0);
		EXPECT_EQ(tlpb_rc_config_write(host.rc, vf, 4, 2, 4), 0);
		EXPECT_EQ(tlpb_rc_mem_write(host.rc, at, &word, 4), 0);
		EXPECT_EQ(tlpb_rc_mem_write(host.rc, at + 4, &address, 4), 0);
		EXPECT_EQ(tlpb_rc_mem_write(host.rc, at + 8, &word, 4), 0);
		while (host.memory[0] != 0x3a)
			host.read(0);
		EXPECT_EQ(host.requester_id, vf);
		message.vendor_id = mailboxes_vendor;
		message.routing = TLPB_ROUTE_BY_ID;
		message.target_id = vf;
		message.word = 77;
		tlpb_tlp tlp = tlpb_vendor_message_tlp(&message);
		EXPECT_EQ(tlpb_rc_message(host.rc, &tlp), 0);
		EXPECT_EQ(tlpb_rc_mem_read(host.rc, at, &word, 4), 0);
		EXPECT_EQ(word, 77u);
	});
	EXPECT_TRUE(b.virtual_wired[1]->idle());
	EXPECT_EQ(b.virtual_wired[1]->dma.seen.blocking, 1u);
	EXPECT_EQ(b.virtual_wired[0]->dma.seen.blocking, 0u);
	EXPECT_EQ(b.virtual_wired[1]->irq.seen, 1u);
}
