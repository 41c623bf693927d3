/* SPDX-License-Identifier: MIT */
/*
 * A link in shared memory: a ring for each direction, beside the socket over which the two ends met. The socket
 * stays: it tells of a peer that died, and an empty message on it wakes an owner who sleeps on
 * the descriptor, in whatever loop.
 *
 * No wake-up is lost. Each end says in shared memory whether it sleeps (struct ring_shared, sleep):
 *
 *	who sleeps			who has put something
 *	S1 sleep = how			P1 stamp of the record's cell
 *	S2 full fence			P2 full fence
 *	S3 next cell still unfilled?	P3 sleep is not AWAKE? then AWAKE, and wake
 *	   then sleep
 *
 * Fences order S1 before S3 and P1 before P3. If S3 does not see P1, then S1 came before P3 in the one order
 * that all sequentially consistent operations have, and P3 sees it. Between S3 and the sleep itself nothing can be missed
 * either: a futex is compared with the value of S1 in the kernel, a message stays in the socket.
 * The same holds for room: the producer of a full ring says want_room (S1), the consumer tells what it has taken (P1).
 * Only that a consumer looks at want_room without P2 while it is attended, and with it before it sleeps or
 * stops attending (arm, doze): until then it comes by again, and sees it at last.
 */
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <tlpbridge/log.h>

#include "ring.h"
#include "segment.h"
#include "transport.h"

/* struct ring_shared, sleep: of the consumer. */
enum { AWAKE = 0, DOZES, AT_SOCKET, AT_SOCKET_URGENT };

enum { BUFFER_BYTES = 40 * 1024, MERGE_BYTES = 16 * 1024, SPARES_MAX = 4,
       UNANSWERED_MIN = 4, HEAD_START_LOOKS = 32 };

/* For a message that was received. */
struct buffer {
	struct buffer *next;
	size_t size;
	uint8_t data[];
};

struct shm_end {
	struct transport base;
	struct transport *inner;
	struct segment segment;
	struct ring tx, rx;
	bool send_by_ring, recv_by_ring;
	bool gone;			/* nothing more comes by the socket */
	bool broken;			/* the peer wrote nonsense into the ring */
	bool polled;			/* the owner may have slept on the descriptor: look at the socket */
	bool full;			/* the last record did not fit */
	bool unseen;			/* arm found something, and nobody has looked since */
	bool wants;			/* to send on, and no record was refused */
	bool tells;			/* the inner descriptor is readable because of these two */
	bool owes_bell;			/* the socket was full */
	size_t want_bytes;		/* of the record that did not fit */
	unsigned unanswered;		/* receptions since something urgent was sent */
	unsigned head_start;		/* looks that are left out, see shm_ready() */
	uint32_t said, cpu;		/* what the peer reads of us: written only when it changes */
	struct buffer *spare;
	unsigned spares;
};

static struct shm_end *to_end(const struct transport *t)
{
	return (struct shm_end *)t;
}

static void full_fence(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/* ---- waking the peer ---- */

static void ring_bell(struct shm_end *e)
{
	int err = e->inner->ops->send(e->inner, (const uint8_t *)"", 0);

	e->owes_bell = err == TLPB_ERR_AGAIN;	/* it has something to read, then, or soon */
}

static void wake_peer(struct shm_end *e)
{
	_Atomic uint32_t *sleep = &e->tx.shared->sleep;

	if (atomic_exchange(sleep, AWAKE) == DOZES)
		syscall(SYS_futex, sleep, FUTEX_WAKE, 1, NULL, NULL, 0);
	else
		ring_bell(e);
}

/* After a fence. */
static void wake_if_asleep(struct shm_end *e, bool urgent)
{
	uint32_t how = atomic_load_explicit(&e->tx.shared->sleep, memory_order_relaxed);

	if (how != AWAKE && (urgent || how != AT_SOCKET_URGENT))
		wake_peer(e);
}

/* The peer waits for room in our inbound ring: tell it of all that there is, and wake it. */
static void tell_room(struct shm_end *e)
{
	_Atomic uint32_t *want = &e->rx.shared->want_room;

	if (!atomic_load_explicit(want, memory_order_relaxed) || !atomic_exchange(want, 0))
		return;
	tlpb__ring_tell(&e->rx);
	full_fence();
	wake_if_asleep(e, true);
}

static void shm_wake(struct transport *t, bool urgent)
{
	struct shm_end *e = to_end(t);

	if (!e->send_by_ring)
		return;
	if (urgent)
		e->unanswered = e->head_start = 0;
	full_fence();
	wake_if_asleep(e, urgent);
}

/* ---- sending ---- */

/* The inner descriptor, for what the inner transport does not know of. */
static void tell_owner(struct shm_end *e)
{
	bool tells = e->unseen || e->wants;

	if (tells == e->tells && e->send_by_ring)
		return;
	e->tells = tells;
	e->inner->ops->want_send(e->inner, tells);
}

static int put(struct shm_end *e, const uint8_t *data, size_t len)
{
	int err = tlpb__ring_put(&e->tx, data, len);

	if (err != TLPB_ERR_AGAIN)
		return err;
	e->want_bytes = len;
	atomic_store_explicit(&e->tx.shared->want_room, 1, memory_order_relaxed);
	full_fence();
	return tlpb__ring_put(&e->tx, data, len);	/* again: there may be room since */
}

static int shm_send(struct transport *t, const uint8_t *data, size_t len)
{
	struct shm_end *e = to_end(t);
	int err;

	if (!e->send_by_ring)
		return e->inner->ops->send(e->inner, data, len);
	if (e->gone || e->broken)
		return TLPB_ERR_CLOSED;
	err = put(e, data, len);
	e->full = err == TLPB_ERR_AGAIN;
	e->broken = err == TLPB_ERR_PROTOCOL;
	return e->broken ? TLPB_ERR_CLOSED : err;
}

static void shm_want_send(struct transport *t, bool want)
{
	struct shm_end *e = to_end(t);

	e->full = e->full && want;
	e->wants = want && !e->full;
	tell_owner(e);
}

/* ---- receiving ---- */

static struct buffer *take_buffer(struct shm_end *e, size_t size)
{
	struct buffer *b = e->spare;

	if (b && size <= BUFFER_BYTES) {
		e->spare = b->next;
		e->spares--;
		return b;
	}
	if (size < BUFFER_BYTES)
		size = BUFFER_BYTES;
	b = malloc(sizeof *b + size);
	if (b)
		b->size = size;
	return b;
}

static void keep_buffer(struct shm_end *e, struct buffer *b)
{
	if (b->size != BUFFER_BYTES || e->spares == SPARES_MAX) {
		free(b);
		return;
	}
	b->next = e->spare;
	e->spare = b;
	e->spares++;
}

static int copy_records(struct shm_end *e, size_t room, struct message *message, size_t *len)
{
	struct buffer *b = take_buffer(e, room);
	int got = b ? tlpb__ring_get(&e->rx, b->data, room, len) : TLPB_ERR_NOMEM;

	if (got > 0) {
		*message = (struct message){ b->data, *len, b };
		if (++e->unanswered > UNANSWERED_MIN)
			e->head_start = HEAD_START_LOOKS;
	} else if (b) {
		keep_buffer(e, b);
	}
	return got;
}

/* 1: a message, 0: nothing there, or an error, after which there is nothing more. */
static int take_records(struct shm_end *e, struct message *message)
{
	size_t len;
	int got;

	if (!ring_filled(&e->rx))
		return 0;
	got = copy_records(e, MERGE_BYTES, message, &len);
	if (got == TLPB_ERR_TOO_LARGE && len <= TLPB_MESSAGE_MAX)
		got = copy_records(e, len, message, &len);
	if (got == TLPB_ERR_NOMEM)
		return 0;
	if (got < 0) {
		tlpb_log(TLPB_LOG_WARNING, "link: the peer wrote nonsense into the shared memory");
		e->broken = true;
	}
	tell_room(e);
	return got;
}

/* Wake-ups are empty messages. Others there may be none, after the peer has gone over to its ring. */
static void look_at_socket(struct shm_end *e)
{
	struct message message;
	int err = 0;

	e->polled = false;
	if (e->owes_bell)
		ring_bell(e);
	while (!e->gone && !(err = e->inner->ops->recv(e->inner, &message))) {
		e->gone = message.len != 0;
		if (e->gone)
			tlpb_log(TLPB_LOG_WARNING, "link: the peer sends where it only may wake");
		e->inner->ops->release(e->inner, &message);
	}
	e->gone = e->gone || err == TLPB_ERR_CLOSED;
}

static int shm_recv(struct transport *t, struct message *message)
{
	struct shm_end *e = to_end(t);
	int got;

	if (!e->recv_by_ring)
		return e->inner->ops->recv(e->inner, message);
	e->unseen = false;
	tell_owner(e);
	if (e->broken)
		return TLPB_ERR_CLOSED;
	got = take_records(e, message);
	if (!got && e->polled) {
		look_at_socket(e);
		got = take_records(e, message);		/* what the peer put before it left */
	}
	if (got > 0)
		return 0;
	return e->gone || e->broken ? TLPB_ERR_CLOSED : TLPB_ERR_AGAIN;
}

/* What came by the socket before has another kind of handle: it is the inner one's. */
static bool is_ours(const struct message *message)
{
	const struct buffer *b = message->handle;

	return b && message->data == b->data;
}

static void shm_release(struct transport *t, struct message *message)
{
	struct shm_end *e = to_end(t);

	if (is_ours(message))
		keep_buffer(e, message->handle);
	else
		e->inner->ops->release(e->inner, message);
}

static int shm_fd(const struct transport *t)
{
	return to_end(t)->inner->ops->fd(to_end(t)->inner);
}

/* ---- waiting ---- */

static bool has_news(struct shm_end *e)
{
	if (e->recv_by_ring && ring_filled(&e->rx))
		return true;
	if (e->wants && e->send_by_ring)
		return true;
	return e->full && tlpb__ring_has_room(&e->tx, e->want_bytes);
}

/*
 * A peer that sends and sends and is not answered waits for nothing. It gets a head start: who looks at
 * each cell while it is being filled takes the line from the other CPU once too often, every time.
 */
static bool shm_ready(struct transport *t)
{
	struct shm_end *e = to_end(t);

	if (!e->head_start)
		return has_news(e);
	e->head_start--;
	return false;
}

/* A peer that wakes us says AWAKE, too. */
static void say(struct shm_end *e, uint32_t how)
{
	if (how != AWAKE || e->said != AWAKE)
		atomic_store_explicit(&e->rx.shared->sleep, how, memory_order_relaxed);
	e->said = how;
}

static void shm_attend(struct transport *t)
{
	struct shm_end *e = to_end(t);

	uint32_t cpu = (uint32_t)sched_getcpu() + 1;

	say(e, AWAKE);
	e->polled = false;
	if (cpu != e->cpu)
		atomic_store_explicit(&e->rx.shared->cpu, cpu, memory_order_relaxed);
	e->cpu = cpu;
}

/* Before sleeping. False: there is something, or the peer has to be heard at the socket still. */
static bool may_sleep(struct shm_end *e, uint32_t how)
{
	say(e, how);
	if (e->full)	/* the peer may have told of room that was too little */
		atomic_store_explicit(&e->tx.shared->want_room, 1, memory_order_relaxed);
	tlpb__ring_tell(&e->rx);
	full_fence();
	tell_room(e);
	wake_if_asleep(e, false);
	return !has_news(e);
}

static void shm_arm(struct transport *t, bool urgent_only)
{
	struct shm_end *e = to_end(t);

	e->polled = true;
	e->unseen = !may_sleep(e, urgent_only ? AT_SOCKET_URGENT : AT_SOCKET);
	if (e->unseen)
		say(e, AWAKE);
	tell_owner(e);
}

static void shm_doze(struct transport *t, unsigned us)
{
	struct shm_end *e = to_end(t);
	struct timespec timeout = { us / 1000000, us % 1000000 * 1000 };

	if (e->recv_by_ring && may_sleep(e, DOZES))
		syscall(SYS_futex, &e->rx.shared->sleep, FUTEX_WAIT, DOZES, &timeout, NULL, 0);
	say(e, AWAKE);
}

static void shm_look_everywhere(struct transport *t)
{
	to_end(t)->polled = true;
}

static bool shm_elsewhere(const struct transport *t)
{
	const struct shm_end *e = to_end(t);

	return atomic_load_explicit(&e->tx.shared->cpu, memory_order_relaxed) != e->cpu;
}

/* ---- life ---- */

static void shm_close(struct transport *t, int linger_ms)
{
	struct shm_end *e = to_end(t);
	struct buffer *b;

	e->inner->ops->close(e->inner, linger_ms);
	tlpb__segment_close(&e->segment);
	while ((b = e->spare)) {
		e->spare = b->next;
		free(b);
	}
	free(e);
}

static const struct transport_ops shm_ops = {
	.send = shm_send,
	.recv = shm_recv,
	.release = shm_release,
	.fd = shm_fd,
	.want_send = shm_want_send,
	.close = shm_close,
	.attend = shm_attend,
	.arm = shm_arm,
	.ready = shm_ready,
	.wake = shm_wake,
	.elsewhere = shm_elsewhere,
	.look_everywhere = shm_look_everywhere,
	.doze = shm_doze,
};

struct transport *tlpb__transport_shm_new(struct transport *inner, struct segment *segment, bool host)
{
	struct shm_end *e = calloc(1, sizeof *e);
	uint8_t *first = segment->base + SEGMENT_HEADER;
	uint8_t *second = first + ring_footprint(segment->ring_bytes);

	if (!e)
		return NULL;
	e->base.ops = &shm_ops;
	e->inner = inner;
	e->segment = *segment;
	tlpb__ring_init(&e->tx, host ? first : second, segment->ring_bytes);
	tlpb__ring_init(&e->rx, host ? second : first, segment->ring_bytes);
	e->tx.id = segment->base[host];		/* bytes of the token */
	e->rx.id = segment->base[!host];
	*segment = (struct segment){ .fd = -1 };
	return &e->base;
}

void tlpb__transport_shm_send_by_ring(struct transport *t)
{
	struct shm_end *e = to_end(t);

	e->send_by_ring = true;
	e->inner->ops->want_send(e->inner, e->tells);	/* who had it before may have told it other things */
}

void tlpb__transport_shm_recv_by_ring(struct transport *t)
{
	struct shm_end *e = to_end(t);

	e->recv_by_ring = e->polled = true;
}

bool tlpb__transport_shm_has_inbound(const struct transport *t)
{
	return ring_filled(&to_end(t)->rx);
}
