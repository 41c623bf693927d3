/* SPDX-License-Identifier: MIT */
/* What the records of a trace add up to. */
#ifndef TLPB_TRACE_COUNTS_H
#define TLPB_TRACE_COUNTS_H

#include <stdint.h>

#include <cjson/cJSON.h>
#include <tlpbridge/tlp.h>
#include <tlpbridge/trace.h>

/* X(name, key, text): what is counted. */
#define COUNT_LIST(X)                                                                   \
	X(RECORDS, "records", "records")                                                \
	X(CONFIG_READS, "config_reads", "config reads")                                 \
	X(CONFIG_WRITES, "config_writes", "config writes")                              \
	X(MEM_READS, "mem_reads", "memory reads")                                       \
	X(MEM_WRITES, "mem_writes", "memory writes")                                    \
	X(IO_READS, "io_reads", "I/O reads")                                            \
	X(IO_WRITES, "io_writes", "I/O writes")                                         \
	X(DMA_READS, "dma_reads", "DMA reads")                                          \
	X(DMA_READ_BYTES, "dma_read_bytes", "DMA bytes read")                           \
	X(DMA_WRITES, "dma_writes", "DMA writes")                                       \
	X(DMA_WRITE_BYTES, "dma_write_bytes", "DMA bytes written")                      \
	X(ATOMICS, "atomics", "AtomicOps")                                              \
	X(CPL_TO_EP, "completions_to_ep", "completions to ep")                          \
	X(CPL_TO_HOST, "completions_to_host", "completions to host")                    \
	X(MSG_TO_EP, "messages_to_ep", "messages to ep")                                \
	X(MSG_TO_HOST, "messages_to_host", "messages to host")                          \
	X(MALFORMED, "malformed", "malformed TLPs")                                     \
	X(RESETS, "resets", "resets")                                                   \
	X(DMA_FAULTS, "dma_faults", "DMA faults")                                       \
	X(OTHER_FRAMES, "other_frames", "other frames")

enum count {
#define COUNT_ENUM(name, key, text) COUNT_##name,
	COUNT_LIST(COUNT_ENUM)
#undef COUNT_ENUM
	COUNTS,
};

struct counts {
	uint64_t n[COUNTS];
	uint64_t first_ps, last_ps;
};

/* Each record is counted by count_time(), and by one of the others. */
void count_time(struct counts *counts, uint64_t ps);
void count_tlp(struct counts *counts, const struct tlpb_trace_record *r, const struct tlpb_tlp *tlp,
	       enum tlpb_rule rule);
void count_frame(struct counts *counts, uint16_t kind);

/* A line on stdout, and {"summary": {...}}, which is the caller's. */
void counts_print(const struct counts *counts);
cJSON *counts_json(const struct counts *counts);

/* Simulated time on stdout: nanoseconds with all picoseconds. */
void print_time(uint64_t ps, int width);

#endif
