/* SPDX-License-Identifier: MIT */
#include "trace_counts.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <tlpbridge/wire.h>
#include "text.h"

static const struct {
	const char *key, *text;
} count_names[COUNTS] = {
#define COUNT_NAME(name, key, text) { key, text },
	COUNT_LIST(COUNT_NAME)
#undef COUNT_NAME
};

static enum count direction_count(const struct tlpb_trace_record *r, enum count to_ep,
				  enum count to_host)
{
	return r->direction == TLPB_TO_HOST ? to_host : to_ep;
}

static enum count tlp_count(const struct tlpb_trace_record *r, const struct tlpb_tlp *tlp)
{
	switch (tlp->kind) {
	case TLPB_MRD:
	case TLPB_MRDLK:
		return direction_count(r, COUNT_MEM_READS, COUNT_DMA_READS);
	case TLPB_MWR:
	case TLPB_DMWR:
		return direction_count(r, COUNT_MEM_WRITES, COUNT_DMA_WRITES);
	case TLPB_FETCHADD:
	case TLPB_SWAP:
	case TLPB_CAS:
		return COUNT_ATOMICS;
	case TLPB_IORD:
		return COUNT_IO_READS;
	case TLPB_IOWR:
		return COUNT_IO_WRITES;
	case TLPB_CFGRD0:
	case TLPB_CFGRD1:
		return COUNT_CONFIG_READS;
	case TLPB_CFGWR0:
	case TLPB_CFGWR1:
		return COUNT_CONFIG_WRITES;
	case TLPB_MSG:
	case TLPB_MSGD:
		return direction_count(r, COUNT_MSG_TO_EP, COUNT_MSG_TO_HOST);
	default:
		return direction_count(r, COUNT_CPL_TO_EP, COUNT_CPL_TO_HOST);
	}
}

static uint64_t request_bytes(const struct tlpb_tlp *tlp)
{
	bool zero_length = tlp->length_dw == 1 && !tlp->first_be;

	return zero_length ? 0 : tlpb_byte_count(tlp->length_dw, tlp->first_be, tlp->last_be);
}

void count_tlp(struct counts *counts, const struct tlpb_trace_record *r, const struct tlpb_tlp *tlp,
	       enum tlpb_rule rule)
{
	enum count count = rule ? COUNT_MALFORMED : tlp_count(r, tlp);

	counts->n[count]++;
	if (count == COUNT_DMA_READS)
		counts->n[COUNT_DMA_READ_BYTES] += request_bytes(tlp);
	if (count == COUNT_DMA_WRITES)
		counts->n[COUNT_DMA_WRITE_BYTES] += request_bytes(tlp);
}

void count_frame(struct counts *counts, uint16_t kind)
{
	if (kind == TLPB_FRAME_RESET)
		counts->n[COUNT_RESETS]++;
	else if (kind == TLPB_FRAME_DMA_FAULT)
		counts->n[COUNT_DMA_FAULTS]++;
	else
		counts->n[COUNT_OTHER_FRAMES]++;
}

void count_time(struct counts *counts, uint64_t ps)
{
	if (!counts->n[COUNT_RECORDS]++ || ps < counts->first_ps)
		counts->first_ps = ps;
	if (ps > counts->last_ps)
		counts->last_ps = ps;
}

void print_time(uint64_t ps, int width)
{
	printf("%*" PRIu64 ".%03u ns", width, ps / 1000, (unsigned)(ps % 1000));
}

void counts_print(const struct counts *counts)
{
	printf("%s %" PRIu64, count_names[0].text, counts->n[0]);
	if (counts->n[0]) {
		printf(" (");
		print_time(counts->first_ps, 0);
		printf(" to ");
		print_time(counts->last_ps, 0);
		printf(")");
	}
	for (unsigned i = 1; i < COUNTS; i++)
		if (counts->n[i])
			printf(", %s %" PRIu64, count_names[i].text, counts->n[i]);
	printf("\n");
}

cJSON *counts_json(const struct counts *counts)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *summary = cJSON_AddObjectToObject(object, "summary");

	json_add_u64(summary, "first_ps", counts->first_ps);
	json_add_u64(summary, "last_ps", counts->last_ps);
	for (unsigned i = 0; i < COUNTS; i++)
		json_add_u64(summary, count_names[i].key, counts->n[i]);
	return object;
}
