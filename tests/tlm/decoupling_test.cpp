// SPDX-License-Identifier: MIT
/*
 * Temporal decoupling: exact without a quantum, fewer waits with one, and no completion
 * before its time.
 */
#include <utility>

#include "host_bench.h"
#include "local_time.h"

namespace {

using sc_core::sc_time;
using sc_core::SC_NS;
using tlm::tlm_generic_payload;

class quantum {
public:
	explicit quantum(double ns)
	{
		tlm_utils::tlm_quantumkeeper::set_global_quantum(sc_time(ns, SC_NS));
	}
	~quantum() { tlm_utils::tlm_quantumkeeper::set_global_quantum(sc_core::SC_ZERO_TIME); }
};

struct burst {
	enum { writes = 50, write_ns = 10, read_ns = 30 };

	std::vector<double> stamps;	// simulated time of each write's call
	std::vector<double> local;	// the same with the incoming delay
	double read_local = 0, answered = 0;
};

/*
 * The host sends all writes and a read, then waits; the model takes none of them before
 * all have arrived: the answer of its DMA comes behind them.
 */
burst run_burst(host_bench &b)
{
	burst result;
	bool first = true;

	b.model.on_access = [&](tlm_generic_payload &payload, sc_time &delay) {
		uint32_t value;

		if (std::exchange(first, false)) {
			b.model.dma_read(test_host::memory_base, &value, 4);
			// A multiple of every quantum of these tests, so that they begin alike.
			sc_time unit(10000, SC_NS);
			sc_core::wait(unit - sc_core::sc_time_stamp() % unit);
			delay = sc_core::SC_ZERO_TIME;
		}
		double local = now_ns() + delay / sc_time(1, SC_NS);
		if (payload.is_write()) {
			result.stamps.push_back(now_ns());
			result.local.push_back(local);
			delay += sc_time(burst::write_ns, SC_NS);
		} else {
			result.read_local = local;
			delay += sc_time(burst::read_ns, SC_NS);
		}
	};
	b.with_host([&](test_host &host) {
		for (uint32_t i = 0; i < burst::writes; i++)
			host.write(0, i);
		host.read(0);
	});
	run_simulation();
	result.answered = now_ns();
	return result;
}

size_t distinct(const std::vector<double> &times)
{
	size_t count = 0;

	for (size_t i = 0; i < times.size(); i++)
		count += !i || times[i] != times[i - 1];
	return count;
}

} // namespace

TEST(Decoupling, WithoutQuantumEachAccessIsAtItsOwnTime)
{
	burst result = run_burst(the_bench());

	ASSERT_EQ(result.stamps.size(), (size_t)burst::writes);
	for (size_t i = 1; i < result.stamps.size(); i++)
		EXPECT_EQ(result.stamps[i] - result.stamps[i - 1], burst::write_ns);
	EXPECT_EQ(distinct(result.stamps), (size_t)burst::writes);
	EXPECT_EQ(result.read_local, result.stamps[0] + burst::writes * burst::write_ns);
	EXPECT_GE(result.answered, result.read_local + burst::read_ns);
}

TEST(Decoupling, WithAQuantumWritesShareWaitsAndKeepTheirTimes)
{
	quantum hundred(100);
	burst result = run_burst(the_bench());

	ASSERT_EQ(result.stamps.size(), (size_t)burst::writes);
	for (size_t i = 1; i < result.local.size(); i++)
		EXPECT_EQ(result.local[i] - result.local[i - 1], burst::write_ns);
	EXPECT_LE(distinct(result.stamps), burst::writes * burst::write_ns / 100 + 1u);
	for (size_t i = 0; i < result.local.size(); i++)
		EXPECT_LE(result.local[i] - result.stamps[i], 100);	// never further ahead
}

TEST(Decoupling, CompletionLeavesNoEarlierThanTheAnnotatedTime)
{
	quantum large(10000);
	burst result = run_burst(the_bench());

	// The first one, in which the model waited beyond the quantum, and all others at once.
	EXPECT_LE(distinct(result.stamps), 2u);
	EXPECT_EQ(result.read_local, result.stamps[0] + burst::writes * burst::write_ns);
	EXPECT_GE(result.answered, result.read_local + burst::read_ns);
}

TEST(Decoupling, TimeThatPassesIsNoLongerAhead)
{
	quantum large(10000);
	tlpb::local_time time;

	in_thread([&] {
		time.sync_if_needed();
		time.set(sc_time(300, SC_NS));
		EXPECT_TRUE(time.ahead() == sc_time(300, SC_NS));
		sc_core::wait(sc_time(100, SC_NS));
		EXPECT_TRUE(time.ahead() == sc_time(200, SC_NS));
		sc_core::wait(sc_time(500, SC_NS));
		EXPECT_TRUE(time.ahead() == sc_core::SC_ZERO_TIME);
	});
}

// A model that has a quantum keeper of its own and returns how far it ran ahead.
TEST(Decoupling, ModelMayRunAheadByItself)
{
	host_bench &b = the_bench();
	std::vector<double> times;

	b.model.on_access = [&](tlm_generic_payload &, sc_time &delay) {
		tlm_utils::tlm_quantumkeeper keeper;

		keeper.set(delay);
		for (int i = 0; i < 4; i++)
			keeper.inc(sc_time(25, SC_NS));
		times.push_back(now_ns());
		delay = keeper.get_local_time();
	};
	b.with_host([&](test_host &host) {
		host.read(0);
		host.read(0);
	});
	ASSERT_EQ(times.size(), 2u);
	EXPECT_EQ(times[1] - times[0], 100);
}

// DMA is a place where a model that has run ahead waits: it goes out at its local time.
TEST(Decoupling, DmaInAPostedWriteThatIsAheadBeginsAtItsLocalTime)
{
	enum { writes = 8, write_ns = 10, with_dma = 4 };
	quantum large(10000);
	host_bench &b = the_bench();
	std::vector<double> local;		// of each write
	std::vector<uint32_t> values;
	double before = 0, after = 0;		// the DMA
	sc_time left;

	b.model.on_access = [&](tlm_generic_payload &payload, sc_time &delay) {
		uint32_t value = 0;

		if (payload.is_read())
			return;
		if (local.empty()) {		// begin with a quantum
			sc_time unit(10000, SC_NS);
			sc_core::wait(unit - sc_core::sc_time_stamp() % unit);
			delay = sc_core::SC_ZERO_TIME;
		}
		local.push_back(now_ns() + delay / sc_time(1, SC_NS));
		memcpy(&value, payload.get_data_ptr(), 4);
		values.push_back(value);
		if (values.size() == with_dma + 1) {
			tlm_generic_payload dma;

			before = now_ns();
			prepare(dma, tlm::TLM_READ_COMMAND, test_host::memory_base, &value, 4);
			b.model.dma->b_transport(dma, delay);
			EXPECT_EQ(value, 0x11223344u);
			after = now_ns();
			left = delay;
		}
		delay += sc_time(write_ns, SC_NS);
	};
	b.with_host([&](test_host &host) {
		static const uint32_t word = 0x11223344;

		memcpy(host.memory.data(), &word, 4);
		for (uint32_t i = 0; i < writes; i++)
			host.write(0, i);
		host.read(0);
	});
	run_simulation();
	ASSERT_EQ(local.size(), (size_t)writes);
	for (size_t i = 0; i < writes; i++) {
		EXPECT_EQ(values[i], i);
		EXPECT_EQ(local[i], local[0] + i * write_ns);
	}
	// The first write's wait used up its quantum; those between cost no time of the kernel.
	EXPECT_EQ(before, local[1]);
	EXPECT_EQ(after, local[with_dma]);
	EXPECT_TRUE(left == sc_core::SC_ZERO_TIME);
}
