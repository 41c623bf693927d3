/* SPDX-License-Identifier: MIT */
/* The frames of a link, but TLPs, for people. */
#ifndef TLPB_FRAME_TEXT_H
#define TLPB_FRAME_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/trace.h>

/* "HELLO" …; NULL: a kind that is not known. */
const char *frame_name(uint16_t kind);

/* One line, also of a frame that is cut or of an unknown kind. */
void frame_text(const struct tlpb_trace_record *r, char *text, size_t size);

#endif
