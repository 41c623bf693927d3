/* SPDX-License-Identifier: MIT */
/*
 * What the registers of a device's functions allow each of them, learnt from the configuration requests on a
 * link; what nobody has read or written limits nothing. Functions are told apart by the low eight bits of
 * their ID, so there are 256 at most, and one that is never configured takes no memory. Pure.
 *
 * Of a VF, Device Control is its PF's (9.3.5.4); it is known as one once the PF's SR-IOV capability has been read.
 */
#ifndef TLPB_MONITOR_FUNCTIONS_H
#define TLPB_MONITOR_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/tlp.h>

#include "monitor_space.h"

enum { MONITOR_FUNCTIONS = 256 };

struct function_limits {
	bool bus_master;
	unsigned d_state;	/* 0..3 */
	unsigned mps, mrrs;	/* bytes */
	unsigned tags;		/* it uses those below */
};

struct monitor_functions {
	struct monitor_space *space[MONITOR_FUNCTIONS];	/* NULL: never configured */
	bool off_at_first;	/* after a reset Bus Master Enable is off, where it is not known */
	bool has_bus;
	uint8_t bus;		/* captured by the last configuration write (2.2.6.2) */
	uint8_t last;		/* function that was configured last */
	uint32_t devices;	/* bit n: a function of n * 8 … n * 8 + 7 was configured */
	bool extended;		/* a write above 0xff, as that of VF Enable is: VFs may have any number */

	/* A cache of one: the limits of limited, until something is learnt. */
	bool fresh;
	uint8_t limited;
	struct function_limits limits;
};

void tlpb__seen_free(struct monitor_functions *f);

/* A configuration request of dw has succeeded. True: its function is allowed less than before. */
bool tlpb__seen_written(struct monitor_functions *f, const struct tlpb_tlp *request, uint32_t dw);
void tlpb__seen_read(struct monitor_functions *f, const struct tlpb_tlp *request, uint32_t dw);

/* All of them were reset. known_off: the observer is where that is known to have happened already. */
void tlpb__seen_reset(struct monitor_functions *f, bool known_off);

/* Valid until the next call. */
const struct function_limits *tlpb__seen_limits(struct monitor_functions *f, uint16_t id);

/*
 * May the device use this ID? Without a configuration write it may use any; where it may have VFs, of which some
 * answer before anybody has configured them, any of its bus.
 */
bool tlpb__seen_own(const struct monitor_functions *f, uint16_t id);

#endif
