// SPDX-License-Identifier: MIT
/*
 * The educational device that QEMU has as "edu", written from its specification:
 * a factorial engine, a DMA engine with a 4 KiB buffer, interrupts by register.
 * Data sheet: docs/models/edu.md.
 */
#ifndef EDU_EDU_H
#define EDU_EDU_H

#include <array>
#include <cstdint>
#include <memory>
#include <tlm_utils/simple_target_socket.h>

#include "edu_options.h"
#include "kit/model.h"
#include "kit/pcie_function.h"

namespace edu {

enum reg : uint32_t {		// offsets in BAR0
	IDENTIFICATION = 0x00,
	LIVENESS = 0x04,
	FACTORIAL = 0x08,
	STATUS = 0x20,
	IRQ_STATUS = 0x24,
	IRQ_RAISE = 0x60,
	IRQ_ACKNOWLEDGE = 0x64,
	DMA_SOURCE = 0x80,
	DMA_DESTINATION = 0x88,
	DMA_COUNT = 0x90,
	DMA_COMMAND = 0x98,
	wide = 0x80,		// from here on accesses of 8 bytes are allowed
};

enum status : uint32_t {
	COMPUTING = 0x01,
	STATUS_IRQ = 0x80,	// interrupt after the factorial
};

enum dma_command : uint32_t {
	DMA_START = 0x01,
	DMA_TO_RAM = 0x02,
	DMA_IRQ = 0x04,
};

enum irq_cause : uint32_t {
	FACTORIAL_DONE = 0x001,
	DMA_DONE = 0x100,
};

enum buffer_place : uint64_t { buffer_base = 0x40000, buffer_size = 4096 };

class edu : public kit::pcie_function {
public:
	edu(sc_core::sc_module_name name, const edu_options &options);

	tlm::tlm_target_socket<> &bar_socket(unsigned index) override;
	void reset(kit::reset_kind kind) override;

private:
	struct registers {
		uint32_t liveness = 0, factorial = 0, status = 0, irq_status = 0;
		uint64_t source = 0, destination = 0, count = 0, command = 0;
	};

	void access(tlm::tlm_generic_payload &payload);
	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
	unsigned transport_dbg(tlm::tlm_generic_payload &payload);

	uint64_t read(uint64_t offset, unsigned size) const;
	void write(uint64_t offset, unsigned size, uint64_t value);
	void write_narrow(uint64_t offset, uint32_t value);
	void write_dma(uint64_t offset, uint64_t value);
	void write_factorial(uint32_t value);
	void write_command(uint64_t value);

	bool computing() const { return regs.status & COMPUTING; }
	bool transferring() const { return regs.command & DMA_START; }

	void run_factorial();
	void run_dma();
	void transfer();
	void transfer_from_ram();
	void transfer_to_ram();
	bool pass(const sc_core::sc_time &duration);

	void raise(uint32_t causes);
	void acknowledge(uint32_t causes);

	tlm_utils::simple_target_socket<edu> bar0;
	registers regs;
	std::array<uint8_t, buffer_size> buffer{};
	const edu_options options;
	sc_core::sc_event factorial_written, command_written;
	unsigned resets = 0;		// an engine that sees it change stops silently
	bool line = false;		// INTx is asserted
};

extern const kit::model_type edu_model;

} // namespace edu

#endif
