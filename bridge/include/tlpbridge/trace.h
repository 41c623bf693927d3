/* SPDX-License-Identifier: MIT */
/*
 * Traces: pcap with nanosecond stamps and LINKTYPE_USER0. Each packet is a
 * pseudo-header and the body of one frame (a TLP, for kind TLP):
 *
 *	0  u8 1 (version)	1  u8 direction (enum tlpb_direction)
 *	2  u16 frame kind	4  u16 link	6  u16 function
 *	8  u64 simulated time of the recording side, picoseconds
 *
 * little-endian, 16 bytes. Stamps are simulated time, never wall time, and the
 * random token of a HELLO is written as zeros: equal runs give equal files. One
 * thread at a time.
 */
#ifndef TLPBRIDGE_TRACE_H
#define TLPBRIDGE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TLPB_TRACE_HEADER = 16 };	/* bytes of the pseudo-header */

enum tlpb_direction { TLPB_TO_ENDPOINT = 0, TLPB_TO_HOST = 1 };

struct tlpb_trace_record {
	uint64_t time_ps;
	enum tlpb_direction direction;
	uint16_t kind;		/* enum tlpb_frame_kind */
	uint16_t link;		/* number of the link within the traced process */
	uint16_t function;
	const uint8_t *body;
	size_t len;
};

typedef struct tlpb_trace tlpb_trace;
typedef struct tlpb_trace_reader tlpb_trace_reader;

/* Create or replace the file (mode 0600). On failure: a negative error, reason in why. */
int tlpb_trace_create(const char *path, tlpb_trace **trace, char *why, size_t why_size);

/* Write one record. The first failure is logged and ends the tracing, not the link. */
void tlpb_trace_write(tlpb_trace *trace, const struct tlpb_trace_record *record);

/* Make what was written visible to readers. */
void tlpb_trace_flush(tlpb_trace *trace);

/* Returns 0, or TLPB_ERR_IO when the trace is incomplete. NULL is fine. */
int tlpb_trace_close(tlpb_trace *trace);

int tlpb_trace_open(const char *path, tlpb_trace_reader **reader, char *why, size_t why_size);

/* Next record, borrowed until the next call. 1: one read, 0: end, negative: broken file. */
int tlpb_trace_next(tlpb_trace_reader *reader, struct tlpb_trace_record *record,
		    char *why, size_t why_size);
void tlpb_trace_reader_close(tlpb_trace_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
