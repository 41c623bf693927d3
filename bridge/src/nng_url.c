/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

#include "nng_url.h"
#include "tls_key.h"

enum { PEM_MAX = 1024 * 1024 };	/* bytes of a file of certificates */

static const struct transport_security no_security;

/* ---- TLS ---- */

static int read_pem(const char *what, const char *path, char **pem, char *why, size_t size)
{
	FILE *file;
	size_t len = 0;

	errno = 0;
	file = fopen(path, "re");
	*pem = calloc(1, PEM_MAX + 1);
	if (file && *pem)
		len = fread(*pem, 1, PEM_MAX, file);
	if (!len)
		snprintf(why, size, "cannot read %s=%s: %s", what, path,
			 errno ? strerror(errno) : "it is empty");
	if (file)
		fclose(file);
	return len ? 0 : TLPB_ERR_IO;
}

static void free_pem(char *pem)
{
	if (pem)
		explicit_bzero(pem, PEM_MAX);
	free(pem);
}

static int set_ca(nng_tls_config *tls, const struct transport_security *s, char *why, size_t size)
{
	char *ca = NULL;
	int err = read_pem("tls-ca", s->ca, &ca, why, size);

	if (!err && nng_tls_config_ca_chain(tls, ca, NULL)) {
		snprintf(why, size, "tls-ca=%s holds no certificate in PEM form", s->ca);
		err = TLPB_ERR_IO;
	}
	free_pem(ca);
	return err;
}

static int set_cert(nng_tls_config *tls, const struct transport_security *s, char *why, size_t size)
{
	char *cert = NULL, *key = NULL;
	int err = read_pem("tls-cert", s->cert, &cert, why, size);

	if (!err)
		err = read_pem("tls-key", s->key, &key, why, size);
	if (!err && nng_tls_config_own_cert(tls, cert, key, NULL)) {
		snprintf(why, size, "tls-cert=%s and tls-key=%s are not a certificate and its key, "
			 "unencrypted, in PEM form", s->cert, s->key);
		err = TLPB_ERR_IO;
	}
	if (!err && !tlpb__tls_key_fits(cert, key)) {
		snprintf(why, size, "tls-key=%s is not the key of the certificate tls-cert=%s", s->key,
			 s->cert);
		err = TLPB_ERR_INVALID;
	}
	free_pem(cert);
	free_pem(key);
	return err;
}

/* What must be given for TLS at all. */
static int check_files(const struct url *url, const struct transport_security *s, bool server,
		       char *why, size_t size)
{
	const char *missing = NULL;

	if (server && (!s->cert || !s->key))
		missing = "tls-cert and tls-key: the server's certificate and its key";
	else if (!server && !s->ca)
		missing = "tls-ca: the certificate that signed the server's";
	else if (!s->cert != !s->key)
		missing = s->cert ? "tls-key: the key of tls-cert" : "tls-cert: the certificate of tls-key";
	if (!missing)
		return 0;
	snprintf(why, size, "%s needs %s", url->text, missing);
	return TLPB_ERR_INVALID;
}

static int fill_tls(nng_tls_config *tls, const struct url *url, const struct transport_security *s,
		    bool server, enum tls_verify verify, char *why, size_t size)
{
	char host[URL_MAX];
	int err = check_files(url, s, server, why, size);

	if (!err && s->ca)
		err = set_ca(tls, s, why, size);
	if (!err && s->cert)
		err = set_cert(tls, s, why, size);
	if (err)
		return err;
	tlpb__url_bare_host(url, host, sizeof host);
	if (!server && verify == VERIFY_ALL)
		nng_tls_config_server_name(tls, s->server_name ? s->server_name : host);
	nng_tls_config_auth_mode(tls, s->ca && verify != VERIFY_NOTHING ?
					      NNG_TLS_AUTH_MODE_REQUIRED : NNG_TLS_AUTH_MODE_NONE);
	return 0;
}

/* The caller frees it: listeners and dialers hold it, too. */
static int make_tls(const struct url *url, const struct transport_security *s, bool server,
		    enum tls_verify verify, nng_tls_config **tls, char *why, size_t size)
{
	int err;

	if (nng_tls_config_alloc(tls, server ? NNG_TLS_MODE_SERVER : NNG_TLS_MODE_CLIENT)) {
		snprintf(why, size, "this nng was built without TLS");
		return TLPB_ERR_UNSUPPORTED;
	}
	err = fill_tls(*tls, url, s ? s : &no_security, server, verify, why, size);
	if (err)
		nng_tls_config_free(*tls);
	return err;
}

/* ---- sockets of nng: plain ---- */

static int start_listener(nng_socket socket, const struct url *url, nng_listener *listener)
{
	int err = nng_listener_create(listener, socket, url->text);

	if (err)
		return err;
	if (url->kind == URL_IPC)
		err = nng_listener_set_int(*listener, NNG_OPT_IPC_PERMISSIONS, S_IRUSR | S_IWUSR);
	if (!err)
		err = nng_listener_start(*listener, 0);
	if (err)
		nng_listener_close(*listener);
	return err;
}

int tlpb__nng_listen(nng_socket socket, struct url *url, const struct transport_security *security,
		     nng_listener *listener, char *why, size_t size)
{
	int err = tlpb__url_check_exposure(url, security && security->plaintext, why, size);
	int nng_err, port;

	if (err)
		return err;
	nng_err = start_listener(socket, url, listener);
	if (nng_err) {
		snprintf(why, size, "cannot listen at %s: %s", url->text, nng_strerror(nng_err));
		return TLPB_ERR_IO;
	}
	if (url->kind == URL_TCP && !nng_listener_get_int(*listener, NNG_OPT_TCP_BOUND_PORT, &port))
		tlpb__url_set_port(url, (unsigned)port);
	return 0;
}

int tlpb__nng_dial(nng_socket socket, const struct url *url,
		   const struct transport_security *security, enum tls_verify verify, int flags,
		   nng_dialer *dialer, char *why, size_t size)
{
	int err = tlpb__url_check_exposure(url, security && security->plaintext, why, size);
	int nng_err;

	if (err)
		return err;
	nng_err = nng_dial(socket, url->text, dialer, flags);
	if (!nng_err)
		return 0;
	snprintf(why, size, "cannot connect to %s: %s", url->text, nng_strerror(nng_err));
	return TLPB_ERR_IO;
}

/* ---- streams over TLS ---- */

int tlpb__nng_stream_listen(struct url *url, const struct transport_security *security,
			    nng_stream_listener **listener, char *why, size_t size)
{
	nng_tls_config *tls;
	int err = make_tls(url, security, true, VERIFY_ALL, &tls, why, size);
	int nng_err, port;

	if (err)
		return err;
	nng_err = nng_stream_listener_alloc(listener, url->text);
	if (!nng_err)
		nng_err = nng_stream_listener_set_ptr(*listener, NNG_OPT_TLS_CONFIG, tls);
	if (!nng_err)
		nng_err = nng_stream_listener_listen(*listener);
	if (!nng_err)
		nng_err = nng_stream_listener_get_int(*listener, NNG_OPT_TCP_BOUND_PORT, &port);
	nng_tls_config_free(tls);
	if (!nng_err) {
		tlpb__url_set_port(url, (unsigned)port);
		return 0;
	}
	if (*listener)
		nng_stream_listener_free(*listener);
	*listener = NULL;
	snprintf(why, size, "cannot listen at %s: %s", url->text, nng_err == NNG_EADDRINUSE ?
		 tlpb__url_in_use : nng_strerror(nng_err));
	return nng_err == NNG_EADDRINUSE ? TLPB_ERR_BUSY : TLPB_ERR_IO;
}

int tlpb__nng_stream_dialer(const struct url *url, const struct transport_security *security,
			    enum tls_verify verify, nng_stream_dialer **dialer,
			    char *why, size_t size)
{
	nng_tls_config *tls;
	int err = make_tls(url, security, false, verify, &tls, why, size);
	int nng_err;

	if (err)
		return err;
	nng_err = nng_stream_dialer_alloc(dialer, url->text);
	if (!nng_err)
		nng_err = nng_stream_dialer_set_ptr(*dialer, NNG_OPT_TLS_CONFIG, tls);
	nng_tls_config_free(tls);
	if (!nng_err)
		return 0;
	snprintf(why, size, "cannot connect to %s: %s", url->text, nng_strerror(nng_err));
	return TLPB_ERR_IO;
}

int tlpb__nng_stream_connect(nng_stream_dialer *dialer, int timeout_ms, nng_stream **stream)
{
	nng_aio *aio;
	int err = nng_aio_alloc(&aio, NULL, NULL);

	if (err)
		return err;
	nng_aio_set_timeout(aio, timeout_ms);
	nng_stream_dialer_dial(dialer, aio);
	nng_aio_wait(aio);
	err = nng_aio_result(aio);
	if (!err) {
		*stream = nng_aio_get_output(aio, 0);
		nng_stream_set_bool(*stream, NNG_OPT_TCP_NODELAY, true);	/* off in streams */
	}
	nng_aio_free(aio);
	return err;
}
