/* SPDX-License-Identifier: MIT */
/*
 * bench-futex COUNT CPU PEER_CPU: microseconds a round trip of two processes that sleep while they wait: what
 * the kernel itself allows where both share a core and spinning would only keep the other from running.
 *
 * A message in shared memory in each direction and a word that counts them. Who has written wakes the other
 * only if it said that it sleeps, and sleeps only if the answer is not there yet: the one that was woken may
 * have run already.
 */
#include <linux/futex.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "bench_clock.h"
#include "bench_pair.h"

enum { WARM = 1000 };

struct box {
	_Alignas(64) uint32_t count;	/* messages that were put in */
	uint32_t sleeping;		/* whoever takes them */
	struct bench_message message;
};

struct pair {
	struct box there, back;
};

static void put(struct box *box, const struct bench_message *message)
{
	box->message = *message;
	__atomic_add_fetch(&box->count, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&box->sleeping, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &box->count, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/*
 * Wait for more than seen messages. No wake-up is lost: sleeping is set before count is read once more, and
 * the kernel reads it again; put() writes count before it reads sleeping.
 */
static void take(struct box *box, uint32_t seen, struct bench_message *message)
{
	while (__atomic_load_n(&box->count, __ATOMIC_ACQUIRE) == seen) {
		__atomic_store_n(&box->sleeping, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&box->count, __ATOMIC_SEQ_CST) == seen)
			syscall(SYS_futex, &box->count, FUTEX_WAIT, seen, NULL, NULL, 0);
		__atomic_store_n(&box->sleeping, 0, __ATOMIC_RELAXED);
	}
	*message = box->message;
}

static void answer(void *arg)
{
	struct pair *pair = arg;
	struct bench_message message;

	for (uint32_t seen = 0;; seen++) {
		take(&pair->there, seen, &message);
		put(&pair->back, &message);
	}
}

static void ping(struct pair *pair, uint32_t seen)
{
	struct bench_message message;

	memset(&message, 1, sizeof message);
	put(&pair->there, &message);
	take(&pair->back, seen, &message);
}

static double measure(struct pair *pair, uint32_t *seen, unsigned long count)
{
	double start = seconds_now();
	unsigned long done;

	for (done = 0; done < count && !is_late(done, start); done++)
		ping(pair, (*seen)++);
	return (seconds_now() - start) / (double)done * 1e6;
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	uint32_t seen = 0;
	struct pair *pair;
	pid_t peer;

	if (!count) {
		fprintf(stderr, "usage: bench-futex COUNT CPU PEER_CPU\n");
		return 2;
	}
	pin(argv[2]);
	pair = share(sizeof *pair);
	peer = start_peer(argv[3], answer, pair);
	measure(pair, &seen, WARM);
	printf("%g\n", measure(pair, &seen, count));
	stop_peer(peer);
	return 0;
}
