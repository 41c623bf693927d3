/* SPDX-License-Identifier: MIT */
/* What tlpbridge tlp does with a line of its input. */
#ifndef TLPBRIDGE_TLP_LINES_H
#define TLPBRIDGE_TLP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "json_read.h"

struct tlpb_judge_state;

struct tlp_options {
	size_t mps;			/* Max_Payload_Size in bytes */
	struct tlpb_judge_state *state;	/* for check */
	bool follow;			/* for check: the state follows the TLPs */
};

/*
 * Answer a line of len characters, without its end, on stdout. False: it cannot be
 * read, and why says why.
 */
typedef bool tlp_line(const struct tlp_options *options, const char *line, size_t len,
		      char why[JSON_WHY]);

tlp_line tlp_decode_line, tlp_encode_line, tlp_text_line;	/* line_codec.c */
tlp_line tlp_order_line, tlp_split_line, tlp_check_line;	/* line_….c */

/* Helpers of theirs; each says what is wrong in why. */

/* Exactly as many bytes as there are, so that a sanitizer sees a read beyond them. NULL: not hex. */
uint8_t *tlp_read_hex(const char *line, size_t len, size_t *count, char why[JSON_WHY]);

/* The object of the line, to be deleted. NULL: it is none. */
cJSON *tlp_read_object(const char *line, size_t len, char why[JSON_WHY]);

/* Print object and delete it. */
bool tlp_print_object(cJSON *object, char why[JSON_WHY]);

#endif
