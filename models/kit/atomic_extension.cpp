// SPDX-License-Identifier: MIT
#include "atomic_extension.h"

#include <algorithm>

namespace kit {

atomic_extension *atomic_of(const tlm::tlm_generic_payload &payload)
{
	if (payload.get_command() != tlm::TLM_IGNORE_COMMAND)
		return nullptr;
	return payload.get_extension<atomic_extension>();
}

static void add(uint8_t *value, const uint8_t *operand, size_t len)
{
	unsigned carry = 0;

	for (size_t i = 0; i < len; i++) {
		carry += value[i] + operand[i];
		value[i] = static_cast<uint8_t>(carry);
		carry >>= 8;
	}
}

// False: nothing is to be stored.
static bool new_value(const atomic_extension &atomic, const uint8_t *old, size_t len, uint8_t *value)
{
	if (atomic.op == atomic_op::compare_and_swap && !std::equal(old, old + len, atomic.compare.begin()))
		return false;
	std::copy_n(atomic.op == atomic_op::fetch_add ? old : atomic.operand.data(), len, value);
	if (atomic.op == atomic_op::fetch_add)
		add(value, atomic.operand.data(), len);
	return true;
}

static void run(tlm::tlm_generic_payload &payload, tlm::tlm_command command, uint8_t *data,
		const std::function<void(tlm::tlm_generic_payload &)> &access)
{
	tlm::tlm_generic_payload part;

	part.set_command(command);
	part.set_address(payload.get_address());
	part.set_data_ptr(data);
	part.set_data_length(payload.get_data_length());
	part.set_streaming_width(payload.get_data_length());
	part.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
	access(part);
	payload.set_response_status(part.get_response_status());
}

bool perform_atomic(tlm::tlm_generic_payload &payload,
		    const std::function<void(tlm::tlm_generic_payload &)> &access)
{
	atomic_extension *atomic = atomic_of(payload);
	std::array<uint8_t, atomic_extension::max_size> value;
	size_t len = payload.get_data_length();

	if (!atomic)
		return false;
	if (len > value.size()) {
		payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
		return true;
	}
	run(payload, tlm::TLM_READ_COMMAND, atomic->old.data(), access);
	if (payload.is_response_ok() && new_value(*atomic, atomic->old.data(), len, value.data()))
		run(payload, tlm::TLM_WRITE_COMMAND, value.data(), access);
	atomic->done = payload.is_response_ok();
	return true;
}

} // namespace kit
