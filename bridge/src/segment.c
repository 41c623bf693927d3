/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <tlpbridge/err.h>

#include "neighbour.h"
#include "ring.h"
#include "segment.h"

static size_t segment_size(uint32_t ring_bytes)
{
	return SEGMENT_HEADER + 2 * ring_footprint(ring_bytes);
}

static int fail(struct segment *s, const char *what, char *why, size_t size)
{
	snprintf(why, size, "%s: %s", what, strerror(errno));
	tlpb__segment_close(s);
	return TLPB_ERR_IO;
}

static bool map(struct segment *s, int fd)
{
	void *p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	s->base = p == MAP_FAILED ? NULL : p;
	return s->base;
}

/*
 * The pages are taken now: where there is no memory that is an error here, and not a signal at the
 * first access. Sealed, because the other end must not be able to cut it either.
 */
static bool fill(int fd, size_t size)
{
	return !ftruncate(fd, (off_t)size) && !fallocate(fd, 0, 0, (off_t)size) &&
	       !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

int tlpb__segment_make(struct segment *s, uint32_t ring_bytes, struct segment_offer *offer, char *why,
		       size_t size)
{
	*s = (struct segment){ .size = segment_size(ring_bytes), .ring_bytes = ring_bytes };
	*offer = (struct segment_offer){ .pid = (uint32_t)getpid(), .ring_bytes = ring_bytes };
	tlpb__neighbour_place(offer->place);
	s->fd = memfd_create("tlpbridge", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->fd < 0 || !fill(s->fd, s->size) || !map(s, s->fd))
		return fail(s, "no shared memory", why, size);
	if (getrandom(offer->token, TLPB_TOKEN, 0) != TLPB_TOKEN)
		return fail(s, "no random numbers", why, size);
	memcpy(s->base, offer->token, TLPB_TOKEN);
	offer->fd = (uint32_t)s->fd;
	return 0;
}

static bool legal(uint32_t ring_bytes)
{
	return ring_bytes >= RING_BYTES_MIN && ring_bytes <= RING_BYTES_MAX &&
	       !(ring_bytes & (ring_bytes - 1));
}

int tlpb__segment_open(struct segment *s, const struct segment_offer *offer, char *why, size_t size)
{
	int fd;

	*s = (struct segment){ .fd = -1, .ring_bytes = offer->ring_bytes };
	if (!legal(offer->ring_bytes)) {
		snprintf(why, size, "rings of %u bytes", offer->ring_bytes);
		return TLPB_ERR_IO;
	}
	s->size = segment_size(offer->ring_bytes);
	fd = tlpb__neighbour_open(offer->place, offer->pid, offer->fd, s->size, why, size);
	if (fd < 0)
		return TLPB_ERR_IO;
	map(s, fd);
	close(fd);
	if (!s->base)
		return fail(s, "the peer's memory cannot be mapped", why, size);
	if (!memcmp(s->base, offer->token, TLPB_TOKEN))
		return 0;
	snprintf(why, size, "the peer's descriptor is not the memory that it offers");
	tlpb__segment_close(s);
	return TLPB_ERR_IO;
}

void tlpb__segment_opened(struct segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void tlpb__segment_close(struct segment *s)
{
	tlpb__segment_opened(s);
	if (s->base)
		munmap(s->base, s->size);
	s->base = NULL;
}
