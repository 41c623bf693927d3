// SPDX-License-Identifier: MIT
#include "payload.h"

#include <cstring>

#include "atomic_extension.h"

namespace kit {

bool byte_enabled(const tlm::tlm_generic_payload &payload, size_t i)
{
	const unsigned char *enable = payload.get_byte_enable_ptr();

	return !enable || enable[i % payload.get_byte_enable_length()] == TLM_BYTE_ENABLED;
}

bool inside(const tlm::tlm_generic_payload &payload, uint64_t size)
{
	return payload.get_address() <= size &&
	       payload.get_data_length() <= size - payload.get_address();
}

bool fits(tlm::tlm_generic_payload &payload, uint64_t size)
{
	if (payload.get_command() == tlm::TLM_IGNORE_COMMAND)
		payload.set_response_status(tlm::TLM_OK_RESPONSE);
	else if (!inside(payload, size))
		payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
	else if (payload.get_streaming_width() < payload.get_data_length())
		payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
	else
		return true;
	return false;
}

static void copy(uint8_t *memory, uint8_t *data, size_t len, bool write)
{
	if (write)
		memcpy(memory, data, len);
	else
		memcpy(data, memory, len);
}

void access_memory(tlm::tlm_generic_payload &payload, uint8_t *memory, uint64_t size)
{
	uint8_t *data = payload.get_data_ptr();
	size_t len = payload.get_data_length();
	bool write = payload.is_write();

	if (perform_atomic(payload, [=](auto &part) { access_memory(part, memory, size); }) ||
	    !fits(payload, size))
		return;
	memory += payload.get_address();
	if (!payload.get_byte_enable_ptr())
		copy(memory, data, len, write);
	else
		for (size_t i = 0; i < len; i++)
			if (byte_enabled(payload, i))
				copy(memory + i, data + i, 1, write);
	payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

unsigned debug_memory(const tlm::tlm_generic_payload &payload, uint8_t *memory, uint64_t size)
{
	unsigned len = payload.get_data_length();

	if (!len || payload.get_command() == tlm::TLM_IGNORE_COMMAND || !inside(payload, size))
		return 0;
	copy(memory + payload.get_address(), payload.get_data_ptr(), len, payload.is_write());
	return len;
}

} // namespace kit
