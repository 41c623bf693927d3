/* SPDX-License-Identifier: MIT */
/*
 * The table of 2.4.1. Each cell has a verdict, and attributes of the pair of which
 * one is enough for the cell's other verdict.
 */
#include <tlpbridge/order.h>

enum {
	RO = 1,			/* the later one has Relaxed Ordering set */
	IDO = 2,		/* the later one has IDO set, and the two are of different IDs */
	REGISTER_WRITE = 4,	/* the later one completes an I/O or configuration write */
	ONE_TRANSACTION = 8,	/* both complete one request */
};

struct cell {
	uint8_t verdict;	/* enum tlpb_order_verdict */
	uint8_t unless;		/* attributes of the pair, any of which … */
	uint8_t then;		/* … makes it this verdict */
};

#define NO(unless) { TLPB_ORDER_MUST_NOT, unless, TLPB_ORDER_MAY }
#define MAY { TLPB_ORDER_MAY, 0, TLPB_ORDER_MAY }
#define MAY_BUT_NOT_IN(unless) { TLPB_ORDER_MAY, unless, TLPB_ORDER_MUST_NOT }
#define MUST { TLPB_ORDER_MUST, 0, TLPB_ORDER_MUST }

/* Row: the later TLP. Column: the earlier one, that it may pass or not. */
static const struct cell table[TLPB_ORDER_CLASSES][TLPB_ORDER_CLASSES] = {
	/*                earlier: posted              read  NP data  completion */
	[TLPB_ORDER_P]   = { NO(RO | IDO),                  MUST, MUST, MAY },
	[TLPB_ORDER_NPR] = { NO(IDO),                       MAY,  MAY,  MAY },
	[TLPB_ORDER_NPD] = { NO(RO | IDO),                  MAY,  MAY,  MAY },
	[TLPB_ORDER_CPL] = { NO(RO | IDO | REGISTER_WRITE), MUST, MUST,
			     MAY_BUT_NOT_IN(ONE_TRANSACTION) },
};

static bool different_ids(const struct tlpb_order *a, const struct tlpb_order *b)
{
	return a->id != b->id || (a->has_pasid && b->has_pasid && a->pasid != b->pasid);
}

static unsigned attributes(const struct tlpb_order *later, const struct tlpb_order *earlier)
{
	return (later->ro ? RO : 0u) |
	       (later->ido && different_ids(later, earlier) ? IDO : 0u) |
	       (later->of_io_or_config_write ? REGISTER_WRITE : 0u) |
	       (later->transaction == earlier->transaction ? ONE_TRANSACTION : 0u);
}

enum tlpb_order_verdict tlpb_may_pass(const struct tlpb_order *later, const struct tlpb_order *earlier)
{
	const struct cell *cell = &table[later->cls][earlier->cls];
	bool otherwise = cell->unless & attributes(later, earlier);

	return (enum tlpb_order_verdict)(otherwise ? cell->then : cell->verdict);
}

static enum tlpb_order_class class_of(enum tlpb_tlp_kind kind)
{
	static const enum tlpb_order_class of[][2] = {	/* without, with data */
		[TLPB_POSTED] = { TLPB_ORDER_P, TLPB_ORDER_P },
		[TLPB_NON_POSTED] = { TLPB_ORDER_NPR, TLPB_ORDER_NPD },
		[TLPB_COMPLETION] = { TLPB_ORDER_CPL, TLPB_ORDER_CPL },
	};

	return of[tlpb_kind_class(kind)][tlpb_kind_has_data(kind)];
}

struct tlpb_order tlpb_order_of(const struct tlpb_tlp *tlp, bool of_io_or_config_write)
{
	struct tlpb_order order = {
		.cls = class_of(tlp->kind),
		.ro = tlp->ro,
		.ido = tlp->ido,
		.id = tlp->requester_id,
		.has_pasid = tlp->has_pasid,
		.pasid = tlp->pasid,
	};

	if (order.cls == TLPB_ORDER_CPL) {
		order.id = tlp->completer_id;
		order.of_io_or_config_write = of_io_or_config_write;
		order.transaction = (uint32_t)tlp->requester_id << 16 | tlp->tag;
	}
	return order;
}

const char *tlpb_order_verdict_name(enum tlpb_order_verdict verdict)
{
	static const char *const names[] = {
		[TLPB_ORDER_MUST_NOT] = "MUST_NOT",
		[TLPB_ORDER_MAY] = "MAY",
		[TLPB_ORDER_MUST] = "MUST",
	};

	return (unsigned)verdict < sizeof names / sizeof names[0] ? names[verdict] : "";
}
