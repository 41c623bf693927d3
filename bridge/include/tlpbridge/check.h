/* SPDX-License-Identifier: MIT */
/*
 * The checker: an observer of one end of a link that judges every TLP of either side (judge.h) and
 * tells of each violation with the rule's name. What software writes to the config space of each of the
 * device's functions it learns from the link, and the credits of both sides; what it has not seen it does
 * not hold against anybody. A request that the device refuses, as firmware's probing is, is no violation.
 *
 * Beside the judge's rules there are CREDITS_EXCEEDED, CREDITS_TAKEN_BACK, CREDITS_TOO_MANY and
 * CREDITS_INFINITE_UPDATED (2.6.1), and ORDERING (2.4.1): a TLP passed one of its own end that was given
 * earlier. docs/errors.md tells what of ordering cannot be seen.
 */
#ifndef TLPBRIDGE_CHECK_H
#define TLPBRIDGE_CHECK_H

enum tlpb_check {
	TLPB_CHECK_OFF = 0,
	TLPB_CHECK_REPORT,	/* log each violation */
	TLPB_CHECK_FATAL,	/* the first one takes the link down, too */
};

#endif
