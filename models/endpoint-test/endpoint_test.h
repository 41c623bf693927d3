// SPDX-License-Identifier: MIT
/*
 * A function that Linux' pci_endpoint_test driver can exercise: DMA both ways,
 * checksums, INTx, MSI and MSI-X, and plain memory in the BARs.
 * Data sheet: docs/models/endpoint-test.md.
 */
#ifndef ENDPOINT_TEST_ENDPOINT_TEST_H
#define ENDPOINT_TEST_ENDPOINT_TEST_H

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <tlm_utils/simple_target_socket.h>
#include <vector>

#include "kit/model.h"
#include "kit/pcie_function.h"
#include "kit/registers.h"
#include "test_options.h"

namespace endpoint_test {

enum reg : uint32_t {		// offsets in BAR0
	MAGIC = 0x00,
	COMMAND = 0x04,
	STATUS = 0x08,
	LOWER_SRC_ADDR = 0x0c,
	UPPER_SRC_ADDR = 0x10,
	LOWER_DST_ADDR = 0x14,
	UPPER_DST_ADDR = 0x18,
	SIZE = 0x1c,
	CHECKSUM = 0x20,
	IRQ_TYPE = 0x24,
	IRQ_NUMBER = 0x28,
	FLAGS = 0x2c,
	LOWER_FAULT_ADDR = 0x30,
	UPPER_FAULT_ADDR = 0x34,
	READ_EFFECT = 0x40,
};

enum command : uint32_t {
	RAISE_INTX = 1 << 0,
	RAISE_MSI = 1 << 1,
	RAISE_MSIX = 1 << 2,
	DO_READ = 1 << 3,
	DO_WRITE = 1 << 4,
	DO_COPY = 1 << 5,
};

enum status : uint32_t {
	READ_SUCCESS = 1 << 0,
	READ_FAIL = 1 << 1,
	WRITE_SUCCESS = 1 << 2,
	WRITE_FAIL = 1 << 3,
	COPY_SUCCESS = 1 << 4,
	COPY_FAIL = 1 << 5,
	IRQ_RAISED = 1 << 6,
	SRC_ADDR_INVALID = 1 << 7,
	DST_ADDR_INVALID = 1 << 8,
};

enum irq_type : uint32_t { IRQ_INTX = 0, IRQ_MSI = 1, IRQ_MSIX = 2 };

enum effect : uint32_t {	// bits 31:16 of READ_EFFECT
	EFFECT_OK = 0,
	EFFECT_SIZE = 1,	// SIZE is 0 or more than effect_max
	EFFECT_SRC = 2,		// the DMA read failed
	EFFECT_DST = 3,		// the DMA write failed
	EFFECT_IRQ = 4,		// the MSI-X event was lost
};

enum limits : uint32_t {	// bytes
	transfer_max = 16 << 20,
	effect_max = 4096,
	chunk = 64 << 10,	// of DMA at a time
};

class endpoint_test : public kit::pcie_function {
public:
	// A device: function 0, which has the others.
	endpoint_test(sc_core::sc_module_name name, const test_options &options);

	tlm::tlm_target_socket<> &bar_socket(unsigned index) override;
	void reset(kit::reset_kind kind) override;

private:
	// A COMMAND and the registers at the moment it was written.
	struct job {
		uint32_t command, size, checksum, irq_type, irq_number;
		uint64_t src, dst;
	};

	struct free_memory {
		void operator()(uint8_t *p) const { free(p); }
	};

	struct bar {
		explicit bar(unsigned index, const kit::bar_description &description);

		tlm_utils::simple_target_socket_tagged<endpoint_test> socket;
		std::unique_ptr<uint8_t, free_memory> memory;	// none in BAR0
		uint64_t size;
	};

	// One function of it.
	endpoint_test(sc_core::sc_module_name name, const kit::function_description &function,
		      const sc_core::sc_time &latency);

	endpoint_test &make(const std::string &name, const kit::function_description &function);
	void make_vfs(const test_options &options);

	void add_bar(unsigned index, const kit::bar_description &description);
	void b_transport(int index, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
	unsigned transport_dbg(int index, tlm::tlm_generic_payload &payload);

	job snapshot();
	void command_written(uint32_t command);
	void run_jobs();
	void run(const job &job);
	uint32_t transfer(const job &job, uint64_t &fault);
	uint32_t do_read(const job &job, uint64_t &fault);
	uint32_t do_write(const job &job, uint64_t &fault);
	uint32_t do_copy(const job &job, uint64_t &fault);
	uint32_t read_effect();
	uint32_t run_effect(const job &job);

	void set_status(uint32_t value);
	void set_fault(uint64_t addr);
	void interrupt(uint32_t type, uint32_t number);
	kit::irq_result raise(uint32_t type, uint32_t number);

	std::vector<std::unique_ptr<endpoint_test>> others;	// functions that this one has
	std::unique_ptr<bar> bars[kit::bars];
	kit::registers regs;
	sc_core::sc_time latency;
	std::deque<job> jobs;		// written, not begun
	sc_core::sc_event job_written;
	std::vector<uint8_t> buffer;	// chunk bytes, of run_jobs() alone
	unsigned resets = 0;		// a job that sees it change stops silently
	uint32_t fills = 0;		// WRITE commands so far: each has its own pattern
	uint16_t effects = 0;		// READ_EFFECT reads that succeeded
	bool line = false;		// INTx is asserted
};

extern const kit::model_type endpoint_test_model;

} // namespace endpoint_test

#endif
