// SPDX-License-Identifier: MIT
/*
 * How TLM-2.0 responses and the bridge's results translate, both ways, and the
 * same for interrupt results and resets. Tables; any thread.
 */
#ifndef TLM_SIDE_TLM_STATUS_H
#define TLM_SIDE_TLM_STATUS_H

#include <tlm>
#include <tlpbridge/ep.h>

#include "kit/interrupt_if.h"
#include "kit/reset_if.h"

namespace tlpb {

// A model's response to a request, as the completion's status.
tlpb_cpl_status to_completion(tlm::tlm_response_status response);

// The result of DMA (0 or enum tlpb_err), as the response the model gets.
tlm::tlm_response_status to_response(int err);

kit::irq_result to_kit(tlpb_irq_result result);
kit::reset_kind to_kit(tlpb_reset kind);

} // namespace tlpb

#endif
