/* SPDX-License-Identifier: MIT */
/* The root complex as completer: the endpoint's DMA, interrupts and messages. */
#include "completer.h"
#include "rc_private.h"

enum { ROOT_ID = 0 };	/* the root complex answers as 00:00.0 */

static enum tlpb_cpl_status status_of(int err)
{
	switch (err) {
	case TLPB_ERR_BUS_MASTER_OFF:
	case TLPB_ERR_NO_ADDRESS:
	case TLPB_ERR_ACCESS:
	case TLPB_ERR_UNSUPPORTED:
	case TLPB_ERR_POISONED:
		return TLPB_CPL_UR;
	default:
		return TLPB_CPL_CA;
	}
}

/* Answered with an error, which is the root complex's, too. */
static void answer_status(tlpb_rc *rc, const struct tlpb_tlp *tlp, enum tlpb_cpl_status status,
			  unsigned left)
{
	tlpb__rc_error_request(rc, tlp, status);
	tlpb__complete_status(rc->link, tlp, ROOT_ID, status, left);
}

static int read_memory(tlpb_rc *rc, const struct tlpb_tlp *tlp, uint64_t addr, void *buf, size_t n)
{
	if (!rc->ops.mem_read)
		return TLPB_ERR_NO_ADDRESS;
	return rc->ops.mem_read(rc->ctx, tlp, addr, buf, n);
}

static void on_flush(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	static const uint8_t no_data[4];

	tlpb__complete_register(rc->link, tlp, ROOT_ID, no_data, false);
}

/* Memory is read a completion at a time, so that a failure comes at the byte where it is. */
static void on_read(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	uint64_t addr = tlpb__request_address(tlp);
	unsigned left = tlpb__request_bytes(tlp);
	unsigned peer = tlpb__link_peer(rc->link)->mps;
	unsigned mps = rc->mps < peer ? rc->mps : peer;
	uint8_t data[TLPB_MAX_PAYLOAD];

	rc->stats.dma_reads++;
	if (!left) {
		on_flush(rc, tlp);
		return;
	}
	while (left) {
		size_t n = tlpb_next_completion(addr, left, mps, rc->rcb);
		int err = read_memory(rc, tlp, addr, data, n);

		if (err) {
			answer_status(rc, tlp, status_of(err), left);
			return;
		}
		tlpb__complete_data(rc->link, tlp, ROOT_ID, addr, data, n, left, false);
		rc->stats.dma_read_bytes += n;
		addr += n;
		left -= (unsigned)n;
	}
}

static void report_fault(tlpb_rc *rc, const struct frame *frame, uint64_t addr, int err)
{
	struct dma_fault fault = { .mark = frame->mark, .reason = (uint16_t)-err,
				   .addr = addr };

	rc->stats.dma_faults++;
	if (tlpb__link_features(rc->link) & TLPB_FEATURE_DMA_FAULT)
		tlpb__link_send_fault(rc->link, &fault);
}

static int write_memory(tlpb_rc *rc, const struct tlpb_tlp *tlp, uint64_t addr,
			const uint8_t *data, size_t n)
{
	rc->stats.dma_write_bytes += n;
	if (tlp->ep)
		return TLPB_ERR_POISONED;
	if (!rc->ops.mem_write)
		return TLPB_ERR_NO_ADDRESS;
	return rc->ops.mem_write(rc->ctx, tlp, addr, data, n);
}

static unsigned run_end(const struct tlpb_tlp *tlp, unsigned from, unsigned span)
{
	unsigned end = from;

	if (tlpb__all_enabled(tlp))
		return span;
	while (end < span && tlpb__byte_enabled(tlp, end))
		end++;
	return end;
}

/* One call for each run of enabled bytes. */
static void on_write(tlpb_rc *rc, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	uint64_t addr = tlpb__request_address(tlp);
	const uint8_t *data = tlp->payload + tlpb_first_byte(tlp->first_be);
	unsigned span = tlpb__request_bytes(tlp);

	rc->stats.dma_writes++;
	for (unsigned i = 0, end; i < span; i = end + 1) {
		int err = 0;

		end = run_end(tlp, i, span);
		if (end > i)
			err = write_memory(rc, tlp, addr + i, data + i, end - i);
		if (err) {
			tlpb__rc_error_request(rc, tlp, status_of(err));
			report_fault(rc, frame, addr + i, err);
			return;
		}
	}
}

/* 0 or why not. A poisoned operand must not modify memory (2.7.2.2). */
static int do_atomic(tlpb_rc *rc, const struct tlpb_tlp *tlp, uint8_t *old)
{
	struct tlpb_atomic atomic = tlpb__atomic(tlp);

	if (tlp->ep || !rc->ops.atomic)
		return TLPB_ERR_UNSUPPORTED;
	return rc->ops.atomic(rc->ctx, tlp, tlp->address, &atomic, old);
}

static void on_atomic(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	uint8_t old[TLPB_ATOMIC_MAX] = { 0 };
	int err = do_atomic(rc, tlp, old);

	rc->stats.dma_atomics++;
	if (err)
		answer_status(rc, tlp, status_of(err), tlpb__bytes_asked(tlp));
	else
		tlpb__complete_atomic(rc->link, tlp, ROOT_ID, old, false);
}

/* A payload whose bytes are not all enabled would need several calls, and could end in part. */
static int do_dmwr(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	unsigned len = tlpb__request_bytes(tlp);

	if (tlp->ep || !rc->ops.dmwr)
		return TLPB_ERR_UNSUPPORTED;
	if (!tlpb__all_enabled(tlp))
		return TLPB_ERR_UNSUPPORTED;
	if (!len)
		return 0;
	return rc->ops.dmwr(rc->ctx, tlp, tlpb__request_address(tlp),
			    tlp->payload + tlpb_first_byte(tlp->first_be), len);
}

static void on_dmwr(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	int err = do_dmwr(rc, tlp);
	enum tlpb_cpl_status status = err == TLPB_ERR_CRS ? TLPB_CPL_CRS :
				      err ? status_of(err) : TLPB_CPL_SC;

	rc->stats.dma_deferrable_writes++;
	answer_status(rc, tlp, status, tlpb__bytes_asked(tlp));
}

/* I/O, configuration and locked requests from an endpoint: this root complex has none. */
static void refuse(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	if (tlpb_kind_class(tlp->kind) == TLPB_NON_POSTED)
		answer_status(rc, tlp, TLPB_CPL_UR, tlpb__bytes_asked(tlp));
}

void tlpb__rc_inbound(tlpb_rc *rc, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	switch (tlp->kind) {
	case TLPB_MRD:
		on_read(rc, tlp);
		break;
	case TLPB_MWR:
		on_write(rc, tlp, frame);
		break;
	case TLPB_DMWR:
		on_dmwr(rc, tlp);
		break;
	case TLPB_FETCHADD:
	case TLPB_SWAP:
	case TLPB_CAS:
		on_atomic(rc, tlp);
		break;
	case TLPB_MSG:
	case TLPB_MSGD:
		tlpb__rc_on_message(rc, tlp);
		break;
	default:
		refuse(rc, tlp);
	}
}
