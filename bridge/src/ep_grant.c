/* SPDX-License-Identifier: MIT */
/* Direct DMA, the endpoint's side: which host memory its functions may reach. */
#include "ep_private.h"

bool tlpb_ep_window(tlpb_ep *ep, unsigned function, uint64_t addr, struct tlpb_ep_window *window)
{
	(void)ep;
	(void)function;
	(void)addr;
	(void)window;
	return false;
}

void tlpb_ep_get_direct_stats(const tlpb_ep *ep, struct tlpb_ep_direct_stats *stats)
{
	(void)ep;
	*stats = (struct tlpb_ep_direct_stats){ 0 };
}
