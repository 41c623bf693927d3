/* SPDX-License-Identifier: MIT */
/*
 * Layer 2: do two processes share a machine, so that one can open a descriptor of the other? It does so
 * by /proc/PID/fd/N: that needs neither a name in a file system, which a killed process would
 * leave behind, nor a socket of a certain kind.
 */
#ifndef TLPB_NEIGHBOUR_H
#define TLPB_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLACE_MAX = 96 };

/* Where this process runs: the same text in every process that sees the same PIDs; "": cannot be known. */
void tlpb__neighbour_place(char text[PLACE_MAX]);

/*
 * Opens the peer's descriptor for reading and writing, if it is in such a process: of a memory file with
 * at least so many bytes, which is sealed, so that nobody can shrink it under a mapping. Whose
 * descriptor that is cannot be known: the caller checks what is in the file. The new descriptor, or
 * -1 and the reason in why.
 */
int tlpb__neighbour_open(const char *place, uint32_t pid, uint32_t fd, uint64_t bytes, char *why, size_t size);

#endif
