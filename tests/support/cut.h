/* SPDX-License-Identifier: MIT */
/* A transport that can be cut, as if its process had been killed. */
#ifndef TLPB_TEST_CUT_H
#define TLPB_TEST_CUT_H

#include "transport.h"

/* Takes inner over. Never NULL. */
struct transport *cut_new(struct transport *inner);

/* From its owner's thread: both sides see the other one gone. */
void cut_now(struct transport *t);

#endif
