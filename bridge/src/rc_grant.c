/* SPDX-License-Identifier: MIT */
/* Direct DMA, the host's side: what is granted to the device. */
#include "rc_private.h"

bool tlpb_rc_takes_grants(const tlpb_rc *rc)
{
	(void)rc;
	return false;
}

int tlpb_rc_grant(tlpb_rc *rc, const struct tlpb_rc_grant *grant)
{
	(void)rc;
	(void)grant;
	return TLPB_ERR_UNSUPPORTED;
}

int tlpb_rc_revoke(tlpb_rc *rc, unsigned function, uint64_t addr, uint64_t len)
{
	(void)rc;
	(void)function;
	(void)addr;
	(void)len;
	return 0;
}
