// SPDX-License-Identifier: MIT
/*
 * Requests from a host to a TLM model: order, waiting, delays, responses, resets.
 */
#include <algorithm>
#include <ctime>

#include "host_bench.h"
#include "kit/payload.h"

namespace {

using sc_core::sc_time;
using sc_core::SC_NS;

uint32_t word(const tlm::tlm_generic_payload &payload)
{
	uint32_t value;

	memcpy(&value, payload.get_data_ptr(), 4);
	return value;
}

void set_word(tlm::tlm_generic_payload &payload, uint32_t value)
{
	memcpy(payload.get_data_ptr(), &value, 4);
}

double cpu_seconds()
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

} // namespace

TEST(PcieEndpoint, RequestsCarryOffsetLengthAndTlpAttributes)
{
	host_bench &b = the_bench();
	std::vector<kit::tlp_extension> seen;
	std::vector<unsigned> lengths;
	uint64_t bar = 0;

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		EXPECT_EQ(payload.get_address(), 0x102u);
		EXPECT_EQ(payload.get_streaming_width(), payload.get_data_length());
		seen.push_back(*payload.get_extension<kit::tlp_extension>());
		lengths.push_back(payload.get_data_length());
	};
	b.with_host([&](test_host &host) {
		uint8_t bytes[6] = { 1, 2, 3, 4, 5, 6 };

		bar = host.bars[0].addr;
		tlpb_rc_mem_write(host.rc, bar + 0x102, bytes, 6);
		tlpb_rc_mem_read(host.rc, bar + 0x102, bytes, 1);
	});
	ASSERT_EQ(seen.size(), 2u);
	EXPECT_TRUE(seen[0].posted);
	EXPECT_FALSE(seen[1].posted);
	EXPECT_EQ(lengths[0], 6u);
	EXPECT_EQ(lengths[1], 1u);
	for (const kit::tlp_extension &tlp : seen) {
		EXPECT_EQ(tlp.region, 0u);
		EXPECT_EQ(tlp.address, bar + 0x102);
	}
}

TEST(PcieEndpoint, ResponsesBecomeCompletionStatus)
{
	static const struct {
		tlm::tlm_response_status response;
		int err;
	} rows[] = {
		{ tlm::TLM_OK_RESPONSE, 0 },
		{ tlm::TLM_ADDRESS_ERROR_RESPONSE, TLPB_ERR_UNSUPPORTED },
		{ tlm::TLM_COMMAND_ERROR_RESPONSE, TLPB_ERR_UNSUPPORTED },
		{ tlm::TLM_GENERIC_ERROR_RESPONSE, TLPB_ERR_ABORTED },
		{ tlm::TLM_BURST_ERROR_RESPONSE, TLPB_ERR_ABORTED },
		{ tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE, TLPB_ERR_ABORTED },
		{ tlm::TLM_INCOMPLETE_RESPONSE, TLPB_ERR_ABORTED },
	};
	host_bench &b = the_bench();
	size_t next = 0;

	b.bar_checker.provoked = { "the target sets the response status" };
	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		payload.set_response_status(rows[next].response);
	};
	b.with_host([&](test_host &host) {
		for (next = 0; next < std::size(rows); next++) {
			uint32_t value;

			EXPECT_EQ(host.read(0, &value), rows[next].err);
			EXPECT_EQ(value, rows[next].err ? 0xffffffffu : 0u);
		}
	});
}

TEST(PcieEndpoint, AModelMayAnswerWithPoisonedData)
{
	host_bench &b = the_bench();
	bool bad = true;

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		payload.get_extension<kit::tlp_extension>()->poisoned = bad;
		memset(payload.get_data_ptr(), 0x5a, payload.get_data_length());
	};
	b.with_host([&](test_host &host) {
		uint8_t bytes[600];
		uint32_t value;

		EXPECT_EQ(host.read(0, &value), TLPB_ERR_POISONED);
		EXPECT_EQ(value, 0xffffffffu);
		EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bars[0].addr, bytes, sizeof bytes), TLPB_ERR_POISONED);
		EXPECT_EQ(bytes[599], 0xff);
		bad = false;
		EXPECT_EQ(host.read(0, &value), 0);
		EXPECT_EQ(value, 0x5a5a5a5au);
	});
}

TEST(PcieEndpoint, DelayPassesBeforeTheCompletion)
{
	host_bench &b = the_bench();
	std::vector<double> times;

	b.model.on_access = [&](tlm::tlm_generic_payload &, sc_time &delay) {
		times.push_back(now_ns());
		delay += sc_time(500, SC_NS);
	};
	b.with_host([&](test_host &host) {
		host.read(0);
		host.read(0);
		host.write(0, 1);
		host.read(0);
	});
	ASSERT_EQ(times.size(), 4u);
	for (size_t i = 1; i < times.size(); i++)
		EXPECT_EQ(times[i] - times[i - 1], 500);
}

TEST(PcieEndpoint, ReadSeesTheWritesBeforeItThoughTheModelWaitsInThem)
{
	host_bench &b = the_bench();
	uint32_t reg = 0;

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		if (payload.is_write()) {
			sc_core::wait(sc_time(100, SC_NS));
			EXPECT_EQ(word(payload), reg + 1);	// in order
			reg = word(payload);
		} else {
			set_word(payload, reg);
		}
	};
	b.with_host([&](test_host &host) {
		for (uint32_t i = 1; i <= 20; i++)
			host.write(0, i);
		EXPECT_EQ(host.read(0), 20u);
	});
}

TEST(PcieEndpoint, WriteReachesTheModelWhileAReadWaits)
{
	host_bench &b = the_bench();
	uint32_t written = 0;

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		if (payload.is_write()) {
			written = word(payload);
			return;
		}
		uint8_t byte = 1;
		EXPECT_EQ(b.model.dma_write(test_host::memory_base, &byte, 1), tlm::TLM_OK_RESPONSE);
		sc_core::wait(sc_time(10, SC_NS));
		set_word(payload, written);
	};
	b.with_host([&](test_host &host) {
		// The host answers the DMA with a write, while it waits for its read.
		host.on_dma_write = [&] { host.write(4, 7); };
		EXPECT_EQ(host.read(0), 7u);
	});
}

TEST(PcieEndpoint, ReadsAreAnsweredOutOfOrderWhileWritesStayInOrder)
{
	host_bench &b = the_bench();
	sc_core::sc_event second_answered;
	bool answered = false;		// perhaps before the first one waits for it
	std::vector<std::string> log;

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		uint8_t byte = 1;

		if (payload.is_write()) {
			log.push_back("write " + std::to_string(word(payload)));
			sc_core::wait(sc_time(10, SC_NS));
		} else if (payload.get_address() == 0) {
			log.push_back("first read");
			b.model.dma_write(test_host::memory_base, &byte, 1);
			while (!answered)
				sc_core::wait(second_answered);
			set_word(payload, 100);
			log.push_back("first answer");
		} else {
			log.push_back("second answer");
			set_word(payload, 200);
			answered = true;
			second_answered.notify(sc_time(1, SC_NS));
		}
	};
	b.with_host([&](test_host &host) {
		// While the first read waits: three writes and a read that is answered before it.
		host.on_dma_write = [&] {
			for (uint32_t i = 1; i <= 3; i++)
				host.write(8, i);
			EXPECT_EQ(host.read(4), 200u);
		};
		EXPECT_EQ(host.read(0), 100u);
	});

	static const char *const expected[] = { "first read", "write 1", "write 2", "write 3",
						"second answer", "first answer" };
	ASSERT_EQ(log.size(), std::size(expected));
	for (size_t i = 0; i < log.size(); i++)
		EXPECT_STREQ(log[i].c_str(), expected[i]);
}

TEST(PcieEndpoint, ModelIsToldOfEachReset)
{
	host_bench &b = the_bench();

	b.with_host([&](test_host &host) {
		int pcie = tlpb_rc_find_capability(host.rc, test_host::bdf, 0x10);

		tlpb_rc_reset(host.rc, TLPB_RESET_SYSTEM);
		tlpb_rc_reset(host.rc, TLPB_RESET_HOT);
		tlpb_rc_config_write(host.rc, test_host::bdf, static_cast<unsigned>(pcie) + 8, 2, 0x8000);
	});
	ASSERT_GE(b.model.resets.size(), 3u);
	EXPECT_TRUE(b.model.resets[0] == kit::reset_kind::system);
	EXPECT_TRUE(b.model.resets[1] == kit::reset_kind::hot);
	EXPECT_TRUE(b.model.resets[2] == kit::reset_kind::function_level);
}

TEST(PcieEndpoint, ResetWithARequestInFlightLosesOnlyThatRequest)
{
	host_bench &b = the_bench();
	unsigned begun = 0, ended = 0;

	b.model.on_access = [&](tlm::tlm_generic_payload &, sc_time &) {
		begun++;
		sc_core::wait(sc_time(1, sc_core::SC_US));
		ended++;
	};
	b.with_host([&](test_host &host) {
		tlpb_rc_windows windows = { test_host::bdf, 0xe0000000, 0x800000000, 0x1000 };

		host.write(0, 1);
		tlpb_rc_reset(host.rc, TLPB_RESET_HOT);
		tlpb_rc_enumerate(host.rc, &windows, host.bars);
		host.read(0);
	});
	EXPECT_GE(begun, 1u);
	EXPECT_EQ(begun, ended);
}

TEST(PcieEndpoint, WritesOfAHostThatLeavesAtOnceAreDone)
{
	host_bench &b = the_bench();
	enum { rounds = 20, writes = 5 };
	unsigned taken = 0;

	b.model.on_access = [&](tlm::tlm_generic_payload &, sc_time &) {
		sc_core::wait(sc_time(10, SC_NS));
		EXPECT_EQ(b.model.resets.size(), taken++ / writes);	// the reset comes after them
	};
	for (int round = 0; round < rounds; round++) {
		scripted_model::handler on_access = b.model.on_access;

		b.with_host([&](test_host &host) {
			for (uint32_t i = 0; i < writes; i++)
				host.write(0, i);
		});
		b.model.on_access = on_access;
		run_simulation();	// the pump may have been stopped before they were done
	}
	EXPECT_EQ(taken, (unsigned)(rounds * writes));
}

TEST(PcieEndpoint, ModelThatWaitsForAResetInAWriteGetsIt)
{
	host_bench &b = the_bench();
	unsigned freed = 0;

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		while (payload.is_write() && b.model.resets.empty())
			sc_core::wait(sc_time(1, sc_core::SC_US));
		freed++;
	};
	b.with_host([&](test_host &host) {
		tlpb_rc_windows windows = { test_host::bdf, 0xe0000000, 0x800000000, 0x1000 };

		host.write(0, 1);
		host.write(0, 2);
		tlpb_rc_reset(host.rc, TLPB_RESET_HOT);
		tlpb_rc_enumerate(host.rc, &windows, host.bars);
		host.read(0);
	});
	EXPECT_EQ(freed, 2u);	// the first write and the read; the second write is lost
}

TEST(PcieEndpoint, ServesOneHostAfterTheOther)
{
	host_bench &b = the_bench();
	unsigned connects = 0, disconnects = 0;

	b.endpoint.on_connected = [&](const std::string &host) {
		EXPECT_STREQ(host.c_str(), "test");
		connects++;
	};
	b.endpoint.on_disconnected = [&](const std::string &) { disconnects++; };
	for (int i = 0; i < 3; i++)
		b.with_host([&](test_host &host) { host.read(0); });
	b.endpoint.on_connected = nullptr;
	b.endpoint.on_disconnected = nullptr;
	EXPECT_EQ(connects, 3u);
	EXPECT_EQ(disconnects, 3u);
}

TEST(PcieEndpoint, IdlePumpCostsNoCpu)
{
	host_bench &b = the_bench();

	b.with_host([&](test_host &) {
		double least = 1;

		for (int i = 0; i < 5; i++) {	// what polls, polls each time
			double before = cpu_seconds();

			usleep(300 * 1000);
			least = std::min(least, cpu_seconds() - before);
		}
		EXPECT_LT(least, 0.03);
	});
}

// ---- AtomicOps, Deferrable Memory Writes ----

TEST(PcieEndpoint, AtomicOpsReachAModelThatKnowsThem)
{
	host_bench &b = the_bench();
	uint8_t memory[64] = { 40 };

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		EXPECT_EQ(payload.get_command(), tlm::TLM_IGNORE_COMMAND);
		kit::access_memory(payload, memory, sizeof memory);
	};
	b.with_host([&](test_host &host) {
		tlpb_atomic op = { TLPB_FETCHADD, 8, { 2 }, {} };
		uint64_t old = 0;

		EXPECT_EQ(tlpb_rc_atomic(host.rc, host.bars[0].addr, &op, &old), 0);
		EXPECT_EQ(old, 40u);
		op = { TLPB_CAS, 16, { 7 }, { 1 } };
		uint64_t wide[2];
		EXPECT_EQ(tlpb_rc_atomic(host.rc, host.bars[0].addr, &op, wide), 0);
		EXPECT_EQ(wide[0], 42u);
		EXPECT_EQ(tlpb_rc_atomic(host.rc, host.bars[0].addr + 64, &op, wide), TLPB_ERR_UNSUPPORTED);
	});
	EXPECT_EQ(memory[0], 42);
}

TEST(PcieEndpoint, AtomicOpsThatTheModelLeavesUndoneAreUnsupportedRequests)
{
	the_bench().with_host([&](test_host &host) {
		tlpb_atomic op = { TLPB_SWAP, 4, { 2 }, {} };
		uint32_t old = 0;

		EXPECT_EQ(tlpb_rc_atomic(host.rc, host.bars[0].addr, &op, &old), TLPB_ERR_UNSUPPORTED);
		EXPECT_EQ(old, 0xffffffffu);
	});
}

TEST(PcieEndpoint, ADeferrableWriteMayBeRefusedForNow)
{
	host_bench &b = the_bench();
	unsigned refusals = 1;

	b.model.on_access = [&](tlm::tlm_generic_payload &payload, sc_time &) {
		auto *tlp = payload.get_extension<kit::tlp_extension>();

		EXPECT_TRUE(tlp->deferrable);
		EXPECT_TRUE(payload.is_write());
		if (refusals && refusals--) {
			tlp->retry = true;
			payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
		}
	};
	b.with_host([&](test_host &host) {
		EXPECT_EQ(tlpb_rc_dmwr(host.rc, host.bars[0].addr, "abcd", 4), TLPB_ERR_CRS);
		EXPECT_EQ(tlpb_rc_dmwr(host.rc, host.bars[0].addr, "abcd", 4), 0);
	});
}

// Last: the simulation cannot go on after it.
TEST(PcieEndpoint, ModelEndsThePumpWithScStop)
{
	host_bench &b = the_bench();

	b.model.on_access = [&](tlm::tlm_generic_payload &, sc_time &) { sc_core::sc_stop(); };

	test_host host;
	std::thread thread([&] {
		host.open(b.url);
		host.write(0, 1);
		tlpb_rc_process(host.rc);	// a write of a burst waits for that
	});
	EXPECT_EQ(b.pump.run(), 0);
	thread.join();
	host.close();
}
