/* SPDX-License-Identifier: MIT */
/*
 * Errors that a root complex detects (6.2): which they are. What they set in registers, and whether its
 * software hears of them, is the host's matter.
 */
#include "rc_private.h"
#include "tlp_form.h"

static void report(tlpb_rc *rc, enum tlpb_rc_error error, bool advisory, const uint32_t header[4])
{
	struct tlpb_rc_error_report r = { .error = error, .advisory = advisory,
					  .has_header = header != NULL };

	for (unsigned i = 0; header && i < 4; i++)
		r.header[i] = header[i];
	rc->stats.errors[error]++;
	if (rc->ready && rc->ops.error)
		rc->ops.error(rc->ctx, &r);
}

void tlpb__rc_error(tlpb_rc *rc, enum tlpb_rc_error error, bool advisory, const struct tlpb_tlp *tlp)
{
	uint32_t header[4];

	if (tlp)
		tlpb__tlp_header_log_of(tlp, header);
	report(rc, error, advisory, tlp ? header : NULL);
}

void tlpb__rc_error_link(tlpb_rc *rc, unsigned error, const uint8_t *bytes, size_t len)
{
	uint32_t header[4];

	if (bytes)
		tlpb__tlp_header_log(bytes, len, header);
	if (error < TLPB_RC_ERRORS)
		report(rc, (enum tlpb_rc_error)error, false, bytes ? header : NULL);
}

/* The endpoint hears of what happens to a non-posted request: advisory (6.2.3.2.4.1). */
void tlpb__rc_error_request(tlpb_rc *rc, const struct tlpb_tlp *request, enum tlpb_cpl_status status)
{
	bool advisory = tlpb_kind_class(request->kind) == TLPB_NON_POSTED;

	if (request->ep && tlpb_kind_has_data(request->kind))
		tlpb__rc_error(rc, TLPB_RC_POISONED, advisory, request);
	else if (status == TLPB_CPL_UR)
		tlpb__rc_error(rc, TLPB_RC_UNSUPPORTED_REQUEST, advisory, request);
	else if (status == TLPB_CPL_CA)
		tlpb__rc_error(rc, TLPB_RC_COMPLETER_ABORT, advisory, request);
}
