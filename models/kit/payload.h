// SPDX-License-Identifier: MIT
/*
 * Byte lanes of a generic payload, for targets that look like memory.
 */
#ifndef KIT_PAYLOAD_H
#define KIT_PAYLOAD_H

#include <cstddef>
#include <cstdint>
#include <tlm>

namespace kit {

// Is byte i of the payload enabled?
bool byte_enabled(const tlm::tlm_generic_payload &payload, size_t i);

// Can a memory of size bytes do it: inside, and no streaming? Sets the response if not.
bool fits(tlm::tlm_generic_payload &payload, uint64_t size);

// Move the enabled bytes to or from memory; sets the response.
void access_memory(tlm::tlm_generic_payload &payload, uint8_t *memory, uint64_t size);

} // namespace kit

#endif
