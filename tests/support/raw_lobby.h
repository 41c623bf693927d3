/* SPDX-License-Identifier: MIT */
/* A host made by hand that talks to a lobby: any bytes in, the answer out. */
#ifndef TLPB_TEST_RAW_LOBBY_H
#define TLPB_TEST_RAW_LOBBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

struct lobby_answer {
	uint16_t kind;		/* 0: none */
	struct grant grant;
	struct refuse refuse;
};

/* Send a message of these bytes and wait for the answer. */
struct lobby_answer raw_ask(const char *url, const void *message, size_t len);

/* A JOIN to change before it is sent. */
struct join raw_join(const char *device, uint8_t token);
struct lobby_answer raw_send_join(const char *url, const struct join *join);

/* The same in steps, for a host that stays in the lobby, or leaves before it is answered. */
int raw_visit(const char *url);
int raw_try_visit(const char *url);	/* -1: it has no room for the moment */
void raw_say(int visit, const void *message, size_t len);
void raw_say_join(int visit, const struct join *join);
struct lobby_answer raw_hear(int visit);
void raw_leave(int visit);
struct lobby_answer raw_join_and_stay(const char *url, const struct join *join, int *visit);

#endif
