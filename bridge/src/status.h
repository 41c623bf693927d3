/* SPDX-License-Identifier: MIT */
/* Counting TLPs, and the bodies of STATUS and STATUS_REPLY. Pure functions. */
#ifndef TLPB_STATUS_H
#define TLPB_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/status.h>

/* Count a TLP by its first bytes; whether it is well-formed does not matter. */
void tlpb__count_tlp(struct tlpb_counters *counters, const uint8_t *tlp, size_t len);

/* Return bytes written, or TLPB_ERR_TOO_LARGE. */
int tlpb__status_question(uint8_t *bytes, size_t size);
int tlpb__status_encode(const struct tlpb_status *status, uint8_t *bytes, size_t size);

/* Untrusted. 0, TLPB_ERR_TRUNCATED, or TLPB_ERR_PROTOCOL: not of this protocol or version. */
int tlpb__status_decode(const uint8_t *bytes, size_t len, struct tlpb_status *status);

#endif
