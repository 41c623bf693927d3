/* SPDX-License-Identifier: MIT */
/* A server over each transport that has processes at its ends, for tests that run over each. */
#ifndef TLPB_TEST_RC_OVER_H
#define TLPB_TEST_RC_OVER_H

#include "certificates.h"
#include "host.h"

/* The last one has no lobby: one device, for one host, which is this process. */
enum over { OVER_IPC, OVER_TCP, OVER_TLS, OVER_FD, OVERS };

const char *over_name(enum over over);

/*
 * Start a server with this many endpoint-test devices. Its URL for hosts; for OVER_TLS they
 * are made to trust it.
 */
const char *serve_over(enum over over, unsigned devices, struct process **server);

/* Hosts trust servers of one authority, and show a certificate of the other (or the same). */
void trust(enum authority ca, enum authority own);

#endif
