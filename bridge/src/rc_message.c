/* SPDX-License-Identifier: MIT */
/* Messages of a root complex (2.2.8): from the endpoint, INTx included, and to it. */
#include <tlpbridge/log.h>
#include <tlpbridge/message.h>

#include "message_check.h"
#include "rc_private.h"

/* ---- received ---- */

static bool is_intx(const struct tlpb_tlp *msg)
{
	return msg->message_code >= TLPB_MSG_ASSERT_INTA &&
	       msg->message_code < TLPB_MSG_DEASSERT_INTA + 4;
}

static void on_intx(tlpb_rc *rc, unsigned code)
{
	rc->stats.intx_messages++;
	if (rc->ops.intx)
		rc->ops.intx(rc->ctx, code & 3, code < TLPB_MSG_DEASSERT_INTA);
}

static void unsupported(tlpb_rc *rc, const struct tlpb_tlp *msg)
{
	char text[TEXT_MAX];

	tlpb__rc_error_request(rc, msg, TLPB_CPL_UR);
	if (rc->stats.unsupported_messages++)
		return;		/* said once: the peer decides how many come */
	tlpb_tlp_text(msg, text, sizeof text);
	tlpb_log(TLPB_LOG_WARNING, "%s: %s: not known here (Unsupported Request)",
		 rc->device_name, text);
}

/* Those that an endpoint sends on its own account are no error where the host has no use for them. */
static bool must_be_known(const struct tlpb_tlp *msg)
{
	return msg->message_code == TLPB_MSG_VENDOR_TYPE0 ||
	       (!tlpb__message_goes_up(msg) && tlpb__message_must_be_known(msg));
}

void tlpb__rc_on_message(tlpb_rc *rc, const struct tlpb_tlp *msg)
{
	bool known = false;

	if (is_intx(msg)) {
		on_intx(rc, msg->message_code);
		return;
	}
	rc->stats.other_messages++;
	if (tlpb__message_goes_up(msg) && rc->ops.message)
		known = rc->ops.message(rc->ctx, msg);
	if (!known && must_be_known(msg))
		unsupported(rc, msg);
}

/* ---- sent ---- */

int tlpb_rc_message(tlpb_rc *rc, const struct tlpb_tlp *msg)
{
	unsigned peer = tlpb__link_peer(rc->link)->mps;
	int err;

	if (!tlpb_rc_is_up(rc))
		return TLPB_ERR_CLOSED;
	err = tlpb__message_check(msg, rc->mps < peer ? rc->mps : peer);
	if (err)
		return err;
	tlpb__rc_enter(rc);
	err = tlpb__rc_post(rc, msg);
	tlpb__rc_leave(rc);
	return err;
}

int tlpb_rc_pme_turn_off(tlpb_rc *rc)
{
	const struct tlpb_tlp msg = {
		.kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_BROADCAST,
		.message_code = TLPB_MSG_PME_TURN_OFF,
	};

	return tlpb_rc_message(rc, &msg);
}

int tlpb_rc_slot_power_limit(tlpb_rc *rc, uint16_t limit)
{
	uint8_t dw[4];
	const struct tlpb_tlp msg = tlpb_slot_power_limit_tlp(limit, dw);

	return tlpb_rc_message(rc, &msg);
}
