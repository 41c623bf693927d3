// SPDX-License-Identifier: MIT
/*
 * DMI to memory of a model: granted, used, revoked.
 */
#include <cstring>

#include "host_bench.h"

namespace {

using sc_core::sc_time;
using sc_core::SC_NS;
using tlm::tlm_generic_payload;

// BAR0: 0..2047 are registers, the upper half is memory, granted while grant says so.
class dmi_model : public sc_core::sc_module {
public:
	enum : unsigned { memory_at = 2048, memory_size = 2048 };

	tlm_utils::simple_target_socket<dmi_model> socket{ "socket" };
	std::vector<uint8_t> memory = std::vector<uint8_t>(memory_size);
	tlm::tlm_dmi::dmi_access_e grant = tlm::tlm_dmi::DMI_ACCESS_READ_WRITE;
	double read_ns = 0, write_ns = 0;
	unsigned transports = 0, asked = 0;
	std::function<void(tlm_generic_payload &)> on_register;

	explicit dmi_model(sc_core::sc_module_name name) : sc_module(name)
	{
		socket.register_b_transport(this, &dmi_model::b_transport);
		socket.register_get_direct_mem_ptr(this, &dmi_model::get_direct_mem_ptr);
	}

	void revoke(uint64_t first = memory_at, uint64_t last = memory_at + memory_size - 1)
	{
		socket->invalidate_direct_mem_ptr(first, last);
	}

private:
	void b_transport(tlm_generic_payload &payload, sc_time &)
	{
		uint64_t offset = payload.get_address();

		transports++;
		payload.set_response_status(tlm::TLM_OK_RESPONSE);
		if (offset < memory_at) {
			if (on_register)
				on_register(payload);
			return;
		}
		uint8_t *at = &memory[offset - memory_at];
		if (payload.is_write())
			memcpy(at, payload.get_data_ptr(), payload.get_data_length());
		else
			memcpy(payload.get_data_ptr(), at, payload.get_data_length());
		payload.set_dmi_allowed(grant != tlm::tlm_dmi::DMI_ACCESS_NONE);
	}

	bool get_direct_mem_ptr(tlm_generic_payload &, tlm::tlm_dmi &dmi)
	{
		asked++;
		dmi.set_dmi_ptr(memory.data());
		dmi.set_start_address(memory_at);
		dmi.set_end_address(memory_at + memory_size - 1);
		dmi.set_granted_access(grant);
		dmi.set_read_latency(sc_time(read_ns, SC_NS));
		dmi.set_write_latency(sc_time(write_ns, SC_NS));
		return true;
	}
};

// A bus on the way to a model's memory: it translates the address of each payload, and leaves it so.
class window : public sc_core::sc_module {
public:
	enum : unsigned { base = dmi_model::memory_at };

	tlm_utils::simple_target_socket<window> target{ "target" };
	tlm_utils::simple_initiator_socket<window> initiator{ "initiator" };

	explicit window(sc_core::sc_module_name name) : sc_module(name)
	{
		target.register_b_transport(this, &window::b_transport);
		target.register_get_direct_mem_ptr(this, &window::get_direct_mem_ptr);
		initiator.register_invalidate_direct_mem_ptr(this, &window::invalidate);
	}

private:
	void b_transport(tlm_generic_payload &payload, sc_time &delay)
	{
		payload.set_address(payload.get_address() + base);
		initiator->b_transport(payload, delay);
	}

	bool get_direct_mem_ptr(tlm_generic_payload &payload, tlm::tlm_dmi &dmi)
	{
		payload.set_address(payload.get_address() + base);
		bool granted = initiator->get_direct_mem_ptr(payload, dmi);
		dmi.set_start_address(dmi.get_start_address() - base);
		dmi.set_end_address(dmi.get_end_address() - base);
		return granted;
	}

	void invalidate(sc_dt::uint64 first, sc_dt::uint64 last)
	{
		target->invalidate_direct_mem_ptr(first - base, last - base);
	}
};

kit::function_description description()
{
	return kit::function_description("dmi").id(0x1234, 0x0003)
		.bar(0, kit::bar_kind::mem32, 4096).bar(1, kit::bar_kind::mem32, 2048);
}

struct dmi_bench {
	dmi_model model{ "model" }, far_model{ "far_model" };
	window bus{ "bus" };
	protocol_checker checker{ "checker" }, bus_checker{ "bus_checker" }, far_checker{ "far_checker" };
	tlpb::pcie_endpoint endpoint{ "endpoint", description(), nullptr, test_link() };
	tlpb::pump pump{ test_url() };

	dmi_bench()
	{
		endpoint.bar[0].bind(checker.target);
		checker.initiator.bind(model.socket);
		endpoint.bar[1].bind(bus_checker.target);
		bus_checker.initiator.bind(bus.target);
		bus.initiator.bind(far_checker.target);
		far_checker.initiator.bind(far_model.socket);
		pump.add(endpoint);
	}
};

dmi_bench &fresh()
{
	static dmi_bench b;

	run_simulation();
	b.model.revoke();
	b.model.grant = tlm::tlm_dmi::DMI_ACCESS_READ_WRITE;
	b.model.read_ns = b.model.write_ns = 0;
	b.model.transports = b.model.asked = 0;
	b.model.on_register = nullptr;
	return b;
}

enum : unsigned { mem = dmi_model::memory_at };

} // namespace

TEST(Dmi, GrantedMemoryIsReachedWithoutTransport)
{
	dmi_bench &b = fresh();

	run_with_host(b.pump, [&](test_host &host) {
		uint8_t some[5] = { 1, 2, 3, 4, 5 };

		host.write(mem, 0x11223344);		// is told that it could have DMI
		for (unsigned i = 1; i < 100; i++)
			host.write(mem + 4 * i, i);
		for (unsigned i = 1; i < 100; i++)
			EXPECT_EQ(host.read(mem + 4 * i), i);
		EXPECT_EQ(host.read(mem), 0x11223344u);
		tlpb_rc_mem_write(host.rc, host.bars[0].addr + mem + 0x701, some, 5);
		host.read(mem);		// the writes have been taken
	});
	EXPECT_EQ(b.model.transports, 1u);
	EXPECT_EQ(b.model.asked, 1u);
	EXPECT_MEMEQ(&b.model.memory[0x700], "\0\1\2\3\4\5\0", 7);
}

TEST(Dmi, RegistersBesideTheMemoryAreStillCalled)
{
	dmi_bench &b = fresh();
	unsigned calls = 0;

	b.model.on_register = [&](tlm_generic_payload &) { calls++; };
	run_with_host(b.pump, [&](test_host &host) {
		uint64_t across = 0;

		host.read(mem);
		host.read(0);
		host.write(0, 1);
		// Half in the memory: not within the grant. And behind the write.
		tlpb_rc_mem_read(host.rc, host.bars[0].addr + mem - 4, &across, 8);
	});
	EXPECT_EQ(calls, 3u);
}

TEST(Dmi, RevokedAtOnceAndAskedForAgain)
{
	dmi_bench &b = fresh();

	b.model.on_register = [&](tlm_generic_payload &) {
		b.model.revoke(mem + 100, mem + 100);	// touches the grant
		b.model.memory.assign(b.model.memory.size(), 0x77);
	};
	run_with_host(b.pump, [&](test_host &host) {
		host.read(mem);
		host.read(mem);
		EXPECT_EQ(b.model.transports, 1u);
		host.write(0, 1);
		EXPECT_EQ(host.read(mem), 0x77777777u);	// transport, and a new grant
		EXPECT_EQ(b.model.transports, 3u);
		host.read(mem);
	});
	EXPECT_EQ(b.model.transports, 3u);
	EXPECT_EQ(b.model.asked, 2u);
}

TEST(Dmi, OnlyWhatIsGrantedGoesByPointer)
{
	dmi_bench &b = fresh();

	b.model.grant = tlm::tlm_dmi::DMI_ACCESS_READ;
	run_with_host(b.pump, [&](test_host &host) {
		host.read(mem);
		for (int i = 0; i < 10; i++) {
			host.write(mem, 5);
			EXPECT_EQ(host.read(mem), 5u);
		}
	});
	EXPECT_EQ(b.model.transports, 11u);
}

TEST(Dmi, LatencyOfTheGrantPassesBeforeTheCompletion)
{
	dmi_bench &b = fresh();
	std::vector<double> times;

	b.model.read_ns = 40;
	b.model.write_ns = 15;
	b.model.on_register = [&](tlm_generic_payload &) { times.push_back(now_ns()); };
	run_with_host(b.pump, [&](test_host &host) {
		host.read(mem);
		host.read(0);
		host.read(mem);
		host.read(0);
		host.write(mem, 1);
		host.read(0);
	});
	ASSERT_EQ(times.size(), 3u);
	EXPECT_EQ(times[1] - times[0], 40);
	EXPECT_EQ(times[2] - times[1], 15);
}

TEST(Dmi, BusMayTranslateAddresses)
{
	dmi_bench &b = fresh();

	run_with_host(b.pump, [&](test_host &host) {
		for (uint32_t i = 0; i < 10; i++) {
			uint32_t value = 0;

			tlpb_rc_mem_write(host.rc, host.bars[1].addr + 100 + 4 * i, &i, 4);
			tlpb_rc_mem_read(host.rc, host.bars[1].addr + 100 + 4 * i, &value, 4);
			EXPECT_EQ(value, i);
		}
	});
	EXPECT_EQ(b.far_model.transports, 1u);
	EXPECT_EQ(b.far_model.asked, 1u);
	EXPECT_EQ(b.far_model.memory[100 + 4 * 9], 9);
	b.far_model.revoke();
	EXPECT_EQ(b.bus_checker.seen.invalidations, 1u);
	run_with_host(b.pump, [&](test_host &host) {
		uint32_t value;

		tlpb_rc_mem_read(host.rc, host.bars[1].addr + 100, &value, 4);
	});
	EXPECT_EQ(b.far_model.transports, 2u);
}

TEST(Dmi, ReadByPointerComesAfterWritesThatTheModelStillHas)
{
	dmi_bench &b = fresh();

	b.model.on_register = [&](tlm_generic_payload &payload) {
		if (!payload.is_write())
			return;
		sc_core::wait(sc_time(500, SC_NS));	// then changes the memory behind the grant
		b.model.memory[0] = payload.get_data_ptr()[0];
	};
	run_with_host(b.pump, [&](test_host &host) {
		host.read(mem);
		for (uint32_t i = 1; i <= 20; i++) {
			host.write(0, i);
			EXPECT_EQ(host.read(mem) & 0xff, i);
		}
	});
	EXPECT_EQ(b.model.transports, 21u);
}

TEST(Dmi, WriteByPointerComesAfterWritesThatTheModelStillHas)
{
	dmi_bench &b = fresh();

	b.model.on_register = [&](tlm_generic_payload &payload) {
		if (!payload.is_write())
			return;
		sc_core::wait(sc_time(500, SC_NS));
		EXPECT_EQ(b.model.memory[0] + 1u, payload.get_data_ptr()[0]);	// not yet overtaken
	};
	run_with_host(b.pump, [&](test_host &host) {
		host.write(mem, 0);
		for (uint32_t i = 1; i <= 20; i++) {
			host.write(0, i);
			host.write(mem, i);
		}
		EXPECT_EQ(host.read(mem), 20u);
	});
	EXPECT_EQ(b.checker.seen.invalidations > 0, true);
}
