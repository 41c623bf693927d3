/* SPDX-License-Identifier: MIT */
/*
 * Shared memory: once host and endpoint have greeted each other over the URL's transport, and are
 * on the same machine, in the same PID namespace, and of the same user, their frames travel in two rings of
 * shared memory, which is some hundred times faster. The first transport stays open: it tells of a peer that
 * died, and carries everything where there is no shared memory; one line of the host's log says why not.
 *
 * Who waits for the other end looks at the ring for some 50 us first, if that runs on another CPU, and sleeps
 * then. An idle link costs no CPU.
 */
#ifndef TLPBRIDGE_SHM_H
#define TLPBRIDGE_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tlpb_transport {
	TLPB_TRANSPORT_AUTO = 0,	/* shared memory where that is possible */
	TLPB_TRANSPORT_NNG,		/* the URL's transport alone */
	TLPB_TRANSPORT_SHM,		/* shared memory, or no link */
};

/*
 * Direct DMA, as the device's side has it: reading and writing host memory without TLPs, where the host
 * grants that (rc.h). docs/direct-dma.md tells the rules.
 */
enum tlpb_direct {
	TLPB_DIRECT_AUTO = 0,	/* where it is granted, but for endpoints with a trace, which has every TLP then */
	TLPB_DIRECT_OFF,	/* never: every DMA is TLPs */
	TLPB_DIRECT_ON,		/* also with a trace: it tells what was written where, but not the bytes */
};

/* What options give: "auto", "off" or "on". 0, or TLPB_ERR_INVALID and the reason in why. */
int tlpb_direct_parse(const char *text, enum tlpb_direct *direct, char *why, size_t size);

/* What options give: "auto", "nng" or "shm". 0, or TLPB_ERR_INVALID and the reason in why. */
int tlpb_transport_parse(const char *text, enum tlpb_transport *transport, char *why, size_t size);

/*
 * Bytes of shared memory a link, for the server's shm_bytes: a number with K or M behind it; from 512K to
 * 128M, rounded down to what rings can have. As above.
 */
int tlpb_shm_bytes_parse(const char *text, uint32_t *bytes, char *why, size_t size);

#ifdef __cplusplus
}
#endif
#endif
