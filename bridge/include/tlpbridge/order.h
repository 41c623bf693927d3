/* SPDX-License-Identifier: MIT */
/*
 * The ordering rules (2.4.1): may a TLP pass one that was sent before it, in the same
 * traffic class? Pure functions, any thread.
 */
#ifndef TLPBRIDGE_ORDER_H
#define TLPBRIDGE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/tlp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The rows and columns of the table. */
enum tlpb_order_class {
	TLPB_ORDER_P,		/* posted request */
	TLPB_ORDER_NPR,		/* read request: memory, I/O, configuration */
	TLPB_ORDER_NPD,		/* non-posted request with data: I/O and configuration writes, atomics */
	TLPB_ORDER_CPL,		/* completion */
	TLPB_ORDER_CLASSES,
};

enum tlpb_order_verdict {
	TLPB_ORDER_MUST_NOT,	/* the later one may not pass */
	TLPB_ORDER_MAY,
	TLPB_ORDER_MUST,	/* it must be able to pass, or deadlock is possible */
};

/* What the rules look at. */
struct tlpb_order {
	enum tlpb_order_class cls;
	bool ro, ido;
	uint16_t id;			/* requester ID of a request, completer ID of a completion */
	bool has_pasid;
	uint32_t pasid;
	bool of_io_or_config_write;	/* completion: of an I/O or configuration write */
	uint32_t transaction;		/* completion: requester ID << 16 | tag */
};

/* of_io_or_config_write: a completion does not tell itself what it completes. */
struct tlpb_order tlpb_order_of(const struct tlpb_tlp *tlp, bool of_io_or_config_write);

enum tlpb_order_verdict tlpb_may_pass(const struct tlpb_order *later, const struct tlpb_order *earlier);

/* "MUST_NOT", "MAY", "MUST". */
const char *tlpb_order_verdict_name(enum tlpb_order_verdict verdict);

#ifdef __cplusplus
}
#endif
#endif
