/* SPDX-License-Identifier: MIT */
/* A device's records, from a server or a file, and what they say. */
#ifndef TLPBRIDGE_DEVICE_FILE_H
#define TLPBRIDGE_DEVICE_FILE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <tlpbridge/device.h>
#include "session.h"

struct description {
	uint8_t *bytes;			/* as on the wire */
	size_t len;
	struct tlpb_device device;
	struct tlpb_registers *registers;
};

/* options->url is a URL or a file. False after saying why. */
bool description_load(struct description *d, const struct session_options *options);
bool description_save(const struct description *d, const char *path);
void description_free(struct description *d);

void description_print(const struct description *d);
cJSON *description_json(const struct description *d);

/* Prints what differs, a line a fact. Returns how many. */
unsigned description_compare(const struct description *a, const struct description *b);

/* "32-bit, non-prefetchable memory" and the like; text has 64 bytes. */
const char *region_kind_text(const struct tlpb_region *r, char text[64]);

#endif
