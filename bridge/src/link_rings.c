/* SPDX-License-Identifier: MIT */
/*
 * From the socket to shared memory:
 *
 *	host				endpoint
 *	    <- HELLO, SEGMENT, DEVICE, READY -
 *	opens it			up
 *	    -- RINGS yes -------->	what follows comes by the ring
 *	what follows comes by the ring
 *	    <- RINGS yes ---------
 *
 * Each end says RINGS as its last frame on the socket. Where the host says no, or there is no SEGMENT in
 * place of one, everything stays as it was.
 */
#include <stdio.h>
#include <string.h>

#include <tlpbridge/log.h>

#include "link_private.h"
#include "ring.h"
#include "waiter.h"

uint64_t tlpb__link_rings_feature(const struct link *link)
{
	return link->config.rings.transport == TLPB_TRANSPORT_NNG ? 0 : TLPB_FEATURE_SHM;
}

bool tlpb__link_rings_required(const struct link *link)
{
	return link->config.rings.transport == TLPB_TRANSPORT_SHM;
}

/* The largest rings that fit into what is wanted, headers included. */
static uint32_t ring_bytes(const struct link *link)
{
	uint32_t all = link->config.rings.bytes, bytes = RING_BYTES_MIN;

	if (!all)
		return RING_BYTES_DEFAULT;
	while (bytes < RING_BYTES_MAX && SEGMENT_HEADER + 2 * ring_footprint(2 * bytes) <= all)
		bytes *= 2;
	return bytes;
}

/* Told once, by the host: who started it decides. */
static void tell_why_not(const struct link *link, const char *why)
{
	tlpb_log(TLPB_LOG_INFO, "%s: no shared memory: %s; the socket carries everything", link->name, why);
}

static bool agreed(const struct link *link)
{
	return link->features & TLPB_FEATURE_SHM;
}

/* ---- endpoint ---- */

void tlpb__link_offer_rings(struct link *link)
{
	struct segment_frame frame = { .why = "" };
	uint8_t bytes[2 * TEXT_MAX + 128];
	int len;

	if (!agreed(link))
		return;
	if (tlpb__segment_make(&link->offered, ring_bytes(link), &frame.offer, frame.why, sizeof frame.why)) {
		frame.offer = (struct segment_offer){ .pid = 0 };
		if (tlpb__link_rings_required(link)) {
			tlpb__link_fail(link, TLPB_REASON_FEATURE, "transport=shm: %s", frame.why);
			return;
		}
		tlpb_log(TLPB_LOG_WARNING, "%s: no shared memory: %s", link->name, frame.why);
	}
	len = tlpb__segment_encode(&frame, bytes, sizeof bytes);
	tlpb__link_send(link, TLPB_FRAME_SEGMENT, 0, bytes, (size_t)len);
}

/* ---- both ---- */

/* Rings beside the socket; false: no memory. */
static bool add_rings(struct link *link, struct segment *segment)
{
	struct transport *both = tlpb__transport_shm_new(link->transport, segment,
							 link->config.role == TLPB_HOST);

	if (both)
		link->transport = both;
	return both;
}

static void say_rings(struct link *link, bool yes, const char *why)
{
	struct rings rings = { .yes = yes };
	uint8_t bytes[TEXT_MAX + 16];
	int len;

	snprintf(rings.why, sizeof rings.why, "%s", why);
	len = tlpb__rings_encode(&rings, bytes, sizeof bytes);
	if (tlpb__link_send(link, TLPB_FRAME_RINGS, 0, bytes, (size_t)len) || !yes)
		return;
	link->said_rings = true;
	link->before_rings = tlpb__outbox_cut(&link->outbox);
}

void tlpb__link_rings_sent(struct link *link)
{
	if (!--link->before_rings)
		tlpb__transport_shm_send_by_ring(link->transport);
}

static void do_without(struct link *link, const char *why)
{
	if (tlpb__link_rings_required(link))
		tlpb__link_fail(link, TLPB_REASON_FEATURE, "transport=shm: %s", why);
	else if (link->config.role == TLPB_HOST)
		tell_why_not(link, why);
}

/* ---- host ---- */

void tlpb__link_no_rings(struct link *link)
{
	if (tlpb__link_rings_feature(link) && !agreed(link))
		tell_why_not(link, "the peer does not offer it");
}

void tlpb__link_rings_due(struct link *link)
{
	if (agreed(link) && !link->heard_segment)
		do_without(link, "the peer agreed to it, but offers none");
}

void tlpb__link_on_segment(struct link *link, const struct frame *f)
{
	struct segment_frame frame = { .why = "" };
	struct segment segment;

	if (!agreed(link) || link->config.role != TLPB_HOST || link->heard_segment ||
	    tlpb__segment_decode(f->body, f->length, &frame)) {
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "SEGMENT that makes no sense");
		return;
	}
	link->heard_segment = true;
	if (!frame.offer.pid) {
		do_without(link, frame.why);
	} else if (tlpb__segment_open(&segment, &frame.offer, frame.why, sizeof frame.why)) {
		say_rings(link, false, frame.why);
		do_without(link, frame.why);
	} else if (!add_rings(link, &segment)) {
		tlpb__segment_close(&segment);
		tlpb__link_fail(link, TLPB_REASON_INTERNAL, "out of memory");
	} else {
		say_rings(link, true, "");
	}
}

/* Endpoint: the host has answered. */
static void follow(struct link *link, const struct rings *rings)
{
	if (!rings->yes) {
		tlpb__segment_close(&link->offered);
		do_without(link, rings->why);
		return;
	}
	tlpb__segment_opened(&link->offered);
	if (add_rings(link, &link->offered)) {
		tlpb__transport_shm_recv_by_ring(link->transport);
		say_rings(link, true, "");
	} else {
		tlpb__link_fail(link, TLPB_REASON_INTERNAL, "out of memory");
	}
}

void tlpb__link_on_rings(struct link *link, const struct frame *f)
{
	struct rings rings = { .why = "" };
	bool host = link->config.role == TLPB_HOST;

	if (!agreed(link) || tlpb__rings_decode(f->body, f->length, &rings) ||
	    (host ? !link->said_rings || !rings.yes : !link->offered.base))
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "RINGS that makes no sense");
	else if (host)
		tlpb__transport_shm_recv_by_ring(link->transport);
	else
		follow(link, &rings);
}

/* ---- waiting ---- */

struct transport *tlpb__link_transport(const struct link *link)
{
	return link->transport;
}

bool tlpb__link_may_spin(const struct link *link)
{
	return !link->config.rings.no_spin;
}

bool tlpb__link_in_memory(const struct link *link)
{
	return has_ring(link->transport);
}

void tlpb__link_attend(struct link *link)
{
	link->armed = false;
	if (has_ring(link->transport))
		link->transport->ops->attend(link->transport);
}

static bool is_hungry(const struct link *link)
{
	return link->short_of_credits || !tlpb__tx_queue_empty(&link->waiting);
}

/* Credits alone need not wake who has no use for them. */
void tlpb__link_arm(struct link *link)
{
	if (link->dirties)
		tlpb__link_flush(link);
	link->armed = true;
	if (!has_ring(link->transport))
		return;
	link->arms_quietly = !is_hungry(link);
	link->transport->ops->arm(link->transport, link->arms_quietly);
}

void tlpb__link_rearm(struct link *link)
{
	if (link->arms_quietly && is_hungry(link))
		tlpb__link_arm(link);
}
