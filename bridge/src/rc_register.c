/* SPDX-License-Identifier: MIT */
/* Accesses to registers: configuration and I/O, one doubleword at most. */
#include "bytes.h"
#include "rc_private.h"

static bool size_ok(unsigned size)
{
	return size == 1 || size == 2 || size == 4;
}

static bool config_access_ok(unsigned offset, unsigned size)
{
	return offset < 4096 && size_ok(size) && (offset & 3) + size <= 4;
}

static struct rc_access reader(tlpb_rc *rc, enum tlpb_tlp_kind kind, uint64_t addr, unsigned size,
			       uint32_t *value)
{
	*value = UINT32_MAX;
	return (struct rc_access){ .rc = rc, .kind = kind, .addr = addr, .len = size, .value = value };
}

static struct rc_access writer(tlpb_rc *rc, enum tlpb_tlp_kind kind, uint64_t addr, unsigned size,
			       uint32_t value)
{
	struct rc_access a = { .rc = rc, .kind = kind, .addr = addr, .len = size };

	put_le32(a.bytes, value);
	return a;
}

int tlpb_rc_config_read(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size, uint32_t *value)
{
	struct rc_access a = reader(rc, TLPB_CFGRD0, offset, size, value);

	a.bdf = bdf;
	return config_access_ok(offset, size) ? tlpb__rc_access_run(&a) : TLPB_ERR_INVALID;
}

int tlpb_rc_config_write(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size, uint32_t value)
{
	struct rc_access a = writer(rc, TLPB_CFGWR0, offset, size, value);

	a.bdf = bdf;
	return config_access_ok(offset, size) ? tlpb__rc_access_run(&a) : TLPB_ERR_INVALID;
}

int tlpb_rc_io_read(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t *value)
{
	struct rc_access a = reader(rc, TLPB_IORD, addr, size, value);

	return size_ok(size) ? tlpb__rc_access_run(&a) : TLPB_ERR_INVALID;
}

int tlpb_rc_io_write(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t value)
{
	struct rc_access a = writer(rc, TLPB_IOWR, addr, size, value);

	return size_ok(size) ? tlpb__rc_access_run(&a) : TLPB_ERR_INVALID;
}

int tlpb_rc_config_read_async(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size,
			      uint32_t *value, tlpb_rc_done *done, void *arg)
{
	struct rc_access a = reader(rc, TLPB_CFGRD0, offset, size, value);

	a.bdf = bdf;
	return config_access_ok(offset, size) ? tlpb__rc_access_later(&a, done, arg) : TLPB_ERR_INVALID;
}

int tlpb_rc_config_write_async(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size,
			       uint32_t value, tlpb_rc_done *done, void *arg)
{
	struct rc_access a = writer(rc, TLPB_CFGWR0, offset, size, value);

	a.bdf = bdf;
	return config_access_ok(offset, size) ? tlpb__rc_access_later(&a, done, arg) : TLPB_ERR_INVALID;
}

int tlpb_rc_io_read_async(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t *value,
			  tlpb_rc_done *done, void *arg)
{
	struct rc_access a = reader(rc, TLPB_IORD, addr, size, value);

	return size_ok(size) ? tlpb__rc_access_later(&a, done, arg) : TLPB_ERR_INVALID;
}

int tlpb_rc_io_write_async(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t value,
			   tlpb_rc_done *done, void *arg)
{
	struct rc_access a = writer(rc, TLPB_IOWR, addr, size, value);

	return size_ok(size) ? tlpb__rc_access_later(&a, done, arg) : TLPB_ERR_INVALID;
}
