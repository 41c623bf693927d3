/* SPDX-License-Identifier: MIT */
/*
 * Error injection (inject.h) at the device's end of a server that runs: asked at its lobby, whether
 * or not a host has the device. The server must allow it (tlpb_server_config.allow_inject).
 *
 * Threads: tlpb_inject_ask() blocks the calling thread.
 */
#ifndef TLPBRIDGE_INJECT_ASK_H
#define TLPBRIDGE_INJECT_ASK_H

#include <stddef.h>

#include <tlpbridge/inject.h>
#include <tlpbridge/rc.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tlpb_inject_what {
	TLPB_INJECT_LIST,	/* change nothing */
	TLPB_INJECT_ADD,	/* behind those that are there */
	TLPB_INJECT_CLEAR,	/* remove all; what they hold back is lost */
};

/*
 * Ask the server at config->url about its device config->device (NULL: its only one); also used:
 * connect_timeout_ms, ops->cancelled and ctx, and what is needed to reach the URL. rules is for
 * TLPB_INJECT_ADD, at most 799 bytes at once, else NULL. Blocks until there is an answer; *list then
 * has the rules that are in force.
 *
 * Returns 0 or a negative error with cause and cure in why: TLPB_ERR_ACCESS (the server does not
 * allow it), TLPB_ERR_INVALID and TLPB_ERR_TOO_LARGE (the rules, as tlpb_inject_check() has it),
 * TLPB_ERR_REFUSED (no such device; no room for these rules beside those that are there),
 * TLPB_ERR_UNSUPPORTED (a server of before INJECT), or what tlpb_rc_connect() returns of servers
 * that cannot be reached. No rule is added then.
 */
int tlpb_inject_ask(const struct tlpb_rc_config *config, enum tlpb_inject_what what,
		    const char *rules, struct tlpb_inject_list *list, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
