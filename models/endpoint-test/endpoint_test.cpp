// SPDX-License-Identifier: MIT
#include "endpoint_test.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

#include "kit/crc32.h"
#include "kit/payload.h"

namespace endpoint_test {

using kit::access;
using tlm::TLM_ADDRESS_ERROR_RESPONSE;
using tlm::TLM_OK_RESPONSE;

enum { jobs_max = 16 };		// waiting commands; more than that are dropped

static std::vector<kit::field_description> command_fields()
{
	return { { "RAISE_INTX", 0, 1 }, { "RAISE_MSI", 1, 1 }, { "RAISE_MSIX", 2, 1 },
		 { "READ", 3, 1 }, { "WRITE", 4, 1 }, { "COPY", 5, 1 } };
}

static std::vector<kit::field_description> status_fields()
{
	return { { "READ_SUCCESS", 0, 1 }, { "READ_FAIL", 1, 1 }, { "WRITE_SUCCESS", 2, 1 },
		 { "WRITE_FAIL", 3, 1 }, { "COPY_SUCCESS", 4, 1 }, { "COPY_FAIL", 5, 1 },
		 { "IRQ_RAISED", 6, 1 }, { "SRC_ADDR_INVALID", 7, 1 }, { "DST_ADDR_INVALID", 8, 1 } };
}

endpoint_test::endpoint_test(sc_core::sc_module_name name, const test_options &options)
	: endpoint_test(name, options.function_at(0), options.latency)
{
	make_vfs(options);
	for (unsigned number = 1; number < options.functions; number++) {
		endpoint_test &other = make("function_" + std::to_string(number), options.function_at(number));

		other.make_vfs(options);
		add_function(number, other);
	}
}

endpoint_test &endpoint_test::make(const std::string &name, const kit::function_description &function)
{
	others.emplace_back(new endpoint_test(name.c_str(), function, latency));
	return *others.back();
}

// Beside its function, which is whole already.
void endpoint_test::make_vfs(const test_options &options)
{
	for (unsigned i = 0; i < options.vfs; i++)
		add_vf(make(std::string(basename()) + "_vf_" + std::to_string(i), options.virtual_function()));
}

endpoint_test::endpoint_test(sc_core::sc_module_name name, const kit::function_description &function,
			     const sc_core::sc_time &its_latency)
	: pcie_function(name, function),
	  regs({
		{ MAGIC, "MAGIC", access::rw, 0, {}, {}, "scratch" },
		{ COMMAND, "COMMAND", access::rw, 0, [this](uint32_t v) { command_written(v); }, {},
		  "a write starts what its bits say", command_fields() },
		{ STATUS, "STATUS", access::rw, 0, [this](uint32_t v) { set_status(v); }, {},
		  "how the last command went", status_fields() },
		{ LOWER_SRC_ADDR, "LOWER_SRC_ADDR", access::rw, 0, {}, {}, "bus address to read from" },
		{ UPPER_SRC_ADDR, "UPPER_SRC_ADDR", access::rw, 0 },
		{ LOWER_DST_ADDR, "LOWER_DST_ADDR", access::rw, 0, {}, {}, "bus address to write to" },
		{ UPPER_DST_ADDR, "UPPER_DST_ADDR", access::rw, 0 },
		{ SIZE, "SIZE", access::rw, 0, {}, {}, "bytes, 1 to 16 MiB" },
		{ CHECKSUM, "CHECKSUM", access::rw, 0, {}, {}, "CRC-32 without final inversion" },
		{ IRQ_TYPE, "IRQ_TYPE", access::rw, 0, {}, {}, "0 INTx, 1 MSI, 2 MSI-X" },
		{ IRQ_NUMBER, "IRQ_NUMBER", access::rw, 0, {}, {}, "vector, counted from 1" },
		{ FLAGS, "FLAGS", access::rw, 0, {}, {}, "kept, without effect", { { "USE_DMA", 0, 1 } } },
		{ LOWER_FAULT_ADDR, "LOWER_FAULT_ADDR", access::ro, 0, {}, {}, "first byte that the last transfer missed" },
		{ UPPER_FAULT_ADDR, "UPPER_FAULT_ADDR", access::ro, 0 },
		{ READ_EFFECT, "READ_EFFECT", access::ro, 0, {}, [this] { return read_effect(); },
		  "a read does DMA and raises an interrupt before it completes",
		  { { "COUNT", 0, 16 }, { "RESULT", 16, 16 } }, true },
	  }),
	  latency(its_latency), buffer(chunk)
{
	for (unsigned i = 0; i < kit::bars; i++)
		if (function.bar_table[i].kind != kit::bar_kind::none)
			add_bar(i, function.bar_table[i]);
	name_registers(regs.describe(0));
	SC_HAS_PROCESS(endpoint_test);
	SC_THREAD(run_jobs);
}

endpoint_test::bar::bar(unsigned index, const kit::bar_description &description)
	: socket(("bar" + std::to_string(index)).c_str()),
	  size(description.size)
{
	// calloc() takes pages from the system when they are first touched.
	if (index)
		memory.reset(static_cast<uint8_t *>(calloc(size, 1)));
	if (index && !memory)
		throw std::invalid_argument("no memory for BAR" + std::to_string(index) +
					    ": make it smaller");
}

void endpoint_test::add_bar(unsigned index, const kit::bar_description &description)
{
	bars[index] = std::make_unique<bar>(index, description);
	bars[index]->socket.register_b_transport(this, &endpoint_test::b_transport,
						 static_cast<int>(index));
	bars[index]->socket.register_transport_dbg(this, &endpoint_test::transport_dbg,
						   static_cast<int>(index));
}

tlm::tlm_target_socket<> &endpoint_test::bar_socket(unsigned index)
{
	return bars[index]->socket;
}

void endpoint_test::reset(kit::reset_kind)
{
	resets++;
	effects = 0;
	jobs.clear();
	set_status(0);
	regs.reset();
}

void endpoint_test::b_transport(int index, tlm::tlm_generic_payload &payload,
				sc_core::sc_time &delay)
{
	bar &bar = *bars[index];

	if (index) {
		kit::access_memory(payload, bar.memory.get(), bar.size);
	} else if (kit::fits(payload, bar.size)) {
		regs.access_payload(payload);
		if (payload.is_read())
			delay += latency;
	}
}

unsigned endpoint_test::transport_dbg(int index, tlm::tlm_generic_payload &payload)
{
	bar &bar = *bars[index];

	if (index)
		return kit::debug_memory(payload, bar.memory.get(), bar.size);
	if (!kit::inside(payload, bar.size))
		return 0;
	regs.access_debug(payload);
	return payload.get_data_length();
}

static uint64_t join(uint32_t upper, uint32_t lower)
{
	return static_cast<uint64_t>(upper) << 32 | lower;
}

endpoint_test::job endpoint_test::snapshot()
{
	return { regs[COMMAND], regs[SIZE], regs[CHECKSUM], regs[IRQ_TYPE], regs[IRQ_NUMBER],
		 join(regs[UPPER_SRC_ADDR], regs[LOWER_SRC_ADDR]),
		 join(regs[UPPER_DST_ADDR], regs[LOWER_DST_ADDR]) };
}

void endpoint_test::command_written(uint32_t)
{
	if (jobs.size() < jobs_max)
		jobs.push_back(snapshot());
	regs[COMMAND] = 0;
	set_status(0);
	job_written.notify(sc_core::SC_ZERO_TIME);
}

void endpoint_test::run_jobs()
{
	for (;;) {
		while (jobs.empty())
			wait(job_written);

		job next = jobs.front();
		jobs.pop_front();
		run(next);
	}
}

void endpoint_test::run(const job &job)
{
	static const struct {
		uint32_t command, irq_type;
	} raises[] = { { RAISE_INTX, IRQ_INTX }, { RAISE_MSI, IRQ_MSI }, { RAISE_MSIX, IRQ_MSIX } };
	unsigned resets_before = resets;

	set_status(0);
	set_fault(0);
	if (job.command & (DO_READ | DO_WRITE | DO_COPY)) {
		uint64_t fault = 0;
		uint32_t result = transfer(job, fault);

		if (resets != resets_before)
			return;
		set_fault(fault);
		set_status(regs[STATUS] | result);
		interrupt(job.irq_type, job.irq_number);
	}
	for (const auto &raise : raises)
		if (job.command & raise.command)
			interrupt(raise.irq_type, job.irq_number);
}

uint32_t endpoint_test::transfer(const job &job, uint64_t &fault)
{
	uint32_t result = 0;

	if (job.command & DO_READ)
		result |= do_read(job, fault);
	if (job.command & DO_WRITE)
		result |= do_write(job, fault);
	if (job.command & DO_COPY)
		result |= do_copy(job, fault);
	return result;
}

// Calls step(offset, bytes) chunk by chunk until one fails; so does a size beyond the limit.
template<class Step>
static bool each_chunk(uint32_t size, Step step)
{
	if (!size || size > transfer_max)
		return false;
	for (uint32_t done = 0; done < size; done += chunk)
		if (!step(done, std::min<uint32_t>(size - done, chunk)))
			return false;
	return true;
}

// Keeps in result why a DMA failed. Returns whether it succeeded.
static bool check(tlm::tlm_response_status response, uint32_t address_invalid, uint32_t &result)
{
	if (response == TLM_ADDRESS_ERROR_RESPONSE)
		result |= address_invalid;
	return response == TLM_OK_RESPONSE;
}

uint32_t endpoint_test::do_read(const job &job, uint64_t &fault)
{
	uint32_t crc = ~0u, result = 0;
	bool ok = each_chunk(job.size, [&](uint32_t offset, uint32_t len) {
		if (!check(dma_read(job.src + offset, buffer.data(), len, &fault), SRC_ADDR_INVALID,
			   result))
			return false;
		crc = kit::crc32_le(crc, buffer.data(), len);
		return true;
	});

	return result | (ok && crc == job.checksum ? READ_SUCCESS : READ_FAIL);
}

// Bytes that look random, and differ from chunk to chunk and command to command.
static void fill(uint8_t *data, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761u | 1;

	while (len--) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		*data++ = static_cast<uint8_t>(x);
	}
}

uint32_t endpoint_test::do_write(const job &job, uint64_t &fault)
{
	uint32_t crc = ~0u, result = 0;
	unsigned resets_before = resets;
	bool ok = each_chunk(job.size, [&](uint32_t offset, uint32_t len) {
		fill(buffer.data(), len, ++fills);
		crc = kit::crc32_le(crc, buffer.data(), len);
		return check(dma_write(job.dst + offset, buffer.data(), len, &fault),
			     DST_ADDR_INVALID, result);
	});

	if (ok && resets == resets_before)
		regs[CHECKSUM] = crc;
	return result | (ok ? WRITE_SUCCESS : WRITE_FAIL);
}

uint32_t endpoint_test::do_copy(const job &job, uint64_t &fault)
{
	uint32_t result = 0;
	bool ok = each_chunk(job.size, [&](uint32_t offset, uint32_t len) {
		return check(dma_read(job.src + offset, buffer.data(), len, &fault),
			     SRC_ADDR_INVALID, result) &&
		       check(dma_write(job.dst + offset, buffer.data(), len, &fault),
			     DST_ADDR_INVALID, result);
	});

	return result | (ok ? COPY_SUCCESS : COPY_FAIL);
}

/*
 * Waits inside the read, in the process that serves it: several may be here at
 * once, each with its own job and buffer.
 */
uint32_t endpoint_test::read_effect()
{
	uint32_t error = run_effect(snapshot());

	if (error == EFFECT_OK)
		effects++;
	return error << 16 | effects;
}

uint32_t endpoint_test::run_effect(const job &job)
{
	if (!job.size || job.size > effect_max)
		return EFFECT_SIZE;

	std::vector<uint8_t> data(job.size);

	if (dma_read(job.src, data.data(), data.size()) != TLM_OK_RESPONSE)
		return EFFECT_SRC;
	if (dma_write(job.dst, data.data(), data.size()) != TLM_OK_RESPONSE)
		return EFFECT_DST;
	return kit::irq_accepted(raise(IRQ_MSIX, job.irq_number)) ? EFFECT_OK : EFFECT_IRQ;
}

// The driver acknowledges an interrupt by writing STATUS back without IRQ_RAISED.
void endpoint_test::set_status(uint32_t value)
{
	regs[STATUS] = value;
	if (line && !(value & IRQ_RAISED)) {
		line = false;
		irq->intx(false);
	}
}

void endpoint_test::set_fault(uint64_t addr)
{
	regs[LOWER_FAULT_ADDR] = static_cast<uint32_t>(addr);
	regs[UPPER_FAULT_ADDR] = static_cast<uint32_t>(addr >> 32);
}

void endpoint_test::interrupt(uint32_t type, uint32_t number)
{
	set_status(regs[STATUS] | IRQ_RAISED);
	if (!kit::irq_accepted(raise(type, number)))
		set_status(regs[STATUS] & ~IRQ_RAISED);
}

// number counts from 1 for MSI and MSI-X.
kit::irq_result endpoint_test::raise(uint32_t type, uint32_t number)
{
	if (type == IRQ_INTX) {
		line = true;
		return irq->intx(true);
	}
	if (!number || type > IRQ_MSIX)
		return kit::irq_result::no_vector;
	return type == IRQ_MSI ? irq->msi(number - 1) : irq->msix(number - 1);
}

static std::unique_ptr<kit::pcie_function> create(const kit::option_values &values)
{
	return std::make_unique<endpoint_test>("endpoint_test", parse_test_options(values));
}

const kit::model_type endpoint_test_model = {
	"endpoint-test",
	"what Linux' pci_endpoint_test drives: DMA, checksums, INTx, MSI, MSI-X",
	&test_option_list,
	create,
};

} // namespace endpoint_test
