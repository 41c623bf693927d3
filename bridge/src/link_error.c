/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a TLP that has come: it is malformed, or its digest (ECRC, 2.7.1) does not fit; and
 * the digests of what is sent.
 *
 * A digest is made before error injection has its turn, and looked at behind it: what is spoiled on
 * the way is found, whichever end spoils it.
 */
#include <stdio.h>

#include <tlpbridge/log.h>

#include "config_aer.h"
#include "link_private.h"

void tlpb__link_set_ecrc(struct link *link, bool generate, bool check)
{
	link->ecrc_generate = generate;
	link->ecrc_check = check;
}

bool tlpb__link_wants_digest(struct link *link, const struct tlpb_tlp *tlp)
{
	return !tlp->td &&	/* a model of raw TLPs may have made it */
	       (!link->events.has_ecrc || link->events.has_ecrc(link->ctx, tlp));
}

int tlpb__link_add_digest(const struct tlpb_tlp *tlp, struct tlpb_tlp *digested)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len;

	*digested = *tlp;
	digested->td = true;
	len = tlpb_tlp_pack(digested, bytes, sizeof bytes);
	if (len < 0)
		return len;
	digested->ecrc = tlpb_tlp_ecrc(bytes, (size_t)len - 4);
	return 0;
}

bool tlpb__link_digest_fits(const struct tlpb_tlp *tlp, const struct frame *frame)
{
	return !tlp->td || tlpb_tlp_ecrc(frame->body, frame->length - 4) == tlp->ecrc;
}

/* ---- what is wrong with what has come ---- */

void tlpb__link_found(struct link *link, unsigned error, const struct frame *frame)
{
	if (link->state == LINK_UP && link->events.error)
		link->events.error(link->ctx, error, frame ? frame->body : NULL,
				   frame ? frame->length : 0);
}

/* Said once of each kind: the peer decides how many come. */
static void tell(const struct link *link, bool first, const struct tlpb_tlp *tlp, const char *what)
{
	char text[128];

	if (!first)
		return;
	tlpb_tlp_text(tlp, text, sizeof text);
	tlpb_log(TLPB_LOG_WARNING, "%s: %s, dropped: %s", link->name, what, text);
}

void tlpb__link_drop_malformed(struct link *link, const struct tlpb_tlp *tlp,
			       const struct frame *frame, enum tlpb_rule rule)
{
	char what[64];

	snprintf(what, sizeof what, "Malformed TLP (%s)", tlpb_rule_name(rule));
	tell(link, !link->malformed++, tlp, what);
	tlpb__link_found(link, AER_MALFORMED, frame);
}

void tlpb__link_drop_wrong_digest(struct link *link, const struct tlpb_tlp *tlp,
				  const struct frame *frame)
{
	tell(link, !link->wrong_digests++, tlp, "ECRC Check Failed");
	tlpb__link_found(link, AER_ECRC, frame);
}
