/* SPDX-License-Identifier: MIT */
/*
 * nng takes any key with any certificate: the server would listen, and each of its hosts fail in the
 * handshake for a reason that points at the host. So mbed TLS, which does nng's TLS, is asked.
 */
#include "tls_key.h"

#include <string.h>

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

/* mbed TLS wants the terminating zero counted. */
static bool parse(mbedtls_x509_crt *crt, mbedtls_pk_context *pk, const char *cert, const char *key)
{
	return mbedtls_x509_crt_parse(crt, (const unsigned char *)cert, strlen(cert) + 1) >= 0 &&
	       mbedtls_pk_parse_key(pk, (const unsigned char *)key, strlen(key) + 1, NULL, 0) == 0;
}

bool tlpb__tls_key_fits(const char *cert, const char *key)
{
	mbedtls_x509_crt crt;
	mbedtls_pk_context pk;
	bool fits;

	mbedtls_x509_crt_init(&crt);
	mbedtls_pk_init(&pk);
	fits = parse(&crt, &pk, cert, key) && mbedtls_pk_check_pair(&crt.pk, &pk) == 0;
	mbedtls_pk_free(&pk);
	mbedtls_x509_crt_free(&crt);
	return fits;
}
