/* SPDX-License-Identifier: MIT */
/*
 * The limits of nng itself: a bare pair0 between two processes, with messages as large as ours
 * and blocking calls. Callbacks (nng_aio) at one end or at both take as long, and polling without
 * waiting two to three times as long, because nng's own threads do the work.
 *
 *	bench-nng serve URL		answer: a message that begins with 0 is dropped, others come back
 *	bench-nng ping URL COUNT	print microseconds a round trip
 *	bench-nng flood URL COUNT	print messages a second, one way
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include "bench_clock.h"

enum { MESSAGE_BYTES = 24 + 16 };	/* a frame with a 4-DW TLP */

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "bench-nng: %s: %s\n", what, nng_strerror(err));
	exit(1);
}

/* A TCP port of 0 has become another one. */
static void tell_url(nng_listener listener, const char *url)
{
	nng_sockaddr addr;

	if (!strncmp(url, "tcp:", 4) && !nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &addr))
		printf("listening at tcp://127.0.0.1:%u\n", ntohs(addr.s_in.sa_port));
	else
		printf("listening at %s\n", url);
	fflush(stdout);
}

static void serve(nng_socket socket, const char *url)
{
	nng_listener listener;

	must(nng_listen(socket, url, &listener, 0), "listen");
	tell_url(listener, url);
	for (;;) {
		nng_msg *msg;

		must(nng_recvmsg(socket, &msg, 0), "receive");
		if (*(uint8_t *)nng_msg_body(msg))
			must(nng_sendmsg(socket, msg, 0), "send");
		else
			nng_msg_free(msg);
	}
}

static void send_one(nng_socket socket, uint8_t first)
{
	nng_msg *msg;

	must(nng_msg_alloc(&msg, MESSAGE_BYTES), "allocate");
	memset(nng_msg_body(msg), first, MESSAGE_BYTES);
	must(nng_sendmsg(socket, msg, 0), "send");
}

static void ping(nng_socket socket)
{
	nng_msg *msg;

	send_one(socket, 1);
	must(nng_recvmsg(socket, &msg, 0), "receive");
	nng_msg_free(msg);
}

int main(int argc, char **argv)
{
	nng_socket socket;
	unsigned long count = argc > 3 ? strtoul(argv[3], NULL, 10) : 0, done;
	double start;

	if (argc < 3) {
		fprintf(stderr, "usage: bench-nng serve|ping|flood URL [COUNT]\n");
		return 2;
	}
	must(nng_pair0_open(&socket), "open");
	if (!strcmp(argv[1], "serve"))
		serve(socket, argv[2]);
	must(nng_dial(socket, argv[2], NULL, 0), "dial");
	for (int i = 0; i < 100; i++)
		ping(socket);		/* warm */
	start = seconds_now();
	if (!strcmp(argv[1], "ping")) {
		for (done = 0; done < count && !is_late(done, start); done++)
			ping(socket);
		printf("%g\n", (seconds_now() - start) / (double)done * 1e6);
	} else {
		for (done = 0; done < count && !is_late(done, start); done++)
			send_one(socket, 0);
		ping(socket);
		printf("%g\n", (double)done / (seconds_now() - start));
	}
	nng_close(socket);
	return 0;
}
