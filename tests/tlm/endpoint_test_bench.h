// SPDX-License-Identifier: MIT
/*
 * An endpoint-test model with a host around it that is nothing but TLM: memory
 * for DMA, a record of interrupts, sockets on the BARs.
 */
#ifndef TESTS_TLM_ENDPOINT_TEST_BENCH_H
#define TESTS_TLM_ENDPOINT_TEST_BENCH_H

#include <string>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <vector>

#include "endpoint-test/endpoint_test.h"
#include "interrupt_checker.h"
#include "kit/payload.h"
#include "protocol_checker.h"
#include "sim.h"

class fake_host : public sc_core::sc_module, public kit::interrupt_if {
public:
	enum : uint64_t { memory_base = 0x10000000 };

	using bar_socket = tlm_utils::simple_initiator_socket<fake_host>;

	sc_core::sc_vector<bar_socket> bar;
	tlm_utils::simple_target_socket<fake_host> dma;

	std::vector<uint8_t> memory = std::vector<uint8_t>(4 << 20);
	sc_core::sc_time dma_time{ 10, sc_core::SC_NS };	// of each transfer
	unsigned dma_count = 0;
	int dma_fails_after = -1;	// transfers that succeed before one fails; -1: all
	std::vector<std::string> events;	// "msi 0", "intx 1"
	kit::irq_result irq_answer = kit::irq_result::sent;

	explicit fake_host(sc_core::sc_module_name name)
		: sc_module(name), bar("bar", kit::bars), dma("dma")
	{
		dma.register_b_transport(this, &fake_host::transfer);
	}

	void clear()
	{
		memory.assign(memory.size(), 0);
		events.clear();
		dma_count = 0;
		dma_fails_after = -1;
		irq_answer = kit::irq_result::sent;
	}

	kit::irq_result msi(unsigned vector) override { return note("msi", vector); }
	kit::irq_result msix(unsigned vector) override { return note("msix", vector); }
	kit::irq_result intx(bool level) override { return note("intx", level); }

private:
	kit::irq_result note(const char *kind, unsigned value)
	{
		events.push_back(std::string(kind) + " " + std::to_string(value));
		return irq_answer;
	}

	void transfer(tlm::tlm_generic_payload &payload, sc_core::sc_time &)
	{
		wait(dma_time);
		if (dma_fails_after >= 0 && dma_count++ >= static_cast<unsigned>(dma_fails_after)) {
			payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
			return;
		}
		if (payload.get_address() < memory_base) {
			payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
			return;
		}
		payload.set_address(payload.get_address() - memory_base);
		kit::access_memory(payload, memory.data(), memory.size());
	}
};

struct endpoint_test_bench {
	endpoint_test::endpoint_test model;
	fake_host host{ "host" };
	protocol_checker dma_checker{ "dma_checker" };
	interrupt_checker irq_checker{ "irq_checker" };
	sc_core::sc_vector<protocol_checker> bar_checkers{ "bar_checker", kit::bars };

	explicit endpoint_test_bench(const kit::option_values &options)
		: model("model", endpoint_test::parse_test_options(options))
	{
		model.dma.bind(dma_checker.target);
		dma_checker.initiator.bind(host.dma);
		model.irq.bind(irq_checker);
		irq_checker.out.bind(host);
		for (unsigned i = 0; i < kit::bars; i++) {
			host.bar[i].bind(bar_checkers[i].target);
			bar_checkers[i].initiator.bind(model.bar_socket(i));
		}
	}

	// As after power-on.
	void clear()
	{
		model.reset(kit::reset_kind::system);
		host.clear();
	}

	// From a thread process; the delay the model returns is added to *delay if given.
	tlm::tlm_response_status access(tlm::tlm_command command, unsigned bar, uint64_t offset,
					void *data, unsigned len, sc_core::sc_time *delay = nullptr)
	{
		tlm::tlm_generic_payload payload;
		sc_core::sc_time own;

		prepare(payload, command, offset, data, len);
		host.bar[bar]->b_transport(payload, delay ? *delay : own);
		return payload.get_response_status();
	}

	void write(uint32_t reg, uint32_t value)
	{
		access(tlm::TLM_WRITE_COMMAND, 0, reg, &value, 4);
	}

	uint32_t read(uint32_t reg)
	{
		uint32_t value = 0;

		access(tlm::TLM_READ_COMMAND, 0, reg, &value, 4);
		return value;
	}

	// Give a command and run until nothing is left to do.
	struct parameters {
		uint64_t src = 0, dst = 0;
		uint32_t size = 0, checksum = 0, irq_type = 1, irq_number = 1;
	};

	void program(uint32_t command, const parameters &p)
	{
		using namespace endpoint_test;

		write(LOWER_SRC_ADDR, static_cast<uint32_t>(p.src));
		write(UPPER_SRC_ADDR, static_cast<uint32_t>(p.src >> 32));
		write(LOWER_DST_ADDR, static_cast<uint32_t>(p.dst));
		write(UPPER_DST_ADDR, static_cast<uint32_t>(p.dst >> 32));
		write(SIZE, p.size);
		write(CHECKSUM, p.checksum);
		write(IRQ_TYPE, p.irq_type);
		write(IRQ_NUMBER, p.irq_number);
		if (command)
			write(COMMAND, command);
	}

	void command(uint32_t command, const parameters &p)
	{
		in_thread([&] { program(command, p); });
	}
};

#endif
