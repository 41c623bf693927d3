/* SPDX-License-Identifier: MIT */
/* A descriptor that becomes readable at a time of monotonic_ms(). One thread. */
#ifndef TLPB_ALARM_H
#define TLPB_ALARM_H

#include <stdbool.h>
#include <stdint.h>

struct alarm {
	int fd;			/* -1: there is none */
	int64_t due_ms;		/* 0: not set */
};

/* 0 or TLPB_ERR_IO. */
int tlpb__alarm_open(struct alarm *alarm);
void tlpb__alarm_close(struct alarm *alarm);

/* Set it; 0 stops it. Cheap where nothing changes. */
void tlpb__alarm_set(struct alarm *alarm, int64_t due_ms);

/* Is its time over? Then it is stopped, and its descriptor not readable any more. */
bool tlpb__alarm_rang(struct alarm *alarm, int64_t now_ms);

#endif
