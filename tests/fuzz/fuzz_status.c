/* SPDX-License-Identifier: MIT */
/* A server's STATUS_REPLY: what is accepted can be said again, and is the same then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "status.h"

enum { ROOM = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tlpb_status status, again;
	static uint8_t bytes[ROOM];
	int len;

	if (tlpb__status_decode(data, size, &status))
		return 0;
	len = tlpb__status_encode(&status, bytes, sizeof bytes);
	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(!tlpb__status_decode(bytes, (size_t)len, &again));
	FUZZ_CHECK(!memcmp(&status, &again, sizeof status));
	return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static struct tlpb_status status = { .time_ms = 1, .slots = 2 };

	if (i)
		return 0;
	strcpy(status.slot[0].device, "endpoint-test");
	strcpy(status.slot[0].host, "qemu[1]");
	strcpy(status.slot[0].of_host.oldest, "MRd 0xc0000000 4 bytes");
	status.slot[0].of_host.requests = 1;
	status.slot[0].shared_memory = true;
	return (size_t)tlpb__status_encode(&status, data, size);
}
