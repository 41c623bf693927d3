/* SPDX-License-Identifier: MIT */
/*
 * Errors that the endpoint detects (6.2): which they are. What they set in the registers, and whether a
 * message tells of them, is config_aer.c's matter.
 */
#include "config_aer.h"
#include "ep_private.h"
#include "tlp_form.h"

static const uint8_t message_codes[] = {
	[ERROR_MESSAGE_COR] = TLPB_MSG_ERR_COR,
	[ERROR_MESSAGE_NONFATAL] = TLPB_MSG_ERR_NONFATAL,
	[ERROR_MESSAGE_FATAL] = TLPB_MSG_ERR_FATAL,
};

enum { MESSAGES_WAITING_MAX = 64 };

/*
 * While the host has no credits for it a message waits; where many wait already it is left out, as the
 * registers tell the same: a host that makes errors and takes no messages must not fill our memory.
 */
static bool may_wait(tlpb_ep *ep, const struct tlpb_tlp *msg)
{
	struct tlpb_credits cost = tlpb_tlp_credits(msg);

	return tlpb__link_has_room(ep->link, &cost) ||
	       ep->error_messages_waiting++ < MESSAGES_WAITING_MAX;
}

static void send_message(const struct function *f, enum error_message message)
{
	struct tlpb_tlp tlp = {
		.kind = TLPB_MSG, .hdr_4dw = true, .requester_id = tlpb__function_id(f),
		.routing = TLPB_ROUTE_TO_ROOT, .message_code = message_codes[message],
	};

	if (message != ERROR_MESSAGE_NONE && tlpb_ep_is_up(f->ep) && may_wait(f->ep, &tlp))
		tlpb__link_send_tlp(f->ep->link, &tlp, 0);
}

/* Else the registers are the model's. */
static bool has_registers(const tlpb_ep *ep)
{
	return !tlpb__ep_is_raw(ep) || ep->keep_config;
}

/* header: NULL, none is logged. */
static void report_header(struct function *f, unsigned error, const uint32_t header[4])
{
	if (has_registers(f->ep))
		send_message(f, tlpb__config_aer_report(&f->config, error, header));
}

static void report(struct function *f, unsigned error, const struct tlpb_tlp *tlp)
{
	uint32_t header[4];

	if (tlp)
		tlpb__tlp_header_log_of(tlp, header);
	report_header(f, error, tlp ? header : NULL);
}

/*
 * What concerns no function is logged by all but the virtual ones, and told once with each severity
 * (6.2.4, 9.4.2).
 */
static void report_device(tlpb_ep *ep, unsigned error, const uint32_t header[4])
{
	unsigned told = 1u << ERROR_MESSAGE_NONE;

	for (unsigned i = 0; i < ep->functions && has_registers(ep); i++) {
		struct function *f = ep->list[i];
		enum error_message message;

		if (f->pf)
			continue;
		message = tlpb__config_aer_report(&f->config, error, header);
		if (!(told >> message & 1))
			send_message(f, message);
		told |= 1u << message;
	}
}

static void report_device_tlp(tlpb_ep *ep, unsigned error, const struct tlpb_tlp *tlp)
{
	uint32_t header[4];

	tlpb__tlp_header_log_of(tlp, header);
	report_device(ep, error, header);
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

void tlpb__ep_error_unclaimed(tlpb_ep *ep, const struct tlpb_tlp *request)
{
	report_device_tlp(ep, AER_UNSUPPORTED_REQUEST | if_answered(request), request);
}

/* The function that made the request of a completion; NULL: none of them. */
static struct function *requester(const tlpb_ep *ep, uint16_t id)
{
	return tlpb__function_of_id(ep, id);
}

void tlpb__ep_error_unexpected(tlpb_ep *ep, const struct tlpb_tlp *completion)
{
	struct function *f = requester(ep, completion->requester_id);
	unsigned error = AER_UNEXPECTED_COMPLETION | AER_AS_ADVISORY;

	if (f)
		report(f, error, completion);
	else
		report_device_tlp(ep, error, completion);
}

/* The model is told with the result of its DMA, and may go on: advisory (6.2.3.2.4.3). */
static void poisoned_completion(struct function *f, const struct tlpb_tlp *completion)
{
	tlpb__config_master_parity(&f->config);
	report(f, AER_POISONED | AER_AS_ADVISORY, completion);
}

/* It was the answer of a request of that ID, so there is such a function. */
void tlpb__ep_error_completion(tlpb_ep *ep, const struct tlpb_tlp *completion)
{
	struct function *f = requester(ep, completion->requester_id);

	if (!f)
		return;
	if (completion->status == TLPB_CPL_CA)
		tlpb__config_set_status(&f->config, STATUS_TARGET_ABORT_RECEIVED);
	else if (completion->status == TLPB_CPL_UR)
		tlpb__config_set_status(&f->config, STATUS_MASTER_ABORT_RECEIVED);
	else if (completion->ep && completion->payload_len)
		poisoned_completion(f, completion);
}

void tlpb__ep_error_timeout(tlpb_ep *ep, uint16_t requester_id)
{
	struct function *f = requester(ep, requester_id);

	if (f)
		report(f, AER_COMPLETION_TIMEOUT, NULL);
}

/* Without prefixes the header begins there; for every TLP, so it is quick. */
static bool may_be_poisoned(const uint8_t *bytes)
{
	return bytes[0] & FMT_PREFIX || bytes[2] & 0x40;
}

void tlpb__ep_error_sent(tlpb_ep *ep, const uint8_t *bytes, size_t len)
{
	struct function *f;
	struct tlpb_tlp tlp;

	if (!may_be_poisoned(bytes) || tlpb_tlp_unpack(bytes, len, &tlp) || !tlp.ep || !tlp.payload_len ||
	    tlpb_kind_class(tlp.kind) == TLPB_COMPLETION)
		return;
	f = requester(ep, tlp.requester_id);
	if (f && has_registers(ep))
		tlpb__config_master_parity(&f->config);
}

void tlpb__ep_error_link(tlpb_ep *ep, unsigned error, const uint8_t *bytes, size_t len)
{
	uint32_t header[4];

	if (bytes)
		tlpb__tlp_header_log(bytes, len, header);
	report_device(ep, error, bytes ? header : NULL);
}

/* As if it had met it there: what is of the link and of no function is all functions' matter. */
static bool is_of_device(unsigned error)
{
	return error == AER_DATA_LINK_PROTOCOL || error == AER_FLOW_CONTROL ||
	       error == AER_RECEIVER_OVERFLOW || error == AER_MALFORMED || error == AER_ECRC ||
	       (error >= AER_COR && error < AER_COR_ADVISORY);
}

static void report_injected(struct function *f, unsigned error, const uint32_t header[4])
{
	if (is_of_device(error))
		report_device(f->ep, error, header);
	else
		report_header(f, error, header);
}

void tlpb__ep_error_injected(tlpb_ep *ep, unsigned error, const struct tlpb_tlp *tlp)
{
	struct function *f = tlpb__ep_target(ep, tlp);
	uint32_t header[4];

	tlpb__tlp_header_log_of(tlp, header);
	report_injected(f ? f : ep->f0, error, error < AER_COR ? header : NULL);
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

/* ---- ECRC: software enables it in each function (7.8.4.7) ---- */

/* A virtual function does as its physical one. */
void tlpb__ep_update_ecrc(tlpb_ep *ep)
{
	bool generate = false, check = false;

	for (unsigned i = 0; i < ep->functions; i++) {
		const struct function *f = ep->list[i];

		generate = generate || (!f->pf && tlpb__config_ecrc_generate(&f->config));
		check = check || (!f->pf && tlpb__config_ecrc_check(&f->config));
	}
	if (ep->link)
		tlpb__link_set_ecrc(ep->link, generate, check);
}

bool tlpb__ep_has_ecrc(const tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	bool completion = tlpb_kind_class(tlp->kind) == TLPB_COMPLETION;
	const struct function *f = tlpb__function_of_id(ep, completion ? tlp->completer_id
								   : tlp->requester_id);

	return tlpb__config_ecrc_generate(f ? &f->config : &ep->f0->config);
}
