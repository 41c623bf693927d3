/* SPDX-License-Identifier: MIT */
#include "shm_pair.h"

#include <sys/socket.h>

#include "gtest.h"
#include "segment.h"

static struct transport *new_socket_end(int fd)
{
	struct transport *t = NULL;
	char why[256] = "";

	if (tlpb__transport_stream_new(fd, &t, why, sizeof why))
		FAIL("%s", why);
	return t;
}

/* Takes the segments over. */
static void connect_ends(struct segment *host, struct segment *endpoint, struct transport *ends[2])
{
	int fds[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ends[0] = tlpb__transport_shm_new(new_socket_end(fds[0]), host, true);
	ends[1] = tlpb__transport_shm_new(new_socket_end(fds[1]), endpoint, false);
	ASSERT_NOT_NULL(ends[0]);
	ASSERT_NOT_NULL(ends[1]);
}

static void make(uint32_t ring_bytes, struct segment *made, struct segment_offer *offer)
{
	char why[256] = "";

	if (tlpb__segment_make(made, ring_bytes, offer, why, sizeof why))
		FAIL("%s", why);
}

void shm_pair_beside_sockets(uint32_t ring_bytes, struct transport *ends[2], struct shm_view *view)
{
	struct segment made, opened;
	struct segment_offer offer;
	char why[256] = "";
	uint8_t *base;

	make(ring_bytes, &made, &offer);
	if (tlpb__segment_open(&opened, &offer, why, sizeof why))
		FAIL("%s", why);
	tlpb__segment_opened(&made);
	base = opened.base + SEGMENT_HEADER;
	if (view)
		*view = (struct shm_view){ (void *)base, (void *)(base + ring_footprint(ring_bytes)) };
	connect_ends(&opened, &made, ends);
}

void shm_pair_switch(struct transport *ends[2])
{
	for (int i = 0; i < 2; i++) {
		tlpb__transport_shm_send_by_ring(ends[i]);
		tlpb__transport_shm_recv_by_ring(ends[i]);
	}
}

void shm_pair_new(uint32_t ring_bytes, struct transport *ends[2], struct shm_view *view)
{
	shm_pair_beside_sockets(ring_bytes, ends, view);
	shm_pair_switch(ends);
}

void shm_pair_mapped_once(uint32_t ring_bytes, struct transport *ends[2])
{
	struct segment made, again;
	struct segment_offer offer;

	make(ring_bytes, &made, &offer);
	tlpb__segment_opened(&made);
	again = made;
	again.size = 0;		/* it is not unmapped twice */
	connect_ends(&made, &again, ends);
	shm_pair_switch(ends);
}
