/* SPDX-License-Identifier: MIT */
/*
 * Raw mode: the model takes and gives TLPs itself. Only the link, resets and,
 * if it wants so, config space are the endpoint's.
 */
#include "ep_private.h"

enum {
	RAW_QUEUED_MAX = 1024 * 1024,	/* bytes that the host did not take yet */
	RAW_WAITING_MAX = 64 * 1024,	/* of one class, without credits or behind others */
};

bool tlpb__ep_is_raw(const tlpb_ep *ep)
{
	return ep->ops.tlp != NULL;
}

bool tlpb__ep_raw_tlp(tlpb_ep *ep, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	if (!tlpb__ep_is_raw(ep) || (ep->keep_config && tlpb__ep_is_config(tlp)))
		return false;
	ep->ops.tlp(ep->ctx, tlp, frame->time_ps);
	return true;
}

/* One class does not use up the room of another: what may pass must be able to. */
static bool is_full(const tlpb_ep *ep, enum tlpb_tlp_class cls)
{
	return tlpb__link_backlog(ep->link) >= RAW_QUEUED_MAX ||
	       tlpb__link_waiting(ep->link, cls) >= RAW_WAITING_MAX;
}

void tlpb__ep_raw_room(tlpb_ep *ep)
{
	if (!ep->raw_waits || is_full(ep, ep->raw_waits_for))
		return;
	ep->raw_waits = false;
	if (ep->ops.tlp_ready)
		ep->ops.tlp_ready(ep->ctx);
}

int tlpb__ep_raw_process(tlpb_ep *ep)
{
	int handled = 0;

	while (!ep->raw_held && (handled < TLPB__LINK_BURST || tlpb__link_mid_message(ep->link)) &&
	       tlpb__link_process_one(ep->link) > 0)
		handled++;
	if (tlpb__link_state(ep->link) != LINK_DOWN) {
		tlpb__link_flush_now(ep->link);
		tlpb__ep_raw_room(ep);
	}
	return handled;
}

void tlpb_ep_hold_tlps(tlpb_ep *ep, bool hold)
{
	ep->raw_held = hold;
}

/* Without keep_config it is the model that knows what software wrote to Max_Payload_Size. */
static unsigned largest_payload(const tlpb_ep *ep)
{
	return ep->keep_config ? tlpb__ep_mps(ep->f0) : tlpb__link_peer(ep->link)->mps;
}

static enum tlpb_rule broken_rule(const tlpb_ep *ep, const uint8_t *bytes, int len)
{
	return tlpb_tlp_check(bytes, (size_t)len, largest_payload(ep));
}

/* Messages and completions do not need Bus Master Enable (7.5.1.1.3). */
static bool needs_bus_master(const struct tlpb_tlp *tlp)
{
	return tlpb_kind_class(tlp->kind) != TLPB_COMPLETION &&
	       tlp->kind != TLPB_MSG && tlp->kind != TLPB_MSGD;
}

static int may_send(tlpb_ep *ep, const struct tlpb_tlp *tlp, enum tlpb_rule *rule)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	if (len < 0)
		return len;
	*rule = broken_rule(ep, bytes, len);
	if (*rule)
		return TLPB_ERR_MALFORMED;
	if (ep->keep_config && needs_bus_master(tlp) && !tlpb__config_bus_master(&ep->f0->config))
		return TLPB_ERR_BUS_MASTER_OFF;
	return 0;
}

int tlpb_ep_send_tlp(tlpb_ep *ep, const struct tlpb_tlp *tlp, enum tlpb_rule *rule)
{
	enum tlpb_rule unasked;
	int err;

	if (!rule)
		rule = &unasked;
	*rule = TLPB_RULE_NONE;
	if (!tlpb__ep_is_raw(ep))
		return TLPB_ERR_INVALID;
	if (!tlpb_ep_is_up(ep))
		return TLPB_ERR_CLOSED;
	err = may_send(ep, tlp, rule);
	if (err)
		return err;
	if (is_full(ep, tlpb_kind_class(tlp->kind))) {
		ep->raw_waits = true;
		ep->raw_waits_for = tlpb_kind_class(tlp->kind);
		return TLPB_ERR_AGAIN;
	}
	err = tlpb__link_send_tlp(ep->link, tlp, 0);
	tlpb__link_flush(ep->link);
	return err;
}
