/* SPDX-License-Identifier: MIT */
/* Which messages may be sent, and what becomes of one that its receiver does not know. */
#ifndef TLPB_MESSAGE_CHECK_H
#define TLPB_MESSAGE_CHECK_H

#include <stdbool.h>

#include <tlpbridge/tlp.h>

/*
 * May the message be sent with payloads up to mps bytes? 0, TLPB_ERR_INVALID (no message, or no
 * encoding) or TLPB_ERR_MALFORMED.
 */
int tlpb__message_check(const struct tlpb_tlp *msg, unsigned mps);

/* Is this a message that an endpoint sends to a root complex, or the other way round, or both? */
bool tlpb__message_goes_up(const struct tlpb_tlp *msg);
bool tlpb__message_goes_down(const struct tlpb_tlp *msg);

/* Its receiver does not know it: is that an error (Unsupported Request)? */
bool tlpb__message_must_be_known(const struct tlpb_tlp *msg);

#endif
