/* SPDX-License-Identifier: MIT */
/*
 * DMA of an endpoint.
 *
 * Writes leave at once as posted TLPs. Reads, and the flush that makes a write
 * exact, need tags and wait here, in order, until there is one; posted writes
 * that come later may pass them, which the ordering rules allow, and a read
 * cannot pass a write, because the write is in the link already.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ep_private.h"

enum {
	POSTED_MAX = 4 * 1024 * 1024,	/* bytes of posted TLPs that wait, at which no more are taken */
	DONES_MAX = 16,
};

struct dma_op {
	TAILQ_ENTRY(dma_op) entry;
	tlpb_ep *ep;
	struct function *f;
	uint64_t addr;
	uint8_t *buf;
	size_t len;		/* to read; 0: a flush */
	struct tlpb_dma_attr attr;
	size_t issued;		/* bytes asked for so far */
	bool all_issued;
	unsigned outstanding;	/* requests without their last completion */
	int64_t since_ms;

	bool flush;		/* a zero-length read that pushes what came before it */
	bool write;		/* its posted TLPs, of written bytes, bear mark */
	uint32_t mark;
	size_t written;

	int err;
	uint64_t fail_addr;	/* lowest byte that failed */
	tlpb_ep_dma_done *done;
	void *arg;
};

static void note_failure(struct dma_op *op, int err, uint64_t addr)
{
	if (op->err && addr >= op->fail_addr)
		return;
	op->err = err;
	op->fail_addr = addr;
}

static void finish_if_over(struct dma_op *op)
{
	if (op->outstanding || !(op->all_issued || op->err))
		return;
	TAILQ_REMOVE(&op->ep->dma, op, entry);
	op->done(op->arg, op->err, op->fail_addr);
	free(op);
}

static void on_read_done(void *arg, const struct tags_request *request, int err)
{
	struct dma_op *op = arg;

	op->outstanding--;
	if (err)
		note_failure(op, err, tlpb__tags_next_address(request));
	finish_if_over(op);
}

/* That the flush came back tells that the writes before it arrived; its own status does not matter. */
static void on_flush_done(void *arg, const struct tags_request *request, int err)
{
	struct dma_op *op = arg;

	op->outstanding--;
	if (err == TLPB_ERR_CLOSED || err == TLPB_ERR_TIMEDOUT)
		note_failure(op, err, op->addr);
	finish_if_over(op);
}

struct tlpb_tlp tlpb__ep_request_tlp(const struct function *f, enum tlpb_tlp_kind kind, uint64_t addr,
				     const struct tlpb_dma_attr *attr)
{
	static const struct tlpb_dma_attr plain;
	unsigned enabled = tlpb__config_attributes(&f->config);

	if (!attr)
		attr = &plain;
	return (struct tlpb_tlp){
		.kind = kind, .hdr_4dw = addr >> 32 != 0, .requester_id = tlpb__function_id(f),
		.address = addr & ~3ull,
		.tc = attr->tc, .ro = attr->ro && enabled & ATTRIBUTE_RO,
		.ep = attr->poison && tlpb_kind_has_data(kind),
		.ns = attr->ns && enabled & ATTRIBUTE_NS, .ido = attr->ido && enabled & ATTRIBUTE_IDO,
	};
}

static struct tlpb_tlp request_tlp(const struct function *f, enum tlpb_tlp_kind kind, uint64_t addr,
				   size_t len, const struct tlpb_dma_attr *attr)
{
	struct tlpb_tlp tlp = tlpb__ep_request_tlp(f, kind, addr, attr);
	struct tlpb_extent e = tlpb_extent(addr, len);

	tlp.length_dw = e.length_dw;
	tlp.first_be = e.first_be;
	tlp.last_be = e.last_be;
	return tlp;
}

/* False when there is no tag, or the host has no credits. */
static bool issue_next(struct dma_op *op)
{
	tlpb_ep *ep = op->ep;
	unsigned mrrs = tlpb__config_mrrs(&op->f->config);
	uint64_t addr = op->addr + op->issued;
	size_t n = tlpb_next_request(addr, op->len - op->issued, mrrs < ep->mrrs ? mrrs : ep->mrrs);
	struct tlpb_tlp tlp = request_tlp(op->f, TLPB_MRD, addr, n, &op->attr);
	struct tlpb_credits cost = tlpb_tlp_credits(&tlp);
	uint8_t *to = op->buf ? op->buf + op->issued : NULL;	/* NULL: the read behind a write */

	if (!tlpb__link_has_room(ep->link, &cost) ||
	    tlpb__ep_take_tag(op->f, &tlp, to, n,
			      op->flush ? on_flush_done : on_read_done, op))
		return false;
	op->outstanding++;
	op->issued += n;
	op->all_issued = op->issued == op->len;
	tlpb__link_send_tlp(ep->link, &tlp, 0);
	return true;
}

static struct dma_op *first_waiting(const tlpb_ep *ep)
{
	struct dma_op *op;

	TAILQ_FOREACH(op, &ep->dma, entry)
		if (!op->all_issued && !op->err)
			return op;
	return NULL;
}

/* False when none waits, or as above. */
static bool issue_one(tlpb_ep *ep)
{
	struct dma_op *op = tlpb_ep_is_up(ep) ? first_waiting(ep) : NULL;

	if (!op)
		return false;
	if (tlpb__config_bus_master(&op->f->config))
		return issue_next(op);
	note_failure(op, TLPB_ERR_BUS_MASTER_OFF, op->addr + op->issued);
	finish_if_over(op);
	return true;
}

/* What waits for a tag that cannot come takes too long, too. */
static void give_up(tlpb_ep *ep)
{
	struct dma_op *op;

	while ((op = first_waiting(ep))) {
		note_failure(op, TLPB_ERR_TIMEDOUT, op->addr + op->issued);
		finish_if_over(op);
	}
	tlpb__ep_exchange_give_up(ep, TLPB_ERR_TIMEDOUT);
}

/* In turns: neither kind can keep the other from tags. */
void tlpb__ep_dma_pump(tlpb_ep *ep)
{
	bool dma, exchange;

	do {
		exchange = tlpb__ep_exchange_issue(ep);
		dma = issue_one(ep);
	} while (exchange || dma);
	if (tlpb__tags_stuck(&ep->tags))
		give_up(ep);
}

static const struct tlpb_dma_attr plain;

/* NULL: there is no such function. */
static struct function *function_of(const tlpb_ep *ep, const struct tlpb_dma_attr *attr)
{
	return tlpb__function_at(ep, attr ? attr->function : 0);
}

int tlpb__ep_may_start(const tlpb_ep *ep, const struct function *f, const struct tlpb_dma_attr *attr)
{
	if (tlpb__ep_is_raw(ep) || !f || (attr && attr->tc > 7))
		return TLPB_ERR_INVALID;
	if (!tlpb_ep_is_up(ep))
		return TLPB_ERR_CLOSED;
	return tlpb__config_bus_master(&f->config) ? 0 : TLPB_ERR_BUS_MASTER_OFF;
}

static struct dma_op *new_op(struct function *f, uint64_t addr, const struct tlpb_dma_attr *attr,
			     tlpb_ep_dma_done *done, void *arg)
{
	struct dma_op *op = calloc(1, sizeof *op);

	if (!op)
		return NULL;
	op->ep = f->ep;
	op->f = f;
	op->addr = addr;
	op->since_ms = monotonic_ms();
	op->attr = attr ? *attr : plain;
	op->done = done;
	op->arg = arg;
	return op;
}

static void start(struct dma_op *op)
{
	tlpb_ep *ep = op->ep;

	TAILQ_INSERT_TAIL(&ep->dma, op, entry);
	tlpb__ep_dma_pump(ep);
	if (ep->link)
		tlpb__link_flush(ep->link);
}

/* Of DMA that is over. False: later, because so many are inside one another that the stack might not do. */
static bool end_at_once(tlpb_ep *ep, tlpb_ep_dma_done *done, void *arg)
{
	if (ep->dones == DONES_MAX)
		return false;
	ep->dones++;
	done(arg, 0, 0);
	ep->dones--;
	return true;
}

int tlpb_ep_dma_read(tlpb_ep *ep, uint64_t addr, void *buf, size_t len,
		     const struct tlpb_dma_attr *attr,
		     tlpb_ep_dma_done *done, void *arg)
{
	struct function *f = function_of(ep, attr);
	int err = tlpb__ep_may_start(ep, f, attr);
	struct dma_op *op;
	size_t copied;

	if (err)
		return err;
	if (!done || (!buf && len))
		return TLPB_ERR_INVALID;
	copied = tlpb__ep_direct_read(f, addr, buf, len, attr);
	if (len && copied == len && !tlpb__ep_read_needs_flush(ep) && end_at_once(ep, done, arg))
		return 0;
	op = new_op(f, addr, attr, done, arg);
	if (!op)
		return TLPB_ERR_NOMEM;
	if (len && copied == len) {
		op->flush = true;
	} else {
		op->buf = buf;
		op->len = len;
		op->issued = copied;
	}
	start(op);
	return 0;
}

static int send_write(struct function *f, uint64_t addr, const uint8_t *data, size_t n,
		      const struct tlpb_dma_attr *attr, uint32_t mark)
{
	struct tlpb_tlp tlp = request_tlp(f, TLPB_MWR, addr, n, attr);
	uint8_t dws[TLPB_MAX_PAYLOAD];
	size_t lead = addr & 3;

	tlp.payload = dws;
	tlp.payload_len = 4u * tlp.length_dw;
	memset(dws, 0, 4);			/* bytes not enabled are sent as 0 */
	memset(dws + tlp.payload_len - 4, 0, 4);
	memcpy(dws + lead, data, n);
	return tlpb__link_send_tlp(f->ep->link, &tlp, mark);
}

static int send_writes(struct function *f, uint64_t addr, const uint8_t *data, size_t len,
		       const struct tlpb_dma_attr *attr, uint32_t mark)
{
	int err = 0;

	while (len && !err) {
		size_t n = tlpb_next_request(addr, len, tlpb__ep_mps(f));

		err = send_write(f, addr, data, n, attr, mark);
		addr += n;
		data += n;
		len -= n;
	}
	return err;
}

/* 0 is nobody's. */
static uint32_t next_mark(tlpb_ep *ep)
{
	if (!++ep->writes)
		++ep->writes;
	return ep->writes;
}

/* Nobody waits for a write without done, so nothing else would end a model that is faster than its host. */
static bool is_flooded(const tlpb_ep *ep)
{
	return ep->link && tlpb__link_backlog(ep->link) >= POSTED_MAX;
}

int tlpb_ep_dma_write(tlpb_ep *ep, uint64_t addr, const void *data, size_t len,
		      const struct tlpb_dma_attr *attr,
		      tlpb_ep_dma_done *done, void *arg)
{
	struct function *f = function_of(ep, attr);
	struct dma_op *op;
	uint32_t mark;
	size_t copied;
	int err = tlpb__ep_may_start(ep, f, attr);

	if (!err && !done && is_flooded(ep))
		err = TLPB_ERR_BUSY;
	if (err)
		return err;
	copied = tlpb__ep_direct_write(f, addr, data, len, attr);
	if (len && copied == len && (!done || end_at_once(ep, done, arg)))
		return 0;
	addr += copied;
	data = (const uint8_t *)data + copied;
	len -= copied;
	op = done ? new_op(f, addr, attr, done, arg) : NULL;
	if (done && !op)
		return TLPB_ERR_NOMEM;
	mark = done ? next_mark(ep) : 0;
	err = send_writes(f, addr, data, len, attr ? attr : &plain, mark);
	if (err) {
		free(op);
		return err;
	}
	if (op) {
		op->write = op->flush = true;
		op->mark = mark;
		op->written = len;
		start(op);
	} else if (ep->link) {
		tlpb__ep_ask_for_proof(f);
	}
	if (ep->link)
		tlpb__link_flush_posted(ep->link);
	return 0;
}

/* The peer's number: one that is no error of ours is still a failure. */
static int fault_error(const struct dma_fault *fault)
{
	switch (fault->reason) {
#define FAULT_CASE(name, value, text) case value: return TLPB_ERR_##name;
	TLPB_ERR_LIST(FAULT_CASE)
#undef FAULT_CASE
	}
	return TLPB_ERR_IO;
}

/* The peer's address: one outside of the write tells nothing about where. */
static uint64_t fault_address(const struct dma_op *op, const struct dma_fault *fault)
{
	return fault->addr - op->addr < op->written ? fault->addr : op->addr;
}

void tlpb__ep_dma_fault(tlpb_ep *ep, const struct dma_fault *fault)
{
	int err = fault_error(fault);
	struct dma_op *op;

	TAILQ_FOREACH(op, &ep->dma, entry) {
		if (op->write && fault->mark == op->mark) {
			note_failure(op, err, fault_address(op, fault));
			return;
		}
	}
	if (ep->ops.dma_fault)
		ep->ops.dma_fault(ep->ctx, fault->addr, err);
}

bool tlpb__ep_dma_pending(const struct function *f)
{
	const struct dma_op *op;

	TAILQ_FOREACH(op, &f->ep->dma, entry)
		if (op->f == f && op->outstanding)
			return true;
	return tlpb__ep_exchange_pending(f);
}

/* The lost link's tags are free at once, for all functions. */
void tlpb__ep_dma_abort(struct function *f, int err, bool forget)
{
	tlpb_ep *ep = f->ep;
	struct dma_op *op, *next;

	TAILQ_FOREACH(op, &ep->dma, entry)
		if (op->f == f || forget)
			note_failure(op, err, op->addr);
	if (forget)
		tlpb__tags_abort(&ep->tags, err, true);
	tlpb__ep_exchange_abort(f, err);
	/* Those with requests in flight end through their tags, the others here. */
	for (op = TAILQ_FIRST(&ep->dma); op; op = next) {
		next = TAILQ_NEXT(op, entry);
		if (op->f != f)
			continue;
		if (op->outstanding)
			tlpb__tags_abort_of(&ep->tags, op, err);
		else
			finish_if_over(op);
	}
}

/* Oldest first in the list. */
void tlpb__ep_dma_outstanding(const tlpb_ep *ep, struct tlpb_outstanding *out)
{
	const struct dma_op *op = TAILQ_FIRST(&ep->dma);

	*out = (struct tlpb_outstanding){ .requests = ep->tags.used - ep->tags.late };
	if (!op)
		return;
	out->oldest_ms = (uint32_t)(monotonic_ms() - op->since_ms);
	snprintf(out->oldest, sizeof out->oldest, "DMA %s of %zu bytes at 0x%" PRIx64,
		 op->write ? "write" : "read", op->write ? op->written : op->len, op->addr);
}
