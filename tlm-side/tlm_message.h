// SPDX-License-Identifier: MIT
/*
 * Messages of models as TLPs, and back. The SystemC thread; nothing waits.
 */
#ifndef TLM_SIDE_TLM_MESSAGE_H
#define TLM_SIDE_TLM_MESSAGE_H

#include <tlpbridge/tlp.h>

#include "kit/message_if.h"

namespace tlpb {

// Its payload is message's, which must live on.
tlpb_tlp to_tlp(const kit::message &message);

kit::message to_message(const tlpb_tlp &tlp);

// What the library's error says of a message that was to be sent.
kit::message_result to_message_result(int err);

} // namespace tlpb

#endif
