// SPDX-License-Identifier: MIT
#include "registers.h"

#include <stdexcept>
#include <utility>

#include "atomic_extension.h"
#include "payload.h"

namespace kit {

registers::registers(std::vector<register_entry> entries)
{
	for (register_entry &entry : entries)
		cells.push_back({ std::move(entry), 0 });
	reset();
}

uint32_t &registers::operator[](uint32_t offset)
{
	cell *cell = find(offset);

	if (!cell)
		throw std::out_of_range("no register at this offset");
	return cell->value;
}

void registers::reset()
{
	for (cell &cell : cells)
		cell.value = cell.entry.reset;
}

std::vector<register_description> registers::describe(unsigned bar, uint64_t offset) const
{
	std::vector<register_description> list;

	for (const cell &cell : cells)
		list.push_back({ bar, offset + cell.entry.offset, cell.entry.name, cell.entry.text,
				 cell.entry.mode, cell.entry.read_effect, cell.entry.fields });
	return list;
}

registers::cell *registers::find(uint64_t offset)
{
	for (cell &cell : cells)
		if (cell.entry.offset == offset)
			return &cell;
	return nullptr;
}

uint32_t registers::access_word(cell &cell, bool write, uint32_t value)
{
	if (!write)
		return cell.entry.read ? cell.entry.read() : cell.value;
	if (cell.entry.mode != access::ro) {
		cell.value = value;
		if (cell.entry.written)
			cell.entry.written(value);
	}
	return value;
}

uint32_t registers::debug_word(cell &cell, bool write, uint32_t value)
{
	if (write)
		cell.value = value;
	return cell.value;
}

// The bytes of the payload that lie in the word at offset, as a mask of its bits.
static uint32_t lanes(const tlm::tlm_generic_payload &payload, uint64_t offset)
{
	uint32_t mask = 0;

	for (unsigned lane = 0; lane < 4; lane++) {
		uint64_t i = offset + lane - payload.get_address();

		if (i < payload.get_data_length() && byte_enabled(payload, i))
			mask |= 0xffu << 8 * lane;
	}
	return mask;
}

void registers::transfer_word(tlm::tlm_generic_payload &payload, uint64_t offset,
			      word_access access)
{
	uint32_t mask = lanes(payload, offset), value = 0;
	uint64_t first = offset - payload.get_address();	// wraps; used only inside mask
	uint8_t *data = payload.get_data_ptr();
	cell *cell = find(offset);

	if (!mask)
		return;
	for (unsigned lane = 0; lane < 4; lane++)
		if (payload.is_write() && (mask >> 8 * lane & 0xff))
			value |= (uint32_t)data[first + lane] << 8 * lane;
	if (cell)
		value = (this->*access)(*cell, payload.is_write(),
					(cell->value & ~mask) | value);
	for (unsigned lane = 0; lane < 4; lane++)
		if (payload.is_read() && (mask >> 8 * lane & 0xff))
			data[first + lane] = (uint8_t)(value >> 8 * lane);
}

void registers::for_each_word(tlm::tlm_generic_payload &payload, word_access access)
{
	uint64_t begin = payload.get_address();
	uint64_t end = begin + payload.get_data_length();

	for (uint64_t offset = begin & ~UINT64_C(3); offset < end; offset += 4)
		transfer_word(payload, offset, access);
}

void registers::access_payload(tlm::tlm_generic_payload &payload)
{
	if (perform_atomic(payload, [this](auto &part) { access_payload(part); }) ||
	    !fits(payload, UINT64_MAX))
		return;
	for_each_word(payload, &registers::access_word);
	payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void registers::access_debug(tlm::tlm_generic_payload &payload)
{
	for_each_word(payload, &registers::debug_word);
}

} // namespace kit
