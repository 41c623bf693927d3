/* SPDX-License-Identifier: MIT */
/*
 * Who gets which endpoint.
 *
 *	FREE -- JOIN, GRANT --> GRANTED -- HELLO with the token --> TAKEN
 *	GRANTED -- the host has left the lobby, or was there for too long --> FREE
 *	TAKEN -- goodbye or lost host --> FREE
 *
 * An inherited socket has no lobby: its one endpoint is GRANTED from the start.
 *
 * One epoll descriptor stands for the lobby and every link.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <tlpbridge/log.h>
#include <tlpbridge/server.h>

#include "clock.h"
#include "ep_private.h"
#include "inject_body.h"
#include "lobby.h"

enum {
	MAX_ENDPOINTS = 64,
	JOIN_BURST = 16,
};

enum slot_state { SLOT_FREE, SLOT_GRANTED, SLOT_TAKEN };

struct slot {
	tlpb_ep *ep;
	enum slot_state state;
	uint8_t host_token[TLPB_TOKEN];
	char host[TEXT_MAX];
	struct grant grant;
	unsigned asker;		/* its host in the lobby; 0: an inherited link, which may take its time */
	int64_t granted_ms;
	int watched_fd;		/* of the link, in the epoll set; -1: none */
};

struct tlpb_server {
	struct url url;
	bool allow_inject;
	struct transport_security security;	/* owns its strings */
	struct lobby *lobby;			/* NULL: the link is inherited */
	struct transport *inherited;		/* waits for an endpoint */
	int epoll_fd;
	struct slot slot[MAX_ENDPOINTS];
	unsigned slots;
	uint16_t links;		/* given out so far */
};

/* ---- what to wait for ---- */

static void watch(tlpb_server *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/*
 * A descriptor that was closed has left the set by itself; that of a link which is held
 * (raw mode) is still open.
 */
static void update_watch(tlpb_server *s, struct slot *slot)
{
	int fd = tlpb__ep_fd(slot->ep);

	if (fd == slot->watched_fd)
		return;
	if (fd < 0 && tlpb__ep_attached(slot->ep))
		epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, slot->watched_fd, NULL);
	if (fd >= 0)
		watch(s, fd);
	slot->watched_fd = fd;
}

/* ---- JOIN ---- */

static struct slot *find_held_by(tlpb_server *s, const struct join *join)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->slot[i].state != SLOT_FREE &&
		    !memcmp(s->slot[i].host_token, join->host_token, TLPB_TOKEN))
			return &s->slot[i];
	return NULL;
}

static bool wanted(const struct slot *slot, const struct join *join)
{
	return !join->device[0] || !strcmp(join->device, tlpb_ep_device(slot->ep)->name);
}

static struct slot *find_free(tlpb_server *s, const struct join *join)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->slot[i].state == SLOT_FREE && wanted(&s->slot[i], join))
			return &s->slot[i];
	return NULL;
}

/* A host stays in the lobby until its link is up: one that does not was killed, gave up, or hangs. */
static void free_abandoned(tlpb_server *s)
{
	for (unsigned i = 0; i < s->slots; i++) {
		struct slot *slot = &s->slot[i];

		if (slot->state != SLOT_GRANTED || !slot->asker ||
		    tlpb__lobby_is_there(s->lobby, slot->asker))
			continue;
		tlpb_log(TLPB_LOG_WARNING, "%s: %s left the lobby after %d s and did not take up its "
			 "link", tlpb_ep_device(slot->ep)->name, slot->host,
			 (int)((monotonic_ms() - slot->granted_ms) / 1000));
		tlpb__ep_detach(slot->ep, TLPB_REASON_SILENT, "the link was not taken up in time");
		slot->state = SLOT_FREE;
		update_watch(s, slot);
	}
}

static void refuse_version(tlpb_server *s, const struct join *join)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof text, "protocol versions differ: the host speaks %u, this server %u; "
		 "use the same release of tlpbridge on both sides",
		 join->version, TLPB_WIRE_VERSION);
	tlpb__lobby_refuse(s->lobby, TLPB_REASON_VERSION, text);
}

static void refuse_features(tlpb_server *s, uint64_t missing)
{
	char text[TEXT_MAX], names[TEXT_MAX / 2];

	tlpb__feature_names(missing, names, sizeof names);
	snprintf(text, sizeof text, "this server does not have what the host requires: %s", names);
	tlpb__lobby_refuse(s->lobby, TLPB_REASON_FEATURE, text);
}

/* Names every device and who has it, so that a person sees what to do. */
static void refuse_device(tlpb_server *s, const struct join *join)
{
	char text[TEXT_MAX];
	bool exists = false;
	size_t used;

	for (unsigned i = 0; i < s->slots; i++)
		exists = exists || wanted(&s->slot[i], join);
	used = (size_t)snprintf(text, sizeof text, "%s%.64s; this server has:",
				exists ? "in use: " : "no such device: ",
				join->device[0] ? join->device : "every device");
	for (unsigned i = 0; i < s->slots && used < sizeof text; i++) {
		const struct slot *slot = &s->slot[i];
		bool is_free = slot->state == SLOT_FREE;

		used += (size_t)snprintf(text + used, sizeof text - used, "%s %s (%s%.64s)",
					 i ? "," : "", tlpb_ep_device(slot->ep)->name,
					 is_free ? "free" : "held by ", is_free ? "" : slot->host);
	}
	tlpb__lobby_refuse(s->lobby, exists ? TLPB_REASON_TAKEN : TLPB_REASON_NO_DEVICE, text);
}

/* Listen for a private link. */
static int listen_for_link(tlpb_server *s, struct grant *grant, struct transport **t,
			   char *why, size_t size)
{
	struct url url;
	uint32_t id;
	int err;

	if (getrandom(grant->link_token, TLPB_TOKEN, 0) != TLPB_TOKEN ||
	    getrandom(&id, sizeof id, 0) != sizeof id) {
		snprintf(why, size, "no random numbers");
		return TLPB_ERR_IO;
	}
	tlpb__url_private(&s->url, id, &url);
	err = tlpb__transport_listen(&url, &s->security, t, why, size);
	if (err)
		return err;
	tlpb__url_granted(&url, grant->url, sizeof grant->url);
	return 0;
}

static int open_link(tlpb_server *s, struct slot *slot, char *why, size_t size)
{
	struct transport *t;
	int err = listen_for_link(s, &slot->grant, &t, why, size);

	return err ? err : tlpb__ep_attach(slot->ep, t, slot->grant.link_token, s->links++);
}

static void grant_slot(tlpb_server *s, struct slot *slot, const struct join *join)
{
	char why[TEXT_MAX] = "out of memory";

	if (open_link(s, slot, why, sizeof why)) {
		tlpb_log(TLPB_LOG_ERROR, "cannot open a link for %s: %s", join->host, why);
		tlpb__lobby_refuse(s->lobby, TLPB_REASON_INTERNAL, why);
		return;
	}
	slot->state = SLOT_GRANTED;
	slot->granted_ms = monotonic_ms();
	slot->asker = tlpb__lobby_asker(s->lobby);
	memcpy(slot->host_token, join->host_token, TLPB_TOKEN);
	snprintf(slot->host, sizeof slot->host, "%s", join->host);
	update_watch(s, slot);
	tlpb__lobby_grant(s->lobby, &slot->grant);
}

static void on_join(tlpb_server *s, const struct join *join)
{
	uint64_t missing = join->required & ~(uint64_t)TLPB_FEATURE_DMA_FAULT;
	struct slot *slot = find_held_by(s, join);

	if (join->version != TLPB_WIRE_VERSION) {
		refuse_version(s, join);
	} else if (missing) {
		refuse_features(s, missing);
	} else if (slot) {	/* its connection ended before the answer: say it again */
		slot->granted_ms = monotonic_ms();
		slot->asker = tlpb__lobby_asker(s->lobby);
		tlpb__lobby_grant(s->lobby, &slot->grant);
	} else {
		free_abandoned(s);
		slot = find_free(s, join);
		if (slot)
			grant_slot(s, slot, join);
		else
			refuse_device(s, join);
	}
}

/* ---- STATUS ---- */

static void slot_status(const struct slot *slot, struct tlpb_slot_status *status)
{
	tlpb__ep_status(slot->ep, status);
	snprintf(status->device, sizeof status->device, "%s", tlpb_ep_device(slot->ep)->name);
	if (slot->state == SLOT_FREE)
		return;
	snprintf(status->host, sizeof status->host, "%.*s", TLPB_STATUS_TEXT - 1, slot->host);
	status->host_ms = (uint64_t)(monotonic_ms() - slot->granted_ms);
}

static int on_status(void *ctx, const struct frame *question, uint8_t *body, size_t size,
		     struct refuse *refusal)
{
	tlpb_server *s = ctx;
	struct tlpb_status *status = calloc(1, sizeof *status);
	int len;

	if (!status)
		return TLPB_ERR_NOMEM;
	status->time_ms = (uint64_t)monotonic_ms();
	status->slots = s->slots;
	for (unsigned i = 0; i < s->slots; i++)
		slot_status(&s->slot[i], &status->slot[i]);
	len = tlpb__status_encode(status, body, size);
	free(status);
	return len;
}

/* ---- INJECT ---- */

static int refuse(struct refuse *refusal, enum tlpb_reason reason, const char *text)
{
	refusal->reason = (uint16_t)reason;
	snprintf(refusal->text, sizeof refusal->text, "%s", text);
	return TLPB_ERR_REFUSED;
}

/* That name, or where none is given the only device. */
static struct slot *find_named(tlpb_server *s, const char *name)
{
	if (!name[0])
		return s->slots == 1 ? &s->slot[0] : NULL;
	for (unsigned i = 0; i < s->slots; i++)
		if (!strcmp(name, tlpb_ep_device(s->slot[i].ep)->name))
			return &s->slot[i];
	return NULL;
}

static int refuse_name(tlpb_server *s, const char *name, struct refuse *refusal)
{
	char text[TEXT_MAX];
	size_t used = (size_t)snprintf(text, sizeof text, "%s%.64s; this server has:",
				       name[0] ? "no such device: " : "which device?", name);

	for (unsigned i = 0; i < s->slots && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s %s", i ? "," : "",
					 tlpb_ep_device(s->slot[i].ep)->name);
	return refuse(refusal, TLPB_REASON_NO_DEVICE, text);
}

static int obey_injection(tlpb_ep *ep, const struct inject_question *q, struct refuse *refusal)
{
	const char *rules = q->what == TLPB_INJECT_CLEAR ? NULL : q->rules;
	char why[TEXT_MAX] = "out of memory";

	if (q->what == TLPB_INJECT_LIST || !tlpb_ep_inject(ep, rules, why, sizeof why))
		return 0;
	return refuse(refusal, TLPB_REASON_INVALID, why);
}

static int reply_injection(const tlpb_ep *ep, uint8_t *body, size_t size)
{
	struct tlpb_inject_list *list = malloc(sizeof *list);
	int len;

	if (!list)
		return TLPB_ERR_NOMEM;
	tlpb_ep_inject_list(ep, list);
	len = tlpb__inject_reply_encode(list, body, size);
	free(list);
	return len;
}

static int on_inject(void *ctx, const struct frame *frame, uint8_t *body, size_t size,
		     struct refuse *refusal)
{
	tlpb_server *s = ctx;
	struct inject_question q;
	struct slot *slot;

	if (tlpb__inject_question_decode(frame->body, frame->length, &q))
		return refuse(refusal, TLPB_REASON_INVALID, "this is not an INJECT of this version");
	if (!s->allow_inject)
		return refuse(refusal, TLPB_REASON_FORBIDDEN, "the server was started without "
			      "--allow-inject");
	slot = find_named(s, q.device);
	if (!slot)
		return refuse_name(s, q.device, refusal);
	if (obey_injection(slot->ep, &q, refusal))
		return TLPB_ERR_REFUSED;
	if (q.what != TLPB_INJECT_LIST)
		tlpb_log(TLPB_LOG_INFO, "%s: error injection: %s%s", tlpb_ep_device(slot->ep)->name,
			 q.what == TLPB_INJECT_CLEAR ? "all rules were removed" : "added ", q.rules);
	return reply_injection(slot->ep, body, size);
}

/* ---- links ---- */

static int process_slot(tlpb_server *s, struct slot *slot)
{
	int handled = tlpb__ep_process(slot->ep);

	if (slot->state == SLOT_GRANTED && tlpb_ep_is_up(slot->ep))
		slot->state = SLOT_TAKEN;
	if (!tlpb__ep_attached(slot->ep)) {
		slot->state = SLOT_FREE;
		handled++;	/* the model was told */
	}
	update_watch(s, slot);
	return handled;
}

int tlpb_server_process(tlpb_server *s)
{
	struct join join;
	int handled = 0;

	/* Links first: who left makes room for who comes. */
	for (unsigned i = 0; i < s->slots; i++)
		if (s->slot[i].state != SLOT_FREE)
			handled += process_slot(s, &s->slot[i]);
	for (int n = 0; s->lobby && n < JOIN_BURST && tlpb__lobby_next(s->lobby, &join) > 0; n++) {
		on_join(s, &join);
		handled++;
	}
	free_abandoned(s);
	return handled;
}

int tlpb_server_wait(tlpb_server *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->epoll_fd, .events = POLLIN };
	int handled = tlpb_server_process(s);

	if (handled)
		return handled;
	poll(&p, 1, timeout_ms);
	return tlpb_server_process(s);
}

int tlpb_server_fd(const tlpb_server *s)
{
	return s->epoll_fd;
}

/* ---- life ---- */

static char *copy(const char *text, bool *failed)
{
	char *copied = text ? strdup(text) : NULL;

	*failed = *failed || (text && !copied);
	return copied;
}

static int copy_security(tlpb_server *s, const struct tlpb_server_config *config)
{
	bool failed = false;

	s->security = (struct transport_security){
		.ca = copy(config->tls_ca, &failed), .cert = copy(config->tls_cert, &failed),
		.key = copy(config->tls_key, &failed), .plaintext = config->plaintext,
	};
	return failed ? TLPB_ERR_NOMEM : 0;
}

static int open_lobby(tlpb_server *s, char *why, size_t size)
{
	int err = tlpb__lobby_listen(&s->url, &s->security, &s->lobby, why, size);

	if (err)
		return err;
	s->url = *tlpb__lobby_url(s->lobby);
	tlpb__lobby_on_question(s->lobby, TLPB_FRAME_STATUS, on_status, s);
	tlpb__lobby_on_question(s->lobby, TLPB_FRAME_INJECT, on_inject, s);
	watch(s, tlpb__lobby_fd(s->lobby));
	return 0;
}

static int open_server(tlpb_server *s, const struct tlpb_server_config *config, char *why, size_t size)
{
	int err = tlpb__url_parse_lobby(config->url, &s->url, why, size);

	if (err)
		return err;
	s->allow_inject = config->allow_inject;
	snprintf(why, size, "out of memory or descriptors");
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0 || copy_security(s, config))
		return TLPB_ERR_NOMEM;
	if (s->url.kind == URL_FD)
		return tlpb__transport_stream_new(s->url.fd, &s->inherited, why, size);
	return open_lobby(s, why, size);
}

int tlpb_server_open_with(const struct tlpb_server_config *config, tlpb_server **out,
			  char *why, size_t why_size)
{
	tlpb_server *s = calloc(1, sizeof *s);
	int err;

	if (!s) {
		snprintf(why, why_size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	s->epoll_fd = -1;
	err = open_server(s, config, why, why_size);
	if (err) {
		tlpb_server_close(s);
		return err;
	}
	*out = s;
	return 0;
}

int tlpb_server_open(const char *url, tlpb_server **out, char *why, size_t why_size)
{
	struct tlpb_server_config config = { .url = url };

	return tlpb_server_open_with(&config, out, why, why_size);
}

const char *tlpb_server_url(const tlpb_server *s)
{
	return s->url.text;
}

bool tlpb_server_is_over(const tlpb_server *s)
{
	return !s->lobby && !s->inherited && s->slots && s->slot[0].state == SLOT_FREE;
}

void tlpb_server_close(tlpb_server *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->slots; i++)
		tlpb__ep_detach(s->slot[i].ep, TLPB_REASON_NORMAL, "the server was stopped");
	tlpb__lobby_close(s->lobby);
	if (s->inherited)
		s->inherited->ops->close(s->inherited, 0);
	free((char *)s->security.ca);
	free((char *)s->security.cert);
	free((char *)s->security.key);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s);
}

/* On an inherited socket the host's HELLO may be there already: no JOIN, no token. */
static int attach_inherited(tlpb_server *s, struct slot *slot)
{
	static const uint8_t no_token[TLPB_TOKEN];
	struct transport *t = s->inherited;
	int err;

	s->inherited = NULL;
	err = tlpb__ep_attach(slot->ep, t, no_token, s->links++);
	if (err)
		return err;
	slot->state = SLOT_GRANTED;
	update_watch(s, slot);
	return 0;
}

int tlpb_server_add(tlpb_server *s, tlpb_ep *ep)
{
	struct slot *slot = &s->slot[s->slots];

	if (s->slots == MAX_ENDPOINTS || (!s->lobby && !s->inherited))
		return TLPB_ERR_TOO_LARGE;
	*slot = (struct slot){ .ep = ep, .watched_fd = -1 };
	s->slots++;
	if (tlpb__ep_timer_fd(ep) >= 0)
		watch(s, tlpb__ep_timer_fd(ep));
	return s->inherited ? attach_inherited(s, slot) : 0;
}
