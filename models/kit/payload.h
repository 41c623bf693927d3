// SPDX-License-Identifier: MIT
/*
 * Byte lanes of a generic payload, for targets that look like memory.
 *
 * Threads: the SystemC thread, any process or none; nothing waits. Errors go into the payload's
 * response.
 */
#ifndef KIT_PAYLOAD_H
#define KIT_PAYLOAD_H

#include <cstddef>
#include <cstdint>
#include <tlm>

namespace kit {

// Is byte i of the payload enabled? Byte enables shorter than the data repeat.
bool byte_enabled(const tlm::tlm_generic_payload &payload, size_t i);

// Does it lie within size bytes?
bool inside(const tlm::tlm_generic_payload &payload, uint64_t size);

/*
 * Is there something to move, and can a memory of size bytes do it: inside, and no streaming?
 * Sets the response if not; that of TLM_IGNORE_COMMAND, which moves nothing, is OK.
 */
bool fits(tlm::tlm_generic_payload &payload, uint64_t size);

/*
 * Move the enabled bytes to or from memory of size bytes, which is borrowed, or do the AtomicOp
 * there (atomic_extension.h); sets the response.
 */
void access_memory(tlm::tlm_generic_payload &payload, uint8_t *memory, uint64_t size);

/*
 * The same for transport_dbg(), which knows only command, address, data and length of a payload
 * (IEEE 1666-2011, 14.8). Returns the bytes moved: all, or 0 where they are not inside.
 */
unsigned debug_memory(const tlm::tlm_generic_payload &payload, uint8_t *memory, uint64_t size);

} // namespace kit

#endif
