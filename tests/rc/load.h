/* SPDX-License-Identifier: MIT */
/* Traffic of all kinds on the link of host.h, for tests in which something dies under it. */
#ifndef TLPB_TEST_RC_LOAD_H
#define TLPB_TEST_RC_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Do one thing that n chooses: writes, reads, DMA with an interrupt, or a read that does
 * DMA before it completes. Serves the link meanwhile. False: the link is down. What ends
 * any other way than it should fails the test.
 */
bool load_step(uint32_t n);

#endif
