/* SPDX-License-Identifier: MIT */
/* A link with error injection: what the plan decides for a TLP is done here, on both ways. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tlpbridge/log.h>

#include "inject.h"
#include "link_private.h"

enum { TOLD_MAX = 8 };	/* of each rule */

static enum inject_direction direction(const struct link *link, bool outbound)
{
	return (link->config.role == TLPB_HOST) == outbound ? INJECT_TO_DEVICE : INJECT_TO_HOST;
}

static void tell(const struct link *link, const struct inject_verdict *verdict,
		 const struct tlpb_tlp *tlp)
{
	char text[128];

	if (!verdict->fired || verdict->fired > TOLD_MAX)
		return;
	tlpb_tlp_text(tlp, text, sizeof text);
	tlpb_log(TLPB_LOG_INFO, "%s: injected %s: %s%s", link->name,
		 tlpb__inject_action_name(verdict->action), text,
		 verdict->fired == TOLD_MAX ? " (the last time that this rule is told)" : "");
}

static void stand_still(unsigned ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* Both ways alike: false when the link is down. */
static bool decide(struct link *link, bool outbound, uint8_t *bytes, size_t *len, uint64_t sequence,
		   struct inject_verdict *verdict)
{
	struct tlpb_tlp tlp;

	tlpb_tlp_unpack(bytes, *len, &tlp);
	tlpb__inject_apply(link->inject, direction(link, outbound), bytes, len, sequence, verdict);
	tell(link, verdict, &tlp);
	if (verdict->has_error && link->events.injected)
		link->events.injected(link->ctx, verdict->error, &tlp);
	if (verdict->wait_ms)
		stand_still(verdict->wait_ms);
	if (verdict->link_down)
		tlpb__link_fail(link, TLPB_REASON_LOST, "the link was taken down by error injection");
	return link->state != LINK_DOWN;
}

/* Of one that is held back it is forgotten whether it completes a write: the stricter rule. */
static uint64_t kept_of(const struct aside *aside)
{
	return (uint64_t)aside->issue << 32 | aside->mark;
}

static struct aside aside_of(uint64_t kept)
{
	return (struct aside){ .mark = (uint32_t)kept, .issue = (uint32_t)(kept >> 32) };
}

int tlpb__link_inject_sent(struct link *link, const struct tlpb_tlp *tlp, const struct aside *aside)
{
	enum inject_direction to = direction(link, true);
	struct inject_verdict verdict;
	uint8_t bytes[TLPB_MAX_TLP];
	int packed = tlpb_tlp_pack(tlp, bytes, sizeof bytes), err = 0;
	size_t len = (size_t)packed;
	uint64_t kept;

	if (packed < 0)
		return packed;
	if (!decide(link, true, bytes, &len, kept_of(aside), &verdict))
		return TLPB_ERR_CLOSED;
	for (unsigned i = 0; i < verdict.copies && !err; i++)
		err = tlpb__link_send_packed(link, bytes, len, aside);
	while (!err && link->inject && (len = tlpb__inject_due(link->inject, to, bytes, &kept))) {
		struct aside due = aside_of(kept);

		err = tlpb__link_send_packed(link, bytes, len, &due);
	}
	return err;
}

bool tlpb__link_inject_holds(const struct link *link, uint32_t issue, const struct tlpb_order *order)
{
	struct inject_held held = { 0 };
	struct tlpb_tlp tlp;

	while (link->inject && tlpb__inject_held(link->inject, direction(link, true), &held)) {
		struct tlpb_order earlier;

		if ((int32_t)(aside_of(held.sequence).issue - issue) >= 0 ||
		    tlpb_tlp_unpack(held.bytes, held.len, &tlp))
			continue;
		earlier = tlpb_order_of(&tlp, false);
		if (tlpb_may_pass(order, &earlier) == TLPB_ORDER_MUST_NOT)
			return true;
	}
	return false;
}

/* What the owner does in a callback may end the link, or the injection. */
static bool goes_on(const struct link *link)
{
	return link->state == LINK_UP && link->inject;
}

/* ---- credits of what has come: those that the peer spent go back, once ---- */

static struct tlpb_credits cost_of(const uint8_t *bytes, size_t len)
{
	struct tlpb_credits none = { .cls = TLPB_POSTED };
	struct tlpb_tlp tlp;

	return tlpb_tlp_unpack(bytes, len, &tlp) ? none : tlpb_tlp_credits(&tlp);
}

static void add(struct tlpb_credits sums[TX_CLASSES], const struct tlpb_credits *cost)
{
	sums[cost->cls].cls = cost->cls;
	sums[cost->cls].hdr += cost->hdr;
	sums[cost->cls].data += cost->data;
}

static void subtract(struct tlpb_credits sums[TX_CLASSES], const struct tlpb_credits *cost)
{
	sums[cost->cls].hdr -= cost->hdr;
	sums[cost->cls].data -= cost->data;
}

/* The owner will get that TLP in place of one for which charged was charged. */
static void exchange(struct link *link, const struct tlpb_credits *charged, const uint8_t *bytes,
		     size_t len)
{
	struct tlpb_credits cost = cost_of(bytes, len);

	if (cost.cls == charged->cls && cost.hdr == charged->hdr && cost.data == charged->data)
		return;
	tlpb__link_release(link, charged);
	add(link->unpaid, &cost);
}

static void add_copy(struct link *link, const uint8_t *bytes, size_t len)
{
	struct tlpb_credits cost = cost_of(bytes, len);

	add(link->unpaid, &cost);
}

void tlpb__link_set_inject(struct link *link, struct inject *plan)
{
	if (link->inject && !plan) {	/* what it held back is lost */
		for (unsigned cls = 0; cls < TX_CLASSES; cls++) {
			struct tlpb_credits held = link->held[cls];

			held.cls = (enum tlpb_tlp_class)cls;
			link->held[cls] = (struct tlpb_credits){ 0 };
			tlpb__link_release(link, &held);
		}
		tlpb__link_flush(link);
	}
	link->inject = plan;
}

/* ---- receiving ---- */

static void take(struct link *link, const struct frame *like, uint32_t mark,
		 const uint8_t *bytes, size_t len)
{
	struct frame frame = *like;

	frame.body = bytes;
	frame.length = (uint32_t)len;
	frame.mark = mark;
	tlpb__link_take_tlp(link, &frame);
}

static void take_due(struct link *link, const struct frame *like, uint8_t *bytes)
{
	enum inject_direction to = direction(link, false);
	struct tlpb_credits cost;
	uint64_t mark;
	size_t len;

	while (goes_on(link) && (len = tlpb__inject_due(link->inject, to, bytes, &mark))) {
		cost = cost_of(bytes, len);
		subtract(link->held, &cost);
		take(link, like, (uint32_t)mark, bytes, len);
	}
}

static void end_request(struct link *link, const uint8_t *bytes, size_t len)
{
	struct tlpb_tlp completion;

	if (link->events.timed_out && !tlpb_tlp_unpack(bytes, len, &completion))
		link->events.timed_out(link->ctx, &completion);
}

static void receive(struct link *link, const struct frame *frame, const struct tlpb_credits *cost,
		    uint8_t *bytes)
{
	struct inject_verdict verdict;
	size_t len = frame->length;

	memcpy(bytes, frame->body, len);
	if (!decide(link, false, bytes, &len, frame->mark, &verdict))
		return;
	if (verdict.copies)
		exchange(link, cost, bytes, len);
	else if (verdict.action == INJECT_DELAY)
		add(link->held, cost);
	else
		tlpb__link_release(link, cost);
	if (verdict.timed_out)
		end_request(link, bytes, len);
	for (unsigned i = 0; i < verdict.copies && link->state == LINK_UP; i++) {
		if (i)
			add_copy(link, bytes, len);
		take(link, frame, frame->mark, bytes, len);
	}
	take_due(link, frame, bytes);
}

/* Not on the stack: callbacks nest, and a SystemC process has a small one. */
void tlpb__link_inject_received(struct link *link, const struct frame *frame,
				const struct tlpb_credits *cost)
{
	uint8_t *bytes = malloc(TLPB_MAX_TLP);

	if (bytes)
		receive(link, frame, cost, bytes);
	else
		tlpb__link_take_tlp(link, frame);
	free(bytes);
}
