// SPDX-License-Identifier: MIT
/*
 * Models that only know nb_transport: as the target of a host's accesses, and as the initiator
 * of DMA. A protocol_checker stands on both sockets.
 */
#include <cstring>

#include "host_bench.h"
#include "nb_model.h"

namespace {

using style = nb_memory::style;
using answer = nb_memory::answer;

enum : uint64_t { base = test_host::memory_base };

kit::function_description description()
{
	return kit::function_description("nb").id(0x1234, 0x0002).bar(0, kit::bar_kind::mem32, 4096);
}

struct nb_bench {
	nb_memory memory{ "memory" };
	nb_master master{ "master" };
	protocol_checker bar_checker{ "bar_checker" }, dma_checker{ "dma_checker" };
	tlpb::pcie_endpoint endpoint{ "endpoint", description(), nullptr, test_link() };
	tlpb::pump pump{ test_url() };

	nb_bench()
	{
		endpoint.use_nb_transport(0);
		endpoint.bar[0].bind(bar_checker.target);
		bar_checker.initiator.bind(memory.socket);
		master.socket.bind(dma_checker.target);
		dma_checker.initiator.bind(endpoint.dma);
		pump.add(endpoint);
	}

	void with_host(std::function<void(test_host &)> host_part)
	{
		run_with_host(pump, std::move(host_part));
		run_simulation();	// phases that were under way when the host left
		EXPECT_TRUE(bar_checker.idle());
		EXPECT_TRUE(dma_checker.idle());
	}
};

nb_bench &the_nb_bench()
{
	static nb_bench bench;

	bench.memory.on_request = nullptr;
	bench.memory.requests.clear();
	bench.memory.responses = 0;
	bench.master.order.clear();
	bench.master.released = 0;
	bench.master.how = nb_master::style::completed;
	bench.master.response_ns = 0;
	return bench;
}

struct {
	nb_memory::style style;
	const char *name;
} const styles[] = {
	{ style::four_phases, "four phases" },
	{ style::end_req_returned, "END_REQ returned" },
	{ style::no_end_req, "no END_REQ" },
	{ style::begin_resp_returned, "BEGIN_RESP returned" },
	{ style::completed, "completed" },
};

// DMA by model_part, in a process of the model, once a host has enabled bus mastering.
void with_dma(nb_bench &b, std::function<void(nb_master &)> model_part,
	      std::function<void(test_host &)> before, std::function<void(test_host &)> after)
{
	std::atomic<bool> over{ false };

	b.memory.on_request = [&](const tlm::tlm_generic_payload &payload) {
		if (payload.is_write())
			spawn([&] {
				model_part(b.master);
				over = true;
			});
		return answer{ style::completed, 0, 0 };
	};
	b.with_host([&](test_host &host) {
		before(host);
		host.write(0, 1);
		while (!over)
			host.read(4);	// serves the DMA
		after(host);
	});
	b.memory.on_request = nullptr;
}

} // namespace

TEST(NbTransport, EveryStyleOfATargetMovesTheData)
{
	nb_bench &b = the_nb_bench();

	for (const auto &row : styles) {
		gt_about(row.name);
		b.memory.on_request = [&](const tlm::tlm_generic_payload &) {
			return answer{ row.style };
		};
		b.with_host([&](test_host &host) {
			uint8_t bytes[7] = { 1, 2, 3, 4, 5, 6, 7 }, back[7] = {};

			for (unsigned i = 0; i < 5; i++)
				host.write(4 * i, 0x1000 + i);
			for (unsigned i = 0; i < 5; i++)
				EXPECT_EQ(host.read(4 * i), 0x1000 + i);
			tlpb_rc_mem_write(host.rc, host.bars[0].addr + 0x101, bytes, 7);
			tlpb_rc_mem_read(host.rc, host.bars[0].addr + 0x101, back, 7);
			EXPECT_MEMEQ(bytes, back, 7);
		});
	}
	EXPECT_GT(b.bar_checker.seen.requests, 50u);
	EXPECT_GT(b.bar_checker.seen.early_completions, 10u);
	EXPECT_GT(b.bar_checker.seen.responses, 40u);
	EXPECT_EQ(b.bar_checker.seen.blocking, 0u);
}

TEST(NbTransport, TimesOfATargetPassBeforeTheCompletion)
{
	nb_bench &b = the_nb_bench();
	static const double expected[] = { 25, 25, 25, 20, 20 };

	for (size_t i = 0; i < std::size(styles); i++) {
		std::vector<double> times;

		gt_about(styles[i].name);
		b.memory.on_request = [&](const tlm::tlm_generic_payload &) {
			times.push_back(now_ns());
			return answer{ styles[i].style };
		};
		b.with_host([&](test_host &host) {
			host.read(0);
			host.read(0);
		});
		ASSERT_EQ(times.size(), 2u);
		EXPECT_EQ(times[1] - times[0], expected[i]);
	}
}

TEST(NbTransport, StatusBecomesTheCompletionsStatus)
{
	nb_bench &b = the_nb_bench();

	for (const auto &row : styles) {
		gt_about(row.name);
		b.memory.on_request = [&](const tlm::tlm_generic_payload &payload) {
			return answer{ row.style, 1, 1, payload.get_address() == 4
				       ? tlm::TLM_ADDRESS_ERROR_RESPONSE : tlm::TLM_GENERIC_ERROR_RESPONSE };
		};
		b.with_host([&](test_host &host) {
			uint32_t value;

			EXPECT_EQ(host.read(4, &value), TLPB_ERR_UNSUPPORTED);
			EXPECT_EQ(host.read(8, &value), TLPB_ERR_ABORTED);
		});
	}
}

TEST(NbTransport, ReadSeesTheWritesBeforeItThoughTheTargetIsSlow)
{
	nb_bench &b = the_nb_bench();

	for (const auto &row : styles) {
		gt_about(row.name);
		b.memory.on_request = [&](const tlm::tlm_generic_payload &payload) {
			return answer{ row.style, 5, payload.is_write() ? 200.0 : 1.0 };
		};
		b.with_host([&](test_host &host) {
			for (uint32_t i = 1; i <= 10; i++)
				host.write(0, i);
			EXPECT_EQ(host.read(0), 10u);
		});
	}
}

TEST(NbTransport, ReadsOverlapInTheTargetAndMayEndOutOfOrder)
{
	nb_bench &b = the_nb_bench();
	std::vector<uint64_t> *requests = &b.memory.requests;
	unsigned outstanding = 0;
	std::atomic<bool> over{ false };

	b.memory.memory[0] = 0xa0;
	b.memory.memory[4] = 0xa4;
	b.memory.on_request = [&](const tlm::tlm_generic_payload &payload) {
		if (payload.get_address() == 0)
			spawn([&] {
				nb_master::transfer flag{ tlm::TLM_WRITE_COMMAND, base, { 1 } };

				b.master.begin(flag);
				b.master.wait_all();
				over = true;
			});
		else if (payload.get_address() == 4)
			outstanding = 1 + static_cast<unsigned>(requests->size()) - b.memory.responses;
		// The first read is answered after the second.
		return answer{ style::four_phases, 5, 1, tlm::TLM_OK_RESPONSE,
			       payload.get_address() ? 0u : 1u };
	};
	b.with_host([&](test_host &host) {
		bool nested = false;

		host.on_dma_write = [&] {
			if (std::exchange(nested, true))
				return;
			EXPECT_EQ(host.read(4) & 0xff, 0xa4u);	// while read(0) waits
		};
		EXPECT_EQ(host.read(0) & 0xff, 0xa0u);
		EXPECT_TRUE(nested);
		while (!over)
			host.read(8);	// the DMA is done once the host's word of it has arrived
	});
	EXPECT_EQ(outstanding, 2u);
}

TEST(NbTransport, DmaInEveryStyleOfAnInitiator)
{
	nb_bench &b = the_nb_bench();
	static const nb_master::style all[] = { nb_master::style::completed,
						nb_master::style::end_resp_returned,
						nb_master::style::end_resp_called };

	for (nb_master::style how : all)
		for (double ns : { 0.0, 15.0 }) {
			b.master.how = how;
			b.master.response_ns = ns;
			with_dma(b, [&](nb_master &master) {
				nb_master::transfer write{ tlm::TLM_WRITE_COMMAND, base + 0x1003,
							   std::vector<uint8_t>(5000, 0x5a) };
				nb_master::transfer read{ tlm::TLM_READ_COMMAND, base + 0x1001,
							  std::vector<uint8_t>(5010) };

				master.begin(write);
				master.begin(read);	// may not pass the write
				master.wait_all();
				EXPECT_EQ(write.status, tlm::TLM_OK_RESPONSE);
				EXPECT_EQ(read.status, tlm::TLM_OK_RESPONSE);
				EXPECT_EQ(read.data[1], 0);
				EXPECT_MEMEQ(&read.data[2], write.data.data(), 5000);
			}, [](test_host &host) { host.memory.assign(host.memory.size(), 0); },
			[](test_host &host) { EXPECT_EQ(host.memory[0x1003 + 4999], 0x5a); });
		}
	EXPECT_EQ(b.master.released, 12u);	// nobody keeps a payload
}

TEST(NbTransport, ManyTransfersAtOnceKeepTheResponseChannel)
{
	nb_bench &b = the_nb_bench();
	enum { count = 20 };

	b.master.how = nb_master::style::end_resp_called;
	b.master.response_ns = 7;
	with_dma(b, [&](nb_master &master) {
		std::vector<nb_master::transfer> all;

		for (unsigned i = 0; i < count; i++)
			all.push_back({ tlm::TLM_READ_COMMAND, base + 64 * i, std::vector<uint8_t>(64) });
		for (nb_master::transfer &each : all)
			master.begin(each);
		master.wait_all();
		for (unsigned i = 0; i < count; i++)
			EXPECT_EQ(all[i].data[63], i);
	}, [](test_host &host) {
		for (unsigned i = 0; i < count; i++)
			memset(&host.memory[64 * i], static_cast<int>(i), 64);
	}, [](test_host &) {});
	EXPECT_EQ(b.master.order.size(), (size_t)count);
	EXPECT_EQ(b.master.released, (unsigned)count);
}

TEST(NbTransport, DmaDelayPassesAndByteEnablesHold)
{
	nb_bench &b = the_nb_bench();

	with_dma(b, [&](nb_master &master) {
		nb_master::transfer write{ tlm::TLM_WRITE_COMMAND, base, { 1, 2, 3, 4, 5, 6, 7, 8 },
					   { 0xff, 0, 0, 0xff }, 70 };
		double before = now_ns();

		master.begin(write);
		master.wait_all();
		EXPECT_GE(now_ns() - before, 70);
		EXPECT_EQ(write.status, tlm::TLM_OK_RESPONSE);
	}, [](test_host &host) { host.memory.assign(host.memory.size(), 0); },
	[](test_host &host) { EXPECT_MEMEQ(host.memory.data(), "\1\0\0\4\5\0\0\10", 8); });
}

TEST(NbTransport, DmaFailuresBecomeResponses)
{
	nb_bench &b = the_nb_bench();

	with_dma(b, [&](nb_master &master) {
		nb_master::transfer nowhere{ tlm::TLM_READ_COMMAND, 0, std::vector<uint8_t>(4) };
		nb_master::transfer wraps{ tlm::TLM_READ_COMMAND, ~0ull - 1, std::vector<uint8_t>(4) };

		master.begin(nowhere);
		master.begin(wraps);
		master.wait_all();
		EXPECT_EQ(nowhere.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
		EXPECT_EQ(wraps.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
	}, [](test_host &) {}, [](test_host &) {});
}

// Denied is what was asked for alone: a host may grant it later.
TEST(NbTransport, DmaOffersNoDirectMemoryThatNobodyGranted)
{
	nb_bench &b = the_nb_bench();
	tlm::tlm_generic_payload payload;
	tlm::tlm_dmi dmi;
	uint32_t value;

	run_simulation();
	prepare(payload, tlm::TLM_READ_COMMAND, base, &value, 4);
	EXPECT_FALSE(b.master.socket->get_direct_mem_ptr(payload, dmi));
	EXPECT_EQ(dmi.get_start_address(), base);
	EXPECT_EQ(dmi.get_end_address(), base);
}

// What our sockets say to partners that break the base protocol, without taking part in it.
TEST(NbTransport, WrongPhasesAreReportedByName)
{
	nb_bench &b = the_nb_bench();
	tlm::tlm_generic_payload payload;
	tlm::tlm_phase phase = tlm::END_RESP;
	sc_core::sc_time delay;
	auto to_dma = [&] { b.endpoint.dma.get_base_export()->nb_transport_fw(payload, phase, delay); };
	auto to_bar = [&] { b.endpoint.bar[0].get_base_export()->nb_transport_bw(payload, phase, delay); };

	run_simulation();
	EXPECT_TRUE(reported("tlpbridge/dma", to_dma).find("END_RESP") != std::string::npos);
	phase = tlm::BEGIN_REQ;
	EXPECT_TRUE(reported("tlpbridge/dma", to_dma).find("memory manager") != std::string::npos);
	phase = tlm::END_REQ;
	EXPECT_TRUE(reported("tlpbridge/nb", to_bar).find("not under way") != std::string::npos);
}
