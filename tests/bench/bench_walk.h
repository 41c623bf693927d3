/* SPDX-License-Identifier: MIT */
/*
 * Which host memory DMA meets, and which memcpy() beside it. One walk for both, or the ratio means nothing.
 *
 * Drivers rotate through their buffers (a ring of some hundred packets, a queue of blocks), and the CPU that
 * fills or reads them is another one than the device's. So host memory is walked: WALK_BYTES, more than a
 * core's own caches hold and less than the shared one. Two buffers that stay in the first-level cache would
 * only measure that cache. What the device keeps is one buffer, as models have it, and hot. Host memory is a
 * memfd with pages of 4 KiB, as a guest's shared memory is, not an array that may lie in huge pages.
 */
#ifndef BENCH_WALK_H
#define BENCH_WALK_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WALK_BYTES = 8 << 20, DEVICE_BYTES = 4 << 20 };

/* Where transfer i of len bytes begins; len divides WALK_BYTES. */
static inline size_t walk_offset(unsigned long i, size_t len)
{
	return i * len % WALK_BYTES;
}

/* Host memory whose size is sealed, mapped and touched. */
static inline uint8_t *walk_map(int *fd)
{
	void *memory = MAP_FAILED;

	*fd = memfd_create("bench-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd >= 0 && !ftruncate(*fd, WALK_BYTES) &&
	    !fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		memory = mmap(NULL, WALK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (memory == MAP_FAILED) {
		perror("host memory");
		exit(1);
	}
	return memset(memory, 0x5a, WALK_BYTES);
}

#endif
