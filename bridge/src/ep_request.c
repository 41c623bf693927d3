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

enum { SMALL_BYTES = 64 };

/* A request that the model has, and the completion that it will need. */
struct pending_request {
	struct tlpb_ep_request face;	/* what the model sees; first, to get back here */
	LIST_ENTRY(pending_request) entry;
	struct function *f;
	struct tlpb_tlp tlp;
	struct tlpb_atomic atomic;
	unsigned generation, link;
	struct tlpb_credits credits;	/* its buffer is this one */
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
static void complete_without_data(const struct function *f, const struct tlpb_tlp *request,
				  enum tlpb_cpl_status status)
{
	if (tlpb_kind_class(request->kind) == TLPB_NON_POSTED)
		tlpb__complete_status(f->ep->link, request, tlpb__function_id(f), status,
				      tlpb__bytes_asked(request));
}

/*
 * Answered with Unsupported Request, for no error of the request. What is for none of the functions
 * is answered by the first.
 */
static void turn_away(const struct function *f, const struct tlpb_tlp *request)
{
	complete_without_data(f, request, TLPB_CPL_UR);
}

static void refuse(struct function *f, const struct tlpb_tlp *request)
{
	tlpb__ep_error_request(f, request, TLPB_CPL_UR);
	turn_away(f, request);
}

/* No function claims it. */
static void refuse_unclaimed(tlpb_ep *ep, const struct tlpb_tlp *request)
{
	tlpb__ep_error_unclaimed(ep, request);
	turn_away(ep->f0, request);
}

/* ---- configuration requests ---- */

/* NULL: type 1, or there is no such function. */
static struct function *config_target(const tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	if (tlp->kind != TLPB_CFGRD0 && tlp->kind != TLPB_CFGWR0)
		return NULL;
	return tlpb__function_of_id(ep, tlp->dest_id);
}

static void config_read(struct function *f, const struct tlpb_tlp *tlp)
{
	uint8_t dw[4];

	tlpb__config_set_pending(&f->config, tlpb__ep_dma_pending(f));
	put_le32(dw, tlpb__config_read(&f->config, tlp->reg_offset));
	tlpb__complete_register(f->ep->link, tlp, tlp->dest_id, dw, false);
}

static void tell_config_written(struct function *f, const struct tlpb_tlp *tlp)
{
	if (f->ops.config_written && tlp->first_be && !f->pf)
		f->ops.config_written(f->ctx, tlp->reg_offset + tlpb_first_byte(tlp->first_be),
				      tlpb_byte_count(1, tlp->first_be, 0));
}

/* True: the function was reset. */
static bool obey(struct function *f, unsigned events)
{
	if (events & (CONFIG_FLR | CONFIG_SOFT_RESET)) {
		tlpb__function_reset(f, TLPB_RESET_FLR, false);
		return true;
	}
	if (events & CONFIG_VFS)
		tlpb__function_update_vfs(f, false);
	return false;
}

static void config_write(struct function *f, const struct tlpb_tlp *tlp)
{
	tlpb_ep *ep = f->ep;
	unsigned events;

	if (tlp->ep) {		/* poisoned: must not modify (2.7.2.2) */
		refuse(f, tlp);
		return;
	}
	ep->id = tlpb__ep_device_id(ep, tlp->dest_id);
	events = tlpb__config_write(&f->config, tlp->reg_offset, tlp->first_be,
				    get_le32(tlp->payload));
	tlpb__complete_status(ep->link, tlp, tlpb__function_id(f), TLPB_CPL_SC, 4);
	if (obey(f, events))
		return;
	tlpb__ep_update_ecrc(ep);
	tlpb__ep_irq_update(f);
	tlpb__ep_dma_pump(ep);
	tell_config_written(f, tlp);
}

static void on_config(tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	struct function *f = config_target(ep, tlp);

	if (!f)
		refuse_unclaimed(ep, tlp);
	else if (tlp->kind == TLPB_CFGRD0)
		config_read(f, tlp);
	else
		config_write(f, tlp);
}

/* ---- memory and I/O requests ---- */

static bool is_write(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_MWR || tlp->kind == TLPB_DMWR || tlp->kind == TLPB_IOWR;
}

/* Does the device have what takes such a request? Of the atomic ones each size is apart. */
static bool supported(const struct function *f, const struct tlpb_tlp *tlp)
{
	uint32_t need = 0;

	if (tlp->kind == TLPB_DMWR)
		need = TLPB_HAS_DMWR;
	else if (tlpb__is_atomic(tlp))
		need = tlpb__request_bytes(tlp) == 4 ? TLPB_HAS_ATOMIC_32 :
		       tlpb__request_bytes(tlp) == 8 ? TLPB_HAS_ATOMIC_64 : TLPB_HAS_CAS_128;
	return !need || f->config.device.has & need;
}

static void send_read_data(const struct pending_request *p)
{
	const struct tlpb_tlp *tlp = &p->tlp;
	const struct function *f = p->f;
	const uint8_t *data = p->face.data;
	uint64_t addr = tlpb__request_address(tlp);
	size_t left = tlpb__request_bytes(tlp);

	while (left) {
		size_t n = tlpb_next_completion(addr, left, tlpb__ep_mps(f), ENDPOINT_RCB);

		tlpb__complete_data(f->ep->link, tlp, tlpb__function_id(f), addr, data, n, (unsigned)left,
				    p->face.poison);
		addr += n;
		data += n;
		left -= n;
	}
}

/* Data of an I/O read, or none for a flush, in the one DW that goes back. */
static void send_register(const struct pending_request *p)
{
	uint8_t dw[4] = { 0 };

	memcpy(dw + tlpb_first_byte(p->tlp.first_be), p->face.data, p->face.length);
	tlpb__complete_register(p->f->ep->link, &p->tlp, tlpb__function_id(p->f), dw, p->face.poison);
}

static void send_completion(const struct pending_request *p, enum tlpb_cpl_status status)
{
	const struct tlpb_tlp *tlp = &p->tlp;

	if (status != TLPB_CPL_SC)
		tlpb__ep_error_request(p->f, tlp, status);
	if (p->face.posted)
		return;
	if (status == TLPB_CPL_CRS && !p->face.deferrable)
		status = TLPB_CPL_CA;
	if (status != TLPB_CPL_SC || p->face.write)
		complete_without_data(p->f, tlp, status);
	else if (p->face.atomic)
		tlpb__complete_atomic(p->f->ep->link, tlp, tlpb__function_id(p->f), p->face.data,
				      p->face.poison);
	else if (tlp->kind == TLPB_IORD || !p->face.length)
		send_register(p);
	else
		send_read_data(p);
}

/* False: the function was reset since. */
static bool is_current(const struct pending_request *p)
{
	return p->generation == p->f->generation;
}

/* A link that is gone took its credits with it. */
static void give_credits_back(tlpb_ep *ep, const struct pending_request *p)
{
	if (ep->link && p->link == ep->links)
		tlpb__link_release(ep->link, &p->credits);
}

/* Nobody waits for the end of a posted request, but the host may for its credits. */
static void flush_completed(tlpb_ep *ep, bool posted)
{
	if (!ep->link)
		return;
	if (!posted)
		tlpb__link_flush(ep->link);
	else if (tlpb__link_owes_credits(ep->link))
		tlpb__link_flush_posted(ep->link);
}

/* Most are small, and come one after the other: a steady stream allocates nothing. */
static struct pending_request *take_request(tlpb_ep *ep, size_t len)
{
	struct pending_request *p = len <= SMALL_BYTES ? ep->spare_request : NULL;

	if (p) {
		ep->spare_request = NULL;
		memset(p->bytes, 0, len);
	} else {
		p = calloc(1, sizeof *p + 2 * (len <= SMALL_BYTES ? SMALL_BYTES : len));
	}
	return p;
}

static void keep_request(tlpb_ep *ep, struct pending_request *p)
{
	if (ep->spare_request || p->face.length > SMALL_BYTES)
		free(p);
	else
		ep->spare_request = p;
}

void tlpb_ep_complete(tlpb_ep *ep, struct tlpb_ep_request *request, enum tlpb_cpl_status status)
{
	struct pending_request *p = (struct pending_request *)request;
	bool posted;

	if (ep->link && is_current(p))
		send_completion(p, status);
	if (is_current(p)) {
		ep->posted_with_model -= p->face.posted;
		p->f->posted_with_model -= p->face.posted;
	}
	give_credits_back(ep, p);
	posted = p->face.posted;
	LIST_REMOVE(p, entry);
	keep_request(ep, p);
	flush_completed(ep, posted);
	tlpb__ep_release_held(ep);
}

/* TLM-style byte enables, only when a byte of the span is not enabled. */
static void set_enables(struct pending_request *p)
{
	uint8_t *enable = p->bytes + p->face.length;
	bool all = true;

	if (tlpb__all_enabled(&p->tlp))
		return;
	for (unsigned i = 0; i < p->face.length; i++) {
		enable[i] = tlpb__byte_enabled(&p->tlp, i) ? 0xff : 0;
		all = all && enable[i];
	}
	p->face.byte_enable = all ? NULL : enable;
}

static struct pending_request *new_request(struct function *f, const struct tlpb_tlp *tlp,
					   uint64_t time_ps)
{
	size_t len = tlpb__request_bytes(tlp);
	struct pending_request *p = take_request(f->ep, len);

	if (!p)
		return NULL;
	p->f = f;
	p->tlp = *tlp;
	p->tlp.payload = NULL;	/* moved into bytes, below */
	p->tlp.payload_len = 0;
	p->credits = tlpb_tlp_credits(tlp);
	p->generation = f->generation;
	p->link = f->ep->links;
	p->since_ms = monotonic_coarse_ms();
	p->face = (struct tlpb_ep_request){
		.function = f->number, .write = is_write(tlp), .posted = tlp->kind == TLPB_MWR,
		.deferrable = tlp->kind == TLPB_DMWR, .length = len,
		.data = p->bytes, .tlp = &p->tlp, .time_ps = time_ps,
	};
	set_enables(p);
	if (tlpb__is_atomic(tlp)) {
		p->atomic = tlpb__atomic(tlp);
		p->face.atomic = &p->atomic;
	}
	if (p->face.write && len)
		memcpy(p->bytes, tlp->payload + tlpb_first_byte(tlp->first_be), len);
	LIST_INSERT_HEAD(&f->ep->requests, p, entry);
	f->ep->posted_with_model += p->face.posted;
	f->posted_with_model += p->face.posted;
	return p;
}

static void msix_access(struct pending_request *p)
{
	struct tlpb_ep_request *r = &p->face;
	struct function *f = p->f;

	if (r->write)
		tlpb__msix_write(&f->msix, r->region, r->offset, r->data, r->byte_enable, r->length);
	else
		tlpb__msix_read(&f->msix, r->region, r->offset, r->data, r->length);
	tlpb_ep_complete(f->ep, r, TLPB_CPL_SC);
	if (f->ep->link)
		tlpb__ep_irq_update(f);
}

/* Where a memory or I/O request goes. */
struct place {
	struct function *f;
	unsigned region;
	uint64_t offset;
};

/* False: no function claims it. */
static bool find_place(const tlpb_ep *ep, const struct tlpb_tlp *tlp, struct place *place)
{
	bool io = tlp->kind == TLPB_IORD || tlp->kind == TLPB_IOWR;
	uint64_t addr = tlpb__request_address(tlp);
	unsigned len = tlpb__request_bytes(tlp);

	for (unsigned i = 0; i < ep->functions; i++) {
		struct function *f = ep->list[i];
		int region = f->there ? tlpb__config_match(&f->config, io, addr, len ? len : 1,
							   &place->offset) : -1;

		if (region < 0)
			continue;
		place->f = f;
		place->region = (unsigned)region;
		return true;
	}
	return false;
}

static bool region_allows(const struct place *place, const struct tlpb_tlp *tlp)
{
	uint32_t need = is_write(tlp) ? TLPB_REGION_WRITE : TLPB_REGION_READ;

	if (tlpb__is_atomic(tlp))
		need = TLPB_REGION_READ | TLPB_REGION_WRITE;
	return (place->f->config.device.region[place->region].flags & need) == need;
}

/* Poisoned data must not modify anything (2.7.2.2). */
static bool is_poisoned(const struct tlpb_tlp *tlp)
{
	return tlp->ep && tlpb_kind_has_data(tlp->kind);
}

/* The MSI-X table and PBA are written and read, and nothing else. */
static bool msix_takes(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_MRD || tlp->kind == TLPB_MWR;
}

static bool is_msix(const struct place *place, const struct tlpb_tlp *tlp)
{
	return tlpb__msix_claims(&place->f->msix, place->region, place->offset,
				 tlpb__request_bytes(tlp));
}

static bool allowed(const struct place *place, const struct tlpb_tlp *tlp)
{
	return region_allows(place, tlp) && !is_poisoned(tlp) && supported(place->f, tlp) &&
	       (!is_msix(place, tlp) || msix_takes(tlp));
}

/* False: it is the model's now. */
static bool on_access(tlpb_ep *ep, const struct tlpb_tlp *tlp, uint64_t time_ps)
{
	struct pending_request *p;
	struct place place;

	if (!find_place(ep, tlp, &place)) {
		refuse_unclaimed(ep, tlp);
		return true;
	}
	if (!allowed(&place, tlp)) {
		refuse(place.f, tlp);
		return true;
	}
	if (is_write(tlp) && !tlpb__request_bytes(tlp) && tlp->kind != TLPB_IOWR) {
		complete_without_data(place.f, tlp, TLPB_CPL_SC);
		return true;	/* no byte enabled: nothing to write */
	}
	p = new_request(place.f, tlp, time_ps);
	if (!p) {
		tlpb__link_fail(ep->link, TLPB_REASON_INTERNAL, "out of memory");
		return true;
	}
	p->face.region = place.region;
	p->face.offset = place.offset;
	if (is_msix(&place, tlp))
		msix_access(p);
	else
		place.f->ops.access(place.f->ctx, &p->face);
	return false;
}


/* ---- order ---- */

bool tlpb__ep_is_config(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_CFGRD0 || tlp->kind == TLPB_CFGRD1 ||
	       tlp->kind == TLPB_CFGWR0 || tlp->kind == TLPB_CFGWR1;
}

static bool is_access(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_MRD || tlp->kind == TLPB_MWR || tlp->kind == TLPB_DMWR ||
	       tlp->kind == TLPB_IORD || tlp->kind == TLPB_IOWR || tlpb__is_atomic(tlp);
}

struct function *tlpb__ep_target(const tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	struct place place;

	if (tlpb__ep_is_config(tlp))
		return config_target(ep, tlp);
	return is_access(tlp) && find_place(ep, tlp, &place) ? place.f : NULL;
}

/* Its acknowledgement says that all before it is done. */
static bool is_turn_off(const struct tlpb_tlp *tlp)
{
	return tlp->kind == TLPB_MSG && tlp->message_code == TLPB_MSG_PME_TURN_OFF;
}

static bool answered_here(const tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	struct place place;

	if (tlpb__ep_is_config(tlp) || is_turn_off(tlp))
		return true;
	return is_access(tlp) && find_place(ep, tlp, &place) && is_msix(&place, tlp);
}

static bool must_wait(const tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	return ep->posted_with_model && answered_here(ep, tlp);
}

/* As tlpb__ep_request(). */
static bool execute(tlpb_ep *ep, const struct tlpb_tlp *tlp, uint64_t time_ps)
{
	if (is_access(tlp))
		return on_access(ep, tlp, time_ps);
	if (tlpb__ep_is_config(tlp))
		on_config(ep, tlp);
	else if (tlp->kind != TLPB_MSG && tlp->kind != TLPB_MSGD)
		refuse_unclaimed(ep, tlp);	/* locked reads: none here */
	else
		tlpb__ep_on_message(ep, tlp);
	return true;
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

static void release_tlp(tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	struct tlpb_credits credits = tlpb_tlp_credits(tlp);

	if (ep->link)
		tlpb__link_release(ep->link, &credits);
}

/* What executes may complete at once and come back in here: the outer call goes on then. */
void tlpb__ep_release_held(tlpb_ep *ep)
{
	if (ep->releasing || STAILQ_EMPTY(&ep->held))
		return;
	ep->releasing = true;
	while (ep->link && !STAILQ_EMPTY(&ep->held) &&
	       !must_wait(ep, &STAILQ_FIRST(&ep->held)->tlp)) {
		struct held_request *h = take_held(ep);

		if (execute(ep, &h->tlp, h->time_ps))
			release_tlp(ep, &h->tlp);
		free(h);
	}
	ep->releasing = false;
	if (ep->link)
		tlpb__link_flush(ep->link);
}

bool tlpb__ep_request(tlpb_ep *ep, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	if (STAILQ_EMPTY(&ep->held) && !must_wait(ep, tlp))
		return execute(ep, tlp, frame->time_ps);
	hold(ep, tlp, frame->time_ps);
	return false;
}

/* ---- reset and end ---- */

/*
 * Completions of requests that the model still has will be dropped, and a host
 * without completion timeout would wait for ever: they are answered now.
 */
static void refuse_pending(struct function *f)
{
	struct pending_request *p;

	LIST_FOREACH(p, &f->ep->requests, entry)
		if (p->f == f && is_current(p))
			turn_away(f, &p->tlp);
}

static bool is_for(const struct function *f, const struct tlpb_tlp *tlp)
{
	struct place place;

	if (tlpb__ep_is_config(tlp))
		return config_target(f->ep, tlp) == f;
	return is_access(tlp) && find_place(f->ep, tlp, &place) ? place.f == f : f == f->ep->f0;
}

/*
 * Writes that came before the reset still reach the model; it has those before them already.
 * What is for other functions stays where it is.
 */
static void flush_held(struct function *f, bool link_lost)
{
	tlpb_ep *ep = f->ep;
	STAILQ_HEAD(, held_request) others = STAILQ_HEAD_INITIALIZER(others);

	while (!STAILQ_EMPTY(&ep->held)) {
		struct held_request *h = take_held(ep);
		bool over = true;

		if (!is_for(f, &h->tlp)) {
			STAILQ_INSERT_TAIL(&others, h, entry);
			continue;
		}
		if (h->tlp.kind == TLPB_MWR && !answered_here(ep, &h->tlp))
			over = execute(ep, &h->tlp, h->time_ps);
		else if (!link_lost)
			turn_away(f, &h->tlp);
		if (over && !link_lost)
			release_tlp(ep, &h->tlp);
		free(h);
	}
	STAILQ_CONCAT(&ep->held, &others);
}

void tlpb__ep_requests_reset(struct function *f, bool link_lost)
{
	if (!link_lost)
		refuse_pending(f);
	flush_held(f, link_lost);
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
	free(ep->spare_request);
}

/* ---- for who asks ---- */

/* The oldest is the last of the list; those of before a reset are nobody's any more. */
void tlpb__ep_requests_outstanding(const tlpb_ep *ep, struct tlpb_outstanding *out)
{
	const struct pending_request *p, *oldest = NULL;
	const struct held_request *h;

	*out = (struct tlpb_outstanding){ 0 };
	LIST_FOREACH(p, &ep->requests, entry) {
		if (!is_current(p))
			continue;
		out->requests++;
		oldest = p;
	}
	STAILQ_FOREACH(h, &ep->held, entry)
		out->requests++;
	if (!oldest)
		return;
	out->oldest_ms = (uint32_t)(monotonic_coarse_ms() - oldest->since_ms);
	tlpb_tlp_text(&oldest->tlp, out->oldest, sizeof out->oldest);
}
