/* SPDX-License-Identifier: MIT */
#ifndef TLPB_TLS_KEY_H
#define TLPB_TLS_KEY_H

#include <stdbool.h>

/*
 * Does the private key belong to the first certificate? Both are PEM texts; false, too, when one of
 * them cannot be parsed. Pure; any thread.
 */
bool tlpb__tls_key_fits(const char *cert, const char *key);

#endif
