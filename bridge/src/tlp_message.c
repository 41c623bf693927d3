/* SPDX-License-Identifier: MIT */
#include <tlpbridge/message.h>

#include "bytes.h"

struct tlpb_tlp tlpb_vendor_message_tlp(const struct tlpb_vendor_message *v)
{
	bool by_id = v->routing == TLPB_ROUTE_BY_ID;

	return (struct tlpb_tlp){
		.kind = v->len ? TLPB_MSGD : TLPB_MSG, .hdr_4dw = true, .routing = v->routing,
		.message_code = (uint8_t)(v->type ? TLPB_MSG_VENDOR_TYPE1 : TLPB_MSG_VENDOR_TYPE0),
		.dw2 = (by_id ? (uint32_t)v->target_id << 16 : 0) | v->vendor_id, .dw3 = v->word,
		.payload = v->data, .payload_len = v->len, .length_dw = (uint16_t)(v->len / 4),
	};
}

bool tlpb_vendor_message_read(const struct tlpb_tlp *tlp, struct tlpb_vendor_message *v)
{
	if ((tlp->kind != TLPB_MSG && tlp->kind != TLPB_MSGD) ||
	    (tlp->message_code != TLPB_MSG_VENDOR_TYPE0 &&
	     tlp->message_code != TLPB_MSG_VENDOR_TYPE1))
		return false;
	*v = (struct tlpb_vendor_message){
		.type = tlp->message_code == TLPB_MSG_VENDOR_TYPE1, .vendor_id = (uint16_t)tlp->dw2,
		.routing = tlp->routing, .word = tlp->dw3, .data = tlp->payload,
		.target_id = tlp->routing == TLPB_ROUTE_BY_ID ? (uint16_t)(tlp->dw2 >> 16) : 0,
		.len = tlp->payload_len,
	};
	return true;
}

struct tlpb_tlp tlpb_ltr_tlp(uint16_t snoop, uint16_t no_snoop)
{
	return (struct tlpb_tlp){
		.kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_LOCAL,
		.message_code = TLPB_MSG_LTR, .dw3 = (uint32_t)no_snoop << 16 | snoop,
	};
}

struct tlpb_tlp tlpb_slot_power_limit_tlp(uint16_t limit, uint8_t dw[4])
{
	put_le32(dw, limit & 0x3ffu);
	return (struct tlpb_tlp){
		.kind = TLPB_MSGD, .hdr_4dw = true, .routing = TLPB_ROUTE_LOCAL,
		.message_code = TLPB_MSG_SET_SLOT_POWER_LIMIT,
		.payload = dw, .payload_len = 4, .length_dw = 1,
	};
}
