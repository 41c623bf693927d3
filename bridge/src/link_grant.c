/* SPDX-License-Identifier: MIT */
/*
 * Direct DMA on a link: its frames, and what the endpoint has written and not told yet.
 *
 * That is told before whatever is sent next, so that the host knows it when an interrupt comes; writes
 * that follow each other without anything between cost one frame.
 */
#include "bytes.h"
#include "link_private.h"
#include "waiter.h"

enum { GRANT_BYTES = 40, REVOKE_BYTES = 24, BYPASS_MAX = 1024 * 1024 };

static bool agreed(const struct link *link)
{
	return link->features & TLPB_FEATURE_GRANTS;
}

/* The rings prove it: the host has opened memory of the endpoint's. */
bool tlpb__link_shares_memory(const struct link *link)
{
	return link->state == LINK_UP && agreed(link) && has_ring(link->transport);
}

bool tlpb__link_has_inbound(const struct link *link)
{
	return tlpb__link_mid_message(link) ||
	       (has_ring(link->transport) && tlpb__transport_shm_has_inbound(link->transport));
}

uint64_t tlpb__link_posted(const struct link *link)
{
	return link->posted;
}

bool tlpb__link_may_bypass(const struct link *link, uint64_t retired)
{
	return link->posted == retired && link->outbox.bytes < BYPASS_MAX && !link->ecrc_generate &&
	       !link->ecrc_check;
}

/* ---- sent ---- */

int tlpb__link_send_grant(struct link *link, const struct grant_mem *grant)
{
	uint8_t bytes[GRANT_BYTES];
	int len = tlpb__grant_mem_encode(grant, bytes, sizeof bytes);

	return tlpb__link_send(link, TLPB_FRAME_GRANT_MEM, 0, bytes, (size_t)len);
}

int tlpb__link_send_revoke(struct link *link, const struct revoke *revoke)
{
	uint8_t bytes[REVOKE_BYTES];
	int len = tlpb__revoke_encode(revoke, bytes, sizeof bytes);

	return tlpb__link_send(link, TLPB_FRAME_REVOKE, 0, bytes, (size_t)len);
}

int tlpb__link_send_revoked(struct link *link, uint32_t number)
{
	uint8_t bytes[4];
	int err;

	put_le32(bytes, number);
	err = tlpb__link_send(link, TLPB_FRAME_REVOKED, 0, bytes, sizeof bytes);
	if (!err)
		tlpb__link_note_owed(link, sizeof bytes);
	return err;
}

void tlpb__link_tell_dirty(struct link *link)
{
	uint8_t bytes[DIRTY_BYTES];
	int len = tlpb__dirty_encode(link->dirty, link->dirties, bytes, sizeof bytes);

	link->dirties = 0;
	tlpb__link_send(link, TLPB_FRAME_DIRTY, 0, bytes, (size_t)len);
}

bool tlpb__link_has_dirty(const struct link *link)
{
	return link->dirties;
}

/* Do they overlap or adjoin? Then the first is both. */
static bool merge(struct mem_range *range, unsigned function, uint64_t addr, uint64_t len)
{
	uint64_t start, end, range_end = range->addr + range->len;

	if (range->function != function || addr > range_end || range->addr > addr + len)
		return false;
	start = addr < range->addr ? addr : range->addr;
	end = addr + len > range_end ? addr + len : range_end;
	range->addr = start;
	range->len = end - start;
	return true;
}

/* The latest first: most writes go on where the one before ended. */
void tlpb__link_dirty(struct link *link, unsigned function, uint64_t addr, uint64_t len)
{
	for (unsigned i = link->dirties; i--;)
		if (merge(&link->dirty[i], function, addr, len))
			return;
	if (link->dirties == DIRTY_MAX)
		tlpb__link_tell_dirty(link);
	link->dirty[link->dirties++] = (struct mem_range){ (uint16_t)function, addr, len };
	if (link->armed && link->transport)
		tlpb__link_leave_to_owner(link);
}

/* ---- received ---- */

static bool makes_sense(struct link *link, enum tlpb_role receiver, int err, const char *what)
{
	if (agreed(link) && link->config.role == receiver && !err)
		return true;
	tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "%s that makes no sense", what);
	return false;
}

void tlpb__link_on_grant_mem(struct link *link, const struct frame *f)
{
	struct grant_mem grant;
	int err = tlpb__grant_mem_decode(f->body, f->length, &grant);

	if (makes_sense(link, TLPB_ENDPOINT, err, "GRANT_MEM") && link->events.grant_mem)
		link->events.grant_mem(link->ctx, &grant);
}

void tlpb__link_on_revoke(struct link *link, const struct frame *f)
{
	struct revoke revoke;
	int err = tlpb__revoke_decode(f->body, f->length, &revoke);

	if (makes_sense(link, TLPB_ENDPOINT, err, "REVOKE") && link->events.revoke)
		link->events.revoke(link->ctx, &revoke);
}

void tlpb__link_on_revoked(struct link *link, const struct frame *f)
{
	if (makes_sense(link, TLPB_HOST, f->length < 4, "REVOKED") && link->events.revoked)
		link->events.revoked(link->ctx, get_le32(f->body));
}

void tlpb__link_on_dirty(struct link *link, const struct frame *f)
{
	int count = tlpb__dirty_count(f->body, f->length);

	if (!makes_sense(link, TLPB_HOST, count < 0, "DIRTY"))
		return;
	for (int i = 0; i < count && link->events.dirty && link->state != LINK_DOWN; i++) {
		struct mem_range range = tlpb__dirty_range(f->body, (unsigned)i);

		link->events.dirty(link->ctx, &range);
	}
}
