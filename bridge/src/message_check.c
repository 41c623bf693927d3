/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include <tlpbridge/err.h>

#include "message_check.h"

int tlpb__message_check(const struct tlpb_tlp *msg, unsigned mps)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len;

	if ((msg->kind != TLPB_MSG && msg->kind != TLPB_MSGD) || msg->payload_len > TLPB_MAX_PAYLOAD)
		return TLPB_ERR_INVALID;
	len = tlpb_tlp_pack(msg, bytes, sizeof bytes);
	if (len < 0)
		return len;
	return tlpb_tlp_check(bytes, (size_t)len, mps) ? TLPB_ERR_MALFORMED : 0;
}

/* Who sends which (2.2.8.1 to 2.2.8.10); codes that are not here are nobody's. */
static const struct {
	uint8_t first, last;	/* codes, both included */
	bool up, down;
} directions[] = {
	{ TLPB_MSG_UNLOCK, TLPB_MSG_UNLOCK, false, true },
	{ TLPB_MSG_LTR, TLPB_MSG_LTR, true, false },
	{ 0x12, 0x12, false, true },			/* OBFF */
	{ 0x14, 0x14, false, true },			/* PM_Active_State_Nak */
	{ TLPB_MSG_PM_PME, TLPB_MSG_PM_PME, true, false },
	{ TLPB_MSG_PME_TURN_OFF, TLPB_MSG_PME_TURN_OFF, false, true },
	{ TLPB_MSG_PME_TO_ACK, TLPB_MSG_PME_TO_ACK, true, false },
	{ TLPB_MSG_ASSERT_INTA, TLPB_MSG_DEASSERT_INTA + 3, true, false },
	{ TLPB_MSG_ERR_COR, TLPB_MSG_ERR_NONFATAL, true, false },
	{ TLPB_MSG_ERR_FATAL, TLPB_MSG_ERR_FATAL, true, false },
	{ TLPB_MSG_SET_SLOT_POWER_LIMIT, TLPB_MSG_SET_SLOT_POWER_LIMIT, false, true },
	{ 0x52, 0x52, true, false },			/* PTM request */
	{ 0x53, 0x53, false, true },			/* PTM response */
	{ TLPB_MSG_VENDOR_TYPE0, TLPB_MSG_VENDOR_TYPE1, true, true },
};

bool tlpb__message_goes_up(const struct tlpb_tlp *msg)
{
	for (unsigned i = 0; i < sizeof directions / sizeof directions[0]; i++)
		if (msg->message_code >= directions[i].first &&
		    msg->message_code <= directions[i].last)
			return directions[i].up && msg->routing != TLPB_ROUTE_BROADCAST;
	return false;
}

bool tlpb__message_goes_down(const struct tlpb_tlp *msg)
{
	for (unsigned i = 0; i < sizeof directions / sizeof directions[0]; i++)
		if (msg->message_code >= directions[i].first &&
		    msg->message_code <= directions[i].last)
			return directions[i].down && msg->routing != TLPB_ROUTE_TO_ROOT;
	return false;
}

bool tlpb__message_must_be_known(const struct tlpb_tlp *msg)
{
	return msg->message_code != TLPB_MSG_VENDOR_TYPE1;
}
