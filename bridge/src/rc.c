/* SPDX-License-Identifier: MIT */
/*
 * Design notes. Whoever needs an answer waits in serve_until(), which handles
 * every inbound frame meanwhile: the device's DMA and interrupts are served inside
 * the wait, so a device that does DMA before it completes a read cannot deadlock
 * with us. A callback may come back in here; the inner wait then also takes the
 * outer one's completion, which is filed by its tag, not by who reads it.
 */
#include <errno.h>
#include <poll.h>
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
	FIRST_NOTICE_MS = 2000,		/* then 4 s, 8 s, ... */
	CANCEL_POLL_MS = 200,		/* how often a wait asks whether to give up */
	BACKLOG_MAX = 1024 * 1024,	/* bytes queued before a posted write waits */
	ONES = -1,
};

/* ---- link events ---- */

static void on_completion(tlpb_rc *rc, const struct tlpb_tlp *tlp)
{
	int err = tlpb__tags_complete(&rc->tags, tlp);

	if (!err)
		return;
	if (rc->stats.unexpected_completions++)
		return;		/* said once: the peer decides how many come */
	tlpb_log(TLPB_LOG_WARNING, "%s: completion for tag %u dropped: %s", rc->device_name, tlp->tag,
		 err == TLPB_ERR_NOT_FOUND ? "nothing asked for it (Unexpected Completion)"
					   : "it does not continue its request");
}

static void on_tlp(void *ctx, const struct tlpb_tlp *tlp, const struct frame *frame)
{
	tlpb_rc *rc = ctx;

	if (tlpb_kind_class(tlp->kind) == TLPB_COMPLETION)
		on_completion(rc, tlp);
	else
		tlpb__rc_inbound(rc, tlp, frame);
}

static void on_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	tlpb_rc *rc = ctx;

	if (rc->ready && rc->ops.down)
		rc->ops.down(rc->ctx, reason, text);
	tlpb__tags_abort(&rc->tags, TLPB_ERR_CLOSED, true);
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
	struct tlpb_trace_record record = {
		.time_ps = on_now_ps(rc),
		.direction = outbound ? TLPB_TO_ENDPOINT : TLPB_TO_HOST,
		.kind = frame->kind, .body = frame->body, .len = frame->length,
	};

	if (rc->trace)
		tlpb_trace_write(rc->trace, &record);
}

static const struct link_events rc_link_events = {
	.tlp = on_tlp,
	.down = on_down,
	.observe = on_observe,
	.now_ps = on_now_ps,
};

/* ---- waiting ---- */

struct wait {
	int64_t start_ms;
	int64_t notice_ms;		/* when to say something next, after start */
	int64_t ask_ms;			/* when to ask next whether to give up, after start */
	const struct tlpb_tlp *tlp;	/* what is waited for; NULL: room to send */
};

static void say_waiting(tlpb_rc *rc, const struct wait *w, int64_t waited_ms)
{
	char what[TEXT_MAX] = "the peer to take posted writes", text[2 * TEXT_MAX];

	if (w->tlp)
		tlpb_tlp_text(w->tlp, what, sizeof what);
	snprintf(text, sizeof text, "%s: waiting for %s (%lld s)", rc->device_name, what,
		 (long long)(waited_ms / 1000));
	if (rc->ops.waiting)
		rc->ops.waiting(rc->ctx, text);
	else
		tlpb_log(TLPB_LOG_WARNING, "%s", text);
}

/* Say what is waited for, and ask whether to give up, when it is time for that. */
static void look_at_clock(tlpb_rc *rc, struct wait *w)
{
	int64_t waited = monotonic_ms() - w->start_ms;

	if (waited >= w->notice_ms) {
		say_waiting(rc, w, waited);
		while (w->notice_ms <= waited)	/* several at once: we had been stopped */
			w->notice_ms *= 2;
	}
	if (waited < w->ask_ms)
		return;
	w->ask_ms = waited + CANCEL_POLL_MS;
	if (rc->ops.cancelled && rc->ops.cancelled(rc->ctx))
		tlpb__link_fail(rc->link, TLPB_REASON_NORMAL, "the host stopped waiting");
}

/* Sleep until the link has something for us, or it is time to look at the clock. */
static void doze(tlpb_rc *rc, const struct wait *w)
{
	struct pollfd p = { .fd = tlpb__link_fd(rc->link), .events = POLLIN };
	int64_t due = rc->ops.cancelled && w->ask_ms < w->notice_ms ? w->ask_ms : w->notice_ms;
	int64_t pause = w->start_ms + due - monotonic_ms();

	poll(&p, 1, pause > 0 ? (int)pause : 0);
}

static bool is_set(void *arg)
{
	return *(bool *)arg;
}

/* The rest of a message has no descriptor that would tell of it. */
static void finish_message(tlpb_rc *rc)
{
	while (tlpb__link_mid_message(rc->link))
		tlpb__link_process_one(rc->link);
}

/* Serve inbound frames until until(arg), or the link is down. */
static int serve_until(tlpb_rc *rc, bool (*until)(void *arg), void *arg,
		       const struct tlpb_tlp *tlp)
{
	struct wait w = { .start_ms = monotonic_ms(), .notice_ms = FIRST_NOTICE_MS,
			  .ask_ms = CANCEL_POLL_MS, .tlp = tlp };
	unsigned frames = 0;

	tlpb__link_flush(rc->link);
	while (!until(arg)) {
		int got = tlpb__link_process_one(rc->link);

		if (got < 0)
			return until(arg) ? 0 : TLPB_ERR_CLOSED;
		if (!got)
			doze(rc, &w);
		/* A device that never stops talking must not keep us from the clock. */
		if (!got || ++frames % TLPB__LINK_BURST == 0)
			look_at_clock(rc, &w);
	}
	finish_message(rc);
	tlpb__link_flush(rc->link);
	return 0;
}

int tlpb_rc_process(tlpb_rc *rc)
{
	tlpb__link_process(rc->link);
	return tlpb__link_state(rc->link) == LINK_DOWN ? TLPB_ERR_CLOSED : 0;
}

int tlpb_rc_fd(const tlpb_rc *rc)
{
	return tlpb__link_fd(rc->link);
}

static bool backlog_is_low(void *arg)
{
	return tlpb__link_backlog(arg) <= BACKLOG_MAX / 2;
}

/* Posted writes are queued without limit by nobody: a slow peer slows the writer down. */
static int hold_back(tlpb_rc *rc)
{
	tlpb__link_flush(rc->link);
	if (tlpb__link_backlog(rc->link) <= BACKLOG_MAX)
		return 0;
	return serve_until(rc, backlog_is_low, rc->link, NULL);
}

/* ---- requests ---- */

struct answer {
	bool done;
	int err;
};

static void on_answer(void *arg, const struct tags_request *request, int err)
{
	struct answer *a = arg;

	a->done = true;
	a->err = err;
}

static bool tag_is_free(void *arg)
{
	const struct tags *tags = arg;

	return tags->used < tags->limit;
}

/* Send a non-posted request, wait for its completion, put len bytes of data into buf. */
static int request(tlpb_rc *rc, struct tlpb_tlp *tlp, void *buf, size_t len)
{
	struct answer answer = { 0 };
	int err = 0;

	if (!tlpb_rc_is_up(rc))
		return TLPB_ERR_CLOSED;
	if (!tag_is_free(&rc->tags))
		err = serve_until(rc, tag_is_free, &rc->tags, tlp);
	if (!err)
		err = tlpb__tags_begin(&rc->tags, tlp, buf, len, on_answer, &answer);
	if (err)
		return err;
	tlpb__link_send_tlp(rc->link, tlp, NULL);
	err = serve_until(rc, is_set, &answer.done, tlp);
	return err ? err : answer.err;
}

static bool register_tlpb__size_legal(unsigned size)
{
	return size == 1 || size == 2 || size == 4;
}

static bool config_access_ok(unsigned offset, unsigned size)
{
	return offset < 4096 && register_tlpb__size_legal(size) && (offset & 3) + size <= 4;
}

static uint8_t enables(uint32_t offset, unsigned size)
{
	return (uint8_t)(((1u << size) - 1) << (offset & 3));
}

static uint32_t ones(unsigned size)
{
	return (uint32_t)ONES >> (8 * (4 - size));
}

/* Read or write up to one DW of configuration or I/O space. */
static int register_read(tlpb_rc *rc, struct tlpb_tlp *tlp, unsigned size, uint32_t *value)
{
	uint8_t bytes[4] = { 0 };
	int err = request(rc, tlp, bytes, size);

	*value = err ? ones(size) : get_le32(bytes);
	return err;
}

static int register_write(tlpb_rc *rc, struct tlpb_tlp *tlp, uint32_t offset, uint32_t value)
{
	uint8_t dw[4];

	put_le32(dw, value << (8 * (offset & 3)));
	tlp->payload = dw;
	tlp->payload_len = 4;
	return request(rc, tlp, NULL, 0);
}

static struct tlpb_tlp config_tlp(enum tlpb_tlp_kind kind, uint16_t bdf, unsigned offset,
				  unsigned size)
{
	return (struct tlpb_tlp){
		.kind = kind, .length_dw = 1, .first_be = enables(offset, size),
		.dest_id = bdf, .reg_offset = (uint16_t)(offset & ~3u),
	};
}

int tlpb_rc_config_read(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size, uint32_t *value)
{
	struct tlpb_tlp tlp = config_tlp(TLPB_CFGRD0, bdf, offset, size);

	*value = (uint32_t)ONES;
	if (!config_access_ok(offset, size))
		return TLPB_ERR_INVALID;
	rc->stats.config_reads++;
	return register_read(rc, &tlp, size, value);
}

int tlpb_rc_config_write(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size, uint32_t value)
{
	struct tlpb_tlp tlp = config_tlp(TLPB_CFGWR0, bdf, offset, size);

	if (!config_access_ok(offset, size))
		return TLPB_ERR_INVALID;
	rc->stats.config_writes++;
	return register_write(rc, &tlp, offset, value);
}

static struct tlpb_tlp io_tlp(enum tlpb_tlp_kind kind, uint32_t addr, unsigned size)
{
	return (struct tlpb_tlp){
		.kind = kind, .length_dw = 1, .first_be = enables(addr, size),
		.address = addr & ~3u,
	};
}

/* The part of an I/O access that lies in the doubleword of addr. */
static unsigned io_part(uint32_t addr, unsigned size)
{
	unsigned room = 4 - (addr & 3);

	return size < room ? size : room;
}

int tlpb_rc_io_read(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t *value)
{
	unsigned done = 0;
	int err = 0;

	*value = (uint32_t)ONES;
	if (!register_tlpb__size_legal(size))
		return TLPB_ERR_INVALID;
	*value = 0;
	while (!err && done < size) {
		unsigned n = io_part(addr + done, size - done);
		struct tlpb_tlp tlp = io_tlp(TLPB_IORD, addr + done, n);
		uint8_t bytes[4] = { 0 };

		rc->stats.io_reads++;
		err = request(rc, &tlp, bytes, n);
		*value |= get_le32(bytes) << (8 * done);
		done += n;
	}
	if (err)
		*value = ones(size);
	return err;
}

int tlpb_rc_io_write(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t value)
{
	unsigned done = 0;
	int err = 0;

	if (!register_tlpb__size_legal(size))
		return TLPB_ERR_INVALID;
	while (!err && done < size) {
		unsigned n = io_part(addr + done, size - done);
		struct tlpb_tlp tlp = io_tlp(TLPB_IOWR, addr + done, n);

		rc->stats.io_writes++;
		err = register_write(rc, &tlp, addr + done, value >> (8 * done));
		done += n;
	}
	return err;
}

static struct tlpb_tlp memory_tlp(enum tlpb_tlp_kind kind, uint64_t addr, size_t len)
{
	struct tlpb_extent e = tlpb_extent(addr, len);

	return (struct tlpb_tlp){
		.kind = kind, .hdr_4dw = addr >> 32 != 0, .address = addr & ~3ull,
		.length_dw = e.length_dw, .first_be = e.first_be, .last_be = e.last_be,
	};
}

static int read_piece(tlpb_rc *rc, uint64_t addr, void *buf, size_t len)
{
	struct tlpb_tlp tlp = memory_tlp(TLPB_MRD, addr, len);

	rc->stats.mem_reads++;
	return request(rc, &tlp, buf, len);
}

int tlpb_rc_mem_read(tlpb_rc *rc, uint64_t addr, void *buf, size_t len)
{
	unsigned mrrs = tlpb__link_peer(rc->link)->mrrs;
	uint8_t *p = buf;
	int err, first_err = 0;

	if (!len)
		return read_piece(rc, addr, NULL, 0);
	while (len) {
		size_t n = tlpb_next_request(addr, len, mrrs);

		err = read_piece(rc, addr, p, n);
		if (err)
			memset(p, 0xff, n);
		first_err = first_err ? first_err : err;
		addr += n;
		p += n;
		len -= n;
	}
	return first_err;
}

static int write_piece(tlpb_rc *rc, uint64_t addr, const uint8_t *data, size_t len)
{
	struct tlpb_tlp tlp = memory_tlp(TLPB_MWR, addr, len);
	uint8_t dws[TLPB_MAX_PAYLOAD];

	tlp.payload = dws;
	tlp.payload_len = 4u * tlp.length_dw;
	memset(dws, 0, 4);			/* bytes not enabled are sent as 0 */
	memset(dws + tlp.payload_len - 4, 0, 4);
	memcpy(dws + (addr & 3), data, len);
	rc->stats.mem_writes++;
	return tlpb__link_send_tlp(rc->link, &tlp, NULL);
}

int tlpb_rc_mem_write(tlpb_rc *rc, uint64_t addr, const void *data, size_t len)
{
	unsigned peer = tlpb__link_peer(rc->link)->mps;
	const uint8_t *p = data;
	int err = 0;

	while (len && !err) {
		size_t n = tlpb_next_request(addr, len, rc->mps < peer ? rc->mps : peer);

		err = write_piece(rc, addr, p, n);
		if (!err)
			err = hold_back(rc);
		addr += n;
		p += n;
		len -= n;
	}
	return err;
}

int tlpb_rc_message(tlpb_rc *rc, const struct tlpb_tlp *msg)
{
	int err = tlpb__link_send_tlp(rc->link, msg, NULL);

	return err ? err : hold_back(rc);
}

int tlpb_rc_reset(tlpb_rc *rc, enum tlpb_reset kind)
{
	uint8_t body[2];
	int err;

	put_le16(body, (uint16_t)kind);
	err = tlpb__link_send(rc->link, TLPB_FRAME_RESET, 0, body, sizeof body, NULL);
	tlpb__link_flush(rc->link);
	return err;
}

/* ---- life ---- */

static int new_rc(const struct tlpb_rc_config *config, tlpb_rc **out, char *why, size_t size)
{
	tlpb_rc *rc = calloc(1, sizeof *rc);

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
	tlpb__tags_init(&rc->tags, TAGS_MAX);
	snprintf(rc->device_name, sizeof rc->device_name, "%s",
		 config->device ? config->device : "the device");
	if (!tlpb__size_legal(rc->mps) || (rc->rcb != 64 && rc->rcb != 128)) {
		snprintf(why, size, "MPS %u must be 128, 256, ... 4096 and RCB %u 64 or 128 bytes",
			 rc->mps, rc->rcb);
		free(rc);
		return TLPB_ERR_INVALID;
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

static uint64_t features(const struct tlpb_rc_config *config)
{
	return config->plain_pcie ? 0 : TLPB_FEATURE_DMA_FAULT;
}

static int open_link(tlpb_rc *rc, const struct tlpb_rc_config *config, struct transport *transport,
		     const uint8_t token[TLPB_TOKEN])
{
	struct link_config link_config = {
		.role = TLPB_HOST,
		.name = config->name ? config->name : program_invocation_short_name,
		.offered = features(config),
		.mps = TLPB_MAX_PAYLOAD, .mrrs = TLPB_MAX_PAYLOAD, .rcb = rc->rcb,
		.events = &rc_link_events, .ctx = rc,
	};

	memcpy(link_config.token, token, TLPB_TOKEN);
	return tlpb__link_new(transport, &link_config, &rc->link);
}

static unsigned patience_ms(const struct tlpb_rc_config *config)
{
	return config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_MS;
}

/* Wait for HELLO and the records. */
static int wait_up(tlpb_rc *rc, const struct tlpb_rc_config *config, char *why, size_t size)
{
	int64_t timeout = patience_ms(config);
	int64_t deadline = monotonic_ms() + timeout;

	while (!tlpb_rc_is_up(rc)) {
		int got = tlpb__link_process_one(rc->link);
		struct pollfd p = { .fd = tlpb__link_fd(rc->link), .events = POLLIN };

		if (got < 0) {
			snprintf(why, size, "%s", tlpb__link_reason_text(rc->link));
			return TLPB_ERR_CLOSED;
		}
		if (!got && monotonic_ms() >= deadline) {
			snprintf(why, size, "the server gave a link but then said nothing for %.1f s (%s)",
				 (double)timeout / 1000,
				 tlpb__link_state_name(tlpb__link_state(rc->link)));
			return TLPB_ERR_TIMEDOUT;
		}
		if (rc->ops.cancelled && rc->ops.cancelled(rc->ctx)) {
			snprintf(why, size, "interrupted");
			return TLPB_ERR_TIMEDOUT;
		}
		if (!got)
			poll(&p, 1, 100);
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
		free(rc);
		return err;
	}
	err = wait_up(rc, config, why, why_size);
	if (err) {
		tlpb_rc_close(rc);
		return err;
	}
	snprintf(rc->device_name, sizeof rc->device_name, "%s", tlpb_rc_device(rc)->name);
	rc->ready = true;
	*out = rc;
	finish_message(rc);
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
		char *why, size_t size)
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
	return tlpb__lobby_join(url, &s, &join, &patience, grant, why, size);
}

/* Through the lobby to a private link. */
static int connect_by_lobby(const struct tlpb_rc_config *config, const struct url *url, tlpb_rc **rc,
			    char *why, size_t size)
{
	struct tlpb_rc_config rest = *config;	/* with what JOIN leaves of the timeout */
	struct transport_security s = security(config);
	int64_t start = monotonic_ms(), left;
	struct transport *transport;
	struct grant grant;
	struct url link;
	int err = join(config, url, &grant, why, size);

	if (!err)
		err = tlpb__url_dialled(url, grant.url, &link, why, size);
	if (!err)
		err = tlpb__transport_dial(&link, &s, &transport, why, size);
	if (err)
		return err;
	left = start + patience_ms(config) - monotonic_ms();
	rest.connect_timeout_ms = left > 0 ? (unsigned)left : 1;
	return tlpb__rc_connect_transport(&rest, transport, grant.link_token, rc, why, size);
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

	if (err)
		return err;
	if (url.kind == URL_FD)
		return connect_inherited(config, &url, rc, why, why_size);
	return connect_by_lobby(config, &url, rc, why, why_size);
}

void tlpb_rc_close(tlpb_rc *rc)
{
	if (!rc)
		return;
	tlpb__link_close(rc->link, TLPB_REASON_NORMAL, "closed by its user", 1000);
	free(rc);
}

const struct tlpb_device *tlpb_rc_device(const tlpb_rc *rc)
{
	return tlpb__link_device(rc->link);
}

bool tlpb_rc_is_up(const tlpb_rc *rc)
{
	return tlpb__link_state(rc->link) == LINK_UP;
}

void tlpb_rc_get_stats(const tlpb_rc *rc, struct tlpb_rc_stats *stats)
{
	*stats = rc->stats;
}
