/* SPDX-License-Identifier: MIT */
/*
 * bench-ring ping|flood COUNT CPU PEER_CPU: what shared memory itself allows. Two processes, a ring in each
 * direction, one producer and one consumer each, which spin.
 *
 *	ping	microseconds a round trip of a message there and one back
 *	flood	messages a second, one way
 *
 * A message and the word that says that it is there share a cache line, so that one line moves from core to
 * core a message, and nothing else: a ring with indices moves two. The consumer tells how far it is only
 * four times a round of the ring.
 */
#include <stdint.h>
#include <string.h>

#include "bench_clock.h"
#include "bench_pair.h"

enum { SLOTS = 256, TELL = SLOTS / 4, WARM = 10000 };

struct slot {
	_Alignas(64) uint32_t turn;	/* which message is in it, counted from 1 */
	struct bench_message message;
};

struct ring {
	struct slot slot[SLOTS];
	_Alignas(64) uint32_t taken;	/* the consumer's, told now and then */
};

struct end {
	struct ring *ring;
	uint32_t next;		/* message to be written or read */
	uint32_t room;		/* producer: messages before this one have a free slot */
};

struct pair {
	struct ring *there, *back;
};

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline void put(struct end *e, const struct bench_message *message)
{
	struct slot *slot = &e->ring->slot[e->next % SLOTS];

	while ((int32_t)(e->room - e->next) <= 0) {
		e->room = __atomic_load_n(&e->ring->taken, __ATOMIC_ACQUIRE) + SLOTS + 1;
		if ((int32_t)(e->room - e->next) <= 0)
			pause_cpu();
	}
	slot->message = *message;
	__atomic_store_n(&slot->turn, e->next++, __ATOMIC_RELEASE);
}

static inline void take(struct end *e, struct bench_message *message)
{
	struct slot *slot = &e->ring->slot[e->next % SLOTS];

	while (__atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE) != e->next)
		pause_cpu();
	*message = slot->message;
	if (e->next % TELL == 0)
		__atomic_store_n(&e->ring->taken, e->next, __ATOMIC_RELEASE);
	e->next++;
}

static void send_one(struct end *out, uint8_t first)
{
	struct bench_message message;

	memset(&message, first, sizeof message);
	put(out, &message);
}

/* A message that begins with 0 is dropped, others come back. */
static void answer(void *arg)
{
	const struct pair *pair = arg;
	struct end in = { pair->there, 1, 0 }, out = { pair->back, 1, 0 };
	struct bench_message message;

	for (;;) {
		take(&in, &message);
		if (message.bytes[0])
			put(&out, &message);
	}
}

static void ping(struct end *out, struct end *in)
{
	struct bench_message message;

	send_one(out, 1);
	take(in, &message);
	if (message.bytes[MESSAGE_BYTES - 1] != 1)
		exit(1);
}

static double measure_ping(struct end *out, struct end *in, unsigned long count)
{
	double start = seconds_now();
	unsigned long done;

	for (done = 0; done < count && !is_late(done, start); done++)
		ping(out, in);
	return (seconds_now() - start) / (double)done * 1e6;
}

static double measure_flood(struct end *out, struct end *in, unsigned long count)
{
	double start = seconds_now();
	unsigned long done;

	for (done = 0; done < count && !is_late(done, start); done++)
		send_one(out, 0);
	ping(out, in);
	return (double)done / (seconds_now() - start);
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
	struct pair pair;
	struct end in = { .next = 1 }, out = { .next = 1 };
	pid_t peer;

	if (!count) {
		fprintf(stderr, "usage: bench-ring ping|flood COUNT CPU PEER_CPU\n");
		return 2;
	}
	pin(argv[3]);
	pair.there = out.ring = share(sizeof(struct ring));
	pair.back = in.ring = share(sizeof(struct ring));
	peer = start_peer(argv[4], answer, &pair);
	measure_ping(&out, &in, WARM);
	printf("%g\n", (!strcmp(argv[1], "ping") ? measure_ping : measure_flood)(&out, &in, count));
	stop_peer(peer);
	return 0;
}
