/* SPDX-License-Identifier: MIT */
/*
 * The inside of an endpoint: ep.c (life, reset), ep_function.c, ep_request.c, ep_raw.c, ep_dma.c,
 * ep_exchange.c, ep_irq.c, ep_message.c.
 */
#ifndef TLPB_EP_PRIVATE_H
#define TLPB_EP_PRIVATE_H

#include <sys/queue.h>

#include <tlpbridge/ep.h>
#include <tlpbridge/trace.h>

#include "alarm.h"
#include "config_space.h"
#include "credits.h"
#include "grant_table.h"
#include "inject.h"
#include "link.h"
#include "msix.h"
#include "status.h"
#include "tags.h"

struct dma_op;
struct exchange;
struct pending_request;
struct held_request;

enum {
	ENDPOINT_RCB = 128,	/* where an endpoint may split completions (2.3.1.1) */
	FUNCTIONS_MAX = 256,
};

/* A physical or a virtual function. */
struct function {
	tlpb_ep *ep;
	unsigned number;
	struct config_space config;	/* config.device is the description */
	struct msix msix;
	struct tlpb_ep_ops ops;		/* of a VF: its PF's */
	void *ctx;
	struct function *pf;		/* NULL: this is no VF */
	bool there;			/* a VF: while VF Enable is set */
	bool intx_level;		/* what the model wants */
	unsigned generation;		/* completions of an older one are dropped */
	unsigned posted_with_model;	/* of this generation */
	bool lent;			/* the model may have pointers into granted memory */
};

struct tlpb_ep {
	struct function *f0;		/* function 0 */
	struct function *function[FUNCTIONS_MAX];	/* by number; NULL: none */
	struct function *list[FUNCTIONS_MAX];		/* all, in order of their numbers */
	unsigned functions;
	struct tlpb_ep_ops ops;		/* function 0's, for what is of the link */
	void *ctx;
	tlpb_trace *trace;
	unsigned mps, mrrs;
	uint16_t credits[TLPB_POOLS];	/* advertised */
	uint64_t order_seed;
	struct inject *inject;		/* NULL: none */
	enum tlpb_check check;
	uint64_t violations;		/* on links that are over */
	uint8_t *registers;		/* their records, sent behind the device's own */
	size_t registers_len;

	struct link *link;		/* NULL: no host */
	uint16_t link_number;
	unsigned links;			/* that it has had: credits go back to their own */
	uint16_t id;			/* of function 0, captured from configuration writes (2.2.6.2) */
	char host[TEXT_MAX];

	struct tags tags;
	unsigned timeout_ms;		/* of its requests; 0: none */
	struct alarm alarm;		/* for the earliest of them; no descriptor without timeout */
	TAILQ_HEAD(, dma_op) dma;	/* started and not finished, in order */
	TAILQ_HEAD(, exchange) exchanges;	/* the same of what ep_exchange.c tells */
	LIST_HEAD(, pending_request) requests;	/* with the model */
	struct pending_request *spare_request;	/* for the next one that is small; NULL: none */
	unsigned posted_with_model;		/* how many of them are posted */
	STAILQ_HEAD(, held_request) held;	/* behind posted writes that the model has */
	bool releasing;
	struct link_rings rings;		/* as the server wants it */
	enum tlpb_direct direct;	/* the same */
	bool no_direct;
	struct grant_table windows;	/* host memory that can be reached directly */
	uint64_t mapped;		/* bytes of it */
	bool told_refusal;		/* of such memory, on this link */
	uint64_t retired;		/* posted TLPs of this link that the host is done with */
	bool proof_asked;		/* a read is on its way that will tell of more */
	uint64_t direct_wanted, wanted_before;	/* how often DMA would go directly; when it was asked last */
	unsigned dones;			/* callbacks of such DMA that run, one inside the other */
	struct tlpb_ep_direct_stats direct_stats;
	uint32_t writes;		/* DMA writes with a result so far: their marks */

	unsigned unexpected_completions;	/* on this link */
	unsigned unsupported_messages;		/* the same */
	unsigned error_messages_waiting;	/* for credits, since there were some */
	struct tlpb_counters to_device, to_host;	/* the same */

	bool keep_config;		/* raw mode, see ep_raw.c */
	bool raw_held, raw_waits;	/* the model takes no TLPs; waits until it may send … */
	enum tlpb_tlp_class raw_waits_for;	/* … one of that class */

	bool intx_sent[4];		/* what the host was told of each pin */
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

/* Becomes readable when tlpb__ep_process() has something to do without the link; -1: never. */
int tlpb__ep_timer_fd(const tlpb_ep *ep);

/* ---- between the parts ---- */

/* Everything a reset clears, of all functions. */
void tlpb__ep_reset(tlpb_ep *ep, enum tlpb_reset kind, bool link_lost);

/* ---- functions ---- */

/* Returns 0, or an error with the reason in why. */
int tlpb__function_add(tlpb_ep *ep, const struct tlpb_ep_function *config, char *why,
		       size_t why_size);
void tlpb__functions_free(tlpb_ep *ep);

/* NULL: there is none now. */
struct function *tlpb__function_at(const tlpb_ep *ep, unsigned number);

/* The function that a configuration request or a message by ID is for; NULL: none. */
struct function *tlpb__function_of_id(const tlpb_ep *ep, uint16_t dest_id);

/* Requester and completer ID. */
uint16_t tlpb__function_id(const struct function *f);

/* The part of a bus, device and function number that all functions share. */
uint16_t tlpb__ep_device_id(const tlpb_ep *ep, uint16_t id);

/* Reset one function, of its own or with all. */
void tlpb__function_reset(struct function *f, enum tlpb_reset kind, bool link_lost);

/* VF Enable of a PF has changed. */
void tlpb__function_update_vfs(struct function *pf, bool link_lost);

/*
 * A request or message from the host: now, or behind the posted writes before it. True: it
 * is over; false: its credits go back later.
 */
bool tlpb__ep_request(tlpb_ep *ep, const struct tlpb_tlp *tlp, const struct frame *frame);

/* A message from the host. False: an Unsupported Request. */
bool tlpb__ep_on_message(tlpb_ep *ep, const struct tlpb_tlp *msg);

/* The model gave a request back: go on with what was held. */
void tlpb__ep_release_held(tlpb_ep *ep);

/* Answer, or drop when the link is lost, what has not been completed. */
void tlpb__ep_requests_reset(struct function *f, bool link_lost);
void tlpb__ep_requests_free(tlpb_ep *ep);

/* The host's requests that the model has, or that wait behind its posted writes. */
void tlpb__ep_requests_outstanding(const tlpb_ep *ep, struct tlpb_outstanding *out);
void tlpb__ep_dma_outstanding(const tlpb_ep *ep, struct tlpb_outstanding *out);
/* Is the model one that takes TLPs? The others' functions are not for it. */
bool tlpb__ep_is_raw(const tlpb_ep *ep);

/* Raw mode: give the TLP to the model. False: it is the endpoint's. */
bool tlpb__ep_raw_tlp(tlpb_ep *ep, const struct tlpb_tlp *tlp, const struct frame *frame);

/* Raw mode: tell the model if it waited for room and there is some. */
void tlpb__ep_raw_room(tlpb_ep *ep);

/* Raw mode: as tlpb__link_process(), but stops when the model holds. */
int tlpb__ep_raw_process(tlpb_ep *ep);

/* Is it a configuration request? */
bool tlpb__ep_is_config(const struct tlpb_tlp *tlp);

/* Payload bytes of the largest TLP that the function may send now. */
unsigned tlpb__ep_mps(const struct function *f);

/* May the function's model start DMA with attr (NULL: plain)? 0 or why not. f: NULL, none. */
int tlpb__ep_may_start(const tlpb_ep *ep, const struct function *f, const struct tlpb_dma_attr *attr);

/* The fields of a memory request at addr that do not depend on what it is. attr: NULL, plain. */
struct tlpb_tlp tlpb__ep_request_tlp(const struct function *f, enum tlpb_tlp_kind kind, uint64_t addr,
				     const struct tlpb_dma_attr *attr);

/* Start one; false when there is none, no tag, no link, or the host has no credits. */
bool tlpb__ep_exchange_issue(tlpb_ep *ep);

/* Has the function one that was sent and not answered? */
bool tlpb__ep_exchange_pending(const struct function *f);

/* End the function's, those that have no tag any more included. */
void tlpb__ep_exchange_abort(struct function *f, int err);

/*
 * Take a tag for a request of the function, of those that software allows it, and start its
 * completion timer. As tlpb__tags_begin().
 */
int tlpb__ep_take_tag(struct function *f, struct tlpb_tlp *tlp, void *buf, size_t len,
		      tags_done *done, void *arg);

/* End what took too long. */
void tlpb__ep_look_at_clock(tlpb_ep *ep);

/* No tag will ever come free: end what waits for one. */
void tlpb__ep_exchange_give_up(tlpb_ep *ep, int err);

/* Start what can be started: tags came free or bus mastering was switched on. */
void tlpb__ep_dma_pump(tlpb_ep *ep);
void tlpb__ep_dma_fault(tlpb_ep *ep, const struct dma_fault *fault);

/*
 * ep_grant.c: the host grants memory, or takes it back; the link is gone; and the function cannot
 * reach it now, so that the model's pointers are invalid.
 */
bool tlpb__ep_wants_grants(const tlpb_ep *ep);
void tlpb__ep_on_grant(tlpb_ep *ep, const struct grant_mem *grant);
void tlpb__ep_on_revoke(tlpb_ep *ep, const struct revoke *revoke);
void tlpb__ep_windows_end(tlpb_ep *ep);
void tlpb__ep_take_back(struct function *f);

/*
 * ep_direct.c: read or write directly what can be from addr on: how many bytes. A read that is whole may need
 * a flush behind it, see there.
 */
size_t tlpb__ep_direct_read(struct function *f, uint64_t addr, uint8_t *buf, size_t len,
			    const struct tlpb_dma_attr *attr);
size_t tlpb__ep_direct_write(struct function *f, uint64_t addr, const uint8_t *data, size_t len,
			     const struct tlpb_dma_attr *attr);
bool tlpb__ep_may_go_direct(const struct function *f, const struct tlpb_dma_attr *attr);
bool tlpb__ep_read_needs_flush(const tlpb_ep *ep);

/* A completion came, of a request that was sent after posted TLPs: they are retired. */
void tlpb__ep_note_retired(tlpb_ep *ep, const struct tlpb_tlp *completion);

/* A posted TLP was sent that direct accesses may not overtake: have the host prove that it is retired. */
void tlpb__ep_ask_for_proof(struct function *f);

/* Has the function requests whose completion did not come? */
bool tlpb__ep_dma_pending(const struct function *f);

/* End all DMA of a function with err; forget as in tags.h. */
void tlpb__ep_dma_abort(struct function *f, int err, bool forget);

/*
 * ep_error.c: what the endpoint detects: it refuses a request, or the model does; no function
 * claims one; a completion that nobody waits for; one that brings a failure; one that does not
 * come; error injection. A function reports its own; what concerns none, all of them.
 */
void tlpb__ep_error_request(struct function *f, const struct tlpb_tlp *request,
			    enum tlpb_cpl_status status);
void tlpb__ep_error_unclaimed(tlpb_ep *ep, const struct tlpb_tlp *request);
void tlpb__ep_error_unexpected(tlpb_ep *ep, const struct tlpb_tlp *completion);
void tlpb__ep_error_completion(tlpb_ep *ep, const struct tlpb_tlp *completion);
void tlpb__ep_error_timeout(tlpb_ep *ep, uint16_t requester_id);
void tlpb__ep_error_injected(tlpb_ep *ep, unsigned error, const struct tlpb_tlp *tlp);

/* As link_events.error. */
void tlpb__ep_error_link(tlpb_ep *ep, unsigned error, const uint8_t *bytes, size_t len);

/* A TLP that is sent, if it is a poisoned request: Master Data Parity Error. */
void tlpb__ep_error_sent(tlpb_ep *ep, const uint8_t *bytes, size_t len);

/* The link does ECRC as config space says now, and: does the sender of this TLP make digests? */
void tlpb__ep_update_ecrc(tlpb_ep *ep);
bool tlpb__ep_has_ecrc(const tlpb_ep *ep, const struct tlpb_tlp *tlp);

/* The function that a request is for, by its ID or address; NULL: none, or it is no such request. */
struct function *tlpb__ep_target(const tlpb_ep *ep, const struct tlpb_tlp *tlp);

/* Config space or the MSI-X table changed: send what is due now. */
void tlpb__ep_irq_update(struct function *f);
void tlpb__ep_irq_reset(struct function *f);

#endif
