/* SPDX-License-Identifier: MIT */
/* A link that is checked: every frame goes by the monitor, which names the rules that are broken. */
#include <stdio.h>
#include <string.h>

#include <tlpbridge/log.h>

#include "link_private.h"
#include "monitor.h"

enum { TLP_TEXT = 128 };

int tlpb__link_set_check(struct link *link, enum tlpb_check check)
{
	if (check == TLPB_CHECK_OFF)
		return 0;
	link->monitor = tlpb__monitor_new(link->config.role);
	link->check = check;
	return link->monitor ? 0 : TLPB_ERR_NOMEM;
}

uint64_t tlpb__link_violations(const struct link *link)
{
	return link->monitor ? tlpb__monitor_violations(link->monitor) : 0;
}

void tlpb__link_check_limits(struct link *link)
{
	bool host = link->config.role == TLPB_HOST;
	unsigned own = link->config.mps, peer = link->peer.mps;
	struct monitor_limits limits = {
		.endpoint_mps = host ? peer : own, .host_mps = host ? own : peer,
		.host_rcb = host ? link->config.rcb : link->peer.rcb,
	};

	if (!link->monitor)
		return;
	memcpy(host ? limits.host_credits : limits.endpoint_credits, link->config.credits,
	       sizeof limits.host_credits);
	memcpy(host ? limits.endpoint_credits : limits.host_credits, link->peer.credits,
	       sizeof limits.host_credits);
	tlpb__monitor_limits(link->monitor, &limits);
}

static void describe(const struct frame *frame, char *text, size_t size)
{
	struct tlpb_tlp tlp;

	if (frame->kind != TLPB_FRAME_TLP) {
		snprintf(text, size, "CREDITS");
		return;
	}
	tlpb_tlp_unpack(frame->body, frame->length, &tlp);
	tlpb_tlp_text(&tlp, text, size);
}

static void tell(struct link *link, bool to_device, const char *text, const char *rule,
		 const char *what)
{
	const char *sender = to_device ? "host" : "device";

	tlpb_log(TLPB_LOG_WARNING, "%s: check: the %s broke %s (%s): %s", link->name, sender, rule,
		 what, text);
	if (link->check == TLPB_CHECK_FATAL)
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "check: the %s broke %s (%s): %s", sender,
				rule, what, text);
}

static const char *judge(struct monitor *m, bool to_device, const struct frame *frame,
			 const char **what)
{
	uint16_t limits[TLPB_POOLS];

	if (frame->kind == TLPB_FRAME_TLP)
		return tlpb__monitor_tlp(m, to_device, frame->body, frame->length, what);
	if (frame->kind == TLPB_FRAME_CREDITS &&
	    !tlpb__credits_decode(frame->body, frame->length, limits))
		return tlpb__monitor_update(m, to_device, limits, what);
	return NULL;
}

void tlpb__link_check(struct link *link, const struct frame *frame, bool outbound)
{
	bool to_device = (link->config.role == TLPB_HOST) == outbound;
	const char *rule, *what = "";
	char text[TLP_TEXT];

	if (frame->kind == TLPB_FRAME_RESET)
		tlpb__monitor_reset(link->monitor);
	if (link->state != LINK_UP)
		return;
	rule = judge(link->monitor, to_device, frame, &what);
	if (!rule)
		return;
	describe(frame, text, sizeof text);
	tell(link, to_device, text, rule, what);
}

/* Does one that waits in the transmit queue, given before, forbid it? */
static bool queue_forbids(const struct tx_queue *q, const struct queued_tlp *leaving)
{
	const struct queued_tlp *earlier;

	for (unsigned cls = 0; cls < TX_CLASSES; cls++)
		TAILQ_FOREACH(earlier, &q->list[cls], entry)
			if ((int32_t)(earlier->issue - leaving->issue) < 0 &&
			    tlpb_may_pass(&leaving->order, &earlier->order) == TLPB_ORDER_MUST_NOT)
				return true;
	return false;
}

void tlpb__link_check_order(struct link *link, const struct queued_tlp *leaving)
{
	struct frame frame = { .kind = TLPB_FRAME_TLP, .body = leaving->bytes,
			       .length = (uint32_t)leaving->len };
	char text[TLP_TEXT];

	if (!queue_forbids(&link->waiting, leaving) &&
	    !tlpb__link_inject_holds(link, leaving->issue, &leaving->order))
		return;
	tlpb__monitor_note(link->monitor);
	describe(&frame, text, sizeof text);
	tell(link, link->config.role == TLPB_HOST, text, "ORDERING", "passed one that it must not pass");
}
