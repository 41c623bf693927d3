// SPDX-License-Identifier: MIT
#include "edu.h"

#include <algorithm>
#include <cstring>

#include "kit/payload.h"

namespace edu {

enum : uint32_t { identification = 0x010000ed };	// version 1.0
enum : uint64_t { nothing_here = UINT64_MAX };
enum { narrow = 4, piece_max = 8 };			// bytes of an access

// What QEMU's specification calls them.
static std::vector<kit::register_description> register_names()
{
	using kit::access;

	return {
		{ 0, IDENTIFICATION, "IDENTIFICATION", "version of the device", access::ro, false,
		  { { "MINOR", 16, 8 }, { "MAJOR", 24, 8 } } },
		{ 0, LIVENESS, "LIVENESS", "reads as the inverse of what was written", access::rw, false, {} },
		{ 0, FACTORIAL, "FACTORIAL", "a write of n starts to compute n! modulo 2^32", access::rw, false, {} },
		{ 0, STATUS, "STATUS", "of the factorial", access::rw, false,
		  { { "COMPUTING", 0, 1 }, { "IRQ", 7, 1 } } },
		{ 0, IRQ_STATUS, "IRQ_STATUS", "pending causes", access::ro, false,
		  { { "FACTORIAL", 0, 1 }, { "DMA", 8, 1 } } },
		{ 0, IRQ_RAISE, "IRQ_RAISE", "sets causes and interrupts", access::wo, false, {} },
		{ 0, IRQ_ACKNOWLEDGE, "IRQ_ACKNOWLEDGE", "clears causes", access::wo, false, {} },
		{ 0, DMA_SOURCE, "DMA_SOURCE", "bus address, or a place in the buffer", access::rw, false,
		  {}, 64 },
		{ 0, DMA_DESTINATION, "DMA_DESTINATION", "likewise", access::rw, false, {}, 64 },
		{ 0, DMA_COUNT, "DMA_COUNT", "bytes", access::rw, false, {}, 64 },
		{ 0, DMA_COMMAND, "DMA_COMMAND", "what the DMA engine does", access::rw, false,
		  { { "START", 0, 1 }, { "TO_RAM", 1, 1 }, { "IRQ", 2, 1 } }, 64 },
	};
}

edu::edu(sc_core::sc_module_name name, const edu_options &its_options)
	: pcie_function(name, its_options.function), bar0("bar0"), options(its_options)
{
	name_registers(register_names());
	bar0.register_b_transport(this, &edu::b_transport);
	bar0.register_transport_dbg(this, &edu::transport_dbg);
	SC_HAS_PROCESS(edu);
	SC_THREAD(run_factorial);
	SC_THREAD(run_dma);
}

tlm::tlm_target_socket<> &edu::bar_socket(unsigned)
{
	return bar0;
}

void edu::reset(kit::reset_kind)
{
	resets++;
	regs = {};
	buffer.fill(0);
	acknowledge(0);
}

// Calls take(i, bytes) for each naturally aligned piece of enabled bytes from payload byte i on.
template<class Take>
static void each_piece(const tlm::tlm_generic_payload &payload, Take take)
{
	uint64_t len = payload.get_data_length(), end;

	for (uint64_t i = 0; i < len; i = std::max(i + 1, end)) {
		for (end = i; end < len && kit::byte_enabled(payload, end);)
			end++;
		for (uint64_t at = i; at < end;) {
			unsigned bytes = piece_max;

			while ((payload.get_address() + at) % bytes || bytes > end - at)
				bytes /= 2;
			take(at, bytes);
			at += bytes;
		}
	}
}

static uint64_t load(const uint8_t *data, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | data[bytes];
	return value;
}

static void store(uint8_t *data, unsigned bytes, uint64_t value)
{
	for (; bytes--; value >>= 8)
		*data++ = static_cast<uint8_t>(value);
}

void edu::access(tlm::tlm_generic_payload &payload)
{
	uint8_t *data = payload.get_data_ptr();
	uint64_t base = payload.get_address();

	each_piece(payload, [&](uint64_t i, unsigned bytes) {
		if (payload.is_write())
			write(base + i, bytes, load(data + i, bytes));
		else
			store(data + i, bytes, read(base + i, bytes));
	});
}

void edu::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &)
{
	if (!kit::fits(payload, options.function.bar_table[0].size))
		return;
	access(payload);
	payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

// Reads have no side effect; for writing there is no debug access.
unsigned edu::transport_dbg(tlm::tlm_generic_payload &payload)
{
	if (!payload.is_read() || !kit::inside(payload, options.function.bar_table[0].size))
		return 0;
	access(payload);
	return payload.get_data_length();
}

// Accesses of 1 and 2 bytes are refused, 8 bytes below 0x80 meet nothing.
uint64_t edu::read(uint64_t offset, unsigned size) const
{
	if (size < narrow)
		return 0;
	if (size > narrow && offset < wide)
		return nothing_here;
	switch (offset) {
	case IDENTIFICATION: return identification;
	case LIVENESS: return regs.liveness;
	case FACTORIAL: return regs.factorial;
	case STATUS: return regs.status;
	case IRQ_STATUS: return regs.irq_status;
	case DMA_SOURCE: return regs.source;
	case DMA_DESTINATION: return regs.destination;
	case DMA_COUNT: return regs.count;
	case DMA_COMMAND: return regs.command;
	default: return nothing_here;
	}
}

void edu::write(uint64_t offset, unsigned size, uint64_t value)
{
	if (size < narrow)
		return;
	if (offset >= wide)
		write_dma(offset, value);
	else if (size == narrow)
		write_narrow(offset, static_cast<uint32_t>(value));
}

void edu::write_narrow(uint64_t offset, uint32_t value)
{
	switch (offset) {
	case LIVENESS: regs.liveness = ~value; break;
	case FACTORIAL: write_factorial(value); break;
	case STATUS: regs.status = (regs.status & COMPUTING) | (value & STATUS_IRQ); break;
	case IRQ_RAISE: raise(value); break;
	case IRQ_ACKNOWLEDGE: acknowledge(value); break;
	}
}

// While a transfer runs its registers keep their values.
void edu::write_dma(uint64_t offset, uint64_t value)
{
	if (transferring())
		return;
	switch (offset) {
	case DMA_SOURCE: regs.source = value; break;
	case DMA_DESTINATION: regs.destination = value; break;
	case DMA_COUNT: regs.count = value; break;
	case DMA_COMMAND: write_command(value); break;
	}
}

void edu::write_factorial(uint32_t value)
{
	if (computing())
		return;
	regs.factorial = value;
	regs.status |= COMPUTING;
	factorial_written.notify(sc_core::SC_ZERO_TIME);
}

void edu::write_command(uint64_t value)
{
	if (!(value & DMA_START))
		return;
	regs.command = value;
	command_written.notify(sc_core::SC_ZERO_TIME);
}

// Let simulated time pass. False: a reset came meanwhile.
bool edu::pass(const sc_core::sc_time &duration)
{
	sc_core::sc_time end = sc_core::sc_time_stamp() + duration;
	unsigned before = resets;

	while (resets == before && sc_core::sc_time_stamp() < end)
		wait(std::min(options.tick, end - sc_core::sc_time_stamp()));
	return resets == before;
}

// Modulo 2^32: from 34! on all 32 bits are 0, so the loop is short.
static uint32_t factorial(uint32_t n)
{
	uint32_t product = 1;

	for (; n > 1 && product; n--)
		product *= n;
	return product;
}

void edu::run_factorial()
{
	for (;;) {
		while (!computing())
			wait(factorial_written);
		if (!pass(options.factorial_time))
			continue;
		regs.factorial = factorial(regs.factorial);
		regs.status &= ~COMPUTING;
		if (regs.status & STATUS_IRQ)
			raise(FACTORIAL_DONE);
	}
}

void edu::run_dma()
{
	for (;;) {
		while (!transferring())
			wait(command_written);
		if (!pass(options.dma_time))
			continue;

		unsigned before = resets;
		transfer();
		if (resets != before)
			continue;
		regs.command &= ~static_cast<uint64_t>(DMA_START);
		if (regs.command & DMA_IRQ)
			raise(DMA_DONE);
	}
}

static bool in_buffer(uint64_t address, uint64_t count)
{
	return address >= buffer_base && count <= buffer_size &&
	       address - buffer_base <= buffer_size - count;
}

void edu::transfer()
{
	bool to_ram = regs.command & DMA_TO_RAM;

	if (!regs.count || !in_buffer(to_ram ? regs.source : regs.destination, regs.count))
		return;
	if (to_ram)
		transfer_to_ram();
	else
		transfer_from_ram();
}

// What cannot be read is zero, as if nobody answered on the bus.
void edu::transfer_from_ram()
{
	std::array<uint8_t, buffer_size> data{};
	uint64_t at = regs.destination - buffer_base, count = regs.count;
	unsigned before = resets;

	if (dma_read(regs.source & options.dma_mask, data.data(), count) != tlm::TLM_OK_RESPONSE)
		data.fill(0);
	if (resets == before)
		memcpy(buffer.data() + at, data.data(), count);
}

// What cannot be written is lost: the specification has no register to tell it. The data is
// the transfer's until that is over, and a reset may clear the buffer meanwhile.
void edu::transfer_to_ram()
{
	std::array<uint8_t, buffer_size> data{};

	memcpy(data.data(), buffer.data() + (regs.source - buffer_base), regs.count);
	dma_write(regs.destination & options.dma_mask, data.data(), regs.count);
}

void edu::raise(uint32_t causes)
{
	regs.irq_status |= causes;
	if (!regs.irq_status)
		return;
	if (irq->msi(0) == kit::irq_result::disabled) {
		line = true;
		irq->intx(true);
	}
}

void edu::acknowledge(uint32_t causes)
{
	regs.irq_status &= ~causes;
	if (line && !regs.irq_status) {
		line = false;
		irq->intx(false);
	}
}

static std::unique_ptr<kit::pcie_function> create(const kit::option_values &values)
{
	return std::make_unique<edu>("edu", parse_edu_options(values));
}

const kit::model_type edu_model = {
	"edu",
	"QEMU's educational device: factorials, DMA with a small buffer, INTx, MSI",
	&edu_option_list,
	create,
};

} // namespace edu
