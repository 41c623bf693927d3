/* SPDX-License-Identifier: MIT */
/* Socket files: who listens there, and what may be deleted. Blocks for a second at most. */
#ifndef TLPB_IPC_PATH_H
#define TLPB_IPC_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Does a process listen at the path, by what the kernel knows? */
bool tlpb__ipc_has_listener(const char *path);

/*
 * Make room to listen: a dead socket is deleted, and those of private links that a killed
 * server left; nng would silently delete whatever is there. Returns 0, or TLPB_ERR_BUSY
 * with cause and cure in why for a live socket or any other file.
 */
int tlpb__ipc_clear(const char *path, char *why, size_t size);

#endif
