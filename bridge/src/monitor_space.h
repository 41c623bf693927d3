/* SPDX-License-Identifier: MIT */
/*
 * The config space of one function, as far as configuration requests on a link have told it. Pure.
 * Read-only bits are not told from others by a write; none of them is looked at.
 */
#ifndef TLPB_MONITOR_SPACE_H
#define TLPB_MONITOR_SPACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SPACE_SIZE = 4096,
	SPACE_COMMAND = 0x04, SPACE_COMMAND_BUS_MASTER = 1 << 2,
	SPACE_CAP_PM = 0x01, SPACE_CAP_PCIE = 0x10, SPACE_CAP_SRIOV = 0x0010,
};

struct monitor_space {
	uint8_t bytes[SPACE_SIZE];
	uint8_t known[SPACE_SIZE / 8];	/* a bit for each byte */
};

void tlpb__space_forget(struct monitor_space *s);

/* Bytes of the doubleword at offset, those that are enabled. */
void tlpb__space_learn(struct monitor_space *s, unsigned offset, unsigned enables, uint32_t dw);

bool tlpb__space_known(const struct monitor_space *s, unsigned at, unsigned n);

/* Where a capability is, 7.5.1.1.11 and 7.6.3; 0: not there, or not read by anybody. */
unsigned tlpb__space_capability(const struct monitor_space *s, unsigned id);
unsigned tlpb__space_extended(const struct monitor_space *s, unsigned id);

/* A 16-bit register; false: it is not known. */
bool tlpb__space_word(const struct monitor_space *s, unsigned at, unsigned *value);

#endif
