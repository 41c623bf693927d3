// SPDX-License-Identifier: MIT
/*
 * A pcie_endpoint with a scripted model, and a host on the other end of a real
 * link. The host's part of a test runs in a thread of its own, the model's part in
 * the main thread, where the pump runs SystemC.
 */
#ifndef TESTS_TLM_HOST_BENCH_H
#define TESTS_TLM_HOST_BENCH_H

#include <atomic>
#include <cstring>
#include <functional>
#include <gtest.h>
#include <pthread.h>
#include <signal.h>
#include <string>
#include <thread>
#include <tlm_utils/simple_target_socket.h>
#include <tlpbridge/rc.h>
#include <unistd.h>
#include <vector>

#include "interrupt_checker.h"
#include "kit/pcie_function.h"
#include "kit/atomic_extension.h"
#include "kit/tlp_extension.h"
#include "pcie_endpoint.h"
#include "protocol_checker.h"
#include "pump.h"
#include "sim.h"
#include "test_link.h"

// BAR0 registers, BAR1 MSI-X; what an access does is up to the test.
class scripted_model : public kit::pcie_function, public kit::eoi_if {
public:
	using handler = std::function<void(tlm::tlm_generic_payload &, sc_core::sc_time &)>;

	tlm_utils::simple_target_socket<scripted_model> socket;
	handler on_access;
	std::vector<kit::reset_kind> resets;
	unsigned eois = 0;

	explicit scripted_model(sc_core::sc_module_name name)
		: pcie_function(name, describe()), socket("socket")
	{
		socket.register_b_transport(this, &scripted_model::b_transport);
	}

	tlm::tlm_target_socket<> &bar_socket(unsigned) override { return socket; }

	void reset(kit::reset_kind kind) override { resets.push_back(kind); }

	void eoi() override { eois++; }

	using pcie_function::dma_read;
	using pcie_function::dma_write;

private:
	static kit::function_description describe()
	{
		return kit::function_description("scripted").id(0x1234, 0x5678).intx().msi(4)
			.bar(0, kit::bar_kind::mem32, 4096).bar(1, kit::bar_kind::mem32, 4096)
			.msix({ 8, 1, 1, 0, 0x800 })
			.has({ kit::feature::atomic_32, kit::feature::atomic_64, kit::feature::cas_128,
			       kit::feature::atomic_requests, kit::feature::deferrable_writes,
			       kit::feature::deferrable_write_requests });
	}

	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay)
	{
		payload.set_response_status(tlm::TLM_OK_RESPONSE);
		if (on_access)
			on_access(payload, delay);
	}
};

// What the host's thread has.
class test_host {
public:
	enum : uint64_t { memory_base = 0x100000, memory_size = 0x40000 };
	enum : uint64_t { msi_address = 0xfee00000 };
	enum : uint16_t { bdf = 0x0100 };

	std::vector<uint8_t> memory = std::vector<uint8_t>(memory_size);
	std::function<void()> on_dma_write;	// before the bytes are stored
	int dma_answer = 0;
	int dmwr_answer = 0;
	std::vector<std::string> intx;
	uint16_t requester_id = 0;		// of the last DMA or message
	std::vector<tlpb_tlp> messages;		// their payload is not for use
	std::vector<std::string> message_data;
	bool knows_messages = true;
	std::vector<uint32_t> msis;		// data of each write to msi_address
	tlpb_rc *rc = nullptr;
	tlpb_rc_bar bars[TLPB_BARS] = {};

	// device: NULL for the first free one
	void open(const std::string &url, const char *device = nullptr)
	{
		tlpb_rc_ops ops = {};
		tlpb_rc_config config = {};
		tlpb_rc_windows windows = { bdf, 0xe0000000, 0x800000000, 0x1000 };
		char why[512] = "";

		ops.mem_read = mem_read;
		ops.mem_write = mem_write;
		ops.atomic = atomic;
		ops.dmwr = dmwr;
		ops.intx = intx_changed;
		ops.message = message;
		config.url = url.c_str();
		config.device = device;
		config.name = "test";
		config.grants = true;
		config.ops = &ops;
		config.ctx = this;
		flow_configure(&config.credits, &config.order_seed, 128);
		config.transport = flow_transport_kind();
		EXPECT_EQ(tlpb_rc_connect(&config, &rc, why, sizeof why), 0);
		EXPECT_STREQ(why, "");
		if (rc)
			EXPECT_EQ(tlpb_rc_enumerate(rc, &windows, bars), 0);
	}

	void close()
	{
		tlpb_rc_close(rc);
		rc = nullptr;
	}

	int read(unsigned offset, uint32_t *value)
	{
		*value = 0;
		return tlpb_rc_mem_read(rc, bars[0].addr + offset, value, 4);
	}

	uint32_t read(unsigned offset)
	{
		uint32_t value;

		EXPECT_EQ(read(offset, &value), 0);
		return value;
	}

	void write(unsigned offset, uint32_t value)
	{
		EXPECT_EQ(tlpb_rc_mem_write(rc, bars[0].addr + offset, &value, 4), 0);
	}

	void command(unsigned value)
	{
		EXPECT_EQ(tlpb_rc_config_write(rc, bdf, 4, 2, value), 0);
	}

private:
	static int check(test_host *host, uint64_t addr, size_t len)
	{
		if (host->dma_answer)
			return host->dma_answer;
		if (addr < memory_base || addr - memory_base > memory_size - len)
			return TLPB_ERR_NO_ADDRESS;
		return 0;
	}

	static int mem_read(void *ctx, const tlpb_tlp *tlp, uint64_t addr, void *buf, size_t len)
	{
		test_host *host = static_cast<test_host *>(ctx);
		int err = check(host, addr, len);

		host->requester_id = tlp->requester_id;
		if (!err)
			memcpy(buf, &host->memory[addr - memory_base], len);
		return err;
	}

	static int atomic(void *ctx, const tlpb_tlp *, uint64_t addr, const tlpb_atomic *op, void *old)
	{
		test_host &host = *static_cast<test_host *>(ctx);
		uint64_t offset = addr - memory_base;

		if (offset >= memory_size)
			return TLPB_ERR_NO_ADDRESS;
		memcpy(old, &host.memory[offset], op->size);
		tlpb_atomic_result(op, &host.memory[offset], &host.memory[offset]);
		return 0;
	}

	static int dmwr(void *ctx, const tlpb_tlp *request, uint64_t addr, const void *data, size_t len)
	{
		int answer = static_cast<test_host *>(ctx)->dmwr_answer;

		return answer ? answer : mem_write(ctx, request, addr, data, len);
	}

	bool take_msi(uint64_t addr, const void *data, size_t len)
	{
		uint32_t value;

		if (addr != msi_address || len != 4)
			return false;
		memcpy(&value, data, 4);
		msis.push_back(value);
		return true;
	}

	static int mem_write(void *ctx, const tlpb_tlp *tlp, uint64_t addr, const void *data, size_t len)
	{
		test_host *host = static_cast<test_host *>(ctx);
		int err = check(host, addr, len);

		host->requester_id = tlp->requester_id;
		if (host->take_msi(addr, data, len))
			return 0;
		if (host->on_dma_write)
			host->on_dma_write();
		if (!err)
			memcpy(&host->memory[addr - memory_base], data, len);
		return err;
	}

	static bool message(void *ctx, const tlpb_tlp *msg)
	{
		test_host &host = *static_cast<test_host *>(ctx);

		host.requester_id = msg->requester_id;
		host.messages.push_back(*msg);
		host.message_data.emplace_back(reinterpret_cast<const char *>(msg->payload), msg->payload_len);
		return host.knows_messages;
	}

	static void intx_changed(void *ctx, unsigned pin, bool level)
	{
		static_cast<test_host *>(ctx)->intx.push_back((level ? "assert " : "deassert ") +
							      std::to_string(pin));
	}
};

inline std::string test_url()
{
	return "ipc:///tmp/tlpb-tlm-test-" + std::to_string(getpid()) + ".sock";
}

// Run host_part with a connected host, and SystemC until it returns. EXPECT_* only.
inline void run_with_host(tlpb::pump &pump, std::function<void(test_host &)> host_part,
			  const char *device = nullptr)
{
	pthread_t pump_thread = pthread_self();
	std::thread thread([&] {
		test_host host;

		host.open(test_url(), device);
		if (host.rc)
			host_part(host);
		if (host.rc)
			host.close();
		pthread_kill(pump_thread, SIGTERM);
	});

	pump.run();
	thread.join();
}

struct host_bench {
	std::string url = test_url();
	scripted_model model{ "model" };
	sc_core::sc_signal<bool> wire{ "wire" };
	protocol_checker bar_checker{ "bar_checker" }, dma_checker{ "dma_checker" };
	interrupt_checker irq_checker{ "irq_checker" };
	tlpb::pcie_endpoint endpoint{ "endpoint", model.description(), nullptr,
				      test_link() };
	tlpb::pump pump{ url };

	host_bench()
	{
		endpoint.bar[0].bind(bar_checker.target);
		bar_checker.initiator.bind(model.socket);
		endpoint.reset.bind(model);
		endpoint.eoi.bind(model);
		endpoint.intx_wire.bind(wire);
		model.dma.bind(dma_checker.target);
		dma_checker.initiator.bind(endpoint.dma);
		model.irq.bind(irq_checker);
		irq_checker.out.bind(endpoint.irq);
		pump.add(endpoint);
	}

	void with_host(std::function<void(test_host &)> host_part)
	{
		run_with_host(pump, std::move(host_part));
		model.on_access = nullptr;
	}
};

// The one bench of a test program; without what the test before left in it.
inline host_bench &the_bench()
{
	static host_bench bench;

	bench.model.on_access = nullptr;
	bench.model.resets.clear();
	bench.model.eois = 0;
	bench.bar_checker.provoked.clear();
	bench.dma_checker.provoked.clear();
	return bench;
}

#endif
