/* SPDX-License-Identifier: MIT */
/* The inside of an endpoint: ep.c (life, reset), ep_request.c, ep_raw.c, ep_dma.c, ep_irq.c. */
#ifndef TLPB_EP_PRIVATE_H
#define TLPB_EP_PRIVATE_H

#include <sys/queue.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/trace.h>

#include "config_space.h"
#include "inject.h"
#include "link.h"
#include "msix.h"
#include "status.h"
#include "tags.h"

struct dma_op;
struct pending_request;
struct held_request;

enum { ENDPOINT_RCB = 128 };	/* where an endpoint may split completions (2.3.1.1) */

struct tlpb_ep {
	struct config_space config;	/* config.device is the description */
	struct msix msix;
	struct tlpb_ep_ops ops;
	void *ctx;
	tlpb_trace *trace;
	unsigned mps, mrrs;
	struct inject *inject;		/* NULL: none */
	enum tlpb_check check;
	uint64_t violations;		/* on links that are over */
	uint8_t *registers;		/* their records, sent behind the device's own */
	size_t registers_len;

	struct link *link;		/* NULL: no host */
	uint16_t link_number;
	uint16_t id;			/* captured from configuration writes (2.2.6.2) */
	char host[TEXT_MAX];

	struct tags tags;
	TAILQ_HEAD(, dma_op) dma;	/* started and not finished, in order */
	LIST_HEAD(, pending_request) requests;	/* with the model */
	unsigned posted_with_model;		/* how many of them are posted */
	STAILQ_HEAD(, held_request) held;	/* behind posted writes that the model has */
	bool releasing;
	unsigned generation;		/* completions of an older one are dropped */

	unsigned unexpected_completions;	/* on this link */
	struct tlpb_counters to_device, to_host;	/* the same */

	bool keep_config;		/* raw mode, see ep_raw.c */
	bool raw_held, raw_waits;	/* the model takes no TLPs; waits until it may send */

	bool intx_level;		/* what the model wants */
	bool intx_sent;			/* what the host was told */
};

/* ---- for server.c ---- */

/*
 * Give the endpoint a link over transport (taken over, also on failure); the host must show
 * token in its HELLO.
 */
int tlpb__ep_attach(tlpb_ep *ep, struct transport *transport, const uint8_t token[TLPB_TOKEN],
		    uint16_t link_number);

/* Handle a burst of what has arrived. Returns frames handled; a link that went down is freed. */
int tlpb__ep_process(tlpb_ep *ep);

/* Drop the link, saying why. */
void tlpb__ep_detach(tlpb_ep *ep, enum tlpb_reason reason, const char *text);

/* Counters, and what either side waits for; the rest of *status is the server's matter. */
void tlpb__ep_status(const tlpb_ep *ep, struct tlpb_slot_status *status);

bool tlpb__ep_attached(const tlpb_ep *ep);
int tlpb__ep_fd(const tlpb_ep *ep);

/* ---- between the parts ---- */

/* Everything a reset clears. */
void tlpb__ep_reset(tlpb_ep *ep, enum tlpb_reset kind, bool link_lost);

/* A request or message from the host: now, or behind the posted writes before it. */
void tlpb__ep_request(tlpb_ep *ep, const struct tlpb_tlp *tlp, const struct frame *frame);

/* The model gave a request back: go on with what was held. */
void tlpb__ep_release_held(tlpb_ep *ep);

/* Answer, or drop when the link is lost, what has not been completed. */
void tlpb__ep_requests_reset(tlpb_ep *ep, bool link_lost);
void tlpb__ep_requests_free(tlpb_ep *ep);

/* The host's requests that the model has, or that wait behind its posted writes. */
void tlpb__ep_requests_outstanding(const tlpb_ep *ep, struct tlpb_outstanding *out);
void tlpb__ep_dma_outstanding(const tlpb_ep *ep, struct tlpb_outstanding *out);
/* Is the model one that takes TLPs? The others' functions are not for it. */
bool tlpb__ep_is_raw(const tlpb_ep *ep);

/* Raw mode: give the TLP to the model. False: it is the endpoint's. */
bool tlpb__ep_raw_tlp(tlpb_ep *ep, const struct tlpb_tlp *tlp, const struct frame *frame);

/* Raw mode: as tlpb__link_process(), but stops when the model holds. */
int tlpb__ep_raw_process(tlpb_ep *ep);

/* Is it a configuration request? */
bool tlpb__ep_is_config(const struct tlpb_tlp *tlp);

/* Payload bytes of the largest TLP that may be sent now. */
unsigned tlpb__ep_mps(const tlpb_ep *ep);

/* Start what can be started: tags came free or bus mastering was switched on. */
void tlpb__ep_dma_pump(tlpb_ep *ep);
void tlpb__ep_dma_fault(tlpb_ep *ep, const struct dma_fault *fault);

/* End all DMA with err; forget as in tags.h. */
void tlpb__ep_dma_abort(tlpb_ep *ep, int err, bool forget);

/*
 * ep_error.c: what the endpoint detects: it refuses a request, or the model does; a completion that
 * nobody waits for; one that brings a failure; one that does not come; error injection.
 */
void tlpb__ep_error_request(tlpb_ep *ep, const struct tlpb_tlp *request, enum tlpb_cpl_status status);
void tlpb__ep_error_unexpected(tlpb_ep *ep, const struct tlpb_tlp *completion);
void tlpb__ep_error_completion(tlpb_ep *ep, const struct tlpb_tlp *completion);
void tlpb__ep_error_timeout(tlpb_ep *ep);
void tlpb__ep_error_injected(tlpb_ep *ep, unsigned error, const struct tlpb_tlp *tlp);

/* Config space or the MSI-X table changed: send what is due now. */
void tlpb__ep_irq_update(tlpb_ep *ep);
void tlpb__ep_irq_reset(tlpb_ep *ep);

#endif
