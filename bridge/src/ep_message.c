/* SPDX-License-Identifier: MIT */
/*
 * Messages of an endpoint (2.2.8) but its interrupts. What the specification has every function do
 * is done here: PME_Turn_Off is acknowledged, the slot's power limit captured.
 */
#include <tlpbridge/log.h>
#include <tlpbridge/message.h>

#include "bytes.h"
#include "ep_private.h"
#include "message_check.h"

/* ---- received ---- */

/* People are told once: the peer decides how many come. */
static void tell_unsupported(tlpb_ep *ep, const struct tlpb_tlp *msg)
{
	char text[TEXT_MAX];

	if (ep->unsupported_messages++)
		return;
	tlpb_tlp_text(msg, text, sizeof text);
	tlpb_log(TLPB_LOG_WARNING, "%s: %s: not known here (Unsupported Request)",
		 ep->f0->config.device.name, text);
}

/* By ID it is an error of the function that has it, else of none. */
static bool unsupported(tlpb_ep *ep, const struct tlpb_tlp *msg)
{
	struct function *f = msg->routing == TLPB_ROUTE_BY_ID
			   ? tlpb__function_of_id(ep, (uint16_t)(msg->dw2 >> 16)) : NULL;

	tell_unsupported(ep, msg);
	if (f)
		tlpb__ep_error_request(f, msg, TLPB_CPL_UR);
	else
		tlpb__ep_error_unclaimed(ep, msg);
	return false;
}

/* By ID to the function that has it, the others to the first; NULL: to none. */
static struct function *target(const tlpb_ep *ep, const struct tlpb_tlp *msg)
{
	if (msg->routing == TLPB_ROUTE_BY_ID)
		return tlpb__function_of_id(ep, (uint16_t)(msg->dw2 >> 16));
	return ep->f0;
}

static void acknowledge_turn_off(const tlpb_ep *ep)
{
	const struct tlpb_tlp ack = {
		.kind = TLPB_MSG, .hdr_4dw = true, .requester_id = ep->id,
		.routing = TLPB_ROUTE_GATHER, .message_code = TLPB_MSG_PME_TO_ACK,
	};

	if (ep->link)			/* the model may have ended it */
		tlpb__link_send_tlp(ep->link, &ack, 0);
}

static void capture_power_limit(struct function *f, const struct tlpb_tlp *msg)
{
	if (msg->payload_len && !msg->ep)
		tlpb__config_capture_power(&f->config, get_le32(msg->payload) & 0x3ff);
}

/* Is it one that every endpoint knows? */
static bool is_own(const struct tlpb_tlp *msg)
{
	switch (msg->message_code) {
	case TLPB_MSG_PME_TURN_OFF:
	case TLPB_MSG_SET_SLOT_POWER_LIMIT:
	case TLPB_MSG_UNLOCK:		/* of what is never locked */
		return true;
	default:
		return false;
	}
}

bool tlpb__ep_on_message(tlpb_ep *ep, const struct tlpb_tlp *msg)
{
	struct function *f = target(ep, msg);
	bool goes_down = tlpb__message_goes_down(msg), known = is_own(msg);

	if (goes_down && msg->message_code == TLPB_MSG_SET_SLOT_POWER_LIMIT)
		capture_power_limit(ep->f0, msg);
	if (f && goes_down && f->ops.message && f->ops.message(f->ctx, msg))
		known = true;
	if (goes_down && msg->message_code == TLPB_MSG_PME_TURN_OFF)
		acknowledge_turn_off(ep);
	if ((known && f && goes_down) || !tlpb__message_must_be_known(msg))
		return true;
	return unsupported(ep, msg);
}

/* ---- sent ---- */

static int send(tlpb_ep *ep, const struct function *f, const struct tlpb_tlp *msg)
{
	struct tlpb_tlp tlp = *msg;
	int err;

	if (!f)
		return TLPB_ERR_INVALID;
	if (!tlpb_ep_is_up(ep))
		return TLPB_ERR_CLOSED;
	tlp.requester_id = tlpb__function_id(f);
	err = tlpb__message_check(&tlp, tlpb__ep_mps(f));
	if (err)
		return err;
	err = tlpb__link_send_tlp(ep->link, &tlp, 0);
	tlpb__link_flush(ep->link);
	return err;
}

int tlpb_ep_message(tlpb_ep *ep, const struct tlpb_tlp *msg)
{
	return send(ep, ep->f0, msg);
}

int tlpb_ep_function_message(tlpb_ep *ep, unsigned function, const struct tlpb_tlp *msg)
{
	return send(ep, tlpb__function_at(ep, function), msg);
}

int tlpb_ep_ltr(tlpb_ep *ep, uint16_t snoop, uint16_t no_snoop)
{
	const struct tlpb_tlp tlp = tlpb_ltr_tlp(snoop, no_snoop);

	if (tlpb_ep_is_up(ep) && !tlpb__config_ltr_enabled(&ep->f0->config))
		return TLPB_ERR_DISABLED;
	return send(ep, ep->f0, &tlp);
}
