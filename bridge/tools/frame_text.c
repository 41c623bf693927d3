/* SPDX-License-Identifier: MIT */
#include "frame_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include <tlpbridge/wire.h>

/* A frame's body, little-endian. What is not there reads as 0 and is told by has(). */
struct body {
	const uint8_t *p;
	size_t len;
};

static bool has(struct body b, size_t offset, size_t n)
{
	return offset <= b.len && b.len - offset >= n;
}

static uint64_t get(struct body b, size_t offset, size_t n)
{
	uint64_t value = 0;

	if (!has(b, offset, n))
		return 0;
	while (n--)
		value = value << 8 | b.p[offset + n];
	return value;
}

/* A string: u16 length, bytes. Whatever a peer said must not steer the terminal. */
static const char *get_string(struct body b, size_t offset, char *text, size_t size)
{
	size_t len = (size_t)get(b, offset, 2), n = 0;

	if (has(b, offset + 2, len))
		for (; n < len && n + 1 < size; n++) {
			uint8_t c = b.p[offset + 2 + n];

			text[n] = c >= 0x20 && c < 0x7f ? (char)c : '?';
		}
	text[n] = 0;
	return text;
}

static void hello_text(struct body b, char *text, size_t size)
{
	char name[128];

	snprintf(text, size, "HELLO from %s \"%s\", version %u, MPS %u, MRRS %u, RCB %u",
		 get(b, 6, 2) == TLPB_HOST ? "host" : "endpoint",
		 get_string(b, 60, name, sizeof name), (unsigned)get(b, 4, 2),
		 (unsigned)get(b, 40, 2), (unsigned)get(b, 42, 2), (unsigned)get(b, 44, 2));
}

static void device_text(struct body b, char *text, size_t size)
{
	char why[256];
	struct tlpb_device dev;

	if (tlpb_device_decode(b.p, b.len, &dev, why, sizeof why))
		snprintf(text, size, "DEVICE, not legal: %s", why);
	else
		snprintf(text, size, "DEVICE \"%s\" %04x:%04x class %06x", dev.name, dev.vendor_id,
			 dev.device_id, dev.class_code);
}

static void reset_text(struct body b, char *text, size_t size)
{
	static const char *const names[TLPB_RESET_KINDS] = { "system", "hot", "FLR", "power" };
	unsigned kind = (unsigned)get(b, 0, 2);

	if (kind < TLPB_RESET_KINDS)
		snprintf(text, size, "RESET %s", names[kind]);
	else
		snprintf(text, size, "RESET of unknown kind %u", kind);
}

static void fault_text(struct body b, char *text, size_t size)
{
	snprintf(text, size, "DMA_FAULT of frame %u at 0x%" PRIx64 ": %s", (unsigned)get(b, 0, 4),
		 get(b, 8, 8), tlpb_strerror(-(int)get(b, 4, 2)));
}

static void eoi_text(struct body b, char *text, size_t size)
{
	snprintf(text, size, "EOI of INT%c", 'A' + (int)(get(b, 0, 2) & 3));
}

static void grant_mem_text(struct body b, char *text, size_t size)
{
	snprintf(text, size, "GRANT_MEM to function %u: 0x%" PRIx64 ", %" PRIu64 " bytes, %s",
		 (unsigned)get(b, 0, 2), get(b, 16, 8), get(b, 24, 8),
		 get(b, 2, 2) & 1 ? "read and write" : "read");
}

static void revoke_text(struct body b, char *text, size_t size)
{
	snprintf(text, size, "REVOKE %u of function %u: 0x%" PRIx64 ", %" PRIu64 " bytes",
		 (unsigned)get(b, 0, 4), (unsigned)get(b, 4, 2), get(b, 8, 8), get(b, 16, 8));
}

static void revoked_text(struct body b, char *text, size_t size)
{
	snprintf(text, size, "REVOKED %u", (unsigned)get(b, 0, 4));
}

/* The first range, and how many others there are. */
static void dirty_text(struct body b, char *text, size_t size)
{
	unsigned ranges = (unsigned)get(b, 0, 2);
	int n = snprintf(text, size, "DIRTY by function %u: 0x%" PRIx64 ", %" PRIu64 " bytes",
			 (unsigned)get(b, 4, 2), get(b, 12, 8), get(b, 20, 8));

	if (ranges > 1 && n > 0 && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, " and %u more", ranges - 1);
}

static void goodbye_text(struct body b, char *text, size_t size)
{
	unsigned reason = (unsigned)get(b, 0, 2);
	char said[256];

	get_string(b, 2, said, sizeof said);
	if (!strcmp(said, tlpb_reason_text(reason)))
		said[0] = 0;	/* the usual goodbye says its reason twice */
	snprintf(text, size, "GOODBYE, reason %u: %s%s%s", reason, tlpb_reason_text(reason),
		 *said ? ": " : "", said);
}

static const struct frame {
	uint16_t kind;
	const char *name;
	size_t least;		/* bytes of the body that text() needs */
	void (*text)(struct body b, char *text, size_t size);
} frames[] = {
	{ TLPB_FRAME_JOIN, "JOIN", 0, NULL },
	{ TLPB_FRAME_GRANT, "GRANT", 0, NULL },
	{ TLPB_FRAME_REFUSE, "REFUSE", 0, NULL },
	{ TLPB_FRAME_HELLO, "HELLO", 62, hello_text },
	{ TLPB_FRAME_DEVICE, "DEVICE", 0, device_text },
	{ TLPB_FRAME_READY, "READY", 0, NULL },
	{ TLPB_FRAME_TLP, "TLP", 0, NULL },
	{ TLPB_FRAME_RESET, "RESET", 2, reset_text },
	{ TLPB_FRAME_DMA_FAULT, "DMA_FAULT", 16, fault_text },
	{ TLPB_FRAME_GRANT_MEM, "GRANT_MEM", 40, grant_mem_text },
	{ TLPB_FRAME_REVOKE, "REVOKE", 24, revoke_text },
	{ TLPB_FRAME_REVOKED, "REVOKED", 4, revoked_text },
	{ TLPB_FRAME_DIRTY, "DIRTY", 28, dirty_text },
	{ TLPB_FRAME_GOODBYE, "GOODBYE", 4, goodbye_text },
	{ TLPB_FRAME_EOI, "EOI", 2, eoi_text },
};

static const struct frame *find_frame(uint16_t kind)
{
	for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++)
		if (frames[i].kind == kind)
			return &frames[i];
	return NULL;
}

void frame_text(const struct tlpb_trace_record *r, char *text, size_t size)
{
	const struct frame *frame = find_frame(r->kind);

	if (!frame)
		snprintf(text, size, "frame of unknown kind %u, %zu bytes", r->kind, r->len);
	else if (r->len < frame->least)
		snprintf(text, size, "%s, cut: %zu bytes are too short", frame->name, r->len);
	else if (frame->text)
		frame->text((struct body){ r->body, r->len }, text, size);
	else
		snprintf(text, size, "%s", frame->name);
}

const char *frame_name(uint16_t kind)
{
	const struct frame *frame = find_frame(kind);

	return frame ? frame->name : NULL;
}
