/* SPDX-License-Identifier: MIT */
/*
 * A server: which endpoints it has, and who has them (docs/protocol.md).
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
#include <unistd.h>

#include <tlpbridge/log.h>
#include <tlpbridge/server.h>

#include "server_private.h"
#include "waiter.h"

enum { JOIN_BURST = 16, QUICK_LOOKS_MAX = 64 };

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
void tlpb__server_watch(tlpb_server *s, struct slot *slot)
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
	tlpb__server_watch(s, slot);
	return handled;
}

/* Links first: who left makes room for who comes. */
static int process_all(tlpb_server *s)
{
	struct join join;
	int handled = 0;

	for (unsigned i = 0; i < s->slots; i++)
		if (s->slot[i].state != SLOT_FREE)
			handled += process_slot(s, &s->slot[i]);
	for (int n = 0; s->lobby && n < JOIN_BURST && tlpb__lobby_next(s->lobby, &join) > 0; n++) {
		tlpb__server_join(s, &join);
		handled++;
	}
	tlpb__server_free_abandoned(s);
	return handled;
}

/* ---- waiting (waiter.h) ---- */

/* Its link, if it is looked at: not the one that a raw model holds. */
static struct transport *transport_of(const struct slot *slot)
{
	return tlpb__ep_fd(slot->ep) < 0 ? NULL : tlpb__link_transport(slot->ep->link);
}

/* Descriptors have to tell from here on. */
static void arm_all(tlpb_server *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (transport_of(&s->slot[i]))
			tlpb__link_arm(s->slot[i].ep->link);
}

/* Sockets beside rings, too, which tell of hosts that died. */
static void look_everywhere(tlpb_server *s)
{
	for (unsigned i = 0; i < s->slots; i++) {
		struct transport *t = transport_of(&s->slot[i]);

		if (has_ring(t))
			t->ops->look_everywhere(t);
	}
}

int tlpb_server_process(tlpb_server *s)
{
	int handled = process_all(s);

	arm_all(s);
	return handled;
}

static unsigned rings_of(const tlpb_server *s, struct transport *list[MAX_ENDPOINTS], unsigned *others)
{
	unsigned n = 0;

	*others = 0;
	for (unsigned i = 0; i < s->slots; i++) {
		struct transport *t = transport_of(&s->slot[i]);

		if (has_ring(t))
			list[n++] = t;
		else
			*others += t != NULL;
	}
	return n;
}

static bool has_rings(const tlpb_server *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (has_ring(transport_of(&s->slot[i])))
			return true;
	return false;
}

static int process_rings(tlpb_server *s)
{
	int handled = 0;

	for (unsigned i = 0; i < s->slots; i++) {
		struct transport *t = transport_of(&s->slot[i]);

		if (has_ring(t) && (t->ops->ready(t) || tlpb__link_has_dirty(s->slot[i].ep->link)))
			handled += process_slot(s, &s->slot[i]);
	}
	return handled;
}

/* True: a ring has something. */
static bool wait_for_rings(tlpb_server *s, int timeout_ms)
{
	struct transport *list[MAX_ENDPOINTS] = { NULL };
	unsigned others, rings = rings_of(s, list, &others);

	if (tlpb__waiter_spin(list, rings, !s->rings.no_spin))
		return true;
	return rings == 1 && !others && tlpb__waiter_doze(list[0], timeout_ms);
}

/* While rings have something, all else is looked at now and then: that takes system calls. */
int tlpb_server_wait_or(tlpb_server *s, int fd, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = s->epoll_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	int handled = process_rings(s);

	s->rested = s->rested && !handled;
	if (handled && ++s->quick_looks < QUICK_LOOKS_MAX)
		return handled;
	if (!handled && timeout_ms && !s->rested) {
		if (wait_for_rings(s, timeout_ms))
			return process_rings(s);
		s->rested = has_rings(s);
		if (s->rested && timeout_ms < 0)
			return 0;	/* a signal that came while nobody could hear it is heard now */
	}
	s->quick_looks = 0;
	look_everywhere(s);
	handled += process_all(s);
	if (handled || !timeout_ms)
		return handled;
	s->rested = false;
	arm_all(s);
	poll(p, 2, timeout_ms);
	return process_all(s);
}

int tlpb_server_wait(tlpb_server *s, int timeout_ms)
{
	return tlpb_server_wait_or(s, -1, timeout_ms);
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
	tlpb__server_answer_questions(s);
	watch(s, tlpb__lobby_fd(s->lobby));
	return 0;
}

static int open_server(tlpb_server *s, const struct tlpb_server_config *config, char *why, size_t size)
{
	int err = tlpb__url_parse_lobby(config->url, &s->url, why, size);

	if (err)
		return err;
	s->allow_inject = config->allow_inject;
	s->direct = config->direct;
	s->rings = (struct link_rings){ config->transport, config->shm_bytes, config->no_spin };
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
	tlpb__server_watch(s, slot);
	return 0;
}

int tlpb_server_add(tlpb_server *s, tlpb_ep *ep)
{
	struct slot *slot = &s->slot[s->slots];

	if (s->slots == MAX_ENDPOINTS || (!s->lobby && !s->inherited))
		return TLPB_ERR_TOO_LARGE;
	*slot = (struct slot){ .ep = ep, .watched_fd = -1 };
	ep->rings = s->rings;
	ep->direct = s->direct;
	s->slots++;
	if (tlpb__ep_timer_fd(ep) >= 0)
		watch(s, tlpb__ep_timer_fd(ep));
	return s->inherited ? attach_inherited(s, slot) : 0;
}
