/* SPDX-License-Identifier: MIT */
/* Where and what on the command line: bar0:0x10, bar0:STATUS, cfg:COMMAND.w; 1, 0x10, COPY|READ. */
#ifndef TLPBRIDGE_PLACE_H
#define TLPBRIDGE_PLACE_H

#include <stdio.h>
#include "session.h"

struct place {
	char text[96];			/* as given */
	unsigned region;		/* enum tlpb_region_index */
	uint64_t offset;		/* bytes */
	unsigned width;			/* bits */
	const struct tlpb_register *reg;	/* of the session; NULL: no name for it */
};

/*
 * What can be told of the text of a place without the device: false after saying what is wrong.
 */
bool place_syntax(const char *text);

/*
 * REGION:OFFSET or REGION:NAME or NAME, with .b .w .l .q for 8, 16, 32, 64 bits behind it.
 * False after saying what is wrong. The session is enumerated.
 */
bool place_parse(const struct session *s, const char *text, struct place *place);

#define PLACE_HELP                                                                       \
	"WHERE is REGION:OFFSET or REGION:NAME or NAME. REGION is bar0 to bar5, rom or\n" \
	"cfg (config space). NAME is a register's (tlpbridge device URL lists them; in\n"  \
	"cfg: VENDOR_ID, COMMAND, STATUS, ...). Behind it .b .w .l .q choose 8, 16, 32,\n" \
	"64 bits; without it the register's own width, else 32 bits.\n"                   \
	"VALUE is a number, or names of the register's fields joined by |, which stand\n"  \
	"for all ones in the field: COPY|RAISE_MSI. Numbers are decimal or 0x\n"          \
	"hexadecimal, with K, M, G for 2^10, 2^20, 2^30.\n"

/* 8, 16, 32, 64 for b, w, l, q; 0 for others. */
unsigned place_width(const char *letter);

/* Does a block of len bytes lie in the region? Says if not. */
bool place_fits(const struct session *s, const struct place *place, uint64_t len);

/* As place_syntax(), of a value for the place that where names. */
bool place_value_syntax(const char *where, const char *text);

/* A value for the place; it fits its width. False after saying what is wrong. */
bool place_value(const struct place *place, const char *text, uint64_t *value);

/* Read or write, with a message on failure. */
bool place_get(struct session *s, const struct place *place, uint64_t *value);
bool place_put(struct session *s, const struct place *place, uint64_t value);

/* "bar0:0x8 STATUS = 0x00000010  READ_SUCCESS=0 ...": on a line. */
void place_print(const struct place *place, uint64_t value);
cJSON *place_json(const struct place *place, uint64_t value);

/* " GO=1 COUNT=3": all fields of a value, or an object with them. */
void fields_print(const struct tlpb_register *reg, uint64_t value);
cJSON *fields_json(const struct tlpb_register *reg, uint64_t value);

/* "bar0", "rom", "cfg" */
const char *region_text(unsigned region);

#endif
