/* SPDX-License-Identifier: MIT */
/* Socket files: what may be deleted. Does not block. */
#ifndef TLPB_IPC_PATH_H
#define TLPB_IPC_PATH_H

#include <stddef.h>

/*
 * Make room to listen: a dead socket is deleted, and those of private links that a killed
 * server left. Returns 0, or TLPB_ERR_BUSY with cause and cure in why for a live socket or any
 * other file.
 */
int tlpb__ipc_clear(const char *path, char *why, size_t size);

#endif
