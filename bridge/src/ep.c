/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/log.h>

#include "bytes.h"
#include "completer.h"
#include "ep_private.h"

unsigned tlpb__ep_mps(const struct function *f)
{
	unsigned mps = tlpb__config_mps(&f->config);
	unsigned peer = tlpb__link_peer(f->ep->link)->mps;

	return mps < peer ? mps : peer;
}

/* Of all functions; a virtual one goes with its physical one. */
void tlpb__ep_reset(tlpb_ep *ep, enum tlpb_reset kind, bool link_lost)
{
	for (unsigned i = 0; i < ep->functions; i++)
		if (!ep->list[i]->pf)
			tlpb__function_reset(ep->list[i], kind, link_lost);
	ep->id = 0;
}

/* ---- link events ---- */

static void on_completion(tlpb_ep *ep, const struct tlpb_tlp *tlp)
{
	int err;

	tlpb__ep_note_retired(ep, tlp);		/* first: who hears of the completion may go on directly */
	err = tlpb__tags_complete(&ep->tags, tlp);
	if (err)
		tlpb__ep_error_unexpected(ep, tlp);
	else
		tlpb__ep_error_completion(ep, tlp);
	if (err && !ep->unexpected_completions++)	/* said once: the peer decides how many come */
		tlpb_log(TLPB_LOG_WARNING, "%s: completion for tag %u dropped: %s",
			 ep->f0->config.device.name, tlp->tag,
			 err == TLPB_ERR_NOT_FOUND ? "nothing asked for it (Unexpected Completion)"
						   : "it does not continue its request");
	if (ep->link)
		tlpb__ep_dma_pump(ep);
}

static bool on_tlp(void *ctx, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	tlpb_ep *ep = ctx;

	if (tlpb__ep_raw_tlp(ep, tlp, frame))
		return true;
	if (tlpb_kind_class(tlp->kind) != TLPB_COMPLETION)
		return tlpb__ep_request(ep, tlp, frame);
	on_completion(ep, tlp);
	return true;
}

static void on_room(void *ctx)
{
	tlpb_ep *ep = ctx;

	ep->error_messages_waiting = 0;
	tlpb__ep_dma_pump(ep);
	tlpb__ep_raw_room(ep);
	if (ep->link)
		tlpb__link_flush(ep->link);
}

static void on_timed_out(void *ctx, const struct tlpb_tlp *completion)
{
	tlpb_ep *ep = ctx;

	if (tlpb__tags_time_out(&ep->tags, completion->requester_id, completion->tag))
		return;
	tlpb__ep_error_timeout(ep, completion->requester_id);
	if (ep->link)
		tlpb__ep_dma_pump(ep);
}

static void on_injected(void *ctx, unsigned error, const struct tlpb_tlp *tlp)
{
	tlpb__ep_error_injected(ctx, error, tlp);
}

static void on_error(void *ctx, unsigned error, const uint8_t *bytes, size_t len)
{
	tlpb__ep_error_link(ctx, error, bytes, len);
}

static bool on_has_ecrc(void *ctx, const struct tlpb_tlp *tlp)
{
	return tlpb__ep_has_ecrc(ctx, tlp);
}

static void on_up(void *ctx)
{
	tlpb_ep *ep = ctx;

	snprintf(ep->host, sizeof ep->host, "%s", tlpb__link_peer(ep->link)->name);
	if (!ep->host[0])
		strcpy(ep->host, "a host without a name");
	if (ep->ops.connected)
		ep->ops.connected(ep->ctx, ep->host);
}

static void on_reset(void *ctx, enum tlpb_reset kind)
{
	tlpb__ep_reset(ctx, kind, false);
}

static void on_dma_fault(void *ctx, const struct dma_fault *fault)
{
	tlpb__ep_dma_fault(ctx, fault);
}

static void on_grant_mem(void *ctx, const struct grant_mem *grant)
{
	tlpb__ep_on_grant(ctx, grant);
}

static void on_revoke(void *ctx, const struct revoke *revoke)
{
	tlpb__ep_on_revoke(ctx, revoke);
}

/* The end of the pin's interrupt concerns each function that shares it. */
static void on_eoi(void *ctx, unsigned pin)
{
	tlpb_ep *ep = ctx;

	for (unsigned i = 0; i < ep->functions; i++) {
		struct function *f = ep->list[i];

		if (f->ops.eoi && pin + 1 == f->config.device.intx_pin)
			f->ops.eoi(f->ctx);
	}
}

/* Nobody connected yet and nobody will: nothing to tell the model. */
static void on_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	tlpb_ep *ep = ctx;

	if (!ep->host[0]) {
		tlpb_log(TLPB_LOG_WARNING, "%s: link failed before it was up: %s",
			 ep->f0->config.device.name, text);
		return;
	}
	tlpb__ep_reset(ep, TLPB_RESET_POWER, true);
	tlpb__ep_windows_end(ep);
	if (ep->trace)
		tlpb_trace_flush(ep->trace);	/* before the host, which waits for our end, goes on */
	if (ep->ops.disconnected)
		ep->ops.disconnected(ep->ctx, reason, text);
}

static uint64_t on_now_ps(void *ctx)
{
	tlpb_ep *ep = ctx;

	return ep->ops.now_ps ? ep->ops.now_ps(ep->ctx) : 0;
}

/* Stamps are this side's own clock: a trace of two clocks would run backwards. */
static void on_observe(void *ctx, const struct frame *frame, bool outbound)
{
	tlpb_ep *ep = ctx;
	struct tlpb_trace_record record;

	if (frame->kind == TLPB_FRAME_TLP)
		tlpb__count_tlp(outbound ? &ep->to_host : &ep->to_device, frame->body, frame->length);
	if (frame->kind == TLPB_FRAME_TLP && outbound)
		tlpb__ep_error_sent(ep, frame->body, frame->length);
	if (!ep->trace)
		return;
	record = (struct tlpb_trace_record){
		.time_ps = on_now_ps(ep),
		.direction = outbound ? TLPB_TO_HOST : TLPB_TO_ENDPOINT,
		.kind = frame->kind, .link = ep->link_number,
		.body = frame->body, .len = frame->length,
	};

	tlpb_trace_write(ep->trace, &record);
}

static const struct link_events ep_link_events = {
	.up = on_up,
	.tlp = on_tlp,
	.room = on_room,
	.timed_out = on_timed_out,
	.injected = on_injected,
	.error = on_error,
	.has_ecrc = on_has_ecrc,
	.reset = on_reset,
	.dma_fault = on_dma_fault,
	.eoi = on_eoi,
	.grant_mem = on_grant_mem,
	.revoke = on_revoke,
	.down = on_down,
	.observe = on_observe,
	.now_ps = on_now_ps,
};

/* ---- life ---- */

int tlpb__ep_attach(tlpb_ep *ep, struct transport *transport, const uint8_t token[TLPB_TOKEN],
		    uint16_t link_number)
{
	struct link_config config = {
		.role = TLPB_ENDPOINT, .name = ep->f0->config.device.name,
		.offered = TLPB_FEATURE_DMA_FAULT, .mps = ep->mps, .mrrs = TLPB_MAX_PAYLOAD,
		.rcb = ENDPOINT_RCB, .order_seed = ep->order_seed, .gather = true,
		.device = &ep->f0->config.device,
		.extra = ep->registers, .extra_len = ep->registers_len,
		.rings = ep->rings,
		.events = &ep_link_events, .ctx = ep,
	};
	int err;

	memcpy(config.token, token, TLPB_TOKEN);
	memcpy(config.credits, ep->credits, sizeof config.credits);
	ep->links++;
	ep->link_number = link_number;
	ep->host[0] = 0;
	ep->unexpected_completions = ep->unsupported_messages = ep->error_messages_waiting = 0;
	ep->to_device = ep->to_host = (struct tlpb_counters){ 0 };
	ep->raw_held = ep->raw_waits = false;
	ep->retired = 0;
	ep->proof_asked = ep->told_refusal = false;
	if (tlpb__ep_wants_grants(ep))
		config.offered |= TLPB_FEATURE_GRANTS;
	err = tlpb__link_new(transport, &config, &ep->link);
	if (!err && ep->inject)
		tlpb__inject_restart(ep->inject);
	if (err)
		return err;
	tlpb__link_set_inject(ep->link, ep->inject);
	tlpb__ep_update_ecrc(ep);
	err = tlpb__link_set_check(ep->link, ep->check);
	if (err) {
		tlpb__link_close(ep->link, TLPB_REASON_INTERNAL, "out of memory", 0);
		ep->link = NULL;
	}
	return err;
}

void tlpb__ep_detach(tlpb_ep *ep, enum tlpb_reason reason, const char *text)
{
	struct link *link = ep->link;

	if (!link)
		return;
	if (tlpb__link_state(link) != LINK_DOWN)
		on_down(ep, reason, text);
	ep->link = NULL;
	tlpb__ep_windows_end(ep);
	tlpb__alarm_set(&ep->alarm, 0);
	ep->violations += tlpb__link_violations(link);
	tlpb__link_close(link, reason, text, 500);
	if (ep->trace)
		tlpb_trace_flush(ep->trace);	/* a server lives on: people read it now */
}

int tlpb__ep_process(tlpb_ep *ep)
{
	int handled;

	if (!ep->link)
		return 0;
	handled = tlpb__ep_is_raw(ep) ? tlpb__ep_raw_process(ep) : tlpb__link_process(ep->link);
	tlpb__ep_look_at_clock(ep);	/* last: what has arrived was not too late */
	if (tlpb__link_state(ep->link) == LINK_DOWN)
		tlpb__ep_detach(ep, tlpb__link_reason(ep->link), "");
	return handled;
}

void tlpb__ep_status(const tlpb_ep *ep, struct tlpb_slot_status *status)
{
	status->time_ps = ep->ops.now_ps ? ep->ops.now_ps(ep->ctx) : 0;
	status->to_device = ep->to_device;
	status->to_host = ep->to_host;
	tlpb__ep_requests_outstanding(ep, &status->of_host);
	tlpb__ep_dma_outstanding(ep, &status->of_device);
	status->shared_memory = ep->link && tlpb__link_in_memory(ep->link);
}

bool tlpb__ep_attached(const tlpb_ep *ep)
{
	return ep->link != NULL;
}

int tlpb__ep_fd(const tlpb_ep *ep)
{
	return ep->link && !ep->raw_held ? tlpb__link_fd(ep->link) : -1;
}

/* The records of the registers, in memory of their own, so that the device's still fit before them. */
static int describe_registers(tlpb_ep *ep, const struct tlpb_ep_config *config,
			      char *why, size_t why_size)
{
	enum { ROOM = TLPB_FRAME_MAX - 1024 };
	uint8_t *bytes, *exact;
	int len;

	if (!config->register_count)
		return 0;
	bytes = malloc(ROOM);
	if (!bytes) {
		snprintf(why, why_size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	len = tlpb_registers_encode(config->device, config->registers, config->register_count,
				    bytes, ROOM, why, why_size);
	if (len < 0) {
		free(bytes);
		return len;
	}
	exact = realloc(bytes, (size_t)len);
	ep->registers = exact ? exact : bytes;
	ep->registers_len = (size_t)len;
	return 0;
}

static int add_first_function(tlpb_ep *ep, const struct tlpb_ep_config *config,
			      char *why, size_t why_size)
{
	const struct tlpb_ep_function first = {
		.device = config->device, .ops = config->ops, .ctx = config->ctx,
		.capabilities = config->capabilities, .capability_count = config->capability_count,
	};

	return tlpb__function_add(ep, &first, why, why_size);
}

int tlpb_ep_new(const struct tlpb_ep_config *config, tlpb_ep **out, char *why, size_t why_size)
{
	unsigned mps = config->mps;
	unsigned mrrs = config->mrrs ? config->mrrs : 512;
	tlpb_ep *ep;
	uint16_t credits[TLPB_POOLS];
	int err = tlpb_device_check(config->device, why, why_size);

	if (!err)
		err = tlpb__credits_settle(&config->credits, &mps, 512, credits, why, why_size);
	if (err)
		return err;
	if (!tlpb__size_legal(mps) || !tlpb__size_legal(mrrs)) {
		snprintf(why, why_size, "MPS %u, MRRS %u: must be 128, 256, ... 4096 bytes", mps, mrrs);
		return TLPB_ERR_INVALID;
	}
	ep = calloc(1, sizeof *ep);
	if (!ep)
		goto no_memory;
	err = describe_registers(ep, config, why, why_size);
	if (!err && config->inject)
		err = tlpb__inject_change(&ep->inject, config->inject, why, why_size);
	if (err) {
		tlpb__inject_free(ep->inject);
		free(ep->registers);
		free(ep);
		return err;
	}
	ep->ops = *config->ops;
	ep->ctx = config->ctx;
	ep->trace = config->trace;
	ep->keep_config = config->keep_config;
	ep->check = config->check;
	ep->no_direct = config->no_direct;
	ep->mps = mps;
	ep->mrrs = mrrs;
	memcpy(ep->credits, credits, sizeof credits);
	ep->order_seed = config->order_seed;
	TAILQ_INIT(&ep->dma);
	TAILQ_INIT(&ep->exchanges);
	LIST_INIT(&ep->requests);
	STAILQ_INIT(&ep->held);
	ep->rings.transport = TLPB_TRANSPORT_NNG;	/* until a server has it */
	tlpb__tags_init(&ep->tags, 32);
	ep->timeout_ms = config->completion_timeout_ms;
	ep->alarm.fd = -1;
	err = add_first_function(ep, config, why, why_size);
	if (!err && ep->timeout_ms) {
		err = tlpb__alarm_open(&ep->alarm);
		if (err)
			snprintf(why, why_size, "no descriptor for a timer");
	}
	if (err) {
		tlpb__functions_free(ep);
		tlpb__inject_free(ep->inject);
		free(ep->registers);
		free(ep);
		return err;
	}
	*out = ep;
	return 0;
no_memory:
	snprintf(why, why_size, "out of memory");
	return TLPB_ERR_NOMEM;
}

void tlpb_ep_free(tlpb_ep *ep)
{
	if (!ep)
		return;
	tlpb__ep_detach(ep, TLPB_REASON_NORMAL, "the device went away");
	tlpb__ep_requests_free(ep);
	tlpb__functions_free(ep);
	tlpb__alarm_close(&ep->alarm);
	tlpb__inject_free(ep->inject);
	free(ep->registers);
	free(ep);
}

const struct tlpb_device *tlpb_ep_device(const tlpb_ep *ep)
{
	return &ep->f0->config.device;
}

int tlpb_ep_inject(tlpb_ep *ep, const char *rules, char *why, size_t why_size)
{
	int err = tlpb__inject_change(&ep->inject, rules, why, why_size);

	for (unsigned i = 0; ep->inject && i < ep->functions; i++)
		tlpb__ep_take_back(ep->list[i]);
	if (ep->link)
		tlpb__link_set_inject(ep->link, ep->inject);
	return err;
}

uint64_t tlpb_ep_injected(const tlpb_ep *ep)
{
	return tlpb__inject_fired(ep->inject);
}

void tlpb_ep_inject_list(const tlpb_ep *ep, struct tlpb_inject_list *list)
{
	tlpb__inject_list(ep->inject, list);
}

void tlpb_ep_set_check(tlpb_ep *ep, enum tlpb_check check)
{
	ep->check = check;
}

uint64_t tlpb_ep_violations(const tlpb_ep *ep)
{
	return ep->violations + (ep->link ? tlpb__link_violations(ep->link) : 0);
}

bool tlpb_ep_is_up(const tlpb_ep *ep)
{
	return ep->link && tlpb__link_state(ep->link) == LINK_UP;
}
