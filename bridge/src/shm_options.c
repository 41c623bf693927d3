/* SPDX-License-Identifier: MIT */
/* How users say what they want of shared memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/err.h>
#include <tlpbridge/shm.h>

/* Its place among the three; TLPB_ERR_INVALID: it is none of them. */
static int one_of(const char *text, const char *const names[3])
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(text, names[i]))
			return i;
	return TLPB_ERR_INVALID;
}

int tlpb_transport_parse(const char *text, enum tlpb_transport *transport, char *why, size_t size)
{
	static const char *const names[] = {
		[TLPB_TRANSPORT_AUTO] = "auto", [TLPB_TRANSPORT_NNG] = "nng",
		[TLPB_TRANSPORT_SHM] = "shm",
	};
	int got = one_of(text, names);

	if (got < 0) {
		snprintf(why, size, "transport is auto, nng or shm, not \"%s\"", text);
		return got;
	}
	*transport = (enum tlpb_transport)got;
	return 0;
}

int tlpb_direct_parse(const char *text, enum tlpb_direct *direct, char *why, size_t size)
{
	static const char *const names[] = {
		[TLPB_DIRECT_AUTO] = "auto", [TLPB_DIRECT_OFF] = "off", [TLPB_DIRECT_ON] = "on",
	};
	int got = one_of(text, names);

	if (got < 0) {
		snprintf(why, size, "direct DMA is auto, off or on, not \"%s\"", text);
		return got;
	}
	*direct = (enum tlpb_direct)got;
	return 0;
}

int tlpb_shm_bytes_parse(const char *text, uint32_t *bytes, char *why, size_t size)
{
	enum { KIB = 1024, MIB = 1024 * 1024, LEAST = 512 * KIB, MOST = 128 * MIB };
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	unsigned unit = *end == 'K' ? KIB : *end == 'M' ? MIB : 1;

	end += unit > 1;
	if (text[0] >= '0' && text[0] <= '9' && !*end && n <= MOST && n * unit >= LEAST && n * unit <= MOST) {
		*bytes = (uint32_t)(n * unit);
		return 0;
	}
	snprintf(why, size, "shared memory of a link is from 512K to 128M, not \"%s\"", text);
	return TLPB_ERR_INVALID;
}
