/* SPDX-License-Identifier: MIT */
/* What those share who write, read or check a device's records. */
#ifndef TLPB_RECORDS_H
#define TLPB_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/device.h>

#include "cursor.h"

enum record_type {
	RECORD_PCI = 1,
	RECORD_REGION = 2,
	RECORD_INTERRUPT = 3,
	RECORD_NAME = 4,
	RECORD_REGISTER = 5,
	RECORD_PATH = 6,
	RECORD_FEATURES = 7,
	RECORD_SRIOV = 8,
};

enum {
	RECORD_OPTIONAL = 1 << 0,	/* a reader that does not know it skips it */
	RECORD_HEADER = 8,		/* bytes */
};

struct record {
	uint16_t type;
	uint16_t flags;
	uint32_t length;
	const uint8_t *value;
};

/* Where the reason of a refusal goes. */
struct why {
	char *text;
	size_t size;
};

/* Writes the reason, returns err. */
int tlpb__refuse(const struct why *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "BAR0" ... "CONFIG"; index is below TLPB_REGIONS. */
const char *tlpb__region_name(unsigned index);

/* 1: a record, 0: no more, negative: refused. what is "record" or "sub-record". */
int tlpb__next_record(struct reader *r, struct record *record, const char *what,
		      const struct why *why);

/* A record's header; its value of length bytes follows. */
void tlpb__put_record(struct writer *w, enum record_type type, uint16_t flags, size_t length);

/* ---- device_check.c ---- */

int tlpb__check_device(const struct tlpb_device *dev, const struct why *why);

/* Are the BARs, ROM and interrupts legal? */
int tlpb__check_resources(const struct tlpb_device *dev, const struct why *why);

/* ---- device_features.c: what is beyond the resources ---- */

enum { SUB_RECORD_RESIZABLE = 1 };	/* of REGION */

int tlpb__check_features(const struct tlpb_device *dev, const struct why *why);
void tlpb__put_features(struct writer *w, const struct tlpb_device *dev);
int tlpb__get_features(const struct record *record, struct tlpb_device *dev, const struct why *why);
int tlpb__get_sriov(const struct record *record, struct tlpb_device *dev, const struct why *why);

#endif
