/* SPDX-License-Identifier: MIT */
/*
 * Error injection: rules that lose, hold back, repeat or spoil TLPs at one end of a link, for
 * tests of drivers and models. The same rules do the same to the same TLPs.
 *
 * Rules are text, separated by ';' or newlines: an action, then what it applies to.
 *
 *	drop type=MWr addr=0x1000-0x1fff after=10 count=1
 *
 *	drop		the TLP is lost
 *	delay tlps=N	it passes behind the next N TLPs of its direction (order is not kept)
 *	delay ms=N	the link stands still for that time, its thread, too
 *	duplicate	it is sent twice
 *	poison		its data is marked as poisoned (EP)
 *	corrupt		a bit of it is inverted: bit=N (bit 0 of byte 0 is 0), else one by
 *			the seed; part=header or part=data keeps that one there
 *	status=S	a request is answered with S, which is UR, CA or CRS
 *	timeout		a request's completions are lost; where the requester is at this end, its
 *			request ends at once as a Completion Timeout
 *	linkdown	the link goes down, and the TLP with it
 *	error=E		the TLP passes, and the device reports that error as if it had met it there;
 *			rules of the device's end only. Correctable: receiver, bad-tlp, bad-dllp,
 *			rollover, replay-timeout, cor-internal; others: dlp, poisoned, fcp,
 *			completion-timeout, completer-abort, unexpected, overflow, malformed, ecrc,
 *			unsupported, internal
 *
 *	type=A|B	kinds of TLP by their short names (MRd, CplD, ...), or posted, nonposted,
 *			completion; the default is all. status and timeout look at requests only
 *	to=device	this direction only; to=host: the other
 *	addr=A-B	requests that touch these addresses, A alone: this one. Of memory, I/O and
 *			atomics the bus address, of configuration the register's offset
 *	after=N		leave the first N of them alone
 *	every=N		then take each Nth
 *	count=N		N times at most
 *	probability=P	each with this probability, 0 to 1, by the seed
 *	seed=N		of bit and probability; 1 where none is given
 *
 * Where several rules apply to a TLP, the first one acts. Rules are obeyed where TLPs are handed
 * to the link and where they are taken from it; a trace shows what crossed the link.
 *
 * Threads: any; pure.
 */
#ifndef TLPBRIDGE_INJECT_H
#define TLPBRIDGE_INJECT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	TLPB_INJECT_RULES = 32,		/* of one end, at most */
	TLPB_INJECT_TEXT = 512,		/* bytes of a rule, a final 0 included */
};

/* A rule that is in force. */
struct tlpb_injected {
	char text[TLPB_INJECT_TEXT];	/* as it was given */
	uint64_t matches;		/* TLPs that it applies to, whether or not it was their turn */
	uint64_t fired;			/* how often it acted */
};

/* All rules of one end, in the order in which they are tried. */
struct tlpb_inject_list {
	unsigned rules;
	struct tlpb_injected rule[TLPB_INJECT_RULES];
};

/*
 * Can these rules be understood? Returns 0, or TLPB_ERR_INVALID or TLPB_ERR_TOO_LARGE with
 * cause and cure in why. rules may be NULL: none.
 */
int tlpb_inject_check(const char *rules, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
