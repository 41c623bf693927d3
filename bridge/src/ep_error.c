/* SPDX-License-Identifier: MIT */
/*
 * Errors that the endpoint detects (6.2): which they are. What they set in the registers, and whether a
 * message tells of them, is config_aer.c's matter.
 */
#include <string.h>

#include "bytes.h"
#include "config_aer.h"
#include "ep_private.h"

static const uint8_t message_codes[] = {
	[ERROR_MESSAGE_COR] = TLPB_MSG_ERR_COR,
	[ERROR_MESSAGE_NONFATAL] = TLPB_MSG_ERR_NONFATAL,
	[ERROR_MESSAGE_FATAL] = TLPB_MSG_ERR_FATAL,
};

static void send_message(const struct function *f, enum error_message message)
{
	struct tlpb_tlp tlp = {
		.kind = TLPB_MSG, .hdr_4dw = true, .requester_id = tlpb__function_id(f),
		.routing = TLPB_ROUTE_TO_ROOT, .message_code = message_codes[message],
	};

	if (message != ERROR_MESSAGE_NONE && tlpb_ep_is_up(f->ep))
		tlpb__link_send_tlp(f->ep->link, &tlp, 0);
}

/* The header as software reads it: doublewords as numbers, without prefixes. */
static void header_of(const struct tlpb_tlp *tlp, uint32_t header[4])
{
	static const uint8_t no_data[TLPB_MAX_PAYLOAD];
	struct tlpb_tlp copy = *tlp;
	uint8_t bytes[TLPB_MAX_TLP];
	const uint8_t *p = bytes;
	unsigned dws;

	if (tlpb_kind_has_data(copy.kind)) {	/* a pending request has moved its data */
		copy.payload = no_data;
		copy.payload_len = 4u * copy.length_dw;
	}
	copy.prefix_count = 0;
	copy.has_pasid = false;
	memset(header, 0, 4 * sizeof *header);
	if (tlpb_tlp_pack(&copy, bytes, sizeof bytes) < 0)
		return;
	dws = p[0] & 0x20 ? 4 : 3;
	for (unsigned i = 0; i < dws; i++)
		header[i] = get_be32(p + 4 * i);
}

static void report(struct function *f, unsigned error, const struct tlpb_tlp *tlp)
{
	uint32_t header[4];

	if (tlpb__ep_is_raw(f->ep) && !f->ep->keep_config)
		return;		/* the registers are the model's */
	if (tlp)
		header_of(tlp, header);
	send_message(f, tlpb__config_aer_report(&f->config, error, tlp ? header : NULL));
}

/* A requester hears of what happens to a non-posted request: advisory (6.2.3.2.4.1). */
static unsigned if_answered(const struct tlpb_tlp *request)
{
	return tlpb_kind_class(request->kind) == TLPB_NON_POSTED ? AER_AS_ADVISORY : 0;
}

void tlpb__ep_error_request(struct function *f, const struct tlpb_tlp *request,
			    enum tlpb_cpl_status status)
{
	if (request->ep && tlpb_kind_has_data(request->kind))
		report(f, AER_POISONED | if_answered(request), request);
	else if (status == TLPB_CPL_UR)
		report(f, AER_UNSUPPORTED_REQUEST | if_answered(request), request);
	else if (status == TLPB_CPL_CA)
		report(f, AER_COMPLETER_ABORT | if_answered(request), request);
}

/* The function that made the request of a completion. */
static struct function *requester(const tlpb_ep *ep, uint16_t id)
{
	struct function *f = tlpb__function_of_id(ep, id);

	return f ? f : ep->f0;
}

void tlpb__ep_error_unexpected(tlpb_ep *ep, const struct tlpb_tlp *completion)
{
	report(requester(ep, completion->requester_id), AER_UNEXPECTED_COMPLETION | AER_AS_ADVISORY, completion);
}

/* The model is told with the result of its DMA, and may go on: advisory (6.2.3.2.4.3). */
void tlpb__ep_error_completion(tlpb_ep *ep, const struct tlpb_tlp *completion)
{
	struct function *f = requester(ep, completion->requester_id);

	if (completion->status == TLPB_CPL_CA)
		tlpb__config_set_status(&f->config, STATUS_TARGET_ABORT_RECEIVED);
	else if (completion->status == TLPB_CPL_UR)
		tlpb__config_set_status(&f->config, STATUS_MASTER_ABORT_RECEIVED);
	else if (completion->ep && completion->payload_len)
		report(f, AER_POISONED | AER_AS_ADVISORY, completion);
}

void tlpb__ep_error_timeout(tlpb_ep *ep, uint16_t requester_id)
{
	report(requester(ep, requester_id), AER_COMPLETION_TIMEOUT, NULL);
}

void tlpb__ep_error_injected(tlpb_ep *ep, unsigned error, const struct tlpb_tlp *tlp)
{
	report(ep->f0, error, error < AER_COR ? tlp : NULL);
}

int tlpb_ep_report(tlpb_ep *ep, enum tlpb_ep_error error)
{
	static const unsigned errors[] = {
		[TLPB_EP_CORRECTABLE] = AER_COR_INTERNAL, [TLPB_EP_UNCORRECTABLE] = AER_INTERNAL,
	};

	if (!tlpb_ep_is_up(ep))
		return TLPB_ERR_CLOSED;
	report(ep->f0, errors[error], NULL);
	tlpb__link_flush(ep->link);
	return 0;
}
