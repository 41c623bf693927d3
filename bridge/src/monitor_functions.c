/* SPDX-License-Identifier: MIT */
#include "monitor_functions.h"

#include <stdlib.h>

enum {
	PM_CONTROL = 4,
	PCIE_DEVCTL = 8, PCIE_DEVCTL2 = 0x28,
	DEVCTL_EXTENDED_TAG = 1 << 8, DEVCTL_FLR = 1 << 15, DEVCTL2_TAGS_10BIT = 1 << 12,
	SRIOV_CONTROL = 0x08, SRIOV_VF_ENABLE = 1 << 0, SRIOV_TOTAL_VFS = 0x0e,
	SRIOV_OFFSET = 0x14, SRIOV_STRIDE = 0x16,
	ALL_TAGS = 1024, EXTENDED = 0x100,
};

void tlpb__seen_free(struct monitor_functions *f)
{
	for (unsigned i = 0; i < MONITOR_FUNCTIONS; i++)
		free(f->space[i]);
}

static unsigned number_of(uint16_t id)
{
	return id & 0xff;
}

static void turn_off(struct monitor_space *s)
{
	tlpb__space_learn(s, SPACE_COMMAND, 3, 0);
}

/* NULL: out of memory; then nothing is known of it, as before. */
static struct monitor_space *space_of(struct monitor_functions *f, unsigned number)
{
	if (f->space[number])
		return f->space[number];
	f->space[number] = calloc(1, sizeof *f->space[number]);
	if (f->space[number] && f->off_at_first)
		turn_off(f->space[number]);
	return f->space[number];
}

/* ---- virtual functions ---- */

/* May the function be a VF of that PF, by what is known of the PF's registers? */
static bool is_vf_of(const struct monitor_space *pf, unsigned pf_number, unsigned number)
{
	unsigned at = tlpb__space_extended(pf, SPACE_CAP_SRIOV), total, offset, stride, distance;

	if (!at || !tlpb__space_word(pf, at + SRIOV_TOTAL_VFS, &total) ||
	    !tlpb__space_word(pf, at + SRIOV_OFFSET, &offset) ||
	    !tlpb__space_word(pf, at + SRIOV_STRIDE, &stride) || number < pf_number + offset)
		return false;
	distance = number - pf_number - offset;
	if (!distance || !stride)
		return !distance && total;
	return !(distance % stride) && distance / stride < total;
}

/* Whose Device Control holds for the function. */
static const struct monitor_space *controller(const struct monitor_functions *f, unsigned number)
{
	for (unsigned i = 0; i < MONITOR_FUNCTIONS; i++)
		if (i != number && f->space[i] && is_vf_of(f->space[i], i, number))
			return f->space[i];
	return f->space[number];
}

/* They are gone; what they are like when they come back nobody has seen. */
static void forget_vfs(struct monitor_functions *f, unsigned pf)
{
	for (unsigned i = 0; i < MONITOR_FUNCTIONS; i++)
		if (i != pf && f->space[i] && is_vf_of(f->space[pf], pf, i))
			tlpb__space_forget(f->space[i]);
}

/* ---- limits ---- */

static bool capability_word(const struct monitor_space *s, unsigned cap, unsigned offset,
			    unsigned *value)
{
	unsigned at = tlpb__space_capability(s, cap);

	return at && tlpb__space_word(s, at + offset, value);
}

static void read_device_control(const struct monitor_space *s, struct function_limits *l)
{
	unsigned control, control2;

	if (!s || !capability_word(s, SPACE_CAP_PCIE, PCIE_DEVCTL, &control))
		return;
	l->mps = 128u << (control >> 5 & 7);
	l->mrrs = 128u << (control >> 12 & 7);
	l->tags = control & DEVCTL_EXTENDED_TAG ? 256 : 32;
	if (capability_word(s, SPACE_CAP_PCIE, PCIE_DEVCTL2, &control2) &&
	    control2 & DEVCTL2_TAGS_10BIT)
		l->tags = ALL_TAGS;
}

static struct function_limits find_limits(const struct monitor_functions *f, unsigned number)
{
	const struct monitor_space *s = f->space[number];
	struct function_limits l = { .bus_master = !f->off_at_first, .mps = TLPB_MAX_PAYLOAD,
				     .mrrs = TLPB_MAX_PAYLOAD, .tags = ALL_TAGS };
	unsigned value;

	if (s) {
		l.bus_master = !tlpb__space_word(s, SPACE_COMMAND, &value) ||
			       value & SPACE_COMMAND_BUS_MASTER;
		if (capability_word(s, SPACE_CAP_PM, PM_CONTROL, &value))
			l.d_state = value & 3;
	}
	read_device_control(controller(f, number), &l);
	return l;
}

const struct function_limits *tlpb__seen_limits(struct monitor_functions *f, uint16_t id)
{
	uint8_t number = (uint8_t)number_of(id);

	if (!f->fresh || f->limited != number)
		f->limits = find_limits(f, number);
	f->limited = number;
	f->fresh = true;
	return &f->limits;
}

bool tlpb__seen_own(const struct monitor_functions *f, uint16_t id)
{
	return !f->has_bus || (id >> 8 == f->bus &&
			       (f->extended || f->devices >> (number_of(id) / 8) & 1));
}

/* ---- learning ---- */

static void learn(struct monitor_functions *f, const struct tlpb_tlp *request, uint32_t dw)
{
	unsigned number = number_of(request->dest_id);
	struct monitor_space *s = space_of(f, number);

	f->devices |= 1u << number / 8;
	f->fresh = false;
	if (s)
		tlpb__space_learn(s, request->reg_offset, request->first_be, dw);
}

void tlpb__seen_read(struct monitor_functions *f, const struct tlpb_tlp *request, uint32_t dw)
{
	learn(f, request, dw);
}

static bool starts_flr(const struct monitor_space *s, const struct tlpb_tlp *request, uint32_t dw)
{
	unsigned at = tlpb__space_capability(s, SPACE_CAP_PCIE);

	return at && request->reg_offset == at + PCIE_DEVCTL && request->first_be & 2 &&
	       dw & DEVCTL_FLR;
}

static bool ends_vfs(const struct monitor_space *s, const struct tlpb_tlp *request, uint32_t dw)
{
	unsigned at = tlpb__space_extended(s, SPACE_CAP_SRIOV);

	return at && request->reg_offset == at + SRIOV_CONTROL && request->first_be & 1 &&
	       !(dw & SRIOV_VF_ENABLE);
}

static void write_to(struct monitor_functions *f, const struct tlpb_tlp *request, uint32_t dw)
{
	unsigned number = number_of(request->dest_id);
	struct monitor_space *s = space_of(f, number);

	if (s && starts_flr(s, request, dw)) {	/* its completion is the last before the reset */
		forget_vfs(f, number);
		tlpb__space_forget(s);
		turn_off(s);
		return;
	}
	if (s && ends_vfs(s, request, dw))
		forget_vfs(f, number);
	learn(f, request, dw);
}

static bool is_tighter(const struct function_limits *now, const struct function_limits *before)
{
	return (before->bus_master && !now->bus_master) || (now->d_state && !before->d_state) ||
	       now->mps < before->mps || now->mrrs < before->mrrs || now->tags < before->tags;
}

bool tlpb__seen_written(struct monitor_functions *f, const struct tlpb_tlp *request, uint32_t dw)
{
	struct function_limits before = *tlpb__seen_limits(f, request->dest_id);

	f->has_bus = true;
	f->bus = (uint8_t)(request->dest_id >> 8);
	f->last = (uint8_t)number_of(request->dest_id);
	f->extended = f->extended || request->reg_offset >= EXTENDED;
	write_to(f, request, dw);
	f->fresh = false;
	return is_tighter(tlpb__seen_limits(f, request->dest_id), &before);
}

void tlpb__seen_reset(struct monitor_functions *f, bool known_off)
{
	f->has_bus = false;
	f->devices = 0;
	f->extended = false;
	f->off_at_first = known_off;
	f->fresh = false;
	for (unsigned i = 0; i < MONITOR_FUNCTIONS; i++) {
		if (!f->space[i])
			continue;
		tlpb__space_forget(f->space[i]);
		if (known_off)
			turn_off(f->space[i]);
	}
}
