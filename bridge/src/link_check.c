/* SPDX-License-Identifier: MIT */
/* A link that is checked: every frame goes by the monitor, which names the rules that are broken. */
#include <tlpbridge/log.h>

#include "link_private.h"
#include "monitor.h"

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

	if (link->monitor)
		tlpb__monitor_limits(link->monitor, host ? peer : own, host ? own : peer,
				     host ? link->config.rcb : link->peer.rcb);
}

static void tell(struct link *link, bool to_device, const struct frame *frame, const char *rule,
		 const char *what)
{
	const char *sender = to_device ? "host" : "device";
	struct tlpb_tlp tlp;
	char text[128];

	tlpb_tlp_unpack(frame->body, frame->length, &tlp);
	tlpb_tlp_text(&tlp, text, sizeof text);
	tlpb_log(TLPB_LOG_WARNING, "%s: check: the %s broke %s (%s): %s", link->name, sender, rule,
		 what, text);
	if (link->check == TLPB_CHECK_FATAL)
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "check: the %s broke %s (%s): %s", sender,
				rule, what, text);
}

void tlpb__link_check(struct link *link, const struct frame *frame, bool outbound)
{
	bool to_device = (link->config.role == TLPB_HOST) == outbound;
	const char *rule, *what = "";

	if (frame->kind == TLPB_FRAME_RESET)
		tlpb__monitor_reset(link->monitor);
	if (frame->kind != TLPB_FRAME_TLP || link->state != LINK_UP)
		return;
	rule = tlpb__monitor_tlp(link->monitor, to_device, frame->body, frame->length, &what);
	if (rule)
		tell(link, to_device, frame, rule, what);
}
