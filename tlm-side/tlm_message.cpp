// SPDX-License-Identifier: MIT
#include "tlm_message.h"

#include <tlpbridge/err.h>

namespace tlpb {

tlpb_tlp to_tlp(const kit::message &message)
{
	bool by_id = message.routing == kit::message_routing::by_id;
	tlpb_tlp tlp = {};

	tlp.kind = message.data.empty() ? TLPB_MSG : TLPB_MSGD;
	tlp.hdr_4dw = true;
	tlp.tc = message.tc;
	tlp.message_code = message.code;
	tlp.routing = static_cast<uint8_t>(message.routing);
	tlp.dw2 = (by_id ? static_cast<uint32_t>(message.target_id) << 16 : 0) | message.vendor_id;
	tlp.dw3 = message.word;
	tlp.payload = message.data.data();
	tlp.payload_len = message.data.size();
	tlp.length_dw = static_cast<uint16_t>(message.data.size() / 4);
	return tlp;
}

kit::message to_message(const tlpb_tlp &tlp)
{
	kit::message message;

	message.code = tlp.message_code;
	message.routing = static_cast<kit::message_routing>(tlp.routing);
	message.requester_id = tlp.requester_id;
	if (message.routing == kit::message_routing::by_id)
		message.target_id = static_cast<uint16_t>(tlp.dw2 >> 16);
	message.vendor_id = static_cast<uint16_t>(tlp.dw2);
	message.word = tlp.dw3;
	message.tc = tlp.tc;
	message.data.assign(tlp.payload, tlp.payload + tlp.payload_len);
	return message;
}

kit::message_result to_message_result(int err)
{
	switch (err) {
	case TLPB_OK: return kit::message_result::sent;
	case TLPB_ERR_DISABLED: return kit::message_result::disabled;
	case TLPB_ERR_CLOSED: return kit::message_result::no_link;
	default: return kit::message_result::invalid;
	}
}

} // namespace tlpb
