/* SPDX-License-Identifier: MIT */
/* The extended capabilities of an endpoint's function (7.8, 7.9, 9.3.3), as tables. */
#include "bytes.h"
#include "config_layout.h"

/* ---- Advanced Error Reporting (7.8.4) ---- */

enum {
	/* Those that an endpoint detects, protocol errors of its link and internal ones included. */
	AER_UNCORRECTABLE = 1 << 4 | 0x7f << 12 | 1 << 20 | 1 << 22,
	AER_ECRC_ERROR = 1 << 19,
	AER_INTERNAL_ERROR = 1 << 22,
	AER_SEVERITY_DEFAULT = 0x00462030,
	AER_CORRECTABLE = 0x71c1,
	AER_CORRECTABLE_MASK_DEFAULT = 1 << 13 | 1 << 14,	/* advisory, internal */
	ECRC_CAPABLE = 1 << 5 | 1 << 7,
};

static bool has_aer(const struct tlpb_device *d)
{
	return d->has & TLPB_HAS_AER;
}

static uint32_t uncorrectable(const struct config_space *c)
{
	return AER_UNCORRECTABLE | (c->device.has & TLPB_HAS_ECRC ? AER_ECRC_ERROR : 0);
}

static void aer_status(const struct config_space *c, struct config_bits *bits)
{
	bits->w1c = bits->sticky = uncorrectable(c);
}

static void aer_mask(const struct config_space *c, struct config_bits *bits)
{
	bits->rw = bits->sticky = uncorrectable(c);
}

static void aer_control(const struct config_space *c, struct config_bits *bits)
{
	if (!(c->device.has & TLPB_HAS_ECRC))
		return;
	bits->value = ECRC_CAPABLE;
	bits->rw = AER_ECRC_GENERATE | AER_ECRC_CHECK;
	bits->sticky |= bits->rw;
}

static const struct config_register aer[] = {
	R(AER_UNCORRECTABLE_STATUS, 4, .fit = aer_status),
	R(AER_UNCORRECTABLE_MASK, 4, .fit = aer_mask, .bits.value = AER_INTERNAL_ERROR),
	R(AER_SEVERITY, 4, .fit = aer_mask, .bits.value = AER_SEVERITY_DEFAULT),
	R(AER_CORRECTABLE_STATUS, 4, .bits.w1c = AER_CORRECTABLE, .bits.sticky = AER_CORRECTABLE),
	R(AER_CORRECTABLE_MASK, 4, .bits.value = AER_CORRECTABLE_MASK_DEFAULT,
	  .bits.rw = AER_CORRECTABLE, .bits.sticky = AER_CORRECTABLE),
	R(AER_CONTROL, 4, .fit = aer_control, .bits.sticky = AER_FIRST_ERROR),
	R(AER_HEADER_LOG, 4, .bits.sticky = 0xffffffff),
	R(AER_HEADER_LOG + 4, 4, .bits.sticky = 0xffffffff),
	R(AER_HEADER_LOG + 8, 4, .bits.sticky = 0xffffffff),
	R(AER_HEADER_LOG + 12, 4, .bits.sticky = 0xffffffff),
};

/* ---- Device Serial Number (7.9.3) ---- */

static bool has_serial_number(const struct tlpb_device *d)
{
	return d->serial_number != 0;
}

FIT_VALUE(serial_low, (uint32_t)c->device.serial_number)
FIT_VALUE(serial_high, (uint32_t)(c->device.serial_number >> 32))

static const struct config_register serial_number[] = {
	R(4, 4, .fit = serial_low),
	R(8, 4, .fit = serial_high),
};

/* ---- ARI (7.8.8): the next function's number comes from tlpb__config_set_function() ---- */

static bool has_ari(const struct tlpb_device *d)
{
	return d->has & TLPB_HAS_ARI;
}

static const struct config_register ari[] = {
	R(4, 2),
	R(6, 2),
};

/* ---- Latency Tolerance Reporting (7.8.2) ---- */

static bool has_ltr(const struct tlpb_device *d)
{
	return d->has & TLPB_HAS_LTR;
}

static const struct config_register ltr[] = {
	R(4, 2, .bits.rw = 0x1fff),
	R(6, 2, .bits.rw = 0x1fff),
};

/* ---- Resizable BAR (7.8.6) ---- */

enum { SIZE_SHIFT = 8, SIZE_BITS = 0x3f << SIZE_SHIFT, BAR_INDEX = 7, COUNT_SHIFT = 5 };

static unsigned resizable_bars(const struct tlpb_device *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TLPB_BARS; i++)
		n += d->resizable[i] != 0;
	return n;
}

static bool has_resizable(const struct tlpb_device *d)
{
	return resizable_bars(d) != 0;
}

/* The index of the nth resizable BAR; TLPB_BARS: there are fewer. */
static unsigned resizable_bar(const struct tlpb_device *d, unsigned n)
{
	unsigned i;

	for (i = 0; i < TLPB_BARS; i++)
		if (d->resizable[i] && !n--)
			break;
	return i;
}

static unsigned size_code(uint64_t size)
{
	unsigned code = 0;

	while (size > UINT64_C(1) << 20) {
		size >>= 1;
		code++;
	}
	return code;
}

static void fit_sizes(const struct config_space *c, unsigned n, struct config_bits *bits)
{
	unsigned i = resizable_bar(&c->device, n);

	if (i < TLPB_BARS)
		bits->value = c->device.resizable[i] << 4;
}

static void fit_size(const struct config_space *c, unsigned n, struct config_bits *bits)
{
	unsigned i = resizable_bar(&c->device, n);

	if (i == TLPB_BARS)
		return;
	bits->value = i | size_code(c->device.region[i].size) << SIZE_SHIFT |
		      (n ? 0 : resizable_bars(&c->device) << COUNT_SHIFT);
	bits->rw = SIZE_BITS;
}

/* A size that the device does not have is not taken. */
static unsigned size_written(struct config_space *c, unsigned at, uint32_t before, uint32_t written)
{
	uint32_t control = get_le32(c->value + at);
	unsigned bar = control & BAR_INDEX, code = (control & SIZE_BITS) >> SIZE_SHIFT;

	if (code > 27 || bar >= TLPB_BARS || !(c->device.resizable[bar] >> code & 1))
		put_le32(c->value + at, before);
	tlpb__config_fit_bars(c);
	return 0;
}

#define FIT_RESIZABLE(n)                                                                \
	static void sizes##n(const struct config_space *c, struct config_bits *bits)    \
	{                                                                               \
		fit_sizes(c, n, bits);                                                  \
	}                                                                               \
	static void size##n(const struct config_space *c, struct config_bits *bits)     \
	{                                                                               \
		fit_size(c, n, bits);                                                   \
	}
FIT_RESIZABLE(0) FIT_RESIZABLE(1) FIT_RESIZABLE(2)
FIT_RESIZABLE(3) FIT_RESIZABLE(4) FIT_RESIZABLE(5)

#define RESIZABLE(n)                                                                    \
	R(REBAR_CAPABILITY + REBAR_STRIDE * (n), 4, .fit = sizes##n),                   \
	R(REBAR_CONTROL + REBAR_STRIDE * (n), 4, .fit = size##n, .written = size_written)

static const struct config_register resizable[] = {
	RESIZABLE(0), RESIZABLE(1), RESIZABLE(2), RESIZABLE(3), RESIZABLE(4), RESIZABLE(5),
};

/* ---- Single Root I/O Virtualization (9.3.3) ---- */

enum { PAGE_SIZES = 0x553 };		/* those that all must support */

static bool has_sriov(const struct tlpb_device *d)
{
	return d->sriov.vfs != 0;
}

FIT_VALUE(sriov_capabilities, c->device.has & TLPB_HAS_TAGS_10BIT ? 1 << 2 : 0)
FIT_VALUE(sriov_vfs, c->device.sriov.vfs)
FIT_VALUE(sriov_offset, c->device.sriov.offset)
FIT_VALUE(sriov_stride, c->device.sriov.stride)
FIT_VALUE(sriov_device_id, c->device.sriov.device_id)

static void sriov_control(const struct config_space *c, struct config_bits *bits)
{
	bits->rw = SRIOV_VF_ENABLE | SRIOV_VF_MEMORY |
		   (c->device.has & TLPB_HAS_ARI ? SRIOV_ARI_HIERARCHY : 0);
}

static unsigned sriov_control_written(struct config_space *c, unsigned at, uint32_t before,
				      uint32_t written)
{
	return (get_le32(c->value + at) ^ before) & SRIOV_VF_ENABLE ? CONFIG_VFS : 0;
}

/* NumVFs stays while there are VFs, and is not more than there can be. */
static unsigned num_vfs_written(struct config_space *c, unsigned at, uint32_t before,
				uint32_t written)
{
	bool enabled = c->value[c->at[PART_SRIOV] + SRIOV_CONTROL] & SRIOV_VF_ENABLE;

	if (enabled || get_le16(c->value + at) > c->device.sriov.vfs)
		put_le16(c->value + at, (uint16_t)before);
	return 0;
}

/* Exactly one supported size; not while there are VFs. */
static unsigned page_size_written(struct config_space *c, unsigned at, uint32_t before,
				  uint32_t written)
{
	bool enabled = c->value[c->at[PART_SRIOV] + SRIOV_CONTROL] & SRIOV_VF_ENABLE;
	uint32_t size = get_le32(c->value + at);

	if (enabled || !size || size & (size - 1))
		put_le32(c->value + at, before);
	tlpb__config_fit_bars(c);
	return 0;
}

static void fit_vf_bar(const struct config_space *c, unsigned i, struct config_bits *bits)
{
	const struct tlpb_region *r = &c->device.sriov.region[i];

	if (r->size)
		tlpb__config_bar_bits(r, bits);
	else if (i && r[-1].size && r[-1].flags & TLPB_REGION_64BIT)
		bits->rw = (uint32_t)(~(r[-1].size - 1) >> 32);
}

#define FIT_VF_BAR(i)                                                                   \
	static void vf_bar##i(const struct config_space *c, struct config_bits *bits)   \
	{                                                                               \
		fit_vf_bar(c, i, bits);                                                 \
	}
FIT_VF_BAR(0) FIT_VF_BAR(1) FIT_VF_BAR(2) FIT_VF_BAR(3) FIT_VF_BAR(4) FIT_VF_BAR(5)

static const struct config_register sriov[] = {
	R(4, 4, .fit = sriov_capabilities),
	R(SRIOV_CONTROL, 2, .fit = sriov_control, .written = sriov_control_written),
	R(12, 2, .fit = sriov_vfs),				/* InitialVFs */
	R(14, 2, .fit = sriov_vfs),				/* TotalVFs */
	R(SRIOV_NUM_VFS, 2, .bits.rw = 0xffff, .written = num_vfs_written),
	R(20, 2, .fit = sriov_offset),
	R(22, 2, .fit = sriov_stride),
	R(26, 2, .fit = sriov_device_id),
	R(28, 4, .bits.value = PAGE_SIZES),
	R(SRIOV_PAGE_SIZE, 4, .bits.value = 1, .bits.rw = PAGE_SIZES,
	  .written = page_size_written),
	R(SRIOV_BAR0, 4, .fit = vf_bar0),
	R(SRIOV_BAR0 + 4, 4, .fit = vf_bar1),
	R(SRIOV_BAR0 + 8, 4, .fit = vf_bar2),
	R(SRIOV_BAR0 + 12, 4, .fit = vf_bar3),
	R(SRIOV_BAR0 + 16, 4, .fit = vf_bar4),
	R(SRIOV_BAR0 + 20, 4, .fit = vf_bar5),
};

/* ---- all ---- */

const struct config_capability tlpb__config_extended[] = {
	{ .part = PART_AER, .id = 0x01, .version = 2, .size = 72, .there = has_aer, .in_vf = true,
	  REGISTERS(aer) },
	{ .part = PART_SERIAL_NUMBER, .id = 0x03, .version = 1, .size = 12,
	  .there = has_serial_number, REGISTERS(serial_number) },
	{ .part = PART_ARI, .id = 0x0e, .version = 1, .size = 8, .there = has_ari, .in_vf = true,
	  REGISTERS(ari) },
	{ .part = PART_LTR, .id = 0x18, .version = 1, .size = 8, .there = has_ltr, REGISTERS(ltr) },
	{ .part = PART_RESIZABLE_BAR, .id = 0x15, .version = 1, .size = 52,
	  .there = has_resizable, REGISTERS(resizable) },
	{ .part = PART_SRIOV, .id = 0x10, .version = 1, .size = 64, .there = has_sriov,
	  REGISTERS(sriov) },
};

const unsigned tlpb__config_extended_count = COUNT(tlpb__config_extended);

/* ---- sizes that change ---- */

/* The address bits that a BAR's new size does not leave writable become 0. */
static void set_bar(struct config_space *c, unsigned at, const struct tlpb_region *r)
{
	struct config_bits bits = { 0 };
	uint32_t high = (uint32_t)(~(r->size - 1) >> 32);

	tlpb__config_bar_bits(r, &bits);
	put_le32(c->writable + at, bits.rw);
	put_le32(c->value + at, (get_le32(c->value + at) & bits.rw) | bits.value);
	if (!(r->flags & TLPB_REGION_64BIT))
		return;
	put_le32(c->writable + at + 4, high);
	put_le32(c->value + at + 4, get_le32(c->value + at + 4) & high);
}

static void fit_resizable(struct config_space *c, unsigned n)
{
	unsigned i = resizable_bar(&c->device, n);
	unsigned control = c->at[PART_RESIZABLE_BAR] + REBAR_CONTROL + REBAR_STRIDE * n;
	unsigned code = (get_le32(c->value + control) & SIZE_BITS) >> SIZE_SHIFT;

	c->device.region[i].size = UINT64_C(1) << (20 + code);
	set_bar(c, CFG_BAR0 + 4 * i, &c->device.region[i]);
}

static void fit_apertures(struct config_space *c)
{
	for (unsigned i = 0; i < TLPB_BARS; i++) {
		struct tlpb_region r = c->device.sriov.region[i];

		if (!r.size)
			continue;
		r.size = tlpb__config_vf_aperture(c, i);
		set_bar(c, c->at[PART_SRIOV] + SRIOV_BAR0 + 4 * i, &r);
	}
}

void tlpb__config_fit_bars(struct config_space *c)
{
	if (c->at[PART_RESIZABLE_BAR])
		for (unsigned n = 0; n < resizable_bars(&c->device); n++)
			fit_resizable(c, n);
	if (c->at[PART_SRIOV])
		fit_apertures(c);
}
