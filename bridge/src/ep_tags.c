/* SPDX-License-Identifier: MIT */
/* Tags of an endpoint's requests, and how long their completions may take (2.8). */
#include "clock.h"
#include "ep_private.h"

int tlpb__ep_take_tag(struct function *f, struct tlpb_tlp *tlp, void *buf, size_t len,
		      tags_done *done, void *arg)
{
	tlpb_ep *ep = f->ep;
	bool timed = ep->timeout_ms && tlpb__config_timeouts(&f->config);
	int err;

	ep->tags.first = tlpb__config_first_tag(&f->config);
	ep->tags.limit = tlpb__config_tags(&f->config);
	ep->tags.stamp = ep->link ? tlpb__link_posted(ep->link) : 0;
	ep->tags.deadline_ms = timed ? monotonic_ms() + ep->timeout_ms : 0;
	err = tlpb__tags_begin(&ep->tags, tlp, buf, len, done, arg);
	if (!err && timed && !ep->alarm.due_ms)
		tlpb__alarm_set(&ep->alarm, ep->tags.deadline_ms);
	return err;
}

/* What is about to expire. */
static void report_late(tlpb_ep *ep, int64_t now)
{
	for (unsigned i = 0; i < TAGS_MAX; i++) {
		const struct tags_request *r = &ep->tags.request[i];

		if (r->used && r->deadline_ms && r->deadline_ms <= now)
			tlpb__ep_error_timeout(ep, r->tlp.requester_id);
	}
}

void tlpb__ep_look_at_clock(tlpb_ep *ep)
{
	int64_t now = ep->timeout_ms ? monotonic_ms() : 0;

	if (!now || !tlpb__alarm_rang(&ep->alarm, now))
		return;
	report_late(ep, now);
	tlpb__tags_expire(&ep->tags, now);
	tlpb__alarm_set(&ep->alarm, tlpb__tags_due(&ep->tags));
	tlpb__ep_dma_pump(ep);
	if (ep->link)
		tlpb__link_flush(ep->link);
}

int tlpb__ep_timer_fd(const tlpb_ep *ep)
{
	return ep->alarm.fd;
}
