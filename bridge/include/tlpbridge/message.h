/* SPDX-License-Identifier: MIT */
/*
 * Message TLPs that are more than a code (2.2.8): made, and read. For tlpb_ep_message() and
 * tlpb_rc_message(), and for what the message callbacks get. Pure functions, any thread.
 */
#ifndef TLPBRIDGE_MESSAGE_H
#define TLPBRIDGE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/tlp.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A Vendor_Defined message (2.2.8.6). Of type 0, one that its receiver does not know is an
 * Unsupported Request; of type 1, it is dropped without a word.
 */
struct tlpb_vendor_message {
	unsigned type;		/* 0 or 1 */
	uint16_t vendor_id;	/* who defines it */
	uint8_t routing;	/* enum tlpb_msg_routing: to root, by ID, broadcast or local */
	uint16_t target_id;	/* by ID: Bus[15:8] Device[7:3] Function[2:0] */
	uint32_t word;		/* the vendor's: bytes 12 to 15 of the header, the first one on top */
	const void *data;	/* borrowed; len bytes, a multiple of 4; NULL: none */
	size_t len;
};

/* The TLP; its payload is v->data. */
struct tlpb_tlp tlpb_vendor_message_tlp(const struct tlpb_vendor_message *v);

/* False: it is no Vendor_Defined message. v->data is the TLP's payload. */
bool tlpb_vendor_message_read(const struct tlpb_tlp *tlp, struct tlpb_vendor_message *v);

/*
 * Latency Tolerance Reporting (2.2.8.8, 6.18): bit 15: there is a requirement; bits 12:10: scale,
 * 32^scale ns; bits 9:0: value.
 */
struct tlpb_tlp tlpb_ltr_tlp(uint16_t snoop, uint16_t no_snoop);

/* Set_Slot_Power_Limit (2.2.8.5): bits 7:0 value, bits 9:8 scale, 10^-scale W. dw: its memory. */
struct tlpb_tlp tlpb_slot_power_limit_tlp(uint16_t limit, uint8_t dw[4]);

#ifdef __cplusplus
}
#endif
#endif
