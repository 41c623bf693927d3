// SPDX-License-Identifier: MIT
#include "tlm_status.h"

namespace tlpb {

static const struct {
	tlm::tlm_response_status response;
	tlpb_cpl_status completion;
} completions[] = {
	{ tlm::TLM_OK_RESPONSE, TLPB_CPL_SC },
	{ tlm::TLM_ADDRESS_ERROR_RESPONSE, TLPB_CPL_UR },
	{ tlm::TLM_COMMAND_ERROR_RESPONSE, TLPB_CPL_UR },
};

static const struct {
	int err;
	tlm::tlm_response_status response;
} responses[] = {
	{ TLPB_OK, tlm::TLM_OK_RESPONSE },
	{ TLPB_ERR_BUS_MASTER_OFF, tlm::TLM_COMMAND_ERROR_RESPONSE },
	{ TLPB_ERR_DISABLED, tlm::TLM_COMMAND_ERROR_RESPONSE },
	{ TLPB_ERR_INVALID, tlm::TLM_BURST_ERROR_RESPONSE },
	{ TLPB_ERR_NO_ADDRESS, tlm::TLM_ADDRESS_ERROR_RESPONSE },
	{ TLPB_ERR_UNSUPPORTED, tlm::TLM_ADDRESS_ERROR_RESPONSE },
	{ TLPB_ERR_ACCESS, tlm::TLM_ADDRESS_ERROR_RESPONSE },
};

tlpb_cpl_status to_completion(tlm::tlm_response_status response)
{
	for (const auto &row : completions)
		if (row.response == response)
			return row.completion;
	return TLPB_CPL_CA;
}

tlm::tlm_response_status to_response(int err)
{
	for (const auto &row : responses)
		if (row.err == err)
			return row.response;
	return tlm::TLM_GENERIC_ERROR_RESPONSE;
}

kit::irq_result to_kit(tlpb_irq_result result)
{
	switch (result) {
	case TLPB_IRQ_SENT: return kit::irq_result::sent;
	case TLPB_IRQ_MASKED: return kit::irq_result::masked;
	case TLPB_IRQ_MERGED: return kit::irq_result::merged;
	case TLPB_IRQ_BUS_MASTER_OFF: return kit::irq_result::bus_master_off;
	case TLPB_IRQ_DISABLED: return kit::irq_result::disabled;
	case TLPB_IRQ_NO_VECTOR: return kit::irq_result::no_vector;
	case TLPB_IRQ_NO_LINK: return kit::irq_result::no_link;
	}
	return kit::irq_result::no_link;
}

kit::reset_kind to_kit(tlpb_reset kind)
{
	switch (kind) {
	case TLPB_RESET_HOT: return kit::reset_kind::hot;
	case TLPB_RESET_FLR: return kit::reset_kind::function_level;
	case TLPB_RESET_POWER: return kit::reset_kind::power;
	default: return kit::reset_kind::system;
	}
}

} // namespace tlpb
