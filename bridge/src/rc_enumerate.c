/* SPDX-License-Identifier: MIT */
/* What firmware does, for hosts that have none. */
#include <string.h>

#include "rc_private.h"

enum {
	COMMAND = 0x04, COMMAND_ALL = 0x0007,	/* I/O, memory, bus master */
	BAR0 = 0x10,
	CAP_POINTER = 0x34, CAP_PCIE = 0x10,
	DEVCAP = 4, DEVCTL = 8,			/* within the PCI Express capability */
	CHAIN_MAX = 48,				/* capabilities that fit: a longer chain is a loop */
};

/* A transaction on which every step after a failure does nothing. */
struct session {
	tlpb_rc *rc;
	uint16_t bdf;
	int err;
};

static uint32_t read32(struct session *s, unsigned offset)
{
	uint32_t value = 0;

	if (!s->err)
		s->err = tlpb_rc_config_read(s->rc, s->bdf, offset, 4, &value);
	return value;
}

static void write_config(struct session *s, unsigned offset, unsigned size, uint32_t value)
{
	if (!s->err)
		s->err = tlpb_rc_config_write(s->rc, s->bdf, offset, size, value);
}

static uint32_t probe(struct session *s, unsigned offset)
{
	write_config(s, offset, 4, 0xffffffff);
	return read32(s, offset);
}

/* Size in bytes from what a BAR reads back after all ones; 0: not there. */
static uint64_t decode_size(uint32_t low, uint32_t high, const struct tlpb_rc_bar *bar)
{
	uint64_t mask = low & (bar->io ? ~3u : ~15u);

	if (!mask && !high)
		return 0;
	mask |= (uint64_t)(bar->is_64bit ? high : 0xffffffff) << 32;
	return ~mask + 1;
}

static void size_bar(struct session *s, unsigned i, struct tlpb_rc_bar *bar)
{
	uint32_t low = probe(s, BAR0 + 4 * i), high = 0;

	bar->io = low & 1;
	bar->is_64bit = !bar->io && (low >> 1 & 3) == 2;
	bar->prefetch = !bar->io && low >> 3 & 1;
	if (bar->is_64bit && i + 1 < TLPB_BARS)
		high = probe(s, BAR0 + 4 * (i + 1));
	bar->size = decode_size(low, high, bar);
}

static void place_bar(struct session *s, unsigned i, struct tlpb_rc_bar *bar,
		      struct tlpb_rc_windows *w)
{
	uint64_t *window = bar->io ? &w->io : bar->is_64bit ? &w->mem64 : &w->mem32;

	bar->addr = (*window + bar->size - 1) & ~(bar->size - 1);
	*window = bar->addr + bar->size;
	write_config(s, BAR0 + 4 * i, 4, (uint32_t)bar->addr);
	if (bar->is_64bit)
		write_config(s, BAR0 + 4 * (i + 1), 4, (uint32_t)(bar->addr >> 32));
}

static unsigned find_capability(struct session *s, unsigned id)
{
	unsigned at = read32(s, CAP_POINTER) & 0xfc;

	for (unsigned n = 0; at && n < CHAIN_MAX && !s->err; n++) {
		uint32_t head = read32(s, at);

		if ((head & 0xff) == id)
			return at;
		at = head >> 8 & 0xfc;
	}
	return 0;
}

int tlpb_rc_find_capability(tlpb_rc *rc, uint16_t bdf, unsigned id)
{
	struct session s = { rc, bdf, 0 };
	unsigned at;

	tlpb__rc_enter(rc);
	at = find_capability(&s, id);
	tlpb__rc_leave(rc);
	return s.err ? s.err : (int)at;
}

static uint32_t mps_code(unsigned bytes)
{
	uint32_t code = 0;

	while (bytes > 128u << code)
		code++;
	return code;
}

/* Max_Payload_Size as large as both sides have. Extended tags on. */
static void set_device_control(struct session *s)
{
	unsigned at = find_capability(s, CAP_PCIE);
	uint32_t offered, control;

	if (!at)
		return;
	offered = read32(s, at + DEVCAP) & 7;
	if (offered > mps_code(s->rc->mps))
		offered = mps_code(s->rc->mps);
	control = read32(s, at + DEVCTL) & 0xffff;
	control = (control & ~0xe0u) | offered << 5 | 1 << 8;
	write_config(s, at + DEVCTL, 2, control);
}

int tlpb_rc_enumerate(tlpb_rc *rc, const struct tlpb_rc_windows *windows,
		      struct tlpb_rc_bar bars[TLPB_BARS])
{
	struct session s = { rc, windows->bdf, 0 };
	struct tlpb_rc_windows w = *windows;

	memset(bars, 0, TLPB_BARS * sizeof *bars);
	tlpb__rc_enter(rc);
	write_config(&s, COMMAND, 2, 0);
	for (unsigned i = 0; i < TLPB_BARS && !s.err; i++) {
		size_bar(&s, i, &bars[i]);
		if (!bars[i].size)
			continue;
		place_bar(&s, i, &bars[i], &w);
		i += bars[i].is_64bit;
	}
	set_device_control(&s);
	write_config(&s, COMMAND, 2, COMMAND_ALL);
	tlpb__rc_leave(rc);
	return s.err;
}

enum { DEVCAP2 = 36, DEVCTL2 = 40 };
enum { COMPLETER_10BIT = 1 << 16, REQUESTER_10BIT = 1 << 17, ENABLE_10BIT = 1 << 12 };

/* The host completes such requests of the device in any case. */
static int enable_requester(tlpb_rc *rc, uint16_t bdf, unsigned control_at)
{
	uint32_t control;
	int err = tlpb_rc_config_read(rc, bdf, control_at, 2, &control);

	return err ? err : tlpb_rc_config_write(rc, bdf, control_at, 2, control | ENABLE_10BIT);
}

int tlpb_rc_use_10bit_tags(tlpb_rc *rc, uint16_t bdf)
{
	int at = tlpb_rc_find_capability(rc, bdf, CAP_PCIE);
	uint32_t capabilities;
	int err;

	if (at <= 0)
		return at ? at : TLPB_ERR_UNSUPPORTED;
	err = tlpb_rc_config_read(rc, bdf, (unsigned)at + DEVCAP2, 4, &capabilities);
	if (err)
		return err;
	if (!(capabilities & COMPLETER_10BIT))
		return TLPB_ERR_UNSUPPORTED;
	rc->tags.first = TAGS_10BIT_FIRST;
	rc->tags.limit = TAGS_MAX;
	return capabilities & REQUESTER_10BIT ? enable_requester(rc, bdf, (unsigned)at + DEVCTL2) : 0;
}

enum {
	EXTENDED = 0x100, EXTENDED_MAX = (0x1000 - EXTENDED) / 8, ID_AER = 1,
	AER_CONTROL = 24, GENERATE_CAPABLE = 1 << 5, CHECK_CAPABLE = 1 << 7,
};

/* 0: not there, or s->err. Bounded: the list is the device's. */
static unsigned find_aer(struct session *s)
{
	unsigned at = EXTENDED;

	for (unsigned i = 0; i < EXTENDED_MAX && at >= EXTENDED; i++) {
		uint32_t head = read32(s, at);

		if (s->err || !head || head == UINT32_MAX)
			return 0;
		if ((head & 0xffff) == ID_AER)
			return at;
		at = head >> 20 & 0xffc;
	}
	return 0;
}

/* The enables are next to what they enable. */
int tlpb_rc_enable_ecrc(tlpb_rc *rc, uint16_t bdf)
{
	struct session s = { rc, bdf, 0 };
	uint32_t control, capable = 0;
	unsigned at;

	tlpb__rc_enter(rc);
	at = find_aer(&s);
	if (at) {
		control = read32(&s, at + AER_CONTROL);
		capable = control & (GENERATE_CAPABLE | CHECK_CAPABLE);
		write_config(&s, at + AER_CONTROL, 4, control | capable << 1);
	}
	tlpb__rc_leave(rc);
	if (s.err)
		return s.err;
	return capable ? 0 : TLPB_ERR_UNSUPPORTED;
}
