/* SPDX-License-Identifier: MIT */
/*
 * Requests from the host: some are answered here (configuration, MSI-X table and
 * PBA), the others by the model.
 *
 * Nothing may pass a posted write (2.4.1), and a model may take its time over one.
 * So what is answered here is held while the model still has a posted write, and
 * what comes behind something held is held, too. Completions are not: a write
 * that waits for the model's own DMA goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "completer.h"
#include "ep_private.h"

/* A request that the model has, and the completion that it will need. */
struct pending_request {
	struct tlpb_ep_request face;	/* what the model sees; first, to get back here */
	LIST_ENTRY(pending_request) entry;
	struct tlpb_tlp tlp;
	unsigned generation;
	int64_t since_ms;
	uint8_t bytes[];		/* data, then byte enables */
};

/* A request that waits for the posted writes before it. */
struct held_request {
	STAILQ_ENTRY(held_request) entry;
	struct tlpb_tlp tlp;
	uint64_t time_ps;
	uint8_t payload[];
};

/* A completion without data; nothing for a posted request. */
static void complete_without_data(tlpb_ep *ep, const struct tlpb_tlp *request,
				  enum tlpb_cpl_status status)
{
	if (tlpb_kind_class(request->kind) == TLPB_NON_POSTED)
		tlpb__complete_status(ep->link, request, ep->id, status,
				      tlpb__bytes_asked(request));
}

/* Answered with Unsupported Request, for no error of the request. */
static void turn_away(tlpb_ep *ep, const struct tlpb_tlp *request)
{
	complete_without_data(ep, request, TLPB_CPL_UR);
}

static void refuse(tlpb_ep *ep, const struct tlpb_tlp *request)
{
	tlpb__ep_error_request(ep, request, TLPB_CPL_UR);
	turn_away(ep, request);
}

/* ---- configuration requests ---- */

static bool for_this_function(const struct tlpb_tlp *tlp)
{
	return (tlp->kind == TLPB_CFGRD0 || tlp->kind == TLPB_CFGWR0) && !(tlp->dest_id & 7);
}

static void config_read(tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	uint8_t dw[4];

	put_le32(dw, tlpb__config_read(&ep->config, tlp->reg_offset));
	tlpb__complete_register(ep->link, tlp, tlp->dest_id, dw);
}

static void tell_config_written(tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	if (ep->ops.config_written && tlp->first_be)
		ep->ops.config_written(ep->ctx,
				       tlp->reg_offset + tlpb_first_byte(tlp->first_be),
				       tlpb_byte_count(1, tlp->first_be, 0));
}

static void config_write(tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	unsigned events;

	if (tlp->ep) {		/* poisoned: must not modify (2.7.2.2) */
		refuse(ep, tlp);
		return;
	}
	ep->id = tlp->dest_id;
	events = tlpb__config_write(&ep->config, tlp->reg_offset, tlp->first_be,
				    get_le32(tlp->payload));
	tlpb__complete_status(ep->link, tlp, ep->id, TLPB_CPL_SC, 4);
	if (events & CONFIG_FLR) {
		tlpb__ep_reset(ep, TLPB_RESET_FLR, false);
		return;
	}
	tlpb__ep_irq_update(ep);
	tlpb__ep_dma_pump(ep);
	tell_config_written(ep, tlp);
}

static void on_config(tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	if (!for_this_function(tlp))
		refuse(ep, tlp);
	else if (tlp->kind == TLPB_CFGRD0)
		config_read(ep, tlp);
	else
		config_write(ep, tlp);
}

/* ---- memory and I/O requests ---- */

static bool is_write(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_MWR || tlp->kind == TLPB_IOWR;
}

static void send_read_data(tlpb_ep *ep, const struct tlpb_tlp *tlp, const uint8_t *data)
{
	uint64_t addr = tlpb__request_address(tlp);
	size_t left = tlpb__request_bytes(tlp);

	while (left) {
		size_t n = tlpb_next_completion(addr, left, tlpb__ep_mps(ep), ENDPOINT_RCB);

		tlpb__complete_data(ep->link, tlp, ep->id, addr, data, n, (unsigned)left);
		addr += n;
		data += n;
		left -= n;
	}
}

/* Data of an I/O read, or none for a flush, in the one DW that goes back. */
static void send_register(tlpb_ep *ep, const struct tlpb_tlp *tlp, const uint8_t *data, size_t len)
{
	uint8_t dw[4] = { 0 };

	memcpy(dw + tlpb_first_byte(tlp->first_be), data, len);
	tlpb__complete_register(ep->link, tlp, ep->id, dw);
}

static void send_completion(tlpb_ep *ep, const struct pending_request *p,
			    enum tlpb_cpl_status status)
{
	const struct tlpb_tlp *tlp = &p->tlp;

	if (status != TLPB_CPL_SC)
		tlpb__ep_error_request(ep, tlp, status);
	if (p->face.posted)
		return;
	if (status != TLPB_CPL_SC || p->face.write)
		complete_without_data(ep, tlp, status);
	else if (tlp->kind == TLPB_IORD || !p->face.length)
		send_register(ep, tlp, p->face.data, p->face.length);
	else
		send_read_data(ep, tlp, p->face.data);
}

void tlpb_ep_complete(tlpb_ep *ep, struct tlpb_ep_request *request, enum tlpb_cpl_status status)
{
	struct pending_request *p = (struct pending_request *)request;

	if (ep->link && p->generation == ep->generation) {
		send_completion(ep, p, status);
		tlpb__link_flush(ep->link);
	}
	if (p->generation == ep->generation)
		ep->posted_with_model -= p->face.posted;
	LIST_REMOVE(p, entry);
	free(p);
	tlpb__ep_release_held(ep);
}

/* TLM-style byte enables, only when a byte of the span is not enabled. */
static void set_enables(struct pending_request *p)
{
	uint8_t *enable = p->bytes + p->face.length;
	bool all = true;

	for (unsigned i = 0; i < p->face.length; i++) {
		enable[i] = tlpb__byte_enabled(&p->tlp, i) ? 0xff : 0;
		all = all && enable[i];
	}
	p->face.byte_enable = all ? NULL : enable;
}

static struct pending_request *new_request(tlpb_ep *ep, const struct tlpb_tlp *tlp,
					   uint64_t time_ps)
{
	size_t len = tlpb__request_bytes(tlp);
	struct pending_request *p = calloc(1, sizeof *p + 2 * len);

	if (!p)
		return NULL;
	p->tlp = *tlp;
	p->tlp.payload = NULL;	/* moved into bytes, below */
	p->tlp.payload_len = 0;
	p->generation = ep->generation;
	p->since_ms = monotonic_ms();
	p->face = (struct tlpb_ep_request){
		.write = is_write(tlp), .posted = tlp->kind == TLPB_MWR, .length = len,
		.data = p->bytes, .tlp = &p->tlp, .time_ps = time_ps,
	};
	set_enables(p);
	if (p->face.write && len)
		memcpy(p->bytes, tlp->payload + tlpb_first_byte(tlp->first_be), len);
	LIST_INSERT_HEAD(&ep->requests, p, entry);
	ep->posted_with_model += p->face.posted;
	return p;
}

static void msix_access(tlpb_ep *ep, struct pending_request *p)
{
	struct tlpb_ep_request *r = &p->face;

	if (r->write)
		tlpb__msix_write(&ep->msix, r->region, r->offset, r->data, r->byte_enable, r->length);
	else
		tlpb__msix_read(&ep->msix, r->region, r->offset, r->data, r->length);
	tlpb_ep_complete(ep, r, TLPB_CPL_SC);
	if (ep->link)
		tlpb__ep_irq_update(ep);
}

static bool region_allows(const tlpb_ep *ep, int region, bool write)
{
	uint32_t need = write ? TLPB_REGION_WRITE : TLPB_REGION_READ;

	return ep->config.device.region[region].flags & need;
}

static int find_region(const tlpb_ep *ep, const struct tlpb_tlp *tlp, uint64_t *offset)
{
	bool io = tlp->kind == TLPB_IORD || tlp->kind == TLPB_IOWR;
	unsigned len = tlpb__request_bytes(tlp);

	return tlpb__config_match(&ep->config, io, tlpb__request_address(tlp), len ? len : 1,
				  offset);
}

static void on_access(tlpb_ep *ep, const struct tlpb_tlp *tlp, uint64_t time_ps)
{
	unsigned len = tlpb__request_bytes(tlp);
	struct pending_request *p;
	uint64_t offset;
	int region = find_region(ep, tlp, &offset);

	if (region < 0 || !region_allows(ep, region, is_write(tlp)) || (tlp->ep && is_write(tlp))) {
		refuse(ep, tlp);
		return;
	}
	if (tlp->kind == TLPB_MWR && !len)
		return;		/* no byte enabled: nothing to write, nobody to tell */
	p = new_request(ep, tlp, time_ps);
	if (!p) {
		tlpb__link_fail(ep->link, TLPB_REASON_INTERNAL, "out of memory");
		return;
	}
	p->face.region = (unsigned)region;
	p->face.offset = offset;
	if (tlpb__msix_claims(&ep->msix, p->face.region, offset, len))
		msix_access(ep, p);
	else
		ep->ops.access(ep->ctx, &p->face);
}


/* ---- order ---- */

bool tlpb__ep_is_config(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_CFGRD0 || tlp->kind == TLPB_CFGRD1 ||
	       tlp->kind == TLPB_CFGWR0 || tlp->kind == TLPB_CFGWR1;
}

static bool is_access(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_MRD || tlp->kind == TLPB_MWR ||
	       tlp->kind == TLPB_IORD || tlp->kind == TLPB_IOWR;
}

static bool answered_here(const tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	uint64_t offset;
	int region;

	if (tlpb__ep_is_config(tlp))
		return true;
	region = is_access(tlp) ? find_region(ep, tlp, &offset) : -1;
	return region >= 0 && tlpb__msix_claims(&ep->msix, (unsigned)region, offset,
						tlpb__request_bytes(tlp));
}

static bool must_wait(const tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	return ep->posted_with_model && answered_here(ep, tlp);
}

static void execute(tlpb_ep *ep, const struct tlpb_tlp *tlp, uint64_t time_ps)
{
	if (tlpb__ep_is_config(tlp))
		on_config(ep, tlp);
	else if (is_access(tlp))
		on_access(ep, tlp, time_ps);
	else if (tlp->kind != TLPB_MSG && tlp->kind != TLPB_MSGD)
		refuse(ep, tlp);	/* locked reads, atomics, deferrable writes: none here */
	else if (ep->ops.message)
		ep->ops.message(ep->ctx, tlp);
}

static void hold(tlpb_ep *ep, const struct tlpb_tlp *tlp, uint64_t time_ps)
{
	struct held_request *h = malloc(sizeof *h + tlp->payload_len);

	if (!h) {
		tlpb__link_fail(ep->link, TLPB_REASON_INTERNAL, "out of memory");
		return;
	}
	h->tlp = *tlp;
	h->tlp.payload = h->payload;
	h->time_ps = time_ps;
	if (tlp->payload_len)
		memcpy(h->payload, tlp->payload, tlp->payload_len);
	STAILQ_INSERT_TAIL(&ep->held, h, entry);
}

static struct held_request *take_held(tlpb_ep *ep)
{
	struct held_request *h = STAILQ_FIRST(&ep->held);

	STAILQ_REMOVE_HEAD(&ep->held, entry);
	return h;
}

/* What executes may complete at once and come back in here: the outer call goes on then. */
void tlpb__ep_release_held(tlpb_ep *ep)
{
	if (ep->releasing)
		return;
	ep->releasing = true;
	while (ep->link && !STAILQ_EMPTY(&ep->held) &&
	       !must_wait(ep, &STAILQ_FIRST(&ep->held)->tlp)) {
		struct held_request *h = take_held(ep);

		execute(ep, &h->tlp, h->time_ps);
		free(h);
	}
	ep->releasing = false;
	if (ep->link)
		tlpb__link_flush(ep->link);
}

void tlpb__ep_request(tlpb_ep *ep, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	if (!STAILQ_EMPTY(&ep->held) || must_wait(ep, tlp))
		hold(ep, tlp, frame->time_ps);
	else
		execute(ep, tlp, frame->time_ps);
}

/* ---- reset and end ---- */

/*
 * Completions of requests that the model still has will be dropped, and a host
 * without completion timeout would wait for ever: they are answered now.
 */
static void refuse_pending(tlpb_ep *ep)
{
	struct pending_request *p;

	LIST_FOREACH(p, &ep->requests, entry)
		if (p->generation == ep->generation)
			turn_away(ep, &p->tlp);
}

/* Writes that came before the reset still reach the model; it has those before them already. */
static void flush_held(tlpb_ep *ep, bool link_lost)
{
	while (!STAILQ_EMPTY(&ep->held)) {
		struct held_request *h = take_held(ep);

		if (h->tlp.kind == TLPB_MWR && !answered_here(ep, &h->tlp))
			execute(ep, &h->tlp, h->time_ps);
		else if (!link_lost)
			turn_away(ep, &h->tlp);
		free(h);
	}
}

void tlpb__ep_requests_reset(tlpb_ep *ep, bool link_lost)
{
	if (!link_lost)
		refuse_pending(ep);
	flush_held(ep, link_lost);
}

void tlpb__ep_requests_free(tlpb_ep *ep)
{
	while (!STAILQ_EMPTY(&ep->held))
		free(take_held(ep));
	while (!LIST_EMPTY(&ep->requests)) {
		struct pending_request *p = LIST_FIRST(&ep->requests);

		LIST_REMOVE(p, entry);
		free(p);
	}
}

/* ---- for who asks ---- */

/* The oldest is the last of the list; those of before a reset are nobody's any more. */
void tlpb__ep_requests_outstanding(const tlpb_ep *ep, struct tlpb_outstanding *out)
{
	const struct pending_request *p, *oldest = NULL;
	const struct held_request *h;

	*out = (struct tlpb_outstanding){ 0 };
	LIST_FOREACH(p, &ep->requests, entry) {
		if (p->generation != ep->generation)
			continue;
		out->requests++;
		oldest = p;
	}
	STAILQ_FOREACH(h, &ep->held, entry)
		out->requests++;
	if (!oldest)
		return;
	out->oldest_ms = (uint32_t)(monotonic_ms() - oldest->since_ms);
	tlpb_tlp_text(&oldest->tlp, out->oldest, sizeof out->oldest);
}
