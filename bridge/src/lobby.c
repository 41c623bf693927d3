/* SPDX-License-Identifier: MIT */
/* The server's side of the lobby. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#include <tlpbridge/log.h>

#include "ipc_path.h"
#include "lobby.h"
#include "nng_url.h"

enum { RESTLESS_LOOKS = 10 };	/* seconds */

struct lobby {
	nng_socket socket;
	nng_listener listener;
	struct url url;		/* with the port that was bound */
	struct transport_security security;	/* its strings are the caller's */
	int fd;
	bool listening;		/* false: listening anew failed, and is tried again */
	struct nng_counts looked;	/* the listener's, at the last look */
	int asker;		/* the pipe of the JOIN just read */
	lobby_status *status;	/* NULL: nobody answers */
	void *status_ctx;
	uint64_t failed;	/* handshakes and greetings, up to the last that was told */
	uint64_t failed_before;	/* the same, of listeners that were replaced */
	uint64_t failures_seen;	/* of the listener there is, at the last look: TLS */
	unsigned restless;	/* looks in a row that found more */
};

/* The descriptor is asked for before nng's threads can have a message for it. */
static int open_rep(struct lobby *lobby, char *why, size_t size)
{
	int nng_err = nng_rep0_open(&lobby->socket), err;

	if (nng_err) {
		snprintf(why, size, "nng: %s", nng_strerror(nng_err));
		return TLPB_ERR_IO;
	}
	nng_err = nng_socket_set_size(lobby->socket, NNG_OPT_RECVMAXSZ, LOBBY_MESSAGE_ROOM);
	if (!nng_err)
		nng_err = nng_socket_get_int(lobby->socket, NNG_OPT_RECVFD, &lobby->fd);
	if (nng_err) {
		snprintf(why, size, "nng: %s", nng_strerror(nng_err));
		err = TLPB_ERR_IO;
	} else {
		err = tlpb__nng_listen(lobby->socket, &lobby->url, &lobby->security,
				       &lobby->listener, why, size);
	}
	if (err)
		nng_close(lobby->socket);
	lobby->listening = !err;
	return err;
}

int tlpb__lobby_listen(const struct url *url, const struct transport_security *security,
		       struct lobby **out, char *why, size_t size)
{
	struct lobby *lobby;
	int err = 0;

	if (url->kind == URL_IPC)
		err = tlpb__ipc_clear(tlpb__url_name(url), why, size);
	if (err)
		return err;
	lobby = calloc(1, sizeof *lobby);
	if (!lobby) {
		snprintf(why, size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	lobby->url = *url;
	lobby->security = *security;
	err = open_rep(lobby, why, size);
	if (err) {
		free(lobby);
		return err;
	}
	*out = lobby;
	return 0;
}

const struct url *tlpb__lobby_url(const struct lobby *lobby)
{
	return &lobby->url;
}

void tlpb__lobby_close(struct lobby *lobby)
{
	if (!lobby)
		return;
	nng_close(lobby->socket);
	free(lobby);
}

/*
 * Errors that nng counts for the listener, less those of connections that ended: each
 * of them counts as one. More than that, and accepting has failed. Listeners of TCP and
 * inproc never stop accepting; what they count is who left.
 */
static bool counts_too_many(const struct nng_counts *c)
{
	return c->ended > c->connected - c->pipes;
}

/*
 * nng reads its counters one after the other while its threads go on, and a connection that
 * ends is counted before it is gone, on a loaded machine long before. So one look says little.
 * Two looks may both meet a connection that is ending; but a listener that accepted somebody
 * in between can hear. And a connection that breaks while an answer is sent on it counts as two
 * errors, once and for all. What remains is a false alarm where nobody connects: it costs those
 * who are connected their connections, which nng makes anew, sending again what was not answered.
 */
static bool is_deaf(struct lobby *lobby, const struct nng_counts *now)
{
	struct nng_counts before = lobby->looked;

	lobby->looked = *now;
	return lobby->url.kind == URL_IPC && counts_too_many(&before) && counts_too_many(now) &&
	       before.connected == now->connected;
}

/* May fail: nng may close the old listener late, or memory or descriptors are wanting for a while. */
static void try_to_listen(struct lobby *lobby)
{
	char why[2 * TEXT_MAX];
	int err = tlpb__nng_listen(lobby->socket, &lobby->url, &lobby->security, &lobby->listener,
				   why, sizeof why);

	if (err && lobby->listening)
		tlpb_log(TLPB_LOG_INFO, "lobby: %s; trying again", why);
	else if (!err && !lobby->listening)
		tlpb_log(TLPB_LOG_INFO, "lobby: listening at %s again", lobby->url.text);
	lobby->listening = !err;
}

static void listen_anew(struct lobby *lobby)
{
	nng_listener_close(lobby->listener);
	lobby->looked = (struct nng_counts){ 0 };
	try_to_listen(lobby);
}

/* Told when it begins, and then each time the number has doubled: scanners come often. */
static void tell_failures(struct lobby *lobby, const struct nng_counts *c)
{
	uint64_t failed = lobby->failed_before + c->tls + c->protocol;

	if (!failed || failed < 2 * lobby->failed)
		return;
	lobby->failed = failed;
	if (lobby->url.kind == URL_TLS)
		tlpb_log(TLPB_LOG_WARNING, "lobby: %s: %llu connections failed in the TLS handshake: "
			 "the peer has no certificate of tls-ca, does not trust tls-cert, or speaks "
			 "plain TCP", lobby->url.text, (unsigned long long)failed);
	else
		tlpb_log(TLPB_LOG_WARNING, "lobby: %s: %llu connections did not speak nng's protocol: "
			 "a host that wants tls+tcp, or something else", lobby->url.text,
			 (unsigned long long)failed);
}

static void tend_ipc(struct lobby *lobby, const struct nng_counts *c)
{
	if (!is_deaf(lobby, c))
		return;
	tlpb_log(TLPB_LOG_WARNING, "lobby: a peer left before it was greeted; listening anew at %s",
		 lobby->url.text);
	listen_anew(lobby);
}

/*
 * After a handshake that failed a listener of TLS may go on to accept and greet, but never look
 * at a connection again, and no count tells. So it is replaced when there have been failures: at
 * the first look that finds no new one, because who fails is still finding out why, or after
 * some looks. Hosts that it was talking to ask again.
 */
static void tend_tls(struct lobby *lobby, const struct nng_counts *c)
{
	uint64_t gone = c->connected - c->pipes;
	uint64_t failures = c->tls + c->protocol + (c->ended > gone ? c->ended - gone : 0);
	bool quiet = failures == lobby->failures_seen;

	lobby->failures_seen = failures;
	lobby->restless = quiet ? 0 : lobby->restless + 1;
	if (!failures || (!quiet && lobby->restless < RESTLESS_LOOKS))
		return;
	lobby->failed_before += c->tls + c->protocol;
	lobby->failures_seen = 0;
	lobby->restless = 0;
	listen_anew(lobby);
}

void tlpb__lobby_tend(struct lobby *lobby)
{
	struct nng_counts c;

	if (!lobby->listening) {
		try_to_listen(lobby);
		return;
	}
	c = tlpb__nng_counts("listener", nng_listener_id(lobby->listener));
	if (tlpb__url_is_tcp(&lobby->url))
		tell_failures(lobby, &c);
	if (lobby->url.kind == URL_TLS)
		tend_tls(lobby, &c);
	else
		tend_ipc(lobby, &c);
}

int tlpb__lobby_fd(const struct lobby *lobby)
{
	return lobby->fd;
}

static void put_frame(uint8_t *message, uint16_t kind, int len)
{
	struct frame frame = { .kind = kind, .length = (uint32_t)len };

	tlpb__frame_put(message, &frame);
}

static void reply(struct lobby *lobby, uint16_t kind, uint8_t *message, int len)
{
	if (len < 0)
		return;
	put_frame(message, kind, len);
	nng_send(lobby->socket, message, TLPB_FRAME_HEADER + (size_t)len, NNG_FLAG_NONBLOCK);
}

void tlpb__lobby_grant(struct lobby *lobby, const struct grant *grant)
{
	uint8_t m[LOBBY_MESSAGE_ROOM];

	reply(lobby, TLPB_FRAME_GRANT, m,
	      tlpb__grant_encode(grant, m + TLPB_FRAME_HEADER, sizeof m - TLPB_FRAME_HEADER));
}

void tlpb__lobby_refuse(struct lobby *lobby, enum tlpb_reason reason, const char *text)
{
	struct refuse r = { .reason = (uint16_t)reason, .version = TLPB_WIRE_VERSION,
			    .features = TLPB_FEATURE_DMA_FAULT };
	uint8_t m[LOBBY_MESSAGE_ROOM];

	snprintf(r.text, sizeof r.text, "%s", text);
	reply(lobby, TLPB_FRAME_REFUSE, m,
	      tlpb__refuse_encode(&r, m + TLPB_FRAME_HEADER, sizeof m - TLPB_FRAME_HEADER));
}

/* A JOIN of another version may look different behind its version: that is not its fault. */
static int decode_join(const uint8_t *data, size_t len, struct join *join)
{
	struct frame frame;
	size_t offset = 0;
	int err = tlpb__frame_next(data, len, &offset, &frame);

	memset(join, 0, sizeof *join);
	if (err <= 0 || frame.kind != TLPB_FRAME_JOIN)
		return TLPB_ERR_PROTOCOL;
	err = tlpb__join_decode(frame.body, frame.length, join);
	if (err == TLPB_ERR_TRUNCATED && join->version && join->version != TLPB_WIRE_VERSION)
		return 0;
	return err;
}

int tlpb__lobby_asker(const struct lobby *lobby)
{
	return lobby->asker;
}

/* nng knows the listener of a pipe as long as there is the pipe. */
bool tlpb__lobby_is_there(int asker)
{
	return nng_listener_id(nng_pipe_listener((nng_pipe){ (uint32_t)asker })) > 0;
}

void tlpb__lobby_on_status(struct lobby *lobby, lobby_status *answer, void *ctx)
{
	lobby->status = answer;
	lobby->status_ctx = ctx;
}

static bool asks_status(const struct lobby *lobby, nng_msg *msg)
{
	struct frame frame;
	size_t offset = 0;

	return lobby->status &&
	       tlpb__frame_next(nng_msg_body(msg), nng_msg_len(msg), &offset, &frame) > 0 &&
	       frame.kind == TLPB_FRAME_STATUS;
}

static void answer_status(struct lobby *lobby)
{
	uint8_t *m = malloc(LOBBY_REPLY_MAX);

	if (m)
		reply(lobby, TLPB_FRAME_STATUS_REPLY, m,
		      lobby->status(lobby->status_ctx, m + TLPB_FRAME_HEADER, TLPB_FRAME_MAX));
	free(m);
}

int tlpb__lobby_next(struct lobby *lobby, struct join *join)
{
	nng_msg *msg;

	while (!nng_recvmsg(lobby->socket, &msg, NNG_FLAG_NONBLOCK)) {
		bool status = asks_status(lobby, msg);
		int err = status ? 0 : decode_join(nng_msg_body(msg), nng_msg_len(msg), join);

		lobby->asker = nng_pipe_id(nng_msg_get_pipe(msg));
		nng_msg_free(msg);
		if (status)
			answer_status(lobby);
		if (status)
			continue;
		if (!err)
			return 1;
		tlpb_log(TLPB_LOG_WARNING, "lobby: a peer sent something that is not a JOIN");
		tlpb__lobby_refuse(lobby, TLPB_REASON_PROTOCOL, "this is not a JOIN of tlpbridge");
	}
	return 0;
}

