/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a server share: its links (server.c), who gets one (server_join.c), and what is
 * told of them (server_answer.c).
 */
#ifndef TLPB_SERVER_PRIVATE_H
#define TLPB_SERVER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/server.h>

#include "ep_private.h"
#include "lobby.h"

enum { MAX_ENDPOINTS = 64 };

enum slot_state { SLOT_FREE, SLOT_GRANTED, SLOT_TAKEN };

struct slot {
	tlpb_ep *ep;
	enum slot_state state;
	uint8_t host_token[TLPB_TOKEN];
	char host[TEXT_MAX];
	struct grant grant;
	unsigned asker;		/* its host in the lobby; 0: an inherited link, which may take its time */
	int64_t granted_ms;
	int watched_fd;		/* of the link, in the epoll set; -1: none */
};

struct tlpb_server {
	struct url url;
	bool allow_inject;
	struct transport_security security;	/* owns its strings */
	struct lobby *lobby;			/* NULL: the link is inherited */
	struct transport *inherited;		/* waits for an endpoint */
	int epoll_fd;
	struct slot slot[MAX_ENDPOINTS];
	unsigned slots;
	uint16_t links;		/* given out so far */
	struct link_rings rings;
	enum tlpb_direct direct;
	unsigned quick_looks;	/* at rings alone, since all was looked at */
	bool rested;		/* rings had nothing for some time: the next wait sleeps */
};

/* server.c: the slot's link is another one, or has gone. */
void tlpb__server_watch(tlpb_server *s, struct slot *slot);

/* server_join.c: grants a device or refuses; and takes back what a host was granted and did not take. */
void tlpb__server_join(tlpb_server *s, const struct join *join);
void tlpb__server_free_abandoned(tlpb_server *s);

/* server_answer.c: has the lobby answer STATUS and INJECT. */
void tlpb__server_answer_questions(tlpb_server *s);

#endif
