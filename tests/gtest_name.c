/* SPDX-License-Identifier: MIT */
/* Apart from main(), for helpers of tests that programs without tests use, too. */
#include "gtest.h"

static const char *running = "";

const char *gt_name(void)
{
	return running;
}

void gt_set_name(const char *name)
{
	running = name;
}
