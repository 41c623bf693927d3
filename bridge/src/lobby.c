/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <tlpbridge/log.h>

#include "clock.h"
#include "lobby.h"

enum {
	RETRY_MS = 100,		/* between attempts to reach a server */
	TAKEN_MS = 1000,	/* for a device whose host died to come free */
	REDIAL_MS = 2000,	/* of dialling in vain before it is begun anew */
	POLL_MS = 5,		/* between looks whether one succeeded */
	NOTICE_MS = 2000,	/* of silence before a person is told */
	GREETING_MS = 1000,	/* for a listener to greet who connects */
	PATH_ROOM = 20,		/* bytes that the name of a private link adds to a path */
	MESSAGE_ROOM = TLPB_FRAME_HEADER + 3 * TEXT_MAX + 128,
};

struct lobby {
	nng_socket socket;
	nng_listener listener;
	char url[URL_MAX];
	int fd;
	bool seemed_deaf;	/* at the last look */
	lobby_status *status;	/* NULL: nobody answers */
	void *status_ctx;
};

/* ---- URLs ---- */

/* The file of an ipc URL, or NULL with the reason. */
static const char *ipc_path(const char *url, char *why, size_t size)
{
	struct sockaddr_un un;

	if (strncmp(url, "ipc://", 6)) {
		snprintf(why, size, "\"%s\" is not a URL this version knows: use ipc:///absolute/path", url);
		return NULL;
	}
	if (!url[6] || strlen(url + 6) + PATH_ROOM >= sizeof un.sun_path) {
		snprintf(why, size, "the path in \"%s\" must have 1 to %zu characters", url,
			 sizeof un.sun_path - PATH_ROOM - 1);
		return NULL;
	}
	return url + 6;
}

/* "Num RefCount Protocol Flags Type St Inode Path": does this socket listen at path? */
static bool line_listens_at(const char *line, const char *path)
{
	enum { ACCEPTS = 1 << 16 };	/* __SO_ACCEPTCON */
	unsigned flags;
	int at = 0;

	return sscanf(line, "%*s %*s %*s %x %*s %*s %*s %n", &flags, &at) == 1 && at &&
	       flags & ACCEPTS && !strcmp(line + at, path);
}

static bool kernel_knows_listener(const char *path)
{
	FILE *sockets = fopen("/proc/net/unix", "re");
	char line[256];
	bool found = false;

	while (sockets && !found && fgets(line, sizeof line, sockets)) {
		line[strcspn(line, "\n")] = '\0';
		found = line_listens_at(line, path);
	}
	if (sockets)
		fclose(sockets);
	return found;
}

/* Waits for the greeting before it leaves; see somebody_listens(). */
static bool lets_us_connect(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct pollfd p = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN };
	bool live;

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	live = connect(p.fd, (struct sockaddr *)&un, sizeof un) == 0;
	if (live)
		poll(&p, 1, GREETING_MS);
	close(p.fd);
	return live;
}

/*
 * Asks the kernel first: a listener of nng 1.5.2 accepts nobody any more after a
 * peer that connected and left before it could be greeted. The kernel knows the
 * path only as the server wrote it.
 */
static bool somebody_listens(const char *path)
{
	return kernel_knows_listener(path) || lets_us_connect(path);
}

/* nng would silently delete whatever is at the path; only a dead socket may go. */
static int clear_path(const char *path, char *why, size_t size)
{
	struct stat st;

	if (lstat(path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, size, "%s exists and is not a socket: remove it or choose another path",
			 path);
		return TLPB_ERR_BUSY;
	}
	if (somebody_listens(path)) {
		snprintf(why, size, "another server listens at %s: stop it or choose another path",
			 path);
		return TLPB_ERR_BUSY;
	}
	unlink(path);
	return 0;
}

/* A server that was killed between GRANT and HELLO left the socket of a private link. */
static void remove_leftovers(const char *path)
{
	char pattern[2 * sizeof(((struct sockaddr_un *)0)->sun_path)];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s.link.????????", path);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			clear_path(found.gl_pathv[i], (char[1]){ 0 }, 1);
	globfree(&found);
}

/* ---- server side ---- */

static int start_listening(struct lobby *lobby)
{
	int err = nng_listener_create(&lobby->listener, lobby->socket, lobby->url);

	if (!err)
		err = nng_listener_set_int(lobby->listener, NNG_OPT_IPC_PERMISSIONS,
					   S_IRUSR | S_IWUSR);
	if (!err)
		err = nng_listener_start(lobby->listener, 0);
	return err;
}

static int open_rep(struct lobby *lobby)
{
	int err = nng_rep0_open(&lobby->socket);

	if (err)
		return err;
	err = nng_socket_set_size(lobby->socket, NNG_OPT_RECVMAXSZ, MESSAGE_ROOM);
	if (!err)
		err = nng_socket_get_int(lobby->socket, NNG_OPT_RECVFD, &lobby->fd);
	if (!err)
		err = start_listening(lobby);
	if (err)
		nng_close(lobby->socket);
	return err;
}

int tlpb__lobby_listen(const char *url, struct lobby **out, char *why, size_t size)
{
	const char *path = ipc_path(url, why, size);
	struct lobby *lobby;
	int err;

	if (!path)
		return TLPB_ERR_INVALID;
	err = clear_path(path, why, size);
	if (err)
		return err;
	remove_leftovers(path);
	lobby = calloc(1, sizeof *lobby);
	if (!lobby) {
		snprintf(why, size, "out of memory");
		return TLPB_ERR_NOMEM;
	}
	snprintf(lobby->url, sizeof lobby->url, "%s", url);
	err = open_rep(lobby);
	if (err) {
		snprintf(why, size, "cannot listen at %s: %s", url, nng_strerror(err));
		free(lobby);
		return TLPB_ERR_IO;
	}
	*out = lobby;
	return 0;
}

void tlpb__lobby_close(struct lobby *lobby)
{
	if (!lobby)
		return;
	nng_close(lobby->socket);
	free(lobby);
}

static uint64_t stat_of(nng_stat *parent, const char *name)
{
	nng_stat *s = nng_stat_child(parent);

	while (s && strcmp(nng_stat_name(s), name))
		s = nng_stat_next(s);
	return s ? nng_stat_value(s) : 0;
}

/*
 * Errors that nng counts for the listener, less those of connections that ended: each
 * of them counts as one. More than that, and accepting has failed.
 */
static bool seems_deaf(nng_stat *listener)
{
	uint64_t errors = stat_of(listener, "other") + stat_of(listener, "disconnect") +
			  stat_of(listener, "canceled");

	return errors > stat_of(listener, "accept") - stat_of(listener, "pipes");
}

static bool lobby_seems_deaf(const struct lobby *lobby)
{
	uint64_t id = (uint64_t)nng_listener_id(lobby->listener);
	bool deaf = false;
	nng_stat *all;

	if (nng_stats_get(&all))
		return false;
	for (nng_stat *s = nng_stat_child(all); s; s = nng_stat_next(s))
		if (!strcmp(nng_stat_name(s), "listener") && stat_of(s, "id") == id)
			deaf = seems_deaf(s);
	nng_stats_free(all);
	return deaf;
}

static void listen_anew(struct lobby *lobby)
{
	int err;

	tlpb_log(TLPB_LOG_WARNING, "lobby: a peer left before it was greeted; listening anew at %s",
		 lobby->url);
	nng_listener_close(lobby->listener);
	err = start_listening(lobby);
	if (err)
		tlpb_log(TLPB_LOG_ERROR, "cannot listen at %s: %s", lobby->url, nng_strerror(err));
}

/* Twice in a row: a connection that is just ending is counted a moment before it is gone. */
void tlpb__lobby_tend(struct lobby *lobby)
{
	bool deaf = lobby_seems_deaf(lobby);

	if (deaf && lobby->seemed_deaf)
		listen_anew(lobby);
	lobby->seemed_deaf = deaf && !lobby->seemed_deaf;
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
	uint8_t m[MESSAGE_ROOM];

	reply(lobby, TLPB_FRAME_GRANT, m,
	      tlpb__grant_encode(grant, m + TLPB_FRAME_HEADER, sizeof m - TLPB_FRAME_HEADER));
}

void tlpb__lobby_refuse(struct lobby *lobby, enum tlpb_reason reason, const char *text)
{
	struct refuse r = { .reason = (uint16_t)reason, .version = TLPB_WIRE_VERSION,
			    .features = TLPB_FEATURE_DMA_FAULT };
	uint8_t m[MESSAGE_ROOM];

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

/* ---- host side ---- */

/* One JOIN under way. */
struct joining {
	const char *url, *path;
	const struct lobby_patience *patience;
	nng_socket socket;
	nng_dialer dialer;
	int fd;			/* readable when an answer may be there */
	atomic_int pipes;	/* connections there are: counted by nng's threads */
	int64_t start_ms, dialed_ms;
	bool noticed;
	bool taken;		/* the last answer: somebody has the device */
	char *why;
	size_t size;
};

static int fail(struct joining *j, int err, const char *text)
{
	snprintf(j->why, j->size, "%s", text);
	return err;
}

/* 0 to go on waiting, else why not. */
static int check_patience(struct joining *j, const char *for_what)
{
	int64_t waited = monotonic_ms() - j->start_ms;
	const struct lobby_patience *p = j->patience;

	if (p->cancelled && p->cancelled(p->ctx))
		return fail(j, TLPB_ERR_TIMEDOUT, "interrupted");
	if (waited >= NOTICE_MS && !j->noticed) {
		j->noticed = true;
		tlpb_log(TLPB_LOG_INFO, "waiting for %s at %s", for_what, j->url);
	}
	return waited >= p->timeout_ms ? TLPB_ERR_TIMEDOUT : 0;
}

static void sleep_ms(unsigned ms)
{
	poll(NULL, 0, (int)ms);
}

static int nng_failure(struct joining *j, const char *what, int nng_err)
{
	snprintf(j->why, j->size, "cannot %s %s: %s", what, j->url, nng_strerror(nng_err));
	return TLPB_ERR_IO;
}

/* Time is up: who was it that we waited for in vain? */
static void blame(struct joining *j)
{
	double seconds = j->patience->timeout_ms / 1000.0;

	if (kernel_knows_listener(j->path))
		snprintf(j->why, j->size, "%s accepts connections but did not answer JOIN within %.1f s: "
			 "is it a tlpbridge server, and is it running (not stopped)?",
			 j->url, seconds);
	else
		snprintf(j->why, j->size, "nobody listens at %s (tried for %.1f s): start the server first, "
			 "for example: tlpbridge-serve endpoint-test --listen %s",
			 j->url, seconds, j->url);
}

/* On a thread of nng. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct joining *j = arg;

	atomic_fetch_add(&j->pipes, event == NNG_PIPE_EV_ADD_POST ? 1 : -1);
}

static int dial(struct joining *j)
{
	int err = nng_dial(j->socket, j->url, &j->dialer, NNG_FLAG_NONBLOCK);

	j->dialed_ms = monotonic_ms();
	return err ? nng_failure(j, "connect to", err) : 0;
}

/* The connection is made and made again behind our back: a stopped server would hold up nng_dial(). */
static int start_dialing(struct joining *j)
{
	int err = nng_socket_set_ms(j->socket, NNG_OPT_RECONNMINT, RETRY_MS);

	if (!err)
		err = nng_socket_set_ms(j->socket, NNG_OPT_RECONNMAXT, RETRY_MS);
	if (!err)
		err = nng_pipe_notify(j->socket, NNG_PIPE_EV_ADD_POST, on_pipe, j);
	if (!err)
		err = nng_pipe_notify(j->socket, NNG_PIPE_EV_REM_POST, on_pipe, j);
	return err ? nng_failure(j, "connect to", err) : dial(j);
}

/* A dialer of nng 1.5.2 gives up for ever when the peer closes before it is greeted. */
static int keep_dialing(struct joining *j)
{
	if (atomic_load(&j->pipes) > 0 || monotonic_ms() - j->dialed_ms < REDIAL_MS)
		return 0;
	nng_dialer_close(j->dialer);
	return dial(j);
}

static bool may_not_connect(const struct joining *j)
{
	return access(j->path, W_OK) && errno == EACCES;
}

/* Sent as soon as there is a connection. */
static int send_when_connected(struct joining *j, uint8_t *message, size_t len)
{
	for (;;) {
		int nng_err = nng_send(j->socket, message, len, NNG_FLAG_NONBLOCK), err;

		if (nng_err != NNG_EAGAIN)
			return nng_err ? nng_failure(j, "send JOIN to", nng_err) : 0;
		if (may_not_connect(j))
			return nng_failure(j, "connect to", NNG_EPERM);
		err = check_patience(j, "a server");
		if (err && !j->why[0])
			blame(j);
		if (!err)
			err = keep_dialing(j);
		if (err)
			return err;
		sleep_ms(POLL_MS);
	}
}

static int send_join(struct joining *j, const struct join *join)
{
	uint8_t m[MESSAGE_ROOM];
	int len = tlpb__join_encode(join, m + TLPB_FRAME_HEADER, sizeof m - TLPB_FRAME_HEADER);

	if (len < 0)
		return fail(j, len, "the names in this JOIN are too long");
	put_frame(m, TLPB_FRAME_JOIN, len);
	return send_when_connected(j, m, TLPB_FRAME_HEADER + (size_t)len);
}

static int wait_answer(struct joining *j, nng_msg **msg)
{
	struct pollfd p = { .fd = j->fd, .events = POLLIN };

	while (nng_recvmsg(j->socket, msg, NNG_FLAG_NONBLOCK)) {
		int err = check_patience(j, "an answer to JOIN");

		if (err && !j->why[0])
			blame(j);
		if (!err)
			err = keep_dialing(j);
		if (err)
			return err;
		poll(&p, 1, RETRY_MS);
	}
	return 0;
}

static int read_refusal(struct joining *j, const struct frame *frame)
{
	struct refuse r;

	if (tlpb__refuse_decode(frame->body, frame->length, &r))
		return fail(j, TLPB_ERR_PROTOCOL, "the server's refusal is broken");
	snprintf(j->why, j->size, "%s refused: %s", j->url, r.text);
	j->taken = r.reason == TLPB_REASON_TAKEN;
	return TLPB_ERR_REFUSED;
}

static int read_answer(struct joining *j, const uint8_t *data, size_t len, struct grant *grant)
{
	struct frame frame;
	size_t offset = 0;

	if (tlpb__frame_next(data, len, &offset, &frame) <= 0)
		return fail(j, TLPB_ERR_PROTOCOL, "the server's answer to JOIN is broken");
	if (frame.kind == TLPB_FRAME_REFUSE)
		return read_refusal(j, &frame);
	if (frame.kind != TLPB_FRAME_GRANT ||
	    tlpb__grant_decode(frame.body, frame.length, grant))
		return fail(j, TLPB_ERR_PROTOCOL, "the server's answer to JOIN is broken");
	return 0;
}

static int ask(struct joining *j, const struct join *join, struct grant *grant)
{
	nng_msg *msg;
	int err = send_join(j, join);

	j->taken = false;
	if (!err)
		err = wait_answer(j, &msg);
	if (err)
		return err;
	err = read_answer(j, nng_msg_body(msg), nng_msg_len(msg), grant);
	nng_msg_free(msg);
	return err;
}

/*
 * Who holds the device may have been killed a moment ago, and the server is about
 * to learn of it: being refused for that is no answer yet.
 */
static int converse(struct joining *j, const struct join *join, struct grant *grant)
{
	char refusal[2 * TEXT_MAX];
	int err = start_dialing(j);

	if (!err)
		err = ask(j, join, grant);
	for (int n = 0; j->taken && n < TAKEN_MS / RETRY_MS; n++) {
		snprintf(refusal, sizeof refusal, "%s", j->why);
		sleep_ms(RETRY_MS);
		j->why[0] = 0;
		err = ask(j, join, grant);
		if (err == TLPB_ERR_TIMEDOUT)
			return fail(j, TLPB_ERR_REFUSED, refusal);
	}
	return err;
}

/* The descriptor is asked for before nng's threads can have a message for it. */
static int open_req(struct joining *j)
{
	int err = nng_req0_open(&j->socket);

	if (err)
		return err;
	err = nng_socket_set_size(j->socket, NNG_OPT_RECVMAXSZ, MESSAGE_ROOM);
	if (!err)
		err = nng_socket_get_int(j->socket, NNG_OPT_RECVFD, &j->fd);
	if (err)
		nng_close(j->socket);
	return err;
}

int tlpb__lobby_join(const char *url, const struct join *join,
		     const struct lobby_patience *patience, struct grant *grant,
		     char *why, size_t size)
{
	struct joining j = { .url = url, .path = ipc_path(url, why, size), .patience = patience,
			     .start_ms = monotonic_ms(), .why = why, .size = size };
	int err;

	if (!j.path)
		return TLPB_ERR_INVALID;
	why[0] = 0;
	err = open_req(&j);
	if (err) {
		snprintf(why, size, "nng: %s", nng_strerror(err));
		return TLPB_ERR_IO;
	}
	err = converse(&j, join, grant);
	nng_close(j.socket);
	return err;
}

/* ---- other questions ---- */

static int put_question(struct joining *j, uint16_t kind, const void *body, size_t len)
{
	uint8_t m[MESSAGE_ROOM];

	if (len > sizeof m - TLPB_FRAME_HEADER)
		return fail(j, TLPB_ERR_TOO_LARGE, "the question is too long");
	put_frame(m, kind, (int)len);
	memcpy(m + TLPB_FRAME_HEADER, body, len);
	return send_when_connected(j, m, TLPB_FRAME_HEADER + len);
}

static int take_reply(struct joining *j, uint8_t *reply_bytes, size_t *len)
{
	nng_msg *msg;
	int err = wait_answer(j, &msg);

	if (err)
		return err;
	*len = nng_msg_len(msg);	/* at most LOBBY_REPLY_MAX: RECVMAXSZ */
	memcpy(reply_bytes, nng_msg_body(msg), *len);
	nng_msg_free(msg);
	return 0;
}

int tlpb__lobby_ask(const char *url, uint16_t kind, const void *body, size_t len,
		    const struct lobby_patience *patience, uint8_t *reply_bytes, size_t *reply_len,
		    char *why, size_t size)
{
	struct joining j = { .url = url, .path = ipc_path(url, why, size), .patience = patience,
			     .start_ms = monotonic_ms(), .why = why, .size = size };
	int err;

	if (!j.path)
		return TLPB_ERR_INVALID;
	why[0] = 0;
	err = open_req(&j);
	if (err) {
		snprintf(why, size, "nng: %s", nng_strerror(err));
		return TLPB_ERR_IO;
	}
	if (nng_socket_set_size(j.socket, NNG_OPT_RECVMAXSZ, LOBBY_REPLY_MAX))
		err = TLPB_ERR_IO;
	if (!err)
		err = start_dialing(&j);
	if (!err)
		err = put_question(&j, kind, body, len);
	if (!err)
		err = take_reply(&j, reply_bytes, reply_len);
	nng_close(j.socket);
	return err;
}
