// SPDX-License-Identifier: MIT
/*
 * 32-bit little-endian registers, declared as a list:
 *
 *	registers regs({
 *		{ 0x00, "MAGIC", access::rw, 0x12345678 },
 *		{ 0x04, "COMMAND", access::rw, 0, [this](uint32_t v) { start(v); } },
 *	});
 *
 * Accesses may have any length and byte enables. What lies between the
 * registers reads as 0 and ignores writes.
 *
 * Threads: the SystemC thread, any process or none. Only handlers may wait, where the access is in a
 * thread process.
 */
#ifndef KIT_REGISTERS_H
#define KIT_REGISTERS_H

#include <cstdint>
#include <functional>
#include <tlm>
#include <vector>

#include "function_description.h"

namespace kit {

struct register_entry {
	uint32_t offset;		// bytes, a multiple of 4
	const char *name;
	access mode;
	uint32_t reset;
	std::function<void(uint32_t value)> written = {};	// after the value was stored
	std::function<uint32_t()> read = {};			// in place of the stored value

	// For people and tools.
	const char *text = "";		// a line
	std::vector<field_description> fields = {};
	bool read_effect = false;	// read() changes something
};

class registers {
public:
	explicit registers(std::vector<register_entry> entries);

	// The stored value. Throws std::out_of_range for an offset that is not one of the list.
	uint32_t &operator[](uint32_t offset);

	// All stored values become those of the list; no handler is called.
	void reset();

	// What the list says, for pcie_function::name_registers(); they begin at offset of the BAR.
	std::vector<register_description> describe(unsigned bar, uint64_t offset = 0) const;

	/*
	 * Serve a payload whose address is an offset; sets the response: an error for streaming and
	 * for addresses that wrap, else TLM_OK_RESPONSE. Handlers may wait. An AtomicOp
	 * (atomic_extension.h) is a read and a write.
	 */
	void access_payload(tlm::tlm_generic_payload &payload);

	// The same without side effects, for transport_dbg(): no handler is called, no response set.
	void access_debug(tlm::tlm_generic_payload &payload);

private:
	struct cell {
		register_entry entry;
		uint32_t value;
	};

	using word_access = uint32_t (registers::*)(cell &, bool write, uint32_t value);

	cell *find(uint64_t offset);
	uint32_t access_word(cell &cell, bool write, uint32_t value);
	uint32_t debug_word(cell &cell, bool write, uint32_t value);
	void for_each_word(tlm::tlm_generic_payload &payload, word_access access);
	void transfer_word(tlm::tlm_generic_payload &payload, uint64_t offset, word_access access);

	std::vector<cell> cells;
};

} // namespace kit

#endif
