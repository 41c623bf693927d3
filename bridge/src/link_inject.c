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

void tlpb__link_set_inject(struct link *link, struct inject *plan)
{
	link->inject = plan;
}

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
static bool decide(struct link *link, bool outbound, uint8_t *bytes, size_t *len, uint32_t sequence,
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

int tlpb__link_inject_sent(struct link *link, uint8_t *bytes, size_t len, uint32_t *sequence)
{
	enum inject_direction to = direction(link, true);
	struct inject_verdict verdict;
	uint32_t ignored;
	int err = 0;

	if (sequence)
		*sequence = link->tx_sequence;	/* also of one that is lost */
	if (!decide(link, true, bytes, &len, 0, &verdict))
		return TLPB_ERR_CLOSED;
	for (unsigned i = 0; i < verdict.copies && !err; i++)
		err = tlpb__link_send_packed(link, bytes, len, i ? NULL : sequence);
	while (!err && (len = tlpb__inject_due(link->inject, to, bytes, &ignored)))
		err = tlpb__link_send_packed(link, bytes, len, NULL);
	return err;
}

/* What the owner does in a callback may end the link, or the injection. */
static bool goes_on(const struct link *link)
{
	return link->state == LINK_UP && link->inject;
}

static void take(struct link *link, const struct frame *like, uint32_t sequence,
		 const uint8_t *bytes, size_t len)
{
	struct frame frame = *like;

	frame.body = bytes;
	frame.length = (uint32_t)len;
	frame.sequence = sequence;
	tlpb__link_take_tlp(link, &frame);
}

static void end_request(struct link *link, const uint8_t *bytes, size_t len)
{
	struct tlpb_tlp completion;

	if (link->events.timed_out && !tlpb_tlp_unpack(bytes, len, &completion))
		link->events.timed_out(link->ctx, &completion);
}

static void receive(struct link *link, const struct frame *frame, uint8_t *bytes)
{
	enum inject_direction to = direction(link, false);
	struct inject_verdict verdict;
	size_t len = frame->length;
	uint32_t sequence;

	memcpy(bytes, frame->body, len);
	if (!decide(link, false, bytes, &len, frame->sequence, &verdict))
		return;
	if (verdict.timed_out)
		end_request(link, bytes, len);
	for (unsigned i = 0; i < verdict.copies && link->state == LINK_UP; i++)
		take(link, frame, frame->sequence, bytes, len);
	while (goes_on(link) && (len = tlpb__inject_due(link->inject, to, bytes, &sequence)))
		take(link, frame, sequence, bytes, len);
}

/* Not on the stack: callbacks nest, and a SystemC process has a small one. */
void tlpb__link_inject_received(struct link *link, const struct frame *frame)
{
	uint8_t *bytes = frame->length <= TLPB_MAX_TLP ? malloc(TLPB_MAX_TLP) : NULL;

	if (bytes)
		receive(link, frame, bytes);
	else
		tlpb__link_take_tlp(link, frame);
	free(bytes);
}
