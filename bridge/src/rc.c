/* SPDX-License-Identifier: MIT */
/* A root complex comes, hears of its link, and goes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <tlpbridge/log.h>

#include "bytes.h"
#include "clock.h"
#include "lobby.h"
#include "rc_private.h"

enum {
	CONNECT_MS = 10000,
	CLOSE_MS = 1000,		/* for the peer to hear that we leave */
	TAKE_UP_MS = 5000,		/* for a link that was granted, at least */
	CONNECT_ASK_MS = 100,		/* how often connecting asks whether to give up */
};

/* ---- link events ---- */

static void on_completion(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	int err = tlpb__tags_complete(&rc->tags, tlp);

	if (!err && tlp->ep && tlp->payload_len)	/* whoever asked gets an error, too: advisory */
		tlpb__rc_error(rc, TLPB_RC_POISONED, true, tlp);
	if (!err)
		return;
	tlpb__rc_error(rc, TLPB_RC_UNEXPECTED_COMPLETION, true, tlp);
	if (rc->stats.unexpected_completions++)
		return;		/* said once: the peer decides how many come */
	tlpb_log(TLPB_LOG_WARNING, "%s: completion for tag %u dropped: %s", rc->device_name, tlp->tag,
		 err == TLPB_ERR_NOT_FOUND ? "nothing asked for it (Unexpected Completion)"
					   : "it does not continue its request");
}

/*
 * What is posted has left its buffer when memory begins to take it, and a completion when its
 * request begins to. A callback may wait for an answer of this device (a reset by DMA, a read of its
 * BAR), and the answer is behind what the device has posted, or needs the credit of the completion
 * that is told of: it must be able to come, however few credits there are.
 */
static bool leaves_at_once(struct link *link, const struct tlpb_tlp *tlp)
{
	struct tlpb_credits cost = tlpb_tlp_credits(tlp);

	if (cost.cls == TLPB_NON_POSTED)
		return false;
	tlpb__link_release(link, &cost);
	return true;
}

static bool on_tlp(void *ctx, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	tlpb_rc *rc = ctx;
	tlpb_rc_group *group = tlpb__rc_call_back(rc);
	bool released = leaves_at_once(rc->link, tlp);

	if (tlpb_kind_class(tlp->kind) == TLPB_COMPLETION)
		on_completion(rc, tlp);
	else
		tlpb__rc_inbound(rc, tlp, frame);
	tlpb__rc_called_back(group);
	return !released;
}

static void on_room(void *ctx)
{
	tlpb__rc_access_room(ctx);
}

static void on_timed_out(void *ctx, const struct tlpb_tlp *completion)
{
	tlpb_rc *rc = ctx;

	if (!tlpb__tags_time_out(&rc->tags, completion->requester_id, completion->tag))
		tlpb__rc_error(rc, TLPB_RC_COMPLETION_TIMEOUT, false, NULL);
}

static void on_error(void *ctx, unsigned error, const uint8_t *bytes, size_t len)
{
	tlpb_rc *rc = ctx;
	tlpb_rc_group *group = tlpb__rc_call_back(rc);

	tlpb__rc_error_link(rc, error, bytes, len);
	tlpb__rc_called_back(group);
}

static void on_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	tlpb_rc *rc = ctx;

	tlpb__rc_unwatch(rc);
	tlpb__rc_grants_end(rc);
	if (rc->ready && rc->ops.down)
		rc->ops.down(rc->ctx, reason, text);
	tlpb__rc_abort(rc);
}

static void on_revoked(void *ctx, uint32_t number)
{
	tlpb__rc_on_revoked(ctx, number);
}

static void on_dirty(void *ctx, const struct mem_range *range)
{
	tlpb_rc *rc = ctx;
	tlpb_rc_group *group = tlpb__rc_call_back(rc);

	tlpb__rc_on_dirty(rc, range);
	tlpb__rc_called_back(group);
}

static uint64_t on_now_ps(void *ctx)
{
	tlpb_rc *rc = ctx;

	return rc->ops.now_ps ? rc->ops.now_ps(rc->ctx) : 0;
}

/* Stamps are this side's own clock: a trace of two clocks would run backwards. */
static void on_observe(void *ctx, const struct frame *frame, bool outbound)
{
	tlpb_rc *rc = ctx;
	struct tlpb_trace_record record;

	if (!rc->trace)
		return;
	record = (struct tlpb_trace_record){
		.time_ps = on_now_ps(rc),
		.direction = outbound ? TLPB_TO_ENDPOINT : TLPB_TO_HOST,
		.kind = frame->kind, .body = frame->body, .len = frame->length,
	};

	tlpb_trace_write(rc->trace, &record);
}

static const struct link_events rc_link_events = {
	.tlp = on_tlp,
	.room = on_room,
	.revoked = on_revoked,
	.dirty = on_dirty,
	.timed_out = on_timed_out,
	.error = on_error,
	.down = on_down,
	.observe = on_observe,
	.now_ps = on_now_ps,
};

/* ---- life ---- */

static bool config_legal(const tlpb_rc *rc, char *why, size_t size)
{
	if (tlpb__size_legal(rc->mps) && (rc->rcb == 64 || rc->rcb == 128))
		return true;
	snprintf(why, size, "MPS %u must be 128, 256, ... 4096 and RCB %u 64 or 128 bytes",
		 rc->mps, rc->rcb);
	return false;
}

static int new_rc(const struct tlpb_rc_config *config, tlpb_rc **out, char *why, size_t size)
{
	tlpb_rc *rc = calloc(1, sizeof *rc);
	int err;

	if (!rc) {
		snprintf(why, size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	if (config->ops)
		rc->ops = *config->ops;
	rc->ctx = config->ctx;
	rc->trace = config->trace;
	rc->mps = config->mps ? config->mps : 128;
	rc->rcb = config->rcb ? config->rcb : 64;
	rc->watched_fd = -1;
	rc->timeout_ms = config->completion_timeout_ms;
	rc->crs_retry_ms = config->crs_retry_ms;
	rc->crs_visible = config->crs_visible;
	rc->alarm.fd = -1;
	tlpb__tags_init(&rc->tags, TAGS_8BIT);
	TAILQ_INIT(&rc->unsent);
	TAILQ_INIT(&rc->retried);
	tlpb__tx_queue_init(&rc->posted, 0);
	snprintf(rc->device_name, sizeof rc->device_name, "%s",
		 config->device ? config->device : "the device");
	err = config_legal(rc, why, size) ? 0 : TLPB_ERR_INVALID;
	if (!err && config->inject)
		err = tlpb__inject_change(&rc->inject, config->inject, why, size);
	if (!err)
		err = tlpb__credits_settle(&config->credits, &rc->takes, TLPB_MAX_PAYLOAD, rc->credits,
					   why, size);
	if (!err && (rc->timeout_ms || rc->crs_retry_ms) && tlpb__alarm_open(&rc->alarm)) {
		snprintf(why, size, "no descriptor for a timer");
		err = TLPB_ERR_IO;
	}
	if (err) {
		tlpb__inject_free(rc->inject);
		free(rc);
		return err;
	}
	*out = rc;
	return 0;
}

/* For the lobby's messages: who holds a device. Not in HELLO, where it would make traces differ. */
static void name_with_pid(const struct tlpb_rc_config *config, char *name, size_t size)
{
	snprintf(name, size, "%s[%d]",
		 config->name ? config->name : program_invocation_short_name, (int)getpid());
}

/* Not where something wants to see every TLP, and not without the memory that both see. */
static bool wants_grants(const struct tlpb_rc_config *config)
{
	return config->grants && config->transport != TLPB_TRANSPORT_NNG && !config->inject &&
	       !config->check && !config->ecrc && !config->order_seed;
}

static uint64_t features(const struct tlpb_rc_config *config)
{
	uint64_t features = config->plain_pcie ? 0 : TLPB_FEATURE_DMA_FAULT;

	return wants_grants(config) ? features | TLPB_FEATURE_GRANTS : features;
}

static int open_link(tlpb_rc *rc, const struct tlpb_rc_config *config, struct transport *transport,
		     const uint8_t token[TLPB_TOKEN])
{
	struct link_config link_config = {
		.role = TLPB_HOST,
		.name = config->name ? config->name : program_invocation_short_name,
		.offered = features(config),
		.mps = rc->takes, .mrrs = TLPB_MAX_PAYLOAD, .rcb = rc->rcb,
		.order_seed = config->order_seed,
		.gather = config->gather_writes,
		.rings = { .transport = config->transport, .no_spin = config->no_spin },
		.events = &rc_link_events, .ctx = rc,
	};
	int err;

	memcpy(link_config.credits, rc->credits, sizeof link_config.credits);
	memcpy(link_config.token, token, TLPB_TOKEN);
	err = tlpb__link_new(transport, &link_config, &rc->link);
	if (err)
		return err;
	tlpb__link_set_inject(rc->link, rc->inject);
	tlpb__link_set_ecrc(rc->link, config->ecrc, config->ecrc);
	err = tlpb__link_set_check(rc->link, config->check);
	if (err)
		tlpb__link_close(rc->link, TLPB_REASON_INTERNAL, "out of memory", 0);
	return err;
}

static unsigned patience_ms(const struct tlpb_rc_config *config)
{
	return config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_MS;
}

static bool is_up(void *arg)
{
	return tlpb_rc_is_up(arg);
}

/* Wait for HELLO and the records. */
static int wait_up(tlpb_rc *rc, const struct tlpb_rc_config *config, char *why, size_t size)
{
	int64_t timeout = patience_ms(config);
	int64_t deadline = monotonic_ms() + timeout;

	while (!tlpb_rc_is_up(rc)) {
		if (!tlpb__rc_serve(rc, is_up, rc, CONNECT_ASK_MS)) {
			snprintf(why, size, "%s", tlpb__link_reason_text(rc->link));
			return TLPB_ERR_CLOSED;
		}
		if (!tlpb_rc_is_up(rc) && monotonic_ms() >= deadline) {
			snprintf(why, size, "the server gave a link but then said nothing for %.1f s (%s)",
				 (double)timeout / 1000,
				 tlpb__link_state_name(tlpb__link_state(rc->link)));
			return TLPB_ERR_TIMEDOUT;
		}
		if (rc->ops.cancelled && rc->ops.cancelled(rc->ctx)) {
			snprintf(why, size, "interrupted");
			return TLPB_ERR_TIMEDOUT;
		}
	}
	return 0;
}

int tlpb__rc_connect_transport(const struct tlpb_rc_config *config, struct transport *transport,
			       const uint8_t token[TLPB_TOKEN], tlpb_rc **out,
			       char *why, size_t why_size)
{
	tlpb_rc *rc;
	int err = new_rc(config, &rc, why, why_size);

	if (err) {
		transport->ops->close(transport, 0);
		return err;
	}
	err = open_link(rc, config, transport, token);
	if (err) {
		snprintf(why, why_size, "out of memory");
		tlpb__alarm_close(&rc->alarm);
		tlpb__inject_free(rc->inject);
		free(rc);
		return err;
	}
	err = tlpb__rc_join(rc, NULL);
	if (err)
		snprintf(why, why_size, "no descriptor to wait with: %s", tlpb_strerror(err));
	else
		err = wait_up(rc, config, why, why_size);
	if (!err && config->group && tlpb__rc_join(rc, config->group)) {
		snprintf(why, why_size, "out of memory");
		err = TLPB_ERR_NOMEM;
	}
	if (err) {
		tlpb_rc_close(rc);
		return err;
	}
	snprintf(rc->device_name, sizeof rc->device_name, "%s", tlpb_rc_device(rc)->name);
	rc->ready = true;
	*out = rc;
	tlpb__link_arm(rc->link);
	tlpb__link_tell_rest(rc->link);
	return 0;
}

static struct transport_security security(const struct tlpb_rc_config *config)
{
	return (struct transport_security){
		.ca = config->tls_ca, .cert = config->tls_cert, .key = config->tls_key,
		.server_name = config->tls_server_name, .plaintext = config->plaintext,
	};
}

static int join(const struct tlpb_rc_config *config, const struct url *url, struct grant *grant,
		struct joining **joining, char *why, size_t size)
{
	struct join join = { .version = TLPB_WIRE_VERSION, .offered = features(config) };
	struct transport_security s = security(config);
	struct lobby_patience patience = {
		.timeout_ms = patience_ms(config),
		.cancelled = config->ops ? config->ops->cancelled : NULL, .ctx = config->ctx,
	};

	if (getrandom(join.host_token, TLPB_TOKEN, 0) != TLPB_TOKEN) {
		snprintf(why, size, "no random numbers");
		return TLPB_ERR_IO;
	}
	snprintf(join.device, sizeof join.device, "%s", config->device ? config->device : "");
	name_with_pid(config, join.host, sizeof join.host);
	return tlpb__lobby_join(url, &s, &join, &patience, grant, joining, why, size);
}

static int take_up(const struct tlpb_rc_config *config, const struct url *url,
		   const struct grant *grant, int64_t deadline, tlpb_rc **rc, char *why, size_t size)
{
	struct tlpb_rc_config rest = *config;	/* with what JOIN leaves of the timeout, or more */
	struct transport_security s = security(config);
	struct transport *transport;
	struct url link;
	int64_t left;
	int err = tlpb__url_dialled(url, grant->url, &link, why, size);

	if (!err)
		err = tlpb__transport_dial(&link, &s, &transport, why, size);
	if (err)
		return err;
	left = deadline - monotonic_ms();
	rest.connect_timeout_ms = left > TAKE_UP_MS ? (unsigned)left : TAKE_UP_MS;
	return tlpb__rc_connect_transport(&rest, transport, grant->link_token, rc, why, size);
}

/* Through the lobby to a private link. The lobby is left when the link is up. */
static int connect_by_lobby(const struct tlpb_rc_config *config, const struct url *url, tlpb_rc **rc,
			    char *why, size_t size)
{
	int64_t deadline = monotonic_ms() + patience_ms(config);
	struct joining *joining = NULL;
	struct grant grant;
	int err = join(config, url, &grant, &joining, why, size);

	if (!err)
		err = take_up(config, url, &grant, deadline, rc, why, size);
	tlpb__lobby_leave(joining);
	return err;
}

/* Nobody chose the device: it is the one that the launcher connected. */
static int connect_inherited(const struct tlpb_rc_config *config, const struct url *url, tlpb_rc **rc,
			     char *why, size_t size)
{
	static const uint8_t no_token[TLPB_TOKEN];
	struct transport *transport;
	int err = tlpb__transport_stream_new(url->fd, &transport, why, size);
	const char *name;

	if (!err)
		err = tlpb__rc_connect_transport(config, transport, no_token, rc, why, size);
	if (err)
		return err;
	name = tlpb_rc_device(*rc)->name;
	if (!config->device || !config->device[0] || !strcmp(config->device, name))
		return 0;
	snprintf(why, size, "no such device: %s; at %s there is %s", config->device, url->text, name);
	tlpb_rc_close(*rc);
	return TLPB_ERR_REFUSED;
}

int tlpb_rc_connect(const struct tlpb_rc_config *config, tlpb_rc **rc, char *why, size_t why_size)
{
	struct url url;
	int err = tlpb__url_parse_lobby(config->url, &url, why, why_size);

	if (!err)
		err = tlpb_inject_check(config->inject, why, why_size);
	if (err)
		return err;
	if (url.kind == URL_FD)
		return connect_inherited(config, &url, rc, why, why_size);
	return connect_by_lobby(config, &url, rc, why, why_size);
}

static void free_rc(tlpb_rc *rc)
{
	tlpb__rc_part(rc);
	tlpb__link_close(rc->link, TLPB_REASON_NORMAL, "", CLOSE_MS);
	tlpb__rc_grants_end(rc);
	tlpb__alarm_close(&rc->alarm);
	tlpb__tx_queue_clear(&rc->posted);
	tlpb__inject_free(rc->inject);
	free(rc);
}

void tlpb__rc_enter(tlpb_rc *rc)
{
	rc->calls++;
}

void tlpb__rc_leave(tlpb_rc *rc)
{
	if (!--rc->calls && rc->closed)
		free_rc(rc);
}

/* Where calls that use it are in progress, the last of them frees it. */
void tlpb_rc_close(tlpb_rc *rc)
{
	if (!rc)
		return;
	tlpb__rc_enter(rc);
	rc->ready = false;
	tlpb__link_fail(rc->link, TLPB_REASON_NORMAL, "closed by its user");
	rc->ops = (struct tlpb_rc_ops){ NULL };
	rc->trace = NULL;
	rc->closed = true;
	tlpb__rc_leave(rc);
}

int tlpb_rc_reset(tlpb_rc *rc, enum tlpb_reset kind)
{
	uint8_t body[2];
	int err;

	tlpb__rc_enter(rc);
	put_le16(body, (uint16_t)kind);
	tlpb__link_flush_now(rc->link);	/* what was posted before it comes before it */
	err = tlpb__link_send(rc->link, TLPB_FRAME_RESET, 0, body, sizeof body);
	tlpb__link_flush(rc->link);
	tlpb__rc_leave(rc);
	return err;
}

int tlpb_rc_eoi(tlpb_rc *rc, unsigned pin)
{
	uint8_t body[4] = { 0 };
	int err;

	if (pin > 3)
		return TLPB_ERR_INVALID;
	tlpb__rc_enter(rc);
	put_le16(body, (uint16_t)pin);
	err = tlpb__link_send(rc->link, TLPB_FRAME_EOI, TLPB_FRAME_OPTIONAL, body, sizeof body);
	tlpb__link_flush(rc->link);
	tlpb__rc_leave(rc);
	return err;
}

const struct tlpb_device *tlpb_rc_device(const tlpb_rc *rc)
{
	return tlpb__link_device(rc->link);
}

const uint8_t *tlpb_rc_records(const tlpb_rc *rc, size_t *len)
{
	return tlpb__link_records(rc->link, len);
}

int tlpb_rc_fd(const tlpb_rc *rc)
{
	return tlpb__link_fd(rc->link);
}

bool tlpb_rc_is_up(const tlpb_rc *rc)
{
	return tlpb__link_state(rc->link) == LINK_UP;
}

bool tlpb_rc_shared_memory(const tlpb_rc *rc)
{
	return tlpb__link_in_memory(rc->link);
}

int tlpb_rc_inject(tlpb_rc *rc, const char *rules, char *why, size_t why_size)
{
	int err = tlpb__inject_change(&rc->inject, rules, why, why_size);

	tlpb__link_set_inject(rc->link, rc->inject);
	return err;
}

uint64_t tlpb_rc_injected(const tlpb_rc *rc)
{
	return tlpb__inject_fired(rc->inject);
}

void tlpb_rc_inject_list(const tlpb_rc *rc, struct tlpb_inject_list *list)
{
	tlpb__inject_list(rc->inject, list);
}

uint64_t tlpb_rc_violations(const tlpb_rc *rc)
{
	return tlpb__link_violations(rc->link);
}

void tlpb_rc_get_stats(const tlpb_rc *rc, struct tlpb_rc_stats *stats)
{
	*stats = rc->stats;
}

enum tlpb_reason tlpb_rc_down_reason(const tlpb_rc *rc)
{
	return tlpb__link_reason(rc->link);
}

const char *tlpb_rc_down_text(const tlpb_rc *rc)
{
	return tlpb__link_reason_text(rc->link);
}
