/* SPDX-License-Identifier: MIT */
/* Memory writes, and whatever else is posted: nobody answers, so only room is waited for. */
#include <string.h>

#include "rc_private.h"

enum { BACKLOG_MAX = 1024 * 1024 };	/* bytes queued before a posted write waits */

static bool backlog_is_low(void *arg)
{
	return tlpb__link_backlog(arg) <= BACKLOG_MAX / 2;
}

/* Posted writes are queued without limit by nobody: a slow peer slows the writer down. */
static int hold_back(tlpb_rc *rc)
{
	tlpb__link_flush_posted(rc->link);
	if (tlpb__link_backlog(rc->link) <= BACKLOG_MAX)
		return 0;
	return tlpb__rc_wait(rc, backlog_is_low, rc->link, NULL);
}

struct turn {
	const tlpb_rc *rc;
	uint64_t arrival;
};

static bool has_been_posted(void *arg)
{
	const struct turn *turn = arg;
	const struct queued_tlp *first = TAILQ_FIRST(&turn->rc->posted.list[TLPB_POSTED]);

	return !first || first->arrival > turn->arrival;
}

/*
 * Without credits a write waits here, before it is given to the link: completions for a
 * device that does DMA before it takes more writes need not stay behind it. The caller
 * waits, too, so that nothing it does later can be seen before its write. Within a
 * callback (the write is another device's DMA) it does not, up to a limit: waits
 * inside one another would be as many as writes.
 */
static int post_later(tlpb_rc *rc, const struct tlpb_tlp *tlp, const struct tlpb_credits *cost)
{
	struct tlpb_order order = tlpb_order_of(tlp, false);
	struct turn turn = { .rc = rc };
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes), err;
	struct queued_tlp *queued;

	if (len < 0)
		return len;
	if (!tlpb_rc_is_up(rc))
		return TLPB_ERR_CLOSED;
	queued = tlpb__tx_queue_add(&rc->posted, &order, cost, (size_t)len);
	if (!queued)
		return TLPB_ERR_NOMEM;
	memcpy(queued->bytes, bytes, (size_t)len);
	turn.arrival = queued->arrival;
	if (tlpb__rc_in_callback(rc) && rc->posted.bytes[TLPB_POSTED] <= BACKLOG_MAX)
		return 0;
	err = tlpb__rc_wait(rc, has_been_posted, &turn, NULL);
	return err == TLPB_ERR_BUSY ? 0 : err;	/* it is queued all the same */
}

int tlpb__rc_post(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	struct tlpb_credits cost = tlpb_tlp_credits(tlp);
	int err;

	if (!tlpb__tx_queue_empty(&rc->posted) || !tlpb__link_has_room(rc->link, &cost))
		return post_later(rc, tlp, &cost);
	err = tlpb__link_send_tlp(rc->link, tlp, 0);
	return err ? err : hold_back(rc);
}

void tlpb__rc_send_posted(tlpb_rc *rc)
{
	struct queued_tlp *first;
	struct tlpb_tlp tlp;

	while ((first = TAILQ_FIRST(&rc->posted.list[TLPB_POSTED])) && tlpb_rc_is_up(rc) &&
	       tlpb__link_has_room(rc->link, &first->cost)) {
		tlpb_tlp_unpack(first->bytes, first->len, &tlp);
		tlpb__link_send_tlp(rc->link, &tlp, 0);
		tlpb__tx_queue_remove(&rc->posted, first);
	}
}

static int write_piece(tlpb_rc *rc, uint64_t addr, const uint8_t *data, size_t len)
{
	struct tlpb_tlp tlp = tlpb__rc_memory_tlp(TLPB_MWR, addr, len);
	uint8_t dws[TLPB_MAX_PAYLOAD];

	tlp.payload = dws;
	tlp.payload_len = 4u * tlp.length_dw;
	memset(dws, 0, 4);			/* bytes not enabled are sent as 0 */
	memset(dws + tlp.payload_len - 4, 0, 4);
	memcpy(dws + (addr & 3), data, len);
	rc->stats.mem_writes++;
	return tlpb__rc_post(rc, &tlp);
}

int tlpb_rc_mem_write(tlpb_rc *rc, uint64_t addr, const void *data, size_t len)
{
	unsigned peer = tlpb__link_peer(rc->link)->mps;
	const uint8_t *p = data;
	int err = 0;

	tlpb__rc_enter(rc);
	while (len && !err) {
		size_t n = tlpb_next_request(addr, len, rc->mps < peer ? rc->mps : peer);

		err = write_piece(rc, addr, p, n);
		addr += n;
		p += n;
		len -= n;
	}
	tlpb__rc_leave(rc);
	return err;
}

/* Any pattern of bytes is legal in a write of one doubleword only (2.2.5). */
static int write_enabled_dw(tlpb_rc *rc, uint64_t addr, const uint8_t *data, const uint8_t *enable,
			    size_t len)
{
	struct tlpb_tlp tlp = tlpb__rc_memory_tlp(TLPB_MWR, addr, len);
	uint8_t dw[4] = { 0 };

	tlp.first_be = 0;
	for (size_t i = 0; i < len; i++) {
		if (!enable[i])
			continue;
		tlp.first_be |= (uint8_t)(1u << ((addr + i) & 3));
		dw[(addr + i) & 3] = data[i];
	}
	if (!tlp.first_be)
		return 0;
	tlp.payload = dw;
	tlp.payload_len = 4;
	rc->stats.mem_writes++;
	return tlpb__rc_post(rc, &tlp);
}

int tlpb_rc_mem_write_enabled(tlpb_rc *rc, uint64_t addr, const void *data, const uint8_t *enable,
			      size_t len)
{
	const uint8_t *p = data;
	int err = 0;

	tlpb__rc_enter(rc);
	for (size_t i = 0, n; i < len && !err; i += n) {
		n = tlpb__rc_register_part(addr + i, len - i);
		err = write_enabled_dw(rc, addr + i, p + i, enable + i, n);
	}
	tlpb__rc_leave(rc);
	return err;
}
