/* SPDX-License-Identifier: MIT */
/*
 * Certificates made by the commands of docs/transports.md, once a program, in a directory of the
 * build that goes when the program ends, unless it is killed. There are two authorities that
 * know nothing of each other.
 */
#ifndef TLPB_TEST_CERTIFICATES_H
#define TLPB_TEST_CERTIFICATES_H

enum authority { OURS, THEIRS };

/* The path of a file that the commands make: "ca.pem", "localhost.key", "qemu.pem", … */
const char *certificate(enum authority authority, const char *name);

#endif
