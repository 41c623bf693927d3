/* SPDX-License-Identifier: MIT */
/* The inside of a root complex: rc.c (link, waiting, requests), rc_inbound.c. */
#ifndef TLPB_RC_PRIVATE_H
#define TLPB_RC_PRIVATE_H

#include <tlpbridge/rc.h>
#include <tlpbridge/trace.h>

#include "link.h"
#include "tags.h"

struct tlpb_rc {
	struct link *link;
	struct tlpb_rc_ops ops;
	void *ctx;
	tlpb_trace *trace;
	unsigned mps, rcb;
	char device_name[TLPB_NAME_MAX];	/* for messages; "" until known */
	struct tags tags;
	struct tlpb_rc_stats stats;
	bool ready;			/* connect succeeded: the owner hears of what follows */
};

/* Connects over a transport that is there already (taken over): tests, connect(). */
int tlpb__rc_connect_transport(const struct tlpb_rc_config *config, struct transport *transport,
			       const uint8_t token[TLPB_TOKEN], tlpb_rc **rc,
			       char *why, size_t why_size);

/* A TLP from the endpoint, completions excepted. */
void tlpb__rc_inbound(tlpb_rc *rc, const struct tlpb_tlp *tlp, const struct frame *frame);

#endif
