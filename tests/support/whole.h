/* SPDX-License-Identifier: MIT */
/*
 * Rings give several messages in one piece, and tell by their descriptor only when they are armed: links know of both.
 * For tests that do not, a transport around one that gives messages whole again, empty ones too, and is armed and
 * wakes after each call.
 */
#ifndef TLPB_TEST_WHOLE_H
#define TLPB_TEST_WHOLE_H

#include "transport.h"

enum { WHOLE_BYTES = 4 };	/* that each message is longer inside */

/* Takes inner over. Never NULL. */
struct transport *whole_new(struct transport *inner);

#endif
