/* SPDX-License-Identifier: MIT */
/*
 * DMA by copying, where the host has granted the memory.
 *
 * A copy takes effect at once, so it must not overtake what was sent before:
 *
 *	a posted TLP, then a copy	it has to be retired by the host first. That is proved by the completion of
 *					any request that was sent after it: requests do not pass posted TLPs, and
 *					the host answers one when it is done with what came before it. Until then
 *					DMA goes by TLPs; reads prove it themselves, behind other
 *					TLPs a zero-length read is sent.
 *	a copy, then a TLP		the copy is done; the host is told of it first (link_grant.c).
 *	the host's posted write,	a completion would have pushed it before itself: so after reading, what
 *	then memory that we read	has come and was not handled yet is waited for, by a zero-length read again.
 */
#include <stdatomic.h>
#include <string.h>

#include "ep_private.h"

/* Injected errors are of TLPs; so is the order of ID-based ordering, and poison. */
bool tlpb__ep_may_go_direct(const struct function *f, const struct tlpb_dma_attr *attr)
{
	tlpb_ep *ep = f->ep;

	if (!ep->windows.count || ep->inject || (attr && (attr->ido || attr->poison)))
		return false;
	ep->direct_wanted++;
	return tlpb__link_may_bypass(ep->link, ep->retired);
}

/* ---- copying ---- */

enum { UNIT = 8 };	/* bytes that change together where they are aligned */

static void put_unit(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t unit;

	if (len == UNIT) {
		memcpy(&unit, from, UNIT);
		atomic_store_explicit((_Atomic uint64_t *)(void *)to, unit, memory_order_relaxed);
	} else {
		memcpy(to, from, len);
	}
}

/*
 * Bytes of a write become visible in order of their addresses (2.4.3); what drivers look at is
 * whether the last ones are there. Fences keep writes in order, where a processor would not.
 */
static void copy_to_host(uint8_t *to, const uint8_t *from, size_t len)
{
	uint8_t *last = (uint8_t *)((uintptr_t)(to + len - 1) & ~(uintptr_t)(UNIT - 1));
	size_t first = last > to ? (size_t)(last - to) : 0;

	atomic_thread_fence(memory_order_release);
	if (first) {
		memcpy(to, from, first);
		atomic_thread_fence(memory_order_release);
	}
	put_unit(to + first, from + first, len - first);
}

/* Bytes from addr on that one window has; *bytes is where. 0: none. */
static size_t reach(struct function *f, uint64_t addr, size_t len, bool write, uint8_t **bytes)
{
	const struct window *w = grants_lookup(&f->ep->windows, f->number, addr);
	uint64_t there;

	if (!w || (write && !w->writable))
		return 0;
	there = w->len - (addr - w->addr);
	*bytes = w->bytes + (addr - w->addr);
	return there < len ? (size_t)there : len;
}

size_t tlpb__ep_direct_write(struct function *f, uint64_t addr, const uint8_t *data, size_t len,
			     const struct tlpb_dma_attr *attr)
{
	struct tlpb_ep_direct_stats *stats = &f->ep->direct_stats;
	size_t done = 0, n;
	uint8_t *to;

	if (!tlpb__ep_may_go_direct(f, attr))
		return 0;
	while (done < len && (n = reach(f, addr + done, len - done, true, &to))) {
		copy_to_host(to, data + done, n);
		tlpb__link_dirty(f->ep->link, f->number, addr + done, n);
		done += n;
	}
	stats->writes += done > 0;
	stats->write_bytes += done;
	return done;
}

size_t tlpb__ep_direct_read(struct function *f, uint64_t addr, uint8_t *buf, size_t len,
			    const struct tlpb_dma_attr *attr)
{
	struct tlpb_ep_direct_stats *stats = &f->ep->direct_stats;
	size_t done = 0, n;
	uint8_t *from;

	if (!tlpb__ep_may_go_direct(f, attr))
		return 0;
	while (done < len && (n = reach(f, addr + done, len - done, false, &from))) {
		memcpy(buf + done, from, n);
		done += n;
	}
	atomic_thread_fence(memory_order_acquire);
	stats->reads += done > 0;
	stats->read_bytes += done;
	return done;
}

bool tlpb__ep_read_needs_flush(const tlpb_ep *ep)
{
	return tlpb__link_has_inbound(ep->link);
}

int tlpb_ep_dma_now(tlpb_ep *ep, bool write, uint64_t addr, void *data, size_t len,
		    const struct tlpb_dma_attr *attr)
{
	struct function *f = tlpb__function_at(ep, attr ? attr->function : 0);
	int err = tlpb__ep_may_start(ep, f, attr);

	if (err)
		return err;
	if (!len || !tlpb__grants_cover(&ep->windows, f->number, addr, len, write))
		return TLPB_ERR_AGAIN;
	if (write)
		return tlpb__ep_direct_write(f, addr, data, len, attr) == len ? 0 : TLPB_ERR_AGAIN;
	if (tlpb__ep_direct_read(f, addr, data, len, attr) != len || tlpb__ep_read_needs_flush(ep))
		return TLPB_ERR_AGAIN;
	return 0;
}

/* ---- proof that posted TLPs are retired ---- */

/* A request with ID-based ordering may have passed some. */
void tlpb__ep_note_retired(tlpb_ep *ep, const struct tlpb_tlp *completion)
{
	const struct tags_request *r = tlpb__tags_find(&ep->tags, completion);

	if (r && !r->tlp.ido && r->stamp > ep->retired)
		ep->retired = r->stamp;
}

/* More may have been sent since. */
static void on_proof(void *arg, const struct tags_request *request, int err)
{
	struct function *f = arg;

	(void)request;
	(void)err;
	f->ep->proof_asked = false;
	tlpb__ep_ask_for_proof(f);
}

/* Only if DMA would have gone directly since the last time: else nobody needs it. */
void tlpb__ep_ask_for_proof(struct function *f)
{
	tlpb_ep *ep = f->ep;
	struct tlpb_tlp tlp;
	struct tlpb_credits cost;

	if (!ep->windows.count || !tlpb_ep_is_up(ep) || ep->proof_asked ||
	    ep->direct_wanted == ep->wanted_before || ep->retired == tlpb__link_posted(ep->link) ||
	    !tlpb__config_bus_master(&f->config))
		return;
	tlp = tlpb__ep_request_tlp(f, TLPB_MRD, ep->windows.window[0].addr, NULL);
	tlp.length_dw = 1;
	cost = tlpb_tlp_credits(&tlp);
	if (!tlpb__link_has_room(ep->link, &cost) || tlpb__ep_take_tag(f, &tlp, NULL, 0, on_proof, f))
		return;
	ep->proof_asked = true;
	ep->wanted_before = ep->direct_wanted;
	tlpb__link_send_tlp(ep->link, &tlp, 0);
}
