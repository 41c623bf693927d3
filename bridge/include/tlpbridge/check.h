/* SPDX-License-Identifier: MIT */
/*
 * The checker: an observer of one end of a link that judges every TLP of either side (judge.h) and
 * tells of each violation with the rule's name. What software writes to the device's config space
 * it learns from the link; what it has not seen it does not hold against anybody. A request that
 * the device refuses, as firmware's probing is, is no violation.
 */
#ifndef TLPBRIDGE_CHECK_H
#define TLPBRIDGE_CHECK_H

enum tlpb_check {
	TLPB_CHECK_OFF = 0,
	TLPB_CHECK_REPORT,	/* log each violation */
	TLPB_CHECK_FATAL,	/* the first one takes the link down, too */
};

#endif
